package runtime

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"time"

	"github.com/snakectl/snakectl/internal/pool"
)

// probeLimit bounds the time an interpreter may take to say who it is.
const probeLimit = 10 * time.Second

// program prints one line of JSON. It runs with -I -S: no environment variable
// and no package of the user's can take part, and no import beyond json is slow.
const program = `import sys, json, posix, _imp
try:
    libc = posix.confstr("CS_GNU_LIBC_VERSION") or ""
except (ValueError, OSError):
    libc = ""
i = sys.implementation
json.dump({
    "executable": sys.executable, "version": list(sys.version_info[:3]), "text": sys.version,
    "implementation": i.name, "abi": (_imp.extension_suffixes() or [""])[0], "abi_flags": getattr(sys, "abiflags", ""),
    "platform": sys.platform + " " + getattr(i, "_multiarch", ""), "libc": libc,
}, sys.stdout)`

// facts is what an interpreter says of itself.
type facts struct {
	Executable     string `json:"executable"`
	Version        [3]int `json:"version"`
	Text           string `json:"text"`
	Implementation string `json:"implementation"`
	ABI            string `json:"abi"`
	ABIFlags       string `json:"abi_flags"`
	Platform       string `json:"platform"`
	Libc           string `json:"libc"`
}

func (f facts) version() string {
	return fmt.Sprintf("%d.%d.%d", f.Version[0], f.Version[1], f.Version[2])
}

func (f facts) number() pool.Version { return pool.Version{Number: f.Version, Given: len(f.Version)} }

// probe starts the interpreter in dir, where shims look for a version file.
func probe(ctx context.Context, path, dir string) (facts, error) {
	ctx, cancel := context.WithTimeout(ctx, probeLimit)
	defer cancel()
	cmd := exec.CommandContext(ctx, path, "-I", "-S", "-c", program)
	cmd.Dir = dir
	cmd.WaitDelay = time.Second // a child that keeps the pipes must not hold us
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	switch {
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return facts{}, fmt.Errorf("it gave no answer within %s", probeLimit)
	case err != nil:
		return facts{}, fmt.Errorf("it could not be started as Python 3: %w%s", err, firstLine(stderr.String()))
	}
	var f facts
	if err := json.Unmarshal(out, &f); err != nil || f.Executable == "" {
		return facts{}, fmt.Errorf("it did not answer as Python does%s", firstLine(stderr.String()+string(out)))
	}
	return f, nil
}

// firstLine returns ": " and the first line of a program's output, cut.
func firstLine(s string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(s), "\n")
	if line == "" {
		return ""
	}
	return ": " + strings.ToValidUTF8(line[:min(len(line), 200)], "")
}
