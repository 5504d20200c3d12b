package marks_test

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/marks"
)

// noon is a time like any other.
const noon = 1_800_000_000

func at(sec int64) time.Time { return time.Unix(sec, 0) }

// judge judges a session with all names that it can have, issued ten seconds before noon.
func judge(s *marks.Set, edits ...func(*marks.About)) cookie.Reason {
	a := marks.About{
		Session: "session", User: "user", Actor: "actor", Issued: noon - 10, Now: noon,
		Links: [marks.MaxLinks]marks.Name{marks.NameOf("one"), marks.NameOf("two")},
	}
	for _, edit := range edits {
		edit(&a)
	}
	return s.Judge(a)
}

func now(sec int64) func(*marks.About)    { return func(a *marks.About) { a.Now = sec } }
func issued(sec int64) func(*marks.About) { return func(a *marks.About) { a.Issued = sec } }
func nobody(a *marks.About)               { a.User, a.Actor = "", "" }

func expect(t *testing.T, what string, got, want cookie.Reason) {
	t.Helper()
	if got != want {
		t.Errorf("%s: %v, want %v", what, got, want)
	}
}

const (
	none       = cookie.ReasonNone
	revoked    = cookie.ReasonRevoked
	unverified = cookie.ReasonUnverified
)

func TestN30_MarksOfEachKind(t *testing.T) {
	for _, tt := range []struct {
		name   string
		kind   marks.Kind
		id     string
		before int64
		want   cookie.Reason
	}{
		{"session", marks.Session, "session", 0, revoked},
		{"session, whatever Before", marks.Session, "session", 1, revoked},
		{"session, Before far ahead", marks.Session, "session", noon + 1000, revoked},
		{"another session", marks.Session, "other", 0, none},
		{"user", marks.User, "user", noon - 9, revoked},
		{"user, issued then", marks.User, "user", noon - 10, none},
		{"user, issued later", marks.User, "user", noon - 11, none},
		{"another user", marks.User, "other", noon, none},
		{"actor", marks.User, "actor", noon - 9, revoked},
		{"actor, issued then", marks.User, "actor", noon - 10, none},
		{"first link", marks.Link, "one", noon - 9, revoked},
		{"second link", marks.Link, "two", noon - 9, revoked},
		{"link, issued then", marks.Link, "one", noon - 10, none},
		{"another link", marks.Link, "three", noon, none},
		{"all", marks.All, "", noon - 9, revoked},
		{"all, issued then", marks.All, "", noon - 10, none},
	} {
		t.Run(tt.name, func(t *testing.T) {
			set := marks.New(marks.Policy{})
			// Somebody else's, so that the set is never empty.
			set.Apply(at(noon), marks.Mark{Kind: marks.User, ID: "x", Before: noon, Until: noon + 100})
			expect(t, "before", judge(set), none)
			set.Apply(at(noon), marks.Mark{Kind: tt.kind, ID: tt.id, Before: tt.before, Until: noon + 100})
			expect(t, "now", judge(set), tt.want)
			expect(t, "in its last second", judge(set, now(noon+99)), tt.want)
			expect(t, "at its end", judge(set, now(noon+100)), none)
		})
	}
}

// A session that was issued anew, ahead of its time, outlives the user's mark that it was
// issued anew for, and no other: a link is as old as the login, and a login is issued at
// most a minute ahead.
func TestN30_IssuedAnew(t *testing.T) {
	for _, tt := range []struct {
		name   string
		mark   marks.Mark
		login  int64
		issued int64
		want   cookie.Reason
	}{
		{"user", marks.Mark{Kind: marks.User, ID: "user"}, noon - 500, noon + 1, none},
		{"actor", marks.Mark{Kind: marks.User, ID: "actor"}, noon - 500, noon + 1, none},
		{"link", marks.Mark{Kind: marks.Link, ID: "one"}, noon, noon + 59, revoked},
		{"link, a login since", marks.Mark{Kind: marks.Link, ID: "two"}, noon + 1, noon + 59, none},
		{"link, nobody logged in", marks.Mark{Kind: marks.Link, ID: "one"}, 0, noon + 1, none},
		{"all", marks.Mark{Kind: marks.All}, noon - 60, noon + 59, revoked},
		{"all, a login a minute ahead", marks.Mark{Kind: marks.All}, noon - 59, noon + 1, none},
		{"all, nobody logged in", marks.Mark{Kind: marks.All}, 0, noon + 1, none},
	} {
		set := marks.New(marks.Policy{})
		tt.mark.Before, tt.mark.Until = noon+1, noon+100
		set.Apply(at(noon), tt.mark)
		a := marks.About{Session: "session", User: "user", Actor: "actor", Issued: tt.issued, Login: tt.login, Now: noon}
		a.Links = [2]marks.Name{marks.NameOf("one"), marks.NameOf("two")}
		expect(t, tt.name, set.Judge(a), tt.want)
	}
	// What found no room may have been a mark of any kind.
	set := marks.New(marks.Policy{Max: 1, FailClosed: true})
	set.Fresh(at(noon))
	set.Apply(at(noon), marks.Mark{Kind: marks.Link, ID: "one", Before: noon + 1, Until: noon + 100}, marks.Mark{Kind: marks.Link, ID: "two", Before: noon + 1, Until: noon + 100})
	a := marks.About{Session: "session", User: "user", Issued: noon + 59, Login: noon - 60, Now: noon}
	expect(t, "no room", set.Judge(a), unverified)
	a.Login++
	expect(t, "no room, a login a minute ahead", set.Judge(a), none)
}

