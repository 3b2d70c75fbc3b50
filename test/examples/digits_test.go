package examples

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/snakectl/snakectl/client"
)

// Eight workers share the model that was trained before they were forked: together with
// the process that they are forked from they need about the memory of one that trains
// for itself, also after each has answered and collected its garbage.
func testDigitsShareMemory(t *testing.T, s *site) {
	if runtime.GOOS != "linux" {
		t.Skip("workers are forked, and their shared memory is counted, on Linux alone")
	}
	s.write(t, "digits_adapter.py", s.read(t, "digits_adapter.py")+`

@command
def collect() -> int:
    import gc

    return gc.collect()
`)
	s.write(t, "digits.hcl", strings.Replace(s.read(t, "digits.hcl"), `"1m"`, `"3m"`, 1)+`
pool "alone" {
  runtime       = runtime.python.digits
  adapter       = "./digits_adapter.py"
  start_method  = "spawn"
  start_timeout = "3m"
}
`)
	s.apply(t, "digits.hcl")
	for _, pool := range []string{"digits", "alone"} {
		s.useEach(t, pool)
	}

	status, err := s.client.Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var shared, alone int64
	for _, p := range status.Pools {
		if p.Address == "pool.alone" {
			alone = memory(t, p.Workers[0].PID, "Rss")
			continue
		}
		if p.ForkServer == 0 || p.Spawned != "" || len(p.Workers) != 8 {
			t.Fatalf("%s has %d workers, fork server %d (%s), want 8 that are forked", p.Address, len(p.Workers), p.ForkServer, p.Spawned)
		}
		shared = memory(t, p.ForkServer, "Pss")
		for _, w := range p.Workers {
			shared += memory(t, w.PID, "Pss")
		}
	}
	t.Logf("8 workers and the process that forks them: %d MiB; one worker of its own: %d MiB; %.2f times as much", shared>>20, alone>>20, float64(shared)/float64(alone))
	if shared > alone*3/2 {
		t.Errorf("8 workers need %d MiB, want at most 1.5 times the %d MiB of one", shared>>20, alone>>20)
	}
}

// useEach has each worker of a pool read a picture and collect its garbage.
func (s *site) useEach(t *testing.T, pool string) {
	t.Helper()
	ctx := t.Context()
	workers, err := s.client.Workers(ctx, pool)
	for _, w := range workers {
		_, paused := s.client.Pause(ctx, place(w), "test")
		err = errors.Join(err, paused)
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range workers {
		if _, err := s.client.Resume(ctx, place(w), "test"); err != nil {
			t.Fatal(err)
		}
		var read struct{ Digit, Label int }
		if s.exec(t, pool, "read", map[string]int{"picture": 7}, &read); read.Digit != 9 || read.Label != 9 {
			t.Errorf("read of %s = %+v, want the digit 9", w.Address, read)
		}
		var collected int
		s.exec(t, pool, "collect", nil, &collected)
		if _, err := s.client.Pause(ctx, place(w), "test"); err != nil {
			t.Fatal(err)
		}
	}
}

// place names the place of a worker, as people do.
func place(w client.WorkerStatus) string {
	name := strings.TrimPrefix(w.Address, "pool.")
	name, _, _ = strings.Cut(name, "@")
	return name
}

// memory returns the bytes that the kernel counts for a process under a name.
func memory(t *testing.T, pid int, name string) int64 {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if fields := strings.Fields(line); len(fields) == 3 && fields[0] == name+":" {
			kib, err := strconv.ParseInt(fields[1], 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			return kib << 10
		}
	}
	t.Fatalf("the kernel does not tell the %s of process %d", name, pid)
	return 0
}
