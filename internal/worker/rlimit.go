package worker

import "fmt"

// HardLimitError says that a process may not have as many open files.
type HardLimitError struct{ Want, Hard uint64 }

// Error tells both figures.
func (e *HardLimitError) Error() string {
	return fmt.Sprintf("limits.nofile is %d, above the hard limit of the supervisor, which is %d", e.Want, e.Hard)
}
