package examples

import (
	"context"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/snakectl/snakectl/test/harness"
)

// The one worker holds 200 requests open at one time: the server answers none of them
// before all have come.
func testFetchHoldsManyRequestsOpen(t *testing.T, s *site) {
	const requests = 200
	s.apply(t, "fetch.hcl")

	var came atomic.Int64
	all := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if came.Add(1) == requests {
			close(all)
		}
		select {
		case <-all:
			_, _ = w.Write([]byte("hello"))
		case <-r.Context().Done(): // the call's deadline passed: the client says how many came
		}
	}))
	t.Cleanup(server.Close)

	var callers sync.WaitGroup
	for range requests {
		callers.Go(func() {
			var page struct{ Status, Bytes int }
			answer, err := s.client.Exec(t.Context(), "fetch", "get", map[string]any{"url": server.URL})
			if err == nil {
				err = answer.Decode(&page)
			}
			if err != nil || page.Status != http.StatusOK || page.Bytes != len("hello") {
				t.Errorf("get = %+v, %v, want status 200 and 5 bytes; %d of %d requests had come", page, err, came.Load(), requests)
			}
		})
	}
	callers.Wait()
	var most int
	if s.exec(t, "fetch", "most", nil, &most); most != requests {
		t.Errorf("most = %d, want %d", most, requests)
	}
	workers, err := s.client.Workers(t.Context(), "fetch")
	if err != nil || len(workers) != 1 || workers[0].Calls < requests {
		t.Errorf("Workers = %+v, %v, want one that executed all calls", workers, err)
	}
}

// A caller that gives up ends its request, and its slot is free again.
func testFetchGivesUpWithItsCaller(t *testing.T, s *site) {
	s.apply(t, "fetch.hcl")
	came, gone := make(chan struct{}), make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		close(came)
		<-r.Context().Done()
		close(gone)
	}))
	t.Cleanup(server.Close)

	ctx, giveUp := context.WithCancel(t.Context())
	answered := make(chan error)
	go func() {
		_, err := s.client.Exec(ctx, "fetch", "get", map[string]any{"url": server.URL})
		answered <- err
	}()
	within(t, came, "the request")
	giveUp()
	if err := <-answered; err == nil {
		t.Error("get succeeded, want that it was given up")
	}
	within(t, gone, "the end of the request")
	if !harness.Until(t.Context(), settling, func() bool {
		workers, err := s.client.Workers(t.Context(), "fetch")
		return err == nil && len(workers) == 1 && workers[0].Busy == 0
	}) {
		t.Error("a slot is busy with a call that nobody waits for")
	}
}

// within waits for a channel to be closed.
func within(t *testing.T, done <-chan struct{}, what string) {
	t.Helper()
	select {
	case <-done:
	case <-time.After(settling):
		t.Fatalf("%s does not come within %s", what, settling)
	}
}