// A session without a user, an actor and links has no empty names that a mark could hit,
// and a mark for one that has them doesn't end it.
func TestN30_SessionWithoutNames(t *testing.T) {
	set := marks.New(marks.Policy{FailClosed: true})
	set.Apply(at(noon), marks.Mark{Kind: marks.User, ID: "user", Before: noon, Until: noon + 100},
		marks.Mark{Kind: marks.Session, ID: "other", Until: noon + 100})
	expect(t, "nobody", set.Judge(marks.About{Session: "session", Issued: noon - 10, Now: noon}), none)
	expect(t, "nothing", set.Judge(marks.About{Issued: noon - 10, Now: noon}), none)
}

func TestN31_LaterUntilAndLargerBefore(t *testing.T) {
	for _, kind := range []marks.Kind{marks.Link, marks.User, marks.All} {
		id := map[marks.Kind]string{marks.Link: "one", marks.User: "user"}[kind]
		for _, order := range [][2]marks.Mark{
			{{Before: noon, Until: noon + 50}, {Before: noon - 20, Until: noon + 100}},
			{{Before: noon - 20, Until: noon + 100}, {Before: noon, Until: noon + 50}},
		} {
			set := marks.New(marks.Policy{})
			for range 3 {
				for _, m := range order {
					m.Kind, m.ID = kind, id
					set.Apply(at(noon), m)
				}
			}
			expect(t, "the larger Before and the later Until", judge(set, now(noon+99)), revoked)
			expect(t, "at the end", judge(set, now(noon+100)), none)
			expect(t, "issued then", judge(set, issued(noon)), none)
			if set.Len() > 1 {
				t.Errorf("%d marks", set.Len())
			}
		}
	}
	set := marks.New(marks.Policy{})
	set.Apply(at(noon), marks.Mark{Kind: marks.Session, ID: "session", Until: noon + 100})
	set.Apply(at(noon+10), marks.Mark{Kind: marks.Session, ID: "session", Until: noon + 50})
	expect(t, "session", judge(set, now(noon+99)), revoked)
	expect(t, "session, at its end", judge(set, now(noon+100)), none)
}

// What is over is forgotten, and gives nothing to a mark that comes later.
func TestN31_AfterTheEnd(t *testing.T) {
	for _, m := range []marks.Mark{{Kind: marks.User, ID: "user"}, {Kind: marks.All}} {
		set := marks.New(marks.Policy{})
		m.Before, m.Until = noon, noon+1
		set.Apply(at(noon), m)
		m.Before, m.Until = noon-20, noon+1000
		set.Apply(at(noon+61), m)
		expect(t, "the first one", judge(set, now(noon+61)), none)
		expect(t, "the second one", judge(set, now(noon+61), issued(noon-21)), revoked)
	}
}

