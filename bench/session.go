package main

import (
	"context"
	"embed"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

//go:embed files
var files embed.FS

// startLimit is how long anything may take to start or to end.
const startLimit = 10 * time.Second

// session is everything that is measured, running at one time, so that rounds
// can go from one to the next.
type session struct {
	dir      string // of the files, and all that is written
	root     string // of the module
	direct   *direct
	relayed  *direct // nil without a C compiler
	peers    *peers
	instance *instance
	table    table
	rounds   int
	numeric  string // an interpreter that may have numpy, "" for none
	pinned   bool   // all of it to one CPU
}

// openSession starts all of it.
func openSession(ctx context.Context, o options) (s *session, err error) {
	s = &session{root: o.root, rounds: o.rounds, numeric: o.numeric, pinned: o.measure == "pinned"}
	defer func() {
		if err != nil {
			s.close(ctx)
		}
	}()
	if s.dir, err = os.MkdirTemp("", "snakectl-bench-"); err != nil {
		return s, err
	}
	if err := s.writeFiles(); err != nil {
		return s, err
	}
	python, err := cleanPython(ctx, s.dir)
	if err != nil {
		return s, err
	}
	sdk := filepath.Join(o.root, "python")
	if s.direct, err = startDirect(ctx, python, sdk, s.dir, ""); err != nil {
		return s, err
	}
	if relay := buildRelay(ctx, s.dir); relay != "" {
		if s.relayed, err = startDirect(ctx, python, sdk, s.dir, relay); err != nil {
			return s, err
		}
	}
	if s.peers, err = startPeers(ctx, s.dir, python, "peers.py"); err != nil {
		return s, err
	}
	s.instance, err = startInstance(ctx, o.binary, filepath.Join(s.dir, "instance"), filepath.Join(s.dir, "config"))
	return s, err
}

// writeFiles lays out what the workers, the peers and the instance read.
func (s *session) writeFiles() error {
	config := filepath.Join(s.dir, "config")
	for _, dir := range []string{config, filepath.Join(s.dir, "instance")} {
		if err := os.Mkdir(dir, 0o700); err != nil {
			return err
		}
	}
	for source, targets := range map[string][]string{
		"adapter.py":  {"adapter.py", "config/adapter.py", "config/roll_adapter.py"},
		"bench.hcl":   {"config/bench.hcl"},
		"peers.py":    {"peers.py"},
		"relay.c":     {"relay.c"},
		"workload.py": {"workload.py"},
	} {
		b, err := files.ReadFile("files/" + source)
		if err != nil {
			return err
		}
		for _, target := range targets {
			if err := os.WriteFile(filepath.Join(s.dir, target), b, 0o600); err != nil {
				return err
			}
		}
	}
	return nil
}

// close ends all processes and removes what was written.
func (s *session) close(ctx context.Context) {
	ctx = context.WithoutCancel(ctx)
	if s.instance != nil {
		s.instance.stop(ctx)
	}
	if s.peers != nil {
		s.peers.stop()
	}
	for _, d := range []*direct{s.direct, s.relayed} {
		if d != nil {
			d.stop()
		}
	}
	if s.dir != "" {
		_ = os.RemoveAll(s.dir)
	}
}

// cleanPython makes an empty virtual environment in dir, puts it first on the PATH
// of everything that is measured and returns its interpreter. What a machine's own
// environment runs at each start (.pth files, a version manager's shim) would
// otherwise be most of a worker's start.
func cleanPython(ctx context.Context, dir string) (string, error) {
	venv := filepath.Join(dir, "venv")
	if out, err := exec.CommandContext(ctx, "python3", "-m", "venv", "--without-pip", venv).CombinedOutput(); err != nil {
		return "", fmt.Errorf("cannot make a virtual environment with python3: %w\n%s", err, out)
	}
	bin := filepath.Join(venv, "bin")
	if err := os.Setenv("PATH", bin+string(filepath.ListSeparator)+os.Getenv("PATH")); err != nil {
		return "", err
	}
	// Where this is set no start finds compiled code: not what is measured.
	if err := os.Unsetenv("PYTHONDONTWRITEBYTECODE"); err != nil {
		return "", err
	}
	return filepath.Join(bin, "python3"), nil
}

// execute calls a command of the bench pool through the supervisor.
func (s *session) execute(ctx context.Context, command string, args json.RawMessage) error {
	_, err := s.instance.Exec(ctx, "bench", command, args)
	return err
}

// caller makes one call and throws its result away.
type caller func(ctx context.Context, command string, args json.RawMessage) error

// measure returns how long each of count calls took, one after another, after a
// tenth as many that do not count.
func measure(ctx context.Context, call caller, count int, command string, args json.RawMessage) ([]time.Duration, error) {
	took := make([]time.Duration, 0, count)
	for i := -count / 10; i < count; i++ {
		begin := time.Now()
		if err := call(ctx, command, args); err != nil {
			return nil, err
		}
		if i >= 0 {
			took = append(took, time.Since(begin))
		}
	}
	return took, nil
}
