package library

import (
	"regexp"
	"slices"
	"strings"
)

// Use is a way of using a library.
type Use string

// The uses.
const (
	Threads      Use = "threads"       // by several threads of one process
	FreeThreaded Use = "free_threaded" // on an interpreter without a GIL
	Fork         Use = "fork"          // in processes that are forked after its import
)

// Uses lists the uses in the order in which they are shown.
var Uses = []Use{Threads, FreeThreaded, Fork}

// Verdict says how far a library fits a use.
type Verdict string

// The verdicts.
const (
	Fits    Verdict = "fits"
	Care    Verdict = "care"  // it does where what the finding says is heeded
	Unfit   Verdict = "unfit" // it does not
	Unknown Verdict = "unknown"
)

// Layer is where evidence comes from.
type Layer string

// The layers.
const (
	FromCode      Layer = "code"      // what the adapter imports
	FromLock      Layer = "lock"      // names and wheels that are to be installed
	FromInstalled Layer = "installed" // the metadata and the files of what is
	FromProbe     Layer = "probe"     // importing it in a process made for that
	FromNote      Layer = "note"      // what its project says of it
)

// Evidence is one fact that a verdict rests on.
type Evidence struct {
	Layer Layer  `json:"layer"`
	Fact  string `json:"fact"`
	// Source is the page that says so, and Checked the day it was read; of notes alone.
	Source  string `json:"source,omitempty"`
	Checked string `json:"checked,omitempty"`
}

// Finding is the verdict on one library for one use.
type Finding struct {
	Library string  `json:"library"`
	Version string  `json:"version,omitempty"`
	Use     Use     `json:"use"`
	Verdict Verdict `json:"verdict"`
	// Why is a sentence, and Remedy what can be done about it.
	Why      string     `json:"why"`
	Remedy   string     `json:"remedy,omitempty"`
	Evidence []Evidence `json:"evidence"`
}

// Library is what was found of one library.
type Library struct {
	// Name is normalized, see Normalize; of a module of the standard library its own.
	Name    string
	Version string
	// Modules are the names that it is imported by, as far as they are known.
	Modules []string
	// Installed says that the four below are of an installed package.
	Installed bool
	// Tags are those of its wheel: cp313-cp313t-linux_x86_64.
	Tags []string
	// Extensions are the files of its extension modules, below the directory they are
	// installed in.
	Extensions []string
	// FreeThreading is its classifier of that name: "2 - Beta".
	FreeThreading string
	// Probe is what was seen when it was imported; nil when it was not.
	Probe *Probe
	// Wheel is the file that a directory of wheels has of it, while it is not installed.
	Wheel string
}

// Probe is what importing a library's modules on a free-threaded interpreter did.
type Probe struct {
	// Culprit is the extension module that turned the GIL on; "" when it stayed off.
	Culprit string `json:"culprit,omitempty"`
	// Imported counts the extension modules that were, and Failure says why one was not.
	Imported int    `json:"imported"`
	Failure  string `json:"failure,omitempty"`
}

// Python is the interpreter that libraries are judged for.
type Python struct {
	Version      string
	FreeThreaded bool
}

var separators = regexp.MustCompile(`[-_.]+`)

// Normalize returns the name of a distribution as it is compared: Scikit_Learn is
// scikit-learn.
func Normalize(name string) string {
	return strings.ToLower(separators.ReplaceAllString(strings.TrimSpace(name), "-"))
}

// Noted reports whether there is a note on the library that a module belongs to.
func Noted(module string) bool {
	top, _, _ := strings.Cut(module, ".")
	return slices.ContainsFunc(subjects, func(s subject) bool { return slices.Contains(s.modules, top) })
}

// Find returns the library among all that a module belongs to, nil when none is known to.
// The module may be one of the standard library that there is a note on.
func Find(all []Library, module string) *Library {
	top, _, _ := strings.Cut(module, ".")
	for i := range all {
		if slices.Contains(all[i].Modules, top) || Normalize(top) == all[i].Name {
			return &all[i]
		}
	}
	for _, s := range subjects {
		if slices.Contains(s.modules, top) {
			for i := range all {
				if slices.Contains(s.names, all[i].Name) {
					return &all[i]
				}
			}
			if len(s.names) == 0 {
				return &Library{Name: top, Modules: []string{top}}
			}
		}
	}
	return nil
}
