package spec

import (
	"fmt"

	"github.com/hashicorp/hcl/v2"

	"github.com/snakectl/snakectl/internal/pool"
)

// runtimeRules checks one runtime block for what no single row of the schema can say.
type runtimeRules struct {
	*loader
	spec   *pool.RuntimeSpec
	header hcl.Range
	places map[string]place
}

func (l *loader) checkRuntime(spec *pool.RuntimeSpec, header hcl.Range, places map[string]place) {
	r := runtimeRules{l, spec, header, places}
	r.checkInterpreter()
	r.checkVersions()
}

func (r runtimeRules) fail(path, format string, args ...any) {
	at := r.header
	if p, ok := r.places[path]; ok {
		at = p.at
	}
	r.errorAt(at, "", fmt.Sprintf("Wrong value for %q", path), format, args...)
}

func (r runtimeRules) isSet(path string) bool {
	_, ok := r.places[path]
	return ok
}

// checkInterpreter leaves the default of interpreter only where no version says what to
// look for.
func (r runtimeRules) checkInterpreter() {
	switch {
	case r.isSet("interpreter") && r.spec.Interpreter == "":
		r.fail("interpreter", "It is empty. Name the Python to start, such as \"python3.12\" or \"./venv/bin/python\", or say which version to look for: version = \"3.12\".")
	case !r.isSet("interpreter") && (r.isSet("version") || r.isSet("free_threaded")):
		r.spec.Interpreter = ""
	}
}

// checkVersions checks the version, and what it says of the GIL against free_threaded.
func (r runtimeRules) checkVersions() {
	if !r.isSet("version") {
		return
	}
	versions, err := pool.ParsePythonVersions(r.spec.Version)
	if err != nil {
		r.fail("version", "%v. Write a version such as \"3.13\", a range such as \">=3.12, <3.15\", or \"3.13t\" for a build without the GIL.", err)
		return
	}
	if threaded := r.spec.FreeThreaded; threaded != nil && !*threaded && versions.FreeThreaded {
		r.fail("free_threaded", "free_threaded = false and version = %q contradict each other: the t asks for a build without the GIL. Remove one of them.", r.spec.Version)
	}
}
