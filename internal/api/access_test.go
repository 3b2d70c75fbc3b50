package api

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/snakectl/snakectl/internal/access"
	"github.com/snakectl/snakectl/internal/pool"
)

// rights is what each route takes, "any" for any right at all. A new route is added
// here, with thought.
var rights = map[string]string{
	"GET /healthz":                         "any",
	"GET /readyz":                          "read",
	"GET /v1/status":                       "read",
	"GET /v1/revisions":                    "read",
	"GET /v1/revisions/{number}":           "read",
	"GET /v1/observed":                     "read",
	"POST /v1/plan":                        "read",
	"POST /v1/apply":                       "admin",
	"POST /v1/operations/{id}/stop":        "admin",
	"GET /v1/pools/{pool}/commands":        "read exec",
	"POST /v1/pools/{pool}/exec/{command}": "exec",
	"POST /v1/pools/{pool}/scale":          "admin",
	"POST /v1/pools/{pool}/recycle":        "admin",
	"POST /v1/pools/{pool}/pause":          "admin",
	"POST /v1/pools/{pool}/resume":         "admin",
	"GET /v1/pools/{pool}/wait":            "read",
	"GET /v1/logs":                         "read",
	"GET /v1/logs/list":                    "read",
	"POST /v1/stacks":                      "admin",
	"GET /v1/events":                       "read",
	"POST /v1/supervisor/replace":          "admin", "POST /v1/supervisor/stop": "admin",
	"GET /v1/pools/{pool}/rollout":          "read",
	"POST /v1/pools/{pool}/rollout/{order}": "admin",
}

// fakeBackend knows the pools api and own, and whom their lists name.
type fakeBackend struct {
	Backend
	policy *access.Policy
}

func (fakeBackend) Refuse(string, *pool.CallError) {}

func (b fakeBackend) Access() *access.Policy { return b.policy }

func (fakeBackend) Address(name string) string {
	if name == "-" {
		name = "api"
	}
	return pool.Address(name, "")
}

func newTestServer(t *testing.T) *Server {
	t.Helper()
	policy, problems := access.New(1, &pool.Desired{
		Settings: pool.Settings{Access: pool.Access{Admin: []string{"10"}, Read: []string{"20"}, Exec: []string{"30"}}},
		Pools:    []pool.Pool{{Name: "api"}, {Name: "own", Access: pool.Callers{Exec: []string{"40"}}}},
	})
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	return New(fakeBackend{policy: policy}, slog.New(slog.DiscardHandler))
}

func request(t *testing.T, pattern, poolName string, uid uint32) *http.Request {
	t.Helper()
	method, path, _ := strings.Cut(pattern, " ")
	path = strings.NewReplacer("{pool}", poolName, "{id}", "x", "{command}", "x").Replace(path)
	ctx := context.WithValue(t.Context(), connKey{}, &peerConn{peer: access.Peer{Known: true, UID: uid}})
	return httptest.NewRequestWithContext(ctx, method, path, nil)
}

// Every route lets pass whom its rights name and nobody else.
func TestEveryRouteIsGuarded(t *testing.T) {
	if !access.Supported() {
		t.Skip("this system does not tell who connects")
	}
	s := newTestServer(t)
	users := map[string]uint32{"owner": 1, "admin": 10, "read": 20, "exec": 30, "exec of another pool": 40, "stranger": 50}
	listed := map[string]string{}
	for _, r := range s.routeTable() {
		var names []string
		for _, right := range r.rights {
			names = append(names, string(right))
		}
		needs := strings.Join(names, " ")
		if needs == "" {
			needs = "any"
		}
		listed[r.pattern] = needs
		for name, uid := range users {
			may := name == "owner" || name == "admin" || (needs == "any" && name != "stranger") || strings.Contains(needs, name)
			w := httptest.NewRecorder()
			mux := http.NewServeMux()
			mux.HandleFunc(r.pattern, s.guard(r.rights, func(http.ResponseWriter, *http.Request) {}))
			mux.ServeHTTP(w, request(t, r.pattern, "api", uid))
			if got := w.Code == http.StatusOK; got != may {
				t.Errorf("%s by %s: status %d, want allowed to be %t", r.pattern, name, w.Code, may)
			}
			if w.Code != http.StatusOK && (w.Code != http.StatusForbidden || !strings.Contains(w.Body.String(), `"category":"denied"`)) {
				t.Errorf("%s by %s: status %d with %s", r.pattern, name, w.Code, w.Body)
			}
		}
	}
	if diff := cmp.Diff(rights, listed); diff != "" {
		t.Errorf("rights of the routes (-want +got):\n%s", diff)
	}
}

// A page in a browser reaches nothing, whoever runs the browser.
func TestRequestsOfPagesAreRefused(t *testing.T) {
	s := newTestServer(t)
	for _, header := range []string{"Origin", "Referer"} {
		for _, r := range s.routeTable() {
			req := request(t, r.pattern, "api", 1)
			req.Header.Set(header, "http://localhost")
			w := httptest.NewRecorder()
			s.http.Handler.ServeHTTP(w, req)
			if w.Code != http.StatusForbidden {
				t.Errorf("%s with %s: status %d, want 403", r.pattern, header, w.Code)
			}
		}
	}
}

// The history tells who changed something by what the kernel says, not only by what
// the caller says of itself.
func TestChangesAreSigned(t *testing.T) {
	s := newTestServer(t)
	if got := s.signed(request(t, "POST /v1/apply", "", 10), "root@box"); got != "root@box (uid 10)" {
		t.Errorf("signed() = %q", got)
	}
	if got := s.signed(request(t, "POST /v1/apply", "", 1), "ops@box"); got != "ops@box" {
		t.Errorf("signed() of the owner = %q", got)
	}
}
