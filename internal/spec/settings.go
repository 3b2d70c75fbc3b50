package spec

import (
	"fmt"

	"github.com/snakectl/snakectl/internal/access"
	"github.com/snakectl/snakectl/internal/pool"
)

// defaultInterpreter is what the runtime "default" starts when it is not declared.
const defaultInterpreter = "python3"

// decodeSettings decodes the settings block, or its defaults when there is none.
func (l *loader) decodeSettings() {
	values, places := map[string]any{}, map[string]place{}
	if b := l.sole(blockSettings); b != nil {
		v := newLevel(pool.SettingsSchema())
		l.checkNames(v, b.Body, blockSettings)
		set := l.decodeBody(v, b.Body, l.scope.base, blockSettings, "")
		values, places = set.values, set.places
		l.remember(blockSettings, place{b.DefRange, blockSettings}, set.places)
	}
	l.fill(pool.SettingsSchema(), values, &l.desired.Settings)
	lists := l.desired.Settings.Access
	l.checkAccess(places, "", "access.admin", lists.Admin)
	l.checkAccess(places, "", "access.exec", lists.Exec)
	l.checkAccess(places, "", "access.read", lists.Read)
}

// checkAccess reports the entries of an access list that would let nobody in.
func (l *loader) checkAccess(places map[string]place, addr, path string, entries []string) {
	set, ok := places[path]
	if !ok {
		return // a default, which is looked at where it comes from
	}
	if !l.host.PeerCredentials && len(entries) > 0 {
		l.errorAt(set.at, addr, fmt.Sprintf("%q cannot be kept here", path),
			"This system does not tell for certain who connects to a socket, so nobody but the owner and root can be let in. Remove the list.")
		return
	}
	for _, entry := range entries {
		if _, err := access.Resolve(entry); err != nil {
			l.errorAt(set.at, addr, fmt.Sprintf("Wrong value for %q", path), "%q lets nobody in: %v.", clip(entry), err)
		}
	}
}

// decodeRuntimes decodes the declared runtimes.
func (l *loader) decodeRuntimes() {
	l.desired.Runtimes = map[string]pool.Runtime{}
	v := newLevel(pool.RuntimeSchema())
	for _, b := range l.unique(blockRuntime) {
		addr, header := runtimePrefix+b.Labels[1], title(b.Type, b.Labels)
		l.checkNames(v, b.Body, blockRuntime)
		set := l.decodeBody(v, b.Body, l.scope.base, header, "")
		l.remember(addr, place{b.DefRange, header}, set.places)
		declared := pool.RuntimeSpec{}
		rows := pool.RuntimeSchema()
		l.decodeTree(l.tree(rows, set.values, func(row *pool.Row) bool { return row.Type != pool.TypeBool || row.Default != "" }), &declared)
		l.checkRuntime(&declared, b.DefRange, set.places)
		l.desired.Runtimes[addr] = pool.Runtime{Name: addr, Declared: declared}
	}
}

// useRuntimes keeps the runtimes that pools use and adds the implied one.
func (l *loader) useRuntimes() {
	used := map[string]bool{}
	for i := range l.desired.Pools {
		used[l.desired.Pools[i].Runtime] = true
	}
	implied := runtimePrefix + defaultRuntime
	if _, declared := l.desired.Runtimes[implied]; used[implied] && !declared {
		l.desired.Runtimes[implied] = pool.Runtime{Name: implied, Declared: pool.RuntimeSpec{Interpreter: defaultInterpreter}}
	}
	for _, b := range l.blocks.of(blockRuntime) {
		addr := runtimePrefix + b.Labels[1]
		if _, declared := l.desired.Runtimes[addr]; declared && !used[addr] {
			delete(l.desired.Runtimes, addr)
			l.warnAt(b.DefRange, fmt.Sprintf("%s is not used", addr), "No pool names it, so it is not looked for. Write runtime = %s into a pool, or remove it.", addr)
		}
	}
}
