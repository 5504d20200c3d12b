package measure

import (
	"fmt"
	"os"
)

// Line shows progress on one line of a terminal, over and over. In a file it
// would be nothing but control characters, so anything else gets nothing. The
// zero Line draws nowhere.
type Line struct{ to *os.File }

// NewLine returns a Line on f, most often os.Stderr.
func NewLine(f *os.File) Line {
	if info, err := f.Stat(); err != nil || info.Mode()&os.ModeCharDevice == 0 {
		return Line{}
	}
	return Line{f}
}

// Draw replaces what the line shows; an empty text clears it.
func (l Line) Draw(format string, args ...any) {
	if l.to != nil {
		fmt.Fprintf(l.to, "\r\033[K"+format, args...)
	}
}
