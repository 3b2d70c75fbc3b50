package client_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/snakectl/snakectl/client"
	"github.com/snakectl/snakectl/internal/pool"
)

// Every request of the control plane, as the supervisor sees it.
func TestRequests(t *testing.T) {
	s := startSupervisor(t, nil)
	seen := make(chan string, 1)
	s.mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		seen <- strings.TrimSpace(r.Method + " " + r.RequestURI + " " + string(body))
		switch {
		case strings.HasSuffix(r.URL.Path, "/status"):
			writeJSON(w, http.StatusOK, client.Status{Pools: []client.PoolStatus{{Address: "pool.api"}}})
		case strings.HasSuffix(r.URL.Path, "/commands"):
			writeJSON(w, http.StatusOK, []client.CommandInfo{})
		case r.URL.Path == "/v1/apply", strings.HasSuffix(r.URL.Path, "/recycle"):
			_, _ = io.WriteString(w, `{"type":"op_complete","data":{"outcome":{"result":"converged"}}}`)
		default:
			writeJSON(w, http.StatusOK, struct{}{})
		}
	})
	c := newClient(t, s)
	ctx := t.Context()
	only := func(_ any, err error) error { return err }
	tests := []struct {
		want string
		call func() error
	}{
		{"GET /healthz", func() error { return c.Healthy(ctx) }},
		{"GET /v1/status", func() error { return only(c.Status(ctx)) }},
		{"GET /v1/status?pool=api", func() error { return only(c.Status(ctx, "api")) }},
		{"GET /v1/status?pool=api", func() error { return only(c.Workers(ctx, "api")) }},
		{"GET /v1/observed", func() error { return only(c.Observed(ctx)) }},
		{"GET /v1/pools/-/commands", func() error { return only(c.Commands(ctx, "")) }},
		{"GET /v1/pools/pool.etl%5B%22e%2Fu%22%5D/commands", func() error { return only(c.Commands(ctx, `pool.etl["e/u"]`)) }},
		{"GET /v1/pools/api/wait?for=idle&timeout=1m30s", func() error { return c.Wait(ctx, "api", client.ForIdle, 90*time.Second) }},
		{"GET /v1/pools/-/wait?for=gone", func() error { return c.Wait(ctx, "", client.ForGone, 0) }},
		{`POST /v1/plan {"desired":null,"options":{"destroy":true}}`, func() error {
			return only(c.Plan(ctx, client.PlanRequest{Options: client.PlanOptions{Destroy: true}}))
		}},
		{`POST /v1/apply {"desired":null,"options":{},"approved":null,"by":"me@here","message":"why"}`, func() error {
			return only(c.Apply(ctx, client.ApplyRequest{By: "me@here", Message: "why"}, nil))
		}},
		{"POST /v1/operations/op-1/stop", func() error { return c.StopOperation(ctx, "op-1") }},
		{`POST /v1/pools/api/scale {"size":8,"by":"me@here"}`, func() error { return only(c.Scale(ctx, "api", 8, "me@here")) }},
		{`POST /v1/pools/pool.api/recycle {"place":-1,"by":"ada@host"}`, func() error { return only(c.Recycle(ctx, "api", "ada@host", nil)) }},
		{`POST /v1/pools/pool.api/recycle {"place":3,"by":"ada@host"}`, func() error { return only(c.Recycle(ctx, "pool.api/3", "ada@host", nil)) }},
		{"GET /v1/logs", func() error { return c.Logs(ctx, client.LogOptions{}, io.Discard) }},
		{"GET /v1/logs?follow=1&lines=5&worker=pool.api%2F0", func() error {
			return c.Logs(ctx, client.LogOptions{Worker: "pool.api/0", Lines: 5, Follow: true}, io.Discard)
		}},
		{"POST /v1/supervisor/stop?workers=keep", func() error { return c.StopSupervisor(ctx, client.PartingKeep) }},
		{"POST /v1/supervisor/stop?workers=stop", func() error { return c.StopSupervisor(ctx, client.PartingStop) }},
	}
	for _, tt := range tests {
		if err := tt.call(); err != nil {
			t.Errorf("%s: %v", tt.want, err)
		}
		if got := <-seen; got != tt.want {
			t.Errorf("sent %s\nwant %s", got, tt.want)
		}
	}
}

