package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/snakectl/snakectl/internal/library"
	"github.com/snakectl/snakectl/internal/planner"
	"github.com/snakectl/snakectl/internal/pool"
	"github.com/snakectl/snakectl/internal/runtime"
	"github.com/snakectl/snakectl/internal/state"
)

// kinship is how the libraries of one pool fit what it does with them.
type kinship struct {
	Address      string `json:"address"`
	Profile      string `json:"profile"`
	StartMethod  string `json:"start_method"`
	Runtime      string `json:"runtime"`
	Python       string `json:"python"`
	FreeThreaded bool   `json:"free_threaded"`
	// Installed is false while the environment is not built: only names are known then.
	Installed bool `json:"installed"`
	// Uses are what the pool does; Findings hold the others, too.
	Uses     []library.Use     `json:"uses"`
	Findings []library.Finding `json:"findings"`
	// Unknown names the libraries that nothing is known of.
	Unknown []string `json:"unknown"`
	// GIL and Message are what the status says of the running workers.
	GIL     string `json:"gil,omitempty"`
	Message string `json:"message,omitempty"`
}

// matchmaker finds out how libraries fit pools. It looks at each runtime once.
type matchmaker struct {
	store runtime.Store
	// probing allows to import packages.
	probing bool
	// all has every runtime looked at, not only those that may give cause to warn.
	all     bool
	surveys map[string]runtime.Survey
}

// match returns how the libraries of a pool fit it.
func (m *matchmaker) match(ctx context.Context, p *pool.Pool, rt pool.Runtime) (kinship, error) {
	k := kinship{
		Address: p.Address(), Profile: p.Profile, StartMethod: p.StartMethod, Runtime: rt.Name, Python: rt.Python(), FreeThreaded: rt.FreeThreaded,
		Uses: usesOf(p, rt), Findings: []library.Finding{}, Unknown: []string{},
	}
	imported := importsOf(p)
	survey, err := m.survey(ctx, rt, imported)
	if err != nil {
		return k, err
	}
	k.Installed = survey.Installed
	for _, l := range librariesOf(&survey, rt, imported) {
		known := false
		for _, use := range library.Uses {
			f, ok := library.Judge(&l.Library, library.Python{Version: rt.Version, FreeThreaded: rt.FreeThreaded}, use)
			if ok && f.Verdict != library.Unknown {
				f.Evidence = append([]library.Evidence{l.because}, f.Evidence...)
				k.Findings, known = append(k.Findings, f), true
			}
		}
		if !known {
			k.Unknown = append(k.Unknown, l.Name)
		}
	}
	return k, nil
}

// survey looks at a runtime. Unless all are wanted, an interpreter whose packages are not
// the configuration's is asked only where an import gives cause.
func (m *matchmaker) survey(ctx context.Context, rt pool.Runtime, imported map[string]string) (runtime.Survey, error) {
	if s, ok := m.surveys[rt.Name]; ok {
		return s, nil
	}
	noted := false
	for module := range imported {
		noted = noted || library.Noted(module)
	}
	if !m.all && rt.Environment == nil && !rt.FreeThreaded && !noted {
		return runtime.Survey{}, nil
	}
	s, err := m.store.Survey(ctx, rt)
	if err == nil && m.probing {
		err = m.store.ProbeGIL(ctx, rt, &s)
	}
	if err != nil {
		return s, err
	}
	if m.surveys == nil {
		m.surveys = map[string]runtime.Survey{}
	}
	m.surveys[rt.Name] = s
	return s, nil
}

// usesOf returns what a pool does with its libraries.
func usesOf(p *pool.Pool, rt pool.Runtime) []library.Use {
	uses := []library.Use{}
	if p.Profile == pool.ProfileThread {
		uses = append(uses, library.Threads)
	}
	if rt.FreeThreaded {
		uses = append(uses, library.FreeThreaded)
	}
	if p.StartMethod == pool.StartFork && p.CodeMode != pool.CodeLive {
		uses = append(uses, library.Fork)
	}
	return uses
}

// used is a library of a pool, and why it counts as one.
type used struct {
	library.Library
	because library.Evidence
}

