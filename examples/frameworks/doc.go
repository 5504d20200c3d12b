// Package frameworks holds tests and no code. They put a guard into gin, echo, chi and
// gorilla/mux in the way each is usually wired, on real servers, and in the ways that
// are known to go wrong.
package frameworks
