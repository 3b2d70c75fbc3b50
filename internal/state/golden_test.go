package state_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/snakectl/snakectl/internal/pool"
	"github.com/snakectl/snakectl/internal/state"
)

// goldenDB was written by the first release of format 1. It must stay readable;
// a change of the format gets a file of its own beside it. UPDATE=1 writes a
// file that is not there yet.
var goldenDB = filepath.Join("testdata", "format1.db")

func TestGoldenFileIsStillRead(t *testing.T) {
	wanted := filepath.Join("testdata", "format1.json")
	if _, err := os.Stat(goldenDB); os.IsNotExist(err) && os.Getenv("UPDATE") == "1" {
		writeGolden(t, wanted)
	}
	dir := t.TempDir()
	writeFile(t, readFile(t, goldenDB), dir, "state.db")
	got, err := state.ReadCopy(dir)
	if err != nil {
		t.Fatal(err)
	}
	want := &state.View{}
	if err := json.Unmarshal(readFile(t, wanted), want); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("ReadCopy of %s (-want +got):\n%s", goldenDB, diff)
	}
}

func writeGolden(t *testing.T, wanted string) {
	t.Helper()
	dir := t.TempDir()
	s := mustOpen(t, dir)
	accept(t, s, 1)
	rev := accept(t, s, 2)
	if err := s.FinishRevision(rev.Number, pool.RevisionStable, "opc", pool.Outcome{Result: pool.ResultConverged}); err != nil {
		t.Fatal(err)
	}
	why := "exited 3 times in 60s"
	for _, err := range []error{
		s.PutWorkers(workers(3)),
		s.SetQuarantine("pool.api", 3, &why),
		s.SetOverride("pool.api", &pool.Override{Size: 4, By: "ops@box", At: testTime}),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	v, err := s.View()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	text, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll("testdata", 0o755); err != nil {
		t.Fatal(err)
	}
	writeFile(t, readFile(t, dir, "state.db"), goldenDB)
	writeFile(t, append(text, '\n'), wanted)
}

// FuzzDamagedFile patches bytes of a good file, cuts it, and opens it. Whatever
// the bytes are, nothing may panic, fault or hang, and what is returned in
// silence must be what was written.
func FuzzDamagedFile(f *testing.F) {
	whole, err := os.ReadFile(goldenDB)
	if err != nil {
		f.Fatal(err)
	}
	pages := len(whole) / pageSize
	for page := range pages {
		f.Add(uint32(page*pageSize), []byte{0xff, 0xff, 0xff}, uint32(0))
		f.Add(uint32(page*pageSize+10), []byte{0x01}, uint32(0))    // fewer elements
		f.Add(uint32(page*pageSize+24), []byte{0x03, 0}, uint32(0)) // another page's number
		f.Add(uint32(page*pageSize+12), []byte{0xff}, uint32(1))
	}
	f.Fuzz(func(t *testing.T, at uint32, patch []byte, cut uint32) {
		dir := t.TempDir()
		data := append([]byte(nil), whole...)
		copy(data[int(at)%len(data):], patch)
		data = data[:len(data)-int(cut)%len(data)]
		writeFile(t, whole, dir, "state.db")
		before, err := state.ReadCopy(dir)
		if err != nil {
			t.Fatal(err)
		}
		writeFile(t, data, dir, "state.db")
		writeFile(t, []byte(`{"lineage":"`+before.Lineage+`","serial":2}`), dir, "state.id")
		mustKeepOrTell(t, dir, before)
	})
}
