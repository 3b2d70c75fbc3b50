package supervisor

import (
	"github.com/snakectl/snakectl/internal/pool"
	"github.com/snakectl/snakectl/internal/wire"
)

// takeAttach takes the calls that the client made through a connection that is gone.
func (l *clientLink) takeAttach(payload []byte) error {
	attach, err := wire.ParseAttach(payload)
	if err != nil {
		return err
	}
	// The client measured the ages after HELLO_ACK had come, and before this moment.
	now := wire.Monotonic()
	for _, told := range attach.Calls {
		id, err := wire.ParseCallID(told.ID)
		if err != nil {
			return err
		}
		c := &call{sink: l, id: id, stream: told.Stream, queuedAt: now, sentAt: now}
		if !l.begin(c) {
			return wire.Violation("stream %d is in use", told.Stream)
		}
		d, refusal := l.sup.routes.find([]byte(told.Pool))
		if denied := l.sup.permit(l.peer, d); denied != nil {
			refusal = denied
		}
		if refusal != nil {
			refusal.Started = refusal.Category == pool.CategoryUnknownPool // as far as anybody knows
			l.fail(c, refusal)
			continue
		}
		d.accept(c, nil, told.DeadlineNS, told.Idempotent)
		c.dispatcher = d
		l.sup.ledger.claim(c, l.greeted-told.AgeNS, now-told.AgeNS)
	}
	return nil
}
