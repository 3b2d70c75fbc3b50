package planner

import (
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/snakectl/snakectl/internal/pool"
)

// EnvironmentChange says what happens to the environment of a runtime.
type EnvironmentChange struct {
	Key    string `json:"key"`
	OldKey string `json:"old_key,omitempty"`
	// Cached: it is there already, and nothing is built.
	Cached bool `json:"cached"`
	// Python and OldPython are the versions of the interpreter.
	Python    string `json:"python"`
	OldPython string `json:"old_python,omitempty"`
	// Packages counts the packages that are named, and Hashed says that each has a hash.
	Packages int  `json:"packages"`
	Hashed   bool `json:"hashed,omitempty"`
	// Pools lists the pools that use it.
	Pools []string `json:"pools"`
}

// IsRuntime reports whether an address is that of a runtime.
func IsRuntime(address string) bool { return strings.HasPrefix(address, "runtime.") }

// runtimeChanges lists the runtimes whose environment is not the accepted one, or is
// not there. A runtime without packages has nothing to be built: it is listed in its
// pools alone.
func runtimeChanges(accepted, desired *pool.Desired, there []string, opts Options) []Change {
	var out []Change
	for _, name := range slices.Sorted(maps.Keys(desired.Runtimes)) {
		is := desired.Runtimes[name]
		users := usersOf(desired, name)
		if is.Environment == nil || opts.Partial() && !slices.ContainsFunc(users, func(p string) bool { return opts.chooses(p, name) }) {
			continue
		}
		was := accepted.Runtimes[name]
		c := Change{
			Address: name, Action: ActionUpdate, Reasons: []Reason{ReasonRuntimeChanged}, Capacity: -1, LaunchHash: is.Fingerprint,
			Environment: &EnvironmentChange{
				Key: is.Environment.Key, Cached: slices.Contains(there, is.Environment.Key), Python: is.Python(),
				Packages: is.Environment.Named, Hashed: is.Environment.Hashed, Pools: users,
			},
		}
		switch {
		case was.Environment == nil:
			c.Action, c.Reasons = ActionCreate, []Reason{}
		case was.Environment.Key != is.Environment.Key:
			c.Environment.OldKey, c.Environment.OldPython, c.OldLaunchHash = was.Environment.Key, was.Python(), was.Fingerprint
		case !c.Environment.Cached:
			c.Action = ActionRepair
		default:
			continue
		}
		c.Attributes, c.Unchanged = runtimeAttributes(was, is)
		if c.Action == ActionCreate {
			c.Defaults, c.Unchanged = c.Unchanged, 0
		}
		out = append(out, c)
	}
	return out
}

func usersOf(desired *pool.Desired, runtime string) []string {
	out := []string{}
	for i := range desired.Pools {
		if desired.Pools[i].Runtime == runtime {
			out = append(out, desired.Pools[i].Address())
		}
	}
	return out
}

// runtimeAttributes lists what differs between two runtimes, and counts what does not.
func runtimeAttributes(was, is pool.Runtime) (differ []Attribute, same int) {
	before, after := tree(was.Declared), tree(is.Declared)
	differ = []Attribute{}
	add := func(path string, o, n any) {
		if was.Name == "" {
			o = nil
		}
		if !reflect.DeepEqual(o, n) {
			differ = append(differ, Attribute{Path: path, Effect: pool.EffectStored, Old: o, New: n})
		}
	}
	for _, row := range pool.RuntimeSchema() {
		o, n := at(before, row.Path), at(after, row.Path)
		if reflect.DeepEqual(o, n) || was.Name == "" && isDefault(row, n) {
			same++
			continue
		}
		add(row.Path, o, n)
	}
	add("python", was.Python(), is.Python())
	oldKey := any(nil)
	if was.Environment != nil {
		oldKey = was.Environment.Key
	}
	if oldKey == is.Environment.Key {
		oldKey = nil // it is to be built again
	}
	differ = append(differ, Attribute{Path: "environment", Effect: pool.EffectStored, Old: oldKey, New: is.Environment.Key})
	return differ, same
}

// isDefault reports whether a value is what a block has that does not set it.
func isDefault(row pool.Row, v any) bool {
	switch v := v.(type) {
	case nil:
		return true
	case bool:
		return !v
	case string:
		return v == "" || strconv.Quote(v) == row.Default
	case []any:
		return len(v) == 0
	}
	return false
}
