package keyring_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/hardtack-go/hardtack/keyring"
)

// Two processes that start at once: one creates the file, and whoever finds it
// there finds all of it. Nothing is left beside it.
func TestCreateFile_AtOnce(t *testing.T) {
	dir := t.TempDir()
	for i := range 100 {
		path := filepath.Join(dir, fmt.Sprint(i))
		var created atomic.Int32
		var wg sync.WaitGroup
		for range 2 {
			r := keyring.Generate()
			wg.Go(func() {
				switch err := keyring.CreateFile(path, r); {
				case err == nil:
					created.Add(1)
				case !errors.Is(err, fs.ErrExist):
					t.Error(err)
				}
				if _, err := keyring.OpenFile(path, nil); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if n := created.Load(); n != 1 {
			t.Errorf("%d created it", n)
		}
	}
	if files, err := os.ReadDir(dir); err != nil || len(files) != 100 {
		t.Errorf("%d files, want 100: %v", len(files), err)
	}
}
