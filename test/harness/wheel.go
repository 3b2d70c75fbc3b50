package harness

import (
	"archive/zip"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"hash/crc32"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Wheel writes a pure Python wheel into dir and returns its path. files are its modules,
// by path, and requires what its metadata says that it needs. The bytes are a function of
// the arguments, so that a hash of it can be known.
func Wheel(dir, name, version string, files map[string]string, requires ...string) (path string, err error) {
	info := fmt.Sprintf("%s-%s.dist-info/", name, version)
	metadata := fmt.Sprintf("Metadata-Version: 2.1\nName: %s\nVersion: %s\n", name, version)
	if len(requires) > 0 {
		metadata += "Requires-Dist: " + strings.Join(requires, "\nRequires-Dist: ") + "\n"
	}
	all := maps.Clone(files)
	all[info+"METADATA"] = metadata
	all[info+"WHEEL"] = "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
	var record strings.Builder
	names := slices.Sorted(maps.Keys(all))
	for _, file := range names {
		sum := sha256.Sum256([]byte(all[file]))
		fmt.Fprintf(&record, "%s,sha256=%s,%d\n", file, base64.RawURLEncoding.EncodeToString(sum[:]), len(all[file]))
	}
	all[info+"RECORD"] = record.String() + info + "RECORD,,\n"
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	path = filepath.Join(dir, fmt.Sprintf("%s-%s-py3-none-any.whl", name, version))
	f, err := os.Create(path)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	archive := zip.NewWriter(f)
	for _, file := range append(names, info+"RECORD") {
		size := uint64(len(all[file]))
		w, err := archive.CreateRaw(&zip.FileHeader{ // whose sizes come first: uv reads a wheel as a stream
			Name: file, Method: zip.Store, Modified: time.Unix(1<<30, 0).UTC(),
			CRC32: crc32.ChecksumIEEE([]byte(all[file])), CompressedSize64: size, UncompressedSize64: size,
		})
		if err != nil {
			return "", err
		}
		if _, err := w.Write([]byte(all[file])); err != nil {
			return "", err
		}
	}
	return path, archive.Close()
}
