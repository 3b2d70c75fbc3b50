package worker

import "testing"

// TestServerState walks every event in every state.
func TestServerState(t *testing.T) {
	want := map[serverState]map[serverEvent]serverState{
		serverPreloading: {serverPreloaded: serverForking, serverRefused: serverEnding, serverDismissed: serverEnding, serverExited: serverGone},
		serverForking:    {serverRefused: serverEnding, serverDismissed: serverEnding, serverExited: serverGone},
		serverEnding:     {serverRefused: serverEnding, serverDismissed: serverEnding, serverExited: serverGone},
		serverGone:       {serverRefused: serverGone, serverDismissed: serverGone, serverExited: serverGone},
	}
	for state, events := range want {
		for e := serverPreloaded; e <= serverExited; e++ {
			next, possible := events[e]
			if !possible {
				next = state
			}
			if got, err := state.next(e); got != next || (err == nil) != possible {
				t.Errorf("%s.next(%s) = %s, %v, want %s, possible %t", state, e, got, err, next, possible)
			}
		}
	}
}
