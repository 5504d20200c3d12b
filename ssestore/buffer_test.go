package ssestore_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/hardtack-go/hardtack/ssestore"
)

// TestBuffer_NothingShared: requests open their cookies into buffers that are
// used again. Whatever the sizes, none sees what another opened.
func TestBuffer_NothingShared(t *testing.T) {
	each(t, func(t *testing.T, c codec) {
		store := newStore(t, c, ring(t, 1))
		note := ssestore.NewKey[string]("note")
		var lines [][]string
		var sessions []*ssestore.Session
		content := func(i int) string { return strings.Repeat(string(rune('a'+i)), []int{0, 3, 30, 200, 1500}[i%5]) }
		for i := range 20 {
			b := visited(t, store, func(s *ssestore.Session) {
				login(t, s, fmt.Sprintf("user-%02d", i))
				must(t, note.Set(s, content(i)))
			})
			lines = append(lines, b.lines())
		}
		for _, l := range lines {
			sessions = append(sessions, store.Load(l, t0))
		}
		// Two valid values: the second must not be read over the first.
		two := store.Load([]string{lines[0][0] + "; " + lines[1][0]}, t0)
		same(t, "two", two.Identity().ID, "")
		for i, s := range sessions {
			same(t, "user", s.Identity().ID, fmt.Sprintf("user-%02d", i))
			same(t, "data", note.Get(s), content(i))
			same(t, "stamp", s.Identity().Stamp.KeyID, ring(t, 1).Primary().ID())
		}
	})
}
