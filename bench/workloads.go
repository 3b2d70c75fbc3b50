package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// workloadBurst is how long callers call in one round; files/workload.py has the same.
const workloadBurst = 500 * time.Millisecond

// pageDelay is how long the web server of the workloads takes.
const pageDelay = 20 * time.Millisecond

// workload is one call of an example that installs packages.
type workload struct {
	// pool is also the name of the example.
	pool, adapter, command string
	args                   map[string]any
	// processes is how many a ProcessPoolExecutor gets: as many as the pool has workers.
	processes int
}

func workloads(page string) []workload {
	values, texts := make([]int, 512), make([]string, 20)
	for i := range values {
		values[i] = i * i % 31
	}
	for i := range texts {
		texts[i] = fmt.Sprintf("Text %d says something about the %s.", i, []string{"weather", "market", "cat", "sea"}[i%4])
	}
	return []workload{
		{"digits", "digits_adapter", "read", map[string]any{"picture": 7}, 8},
		{"waves", "waves_adapter", "spectrum", map[string]any{"values": values}, 4},
		{"tables", "tables_adapter", "profile", map[string]any{"path": "data/planets.csv"}, 4},
		{"meaning", "meaning_adapter", "rank", map[string]any{"query": "pets", "texts": texts}, 4},
		{"fetch", "fetch_adapter:Fetch", "get", map[string]any{"url": page}, 1},
	}
}

// workloads measures the examples with packages, in pools of their own: their commands
// called in one process, in a ProcessPoolExecutor, and through the program.
func (s *session) workloads(ctx context.Context) error {
	page, stop, err := servePage(ctx)
	if err != nil {
		return err
	}
	defer stop()
	list := workloads(page)
	config := filepath.Join(s.dir, "workloads")
	i, err := s.startWorkloads(ctx, config, list)
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench: the workloads are left out:", err)
		for _, w := range list {
			s.table.missing(w.pool, "calls/s")
		}
		return ctx.Err()
	}
	defer i.stop(context.WithoutCancel(ctx))
	for _, w := range list {
		if err := s.workload(ctx, i, config, w); err != nil {
			return fmt.Errorf("%s: %w", w.pool, err)
		}
	}
	return nil
}

// startWorkloads applies the examples together. It fails where their packages cannot be
// installed.
func (s *session) startWorkloads(ctx context.Context, config string, list []workload) (*instance, error) {
	if err := os.CopyFS(config, os.DirFS(filepath.Join(s.root, "examples"))); err != nil {
		return nil, err
	}
	all, err := filepath.Glob(filepath.Join(config, "*.hcl"))
	if err != nil {
		return nil, err
	}
	wanted := map[string]bool{}
	for _, w := range list {
		wanted[filepath.Join(config, w.pool+".hcl")] = true
	}
	for _, file := range all {
		if wanted[file] {
			continue
		}
		if err := os.Remove(file); err != nil {
			return nil, err
		}
	}
	return startInstance(ctx, s.instance.binary, filepath.Join(s.dir, "workloads-instance"), config)
}

// workload measures one, with one, four and sixteen callers.
func (s *session) workload(ctx context.Context, i *instance, config string, w workload) error {
	args, err := json.Marshal(w.args)
	if err != nil {
		return err
	}
	python, err := i.environment(ctx, w.pool)
	if err != nil {
		return err
	}
	script := []string{filepath.Join(s.dir, "workload.py"), w.adapter, w.command, string(args), fmt.Sprint(w.processes)}
	peers, err := startPeers(ctx, config, "env", append([]string{"PYTHONWARNINGS=ignore", "PYTHONPATH=" + config + ":" + filepath.Join(s.root, "python"), python}, script...)...)
	if err != nil {
		return err
	}
	defer peers.stop()
	if _, err := peers.measure("process", 1); err != nil { // it has started then
		return err
	}
	warm, cancel := context.WithTimeout(ctx, workloadBurst)
	i.callFrom(warm, 4*w.processes, w.pool, w.command, args)
	cancel()
	for range s.rounds {
		for _, callers := range []int{1, 4, 16} {
			name := fmt.Sprintf("%s, callers: %d", w.pool, callers)
			for _, peer := range []struct{ name, label string }{{"process", "in process"}, {"executor", "ProcessPoolExecutor"}} {
				begin := time.Now()
				took, err := peers.measure(peer.name, callers)
				if err != nil {
					return err
				}
				s.noteWorkload(name, peer.label, took, time.Since(begin))
			}
			begin := time.Now()
			limited, cancel := context.WithTimeout(ctx, workloadBurst)
			seen := i.callFrom(limited, callers, w.pool, w.command, args)
			cancel()
			if seen.failed > 0 {
				return fmt.Errorf("%d of %d calls failed", seen.failed, len(seen.took))
			}
			s.noteWorkload(name, "snakectl", seen.took, time.Since(begin))
		}
	}
	return nil
}

// noteWorkload notes calls and the time until the last of them had ended.
func (s *session) noteWorkload(name, subject string, took []time.Duration, all time.Duration) {
	s.table.cell(name, subject, "calls/s", float64(len(took))/all.Seconds())
	s.table.cell(name, subject, "p99 ms", millis(percentile(took, 0.99)))
}

// environment returns the interpreter of the environment that a runtime has.
func (i *instance) environment(ctx context.Context, name string) (string, error) {
	out, err := exec.CommandContext(ctx, i.binary, "--instance", i.dir, "runtime", "ls", "--json").Output()
	if err != nil {
		return "", fmt.Errorf("cannot run snakectl runtime ls: %w", err)
	}
	var built []struct {
		Key  string `json:"key"`
		Name string `json:"name"`
	}
	if err := json.Unmarshal(out, &built); err != nil {
		return "", err
	}
	for _, b := range built {
		if b.Name == "runtime.python."+name {
			return filepath.Join(i.dir, "runtimes", b.Key, "bin", "python"), nil
		}
	}
	return "", fmt.Errorf("no environment is built for runtime.python.%s", name)
}

// servePage serves a small page on the loopback, which takes pageDelay.
func servePage(ctx context.Context) (address string, stop func(), err error) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	server := &http.Server{ReadHeaderTimeout: startLimit, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-time.After(pageDelay):
			_, _ = w.Write([]byte("hello"))
		case <-r.Context().Done():
		}
	})}
	done := make(chan error)
	go func() { done <- server.Serve(l) }()
	return "http://" + l.Addr().String() + "/", func() {
		if err := errors.Join(server.Close(), <-done); err != nil && !errors.Is(err, http.ErrServerClosed) {
			fmt.Fprintln(os.Stderr, "bench:", err)
		}
	}, nil
}
