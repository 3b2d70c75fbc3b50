package pool

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// maxCPU is the highest number that a processor may have.
const maxCPU = 1023

// Devices are the processors and GPUs that workers get. Each item is a set; the places
// of the pool take them in turn, place 0 the first one.
type Devices struct {
	CPUs []string `json:"cpus"`
	GPUs []string `json:"gpus"`
}

// CPUs returns the processors that the worker in a place may run on; nil means any.
func (p *Pool) CPUs(place int) []int {
	set := turn(p.Devices.CPUs, place)
	if set == "" {
		return nil
	}
	cpus, err := ParseCPUs(set)
	if err != nil {
		panic("internal error: a set of processors was not checked: " + err.Error())
	}
	return cpus
}

// turn returns the item that a place takes, "" of none.
func turn(items []string, place int) string {
	if len(items) == 0 {
		return ""
	}
	return items[place%len(items)]
}

// ParseCPUs reads a set of processors, such as "0-3,6", and returns their numbers in
// order.
func ParseCPUs(text string) ([]int, error) {
	var cpus []int
	for part := range strings.SplitSeq(text, ",") {
		from, to, ranged := strings.Cut(strings.TrimSpace(part), "-")
		low, err := strconv.Atoi(strings.TrimSpace(from))
		high := low
		if err == nil && ranged {
			high, err = strconv.Atoi(strings.TrimSpace(to))
		}
		switch {
		case err != nil || low < 0 || high < low || high > maxCPU:
			return nil, fmt.Errorf("%q is not a set of processors: write numbers and ranges such as \"0\", \"0-3\" or \"0,2\"", text)
		}
		for cpu := low; cpu <= high; cpu++ {
			if slices.Contains(cpus, cpu) {
				return nil, fmt.Errorf("%q names processor %d twice", text, cpu)
			}
			cpus = append(cpus, cpu)
		}
	}
	slices.Sort(cpus)
	return cpus, nil
}
