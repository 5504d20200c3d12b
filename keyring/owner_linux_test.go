package keyring_test

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/hardtack-go/hardtack/keyring"
)

// TestF412_RootRotates: a server that may read the key file as its owner, or by its group, can
// still do so after root has rotated the keys, and can rotate them itself.
func TestF412_RootRotates(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("not root: a key file of another user was not rotated")
	}
	for _, row := range []struct {
		uid, gid   int
		mode, want fs.FileMode
	}{
		{0, 0, 0o600, 0o600},
		{4711, 4712, 0o600, 0o600},
		{4711, 4712, 0o400, 0o600},
		{0, 4712, 0o640, 0o640},
		{4711, 4712, 0o644, 0o640}, // everybody is nobody that reads keys
	} {
		path := newKeyFile(t, textA)
		must(t, os.Chown(path, row.uid, row.gid))
		must(t, os.Chmod(path, row.mode))
		must(t, openFile(t, path, nil).Update((*keyring.Keyring).Rotate))
		want := fmt.Sprint(row.uid, row.gid, row.want)
		if got := owner(t, path); got != want {
			t.Errorf("%v: %s, want %s", row, got, want)
		}
		if got, want := owner(t, path+".lock"), fmt.Sprint(row.uid, row.gid, fs.FileMode(0o600)); got != want {
			t.Errorf("%v: the lock is %s, want %s", row, got, want)
		}
	}
	// What was there as a lock isn't given to anybody: it may be a link to something else.
	path := newKeyFile(t, textA)
	must(t, os.Chown(path, 4711, 4712))
	other := filepath.Join(t.TempDir(), "other")
	must(t, os.WriteFile(other, nil, 0o600))
	must(t, os.Symlink(other, path+".lock"))
	must(t, openFile(t, path, nil).Update((*keyring.Keyring).Rotate))
	if got, want := owner(t, other), fmt.Sprint(0, 0, fs.FileMode(0o600)); got != want {
		t.Errorf("the other file is %s, want %s", got, want)
	}
}

// owner returns who has a file, and its mode.
func owner(t *testing.T, path string) string {
	t.Helper()
	info, err := os.Stat(path)
	must(t, err)
	stat := info.Sys().(*syscall.Stat_t)
	return fmt.Sprint(stat.Uid, stat.Gid, info.Mode())
}
