package spec

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/hashicorp/hcl/v2"

	"github.com/snakectl/snakectl/internal/code/glob"
	"github.com/snakectl/snakectl/internal/pool"
)

const (
	maxLabels       = 32
	reservedEnv     = "SNAKEPIT_"
	sizePerCPU      = 2
	maxPools        = 10_000
	adapterExamples = `"./adapter.py", "./adapter.py:Class", "package.module" or "package.module:Class"`
)

// dottedName matches a.b.c, the form of modules and of what they hold.
var dottedName = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^[\pL_][\pL\pN_]*(\.[\pL_][\pL\pN_]*)*$`)
})

// poolRules checks one pool for what no single row of the schema can say.
type poolRules struct {
	*loader
	pool   *pool.Pool
	header hcl.Range
	places map[string]place
}

func (l *loader) checkPool(p *pool.Pool, header hcl.Range, places map[string]place) {
	r := poolRules{l, p, header, places}
	r.checkAdapter()
	r.checkProfile()
	r.checkPaths()
	r.checkEnv()
	r.checkUpdate()
	r.checkHealth()
	r.checkLimits()
	r.checkDevices()
	r.checkBreaker()
	r.checkIgnored()
	r.checkAccess(places, p.Address(), "access.exec", p.Access.Exec)
}

// at returns where an attribute was set, or the header of the pool.
func (r poolRules) at(path string) hcl.Range {
	if p, ok := r.places[path]; ok {
		return p.at
	}
	return r.header
}

func (r poolRules) fail(path, format string, args ...any) {
	r.errorAt(r.at(path), r.pool.Address(), fmt.Sprintf("Wrong value for %q", path), format, args...)
}

// checkAdapter checks the form of the adapter and, for a file, that it is there.
func (r poolRules) checkAdapter() {
	if _, ok := r.places[attrAdapter]; !ok {
		return
	}
	where, name, named := strings.Cut(r.pool.Adapter, ":")
	if named && !dottedName().MatchString(name) {
		r.fail(attrAdapter, "After the colon of an adapter comes the name of a class, not %q. Write %s.", clip(name), adapterExamples)
		return
	}
	if !strings.HasSuffix(where, ".py") && !strings.ContainsAny(where, "/\\") {
		if !dottedName().MatchString(where) {
			r.fail(attrAdapter, "%q names neither a module nor a file. Write %s.", clip(r.pool.Adapter), adapterExamples)
		}
		return
	}
	if !strings.HasPrefix(where, "./") || !strings.HasSuffix(where, ".py") {
		r.fail(attrAdapter, "The file of an adapter is written with ./ before it and .py after it, relative to the configuration's directory, not %q.", clip(where))
		return
	}
	if !filepath.IsLocal(where) {
		r.fail(attrAdapter, "%q lies outside the configuration's directory.", where)
		return
	}
	info, err := os.Stat(filepath.Join(r.root, where))
	if err != nil || !info.Mode().IsRegular() {
		r.fail(attrAdapter, "There is no file %s in %s.", where, r.root)
	}
}

// checkProfile refuses what only workers with threads have, and gives others the one
// slot that they have.
func (r poolRules) checkProfile() {
	if r.pool.Profile == pool.ProfileThread {
		return
	}
	r.pool.ThreadsPerWorker = 1
	for _, path := range []string{"threads_per_worker", "gil", "check"} {
		if _, set := r.places[path]; set {
			r.fail(path, "%s is for pools with profile = %q; the workers of %s have one thread. Set the profile, or remove %s.", path, pool.ProfileThread, r.pool.Address(), path)
		}
	}
}

// checkPaths makes paths relative to the root, and the code patterns sound.
func (r poolRules) checkPaths() {
	p := r.pool
	for i, dir := range p.PythonPath {
		rel, inside := r.relative(dir)
		switch {
		case !inside:
			r.fail("python_path", "%q lies outside the configuration's directory.", dir)
		case !isDir(filepath.Join(r.root, rel)):
			r.fail("python_path", "%q is not a directory in %s.", dir, r.root)
		}
		p.PythonPath[i] = rel
	}
	for _, pattern := range p.Code {
		if err := glob.Check(pattern); err != nil {
			r.fail("code", "%v.", err)
		}
	}
	dir := filepath.Join(r.root, p.WorkingDir)
	if filepath.IsAbs(p.WorkingDir) {
		dir = filepath.Clean(p.WorkingDir)
	}
	if !isDir(dir) {
		r.fail("working_dir", "%s is not a directory. Create it, or name another one.", dir)
	}
	if rel, inside := r.relative(p.WorkingDir); inside {
		p.WorkingDir = rel
	} else {
		p.WorkingDir = dir
	}
}

// relative returns a path as it is written below the root, with slashes.
func (r poolRules) relative(path string) (rel string, inside bool) {
	rel = filepath.Clean(path)
	if filepath.IsAbs(rel) {
		var err error
		if rel, err = filepath.Rel(r.root, rel); err != nil {
			return path, false
		}
	}
	return filepath.ToSlash(rel), filepath.IsLocal(rel)
}

func isDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

func (r poolRules) checkEnv() {
	for _, name := range slices.Sorted(maps.Keys(r.pool.Env)) {
		switch {
		case strings.HasPrefix(name, reservedEnv):
			r.fail("env", "%s cannot be set: names that begin with %s belong to the worker.", name, reservedEnv)
		case name == "" || strings.ContainsAny(name, "=\x00"):
			r.fail("env", "%q cannot be the name of an environment variable.", clip(name))
		case strings.Contains(r.pool.Env[name], "\x00"):
			r.fail("env", "The value of %s holds a zero byte.", name)
		}
	}
	if n := len(r.pool.Labels); n > maxLabels {
		r.fail("labels", "A pool takes %d labels at most, not %d.", maxLabels, n)
	}
}

func (r poolRules) checkUpdate() {
	u := r.pool.Update
	if u.Surge == 0 && u.MaxUnavailable == 0 {
		r.fail(r.firstSet("update.surge", "update.max_unavailable"),
			"update.surge + update.max_unavailable must be at least 1: a roll could neither start a worker nor stop one.")
	}
	if u.AutoPromote && u.Canary == 0 {
		r.fail("update.auto_promote", "update.auto_promote is of no use without update.canary, which says how many places change first.")
	}
	if u.Canary != 0 && u.Strategy == pool.StrategyRecreate {
		r.fail(r.firstSet("update.canary", "update.strategy"),
			"update.canary cannot be with update.strategy = %q, which stops every worker first. Remove one of them.", pool.StrategyRecreate)
	}
	if u.HealthyDeadline >= u.ProgressDeadline {
		r.fail(r.firstSet("update.healthy_deadline", "update.progress_deadline"),
			"update.healthy_deadline (%s) must be shorter than update.progress_deadline (%s).", u.HealthyDeadline, u.ProgressDeadline)
	}
	if u.MinHealthyTime >= u.HealthyDeadline {
		r.fail(r.firstSet("update.min_healthy_time", "update.healthy_deadline"),
			"update.min_healthy_time (%s) must be shorter than update.healthy_deadline (%s).", u.MinHealthyTime, u.HealthyDeadline)
	}
}

// firstSet returns the first of the paths that the configuration sets.
func (r poolRules) firstSet(paths ...string) string {
	for _, path := range paths {
		if _, ok := r.places[path]; ok {
			return path
		}
	}
	return paths[0]
}

// checkConfiguration checks what concerns several pools.
func (l *loader) checkConfiguration() {
	if len(l.desired.Pools) > maxPools {
		l.add(Diagnostic{Severity: SeverityError, Summary: fmt.Sprintf("%d pools are too many", len(l.desired.Pools)), Detail: fmt.Sprintf("A configuration may declare %d.", maxPools)})
	}
	first := ""
	for i := range l.desired.Pools {
		p := &l.desired.Pools[i]
		switch {
		case !p.Default:
		case first == "":
			first = p.Address()
		default:
			l.addAt(p.Address(), "default", SeverityError, "More than one default pool",
				fmt.Sprintf("%s and %s both say default = true. Keep it in one of them.", first, p.Address()))
		}
	}
	l.checkDependencies()
	l.checkSizes()
	l.useRuntimes()
}

// checkSizes warns, once, of pools that are larger than the machine.
func (l *loader) checkSizes() {
	limit := sizePerCPU * l.host.CPUs
	var large []*pool.Pool
	for i := range l.desired.Pools {
		if p := &l.desired.Pools[i]; p.Size > limit {
			large = append(large, p)
		}
	}
	if len(large) == 0 {
		return
	}
	p, others := large[0], ""
	if len(large) > 1 {
		others = fmt.Sprintf(", and %d more pools are like it", len(large)-1)
	}
	l.addAt(p.Address(), "size", SeverityWarning, "More workers than the machine has cores for",
		fmt.Sprintf("%s has %d workers%s, each a process that executes one call at a time; this machine has %d cores. "+
			"Calls that wait for something else than the processor are fine.", p.Address(), p.Size, others, l.host.CPUs))
}

// addAt adds a diagnostic that points at an attribute of a pool.
func (l *loader) addAt(addr, path string, severity Severity, summary, detail string) {
	at := l.ranges[addr][path]
	l.add(Diagnostic{
		Severity: severity, Summary: summary, Detail: detail, Pool: addr, Block: at.Block,
		File: at.File, Line: at.Line, Column: at.Column, EndLine: at.EndLine, EndColumn: at.EndColumn,
		Snippet: l.sources.line(at.File, at.Line),
	})
}

func (r poolRules) checkHealth() {
	h := r.pool.Health
	if h.Timeout > h.Interval {
		r.fail("health.timeout", "health.timeout (%s) must not be longer than health.interval (%s).", h.Timeout, h.Interval)
	}
}

// checkLimits refuses limits that nothing would hold a worker to.
func (r poolRules) checkLimits() {
	if r.host.Limits {
		return
	}
	for _, path := range []string{"limits.memory", "limits.nofile"} {
		if _, set := r.places[path]; set {
			r.fail(path, "%s works on Linux alone: this system cannot limit another process. Remove it here, for example with a variable.", path)
		}
	}
}

// checkBreaker refuses what would be of no effect.
func (r poolRules) checkBreaker() {
	if r.pool.Breaker.Failures > 0 {
		return
	}
	for _, path := range []string{"breaker.reset", "breaker.half_open"} {
		if _, set := r.places[path]; set {
			r.fail(path, "%s is of no use without breaker.failures, which turns the breaker on.", path)
		}
	}
}
