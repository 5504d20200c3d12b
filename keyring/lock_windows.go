package keyring

import (
	"io/fs"
	"os"
	"syscall"
)

// sharingViolation is ERROR_SHARING_VIOLATION of winerror.h, which package syscall
// doesn't have.
const sharingViolation = syscall.Errno(32)

// tryLock takes the lock if nobody has it. If somebody does, unlock is nil. The lock is
// the open file itself, which nobody else may open meanwhile (share mode 0). Windows
// closes it if the process dies. The file stays, as it does elsewhere.
func tryLock(path string, _ fs.FileInfo) (unlock func(), err error) {
	name, err := syscall.UTF16PtrFromString(path)
	if err != nil {
		return nil, &os.PathError{Op: "lock", Path: path, Err: err}
	}
	const alone = 0
	file, err := syscall.CreateFile(name, syscall.GENERIC_READ|syscall.GENERIC_WRITE, alone, nil,
		syscall.OPEN_ALWAYS, syscall.FILE_ATTRIBUTE_NORMAL, 0)
	switch err {
	case nil:
		return func() { syscall.CloseHandle(file) }, nil
	case sharingViolation:
		return nil, nil
	}
	return nil, &os.PathError{Op: "lock", Path: path, Err: err}
}
