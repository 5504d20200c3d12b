//go:build !race

// Package race tells tests whether the race detector is on. The race detector
// allocates too, so tests that count allocations skip when it is on.
package race

// Enabled reports whether this program was built with the race detector.
const Enabled = false
