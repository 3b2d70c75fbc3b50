package pool

import "time"

// Logs says what is kept of what workers write to stdout and stderr.
type Logs struct {
	// Keep is how many bytes are kept for each place, of workers that are gone too.
	Keep Size `json:"keep"`
}

// What the Note of a LogLine says.
const (
	// LogBegan: from here on another incarnation of the place is followed.
	LogBegan = "began"
	// LogEnded: the worker ended; Line says how.
	LogEnded = "ended"
)

// LogLine is a line of a worker's log, or a part of one.
type LogLine struct {
	// Worker is the incarnation that wrote it: pool.api/0@7f2c.
	Worker string `json:"worker"`
	Line   string `json:"line"`
	// Raw holds the bytes of a line that is no UTF-8; Line then has replacements.
	Raw []byte `json:"raw,omitempty"`
	// Cut: the line goes on in the next one of this worker.
	Cut bool `json:"cut,omitempty"`
	// Note is LogBegan or LogEnded where no worker wrote the line.
	Note string `json:"note,omitempty"`
}

// LogInfo is what is kept of one incarnation's log.
type LogInfo struct {
	Worker    string    `json:"worker"`
	Bytes     int64     `json:"bytes"`
	StartedAt time.Time `json:"started_at"`
	// WrittenAt is when the worker last wrote; nil when it never did.
	WrittenAt *time.Time `json:"written_at,omitempty"`
	// Running: the worker lives. Otherwise EndedAt and End say when and how it ended,
	// where that was seen.
	Running bool       `json:"running"`
	EndedAt *time.Time `json:"ended_at,omitempty"`
	End     string     `json:"end,omitempty"`
}
