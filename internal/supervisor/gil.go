package supervisor

import (
	"fmt"
	"strings"

	"github.com/snakectl/snakectl/internal/event"
	"github.com/snakectl/snakectl/internal/lifecycle"
	"github.com/snakectl/snakectl/internal/pool"
)

// gilOn tells the pool loop that the GIL of a worker came on though its interpreter
// can do without, and which modules may have done it.
type gilOn struct {
	worker  *workerEntry
	modules []string
}

func (gilOn) message() {}

// gilCameOn takes up what a worker tells of its GIL.
func (w *workerEntry) gilCameOn(modules []string) {
	w.mu.Lock()
	on := true
	w.gil = &on
	w.mu.Unlock()
	w.runner.send(gilOn{w, modules})
}

// gilOn marks the pool as degraded, until it gets another launch hash, and has a
// worker replaced that must not have its GIL on. Each replacement counts against the
// place: a module that every worker imports sooner or later is no crash loop.
func (r *runner) gilOn(m gilOn) {
	w := m.worker
	if r.workers[w.rec.Incarnation] != w {
		return
	}
	cause := "look for PYTHON_GIL and -X gil in how it is started"
	if len(m.modules) > 0 {
		cause = strings.Join(m.modules, ", ") + " turned it on"
	}
	text := fmt.Sprintf("the GIL of %s is on: %s", w.incarnation(), cause)
	if w.rec.LaunchHash == r.target || r.target == "" {
		r.degraded = "degraded: " + text
	}
	names := strings.Join(m.modules, ",")
	r.log().Warn("a worker runs with its GIL", "worker", w.incarnation(), "modules", names)
	r.sup.events.Publish(event.WorkerGilEnabled{OnWorker: w.about(), Modules: names})
	if w.rec.Spec.GIL == pool.GILRequireOff && w.preflight == nil {
		reason := "its GIL came on: " + cause
		r.step(lifecycle.Impaired{Worker: w.rec.Incarnation, Reason: reason})
	}
}

// refusesGIL returns why the interpreter of a launch cannot do what the pool's gil
// asks for, nil when it can.
func refusesGIL(l launch) *pool.CallError {
	spec := &l.spec
	if spec.Profile != pool.ProfileThread || l.runtime.FreeThreaded || spec.GIL != pool.GILRequireOff && spec.GIL != pool.GILForceOff {
		return nil
	}
	err := pool.NewCallError(pool.CategoryUnavailable, "gil = %q needs a free-threaded Python, and %s (%s, Python %s) has a GIL",
		spec.GIL, spec.Runtime, l.runtime.Interpreter, l.runtime.Python())
	err.Hint = `name one in the runtime, such as version = "3.13t", or remove gil from ` + spec.Address()
	return err
}
