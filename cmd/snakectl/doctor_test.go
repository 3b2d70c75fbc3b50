package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/snakectl/snakectl/client"
	"github.com/snakectl/snakectl/internal/pool"
)

// wantFinding fails unless the check went so and says what to do about it.
func wantFinding(t *testing.T, f finding, want verdict, words string) {
	t.Helper()
	if f.Verdict != want || !strings.Contains(f.Found+" "+f.Mend, words) || (f.Mend == "") != (want == verdictOK) {
		t.Errorf("finding %+v, want %s with %q", f, want, words)
	}
}

func TestExamineDirectory(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "i")
	wantFinding(t, examineDirectory(dir), verdictOK, "does not exist yet")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	wantFinding(t, examineDirectory(dir), verdictOK, dir)
	if err := os.Chmod(dir, 0o777); err != nil { // past the umask
		t.Fatal(err)
	}
	wantFinding(t, examineDirectory(dir), verdictFail, "chmod 700 "+dir)
}

func TestExamineSocket(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	wantFinding(t, examineSocket(path, false, 0o600), verdictOK, "not there")
	wantFinding(t, examineSocket(path, true, 0o600), verdictFail, "snakectl supervisor restart")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	wantFinding(t, examineSocket(path, true, 0o600), verdictOK, path)
	if err := os.Chmod(path, 0o606); err != nil {
		t.Fatal(err)
	}
	wantFinding(t, examineSocket(path, true, 0o600), verdictFail, "chmod 600 ")
	wantFinding(t, examineSocket(path, true, 0o666), verdictOK, path)
}

func TestExamineInterpreters(t *testing.T) {
	dir := t.TempDir()
	python := filepath.Join(dir, "python")
	accepted := &pool.Desired{Runtimes: map[string]pool.Runtime{"ml": {Interpreter: python, Version: "3.12.1"}}}
	wantFinding(t, examineInterpreters(accepted)[0], verdictFail, "install Python 3.12.1")
	if err := os.WriteFile(python, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	wantFinding(t, examineInterpreters(accepted)[0], verdictFail, "not executable")
	if err := os.Chmod(python, 0o700); err != nil {
		t.Fatal(err)
	}
	wantFinding(t, examineInterpreters(accepted)[0], verdictOK, "Python 3.12.1")
}

func TestExamineSupervisorAndPools(t *testing.T) {
	a := newTestApp(t)
	dir := t.TempDir()
	status := &client.Status{
		Supervisor: pool.SupervisorStatus{PID: 7, Version: "0.0.9"},
		Pools: []pool.PoolStatus{
			{Address: "pool.a", Size: 1, Ready: 1},
			{Address: "pool.b", Size: 2, Ready: 1},
			{Address: "pool.c", Size: 1, Message: "6 failures", Workers: []pool.WorkerStatus{{State: pool.WorkerQuarantined}}},
		},
	}
	wantFinding(t, a.examineSupervisor(dir, status, nil), verdictWarn, "snakectl supervisor restart")
	status.Supervisor.Version = "0.1.0"
	wantFinding(t, a.examineSupervisor(dir, status, nil), verdictOK, "pid 7")
	wantFinding(t, a.examineSupervisor(dir, nil, client.ErrNoSupervisor), verdictOK, "nothing was applied")
	pools := examinePools(status)
	wantFinding(t, pools[0], verdictOK, "1 of 1")
	wantFinding(t, pools[1], verdictWarn, "snakectl wait pool.b")
	wantFinding(t, pools[2], verdictFail, "snakectl logs pool.c")
}

func TestExamineRoom(t *testing.T) {
	wantFinding(t, examineRoom("/srv", diskWarn), verdictOK, "free at /srv")
	wantFinding(t, examineRoom("/srv", diskWarn-1), verdictWarn, "make room soon")
	wantFinding(t, examineRoom("/srv", diskFail-1), verdictFail, "make room: ")
}

func TestExamineEnvironments(t *testing.T) {
	store := environmentsOf(t.TempDir())
	accepted := &pool.Desired{Runtimes: map[string]pool.Runtime{"none": {}, "ml": {Environment: &pool.Environment{Key: "0123abcd"}}}}
	found := examineEnvironments(accepted, store)
	if len(found) != 1 {
		t.Fatalf("findings = %+v, want one for the runtime that has an environment", found)
	}
	wantFinding(t, found[0], verdictFail, "ml: "+store.Path("0123abcd")+" is not there any more snakectl apply builds it again")
}

func TestExamineFiles(t *testing.T) {
	wantFinding(t, examineFiles(os.Getpid(), nil), verdictOK, "about 64 needed")
	if _, err := os.Stat("/proc/self/limits"); err != nil {
		t.Skip("the limits of another process are not known here")
	}
	many := &pool.Desired{}
	for range 1 << 10 {
		many.Pools = append(many.Pools, pool.Pool{Size: 1 << 24})
	}
	wantFinding(t, examineFiles(os.Getpid(), many), verdictFail, "ulimit -n")
}

func TestProject(t *testing.T) {
	m := machine{Cores: 2, MemoryBytes: 100 << 20, Files: 1024, FilesOpen: 24, Tasks: 500}
	u := usage{Workers: 2, WorkerBytes: 8 << 20, LargestBytes: 10 << 20, WorkerTasks: 2, WorkerFiles: 3, ReadyUS: 100_000, Starts: 2}
	bounds := project(m, u)
	got := map[string]int64{}
	for _, b := range bounds {
		got[b.Resource] = b.Workers
	}
	if got["memory"] != 12 || got["files"] != 335 || got["tasks"] != 252 || bounds[0].Resource != "memory" {
		t.Errorf("project = %+v, want memory for 12, files for 335 and tasks for 252", bounds)
	}
	m.MemoryBytes, m.Files, m.Tasks = -5, unlimited, unlimited
	if bounds := project(m, u); len(bounds) != 1 || bounds[0].Workers != 2 {
		t.Errorf("project = %+v, want no more than the 2 that run", bounds)
	}
	if bounds := project(m, usage{}); len(bounds) != 0 {
		t.Errorf("project of nothing = %+v", bounds)
	}
	if got := startTime(m, u, 10).Milliseconds(); got != 500 {
		t.Errorf("starting ten on two cores takes %d ms, want 500", got)
	}
	text := renderScaling(scaling{Machine: m, Usage: usage{}})
	if !strings.Contains(text, "none runs") {
		t.Errorf("the text does not say that nothing was measured:\n%s", text)
	}
}

func TestKernelTexts(t *testing.T) {
	limits := "Limit                     Soft Limit           Hard Limit           Units\nMax open files            1024                 4096                 files\n" +
		"Max processes             unlimited            unlimited            processes\n"
	if n := limitOf(limits, "Max open files"); n != 1024 {
		t.Errorf("nofile %d, want 1024", n)
	}
	if n := limitOf(limits, "Max processes"); n != unlimited {
		t.Errorf("processes %d, want no limit", n)
	}
	if n := fieldOf("Name:\tpython\nThreads:\t3\n", "Threads:"); n != 3 {
		t.Errorf("threads %d, want 3", n)
	}
	if n := kernelNumber("max\n"); n != unlimited {
		t.Errorf("max is %d, want no limit", n)
	}
}
