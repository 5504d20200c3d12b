package ssestore_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/internal/race"
	"github.com/hardtack-go/hardtack/marks"
	"github.com/hardtack-go/hardtack/ssestore"
)

// judged is a store whose sessions are judged by m.
func judged(m ssestore.Marks) config { return func(c *ssestore.Config) { c.Marks = m } }

// judge is the least that Config.Marks can be.
type judge func(marks.About) cookie.Reason

func (j judge) Judge(a marks.About) cookie.Reason { return j(a) }

// For Marks that can be told what to say.
func verdict(r *cookie.Reason) judge { return func(marks.About) cookie.Reason { return *r } }

const forever = 1 << 33 // as the Until of a mark

func userMark(id string, before int64) marks.Mark {
	return marks.Mark{Kind: marks.User, ID: id, Before: before, Until: forever}
}

// markOf returns a mark for the session that a browser has.
func markOf(t testing.TB, store *ssestore.Store, b browser, now time.Time) marks.Mark {
	t.Helper()
	m, ok := b.peek(store, now).Principal().Mark()
	same(t, "there is a mark", ok, true)
	return m
}

// verdictOf is the verdict on what a browser has, and whether it gives a user.
func verdictOf(b browser, store *ssestore.Store, now time.Time) (string, bool) {
	p := b.peek(store, now).Principal()
	who := p.Identity()
	return p.Refused().String(), who.ID != "" && !who.Unverified
}

func expectVerdict(t testing.TB, what string, b browser, store *ssestore.Store, now time.Time, want string) {
	t.Helper()
	got, user := verdictOf(b, store, now)
	if got != want || user != (want == "none") {
		t.Errorf("%s: %s, a user: %v, want %s", what, got, user, want)
	}
}

// TestN1_SessionMark: of three sessions of a user, the one that a mark names is refused by
// every store of the application, and the others live.
func TestN1_SessionMark(t *testing.T) {
	each(t, func(t *testing.T, c codec) {
		set := marks.New(marks.Policy{})
		stores := []*ssestore.Store{newStore(t, c, ring(t, 1), judged(set)), newStore(t, c, ring(t, 1), judged(set)), newStore(t, c, ring(t, 2, 1), judged(set))}
		var all []browser
		for i := range 3 {
			all = append(all, visited(t, stores[i%2], func(s *ssestore.Session) { login(t, s, "1") }))
		}
		m := markOf(t, stores[0], all[1], t0)
		set.Apply(t0, m)
		for _, now := range []time.Time{t0, after(time.Minute), after(29 * time.Minute)} {
			for i, store := range stores {
				for n, b := range all {
					want := "none"
					if n == 1 {
						want = "revoked"
					}
					expectVerdict(t, fmt.Sprintf("store %d, session %d", i, n), b, store, now, want)
				}
			}
		}
		// It is deleted like one that was logged out, and is nobody's in every way.
		out := all[1].visit(t, stores[2], after(time.Second), func(s *ssestore.Session) {
			same(t, "user", whoami(t, s, hash), "")
			id, ok := s.Principal().Within()
			same(t, "within", id != "" || ok, false)
			same(t, "names", len(s.Names()), 0)
			same(t, "new", s.Info().New, true)
			_, ok = s.Principal().Mark()
			same(t, "a mark", ok, false)
		})
		same(t, "cookie", did(out), "deleted")
		same(t, "barrier", lineOf(out, barrierName), "")
		same(t, "verdict", out.Refused, cookie.ReasonRevoked)
	})
}

