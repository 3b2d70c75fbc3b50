package access_test

import (
	"io/fs"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/snakectl/snakectl/internal/access"
	"github.com/snakectl/snakectl/internal/pool"
)

const owner = 500

// desired has a pool without a list of its own, one with and one for nobody.
func desired(lists pool.Access, own ...string) *pool.Desired {
	return &pool.Desired{
		Settings: pool.Settings{Access: lists},
		Pools: []pool.Pool{
			{Name: "open"}, {Name: "own", Access: pool.Callers{Exec: own}}, {Name: "shut", Access: pool.Callers{Exec: []string{}}},
		},
	}
}

func policy(t *testing.T, d *pool.Desired) *access.Policy {
	t.Helper()
	p, problems := access.New(owner, d)
	if len(problems) > 0 {
		t.Fatalf("New() says %v", problems)
	}
	return p
}

func user(uid uint32, groups ...uint32) access.Peer {
	return access.Peer{Known: true, UID: uid, Groups: groups}
}

func TestAllows(t *testing.T) {
	if !access.Supported() {
		t.Skip("this system does not tell who connects")
	}
	p := policy(t, desired(pool.Access{Admin: []string{"1"}, Exec: []string{"2", "@20"}, Read: []string{"@30"}}, "4"))
	const open, own, shut = "pool.open", "pool.own", "pool.shut"
	all := []string{"admin", "read", "exec", open, own, shut}
	tests := []struct {
		name string
		peer access.Peer
		want []string
	}{
		{"owner", user(owner), all},
		{"root", user(0), all},
		{"a system that does not tell", access.Peer{}, all},
		{"admin", user(1), all},
		{"exec by uid", user(2), []string{"exec", open}},
		{"exec by group", user(77, 8, 20), []string{"exec", open}},
		{"read", user(77, 30), []string{"read"}},
		{"read and exec", user(2, 30), []string{"read", "exec", open}},
		{"exec of one pool", user(4), []string{own}},
		{"stranger", user(77, 2, 4, 1), nil},
		{"a group's number as uid", user(20), nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var got []string
			for _, what := range all {
				right, addr := access.Exec, what
				switch what {
				case "admin", "read":
					right, addr = access.Right(what), ""
				case "exec":
					addr = ""
				}
				if p.Allows(tt.peer, right, addr) {
					got = append(got, what)
				}
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("allowed (-want +got):\n%s", diff)
			}
			if knows := p.Knows(tt.peer); knows != (tt.want != nil) {
				t.Errorf("Knows() = %t", knows)
			}
		})
	}
}

func TestOpening(t *testing.T) {
	if !access.Supported() {
		t.Skip("this system does not tell who connects")
	}
	type opening struct {
		Mode  fs.FileMode
		Group int
	}
	tests := []struct {
		name  string
		lists pool.Access
		own   []string
		want  opening
	}{
		{"nobody", pool.Access{}, nil, opening{0o600, access.NoGroup}},
		{"owner and root", pool.Access{Admin: []string{"500", "0"}}, nil, opening{0o600, access.NoGroup}},
		{"one group", pool.Access{Read: []string{"@7"}, Exec: []string{"@7"}}, []string{"@7"}, opening{0o660, 7}},
		{"two groups", pool.Access{Read: []string{"@7"}}, []string{"@8"}, opening{0o666, access.NoGroup}},
		{"a user", pool.Access{Read: []string{"9"}}, nil, opening{0o666, access.NoGroup}},
		{"a group and a user", pool.Access{Read: []string{"@7"}}, []string{"9"}, opening{0o666, access.NoGroup}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			mode, group := policy(t, desired(tt.lists, tt.own...)).Opening()
			if got := (opening{mode, group}); got != tt.want {
				t.Errorf("Opening() = %o, %d, want %o, %d", got.Mode, got.Group, tt.want.Mode, tt.want.Group)
			}
		})
	}
}

// An entry that means nobody lets nobody in, and is told.
func TestUnknownEntryLetsNobodyIn(t *testing.T) {
	if !access.Supported() {
		t.Skip("this system does not tell who connects")
	}
	p, problems := access.New(owner, desired(pool.Access{Admin: []string{"nobody-has-this-name"}, Exec: []string{"@nor-this", "2"}}))
	if len(problems) != 2 {
		t.Errorf("problems = %v, want two", problems)
	}
	if p.Allows(user(77), access.Admin, "") || !p.Allows(user(2), access.Exec, "") {
		t.Error("the entry beside an unknown one does not count, or the unknown one does")
	}
	if fresh, _ := access.New(owner, nil); fresh.Knows(user(1)) {
		t.Error("an instance without a configuration knows a stranger")
	}
}
