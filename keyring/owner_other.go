//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd)

package keyring

import (
	"errors"
	"io/fs"
	"os"
)

// handOver does nothing: here a file is as safe as its directory makes it.
func handOver(*os.File, fs.FileInfo) error { return errors.ErrUnsupported }
