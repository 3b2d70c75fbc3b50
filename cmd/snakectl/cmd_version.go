package main

import (
	"context"
	"encoding/json"
	"fmt"
	"runtime"

	"github.com/spf13/cobra"
)

// versionInfo is what `snakectl version --json` prints.
type versionInfo struct {
	Version  string `json:"version"`
	Commit   string `json:"commit,omitempty"`
	Go       string `json:"go"`
	Platform string `json:"platform"`
}

func newVersionCommand(a *App) *cobra.Command {
	var asJSON bool
	cmd := command{
		use:      "version [--json]",
		short:    "Print the version of this program",
		long:     `Print the version of this program and what it was built with and for.`,
		examples: [2]string{"snakectl version", "snakectl version --json"},
		args:     cobra.NoArgs,
		run: func(context.Context, []string) error {
			info := versionInfo{Version: a.Version, Commit: a.Commit, Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
			if asJSON {
				return json.NewEncoder(a.Stdout).Encode(info)
			}
			fmt.Fprintf(a.Stdout, "snakectl %s (%s, %s)\n", info.Version, info.Go, info.Platform)
			return nil
		},
	}.cobra(a)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}