func TestN32_MarksThatAreNone(t *testing.T) {
	long := strings.Repeat("u", marks.MaxID+1)
	for name, m := range map[string]marks.Mark{
		"over":               {Kind: marks.User, ID: "user", Before: noon, Until: noon},
		"over, session":      {Kind: marks.Session, ID: "session", Until: noon},
		"over, all":          {Kind: marks.All, Before: noon, Until: noon},
		"no Until":           {Kind: marks.All, Before: noon},
		"no kind":            {ID: "user", Before: noon, Until: noon + 100},
		"another kind":       {Kind: marks.All + 1, ID: "user", Before: noon, Until: noon + 100},
		"session without id": {Kind: marks.Session, Until: noon + 100},
		"link without id":    {Kind: marks.Link, Before: noon, Until: noon + 100},
		"user without id":    {Kind: marks.User, Before: noon, Until: noon + 100},
		"all with id":        {Kind: marks.All, ID: "user", Before: noon, Until: noon + 100},
		"long session id":    {Kind: marks.Session, ID: long, Until: noon + 100},
		"long link":          {Kind: marks.Link, ID: long, Before: noon, Until: noon + 100},
		"long user id":       {Kind: marks.User, ID: long, Before: noon, Until: noon + 100},
		"user, no Before":    {Kind: marks.User, ID: "user", Until: noon + 100},
		"link, no Before":    {Kind: marks.Link, ID: "one", Until: noon + 100},
		"all, no Before":     {Kind: marks.All, Until: noon + 100},
		"negative Before":    {Kind: marks.User, ID: "user", Before: -1, Until: noon + 100},
	} {
		set := marks.New(marks.Policy{})
		set.Apply(at(noon), m)
		if set.Len() != 0 || set.Bytes() != 0 || set.NotBefore("user") != 0 {
			t.Errorf("%s: %d marks, %d bytes, not before %d", name, set.Len(), set.Bytes(), set.NotBefore("user"))
		}
		expect(t, name, judge(set, issued(-10)), none)
	}
	set := marks.New(marks.Policy{})
	set.Apply(at(noon),
		marks.Mark{Kind: marks.User, ID: long[1:], Before: noon, Until: noon + 1},
		marks.Mark{Kind: marks.Session, ID: long[1:], Until: noon + 1})
	if set.Len() != 2 {
		t.Error("the longest id is refused")
	}
}

func TestN33_BeforeFarAhead(t *testing.T) {
	for _, m := range []marks.Mark{{Kind: marks.User, ID: "user"}, {Kind: marks.Link, ID: "one"}, {Kind: marks.All}} {
		set := marks.New(marks.Policy{})
		m.Before, m.Until = noon+61, noon+1000
		set.Apply(at(noon), m)
		expect(t, "61 seconds ahead", judge(set), none)
		expect(t, "61 seconds ahead, later", judge(set, now(noon+61)), none)
		m.Before = noon + 60
		set.Apply(at(noon), m)
		expect(t, "60 seconds ahead", judge(set, issued(noon+59)), revoked)
	}
}

func TestN34_ClockSetBack(t *testing.T) {
	for _, m := range []marks.Mark{{Kind: marks.User, ID: "user"}, {Kind: marks.User, ID: "actor"}, {Kind: marks.Link, ID: "two"}, {Kind: marks.All}} {
		m.Before, m.Until = noon, noon+1000
		open, closed := marks.New(marks.Policy{}), marks.New(marks.Policy{FailClosed: true})
		open.Apply(at(noon), m)
		closed.Apply(at(noon), m)
		closed.Fresh(at(noon - 61))
		expect(t, "open, a minute back", judge(open, now(noon-60)), revoked)
		expect(t, "closed, a minute back", judge(closed, now(noon-60)), revoked)
		expect(t, "open, more", judge(open, now(noon-61)), none)
		expect(t, "closed, more", judge(closed, now(noon-61)), unverified)
		expect(t, "closed, more, issued then", judge(closed, now(noon-61), issued(noon)), none)
		if m.Kind != marks.User {
			expect(t, "closed, more, nobody", judge(closed, now(noon-61), nobody), none)
		}
	}
}

// One mark in doubt doesn't hide another that is certain.
func TestN34_DoubtAndCertainty(t *testing.T) {
	all := []marks.Mark{{Kind: marks.All}, {Kind: marks.User, ID: "user"}, {Kind: marks.User, ID: "actor"}, {Kind: marks.Link, ID: "one"}, {Kind: marks.Link, ID: "two"}, {Kind: marks.Session, ID: "session"}}
	for i, doubtful := range all[:5] {
		for j, certain := range all {
			if i == j {
				continue
			}
			set := marks.New(marks.Policy{FailClosed: true})
			set.Fresh(at(noon))
			doubtful.Before, doubtful.Until = noon+100, noon+1000
			certain.Before, certain.Until = noon, noon+1000
			set.Apply(at(noon+100), doubtful, certain)
			if got := judge(set); got != revoked {
				t.Errorf("%v in doubt, %v certain: %v", doubtful, certain, got)
			}
		}
	}
}

