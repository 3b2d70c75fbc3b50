package api

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/snakectl/snakectl/internal/access"
	"github.com/snakectl/snakectl/internal/pool"
	"github.com/snakectl/snakectl/internal/wire"
)

// maxRequest bounds a request of the control plane; a spec with many code files is
// its largest.
const maxRequest = 64 << 20

// route is one thing that a request can ask for, and what it takes to be allowed
// to: one of the rights, or any right at all when it lists none.
type route struct {
	pattern string
	rights  []access.Right
	handle  http.HandlerFunc
}

// runRoute is the one request that is a call.
const runRoute = "POST /v1/pools/{pool}/exec/{command}"

// routeTable lists what there is. Whatever is not here does not exist.
func (s *Server) routeTable() []route {
	read, exec, admin := []access.Right{access.Read}, []access.Right{access.Exec}, []access.Right{access.Admin}
	return []route{
		{"GET /healthz", nil, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok\n") }},
		{"GET /readyz", read, s.ready},
		{"GET /v1/status", read, s.status},
		{"GET /v1/observed", read, func(w http.ResponseWriter, _ *http.Request) { answer(w, s.backend.Observe()) }},
		{"GET /v1/revisions", read, s.history},
		{"GET /v1/revisions/{number}", read, s.revision},
		{"POST /v1/plan", read, s.plan},
		{"POST /v1/apply", admin, s.apply},
		{"POST /v1/operations/{id}/stop", admin, s.stopOperation},
		{"GET /v1/pools/{pool}/commands", []access.Right{access.Read, access.Exec}, s.commands},
		{runRoute, exec, s.exec},
		{"POST /v1/pools/{pool}/scale", admin, s.scale},
		{"POST /v1/pools/{pool}/recycle", admin, s.recycle},
		{"GET /v1/pools/{pool}/rollout", read, s.rollout},
		{"POST /v1/pools/{pool}/rollout/{order}", admin, s.steerRollout},
		{"POST /v1/pools/{pool}/pause", admin, s.pause},
		{"POST /v1/pools/{pool}/resume", admin, s.resume},
		{"GET /v1/pools/{pool}/wait", read, s.wait},
		{"GET /v1/logs", read, s.logs},
		{"GET /v1/logs/list", read, s.logList},
		{"POST /v1/stacks", admin, s.stacks},
		{"GET /v1/events", read, s.events},
		{"POST /v1/supervisor/stop", admin, s.stop},
		{"POST /v1/supervisor/replace", admin, s.replace},
	}
}

func (s *Server) routes() http.Handler {
	mux := http.NewServeMux()
	for _, r := range s.routeTable() {
		mux.HandleFunc(r.pattern, s.guard(r.rights, r.handle))
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		refuse(w, http.StatusNotFound, pool.NewCallError(pool.CategoryInvalidArgument, "there is no %s %s", r.Method, r.URL.Path))
	})
	return mux
}

func (s *Server) ready(w http.ResponseWriter, _ *http.Request) {
	for _, p := range s.backend.Status("").Pools {
		if p.Ready < p.Size {
			refuse(w, http.StatusServiceUnavailable, pool.NewCallError(pool.CategoryUnavailable, "%s has %d of %d workers ready", p.Address, p.Ready, p.Size))
			return
		}
	}
	_, _ = io.WriteString(w, "ok\n")
}

func (s *Server) status(w http.ResponseWriter, r *http.Request) {
	name := r.URL.Query().Get("pool")
	if name == "" {
		answer(w, s.backend.Status(""))
		return
	}
	addr, err := pool.ParseAddress(name)
	if err != nil {
		fail(w, pool.NewCallError(pool.CategoryInvalidArgument, "%s", err.Error()))
		return
	}
	st := s.backend.Status(addr)
	if len(st.Pools) == 0 {
		_, err := s.backend.Commands(addr) // says which pools there are
		fail(w, err)
		return
	}
	answer(w, st)
}

