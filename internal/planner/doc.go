// Package planner decides, and only decides: it compares a desired spec with
// what was accepted and what runs, and returns what would change. It performs no
// I/O and reads no clock, so the same input always gives the same bytes, and what
// `plan` prints is what `apply` does: both call Decide.
package planner
