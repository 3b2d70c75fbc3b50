package pool

// Effect says what a change of an attribute does to running workers.
type Effect string

// The effects, mildest first.
const (
	// EffectStored changes nothing that runs: the value is only kept.
	EffectStored Effect = "stored"
	// EffectPlan changes nothing that runs: plans and applies heed it.
	EffectPlan Effect = "plan"
	// EffectLive is taken up at once and touches no worker.
	EffectLive Effect = "live"
	// EffectSize starts or drains the difference.
	EffectSize Effect = "size"
	// EffectRoll replaces the workers: it is part of the launch hash.
	EffectRoll Effect = "roll"
	// EffectAddress marks what makes addresses and has no value of its own.
	EffectAddress Effect = "address"
)
