package marks_test

import (
	"fmt"
	"runtime"
	"slices"
	"testing"

	"github.com/hardtack-go/hardtack/internal/race"
	"github.com/hardtack-go/hardtack/marks"
)

// many returns marks for n sessions or users of their own.
func many(kind marks.Kind, prefix string, n int, until int64) []marks.Mark {
	ms := make([]marks.Mark, n)
	for i := range ms {
		ms[i] = marks.Mark{Kind: kind, ID: fmt.Sprint(prefix, i), Before: noon, Until: until}
	}
	return ms
}

func ended(s *marks.Set, ms []marks.Mark, now int64) (n int) {
	for _, m := range ms {
		a := marks.About{Issued: noon - 10, Now: now}
		switch m.Kind {
		case marks.Session:
			a.Session = m.ID
		case marks.User:
			a.User = m.ID
		case marks.Link:
			a.Links[0] = marks.NameOf(m.ID)
		}
		if s.Judge(a) == revoked {
			n++
		}
	}
	return n
}

func TestN39_Bound(t *testing.T) {
	var told []int
	var set *marks.Set
	set = marks.New(marks.Policy{Max: 80, OnFull: func(live int) {
		told = append(told, live)
		set.Apply(at(noon)) // it may call methods
	}})
	check := func(what string, held int, want ...int) {
		t.Helper()
		if set.Len() != held || !slices.Equal(told, want) {
			t.Fatalf("%s: %d marks, OnFull %v; want %d, %v", what, set.Len(), told, held, want)
		}
	}
	sessions := many(marks.Session, "s", 70, noon+100)
	set.Apply(at(noon), sessions...)
	check("sessions up to 7/8", 70)
	refused := many(marks.Session, "refused", 30, noon+1000)
	set.Apply(at(noon), refused...)
	set.Apply(at(noon+1), refused...)
	check("more sessions", 70, 70)
	links := many(marks.Link, "l", 3, noon+1000)
	set.Apply(at(noon), links...)
	check("links", 70, 70)
	users := many(marks.User, "u", 10, noon+1000)
	set.Apply(at(noon), users...)
	check("users up to Max", 80, 70)
	more := many(marks.User, "more", 5, noon+1000)
	set.Apply(at(noon), more...)
	check("more users", 80, 70)
	if a, b, c, d, e := ended(set, sessions, noon), ended(set, refused, noon), ended(set, links, noon), ended(set, users, noon), ended(set, more, noon); a != 70 || b != 0 || c != 0 || d != 10 || e != 0 {
		t.Errorf("ended %d of 70, %d of 30, %d of 3, %d of 10, %d of 5", a, b, c, d, e)
	}

	// Who has a mark has room for another.
	sessions[69].Until = noon + 1000
	set.Apply(at(noon), sessions[69])
	check("a later Until", 80, 70)
	expect(t, "a later Until", set.Judge(marks.About{Session: sessions[69].ID, Now: noon + 999}), revoked)
	set.Apply(at(noon), marks.Mark{Kind: marks.All, Before: noon - 20, Until: noon + 1000})
	check("all", 80, 70)
	expect(t, "all", set.Judge(marks.About{Issued: noon - 21, Now: noon}), revoked)

	// 69 sessions are over, and what was refused finds room.
	set.Apply(at(noon+160), refused...)
	check("room again", 41, 70)
	set.Apply(at(noon+160), many(marks.Session, "again", 29, noon+300)...)
	check("up to 7/8", 70, 70)
	set.Apply(at(noon+160), many(marks.Session, "over", 1, noon+300)...)
	check("full again", 70, 70, 70)
}

