// Package spec reads a configuration: *.hcl and *.hcl.json files become a
// pool.Desired, or diagnostics that name file, line, pool and the mend. It is the
// only package that knows HCL and cty, and only the command line uses it: a
// supervisor never parses a configuration.
//
// What attributes exist, their types, defaults and bounds is not written here
// but in the schema table of package pool; the decoder, the defaults, the
// diagnostics and the reference page all read it.
//
// The package starts no process: runtimes keep their interpreter as written and
// pools have no code snapshot. Packages runtime and code fill those in.
package spec
