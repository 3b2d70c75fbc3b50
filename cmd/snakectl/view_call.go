package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"time"

	"github.com/snakectl/snakectl/internal/pool"
)

// renderCallError returns a failed call as text: what went wrong, the Python
// traceback or the dead worker's last words, and what to do next.
func renderCallError(e *pool.CallError) string {
	var b strings.Builder
	b.WriteString(e.Error())
	if e.Exit != "" && !strings.Contains(e.Error(), e.Exit) {
		b.WriteString(" (" + e.Exit + ")")
	}
	b.WriteByte('\n')
	b.WriteString(indent(e.Traceback, "  "))
	b.WriteString(renderDeath(e.Death))
	if e.Stderr != "" && e.Death == nil {
		b.WriteString("its last output:\n" + indent(e.Stderr, "  "))
	}
	if e.Hint != "" {
		b.WriteString(e.Hint + "\n")
	}
	return b.String()
}

// sourcePaths turns the paths of copied code, which lies in code/HASH below the
// instance, into what they are in the configuration's directory.
func sourcePaths(text, instance string) string {
	copies := filepath.Join(instance, "code") + string(filepath.Separator)
	var b strings.Builder
	for {
		before, after, found := strings.Cut(text, copies)
		b.WriteString(before)
		if !found {
			return b.String()
		}
		if _, inside, deep := strings.Cut(after, string(filepath.Separator)); deep {
			after = inside
		}
		text = after
	}
}

// indent puts prefix before every line of text and ends it with a newline.
// An empty text stays empty.
func indent(text, prefix string) string {
	text = strings.TrimRight(text, "\n")
	if text == "" {
		return ""
	}
	return prefix + strings.ReplaceAll(text, "\n", "\n"+prefix) + "\n"
}

// writeJSON writes v and a newline: indented for people, on one line otherwise.
// A json.RawMessage keeps the order of its keys.
func writeJSON(w io.Writer, v any, pretty bool) error {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if raw, ok := v.(json.RawMessage); ok {
		if err := compact(&b, raw); err != nil {
			return err
		}
	} else if err := enc.Encode(v); err != nil {
		return fmt.Errorf("cannot encode the answer: %w", err)
	}
	if pretty {
		var indented bytes.Buffer
		if err := json.Indent(&indented, b.Bytes(), "", "  "); err != nil {
			return fmt.Errorf("cannot print the result: %w", err)
		}
		b = indented
	}
	_, err := w.Write(b.Bytes())
	return err
}

func compact(b *bytes.Buffer, raw json.RawMessage) error {
	if err := json.Compact(b, raw); err != nil {
		return fmt.Errorf("cannot print the result: %w", err)
	}
	b.WriteByte('\n')
	return nil
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