// OnFull isn't called for every mark that just finds room.
func TestN39_OnFullOnce(t *testing.T) {
	calls := 0
	set := marks.New(marks.Policy{Max: 80, OnFull: func(int) { calls++ }})
	for i := range int64(70) {
		set.Apply(at(noon), marks.Mark{Kind: marks.Session, ID: fmt.Sprint(i), Until: noon + 1 + i})
	}
	// Each second one ends and two come.
	for i := range int64(50) {
		set.Apply(at(noon+61+i), many(marks.Session, fmt.Sprint("at ", i), 2, noon+1000)...)
	}
	if calls != 1 || set.Len() != 70 {
		t.Errorf("%d calls, %d marks", calls, set.Len())
	}
	// Users take what is theirs; that isn't room for others.
	set.Apply(at(noon+200), many(marks.User, "u", 1, noon+1000)...)
	set.Apply(at(noon+200), many(marks.Session, "late", 100, noon+1000)...)
	if calls != 2 {
		t.Errorf("%d calls after 20 places were free", calls)
	}
	set.Apply(at(noon+200), many(marks.User, "w", 1, noon+1000)...)
	set.Apply(at(noon+200), many(marks.Session, "later", 1, noon+1000)...)
	if calls != 2 {
		t.Errorf("%d calls after a user's mark", calls)
	}
}

func TestN39_DefaultMax(t *testing.T) {
	negative := marks.New(marks.Policy{Max: -1})
	negative.Apply(at(noon), many(marks.Session, "s", 100, noon+100)...)
	if negative.Len() != 100 {
		t.Errorf("Max -1: %d marks", negative.Len())
	}
	n := marks.DefaultMax
	if testing.Short() || race.Enabled {
		t.Skip("a million marks")
	}
	full := 0
	set := marks.New(marks.Policy{OnFull: func(int) { full++ }})
	for i := range n/1000 + 10 {
		set.Apply(at(noon), many(marks.Session, fmt.Sprint(i, " "), 1000, noon+100)...)
	}
	if set.Len() != n-n/8 || full != 1 {
		t.Errorf("%d marks, OnFull %d times", set.Len(), full)
	}
}

func TestN40_MarksWithoutRoom(t *testing.T) {
	for _, lost := range []marks.Mark{
		{Kind: marks.Session, ID: "session"},
		{Kind: marks.Link, ID: "one", Before: noon},
		{Kind: marks.User, ID: "user", Before: noon},
	} {
		lost.Until = noon + 100
		for _, closed := range []bool{false, true} {
			set := marks.New(marks.Policy{Max: 8, FailClosed: closed})
			set.Fresh(at(noon))
			set.Apply(at(noon), many(marks.Session, "s", 7, noon+1000)...)
			set.Apply(at(noon), many(marks.User, "u", 1, noon+1000)...)
			expect(t, "full", judge(set), none)
			want := none
			if closed {
				want = unverified
			}
			set.Apply(at(noon), lost)
			expect(t, "without room", judge(set), want)
			expect(t, "without room, nobody", judge(set, nobody), none)
			expect(t, "known", judge(set, func(a *marks.About) { a.Session = "s3" }), revoked)
			// The marks of session and link may be about another session of this user,
			// which was issued just now, by a clock that goes fast.
			if lost.Kind == marks.Session {
				expect(t, "issued just now", judge(set, issued(noon+59)), want)
			}
			login := set.NotBefore("user")
			if closed == (login == 0) {
				t.Errorf("not before %d", login)
			}
			expect(t, "a login", judge(set, issued(max(login, noon)), now(noon+60)), none)
			// A mark that ends sooner takes nothing back.
			sooner := lost
			sooner.ID, sooner.Until = "sooner", noon+2
			set.Apply(at(noon), sooner)
			expect(t, "in its last second", judge(set, now(noon+99)), want)
			expect(t, "over", judge(set, now(noon+100)), none)
		}
	}
}

func TestN41_RoomOfMarksThatAreOver(t *testing.T) {
	set := marks.New(marks.Policy{Max: 8})
	old := many(marks.Session, "old", 7, noon+10)
	set.Apply(at(noon), old...)
	next := many(marks.Session, "next", 1, noon+1000)
	set.Apply(at(noon+69), next...)
	if got := ended(set, old, noon+9); set.Len() != 7 || got != 7 {
		t.Errorf("59 seconds later: %d marks, %d ended for a request that began before", set.Len(), got)
	}
	set.Apply(at(noon+70), next...)
	if set.Len() != 1 || ended(set, next, noon+70) != 1 {
		t.Errorf("a minute later: %d marks", set.Len())
	}
}