// librariesOf returns the libraries that a pool may import: those of its environment, and
// those that its code imports, wherever they lie.
func librariesOf(survey *runtime.Survey, rt pool.Runtime, imported map[string]string) []used {
	var out []used
	take := func(l *library.Library, layer library.Layer, format string, args ...any) {
		if !slices.ContainsFunc(out, func(u used) bool { return u.Name == l.Name }) {
			out = append(out, used{*l, library.Evidence{Layer: layer, Fact: fmt.Sprintf(format, args...)}})
		}
	}
	for _, module := range sortedKeys(imported) {
		if l := library.Find(survey.Libraries, module); l != nil {
			take(l, library.FromCode, "%s imports %s", imported[module], module)
		}
	}
	if rt.Environment != nil {
		for i := range survey.Libraries {
			layer, verb := library.FromLock, "names it"
			if survey.Installed {
				layer, verb = library.FromInstalled, "holds it"
			}
			take(&survey.Libraries[i], layer, "%s %s", rt.Name, verb)
		}
	}
	slices.SortFunc(out, func(a, b used) int { return strings.Compare(a.Name, b.Name) })
	return out
}

// The bounds of what is read to find the imports of an adapter.
const (
	mostSources   = 1000
	longestSource = 1 << 20
)

// importsOf returns the modules that the code of a pool imports, each with who does. A
// file that cannot be read, or any more, imports nothing.
func importsOf(p *pool.Pool) map[string]string {
	out := map[string]string{}
	for _, reference := range p.Preload {
		if !strings.HasSuffix(strings.Split(reference, ":")[0], ".py") {
			module, _, _ := strings.Cut(strings.Split(reference, ":")[0], ".")
			out[module] = "preload"
		}
	}
	read := 0
	for _, name := range sortedKeys(p.Snapshot.Files) {
		path := filepath.Join(p.Snapshot.Root, filepath.FromSlash(name))
		info, err := os.Stat(path)
		if !strings.HasSuffix(name, ".py") || err != nil || info.Size() > longestSource || read >= mostSources {
			continue
		}
		read++
		text, err := os.ReadFile(path)
		if err != nil {
			continue
		}
		for _, module := range library.Imports(string(text)) {
			if _, known := out[module]; !known {
				out[module] = name
			}
		}
	}
	return out
}

// unfit returns what does not fit what the pool does.
func (k *kinship) unfit() []library.Finding {
	var out []library.Finding
	for _, f := range k.Findings {
		if f.Verdict == library.Unfit && slices.Contains(k.Uses, f.Use) {
			out = append(out, f)
		}
	}
	return out
}

// libraryAdvice returns what to do about libraries that do not fit the accepted pools, by
// address. Where that cannot be looked at there is nothing to advise.
func (a *App) libraryAdvice(ctx context.Context) map[string][]recommendation {
	out := map[string][]recommendation{}
	dir, err := a.instanceDir()
	if err != nil {
		return out
	}
	view, err := state.ReadCopy(dir)
	if err != nil {
		return out
	}
	desired := view.Observed().Accepted
	if desired == nil {
		return out
	}
	m := matchmaker{store: environmentsOf(dir)}
	for i := range desired.Pools {
		p := &desired.Pools[i]
		k, err := m.match(ctx, p, desired.Runtimes[p.Runtime])
		if err != nil {
			continue
		}
		for _, f := range k.unfit() {
			out[k.Address] = append(out[k.Address], recommendation{
				Do:       f.Remedy + "; see \"snakectl compat " + typed.Replace(k.Address) + "\"",
				Measured: fmt.Sprintf("%s does not fit %s: %s", strings.TrimSpace(f.Library+" "+f.Version), useNouns[f.Use], f.Why),
			})
		}
	}
	return out
}

// warn adds to a plan what does not fit. It looks at files and builds, imports and
// probes nothing; what it cannot look at is told and left out.
func (a *App) warn(ctx context.Context, w *wish, plan *planner.Plan) {
	if w.conf == nil || plan == nil {
		return
	}
	dir, err := a.instanceDir()
	if err != nil {
		return // whoever asked for the plan was told
	}
	m := matchmaker{store: environmentsOf(dir)}
	for i := range w.conf.desired.Pools {
		p := &w.conf.desired.Pools[i]
		k, err := m.match(ctx, p, w.conf.desired.Runtimes[p.Runtime])
		if err != nil {
			a.say("Warning: the libraries of %s are not judged: %v", p.Address(), err)
			continue
		}
		for _, f := range k.unfit() {
			plan.Warnings = append(plan.Warnings, planner.Warning{Address: k.Address, Finding: f})
		}
	}
}
