// Package e2e has tests and no code. They build examples/demo, run it, and use it
// from outside: in Chromium, behind nginx, as two processes that share files, and
// with Node next to it. A small application of its own shows what Chromium does with
// cookies in flight (barrier_test.go).
//
// If a program isn't installed, its tests are skipped, or fail if HARDTACK_CI=1.
package e2e
