package main

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/snakectl/snakectl/internal/pool"
)

// gitLimit is how long git may take to tell about a repository. A plan does not wait
// longer for what is a note on it.
const gitLimit = 2 * time.Second

// readGit tells which commit a directory is at, nil when it is in no repository or git
// cannot tell. It writes nothing there.
func readGit(ctx context.Context, dir string) *pool.Git {
	if !inRepository(dir) {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, gitLimit)
	defer cancel()
	cmd := exec.CommandContext(ctx, "git", "-c", "core.fsmonitor=false", "status", "--porcelain=v2", "--branch", "--untracked-files=normal", "--", ".")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GIT_OPTIONAL_LOCKS=0")
	out, err := cmd.Output()
	if err != nil {
		return nil
	}
	return parseGitStatus(out)
}

// inRepository looks for a repository around a directory, so that git is not started
// where there is none.
func inRepository(dir string) bool {
	for {
		if _, err := os.Stat(filepath.Join(dir, ".git")); err == nil {
			return true
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return false
		}
		dir = parent
	}
}

// parseGitStatus reads what git status --porcelain=v2 --branch prints.
func parseGitStatus(out []byte) *pool.Git {
	g := &pool.Git{}
	for line := range bytes.Lines(out) {
		text := strings.TrimSuffix(string(line), "\n")
		header, isHeader := strings.CutPrefix(text, "# branch.")
		key, value, _ := strings.Cut(header, " ")
		switch {
		case strings.HasPrefix(text, "#") && !isHeader:
		case !isHeader:
			g.Dirty = true
		case key == "oid" && value != "(initial)":
			g.Commit = value
		case key == "head" && value != "(detached)":
			g.Branch = value
		}
	}
	return g
}
