package main

import (
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/snakectl/snakectl/internal/pool"
)

// renderStatus returns the status as tables: one line per pool and, with
// workers, one per worker below.
func renderStatus(s *pool.Status, workers bool, now time.Time) string {
	var b strings.Builder
	b.WriteString(supervisorLine(s, now) + "\n")
	if s.Supervisor.Notice != "" {
		b.WriteString("Notice: " + s.Supervisor.Notice + "\n")
	}
	if len(s.Pools) == 0 {
		b.WriteString("No pools. Declare one in pools.hcl and run: snakectl apply\n")
		return b.String()
	}
	b.WriteByte('\n')
	b.WriteString(poolTable(s.Pools))
	for i := range s.Pools {
		if p := &s.Pools[i]; p.Message != "" {
			fmt.Fprintf(&b, "\n%s: %s\n", p.Address, p.Message)
		}
		if p := &s.Pools[i]; p.Spawned != "" {
			fmt.Fprintf(&b, "\n%s: workers are spawned, not forked: %s\n", p.Address, p.Spawned)
		}
		if text := pauseText(s.Pools[i].Paused, s.Pools[i].Address); text != "" {
			fmt.Fprintf(&b, "\n%s: %s\n", s.Pools[i].Address, text)
		}
		if text := breakerText(s.Pools[i].Breaker); text != "" {
			fmt.Fprintf(&b, "\n%s: %s\n", s.Pools[i].Address, text)
		}
		if hasQuarantine(&s.Pools[i]) {
			fmt.Fprintf(&b, "\n%s keeps places empty whose workers failed too often. Mend the cause, then run: snakectl apply\n", s.Pools[i].Address)
		}
	}
	if workers {
		for i := range s.Pools {
			if len(s.Pools[i].Workers) > 0 {
				b.WriteString("\n" + workerTable(s.Pools[i].Workers, now))
			}
			b.WriteString(progressLines(s.Pools[i].Workers))
			if deaths := deathTable(s.Pools[i].Workers, now); deaths != "" {
				b.WriteString("\n" + deaths)
			}
		}
	}
	return b.String()
}

func hasQuarantine(p *pool.PoolStatus) bool {
	return slices.ContainsFunc(p.Workers, func(w pool.WorkerStatus) bool { return w.State == pool.WorkerQuarantined })
}

// supervisorLine says who answers.
func supervisorLine(s *pool.Status, now time.Time) string {
	return fmt.Sprintf("Supervisor %s, pid %d, up %s, revision %d, instance %s",
		s.Supervisor.Version, s.Supervisor.PID, age(s.Supervisor.StartedAt, now), s.Revision, s.Supervisor.Instance)
}

func poolTable(pools []pool.PoolStatus) string {
	rows := [][]string{{"POOL", "PROFILE", "PYTHON", "GIL", "SIZE", "READY", "SLOTS", "BUSY", "QUEUED", "OK", "FAILED", "TIMEOUT", "REJECTED", "RESTARTS"}}
	for i := range pools {
		p := &pools[i]
		name := p.Address
		if p.Default {
			name += " (default)"
		}
		rejected := p.Calls.Rejected + p.Calls.QueueTimeout
		rows = append(rows, cells(name, p.Profile, or(p.Python, "-"), or(p.GIL, "-"), p.Size, p.Ready, capacityOf(p), p.Busy, p.Queued,
			p.Calls.OK, p.Calls.Failed, p.Calls.Timeout, rejected, p.Restarts))
	}
	return table(rows)
}

func workerTable(workers []pool.WorkerStatus, now time.Time) string {
	rows := [][]string{{"WORKER", "STATE", "PID", "UP", "CALLS", "MEMORY", "LAUNCH", "MESSAGE"}}
	for i := range workers {
		w := &workers[i]
		name := w.Address
		if w.Incarnation != "" {
			name = pool.Incarnate(w.Address, w.Incarnation)
		}
		pid, up := "-", "-"
		if w.PID != 0 {
			pid = fmt.Sprint(w.PID)
		}
		if w.StartedAt != nil {
			up = age(*w.StartedAt, now)
		}
		message := firstLine(w.Message)
		if w.Paused != nil {
			message = strings.TrimPrefix(message+"; "+pauseText(w.Paused, w.Address), "; ")
		}
		rows = append(rows, cells(name, w.State, pid, up, w.Calls, bytesText(w.RSSBytes), shortHash(w.LaunchHash), message))
	}
	return table(rows)
}

func cells(values ...any) []string {
	out := make([]string, len(values))
	for i, v := range values {
		out[i] = fmt.Sprint(v)
	}
	return out
}

// table aligns rows in columns two spaces apart, without trailing blanks.
func table(rows [][]string) string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	for _, row := range rows {
		fmt.Fprintln(w, strings.Join(row, "\t"))
	}
	if err := w.Flush(); err != nil {
		panic("internal error: writing to memory failed: " + err.Error())
	}
	lines := strings.Split(b.String(), "\n")
	for i, line := range lines {
		lines[i] = strings.TrimRight(line, " ")
	}
	return strings.Join(lines, "\n")
}

// age returns how long ago a moment was, in at most two units: 3m20s, 2d4h.
func age(since, now time.Time) string {
	d := max(now.Sub(since), 0)
	switch {
	case d < time.Minute:
		return d.Truncate(time.Second).String()
	case d < time.Hour:
		return pool.Duration(d.Truncate(time.Second)).String()
	case d < 24*time.Hour:
		return pool.Duration(d.Truncate(time.Minute)).String()
	}
	return pool.Duration(d.Truncate(time.Hour)).String()
}

func bytesText(n int64) string {
	if n <= 0 {
		return "-"
	}
	return pool.Size(n).Short()
}

func shortHash(hash string) string {
	const short = 8
	if len(hash) > short {
		return hash[:short]
	}
	if hash == "" {
		return "-"
	}
	return hash
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(text), "\n")
	return line
}
