package supervisor

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/snakectl/snakectl/internal/pool"
)

// Whatever the key of a pool, its logs are files below logs/: an address comes over
// the socket, and its key may hold anything printable.
func TestLogFilesStayInTheirDirectory(t *testing.T) {
	s := &Supervisor{cfg: Config{Instance: "/srv/i"}}
	for _, key := range []string{"", "..", "../..", "/etc", "a/b", "../../../../etc/passwd", "%2e%2e%2f", `x"] pool["`, "."} {
		got := s.logFile(pool.Address("api", key), 3)
		rel, err := filepath.Rel("/srv/i/logs", got)
		if err != nil || !filepath.IsLocal(rel) || strings.Count(rel, "/") != 1 || filepath.Base(rel) != "3.log" {
			t.Errorf("logFile of the key %q = %s", key, got)
		}
	}
}

// A reference to a log names a pool that exists and a place of it, never a path.
func TestLogReferencesAreNoPaths(t *testing.T) {
	s := &Supervisor{cfg: Config{Instance: "/srv/i"}}
	s.routes.set(nil, "")
	for _, ref := range []string{"../../etc/passwd", "/etc/passwd", "pool.api/../../x", "api/-1", "..", "pool...", "api/1/2", "\x00"} {
		if files, err := s.LogFiles(ref); err == nil {
			t.Errorf("LogFiles(%q) = %v, want an error", ref, files)
		}
	}
}
