//go:build linux

package access

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/snakectl/snakectl/client"
	"github.com/snakectl/snakectl/internal/wire"
	"github.com/snakectl/snakectl/test/harness"
)

// asUser is set in the environment of this program when it plays another user: it
// holds the path of the socket.
const asUser = "ACCESS_TEST_SOCKET"

func TestMain(m *testing.M) {
	if socket := os.Getenv(asUser); socket != "" {
		play(socket, os.Stdin, os.Stdout)
		return
	}
	os.Exit(harness.Main(m))
}

// play makes the requests that it reads, one a line, all with one client, and prints
// the category of the error or the status for each. The kernel says whose they are.
func play(socket string, in io.Reader, out io.Writer) {
	frames := client.New(socket)
	defer frames.Close()
	dials := 0
	web := &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		dials++
		return wire.DialUnix(ctx, socket)
	}}}
	for lines := bufio.NewScanner(in); lines.Scan(); {
		words := strings.Fields(lines.Text())
		switch words[0] {
		case "exec":
			_, err := frames.Exec(context.Background(), words[1], "who", map[string]any{})
			fmt.Fprintln(out, verdict(err))
		case "dials":
			fmt.Fprintln(out, dials)
		default:
			fmt.Fprintln(out, status(web, words[0], words[1]))
		}
	}
}

func verdict(err error) string {
	if err == nil {
		return "ok"
	}
	if call, ok := errors.AsType[*client.Error](err); ok {
		return string(call.Category)
	}
	return err.Error()
}

// status makes a request and returns its status; an error's category must fit it.
func status(web *http.Client, method, path string) string {
	req, err := http.NewRequestWithContext(context.Background(), method, "http://supervisor"+path, strings.NewReader("{}"))
	if err != nil {
		return err.Error()
	}
	resp, err := web.Do(req)
	if err != nil {
		return err.Error()
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return err.Error()
	}
	if (resp.StatusCode == http.StatusForbidden) != strings.Contains(string(body), `"category":"denied"`) {
		return fmt.Sprintf("%d with %s", resp.StatusCode, body)
	}
	return strconv.Itoa(resp.StatusCode)
}

// guest is a process of another user with one client.
type guest struct {
	t     *testing.T
	in    io.Writer
	lines *bufio.Scanner
}

// newGuest starts this program again as that user; only root can.
func newGuest(t *testing.T, socket string, uid uint32, groups ...uint32) *guest {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "/proc/self/exe")
	cmd.Dir = "/"
	cmd.Env = []string{asUser + "=" + socket}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: uid, Groups: groups}}
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = in.Close()
		_ = cmd.Wait()
	})
	return &guest{t: t, in: in, lines: bufio.NewScanner(out)}
}

// ask makes one request and returns what became of it.
func (g *guest) ask(words string) string {
	g.t.Helper()
	if _, err := fmt.Fprintln(g.in, words); err != nil {
		g.t.Fatal(err)
	}
	if !g.lines.Scan() {
		g.t.Fatalf("the other user's process ended: %v", g.lines.Err())
	}
	return g.lines.Text()
}

// wants makes requests and compares what became of them.
func (g *guest) wants(want map[string]string) {
	g.t.Helper()
	got := map[string]string{}
	for _, words := range slices.Sorted(maps.Keys(want)) {
		got[words] = g.ask(words)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		g.t.Errorf("answers (-want +got):\n%s", diff)
	}
}
