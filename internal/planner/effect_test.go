package planner_test

import (
	"maps"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/snakectl/snakectl/internal/planner"
	"github.com/snakectl/snakectl/internal/pool"
)

// frozenEffects is what a change of each attribute of a pool does to running
// workers. It repeats the schema on purpose: an effect that changes by accident
// restarts somebody's workers, or leaves them running what they should not.
var frozenEffects = map[string]pool.Effect{
	"description":              pool.EffectStored,
	"labels":                   pool.EffectStored,
	"default":                  pool.EffectLive,
	"for_each":                 pool.EffectAddress,
	"profile":                  pool.EffectRoll,
	"threads_per_worker":       pool.EffectRoll,
	"check":                    pool.EffectRoll,
	"gil":                      pool.EffectRoll,
	"runtime":                  pool.EffectRoll,
	"adapter":                  pool.EffectRoll,
	"config":                   pool.EffectRoll,
	"env":                      pool.EffectRoll,
	"working_dir":              pool.EffectRoll,
	"python_path":              pool.EffectRoll,
	"code":                     pool.EffectRoll,
	"code_mode":                pool.EffectRoll,
	"start_method":             pool.EffectRoll,
	"preload":                  pool.EffectRoll,
	"size":                     pool.EffectSize,
	"start_timeout":            pool.EffectLive,
	"stop_grace":               pool.EffectLive,
	"stop_signal":              pool.EffectLive,
	"startup.parallelism":      pool.EffectLive,
	"queue.max":                pool.EffectLive,
	"queue.timeout":            pool.EffectLive,
	"queue.policy":             pool.EffectLive,
	"queue.overflow":           pool.EffectLive,
	"timeouts.call":            pool.EffectLive,
	"retry.attempts":           pool.EffectLive,
	"retry.on":                 pool.EffectLive,
	"retry.backoff":            pool.EffectLive,
	"breaker.failures":         pool.EffectLive,
	"breaker.reset":            pool.EffectLive,
	"breaker.half_open":        pool.EffectLive,
	"access.exec":              pool.EffectLive,
	"restart.backoff":          pool.EffectLive,
	"restart.max_backoff":      pool.EffectLive,
	"restart.max_restarts":     pool.EffectLive,
	"restart.window":           pool.EffectLive,
	"update.strategy":          pool.EffectLive,
	"update.max_parallel":      pool.EffectLive,
	"update.canary":            pool.EffectLive,
	"update.auto_promote":      pool.EffectLive,
	"update.progress_deadline": pool.EffectLive,
	"update.auto_revert":       pool.EffectLive,
	"update.preflight":         pool.EffectLive,
	"update.max_failures":      pool.EffectLive,
	"update.surge":             pool.EffectLive,
	"update.max_unavailable":   pool.EffectLive,
	"update.min_healthy_time":  pool.EffectLive,
	"update.healthy_deadline":  pool.EffectLive,
	"limits.memory":            pool.EffectLive,
	"limits.nofile":            pool.EffectLive,
	"lifecycle.ttl":            pool.EffectLive,
	"lifecycle.idle_ttl":       pool.EffectLive,
	"lifecycle.max_requests":   pool.EffectLive,
	"lifecycle.min_lifetime":   pool.EffectLive,
	"lifecycle.max_memory":     pool.EffectLive,
	"lifecycle.check_interval": pool.EffectLive,
	"health.interval":          pool.EffectLive,
	"health.timeout":           pool.EffectLive,
	"health.misses":            pool.EffectLive,
	"health.command":           pool.EffectLive,
	"logs.keep":                pool.EffectLive,
	"lifecycle.jitter":         pool.EffectLive,
	"lifecycle.max_recycling":  pool.EffectLive,
	"devices.cpus":             pool.EffectRoll,
	"devices.gpus":             pool.EffectRoll,
	"depends_on":               pool.EffectPlan,
	"prevent_destroy":          pool.EffectPlan,
	"ignore_changes":           pool.EffectPlan,
}

var actionOf = map[pool.Effect]planner.Action{
	pool.EffectStored: planner.ActionUpdate,
	pool.EffectPlan:   planner.ActionUpdate,
	pool.EffectLive:   planner.ActionUpdate,
	pool.EffectSize:   planner.ActionResize,
	pool.EffectRoll:   planner.ActionRoll,
}

