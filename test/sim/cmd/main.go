// Command cmd plays simulated histories and prints the oracle's table. It exits
// with 1 when an invariant was broken, after the last events of the first history
// that broke one.
package main

import (
	"bytes"
	"flag"
	"fmt"
	"io"
	"os"
	"runtime/debug"

	"github.com/snakectl/snakectl/test/sim"
)

func main() {
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) //nolint:forbidigo // this is main
}

func run(args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("sim", flag.ContinueOnError)
	flags.SetOutput(stderr)
	seeds := flags.Uint64("seeds", 20_000, "how many histories to play")
	first := flags.Uint64("first", 1, "the seed of the first")
	seed := flags.String("seed", "", "replay this seed alone, with its whole trace")
	if err := flags.Parse(args); err != nil {
		return 2
	}
	if *seed != "" {
		var n uint64
		if _, err := fmt.Sscan(*seed, &n); err != nil {
			fmt.Fprintf(stderr, "sim: -seed wants a number, not %q\n", *seed)
			return 2
		}
		result := sim.Replay(n, sim.Options{}, stdout)
		return report(&result, stdout)
	}
	debug.SetGCPercent(400) // many short lives, hardly any that lasts
	result := sim.Campaign(*first, *seeds, sim.Options{})
	code := report(&result, stdout)
	if code != 0 {
		worst := result.First[0]
		fmt.Fprintf(stdout, "\nThe last events of seed %d (all of them: make sim SEED=%d):\n", worst.Seed, worst.Seed)
		stdout.Write(sim.Tail(worst.Seed, sim.Options{}, 60))
	}
	return code
}

func report(result *sim.Result, stdout io.Writer) int {
	var table bytes.Buffer
	result.WriteTable(&table)
	if _, err := table.WriteTo(stdout); err != nil || result.Broken() {
		return 1
	}
	return 0
}