func TestN35_KindsDoNotMix(t *testing.T) {
	link := marks.NameOf("one")
	ids := []string{"x", string(link[:])}
	for _, kind := range []marks.Kind{marks.Session, marks.Link, marks.User} {
		for _, id := range ids {
			set := marks.New(marks.Policy{})
			set.Apply(at(noon), marks.Mark{Kind: kind, ID: id, Before: noon, Until: noon + 100})
			only := func(edit func(*marks.About)) cookie.Reason {
				a := marks.About{Issued: noon - 10, Now: noon}
				edit(&a)
				return set.Judge(a)
			}
			for as, got := range map[marks.Kind]cookie.Reason{
				marks.Session: only(func(a *marks.About) { a.Session = id }),
				marks.User:    only(func(a *marks.About) { a.User = id }),
				marks.Link:    only(func(a *marks.About) { a.Links[1] = marks.NameOf(id) }),
			} {
				if (got == revoked) != (as == kind) {
					t.Errorf("a mark of kind %d, a name of kind %d: %v", kind, as, got)
				}
			}
			if kind != marks.Link {
				expect(t, "the hash of a link", only(func(a *marks.About) { a.Links[0] = link }), none)
			}
		}
	}
}

func TestN36_StaleNews(t *testing.T) {
	const stale = 30
	for _, closed := range []bool{false, true} {
		set := marks.New(marks.Policy{MaxStale: stale * time.Second, FailClosed: closed})
		set.Apply(at(noon), marks.Mark{Kind: marks.Session, ID: "ended", Until: noon + 1000})
		set.Fresh(at(noon))
		want := none
		if closed {
			want = unverified
		}
		ended := func(a *marks.About) { a.Session = "ended" }
		for range 2 {
			expect(t, "fresh", judge(set, now(noon+stale)), none)
			expect(t, "fresh, ended", judge(set, now(noon+stale), ended), revoked)
			expect(t, "stale", judge(set, now(noon+stale+1)), want)
			expect(t, "stale, ended", judge(set, now(noon+stale+1), ended), revoked)
			expect(t, "stale, nobody", judge(set, now(noon+stale+1), nobody), none)
			expect(t, "stale, a user alone", judge(set, now(noon+stale+1), nobody, func(a *marks.About) { a.User = "user" }), want)
			expect(t, "stale, an actor alone", judge(set, now(noon+stale+1), nobody, func(a *marks.About) { a.Actor = "actor" }), want)
			if got := set.Age(at(noon + stale + 1)); got != (stale+1)*time.Second {
				t.Errorf("age %v", got)
			}
			set.Fresh(at(noon + 100))
			expect(t, "fresh again", judge(set, now(noon+100+stale)), none)
			set.Fresh(at(noon)) // for the second round
		}
	}
	set := marks.New(marks.Policy{MaxStale: -1, FailClosed: true})
	set.Fresh(at(noon))
	expect(t, "a MaxStale of less than nothing", judge(set, now(noon+1)), unverified)
	set = marks.New(marks.Policy{FailClosed: true})
	set.Fresh(at(noon))
	expect(t, "no MaxStale", judge(set, now(noon+1e9)), none)
}

func TestN37_NeverFresh(t *testing.T) {
	for _, p := range []marks.Policy{{FailClosed: true}, {FailClosed: true, MaxStale: 1e6 * time.Hour}} {
		set := marks.New(p)
		expect(t, "never fresh", judge(set), unverified)
		expect(t, "never fresh, nobody", judge(set, nobody), none)
		if got := set.Age(at(noon)); got != math.MaxInt64 {
			t.Errorf("age %v", got)
		}
		set.Fresh(at(0)) // a time like any other
		if got := set.Age(at(1)); got < 999*time.Millisecond || got > time.Second {
			t.Errorf("age %v", got)
		}
		set.Fresh(at(noon))
		expect(t, "fresh", judge(set), none)
	}
	expect(t, "open", judge(marks.New(marks.Policy{MaxStale: time.Second})), none)
}

func TestN38_ClockSetBack(t *testing.T) {
	set := marks.New(marks.Policy{MaxStale: 10 * time.Minute, FailClosed: true})
	set.Fresh(at(noon))
	for _, tt := range []struct {
		back int64
		age  time.Duration
		want cookie.Reason
	}{
		{0, 0, none}, {1, 0, none}, {60, 0, none}, {61, 61 * time.Second, none},
		{600, 600 * time.Second, none}, {601, 601 * time.Second, unverified}, {noon, noon * time.Second, unverified},
	} {
		if got := set.Age(at(noon - tt.back)); got != tt.age {
			t.Errorf("%d s back: age %v, want %v", tt.back, got, tt.age)
		}
		expect(t, tt.age.String(), judge(set, now(noon-tt.back), issued(0)), tt.want)
	}
	set.Fresh(at(noon - 3600))
	expect(t, "the next news", judge(set, now(noon-3600)), none)
	expect(t, "and its age", judge(set, now(noon-3600+601)), unverified)
	for _, end := range []int64{math.MinInt64, math.MaxInt64} {
		expect(t, "the end of time", judge(set, now(end), issued(end)), unverified)
	}
}

