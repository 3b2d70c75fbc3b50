package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// buildRelay compiles the relay and returns its path, "" without a C compiler.
func buildRelay(ctx context.Context, dir string) string {
	out := filepath.Join(dir, "relay")
	cmd := exec.CommandContext(ctx, "cc", "-O2", "-o", out, filepath.Join(dir, "relay.c"))
	if err := cmd.Run(); err != nil {
		return ""
	}
	return out
}

// startRelay starts the relay and returns when it listens.
func startRelay(ctx context.Context, program, front, target string) (*exec.Cmd, error) {
	cmd := exec.CommandContext(ctx, program, front, target)
	cmd.Stderr = os.Stderr
	said, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("cannot start the relay: %w", err)
	}
	if _, err := bufio.NewReader(said).ReadString('\n'); err != nil {
		_ = cmd.Wait()
		return nil, fmt.Errorf("the relay does not listen: %w", err)
	}
	return cmd, nil
}

// peers is a Python process that measures what Python offers by itself.
type peers struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out *json.Decoder
}

// startPeers starts a script in dir.
func startPeers(ctx context.Context, dir, python string, args ...string) (*peers, error) {
	cmd := exec.CommandContext(ctx, python, args...)
	cmd.Dir, cmd.Stderr = dir, os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("cannot start the peers: %w", err)
	}
	return &peers{cmd: cmd, in: in, out: json.NewDecoder(out)}, nil
}

// measure returns how long each call of a peer took; what count counts is the script's.
func (p *peers) measure(name string, count int) ([]time.Duration, error) {
	if _, err := fmt.Fprintln(p.in, name, count); err != nil {
		return nil, err
	}
	var took []time.Duration
	if err := p.out.Decode(&took); err != nil {
		return nil, fmt.Errorf("cannot measure %s: %w", name, err)
	}
	return took, nil
}

func (p *peers) stop() {
	_ = p.in.Close()
	_ = p.cmd.Wait()
}
