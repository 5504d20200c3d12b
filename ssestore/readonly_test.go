package ssestore_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/internal/claims"
	"github.com/hardtack-go/hardtack/keyring"
	"github.com/hardtack-go/hardtack/marks"
	"github.com/hardtack-go/hardtack/ssestore"
)

// ending is oldCodec with an end in front: Unix seconds and a colon, if there is one.
type ending struct{ oldCodec }

func (c ending) Open(ring *keyring.Keyring, v string) (cookie.Opened, error) {
	ends, rest, ok := strings.Cut(v, ":")
	if !ok {
		return c.oldCodec.Open(ring, v)
	}
	o, err := c.oldCodec.Open(ring, rest)
	sec, _ := strconv.ParseInt(ends, 10, 64)
	o.Ends = time.Unix(sec, 0)
	return o, err
}

func newEnding(string, string) (cookie.Codec, error) { return ending{}, nil }

// until gives a value an end.
func until(end time.Time, v string) string { return fmt.Sprint(end.Unix(), ":", v) }

// theirs is the name of the cookie that the other system writes.
const theirs = "theirs"

// readingConfig is a store beside a system that goes on to write its own sessions.
func readingConfig(c *ssestore.Config) {
	c.Legacy = []ssestore.Legacy{{
		Cookie: cookie.Config{Name: theirs}, Format: newEnding, Until: after(100 * day), Migrate: migrate, ReadOnly: true,
	}}
}

// besides is a browser that has a session of ours and one of the other system.
func besides(t *testing.T, store *ssestore.Store, value string) browser {
	b := visited(t, store, func(s *ssestore.Session) { must(t, note.Set(s, "ours")); login(t, s, "2") })
	b[theirs] = value
	return b
}

