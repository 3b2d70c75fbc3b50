package lifecycle_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/snakectl/snakectl/internal/lifecycle"
	"github.com/snakectl/snakectl/internal/pool"
)

// fataler is what the world needs of a test, of a rapid one too.
type fataler interface {
	Helper()
	Fatalf(format string, args ...any)
}

var _ fataler = (*testing.T)(nil)

// process is one worker as the simulated world knows it.
type process struct {
	id     string
	place  int
	launch string
	// ready: it answered and its connections stand; admitted: it may take calls;
	// leaving: it was told to drain, was signalled or killed.
	ready, admitted, leaving bool
	// spent: it takes no call any more.
	spent bool
	// deaf processes end by SIGKILL alone.
	deaf bool
}

// happens is something that the world does at a time of its own.
type happens struct {
	at time.Time
	do func()
}

// world carries the machine's commands out, in simulated time: processes start,
// become ready, drain and die. It checks every command as it comes.
type world struct {
	t      fataler
	m      *lifecycle.Machine
	now    time.Time
	next   int
	living map[string]*process
	agenda []happens
	target lifecycle.Target
	// fallback is where the machine may revert to.
	fallback lifecycle.Target
	stopped  bool

	// broken launches exit before they are ready; silent ones never become ready.
	broken, silent map[string]bool
	// crashes says how long after they were ready the workers of a launch hash die.
	crashes map[string]time.Duration
	// readyAfter and drainAfter are how long a start and a drain take.
	readyAfter, drainAfter time.Duration
	// deaf makes the workers that start from now on ignore DRAIN and signals.
	deaf bool

	commands []string // everything but Tell, as text
	tells    []lifecycle.Tell
	events   []stamped // for a replay
	steps    int
	// used is when a worker was last used, most the replacements that were starting.
	used map[string]time.Time
	most int
	idle int // wakes in a row that led to nothing
}

type stamped struct {
	at    time.Time
	event lifecycle.Event
}

func newWorld(t fataler) *world {
	w := &world{
		t: t, now: time.Unix(1000, 0), living: map[string]*process{}, used: map[string]time.Time{}, broken: map[string]bool{}, silent: map[string]bool{}, crashes: map[string]time.Duration{},
		readyAfter: 10 * time.Millisecond, drainAfter: 5 * time.Millisecond,
	}
	w.m = lifecycle.New(w.newID)
	return w
}

func (w *world) newID() string {
	w.next++
	return idOf(w.next)
}

func idOf(n int) string { return fmt.Sprintf("w%d", n) }

// spec is a pool with the values that the tests rely on.
func spec(change func(*pool.Pool)) pool.Pool {
	p := pool.Pool{
		Name: "api", StartTimeout: pool.Duration(2 * time.Second), StopGrace: pool.Duration(time.Second), StopSignal: "TERM",
		Startup: pool.Startup{Parallelism: 16},
		Restart: pool.Restart{
			Backoff: pool.Duration(200 * time.Millisecond), MaxBackoff: pool.Duration(5 * time.Second),
			MaxRestarts: 3, Window: pool.Duration(time.Minute),
		},
		Update: pool.Update{Strategy: pool.StrategyRolling, Surge: 1, MinHealthyTime: pool.Duration(100 * time.Millisecond)},
	}
	if change != nil {
		change(&p)
	}
	return p
}

// configure sets the target; change may alter the usual spec.
func (w *world) configure(launch string, size int, change func(*pool.Pool)) {
	w.t.Helper()
	w.step(lifecycle.Configure{Target: lifecycle.Target{Spec: spec(change), Launch: launch, Size: size}})
}

// step feeds one event and what comes of it at once, as the pool loop does.
func (w *world) step(e lifecycle.Event) {
	w.t.Helper()
	for pending := []lifecycle.Event{e}; len(pending) > 0; pending = pending[1:] {
		w.mark(pending[0])
		before, size := w.serving(), w.target.Size
		switch e := pending[0].(type) {
		case lifecycle.Configure:
			w.target, w.fallback = e.Target, e.Fallback
		case lifecycle.Resize:
			w.target.Size = e.Size
		case lifecycle.Stop:
			w.stopped = true
		}
		if w.steps++; w.steps > 20_000 {
			w.t.Fatalf("20000 steps do not end:\n%s", w.tail())
		}
		w.events = append(w.events, stamped{w.now, pending[0]})
		commands := w.m.Step(w.now, pending[0])
		gaps := w.gaps()
		for _, c := range commands {
			if following := w.carryOut(c); following != nil {
				pending = append(pending, following)
			}
		}
		if _, fault := pending[0].(lifecycle.Stuck); !fault {
			w.checkCapacity(before, size, gaps)
		}
		w.checkPlaces()
		w.checkRecycling()
	}
}

