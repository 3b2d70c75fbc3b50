package pool

import (
	"fmt"
	"strconv"
	"strings"
)

// maxLabel is the length of the longest label.
const maxLabel = 63

// ValidLabel reports whether s may be the label of a block: a letter, then letters,
// digits, "_" and "-", at most 63 in all.
func ValidLabel(s string) bool {
	for i, c := range []byte(s) {
		letter := 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
		follows := letter || '0' <= c && c <= '9' || c == '_' || c == '-'
		if !follows || i == 0 && !letter {
			return false
		}
	}
	return s != "" && len(s) <= maxLabel
}

// Address returns pool.NAME, or pool.NAME["KEY"] when key is not empty.
func Address(name, key string) string {
	if key == "" {
		return "pool." + name
	}
	return "pool." + name + "[" + strconv.Quote(key) + "]"
}

// WorkerAddress returns the address of a place: pool.api/3.
func WorkerAddress(pool string, place int) string {
	return pool + "/" + strconv.Itoa(place)
}

// Incarnate returns the address of one incarnation: pool.api/3@7f2c.
func Incarnate(worker, incarnation string) string { return worker + "@" + incarnation }

// ParseAddress reads what a person types for a pool and returns its canonical
// address. It takes api, pool.api, pool.etl["eu"], pool.etl.eu and etl.eu.
func ParseAddress(s string) (string, error) {
	rest := strings.TrimPrefix(s, "pool.")
	name, key := rest, ""
	if i := strings.IndexAny(rest, ".["); i >= 0 {
		name = rest[:i]
		var err error
		if key, err = parseKey(rest[i:]); err != nil {
			return "", fmt.Errorf("%q is not the address of a pool: %w", s, err)
		}
	}
	if !ValidLabel(name) {
		return "", fmt.Errorf("%q is not the address of a pool: write NAME, pool.NAME or pool.NAME[\"KEY\"]", s)
	}
	return Address(name, key), nil
}

func parseKey(s string) (string, error) {
	if key, ok := strings.CutPrefix(s, "."); ok && key != "" {
		return key, nil
	}
	inner, open := strings.CutPrefix(s, "[")
	inner, closed := strings.CutSuffix(inner, "]")
	if !open || !closed {
		return "", fmt.Errorf("the key is written [\"KEY\"] or .KEY")
	}
	key, err := strconv.Unquote(inner)
	if err != nil || key == "" {
		return "", fmt.Errorf("the key in brackets is a quoted string")
	}
	return key, nil
}

// WorkerRef is what a person types for a worker: a pool, maybe a place in it,
// maybe one incarnation of that place's worker.
type WorkerRef struct {
	Pool string
	// Place is -1 when the reference names the whole pool.
	Place int
	// Incarnation is empty when any incarnation is meant.
	Incarnation string
}

// ParseWorkerRef reads POOL, POOL/PLACE or POOL/PLACE@INCARNATION, where POOL is
// anything ParseAddress takes. A slash inside a quoted key does not split.
func ParseWorkerRef(s string) (WorkerRef, error) {
	cut := slashOutsideBrackets(s)
	if cut < 0 {
		addr, err := ParseAddress(s)
		return WorkerRef{Pool: addr, Place: -1}, err
	}
	addr, err := ParseAddress(s[:cut])
	if err != nil {
		return WorkerRef{}, err
	}
	number, incarnation, hasIncarnation := strings.Cut(s[cut+1:], "@")
	place, err := strconv.ParseUint(number, 10, 16)
	if err != nil || (hasIncarnation && incarnation == "") {
		return WorkerRef{}, fmt.Errorf("%q is not the address of a worker: write pool.NAME/PLACE or pool.NAME/PLACE@INCARNATION", s)
	}
	return WorkerRef{Pool: addr, Place: int(place), Incarnation: incarnation}, nil
}

// slashOutsideBrackets returns the index of the first slash that is not inside a
// bracketed, quoted key, or -1.
func slashOutsideBrackets(s string) int {
	quoted, bracket := false, false
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case quoted && c == '\\':
			i++
		case c == '"' && bracket:
			quoted = !quoted
		case quoted:
		case c == '[':
			bracket = true
		case c == ']':
			bracket = false
		case c == '/' && !bracket:
			return i
		}
	}
	return -1
}
