//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package keyring

import (
	"io/fs"
	"syscall"
)

// hasNoName reports whether the file is no longer in any directory.
func hasNoName(info fs.FileInfo) bool {
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && stat.Nlink == 0
}
