package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"time"
)

// kind is one sort of call whose latency is compared.
type kind struct {
	name, command string
	args          json.RawMessage
	count         int
	// target bounds the ratio to the direct call when everything shares one CPU.
	target float64
}

func kinds() []kind {
	text := func(n int) json.RawMessage { return fmt.Appendf(nil, `["%s"]`, bytes.Repeat([]byte("x"), n-4)) }
	return []kind{
		{"call of 100 B", "echo", text(100), 2000, 3.5},
		{"100 us handler", "spin", json.RawMessage(`[100]`), 500, 1.3},
		{"call of 1 MiB", "echo", text(1 << 20), 40, 1.5},
	}
}

// latencies measures one caller: the program, what it is made of and what stands
// instead of it, round by round.
func (s *session) latencies(ctx context.Context) error {
	for range s.rounds {
		for i, k := range kinds() {
			if err := s.latency(ctx, k, i == 0); err != nil {
				return fmt.Errorf("%s: %w", k.name, err)
			}
		}
	}
	if s.relayed == nil {
		s.table.missing("call of 100 B, C relay", "us")
	}
	return nil
}

// latency is one round of one kind. The smallest is compared with the relay and
// the peers as well.
func (s *session) latency(ctx context.Context, k kind, smallest bool) error {
	floor, err := measure(ctx, s.direct.call, k.count, k.command, k.args)
	if err != nil {
		return err
	}
	took, err := measure(ctx, s.execute, k.count, k.command, k.args)
	if err != nil {
		return err
	}
	target := 0.0
	if s.pinned {
		target = k.target
	}
	call, direct := percentile(took, 0.5), percentile(floor, 0.5)
	s.table.add(k.name+", direct", "us", 0, micros(direct))
	s.table.add(k.name+", snakectl", "us", 0, micros(call))
	s.table.add(k.name+", snakectl, p99", "us", 0, micros(percentile(took, 0.99)))
	s.table.add(k.name+", snakectl / direct", "x", target, float64(call)/float64(direct))
	if !smallest {
		return nil
	}
	return s.compare(ctx, k, call)
}

// compare measures the relay and the peers.
func (s *session) compare(ctx context.Context, k kind, call time.Duration) error {
	if s.relayed != nil {
		took, err := measure(ctx, s.relayed.call, k.count, k.command, k.args)
		if err != nil {
			return err
		}
		relayed := percentile(took, 0.5)
		s.table.add(k.name+", C relay", "us", 0, micros(relayed))
		s.table.add(k.name+", snakectl / C relay", "x", 0, float64(call)/float64(relayed))
	}
	for _, peer := range []struct{ name, label string }{{"pipe", "multiprocessing.Pipe"}, {"executor", "ProcessPoolExecutor"}} {
		took, err := s.peers.measure(peer.name, k.count/4)
		if err != nil {
			return err
		}
		theirs := percentile(took, 0.5)
		s.table.add(k.name+", "+peer.label, "us", 0, micros(theirs))
		s.table.add(k.name+", snakectl / "+peer.label, "x", 0, float64(call)/float64(theirs))
	}
	return nil
}
