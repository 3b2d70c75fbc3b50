package runtime

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/snakectl/snakectl/internal/pool"
)

// A build can be done by a process of its own, which is told what to build by one line
// of JSON on its standard input and tells what happens by lines on its standard output.
// The last of them is the result. It gives up when its standard input ends: then whoever
// wanted the environment is gone.

// message is one such line.
type message struct {
	Progress *Progress `json:"progress,omitempty"`
	Result   *result   `json:"result,omitempty"`
}

type result struct {
	Built   bool          `json:"built"`
	Failure *InstallError `json:"failure,omitempty"`
	Error   string        `json:"error,omitempty"`
}

// WriteOrder writes what a builder is to build.
func WriteOrder(w io.Writer, rt pool.Runtime) error { return json.NewEncoder(w).Encode(rt) }

// ServeBuild builds what in asks for and tells it to out.
func (s Store) ServeBuild(ctx context.Context, in io.Reader, out io.Writer) error {
	var rt pool.Runtime
	lines := bufio.NewReader(in)
	order, err := lines.ReadBytes('\n')
	if err == nil {
		err = json.Unmarshal(order, &rt)
	}
	if err != nil {
		return fmt.Errorf("cannot read what to build: %w", err)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() { // ends with the process
		_, _ = io.Copy(io.Discard, lines)
		cancel()
	}()
	to := json.NewEncoder(out)
	built, err := s.Build(ctx, rt, func(p Progress) {
		_ = to.Encode(message{Progress: &p}) // whoever does not read it has gone, see above
	})
	r := result{Built: built}
	if err != nil {
		r.Error = err.Error()
		if failure, ok := errors.AsType[*InstallError](err); ok {
			r.Failure = failure
		}
	}
	return to.Encode(message{Result: &r})
}

// ReadBuild reads what a builder tells, to its end.
func ReadBuild(out io.Reader, tell func(Progress)) (built bool, err error) {
	lines := bufio.NewReader(out)
	err = errors.New("the builder ended without a result")
	for {
		line, stop := lines.ReadBytes('\n')
		if stop != nil {
			return built, err
		}
		var m message
		switch {
		case json.Unmarshal(line, &m) != nil:
		case m.Progress != nil:
			tell(*m.Progress)
		case m.Result != nil:
			built, err = m.Result.Built, m.Result.err()
		}
	}
}

func (r *result) err() error {
	switch {
	case r.Failure != nil:
		return r.Failure
	case r.Error != "":
		return errors.New(r.Error)
	}
	return nil
}
