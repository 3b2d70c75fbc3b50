package main

import (
	"fmt"
	"slices"
	"time"

	"github.com/snakectl/snakectl/client"
)

// usage is what the running workers were measured to need.
type usage struct {
	Workers int `json:"workers"`
	// WorkerBytes is the median memory of a worker, LargestBytes the largest.
	WorkerBytes  int64 `json:"worker_bytes"`
	LargestBytes int64 `json:"largest_bytes"`
	// WorkerTasks is the greatest number of threads of a worker.
	WorkerTasks int64 `json:"worker_tasks"`
	// WorkerFiles is how many files the supervisor has open for a worker.
	WorkerFiles int64 `json:"worker_files"`
	// ReadyUS is the median time from the start of a worker's process until it took
	// calls, over the last Starts workers, in microseconds; 0 when none was seen.
	ReadyUS int64 `json:"ready_us"`
	Starts  int   `json:"starts"`
}

// bound is how many workers one resource allows.
type bound struct {
	Resource string `json:"resource"`
	Workers  int64  `json:"workers"`
	Because  string `json:"because"`
}

// project returns how many workers each resource allows, the scarcest first. What
// was not measured bounds nothing.
func project(m machine, u usage) []bound {
	now := int64(u.Workers)
	var bounds []bound
	add := func(resource string, free, each int64, because string) {
		if free != unlimited && each > 0 {
			bounds = append(bounds, bound{resource, now + max(0, free)/each, because})
		}
	}
	add("memory", m.MemoryBytes, u.LargestBytes, fmt.Sprintf("%s available, %s for the largest worker", bytesText(m.MemoryBytes), bytesText(u.LargestBytes)))
	if m.Files != unlimited {
		add("files", m.Files-m.FilesOpen, u.WorkerFiles,
			fmt.Sprintf("nofile %d, %d open, %d for a worker", m.Files, m.FilesOpen, u.WorkerFiles))
	}
	add("tasks", m.Tasks, u.WorkerTasks, fmt.Sprintf("%d more processes and threads, %d for a worker", m.Tasks, u.WorkerTasks))
	slices.SortStableFunc(bounds, func(a, b bound) int { return int(a.Workers - b.Workers) })
	return bounds
}

// workersUsage measures the running workers. ready holds what worker.ready told.
func workersUsage(status *client.Status, m machine, ready []int64) usage {
	u := usage{Starts: len(ready)}
	var sizes []int64
	for _, p := range status.Pools {
		for _, w := range p.Workers {
			if w.PID == 0 || w.RSSBytes <= 0 {
				continue
			}
			u.Workers++
			sizes = append(sizes, w.RSSBytes)
			u.WorkerTasks = max(u.WorkerTasks, fieldOf(readText(fmt.Sprintf("/proc/%d/status", w.PID)), "Threads:"))
		}
	}
	if u.Workers > 0 {
		slices.Sort(sizes)
		u.WorkerBytes, u.LargestBytes = sizes[len(sizes)/2], sizes[len(sizes)-1]
		u.WorkerFiles = max(1, (m.links+int64(u.Workers)-1)/int64(u.Workers))
	}
	if len(ready) > 0 {
		slices.Sort(ready)
		u.ReadyUS = ready[len(ready)/2]
	}
	return u
}

// startTime estimates how long n workers take to be ready: the cores share the
// work of starting.
func startTime(m machine, u usage, n int64) time.Duration {
	each := time.Duration(u.ReadyUS) * time.Microsecond
	return time.Duration(float64(each) * float64(n) / max(1, m.Cores)).Round(time.Millisecond)
}
