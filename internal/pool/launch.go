package pool

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// LaunchHash returns the hash of everything that a running Python process would
// have to be restarted to see: the attributes whose effect is roll, as the
// configuration sets them (defaults stay out, so that a new release with another
// default rolls nothing), the code's hash and the runtime's fingerprint.
//
// Reformatting or reordering the configuration does not change it: the hash is
// taken over canonical JSON. It is hex SHA-256, 64 characters.
func LaunchHash(p *Pool, rt Runtime) string {
	attrs := map[string]any{}
	for _, row := range PoolSchema() {
		if row.Effect == EffectRoll && p.IsSet(row.Path) {
			attrs[row.Path] = p.value(row.Path)
			if row.Path == "runtime" {
				attrs[row.Path], _, _ = strings.Cut(p.Runtime, pinMark)
			}
		}
	}
	return hashJSON(map[string]any{
		"attributes": attrs,
		"code":       p.Snapshot.Hash,
		"runtime":    rt.Fingerprint,
	})
}

// pinMark stands between the name of a runtime and the revision that it is kept from.
const pinMark = "#"

// PinRuntime names a runtime as it was in a revision, where pools go on with another one
// of that name. The launch hash is that of the name alone.
func PinRuntime(name string, revision uint64) string {
	name, _, _ = strings.Cut(name, pinMark)
	return fmt.Sprintf("%s%s%d", name, pinMark, revision)
}

// HashFiles returns the hash of a set of files given as path -> content hash:
// what Snapshot.Hash holds. No files give an empty hash.
func HashFiles(files map[string]string) string {
	if len(files) == 0 {
		return ""
	}
	return hashJSON(files)
}

func hashJSON(v any) string {
	b, err := json.Marshal(v) // maps are written in key order
	if err != nil {
		panic(fmt.Sprintf("internal error: cannot encode a hashed value: %v", err))
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// Paths returns the sorted schema paths of the pool's attributes.
func (p *Pool) Paths() []string {
	var out []string
	for _, row := range PoolSchema() {
		if row.Effect != EffectAddress {
			out = append(out, row.Path)
		}
	}
	slices.Sort(out)
	return out
}