// TestH9_ReadOnly: the other system's session is the request's, also beside one of ours,
// and ours is back when the other is over.
func TestH9_ReadOnly(t *testing.T) {
	each(t, func(t *testing.T, c codec) {
		store := newStore(t, c, ring(t, 1), readingConfig)
		v := oldValue(after(-2*time.Hour), "user=1+note=x")
		for name, b := range map[string]browser{"alone": {theirs: v}, "beside ours": besides(t, store, v)} {
			out := b.copy().visit(t, store, t0, func(s *ssestore.Session) {
				who := s.Principal().Identity()
				same(t, name+": user", who.ID, "1")
				same(t, name+": adopted", who.Adopted, true)
				same(t, name+": stamp", who.Stamp.KeyID, "")
				same(t, name+": auth time", who.AuthTime, after(-2*time.Hour))
				same(t, name+": verified", whoami(t, s, hash), "1")
				same(t, name+": note", note.Get(s), "x")
				same(t, name+": names", fmt.Sprint(s.Names()), "[note]")
				same(t, name+": read only", s.ReadOnly(), true)
				same(t, name+": changed", s.Changed(), false)
				i := s.Info()
				same(t, name+": new", i.New, false)
				same(t, name+": id in Info", i.UserID, "1")
				same(t, name+": created", i.Created, after(-2*time.Hour))
				same(t, name+": key", i.KeyID, "")
			})
			silent(t, out)
			same(t, name+": told", out.ReadOnly, true)
			same(t, name+": migrated", out.Migrated, false)
			same(t, name+": user", out.User, true)
			same(t, name+": verdict", out.Refused, cookie.ReasonNone)
			same(t, name+": vary", out.Vary, true)
			same(t, name+": private", out.Private, true)
			same(t, name+": personal", out.Personal, true)
			same(t, name+": key", out.KeyID, "")
		}
		// Untouched, it says nothing about the cookies; read, it isn't for shared caches.
		out := browser{theirs: oldValue(t0, "note=x")}.visit(t, store, t0, nil)
		same(t, "vary of an untouched one", out.Vary, false)
		out = browser{theirs: oldValue(t0, "note=x")}.visit(t, store, t0, func(s *ssestore.Session) { s.ReadOnly() })
		same(t, "vary of one that was asked", out.Vary, true)
		same(t, "personal", out.Personal, true)

		ours := browser{sessionName: besides(t, store, "")[sessionName]}
		for _, row := range []struct {
			name, value string
			now         time.Time
			user        string
			refused     cookie.Reason
		}{
			{"over by its own end", until(after(time.Minute), oldValue(t0, "user=1")), after(time.Minute), "2", cookie.ReasonNone},
			{"expired, as its format says", "!expired", t0, "2", cookie.ReasonNone},
			{"of another program", "x", t0, "2", cookie.ReasonNone},
			{"Migrate fails", oldValue(t0, "user=1+note=x+remember+fail"), t0, "2", cookie.ReasonNone},
			{"from the future", oldValue(after(time.Hour), "user=1"), t0, "2", cookie.ReasonNone},
			{"two", oldValue(t0, "user=1") + "; theirs=" + oldValue(t0, "user=3"), t0, "2", cookie.ReasonNone},
			{"two, and one is over", oldValue(t0, "user=1") + "; theirs=!expired", t0, "1", cookie.ReasonNone},
			{"nobody's", oldValue(t0, "note=x"), t0, "", cookie.ReasonNone},
		} {
			b := ours.copy()
			b[theirs] = row.value
			s := b.peek(store, row.now)
			same(t, row.name+": user", s.Principal().Identity().ID, row.user)
			same(t, row.name+": read only", s.ReadOnly(), row.user != "2")
			if row.user == "2" {
				same(t, row.name+": note", note.Get(s), "ours")
				same(t, row.name+": persistent", s.Info().Persistent, false)
				must(t, note.Set(s, "y")) // and can be changed
			}
			out, err := s.Commit(200)
			must(t, err)
			same(t, row.name+": verdict", out.Refused, row.refused)
			same(t, row.name+": their cookie", lineOf(out, theirs), "")
			same(t, row.name+": ReadOnly", out.ReadOnly, row.user != "2")
		}
		// Without one of ours, the verdict on theirs is the request's.
		for v, want := range map[string]cookie.Reason{"!expired": cookie.ReasonExpired, "x": cookie.ReasonForeign, "!bad-tag": cookie.ReasonBadTag} {
			b := browser{theirs: v}
			out := b.visit(t, store, t0, set(t, "a")) // a visitor's own session begins
			same(t, v, out.Refused, want)
			same(t, v+": cookie", did(out), "written")
			same(t, v+": theirs", b[theirs], v)
			b.visit(t, store, t0, func(s *ssestore.Session) { must(t, s.Clear()) })
			same(t, v+": theirs after Clear", b[theirs], v)
		}
		// After the deadline it isn't looked at, and not deleted either.
		short := newStore(t, c, ring(t, 1), readingConfig, func(c *ssestore.Config) { c.Legacy[0].Until = after(time.Minute) })
		b := besides(t, short, v)
		same(t, "before", b.peek(short, after(time.Minute-1)).Principal().Identity().ID, "1")
		same(t, "after", b.peek(short, after(time.Minute)).Principal().Identity().ID, "2")
		b.visit(t, short, after(time.Minute), set(t, "z"))
		same(t, "theirs", b[theirs], v)
		same(t, "verdict after the deadline", browser{theirs: v}.visit(t, short, after(time.Minute), read).Refused, cookie.ReasonNone)
		same(t, "verdict without any", browser{}.visit(t, store, t0, read).Refused, cookie.ReasonNone)
	})
}

