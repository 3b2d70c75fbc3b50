package runtime

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
)

// pyenvRoot is where pyenv keeps its Pythons.
func pyenvRoot() string {
	if root := os.Getenv("PYENV_ROOT"); root != "" {
		return root
	}
	home, _ := os.UserHomeDir()
	return filepath.Join(home, ".pyenv")
}

// shimBytes is more than a shim of pyenv holds.
const shimBytes = 4 << 10

// pyenvDecides returns the hash of everything that decides which interpreter a shim of
// pyenv stands for when it is started in dir. It is false for any other script, which may
// go by anything.
func pyenvDecides(path, dir string) (string, bool) {
	text, err := os.ReadFile(path)
	if err != nil || len(text) > shimBytes || !bytes.Contains(text, []byte("pyenv")) || !bytes.Contains(text, []byte(" exec ")) {
		return "", false
	}
	root := pyenvRoot()
	facts := []string{string(text), root, os.Getenv("PYENV_VERSION"), os.Getenv("PYENV_DIR"), os.Getenv("PATH")}
	files := []string{filepath.Join(root, "version")}
	for _, from := range []string{os.Getenv("PYENV_DIR"), dir} {
		for from != "" {
			files = append(files, filepath.Join(from, ".python-version"))
			if from == filepath.Dir(from) {
				break
			}
			from = filepath.Dir(from)
		}
	}
	for _, file := range files {
		if content, err := os.ReadFile(file); err == nil {
			facts = append(facts, file, string(content))
		}
	}
	versions, _ := os.ReadDir(filepath.Join(root, "versions")) // 3.12 is the newest 3.12.x
	for _, e := range versions {
		facts = append(facts, e.Name())
	}
	b, err := json.Marshal(facts)
	if err != nil {
		panic(fmt.Sprintf("internal error: cannot encode what decides a shim: %v", err))
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:]), true
}
