package client_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/snakectl/snakectl/client"
)

const readyLine = `{"v":1,"seq":7,"ts":"2026-01-02T03:04:05Z","type":"worker.ready","dropped":2,` +
	`"data":{"pool":"pool.api","worker":"pool.api/0@1f","pid":9,"launch_hash":"h","ready_us":11}}` + "\n"

// TestEvents asks for what the options say and gives typed events to the caller.
func TestEvents(t *testing.T) {
	s := startSupervisor(t, nil)
	s.mux.HandleFunc("/v1/events", func(w http.ResponseWriter, r *http.Request) {
		if diff := cmp.Diff("filter=worker.&filter=pool%3Dapi&since=10m0s", r.URL.RawQuery); diff != "" {
			t.Errorf("query (-want +got):\n%s", diff)
		}
		_, _ = io.WriteString(w, readyLine+`{"v":1,"seq":8,"ts":"2026-01-02T03:04:05Z","type":"worker.sang","data":{}}`+"\n")
	})
	var got []client.EventRecord
	opts := client.EventOptions{Since: 10 * time.Minute, Filter: []string{"worker.", "pool=api"}}
	err := newClient(t, s).Events(t.Context(), opts, func(r client.EventRecord) error {
		got = append(got, r)
		return nil
	})
	if err != nil || len(got) != 2 {
		t.Fatalf("Events gave %d, %v, want 2", len(got), err)
	}
	ready, ok := got[0].Data.(client.WorkerReady)
	if !ok || ready.PID != 9 || ready.ReadyUS != 11 || ready.Pool != "pool.api" || got[0].Dropped != 2 || got[0].Seq != 7 {
		t.Errorf("the first event is %+v", got[0])
	}
	if _, ok := got[1].Data.(client.UnknownEvent); !ok || got[1].Data.Type() != "worker.sang" {
		t.Errorf("the second event is %+v, want an unknown one", got[1])
	}
}

func TestEventsEndWithTheirReader(t *testing.T) {
	s := startSupervisor(t, nil)
	s.mux.HandleFunc("/v1/events", func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, readyLine)
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	})
	c := newClient(t, s)
	enough := errors.New("enough")
	if err := c.Events(t.Context(), client.EventOptions{Follow: true}, func(client.EventRecord) error { return enough }); !errors.Is(err, enough) {
		t.Errorf("Events = %v, want the reader's own error", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	err := c.Events(ctx, client.EventOptions{Follow: true}, func(client.EventRecord) error {
		cancel()
		return nil
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("Events = %v, want the context's error", err)
	}
}
