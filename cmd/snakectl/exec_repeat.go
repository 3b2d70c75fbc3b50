package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/snakectl/snakectl/client"
	"github.com/snakectl/snakectl/internal/pool"
)

// repeatReport is what exec --repeat prints.
type repeatReport struct {
	Calls       int     `json:"calls"`
	OK          int     `json:"ok"`
	Failed      int     `json:"failed"`
	Seconds     float64 `json:"seconds"`
	CallsPerSec float64 `json:"calls_per_second"`
	// The latencies of the calls that returned, in milliseconds.
	P50MS float64 `json:"p50_ms"`
	P90MS float64 `json:"p90_ms"`
	P99MS float64 `json:"p99_ms"`
	MaxMS float64 `json:"max_ms"`
	// Errors counts the failed calls by category.
	Errors map[pool.Category]int `json:"errors,omitempty"`
}

// repeater shares a number of calls among its callers.
type repeater struct {
	call func(context.Context) error
	left atomic.Int64

	mu     sync.Mutex // guards took, errs, failed and first
	took   []time.Duration
	errs   map[pool.Category]int
	failed int
	first  error
}

// runRepeated makes opts.repeat calls, opts.concurrency at a time, and prints
// what they took. Its exit code is that of the first call that failed.
func (a *App) runRepeated(ctx context.Context, c *client.Client, t execTarget, args json.RawMessage, opts execOptions) error {
	options := opts.callOptions()
	r := &repeater{errs: map[pool.Category]int{}, call: func(ctx context.Context) error {
		_, err := c.Exec(ctx, t.Pool, t.Command, anyArgs(args), options...)
		return err
	}}
	r.left.Store(int64(opts.repeat))
	begin := time.Now()
	var group sync.WaitGroup
	for range min(opts.concurrency, opts.repeat) {
		group.Go(func() { r.run(ctx) })
	}
	group.Wait()
	report := r.report(time.Since(begin))
	if opts.json {
		if err := writeJSON(a.Stdout, report, a.StdoutTTY); err != nil {
			return err
		}
	} else {
		fmt.Fprint(a.Stdout, renderRepeat(report))
	}
	if r.first == nil {
		return nil
	}
	return a.execFirstFailed(r.first)
}

// execFirstFailed tells the first of several failures.
func (a *App) execFirstFailed(err error) error {
	if call, ok := errors.AsType[*client.Error](err); ok {
		return &codedError{code: categoryExit(call.Category), err: fmt.Errorf("the first failed call: %w", withHint(call))}
	}
	return a.explain(err)
}

func (r *repeater) run(ctx context.Context) {
	for r.left.Add(-1) >= 0 && ctx.Err() == nil {
		begin := time.Now()
		err := r.call(ctx)
		r.record(time.Since(begin), err)
	}
}

func (r *repeater) record(took time.Duration, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err == nil {
		r.took = append(r.took, took)
		return
	}
	category := pool.CategoryUnavailable
	if call, ok := errors.AsType[*client.Error](err); ok {
		category = call.Category
	}
	r.errs[category]++
	r.failed++
	if r.first == nil {
		r.first = err
	}
}

func (r *repeater) report(total time.Duration) repeatReport {
	r.mu.Lock()
	defer r.mu.Unlock()
	slices.Sort(r.took)
	return repeatReport{
		Calls: len(r.took) + r.failed, OK: len(r.took), Failed: r.failed,
		Seconds:     total.Seconds(),
		CallsPerSec: float64(len(r.took)+r.failed) / max(total.Seconds(), 1e-9),
		P50MS:       percentile(r.took, 50), P90MS: percentile(r.took, 90), P99MS: percentile(r.took, 99),
		MaxMS:  percentile(r.took, 100),
		Errors: r.errs,
	}
}

// percentile returns the smallest value of the sorted list that p percent of it
// do not exceed, in milliseconds; 0 for an empty list.
func percentile(sorted []time.Duration, p int) float64 {
	if len(sorted) == 0 {
		return 0
	}
	rank := (len(sorted)*p + 99) / 100
	return milliseconds(sorted[max(rank, 1)-1])
}

func renderRepeat(r repeatReport) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d calls in %.2fs: %d ok, %d failed, %.0f calls/s\np50 %.2fms  p90 %.2fms  p99 %.2fms  max %.2fms\n",
		r.Calls, r.Seconds, r.OK, r.Failed, r.CallsPerSec, r.P50MS, r.P90MS, r.P99MS, r.MaxMS)
	var kinds []string
	for category := range r.Errors {
		kinds = append(kinds, string(category))
	}
	slices.Sort(kinds)
	for _, kind := range kinds {
		fmt.Fprintf(&b, "%6d failed: %s\n", r.Errors[pool.Category(kind)], kind)
	}
	return b.String()
}
