package pool

// Limits bounds what one worker may use. A zero limit is none.
type Limits struct {
	Memory Size `json:"memory"`
	NoFile int  `json:"nofile"`
}

// Rlimits are the soft resource limits of one process that limits are made of.
type Rlimits struct {
	// Data bounds the private writable memory in bytes (RLIMIT_DATA): heap, private
	// mappings and the stacks of threads, also what is not in use of them.
	Data uint64 `json:"data"`
	// NoFile bounds the descriptors.
	NoFile uint64 `json:"nofile"`
}

// Mechanism is what holds workers to limits.memory.
type Mechanism string

// The mechanisms.
const (
	// MechanismCgroup is a control group for each worker: the kernel counts what the
	// worker and all its children hold, and ends all of them when it is too much.
	MechanismCgroup Mechanism = "cgroup v2"
	// MechanismRlimit is a resource limit on the private memory of each process: a
	// request for more fails, which Python raises as MemoryError.
	MechanismRlimit Mechanism = "rlimit"
)

// Confinement says how the supervisor, or the one that would be started here, holds
// workers to their limits.
type Confinement struct {
	// Memory is "" where nothing can.
	Memory Mechanism `json:"memory"`
	// Where is the control group of the workers' groups.
	Where string `json:"where,omitempty"`
	// Why says why it is no better mechanism, and Mend what would make it one; both
	// empty for MechanismCgroup.
	Why  string `json:"why,omitempty"`
	Mend string `json:"mend,omitempty"`
}
