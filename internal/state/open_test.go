package state_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/snakectl/snakectl/internal/pool"
	"github.com/snakectl/snakectl/internal/state"
	"github.com/snakectl/snakectl/internal/state/statetest"
)

func TestSecondOwnerIsRefused(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "made", "here")
	s := mustOpen(t, dir)
	accept(t, s, 1)
	_, _, err := state.Open(dir, options())
	var locked *state.LockedError
	if !errors.As(err, &locked) || locked.PID != os.Getpid() {
		t.Fatalf("second Open = %v, want a *LockedError with process %d", err, os.Getpid())
	}
	if !strings.Contains(err.Error(), fmt.Sprint(os.Getpid())) || !strings.Contains(err.Error(), dir) {
		t.Errorf("%q names neither the process nor the directory", err)
	}
	if v, err := state.ReadCopy(dir); err != nil || v.Revision != 1 || v.Notice != "" {
		t.Errorf("ReadCopy beside an owner = %+v, %v, want revision 1", v, err)
	}
	accept(t, s, 2) // the refused one has disturbed nothing
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "supervisor.pid")); !os.IsNotExist(err) {
		t.Errorf("Close left the owner's name: %v", err)
	}
	if again := mustOpen(t, dir); again.Revision() != 2 {
		t.Errorf("Revision() = %d, want 2", again.Revision())
	}
}