// follow streams the events of an operation, one JSON object a line.
func (s *Server) follow(w http.ResponseWriter, r *http.Request, op Operation) {
	w.Header().Set("Content-Type", "application/x-ndjson")
	w.WriteHeader(http.StatusOK)
	flush := http.NewResponseController(w)
	encoder := json.NewEncoder(w)
	err := op.Follow(r.Context(), func(e pool.Event) error {
		if err := encoder.Encode(e); err != nil {
			return err
		}
		return flush.Flush()
	})
	if err != nil {
		s.log.Debug("a client stopped following an operation", "err", err)
	}
}

func (s *Server) commands(w http.ResponseWriter, r *http.Request) {
	commands, err := s.backend.Commands(r.PathValue("pool"))
	if err != nil {
		fail(w, err)
		return
	}
	answer(w, commands)
}

func (s *Server) scale(w http.ResponseWriter, r *http.Request) {
	var req struct {
		Size *int          `json:"size"`
		By   string        `json:"by"`
		For  pool.Duration `json:"for"`
	}
	if !take(w, r, &req) {
		return
	}
	if req.Size == nil {
		fail(w, pool.NewCallError(pool.CategoryInvalidArgument, "the request has no size"))
		return
	}
	addr, old, err := s.backend.Scale(r.PathValue("pool"), *req.Size, s.signed(r, req.By), req.For.D())
	if err != nil {
		fail(w, err)
		return
	}
	answer(w, map[string]any{"address": addr, "old": old, "size": *req.Size})
}

func (s *Server) recycle(w http.ResponseWriter, r *http.Request) {
	req := struct {
		Place *int   `json:"place"`
		By    string `json:"by"`
	}{}
	if !take(w, r, &req) {
		return
	}
	place := -1
	if req.Place != nil {
		place = *req.Place
	}
	op, err := s.backend.Recycle(r.PathValue("pool"), place, s.signed(r, req.By))
	if err != nil {
		fail(w, err)
		return
	}
	s.follow(w, r, op)
}

func (s *Server) wait(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	what := query.Get("for")
	switch what {
	case "ready", "idle", "gone":
	default:
		fail(w, pool.NewCallError(pool.CategoryInvalidArgument, "for must be ready, idle or gone, not %q", what))
		return
	}
	streaming, end := s.untilHeld(r.Context())
	defer end()
	ctx, cancel, err := limited(streaming, query.Get("timeout"), 30*time.Second)
	if err != nil {
		fail(w, err)
		return
	}
	defer cancel()
	if err := s.backend.Wait(ctx, r.PathValue("pool"), what); err != nil {
		fail(w, err)
		return
	}
	answer(w, struct{}{})
}

func limited(ctx context.Context, text string, otherwise time.Duration) (context.Context, context.CancelFunc, error) {
	limit := otherwise
	if text != "" {
		d, err := pool.ParseDuration(text)
		if err != nil {
			return nil, nil, pool.NewCallError(pool.CategoryInvalidArgument, "timeout: %s", err.Error())
		}
		limit = d.D()
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	return ctx, cancel, nil
}

func (s *Server) stop(w http.ResponseWriter, r *http.Request) {
	workers := cmp.Or(pool.Parting(r.URL.Query().Get("workers")), pool.PartingStop)
	if !workers.Valid() {
		fail(w, pool.NewCallError(pool.CategoryInvalidArgument, "workers must be stop, keep or kill, not %q", workers))
		return
	}
	w.WriteHeader(http.StatusAccepted)
	s.backend.Shutdown(workers)
}

// take reads the JSON body of a request; it answers and reports false when there
// is none.
func take(w http.ResponseWriter, r *http.Request, v any) bool {
	decoder := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxRequest))
	if err := decoder.Decode(v); err != nil && !errors.Is(err, io.EOF) {
		fail(w, pool.NewCallError(pool.CategoryInvalidArgument, "cannot read the request: %s", err.Error()))
		return false
	}
	return true
}

func answer(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(v) // the client is gone: nobody is left to be told
}

// fail answers with an error and the status of its category.
func fail(w http.ResponseWriter, err error) {
	var call *pool.CallError
	if !errors.As(err, &call) {
		call = pool.NewCallError(pool.CategoryInternal, "%s", fmt.Sprint(err))
	}
	refuse(w, statusOf(call.Category), call)
}

