package worker

import "fmt"

// serverState is where a fork server is in its life.
type serverState int

const (
	// serverPreloading: it imports; requests wait.
	serverPreloading serverState = iota
	// serverForking: it forks a worker for each request.
	serverForking
	// serverEnding: it forks no more and is about to exit.
	serverEnding
	// serverGone: its process is gone and all that it said was heard.
	serverGone
)

func (s serverState) String() string {
	return [...]string{"preloading", "forking", "ending", "gone"}[s]
}

// serverEvent is something that happens to a fork server.
type serverEvent int

const (
	serverPreloaded serverEvent = iota // it may fork now
	serverRefused                      // it said why it will not fork
	serverDismissed                    // nobody needs it any more
	serverExited                       // it is gone
)

func (e serverEvent) String() string {
	return [...]string{"preloaded", "refused", "dismissed", "exited"}[e]
}

// next returns the state that an event leads to. An error is a server that does not
// keep to the protocol.
func (s serverState) next(e serverEvent) (serverState, error) {
	switch {
	case e == serverExited:
		return serverGone, nil
	case e == serverPreloaded && s == serverPreloading:
		return serverForking, nil
	case e == serverPreloaded:
		return s, fmt.Errorf("a fork server that is %s says that it has preloaded", s)
	default: // refused or dismissed: the end, told in another way
		return max(s, serverEnding), nil
	}
}
