package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/snakectl/snakectl/internal/planner"
	"github.com/snakectl/snakectl/internal/pool"
	"github.com/snakectl/snakectl/internal/runtime"
)

// environmentWords says in words what happens to the environment of a runtime.
func environmentWords(c planner.Change) string {
	e, text := c.Environment, ""
	switch {
	case e.Cached && c.Action == planner.ActionCreate:
		text = "use the environment that is built"
	case e.Cached:
		text = "switch to an environment that is built"
	case c.Action == planner.ActionCreate:
		text = "build environment"
	case c.Action == planner.ActionRepair:
		text = "build environment again   (it is gone)"
	default:
		text = "rebuild environment"
	}
	if e.OldPython != "" && e.OldPython != e.Python {
		text += fmt.Sprintf(" (%s -> %s)", e.OldPython, e.Python)
	}
	if e.OldKey != "" && len(e.Pools) > 0 {
		text += ", rolls " + strings.Join(e.Pools, ", ")
	}
	return text
}

// runtimeAttribute is one line about a runtime.
func (v *planView) runtimeAttribute(c planner.Change, a planner.Attribute) attributeLine {
	l := attributeLine{symbol: "~", path: a.Path}
	e := c.Environment
	switch {
	case a.Path == "environment" && e.Cached:
		l.note = "   (built already)"
	case a.Path == "environment":
		l.note = "   (will be built)"
	case (a.Path == "requirements" || a.Path == "packages") && a.New != nil:
		l.note = fmt.Sprintf("   (%s%s)", count(e.Packages, "package"), map[bool]string{true: ", with hashes"}[e.Hashed])
	}
	text := func(value any) string {
		if a.Path == "environment" {
			value = shortKey(value)
		}
		return v.value(a.Path, value)
	}
	l.value = text(a.New)
	if a.Old == nil {
		l.symbol = "+"
	} else {
		l.value = text(a.Old) + " -> " + l.value
	}
	return l
}

// shortKey cuts the key of an environment for people.
func shortKey(value any) any {
	if key, ok := value.(string); ok && key != "" {
		return runtime.Short(key)
	}
	return nil
}

// buildProgress says how far the build of an environment is.
func buildProgress(ev pool.Event) string {
	phase := runtime.Phase(or(textOf(ev.Data, "phase"), ev.Msg))
	words := map[runtime.Phase]string{
		runtime.PhaseWaiting: "waiting for another build", runtime.PhaseCreating: "creating the environment",
		runtime.PhaseResolving: "resolving packages", runtime.PhaseInstalling: "installing packages", runtime.PhaseCompiling: "compiling packages",
	}
	text := or(words[phase], string(phase))
	done, total := number(ev.Data, "done"), number(ev.Data, "total")
	switch {
	case total > 0:
		text += fmt.Sprintf(" %d/%d", min(done, total), total)
	case done > 0:
		text += fmt.Sprintf(" %d", done)
	}
	if name := textOf(ev.Data, "package"); name != "" {
		text += " " + printable(name)
	}
	return text
}

func buildResult(ev pool.Event) string {
	if built, _ := ev.Data["built"].(bool); !built {
		return "environment is built already"
	}
	return "environment built in " + seconds(number(ev.Data, "ms"))
}

// renderRuntimeFailure says why an environment cannot be built, in the words of the
// installer.
func renderRuntimeFailure(ev pool.Event, snippet string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: its environment cannot be built\n\n", ev.Addr)
	if snippet != "" {
		b.WriteString(snippet + "\n\n")
	}
	e := callErrorOf(ev.Data)
	if e == nil {
		b.WriteString(or(ev.Msg, "No reason was given.") + "\n")
		return b.String()
	}
	fmt.Fprintf(&b, "%s%s\n", strings.TrimSpace(e.Message), endOf(e.Stderr))
	b.WriteString(indent(e.Stderr, "    "))
	if e.Hint != "" {
		b.WriteString(e.Hint + "\n")
	}
	return b.String()
}

// runtimeSnippet returns the lines of the configuration that name a runtime's packages.
func (w *wish) runtimeSnippet(addr string) string {
	if w.conf == nil {
		return ""
	}
	declared, path := w.conf.desired.Runtimes[addr].Declared, "packages"
	switch {
	case declared.Requirements != "":
		path = "requirements"
	case declared.Pyproject != "":
		path = "pyproject"
	}
	return w.conf.config.Snippet(addr, path)
}

// listedEnvironment is one line of `snakectl runtime ls`.
type listedEnvironment struct {
	runtime.Built
	// InUse: a supervisor, a kept revision or a worker needs it.
	InUse bool `json:"in_use"`
}

func renderEnvironments(list []listedEnvironment, now time.Time) string {
	rows := [][]string{{"ENVIRONMENT", "PYTHON", "PACKAGES", "INSTALLER", "BUILT", "USE", "RUNTIME"}}
	for i := range list {
		e := &list[i]
		version, use := e.Version, "unused"
		if e.FreeThreaded {
			version += "t"
		}
		if e.InUse {
			use = "in use"
		}
		rows = append(rows, cells(runtime.Short(e.Key), version, len(e.Packages), e.Installer, age(e.BuiltAt, now)+" ago", use, e.Name))
	}
	return table(rows)
}
