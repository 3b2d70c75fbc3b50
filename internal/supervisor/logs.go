package supervisor

import (
	"context"
	"fmt"
	"net/url"
	"path/filepath"
	"time"

	"github.com/snakectl/snakectl/internal/pool"
	"github.com/snakectl/snakectl/internal/worker"
)

// rotateEvery is how often the logs of running workers are looked at.
const rotateEvery = 30 * time.Second

// LogFiles returns the logs of a reference: one place, or every place of a pool,
// by worker address.
func (s *Supervisor) LogFiles(ref string) ([]LogFile, error) {
	parsed, err := pool.ParseWorkerRef(ref)
	if err != nil {
		return nil, pool.NewCallError(pool.CategoryInvalidArgument, "%s", err.Error())
	}
	r, err := s.find(parsed.Pool)
	if err != nil {
		return nil, err
	}
	desired, _ := s.table.accepted()
	size := 0
	if spec := desired.Pool(r.addr); spec != nil {
		size = max(spec.Size, s.table.sizeOf(spec))
	}
	var out []LogFile
	for place := range size {
		if parsed.Place == -1 || parsed.Place == place {
			out = append(out, LogFile{Worker: pool.WorkerAddress(r.addr, place), Path: s.logFile(r.addr, place)})
		}
	}
	if len(out) == 0 {
		return nil, noPlace(r.addr, parsed.Place)
	}
	return out, nil
}

// LogFile is what the workers of one place wrote to stdout and stderr.
type LogFile struct {
	Worker string
	Path   string
}

// logFile returns the log of a place: the address, escaped so that no key leaves
// the directory.
func (s *Supervisor) logFile(addr string, place int) string {
	return filepath.Join(s.cfg.Instance, "logs", url.PathEscape(addr), fmt.Sprintf("%d.log", place))
}

// rotateLogs keeps the logs of running workers within bounds until ctx ends.
func (s *Supervisor) rotateLogs(ctx context.Context) {
	tick := time.NewTicker(rotateEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		files, err := filepath.Glob(filepath.Join(s.cfg.Instance, "logs", "*", "*.log"))
		if err != nil {
			continue // the pattern is ours; it only fails on a bad instance path
		}
		for _, path := range files {
			if err := worker.Rotate(path); err != nil {
				s.log.Warn("cannot rotate a log", "path", path, "err", err)
			}
		}
	}
}
