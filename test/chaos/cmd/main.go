// Command cmd breaks a real supervisor by the schedule of a seed and prints the
// oracle's table. It exits with 1 when an invariant was violated.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/snakectl/snakectl/test/chaos"
	"github.com/snakectl/snakectl/test/harness"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code) //nolint:forbidigo // this is main
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("chaos", flag.ContinueOnError)
	flags.SetOutput(stderr)
	seed := flags.Uint64("seed", 0, "the seed of the schedule; 0 draws one")
	seconds := flags.Int("seconds", 60, "for how long things are broken")
	binary := flags.String("binary", "", "the program under test; built when none is named")
	dry := flags.Bool("dry-run", false, "print the schedule and do nothing")
	verbose := flags.Bool("v", false, "tell what happens while it happens")
	if err := flags.Parse(args); err != nil {
		return 2
	}
	if *seed == 0 {
		*seed = uint64(time.Now().UnixNano()) % 1_000_000
	}
	opts := chaos.Options{Binary: *binary, Seed: *seed, During: time.Duration(*seconds) * time.Second}
	if *dry {
		chaos.WriteSchedule(stdout, chaos.Plan(opts.Seed, opts.During))
		return 0
	}
	if *verbose {
		opts.Trace = stderr
	}
	if opts.Binary == "" {
		dir, err := os.MkdirTemp("", "chaos")
		if err == nil {
			defer os.RemoveAll(dir)
			opts.Binary, err = harness.Build(ctx, dir)
		}
		if err != nil {
			fmt.Fprintln(stderr, "chaos:", err)
			return 1
		}
	}
	fmt.Fprintf(stderr, "chaos: seed %d for %d seconds\n", *seed, *seconds)
	result, err := chaos.Run(ctx, opts)
	if err != nil {
		fmt.Fprintln(stderr, "chaos:", err)
		return 1
	}
	result.WriteTable(stdout)
	if result.Broken() {
		fmt.Fprintf(stdout, "\nplay it again: make chaos SEED=%d SECONDS=%d\n", *seed, *seconds)
		return 1
	}
	return 0
}