// TestH9_SeveralSystems: the first one that yields a session counts, and a cookie that is
// taken over waits behind one that is only read.
func TestH9_SeveralSystems(t *testing.T) {
	each(t, func(t *testing.T, c codec) {
		store := newStore(t, c, ring(t, 1), legacyConfig, readingConfig, func(c *ssestore.Config) {
			second := c.Legacy[0]
			second.Cookie.Name = "second"
			moving := second
			moving.Cookie.Name, moving.ReadOnly = oldName, false
			c.Legacy = append([]ssestore.Legacy{moving}, c.Legacy[0], second)
		})
		v := func(n string) string { return oldValue(t0, "note="+n) }
		for _, row := range []struct {
			b        browser
			want     string
			readOnly bool
		}{
			{browser{theirs: v("a"), "second": v("b"), oldName: v("c")}, "a", true},
			{browser{theirs: "x", "second": v("b"), oldName: v("c")}, "b", true},
			{browser{theirs: v("a+fail"), "second": v("b"), oldName: v("c")}, "b", true},
			{browser{theirs: "x", "second": "x", oldName: v("c")}, "c", false},
			{browser{theirs: v("a+fail"), "second": v("b+fail"), oldName: v("c")}, "c", false},
		} {
			s := row.b.peek(store, t0)
			same(t, "note", note.Get(s), row.want)
			same(t, "read only", s.ReadOnly(), row.readOnly)
			out := row.b.visit(t, store, t0, read)
			same(t, "migrated", out.Migrated, !row.readOnly)
			same(t, "theirs", lineOf(out, theirs)+lineOf(out, "second"), "")
			same(t, "old", lineOf(out, oldName) != "", !row.readOnly)
		}
		// Of several that failed, another program's cookie is the least news.
		for _, b := range []browser{{theirs: "x", "second": "!expired"}, {theirs: "!expired", "second": "x"}} {
			same(t, "verdict", b.visit(t, store, t0, read).Refused, cookie.ReasonExpired)
		}
	})
}

// TestH9_Parts: a session that is only read may come in parts, or with a companion, and
// none of them is deleted.
func TestH9_Parts(t *testing.T) {
	for name, change := range map[string]config{"parts": partedConfig, "companion": signedConfig} {
		store := newStore(t, codecs[0], ring(t, 1), change, func(c *ssestore.Config) { c.Legacy[0].ReadOnly = true })
		v := oldValue(t0, "user=1+note=x")
		b := browser{oldName: v, "old.sig": checksum(v)}
		if name == "parts" {
			b = split(protected("user=1+note=x"), 3)
		}
		for range 2 {
			out := b.visit(t, store, t0, func(s *ssestore.Session) {
				same(t, name+": user", whoami(t, s, hash), "1")
				same(t, name+": Set", note.Set(s, "y"), ssestore.ErrReadOnly)
			})
			silent(t, out)
		}
		for cut := range b { // and without one of them there is no session
			less := b.copy()
			delete(less, cut)
			if name == "parts" && cut == "old.2" {
				continue // which shows only in the checksum
			}
			out := less.visit(t, store, t0, set(t, "mine"))
			same(t, name+" without "+cut, out.Refused, cookie.ReasonMalformed)
			for n, v := range b {
				if n != cut && less[n] != v {
					t.Errorf("%s without %s: %s was touched", name, cut, n)
				}
			}
		}
	}
}

// changes are all methods that change a session.
func changesOf(s *ssestore.Session) map[string]func() error {
	p := s.Principal()
	return map[string]func() error{
		"Set":        func() error { return note.Set(s, "y") },
		"Set, equal": func() error { return note.Set(s, "x") },
		"Set, new":   func() error { return count.Set(s, 1) },
		"Delete":     func() error { return note.Delete(s) },
		"Pop":        func() error { note.Pop(s); return note.Delete(s) },
		"Clear":      s.Clear,
		"Remember":   func() error { return s.Remember(true) },
		"ExpireAt":   func() error { return s.ExpireAt(after(time.Minute)) },
		"Renew":      s.Renew,
		"Begin":      func() error { return p.Begin("1", ssestore.Stamp{}, nil) },
		"Restamp":    func() error { return p.Restamp(ssestore.Stamp{KeyID: kid(1)}) },
		"End":        p.End,
		"Link":       func() error { return p.Link("sid:1") },
		"Become":     func() error { return p.Become(p.Identity(), "3", ssestore.Stamp{}, nil) },
		"Reissue":    func() error { _, err := p.Reissue(p.Identity()); return err },
	}
}

