package keyring_test

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/hardtack-go/hardtack/keyring"
)

// A file that cannot be a key file, a log or a disk image by mistake, is refused
// without being read into memory.
func TestFile_ReadsNoMoreThanASet(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys.json")
	if err := keyring.CreateFile(path, keyring.Generate()); err != nil {
		t.Fatal(err)
	}
	const size = 64 << 20
	if err := os.Truncate(path, size); err != nil { // a hole: it takes no disk
		t.Skip("no large files here: ", err)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err := keyring.OpenFile(path, nil)
	runtime.ReadMemStats(&after)
	if err == nil || !strings.Contains(err.Error(), "too long") {
		t.Errorf("OpenFile: %v", err)
	}
	if n := after.TotalAlloc - before.TotalAlloc; n > size/16 {
		t.Errorf("refusing it took %d MB", n>>20)
	}
}

// Without a time there is no ring, and the file is not looked at either: a clock
// that is not set yet must not cost a request a disk.
func TestFile_NoTimeNoLook(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys.json")
	if err := keyring.CreateFile(path, keyring.Generate()); err != nil {
		t.Fatal(err)
	}
	faults := 0
	file, err := keyring.OpenFile(path, func(error) { faults++ })
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if file.At(time.Time{}) != nil || file.Refresh(time.Time{}) != nil {
		t.Error("a ring at the zero time")
	}
	if faults != 0 {
		t.Error("the file was looked at")
	}
	if file.At(time.Now()) == nil || faults != 1 {
		t.Errorf("at a real time: %d faults; the test shows nothing", faults)
	}
}
