// Package harness runs the real snakectl for tests: it builds the binary, gives
// each test a private instance, and proves at the end that nothing of the
// instance is left: no supervisor, no worker, no grandchild of a worker.
//
// It knows the program only from outside, by its commands and its processes, so
// that it can't be fooled by the code it tests.
package harness
