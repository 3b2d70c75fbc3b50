package runtime

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Bounds of a file of requirements with all that it includes.
const (
	maxLockBytes = 16 << 20
	maxLockFiles = 256
)

// lock is a file of requirements with everything that it includes.
type lock struct {
	// files maps a slash-separated path below the root to the hash of its bytes.
	files map[string]string
	// named counts requirements, and hashed says that at least one has a hash.
	named  int
	hashed bool
}

// lockReader reads the files of one lock.
type lockReader struct {
	root  string
	sdist bool
	lock  lock
	bytes int64
	// open are the files on the way to the one that is read: one that includes itself
	// is an error.
	open []string
}

// readLock reads the file of requirements at name, below root.
func readLock(root, name string, allowSdist bool) (lock, error) {
	r := lockReader{root: root, sdist: allowSdist, lock: lock{files: map[string]string{}}}
	if err := r.file(name, ""); err != nil {
		return lock{}, err
	}
	if r.lock.named == 0 {
		return lock{}, fmt.Errorf("%s names no package", name)
	}
	return r.lock, nil
}

// file reads one file; from says which line includes it.
func (r *lockReader) file(name, from string) error {
	if slices.Contains(r.open, name) {
		return fmt.Errorf("%s%s includes itself", from, name)
	}
	if _, seen := r.lock.files[name]; seen {
		return nil
	}
	text, err := r.take(name, from)
	if err != nil {
		return err
	}
	r.open = append(r.open, name)
	defer func() { r.open = r.open[:len(r.open)-1] }()
	for number, line := range logicalLines(string(text)) {
		if err := r.line(name, line); err != nil {
			return fmt.Errorf("%s line %d: %w", name, number, err)
		}
	}
	return nil
}

// take reads the bytes of a file and notes their hash.
func (r *lockReader) take(name, from string) ([]byte, error) {
	if !filepath.IsLocal(filepath.FromSlash(name)) {
		return nil, fmt.Errorf("%s%s lies outside the configuration's directory", from, name)
	}
	text, err := os.ReadFile(filepath.Join(r.root, filepath.FromSlash(name)))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("%sthere is no file %s in %s", from, name, r.root)
	case err != nil:
		return nil, fmt.Errorf("%s%w", from, err)
	}
	if r.bytes += int64(len(text)); r.bytes > maxLockBytes || len(r.lock.files) >= maxLockFiles {
		return nil, fmt.Errorf("%s%s: requirements of more than %d files or %d MiB are not read", from, name, maxLockFiles, maxLockBytes>>20)
	}
	sum := sha256.Sum256(text)
	r.lock.files[name] = hex.EncodeToString(sum[:])
	return text, nil
}

// logicalLines yields the lines without comments, those that end in a backslash joined,
// with the number of their first.
func logicalLines(text string) func(yield func(int, string) bool) {
	return func(yield func(int, string) bool) {
		joined, first := "", 1
		for i, line := range strings.Split(text+"\n", "\n") {
			if joined == "" {
				first = i + 1
			}
			line = strings.TrimSuffix(line, "\r")
			if body, more := strings.CutSuffix(line, `\`); more {
				joined += body + " "
				continue
			}
			whole := strings.TrimSpace(withoutComment(joined + line))
			joined = ""
			if whole != "" && !yield(first, whole) {
				return
			}
		}
	}
}

// withoutComment cuts a # that begins the line or follows a blank.
func withoutComment(line string) string {
	for i := range line {
		if line[i] == '#' && (i == 0 || line[i-1] == ' ' || line[i-1] == '\t') {
			return line[:i]
		}
	}
	return line
}

// line takes one line of the file name.
func (r *lockReader) line(name, line string) error {
	if !strings.HasPrefix(line, "-") {
		return r.requirement(line)
	}
	option, value := splitOption(line)
	switch option {
	case "-r", "--requirement", "-c", "--constraint":
		if strings.Contains(value, "://") {
			return fmt.Errorf("%s %s: files of requirements are read from the configuration's directory alone", option, value)
		}
		target := filepath.ToSlash(filepath.Join(filepath.Dir(filepath.FromSlash(name)), filepath.FromSlash(value)))
		before := r.lock.named
		err := r.file(target, fmt.Sprintf("%s %s: ", option, value))
		if option == "-c" || option == "--constraint" {
			r.lock.named = before // a constraint installs nothing
		}
		return err
	case "-e", "--editable":
		return fmt.Errorf("%s %s: what is edited in place would change a running environment; build a wheel and name its directory in find_links", option, value)
	case "-f", "--find-links":
		return fmt.Errorf("%s %s: write find_links into the runtime's block, so that it counts", option, value)
	case "--no-binary":
		if !r.sdist {
			return fmt.Errorf("%s %s: only wheels are installed unless allow_sdist = true", option, value)
		}
	}
	return nil
}

// requirement takes a line that names a package.
func (r *lockReader) requirement(line string) error {
	target := strings.ToLower(line)
	if _, at, direct := strings.Cut(target, "@"); direct {
		target = strings.TrimSpace(at)
	}
	if strings.HasPrefix(target, ".") || strings.HasPrefix(target, "/") || strings.HasPrefix(target, "file:") {
		return fmt.Errorf("%s: a local path is not part of what is compared; put a wheel into a directory of find_links and name the package", line)
	}
	r.lock.named++
	r.lock.hashed = r.lock.hashed || strings.Contains(line, "--hash")
	return nil
}

// splitOption splits "-r file", "-rfile", "--requirement file" and "--requirement=file".
func splitOption(line string) (option, value string) {
	if !strings.HasPrefix(line, "--") && len(line) > 2 {
		return line[:2], strings.TrimSpace(strings.TrimPrefix(line[2:], "="))
	}
	end := strings.IndexAny(line, "= \t")
	if end < 0 {
		return line, ""
	}
	return line[:end], strings.TrimSpace(strings.TrimLeft(line[end:], "= \t"))
}
