package event_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/snakectl/snakectl/internal/event"
)

func filter(t testing.TB, terms ...string) event.Filter {
	t.Helper()
	f, err := event.ParseFilter(terms)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// step is an event that is told from its number.
func step(n int) event.Body {
	return event.PoolReady{OnPool: event.OnPool{Pool: "pool.api"}, Size: n}
}

func sizes(records []event.Record) []int {
	out := []int{}
	for _, r := range records {
		out = append(out, r.Data.(event.PoolReady).Size)
	}
	return out
}

func TestSubscribersGetWhatTheirFilterTakes(t *testing.T) {
	h := event.NewHub()
	all := h.Subscribe(event.Filter{}, time.Time{})
	defer all.Close()
	other := h.Subscribe(filter(t, "pool.", "pool=other"), time.Time{})
	defer other.Close()
	h.Publish(step(1))
	h.Publish(event.OperationStarted{})
	if got := all.Pending(); len(got) != 2 || got[0].Seq != 1 || got[1].Seq != 2 || got[0].TS.IsZero() {
		t.Errorf("Pending() = %+v, want both events in order", got)
	}
	if got := other.Pending(); len(got) != 0 {
		t.Errorf("Pending() = %+v, want nothing of another pool", got)
	}
}

// TestSlowReader loses the oldest events, keeps the newest and is told how many
// went missing.
func TestSlowReader(t *testing.T) {
	h := event.NewHub()
	s := h.Subscribe(event.Filter{}, time.Time{})
	defer s.Close()
	const told, room = 10_000, 8192
	for n := range told {
		h.Publish(step(n))
	}
	got := s.Pending()
	if len(got) != room || got[0].Dropped != told-room || got[1].Dropped != 0 {
		t.Fatalf("%d events with %d dropped before them, want %d with %d", len(got), got[0].Dropped, room, told-room)
	}
	for i, r := range got {
		if want := told - room + i; r.Data.(event.PoolReady).Size != want || r.Seq != uint64(want)+1 {
			t.Fatalf("event %d is %+v, want number %d", i, r, want)
		}
	}
	h.Publish(step(0))
	if got := s.Pending(); len(got) != 1 || got[0].Dropped != 0 {
		t.Errorf("Pending() = %+v, want one event and nothing dropped", got)
	}
}

func TestWhatIsRemembered(t *testing.T) {
	h := event.NewHub()
	h.Publish(event.RequestExecuted{})
	for n := range event.Kept + 2 {
		h.Publish(step(n))
	}
	everything := h.Subscribe(event.Filter{}, time.Unix(0, 0))
	defer everything.Close()
	got := sizes(everything.Pending())
	if len(got) != event.Kept || got[0] != 2 || got[len(got)-1] != event.Kept+1 {
		t.Errorf("%d events from %d on, want the last %d and none of a request", len(got), got[0], event.Kept)
	}
	later := h.Subscribe(event.Filter{}, time.Now().Add(time.Hour))
	defer later.Close()
	h.Publish(step(7))
	if diff := cmp.Diff([]int{7}, sizes(later.Pending())); diff != "" {
		t.Errorf("since the future (-want +got):\n%s", diff)
	}
}

func TestRequestsAreWantedWhileSomebodyListens(t *testing.T) {
	var none *event.Hub
	none.Publish(step(1))
	if none.WantsRequests() {
		t.Error("a nil hub wants events")
	}
	h := event.NewHub()
	workers := h.Subscribe(filter(t, "worker."), time.Time{})
	if h.WantsRequests() {
		t.Error("a reader of worker events wants events of requests")
	}
	workers.Close()
	requests := h.Subscribe(filter(t, "request.timed_out"), time.Time{})
	if !h.WantsRequests() {
		t.Error("a reader of request events does not get any")
	}
	requests.Close()
	requests.Close()
	if h.WantsRequests() {
		t.Error("events are wanted after the last reader left")
	}
}

func TestNextWaits(t *testing.T) {
	h := event.NewHub()
	s := h.Subscribe(event.Filter{}, time.Time{})
	defer s.Close()
	var publisher sync.WaitGroup
	publisher.Go(func() {
		for n := range 1000 {
			h.Publish(step(n))
		}
		h.Close()
		h.Publish(step(-1)) // nobody is told any more
	})
	seen := 0
	for {
		records, err := s.Next(t.Context())
		if errors.Is(err, event.ErrClosed) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range records {
			if got := r.Data.(event.PoolReady).Size; got != seen {
				t.Fatalf("event %d came, want %d", got, seen)
			}
			seen++
		}
	}
	if seen != 1000 {
		t.Errorf("%d events before the end, want 1000", seen)
	}
	publisher.Wait()
}

func TestNextEndsWithItsContext(t *testing.T) {
	h := event.NewHub()
	s := h.Subscribe(event.Filter{}, time.Time{})
	defer s.Close()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Next(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("Next = %v, want the context's error", err)
	}
}

// BenchmarkNobodyListens is what a call pays for events that nobody wants.
func BenchmarkNobodyListens(b *testing.B) {
	h := event.NewHub()
	b.ReportAllocs()
	for b.Loop() {
		if h.WantsRequests() {
			h.Publish(event.RequestExecuted{})
		}
	}
}

// BenchmarkOneListens is what a call pays when somebody does.
func BenchmarkOneListens(b *testing.B) {
	h := event.NewHub()
	s := h.Subscribe(event.Filter{}, time.Time{})
	defer s.Close()
	b.ReportAllocs()
	for b.Loop() {
		if h.WantsRequests() {
			h.Publish(event.RequestExecuted{})
		}
	}
}
