package client_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/snakectl/snakectl/client"
)

func Example() {
	ctx := context.Background()
	c, err := client.Dial(ctx, "/var/lib/snakectl/supervisor.sock")
	if errors.Is(err, client.ErrNoSupervisor) {
		fmt.Fprintln(os.Stderr, "start it with `snakectl supervisor start`")
		return
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return
	}
	defer c.Close()

	result, err := c.Exec(ctx, "api", "resize", map[string]any{"path": "a.png", "width": 200}, client.Timeout(5*time.Second))
	var failed *client.Error
	switch {
	case errors.As(err, &failed):
		fmt.Fprintln(os.Stderr, failed.Category, failed.Started, failed)
		return
	case err != nil:
		fmt.Fprintln(os.Stderr, err)
		return
	}
	var size struct{ Width, Height int }
	if err := result.Decode(&size); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return
	}
	fmt.Println(result.Worker, size.Width, size.Height, result.Exec)
}

func ExampleClient_Apply() {
	ctx := context.Background()
	c := client.New("/var/lib/snakectl/supervisor.sock")
	defer c.Close()

	var desired client.Desired // what the snakectl command evaluates *.hcl files to
	plan, err := c.Plan(ctx, client.PlanRequest{Desired: &desired})
	if err != nil || plan.Empty() {
		return
	}
	req := client.ApplyRequest{Desired: &desired, Approved: plan, By: "ops@host"}
	outcome, err := c.Apply(ctx, req, func(e client.Event) { fmt.Println(e.Type, e.Addr, e.Msg) })
	if err == nil {
		fmt.Println(outcome.Result, outcome.Revision)
	}
}
