package runtime

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/snakectl/snakectl/internal/pool"
)

// The oldest Python that workers run on.
const (
	minMajor = 3
	minMinor = 9
)

// python is one interpreter that has been asked who it is.
type python struct {
	// Path starts it; Real is the file behind it, or behind the environment's link.
	Path  string `json:"path"`
	Real  string `json:"real"`
	Facts facts  `json:"facts"`
}

// usable returns an error when workers cannot run on it.
func (p python) usable() error {
	f := p.Facts
	if f.Implementation != "cpython" {
		return fmt.Errorf("it is %s %s; workers need CPython", f.Implementation, f.version())
	}
	if f.Version[0] != minMajor || f.Version[1] < minMinor {
		return fmt.Errorf("it is Python %s; workers need %d.%d or later", f.version(), minMajor, minMinor)
	}
	return nil
}

// name is Python 3.13.1, or Python 3.13.1t without the GIL.
func (p python) name() string {
	if p.freeThreaded() {
		return "Python " + p.Facts.version() + "t"
	}
	return "Python " + p.Facts.version()
}

func (p python) freeThreaded() bool { return strings.Contains(p.Facts.ABIFlags, "t") }

func (p python) runtime(declared pool.Runtime) pool.Runtime {
	declared.Interpreter, declared.Version = p.Path, p.Facts.version()
	declared.FreeThreaded, declared.Fingerprint = p.freeThreaded(), p.fingerprint()
	return declared
}

// fingerprint hashes what makes an interpreter another one: the file, what it
// says of itself, and the virtual environment it is started from. Two links to
// one interpreter have the same fingerprint.
func (p python) fingerprint() string {
	identity := []string{p.Real, p.environment(), p.Facts.Text, p.Facts.ABI, p.Facts.ABIFlags, p.Facts.Platform}
	b, err := json.Marshal(identity)
	if err != nil {
		panic(fmt.Sprintf("internal error: cannot encode an interpreter's identity: %v", err))
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// environment returns the directory of the virtual environment that Path lies
// in, without links, or "".
func (p python) environment() string {
	dir := filepath.Dir(filepath.Dir(p.Path))
	for _, at := range []string{dir, filepath.Dir(p.Path)} { // where Python itself looks
		if _, err := os.Stat(filepath.Join(at, "pyvenv.cfg")); err != nil {
			continue
		}
		if target, err := filepath.EvalSymlinks(at); err == nil {
			return target
		}
		return at
	}
	return ""
}
