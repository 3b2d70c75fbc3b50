package api

import "net/http"

// placeRequest names a place of the pool in the path, or all of it.
type placeRequest struct {
	Place *int   `json:"place"`
	By    string `json:"by"`
}

// place returns the number of the place, -1 for the whole pool.
func (p placeRequest) place() int {
	if p.Place == nil {
		return -1
	}
	return *p.Place
}

func (s *Server) pause(w http.ResponseWriter, r *http.Request) {
	var req placeRequest
	if !take(w, r, &req) {
		return
	}
	addr, err := s.backend.Pause(r.PathValue("pool"), req.place(), s.signed(r, req.By))
	answerAddress(w, addr, err)
}

func (s *Server) resume(w http.ResponseWriter, r *http.Request) {
	var req placeRequest
	if !take(w, r, &req) {
		return
	}
	addr, err := s.backend.Resume(r.PathValue("pool"), req.place(), s.signed(r, req.By))
	answerAddress(w, addr, err)
}

func answerAddress(w http.ResponseWriter, addr string, err error) {
	if err != nil {
		fail(w, err)
		return
	}
	answer(w, map[string]string{"address": addr})
}
