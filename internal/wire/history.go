package wire

// HelloCall is a call that a worker executes while it connects again.
type HelloCall struct {
	// Slot is the number of the slot that executes it.
	Slot int `json:"slot"`
	// ID is the hexadecimal call id.
	ID string `json:"id"`
	// Done is how workers without a history tell of the answer that they kept.
	Done bool `json:"done,omitempty"`
}

// HelloHistory is what a worker remembers of the calls that a slot executed.
type HelloHistory struct {
	// Kept are the calls whose answers follow HELLO_ACK, in this order.
	Kept []string `json:"kept"`
	// Executed are the calls executed last, the kept ones among them.
	Executed []string `json:"executed"`
	// CompleteSinceNS is CLOCK_MONOTONIC of the end of the newest call that is not
	// among Executed; 0 when none is missing.
	CompleteSinceNS int64 `json:"complete_since_ns"`
}

// History is a HelloHistory with its ids read.
type History struct {
	Kept, Executed []CallID
	CompleteSince  int64
	// Known is false for a worker that is too old to remember.
	Known bool
}

// Past returns what the worker remembers. The error is a *ProtocolError.
func (w *HelloWorker) Past() (History, error) {
	told := w.History
	if told == nil {
		if w.Call == nil || !w.Call.Done {
			return History{}, nil
		}
		id, err := ParseCallID(w.Call.ID)
		return History{Kept: []CallID{id}, Executed: []CallID{id}}, err
	}
	return told.Read()
}

// Read returns the history with its ids read; nil is an unknown one. The error is a
// *ProtocolError.
func (told *HelloHistory) Read() (History, error) {
	if told == nil {
		return History{}, nil
	}
	h := History{CompleteSince: told.CompleteSinceNS, Known: true}
	var err error
	if h.Kept, err = parseIDs(told.Kept); err != nil {
		return History{}, err
	}
	h.Executed, err = parseIDs(told.Executed)
	return h, err
}

// Executing returns the calls that a control connection's HELLO says are running.
func (w *HelloWorker) Executing() ([]CallID, error) {
	var out []CallID
	for _, c := range w.Running {
		id, err := ParseCallID(c.ID)
		if err != nil {
			return nil, err
		}
		out = append(out, id)
	}
	return out, nil
}

func parseIDs(texts []string) ([]CallID, error) {
	out := make([]CallID, 0, len(texts))
	for _, text := range texts {
		id, err := ParseCallID(text)
		if err != nil {
			return nil, err
		}
		out = append(out, id)
	}
	return out, nil
}
