//go:build !race

// Package race tells tests whether the race detector is on. It adds
// allocations of its own, so tests that count allocations skip under it.
package race

// Enabled says that this program was built with the race detector.
const Enabled = false
