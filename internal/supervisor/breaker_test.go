package supervisor

import (
	"encoding/json"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/snakectl/snakectl/internal/event"
	"github.com/snakectl/snakectl/internal/pool"
	"github.com/snakectl/snakectl/internal/wire"
)

// played is one event of a breaker, when it comes, and what must be so afterwards.
type played struct {
	at    time.Duration
	event breakerEvent
	want  answer
	state pool.BreakerState
}

func TestBreaker(t *testing.T) {
	asked, passed := breakerEvent{kind: breakerAsked}, breakerEvent{kind: breakerPassed}
	failed := breakerEvent{kind: breakerFailed, category: pool.CategoryWorkerDied}
	of := func(e breakerEvent, round int) breakerEvent { e.round = round; return e }
	abandoned := breakerEvent{kind: breakerAbandoned}
	const closed, open, half = pool.BreakerClosed, pool.BreakerOpen, pool.BreakerHalfOpen
	toOpen := []played{{0, failed, answerPass, closed}, {0, failed, answerPass, closed}, {0, failed, answerPass, open}}
	for name, steps := range map[string][]played{
		"a success in between forgives": {
			{0, failed, answerPass, closed},
			{0, failed, answerPass, closed},
			{0, passed, answerPass, closed},
			{0, failed, answerPass, closed},
			{0, failed, answerPass, closed},
			{0, asked, answerPass, closed},
			{0, failed, answerPass, open},
		},
		"calls that show nothing change nothing": append(toOpen[:2:2],
			played{0, abandoned, answerPass, closed}, played{0, failed, answerPass, open}),
		"open until reset is over": append(toOpen[:3:3],
			played{9 * time.Second, asked, answerRefuse, open}, played{9 * time.Second, passed, answerPass, open},
			played{9 * time.Second, failed, answerPass, open}, played{10 * time.Second, asked, answerTrial, half}),
		"all trials succeed": append(toOpen[:3:3],
			played{10 * time.Second, asked, answerTrial, half}, played{10 * time.Second, asked, answerTrial, half},
			played{10 * time.Second, asked, answerRefuse, half}, played{10 * time.Second, of(passed, 1), answerPass, half},
			played{10 * time.Second, asked, answerRefuse, half}, played{10 * time.Second, of(passed, 1), answerPass, closed},
			played{10 * time.Second, failed, answerPass, closed}),
		"one trial fails": append(toOpen[:3:3],
			played{10 * time.Second, asked, answerTrial, half}, played{10 * time.Second, asked, answerTrial, half},
			played{11 * time.Second, of(failed, 1), answerPass, open}, played{12 * time.Second, of(passed, 1), answerPass, open},
			played{20 * time.Second, asked, answerRefuse, open}, played{21 * time.Second, asked, answerTrial, half}),
		"a trial is given up": append(toOpen[:3:3],
			played{10 * time.Second, asked, answerTrial, half}, played{10 * time.Second, asked, answerTrial, half},
			played{10 * time.Second, of(abandoned, 1), answerPass, half}, played{10 * time.Second, asked, answerTrial, half}),
		"calls let in before are no trials": append(toOpen[:3:3],
			played{10 * time.Second, asked, answerTrial, half}, played{10 * time.Second, failed, answerPass, half},
			played{10 * time.Second, passed, answerPass, half}, played{10 * time.Second, passed, answerPass, half}),
		"a trial of a former round is none": append(toOpen[:3:3],
			played{10 * time.Second, asked, answerTrial, half}, played{10 * time.Second, asked, answerTrial, half},
			played{10 * time.Second, of(failed, 1), answerPass, open}, played{20 * time.Second, asked, answerTrial, half},
			played{20 * time.Second, of(failed, 1), answerPass, half}, played{20 * time.Second, of(passed, 1), answerPass, half}),
	} {
		t.Run(name, func(t *testing.T) {
			b := newBreaker(breakerPolicy{failures: 3, reset: 10 * time.Second, halfOpen: 2})
			for i, s := range steps {
				var got answer
				if b, got = b.step(int64(s.at), s.event); got != s.want || b.state != s.state {
					t.Fatalf("step %d %+v: answer %d, state %s, want %d, %s", i, s.event, got, b.state, s.want, s.state)
				}
			}
		})
	}
}

