//go:build !race

package sim_test

// histories is how many TestHistories plays.
const histories = 3000
