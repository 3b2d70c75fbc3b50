package api

import (
	"net/http"

	"github.com/snakectl/snakectl/internal/pool"
)

// rolloutAnswer is the rollout of a pool, with its address.
type rolloutAnswer struct {
	Address string `json:"address"`
	pool.Rollout
}

func (s *Server) rollout(w http.ResponseWriter, r *http.Request) {
	addr, now, err := s.backend.Rollout(r.PathValue("pool"))
	answerRollout(w, addr, now, err)
}

func (s *Server) steerRollout(w http.ResponseWriter, r *http.Request) {
	var req struct {
		By string `json:"by"`
	}
	if !take(w, r, &req) {
		return
	}
	addr, now, err := s.backend.SteerRollout(r.PathValue("pool"), r.PathValue("order"), s.signed(r, req.By))
	answerRollout(w, addr, now, err)
}

func answerRollout(w http.ResponseWriter, addr string, now pool.Rollout, err error) {
	if err != nil {
		fail(w, err)
		return
	}
	answer(w, rolloutAnswer{addr, now})
}
