// Package marks ends sessions before their time, without asking a store: one
// session, all sessions of a user, those that an outside name links, or all.
//
// A mark is pushed to every instance, which holds all marks in memory. A [Set] judges a
// session against them in some tens of nanoseconds. Package fleet brings marks to the
// instances of an application over an engine that it runs; a [Snapshotter] and a
// [Reader] bring them to programs that have no connection to it, such as workers at the
// edge.
//
// Package ssestore asks about each session in Load, if Config.Marks is set. Without it,
// this package does nothing and costs nothing.
package marks