func TestRefusals(t *testing.T) {
	s := startSupervisor(t, nil)
	s.mux.HandleFunc("/v1/pools/gone/commands", func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, http.StatusNotFound, map[string]any{"error": pool.NewCallError(pool.CategoryUnknownPool, "there is no pool.gone")})
	})
	s.mux.HandleFunc("/v1/pools/odd/commands", func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "out of order", http.StatusBadGateway)
	})
	c := newClient(t, s)
	for name, want := range map[string]client.Error{
		"gone": {Code: 5, Category: client.UnknownPool, Origin: "supervisor", Message: "there is no pool.gone"},
		"odd":  {Code: 13, Category: client.Internal, Origin: "client", Message: "the supervisor answered 502 Bad Gateway: out of order"},
	} {
		_, err := c.Commands(t.Context(), name)
		var got *client.Error
		if !errors.As(err, &got) {
			t.Errorf("%s: %v, want an *Error", name, err)
			continue
		}
		if diff := cmp.Diff(want, *got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	if _, err := c.Recycle(t.Context(), "a b", "", nil); err == nil {
		t.Error("a reference that is none: no error")
	}
}

func TestStatusOfSomePools(t *testing.T) {
	s := startSupervisor(t, nil)
	s.mux.HandleFunc("/v1/status", func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, http.StatusOK, client.Status{Pools: []client.PoolStatus{{Address: "pool.a"}, {Address: "pool.b"}, {Address: "pool.c"}}})
	})
	c := newClient(t, s)
	status, err := c.Status(t.Context(), "c", "pool.a")
	if err != nil || len(status.Pools) != 2 || status.Pools[0].Address != "pool.a" || status.Pools[1].Address != "pool.c" {
		t.Errorf("Status() = %+v, %v, want pool.a and pool.c", status, err)
	}
	var e *client.Error
	if _, err := c.Status(t.Context(), "a", "d"); !errors.As(err, &e) || e.Category != client.UnknownPool {
		t.Errorf("Status() = %v, want category unknown_pool", err)
	}
}

func TestApplyFollowsTheOperation(t *testing.T) {
	s := startSupervisor(t, nil)
	outcome := pool.Outcome{Result: pool.ResultConverged, Revision: 4, Done: []string{"pool.api"}, MS: 12}
	s.mux.HandleFunc("POST /v1/apply", func(w http.ResponseWriter, _ *http.Request) {
		lines := json.NewEncoder(w)
		_ = lines.Encode(pool.Event{Seq: 1, Type: pool.EventOpAccepted, Op: "op-4"})
		_ = lines.Encode(pool.Event{Seq: 2, Type: pool.EventStepStart, Addr: "pool.api"})
		_ = lines.Encode(pool.Event{Seq: 3, Type: pool.EventOpComplete, Data: map[string]any{"outcome": outcome}})
	})
	c := newClient(t, s)
	var types []string
	got, err := c.Apply(t.Context(), client.ApplyRequest{}, func(e client.Event) { types = append(types, e.Type) })
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(&outcome, got); diff != "" {
		t.Errorf("outcome (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"op_accepted", "step_start", "op_complete"}, types); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
}

func TestApplyThatIsCutSaysThatItGoesOn(t *testing.T) {
	s := startSupervisor(t, nil)
	release := make(chan struct{})
	s.mux.HandleFunc("POST /v1/apply", func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, `{"type":"op_accepted","op":"op-4"}`+"\n")
		_ = http.NewResponseController(w).Flush()
		select {
		case <-release:
		case <-r.Context().Done():
		}
	})
	c := newClient(t, s)
	ctx, cancel := context.WithCancel(t.Context())
	_, err := c.Apply(ctx, client.ApplyRequest{}, func(client.Event) { cancel() })
	if !errors.Is(err, context.Canceled) || !strings.Contains(fmt.Sprint(err), "goes on") {
		t.Errorf("a cancelled Apply = %v, want that the operation goes on", err)
	}
	close(release)
	if _, err := c.Apply(t.Context(), client.ApplyRequest{}, nil); !strings.Contains(fmt.Sprint(err), "goes on") {
		t.Errorf("an Apply without an end = %v, want that the operation goes on", err)
	}
}

func TestWaitReadyWaitsAsLongAsItsContext(t *testing.T) {
	s := startSupervisor(t, nil)
	rounds := 0
	s.mux.HandleFunc("/v1/pools/api/wait", func(w http.ResponseWriter, _ *http.Request) {
		if rounds++; rounds < 3 {
			writeJSON(w, http.StatusRequestTimeout, map[string]any{"error": pool.NewCallError(pool.CategoryDeadline, "1 of 2 ready")})
			return
		}
		writeJSON(w, http.StatusOK, struct{}{})
	})
	c := newClient(t, s)
	if err := c.WaitReady(t.Context(), "api"); err != nil || rounds != 3 {
		t.Errorf("WaitReady() = %v after %d rounds, want nil after 3", err, rounds)
	}
	rounds = 0
	if err := c.Wait(t.Context(), "api", client.ForReady, time.Second); !errors.Is(err, context.DeadlineExceeded) || err.Error() != "1 of 2 ready" {
		t.Errorf("Wait() = %v, want the supervisor's words and context.DeadlineExceeded", err)
	}
}

func TestLogsFollowUntilTheContextEnds(t *testing.T) {
	s := startSupervisor(t, nil)
	s.mux.HandleFunc("/v1/logs", func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, "[pool.api/0] hello\n")
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	})
	c := newClient(t, s)
	ctx, cancel := context.WithCancel(t.Context())
	var got bytes.Buffer
	err := c.Logs(ctx, client.LogOptions{Follow: true}, writerFunc(func(p []byte) (int, error) {
		defer cancel()
		return got.Write(p)
	}))
	if err != nil || got.String() != "[pool.api/0] hello\n" {
		t.Errorf("Logs() wrote %q, %v", got.String(), err)
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }
