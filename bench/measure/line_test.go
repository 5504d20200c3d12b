package measure_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/hardtack-go/hardtack/bench/measure"
)

// A log that a run is redirected to holds no control characters.
func TestLineDrawsOnATerminalAlone(t *testing.T) {
	file := filepath.Join(t.TempDir(), "log")
	f, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	measure.NewLine(f).Draw("%d of %d", 1, 2)
	measure.Line{}.Draw("")
	if b, err := os.ReadFile(file); err != nil || len(b) > 0 {
		t.Errorf("%q, %v", b, err)
	}
}
