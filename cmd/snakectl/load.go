package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/snakectl/snakectl/internal/code"
	"github.com/snakectl/snakectl/internal/pool"
	"github.com/snakectl/snakectl/internal/runtime"
	"github.com/snakectl/snakectl/internal/spec"
)

// varOptions are the flags that give variables their values.
type varOptions struct {
	vars     []string
	varFiles []string
}

func (o *varOptions) bind(cmd *cobra.Command) {
	cmd.Flags().StringArrayVar(&o.vars, "var", nil, "value of a variable, NAME=VALUE; may be repeated")
	cmd.Flags().StringArrayVar(&o.varFiles, "var-file", nil, "file of variable values; may be repeated, later ones win")
}

// configuration is what a directory or file declares, with its interpreters
// probed and its code hashed: all that a plan compares.
type configuration struct {
	config  *spec.Config
	desired pool.Desired
}

// evaluate reads and checks the configuration that the words after a command
// name, without looking at interpreters and code.
func (a *App) evaluate(ctx context.Context, args []string, vars varOptions) (*spec.Config, spec.Diagnostics) {
	path := "."
	if len(args) > 0 {
		path = args[0]
	}
	return spec.Load(ctx, path, spec.Options{
		Vars: vars.vars, VarFiles: vars.varFiles, Env: a.Env, Version: a.Version,
	})
}

// load evaluates the configuration and resolves what it names on this machine.
// Warnings are told on Stderr. All errors are reported at once; the returned
// error then says nothing more.
func (a *App) load(ctx context.Context, args []string, vars varOptions, asJSON bool) (*configuration, error) {
	config, diags := a.evaluate(ctx, args, vars)
	if !diags.HasErrors() {
		conf := &configuration{config: config, desired: config.Desired}
		diags = append(diags, resolveRuntimes(ctx, conf)...)
		diags = append(diags, scanCode(conf)...)
		if !diags.HasErrors() {
			a.tellDiagnostics(diags)
			return conf, nil
		}
	}
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	a.tellDiagnostics(diags)
	if asJSON {
		if err := writeJSON(a.Stdout, validation(diags), a.StdoutTTY); err != nil {
			return nil, err
		}
	}
	return nil, exitWith(exitError)
}

// tellDiagnostics writes diagnostics to Stderr; --quiet keeps the errors.
func (a *App) tellDiagnostics(diags spec.Diagnostics) {
	for i := range diags {
		d := &diags[i]
		if d.Severity == spec.SeverityError || !a.global.quiet {
			fmt.Fprintln(a.Stderr, strings.TrimRight(d.Text(), "\n")+"\n")
		}
	}
}

// resolveRuntimes finds and probes the interpreters.
func resolveRuntimes(ctx context.Context, conf *configuration) spec.Diagnostics {
	var diags spec.Diagnostics
	var cache *runtime.Cache // nil remembers nothing, which only costs time
	if path, err := runtime.DefaultCachePath(); err == nil {
		cache = runtime.OpenCache(path)
	}
	resolved := map[string]pool.Runtime{}
	for _, addr := range sortedKeys(conf.desired.Runtimes) {
		declared := conf.desired.Runtimes[addr]
		rt, err := runtime.Resolve(ctx, declared, conf.config.Root, cache)
		if err != nil {
			diags = append(diags, conf.problem(addr, blames(declared.Declared, err), blamesFor(err), err))
			continue
		}
		resolved[addr] = rt
	}
	_ = cache.Save() // the next run asks the interpreters again
	conf.desired.Runtimes = resolved
	return diags
}

// blames names the attribute that is to blame for an error of a runtime.
func blames(declared pool.RuntimeSpec, err error) string {
	_, packages := errors.AsType[*runtime.PackagesError](err)
	switch {
	case packages && declared.Requirements != "":
		return "requirements"
	case packages && declared.Pyproject != "":
		return "pyproject"
	case packages:
		return "find_links"
	case declared.Interpreter == "" && declared.Version != "":
		return "version"
	}
	return "interpreter"
}

func blamesFor(err error) string {
	if _, packages := errors.AsType[*runtime.PackagesError](err); packages {
		return "The packages of the runtime cannot be read"
	}
	return "The interpreter cannot be used"
}

// scanCode hashes the files that belong to each pool's adapter.
func scanCode(conf *configuration) spec.Diagnostics {
	var diags spec.Diagnostics
	scanner := code.NewScanner()
	conf.desired.Pools = slices.Clone(conf.desired.Pools)
	for i := range conf.desired.Pools {
		p := &conf.desired.Pools[i]
		snapshot, err := scanner.Scan(conf.config.Root, p)
		if err != nil {
			diags = append(diags, conf.problem(p.Address(), "adapter", "The code of the adapter cannot be read", err))
			continue
		}
		p.Snapshot = snapshot
	}
	return diags
}

// problem returns an error about an attribute, with the line that sets it.
func (c *configuration) problem(addr, path, summary string, err error) spec.Diagnostic {
	d := spec.Diagnostic{Severity: spec.SeverityError, Summary: summary, Detail: err.Error(), Pool: addr}
	ranges := c.config.Ranges[addr]
	at, ok := ranges[path]
	if !ok {
		at = ranges[""]
	}
	d.File, d.Block = at.File, at.Block
	d.Line, d.Column, d.EndLine, d.EndColumn = at.Line, at.Column, at.EndLine, at.EndColumn
	// The last line of a snippet is "  12: source".
	snippet := c.config.Snippet(addr, path)
	if _, source, found := strings.Cut(snippet[strings.LastIndexByte(snippet, '\n')+1:], ": "); found {
		d.Snippet = source
	}
	return d
}

// title names what was loaded: "pools.hcl: 2 pools, 1 runtime".
func (c *configuration) title() string {
	names := make([]string, len(c.config.Files))
	for i, file := range c.config.Files {
		names[i] = filepath.Base(file)
	}
	const listed = 3
	if len(names) > listed {
		names = []string{fmt.Sprintf("%d files", len(names))}
	}
	return strings.Join(names, ", ") + ": " + contents(&c.desired)
}

// contents counts what a spec has: "2 pools, 1 runtime".
func contents(d *pool.Desired) string {
	return count(len(d.Pools), "pool") + ", " + count(len(d.Runtimes), "runtime")
}

// count returns a number with its noun: 1 pool, 2 pools.
func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for key := range m {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}
