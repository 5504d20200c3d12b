//go:build !windows

package main

// showsColours reports whether w is a terminal that shows colours.
func showsColours(w any) bool { return isTerminal(w) }
