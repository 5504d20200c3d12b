// Package rig is a complete application for the tests of module signin: a user table
// with compare-and-set, a guard, a desk, pages that say who is logged in, browsers with
// cookie jars, a catcher of mails, and counters of seals and hashes. Nothing in it is
// mocked but the network between the browser and the application, which [Options]
// can make real.
//
// A way adds what it stores about a user in a file of its own: its fields are a struct
// that [User] embeds.
package rig
