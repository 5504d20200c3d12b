package marks_test

import (
	"testing"

	"github.com/hardtack-go/hardtack/marks"
)

// Hashes of one group and of one tag, which real ones are too rarely.
func TestTableOfHashesThatCollide(t *testing.T) {
	for name, key := range map[string]func(i uint64) uint64{
		"first group, one tag": func(i uint64) uint64 { return i << 16 },
		"last group, one tag":  func(i uint64) uint64 { return 0xffff_ffff_0000_0000 | i<<16 },
		"last group":           func(i uint64) uint64 { return 0xffff_ffff_0000_0000 | i<<8 },
		"neighbouring tags":    func(i uint64) uint64 { return i & 1 << 8 },
		"everywhere":           func(i uint64) uint64 { return i * 0x9e37_79b9_7f4a_7c15 },
	} {
		t.Run(name, func(t *testing.T) {
			table := marks.NewTable(0)
			put := map[uint64]int64{}
			for i := range uint64(200) {
				k := key(i)
				if _, _, ok := table.Get(k); ok != (put[k] != 0) {
					t.Fatalf("%#x: found %v", k, ok)
				}
				if put[k] == 0 {
					put[k] = noon + int64(i)
					table.Put(k, put[k], noon+1000)
				}
			}
			for k, want := range put {
				if before, until, ok := table.Get(k); !ok || before != want || until != noon+1000 {
					t.Errorf("%#x: %d %d %v, want %d", k, before, until, ok, want)
				}
			}
			for i := range uint64(200) {
				if _, _, ok := table.Get(key(i + 1<<20)); ok != (put[key(i+1<<20)] != 0) {
					t.Errorf("%#x: found %v", key(i+1<<20), ok)
				}
			}
		})
	}
}
