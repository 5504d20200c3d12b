package keyring

import (
	"errors"
	"os"
	"syscall"
	"time"
)

// On Windows, a file can't be replaced while anybody has it open, and can't be opened
// while it is being replaced. Each takes microseconds here, but a virus scanner or a
// backup may hold a file for longer. So a writer tries for two seconds, as the go
// command does with its own files. A reader has the last good ring and tries again with
// the next look, so it only waits for a rename to end.
const (
	renameWait = 2 * time.Second
	openWait   = 50 * time.Millisecond
)

// rename is os.Rename.
func rename(from, to string) error {
	return whileShared(renameWait, func() error { return os.Rename(from, to) })
}

// open is os.Open.
func open(path string) (file *os.File, err error) {
	err = whileShared(openWait, func() error {
		file, err = os.Open(path)
		return err
	})
	return file, err
}

// whileShared calls do until it succeeds, fails for another reason than that somebody
// else has the file, or the time is over. MoveFileEx says "access denied" for a target
// that is open.
func whileShared(wait time.Duration, do func() error) error {
	for end := time.Now().Add(wait); ; time.Sleep(lockPoll) {
		err := do()
		if !errors.Is(err, sharingViolation) && !errors.Is(err, syscall.ERROR_ACCESS_DENIED) || time.Now().After(end) {
			return err
		}
	}
}
