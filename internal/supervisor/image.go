package supervisor

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"syscall"
	"time"

	"github.com/snakectl/snakectl/internal/handover"
	"github.com/snakectl/snakectl/internal/pool"
	"github.com/snakectl/snakectl/internal/state"
	"github.com/snakectl/snakectl/internal/worker"
)

// imageWithin is how long a program may take to say what it takes over.
const imageWithin = 10 * time.Second

// Image says what a program can take over from a running supervisor.
type Image struct {
	Version string `json:"version"`
	// Handover is the form of the document that it takes, StateFormat the newest state
	// that it reads.
	Handover    int `json:"handover"`
	StateFormat int `json:"state_format"`
}

// ThisImage describes the running program.
func ThisImage(version string) Image {
	return Image{Version: version, Handover: handover.Version, StateFormat: state.Format}
}

// Examine runs a program and returns the error that keeps it from being the next image
// of this process.
func (s *Supervisor) Examine(ctx context.Context, program string) error {
	refuse := func(format string, args ...any) error {
		err := pool.NewCallError(pool.CategoryInvalidArgument, "%s cannot take over: %s", program, fmt.Sprintf(format, args...))
		err.Hint = "the supervisor goes on as it is; \"snakectl supervisor restart --stop\" ends it and starts another"
		return err
	}
	out, err := s.output(ctx, program, "supervisor", "image")
	if err != nil {
		return refuse("%v", err)
	}
	var image Image
	if json.Unmarshal(out, &image) != nil || image.Handover == 0 {
		return refuse("it does not say what it takes over: %.200q", out)
	}
	if image.Handover != handover.Version {
		return refuse("version %s takes handovers of form %d, this one leaves form %d", image.Version, image.Handover, handover.Version)
	}
	if image.StateFormat < state.Format {
		return refuse("version %s reads states up to format %d, this one has format %d", image.Version, image.StateFormat, state.Format)
	}
	return nil
}

// output runs a program to its end and returns what it wrote. The reaper waits for it,
// as for every child.
func (s *Supervisor) output(ctx context.Context, args ...string) ([]byte, error) {
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	defer null.Close()
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	process, err := s.reaper.Start(worker.Command{Args: args, Dir: s.cfg.Instance, Env: os.Environ(), Files: []*os.File{null, w, null}})
	_ = w.Close()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, imageWithin)
	defer cancel()
	stop := context.AfterFunc(ctx, func() { _ = process.SignalGroup(syscall.SIGKILL) })
	defer stop()
	const most = 64 << 10
	out, err := io.ReadAll(io.LimitReader(r, most))
	if err != nil {
		return nil, err
	}
	<-process.Done()
	if exit := process.Exit(); exit.Code != 0 || exit.Signal != 0 {
		return nil, fmt.Errorf("it %s", exit)
	}
	return out, nil
}