func TestEffectsAreFrozen(t *testing.T) {
	got := map[string]pool.Effect{}
	for _, row := range pool.PoolSchema() {
		got[row.Path] = row.Effect
	}
	if diff := cmp.Diff(frozenEffects, got); diff != "" {
		t.Errorf("effects differ (-frozen +schema):\n%s", diff)
	}
	for _, rows := range [][]pool.Row{pool.SettingsSchema()} {
		for _, row := range rows {
			if row.Effect != pool.EffectLive {
				t.Errorf("settings %s has the effect %s, want live", row.Path, row.Effect)
			}
		}
	}
}

// TestEveryAttributeHasItsEffect changes one attribute at a time. The action is
// derived from the frozen list, so that a flipped row fails here as well.
func TestEveryAttributeHasItsEffect(t *testing.T) {
	for _, path := range slices.Sorted(maps.Keys(frozenEffects)) {
		effect := frozenEffects[path]
		if effect == pool.EffectAddress {
			continue
		}
		t.Run(path, func(t *testing.T) {
			row := pool.FindRow(pool.PoolSchema(), path)
			if row == nil {
				t.Fatalf("the schema has no %s", path)
			}
			first, second := twoValues(t, *row)
			old, desired := onePool(t, path, first), onePool(t, path, second)
			plan := planner.Decide(desired, world(t, `{"revision":1}`, &old, desired), planner.Options{})
			if len(plan.Changes) != 1 {
				t.Fatalf("%d changes, want 1", len(plan.Changes))
			}
			c := plan.Changes[0]
			want := []planner.Attribute{{Path: path, Effect: effect, Old: first, New: second}}
			if diff := cmp.Diff(want, c.Attributes); diff != "" {
				t.Errorf("attributes (-want +got):\n%s", diff)
			}
			if c.Action != actionOf[effect] {
				t.Errorf("action = %s, want %s", c.Action, actionOf[effect])
			}
			if rolled := c.LaunchHash != c.OldLaunchHash; rolled != (effect == pool.EffectRoll) {
				t.Errorf("the launch hash changed: %t", rolled)
			}
			if all := len(pool.PoolSchema()) - 2; c.Unchanged != all {
				t.Errorf("unchanged = %d, want %d", c.Unchanged, all)
			}
		})
	}
}

// TestUnsetDefaultRollsNothing shows that another default of a rolling attribute,
// as a new release may bring, is kept and restarts nobody.
func TestUnsetDefaultRollsNothing(t *testing.T) {
	old, desired := onePool(t, "size", 3.0), onePool(t, "size", 3.0)
	desired.Pools[0].PythonPath = []string{"src"}
	plan := planner.Decide(desired, world(t, `{"revision":1}`, &old, desired), planner.Options{})
	if len(plan.Changes) != 1 || plan.Changes[0].Action != planner.ActionUpdate {
		t.Fatalf("changes = %+v, want one update", plan.Changes)
	}
	if got := plan.Changes[0].Attributes[0].Effect; got != pool.EffectStored {
		t.Errorf("effect = %s, want stored", got)
	}
}

func onePool(t *testing.T, path string, value any) pool.Desired {
	t.Helper()
	written := map[string]any{"name": "api", "adapter": "./api.py", "size": 2.0}
	put(written, path, value)
	d := pool.Desired{Pools: []pool.Pool{poolFrom(t, written)}}
	d.Settings = config(t, `{}`).Settings
	return d
}

// twoValues returns two values of the row's type in their JSON form.
func twoValues(t *testing.T, row pool.Row) (first, second any) {
	t.Helper()
	if len(row.Accepts) > 1 && row.Type != pool.TypeStrings {
		return row.Accepts[0], row.Accepts[1]
	}
	switch row.Type {
	case pool.TypeString, pool.TypePath:
		return "one", "two"
	case pool.TypeRuntimeRef:
		return "runtime.python.one", "runtime.python.two"
	case pool.TypeBool:
		return false, true
	case pool.TypeInt:
		return 2.0, 3.0
	case pool.TypeDuration:
		return "2s", "3s"
	case pool.TypeSize:
		return "64MiB", "1GB"
	case pool.TypeNumber:
		return 0.25, 0.5
	case pool.TypeShare:
		return "10%", 3.0
	case pool.TypeStrings, pool.TypePaths, pool.TypePools, pool.TypeAttributes:
		return []any{"one"}, []any{"one", "two"}
	case pool.TypeStringMap, pool.TypeObject:
		return map[string]any{"key": "one"}, map[string]any{"key": "two"}
	case pool.TypeForEach:
	}
	t.Fatalf("no values for %s of type %s", row.Path, row.Type)
	return nil, nil
}
