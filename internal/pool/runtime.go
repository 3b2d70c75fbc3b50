package pool

// Runtime is a Python environment: an interpreter that the CLI found and probed, and
// the packages that are to be installed for it.
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
	// version text, ABI tag, platform), or the key of the environment. It is part of
	// the launch hash.
	Fingerprint string `json:"fingerprint"`
	// Environment is what is installed for the interpreter; nil for nothing.
	Environment *Environment `json:"environment,omitempty"`
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
	FreeThreaded *bool  `json:"free_threaded"`
	Requirements string `json:"requirements"`
	// Pyproject is the directory of a pyproject.toml, below the configuration's.
	Pyproject  string   `json:"pyproject"`
	Packages   []string `json:"packages"`
	FindLinks  []string `json:"find_links"`
	Offline    bool     `json:"offline"`
	Installer  string   `json:"installer"`
	AllowSdist bool     `json:"allow_sdist"`
}

// The installers of packages.
const (
	InstallerAuto = "auto"
	InstallerUV   = "uv"
	InstallerPip  = "pip"
)

// Installs reports whether the block asks for packages.
func (s *RuntimeSpec) Installs() bool {
	return s.Requirements != "" || s.Pyproject != "" || len(s.Packages) > 0
}

// Environment is what is to be installed, described so that whoever builds it can
// prove that it is what was planned.
type Environment struct {
	// Key is the hex SHA-256 over everything that decides what is installed. It is the
	// name of the environment's directory.
	Key string `json:"key"`
	// Root is the absolute directory that the paths below start from.
	Root string `json:"root"`
	// Requirements is the file that is installed, "" for Packages alone, and Files maps
	// it and what it includes to the hex SHA-256 of its bytes.
	Requirements string            `json:"requirements,omitempty"`
	Files        map[string]string `json:"files,omitempty"`
	// Named counts the packages that are named; Hashed says that each has a hash.
	Named  int  `json:"named"`
	Hashed bool `json:"hashed,omitempty"`
	// FindLinks are absolute directories, and Wheels the hash of what lies in them.
	FindLinks []string `json:"find_links,omitempty"`
	Wheels    string   `json:"wheels,omitempty"`
}
