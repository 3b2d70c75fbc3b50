package spec

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	hcljson "github.com/hashicorp/hcl/v2/json"

	"github.com/snakectl/snakectl/internal/pool"
)

// Options are the inputs of a configuration beside its files.
type Options struct {
	// Vars are NAME=VALUE pairs of --var, later ones win.
	Vars []string
	// VarFiles are paths of --var-file, later ones win; Vars win over them.
	VarFiles []string
	// Env is an environment, as os.Environ returns it; SNAKECTL_VAR_NAME counts.
	Env []string
	// Version is checked against required_version; empty checks nothing.
	Version string
	// Host is what the configuration sees as host; nil means this machine.
	Host *Host
}

// Config is an evaluated configuration.
type Config struct {
	// Desired holds the declared pools and the runtimes they use, keyed by
	// address. Interpreters are as written and snapshots are empty.
	Desired pool.Desired
	// Root is the absolute directory of the configuration.
	Root string
	// Files are the files that were read, as diagnostics name them.
	Files []string
	// Ranges tells where a value was set: address -> schema path -> place. The
	// path "" is the header of the block itself.
	Ranges map[string]map[string]Range
	// Variables are the declared variables with their values, by name.
	Variables []Variable

	sources *sources
}

// Snippet returns the place where the attribute at path of addr was set, with
// its source line, as diagnostics show it; the block's header when the
// configuration does not set it, and "" when there is no such address.
func (c *Config) Snippet(addr, path string) string {
	ranges := c.Ranges[addr]
	at, ok := ranges[path]
	if !ok {
		if at, ok = ranges[""]; !ok {
			return ""
		}
	}
	return Diagnostic{File: at.File, Line: at.Line, Block: at.Block, Snippet: c.sources.line(at.File, at.Line)}.where()
}

// Line returns a line of a file that was read, as diagnostics name it.
func (c *Config) Line(file string, line int) string { return c.sources.line(file, line) }

// Load reads the *.hcl and *.hcl.json files of a directory, or one such file,
// and evaluates them. All problems that can be told apart are reported at once.
// The config is nil when they include an error.
func Load(ctx context.Context, dirOrFile string, opts Options) (*Config, Diagnostics) {
	l := newLoader(opts)
	cfg := l.load(ctx, dirOrFile)
	slices.SortStableFunc(l.list, func(a, b Diagnostic) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line))
	})
	if l.errors {
		return nil, l.list
	}
	return cfg, l.list
}

// loader holds what one Load has learnt so far. Each step adds to it and to its
// diagnostics; a step that needs what a failed one would have found is left out.
type loader struct {
	*reporter
	opts    Options
	host    Host
	root    string
	files   []string
	blocks  blockSet
	scope   *scope
	ranges  map[string]map[string]Range
	desired pool.Desired
	// hidden: files are being read whose lines are shown in no diagnostic.
	hidden bool
	// declared and inputs are the variables and their values from outside.
	declared map[string]*variable
	inputs   map[string]*input
	// template is a pool of defaults alone; see pool.
	template *pool.Pool
}

func newLoader(opts Options) *loader {
	l := &loader{
		reporter: newReporter(&sources{files: map[string]*hcl.File{}}),
		opts:     opts,
		ranges:   map[string]map[string]Range{},
	}
	if opts.Host != nil {
		l.host = *opts.Host
	} else {
		l.host = thisHost()
	}
	return l
}

func (l *loader) load(ctx context.Context, dirOrFile string) *Config {
	names, ok := l.find(dirOrFile)
	if !ok {
		return nil
	}
	for _, name := range names {
		if err := ctx.Err(); err != nil {
			l.add(Diagnostic{Severity: SeverityError, Summary: fmt.Sprintf("cannot read %s: %v", dirOrFile, err)})
			return nil
		}
		if body := l.parse(name); body != nil {
			l.files = append(l.files, name)
			l.collect(body)
		}
	}
	if l.errors {
		return nil // what a file with a syntax error declares is not known
	}
	l.checkVersion()
	l.buildScope()
	l.decodeSettings()
	l.decodeRuntimes()
	l.decodePools()
	l.desired.Sort()
	l.decodeMoved()
	l.checkConfiguration()
	l.decodeChecks()
	return &Config{Desired: l.desired, Root: l.root, Files: l.files, Ranges: l.ranges, Variables: l.variables(), sources: l.sources}
}