func TestBreakerPolicyChanges(t *testing.T) {
	open := newBreaker(breakerPolicy{failures: 1, reset: time.Minute, halfOpen: 3})
	open, _ = open.step(0, breakerEvent{kind: breakerFailed})
	if b := open.with(breakerPolicy{failures: 1, reset: time.Second, halfOpen: 3}); b.retryAfter(int64(time.Second)) != 0 {
		t.Errorf("a shorter reset does not hold for an open breaker: %+v", b)
	}
	if b := open.with(breakerPolicy{}); b.on() || b.state != pool.BreakerClosed {
		t.Errorf("turned off = %+v, want it closed", b)
	}
	half, _ := open.step(int64(time.Minute), breakerEvent{kind: breakerAsked})
	half, _ = half.step(int64(time.Minute), breakerEvent{kind: breakerPassed, round: half.round})
	if b := half.with(breakerPolicy{failures: 1, reset: time.Minute, halfOpen: 1}); b.state != pool.BreakerClosed {
		t.Errorf("enough trials under the new policy, and it is %s", b.state)
	}
}

// TestBreakerProperties: whatever happens in whatever order, a breaker never refuses
// while it is closed, has never more trials than it may, opens only after failures,
// and calls are never refused for ever.
func TestBreakerProperties(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		p := breakerPolicy{
			failures: rapid.IntRange(1, 4).Draw(r, "failures"), halfOpen: rapid.IntRange(1, 3).Draw(r, "half_open"),
			reset: time.Duration(rapid.IntRange(1, 5).Draw(r, "reset")),
		}
		b, now := newBreaker(p), int64(0)
		var trials []int // rounds of those under way
		row := 0
		for range rapid.IntRange(0, 80).Draw(r, "steps") {
			now += int64(rapid.IntRange(0, 3).Draw(r, "passes"))
			if rapid.IntRange(0, 9).Draw(r, "replaced") == 0 {
				b = inherited(r, b, trials)
			}
			e := breakerEvent{kind: breakerKind(rapid.IntRange(0, 3).Draw(r, "kind")), category: pool.CategoryWorkerDied}
			if e.kind != breakerAsked && len(trials) > 0 && rapid.Bool().Draw(r, "of a trial") {
				e.round, trials = trials[0], trials[1:]
			}
			before := b
			var got answer
			b, got = b.step(now, e)
			switch {
			case got == answerRefuse && before.state == pool.BreakerClosed:
				r.Fatal("refused while closed")
			case got == answerTrial:
				trials = append(trials, b.round)
			case before.state == pool.BreakerClosed && e.kind == breakerFailed:
				row++
			case before.state == pool.BreakerClosed && e.kind == breakerPassed:
				row = 0
			}
			if before.state == pool.BreakerClosed && b.state == pool.BreakerOpen && row < p.failures {
				r.Fatalf("opened after %d failures in a row, want %d", row, p.failures)
			}
			if b.state == pool.BreakerClosed && before.state != pool.BreakerClosed {
				row = 0
			}
			if b.out < 0 || b.state == pool.BreakerHalfOpen && b.out+b.passed > p.halfOpen {
				r.Fatalf("%d trials under way and %d passed, want at most %d", b.out, b.passed, p.halfOpen)
			}
		}
		for _, round := range trials {
			b, _ = b.step(now, breakerEvent{kind: breakerAbandoned, round: round})
		}
		if _, got := b.step(now+int64(p.reset), breakerEvent{kind: breakerAsked}); got == answerRefuse {
			r.Fatalf("refused after reset, with no trial under way: %+v", b)
		}
	})
}

