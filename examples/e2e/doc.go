// Package e2e holds tests and no code. They build examples/demo, run it, and use
// it from outside: in Chromium, behind nginx, as two processes that share files,
// with Node beside it. What Chromium does with cookies in flight is shown with a
// small application of its own (barrier_test.go).
//
// A test whose program is not installed is skipped, and fails if HARDTACK_CI=1.
package e2e
