package main

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/snakectl/snakectl/client"
	"github.com/snakectl/snakectl/internal/planner"
	"github.com/snakectl/snakectl/internal/pool"
)

// redrawEvery bounds how often the lines on a terminal are redrawn.
const redrawEvery = 200 * time.Millisecond

// progress shows the course of an operation: on a terminal one line per address
// that is redrawn, elsewhere one line per change of state.
type progress struct {
	out   io.Writer
	quiet bool

	mu sync.Mutex // guards everything below
	// live is true while lines on a terminal are redrawn.
	live  bool
	order []string
	text  map[string]string
	// action is what happens to an address.
	action map[string]planner.Action
	drawn  int
	dirty  bool
	// width is where the text of a line begins.
	width int

	stop chan struct{}
	done chan struct{}
}

// newProgress returns the view for Stderr of what happens to the addresses. It must
// be closed; closing twice does no harm.
func (a *App) newProgress(addresses ...string) *progress {
	p := &progress{
		out: a.Stderr, quiet: a.global.quiet, text: map[string]string{}, action: map[string]planner.Action{},
		width: progressWidth(addresses),
	}
	if a.StderrTTY && !a.global.quiet {
		p.live, p.stop, p.done = true, make(chan struct{}), make(chan struct{})
		go p.redraw()
	}
	return p
}

// show takes one event.
func (p *progress) show(ev client.Event) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.quiet {
		return
	}
	if ev.Type == pool.EventStepStart {
		p.action[ev.Addr] = planner.Action(ev.Msg)
	}
	text, passing := describeEvent(ev, p.action[ev.Addr], p.live)
	switch {
	case text == "":
	case ev.Addr == "":
		p.print(text)
	case p.live:
		p.set(ev.Addr, text)
	case !passing:
		fmt.Fprintln(p.out, progressLine(ev.Addr, text, p.width))
	}
}

// note writes a line above the lines of the addresses.
func (p *progress) note(text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.quiet {
		p.print(text)
	}
}

// print is note for a caller that holds mu.
func (p *progress) print(text string) {
	p.clear()
	fmt.Fprintln(p.out, text)
	if p.live {
		p.draw()
	}
}

func (p *progress) set(addr, text string) {
	if _, known := p.text[addr]; !known {
		p.order = append(p.order, addr)
	}
	p.dirty = p.dirty || p.text[addr] != text
	p.text[addr] = text
}

// close draws the last state and ends the redrawing.
func (p *progress) close() {
	p.mu.Lock()
	live := p.live
	p.live = false
	p.mu.Unlock()
	if !live {
		return
	}
	close(p.stop)
	<-p.done
	p.mu.Lock()
	defer p.mu.Unlock()
	p.draw()
	p.drawn = 0 // what comes now stands below
}

func (p *progress) redraw() {
	defer close(p.done)
	tick := time.NewTicker(redrawEvery)
	defer tick.Stop()
	for {
		select {
		case <-p.stop:
			return
		case <-tick.C:
			p.mu.Lock()
			if p.dirty {
				p.draw()
			}
			p.mu.Unlock()
		}
	}
}

// draw replaces the lines on the terminal. The caller holds mu.
func (p *progress) draw() {
	p.clear()
	for _, addr := range p.order {
		fmt.Fprintln(p.out, progressLine(addr, p.text[addr], p.width))
	}
	p.drawn, p.dirty = len(p.order), false
}

// clear moves to the first of the drawn lines and erases them, wherever in its line
// the cursor is: a terminal echoes a Ctrl-C. The caller holds mu.
func (p *progress) clear() {
	if p.drawn > 0 {
		fmt.Fprintf(p.out, "\r\x1b[%dA\x1b[J", p.drawn)
		p.drawn = 0
	}
}

// progressWidth returns where the text of the addresses' lines begins.
func progressWidth(addresses []string) int {
	const least, gap = 20, 2
	width := least
	for _, addr := range addresses {
		width = max(width, len(addr))
	}
	return width + gap
}

func progressLine(addr, text string, width int) string {
	return addr + strings.Repeat(" ", max(width-len(addr), 2)) + text
}