// TestN2_ManyAtOnce: marks of a user, a link and all end what was issued before, and
// nothing later. Those of a user end the sessions in which that user is somebody else.
func TestN2_ManyAtOnce(t *testing.T) {
	each(t, func(t *testing.T, c codec) {
		plain := newStore(t, c, ring(t, 1))
		made := map[string]browser{
			"ann":    visited(t, plain, func(s *ssestore.Session) { login(t, s, "ann") }),
			"bob":    visited(t, plain, func(s *ssestore.Session) { login(t, s, "bob"); must(t, s.Principal().Link("tenant:7")) }),
			"nobody": visited(t, plain, set(t, "a")),
			"ann as bob": visited(t, plain, func(s *ssestore.Session) {
				login(t, s, "ann")
				must(t, s.Principal().Become(s.Principal().Identity(), "bob", ssestore.Stamp{}, &ssestore.Actor{ID: "ann"}))
				must(t, s.Principal().Link("tenant:7"))
			}),
		}
		link := marks.Mark{Kind: marks.Link, ID: "tenant:7"}
		everybody := marks.Mark{Kind: marks.All}
		for _, tt := range []struct {
			mark marks.Mark
			ends string
		}{
			{userMark("ann", 0), "ann, ann as bob"},
			{userMark("bob", 0), "ann as bob, bob"},
			{userMark("eve", 0), ""},
			{link, "ann as bob, bob"},
			{everybody, "ann, ann as bob, bob, nobody"},
		} {
			for _, before := range []int64{-1, 0, 1, 60} {
				m := tt.mark
				m.Before, m.Until = t0.Unix()+before, forever
				set := marks.New(marks.Policy{})
				set.Apply(t0, m)
				store := newStore(t, c, ring(t, 1), judged(set))
				var ends []string
				for _, name := range []string{"ann", "ann as bob", "bob", "nobody"} {
					switch got := made[name].peek(store, t0).Principal().Refused(); got {
					case cookie.ReasonRevoked:
						ends = append(ends, name)
					case cookie.ReasonNone:
					default:
						t.Errorf("%s: %v", name, got)
					}
				}
				want := tt.ends
				if before <= 0 {
					want = ""
				}
				same(t, fmt.Sprintf("%v, %d seconds after they were issued", tt.mark, before), strings.Join(ends, ", "), want)
			}
		}
	})
}

// TestN3_SameSecond: a login in the second of a mark works. The session is issued when
// the mark says, at most a minute ahead; all else is as without marks.
func TestN3_SameSecond(t *testing.T) {
	for _, ahead := range []int64{-1000, 0, 1, 60} {
		each(t, func(t *testing.T, c codec) {
			set := marks.New(marks.Policy{})
			store := newStore(t, c, ring(t, 1), judged(set))
			old := visited(t, store, func(s *ssestore.Session) { login(t, s, "1") })
			set.Apply(t0, userMark("1", t0.Unix()+ahead))
			b := visited(t, store, func(s *ssestore.Session) { login(t, s, "1") })
			expectVerdict(t, "login", b, store, t0, "none")
			if ahead > 0 {
				expectVerdict(t, "before", old, store, t0, "revoked")
			}
			info := b.peek(store, t0).Info()
			same(t, "created", info.Created, after(time.Duration(max(ahead, 0))*time.Second))
			same(t, "login", info.AuthTime, t0)
			same(t, "renewed", info.Renewed, t0)
			same(t, "expires", info.Expires, after(12*time.Hour))
			// A login of somebody else isn't moved.
			other := visited(t, store, func(s *ssestore.Session) { login(t, s, "2") })
			same(t, "created", other.peek(store, t0).Info().Created, t0)
		})
	}
	// Marks that say more than a minute ahead can lock everybody out, but write no session
	// that is from the future.
	store := newStore(t, codecs[0], ring(t, 1), judged(tooFar{}))
	b := visited(t, store, func(s *ssestore.Session) { login(t, s, "1") })
	same(t, "created", b.peek(store, t0).Info().Created, after(time.Minute))
}

