package spec

import (
	"fmt"
	"slices"
	"strings"

	"github.com/snakectl/snakectl/internal/pool"
)

// didYouMean is a sentence, with a space before it, that names the nearest name
// or, when none is near, nothing.
func didYouMean(written string, names []string) string {
	if near := pool.Nearest(written, names); near != "" {
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
