// Package access decides who may do what on the socket of an instance: it turns
// the names of a configuration into ids, and answers for a peer that the kernel
// has named. It opens no socket and knows no route.
package access
