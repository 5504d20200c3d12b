package measure

import (
	"fmt"
	"os"
)

// A Line shows progress on one line of a terminal, over and over. It draws nothing
// anywhere else, because a file would get nothing but control characters. A terminal
// that doesn't know them says so in TERM, and a console of Windows doesn't have TERM. The
// zero Line draws nothing.
type Line struct{ to *os.File }

// NewLine returns a Line on f, which is usually os.Stderr.
func NewLine(f *os.File) Line {
	info, err := f.Stat()
	if term := os.Getenv("TERM"); err != nil || info.Mode()&os.ModeCharDevice == 0 || term == "" || term == "dumb" {
		return Line{}
	}
	return Line{f}
}

// Draw replaces what the line shows. An empty text clears it.
func (l Line) Draw(format string, args ...any) {
	if l.to != nil {
		fmt.Fprintf(l.to, "\r\033[K"+format, args...)
	}
}
