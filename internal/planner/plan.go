package planner

import (
	"time"

	"github.com/snakectl/snakectl/internal/library"
	"github.com/snakectl/snakectl/internal/pool"
)

// Action is what happens to one address. A pool has one primary action, the most
// disruptive of its changes.
type Action string

// The actions, least disruptive first.
const (
	ActionNoop     Action = "no-op"
	ActionMove     Action = "move"
	ActionCreate   Action = "create"
	ActionUpdate   Action = "update"
	ActionResize   Action = "resize"
	ActionRepair   Action = "repair"
	ActionRoll     Action = "roll"
	ActionRecreate Action = "recreate"
	ActionDestroy  Action = "destroy"
)

// Reason says why an address changes.
type Reason string

// The reasons.
const (
	ReasonAttrChanged      Reason = "attr_changed"
	ReasonRuntimeChanged   Reason = "runtime_changed"
	ReasonCodeChanged      Reason = "code_changed"
	ReasonNotInConfig      Reason = "not_in_config"
	ReasonQuarantinedPlace Reason = "quarantined_place"
	ReasonOtherLaunchHash  Reason = "other_launch_hash"
	ReasonOverridePresent  Reason = "override_present"
	ReasonByRequest        Reason = "by_request"
	ReasonNotCarriedOut    Reason = "not_carried_out"
	ReasonMoved            Reason = "moved"
)

// Plan is what would change. Its JSON form is stable: fields are only ever
// added, and the bytes are a function of the inputs.
type Plan struct {
	Format       int    `json:"format"`
	Lineage      string `json:"lineage"`
	BaseRevision uint64 `json:"base_revision"`
	// WorkersObserved is false when no supervisor answered; the worker counts are
	// then what the state file remembers.
	WorkersObserved bool     `json:"workers_observed"`
	Changes         []Change `json:"changes"`
	Drift           []Drift  `json:"drift"`
	Summary         Summary  `json:"summary"`
	// Workers sums the deltas of all changes.
	Workers WorkerDelta `json:"workers"`
	// Pools and PoolWorkers count what the configuration declares, unchanged pools
	// included: "No changes. 4 pools, 18 workers match revision 3."
	Pools       int `json:"pools"`
	PoolWorkers int `json:"pool_workers"`
	// Options are what was asked for.
	Options Options `json:"options,omitzero"`
	// Git is where the configuration was read from, nil when it is in no repository.
	Git *pool.Git `json:"git,omitempty"`
	// Warnings are about libraries that do not fit what a pool does with them. Decide
	// leaves them out: whoever looked at the libraries adds them, and they decide nothing.
	Warnings []Warning `json:"warnings,omitempty"`
}

// Warning is a finding about a library of a pool.
type Warning struct {
	Address string `json:"address"`
	library.Finding
}

// Empty reports whether applying the plan would change nothing.
func (p *Plan) Empty() bool { return len(p.Changes) == 0 }

// Refusal returns why the plan must not be carried out, one sentence for each
// address; none means that it may.
func (p *Plan) Refusal() []string {
	var out []string
	for _, c := range p.Changes {
		if c.Refused != "" {
			out = append(out, c.Address+": "+c.Refused)
		}
	}
	return out
}

// Change is what happens to one address; no-ops are left out of a plan.
type Change struct {
	Address string `json:"address"`
	// From is the address that the pool had before, when a moved block renames it.
	From       string      `json:"from,omitempty"`
	Action     Action      `json:"action"`
	Reasons    []Reason    `json:"reasons"`
	Attributes []Attribute `json:"attributes"`
	// Files lists code files that were added, changed or removed, sorted by path.
	Files   []File      `json:"files,omitempty"`
	Workers WorkerDelta `json:"workers"`
	// Places lists the places a repair touches.
	Places []int `json:"places,omitempty"`
	// Replaced lists the places whose workers are replaced only because somebody asks
	// for it.
	Replaced []int `json:"replaced,omitempty"`
	// Size is the pool's size after the change and OldSize before it.
	Size    int `json:"size"`
	OldSize int `json:"old_size"`
	// Capacity is the fewest ready workers while it runs; -1 where that says nothing.
	Capacity int `json:"capacity"`
	// Unchanged counts attributes that stay as they are and are not listed;
	// Defaults counts those of a create that the configuration does not set.
	Unchanged int `json:"unchanged"`
	Defaults  int `json:"defaults"`
	// LaunchHash is the launch hash after the change, "" for a destroy.
	LaunchHash string `json:"launch_hash,omitempty"`
	// OldLaunchHash is the accepted launch hash before it, "" for a create. A
	// create and a destroy that share one look like a rename.
	OldLaunchHash string `json:"old_launch_hash,omitempty"`
	// Update is how a roll goes; nil for other actions.
	Update *pool.Update `json:"update,omitempty"`
	// TakesTurns says that the pool has threads which wait at one time and compute one
	// after the other, since its Python has a GIL.
	TakesTurns bool `json:"takes_turns,omitempty"`
	// Receives lists the variables that workers get beside the supervisor's own environment,
	// where workers are started; left out where nothing is known of the machine.
	Receives []pool.Variable `json:"receives,omitempty"`
	// After are the addresses in depends_on: those that the plan changes go first, and
	// end later.
	After []string `json:"after,omitempty"`
	// Refused says why the change must not be carried out; empty when it may.
	Refused string `json:"refused,omitempty"`
	// Environment is set for a runtime with packages.
	Environment *EnvironmentChange `json:"environment,omitempty"`
}

// Attribute is one attribute that differs. For a create Old is null and only
// attributes that the configuration sets are listed.
type Attribute struct {
	Path   string      `json:"path"`
	Effect pool.Effect `json:"effect"`
	Old    any         `json:"old"`
	New    any         `json:"new"`
	// OldDefault and NewDefault say that the value is a default that the
	// configuration does not set. Setting a rolling attribute to its default
	// changes the launch hash, and only these two tell why.
	OldDefault bool `json:"old_default,omitempty"`
	NewDefault bool `json:"new_default,omitempty"`
	// By is what will hold workers to a new limits.memory on this machine.
	By pool.Mechanism `json:"by,omitempty"`
}

// File is one code file that differs.
type File struct {
	Path string `json:"path"`
	// Change is added, changed or removed.
	Change string `json:"change"`
}

// WorkerDelta counts what happens to workers.
type WorkerDelta struct {
	Start   int `json:"start"`
	Replace int `json:"replace"`
	Drain   int `json:"drain"`
	Stop    int `json:"stop"`
	Keep    int `json:"keep"`
}

// Drift is a difference between what was accepted and what runs.
type Drift struct {
	Address string `json:"address"`
	// Kind is a reason: quarantined_place, other_launch_hash, override_present,
	// not_carried_out or runtime_changed.
	Kind   Reason `json:"kind"`
	Detail string `json:"detail"`
	// By, At and Until tell who set an override and when, and when it ends, if ever.
	By    string     `json:"by,omitempty"`
	At    *time.Time `json:"at,omitempty"`
	Until *time.Time `json:"until,omitempty"`
}

// Summary counts addresses by action.
type Summary struct {
	Create   int `json:"create"`
	Update   int `json:"update"`
	Resize   int `json:"resize"`
	Roll     int `json:"roll"`
	Recreate int `json:"recreate"`
	Repair   int `json:"repair"`
	Move     int `json:"move"`
	Destroy  int `json:"destroy"`
}
