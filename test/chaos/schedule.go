package chaos

import (
	"fmt"
	"io"
	"math/rand/v2"
	"time"
)

// Kind is what a disturbance does.
type Kind string

// The kinds of disturbances: faults first, then what an operator does.
const (
	KillWorker        Kind = "kill a worker"
	CrashWorker       Kind = "segfault a worker"
	FreezeWorker      Kind = "freeze a worker"
	KillSupervisor    Kind = "kill the supervisor"
	FreezeSupervisor  Kind = "freeze the supervisor"
	KillCommand       Kind = "kill a command"
	Disconnect        Kind = "clients that disconnect"
	ExhaustFiles      Kind = "exhaust descriptors"
	FillDisk          Kind = "fill the disk"
	Apply             Kind = "apply"
	Rollback          Kind = "apply the former"
	Scale             Kind = "scale"
	Recycle           Kind = "recycle"
	Pause             Kind = "pause and resume"
	RestartSupervisor Kind = "restart the supervisor"
)

// weights say how often each kind is drawn, in the order of the table.
var weights = []struct {
	kind           Kind
	weight         int
	shortest, most time.Duration // how long it lasts
}{
	{KillWorker, 18, 0, 0},
	{CrashWorker, 7, 0, 0},
	{FreezeWorker, 8, 100 * time.Millisecond, 2 * time.Second},
	{KillSupervisor, 4, 0, 600 * time.Millisecond},
	{FreezeSupervisor, 2, 100 * time.Millisecond, 1500 * time.Millisecond},
	{KillCommand, 10, time.Millisecond, 150 * time.Millisecond},
	{Disconnect, 8, 0, 300 * time.Millisecond},
	{ExhaustFiles, 3, 300 * time.Millisecond, 1500 * time.Millisecond},
	{FillDisk, 3, 300 * time.Millisecond, 1500 * time.Millisecond},
	{Apply, 9, 0, 0},
	{Rollback, 4, 0, 0},
	{Scale, 7, 0, 0},
	{Recycle, 7, 0, 0},
	{Pause, 5, 50 * time.Millisecond, 800 * time.Millisecond},
	{RestartSupervisor, 2, 0, 0},
}

// Kinds returns all kinds in the order of the table.
func Kinds() []Kind {
	var out []Kind
	for _, w := range weights {
		out = append(out, w.kind)
	}
	return out
}

// Disturbance is one entry of a schedule.
type Disturbance struct {
	// At is when it begins, Length how long it lasts.
	At, Length time.Duration
	Kind       Kind
	// Pool is what it aims at, empty where that means nothing.
	Pool string
	// Pick chooses among what is there when it strikes: which worker, which command,
	// which size. For Apply and Rollback it is the variant of the configuration.
	Pick uint64
}

// String returns the disturbance in one line.
func (d Disturbance) String() string {
	text := fmt.Sprintf("%9.3fs  %-24s", d.At.Seconds(), d.Kind)
	if d.Pool != "" {
		text += fmt.Sprintf("  pool %-8s", d.Pool)
	}
	if d.Length > 0 {
		text += fmt.Sprintf("  for %s", d.Length.Round(time.Millisecond))
	}
	return text + fmt.Sprintf("  pick %d", d.Pick)
}

// Plan returns the schedule of a seed: about three disturbances a second until the
// time is over. Equal arguments give equal schedules.
func Plan(seed uint64, during time.Duration) []Disturbance {
	rng := rand.New(rand.NewPCG(seed, 0x63686174))
	total := 0
	for _, w := range weights {
		total += w.weight
	}
	applied := []uint64{0}
	var out []Disturbance
	for at := between(rng, 0, time.Second); at < during; at += between(rng, 30*time.Millisecond, 600*time.Millisecond) {
		n, chosen := rng.IntN(total), weights[0]
		for _, w := range weights {
			if chosen = w; n < w.weight {
				break
			}
			n -= w.weight
		}
		d := Disturbance{At: at, Kind: chosen.kind, Length: between(rng, chosen.shortest, chosen.most), Pick: uint64(rng.Uint32())}
		switch d.Kind {
		case KillWorker, CrashWorker, FreezeWorker, Scale, Pause:
			d.Pool = disturbed[rng.IntN(len(disturbed))]
		case Recycle:
			d.Pool = declared[rng.IntN(len(declared))]
		case Apply:
			applied = append(applied, d.Pick)
		case Rollback:
			d.Pick = applied[max(0, len(applied)-2)]
			applied = append(applied, d.Pick)
		default:
		}
		out = append(out, d)
	}
	return out
}

func between(rng *rand.Rand, least, most time.Duration) time.Duration {
	return least + time.Duration(rng.Int64N(int64(most-least)+1))
}

// WriteSchedule prints a schedule, one disturbance a line.
func WriteSchedule(out io.Writer, schedule []Disturbance) {
	for _, d := range schedule {
		fmt.Fprintln(out, d)
	}
}
