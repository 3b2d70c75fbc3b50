// Package examples runs what the directory examples shows, with the real program and,
// where an example installs some, with the real packages: first the commands that each
// configuration names in its head, then what each of them is an example of.
package examples
