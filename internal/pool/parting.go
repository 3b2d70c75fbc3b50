package pool

// Parting says what becomes of the workers when their supervisor ends.
type Parting string

// The partings.
const (
	// PartingStop: they finish their calls, within stop_grace, and stop.
	PartingStop Parting = "stop"
	// PartingKeep: they live on and wait for the next supervisor.
	PartingKeep Parting = "keep"
	// PartingKill: they are killed at once; calls that run fail.
	PartingKill Parting = "kill"
)

// Valid reports whether p is one of the partings.
func (p Parting) Valid() bool { return p == PartingStop || p == PartingKeep || p == PartingKill }
