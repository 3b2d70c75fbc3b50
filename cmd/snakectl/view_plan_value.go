package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/snakectl/snakectl/internal/planner"
	"github.com/snakectl/snakectl/internal/pool"
)

// valueLimit bounds a value's text without Verbose, in runes.
const valueLimit = 160

// attributeLine is one line about an attribute, or about one key of one.
type attributeLine struct {
	symbol, path, value, note string
}

// attributes writes the attributes of a change, aligned.
func (v *planView) attributes(c planner.Change) {
	var lines []attributeLine
	for _, a := range c.Attributes {
		lines = append(lines, v.attribute(c, a)...)
	}
	width := 0
	for _, l := range lines {
		width = max(width, len(l.path))
	}
	for _, l := range lines {
		v.line("      %s %-*s = %s%s", v.mark(l.symbol), width, l.path, l.value, l.note)
	}
}

func (v *planView) attribute(c planner.Change, a planner.Attribute) []attributeLine {
	if c.Environment != nil {
		return []attributeLine{v.runtimeAttribute(c, a)}
	}
	if a.Path == "runtime.environment" {
		a.Old, a.New = shortKey(a.Old), shortKey(a.New)
	}
	if c.Action == planner.ActionCreate {
		return []attributeLine{{"+", a.Path, v.value(a.Path, a.New), byNote(a)}}
	}
	note := noteOf(c, a)
	if lines := v.keys(a, note); len(lines) > 0 {
		return lines
	}
	before, after := v.value(a.Path, a.Old), v.value(a.Path, a.New)
	if reflect.DeepEqual(a.Old, a.New) {
		// Only who sets the value differs: the configuration or the default.
		if a.OldDefault {
			before += " (default)"
		}
		if a.NewDefault {
			after += " (default)"
		}
	}
	return []attributeLine{{"~", a.Path, before + " -> " + after, note}}
}

// noteOf says what an attribute does to running workers where that is not plain.
func noteOf(c planner.Change, a planner.Attribute) string {
	note := effectNote(c, a) + byNote(a)
	if a.Path == "code_mode" && a.New == pool.CodeLive {
		note += "   # workers import the directory itself: an edit changes whatever starts next"
	}
	return note
}

// byNote says what will hold workers to a limit.
func byNote(a planner.Attribute) string {
	if a.By == "" {
		return ""
	}
	return "   # by " + string(a.By)
}

func effectNote(c planner.Change, a planner.Attribute) string {
	row := pool.FindRow(pool.PoolSchema(), a.Path)
	rolls := row == nil && c.Address != planner.SettingsAddress || row != nil && row.Effect == pool.EffectRoll
	switch {
	case a.Effect == pool.EffectRoll && c.Action == planner.ActionRecreate:
		return "   # forces recreate"
	case a.Effect == pool.EffectRoll:
		return "   # forces roll"
	case rolls:
		return "   # for workers that start from now on"
	}
	return ""
}

// keys splits the change of a map into one line for each key that differs. It
// returns nothing where that would not tell what differs.
func (v *planView) keys(a planner.Attribute, note string) []attributeLine {
	before, wasMap := a.Old.(map[string]any)
	after, isMap := a.New.(map[string]any)
	if !wasMap && a.Old != nil || !isMap && a.New != nil {
		return nil
	}
	names := map[string]bool{}
	for name := range before {
		names[name] = true
	}
	for name := range after {
		names[name] = true
	}
	var out []attributeLine
	for _, name := range slices.Sorted(maps.Keys(names)) {
		o, had := before[name]
		n, has := after[name]
		path := a.Path + "[" + strconv.Quote(name) + "]"
		switch {
		case !had:
			out = append(out, attributeLine{"+", path, v.value("", n), note})
		case !has:
			out = append(out, attributeLine{"-", path, v.value("", o), note})
		case !reflect.DeepEqual(o, n):
			out = append(out, attributeLine{"~", path, v.value("", o) + " -> " + v.value("", n), note})
		}
	}
	return out
}

// value returns the text of a value, cut unless Verbose.
func (v *planView) value(path string, value any) string {
	if s, ok := value.(string); ok && path == "runtime" && strings.HasPrefix(s, "runtime.") {
		return printable(s)
	}
	text := []rune(literal(value))
	if v.opts.Verbose || len(text) <= valueLimit {
		return string(text)
	}
	return fmt.Sprintf("%s… (%d characters)", string(text[:valueLimit]), len(text))
}

// literal returns a JSON value as the language writes it.
func literal(value any) string {
	switch value := value.(type) {
	case nil:
		return "(none)"
	case string:
		return strconv.Quote(value)
	case float64:
		return strconv.FormatFloat(value, 'f', -1, 64)
	case []any:
		items := make([]string, len(value))
		for i, item := range value {
			items[i] = literal(item)
		}
		return "[" + strings.Join(items, ", ") + "]"
	case map[string]any:
		if len(value) == 0 {
			return "{}"
		}
		items := make([]string, 0, len(value))
		for _, key := range slices.Sorted(maps.Keys(value)) {
			name := key
			if !pool.ValidLabel(key) {
				name = strconv.Quote(key)
			}
			items = append(items, name+" = "+literal(value[key]))
		}
		return "{ " + strings.Join(items, ", ") + " }"
	}
	b, err := json.Marshal(value)
	if err != nil {
		return fmt.Sprint(value)
	}
	return string(b)
}
