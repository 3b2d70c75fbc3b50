package worker

import (
	"bytes"
	"strings"

	"github.com/snakectl/snakectl/internal/pool"
)

const (
	// MaxWords is how much of a log's end is searched for a dump: a hundred frames of
	// each of several threads.
	MaxWords = 64 << 10
	// maxStack bounds the stack of a death.
	maxStack = 8 << 10
	// maxTail and maxTailLines bound what is shown of a dead worker's last lines.
	maxTail      = 4 << 10
	maxTailLines = 20
)

// fatal begins what faulthandler, and Python itself, write when a process is about
// to die of a signal.
const fatal = "Fatal Python error: "

// LastWords adds to a death what its worker wrote last, of which text is the end:
// the stack that Python dumped, if a signal may have ended it, and the last other
// lines. cut: the worker wrote more before.
func LastWords(d *pool.Death, text []byte, cut bool) {
	if d.Class == pool.DeathUnknown || d.Signal != "" && d.Signal != "SIGKILL" {
		d.Stack, text = splitDump(text)
	}
	d.Stderr = Tail(text, cut)
}

// Tail returns the last whole lines of text: at most 20 lines and 4 KiB. cut: its
// first line is the end of one.
func Tail(text []byte, cut bool) string {
	text = bytes.TrimRight(text, "\n")
	if len(text) > maxTail {
		text, cut = text[len(text)-maxTail:], true
	}
	lines := bytes.Split(text, []byte("\n"))
	if cut && len(lines) > 1 {
		lines = lines[1:]
	}
	if len(lines) > maxTailLines {
		lines = lines[len(lines)-maxTailLines:]
	}
	return strings.ToValidUTF8(string(bytes.Join(lines, []byte("\n"))), "�")
}

// splitDump takes the last dump of stacks out of text. The stack is its first
// line and the threads, the one that died before all others, cut to maxStack.
func splitDump(text []byte) (stack string, rest []byte) {
	at := bytes.LastIndex(text, []byte(fatal))
	if at < 0 {
		return "", text
	}
	var head, current, others strings.Builder
	section, left := &head, text[at:]
	for len(left) > 0 {
		line, following, _ := bytes.Cut(left, []byte("\n"))
		switch {
		case len(left) == len(text[at:]), bytes.HasPrefix(line, []byte("Python runtime state:")):
			section = &head
		case bytes.HasPrefix(line, []byte("Current thread")):
			section = &current
		case bytes.HasPrefix(line, []byte("Thread 0x")):
			section = &others
		case len(line) == 0, bytes.HasPrefix(line, []byte("  ")), bytes.HasPrefix(line, []byte("Extension modules:")):
		default:
			return joinStack(&head, &current, &others), append(bytes.Clone(text[:at]), left...)
		}
		if len(line) > 0 && !bytes.HasPrefix(line, []byte("Extension modules:")) {
			section.Write(line)
			section.WriteByte('\n')
		}
		left = following
	}
	return joinStack(&head, &current, &others), text[:at]
}

func joinStack(sections ...*strings.Builder) string {
	var b strings.Builder
	for _, s := range sections {
		b.WriteString(s.String())
	}
	text := b.String()
	if len(text) > maxStack {
		text = text[:maxStack]
		text = text[:strings.LastIndexByte(text, '\n')+1] + "  ... (cut)\n"
	}
	return strings.ToValidUTF8(strings.TrimRight(text, "\n"), "�")
}
