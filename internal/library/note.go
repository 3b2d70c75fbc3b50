package library

import (
	"slices"
	"strconv"
	"strings"
)

// subject is a library that there are notes on.
type subject struct {
	// names are the distributions it comes as, none for a module of the standard library.
	names   []string
	modules []string
	notes   []note
}

// note is what a project says of its library.
type note struct {
	use     Use
	verdict Verdict
	// says is our words for it, a sentence without its full stop.
	says   string
	remedy string
	source string
	// checked is the day on which the page was read.
	checked string
	// from and before bound the versions that it holds for, "" for any.
	from, before string
}

// subjects are all that there are notes on.
var subjects = slices.Concat(numericSubjects, learningSubjects, drawingSubjects, networkSubjects, databaseSubjects)

// notesOn returns what is noted of a library for a use.
func notesOn(l *Library, use Use) []note {
	var out []note
	for _, s := range subjects {
		if !slices.Contains(s.names, l.Name) && (len(s.names) > 0 || !slices.Contains(s.modules, l.Name)) {
			continue
		}
		for _, n := range s.notes {
			if n.use == use && n.holds(l.Version) {
				out = append(out, n)
			}
		}
	}
	return out
}

// holds reports whether the note is about a version. One that is not known is taken for
// the newest.
func (n note) holds(version string) bool {
	if version == "" {
		return n.before == ""
	}
	return (n.from == "" || compare(version, n.from) >= 0) && (n.before == "" || compare(version, n.before) < 0)
}

// compare compares the numbers of two versions; what follows them counts for nothing.
func compare(a, b string) int { return slices.Compare(numbers(a), numbers(b)) }

func numbers(version string) []int {
	var out []int
	for part := range strings.SplitSeq(version, ".") {
		end := strings.IndexFunc(part, func(r rune) bool { return r < '0' || r > '9' })
		if end < 0 {
			end = len(part)
		}
		n, err := strconv.Atoi(part[:end])
		if err != nil {
			break
		}
		out = append(out, n)
	}
	return out
}
