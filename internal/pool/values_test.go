package pool_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/snakectl/snakectl/internal/pool"
)

// TestValuesAreTheJSONForm compares Values with what the pool's JSON holds at
// each path, for a pool without anything, one with empty values and a full one.
func TestValuesAreTheJSONForm(t *testing.T) {
	full := pool.Pool{
		Name: "api", Description: "text", Labels: map[string]string{"team": "a"}, Default: true,
		Profile: pool.ProfileProcess, Runtime: "runtime.python.default", Adapter: "./a.py",
		Config: map[string]any{"depth": 1, "names": []string{"x"}}, Env: map[string]string{"A": "<1>"},
		WorkingDir: "/srv", PythonPath: []string{"."}, Code: []string{"**/*.py"}, CodeMode: pool.CodeLive, Size: 3,
		StartTimeout: pool.Duration(time.Second), StopGrace: pool.Duration(time.Hour), StopSignal: "TERM",
		Startup: pool.Startup{Parallelism: 4}, Queue: pool.Queue{Max: 7, Timeout: 1},
		Update: pool.Update{Strategy: pool.StrategyRecreate, Surge: 1, MinHealthyTime: pool.Duration(2 * time.Second)},
	}
	empty := pool.Pool{Labels: map[string]string{}, Config: map[string]any{}, Env: map[string]string{}, PythonPath: []string{}, Code: []string{}}
	for name, p := range map[string]pool.Pool{"zero": {}, "empty": empty, "full": full} {
		t.Run(name, func(t *testing.T) {
			b, err := json.Marshal(p)
			if err != nil {
				t.Fatal(err)
			}
			var tree map[string]any
			if err := json.Unmarshal(b, &tree); err != nil {
				t.Fatal(err)
			}
			want := map[string]any{}
			for _, row := range pool.PoolSchema() {
				if row.Effect == pool.EffectAddress {
					continue
				}
				node, path := tree, strings.Split(row.Path, ".")
				for _, name := range path[:len(path)-1] {
					node, _ = node[name].(map[string]any)
				}
				want[row.Path] = node[path[len(path)-1]]
			}
			if diff := cmp.Diff(want, p.Values()); diff != "" {
				t.Errorf("Values (-json +got):\n%s", diff)
			}
		})
	}
}

// TestLaunchHashIsFrozen holds the hash of one pool: workers of a former release
// are told apart by it, so another way to compute it would roll every pool.
func TestLaunchHashIsFrozen(t *testing.T) {
	p := pool.Pool{
		Adapter: "./a.py", Env: map[string]string{"A": "1"}, Size: 3, Profile: pool.ProfileProcess,
		Set: []string{"adapter", "env", "size"}, Snapshot: pool.Snapshot{Root: "/srv", Hash: "c0de"},
	}
	const want = "af089c70416c0ae4c7134296da586f62cf6385c338951977024f6d75409002d2"
	if got := pool.LaunchHash(&p, pool.Runtime{Fingerprint: "f1"}); got != want {
		t.Errorf("LaunchHash = %s, want %s", got, want)
	}
}
