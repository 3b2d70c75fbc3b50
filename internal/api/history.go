package api

import (
	"net/http"
	"strconv"

	"github.com/snakectl/snakectl/internal/pool"
)

// history answers with the kept revisions without their specs, newest first.
func (s *Server) history(w http.ResponseWriter, r *http.Request) {
	limit := 0
	if text := r.URL.Query().Get("limit"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 0 {
			fail(w, pool.NewCallError(pool.CategoryInvalidArgument, "limit is a whole number, not %q", text))
			return
		}
		limit = n
	}
	heads, err := s.backend.History(limit)
	if err != nil {
		fail(w, err)
		return
	}
	answer(w, heads)
}

// revision answers with one revision and its spec.
func (s *Server) revision(w http.ResponseWriter, r *http.Request) {
	number, err := strconv.ParseUint(r.PathValue("number"), 10, 64)
	if err != nil {
		fail(w, pool.NewCallError(pool.CategoryInvalidArgument, "%q is not the number of a revision", r.PathValue("number")))
		return
	}
	rev, err := s.backend.Revision(number)
	if err != nil {
		fail(w, err)
		return
	}
	answer(w, rev)
}
