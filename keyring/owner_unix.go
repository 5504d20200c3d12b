//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package keyring

import (
	"io/fs"
	"os"
	"syscall"
)

// handOver gives a new file to the owner and the group of an old one, if this process may:
// root may give it to anybody, and its owner to a group of their own.
func handOver(file *os.File, old fs.FileInfo) error {
	was := old.Sys().(*syscall.Stat_t)
	return file.Chown(int(was.Uid), int(was.Gid))
}
