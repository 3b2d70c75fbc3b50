//go:build race

package sim_test

// histories is how many TestHistories plays: few with the race detector, which has
// nothing to find in a history (one goroutine) and makes it ten times as long.
const histories = 300
