// Package mutants holds tests and no code. They alter sealed cookies five million
// times for each format and show that none opens and none panics; a second test
// for each shows that the same alterations do get through a parser that is less
// strict, so that they are able to find something.
package mutants
