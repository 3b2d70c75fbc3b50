// Package docs keeps the documentation true: it runs every console block of
// README.md and of the pages below docs, in order, and compares what the commands
// print with what the page says they print.
//
// The blocks of one page share a scratch directory, an instance and a shell's
// variables. In a ```console block a line that begins with "$ " is a command, lines
// that begin with "> " continue it, and the lines up to the next command are its
// output (standard error included). "..." alone on a line stands for any lines,
// inside a line for any text. A command must exit with 0; ```console exit=2 says
// that the last one of the block exits with 2. ```console norun is for what a test
// can't do, such as installing a compiler, and ```console packages for what installs
// packages from an index: the environments of all examples are built, or found, before
// the page is read.
//
// A block that names a file (```hcl file=pools.hcl) writes it. Every other hcl
// block must be valid syntax.
package docs
