package worker

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"syscall"

	"github.com/snakectl/snakectl/internal/pool"
)

// Launch is the document that a worker reads from descriptor 3 when it starts.
// Its secret, the token, is in no argument and no environment.
type Launch struct {
	Version       int            `json:"version"`
	Socket        string         `json:"socket"`
	Address       string         `json:"address"`
	Incarnation   string         `json:"incarnation"`
	Token         string         `json:"token"`
	LaunchHash    string         `json:"launch_hash"`
	BootID        string         `json:"boot_id"`
	Adapter       string         `json:"adapter"`
	Config        map[string]any `json:"config"`
	CodeRoot      string         `json:"code_root"`
	SysPath       []string       `json:"sys_path"`
	OrphanGraceMS int64          `json:"orphan_grace_ms"`
	Slots         int            `json:"slots"`
	Profile       string         `json:"profile"`
	// Stacks is the file that the worker writes the stacks of its threads to when it
	// gets SIGUSR1.
	Stacks string `json:"stacks"`
	// GIL is the pool's attribute of that name.
	GIL string `json:"gil"`
	// Check has the writes of the adapter's code looked at.
	Check bool `json:"check,omitempty"`
	// Environ are the variables that a forked worker sets before its adapter starts: its
	// server had others while it preloaded.
	Environ map[string]string `json:"environ,omitempty"`
	// Preload names what is imported before the adapter; nil stands for the adapter.
	Preload []string `json:"preload"`
	// ShareDescriptors lets a fork server fork with connections open.
	ShareDescriptors bool `json:"share_descriptors,omitempty"`
}

// StartInfo is everything that Start needs besides the document.
type StartInfo struct {
	Interpreter string
	// SDK is the directory of package snakepit.
	SDK string
	Dir string
	// Env is what the process gets beside the supervisor's own environment, see
	// pool.Variables; it wins over everything but the marker.
	Env     map[string]string
	Lineage string
	// Log is the file that stdout and stderr are appended to.
	Log string
	// Rlimits are in force before the worker reads its document, and so before any
	// code of the user's; a zero one is as inherited.
	Rlimits pool.Rlimits
	// CPUs are the processors that it may run on, from then on too; nil means any.
	CPUs []int
	// Group is the directory of the control group that the process starts in, nil for
	// that of its parent.
	Group *os.File
}

// Differences returns the variables of i that a process has not which began with from.
func (i StartInfo) Differences(from StartInfo) map[string]string {
	out := map[string]string{}
	for name, value := range i.Env {
		if before, set := from.Env[name]; !set || before != value {
			out[name] = value
		}
	}
	return out
}

// Environment returns the variables of a worker, sorted: the supervisor's own, those of
// env, and the marker.
func Environment(base []string, env map[string]string, marker string) []string {
	vars := map[string]string{}
	for _, entry := range base {
		if name, value, ok := strings.Cut(entry, "="); ok && !strings.HasPrefix(name, "SNAKECTL_") && name != "NOTIFY_SOCKET" {
			vars[name] = value
		}
	}
	maps.Copy(vars, env)
	vars[Marker] = marker
	out := make([]string, 0, len(vars))
	for name, value := range vars {
		out = append(out, name+"="+value)
	}
	slices.Sort(out)
	return out
}

// Start starts a worker: the interpreter on the SDK's directory, with the launch
// document on descriptor 3. Workers write to the log file themselves: a pipe would
// break when the supervisor ends, and they outlive it.
func Start(r *Reaper, info StartInfo, doc Launch) (*Process, error) {
	return start(r, info, "worker", doc, nil)
}

// start starts the SDK in a role. extra, if not nil, becomes descriptor 4.
func start(r *Reaper, info StartInfo, role string, doc Launch, extra *os.File) (*Process, error) {
	text, err := json.Marshal(doc)
	if err != nil {
		return nil, fmt.Errorf("cannot encode the launch of %s: %w", doc.Address, err)
	}
	null, err := os.Open(os.DevNull)
	if err != nil {
		return nil, err
	}
	defer null.Close()
	log, err := openLog(info.Log, doc.Address)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	read, write, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer read.Close()
	files := []*os.File{null, log, log, read}
	if extra != nil {
		files = append(files, extra)
	}
	p, err := r.Start(Command{
		Args:  []string{info.Interpreter, info.SDK, role, doc.Address},
		Dir:   info.Dir,
		Env:   Environment(os.Environ(), info.Env, MarkerValue(info.Lineage, doc.Address+"@"+doc.Incarnation)),
		Files: files,
		Group: info.Group,
	})
	if err != nil {
		write.Close()
		return nil, err
	}
	if err := errors.Join(p.Limit(info.Rlimits), p.Pin(info.CPUs)); err != nil {
		write.Close()
		_ = p.SignalGroup(syscall.SIGKILL)
		<-p.Done()
		return nil, err
	}
	feed(write, text)
	return p, nil
}

func openLog(path, address string) (*os.File, error) {
	log, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("cannot open the log of %s: %w", address, err)
	}
	return log, nil
}

// feed writes the document and closes the pipe. A document that fits the pipe is
// written at once; a longer one by a goroutine that ends when the worker has read
// it or is gone, since the reading end is then closed.
func feed(w *os.File, text []byte) {
	const pipeSize = 64 << 10
	if len(text) < pipeSize {
		_, _ = w.Write(text)
		w.Close()
		return
	}
	go func() {
		_, _ = w.Write(text)
		w.Close()
	}()
}
