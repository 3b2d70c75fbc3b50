package examples

import (
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// installing are the examples that install packages.
var installing = []string{"digits", "fetch", "meaning", "tables", "waves"}

// Each configuration says in its head how it is tried. The last configuration that was
// applied ends with each that follows, as a reader's would.
func testHeads(t *testing.T, s *site) {
	page := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("hello")) }))
	t.Cleanup(page.Close)

	configs, err := filepath.Glob(s.path("*.hcl"))
	if err != nil {
		t.Fatal(err)
	}
	for _, config := range configs {
		name := strings.TrimSuffix(filepath.Base(config), ".hcl")
		t.Run(name, func(t *testing.T) {
			text := s.read(t, name+".hcl")
			if strings.Contains(text, "requirements") != slices.Contains(installing, name) {
				t.Errorf("%s.hcl installs packages, or does not, and the list of this test says otherwise", name)
			}
			commands := head(text)
			if len(commands) < 2 {
				t.Fatalf("the head of %s.hcl names %d commands, want an apply and more", name, len(commands))
			}
			for _, command := range commands {
				command = strings.ReplaceAll(command, "http://127.0.0.1:8000/", page.URL)
				command = strings.Replace(command, "snakectl apply", "snakectl apply --auto-approve --quiet", 1)
				if out := s.shell(t, command); strings.TrimSpace(out) == "" {
					t.Errorf("%s prints nothing", command)
				}
			}
		})
	}
}

// head returns the commands in the comment that a configuration begins with.
func head(text string) []string {
	var commands []string
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(line, "#") {
			break
		}
		if command, ok := strings.CutPrefix(line, "#   "); ok {
			commands = append(commands, strings.TrimSpace(command))
		}
	}
	return commands
}
