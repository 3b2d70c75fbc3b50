package dispatch

import (
	"encoding/json"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/snakectl/snakectl/internal/pool"
)

// played is one event of a breaker, when it comes, and what must be so afterwards.
type played struct {
	at    time.Duration
	event BreakerEvent
	want  Answer
	state pool.BreakerState
}

func TestBreaker(t *testing.T) {
	asked, passed := BreakerEvent{Kind: Asked}, BreakerEvent{Kind: Passed}
	failed := BreakerEvent{Kind: Failed, Category: pool.CategoryWorkerDied}
	of := func(e BreakerEvent, round int) BreakerEvent { e.Round = round; return e }
	abandoned := BreakerEvent{Kind: Abandoned}
	const closed, open, half = pool.BreakerClosed, pool.BreakerOpen, pool.BreakerHalfOpen
	toOpen := []played{{0, failed, Pass, closed}, {0, failed, Pass, closed}, {0, failed, Pass, open}}
	for name, steps := range map[string][]played{
		"a success in between forgives": {
			{0, failed, Pass, closed},
			{0, failed, Pass, closed},
			{0, passed, Pass, closed},
			{0, failed, Pass, closed},
			{0, failed, Pass, closed},
			{0, asked, Pass, closed},
			{0, failed, Pass, open},
		},
		"calls that show nothing change nothing": append(toOpen[:2:2],
			played{0, abandoned, Pass, closed}, played{0, failed, Pass, open}),
		"open until reset is over": append(toOpen[:3:3],
			played{9 * time.Second, asked, Refuse, open}, played{9 * time.Second, passed, Pass, open},
			played{9 * time.Second, failed, Pass, open}, played{10 * time.Second, asked, Trial, half}),
		"all trials succeed": append(toOpen[:3:3],
			played{10 * time.Second, asked, Trial, half}, played{10 * time.Second, asked, Trial, half},
			played{10 * time.Second, asked, Refuse, half}, played{10 * time.Second, of(passed, 1), Pass, half},
			played{10 * time.Second, asked, Refuse, half}, played{10 * time.Second, of(passed, 1), Pass, closed},
			played{10 * time.Second, failed, Pass, closed}),
		"one trial fails": append(toOpen[:3:3],
			played{10 * time.Second, asked, Trial, half}, played{10 * time.Second, asked, Trial, half},
			played{11 * time.Second, of(failed, 1), Pass, open}, played{12 * time.Second, of(passed, 1), Pass, open},
			played{20 * time.Second, asked, Refuse, open}, played{21 * time.Second, asked, Trial, half}),
		"a trial is given up": append(toOpen[:3:3],
			played{10 * time.Second, asked, Trial, half}, played{10 * time.Second, asked, Trial, half},
			played{10 * time.Second, of(abandoned, 1), Pass, half}, played{10 * time.Second, asked, Trial, half}),
		"calls let in before are no trials": append(toOpen[:3:3],
			played{10 * time.Second, asked, Trial, half}, played{10 * time.Second, failed, Pass, half},
			played{10 * time.Second, passed, Pass, half}, played{10 * time.Second, passed, Pass, half}),
		"a trial of a former round is none": append(toOpen[:3:3],
			played{10 * time.Second, asked, Trial, half}, played{10 * time.Second, asked, Trial, half},
			played{10 * time.Second, of(failed, 1), Pass, open}, played{20 * time.Second, asked, Trial, half},
			played{20 * time.Second, of(failed, 1), Pass, half}, played{20 * time.Second, of(passed, 1), Pass, half}),
	} {
		t.Run(name, func(t *testing.T) {
			b := NewBreaker(BreakerPolicy{Failures: 3, Reset: 10 * time.Second, HalfOpen: 2})
			for i, s := range steps {
				var got Answer
				if b, got = b.Step(int64(s.at), s.event); got != s.want || b.State != s.state {
					t.Fatalf("step %d %+v: answer %d, state %s, want %d, %s", i, s.event, got, b.State, s.want, s.state)
				}
			}
		})
	}
}