// TestH37_SessionOfOursMeanwhile: a visitor got a session of ours, without a user, before
// they logged in at the other system. Once that is no longer read only, ours decides, also
// when it is over. Under a new name of our cookie the other system's session moves.
func TestH37_SessionOfOursMeanwhile(t *testing.T) {
	each(t, func(t *testing.T, c codec) {
		reading := newStore(t, c, ring(t, 1), readingConfig)
		b := visited(t, reading, set(t, "a cart"))
		b[theirs] = oldValue(after(time.Minute), "user=1")
		same(t, "read only", whoami(t, b.peek(reading, after(time.Minute)), hash), "1")

		moving := func(c *ssestore.Config) { readingConfig(c); c.Legacy[0].ReadOnly = false }
		renamed := func(c *ssestore.Config) { moving(c); c.Cookie.Name = "__Host-id" }
		for _, at := range []time.Time{after(2 * time.Minute), after(time.Hour)} {
			same(t, "ours decides", whoami(t, b.peek(newStore(t, c, ring(t, 1), moving), at), hash), "")
			store, d := newStore(t, c, ring(t, 1), renamed), b.copy()
			out := d.visit(t, store, at, func(s *ssestore.Session) { same(t, "moves", whoami(t, s, hash), "1") })
			same(t, "moved", out.Migrated, true)
			same(t, "theirs is gone", d[theirs], "")
		}
	})
}

// TestH10_EveryChange of such a session is refused, and changes nothing.
func TestH10_EveryChange(t *testing.T) {
	each(t, func(t *testing.T, c codec) {
		store := newStore(t, c, ring(t, 1), readingConfig)
		v := oldValue(t0, "user=1+note=x")
		for name := range changesOf(nil) {
			for _, verified := range []bool{false, true} {
				b := besides(t, store, v)
				s := b.peek(store, t0)
				if verified {
					same(t, "user", whoami(t, s, hash), "1")
				}
				before := string(s.Info().Claims)
				same(t, name, changesOf(s)[name](), ssestore.ErrReadOnly)
				same(t, name+": claims", string(s.Info().Claims), before)
				same(t, name+": note", note.Get(s), "x")
				same(t, name+": changed", s.Changed(), false)
				same(t, name+": told", s.Late(), ssestore.ErrReadOnly)
				same(t, name+": ended", len(s.Principal().Ended()), 0)
				out, err := s.Commit(200)
				must(t, err)
				silent(t, out)
				same(t, name+": after Commit", changesOf(s)[name](), ssestore.ErrCommitted)
				same(t, name+": read only after Commit", s.ReadOnly(), true)
				same(t, name+": told", s.Late(), ssestore.ErrCommitted)
				_, err = s.Commit(200)
				same(t, name+": Commit again", err, ssestore.ErrCommitted)
			}
		}
		s := browser{theirs: v}.peek(store, t0)
		same(t, "nothing was tried", s.Late(), error(nil))
		same(t, "Adopt", s.Adopt("1"), ssestore.ErrMigrate)
		must(t, count.Delete(s)) // which isn't there
		same(t, "what isn't there is no mistake", s.Late(), error(nil))
		value, ok := note.Pop(s)
		same(t, "what Pop returns all the same", value, "x")
		same(t, "Pop", ok, true)
		same(t, "Pop is told", s.Late(), ssestore.ErrReadOnly)
		// Who has no such session isn't read only.
		for _, s := range []*ssestore.Session{nil, new(ssestore.Session), store.Load(nil, t0), besides(t, store, "x").peek(store, t0)} {
			same(t, "read only", s.ReadOnly(), false)
		}
		same(t, "without a time", browser{theirs: v}.peek(store, time.Time{}).ReadOnly(), false)
	})
}

