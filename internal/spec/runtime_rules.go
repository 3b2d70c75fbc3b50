package spec

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

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
	r.checkPackages()
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

// checkPackages checks what is to be installed, and refuses what would be of no effect.
func (r runtimeRules) checkPackages() {
	s := r.spec
	switch {
	case s.Requirements != "" && len(s.Packages) > 0:
		r.fail("packages", "requirements and packages exclude each other. Write the packages into %s.", s.Requirements)
	case s.Pyproject != "" && (s.Requirements != "" || len(s.Packages) > 0):
		r.fail("pyproject", "pyproject excludes requirements and packages. Write all dependencies into its pyproject.toml.")
	}
	if !s.Installs() {
		for _, path := range []string{"find_links", "offline", "installer", "allow_sdist"} {
			if r.isSet(path) {
				r.fail(path, "%s is of no use without requirements, pyproject or packages, which say what to install.", path)
			}
		}
	}
	for _, name := range s.Packages {
		if text := strings.TrimSpace(name); text == "" || strings.HasPrefix(text, "-") || strings.ContainsAny(text, "\n\x00") {
			r.fail("packages", "%q is not a package. Options of the installer have attributes of their own, or stand in a file of requirements.", clip(name))
		}
	}
	r.checkRequirements()
	if s.Offline && len(s.FindLinks) == 0 {
		r.fail("offline", "Without an index packages come from find_links alone, and there are none. Set find_links.")
	}
	for _, dir := range s.FindLinks {
		if !isDir(absolute(r.root, dir)) {
			r.fail("find_links", "%q is not a directory in %s.", dir, r.root)
		}
	}
}

// checkRequirements makes the paths of what lists packages relative, and sees whether they
// lead anywhere.
func (r runtimeRules) checkRequirements() {
	s := r.spec
	if s.Requirements != "" {
		s.Requirements = r.below("requirements", s.Requirements)
		switch name := filepath.Base(s.Requirements); {
		case name == "pyproject.toml":
			r.fail("requirements", "%s is no list of requirements. Write pyproject = %q to install its dependencies.", name, filepath.Dir(s.Requirements))
		case !isFile(filepath.Join(r.root, s.Requirements)):
			r.fail("requirements", "There is no file %s in %s.", s.Requirements, r.root)
		}
	}
	if s.Pyproject != "" {
		s.Pyproject = r.below("pyproject", s.Pyproject)
		if !isFile(filepath.Join(r.root, s.Pyproject, "pyproject.toml")) {
			r.fail("pyproject", "There is no pyproject.toml in %s.", filepath.Join(r.root, s.Pyproject))
		}
	}
}

// below returns a path relative to the configuration's directory, inside of which it
// has to lie.
func (r runtimeRules) below(attribute, path string) string {
	rel := filepath.Clean(path)
	if filepath.IsAbs(rel) {
		if inside, err := filepath.Rel(r.root, rel); err == nil {
			rel = inside
		}
	}
	if !filepath.IsLocal(rel) {
		r.fail(attribute, "%q lies outside the configuration's directory.", path)
	}
	return filepath.ToSlash(rel)
}

func absolute(root, path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(root, path)
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}
