package pool

// Runtime is a Python environment: an interpreter that the CLI found and probed.
type Runtime struct {
	Name string `json:"name"`
	// Declared is the block as the configuration has it; empty for the implied runtime.
	Declared RuntimeSpec `json:"declared,omitzero"`
	// Interpreter is the absolute path that starts it; for a virtual environment
	// that is the path inside the environment, never its link's target.
	Interpreter string `json:"interpreter"`
	// Version is X.Y.Z as the interpreter itself reports it.
	Version string `json:"version"`
	// FreeThreaded is true for a build without the GIL.
	FreeThreaded bool `json:"free_threaded"`
	// Fingerprint is the hex SHA-256 over the interpreter's identity (real path,
	// version text, ABI tag, platform). It is part of the
	// launch hash.
	Fingerprint string `json:"fingerprint"`
}

// Python names the version as people write it: 3.13.1, or 3.13.1t without the GIL.
func (r *Runtime) Python() string {
	if r.FreeThreaded {
		return r.Version + "t"
	}
	return r.Version
}

// RuntimeSpec is a runtime block. Each field is a row of RuntimeSchema.
type RuntimeSpec struct {
	Interpreter string `json:"interpreter"`
	Version     string `json:"version"`
	// FreeThreaded is nil when the block does not say.
	FreeThreaded *bool `json:"free_threaded"`
}