func TestN44_FarTimes(t *testing.T) {
	for _, sec := range []int64{100, 1<<31 - 50, 1 << 31, 1<<32 - 50, 1 << 32, 7_258_118_400} {
		set := marks.New(marks.Policy{})
		about := func(id string, then int64) cookie.Reason {
			return set.Judge(marks.About{Session: id, User: id, Issued: sec - 10, Now: then})
		}
		for id, until := range map[string]int64{"day": sec + 86_400, "decades": sec + 2_000_000_000, "century": sec + 3_200_000_000, "never": math.MaxInt64} {
			for _, m := range []marks.Mark{{Kind: marks.Session, ID: id}, {Kind: marks.User, ID: "user " + id, Before: sec}} {
				m.Until = until
				set.Apply(at(sec), m)
				expect(t, m.ID, about(m.ID, sec), revoked)
				expect(t, m.ID, about(m.ID, until-1), revoked)
				if until < sec+1<<31-1000 {
					expect(t, m.ID, about(m.ID, until), none)
				}
			}
		}
		if got := set.NotBefore("user day"); got != sec {
			t.Errorf("not before %d, want %d", got, sec)
		}
	}
}

// The clock of a machine without a battery.
func TestN44_Before1970(t *testing.T) {
	set := marks.New(marks.Policy{})
	set.Apply(at(-1000), many(marks.Session, "s", 5000, -500)...)
	if set.Len() != 5000 || ended(set, many(marks.Session, "s", 5000, 0), -501) != 5000 {
		t.Errorf("%d marks", set.Len())
	}
}

// An Until behind Before is odd, but no mark ends later for it.
func TestN44_UntilBehindBefore(t *testing.T) {
	set := marks.New(marks.Policy{})
	set.Apply(at(noon), marks.Mark{Kind: marks.User, ID: "user", Before: noon + 60, Until: noon + 1})
	expect(t, "before its end", judge(set), revoked)
	expect(t, "at its end", judge(set, now(noon+1)), none)
}

func TestN45_LoginInTheSecondOfAKick(t *testing.T) {
	for _, m := range []marks.Mark{{Kind: marks.User, ID: "user"}, {Kind: marks.All}} {
		set := marks.New(marks.Policy{})
		if got := set.NotBefore("user"); got != 0 {
			t.Errorf("without marks: %d", got)
		}
		m.Before, m.Until = noon+1, noon+100
		set.Apply(at(noon), m)
		expect(t, "issued in this second", judge(set, issued(noon)), revoked)
		login := set.NotBefore("user")
		if login != noon+1 {
			t.Errorf("%d, want %d", login, noon+1)
		}
		expect(t, "the login", judge(set, issued(login)), none)
		if other := set.NotBefore("other"); (other == 0) != (m.Kind == marks.User) {
			t.Errorf("another user: %d", other)
		}
	}
	set := marks.New(marks.Policy{})
	set.Apply(at(noon), marks.Mark{Kind: marks.All, Before: noon - 5, Until: noon + 100},
		marks.Mark{Kind: marks.User, ID: "early", Before: noon - 6, Until: noon + 100},
		marks.Mark{Kind: marks.User, ID: "late", Before: noon - 4, Until: noon + 100})
	for user, want := range map[string]int64{"early": noon - 5, "late": noon - 4, "": noon - 5} {
		if got := set.NotBefore(user); got != want {
			t.Errorf("%q: %d, want %d", user, got, want)
		}
	}
}

func TestN46_ZeroSet(t *testing.T) {
	var set marks.Set
	expect(t, "empty", judge(&set), none)
	if set.Len() != 0 || set.Bytes() != 0 || set.NotBefore("user") != 0 || set.Age(at(noon)) != math.MaxInt64 {
		t.Error("isn't empty")
	}
	set.Apply(at(noon))
	set.Fresh(at(noon))
	set.Apply(at(noon), marks.Mark{Kind: marks.User, ID: "user", Before: noon, Until: noon + 100})
	expect(t, "with a mark", judge(&set), revoked)
	if set.Len() != 1 || set.Bytes() == 0 {
		t.Errorf("%d marks, %d bytes", set.Len(), set.Bytes())
	}
}
