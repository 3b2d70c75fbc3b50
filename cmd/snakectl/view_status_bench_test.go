package main

import (
	"fmt"
	"testing"
	"time"

	"github.com/snakectl/snakectl/internal/pool"
)

// BenchmarkStatusView renders 1,000 workers of four pools.
func BenchmarkStatusView(b *testing.B) {
	const pools, each = 4, 250
	now := time.Now()
	status := &pool.Status{Supervisor: pool.SupervisorStatus{PID: 1, StartedAt: now}}
	for n := range pools {
		p := pool.PoolStatus{Address: fmt.Sprintf("pool.p%d", n), Profile: pool.ProfileProcess, Size: each, Ready: each}
		for place := range each {
			p.Workers = append(p.Workers, pool.WorkerStatus{
				Address: pool.WorkerAddress(p.Address, place), Incarnation: "0badcafe", PID: 1000 + place, State: pool.WorkerReady, Slots: 1,
				Calls: 12345, RSSBytes: 22 << 20, LaunchHash: "0123456789abcdef", StartedAt: &now,
			})
		}
		status.Pools = append(status.Pools, p)
	}
	for b.Loop() {
		if text := renderStatus(status, true, now); len(text) < pools*each {
			b.Fatalf("%d bytes for %d workers", len(text), pools*each)
		}
	}
}
