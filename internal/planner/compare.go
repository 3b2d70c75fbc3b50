package planner

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/snakectl/snakectl/internal/pool"
)

// runtimePath is the attribute that names a pool's runtime. What the name stands
// for is listed below it: runtime.version, runtime.interpreter.
const runtimePath = "runtime"

// attributeCount is how many attributes a pool has.
var attributeCount = len(new(pool.Pool).Paths())

func ofRuntime(path string) bool {
	return path == runtimePath || strings.HasPrefix(path, runtimePath+".")
}

// setAttributes lists the attributes that a new pool's configuration sets.
func setAttributes(p *pool.Pool) []Attribute {
	values := p.Values()
	out := []Attribute{}
	for _, row := range pool.PoolSchema() {
		if row.Effect != pool.EffectAddress && p.IsSet(row.Path) {
			out = append(out, Attribute{Path: row.Path, Effect: row.Effect, New: values[row.Path]})
		}
	}
	return out
}

// compare lists the attributes and code files that differ, in the order of the
// schema and by path.
func compare(before, after side) ([]Attribute, []File) {
	was, is := before.spec.Values(), after.spec.Values()
	out := []Attribute{}
	for _, row := range pool.PoolSchema() {
		if row.Effect == pool.EffectAddress {
			continue
		}
		a := Attribute{
			Path: row.Path, Effect: row.Effect, Old: was[row.Path], New: is[row.Path],
			OldDefault: !before.spec.IsSet(row.Path), NewDefault: !after.spec.IsSet(row.Path),
		}
		if differs(&a) {
			out = append(out, a)
		}
		if row.Path == runtimePath {
			out = append(out, compareRuntimes(before.runtime, after.runtime)...)
		}
	}
	if before.spec.CodeMode != after.spec.CodeMode {
		return out, nil // code_mode is listed, and a live adapter has no files to compare
	}
	return out, compareFiles(before.spec.Snapshot, after.spec.Snapshot)
}

// differs reports whether an attribute is worth listing. Attributes that roll
// are part of the launch hash as they are set: setting one to its default is a
// difference, and another default of an attribute that nobody set rolls nothing.
func differs(a *Attribute) bool {
	same := reflect.DeepEqual(a.Old, a.New)
	if a.Effect != pool.EffectRoll {
		return !same
	}
	if a.OldDefault && a.NewDefault {
		a.Effect = pool.EffectStored
		return !same
	}
	return !same || a.OldDefault != a.NewDefault
}

// compareRuntimes lists what became different about a pool's Python. Only the
// fingerprint forces a roll; it is listed itself when nothing else explains it.
func compareRuntimes(was, is pool.Runtime) []Attribute {
	effect := pool.EffectStored
	if was.Fingerprint != is.Fingerprint {
		effect = pool.EffectRoll
	}
	var out []Attribute
	add := func(name string, o, n any) {
		if o != n {
			out = append(out, Attribute{Path: runtimePath + "." + name, Effect: effect, Old: o, New: n})
		}
	}
	add("interpreter", was.Interpreter, is.Interpreter)
	add("version", was.Version, is.Version)
	add("free_threaded", was.FreeThreaded, is.FreeThreaded)
	if key := keyOf(was); key != "" || keyOf(is) != "" {
		add("environment", key, keyOf(is))
	}
	if len(out) == 0 {
		add("fingerprint", was.Fingerprint, is.Fingerprint)
	}
	return out
}

// keyOf returns the key of a runtime's environment, "" for none.
func keyOf(rt pool.Runtime) string {
	if rt.Environment == nil {
		return ""
	}
	return rt.Environment.Key
}

// compareFiles lists the code files that differ, sorted by path.
func compareFiles(was, is pool.Snapshot) []File {
	if was.Hash == is.Hash {
		return nil
	}
	paths := map[string]bool{}
	for path := range was.Files {
		paths[path] = true
	}
	for path := range is.Files {
		paths[path] = true
	}
	out := []File{}
	for _, path := range slices.Sorted(maps.Keys(paths)) {
		before, had := was.Files[path]
		after, has := is.Files[path]
		switch {
		case !had:
			out = append(out, File{path, "added"})
		case !has:
			out = append(out, File{path, "removed"})
		case before != after:
			out = append(out, File{path, "changed"})
		}
	}
	return out
}

// rowsListed counts the schema rows among the attributes: what is listed below
// runtime counts as that one row.
func rowsListed(attributes []Attribute) int {
	n, runtime := 0, 0
	for _, a := range attributes {
		if ofRuntime(a.Path) {
			runtime = 1
		} else {
			n++
		}
	}
	return n + runtime
}

// compareSettings returns the change of the settings block, if there is one.
func compareSettings(was, is pool.Settings) (Change, bool) {
	before, after := tree(was), tree(is)
	c := Change{
		Address: SettingsAddress, Action: ActionUpdate, Reasons: []Reason{ReasonAttrChanged},
		Attributes: []Attribute{}, Capacity: -1,
	}
	for _, row := range pool.SettingsSchema() {
		o, n := at(before, row.Path), at(after, row.Path)
		if reflect.DeepEqual(o, n) {
			c.Unchanged++
			continue
		}
		c.Attributes = append(c.Attributes, Attribute{Path: row.Path, Effect: row.Effect, Old: o, New: n})
	}
	return c, len(c.Attributes) > 0
}

// defaultSettings returns the settings of an instance that nothing was applied
// to yet: the defaults of the schema.
func defaultSettings() pool.Settings {
	root := map[string]any{}
	for _, row := range pool.SettingsSchema() {
		node, path := root, strings.Split(row.Path, ".")
		for _, name := range path[:len(path)-1] {
			inner, ok := node[name].(map[string]any)
			if !ok {
				inner = map[string]any{}
				node[name] = inner
			}
			node = inner
		}
		node[path[len(path)-1]] = json.RawMessage(row.Default)
	}
	b, err := json.Marshal(root)
	if err != nil {
		panic(fmt.Sprintf("internal error: cannot encode the default settings: %v", err))
	}
	var s pool.Settings
	if err := json.Unmarshal(b, &s); err != nil {
		panic(fmt.Sprintf("internal error: cannot decode the default settings: %v", err))
	}
	return s
}

// tree returns v as the tree of its JSON form.
func tree(v any) map[string]any {
	b, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("internal error: cannot encode %T: %v", v, err))
	}
	var out map[string]any
	if err := json.Unmarshal(b, &out); err != nil {
		panic(fmt.Sprintf("internal error: cannot decode %T: %v", v, err))
	}
	return out
}

// at returns the value at a dotted path of a tree, nil for none.
func at(node map[string]any, path string) any {
	head, rest, nested := strings.Cut(path, ".")
	inner, ok := node[head].(map[string]any)
	if nested && ok {
		return at(inner, rest)
	}
	return node[head]
}

// confine notes what will hold the workers of a pool to a limit of memory that the
// change sets.
func confine(c *Change, after *pool.Pool, by pool.Mechanism) {
	for i := range c.Attributes {
		if c.Attributes[i].Path == "limits.memory" && after.Limits.Memory > 0 {
			c.Attributes[i].By = by
		}
	}
}
