package main

import (
	"context"
	"fmt"
	"net"

	"github.com/snakectl/snakectl/internal/wire"
)

// reloading returns the state that says that this process takes up something new; the
// next image says READY=1.
func reloading() string { return fmt.Sprintf("RELOADING=1\nMONOTONIC_USEC=%d", wire.Monotonic()/1000) }

// notifyManager tells the service manager that started this process a state,
// such as READY=1, through the datagram socket it named in NOTIFY_SOCKET. It
// does nothing where no manager asked.
func notifyManager(ctx context.Context, socket, state string) error {
	if socket == "" {
		return nil
	}
	if socket[0] == '@' {
		socket = "\x00" + socket[1:] // a name in the abstract namespace
	}
	var d net.Dialer
	conn, err := d.DialContext(ctx, "unixgram", socket)
	if err != nil {
		return fmt.Errorf("cannot notify the service manager: %w", err)
	}
	defer conn.Close()
	if _, err := conn.Write([]byte(state)); err != nil {
		return fmt.Errorf("cannot notify the service manager: %w", err)
	}
	return nil
}
