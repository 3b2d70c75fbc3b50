package runtime

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/snakectl/snakectl/internal/pool"
)

// InstallError says that an installer failed, with the last of what it wrote.
type InstallError struct {
	// What failed, and Reason how.
	What   string `json:"what"`
	Reason string `json:"reason"`
	// Output are the last lines.
	Output string `json:"output"`
	// Hint is what to do about it, when that is known.
	Hint string `json:"hint"`
}

// Error says what failed, with the last lines and what to do.
func (e *InstallError) Error() string {
	text := e.Summary()
	if e.Output != "" {
		text += ":\n" + e.Output
	}
	if e.Hint != "" {
		text += "\n" + e.Hint
	}
	return text
}

// Summary says what failed, in one line.
func (e *InstallError) Summary() string { return fmt.Sprintf("%s failed: %s", e.What, e.Reason) }

const noIndex = "The package index does not answer. Look at the network, at HTTPS_PROXY and at the installer's own file (pip.conf, uv.toml); or put wheels into a directory, name that in find_links, and set offline = true."

// hints are what is known of what installers say, in the order they are looked for.
var hints = []struct{ says, hint string }{
	{"No space left on device", "There is no space left: free some, for example with: snakectl runtime gc"},
	{"Hash mismatch", "The file is not the one that the requirements name. Make them anew if that is right; else do not trust the file."},
	{"DO NOT MATCH THE HASHES", "The file is not the one that the requirements name. Make them anew if that is right; else do not trust the file."},
	{"in --require-hashes mode", "Where one requirement has a hash, all must have one, also those that others need: make the file with a tool that locks (uv pip compile --generate-hashes)."},
	{"after connection broken by", noIndex}, // pip, which goes on to say that there is no such package
	{"Failed to fetch", noIndex},            // uv
	{"no usable wheels", "There is no wheel for this Python. Choose another version, build a wheel and name its directory in find_links, or set allow_sdist = true."},
	{"No matching distribution found", "There is no wheel for this Python under that name. Choose another version, build a wheel and name its directory in find_links, or set allow_sdist = true."},
	{"No solution found", "No set of wheels satisfies these requirements on this Python. Choose other versions, name more wheels in find_links, or set allow_sdist = true."},
}

// failed returns the error of a command that wrote output.
func failed(what, output string, err error) error {
	if errors.Is(err, context.Canceled) {
		return err
	}
	e := &InstallError{What: what, Reason: err.Error(), Output: lastLines(output)}
	for _, h := range hints {
		if strings.Contains(output, h.says) {
			e.Hint = h.hint
			break
		}
	}
	return e
}

// lastLines returns the end of an output, at most 20 lines.
func lastLines(output string) string {
	const most = 20
	lines := strings.Split(strings.TrimSpace(strings.ToValidUTF8(output, "�")), "\n")
	return strings.Join(lines[max(0, len(lines)-most):], "\n")
}

// install installs the packages with the installer that was asked for.
func (b *build) install(ctx context.Context) error {
	asked := b.rt.Declared.Installer
	uv, err := exec.LookPath("uv")
	switch {
	case asked == pool.InstallerUV && err != nil:
		return errors.New(`there is no uv on the PATH; install it, or set installer = "pip"`)
	case asked != pool.InstallerPip && err == nil:
		b.installer = pool.InstallerUV
		return b.runInstaller(ctx, []string{uv, "pip", "install", "--python", b.python(), "--color", "never"})
	}
	b.installer = pool.InstallerPip
	pip, err := b.findPip(ctx)
	if err != nil {
		return err
	}
	args := []string{b.python(), "-I", pip, "install", "--disable-pip-version-check", "--no-input", "--no-compile", "--progress-bar", "off", "--no-warn-script-location"}
	return b.runInstaller(ctx, args)
}

// options are what both installers call the same.
func (b *build) options() []string {
	var args []string
	if b.rt.Declared.Offline {
		args = append(args, "--no-index")
		if b.installer == pool.InstallerUV {
			args = append(args, "--offline")
		}
	}
	for _, dir := range b.env.FindLinks {
		args = append(args, "--find-links", dir)
	}
	if !b.rt.Declared.AllowSdist {
		args = append(args, "--only-binary", ":all:")
	}
	if b.env.Hashed {
		args = append(args, "--require-hashes")
	}
	return args
}

