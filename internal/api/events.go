package api

import (
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"github.com/snakectl/snakectl/internal/access"
	"github.com/snakectl/snakectl/internal/event"
	"github.com/snakectl/snakectl/internal/pool"
)

// events streams what happens, one JSON object a line: what is remembered since a
// moment (since=10m, or all), then, with follow=1, whatever comes until the client
// leaves or the supervisor ends. Each filter= is a term of event.ParseFilter.
func (s *Server) events(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	filter, err := event.ParseFilter(query["filter"])
	if err != nil {
		fail(w, pool.NewCallError(pool.CategoryInvalidArgument, "%s", err.Error()))
		return
	}
	following := query.Get("follow") == "1"
	since, err := moment(query.Get("since"), following)
	if err != nil {
		fail(w, err)
		return
	}
	subscription := s.backend.Events(filter, since)
	defer subscription.Close()
	w.Header().Set("Content-Type", "application/x-ndjson")
	w.WriteHeader(http.StatusOK)
	ctx, end := s.untilHeld(r.Context())
	defer end()
	out := stream{json.NewEncoder(w), http.NewResponseController(w)}
	err = out.write(subscription.Pending())
	for following && err == nil {
		var records []event.Record
		if records, err = subscription.Next(ctx); err == nil {
			if !s.allows(r, access.Read) {
				return // an apply took the right away meanwhile
			}
			err = out.write(records)
		}
	}
	if err != nil && !errors.Is(err, event.ErrClosed) {
		s.log.Debug("a client stopped following events", "err", err)
	}
}

// moment reads since: a duration before now. Without it a reader that follows
// begins now, any other with everything that is remembered.
func moment(text string, following bool) (time.Time, error) {
	if text == "" {
		if following {
			return time.Time{}, nil
		}
		return time.Unix(0, 0), nil
	}
	ago, err := pool.ParseDuration(text)
	if err != nil || ago < 0 {
		return time.Time{}, pool.NewCallError(pool.CategoryInvalidArgument, "since must be a duration such as 10m, not %q", text)
	}
	return time.Now().Add(-ago.D()), nil
}

// stream writes events as they come.
type stream struct {
	encoder *json.Encoder
	flush   *http.ResponseController
}

func (out stream) write(records []event.Record) error {
	for _, record := range records {
		if err := out.encoder.Encode(record); err != nil {
			return err
		}
	}
	return out.flush.Flush()
}
