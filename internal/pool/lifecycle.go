package pool

// Lifecycle says when workers are replaced though nothing is wrong with them. A
// zero limit is off.
type Lifecycle struct {
	TTL          Duration `json:"ttl"`
	IdleTTL      Duration `json:"idle_ttl"`
	MaxRequests  int      `json:"max_requests"`
	MinLifetime  Duration `json:"min_lifetime"`
	Jitter       float64  `json:"jitter"`
	MaxRecycling Share    `json:"max_recycling"`
}
