// Package access tests who may do what on the socket of a supervisor, with
// processes of other users: the real program, the real kernel, the public client.
package access
