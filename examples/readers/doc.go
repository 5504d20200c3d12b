// Package readers has a reader of session cookies in Python (hardtack.py) and one in Ruby
// (hardtack.rb), to be copied into an application that isn't written in Go, and their tests.
package readers
