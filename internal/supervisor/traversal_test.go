package supervisor

import (
	"testing"
	"time"

	"github.com/snakectl/snakectl/internal/logs"
)

// A reference to a log names a pool, a place and an incarnation that have logs,
// never a path.
func TestLogReferencesAreNoPaths(t *testing.T) {
	s := &Supervisor{logs: logs.Dir(t.TempDir())}
	s.routes.set(nil, "")
	id := logs.ID{Pool: "pool.api", Incarnation: "7f2c01ab", Started: time.Now()}
	if err := s.logs.Create(id); err != nil {
		t.Fatal(err)
	}
	for _, ref := range []string{
		"../../etc/passwd", "/etc/passwd", "pool.api/../../x", "api/-1", "..", "pool...", "api/1/2", "\x00", "api/0@../../x", "api/0@", "api/0@.",
		"api/0@8", "api/0@7f2c01abc", "api/1", "other",
	} {
		if selection, err := s.Logs(ref); err == nil {
			t.Errorf("Logs(%q) = %v, want an error", ref, selection)
		}
		if list, err := s.LogList(ref); err == nil {
			t.Errorf("LogList(%q) = %v, want an error", ref, list)
		}
	}
	for ref, want := range map[string]string{"api": "", "api/0": "", "api/0@7f": "7f2c01ab", "pool.api/0@7f2c01ab": "7f2c01ab"} {
		if got, err := s.Logs(ref); err != nil || got.Incarnation != want || got.Pool != "pool.api" {
			t.Errorf("Logs(%q) = %+v, %v", ref, got, err)
		}
	}
}