// find sets the root and returns the names of the configuration's files.
func (l *loader) find(dirOrFile string) ([]string, bool) {
	fail := func(summary, next string) ([]string, bool) {
		l.add(Diagnostic{Severity: SeverityError, Summary: summary, Detail: next})
		return nil, false
	}
	info, err := os.Stat(dirOrFile)
	if err != nil {
		return fail(fmt.Sprintf("cannot read the configuration: %v", err), "Name a directory with *.hcl files, or one such file.")
	}
	abs, err := filepath.Abs(dirOrFile)
	if err != nil {
		return fail(fmt.Sprintf("cannot read the configuration: %v", err), "")
	}
	if !info.IsDir() {
		if !isConfigFile(dirOrFile) {
			return fail(fmt.Sprintf("%s is not a configuration file", dirOrFile), "The name of a configuration file ends in .hcl or .hcl.json.")
		}
		l.root = filepath.Dir(abs)
		return []string{filepath.Clean(dirOrFile)}, true
	}
	l.root = abs
	entries, err := os.ReadDir(dirOrFile)
	if err != nil {
		return fail(fmt.Sprintf("cannot read the configuration: %v", err), "")
	}
	var names []string
	for _, e := range entries {
		if !e.IsDir() && isConfigFile(e.Name()) && !strings.HasPrefix(e.Name(), ".") {
			names = append(names, filepath.Join(dirOrFile, e.Name()))
		}
	}
	if len(names) == 0 {
		return fail(fmt.Sprintf("no *.hcl file in %s", dirOrFile), "Name another directory, or run snakectl init to begin one here.")
	}
	return names, true
}

func isConfigFile(name string) bool {
	return strings.HasSuffix(name, ".hcl") || strings.HasSuffix(name, ".hcl.json")
}

// parse reads, guards and parses one file.
func (l *loader) parse(name string) hcl.Body {
	src, diag := readBounded(name)
	if diag != nil {
		l.hcl(hcl.Diagnostics{diag}, "")
		return nil
	}
	file, diags := parseSource(src, name)
	if file == nil {
		file = &hcl.File{Bytes: src} // the text alone, for the snippet
	}
	if !l.hidden {
		l.sources.files[name] = file
	}
	l.hcl(diags, "")
	if diags.HasErrors() {
		return nil
	}
	return file.Body
}

// readBounded reads a file, at most one byte more than a configuration may hold.
func readBounded(name string) ([]byte, *hcl.Diagnostic) {
	nowhere := hcl.Range{Filename: name, Start: hcl.InitialPos, End: hcl.InitialPos}
	f, err := os.Open(name)
	if err != nil {
		return nil, guardError(nowhere, "Cannot read file", err.Error())
	}
	defer f.Close()
	if info, err := f.Stat(); err == nil {
		if d := checkSize(name, info.Size()); d != nil {
			return nil, d
		}
	}
	src, err := io.ReadAll(io.LimitReader(f, maxFileBytes+1))
	if err != nil {
		return nil, guardError(nowhere, "Cannot read file", err.Error())
	}
	return src, nil
}

// parseSource is the only way from bytes to a parsed file: the guards first.
func parseSource(src []byte, name string) (*hcl.File, hcl.Diagnostics) {
	if strings.HasSuffix(name, ".json") {
		if d := checkJSON(src, name); d != nil {
			return nil, hcl.Diagnostics{d}
		}
		return hcljson.Parse(src, name)
	}
	if d := checkNative(src, name); d != nil {
		return nil, hcl.Diagnostics{d}
	}
	return hclsyntax.ParseConfig(src, name, hcl.InitialPos)
}
