package worker

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
)

// forkRequest is one call of Fork.
type forkRequest struct {
	doc      Launch
	info     StartInfo
	document *os.File        // where the worker reads its launch document from
	answer   chan forkAnswer // takes the one answer; its writer must not wait
}

type forkAnswer struct {
	process *Process
	err     error
}

var errGivenUp = errors.New("nobody waits for the worker any more")

func (s *ForkServer) take(req *forkRequest) {
	if s.reason != nil {
		req.answer <- forkAnswer{err: s.reason}
		return
	}
	s.waiting = append(s.waiting, req)
	s.pump()
}

// giveUp answers a request that nobody waits for, unless it is answered already. A
// server that has not even preloaded, and that nobody else waits for, is given up
// with it: it may preload for ever.
func (s *ForkServer) giveUp(req *forkRequest) {
	for i, other := range s.waiting {
		if other == req {
			s.waiting = append(s.waiting[:i], s.waiting[i+1:]...)
			req.answer <- forkAnswer{err: errGivenUp}
			break
		}
	}
	for id, other := range s.forking {
		if other == req {
			delete(s.forking, id)
			req.document.Close()
			req.answer <- forkAnswer{err: errGivenUp}
		}
	}
	if s.state == serverPreloading && len(s.waiting) == 0 {
		s.dismiss()
	}
	s.pump()
}

// forked returns the request of that id, nil when nobody waits for it any more.
func (s *ForkServer) forked(id uint64) *forkRequest {
	req := s.forking[id]
	delete(s.forking, id)
	return req
}

// claim takes a newborn worker over, limits it and lets it begin.
func (s *ForkServer) claim(req *forkRequest, pid int) {
	process, err := s.reaper.Claim(pid)
	if err != nil {
		req.document.Close()
		req.answer <- forkAnswer{err: fmt.Errorf("%w: %w", ErrNotForked, err)}
		return
	}
	if err := confine(process, req.info); err != nil {
		req.document.Close() // it ends by itself
		req.answer <- forkAnswer{err: err}
		return
	}
	text, err := json.Marshal(req.doc)
	if err != nil {
		panic("internal error: cannot encode a launch document: " + err.Error()) // the server's own was the like
	}
	feed(req.document, text)
	req.answer <- forkAnswer{process: process}
}

// confine puts a process that was not started there into its control group, and
// limits it.
func confine(p *Process, info StartInfo) error {
	if info.Group != nil {
		members := filepath.Join(info.Group.Name(), "cgroup.procs")
		if err := os.WriteFile(members, []byte(strconv.Itoa(p.PID)), 0o600); err != nil {
			return fmt.Errorf("cannot put process %d into its control group: %w", p.PID, err)
		}
	}
	return errors.Join(p.Limit(info.Rlimits), p.Pin(info.CPUs))
}

// pump hands requests to the server.
func (s *ForkServer) pump() {
	for s.state == serverForking && len(s.waiting) > 0 && len(s.forking) < maxForking {
		req := s.waiting[0]
		s.waiting = s.waiting[1:]
		if err := s.order(req); err != nil {
			req.answer <- forkAnswer{err: fmt.Errorf("%w: %w", ErrNotForked, err)}
		}
	}
}

// order sends one request.
func (s *ForkServer) order(req *forkRequest) error {
	log, err := openLog(req.info.Log, req.doc.Address)
	if err != nil {
		return err
	}
	defer log.Close()
	read, write, err := os.Pipe()
	if err != nil {
		return err
	}
	defer read.Close()
	s.lastID++
	text, err := json.Marshal(forkOrder{ID: s.lastID})
	if err == nil {
		_, _, err = s.conn.WriteMsgUnix(text, syscall.UnixRights(int(log.Fd()), int(read.Fd())), nil)
	}
	if err != nil {
		write.Close()
		return fmt.Errorf("cannot ask the fork server: %w", err)
	}
	req.document = write
	s.forking[s.lastID] = req
	return nil
}
