package handover_test

import (
	"io"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/snakectl/snakectl/internal/handover"
)

type document struct {
	PID, FD int
	Text    string
}

// TestMain is also the program that replaces itself.
func TestMain(m *testing.M) {
	switch os.Getenv("HANDOVER_TEST") {
	case "begin":
		begin()
	case "go on":
		goOn()
	default:
		m.Run()
	}
}

func begin() {
	r, w, err := os.Pipe()
	if err != nil {
		panic(err)
	}
	if _, err := w.WriteString("still here"); err != nil {
		panic(err)
	}
	_ = w.Close()
	fd := int(r.Fd())
	doc := document{PID: os.Getpid(), FD: fd, Text: strings.Repeat("ä", 1<<20)}
	if err := handover.Exec("/no/such/program", nil, nil, doc, []int{fd}); err == nil || !strings.Contains(err.Error(), "/no/such/program") {
		panic("Exec of nothing: " + err.Error())
	}
	os.Setenv("HANDOVER_TEST", "go on")
	err = handover.Exec(os.Args[0], os.Args, os.Environ(), doc, []int{fd})
	runtime.KeepAlive(r)
	panic(err)
}

func goOn() {
	var doc document
	ok, err := handover.Receive(&doc)
	if !ok || err != nil || doc.PID != os.Getpid() || len(doc.Text) != 2<<20 || os.Getenv(handover.Variable) != "" {
		panic(strconv.Itoa(doc.PID))
	}
	text, err := io.ReadAll(os.NewFile(uintptr(doc.FD), "pipe"))
	if err != nil {
		panic(err)
	}
	_, _ = os.Stdout.Write(text)
}

func TestExec(t *testing.T) {
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), "HANDOVER_TEST=begin")
	out, err := cmd.CombinedOutput()
	if err != nil || string(out) != "still here" {
		t.Errorf("the new image says %q, %v", out, err)
	}
}

func TestReceiveRefuses(t *testing.T) {
	var doc document
	if ok, err := handover.Receive(&doc); ok || err != nil {
		t.Errorf("Receive = %t, %v without a handover", ok, err)
	}
	for _, text := range []string{`{"version":2,"body":{}}`, `{`, `{"version":1,"body":[]}`} {
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		_, _ = w.WriteString(text)
		_ = w.Close()
		fd, err := syscall.Dup(int(r.Fd())) // Receive closes it
		if err != nil {
			t.Fatal(err)
		}
		_ = r.Close()
		t.Setenv(handover.Variable, strconv.Itoa(fd))
		if ok, err := handover.Receive(&doc); ok || err == nil {
			t.Errorf("Receive took %s", text)
		}
	}
	t.Setenv(handover.Variable, "stdin")
	if _, err := handover.Receive(&doc); err == nil {
		t.Error("Receive took no number")
	}
}
