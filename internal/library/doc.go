// Package library judges whether a Python library fits the way a pool uses it: in
// threads, on a free-threaded interpreter, forked after its import. It derives what it
// says from facts, and names them: what a lock or a directory of wheels calls the
// package, what is installed (the tags of its wheel, its extension modules, its
// classifiers), what a probe saw when it was imported, and a short list of notes, each
// with the page of the project's own that says so and the day that was read.
//
// It is pure: whoever calls it has looked. That the GIL stays off says nothing of
// whether a library may be used by several threads, and no verdict says so.
package library
