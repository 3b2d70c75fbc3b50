// Package cgroup keeps processes in control groups of version 2, by the files of
// the hierarchy: Find looks where groups can be made and changes nothing, Open
// prepares the place, Make makes one group. It knows nothing of workers and pools.
//
// A group outlives the process that made it: what is left of a former owner is
// found by its name. Everything here is files, so that a directory can stand in for
// the hierarchy in a test; on a system without cgroup v2 Find says so.
package cgroup
