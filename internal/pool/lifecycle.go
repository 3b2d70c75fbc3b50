package pool

// Lifecycle says when workers are replaced though nothing is wrong with them. A
// zero limit is off.
type Lifecycle struct {
	TTL           Duration `json:"ttl"`
	IdleTTL       Duration `json:"idle_ttl"`
	MaxRequests   int      `json:"max_requests"`
	MaxMemory     Size     `json:"max_memory"`
	MinLifetime   Duration `json:"min_lifetime"`
	Jitter        float64  `json:"jitter"`
	CheckInterval Duration `json:"check_interval"`
	MaxRecycling  Share    `json:"max_recycling"`
}

// Health says how workers are asked whether they still answer.
type Health struct {
	Interval Duration `json:"interval"`
	Timeout  Duration `json:"timeout"`
	Misses   int      `json:"misses"`
	// Command is executed by idle workers, empty for none.
	Command string `json:"command"`
}
