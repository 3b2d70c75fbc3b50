// Package glob matches slash-separated paths against patterns: those of
// path.Match for one segment, and ** for any number of segments. It knows no
// files; package code applies it to the files of an adapter and package spec to
// fileset().
package glob

import (
	"fmt"
	"path"
	"strings"
)

// Match reports whether name matches pattern. A ** stands for any number of
// whole segments, none included, and must be a segment of its own. Both are
// clean relative paths. A malformed pattern matches nothing; Check tells why.
func Match(pattern, name string) bool {
	p, n := strings.Split(pattern, "/"), strings.Split(name, "/")
	// The usual wildcard walk: after a mismatch the last ** takes one segment more.
	pi, ni, star, resume := 0, 0, -1, 0
	for ni < len(n) {
		switch {
		case pi < len(p) && p[pi] == "**":
			star, resume = pi, ni
			pi++
		case pi < len(p) && matchSegment(p[pi], n[ni]):
			pi++
			ni++
		case star >= 0:
			resume++
			pi, ni = star+1, resume
		default:
			return false
		}
	}
	for pi < len(p) && p[pi] == "**" {
		pi++
	}
	return pi == len(p)
}

func matchSegment(pattern, name string) bool {
	ok, err := path.Match(pattern, name)
	return ok && err == nil
}

// Check returns an error when pattern cannot match any path below a directory.
func Check(pattern string) error {
	if pattern == "" || path.IsAbs(pattern) {
		return fmt.Errorf("%q is not a relative pattern such as \"lib/**/*.py\"", pattern)
	}
	for segment := range strings.SplitSeq(pattern, "/") {
		switch {
		case segment == "..":
			return fmt.Errorf("%q leaves the configuration's directory", pattern)
		case segment == "" || segment == ".":
			return fmt.Errorf("%q has an empty segment: write \"lib/**/*.py\", without ./ and //", pattern)
		case strings.Contains(segment, "**") && segment != "**":
			return fmt.Errorf("%q mixes ** with other characters: write **/ as a segment of its own", pattern)
		}
		if _, err := path.Match(segment, ""); err != nil {
			return fmt.Errorf("%q is not a pattern: a bracket is not closed", pattern)
		}
	}
	return nil
}
