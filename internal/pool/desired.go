package pool

import (
	"path/filepath"
	"slices"
	"strings"
)

// Desired is one evaluated configuration: what should run. It is data alone and
// its JSON form is canonical: pools are sorted by address, maps by key.
type Desired struct {
	Settings Settings           `json:"settings"`
	Runtimes map[string]Runtime `json:"runtimes"`
	Pools    []Pool             `json:"pools"`
	// Moved are the renames that the configuration declares.
	Moved []Move `json:"moved,omitempty"`
}

// Pool returns the pool at addr, or nil when the configuration has none.
func (d *Desired) Pool(addr string) *Pool {
	if d == nil {
		return nil
	}
	for i := range d.Pools {
		if d.Pools[i].Address() == addr {
			return &d.Pools[i]
		}
	}
	return nil
}

// Sort puts the pools in the canonical order, by address.
func (d *Desired) Sort() {
	slices.SortFunc(d.Pools, func(a, b Pool) int { return strings.Compare(a.Address(), b.Address()) })
}

// DefaultPool returns the pool that a call without a pool name goes to: the one
// marked default, else the sole pool, else the one named "default", else nil.
func (d *Desired) DefaultPool() *Pool {
	if d == nil {
		return nil
	}
	for i := range d.Pools {
		if d.Pools[i].Default {
			return &d.Pools[i]
		}
	}
	if len(d.Pools) == 1 {
		return &d.Pools[0]
	}
	return d.Pool(Address("default", ""))
}

// Settings are the attributes of the settings block. All of them are live: a
// change touches no worker.
type Settings struct {
	HistoryKeep int `json:"history_keep"`
	// OnBoot says what becomes of an operation that a former supervisor could not finish.
	OnBoot      string   `json:"on_boot"`
	OrphanGrace Duration `json:"orphan_grace"`
	Log         Log      `json:"log"`
	Access      Access   `json:"access"`
}

// Access says who else than the owner and root may use the socket. An entry is a
// user, by name or uid, or a group, with @ before its name or gid.
type Access struct {
	Admin []string `json:"admin"`
	Exec  []string `json:"exec"`
	Read  []string `json:"read"`
}

// Log says how much the supervisor writes about itself.
type Log struct {
	Level  string `json:"level"`
	Format string `json:"format"`
}

// Pool is the spec of one pool: every attribute with its default filled in. Each
// field with a json tag is a row of Schema under the same path, but the ones
// that say otherwise.
type Pool struct {
	// Name is the block's label and Key the for_each key, if any; neither is an
	// attribute. Together they are the address.
	Name string `json:"name"`
	Key  string `json:"key,omitempty"`

	Description string            `json:"description"`
	Labels      map[string]string `json:"labels"`
	Default     bool              `json:"default"`
	Profile     string            `json:"profile"`
	// ThreadsPerWorker is how many calls a worker executes at one time.
	ThreadsPerWorker int `json:"threads_per_worker"`
	// GIL says what is done about workers whose interpreter has its GIL on.
	GIL string `json:"gil"`
	// Check says that workers look for writes that are not safe between their threads.
	Check bool `json:"check"`

	Runtime string            `json:"runtime"`
	Adapter string            `json:"adapter"`
	Config  map[string]any    `json:"config"`
	Env     map[string]string `json:"env"`
	// WorkingDir is relative to the configuration when it lies below it, with
	// slashes; Dir returns the absolute path.
	WorkingDir string `json:"working_dir"`
	// PythonPath is always relative to the configuration.
	PythonPath []string `json:"python_path"`
	Code       []string `json:"code"`
	CodeMode   string   `json:"code_mode"`
	// StartMethod is how workers begin, StartFork or StartSpawn.
	StartMethod string `json:"start_method"`
	// Preload is what is imported first; unset, it is the adapter's module.
	Preload      []string `json:"preload"`
	Size         int      `json:"size"`
	StartTimeout Duration `json:"start_timeout"`
	StopGrace    Duration `json:"stop_grace"`
	StopSignal   string   `json:"stop_signal"`
	Startup      Startup  `json:"startup"`
	Queue        Queue    `json:"queue"`
	Timeouts     Timeouts `json:"timeouts"`
	Restart      Restart  `json:"restart"`
	Update       Update   `json:"update"`
	// Access holds who may run commands of this pool: its own list, or the one of the
	// settings.
	Access Callers `json:"access"`

	// Lifecycle says when healthy workers are replaced.
	Lifecycle Lifecycle `json:"lifecycle"`
	// Health says how workers are asked whether they still answer.
	Health Health `json:"health"`
	// Devices says which processors and GPUs workers get.
	Devices Devices `json:"devices"`
	// Limits bounds what a worker may use.
	Limits Limits `json:"limits"`
	// Logs says what is kept of what workers write.
	Logs Logs `json:"logs"`

	// Retry says which calls are executed again, Breaker when calls are refused.
	Retry   Retry   `json:"retry"`
	Breaker Breaker `json:"breaker"`

	// DependsOn holds addresses, sorted; IgnoreChanges holds schema paths, sorted,
	// a block's meaning all of its attributes.
	DependsOn      []string `json:"depends_on"`
	PreventDestroy bool     `json:"prevent_destroy"`
	IgnoreChanges  []string `json:"ignore_changes"`

	// Set lists the schema paths that the configuration itself sets, sorted. It
	// is not an attribute: the launch hash and "(N defaults hidden)" need it.
	Set []string `json:"set"`
	// Snapshot names the adapter's code. It is not an attribute either.
	Snapshot Snapshot `json:"snapshot"`
}