// TestN19_ImpersonateAfterAMark: the sessions of a user were ended after somebody logged
// in, who acts as that user now. The session is none of those, and is good. A mark of who
// acts still ends it, also one that comes late.
func TestN19_ImpersonateAfterAMark(t *testing.T) {
	for _, ahead := range []int64{-600, 0, 1, 60} {
		each(t, func(t *testing.T, c codec) {
			set := marks.New(marks.Policy{})
			store := newStore(t, c, ring(t, 1), judged(set))
			b := visited(t, store, func(s *ssestore.Session) { login(t, s, "staff"); must(t, s.Principal().Link("sid:1")) })
			now := after(20 * time.Minute)
			set.Apply(now, userMark("1", now.Unix()+ahead))
			b.visit(t, store, now, func(s *ssestore.Session) {
				whoami(t, s, hash)
				must(t, s.Principal().Become(s.Principal().Identity(), "1", ssestore.Stamp{}, &ssestore.Actor{ID: "staff"}))
			})
			expectVerdict(t, "acts", b, store, now, "none")
			info := b.peek(store, now).Info()
			same(t, "created", info.Created, now.Add(time.Duration(ahead)*time.Second))
			same(t, "login", info.AuthTime, t0)
			same(t, "expires", info.Expires, after(12*time.Hour))
			for what, m := range map[string]marks.Mark{
				"the user, later": userMark("1", now.Unix()+ahead+1),
				"the actor":       userMark("staff", now.Unix()+ahead+1),
				"the link":        {Kind: marks.Link, ID: "sid:1", Before: t0.Unix() + 1, Until: forever},
			} {
				set := marks.New(marks.Policy{})
				set.Apply(now.Add(time.Second), m)
				expectVerdict(t, what, b, newStore(t, c, ring(t, 1), judged(set)), now.Add(time.Second), "revoked")
			}
		})
	}
}

type tooFar struct{}

func (tooFar) Judge(marks.About) cookie.Reason { return cookie.ReasonNone }
func (tooFar) NotBefore(string) int64          { return 1 << 60 }

// TestN4_SeveralValues: a revoked session counts as one that is over, and one that nobody
// can judge as one that is good, beside each other kind of value, in both orders and in
// a former place.
func TestN4_SeveralValues(t *testing.T) {
	each(t, func(t *testing.T, c codec) {
		const now = 20 * time.Minute
		said := map[string]cookie.Reason{}
		m := judge(func(a marks.About) cookie.Reason { return said[a.User] })
		former := func(cfg *ssestore.Config) {
			cfg.Former = []ssestore.Former{{Cookie: cookie.Config{Name: "__Host-former"}, Until: after(100 * day)}}
		}
		store := newStore(t, c, ring(t, 1), judged(m), former)
		there := newStore(t, c, ring(t, 1), func(cfg *ssestore.Config) { cfg.Cookie.Name = "__Host-former" })
		value := func(store *ssestore.Store, user string, at time.Duration) string {
			b := browser{}
			b.visit(t, store, after(at), func(s *ssestore.Session) { login(t, s, user) })
			return b[store.CookieName()]
		}
		said["ended"], said["doubt"] = cookie.ReasonRevoked, cookie.ReasonUnverified
		ended, doubt, good := value(store, "ended", 0), value(store, "doubt", 0), value(store, "ann", 0)
		expired := value(store, "ann", -11*time.Minute)
		future := value(store, "ann", 22*time.Minute)
		foreign := "hello"
		for _, tt := range []struct {
			one, two   string
			want, user string
			cookie     string
		}{
			{ended, "", "revoked", "", "deleted"},
			{ended, good, "none", "ann", "written"}, // a renewal is due
			{ended, expired, "revoked", "", "deleted"},
			{ended, doubt, "unverified", "doubt", "nothing"},
			{doubt, "", "unverified", "doubt", "nothing"},
			{doubt, expired, "unverified", "doubt", "nothing"},
			{doubt, good, "ambiguous", "", "nothing"},
		} {
			for _, order := range []string{tt.one + "|" + tt.two, tt.two + "|" + tt.one} {
				var pairs []string
				for v := range strings.SplitSeq(order, "|") {
					if v != "" {
						pairs = append(pairs, sessionName+"="+v)
					}
				}
				s := store.Load([]string{strings.Join(pairs, "; ")}, after(now))
				p := s.Principal()
				same(t, "verdict", p.Refused().String(), tt.want)
				same(t, "user", p.Identity().ID, tt.user)
				out, err := s.Commit(200)
				must(t, err)
				same(t, tt.want, did(out), tt.cookie)
			}
		}
		if !c.kids {
			return // the rest needs formats that know their own
		}
		for _, other := range []string{future, foreign} {
			out := browser{}.visitLines(t, store, sessionName+"="+other+"; "+sessionName+"="+ended)
			same(t, "a value that another instance may read", did(out), "nothing")
		}
		// In a former place of another name, and behind one of ours.
		at := func(lines ...string) *ssestore.Session {
			return store.Load([]string{strings.Join(lines, "; ")}, after(now))
		}
		was := "__Host-former=" + value(there, "ended", 0)
		same(t, "former", at(was).Principal().Refused().String(), "revoked")
		doubted := at("__Host-former=" + value(there, "doubt", 0))
		same(t, "former", doubted.Principal().Identity().Unverified, true)
		p := at(sessionName+"="+ended, "__Host-former="+value(there, "ann", 0)).Principal()
		same(t, "a revoked session isn't followed by a former one", p.Refused().String()+p.Identity().ID, "revoked")
	})
}

