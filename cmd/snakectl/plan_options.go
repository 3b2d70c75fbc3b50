package main

import (
	"strings"

	"github.com/spf13/pflag"

	"github.com/snakectl/snakectl/internal/planner"
	"github.com/snakectl/snakectl/internal/pool"
)

// scopeOptions are the flags that select what of a configuration is planned.
type scopeOptions struct {
	targets, exclude, replace []string
	destroy, refreshOnly      bool
}

func (o *scopeOptions) bind(flags *pflag.FlagSet) {
	flags.StringArrayVar(&o.targets, "target", nil, "change only this address (POOL, runtime.python.NAME, settings); may be repeated")
	flags.StringArrayVar(&o.exclude, "exclude", nil, "do not change this address; may be repeated")
}

// bindReplace adds the flags that make no sense for a destroy.
func (o *scopeOptions) bindReplace(flags *pflag.FlagSet) {
	flags.StringArrayVar(&o.replace, "replace", nil, "give this pool or worker (POOL/PLACE) new processes though nothing differs; may be repeated")
	flags.BoolVar(&o.refreshOnly, "refresh-only", false, "accept the sizes that were set by hand, and change nothing else")
}

// options returns the planner's options, with canonical addresses.
func (o *scopeOptions) options() (planner.Options, error) {
	out := planner.Options{Destroy: o.destroy, RefreshOnly: o.refreshOnly}
	for _, list := range []struct {
		given []string
		into  *[]string
	}{{o.targets, &out.Targets}, {o.exclude, &out.Exclude}} {
		for _, text := range list.given {
			address, err := planAddress(text)
			if err != nil {
				return out, err
			}
			*list.into = append(*list.into, address)
		}
	}
	for _, text := range o.replace {
		ref, err := pool.ParseWorkerRef(text)
		if err != nil {
			return out, err
		}
		address := ref.Pool
		if ref.Place >= 0 {
			address = pool.WorkerAddress(ref.Pool, ref.Place)
		}
		out.Replace = append(out.Replace, address)
	}
	return out, nil
}

// planAddress returns the canonical form of an address in a plan.
func planAddress(text string) (string, error) {
	if text == planner.SettingsAddress || strings.HasPrefix(text, "runtime.") {
		return text, nil
	}
	return pool.ParseAddress(text)
}
