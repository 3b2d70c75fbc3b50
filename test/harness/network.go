package harness

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"path/filepath"
)

// NetworkSockets returns a line for each TCP or UDP socket that a process of the
// instance holds: there should be none.
func (i *Instance) NetworkSockets() ([]string, error) {
	processes, err := i.Processes()
	if err != nil {
		return nil, err
	}
	inodes, err := internetSockets()
	if err != nil {
		return nil, err
	}
	var found []string
	for _, p := range processes {
		names, err := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", p.PID))
		if err != nil {
			return nil, err
		}
		for _, name := range names {
			// The descriptor may be closed by now.
			link, err := os.Readlink(name)
			if table, ok := inodes[link]; err == nil && ok {
				found = append(found, fmt.Sprintf("%v holds %s of %s", p, link, table))
			}
		}
	}
	return found, nil
}

// internetSockets maps "socket:[inode]" to the table that lists it.
func internetSockets() (map[string]string, error) {
	inodes := map[string]string{}
	for _, table := range []string{"tcp", "tcp6", "udp", "udp6"} {
		text, err := os.ReadFile("/proc/net/" + table)
		if os.IsNotExist(err) {
			continue
		}
		if err != nil {
			return nil, err
		}
		lines := bufio.NewScanner(bytes.NewReader(text))
		for lines.Scan() {
			const inodeColumn = 9
			if fields := bytes.Fields(lines.Bytes()); len(fields) > inodeColumn {
				inodes[fmt.Sprintf("socket:[%s]", fields[inodeColumn])] = table
			}
		}
	}
	return inodes, nil
}
