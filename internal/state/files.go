package state

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/snakectl/snakectl/internal/pool"
)

// sidecar is state.id: what the store must at least know. It is written after
// the transaction it tells of, so state.db may be ahead of it, never behind.
type sidecar struct {
	Lineage string `json:"lineage"`
	// Serial is the highest revision number ever accepted.
	Serial uint64 `json:"serial"`
}

// readSidecar returns nil when there is none, and an error that wraps ErrDamaged
// when there is one that says nothing.
func readSidecar(dir string) (*sidecar, error) {
	text, err := os.ReadFile(filepath.Join(dir, fileSidecar))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("cannot read %s: %w", fileSidecar, err)
	}
	var id sidecar
	if err := json.Unmarshal(text, &id); err != nil || id.Lineage == "" {
		return nil, damaged("%s cannot be read", fileSidecar)
	}
	return &id, nil
}

func writeSidecar(dir string, id sidecar) error {
	text, err := json.Marshal(id)
	if err != nil {
		return err
	}
	return writeFile(filepath.Join(dir, fileSidecar), append(text, '\n'), true)
}

// writeAccepted writes accepted.json, which is for people alone: nothing reads
// it back.
func writeAccepted(dir string, rev pool.Revision) error {
	text, err := json.MarshalIndent(rev, "", "  ")
	if err != nil {
		return err
	}
	return writeFile(filepath.Join(dir, fileAccepted), append(text, '\n'), false)
}

// writeFile replaces the file at path as a whole: a reader sees the old bytes or
// the new ones. With sync that holds after a power loss too.
func writeFile(path string, data []byte, sync bool) error {
	temp := path + ".tmp"
	file, err := os.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = file.Write(data)
	if err == nil && sync {
		err = file.Sync()
	}
	if closeErr := file.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		err = os.Rename(temp, path)
	}
	if err != nil {
		_ = os.Remove(temp)
	}
	return err
}

// copyFile does not sync: a copy that is to last is changed by a transaction,
// which does.
func copyFile(to, from string) error {
	src, err := os.Open(from)
	if err != nil {
		return err
	}
	defer src.Close()
	dst, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(dst, src)
	if closeErr := dst.Close(); err == nil {
		err = closeErr
	}
	return err
}

func syncFile(path string) error {
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	err = file.Sync()
	if closeErr := file.Close(); err == nil {
		err = closeErr
	}
	return err
}

// syncDir makes renames in dir last. Some file systems cannot sync a directory;
// they are no worse off than without it.
func syncDir(dir string) error {
	file, err := os.Open(dir)
	if err != nil {
		return err
	}
	_ = file.Sync()
	return file.Close()
}
