package logs_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/snakectl/snakectl/internal/logs"
	"github.com/snakectl/snakectl/internal/pool"
)

var begun = time.Date(2026, 3, 1, 12, 0, 0, 123456789, time.UTC)

func id(incarnation string, second int) logs.ID {
	return logs.ID{Pool: "pool.api", Incarnation: incarnation, Started: begun.Add(time.Duration(second) * time.Second)}
}

// scribe is a worker that writes its log.
type scribe struct {
	t   *testing.T
	dir logs.Dir
	id  logs.ID
	f   *os.File
}

func newScribe(t *testing.T, dir logs.Dir, id logs.ID) *scribe {
	t.Helper()
	if err := dir.Create(id); err != nil {
		t.Fatal(err)
	}
	s := &scribe{t: t, dir: dir, id: id}
	s.reopen(dir.File(id))
	t.Cleanup(func() { s.f.Close() })
	return s
}

func (s *scribe) reopen(path string) bool {
	s.t.Helper()
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		s.t.Fatal(err)
	}
	if s.f != nil {
		s.f.Close()
	}
	s.f = f
	return true
}

func (s *scribe) write(text string) {
	s.t.Helper()
	if _, err := s.f.WriteString(text); err != nil {
		s.t.Fatal(err)
	}
}

func (s *scribe) end(how string) {
	s.t.Helper()
	if err := s.dir.Finish(s.id, logs.End{At: s.id.Started.Add(time.Minute), How: how}); err != nil {
		s.t.Fatal(err)
	}
}

