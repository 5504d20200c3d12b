//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package keyring

import (
	"errors"
	"io/fs"
	"os"
	"syscall"
)

// tryLock takes the lock if nobody has it. If somebody does, unlock is nil. The lock
// belongs to the open file, so it works between goroutines as well as between
// processes, and is released if the process dies. The file stays: if it were removed,
// a second writer could lock a new one while a third still waits for the old one. It
// belongs to whom the key file belongs, or root would lock out that writer for good.
func tryLock(path string, key fs.FileInfo) (unlock func(), err error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err == nil {
		_ = handOver(file, key) // or it belongs to this process
	} else if errors.Is(err, fs.ErrExist) {
		file, err = os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	}
	if err != nil {
		return nil, err
	}
	err = syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if err == nil {
		return func() { file.Close() }, nil
	}
	file.Close()
	if errors.Is(err, syscall.EWOULDBLOCK) || errors.Is(err, syscall.EINTR) {
		return nil, nil
	}
	return nil, &os.PathError{Op: "lock", Path: path, Err: err}
}
