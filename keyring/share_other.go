//go:build !windows

package keyring

import "os"

// rename is os.Rename. An open file can be replaced.
func rename(from, to string) error { return os.Rename(from, to) }

// open is os.Open. A file can be opened while it is being replaced.
func open(path string) (*os.File, error) { return os.Open(path) }

// remove is os.Remove.
func remove(path string) error { return os.Remove(path) }