// TestN5_JudgedLast: the marks are asked about sessions that are good in every other way,
// once for each, and are told what the session is.
func TestN5_JudgedLast(t *testing.T) {
	each(t, func(t *testing.T, c codec) {
		var asked []marks.About
		m := judge(func(a marks.About) cookie.Reason {
			a.Session = strings.Clone(a.Session)
			asked = append(asked, a)
			return cookie.ReasonNone
		})
		store := newStore(t, c, ring(t, 1), judged(m))
		plain := newStore(t, c, ring(t, 1))
		b := visited(t, plain, func(s *ssestore.Session) {
			login(t, s, "ann")
			must(t, note.Set(s, "a"))
		})
		b.peek(store, after(time.Minute))
		if len(asked) != 1 {
			t.Fatalf("asked %d times", len(asked))
		}
		sid := markOf(t, plain, b, t0).ID
		want := marks.About{Session: sid, User: "ann", Issued: t0.Unix(), Login: t0.Unix(), Now: t0.Unix() + 60}
		same(t, "about", asked[0], want)
		for name, now := range map[string]time.Time{"expired": after(day), "idle": after(31 * time.Minute), "future": t0.Add(-2 * time.Minute)} {
			asked = nil
			b.peek(store, now)
			same(t, name, len(asked), 0)
		}
		late := b.copy()
		b.visit(t, plain, t0, func(s *ssestore.Session) { must(t, s.Principal().End()) })
		b[sessionName] = late[sessionName]
		asked = nil
		expectVerdict(t, "after a logout", b, store, t0, "ended")
		same(t, "after a logout", len(asked), 0)
		browser{}.peek(store, t0)
		same(t, "no session", len(asked), 0)
	})
}

// TestN6_Legacy: sessions taken over from another system are judged too, by the time the
// other system's cookie was issued. A logout ends copies of that cookie.
func TestN6_Legacy(t *testing.T) {
	set := marks.New(marks.Policy{MaxStale: time.Hour, FailClosed: true})
	store := newStore(t, codecs[0], ring(t, 1), legacyConfig, judged(set))
	set.Fresh(t0)
	old := func(issued time.Time, words string) browser { return browser{"old": oldValue(issued, words)} }
	fresh := old(t0.Add(-time.Minute), "user=1+note=a")
	same(t, "user", fresh.peek(store, t0).Principal().Identity().ID, "1")

	m := markOf(t, store, fresh, t0)
	set.Apply(t0, m)
	expectVerdict(t, "logged out", fresh, store, t0, "revoked")
	out := fresh.copy().visit(t, store, t0, func(s *ssestore.Session) { whoami(t, s, hash) })
	silent(t, out) // it is the other system's cookie
	expectVerdict(t, "another one", old(t0.Add(-2*time.Minute), "user=1+note=a"), store, t0, "none")

	set.Apply(t0, userMark("1", t0.Unix()-30))
	expectVerdict(t, "kicked", old(t0.Add(-2*time.Minute), "user=1+note=a"), store, t0, "revoked")
	expectVerdict(t, "logged in there since", old(t0, "user=1+note=a"), store, t0, "none")

	// Nobody can tell: it stays there, and isn't taken over.
	now := after(2 * time.Hour)
	b := old(now.Add(-time.Minute), "user=2+note=a")
	out = b.visit(t, store, now, func(s *ssestore.Session) {
		who := s.Principal().Identity()
		same(t, "user", who.ID, "2")
		same(t, "unverified", who.Unverified, true)
		if err := note.Set(s, "b"); !errors.Is(err, ssestore.ErrHeld) {
			t.Errorf("Set: %v", err)
		}
	})
	silent(t, out)
	same(t, "cookie", b["old"] != "", true)
}

