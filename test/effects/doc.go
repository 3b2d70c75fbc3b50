// Package effects proves that the schema table tells the truth: it changes every
// attribute of a running pool and compares which workers were restarted with the effect
// that the table states. A row that is added is walked as well, by its own example.
package effects
