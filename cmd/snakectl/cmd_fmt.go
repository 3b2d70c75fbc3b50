package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/rogpeppe/go-internal/diff"
	"github.com/spf13/cobra"

	"github.com/snakectl/snakectl/internal/spec"
)

// fmtOptions are the flags of `snakectl fmt`.
type fmtOptions struct {
	check     bool
	diff      bool
	recursive bool
	upgrade   bool
}

func newFmtCommand(a *App) *cobra.Command {
	var opts fmtOptions
	cmd := command{
		use:   "fmt [--check] [--diff] [--recursive] [--upgrade] [FILE|DIR|-]...",
		short: "Rewrite configuration files in the canonical layout",
		long: `Rewrite *.hcl files in the canonical layout and print the name of each file that
changed. --check writes nothing and exits with 1 when a file would change; --diff
shows the changes; --upgrade writes a pool in the style of Snakepit 0.5, whose
attributes stand at the top of a file, as a pool block. - formats standard input to standard output.`,
		examples: [2]string{"snakectl fmt", "snakectl fmt --check --diff --recursive ."},
		args:     cobra.ArbitraryArgs,
		run:      func(ctx context.Context, args []string) error { return a.runFmt(ctx, args, opts) },
	}.cobra(a)
	cmd.Flags().BoolVar(&opts.check, "check", false, "write nothing; exit 1 when a file would change")
	cmd.Flags().BoolVar(&opts.diff, "diff", false, "print what changes")
	cmd.Flags().BoolVar(&opts.upgrade, "upgrade", false, "also write a pool of the 0.5 style as a block")
	cmd.Flags().BoolVar(&opts.recursive, "recursive", false, "also the directories below")
	return cmd
}

func (a *App) runFmt(ctx context.Context, args []string, opts fmtOptions) error {
	if len(args) == 1 && args[0] == "-" {
		return a.formatStdin(opts)
	}
	if len(args) == 0 {
		args = []string{"."}
	}
	var files []string
	for _, arg := range args {
		found, err := hclFiles(arg, opts.recursive)
		if err != nil {
			return fmt.Errorf("cannot format %s: %w", arg, err)
		}
		files = append(files, found...)
	}
	changed := 0
	for _, file := range files {
		if err := ctx.Err(); err != nil {
			return err
		}
		differs, err := a.formatFile(file, opts)
		if err != nil {
			return err
		}
		if differs {
			changed++
		}
	}
	if opts.check && changed > 0 {
		return exitWith(exitError)
	}
	return nil
}

// rewrite returns what a file is to become.
func (o fmtOptions) rewrite(src []byte, name string) ([]byte, error) {
	if o.upgrade {
		return spec.Upgrade(src, name)
	}
	return spec.Format(src, name)
}

// formatFile formats one file and reports whether it differed.
func (a *App) formatFile(file string, opts fmtOptions) (bool, error) {
	old, err := os.ReadFile(file)
	if err != nil {
		return false, fmt.Errorf("cannot format: %w", err)
	}
	formatted, err := opts.rewrite(old, file)
	if err != nil {
		return false, fmt.Errorf("cannot format %s: %w", file, err)
	}
	if bytes.Equal(old, formatted) {
		return false, nil
	}
	fmt.Fprintln(a.Stdout, file)
	if opts.diff {
		fmt.Fprintf(a.Stdout, "%s", diff.Diff(file+" (now)", old, file+" (formatted)", formatted))
	}
	if opts.check {
		return true, nil
	}
	return true, replaceFile(file, formatted)
}

func (a *App) formatStdin(opts fmtOptions) error {
	old, err := io.ReadAll(a.Stdin)
	if err != nil {
		return fmt.Errorf("cannot read standard input: %w", err)
	}
	formatted, err := opts.rewrite(old, "standard input")
	if err != nil {
		return fmt.Errorf("cannot format standard input: %w", err)
	}
	if opts.check {
		if bytes.Equal(old, formatted) {
			return nil
		}
		return exitWith(exitError)
	}
	_, err = a.Stdout.Write(formatted)
	return err
}

// hclFiles returns the named file, or the *.hcl and *.hclvars files of the named
// directory and, with recursive, of those below it whose name begins with no dot.
func hclFiles(name string, recursive bool) ([]string, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, err
	}
	if !info.IsDir() {
		return []string{name}, nil
	}
	var files []string
	err = filepath.WalkDir(name, func(file string, entry fs.DirEntry, err error) error {
		switch ext := filepath.Ext(file); {
		case err != nil:
			return err
		case entry.IsDir() && file != name && (!recursive || strings.HasPrefix(entry.Name(), ".")):
			return fs.SkipDir
		case entry.Type().IsRegular() && (ext == ".hcl" || ext == ".hclvars"):
			files = append(files, file)
		}
		return nil
	})
	return files, err
}

// replaceFile writes text beside file and renames it over file, so that a crash
// leaves one of the two and never half of one.
func replaceFile(file string, text []byte) error {
	info, err := os.Stat(file)
	if err != nil {
		return fmt.Errorf("cannot format: %w", err)
	}
	temp, err := os.CreateTemp(filepath.Dir(file), ".fmt-*")
	if err != nil {
		return fmt.Errorf("cannot format %s: %w", file, err)
	}
	defer os.Remove(temp.Name()) // gone already when all went well
	_, err = temp.Write(text)
	if chmodErr := temp.Chmod(info.Mode().Perm()); err == nil {
		err = chmodErr
	}
	if closeErr := temp.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		err = os.Rename(temp.Name(), file)
	}
	if err != nil {
		return fmt.Errorf("cannot format %s: %w", file, err)
	}
	return nil
}
