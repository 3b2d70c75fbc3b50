package main

import (
	"bytes"
	"context"
	"embed"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/snakectl/snakectl/internal/pool"
)

//go:embed scaffold/* scaffold/new/*
var scaffold embed.FS

// scaffoldFile maps the name of a file that is written to the one it is made from:
// the tools of this repository would mind a nested .gitignore.
type scaffoldFile struct{ name, source string }

// scaffoldFiles are what `snakectl init` writes.
var scaffoldFiles = []scaffoldFile{
	{"pools.hcl", "scaffold/pools.hcl"},
	{"adapter.py", "scaffold/adapter.py"},
	{".gitignore", "scaffold/gitignore"},
}

func newInitCommand(a *App) *cobra.Command {
	return command{
		use:   "init [DIR]",
		short: "Write a first configuration and adapter",
		long: `Write pools.hcl, adapter.py and .gitignore into a directory: one pool of two workers,
named after the directory, that can be planned, applied and called as it stands. A file that exists is never
overwritten: then nothing is written and the exit code is 1.`,
		examples: [2]string{"snakectl init", "snakectl init hello"},
		args:     cobra.MaximumNArgs(1),
		run:      func(_ context.Context, args []string) error { return a.runInit(args) },
	}.cobra(a)
}

func (a *App) runInit(args []string) error {
	dir := "."
	if len(args) > 0 {
		dir = args[0]
	}
	if err := a.writeScaffold(dir, scaffoldFiles, poolNameFor(dir)); err != nil {
		return err
	}
	next := "snakectl plan"
	if dir != "." {
		next += " " + dir
	}
	a.say("Next: %s", next)
	return nil
}

// poolNameFor returns the name of the first pool: the directory's, where that can be
// one, else hello.
func poolNameFor(dir string) string {
	abs, err := filepath.Abs(dir)
	if name := filepath.Base(abs); err == nil && pool.ValidLabel(name) {
		return name
	}
	return "hello"
}

// writeScaffold writes files into a directory, all or, when one exists, none; NAME
// in them becomes name.
func (a *App) writeScaffold(dir string, files []scaffoldFile, name string) error {
	for _, file := range files {
		target := filepath.Join(dir, file.name)
		if _, err := os.Lstat(target); err == nil {
			return fmt.Errorf("cannot initialise %s: %s exists; choose another directory or move the file away", dir, target)
		} else if !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("cannot initialise %s: %w", dir, err)
		}
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("cannot initialise %s: %w", dir, err)
	}
	for _, file := range files {
		if err := writeNew(filepath.Join(dir, file.name), file.source, name); err != nil {
			return fmt.Errorf("cannot initialise %s: %w", dir, err)
		}
		fmt.Fprintf(a.Stdout, "wrote %s\n", filepath.Join(dir, file.name))
	}
	return nil
}

// writeNew writes a file that must not exist yet.
func writeNew(target, source, name string) error {
	text, err := scaffold.ReadFile(source)
	if err != nil {
		return err
	}
	text = bytes.ReplaceAll(text, []byte("NAME"), []byte(name))
	f, err := os.OpenFile(target, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	return errors.Join(err, f.Close())
}
