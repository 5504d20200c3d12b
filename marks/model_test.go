package marks_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/marks"
)

// A model is a Set as its documentation describes it: a list of all marks, without a
// bound, for a clock that isn't set back.
type model struct {
	policy marks.Policy
	fresh  int64 // 0 is never
	marks  map[marks.Mark]times
}

type times struct{ before, until int64 }

func (m *model) apply(now int64, mark marks.Mark) {
	if mark.Until <= now || mark.Kind < marks.Session || mark.Kind > marks.All ||
		(mark.ID == "") != (mark.Kind == marks.All) || len(mark.ID) > marks.MaxID ||
		mark.Kind != marks.Session && (mark.Before <= 0 || mark.Before > now+60) {
		return
	}
	key := marks.Mark{Kind: mark.Kind, ID: mark.ID}
	t := times{mark.Before, mark.Until}
	if old, ok := m.marks[key]; ok && old.until+60 > now {
		t = times{max(t.before, old.before), max(t.until, old.until)}
	}
	m.marks[key] = t
}

func (m *model) judge(a marks.About, links []string) cookie.Reason {
	names := []marks.Mark{{Kind: marks.Session, ID: a.Session}, {Kind: marks.User, ID: a.User}, {Kind: marks.User, ID: a.Actor}, {Kind: marks.All}}
	for _, l := range links {
		names = append(names, marks.Mark{Kind: marks.Link, ID: l})
	}
	doubt := m.fresh == 0 || m.policy.MaxStale > 0 && time.Duration(a.Now-m.fresh)*time.Second > m.policy.MaxStale
	for _, n := range names {
		t, ok := m.marks[n]
		began := a.Issued
		switch {
		case a.Login == 0:
		case n.Kind == marks.Link:
			began = min(began, a.Login)
		case n.Kind == marks.All:
			began = min(began, a.Login+60)
		}
		switch {
		case !ok || a.Now >= t.until || n.Kind != marks.Session && began >= t.before:
		case n.Kind != marks.Session && t.before > a.Now+60:
			doubt = true
		default:
			return revoked
		}
	}
	if m.policy.FailClosed && doubt && (a.User != "" || a.Actor != "") {
		return unverified
	}
	return none
}

// compare plays a game that pick decides, and compares all answers. pick returns a number
// below its argument.
func compare(t *testing.T, steps, ids int, pick func(int) int) {
	p := marks.Policy{FailClosed: pick(2) == 1}
	if pick(2) == 1 {
		p.MaxStale = time.Duration(1+pick(100)) * time.Second
	}
	set, m := marks.New(p), &model{policy: p, marks: map[marks.Mark]times{}}
	id := func() string {
		if n := pick(ids + 1); n > 0 {
			return fmt.Sprint("id", n)
		}
		return ""
	}
	now := int64(noon)
	for step := range steps {
		switch pick(8) {
		case 0:
			now += int64(pick(90))
		case 1:
			set.Fresh(at(now))
			m.fresh = now
		case 2, 3, 4:
			mark := marks.Mark{Kind: marks.Kind(pick(6)), ID: id(), Before: now - 70 + int64(pick(140)), Until: now - 5 + int64(pick(250))}
			if pick(16) == 0 {
				mark.Before = 0
			}
			if mark.Kind == marks.All && pick(4) > 0 {
				mark.ID = ""
			}
			set.Apply(at(now), mark)
			m.apply(now, mark)
		default:
			a := marks.About{Session: id(), User: id(), Actor: id(), Issued: now - 100 + int64(pick(170)), Now: now - 30 + int64(pick(130))}
			if pick(2) == 1 {
				a.Login = a.Issued + 20 - int64(pick(100))
			}
			var links []string
			for i := range pick(3) {
				if l := id(); l != "" {
					links = append(links, l)
					a.Links[i] = marks.NameOf(l)
				}
			}
			if a.Now < m.fresh { // counts as now
				a.Now = m.fresh
			}
			if got, want := set.Judge(a), m.judge(a, links); got != want {
				t.Fatalf("step %d, now %d: %+v: %v, want %v", step, now-noon, a, got, want)
			}
			user := m.marks[marks.Mark{Kind: marks.User, ID: a.User}].before
			all := m.marks[marks.Mark{Kind: marks.All}].before
			// A mark that is over may or may not be held.
			if got := set.NotBefore(a.User); got != max(user, all) && got > now {
				t.Fatalf("step %d: not before %d, want %d", step, got-noon, max(user, all)-noon)
			}
		}
	}
	held := 0
	for n, v := range m.marks {
		if n.Kind != marks.All && v.until+60 > now {
			held++
		}
	}
	if set.Len() < held {
		t.Fatalf("%d marks, want at least %d", set.Len(), held)
	}
}

func TestN47_AsAPlainList(t *testing.T) {
	seed := rand.Uint64()
	defer func() {
		if t.Failed() {
			t.Logf("seed %d", seed)
		}
	}()
	r := rand.New(rand.NewPCG(seed, 0))
	games := 300
	if testing.Short() {
		games = 30
	}
	for range games {
		compare(t, 300, 1+r.IntN(20), r.IntN)
	}
	compare(t, 100*games, 20_000, r.IntN)
}

// However little room there is, a Set that fails closed lets no session through that a
// mark ended, ends none that no mark is about, and holds no more than it may.
func TestN40_NoneIsLetThrough(t *testing.T) {
	games := 100
	if testing.Short() {
		games = 10
	}
	for seed := range uint64(games) {
		r := rand.New(rand.NewPCG(seed, 40))
		limit := 1 + r.IntN(40)
		told := false
		set := marks.New(marks.Policy{Max: limit, FailClosed: true, OnFull: func(int) { told = true }})
		now := int64(noon)
		var applied []marks.Mark
		for step := range 200 {
			now += int64(r.IntN(5))
			set.Fresh(at(now))
			m := marks.Mark{Kind: marks.Kind(1 + r.IntN(3)), ID: fmt.Sprint(step), Before: now + 1, Until: now + 1 + int64(r.IntN(200))}
			set.Apply(at(now), m)
			applied = append(applied, m)
			for _, m := range applied {
				a := marks.About{Session: "s", User: "u", Issued: m.Before - 1 - int64(r.IntN(100)), Now: now}
				switch m.Kind {
				case marks.Session:
					a.Session = m.ID
				case marks.User:
					a.User = m.ID
				case marks.Link:
					a.Links[r.IntN(2)] = marks.NameOf(m.ID)
				}
				if got := set.Judge(a); now < m.Until && got == none {
					t.Fatalf("seed %d, step %d: %+v is let through", seed, step, m)
				}
			}
			if got := set.Judge(marks.About{Session: "s", User: "u", Issued: now - 10, Now: now}); got == revoked || got == unverified && !told {
				t.Fatalf("seed %d, step %d: %v without a reason", seed, step, got)
			}
			if set.Len() > limit {
				t.Fatalf("seed %d, step %d: %d marks of %d", seed, step, set.Len(), limit)
			}
		}
	}
}

func FuzzSet(f *testing.F) {
	r := rand.New(rand.NewPCG(47, 0))
	for _, n := range []int{0, 1, 10, 100, 1000} {
		b := make([]byte, n)
		for i := range b {
			b[i] = byte(r.Uint32())
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		// Without bytes every number is the smallest.
		compare(t, len(b), 3, func(n int) int {
			if len(b) == 0 {
				return 0
			}
			v := int(b[0]) % n
			b = b[1:]
			return v
		})
	})
}
