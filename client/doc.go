// Package client talks to a snakectl supervisor over its Unix socket: it
// executes commands on the pools' workers, asks for their status, and plans and
// applies configurations. It is what the snakectl command itself uses.
//
//	c := client.New("/var/lib/snakectl/supervisor.sock")
//	defer c.Close()
//	result, err := c.Exec(ctx, "api", "resize", map[string]any{"path": "a.png"}, client.Timeout(5*time.Second))
//
// A Client is safe for concurrent use. Each call has a connection of its own
// while it runs; connections are kept for the next calls.
//
// A call that failed returns an error that errors.As finds an *[Error] in: its
// category says what went wrong, and Started and Retryable whether to try again.
// For a call that passed its deadline errors.Is also finds
// context.DeadlineExceeded, for one that its caller cancelled context.Canceled,
// and [ErrNoSupervisor] when nobody listens on the socket.
//
// It starts no supervisor and evaluates no configuration: that is the command's.
package client
