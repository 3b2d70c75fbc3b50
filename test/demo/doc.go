// Package demo runs scripts/demo.sh: it must tell the truth about the program that
// is built, fail when the program or the example does not do what it claims, and
// leave nothing behind however it ends.
package demo
