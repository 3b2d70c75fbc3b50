package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/snakectl/snakectl/internal/pool"
	"github.com/snakectl/snakectl/internal/state"
)

// compatOptions are the flags of compat.
type compatOptions struct {
	vars    varOptions
	config  string
	noProbe bool
	json    bool
}

func newCompatCommand(a *App) *cobra.Command {
	var opts compatOptions
	cmd := command{
		use:   "compat [POOL] [--config DIR|FILE] [--no-probe] [--json]",
		short: "Judge whether the libraries of a pool fit it",
		long: `Print how the libraries of the accepted pools, or of those of a configuration, fit
threads, an interpreter without a GIL, and being forked after their import: each verdict
with its evidence. That is the metadata and files of what is installed, dated notes on what
projects say of their libraries, and, on a free-threaded Python, what importing each
extension module does to the GIL. The last runs code of the packages; --no-probe does not.`,
		examples: [2]string{"snakectl compat api", "snakectl compat --config pools.hcl --no-probe --json"},
		args:     cobra.MaximumNArgs(1),
		run: func(ctx context.Context, args []string) error {
			return a.runCompat(ctx, strings.Join(args, ""), opts)
		},
	}.cobra(a)
	opts.vars.bind(cmd)
	cmd.Flags().StringVar(&opts.config, "config", "", "judge the pools of a configuration that need not be applied")
	cmd.Flags().BoolVar(&opts.noProbe, "no-probe", false, "import nothing")
	cmd.Flags().BoolVar(&opts.json, "json", false, "print a JSON list of pools")
	return cmd
}

func (a *App) runCompat(ctx context.Context, name string, opts compatOptions) error {
	addr := ""
	if name != "" {
		var err error
		if addr, err = pool.ParseAddress(name); err != nil {
			return err
		}
	}
	dir, err := a.instanceDir()
	if err != nil {
		return err
	}
	desired, err := a.compared(ctx, dir, opts)
	if err != nil {
		return err
	}
	m := matchmaker{store: environmentsOf(dir), probing: !opts.noProbe, all: true}
	all := []kinship{}
	for i := range desired.Pools {
		p := &desired.Pools[i]
		if addr != "" && p.Address() != addr {
			continue
		}
		k, err := m.match(ctx, p, desired.Runtimes[p.Runtime])
		if err != nil {
			return err
		}
		all = append(all, k)
	}
	if addr != "" && len(all) == 0 {
		return fmt.Errorf("there is no %s; there are: %s", addr, strings.Join(declaredAddresses(desired), ", "))
	}
	if opts.config == "" {
		a.tellWorkers(ctx, addr, all)
	}
	if opts.json {
		return writeJSON(a.Stdout, all, a.StdoutTTY)
	}
	fmt.Fprint(a.Stdout, renderCompat(all))
	return nil
}

// compared returns the pools that compat is about: those of a configuration, else the
// accepted ones.
func (a *App) compared(ctx context.Context, dir string, opts compatOptions) (*pool.Desired, error) {
	if opts.config != "" {
		conf, err := a.load(ctx, []string{opts.config}, opts.vars, false)
		if err != nil {
			return nil, err
		}
		return &conf.desired, nil
	}
	view, err := state.ReadCopy(dir)
	if err != nil {
		return nil, fmt.Errorf("cannot tell which pools there are: %w", err)
	}
	desired := view.Observed().Accepted
	if desired == nil || len(desired.Pools) == 0 {
		return nil, errors.New(`no pools are accepted in this instance: apply some, or judge a configuration with --config DIR`)
	}
	return desired, nil
}

func declaredAddresses(desired *pool.Desired) []string {
	var out []string
	for i := range desired.Pools {
		out = append(out, desired.Pools[i].Address())
	}
	return out
}

// tellWorkers adds what the running workers say of their GIL. Without a supervisor there
// are none to ask.
func (a *App) tellWorkers(ctx context.Context, addr string, all []kinship) {
	c, err := a.client()
	if err != nil {
		return
	}
	defer c.Close()
	var only []string
	if addr != "" {
		only = []string{addr}
	}
	status, err := c.Status(ctx, only...)
	if err != nil {
		return
	}
	for i := range all {
		for _, st := range status.Pools {
			if st.Address == all[i].Address && st.Ready > 0 {
				all[i].GIL, all[i].Message = st.GIL, st.Message
			}
		}
	}
}
