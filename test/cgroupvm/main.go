//go:build linux

// Command cgroupvm is the user space of a virtual machine that runs one test where the
// memory controller of cgroup v2 is: scripts/cgroup-vm.sh has it write an initial file
// system of itself and a test binary, and in that it is the first process.
package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
)

const (
	testPath = "/test"
	// passed is the last line on the console when the test did.
	passed = "cgroup-vm: passed"
)

func main() {
	var err error
	if os.Getpid() == 1 {
		err = boot()
		if err == nil {
			fmt.Fprintln(os.Stdout, passed)
		} else {
			fmt.Fprintln(os.Stdout, "cgroup-vm: failed:", err)
		}
		syscall.Sync()
		err = syscall.Reboot(syscall.LINUX_REBOOT_CMD_POWER_OFF)
	} else if len(os.Args) == 3 {
		err = pack(os.Args[1], os.Args[2])
	} else {
		err = fmt.Errorf("usage: cgroupvm TEST-BINARY INITRAMFS")
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1) //nolint:forbidigo // this is main
	}
}

// boot mounts what the test needs and runs it.
func boot() error {
	for _, m := range []struct{ kind, at string }{{"proc", "/proc"}, {"sysfs", "/sys"}, {"cgroup2", "/sys/fs/cgroup"}, {"devtmpfs", "/dev"}, {"tmpfs", "/tmp"}} {
		if err := os.MkdirAll(m.at, 0o755); err != nil {
			return err
		}
		if err := syscall.Mount(m.kind, m.at, m.kind, 0, ""); err != nil {
			return fmt.Errorf("cannot mount %s: %w", m.at, err)
		}
	}
	test := exec.CommandContext(context.Background(), testPath, "-test.v", "-test.timeout=120s", "-test.run=^TestWorkersInControlGroups$")
	test.Env = []string{"TMPDIR=/tmp", "PATH=/"}
	var out bytes.Buffer
	test.Stdout, test.Stderr = &tee{&out}, os.Stderr
	if err := test.Run(); err != nil {
		return err
	}
	if strings.Contains(out.String(), "--- SKIP") {
		return fmt.Errorf("the test was skipped")
	}
	return nil
}

// tee copies what the test writes to the console.
type tee struct{ kept *bytes.Buffer }

func (t *tee) Write(p []byte) (int, error) {
	t.kept.Write(p)
	return os.Stdout.Write(p)
}

// pack writes an archive that the kernel unpacks as its first file system: this
// program as /init and the test beside it. The format is "newc" of cpio(5).
func pack(test, archive string) error {
	var b bytes.Buffer
	add := func(name string, mode uint32, content []byte) {
		fmt.Fprintf(&b, "070701%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x",
			0, mode, 0, 0, 1, 0, len(content), 0, 0, 0, 0, len(name)+1, 0)
		b.WriteString(name + "\x00")
		align(&b)
		b.Write(content)
		align(&b)
	}
	const directory, program = 0o040755, 0o100755
	add("dev", directory, nil)
	for name, path := range map[string]string{"init": "/proc/self/exe", strings.TrimPrefix(testPath, "/"): test} {
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		add(name, program, content)
	}
	add("TRAILER!!!", 0, nil)
	return os.WriteFile(archive, b.Bytes(), 0o644)
}

func align(b *bytes.Buffer) {
	for b.Len()%4 != 0 {
		b.WriteByte(0)
	}
}
