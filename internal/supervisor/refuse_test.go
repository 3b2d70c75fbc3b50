package supervisor

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/snakectl/snakectl/internal/access"
	"github.com/snakectl/snakectl/internal/event"
	"github.com/snakectl/snakectl/internal/pool"
	"github.com/snakectl/snakectl/internal/wire"
)

// TestRefusedCallsAreCounted: a call that is never submitted counts as well, once,
// and is told of.
func TestRefusedCallsAreCounted(t *testing.T) {
	callFrame := func(codec uint8, flags wire.Flags, body int) []byte {
		payload, err := wire.AppendCall(nil, &wire.Call{ID: wire.NewCallID(), Codec: codec, Command: []byte("echo")})
		if err != nil {
			t.Fatal(err)
		}
		return wire.AppendFrame(nil, wire.Header{Type: wire.TypeCall, Flags: flags, Stream: 1}, append(payload, make([]byte, body)...))
	}
	chunk := func(size int, flags wire.Flags) []byte {
		return wire.AppendFrame(nil, wire.Header{Type: wire.TypeChunk, Flags: flags, Stream: 1}, make([]byte, size))
	}
	large := [][]byte{callFrame(wire.CodecJSON, 0, 0)}
	for range wire.MaxBody/wire.MaxPayload + 2 {
		large = append(large, chunk(wire.MaxPayload, 0))
	}
	large = append(large, chunk(1, wire.FlagEnd))
	cancel := wire.AppendFrame(nil, wire.Header{Type: wire.TypeCancel, Stream: 1}, nil)
	stranger := access.Peer{Known: true, UID: 4_000_000_000}
	for name, tt := range map[string]struct {
		peer   access.Peer
		frames [][]byte
		want   pool.CallCounts
		told   string
	}{
		"unknown codec":           {frames: [][]byte{callFrame(9, wire.FlagEnd, 0)}, want: pool.CallCounts{Rejected: 1}, told: "invalid_argument"},
		"unknown codec in pieces": {frames: [][]byte{callFrame(9, 0, 0), chunk(1, wire.FlagEnd)}, want: pool.CallCounts{Rejected: 1}, told: "invalid_argument"},
		"too large":               {frames: large, want: pool.CallCounts{Rejected: 1}, told: "too_large"},
		"denied":                  {peer: stranger, frames: [][]byte{callFrame(wire.CodecJSON, wire.FlagEnd, 0)}, want: pool.CallCounts{Rejected: 1}, told: "denied"},
		"given up half way":       {frames: [][]byte{callFrame(wire.CodecJSON, 0, 0), cancel, chunk(1, wire.FlagEnd)}, want: pool.CallCounts{Cancelled: 1}},
		"caller left half way":    {frames: [][]byte{callFrame(wire.CodecJSON, 0, 0)}, want: pool.CallCounts{Cancelled: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			heard := listen(t, 1, usual, "request.")
			near, _ := newSwitchboard(t).pair(t)
			s := newTestSupervisor(heard.d)
			s.takeAccess(&pool.Desired{})
			l := &clientLink{
				sup: s, peer: tt.peer, out: wire.NewOutbox(near, clientBuffer),
				assembling: map[uint64]*assembly{}, calls: map[uint64]*call{},
			}
			if !tt.peer.Known {
				l.peer = access.Peer{Known: true, UID: 0}
			}
			for _, frame := range tt.frames {
				if err := l.take(wire.ParseHeader(frame), append([]byte(nil), frame...)); err != nil {
					t.Fatal(err)
				}
			}
			l.leave()
			wantLoad(t, heard.d, load{counts: tt.want, available: 1})
			records := heard.sub.Pending()
			if len(records) != 1 {
				t.Fatalf("%d events, want 1: %+v", len(records), records)
			}
			switch e := records[0].Data.(type) {
			case event.RequestRejected:
				if diff := cmp.Diff(tt.told, e.Category); diff != "" {
					t.Errorf("category (-want +got):\n%s", diff)
				}
			case event.RequestCancelled:
				if tt.want.Cancelled != 1 {
					t.Errorf("told %+v, want a rejection", e)
				}
			default:
				t.Errorf("told %+v", e)
			}
		})
	}
}

// TestRefusedOverHTTP: what the server itself refuses is counted by the pool that was
// meant, and by none where there is no such pool.
func TestRefusedOverHTTP(t *testing.T) {
	d, _ := newPool(t, 1, usual)
	s := newTestSupervisor(d)
	_, err := s.Exec(t.Context(), ExecRequest{Command: "echo", Body: make([]byte, wire.MaxBody+1)})
	wantCategory(t, err, pool.CategoryTooLarge)
	denied := pool.NewCallError(pool.CategoryDenied, "no")
	s.Refuse("api", denied)
	s.Refuse("-", denied)
	s.Refuse("nothing", denied)
	wantLoad(t, d, load{counts: pool.CallCounts{Rejected: 3}, available: 1})
}