// TestN7_Unverified: nothing but a logout is written while nobody can tell whether the
// session was ended, and nobody vouches for its user.
func TestN7_Unverified(t *testing.T) {
	each(t, func(t *testing.T, c codec) {
		said := cookie.ReasonNone
		store := newStore(t, c, ring(t, 1), judged(verdict(&said)), window(10*time.Minute))
		b := visited(t, store, func(s *ssestore.Session) { login(t, s, "1"); must(t, note.Set(s, "a")) })
		before := b.copy()
		for _, odd := range []cookie.Reason{cookie.ReasonUnverified, cookie.ReasonExpired, cookie.ReasonForeign, 200} {
			said = odd
			for _, status := range []int{200, 304, 404, 503} {
				// A renewal is due, and a reseal.
				newer := newStore(t, c, ring(t, 2, 1), judged(verdict(&said)))
				out := b.visitStatus(t, newer, after(6*time.Minute), status, func(s *ssestore.Session) {
					p := s.Principal()
					who := p.Identity()
					same(t, "user", who.ID, "1")
					same(t, "unverified", who.Unverified, true)
					st, err := p.Stamp("1", hash)
					must(t, err)
					for name, err := range map[string]error{
						"Confirm": p.Confirm(who, st), "Set": note.Set(s, "b"), "Delete": note.Delete(s), "Remember": s.Remember(true), "Renew": s.Renew(),
						"ExpireAt": s.ExpireAt(t0), "Clear": s.Clear(), "Begin": p.Begin("2", st, nil), "Restamp": p.Restamp(st), "Link": p.Link("x"),
						"Become": p.Become(who, "2", st, nil), "Reissue": second(p.Reissue(who)),
					} {
						if !errors.Is(err, ssestore.ErrHeld) {
							t.Errorf("%s: %v", name, err)
						}
					}
				})
				silent(t, out)
				same(t, "verdict", out.Refused, cookie.ReasonUnverified)
				same(t, "verified", out.User, false)
			}
			id, ok := b.peek(store, after(time.Minute)).Principal().Within()
			same(t, "within", id != "" || ok, false)
		}
		same(t, "cookie", b[sessionName], before[sessionName])
		said = cookie.ReasonNone
		expectVerdict(t, "news has come", b, store, t0, "none")
		said = cookie.ReasonUnverified
		out := b.visit(t, store, t0, func(s *ssestore.Session) { must(t, s.Principal().End()) })
		same(t, "logout", did(out), "deleted")
		same(t, "barrier", lineOf(out, barrierName) != "", true)
	})
}

func second[T any](_ T, err error) error { return err }