// TestH11_NoCookieIsWritten: whatever a hundred requests do, at any status and time, the
// browser has the cookies that it had.
func TestH11_NoCookieIsWritten(t *testing.T) {
	each(t, func(t *testing.T, c codec) {
		store := newStore(t, c, ring(t, 2, 1), readingConfig, func(c *ssestore.Config) {
			c.Former = []ssestore.Former{{Cookie: cookie.Config{Name: "former"}, Until: after(100 * day)}}
			c.RenewVerified = time.Minute
		})
		b := besides(t, newStore(t, c, ring(t, 1)), oldValue(t0, "user=1+note=x")) // due for a reseal
		b.visit(t, store, t0, nil)
		b["former"], b[barrierName] = b[sessionName], "x"
		before := fmt.Sprint(b)
		n := 0
		for name := range changesOf(nil) {
			for _, status := range []int{0, 200, 304, 404, 500, 503} {
				for _, at := range []time.Duration{0, 20 * time.Minute, 13 * time.Hour} {
					out := b.visitStatus(t, store, after(at), status, func(s *ssestore.Session) {
						same(t, "user", whoami(t, s, hash), "1")
						_ = changesOf(s)[name]()
						switch n++; n % 5 {
						case 0:
							refuse(s, cookie.ReasonStampMismatch)
						case 1:
							s.Principal().Hold()
						case 2:
							s.Principal().Note(s.Principal().Identity(), cookie.ReasonStampUnknownKey)
						case 3:
							s.Limit(ssestore.WritesNone)
						}
						_ = changesOf(s)[name]()
					})
					silent(t, out)
					same(t, "deleted", out.Deleted, false)
				}
			}
		}
		same(t, "cookies", fmt.Sprint(b), before)
		if n < 100 {
			t.Errorf("%d requests", n)
		}
	})
}

// TestH12_LivesAsLongAsThere: neither shorter nor longer than the other system's cookie
// says, at whichever time it is judged.
func TestH12_LivesAsLongAsThere(t *testing.T) {
	each(t, func(t *testing.T, c codec) {
		store := newStore(t, c, ring(t, 1), readingConfig)
		undated := newStore(t, c, ring(t, 1), readingConfig, func(c *ssestore.Config) { c.Legacy[0].Issued = after(-50 * day) })
		for _, row := range []struct {
			name, value string
			last        time.Duration // the last second at which it is good
		}{
			{"within our lifetimes", until(after(time.Hour), oldValue(after(-time.Hour), "user=1")), time.Hour - time.Second},
			{"longer than ours", until(after(40*day), oldValue(after(-40*day), "user=1")), 40*day - time.Second},
			{"without an end", oldValue(after(-40*day), "user=1"), 100*day - time.Second},
			{"an end after the deadline", until(after(200*day), oldValue(t0, "user=1")), 100*day - time.Second},
			{"an end at the end of time", until(time.Unix(1<<60, 0), oldValue(t0, "user=1")), 100*day - time.Second},
			{"Migrate shortens it", until(after(40*day), oldValue(t0, "user=1+expire")), -1},
			{"an end before 1970", until(time.Unix(-5, 0), oldValue(t0, "user=1")), -1},
			{"an end in 1970", until(time.Unix(0, 0), oldValue(t0, "user=1")), -1},
			{"without any date", "x-user=1", 100*day - time.Second},
		} {
			s := store
			if strings.HasPrefix(row.value, "x-") {
				s = undated
				same(t, "no date, and no constant", browser{theirs: row.value}.peek(store, t0).Principal().Identity().ID, "")
			}
			b := browser{theirs: row.value}
			first := b.peek(s, t0).Principal()
			for _, at := range []time.Duration{0, row.last, row.last + time.Second} {
				want := ""
				if at <= row.last && row.last >= 0 {
					want = "1"
				}
				now := after(max(at, 0))
				loaded := b.peek(s, now)
				same(t, fmt.Sprint(row.name, " at ", at), loaded.Principal().Identity().ID, want)
				// A connection that outlives its request ends then, and not with our idle time.
				again := first.Again(now)
				same(t, fmt.Sprint(row.name, " again at ", at), again.Principal().Identity().ID, want)
				if want != "" {
					same(t, row.name+": adopted again", again.Principal().Identity().Adopted, true)
					same(t, row.name+": read only again", again.ReadOnly(), true)
					same(t, row.name+": Set again", note.Set(again, "x"), ssestore.ErrCommitted)
					i := loaded.Info()
					same(t, row.name+": expires", i.Expires, after(row.last+time.Second))
					same(t, row.name+": idle", i.IdleEnds, i.Expires)
				}
			}
		}
		short := browser{theirs: until(after(time.Hour), oldValue(t0, "user=1"))}.peek(store, t0).Principal()
		same(t, "again, and over", short.Again(after(time.Hour)).Principal().Refused(), cookie.ReasonExpired)
		same(t, "again, and the clock went back", short.Again(after(-2*time.Minute)).Principal().Refused(), cookie.ReasonFuture)
		// Where sessions move, our lifetimes count, whatever the cookie says.
		moving := newStore(t, c, ring(t, 1), readingConfig, func(c *ssestore.Config) { c.Legacy[0].ReadOnly = false })
		b := browser{theirs: until(after(40*day), oldValue(after(-11*time.Hour), "user=1"))}
		b.visit(t, moving, t0, func(s *ssestore.Session) { whoami(t, s, hash) })
		same(t, "end of one that has moved", b.peek(moving, t0).Info().Expires, after(time.Hour))
	})
}

