package pool

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Stacks is what the threads of one worker were doing at a moment.
type Stacks struct {
	// Worker is the incarnation: pool.api/0@7f2c.
	Worker string    `json:"worker"`
	PID    int       `json:"pid"`
	At     time.Time `json:"at"`
	// Call is the call that the main thread executed; nil when there was none.
	Call *DeathCall `json:"call,omitempty"`
	// Threads are the threads that execute Python, the main thread first.
	Threads []Thread `json:"threads"`
	// Others are the calls that its other slots execute.
	Others []DeathCall `json:"others,omitempty"`
	// Error says why there are none.
	Error string `json:"error,omitempty"`
}

// Thread is one thread of a worker.
type Thread struct {
	// ID is the thread's as Python tells it, Name its name where Python knows it.
	ID   string `json:"id"`
	Name string `json:"name,omitempty"`
	Main bool   `json:"main,omitempty"`
	// Frames are the innermost call first.
	Frames []Frame `json:"frames"`
}

// Frame is one call on a stack. Text is set instead of the rest where Python says
// something else: that it collects garbage, or that there is no Python frame.
type Frame struct {
	File     string `json:"file,omitempty"`
	Line     int    `json:"line,omitempty"`
	Function string `json:"function,omitempty"`
	Text     string `json:"text,omitempty"`
}

var (
	threadLine = regexp.MustCompile(`^(?:Current thread|Thread) (0x[0-9a-fA-F]+)(?: \[(.*)\])? \(most recent call first\):$`)
	frameLine  = regexp.MustCompile(`^  File "(.*)", line (\d+|\?+) in (.*)$`)
)

// ParseThreads reads what faulthandler writes. The main thread, the one that began
// with the program, comes first.
func ParseThreads(text string) []Thread {
	var out []Thread
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n")
		if m := threadLine.FindStringSubmatch(line); m != nil {
			out = append(out, Thread{ID: m[1], Name: strings.TrimSpace(m[2]), Frames: []Frame{}})
			continue
		}
		if len(out) == 0 || strings.TrimSpace(line) == "" {
			continue
		}
		t := &out[len(out)-1]
		if m := frameLine.FindStringSubmatch(line); m != nil {
			number, _ := strconv.Atoi(m[2]) // 0 where Python knows none
			t.Frames = append(t.Frames, Frame{File: m[1], Line: number, Function: m[3]})
		} else {
			t.Frames = append(t.Frames, Frame{Text: strings.TrimSpace(line)})
		}
	}
	if len(out) > 0 {
		main := mainThread(out)
		first := out[main]
		first.Main = true
		copy(out[1:main+1], out[:main])
		out[0] = first
	}
	return out
}

// mainThread returns which thread began with the program: the one whose outermost
// frame is a module, or else the oldest, which stands last.
func mainThread(threads []Thread) int {
	for i, t := range threads {
		if n := len(t.Frames); n > 0 && t.Frames[n-1].Function == "<module>" {
			return i
		}
	}
	return len(threads) - 1
}

// String is the stack as a person reads it, with the call that the main thread
// executes.
func (s *Stacks) String() string {
	var b strings.Builder
	for _, t := range s.Threads {
		b.WriteString("Thread " + t.ID)
		if t.Name != "" {
			b.WriteString(" [" + t.Name + "]")
		}
		if t.Main {
			b.WriteString(", the main thread")
			if s.Call != nil {
				b.WriteString(", executes " + s.Call.String())
			}
		}
		b.WriteString(" (most recent call first):\n")
		for _, f := range t.Frames {
			if f.Text != "" {
				b.WriteString("  " + f.Text + "\n")
			} else {
				fmt.Fprintf(&b, "  File %q, line %d in %s\n", f.File, f.Line, f.Function)
			}
		}
	}
	return b.String()
}

// String names the call: boom (call 1a2b3c4d, for 1.2s).
func (c *DeathCall) String() string {
	name, id := c.Command, c.ID
	if name == "" {
		name = "a call"
	}
	if len(id) > 8 {
		id = id[:8]
	}
	ran := (time.Duration(c.RanUS) * time.Microsecond).Round(time.Millisecond)
	return fmt.Sprintf("%s (call %s, for %s)", name, id, ran)
}
