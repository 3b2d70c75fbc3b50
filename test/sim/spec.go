package sim

import (
	"slices"
	"sync"
	"time"

	"github.com/snakectl/snakectl/internal/pool"
)

// trait is how the workers of an adapter behave.
type trait int

const (
	traitGood   trait = iota
	traitBroken       // never starts
	traitMute         // never becomes ready
	traitFlaky        // often dies soon after it was ready
)

// adapters are the adapters that pools name, with their traits.
var adapters = map[string]trait{
	"./one.py": traitGood, "./two.py": traitGood, "./three.py": traitGood,
	"./broken.py": traitBroken, "./mute.py": traitMute, "./flaky.py": traitFlaky,
}

// launch is what workers of one launch hash are started from.
type launch struct {
	hash  string
	trait trait
	spec  *pool.Pool
}

func traitOf(p *pool.Pool) trait { return adapters[p.Adapter] }

var runtimes = map[string]pool.Runtime{"runtime.python.default": {
	Name: "default", Interpreter: "/usr/bin/python3", Version: "3.12.1", Fingerprint: "f1",
}}

// hashes holds the launch hash of each adapter: nothing else of a pool here is
// part of it. They are the same in every history, so they are taken once.
var hashes = sync.OnceValue(func() map[string]string {
	out := map[string]string{}
	for adapter := range adapters {
		p := pool.Pool{Adapter: adapter, Runtime: "runtime.python.default", Set: []string{"adapter", "size"}}
		out[adapter] = pool.LaunchHash(&p, runtimes[p.Runtime])
	}
	return out
})

func launchHash(p *pool.Pool) string { return hashes()[p.Adapter] }

var names = []string{"a", "b", "c"}

var addresses = []string{"pool.a", "pool.b", "pool.c"}

const maxSize = 4

// adapter draws one: mostly one that works.
func (w *world) adapter() string {
	switch {
	case w.chance(6):
		return pick(w, "./broken.py", "./mute.py")
	case w.fault(6):
		return "./flaky.py"
	}
	return pick(w, "./one.py", "./two.py", "./three.py")
}

func ms(n int) pool.Duration { return pool.Duration(n) * pool.Duration(time.Millisecond) }

// newPool draws the spec of a pool.
func (w *world) newPool(name string) pool.Pool {
	p := pool.Pool{
		Name: name, Profile: pool.ProfileProcess, Runtime: "runtime.python.default", Adapter: w.adapter(),
		Size: w.rng.IntN(maxSize + 1), CodeMode: pool.CodeSnapshot, StopSignal: "TERM",
		StartTimeout: pick(w, ms(1000), ms(2000)), Set: []string{"adapter", "size"},
		Startup: pool.Startup{Parallelism: 1 + w.rng.IntN(4)},
		Queue:   pool.Queue{Max: pick(w, 0, 3, 20), Timeout: pick(w, ms(100), ms(1000))},
		Restart: pool.Restart{Backoff: ms(50), MaxBackoff: ms(1000), MaxRestarts: pick(w, 2, 4), Window: pick(w, ms(5000), ms(60000))},
	}
	p.Health = pool.Health{Interval: ms(300), Timeout: ms(200), Misses: 2}
	w.policy(&p)
	return p
}

// policy draws what is live.
func (w *world) policy(p *pool.Pool) {
	p.StopGrace, p.Timeouts.Call = pick(w, ms(300), ms(1500)), pick(w, ms(800), ms(2000))
	p.Update = pool.Update{
		Strategy: pick(w, pool.StrategyRolling, pool.StrategyRolling, pool.StrategyRolling, pool.StrategyRecreate),
		Surge:    pool.Share(w.rng.IntN(3)), MaxUnavailable: pool.Share(w.rng.IntN(3)), MinHealthyTime: pick(w, 0, ms(50), ms(400)), HealthyDeadline: ms(5000),
	}
	if p.Update.Surge+p.Update.MaxUnavailable == 0 {
		p.Update.Surge = 1
	}
	p.Retry = pool.Retry{
		Attempts: pick(w, 1, 2, 4), Backoff: pick(w, 0, ms(30)),
		On: pick(w, []string{"worker_died"}, []string{"worker_died", "unavailable"}, []string{"worker_died", "raised"}),
	}
	p.Breaker = pool.Breaker{Failures: pick(w, 0, 0, 1, 3), Reset: pick(w, ms(100), ms(1000)), HalfOpen: pick(w, 1, 2)}
	p.Lifecycle = pool.Lifecycle{
		TTL: pick(w, 0, 0, 0, 0, 0, 0, ms(6000)), IdleTTL: pick(w, 0, 0, 0, 0, 0, 0, ms(5000)), MaxRequests: pick(w, 0, 0, 3, 8),
		MaxMemory: pick[pool.Size](w, 0, 1<<20), MinLifetime: pick(w, 0, ms(500)), Jitter: pick(w, 0, 0.5),
		MaxRecycling: pick[pool.Share](w, 1, 2, -25, -50),
	}
}

// empty returns a configuration that declares nothing.
func empty() pool.Desired {
	settings := pool.Settings{OnBoot: pool.OnBootResume, HistoryKeep: 50, OrphanGrace: ms(30_000), Log: pool.Log{Level: "info", Format: "text"}}
	return pool.Desired{Runtimes: runtimes, Settings: settings}
}

// change draws a configuration that differs from one in a place or two.
func (w *world) change(from *pool.Desired) pool.Desired {
	out := empty()
	if from != nil {
		out.Pools = slices.Clone(from.Pools)
		out.Settings = from.Settings
	}
	if w.chance(2) {
		out.Settings.HistoryKeep++
	}
	for range 1 + w.rng.IntN(2) {
		name := names[w.rng.IntN(len(names))]
		i := slices.IndexFunc(out.Pools, func(p pool.Pool) bool { return p.Name == name })
		if i < 0 {
			out.Pools = append(out.Pools, w.newPool(name))
			continue
		}
		switch p := &out.Pools[i]; w.rng.IntN(9) {
		case 0:
			out.Pools = slices.Delete(out.Pools, i, i+1)
		case 1, 2:
			p.Size = w.rng.IntN(maxSize + 1)
		case 3, 4, 5:
			p.Adapter = w.adapter()
		case 6:
			w.policy(p)
		case 7: // all the same
		case 8:
			p.Adapter, p.Size = w.adapter(), w.rng.IntN(maxSize+1)
			w.policy(p)
		}
	}
	out.Sort()
	return out
}
