package supervisor

import (
	"fmt"

	"github.com/snakectl/snakectl/internal/pool"
	"github.com/snakectl/snakectl/internal/wire"
)

// vigil is what is known of a worker's health.
type vigil struct {
	// waiting: a PING was not answered yet; misses counts those that were not in time.
	waiting bool
	misses  int
	// failures counts the health commands in a row that failed, the last with failure.
	failures int
	failure  string
	// unresponsive: enough was missed that the worker is called so.
	unresponsive bool
}

// ping asks the worker whether it still answers, if it has a control connection.
func (w *workerEntry) ping() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.control == nil {
		return
	}
	w.vigil.waiting = true
	_ = w.control.Send(wire.AppendFrame(nil, wire.Header{Type: wire.TypePing}, nil)) // its reader notices a break
}

// ponged notes an answer, late ones too.
func (w *workerEntry) ponged() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.vigil.waiting, w.vigil.misses, w.vigil.unresponsive = false, 0, w.vigil.failures > 0 && w.vigil.unresponsive
}

// missing counts what the worker has not answered in time and returns why it is to
// be given up, empty while it is not.
func (w *workerEntry) missing(policy pool.Health) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	v := &w.vigil
	if v.waiting {
		v.waiting = false
		v.misses++
	}
	reason := ""
	switch {
	case v.misses >= policy.Misses:
		reason = fmt.Sprintf("it did not answer %d health checks in a row", v.misses)
	case v.failures >= policy.Misses:
		reason = fmt.Sprintf("health.command %q failed %d times in a row: %s", policy.Command, v.failures, v.failure)
	}
	v.unresponsive = reason != ""
	return reason
}

// unresponsive reports whether the worker has missed too many checks.
func (w *workerEntry) unresponsive() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.vigil.unresponsive
}

// probed notes how a health command ended.
func (w *workerEntry) probed(err *pool.CallError) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err == nil {
		w.vigil.failures = 0
		return
	}
	w.vigil.failures++
	w.vigil.failure = describe(err)
}

// prober is the sink of a health command.
type prober struct{ worker *workerEntry }

func (p prober) deliver(_ *call, _ []byte, final bool) {
	if final {
		p.worker.probed(nil)
	}
}

func (p prober) fail(_ *call, err *pool.CallError) { p.worker.probed(err) }
