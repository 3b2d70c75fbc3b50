package runtime

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/snakectl/snakectl/internal/pool"
)

// ErrChanged is wrapped by Build's error when a file is not what the plan saw.
var ErrChanged = errors.New("changed since the plan: plan again")

// identity is what the key of an environment is the hash of. A field that is added
// here makes every environment another one.
type identity struct {
	Format      int               `json:"format"`
	Interpreter string            `json:"interpreter"` // fingerprint
	Libc        string            `json:"libc"`
	Main        string            `json:"main"`
	Files       map[string]string `json:"files"`
	Packages    []string          `json:"packages"`
	Wheels      string            `json:"wheels"`
	Installer   string            `json:"installer"`
	AllowSdist  bool              `json:"allow_sdist"`
}

// describe returns the environment that a runtime asks for, nil when it asks for no
// packages. It reads files and builds nothing.
func describe(declared pool.RuntimeSpec, p python, root string, cache *Cache) (*pool.Environment, error) {
	if !declared.Installs() {
		return nil, nil
	}
	env := &pool.Environment{Root: root, Requirements: declared.Requirements, Named: len(declared.Packages)}
	if declared.Pyproject != "" {
		env.Requirements = path.Join(declared.Pyproject, projectFile)
	}
	if env.Requirements != "" {
		l, err := readRequirements(root, env.Requirements, declared.AllowSdist)
		if err != nil {
			return nil, err
		}
		env.Files, env.Named, env.Hashed = l.files, l.named, l.hashed
	}
	for _, dir := range declared.FindLinks {
		if !filepath.IsAbs(dir) {
			dir = filepath.Join(root, dir)
		}
		env.FindLinks = append(env.FindLinks, filepath.Clean(dir))
	}
	var err error
	if env.Wheels, err = hashWheels(env.FindLinks, cache); err != nil {
		return nil, err
	}
	env.Key = hashJSON(identity{
		Format: 1, Interpreter: p.fingerprint(), Libc: p.Facts.Libc, Main: env.Requirements, Files: env.Files,
		Packages: declared.Packages, Wheels: env.Wheels, Installer: declared.Installer, AllowSdist: declared.AllowSdist,
	})
	return env, nil
}

// readRequirements reads a file of requirements in whatever form.
func readRequirements(root, name string, allowSdist bool) (lock, error) {
	if isTOML(name) {
		return readTOML(root, name)
	}
	return readLock(root, name, allowSdist)
}

func hashJSON(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("internal error: cannot encode what is hashed: %v", err))
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// hashWheels returns the hash of the packages in directories, "" for none: what they
// are called and what they hold, wherever they lie.
func hashWheels(dirs []string, cache *Cache) (string, error) {
	found := map[string]string{}
	for _, dir := range dirs {
		entries, err := os.ReadDir(dir)
		if err != nil {
			return "", fmt.Errorf("find_links: %w", err)
		}
		for _, e := range entries {
			if !isPackage(e.Name()) {
				continue
			}
			hash, err := cache.hash(filepath.Join(dir, e.Name()))
			if err != nil {
				return "", fmt.Errorf("find_links: %w", err)
			}
			found[e.Name()+" "+hash] = ""
		}
	}
	if len(found) == 0 {
		return "", nil
	}
	return hashJSON(found), nil
}

func isPackage(name string) bool {
	for _, end := range []string{".whl", ".tar.gz", ".zip"} {
		if strings.HasSuffix(name, end) {
			return true
		}
	}
	return false
}

func hashFile(name string) (string, error) {
	f, err := os.Open(name)
	if err != nil {
		return "", err
	}
	defer f.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}
