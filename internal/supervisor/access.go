package supervisor

import (
	"os"
	"sync"
	"sync/atomic"

	"github.com/snakectl/snakectl/internal/access"
	"github.com/snakectl/snakectl/internal/pool"
)

// gate holds who may do what, and tells of changes.
type gate struct {
	policy atomic.Pointer[access.Policy]

	// mu guards told, and keeps what it is told in order.
	mu   sync.Mutex
	told func(*access.Policy)
}

// takeAccess takes up who may do what; connections that exist go by it from their
// next request on.
func (s *Supervisor) takeAccess(desired *pool.Desired) {
	policy, problems := access.New(uint32(os.Getuid()), desired)
	for _, problem := range problems {
		s.log.Warn("an entry of an access list lets nobody in", "err", problem)
	}
	s.gate.mu.Lock()
	defer s.gate.mu.Unlock()
	s.gate.policy.Store(policy)
	if s.gate.told != nil {
		s.gate.told(policy)
	}
}

// Access returns who may do what from now on.
func (s *Supervisor) Access() *access.Policy { return s.gate.policy.Load() }

// OnAccess calls fn with who may do what: at once, and whenever an apply changed it,
// before that apply ends. There is one such function.
func (s *Supervisor) OnAccess(fn func(*access.Policy)) {
	s.gate.mu.Lock()
	defer s.gate.mu.Unlock()
	s.gate.told = fn
	fn(s.gate.policy.Load())
}

// Address returns the pool that a caller's name means, "" for none.
func (s *Supervisor) Address(name string) string {
	if name == "-" {
		name = ""
	}
	d, refusal := s.routes.find([]byte(name))
	if refusal != nil {
		return ""
	}
	return d.addr()
}

// permit returns why a peer may not run commands of a pool, nil when it may. No
// dispatcher is a pool that was not found: only who may use others is told of it.
func (s *Supervisor) permit(peer access.Peer, d *dispatcher) *pool.CallError {
	addr := ""
	if d != nil {
		addr = d.addr()
	}
	if s.Access().Allows(peer, access.Exec, addr) {
		return nil
	}
	return access.Denied(peer, access.Exec, addr)
}
