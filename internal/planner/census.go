package planner

import "github.com/snakectl/snakectl/internal/pool"

// census is what becomes of the workers of one pool, place by place.
type census struct {
	delta WorkerDelta
	// repaired lists the quarantined places that are filled again.
	repaired []int
	// asked lists the places whose workers are replaced on request alone.
	asked []int
	// quarantined and strangers are the drift: places without a worker because
	// theirs died too often, and workers of a launch hash that was not accepted.
	quarantined []pool.ObservedPlace
	strangers   int
}

// takeCensus counts what a change from old to size places means, when the
// accepted launch hash is was and the desired one is want.
//
// A place that nothing is known of, or whose worker is leaving, counts as one
// that holds the accepted launch hash: its worker is on its way back. A place
// whose worker died counts as what it holds, so that a crash between a plan and
// its apply changes no count.
//
// ask reports the places whose workers are to be replaced though they hold the desired
// launch hash.
func takeCensus(places []pool.ObservedPlace, old, size int, was, want string, ask func(place int) bool) census {
	held, quarantined := holders(places, want)
	var c census
	for place := range max(old, size) {
		lost, isLost := quarantined[place]
		hash, known := held[place]
		if !known {
			hash = was
		}
		if place < old && isLost {
			c.quarantined = append(c.quarantined, lost)
		}
		if place < old && !isLost && hash != was {
			c.strangers++
		}
		switch {
		case place >= size && !isLost:
			c.delta.Drain++
		case place >= size:
		case place >= old:
			c.delta.Start++
		case isLost:
			c.delta.Start++
			c.repaired = append(c.repaired, place)
		case hash != want:
			c.delta.Replace++
		case ask(place):
			c.delta.Replace++
			c.asked = append(c.asked, place)
		default:
			c.delta.Keep++
		}
	}
	return c
}

// holders returns the launch hash that each place holds and the places that are
// quarantined. Where two workers serve one place, as they do
// while it is rolled, the one with the wanted hash counts.
func holders(places []pool.ObservedPlace, want string) (map[int]string, map[int]pool.ObservedPlace) {
	held, quarantined := map[int]string{}, map[int]pool.ObservedPlace{}
	for _, p := range places {
		switch {
		case p.State == pool.WorkerQuarantined:
			quarantined[p.Place] = p
		case (serves(p.State) || p.State == pool.WorkerExited) && p.LaunchHash != "" && held[p.Place] != want:
			held[p.Place] = p.LaunchHash
		}
	}
	return held, quarantined
}

// serves reports whether a worker in this state fills its place or is about to.
func serves(s pool.WorkerState) bool {
	return s.Alive() && s != pool.WorkerDraining && s != pool.WorkerStopping
}

// nobody asks for a replacement.
func nobody(int) bool { return false }
