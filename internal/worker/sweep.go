package worker

import (
	"strings"
	"syscall"
)

// Marker is the environment variable that names the incarnation a process belongs
// to. The worker's own children inherit it, also when they leave its process group
// and session, so that they can be found when the worker is gone.
const Marker = "SNAKEPIT_WORKER"

// MarkerValue returns the marker of one incarnation: the lineage of the instance's
// state, which no other instance shares, and the incarnation's address.
func MarkerValue(lineage, incarnation string) string { return lineage + ":" + incarnation }

// Sweep kills every process that carries the marker of an incarnation that is dead
// and returns how many it killed. A process that cleared its environment is not
// found. On macOS nothing is.
func Sweep(lineage string, dead func(incarnation string) bool) int {
	killed := 0
	marked(lineage+":", func(pid int, value string) {
		_, incarnation, _ := strings.Cut(value, ":")
		if dead(incarnation) && syscall.Kill(pid, syscall.SIGKILL) == nil {
			killed++
		}
	})
	return killed
}
