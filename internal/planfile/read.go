package planfile

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"

	"github.com/snakectl/snakectl/internal/planner"
)

// ErrNotPlan is wrapped by the error for bytes that are no zip file at all.
var ErrNotPlan = errors.New("it is not a plan file")

// zipMagic begins every zip file that has an entry.
const zipMagic = "PK\x03\x04"

// Is reports whether a file that begins with these bytes may be a plan file.
func Is(beginning []byte) bool { return bytes.HasPrefix(beginning, []byte(zipMagic)) }

// Decode reads what Encode wrote. It never unpacks more than MaxBytes, takes no name
// that leads elsewhere, and proves every checksum; a plan for another revision than the
// manifest says is refused.
func Decode(b []byte) (*File, error) {
	if !Is(b) {
		return nil, ErrNotPlan
	}
	if len(b) > MaxBytes {
		return nil, fmt.Errorf("it has %d bytes and a plan file at most %d", len(b), MaxBytes)
	}
	entries, err := unpack(b)
	if err != nil {
		return nil, err
	}
	f := &File{Config: map[string][]byte{}}
	if err := readJSON(entries, entryManifest, &f.Manifest); err != nil {
		return nil, err
	}
	if f.Manifest.Format != Format {
		return nil, fmt.Errorf("its format is %d, written by snakectl %s; this version reads format %d: plan again", f.Manifest.Format, f.Manifest.Version, Format)
	}
	if err := prove(entries, f.Manifest.Files); err != nil {
		return nil, err
	}
	if err := f.take(entries); err != nil {
		return nil, err
	}
	return f, nil
}

// take decodes the entries, whose checksums are good.
func (f *File) take(entries map[string][]byte) (err error) {
	if f.Plan, err = planner.Decode(entries[entryPlan]); err != nil {
		return err
	}
	if f.Plan.Lineage != f.Manifest.Lineage || f.Plan.BaseRevision != f.Manifest.BaseRevision {
		return errors.New("its manifest speaks of another plan")
	}
	if err := readJSON(entries, entryObserved, &f.Observed); err != nil {
		return err
	}
	if err := readJSON(entries, entryVars, &f.Variables); err != nil {
		return err
	}
	if _, there := entries[entryDesired]; there {
		if err := readJSON(entries, entryDesired, &f.Desired); err != nil {
			return err
		}
	}
	if (f.Desired == nil) != f.Plan.Options.Destroy {
		return errors.New("it does not say what is wanted")
	}
	for name, content := range entries {
		if short, ok := strings.CutPrefix(name, configDir); ok {
			f.Config[short] = content
		}
	}
	return nil
}

// unpack returns the content of every entry.
func unpack(b []byte) (map[string][]byte, error) {
	z, err := zip.NewReader(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		return nil, fmt.Errorf("it is damaged: %w", err)
	}
	if len(z.File) > MaxEntries {
		return nil, fmt.Errorf("it has %d entries and a plan file at most %d", len(z.File), MaxEntries)
	}
	out := map[string][]byte{}
	left := int64(MaxBytes)
	for _, entry := range z.File {
		if !validName(entry.Name) {
			return nil, fmt.Errorf("it has an entry %q, which no plan file has", entry.Name)
		}
		if _, twice := out[entry.Name]; twice {
			return nil, fmt.Errorf("it has %s twice", entry.Name)
		}
		content, err := unpackEntry(entry, left)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", entry.Name, err)
		}
		out[entry.Name] = content
		left -= int64(len(content))
	}
	return out, nil
}

// unpackEntry reads at most left bytes, whatever the header promises.
func unpackEntry(entry *zip.File, left int64) ([]byte, error) {
	r, err := entry.Open()
	if err != nil {
		return nil, fmt.Errorf("it is damaged: %w", err)
	}
	defer r.Close()
	content, err := io.ReadAll(io.LimitReader(r, left+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("it is damaged: %w", err)
	case int64(len(content)) > left:
		return nil, fmt.Errorf("it unpacks to more than the %d bytes of a plan file", MaxBytes)
	}
	return content, nil
}

// validName reports whether a plan file may have an entry of that name.
func validName(name string) bool {
	switch name {
	case entryManifest, entryPlan, entryDesired, entryObserved, entryVars:
		return true
	}
	below, ok := strings.CutPrefix(name, configDir)
	return ok && below != "." && fs.ValidPath(below) && !strings.Contains(below, `\`)
}

// prove compares every entry with the checksum in the manifest.
func prove(entries map[string][]byte, sums map[string]string) error {
	for name := range sums {
		if _, there := entries[name]; !there {
			return fmt.Errorf("%s is missing", name)
		}
	}
	for name, content := range entries {
		switch sum, listed := sums[name]; {
		case name == entryManifest:
		case !listed:
			return fmt.Errorf("its manifest does not have %s", name)
		case sum != checksum(content):
			return fmt.Errorf("%s is not what was saved", name)
		}
	}
	return nil
}

func readJSON(entries map[string][]byte, name string, into any) error {
	content, there := entries[name]
	if !there {
		return fmt.Errorf("%s is missing", name)
	}
	if err := json.Unmarshal(content, into); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}
