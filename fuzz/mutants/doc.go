// Package mutants has tests and no code. They alter sealed cookies five million
// times for each format, and tickets a million times, and show that nothing altered
// opens or causes a panic. A second test for each format of cookies shows that the same
// alterations get through a less strict parser, so they are able to find something.
// Tickets are altered as JWE cookies are.
package mutants
