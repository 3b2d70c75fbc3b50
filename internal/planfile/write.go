package planfile

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/snakectl/snakectl/internal/planner"
)

// Encode returns the bytes of a plan file. The manifest's format, lineage, revision and
// checksums are filled in.
func Encode(f *File) ([]byte, error) {
	entries, err := f.entries()
	if err != nil {
		return nil, fmt.Errorf("cannot save the plan: %w", err)
	}
	manifest := f.Manifest
	manifest.Format, manifest.Lineage, manifest.BaseRevision = Format, f.Plan.Lineage, f.Plan.BaseRevision
	manifest.Files = map[string]string{}
	total := 0
	for name, content := range entries {
		manifest.Files[name] = checksum(content)
		total += len(content)
	}
	if entries[entryManifest], err = json.MarshalIndent(manifest, "", " "); err != nil {
		return nil, fmt.Errorf("cannot save the plan: %w", err)
	}
	total += len(entries[entryManifest])
	switch {
	case len(entries) > MaxEntries:
		return nil, fmt.Errorf("cannot save the plan: the configuration has %d files and a plan file holds at most %d entries", len(f.Config), MaxEntries)
	case total > MaxBytes:
		return nil, fmt.Errorf("cannot save the plan: it has %d bytes and a plan file holds at most %d", total, MaxBytes)
	}
	return pack(entries)
}

// entries returns the content of every entry but the manifest.
func (f *File) entries() (map[string][]byte, error) {
	out := map[string][]byte{entryPlan: planner.Encode(f.Plan)}
	for name, content := range f.Config {
		if !validName(configDir + name) {
			return nil, fmt.Errorf("%q is no name below the configuration's directory", name)
		}
		out[configDir+name] = content
	}
	values := map[string]any{entryObserved: f.Observed, entryVars: f.Variables}
	if f.Desired != nil {
		values[entryDesired] = f.Desired
	}
	for name, value := range values {
		content, err := json.Marshal(value)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		out[name] = content
	}
	return out, nil
}

// pack writes the entries in a fixed order, with no time: the manifest first.
func pack(entries map[string][]byte) ([]byte, error) {
	names := slices.Sorted(maps.Keys(entries))
	names = slices.DeleteFunc(names, func(name string) bool { return name == entryManifest })
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, name := range append([]string{entryManifest}, names...) {
		h := &zip.FileHeader{Name: name, Method: zip.Deflate}
		h.SetMode(0o600)
		w, err := z.CreateHeader(h)
		if err == nil {
			_, err = io.Copy(w, bytes.NewReader(entries[name]))
		}
		if err != nil {
			return nil, fmt.Errorf("cannot save the plan: %s: %w", name, err)
		}
	}
	if err := z.Close(); err != nil {
		return nil, fmt.Errorf("cannot save the plan: %w", err)
	}
	return b.Bytes(), nil
}

func checksum(content []byte) string {
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:])
}
