// Package planfile reads and writes saved plans: zip files that hold a plan, what it
// was made from, and the configuration for people to read. Equal contents give equal
// bytes. A file is distrusted when it is read: it may come from anywhere.
package planfile

import (
	"encoding/json"

	"github.com/snakectl/snakectl/internal/planner"
	"github.com/snakectl/snakectl/internal/pool"
)

// Format is the format of the files that this package writes and reads.
const Format = 1

// The limits of a plan file, in bytes and files. Both directions hold to them.
const (
	MaxBytes   = 16 << 20 // unpacked, all together
	MaxEntries = 64
)

// The names of the entries.
const (
	entryManifest = "manifest.json"
	entryPlan     = "plan.json"
	entryDesired  = "desired.json"
	entryObserved = "observed.json"
	entryVars     = "vars.json"
	configDir     = "config/"
)

// Manifest is what is known of a plan file before anything else is read.
type Manifest struct {
	Format int `json:"format"`
	// Version is the release that wrote the file, for people.
	Version string `json:"version"`
	// Lineage and BaseRevision are those of the plan.
	Lineage      string `json:"lineage"`
	BaseRevision uint64 `json:"base_revision"`
	// Root is the absolute directory of the configuration, "" for a destroy.
	Root string `json:"root,omitempty"`
	// Title names what was read: "pools.hcl: 2 pools, 1 runtime".
	Title string `json:"title"`
	// Message is a note for the history.
	Message string `json:"message,omitempty"`
	// Files maps every other entry to the hex SHA-256 of its bytes.
	Files map[string]string `json:"files"`
}

// File is a saved plan.
type File struct {
	Manifest Manifest
	Plan     planner.Plan
	// Desired is what was wanted, before the options of the plan; nil for a destroy.
	Desired *pool.Desired
	// Observed is what it was compared with.
	Observed pool.Observed
	// Variables are the values of the configuration's variables; nil for a sensitive one.
	Variables map[string]json.RawMessage
	// Config are the files of the configuration, by a name below its directory.
	Config map[string][]byte
}
