// Package handover replaces the image of the running process by another one that
// goes on with its work: descriptors stay open across execve, and a document says
// what each of them is for.
package handover

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"syscall"
)

// Version is the form of the document. An image takes no other one.
const Version = 1

// Variable holds the number of the document's descriptor in the environment of the
// new image.
const Variable = "SNAKECTL_HANDOVER"

// envelope is the document as it is written.
type envelope struct {
	Version int             `json:"version"`
	Body    json.RawMessage `json:"body"`
}

// Exec replaces this process by a program, which finds the document by Receive. The
// descriptors in keep stay open in it, under their numbers; all others are closed. It
// returns only if that fails, and then everything is as it was.
func Exec(program string, args, env []string, document any, keep []int) error {
	body, err := json.Marshal(document)
	if err != nil {
		return fmt.Errorf("cannot encode the handover: %w", err)
	}
	text, err := json.Marshal(envelope{Version: Version, Body: body})
	if err != nil {
		return fmt.Errorf("cannot encode the handover: %w", err)
	}
	file, err := scratch()
	if err != nil {
		return fmt.Errorf("cannot write the handover: %w", err)
	}
	defer file.Close()
	if _, err := file.Write(text); err != nil {
		return fmt.Errorf("cannot write the handover: %w", err)
	}
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return fmt.Errorf("cannot write the handover: %w", err)
	}
	fd := int(file.Fd()) //nolint:gosec // a descriptor fits
	all := append([]int{fd}, keep...)
	syscall.ForkLock.Lock() // no child may inherit what is open for a moment
	defer syscall.ForkLock.Unlock()
	if err := setCloseOnExec(all, false); err != nil {
		return errors.Join(err, setCloseOnExec(all, true))
	}
	err = syscall.Exec(program, args, append(env, Variable+"="+strconv.Itoa(fd))) //nolint:gosec // an administrator named it
	return errors.Join(fmt.Errorf("cannot become %s: %w", program, err), setCloseOnExec(all, true))
}

// Receive reads the document that a former image left into v. It reports false when
// there is none, which is the usual start of a program.
func Receive(v any) (bool, error) {
	text, ok := os.LookupEnv(Variable)
	if !ok {
		return false, nil
	}
	if err := os.Unsetenv(Variable); err != nil {
		return false, err
	}
	fd, err := strconv.Atoi(text)
	if err != nil || fd < 3 {
		return false, fmt.Errorf("%s=%q does not name a descriptor", Variable, text)
	}
	syscall.CloseOnExec(fd)
	file := os.NewFile(uintptr(fd), "handover")
	defer file.Close()
	body, err := io.ReadAll(file)
	if err != nil {
		return false, fmt.Errorf("cannot read the handover: %w", err)
	}
	var e envelope
	if err := json.Unmarshal(body, &e); err != nil {
		return false, fmt.Errorf("cannot read the handover: %w", err)
	}
	if e.Version != Version {
		return false, fmt.Errorf("the handover has form %d, this program takes form %d", e.Version, Version)
	}
	if err := json.Unmarshal(e.Body, v); err != nil {
		return false, fmt.Errorf("cannot read the handover: %w", err)
	}
	return true, nil
}

func setCloseOnExec(fds []int, on bool) error {
	var flag uintptr
	if on {
		flag = syscall.FD_CLOEXEC
	}
	for _, fd := range fds {
		if _, _, errno := syscall.Syscall(syscall.SYS_FCNTL, uintptr(fd), syscall.F_SETFD, flag); errno != 0 { //nolint:gosec // a descriptor fits
			return fmt.Errorf("cannot hand descriptor %d over: %w", fd, errno)
		}
	}
	return nil
}
