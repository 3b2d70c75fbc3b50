package runtime

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/snakectl/snakectl/internal/library"
	"github.com/snakectl/snakectl/internal/pool"
)

// Survey is what is known of the libraries of a runtime.
type Survey struct {
	Libraries []library.Library
	// Installed says that they are there; those of an environment that is not built yet
	// are what its block and its files name.
	Installed bool
}

// Survey returns what is known of the libraries of a runtime. It reads files; only where
// packages lie that no environment holds it asks the interpreter.
func (s Store) Survey(ctx context.Context, rt pool.Runtime) (Survey, error) {
	if rt.Environment != nil && !s.Has(rt.Environment.Key) {
		named, err := namedLibraries(rt)
		return Survey{Libraries: named}, err
	}
	dirs, err := s.sites(ctx, rt)
	if err != nil {
		return Survey{}, fmt.Errorf("cannot tell where %s has its packages: %w", rt.Name, err)
	}
	out := Survey{Installed: true}
	for _, dir := range dirs {
		found, err := distributions(dir)
		if err != nil {
			return Survey{}, fmt.Errorf("cannot read the packages of %s: %w", rt.Name, err)
		}
		for i := range found { // the first one on the path is imported
			if !slices.ContainsFunc(out.Libraries, func(l library.Library) bool { return l.Name == found[i].Name }) {
				out.Libraries = append(out.Libraries, found[i])
			}
		}
	}
	if rt.Environment != nil {
		s.recall(rt.Environment.Key, out.Libraries)
	}
	return out, nil
}

// sites returns the directories that the packages of a runtime lie in.
func (s Store) sites(ctx context.Context, rt pool.Runtime) ([]string, error) {
	if rt.Environment != nil {
		return filepath.Glob(filepath.Join(s.Path(rt.Environment.Key), "lib", "python*", "site-packages"))
	}
	ctx, cancel := context.WithTimeout(ctx, probeLimit)
	defer cancel()
	cmd := exec.CommandContext(ctx, rt.Interpreter, "-c", `import sys; print("\n".join(sys.path))`)
	cmd.Env, cmd.Dir = environ(), os.TempDir()
	out, err := cmd.Output()
	if err != nil {
		return nil, err
	}
	var dirs []string
	for line := range strings.Lines(string(out)) {
		if dir := strings.TrimSpace(line); strings.HasSuffix(dir, "-packages") && !slices.Contains(dirs, dir) {
			dirs = append(dirs, dir)
		}
	}
	return dirs, nil
}

// distributions reads what is installed in a directory, sorted by file name.
func distributions(dir string) ([]library.Library, error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var out []library.Library
	for _, e := range entries {
		stem, ok := strings.CutSuffix(e.Name(), ".dist-info")
		if !ok {
			stem, ok = strings.CutSuffix(e.Name(), ".egg-info") // how distributions of Linux install; it lists no files
		}
		if !ok {
			continue
		}
		name, version, _ := strings.Cut(stem, "-")
		l := library.Library{Name: library.Normalize(name), Version: version, Installed: true}
		at := filepath.Join(dir, e.Name())
		fields(filepath.Join(at, "WHEEL"), func(key, value string) {
			if key == "Tag" {
				l.Tags = append(l.Tags, value)
			}
		})
		fields(filepath.Join(at, "METADATA"), func(key, value string) {
			if classifier, ok := strings.CutPrefix(value, "Programming Language :: Python :: Free Threading :: "); key == "Classifier" && ok {
				l.FreeThreading = classifier
			}
		})
		readRecord(filepath.Join(at, "RECORD"), &l)
		out = append(out, l)
	}
	return out, nil
}

// fields calls take for each line "Key: value" of the head of a file. One that cannot be
// read has none.
func fields(path string, take func(key, value string)) {
	eachLine(path, func(line string) bool {
		key, value, ok := strings.Cut(line, ": ")
		if ok {
			take(key, strings.TrimSpace(value))
		}
		return line != ""
	})
}

// eachLine calls take for each line of a file until it returns false.
func eachLine(path string, take func(line string) bool) {
	f, err := os.Open(path)
	if err != nil {
		return
	}
	defer f.Close()
	const longest = 1 << 20
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, longest)
	for lines.Scan() && take(strings.TrimSuffix(lines.Text(), "\r")) {
	}
}

// readRecord takes from the list of a package's files what is imported by which name, and
// which files are extension modules.
func readRecord(path string, l *library.Library) {
	eachLine(path, func(line string) bool {
		file, _, _ := strings.Cut(line, ",")
		top, rest, below := strings.Cut(file, "/")
		module := ""
		switch {
		case strings.HasSuffix(top, ".dist-info"), strings.HasSuffix(top, ".data"), strings.HasPrefix(file, "../"), top == "__pycache__":
			return true
		case below && rest != "" && !strings.HasSuffix(top, ".libs"):
			module = top
		case !below && strings.HasSuffix(file, ".py"):
			module = strings.TrimSuffix(file, ".py")
		case !below && isExtension(file):
			module, _, _ = strings.Cut(file, ".")
		}
		if module != "" && !slices.Contains(l.Modules, module) {
			l.Modules = append(l.Modules, module)
		}
		if isExtension(file) && !strings.HasSuffix(top, ".libs") {
			l.Extensions = append(l.Extensions, file)
		}
		return true
	})
}

// isExtension reports whether a file can be imported as an extension module. A library
// that such a module is linked with has a name of another form: libfoo-1234.so.2.
func isExtension(file string) bool {
	stem, ok := strings.CutSuffix(filepath.Base(file), ".so")
	return ok && (strings.Contains(stem, ".") || !strings.HasPrefix(stem, "lib"))
}

var requirement = regexp.MustCompile(`^([A-Za-z0-9][A-Za-z0-9._-]*)\s*(?:\[[^\]]*\])?\s*(?:===?\s*([0-9][^\s;,*]*))?`)

// namedLibraries returns what an environment is going to hold, as far as it is named.
func namedLibraries(rt pool.Runtime) ([]library.Library, error) {
	var out []library.Library
	take := func(line string) {
		m := requirement.FindStringSubmatch(line)
		if m == nil {
			return
		}
		l := library.Library{Name: library.Normalize(m[1]), Version: m[2]}
		if !slices.ContainsFunc(out, func(o library.Library) bool { return o.Name == l.Name }) {
			out = append(out, l)
		}
	}
	for _, name := range rt.Declared.Packages {
		take(name)
	}
	for name := range rt.Environment.Files {
		text, err := os.ReadFile(filepath.Join(rt.Environment.Root, filepath.FromSlash(name)))
		if err != nil {
			return nil, err
		}
		for _, line := range logicalLines(string(text)) {
			take(line)
		}
	}
	for i := range out {
		out[i].Wheel = wheelOf(&out[i], rt.Environment.FindLinks)
	}
	slices.SortFunc(out, func(a, b library.Library) int { return strings.Compare(a.Name, b.Name) })
	return out, nil
}

// wheelOf returns the wheel that directories have of a library, "" for none.
func wheelOf(l *library.Library, dirs []string) string {
	for _, dir := range dirs {
		entries, err := os.ReadDir(dir)
		if err != nil {
			continue
		}
		for _, e := range entries {
			name, rest, _ := strings.Cut(e.Name(), "-")
			version, _, _ := strings.Cut(rest, "-")
			if strings.HasSuffix(rest, ".whl") && library.Normalize(name) == l.Name && (l.Version == "" || l.Version == version) {
				return e.Name()
			}
		}
	}
	return ""
}
