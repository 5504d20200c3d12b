// Package mutants has tests and no code. They alter sealed cookies five million
// times for each format, and show that no altered cookie opens or causes a panic. A
// second test for each format shows that the same alterations get through a less
// strict parser, so they are able to find something.
package mutants
