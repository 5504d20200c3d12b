package keyring

import (
	"errors"
	"os"
	"syscall"
	"time"
)

// On Windows, a file can't be replaced or removed while anybody has it open, not even
// under another name, and can't be opened while it is being replaced. Each takes
// microseconds here, but a virus scanner or a backup may hold a file for longer. So all
// of them try for two seconds, as the go command does with its own files.
const shareWait = 2 * time.Second

// rename is os.Rename. MoveFileEx says "access denied" of a target that is open.
func rename(from, to string) error {
	return whileHeld(func() error { return os.Rename(from, to) }, sharingViolation, syscall.ERROR_ACCESS_DENIED)
}

// remove is os.Remove. What it removes has keys in it, and must not stay.
func remove(path string) error {
	return whileHeld(func() error { return os.Remove(path) }, sharingViolation, syscall.ERROR_ACCESS_DENIED)
}

// open is os.Open. Here "access denied" means what it says, and no request waits for it.
func open(path string) (file *os.File, err error) {
	err = whileHeld(func() error {
		file, err = os.Open(path)
		return err
	}, sharingViolation)
	return file, err
}

// whileHeld calls do until it succeeds, fails in a way that doesn't mean that somebody
// else has the file, or the time is over.
func whileHeld(do func() error, held ...syscall.Errno) error {
	for end := time.Now().Add(shareWait); ; time.Sleep(lockPoll) {
		err := do()
		again := false
		for _, errno := range held {
			again = again || errors.Is(err, errno)
		}
		if !again || time.Now().After(end) {
			return err
		}
	}
}