// inherited returns the breaker as the next image of the supervisor has it. The trials
// of former rounds are calls still, and count no more than they did.
func inherited(r *rapid.T, b breaker, trials []int) breaker {
	text, err := json.Marshal(b.handover())
	if err != nil {
		r.Fatal(err)
	}
	var h BreakerHandover
	if err := json.Unmarshal(text, &h); err != nil {
		r.Fatal(err)
	}
	out := newBreaker(b.policy).restored(h)
	for _, round := range trials {
		out = out.withTrial(round)
	}
	if b.state != pool.BreakerHalfOpen {
		b.out = out.out // it means nothing then
	}
	if out != b {
		r.Fatalf("inherited %+v, left %+v", out, b)
	}
	return out
}

// TestBreakerOfAPool: the failures of executions open it, its callers are told when
// to come again, a trial closes it, and each turn is told once.
func TestBreakerOfAPool(t *testing.T) {
	policy := usual
	policy.breaker = breakerPolicy{failures: 2, reset: time.Hour, halfOpen: 1}
	d, w := newPool(t, 1, policy)
	fail := func(category pool.Category) {
		c := submit(t, d, time.Minute)
		w[0].wantCall(c)
		w[0].hangUp()
		w[0].connect(wire.History{})
		c.wantError(t, category)
	}
	raised := submit(t, d, time.Minute)
	w[0].send(errorFrame(w[0].wantCall(raised).Stream, pool.CategoryRaised))
	raised.wantError(t, pool.CategoryRaised)
	fail(pool.CategoryUnavailable)
	short := submit(t, d, time.Millisecond)
	in := w[0].wantCall(short)
	short.wantError(t, pool.CategoryDeadline)
	w[0].send(errorFrame(in.Stream, pool.CategoryCancelled)) // settled long ago: it says nothing

	err := submit(t, d, time.Minute).wantError(t, pool.CategoryUnavailable)
	if !err.Retryable || err.Started || err.RetryAfterMS < 3_500_000 || err.RetryAfterMS > 3_600_000 {
		t.Errorf("error = %+v, want it retryable in an hour", err)
	}
	if st := d.load().breaker; st == nil || st.State != pool.BreakerOpen || st.Failures != 2 || st.Last != pool.CategoryDeadline || st.RetryAfterMS == 0 {
		t.Errorf("status = %+v, want it open", st)
	}
	policy.breaker.reset = time.Millisecond
	d.setPolicy(policy)
	<-time.After(2 * time.Millisecond) // reset passes
	trial := submit(t, d, time.Minute)
	submit(t, d, time.Minute).wantError(t, pool.CategoryUnavailable)
	w[0].send(result(w[0].wantCall(trial).Stream, "1"))
	trial.wantError(t, "")
	if st := d.load().breaker; st.State != pool.BreakerClosed || st.Failures != 0 {
		t.Errorf("status = %+v, want it closed", st)
	}
	var told []string
	for _, e := range d.takeUntold() {
		told = append(told, e.Type())
		if opened, ok := e.(event.PoolBreakerOpened); ok && (opened.Failures != 2 || opened.Category != "deadline_exceeded" || opened.ResetUS != 3_600_000_000) {
			t.Errorf("told %+v", opened)
		}
	}
	if len(told) != 3 || told[0] != "pool.breaker_opened" || told[1] != "pool.breaker_half_opened" || told[2] != "pool.breaker_closed" {
		t.Errorf("told %v", told)
	}
	if got := d.load().counts; got.OK != 1 || got.Failed != 2 || got.Timeout != 1 || got.Rejected != 2 {
		t.Errorf("counts = %+v", got)
	}
}

// TestTrialThatShowsNothing: a call on trial that is given up while it waits lets
// another one have its turn.
func TestTrialThatShowsNothing(t *testing.T) {
	policy := usual
	policy.breaker = breakerPolicy{failures: 1, reset: 1, halfOpen: 1}
	d, w := newPool(t, 1, policy)
	lost := submit(t, d, time.Minute)
	w[0].wantCall(lost)
	w[0].entry.slots.remove(pool.NewCallError(pool.CategoryWorkerDied, "it died"))
	lost.wantError(t, pool.CategoryWorkerDied)
	trial := submit(t, d, time.Minute)
	submit(t, d, time.Minute).wantError(t, pool.CategoryUnavailable)
	d.cancel(&trial.call)
	submit(t, d, time.Minute).unanswered(t)
}