// TestKilledOwnerIsWaitedFor: an owner that was killed holds the lock until the
// kernel has closed its files.
func TestKilledOwnerIsWaitedFor(t *testing.T) {
	dir := t.TempDir()
	lock, err := os.OpenFile(filepath.Join(dir, "state.lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	gone := exec.CommandContext(t.Context(), "true")
	if err := gone.Run(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "supervisor.pid"), fmt.Appendln(nil, gone.Process.Pid), 0o600); err != nil {
		t.Fatal(err)
	}
	time.AfterFunc(50*time.Millisecond, func() { _ = lock.Close() })
	if again := mustOpen(t, dir); again.Revision() != 0 {
		t.Errorf("Revision() = %d, want 0", again.Revision())
	}
}

func TestUnusableDirectories(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	writeFile(t, nil, file)
	cases := map[string]string{"a file": file, "below a file": filepath.Join(file, "instance")}
	if os.Geteuid() != 0 {
		sealed := t.TempDir()
		if err := os.Chmod(sealed, 0o500); err != nil {
			t.Fatal(err)
		}
		cases["not writable"] = sealed
		cases["not creatable"] = filepath.Join(sealed, "instance")
	}
	for name, dir := range cases {
		t.Run(name, func(t *testing.T) {
			_, _, err := state.Open(dir, options())
			if err == nil || !strings.Contains(err.Error(), dir) || !strings.Contains(err.Error(), "--instance") {
				t.Errorf("Open(%s) = %v, want an error that names it and what to do", dir, err)
			}
		})
	}
}

func TestNewerFormatIsRefusedAndUntouched(t *testing.T) {
	origin := lived(t)
	for _, file := range []string{"state.db", "state.db.bak.1"} {
		t.Run(file, func(t *testing.T) {
			dir := clone(t, origin)
			if err := statetest.AgeForward(filepath.Join(dir, file), 9, "4.2.0"); err != nil {
				t.Fatal(err)
			}
			if file != "state.db" {
				writeFile(t, []byte("damaged"), dir, "state.db")
			}
			before := readFile(t, dir, file)
			_, _, err := state.Open(dir, options())
			var format *state.FormatError
			if !errors.As(err, &format) || format.Format != 9 || format.Version != "4.2.0" || format.Supported != state.Format {
				t.Fatalf("Open = %v, want a *FormatError of format 9 by 4.2.0", err)
			}
			if !strings.Contains(err.Error(), "4.2.0") {
				t.Errorf("%q does not name the release to use", err)
			}
			if _, err := state.ReadCopy(dir); !errors.As(err, &format) {
				t.Errorf("ReadCopy = %v, want a *FormatError", err)
			}
			if string(readFile(t, dir, file)) != string(before) {
				t.Error("the file was changed")
			}
			if found, _ := filepath.Glob(filepath.Join(dir, "*.corrupt-*")); len(found) > 0 {
				t.Errorf("files were set aside: %v", found)
			}
		})
	}
}

// TestCrashBesideTheSidecar: the sidecar is written after the transaction, so it
// may lag behind; a file that lags behind the sidecar is an old one.
func TestCrashBesideTheSidecar(t *testing.T) {
	stage := func(t *testing.T) (dir string, oldDB, oldID []byte) {
		dir = t.TempDir()
		s := mustOpen(t, dir)
		accept(t, s, 1)
		_ = s.Close()
		oldDB, oldID = readFile(t, dir, "state.db"), readFile(t, dir, "state.id")
		s = mustOpen(t, dir)
		accept(t, s, 2)
		_ = s.Close()
		return dir, oldDB, oldID
	}
	t.Run("sidecar behind", func(t *testing.T) {
		dir, _, oldID := stage(t)
		newID := readFile(t, dir, "state.id")
		writeFile(t, oldID, dir, "state.id")
		if s := mustOpen(t, dir); s.Revision() != 2 {
			t.Errorf("Revision() = %d, want 2", s.Revision())
		}
		if diff := cmp.Diff(string(newID), string(readFile(t, dir, "state.id"))); diff != "" {
			t.Errorf("state.id after Open (-want +got):\n%s", diff)
		}
	})
	t.Run("file behind", func(t *testing.T) {
		dir, oldDB, _ := stage(t)
		writeFile(t, oldDB, dir, "state.db")
		s, news, err := state.Open(dir, options())
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		if news == nil || news.From != "state.db.bak.1" || news.Revision != 2 || news.Lost != 0 || s.Revision() != 2 {
			t.Errorf("recovery = %+v, want revision 2 from state.db.bak.1", news)
		}
	})
	t.Run("file behind, no backups", func(t *testing.T) {
		dir, oldDB, _ := stage(t)
		removeBackups(t, dir)
		writeFile(t, oldDB, dir, "state.db")
		s, news, err := state.Open(dir, options())
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		if news == nil || news.Revision != 1 || news.Lost != 2 || s.Revision() != 1 {
			t.Errorf("recovery = %+v, want the old file's revision 1 and 2 lost", news)
		}
	})
	for name, id := range map[string][]byte{"sidecar removed": nil, "sidecar damaged": []byte("{\"lin")} {
		t.Run(name, func(t *testing.T) {
			dir, _, _ := stage(t)
			_ = os.Remove(filepath.Join(dir, "state.id"))
			if id != nil {
				writeFile(t, id, dir, "state.id")
			}
			s, news, err := state.Open(dir, options())
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			if news == nil || s.Revision() != 2 || !strings.Contains(news.Message, "state.id") {
				t.Errorf("recovery = %+v with revision %d, want 2 and a word on state.id", news, s.Revision())
			}
		})
	}
	t.Run("another instance's file", func(t *testing.T) {
		dir, _, _ := stage(t)
		writeFile(t, readFile(t, lived(t), "state.db"), dir, "state.db")
		s, news, err := state.Open(dir, options())
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		if news == nil || s.Revision() != 2 || news.CorruptPath == "" {
			t.Errorf("recovery = %+v with revision %d, want the instance's own 2", news, s.Revision())
		}
	})
}

// TestRecoveryIsToldUntilSomebodyApplies: a crash after a recovery must not hide it.
func TestRecoveryIsToldUntilSomebodyApplies(t *testing.T) {
	dir := lived(t)
	damagedBytes := []byte("not a database, and kept as it is")
	writeFile(t, damagedBytes, dir, "state.db")
	var first *state.Recovery
	for range 3 {
		s, news, err := state.Open(dir, options())
		if err != nil {
			t.Fatal(err)
		}
		_ = s.Close()
		if first == nil {
			first = news
		}
		if diff := cmp.Diff(first, news); news == nil || diff != "" {
			t.Fatalf("recovery (-first +now):\n%s", diff)
		}
	}
	if got := readFile(t, first.CorruptPath); string(got) != string(damagedBytes) {
		t.Errorf("%s holds %q", first.CorruptPath, got)
	}
	s, _, err := state.Open(dir, options())
	if err != nil {
		t.Fatal(err)
	}
	accept(t, s, 5)
	_ = s.Close()
	mustOpen(t, dir)
}

func TestBackupsRotate(t *testing.T) {
	dir := t.TempDir()
	s := mustOpen(t, dir)
	for n := 1; n <= 7; n++ {
		rev := accept(t, s, n)
		if err := s.FinishRevision(rev.Number, pool.RevisionStable, "", pool.Outcome{}); err != nil {
			t.Fatal(err)
		}
	}
	_ = s.Close()
	for n := 1; n <= 5; n++ {
		alone := t.TempDir()
		writeFile(t, readFile(t, dir, fmt.Sprintf("state.db.bak.%d", n)), alone, "state.db")
		backup, _, err := state.Open(alone, options())
		if err != nil {
			t.Fatal(err)
		}
		rev, err := backup.GetRevision(backup.Revision())
		if want := uint64(8 - n); err != nil || rev.Number != want || rev.Status != pool.RevisionStable {
			t.Errorf("backup %d holds revision %d %s, %v, want %d stable", n, rev.Number, rev.Status, err, want)
		}
		_ = backup.Close()
	}
	if found, _ := filepath.Glob(filepath.Join(dir, "*.bak.6")); len(found) > 0 {
		t.Errorf("a sixth backup was kept")
	}
	var forPeople pool.Revision
	if err := json.Unmarshal(readFile(t, dir, "accepted.json"), &forPeople); err != nil || forPeople.Number != 7 {
		t.Errorf("accepted.json has revision %d, %v, want 7", forPeople.Number, err)
	}
}

// TestFileCutUnderAnOwner: the kernel answers reads behind the new end of the
// file with a fault, which must not end the process.
func TestFileCutUnderAnOwner(t *testing.T) {
	dir := t.TempDir()
	s := mustOpen(t, dir)
	accept(t, s, 1)
	if err := s.PutWorkers(workers(40)); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(filepath.Join(dir, "state.db"), 2*pageSize); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Workers(); !errors.Is(err, state.ErrDamaged) {
		t.Errorf("Workers() = %v, want ErrDamaged", err)
	}
	if err := s.PutWorkers(workers(1)); err == nil {
		t.Error("PutWorkers succeeded on a file that is gone")
	}
	_ = s.Close()
	again, news, err := state.Open(dir, options())
	if err != nil || news == nil || again.Revision() != 1 {
		t.Fatalf("Open = %+v, %v, want revision 1 recovered", news, err)
	}
	_ = again.Close()
}