// Callers says who may run the commands of one pool.
type Callers struct {
	Exec []string `json:"exec"`
}

// Startup bounds how many workers of a pool may be starting at one time.
type Startup struct {
	Parallelism int `json:"parallelism"`
}

// Queue bounds the calls that wait for a worker.
type Queue struct {
	Max      int      `json:"max"`
	Timeout  Duration `json:"timeout"`
	Policy   string   `json:"policy"`
	Overflow string   `json:"overflow"`
}

// Timeouts bounds how long a call may execute when its caller sets no deadline.
type Timeouts struct {
	Call Duration `json:"call"`
}

// Restart says how a dead worker's place is filled again.
type Restart struct {
	Backoff     Duration `json:"backoff"`
	MaxBackoff  Duration `json:"max_backoff"`
	MaxRestarts int      `json:"max_restarts"`
	Window      Duration `json:"window"`
}

// Update says how workers of a former launch hash are replaced.
type Update struct {
	Strategy string `json:"strategy"`
	// MaxParallel bounds how many places change at one time; 0 is as many as Surge and
	// MaxUnavailable allow.
	MaxParallel    Share `json:"max_parallel"`
	Surge          Share `json:"surge"`
	MaxUnavailable Share `json:"max_unavailable"`
	// Canary is how many places change first, 0 for none; the others follow when it is
	// promoted.
	Canary           Share    `json:"canary"`
	AutoPromote      bool     `json:"auto_promote"`
	MinHealthyTime   Duration `json:"min_healthy_time"`
	HealthyDeadline  Duration `json:"healthy_deadline"`
	ProgressDeadline Duration `json:"progress_deadline"`
	AutoRevert       bool     `json:"auto_revert"`
	Preflight        bool     `json:"preflight"`
	MaxFailures      int      `json:"max_failures"`
}

// Batch returns how many of size places change at one time.
func (u *Update) Batch(size int) int {
	batch := max(1, u.Surge.Of(size)+u.MaxUnavailable.Of(size))
	if u.MaxParallel != 0 {
		batch = min(batch, u.MaxParallel.Of(size))
	}
	return batch
}

// Canaries returns how many of size places change before the others.
func (u *Update) Canaries(size int) int {
	if u.Strategy == StrategyRecreate {
		return 0
	}
	return min(size, u.Canary.Of(size))
}

// Values of settings.on_boot.
const (
	OnBootResume = "resume"
	OnBootRevert = "revert"
	OnBootHold   = "hold"
)

// Values of the enumerated attributes.
const (
	ProfileProcess = "process"
	ProfileThread  = "thread"

	// What becomes of workers whose interpreter has its GIL on.
	GILRequireOff = "require_off"
	GILWarn       = "warn"
	GILForceOff   = "force_off"

	CodeSnapshot = "snapshot"
	CodeLive     = "live"

	StartFork  = "fork"
	StartSpawn = "spawn"

	StrategyRolling  = "rolling"
	StrategyRecreate = "recreate"
)

// Snapshot is the content-addressed description of an adapter's code: which
// files, relative to Root, with which content. It is made by the CLI, so that a
// plan can name the file that changed, and copied by the supervisor on apply.
type Snapshot struct {
	// Root is the absolute directory of the configuration the paths start from.
	Root string `json:"root"`
	// Hash is the hex SHA-256 over Files; empty when no file belongs to the
	// adapter (it is imported from the runtime's own packages) or the mode is live.
	Hash string `json:"hash"`
	// Files maps a slash-separated path below Root to the hex SHA-256 of its bytes.
	Files map[string]string `json:"files"`
}

// Address returns the pool's address: pool.NAME or pool.NAME["KEY"].
func (p *Pool) Address() string { return Address(p.Name, p.Key) }

// Slots returns how many calls a worker of the pool executes at one time.
func (p *Pool) Slots() int {
	if p.Profile != ProfileThread {
		return 1
	}
	return max(1, p.ThreadsPerWorker)
}

// Forks reports whether workers are to be forked where that is safe. Live code is
// imported anew by each worker: a fork server would go on with what it has imported. What
// has begun to use a GPU must not be forked.
func (p *Pool) Forks() bool {
	return p.StartMethod == StartFork && p.CodeMode != CodeLive && (len(p.Devices.GPUs) == 0 || p.IsSet("start_method"))
}

// Dir returns the absolute directory that the pool's workers start in.
func (p *Pool) Dir() string {
	if filepath.IsAbs(p.WorkingDir) {
		return p.WorkingDir
	}
	return filepath.Join(p.Snapshot.Root, p.WorkingDir)
}

// IsSet reports whether the configuration itself sets the attribute at path.
func (p *Pool) IsSet(path string) bool { return slices.Contains(p.Set, path) }
