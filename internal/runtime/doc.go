// Package runtime turns the interpreter that a configuration names into a
// runtime with an identity: which Python it is, where it lies, and a fingerprint
// that changes when it becomes another one. It starts the interpreter once to
// ask it and remembers the answer; it installs nothing.
package runtime
