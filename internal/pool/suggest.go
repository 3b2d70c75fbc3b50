package pool

import (
	"slices"
	"strings"
)

// ListNames returns names sorted and joined for a sentence; a long list is cut.
func ListNames(names []string) string {
	const most = 12
	sorted := slices.Sorted(slices.Values(names))
	if len(sorted) > most {
		return strings.Join(sorted[:most], ", ") + " and others"
	}
	return strings.Join(sorted, ", ")
}

// Nearest returns the name among names that s was probably meant to be, or "" when
// none is near: at most a third of its letters differ. The prefix pool. does not
// count.
func Nearest(s string, names []string) string {
	best, distance := "", len(s)/3+1
	for _, name := range slices.Sorted(slices.Values(names)) {
		d := editDistance(strings.TrimPrefix(s, "pool."), strings.TrimPrefix(name, "pool."))
		if d <= distance && (best == "" || d < distance) {
			best, distance = name, d
		}
	}
	return best
}

// editDistance is the Levenshtein distance in bytes, by the two-row form of the
// Wagner-Fischer algorithm.
func editDistance(a, b string) int {
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
				cost = 1 + min(diagonal, row[j], row[j+1])
			}
			diagonal, row[j+1] = row[j+1], cost
		}
	}
	return row[len(b)]
}
