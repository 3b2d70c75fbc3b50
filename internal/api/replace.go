package api

import (
	"context"
	"net/http"
	"path/filepath"
	"time"

	"github.com/snakectl/snakectl/internal/pool"
)

// replaceWithin is how long the supervisor may take to come to a stand, unless a
// request says otherwise.
const replaceWithin = 10 * time.Second

// replace makes another program the next image of the supervisor's process. 202 says
// that it is about to begin.
func (s *Server) replace(w http.ResponseWriter, r *http.Request) {
	var req struct {
		Program   string `json:"program"`
		TimeoutMS int64  `json:"timeout_ms"`
	}
	if !take(w, r, &req) {
		return
	}
	if !filepath.IsAbs(req.Program) || req.TimeoutMS < 0 {
		fail(w, pool.NewCallError(pool.CategoryInvalidArgument, "program must be an absolute path and timeout_ms not negative"))
		return
	}
	limit := replaceWithin
	if req.TimeoutMS > 0 {
		limit = time.Duration(req.TimeoutMS) * time.Millisecond
	}
	ctx, cancel := context.WithTimeout(r.Context(), limit)
	defer cancel()
	answered := false
	err := s.backend.Replace(r.WithContext(ctx), req.Program, func() {
		answered = true
		w.Header().Set("Connection", "close")
		w.Header().Set("Content-Length", "0")
		w.WriteHeader(http.StatusAccepted)
		_ = http.NewResponseController(w).Flush()
	})
	if answered {
		s.log.Error("the supervisor goes on with its former image", "err", err)
		return
	}
	fail(w, err)
}