// mark notes what an event says of a process, before the machine hears of it.
func (w *world) mark(e lifecycle.Event) {
	switch e := e.(type) {
	case lifecycle.Spent:
		if p := w.living[e.Worker]; p != nil {
			p.spent = true
		}
	case lifecycle.Unresponsive:
		if p := w.living[e.Worker]; p != nil {
			p.ready = false
		}
	}
}

func (w *world) carryOut(c lifecycle.Command) lifecycle.Event {
	w.t.Helper()
	if tell, ok := c.(lifecycle.Tell); ok {
		w.tells = append(w.tells, tell)
		return nil
	}
	w.commands = append(w.commands, describe(c))
	switch c := c.(type) {
	case lifecycle.Start:
		return w.start(c)
	case lifecycle.AskUse:
		return lifecycle.Used{Worker: c.Worker, At: w.used[c.Worker]}
	case lifecycle.Dump:
		w.alive(c.Worker, c)
	case lifecycle.Admit:
		p := w.alive(c.Worker, c)
		if p.admitted && p.leaving {
			w.t.Fatalf("%s admits a worker that is leaving", describe(c))
		}
		p.admitted = true
	case lifecycle.Drain:
		p := w.alive(c.Worker, c)
		p.leaving = true
		if !p.deaf {
			w.after(w.drainAfter, func() { w.exit(p.id, "exited with status 0") })
		}
	case lifecycle.Signal:
		p := w.alive(c.Worker, c)
		p.leaving = true
		if !p.deaf {
			w.after(time.Millisecond, func() { w.exit(p.id, "was killed by SIGTERM") })
		}
	case lifecycle.Kill:
		if strings.HasPrefix(c.Reason, "internal error") {
			w.t.Fatalf("%s", describe(c))
		}
		p := w.alive(c.Worker, c)
		p.leaving = true
		w.after(time.Millisecond, func() { w.exit(p.id, "was killed by SIGKILL") })
	case lifecycle.Revert:
		w.target = w.fallback
	}
	return nil
}

// sorted returns the living processes in the order of their starts.
func (w *world) sorted() []*process {
	var out []*process
	for n := range w.next + 1 {
		if p := w.living[idOf(n)]; p != nil {
			out = append(out, p)
		}
	}
	return out
}

func (w *world) start(c lifecycle.Start) lifecycle.Event {
	w.t.Helper()
	if w.living[c.Worker] != nil {
		w.t.Fatalf("%s starts a worker that lives", describe(c))
	}
	p := &process{id: c.Worker, place: c.Place, launch: c.Launch, deaf: w.deaf}
	w.living[p.id] = p
	if w.silent[c.Launch] {
		return lifecycle.Happened{Worker: p.id, Event: pool.WorkerSpawned}
	}
	w.after(w.readyAfter/2, func() { w.tell(p, pool.WorkerHello) })
	w.after(w.readyAfter, func() {
		if w.broken[p.launch] {
			w.exit(p.id, "exited with status 1")
			return
		}
		if w.living[p.id] != nil {
			p.ready = true
		}
		w.tell(p, pool.WorkerAnswered)
		if d := w.crashes[p.launch]; d > 0 {
			w.after(d, func() { w.exit(p.id, "exited with status 3") })
		}
	})
	return lifecycle.Happened{Worker: p.id, Event: pool.WorkerSpawned}
}

// alive returns the living worker that a command speaks of.
func (w *world) alive(id string, c lifecycle.Command) *process {
	w.t.Helper()
	p := w.living[id]
	if p == nil {
		w.t.Fatalf("%s speaks of a worker that is gone", describe(c))
	}
	return p
}

func (w *world) tell(p *process, e pool.WorkerEvent) {
	if w.living[p.id] == p {
		w.step(lifecycle.Happened{Worker: p.id, Event: e})
	}
}