// collect renders what a reader gives out: pieces that were cut end with \, notes
// begin with #.
func collect(out *[]string) func(logs.Line) error {
	return func(l logs.Line) error {
		text := string(l.Text)
		if l.Cut {
			text += `\`
		}
		if l.Note != "" {
			text = strings.TrimSpace("# " + l.Worker + " " + l.Note + " " + text)
		}
		*out = append(*out, text)
		return nil
	}
}

func begin(t *testing.T, r *logs.Reader, opts logs.Options) []string {
	t.Helper()
	out := []string{}
	if _, err := r.Begin(opts, collect(&out)); err != nil {
		t.Fatal(err)
	}
	return out
}

func more(t *testing.T, r *logs.Reader) []string {
	t.Helper()
	out := []string{}
	if err := r.More(collect(&out)); err != nil {
		t.Fatal(err)
	}
	return out
}

func want(t *testing.T, what string, got []string, want ...string) {
	t.Helper()
	if diff := cmp.Diff(append([]string{}, want...), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

func names(t *testing.T, dir logs.Dir) string {
	t.Helper()
	entries, err := os.ReadDir(filepath.Dir(dir.File(id("x", 0))))
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, e := range entries {
		out = append(out, strings.TrimPrefix(e.Name(), "20260301T12000"))
	}
	return strings.Join(out, " ")
}

func TestList(t *testing.T) {
	dir := logs.Dir(t.TempDir())
	if all, err := dir.List("pool.api", 0); err != nil || len(all) != 0 {
		t.Fatalf("List of no place = %v, %v", all, err)
	}
	second := newScribe(t, dir, id("bb", 2))
	second.write("12345")
	first := newScribe(t, dir, id("aa", 1))
	first.write("1")
	first.end("exited with status 3")
	for _, stray := range []string{"notes.txt", "x@y.log", "20260301T120009.000000Z@.log", "20260301T120009.000000Z@cc.x.log"} {
		if err := os.WriteFile(filepath.Join(filepath.Dir(dir.File(id("", 0))), stray), []byte("?"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	all, err := dir.List("pool.api", 0)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, l := range all {
		line := fmt.Sprintf("%s %d %s", l.Incarnation, l.Bytes(), l.Started.Format(time.RFC3339Nano))
		if l.End != nil {
			line += " " + l.End.How
		}
		got = append(got, line)
	}
	want(t, "logs", got, "aa 1 2026-03-01T12:00:01.123456Z exited with status 3", "bb 5 2026-03-01T12:00:02.123456Z")
	if places, err := dir.Places("pool.api"); err != nil || !cmp.Equal(places, []int{0}) {
		t.Errorf("Places = %v, %v", places, err)
	}
	for prefix, found := range map[string]int{"a": 1, "bb": 1, "": 0, "bbb": 0, "..": 0} {
		s, n, err := logs.Selection{Dir: dir, Pool: "pool.api"}.Find(prefix)
		if err != nil || n != found || (n == 1 && !strings.HasPrefix(s.Incarnation, prefix)) {
			t.Errorf("Find(%q) = %q, %d, %v, want %d", prefix, s.Incarnation, n, err, found)
		}
	}
}

// Whatever the key of a pool, its logs are files below the directory: an address
// comes over the socket, and its key may hold anything printable.
func TestFilesStayInTheirDirectory(t *testing.T) {
	const dir = logs.Dir("/srv/i/logs")
	for _, key := range []string{"", "..", "../..", "/etc", "a/b", "../../../../etc/passwd", "%2e%2e%2f", `x"] pool["`, "."} {
		i := logs.ID{Pool: pool.Address("api", key), Place: 3, Incarnation: "7f2c", Started: begun}
		for _, got := range []string{dir.File(i), dir.Stacks(i)} {
			rel, err := filepath.Rel(string(dir), got)
			if err != nil || !filepath.IsLocal(rel) || strings.Count(rel, "/") != 2 || !strings.HasPrefix(filepath.Base(rel), "20260301T120000.123456Z@7f2c.") {
				t.Errorf("the file of the key %q is %s", key, got)
			}
		}
	}
}

func TestSetAside(t *testing.T) {
	const limit = 10
	nobody := func(string) bool { return false }
	t.Run("whole", func(t *testing.T) {
		dir := logs.Dir(t.TempDir())
		s := newScribe(t, dir, id("aa", 0))
		for i := range 3 {
			s.write(fmt.Sprintf("line %d\nmore\n", i))
			if _, err := dir.SetAside(s.id, limit, func(path string) bool {
				s.write("between\n") // it goes on until it has turned to the new file
				return s.reopen(path)
			}); err != nil {
				t.Fatal(err)
			}
		}
		s.write("now\n")
		if _, err := dir.SetAside(s.id, limit, nobody); err != nil {
			t.Fatal(err)
		}
		if got := names(t, dir); got != "0.123456Z@aa.1.log 0.123456Z@aa.2.log 0.123456Z@aa.3.log 0.123456Z@aa.log" {
			t.Errorf("files: %s", got)
		}
		r := logs.Selection{Dir: dir, Pool: "pool.api", Place: -1}.Open()
		want(t, "lines", begin(t, r, logs.Options{Lines: -1}),
			"line 0", "more", "between", "line 1", "more", "between", "line 2", "more", "between", "now")
	})
	t.Run("a writer that was asked in vain", func(t *testing.T) {
		dir := logs.Dir(t.TempDir())
		s := newScribe(t, dir, id("aa", 0))
		asked := 0
		deaf := func(string) bool { asked++; return true }
		aside := func() {
			t.Helper()
			if _, err := dir.SetAside(s.id, limit, deaf); err != nil {
				t.Fatal(err)
			}
		}
		s.write("first line\n")
		aside()
		aside()
		if got := names(t, dir); got != "0.123456Z@aa.1.log" || asked != 2 {
			t.Errorf("asked %d times, files: %s", asked, got)
		}
		s.write("second line\n")
		aside()
		s.write("third\n")
		if got := names(t, dir); got != "0.123456Z@aa.1.log 0.123456Z@aa.log" {
			t.Errorf("files: %s", got)
		}
		r := logs.Selection{Dir: dir, Pool: "pool.api"}.Open()
		want(t, "lines", begin(t, r, logs.Options{Lines: -1}), "first line", "second line", "third")
	})
	t.Run("nobody to ask", func(t *testing.T) {
		dir := logs.Dir(t.TempDir())
		s := newScribe(t, dir, id("aa", 0))
		s.write("first line\n")
		if _, err := dir.SetAside(s.id, limit, nobody); err != nil {
			t.Fatal(err)
		}
		if got := names(t, dir); got != "0.123456Z@aa.log" {
			t.Errorf("files: %s", got)
		}
		s.write("second line\n")
		if _, err := dir.SetAside(s.id, limit, nobody); err != nil {
			t.Fatal(err)
		}
		s.write("third\n")
		if got := names(t, dir); got != "0.123456Z@aa.1.log 0.123456Z@aa.log" {
			t.Errorf("files: %s", got)
		}
		r := logs.Selection{Dir: dir, Pool: "pool.api"}.Open()
		want(t, "lines", begin(t, r, logs.Options{Lines: -1}), "first line", "second line", "third")
	})
	if _, err := logs.Dir(t.TempDir()).SetAside(id("aa", 0), limit, nobody); err != nil {
		t.Errorf("SetAside of no file: %v", err)
	}
}

func TestPrune(t *testing.T) {
	dir := logs.Dir(t.TempDir())
	for i := range 5 {
		s := newScribe(t, dir, id(fmt.Sprintf("i%d", i), i))
		s.write(strings.Repeat("x", 100))
		if i != 3 {
			s.end("exited with status 0")
		}
	}
	if err := dir.Prune("pool.api", 0, 250, func(inc string) bool { return inc == "i0" || inc == "i4" }); err != nil {
		t.Fatal(err)
	}
	if got := names(t, dir); got != "0.123456Z@i0.end 0.123456Z@i0.log 3.123456Z@i3.log 4.123456Z@i4.end 4.123456Z@i4.log" {
		t.Errorf("files: %s", got)
	}
	burst := logs.Dir(t.TempDir())
	s := newScribe(t, burst, id("aa", 0))
	s.write(strings.Repeat("a line\n", 1000))
	if _, err := burst.SetAside(s.id, 1, s.reopen); err != nil {
		t.Fatal(err)
	}
	if err := burst.Prune("pool.api", 0, 100, func(string) bool { return true }); err != nil {
		t.Fatal(err)
	}
	r := logs.Selection{Dir: burst, Pool: "pool.api"}.Open()
	want(t, "the end of a burst", begin(t, r, logs.Options{Lines: -1}), slices.Repeat([]string{"a line"}, 14)...)
	many := logs.Dir(t.TempDir())
	for i := range 30 {
		newScribe(t, many, id("i", i)).end("exited with status 0")
	}
	if err := many.Prune("pool.api", 0, 1<<20, func(string) bool { return false }); err != nil {
		t.Fatal(err)
	}
	if all, err := many.List("pool.api", 0); err != nil || len(all) != 20 {
		t.Errorf("%d logs are kept (%v), want 20", len(all), err)
	}
}

func TestExpire(t *testing.T) {
	dir := logs.Dir(t.TempDir())
	newScribe(t, dir, id("aa", 0))
	gone := func(string, int) bool { return false }
	for name, c := range map[string]struct {
		after  time.Duration
		wanted func(string, int) bool
	}{
		"young":  {time.Hour, gone},
		"wanted": {1000 * time.Hour, func(addr string, place int) bool { return addr == "pool.api" && place == 0 }},
	} {
		if err := dir.Expire(time.Now().Add(c.after), c.wanted); err != nil {
			t.Fatal(err)
		}
		if places, _ := dir.Places("pool.api"); len(places) != 1 {
			t.Errorf("%s: the logs are gone", name)
		}
	}
	if err := dir.Expire(time.Now().Add(1000*time.Hour), gone); err != nil {
		t.Fatal(err)
	}
	if entries, err := os.ReadDir(string(dir)); err != nil || len(entries) != 0 {
		t.Errorf("%v is left (%v)", entries, err)
	}
	if err := logs.Dir(filepath.Join(t.TempDir(), "none")).Expire(time.Now(), gone); err != nil {
		t.Error(err)
	}
}

func TestLast(t *testing.T) {
	dir := logs.Dir(t.TempDir())
	newScribe(t, dir, id("former", 0)).write("of another worker\n")
	s := newScribe(t, dir, id("aa", 1))
	s.write("one\n")
	if _, err := dir.SetAside(s.id, 1, s.reopen); err != nil {
		t.Fatal(err)
	}
	s.write("two\n")
	for most, c := range map[int]struct {
		want string
		cut  bool
	}{3: {"wo\n", true}, 4: {"two\n", true}, 5: {"\ntwo\n", true}, 8: {"one\ntwo\n", false}, 99: {"one\ntwo\n", false}} {
		if got, cut := dir.Last(s.id, most); string(got) != c.want || cut != c.cut {
			t.Errorf("Last %d = %q, %t, want %q, %t", most, got, cut, c.want, c.cut)
		}
	}
	if got, _ := logs.Dir(t.TempDir()).Last(id("aa", 0), 10); len(got) != 0 {
		t.Errorf("Last of no file = %q", got)
	}
}
