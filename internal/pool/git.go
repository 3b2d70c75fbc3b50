package pool

// Git says which state of a repository a configuration was read from.
type Git struct {
	// Commit is the full hash of the commit that is checked out; empty before the
	// first one.
	Commit string `json:"commit"`
	// Branch is empty when no branch is checked out.
	Branch string `json:"branch,omitempty"`
	// Dirty is true when files differ from the commit, or are not part of it.
	Dirty bool `json:"dirty,omitempty"`
}

// shortCommit is how many characters of a hash people are shown.
const shortCommit = 12

// String returns "3f9c01d2ab44 (main, uncommitted changes)".
func (g *Git) String() string {
	if g == nil {
		return ""
	}
	text := g.Short()
	switch {
	case g.Branch != "" && g.Dirty:
		return text + " (" + g.Branch + ", uncommitted changes)"
	case g.Branch != "":
		return text + " (" + g.Branch + ")"
	case g.Dirty:
		return text + " (uncommitted changes)"
	}
	return text
}

// Short returns the commit as people write it.
func (g *Git) Short() string {
	if g.Commit == "" {
		return "no commit yet"
	}
	return g.Commit[:min(shortCommit, len(g.Commit))]
}