// exit ends a process.
func (w *world) exit(id, reason string) { w.die(id, reason, false) }

func (w *world) die(id, reason string, duringCall bool) {
	if w.living[id] == nil {
		return
	}
	delete(w.living, id)
	w.step(lifecycle.Happened{Worker: id, Event: pool.WorkerExit, Reason: reason, DuringCall: duringCall})
}

// lose breaks the connections of a ready worker, which come back after d.
func (w *world) lose(id string, d time.Duration) {
	p := w.living[id]
	if p == nil || !p.ready {
		return
	}
	p.ready = false
	w.tell(p, pool.WorkerLost)
	w.after(d, func() {
		if w.living[id] == p {
			p.ready = true
			w.tell(p, pool.WorkerReturned)
		}
	})
}

func (w *world) after(d time.Duration, do func()) {
	w.agenda = append(w.agenda, happens{w.now.Add(d), do})
}

// run lets time pass: the agenda and the machine's own wakes, in order.
func (w *world) run(d time.Duration) {
	w.t.Helper()
	end := w.now.Add(d)
	for {
		at, do := w.upcoming()
		if do == nil || at.After(end) {
			w.now = end
			return
		}
		if at.After(w.now) {
			w.now = at
		}
		do()
	}
}

// upcoming returns what happens next, nil for nothing ever.
func (w *world) upcoming() (time.Time, func()) {
	best := -1
	for i, h := range w.agenda {
		if best < 0 || h.at.Before(w.agenda[best].at) {
			best = i
		}
	}
	if wake := w.m.NextWake(); !wake.IsZero() && (best < 0 || wake.Before(w.agenda[best].at)) {
		return wake, w.wake
	}
	if best < 0 {
		return time.Time{}, nil
	}
	h := w.agenda[best]
	return h.at, func() {
		w.agenda = slices.Delete(w.agenda, best, best+1)
		h.do()
	}
}

// wake is the pool loop's timer. One that leads to nothing again and again is a
// loop that spins.
func (w *world) wake() {
	w.t.Helper()
	commands := len(w.commands) + len(w.tells)
	w.step(lifecycle.Tick{})
	if w.idle++; len(w.commands)+len(w.tells) > commands {
		w.idle = 0
	}
	if w.idle > 100 {
		w.t.Fatalf("100 wakes in a row led to nothing: the pool loop spins")
	}
}

// tail returns the last commands.
func (w *world) tail() string {
	return strings.Join(w.commands[max(0, len(w.commands)-20):], "\n")
}

// take returns the commands since the last take.
func (w *world) take() []string {
	out := w.commands
	w.commands = nil
	return out
}

// at returns the worker that serves a place.
func (w *world) at(place int) string {
	w.t.Helper()
	view := w.m.View()
	if place >= len(view.Places) || view.Places[place].Serving.ID == "" {
		w.t.Fatalf("nobody serves place %d", place)
	}
	return view.Places[place].Serving.ID
}

// launches returns the launch hash of each serving worker, - for none.
func (w *world) launches() string {
	var out []string
	for _, p := range w.m.View().Places {
		text := "-"
		if p.Serving.ID != "" {
			text = p.Serving.Launch
		}
		out = append(out, text)
	}
	return strings.Join(out, " ")
}

func describe(c lifecycle.Command) string {
	switch c := c.(type) {
	case lifecycle.Start:
		return fmt.Sprintf("start %s in %d with %s", c.Worker, c.Place, c.Launch)
	case lifecycle.Admit:
		return "admit " + c.Worker
	case lifecycle.Drain:
		return "drain " + c.Worker
	case lifecycle.Signal:
		return fmt.Sprintf("signal %s %s", c.Worker, c.Name)
	case lifecycle.Kill:
		return fmt.Sprintf("kill %s: %s", c.Worker, c.Reason)
	case lifecycle.Recycled:
		return fmt.Sprintf("%s recycled %s by %s", c.Reason, c.Worker, c.Replacement)
	case lifecycle.AskUse:
		return "ask " + c.Worker
	case lifecycle.Revert:
		return "revert to " + c.Launch
	case lifecycle.Dump:
		return "dump " + c.Worker
	case lifecycle.Quarantine:
		return fmt.Sprintf("quarantine %d: %s", c.Place, c.Message)
	default:
		return fmt.Sprintf("%#v", c)
	}
}
