package supervisor

import (
	"fmt"
	"slices"

	"github.com/snakectl/snakectl/internal/event"
	"github.com/snakectl/snakectl/internal/wire"
)

// unsafeWrite tells the pool loop what two slots of a worker write without a common lock.
type unsafeWrite struct {
	worker  *workerEntry
	finding wire.UnsafeWrite
}

func (unsafeWrite) message() {}

// unsafeWrite tells of a finding, each time a worker makes it, and remembers it for the
// status until the pool gets another launch hash. Nothing is stopped: the user asked to be
// told.
func (r *runner) unsafeWrite(m unsafeWrite) {
	w, f := m.worker, m.finding
	if r.workers[w.rec.Incarnation] != w {
		return
	}
	r.log().Warn("slots of a worker write one thing without a common lock", "worker", w.incarnation(), "attribute", f.Attribute, "place", f.Place, "other", f.Other)
	r.sup.events.Publish(event.WorkerUnsafeWrite{OnWorker: w.about(), Attribute: f.Attribute, Place: f.Place, Other: f.Other})
	text := fmt.Sprintf("%s (%s)", f.Attribute, f.Place)
	if w.rec.LaunchHash == r.target && !slices.Contains(r.unsafe, text) {
		r.unsafe = append(r.unsafe, text)
	}
}

// unsafeText says in the status what was found, the first of it by name.
func (r *runner) unsafeText() string {
	if len(r.unsafe) == 0 {
		return ""
	}
	text := "unsafe: slots write " + r.unsafe[0] + " without a common lock"
	if more := len(r.unsafe) - 1; more > 0 {
		text += fmt.Sprintf(", and %d more, which the logs name", more)
	}
	return text
}
