package access

import (
	"fmt"
	"io/fs"
	"slices"

	"github.com/snakectl/snakectl/internal/pool"
)

// Right is what a peer may be allowed to do.
type Right string

// The rights. None of Read and Exec contains the other; Admin contains both.
const (
	// Read is to look at everything: status, configuration, plans, logs.
	Read Right = "read"
	// Exec is to run commands on the workers.
	Exec Right = "exec"
	// Admin is to change what runs. Whoever has it can run any program as the user of
	// the supervisor, by applying a configuration.
	Admin Right = "admin"
)

// Peer is who is at the other end of a connection.
type Peer struct {
	// Known is false where the system does not tell. Such a peer is the owner: the mode
	// of the socket lets nobody else in.
	Known  bool
	UID    uint32
	Groups []uint32
}

// Policy says who may do what. It does not change; a new one replaces it. The
// owner and root may do everything.
type Policy struct {
	owner             uint32
	admin, read, exec grants
	// pools holds the grants of Exec for each pool that has its own.
	pools map[string]grants
}

// grants are the ids that a list names.
type grants []ID

func (g grants) include(peer Peer) bool {
	return slices.ContainsFunc(g, func(id ID) bool {
		if id.Group {
			return slices.Contains(peer.Groups, id.Number)
		}
		return id.Number == peer.UID
	})
}

// New returns the policy of a configuration for an instance of the owner; nil is
// the policy of no configuration. Entries that cannot be resolved let nobody in
// and are returned as problems.
func New(owner uint32, desired *pool.Desired) (*Policy, []error) {
	p := &Policy{owner: owner, pools: map[string]grants{}}
	if desired == nil || !Supported() {
		return p, nil
	}
	var problems []error
	resolve := func(what string, entries []string) grants {
		var out grants
		for _, entry := range entries {
			id, err := Resolve(entry)
			if err != nil {
				problems = append(problems, fmt.Errorf("%s: %w", what, err))
				continue
			}
			out = append(out, id)
		}
		return out
	}
	lists := desired.Settings.Access
	p.admin = resolve("settings.access.admin", lists.Admin)
	p.read = resolve("settings.access.read", lists.Read)
	p.exec = resolve("settings.access.exec", lists.Exec)
	for i := range desired.Pools {
		if own := desired.Pools[i].Access.Exec; own != nil {
			addr := desired.Pools[i].Address()
			p.pools[addr] = resolve(addr+": access.exec", own)
		}
	}
	return p, problems
}

// Trusts reports whether the peer may do everything whatever a configuration says.
func (p *Policy) Trusts(peer Peer) bool {
	return !peer.Known || peer.UID == p.owner || peer.UID == 0
}

// Allows reports whether the peer has a right. For Exec addr is the pool; an
// address without a list of its own, and "", go by settings.access.exec.
func (p *Policy) Allows(peer Peer, right Right, addr string) bool {
	if p.Trusts(peer) || p.admin.include(peer) {
		return true
	}
	switch right {
	case Read:
		return p.read.include(peer)
	case Exec:
		if own, ok := p.pools[addr]; ok {
			return own.include(peer)
		}
		return p.exec.include(peer)
	case Admin:
	}
	return false
}

// Knows reports whether the peer has any right.
func (p *Policy) Knows(peer Peer) bool {
	if p.Allows(peer, Read, "") || p.exec.include(peer) {
		return true
	}
	for _, own := range p.pools {
		if own.include(peer) {
			return true
		}
	}
	return false
}

// NoGroup says that the socket keeps its group.
const NoGroup = -1

// Opening returns the mode that the socket needs and the group that it should be
// given: 0600 while nobody but the owner is named, 0660 while all that are named are
// members of one group, 0666 otherwise. Credentials decide in every case.
func (p *Policy) Opening() (mode fs.FileMode, group int) {
	all := slices.Concat(p.admin, p.read, p.exec)
	for _, own := range p.pools {
		all = append(all, own...)
	}
	mode, group = 0o600, NoGroup
	for _, id := range all {
		switch {
		case !id.Group && (id.Number == p.owner || id.Number == 0):
		case !id.Group || (group != NoGroup && group != int(id.Number)):
			return 0o666, NoGroup
		default:
			mode, group = 0o660, int(id.Number)
		}
	}
	return mode, group
}

// Denied returns the error for a peer that lacks a right. addr may be empty.
func Denied(peer Peer, right Right, addr string) *pool.CallError {
	list := "settings.access." + string(right)
	err := pool.NewCallError(pool.CategoryDenied, "user %d may not %s", peer.UID, deed(right, addr))
	err.Hint = fmt.Sprintf("whoever runs the supervisor can allow it, in %s of the configuration", list)
	if right == Exec && addr != "" {
		err.Hint = fmt.Sprintf("whoever runs the supervisor can allow it, in %s or in access.exec of %s", list, addr)
	}
	return err
}

func deed(right Right, addr string) string {
	switch right {
	case Exec:
		if addr != "" {
			return "run commands of " + addr
		}
		return "run commands of this instance"
	case Read:
		return "look at this instance"
	case Admin:
	}
	return "change this instance"
}
