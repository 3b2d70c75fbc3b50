package state_test

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/snakectl/snakectl/internal/pool"
	"github.com/snakectl/snakectl/internal/state"
)

const pageSize = 4096

// lived returns an instance directory with a history: three revisions, the last
// one in progress, workers enough for several pages, a quarantine, an override.
func lived(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	s := mustOpen(t, dir)
	for n := 1; n <= 3; n++ {
		rev := accept(t, s, n)
		if n == 3 {
			break
		}
		if err := s.FinishRevision(rev.Number, pool.RevisionStable, "op"+string(rune('a'+n)), pool.Outcome{Result: pool.ResultConverged}); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.PutWorkers(workers(20)); err != nil {
		t.Fatal(err)
	}
	why := "exited 3 times in 60s"
	if err := s.SetQuarantine("pool.api", 30, &why); err != nil {
		t.Fatal(err)
	}
	if err := s.SetOverride("pool.api", &pool.Override{Size: 6, By: "ops@box", At: testTime}); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return dir
}

func workers(n int) []pool.Worker {
	var out []pool.Worker
	for i := range n {
		out = append(out, pool.Worker{
			Pool: "pool.api", Place: i, Incarnation: fmt.Sprintf("%04x", i*7919%65536), State: pool.WorkerReady,
			PID: 4000 + i, StartTime: 99, BootID: "boot", TokenHash: "aa", LaunchHash: "bb", Revision: 3,
			StartedAt: testTime, Spec: desired(3).Pools[0], Runtime: pool.Runtime{Name: "default"},
		})
	}
	return out
}

// clone copies an instance directory.
func clone(t *testing.T, from string) string {
	t.Helper()
	to := t.TempDir()
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
	return to
}

func readFile(t *testing.T, elem ...string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(elem...))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func writeFile(t *testing.T, data []byte, elem ...string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(elem...), data, 0o600); err != nil {
		t.Fatal(err)
	}
}

func removeBackups(t *testing.T, dir string) {
	t.Helper()
	for n := 1; n <= 5; n++ {
		_ = os.Remove(filepath.Join(dir, fmt.Sprintf("state.db.bak.%d", n)))
	}
}

// mustKeepOrTell opens a damaged instance and fails unless the accepted revision
// is there or its loss is announced, and the store works afterwards.
func mustKeepOrTell(t *testing.T, dir string, before *state.View) *state.Recovery {
	t.Helper()
	copied, copyErr := state.ReadCopy(dir)
	if copyErr != nil {
		t.Fatalf("ReadCopy = %v", copyErr)
	}
	s, news, err := state.Open(dir, options())
	if err != nil {
		t.Fatalf("Open = %v", err)
	}
	defer s.Close()
	after, err := s.View()
	if err != nil {
		t.Fatalf("View = %v", err)
	}
	if news == nil {
		if diff := cmp.Diff(before, after, cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("the store changed in silence (-before +after):\n%s", diff)
		}
		if copied.Notice != "" {
			t.Fatalf("ReadCopy says %q, Open says nothing", copied.Notice)
		}
		return nil
	}
	if news.Message == "" || after.Notice != news.Message {
		t.Fatalf("the recovery %+v is told as %q", news, after.Notice)
	}
	if news.Revision != after.Revision || copied.Revision != after.Revision {
		t.Fatalf("the recovery tells of revision %d, ReadCopy of %d, the store has %d", news.Revision, copied.Revision, after.Revision)
	}
	if after.Revision == before.Revision {
		if diff := cmp.Diff(before.Accepted, after.Accepted); diff != "" {
			t.Fatalf("revision %d came back different (-before +after):\n%s", after.Revision, diff)
		}
	} else if news.Lost != before.Revision {
		t.Fatalf("revision %d became %d and the recovery says that %d is lost", before.Revision, after.Revision, news.Lost)
	}
	if after.Lineage != before.Lineage {
		t.Fatalf("lineage %q became %q", before.Lineage, after.Lineage)
	}
	if rev := accept(t, s, 9); rev.Number != before.Revision+1 {
		t.Fatalf("the next revision is %d, want %d", rev.Number, before.Revision+1)
	}
	return news
}

func viewOf(t *testing.T, dir string) *state.View {
	t.Helper()
	v, err := state.ReadCopy(dir)
	if err != nil || v.Notice != "" {
		t.Fatalf("ReadCopy = %+v, %v", v, err)
	}
	return v
}

type damage struct {
	name string
	// do returns the damaged bytes; nil removes the file.
	do func(data []byte) []byte
	// harmless: the file still holds everything.
	harmless bool
}

func zero(pages ...int) func([]byte) []byte {
	return func(data []byte) []byte {
		for _, p := range pages {
			clear(data[p*pageSize : (p+1)*pageSize])
		}
		return data
	}
}

func damages(size int) []damage {
	out := []damage{
		{name: "removed", do: func([]byte) []byte { return nil }},
		{name: "zero bytes", do: func(d []byte) []byte { return d[:0] }},
		{name: "meta 0 zeroed", do: zero(0)},
		{name: "meta 1 zeroed", do: zero(1)},
		{name: "both metas zeroed", do: zero(0, 1)},
		{name: "all zero", do: func(d []byte) []byte { clear(d); return d }},
		{name: "text", do: func([]byte) []byte { return []byte("not a database\n") }},
		{name: "garbage behind", do: func(d []byte) []byte { return append(d, "garbage"...) }, harmless: true},
	}
	for _, at := range []int{1, 15, 16, 79, 80, 1024, 4095} {
		out = append(out, cut(at))
	}
	for at := pageSize; at < size; at += 3 * pageSize {
		out = append(out, cut(at))
	}
	return out
}

