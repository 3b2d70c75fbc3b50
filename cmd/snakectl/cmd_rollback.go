package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/snakectl/snakectl/internal/pool"
)

func newRollbackCommand(a *App) *cobra.Command {
	opts := applyOptions{expect: -1}
	cmd := command{
		use:   "rollback [REVISION] [--auto-approve] [--json] [--detach] [-m TEXT]",
		also:  []string{"revert", "undo"},
		short: "Bring a former revision back",
		long: `Apply what a former revision had, with its code and its Python: the plan is shown, a
yes is asked for, and the result is a new revision. Without REVISION it is the newest
one before the accepted one that reached its goal. The files of the configuration stay
as they are; which git commit they should be at is said.`,
		examples: [2]string{"snakectl rollback", "snakectl rollback 3 --auto-approve"},
		args:     cobra.MaximumNArgs(1),
		run: func(ctx context.Context, args []string) error {
			return a.applyWish(ctx, opts, func(ctx context.Context) (*wish, error) { return a.formerWish(ctx, args) })
		},
	}.cobraRaw()
	opts.bind(cmd)
	return cmd
}

// parseRevision reads the number of a revision.
func parseRevision(text string) (uint64, error) {
	number, err := strconv.ParseUint(text, 10, 64)
	if err != nil || number == 0 {
		return 0, fmt.Errorf("%q is not the number of a revision; see them with: snakectl history", text)
	}
	return number, nil
}

// formerWish is what a rollback asks for.
func (a *App) formerWish(ctx context.Context, args []string) (*wish, error) {
	var number uint64
	var err error
	if len(args) > 0 {
		number, err = parseRevision(args[0])
	} else {
		number, err = a.revisionBefore(ctx)
	}
	if err != nil {
		return nil, err
	}
	rev, err := a.revision(ctx, number)
	if err != nil {
		return nil, err
	}
	return &wish{
		former: &rev.Desired, git: rev.Git, back: rev,
		name: fmt.Sprintf("revision %d of %s", rev.Number, rev.At.Local().Format(time.DateTime)),
	}, nil
}

// revisionBefore returns the newest stable revision before the accepted one.
func (a *App) revisionBefore(ctx context.Context) (uint64, error) {
	heads, err := a.history(ctx, 0)
	if err != nil {
		return 0, a.explain(err)
	}
	for i := range heads {
		if i > 0 && heads[i].Status == pool.RevisionStable {
			return heads[i].Number, nil
		}
	}
	return 0, errors.New("there is no revision to go back to: no former one that reached its goal is kept; see snakectl history")
}

// rollbackAdvice says what a rollback leaves as it is.
func rollbackAdvice(rev *pool.Revision) string {
	var b strings.Builder
	b.WriteString("Warning: the files of the configuration stay as they are, and the next apply of them goes forward again.\n")
	switch g := rev.Git; {
	case g == nil || g.Commit == "":
		fmt.Fprintf(&b, "Revision %d was read from no git commit: edit them by hand.\n", rev.Number)
	case g.Dirty:
		fmt.Fprintf(&b, "Revision %d was read at commit %s with uncommitted changes: git checkout %s comes near it.\n", rev.Number, g.Short(), g.Commit)
	default:
		fmt.Fprintf(&b, "To have them agree with revision %d: git checkout %s\n", rev.Number, g.Commit)
	}
	for i := range rev.Desired.Pools {
		if p := &rev.Desired.Pools[i]; p.CodeMode == pool.CodeLive {
			fmt.Fprintf(&b, "%s imports its directory as it is now (code_mode = \"live\"): its former code does not come back.\n", p.Address())
		}
	}
	return b.String()
}
