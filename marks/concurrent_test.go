package marks_test

import (
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hardtack-go/hardtack/internal/race"
	"github.com/hardtack-go/hardtack/marks"
)

// Each reader checks what was applied before it looked, while tables grow, marks change,
// and others are forgotten. It never waits for the writer, and the writer never for it.
func TestN42_ReadersWhileMarksAreAdded(t *testing.T) {
	rounds := int64(30_000)
	if testing.Short() || race.Enabled {
		rounds = 5000
	}
	set := marks.New(marks.Policy{Max: 1 << 20, FailClosed: true, MaxStale: 1e6 * time.Hour})
	set.Fresh(at(noon))
	var applied atomic.Int64 // the rounds that are over
	var done atomic.Bool
	later := noon + rounds + 100 // no mark but a session's ends that
	id := func(i int64) string { return fmt.Sprint("s", i) }

	var readers sync.WaitGroup
	for r := range int64(3) {
		readers.Go(func() {
			for i := r; !done.Load(); i += 7 {
				n := applied.Load()
				if k := i % max(n, 1); n > 0 && set.Judge(marks.About{Session: id(k), Issued: later, Now: noon + n}) != revoked {
					t.Errorf("mark %d of %d isn't seen", k, n)
					return
				}
				// Before and Until of "user", and of all, grow together. Who sees the one
				// sees the other.
				for _, user := range []string{"user", "nobody"} {
					b := set.NotBefore(user)
					if user == "user" && n > 0 && b < noon+n {
						t.Errorf("after %d rounds Before is %d", n, b-noon)
						return
					}
					if b > 0 && set.Judge(marks.About{User: user, Issued: b - 1, Now: b + 99}) != revoked && set.NotBefore(user) == b {
						t.Errorf("%s: Before is %d, Until isn't yet %d", user, b-noon, b-noon+100)
						return
					}
				}
				if set.Judge(marks.About{Session: "other", User: "other", Issued: later, Now: noon + rounds}) != none {
					t.Error("a session ended that no mark is about")
					return
				}
				if set.Len() < 0 || set.Bytes() < 0 || set.Age(at(noon)) != 0 {
					t.Error("the counts are wrong")
					return
				}
				runtime.Gosched()
			}
		})
	}
	for i := range rounds {
		now := at(noon + i)
		set.Apply(now,
			marks.Mark{Kind: marks.Session, ID: id(i), Until: noon + 2*rounds},
			marks.Mark{Kind: marks.User, ID: fmt.Sprint("u", i), Before: noon, Until: noon + i + 1000},
			marks.Mark{Kind: marks.User, ID: "user", Before: noon + i + 1, Until: noon + i + 101},
			marks.Mark{Kind: marks.All, Before: noon + i - 100, Until: noon + i},
			marks.Mark{Kind: marks.All, Before: noon + i - 99, Until: noon + i + 1})
		applied.Store(i + 1)
		if i%64 == 0 {
			runtime.Gosched()
		}
	}
	done.Store(true)
	readers.Wait()
	if n := int64(set.Len()); n < rounds+1000 || n > rounds+2000 {
		t.Errorf("after %d rounds %d marks are held", rounds, n)
	}
}

// Several writers lose nothing.
func TestN42_Writers(t *testing.T) {
	const writers, each = 4, 500
	set := marks.New(marks.Policy{})
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for i := range each {
				set.Apply(at(noon), marks.Mark{Kind: marks.User, ID: fmt.Sprint(w, " ", i), Before: noon, Until: noon + 1000},
					marks.Mark{Kind: marks.User, ID: fmt.Sprint("shared ", i), Before: noon - int64(w), Until: noon + 1000 + int64(w)})
				set.Fresh(at(noon))
			}
		})
	}
	wg.Wait()
	if got := set.Len(); got != writers*each+each {
		t.Errorf("%d marks, want %d", got, writers*each+each)
	}
	for i := range each {
		a := marks.About{User: fmt.Sprint("shared ", i), Issued: noon - 1, Now: noon + 1000 + writers - 2}
		if set.NotBefore(a.User) != noon || set.Judge(a) != revoked {
			t.Fatalf("%s: not before %d, %v", a.User, set.NotBefore(a.User)-noon, set.Judge(a))
		}
	}
}