// TestH13_Verdicts: what package auth finds out about the user holds for the request, and
// changes no cookie.
func TestH13_Verdicts(t *testing.T) {
	each(t, func(t *testing.T, c codec) {
		store := newStore(t, c, ring(t, 1), readingConfig, func(c *ssestore.Config) { c.RenewVerified = 10 * time.Minute })
		for _, row := range []struct {
			name string
			do   func(s *ssestore.Session)
			user string
			out  func(out ssestore.Outcome) bool
		}{
			{"confirmed", func(s *ssestore.Session) { must(t, confirm(s, ssestore.Stamp{})) }, "1",
				func(out ssestore.Outcome) bool { return out.User && out.Private }},
			{"confirmed with a stamp", func(s *ssestore.Session) { must(t, confirm(s, stampUnder(t, 1, "1"))) }, "1",
				func(out ssestore.Outcome) bool { return out.User && !out.Restamped }},
			{"refused", func(s *ssestore.Session) { must(t, refuse(s, cookie.ReasonStampMismatch)) }, "",
				func(out ssestore.Outcome) bool {
					return out.Refused == cookie.ReasonStampMismatch && !out.User && out.ReadOnly
				}},
			{"noted", func(s *ssestore.Session) {
				must(t, s.Principal().Note(s.Principal().Identity(), cookie.ReasonStampUnknownKey))
			}, "1", func(out ssestore.Outcome) bool { return out.Refused == cookie.ReasonStampUnknownKey && !out.User }},
			{"held", func(s *ssestore.Session) { s.Principal().Hold() }, "1",
				func(out ssestore.Outcome) bool { return !out.User }},
		} {
			b := besides(t, store, oldValue(t0, "user=1+note=x"))
			s := b.peek(store, t0)
			_, within := s.Principal().Within()
			same(t, row.name+": within, before", within, false)
			row.do(s)
			same(t, row.name+": user", s.Principal().Identity().ID, row.user)
			same(t, row.name+": Set", note.Set(s, "y"), ssestore.ErrReadOnly)
			same(t, row.name+": login", s.Principal().Begin("3", ssestore.Stamp{}, nil), ssestore.ErrReadOnly)
			same(t, row.name+": logout", s.Principal().End(), ssestore.ErrReadOnly)
			id, within := s.Principal().Within()
			same(t, row.name+": within", within, strings.HasPrefix(row.name, "confirmed"))
			same(t, row.name+": id", id, map[bool]string{true: "1"}[within])
			out, err := s.Commit(200)
			must(t, err)
			silent(t, out)
			same(t, row.name+": outcome", row.out(out), true)
			// The next request asks again: nothing of this one is left.
			same(t, row.name+": stamp", b.peek(store, t0).Principal().Identity().Stamp.KeyID, "")
			_, within = b.peek(store, t0).Principal().Within()
			same(t, row.name+": within, later", within, false)
		}
	})
}

