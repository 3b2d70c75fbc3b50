package supervisor

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/snakectl/snakectl/internal/event"
	"github.com/snakectl/snakectl/internal/pool"
)

// poisonAfter is how many workers in a row have to die of a command until it is
// called poisonous.
const poisonAfter = 3

// suspects holds the commands that the last worker that ran them died of, by name.
// One worker that lives through a command clears it, whatever the call came to.
type suspects map[string]suspect

// suspect is a command that workers died of, one after the other.
type suspect struct {
	deaths int
	// last says how the last one ended, in a few words.
	last string
}

// died counts a death against a command and returns what is known of it now.
func (s suspects) died(command, how string) suspect {
	now := suspect{deaths: s[command].deaths + 1, last: how}
	s[command] = now
	return now
}

// survived clears a command.
func (s suspects) survived(command string) {
	if len(s) > 0 { // the usual case costs nothing
		delete(s, command)
	}
}

// worst returns the command that most workers died of, if it is poisonous.
func (s suspects) worst() (command string, found bool) {
	for _, name := range slices.Sorted(maps.Keys(s)) {
		if s[name].deaths >= poisonAfter && (!found || s[name].deaths > s[command].deaths) {
			command, found = name, true
		}
	}
	return command, found
}

// describe accuses a poisonous command; it is "" for one that is not.
func (s suspect) describe(command string) string {
	if s.deaths < poisonAfter {
		return ""
	}
	return fmt.Sprintf("command %s killed the last %d workers it ran on; the last one %s", command, s.deaths, cmp.Or(s.last, "died"))
}

// blame counts a death against each command that the worker executed, and tells when
// that makes one poisonous. It returns what its callers should know of the commands,
// usually nothing. It runs in the pool loop.
func (r *runner) blame(d *pool.Death) string {
	commands := map[string]bool{}
	if d.Call != nil {
		for _, c := range append([]pool.DeathCall{*d.Call}, d.Others...) {
			commands[c.Command] = true
		}
	}
	delete(commands, "") // those of a former supervisor
	var texts []string
	for _, command := range slices.Sorted(maps.Keys(commands)) {
		if text := r.accuse(command, d); text != "" {
			texts = append(texts, text)
		}
	}
	return strings.Join(texts, "; ")
}

func (r *runner) accuse(command string, d *pool.Death) string {
	r.dispatcher.mu.Lock()
	s := r.dispatcher.suspects.died(command, d.Summary())
	r.dispatcher.mu.Unlock()
	text := s.describe(command)
	if s.deaths == poisonAfter {
		r.log().Error("a command kills the workers", "command", command, "deaths", s.deaths, "last", s.last)
		r.sup.events.Publish(event.PoolPoisoned{
			OnPool: event.OnPool{Pool: r.addr()}, Command: command, Deaths: s.deaths, Worker: d.Worker, Class: string(d.Class), Death: s.last,
		})
	}
	return text
}

// poison accuses the pool's worst command, if any is poisonous.
func (d *dispatcher) poison() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	command, found := d.suspects.worst()
	if !found {
		return ""
	}
	return d.suspects[command].describe(command)
}

// acquit clears every command: the code is another now.
func (d *dispatcher) acquit() {
	d.mu.Lock()
	defer d.mu.Unlock()
	clear(d.suspects)
}
