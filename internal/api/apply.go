package api

import (
	"net/http"

	"github.com/snakectl/snakectl/internal/planner"
	"github.com/snakectl/snakectl/internal/pool"
)

// Apply asks for a configuration to become the accepted one. It is also the body
// of POST /v1/apply.
type Apply struct {
	Desired  pool.Desired    `json:"desired"`
	Options  planner.Options `json:"options"`
	Approved *planner.Plan   `json:"approved,omitempty"`
	By       string          `json:"by"`
	Message  string          `json:"message,omitempty"`
	// Git is where the configuration was read from.
	Git *pool.Git `json:"git,omitempty"`
	// ExpectRevision, if not nil, is the revision that must be the accepted one.
	ExpectRevision *uint64 `json:"expect_revision,omitempty"`
}

func (s *Server) plan(w http.ResponseWriter, r *http.Request) {
	var req struct {
		Desired  pool.Desired    `json:"desired"`
		Options  planner.Options `json:"options"`
		Observed bool            `json:"observed"`
	}
	if !take(w, r, &req) {
		return
	}
	plan, observed, err := s.backend.Plan(r.Context(), req.Desired, req.Options)
	switch {
	case err != nil:
		fail(w, pool.NewCallError(pool.CategoryInvalidArgument, "%s", err.Error()))
	case req.Observed:
		answer(w, map[string]any{"plan": plan, "observed": observed})
	default:
		answer(w, plan)
	}
}

func (s *Server) apply(w http.ResponseWriter, r *http.Request) {
	var req Apply
	if take(w, r, &req) {
		req.By = s.signed(r, req.By)
		s.follow(w, r, s.backend.Apply(req))
	}
}

func (s *Server) stopOperation(w http.ResponseWriter, r *http.Request) {
	if id := r.PathValue("id"); !s.backend.StopOperation(id) {
		refuse(w, http.StatusNotFound, pool.NewCallError(pool.CategoryInvalidArgument, "there is no operation %s", id))
		return
	}
	answer(w, struct{}{})
}
