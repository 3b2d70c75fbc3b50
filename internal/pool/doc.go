// Package pool holds the nouns that every other package speaks: the desired
// spec, the schema table with the effect of each attribute, addresses, the life
// cycle of a worker, launch hashes and the status that a supervisor reports.
//
// It is a leaf: it imports the standard library alone, reads no HCL, opens no
// file and asks no clock. Package spec fills its types from HCL, package planner
// compares them, package state stores them and package supervisor acts on them.
package pool
