package main

import (
	"fmt"
	"io/fs"
	"os"

	"github.com/snakectl/snakectl/internal/access"
	"github.com/snakectl/snakectl/internal/wire"
)

// The modes of an instance directory: for the owner alone, and for others who may
// reach the socket in it. They can list nothing, and every other file in it is the
// owner's alone.
const (
	closedDir = 0o700
	openedDir = 0o711
)

// openSocket opens the socket, and the directory that it is in, as far as the
// policy asks and no further. What cannot be done is logged: credentials decide in
// any case who may do what.
func openSocket(cfg supervisorConfig, listener *wire.Listener, policy *access.Policy) {
	mode, group := policy.Opening()
	if err := openInstance(cfg.Instance, mode); err != nil {
		cfg.Log.Warn("other users may not reach the socket", "err", err)
	}
	err := listener.Open(mode, group)
	if err != nil && group != access.NoGroup {
		cfg.Log.Info("the socket is open to all users, of whom credentials choose", "err", err)
		err = listener.Open(0o666, access.NoGroup)
	}
	if err != nil {
		cfg.Log.Error("cannot set the mode of the socket", "err", err)
	}
}

// openInstance lets others pass through the instance directory to a socket of that
// mode, or ends that. A directory that its owner opened in another way stays as it is.
func openInstance(dir string, socket fs.FileMode) error {
	info, err := os.Stat(dir)
	if err != nil {
		return fmt.Errorf("cannot open the instance directory: %w", err)
	}
	wanted, now := fs.FileMode(openedDir), info.Mode().Perm()
	if socket == 0o600 {
		wanted = closedDir
	}
	if now == wanted || (now != closedDir && now != openedDir) {
		return nil
	}
	if err := os.Chmod(dir, wanted); err != nil {
		return fmt.Errorf("cannot open the instance directory: %w", err)
	}
	return nil
}