// TestH15_Marks: a mark ends such a session here, and marks that are too old hold it.
func TestH15_Marks(t *testing.T) {
	each(t, func(t *testing.T, c codec) {
		set := marks.New(marks.Policy{})
		set.Fresh(t0)
		store := newStore(t, c, ring(t, 1), readingConfig, func(c *ssestore.Config) { c.Marks = set })
		v := oldValue(t0, "user=1+note=x")
		b := besides(t, store, v)
		same(t, "before", b.peek(store, t0).Principal().Identity().ID, "1")
		mark, _ := b.peek(store, t0).Principal().Mark()
		again := b.peek(store, t0).Principal()
		set.Apply(t0, mark)
		same(t, "after, beside ours", b.peek(store, t0).Principal().Identity().ID, "2")
		s := browser{theirs: v}.peek(store, t0)
		same(t, "after, alone", s.Principal().Identity().ID, "")
		same(t, "verdict", s.Principal().Refused(), cookie.ReasonRevoked)
		same(t, "read only", s.ReadOnly(), false)
		same(t, "open connection", again.Again(t0).Principal().Refused(), cookie.ReasonRevoked)
		// The other system writes its cookie anew: a mark of the session knows nothing of it.
		same(t, "written anew", browser{theirs: oldValue(t0, "user=1+note=y")}.peek(store, t0).Principal().Identity().ID, "1")
		// That of the user does, up to the time that it says.
		set.Apply(t0, marks.Mark{Kind: marks.User, ID: "1", Before: after(time.Second).Unix(), Until: after(day).Unix()})
		same(t, "user", browser{theirs: oldValue(t0, "user=1+note=y")}.peek(store, t0).Principal().Identity().ID, "")

		said := cookie.ReasonNone
		held := newStore(t, c, ring(t, 1), readingConfig, func(c *ssestore.Config) {
			c.Marks = judge(func(marks.About) cookie.Reason { return said })
		})
		b = besides(t, held, v)
		said = cookie.ReasonUnverified
		out := b.visit(t, held, t0, func(s *ssestore.Session) {
			who := s.Principal().Identity()
			same(t, "unverified", who.Unverified, true)
			same(t, "Confirm", s.Principal().Confirm(who, ssestore.Stamp{}), ssestore.ErrHeld)
			same(t, "End", s.Principal().End(), ssestore.ErrReadOnly)
		})
		silent(t, out)
		same(t, "verdict", out.Refused, cookie.ReasonUnverified)
		same(t, "told", out.ReadOnly, true)
	})
}

// TestH12_ClaimsOfAnyEnd: whatever end a cookie names, what Info shows is well formed.
func TestH12_ClaimsOfAnyEnd(t *testing.T) {
	store := newStore(t, codecs[0], ring(t, 1), readingConfig, func(c *ssestore.Config) { c.Legacy[0].Until = time.Unix(1<<50, 0) })
	for _, end := range []int64{1 << 40, 1 << 60, claims.MaxTime, claims.MaxTime + 1} {
		i := browser{theirs: until(time.Unix(end, 0), oldValue(t0, "user=1"))}.peek(store, t0).Info()
		same(t, "expires", i.Expires.Unix(), min(end, claims.MaxTime))
		var c claims.Claims
		if !c.Parse([]byte(strings.Replace(string(i.Claims), `"sid":""`, `"sid":"AAAAAAAAAAAAAAAAAAAAAA"`, 1))) {
			t.Errorf("%d: %s", end, i.Claims)
		}
	}
}