func cut(at int) damage {
	return damage{name: fmt.Sprintf("cut at %d", at), do: func(d []byte) []byte { return d[:at] }}
}

func inflict(t *testing.T, dir string, d damage) {
	t.Helper()
	path := filepath.Join(dir, "state.db")
	data := d.do(readFile(t, path))
	if data == nil {
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		return
	}
	writeFile(t, data, path)
}

func TestDamageNeverLosesInSilence(t *testing.T) {
	t.Parallel()
	origin := lived(t)
	before := viewOf(t, origin)
	for _, d := range damages(len(readFile(t, origin, "state.db"))) {
		t.Run(d.name, func(t *testing.T) {
			t.Parallel()
			dir := clone(t, origin)
			inflict(t, dir, d)
			news := mustKeepOrTell(t, dir, before)
			if (news == nil) != d.harmless && d.name[:3] != "cut" {
				t.Errorf("Open told %+v", news)
			}
			if news != nil && news.From != "" && news.Revision != before.Revision {
				t.Errorf("revision %d was restored, a backup has %d", news.Revision, before.Revision)
			}
		})
		t.Run(d.name+" without backups", func(t *testing.T) {
			t.Parallel()
			dir := clone(t, origin)
			removeBackups(t, dir)
			inflict(t, dir, d)
			mustKeepOrTell(t, dir, before)
		})
	}
}

// TestRandomDamage overwrites whole pages and single bytes of the file, of its
// newest backup and of the sidecar.
func TestRandomDamage(t *testing.T) {
	t.Parallel()
	origin := lived(t)
	before := viewOf(t, origin)
	whole := readFile(t, origin, "state.db")
	seeds := 60
	if testing.Short() {
		seeds = 20
	}
	told := 0
	for seed := range seeds {
		rnd := rand.New(rand.NewPCG(uint64(seed), 7))
		dir := clone(t, origin)
		data := append([]byte(nil), whole...)
		switch seed % 3 {
		case 0:
			page := rnd.IntN(len(data) / pageSize)
			for i := range pageSize {
				data[page*pageSize+i] = byte(rnd.Uint32())
			}
		case 1:
			for range 1 + rnd.IntN(4) {
				data[rnd.IntN(len(data))] = byte(rnd.Uint32())
			}
		case 2: // one page over another: sound bytes at the wrong place
			from, to := rnd.IntN(len(data)/pageSize), rnd.IntN(len(data)/pageSize)
			copy(data[to*pageSize:(to+1)*pageSize], whole[from*pageSize:])
		}
		writeFile(t, data, dir, "state.db")
		if seed%5 == 0 {
			writeFile(t, data[:rnd.IntN(len(data))], dir, "state.db.bak.1")
		}
		if news := mustKeepOrTell(t, dir, before); news != nil {
			told++
		}
	}
	if told < seeds/4 {
		t.Errorf("%d of %d damaged files were noticed: the damage does not reach the data", told, seeds)
	}
}

// TestCraftedDamage changes single numbers of the file's structure: those that
// would send a reader in a circle, out of the file, or past a record.
func TestCraftedDamage(t *testing.T) {
	t.Parallel()
	const branch, leaf, freelist = 0x01, 0x02, 0x10
	origin := lived(t)
	before := viewOf(t, origin)
	whole := readFile(t, origin, "state.db")
	order := binary.NativeEndian
	kinds := map[uint16]int{}
	damaged := func(name string, page int, change func(page []byte)) {
		t.Run(fmt.Sprintf("%s of page %d", name, page), func(t *testing.T) {
			t.Parallel()
			dir := clone(t, origin)
			data := append([]byte(nil), whole...)
			change(data[page*pageSize : (page+1)*pageSize])
			writeFile(t, data, dir, "state.db")
			mustKeepOrTell(t, dir, before)
		})
	}
	for page := 2; page < len(whole)/pageSize; page++ {
		header := whole[page*pageSize:]
		kind, count := order.Uint16(header[8:]), order.Uint16(header[10:])
		kinds[kind]++
		damaged("overflow", page, func(p []byte) { p[12]++ })
		switch kind {
		case branch:
			damaged("circle", page, func(p []byte) { order.PutUint64(p[24:], uint64(page)) })
			damaged("wild child", page, func(p []byte) { order.PutUint64(p[24:], 1<<40) })
			damaged("meta as child", page, func(p []byte) { order.PutUint64(p[24:], 1) })
		case leaf:
			damaged("last record", page, func(p []byte) { order.PutUint16(p[10:], count-1) })
			damaged("record's size", page, func(p []byte) { order.PutUint32(p[28:], 1<<31) })
			damaged("record's place", page, func(p []byte) { order.PutUint32(p[20:], 1<<31) })
		case freelist:
			damaged("endless list", page, func(p []byte) { order.PutUint16(p[10:], 0xFFFF); order.PutUint64(p[16:], 1<<62) })
			for used := 2; used < len(whole)/pageSize; used += 5 {
				damaged(fmt.Sprintf("page %d in the list", used), page, func(p []byte) { order.PutUint64(p[16:], uint64(used)) })
			}
		}
	}
	if kinds[branch] == 0 || kinds[leaf] < 5 || kinds[freelist] == 0 {
		t.Fatalf("the file has too few pages of some kind: %v", kinds)
	}
}
