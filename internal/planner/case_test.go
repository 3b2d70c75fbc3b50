package planner_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/snakectl/snakectl/internal/planner"
	"github.com/snakectl/snakectl/internal/pool"
)

// scenario is what a plan is made from.
type scenario struct {
	Desired  pool.Desired
	Observed pool.Observed
	Options  planner.Options
}

func (s scenario) decide() planner.Plan {
	resolved, err := planner.Resolve(s.Desired, s.Observed, s.Options)
	if err != nil {
		panic(err) // the options of a test can be obeyed
	}
	return planner.Decide(resolved, s.Observed, s.Options)
}

// config reads a Desired in short form: pools name only what their configuration
// sets, and everything else has the schema's default.
func config(t *testing.T, text string) pool.Desired {
	t.Helper()
	var short struct {
		Settings map[string]any            `json:"settings"`
		Runtimes map[string]pool.Runtime   `json:"runtimes"`
		Pools    []map[string]any          `json:"pools"`
		Moved    []pool.Move               `json:"moved"`
		Code     map[string]*pool.Snapshot `json:"code"`
	}
	remake(t, json.RawMessage(text), &short)
	d := pool.Desired{Runtimes: short.Runtimes, Moved: short.Moved}
	settings := defaults(t, pool.SettingsSchema())
	overlay(settings, short.Settings)
	remake(t, settings, &d.Settings)
	for _, written := range short.Pools {
		d.Pools = append(d.Pools, poolFrom(t, written))
		p := &d.Pools[len(d.Pools)-1]
		if code := short.Code[p.Address()]; code != nil {
			p.Snapshot = pool.Snapshot{Root: "/srv/app", Files: code.Files, Hash: pool.HashFiles(code.Files)}
		}
	}
	d.Sort()
	return d
}

// poolFrom returns a pool whose configuration sets what is written.
func poolFrom(t testing.TB, written map[string]any) pool.Pool {
	t.Helper()
	tree := defaults(t, pool.PoolSchema())
	overlay(tree, written)
	var p pool.Pool
	remake(t, tree, &p)
	for _, row := range pool.PoolSchema() {
		if _, ok := find(written, row.Path); ok {
			p.Set = append(p.Set, row.Path)
		}
	}
	slices.Sort(p.Set)
	return p
}

// defaults returns the tree of a schema's defaults.
func defaults(t testing.TB, rows []pool.Row) map[string]any {
	t.Helper()
	tree := map[string]any{}
	for _, row := range rows {
		var value any
		switch {
		case row.Effect == pool.EffectAddress || row.Default == "":
			continue
		case row.Default == "cores":
			value = 4.0
		case row.Default == "settings.access.exec":
			value = []any{}
		case row.Type == pool.TypePath || row.Type == pool.TypeRuntimeRef:
			value = strings.ReplaceAll(row.Default, "the configuration's directory", "/srv/app")
		default:
			remake(t, json.RawMessage(row.Default), &value)
		}
		put(tree, row.Path, value)
	}
	return tree
}

// world completes an Observed in short form: each accepted pool has a ready
// worker in each place, but where the text says otherwise. The launch hashes
// "accepted" and "new" stand for those of the pool in the two specs.
func world(t *testing.T, text string, accepted *pool.Desired, desired pool.Desired) pool.Observed {
	t.Helper()
	short := pool.Observed{Lineage: "9d1f", WorkersObserved: true}
	remake(t, json.RawMessage(text), &short)
	told := short.Pools
	short.Accepted, short.Pools = accepted, map[string]pool.ObservedPool{}
	if accepted != nil {
		for i := range accepted.Pools {
			p := &accepted.Pools[i]
			short.Pools[p.Address()] = populate(p, hashOf(accepted, p.Address()), told[p.Address()].Override)
		}
	}
	for address, o := range told {
		running, known := short.Pools[address]
		if !known {
			running = pool.ObservedPool{Size: o.Size}
		}
		for _, place := range o.Places {
			switch place.LaunchHash {
			case "accepted":
				place.LaunchHash = hashOf(accepted, address)
			case "new":
				place.LaunchHash = hashOf(&desired, address)
			}
			if place.Place < len(running.Places) {
				running.Places[place.Place] = place
			} else {
				running.Places = append(running.Places, place)
			}
		}
		short.Pools[address] = running
	}
	return short
}

// populate returns a pool with a ready worker in each of its places.
func populate(p *pool.Pool, hash string, override *pool.Override) pool.ObservedPool {
	o := pool.ObservedPool{Size: p.Size, Override: override}
	if override != nil {
		o.Size = override.Size
	}
	for place := range o.Size {
		o.Places = append(o.Places, pool.ObservedPlace{
			Place: place, State: pool.WorkerReady, Incarnation: fmt.Sprintf("%04x", place), LaunchHash: hash,
		})
	}
	return o
}

func hashOf(d *pool.Desired, address string) string {
	p := d.Pool(address)
	return pool.LaunchHash(p, d.Runtimes[p.Runtime])
}

// remake sends a value through JSON.
func remake(t testing.TB, from, to any) {
	t.Helper()
	b, err := json.Marshal(from)
	if err == nil {
		err = json.Unmarshal(b, to)
	}
	if err != nil {
		t.Fatalf("cannot remake %v: %v", from, err)
	}
}

func overlay(tree, over map[string]any) {
	for key, value := range over {
		inner, isTree := tree[key].(map[string]any)
		nested, isMap := value.(map[string]any)
		if isTree && isMap {
			overlay(inner, nested)
			continue
		}
		tree[key] = value
	}
}

func put(tree map[string]any, path string, value any) {
	head, rest, nested := strings.Cut(path, ".")
	if !nested {
		tree[head] = value
		return
	}
	inner, ok := tree[head].(map[string]any)
	if !ok {
		inner = map[string]any{}
		tree[head] = inner
	}
	put(inner, rest, value)
}

func find(tree map[string]any, path string) (any, bool) {
	head, rest, nested := strings.Cut(path, ".")
	if !nested {
		value, ok := tree[head]
		return value, ok
	}
	inner, _ := tree[head].(map[string]any)
	return find(inner, rest)
}
