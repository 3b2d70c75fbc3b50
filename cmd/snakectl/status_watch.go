package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/snakectl/snakectl/client"
	"github.com/snakectl/snakectl/internal/pool"
)

// watchEvery is how often a watched status is asked for. What is shown is never
// older than twice that without saying so.
const watchEvery = 500 * time.Millisecond

// errWatchNeedsTerminal advises what a program should read instead.
var errWatchNeedsTerminal = errors.New(
	"--watch draws on a terminal; use \"snakectl events --follow\" to be told of changes, or \"snakectl status --json\"")

// watchStatus draws the status again and again until the person leaves.
func (a *App) watchStatus(ctx context.Context, c *client.Client, addrs []string) error {
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	canvas := canvas{out: a.Stdout, width: a.Width}
	var last *pool.Status
	var seen time.Time
	for {
		status, err := a.askStatus(ctx, c, addrs)
		switch {
		case ctx.Err() != nil:
			return nil // Ctrl-C is how watching ends
		case err != nil && last == nil:
			return a.explain(err)
		case err == nil:
			last, seen = status, time.Now()
		}
		text := renderStatus(last, len(addrs) > 0, time.Now())
		if err != nil {
			text = fmt.Sprintf("No answer for %s: %v\n\n%s", time.Since(seen).Round(time.Second), a.explain(err), text)
		}
		if err := canvas.draw(text); err != nil {
			return err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
	}
}

func (a *App) askStatus(ctx context.Context, c *client.Client, addrs []string) (*pool.Status, error) {
	ctx, cancel := context.WithTimeout(ctx, watchEvery)
	defer cancel()
	return c.Status(ctx, addrs...)
}

// canvas is a terminal that one text is drawn on over and over, in place.
type canvas struct {
	out   io.Writer
	width int // 0 when unknown
	begun bool
}

func (c *canvas) draw(text string) error {
	const home, clear, restOfLine, restOfScreen = "\x1b[H", "\x1b[2J", "\x1b[K", "\x1b[J"
	var b strings.Builder
	if !c.begun {
		c.begun = true
		b.WriteString(clear)
	}
	b.WriteString(home)
	for line := range strings.Lines(text) {
		b.WriteString(clip(strings.TrimSuffix(line, "\n"), c.width) + restOfLine + "\n")
	}
	b.WriteString(restOfScreen)
	_, err := io.WriteString(c.out, b.String())
	return err
}

// clip cuts a line to the width, so that it takes one line on the screen.
func clip(line string, width int) string {
	runes := []rune(line)
	if width <= 0 || len(runes) <= width {
		return line
	}
	return string(runes[:width])
}
