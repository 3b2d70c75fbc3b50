// Package runtime turns the interpreter that a configuration names into a
// runtime with an identity: which Python it is, where it lies, and a fingerprint
// that changes when it becomes another one. It starts an interpreter once to
// ask it and remembers the answer.
//
// Resolve finds the interpreter and describes the packages that are to be installed for
// it, with a key that stands for all that decides what that comes to; it installs
// nothing. Store.Build installs them, into a directory named by the key.
package runtime
