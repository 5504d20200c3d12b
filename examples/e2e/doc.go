// Package e2e has tests and no code. They build examples/demo, run it, and use it
// from outside: in Chromium, behind nginx, as two processes that share files, and
// with Node next to it. TestAxe_EveryPage looks at every page with axe-core, which npm
// installs in a temporary folder, and TestDemo_KeyboardAloneWithoutScript goes through the
// demo as its name says. A small application of its own shows what Chromium
// does with cookies in flight (barrier_test.go).
//
// If a program isn't installed, its tests are skipped, or fail if HARDTACK_CI=1. With
// HARDTACK_SHOTS=folder, the tests save pictures of the pages there.
package e2e
