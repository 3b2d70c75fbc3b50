package runtime_test

import (
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/snakectl/snakectl/internal/pool"
)

// A disk that is full is told by name, and leaves nothing behind.
func TestBuildOnAFullDisk(t *testing.T) {
	p := newProject(t)
	if err := os.MkdirAll(p.store.Dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("tmpfs", p.store.Dir, "tmpfs", 0, "size=256k"); err != nil {
		t.Skipf("cannot mount a small file system here: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(p.store.Dir, 0); err != nil {
			t.Errorf("cannot unmount %s: %v", p.store.Dir, err)
		}
	})
	p.wheel("large", "1.0", "TEXT = '"+strings.Repeat("x", 1<<20)+"'\n")
	spec := p.spec(pool.InstallerPip)
	spec.Packages = []string{"large"}
	_, err := p.build(p.mustResolve(spec))
	if err == nil || !strings.Contains(err.Error(), "No space left on device") || !strings.Contains(err.Error(), "snakectl runtime gc") {
		t.Errorf("Build = %v, want the full disk and what to do", err)
	}
	p.empty()
}