func refuse(w http.ResponseWriter, status int, err *pool.CallError) {
	w.Header().Set("Content-Type", "application/json")
	if after := time.Duration(err.RetryAfterMS) * time.Millisecond; after > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(after.Seconds()))))
	}
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{"error": err})
}

// statusOf maps the category of a call error to an HTTP status.
func statusOf(c pool.Category) int {
	switch c {
	case pool.CategoryInvalidArgument, pool.CategoryProtocol:
		return http.StatusBadRequest
	case pool.CategoryUnknownPool, pool.CategoryUnknownCommand:
		return http.StatusNotFound
	case pool.CategoryDenied:
		return http.StatusForbidden
	case pool.CategoryTooLarge:
		return http.StatusRequestEntityTooLarge
	case pool.CategorySaturated:
		return http.StatusTooManyRequests
	case pool.CategoryQueueTimeout, pool.CategoryUnavailable:
		return http.StatusServiceUnavailable
	case pool.CategoryDeadline:
		return http.StatusGatewayTimeout
	case pool.CategoryWorkerDied:
		return http.StatusBadGateway
	case pool.CategoryCancelled:
		return 499 // nginx's number for a client that went away
	case pool.CategoryRaised, pool.CategoryInternal:
		return http.StatusInternalServerError
	}
	return http.StatusInternalServerError
}

// Exec is a call over HTTP.
type Exec struct {
	Pool, Command string
	Body          []byte
	Timeout       time.Duration
	Session       string
	Idempotent    bool
	// Priority matters where the pool's queue.policy is priority.
	Priority uint8
}

// ExecAnswer is the answer to an Exec.
type ExecAnswer struct {
	Body        []byte
	Worker      string
	Queue, Exec time.Duration
	Attempts    int
}

func (s *Server) exec(w http.ResponseWriter, r *http.Request) {
	// One byte more than is allowed: the backend refuses such a call, and counts it.
	body, err := io.ReadAll(io.LimitReader(r.Body, wire.MaxBody+1))
	if err != nil {
		fail(w, pool.NewCallError(pool.CategoryInvalidArgument, "cannot read the arguments: %s", err.Error()))
		return
	}
	req := Exec{Pool: r.PathValue("pool"), Command: r.PathValue("command"), Body: body}
	if req.Pool == "-" {
		req.Pool = ""
	}
	if err := req.parse(r.URL.Query()); err != nil {
		fail(w, err)
		return
	}
	result, err := s.backend.Exec(r.Context(), req)
	if err != nil {
		fail(w, err)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Snakectl-Worker", result.Worker)
	h.Set("Snakectl-Queue-Ns", strconv.FormatInt(int64(result.Queue), 10))
	h.Set("Snakectl-Exec-Ns", strconv.FormatInt(int64(result.Exec), 10))
	if result.Attempts > 1 {
		h.Set("Snakectl-Attempts", strconv.Itoa(result.Attempts))
	}
	_, _ = w.Write(result.Body)
	if !bytes.HasSuffix(result.Body, []byte("\n")) {
		_, _ = io.WriteString(w, "\n") // JSON all the same, and a terminal's prompt begins a line
	}
}

// parse takes up what the query says of a call.
func (e *Exec) parse(query url.Values) error {
	e.Session = query.Get("session")
	if text := query.Get("timeout"); text != "" {
		d, err := pool.ParseDuration(text)
		if err != nil {
			return pool.NewCallError(pool.CategoryInvalidArgument, "timeout: %s", err.Error())
		}
		e.Timeout = d.D()
	}
	if text := query.Get("idempotent"); text != "" {
		idempotent, err := strconv.ParseBool(text)
		if err != nil {
			return pool.NewCallError(pool.CategoryInvalidArgument, "idempotent must be true or false, not %q", text)
		}
		e.Idempotent = idempotent
	}
	if text := query.Get("priority"); text != "" {
		priority, err := strconv.ParseUint(text, 10, 8)
		if err != nil {
			return pool.NewCallError(pool.CategoryInvalidArgument, "priority must be a number from 0 to 255, not %q", text)
		}
		e.Priority = uint8(priority)
	}
	return nil
}
