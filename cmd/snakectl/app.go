package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/user"
	"strings"

	"golang.org/x/term"

	"github.com/snakectl/snakectl/client"
)

// App is the program with everything it takes from outside. Its fields are set
// before Run and not changed afterwards; Run may be called once.
type App struct {
	Stdin  io.Reader
	Stdout io.Writer
	Stderr io.Writer
	// Env is the environment as KEY=VALUE.
	Env []string
	// StdinTTY, StdoutTTY and StderrTTY say which streams a person looks at.
	StdinTTY  bool
	StdoutTTY bool
	StderrTTY bool
	// Width is the terminal's width in columns; 0 when unknown.
	Width int
	// Version and Commit are what `snakectl version` prints; Commit may be empty.
	Version string
	Commit  string
	// Interrupts carries SIGINT and SIGTERM. A command ends on the first, unless
	// it gives the first one a meaning of its own.
	Interrupts <-chan os.Signal
	// Executable is the program that is started as the supervisor.
	Executable string

	global globalOptions
}

// globalOptions are the flags that every command takes.
type globalOptions struct {
	instance string
	noStart  bool
	noColor  bool
	quiet    bool
}

// NewApp returns the program on the streams and environment of this process.
func NewApp(version string, interrupts <-chan os.Signal) *App {
	a := &App{
		Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr,
		Env:       os.Environ(),
		StdinTTY:  term.IsTerminal(int(os.Stdin.Fd())),
		StdoutTTY: term.IsTerminal(int(os.Stdout.Fd())),
		StderrTTY: term.IsTerminal(int(os.Stderr.Fd())),
		Version:   version, Interrupts: interrupts,
	}
	if a.StdoutTTY {
		a.Width, _, _ = term.GetSize(int(os.Stdout.Fd()))
	}
	a.Executable, _ = os.Executable()
	return a
}

// Run executes one command line and returns the exit code. Whatever goes wrong
// is told on Stderr, once.
func (a *App) Run(ctx context.Context, args []string) int {
	root := newRootCommand(a)
	root.SetArgs(args)
	root.SetIn(a.Stdin)
	root.SetOut(a.Stdout)
	root.SetErr(a.Stderr)
	return a.report(root.ExecuteContext(ctx))
}

// report tells the error and returns the exit code it stands for.
func (a *App) report(err error) int {
	if err == nil {
		return exitOK
	}
	code := exitError
	if coded, ok := errors.AsType[*codedError](err); ok {
		if code = coded.code; coded.err == nil {
			return code
		}
	}
	if errors.Is(err, context.Canceled) {
		fmt.Fprintln(a.Stderr, "Interrupted.")
		return exitInterrupted
	}
	fmt.Fprintln(a.Stderr, a.errorWord()+err.Error())
	return code
}

// say writes a line of talk to Stderr, unless --quiet.
func (a *App) say(format string, args ...any) {
	if !a.global.quiet {
		fmt.Fprintf(a.Stderr, format+"\n", args...)
	}
}

// getenv returns the value of an environment variable, "" when it is not set.
func (a *App) getenv(name string) string {
	for _, pair := range a.Env {
		if key, value, _ := strings.Cut(pair, "="); key == name {
			return value
		}
	}
	return ""
}

// colored reports whether a stream may be coloured.
func (a *App) colored(tty bool) bool {
	return tty && !a.global.noColor && a.getenv("NO_COLOR") == "" && a.getenv("TERM") != "dumb"
}

// errorWord begins an error on Stderr.
func (a *App) errorWord() string {
	const word = "Error: "
	if !a.colored(a.StderrTTY) {
		return word
	}
	return "\x1b[" + red + "m" + word + "\x1b[0m"
}

// interruptible returns a context that ends with the first interrupt. The
// function it returns must be called.
func (a *App) interruptible(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		select {
		case <-a.Interrupts:
			cancel()
		case <-ctx.Done():
		}
	}()
	return ctx, cancel
}

// client returns a client of the instance's supervisor; it connects when used.
func (a *App) client(options ...client.Option) (*client.Client, error) {
	dir, err := a.instanceDir()
	if err != nil {
		return nil, err
	}
	return client.New(socketPath(dir), options...), nil
}

// by returns who is asking, for the history: user@host.
func (a *App) by() string {
	name := "unknown"
	if u, err := user.Current(); err == nil && u.Username != "" {
		name = u.Username
	}
	host, err := os.Hostname()
	if err != nil {
		host = "localhost"
	}
	return name + "@" + host
}