// TestN8_Again: a connection that outlives its request asks the marks again, with the
// links that it has by then.
func TestN8_Again(t *testing.T) {
	each(t, func(t *testing.T, c codec) {
		set := marks.New(marks.Policy{MaxStale: time.Minute, FailClosed: true})
		set.Fresh(t0)
		store := newStore(t, c, ring(t, 1), judged(set))
		b := visited(t, store, func(s *ssestore.Session) { login(t, s, "1") })
		s := b.peek(store, t0)
		must(t, s.Principal().Link("tenant:7"))
		_, err := s.Commit(200)
		must(t, err)
		again := func(now time.Time, want string) {
			t.Helper()
			p := s.Principal().Again(now).Principal()
			who := p.Identity()
			same(t, "verdict", p.Refused().String(), want)
			same(t, "user", who.ID != "" && !who.Unverified, want == "none")
			same(t, "named", who.ID != "", want != "revoked")
		}
		again(after(time.Minute), "none")
		again(after(time.Minute+time.Second), "unverified")
		now := after(2 * time.Minute)
		set.Fresh(now)
		again(now, "none")
		set.Apply(now, marks.Mark{Kind: marks.Link, ID: "tenant:7", Before: now.Unix() + 1, Until: forever})
		again(now, "revoked")
		same(t, "names", len(s.Principal().Again(now).Names()), 0)
	})
}

// TestN13_Config: New refuses what can't be meant.
func TestN13_Config(t *testing.T) {
	var none *marks.Set
	for name, m := range map[string]ssestore.Marks{
		"holds a nil pointer":   none,
		"are kept for less":     shortLived(30*day - time.Second),
		"are kept for less ...": shortLived(0),
	} {
		_, err := ssestore.New(ssestore.Config{Keys: ring(t, 1), Marks: m})
		if err == nil || !strings.Contains(err.Error(), strings.TrimSuffix(name, " ...")) || !strings.Contains(err.Error(), "Marks") {
			t.Errorf("%s: %v", name, err)
		}
	}
	store := newStore(t, codecs[0], ring(t, 1), judged(shortLived(30*day)))
	if _, ok := store.MarksAge(t0); ok {
		t.Error("Marks without an age have one")
	}
	set := marks.New(marks.Policy{})
	set.Fresh(t0)
	age, ok := newStore(t, codecs[0], ring(t, 1), judged(set)).MarksAge(after(time.Minute))
	same(t, "age", age, time.Minute)
	same(t, "known", ok, true)
	for _, store := range []*ssestore.Store{nil, {}, newStore(t, codecs[0], ring(t, 1))} {
		_, ok := store.MarksAge(t0)
		same(t, "known", ok, false)
	}
}

type shortLived time.Duration

func (shortLived) Judge(marks.About) cookie.Reason { return cookie.ReasonNone }
func (s shortLived) Window() time.Duration         { return time.Duration(s) }

// TestN16_Allocations: without marks, Load allocates what it always did; to judge a
// session costs none.
func TestN16_Allocations(t *testing.T) {
	if race.Enabled {
		t.Skip("the race detector allocates")
	}
	c := codec{"jwe", cookie.JWE, true}
	set := marks.New(marks.Policy{})
	store, lines := hot(t)
	bare := testing.AllocsPerRun(200, func() { store.Load(lines, t0) })
	same(t, "without marks", bare, 1)
	plain := visited(t, store, func(s *ssestore.Session) { login(t, s, "user-12345") }).lines()
	linked := visited(t, store, func(s *ssestore.Session) {
		login(t, s, "ann")
		must(t, s.Principal().Become(s.Principal().Identity(), "user-12345", ssestore.Stamp{}, &ssestore.Actor{ID: "ann"}))
		must(t, s.Principal().Link("tenant:7"))
		must(t, s.Principal().Link("tenant:8"))
	}).lines()
	for _, n := range []int{0, 1, 1000} {
		for i := range n {
			set.Apply(t0, userMark(fmt.Sprint("user-", i), t0.Unix()))
		}
		judging := newStore(t, c, ring(t, 1), judged(set))
		for name, lines := range map[string][]string{"plain": plain, "linked": linked} {
			want := testing.AllocsPerRun(200, func() { store.Load(lines, t0) })
			allocs(t, fmt.Sprintf("%s, %d marks", name, n), want, func() { judging.Load(lines, t0) })
		}
	}
}