// wanted are the options that say what to install.
func (b *build) wanted(ctx context.Context) ([]string, error) {
	if b.env.Requirements == "" {
		return b.rt.Declared.Packages, nil
	}
	file := filepath.Join(b.lockDir(), filepath.FromSlash(b.env.Requirements))
	if !isTOML(file) {
		return []string{"-r", file}, nil
	}
	list, err := b.translate(ctx, file)
	if b.env.Hashed {
		return []string{"--no-deps", "-r", list}, err // a lock names all of them
	}
	return []string{"-r", list}, err
}

// bundled prints the pip that comes with an interpreter, which runs without being
// installed.
const bundled = `import glob, os
try:
    import ensurepip
    places = [os.path.join(os.path.dirname(ensurepip.__file__), "_bundled")]
except ImportError:
    places = []
places.append("/usr/share/python-wheels")
print(next((w for p in places for w in sorted(glob.glob(os.path.join(p, "pip-*.whl")))), ""))`

func (b *build) findPip(ctx context.Context) (string, error) {
	out, err := b.command(ctx, nil, b.rt.Interpreter, "-I", "-c", bundled)
	if err != nil {
		return "", failed(b.rt.Interpreter, out, err)
	}
	wheel := strings.TrimSpace(out)
	if wheel == "" {
		return "", fmt.Errorf("%s comes without pip, and there is no uv on the PATH; install uv, or the package that holds ensurepip (Debian: python3-venv)", b.rt.Interpreter)
	}
	return filepath.Join(wheel, "pip"), nil
}

func (b *build) runInstaller(ctx context.Context, args []string) error {
	b.progress(Progress{Phase: PhaseResolving, Total: b.total()})
	what, err := b.wanted(ctx)
	if err != nil {
		return err
	}
	args = slices.Concat(args, b.options(), what)
	out, err := b.command(ctx, b.follow, args[0], args[1:]...)
	if err != nil {
		return failed(b.installer, out, err)
	}
	return nil
}

// total is how many packages there will be: a lock with hashes names all of them.
func (b *build) total() int {
	if b.env.Hashed {
		return b.env.Named
	}
	return 0
}

// follow makes progress out of a line of an installer.
func (b *build) follow(line string) {
	p := b.now
	words := strings.Fields(line)
	switch {
	case len(words) < 2:
		return
	case words[0] == "Collecting" || words[0] == "Processing":
		p.Package = filepath.Base(words[1])
		p.Done++
	case words[0] == "Installing" && strings.HasPrefix(line, "Installing collected packages:"):
		names := words[3:]
		p = Progress{Phase: PhaseInstalling, Total: len(names), Package: strings.TrimSuffix(names[len(names)-1], ",")}
	case words[0] == "Successfully" || words[0] == "Installed":
		p = Progress{Phase: PhaseInstalling, Done: p.Total, Total: p.Total}
	case words[0] == "Resolved" || words[0] == "Prepared":
		p = Progress{Phase: PhaseInstalling}
		_, _ = fmt.Sscan(words[1], &p.Total)
	default:
		return
	}
	b.progress(p)
}

// scrubbed are the beginnings of variables that would make an installer do something
// else than what the configuration says.
var scrubbed = []string{"PYTHON", "PIP_", "UV_", "VIRTUAL_ENV", "CONDA_", "SNAKECTL_", "SNAKEPIT_", "__PYVENV"}

func environ() []string {
	return slices.DeleteFunc(os.Environ(), func(entry string) bool {
		return slices.ContainsFunc(scrubbed, func(prefix string) bool { return strings.HasPrefix(entry, prefix) })
	})
}

// command runs a program among the requirements and returns what it wrote. follow, if
// not nil, is called with each line. The program is killed when ctx ends, and when this
// process does.
func (b *build) command(ctx context.Context, follow func(line string), name string, args ...string) (string, error) {
	runtime.LockOSThread() // the program would be killed with the thread that started it
	defer runtime.UnlockOSThread()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir, cmd.Env, cmd.SysProcAttr, cmd.WaitDelay = b.lockDir(), environ(), dieWithParent(), time.Second
	var all bytes.Buffer
	if follow == nil {
		cmd.Stdout, cmd.Stderr = &all, &all
		err := cmd.Run()
		return all.String(), cmp.Or(ctx.Err(), err)
	}
	read, write := io.Pipe()
	cmd.Stdout, cmd.Stderr = write, write
	drained := make(chan struct{})
	go func() {
		defer close(drained)
		lines := bufio.NewReader(read)
		for {
			line, err := lines.ReadString('\n')
			all.WriteString(line)
			follow(strings.TrimSpace(line))
			if err != nil {
				return
			}
		}
	}()
	err := cmd.Run()
	write.Close()
	<-drained
	return all.String(), cmp.Or(ctx.Err(), err)
}

func hashBytes(text []byte) string {
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}