func TestN41_Sweep(t *testing.T) {
	for name, tick := range map[string]func(*marks.Set, int64){
		"Fresh": func(s *marks.Set, sec int64) { s.Fresh(at(sec)) },
		"Apply": func(s *marks.Set, sec int64) { s.Apply(at(sec), many(marks.User, "one", 1, noon+10_000)...) },
	} {
		set := marks.New(marks.Policy{})
		short, long := many(marks.Session, "short", 5000, noon+10), many(marks.User, "long", 1000, noon+10_000)
		set.Apply(at(noon), short...)
		set.Apply(at(noon), long...)
		most := set.Bytes()
		for range 1000 {
			tick(set, noon+70)
		}
		if set.Len() < 5900 {
			t.Errorf("%s: %d marks after many calls in one second", name, set.Len())
		}
		for i := range int64(256) {
			tick(set, noon+71+i)
		}
		if set.Len() > 1001 || ended(set, long, noon+400) != 1000 {
			t.Errorf("%s: %d marks, %d in force", name, set.Len(), ended(set, long, noon+400))
		}
		if set.Bytes() > most/2 {
			t.Errorf("%s: %d bytes, before %d", name, set.Bytes(), most)
		}
	}
}

func million(t testing.TB) int {
	if testing.Short() || race.Enabled {
		return 100_000
	}
	return 1_000_000
}

func heap() uint64 {
	runtime.GC()
	runtime.GC() // what other tests have left in pools
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

func TestN43_Memory(t *testing.T) {
	n := million(t)
	before := heap()
	set := marks.New(marks.Policy{Max: 2 * n})
	most := 0
	for i := range n / 100 {
		set.Apply(at(noon), many(marks.Session, fmt.Sprint(i, " "), 100, noon+1000)...)
		if b := set.Bytes(); b > 40*set.Len()+40_000 {
			t.Fatalf("%d marks: %d bytes", set.Len(), b)
		}
		most = max(most, set.Bytes())
	}
	after := heap()
	t.Logf("%d marks: %d bytes by Bytes, %d by runtime.MemStats", set.Len(), set.Bytes(), after-before)
	if set.Len() != n || most > 40*n || after-before > 40*uint64(n) {
		t.Errorf("%d marks: %d bytes by Bytes, %d by runtime.MemStats; want at most %d", set.Len(), most, after-before, 40*n)
	}
	// Bytes leaves out what doesn't grow, and rounding. Whatever else runs may allocate.
	if b := uint64(set.Bytes()); after-before < b-b/8 || after-before > b+b/4+1<<20 {
		t.Errorf("Bytes says %d, runtime.MemStats %d", b, after-before)
	}
	runtime.KeepAlive(set)
}

func TestN43_Allocations(t *testing.T) {
	if race.Enabled {
		t.Skip("the race detector allocates")
	}
	for _, n := range []int{0, 1000, million(t)} {
		for _, closed := range []bool{false, true} {
			set := marks.New(marks.Policy{Max: 2 * (n + 10), FailClosed: closed})
			for i := range n / 1000 {
				set.Apply(at(noon), many(marks.Session, fmt.Sprint(i, " "), 1000, noon+1000)...)
			}
			if n > 0 {
				set.Apply(at(noon), many(marks.User, "kicked", 1, noon+1000)...)
			}
			abouts := []marks.About{
				{Session: "session", User: "user", Actor: "actor", Links: [2]marks.Name{{1}, {2}}, Issued: noon, Now: noon},
				{Session: "1 1", User: "user", Now: noon},
				{Session: "session", User: "kicked0", Now: noon},
				{Session: "session", Now: noon},
			}
			if got := testing.AllocsPerRun(200, func() {
				for _, a := range abouts {
					set.Judge(a)
					set.NotBefore(a.User)
					set.Age(at(noon))
				}
			}); got != 0 {
				t.Errorf("%d marks: %v allocations", n, got)
			}
		}
	}
}