func TestBreakerPolicyChanges(t *testing.T) {
	open := NewBreaker(BreakerPolicy{Failures: 1, Reset: time.Minute, HalfOpen: 3})
	open, _ = open.Step(0, BreakerEvent{Kind: Failed})
	if b := open.With(BreakerPolicy{Failures: 1, Reset: time.Second, HalfOpen: 3}); b.RetryAfter(int64(time.Second)) != 0 {
		t.Errorf("a shorter reset does not hold for an open breaker: %+v", b)
	}
	if b := open.With(BreakerPolicy{}); b.On() || b.State != pool.BreakerClosed {
		t.Errorf("turned off = %+v, want it closed", b)
	}
	half, _ := open.Step(int64(time.Minute), BreakerEvent{Kind: Asked})
	half, _ = half.Step(int64(time.Minute), BreakerEvent{Kind: Passed, Round: half.Round})
	if b := half.With(BreakerPolicy{Failures: 1, Reset: time.Minute, HalfOpen: 1}); b.State != pool.BreakerClosed {
		t.Errorf("enough trials under the new policy, and it is %s", b.State)
	}
}

// TestBreakerProperties: whatever happens in whatever order, a breaker never refuses
// while it is closed, has never more trials than it may, opens only after failures,
// and calls are never refused for ever.
func TestBreakerProperties(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		p := BreakerPolicy{
			Failures: rapid.IntRange(1, 4).Draw(r, "failures"), HalfOpen: rapid.IntRange(1, 3).Draw(r, "half_open"),
			Reset: time.Duration(rapid.IntRange(1, 5).Draw(r, "reset")),
		}
		b, now := NewBreaker(p), int64(0)
		var trials []int // rounds of those under way
		row := 0
		for range rapid.IntRange(0, 80).Draw(r, "steps") {
			now += int64(rapid.IntRange(0, 3).Draw(r, "passes"))
			if rapid.IntRange(0, 9).Draw(r, "replaced") == 0 {
				b = inherited(r, b, trials)
			}
			e := BreakerEvent{Kind: BreakerKind(rapid.IntRange(0, 3).Draw(r, "kind")), Category: pool.CategoryWorkerDied}
			if e.Kind != Asked && len(trials) > 0 && rapid.Bool().Draw(r, "of a trial") {
				e.Round, trials = trials[0], trials[1:]
			}
			before := b
			var got Answer
			b, got = b.Step(now, e)
			switch {
			case got == Refuse && before.State == pool.BreakerClosed:
				r.Fatal("refused while closed")
			case got == Trial:
				trials = append(trials, b.Round)
			case before.State == pool.BreakerClosed && e.Kind == Failed:
				row++
			case before.State == pool.BreakerClosed && e.Kind == Passed:
				row = 0
			}
			if before.State == pool.BreakerClosed && b.State == pool.BreakerOpen && row < p.Failures {
				r.Fatalf("opened after %d failures in a row, want %d", row, p.Failures)
			}
			if b.State == pool.BreakerClosed && before.State != pool.BreakerClosed {
				row = 0
			}
			if b.out < 0 || b.State == pool.BreakerHalfOpen && b.out+b.passed > p.HalfOpen {
				r.Fatalf("%d trials under way and %d passed, want at most %d", b.out, b.passed, p.HalfOpen)
			}
		}
		for _, round := range trials {
			b, _ = b.Step(now, BreakerEvent{Kind: Abandoned, Round: round})
		}
		if _, got := b.Step(now+int64(p.Reset), BreakerEvent{Kind: Asked}); got == Refuse {
			r.Fatalf("refused after reset, with no trial under way: %+v", b)
		}
	})
}

// inherited returns the breaker as the next image of the supervisor has it. The trials
// of former rounds are calls still, and count no more than they did.
func inherited(r *rapid.T, b Breaker, trials []int) Breaker {
	text, err := json.Marshal(b.Past())
	if err != nil {
		r.Fatal(err)
	}
	var h BreakerPast
	if err := json.Unmarshal(text, &h); err != nil {
		r.Fatal(err)
	}
	out := NewBreaker(b.Policy).Recalled(h)
	for _, round := range trials {
		out = out.WithTrial(round)
	}
	if b.State != pool.BreakerHalfOpen {
		b.out = out.out // it means nothing then
	}
	if out != b {
		r.Fatalf("inherited %+v, left %+v", out, b)
	}
	return out
}
