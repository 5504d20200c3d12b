//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd || windows)

package keyring

import (
	"errors"
	"io/fs"
	"os"
)

// tryLock takes the lock by creating the lock file, and releases it by removing the
// file. If somebody else has it, unlock is nil. If a process dies in between, the
// file stays, and a person has to remove it.
func tryLock(path string, _ fs.FileInfo) (unlock func(), err error) {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		if info, err := os.Lstat(path); err == nil && !info.Mode().IsRegular() {
			return nil, &fs.PathError{Op: "lock", Path: path, Err: errNotRegular} // no writer made this
		}
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	file.Close()
	return func() { os.Remove(path) }, nil
}
