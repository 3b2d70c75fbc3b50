package logs_test

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/snakectl/snakectl/internal/logs"
)

func TestLastLines(t *testing.T) {
	dir := logs.Dir(t.TempDir())
	a := newScribe(t, dir, id("aa", 1))
	a.write("a1\na2\n")
	a.end("exited with status 1")
	b := newScribe(t, dir, id("bb", 2))
	b.write("b1\nb2\nb3")
	for n, lines := range map[int][]string{
		-1: {"a1", "a2", "b1", "b2", `b3\`}, 0: {}, 1: {`b3\`}, 3: {"b1", "b2", `b3\`}, 4: {"a2", "b1", "b2", `b3\`}, 9: {"a1", "a2", "b1", "b2", `b3\`},
	} {
		r := logs.Selection{Dir: dir, Pool: "pool.api"}.Open()
		want(t, fmt.Sprintf("the last %d", n), begin(t, r, logs.Options{Lines: n}), lines...)
	}
	r := logs.Selection{Dir: dir, Pool: "pool.api", Incarnation: "aa"}.Open()
	want(t, "one incarnation", begin(t, r, logs.Options{Lines: 1}), "a2")
	long := newScribe(t, logs.Dir(t.TempDir()), id("cc", 0))
	for i := range 50_000 {
		long.write(fmt.Sprintf("line %d\n", i))
	}
	r = logs.Selection{Dir: long.dir, Pool: "pool.api"}.Open()
	if got := begin(t, r, logs.Options{Lines: 40_000}); len(got) != 40_000 || got[0] != "line 10000" {
		t.Errorf("%d lines from %q, want 40000 from line 10000", len(got), got[0])
	}
}

// A line that is longer than any buffer comes in pieces, and does not hold up what
// follows it.
func TestLongLine(t *testing.T) {
	dir := logs.Dir(t.TempDir())
	s := newScribe(t, dir, id("aa", 0))
	r := logs.Selection{Dir: dir, Pool: "pool.api"}.Open()
	want(t, "nothing yet", begin(t, r, logs.Options{Lines: 10, Follow: true}))
	s.write(strings.Repeat("x", 5<<20))
	size := 0
	for _, piece := range more(t, r) {
		if !strings.HasSuffix(piece, `\`) {
			t.Fatalf("a piece of %d bytes ends the line", len(piece))
		}
		size += len(piece) - 1
	}
	if size != 5<<20 {
		t.Errorf("%d bytes of the line were read, want %d", size, 5<<20)
	}
	s.write("end\nnext\n")
	want(t, "what follows", more(t, r), "end", "next")
}

func TestFollow(t *testing.T) {
	dir := logs.Dir(t.TempDir())
	r := logs.Selection{Dir: dir, Pool: "pool.api"}.Open()
	want(t, "before there is anything", begin(t, r, logs.Options{Lines: 10, Follow: true}))
	a := newScribe(t, dir, id("aa", 1))
	a.write("a1\nhalf")
	want(t, "a first worker", more(t, r), "# pool.api/0@aa began", "a1")
	a.write(" a line\n")
	want(t, "the rest of a line", more(t, r), "half a line")
	b := newScribe(t, dir, id("bb", 2))
	b.write("b1\n")
	a.write("a2\n")
	want(t, "its replacement beside it", more(t, r), "a2", "# pool.api/0@bb began", "b1")
	a.write("last words")
	a.end("was killed by SIGKILL")
	want(t, "its end", more(t, r), `last words\`, "# pool.api/0@aa ended was killed by SIGKILL")
	b.write("b2\n")
	if _, err := dir.SetAside(b.id, 1, b.reopen); err != nil {
		t.Fatal(err)
	}
	b.write("b3\n")
	got := append(more(t, r), more(t, r)...)
	want(t, "a log that was set aside", got, "b2", "b3")
	if _, err := dir.SetAside(b.id, 1, b.reopen); err != nil {
		t.Fatal(err)
	}
	b.write("b4\n")
	if err := dir.Prune("pool.api", 0, 3, func(inc string) bool { return inc == "bb" }); err != nil {
		t.Fatal(err)
	}
	want(t, "a segment that is gone", append(more(t, r), more(t, r)...), "b4")
	if err := os.Truncate(dir.File(b.id), 0); err != nil {
		t.Fatal(err)
	}
	want(t, "an emptied file", more(t, r))
	b.write("b5\n")
	want(t, "an emptied file", more(t, r), "b5")
}

func TestFollowFindsNewPlaces(t *testing.T) {
	dir := logs.Dir(t.TempDir())
	newScribe(t, dir, id("aa", 1)).write("a1\n")
	r := logs.Selection{Dir: dir, Pool: "pool.api", Place: -1}.Open()
	want(t, "one place", begin(t, r, logs.Options{Lines: 10, Follow: true}), "a1")
	if r.Names() {
		t.Error("the lines of one place need no name")
	}
	other := id("bb", 2)
	other.Place = 1
	newScribe(t, dir, other).write("b1\n")
	want(t, "another place", more(t, r), "# pool.api/1@bb began", "b1")
	if !r.Names() {
		t.Error("the lines of two places need their names")
	}
}

func TestSince(t *testing.T) {
	stamped := func(minute int) string {
		return begun.Add(time.Duration(minute)*time.Minute).Format(time.RFC3339Nano) + " INFO text\n"
	}
	dir := logs.Dir(t.TempDir())
	a := newScribe(t, dir, id("aa", 0))
	a.write("plain old\n" + stamped(1) + "plain\n" + stamped(3) + "plain young\n")
	a.end("exited with status 0")
	b := newScribe(t, dir, id("bb", 300))
	b.write("plain of a young worker\n")
	line := func(minute int) string { return strings.TrimSuffix(stamped(minute), "\n") }
	for name, c := range map[string]struct {
		since int
		lines int
		want  []string
	}{
		"a stamped line": {2, -1, []string{"plain", line(3), "plain young", "plain of a young worker"}},
		"the last two":   {2, 2, []string{"plain young", "plain of a young worker"}},
		"a young worker": {4, -1, []string{"plain young", "plain of a young worker"}},
		"everything":     {0, -1, []string{"plain old", line(1), "plain", line(3), "plain young", "plain of a young worker"}},
		"nothing":        {1 << 30, -1, []string{}},
	} {
		r := logs.Selection{Dir: dir, Pool: "pool.api"}.Open()
		opts := logs.Options{Lines: c.lines, Since: begun.Add(time.Duration(c.since) * time.Minute)}
		want(t, name, begin(t, r, opts), c.want...)
	}
}
