package spec

import (
	"fmt"
	"slices"
	"strings"
)

// nearest returns the name closest to what was written, or "" when none is
// close enough to be meant.
func nearest(written string, names []string) string {
	best, bestDistance := "", len(written)/3+2
	for _, name := range names {
		if d := distance(strings.ToLower(written), strings.ToLower(name)); d < bestDistance {
			best, bestDistance = name, d
		}
	}
	return best
}

// distance is the Levenshtein distance in bytes; names are ASCII and short.
func distance(a, b string) int {
	if len(a) > 64 || len(b) > 64 {
		return max(len(a), len(b))
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}

// didYouMean is a sentence, with a space before it, that names the nearest name
// or, when none is near, nothing.
func didYouMean(written string, names []string) string {
	if near := nearest(written, names); near != "" {
		return fmt.Sprintf(" Did you mean %q?", near)
	}
	return ""
}

// list joins names for a sentence, sorted.
func list(names []string) string {
	return strings.Join(slices.Sorted(slices.Values(names)), ", ")
}

func quoted(values []string) string {
	out := make([]string, len(values))
	for i, v := range values {
		out[i] = fmt.Sprintf("%q", v)
	}
	return strings.Join(out, ", ")
}
