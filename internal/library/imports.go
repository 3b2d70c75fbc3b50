package library

import (
	"regexp"
	"slices"
	"strings"
)

var importing = regexp.MustCompile(`(?m)^[ \t]*(?:from[ \t]+([\pL_][\pL\pN_.]*)[ \t]+import\b|import[ \t]+([^\n#;]+))`)

// Imports returns the top-level names of the modules that a Python source imports, sorted.
// It reads lines, not the language: what stands at the beginning of a line of a string is
// taken for code, and what is imported by other means is not seen.
func Imports(source string) []string {
	found := map[string]bool{}
	for _, m := range importing.FindAllStringSubmatch(source, -1) {
		if m[1] != "" {
			found[topLevel(m[1])] = true
			continue
		}
		for name := range strings.SplitSeq(m[2], ",") {
			name, _, _ = strings.Cut(strings.TrimSpace(name), " ")
			if name = topLevel(name); name != "" {
				found[name] = true
			}
		}
	}
	out := make([]string, 0, len(found))
	for name := range found {
		out = append(out, name)
	}
	slices.Sort(out)
	return out
}

func topLevel(module string) string {
	top, _, _ := strings.Cut(module, ".")
	return top
}
