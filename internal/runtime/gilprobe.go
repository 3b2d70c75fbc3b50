package runtime

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/snakectl/snakectl/internal/library"
	"github.com/snakectl/snakectl/internal/pool"
)

//go:embed gilprobe.py
var gilProbe string

// probed is the file of an environment that remembers what probes saw in it.
const probed = ".gil.json"

// gilLimit bounds the time that the modules of one package may take to be imported, and
// mostImported how many of them are.
const (
	gilLimit     = time.Minute
	mostImported = 200
)

// ProbeGIL imports the extension modules of each library of a free-threaded runtime in a
// process of its own, looks whether the GIL came on, and enters what it saw. What an
// environment was probed for is remembered in it: it never changes. Importing is running
// the code of packages; whoever calls this means it.
func (s Store) ProbeGIL(ctx context.Context, rt pool.Runtime, survey *Survey) error {
	if !rt.FreeThreaded || !survey.Installed {
		return nil
	}
	learnt := false
	for i := range survey.Libraries {
		l := &survey.Libraries[i]
		if l.Probe != nil || len(l.Extensions) == 0 || slices.ContainsFunc(l.Extensions, isStable) {
			continue // an extension of the stable ABI may crash, which is known without trying
		}
		p := probeLibrary(ctx, s.Python(rt), l)
		if err := ctx.Err(); err != nil {
			return err
		}
		l.Probe, learnt = &p, true
	}
	if learnt && rt.Environment != nil {
		return s.remember(rt.Environment.Key, survey.Libraries)
	}
	return nil
}

func isStable(file string) bool { return strings.HasSuffix(file, ".abi3.so") }

// probeLibrary imports the extension modules of a library and returns what happened.
func probeLibrary(ctx context.Context, python string, l *library.Library) library.Probe {
	ctx, cancel := context.WithTimeout(ctx, gilLimit)
	defer cancel()
	question, err := json.Marshal(map[string]any{"modules": extensionModules(l)})
	if err != nil {
		return library.Probe{Failure: err.Error()}
	}
	read, write, err := os.Pipe()
	if err != nil {
		return library.Probe{Failure: err.Error()}
	}
	defer read.Close()
	var output bytes.Buffer
	cmd := exec.CommandContext(ctx, python, "-c", gilProbe)
	cmd.Stdin, cmd.Stdout, cmd.Stderr, cmd.ExtraFiles = bytes.NewReader(question), &output, &output, []*os.File{write}
	cmd.Env, cmd.Dir = append(environ(), "OMP_NUM_THREADS=1", "OPENBLAS_NUM_THREADS=1"), os.TempDir()
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = time.Second
	err = cmd.Start()
	write.Close()
	if err != nil {
		return library.Probe{Failure: err.Error()}
	}
	err = cmd.Wait()
	_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // what an import started
	answer, _ := io.ReadAll(io.LimitReader(read, maxLockBytes))
	var p library.Probe
	switch {
	case json.Unmarshal(answer, &p) == nil:
		return p
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return library.Probe{Failure: "importing it took longer than " + gilLimit.String()}
	case err != nil:
		return library.Probe{Failure: "the process that imported it ended: " + err.Error() + firstLine(output.String())}
	}
	return library.Probe{Failure: "the process that imported it told nothing" + firstLine(output.String())}
}

// extensionModules returns the names by which the extension modules of a library are
// imported, but for its tests: pkg/_core.cpython-313t-x86_64-linux-gnu.so is pkg._core.
func extensionModules(l *library.Library) []string {
	out := []string{}
	for _, file := range l.Extensions {
		stem, _, _ := strings.Cut(filepath.Base(file), ".")
		name := strings.ReplaceAll(strings.TrimPrefix(filepath.Dir(file)+"/", "./"), "/", ".") + stem
		if !strings.Contains("."+name, ".tests.") && !strings.Contains("."+name, ".test_") && len(out) < mostImported {
			out = append(out, name)
		}
	}
	return out
}

// remember writes what probes saw into an environment.
func (s Store) remember(key string, all []library.Library) error {
	known := map[string]*library.Probe{}
	for i := range all {
		if all[i].Probe != nil {
			known[all[i].Name] = all[i].Probe
		}
	}
	text, err := json.Marshal(known)
	if err != nil {
		return err
	}
	temp, err := os.CreateTemp(s.Path(key), probed+"-")
	if err != nil {
		return err
	}
	_, err = temp.Write(text)
	err = errors.Join(err, temp.Close())
	if err == nil {
		err = os.Rename(temp.Name(), filepath.Join(s.Path(key), probed))
	}
	if err != nil {
		return errors.Join(err, os.Remove(temp.Name()))
	}
	return nil
}

// recall enters what earlier probes of an environment saw.
func (s Store) recall(key string, all []library.Library) {
	text, err := os.ReadFile(filepath.Join(s.Path(key), probed))
	known := map[string]*library.Probe{}
	if err != nil || json.Unmarshal(text, &known) != nil {
		return // it is probed again
	}
	for i := range all {
		all[i].Probe = known[all[i].Name]
	}
}
