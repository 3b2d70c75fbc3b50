// Package script runs the scripts of testdata against the real binary, real
// supervisors and real Python workers. A script is a testscript (commands, then
// files); commands_test.go lists the commands that it has besides the usual ones.
package script
