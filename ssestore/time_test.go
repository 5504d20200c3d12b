package ssestore_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/keyring"
	"github.com/hardtack-go/hardtack/ssestore"
)

// alive reports whether the session is valid at now.
func alive(b browser, store *ssestore.Store, now time.Time) bool {
	return !b.peek(store, now).Info().New
}

// TestS7_5_Idle: exactly at the limit is accepted, one second past is not.
func TestS7_5_Idle(t *testing.T) {
	each(t, func(t *testing.T, c codec) {
		store := newStore(t, c, ring(t, 1))
		for persistent, idle := range map[bool]time.Duration{false: 30 * time.Minute, true: 14 * day} {
			b := visited(t, store, func(s *ssestore.Session) { must(t, s.Remember(persistent)); must(t, note.Set(s, "a")) })
			same(t, "at the limit", alive(b, store, after(idle)), true)
			same(t, "one second past", alive(b, store, after(idle+time.Second)), false)
			same(t, "part of a second past", alive(b, store, after(idle+time.Second-1)), true)
		}
	})
}

// TestS7_6_Absolute: at exp itself the session is over (RFC 7519 section 4.1.4),
// however often it was renewed.
func TestS7_6_Absolute(t *testing.T) {
	each(t, func(t *testing.T, c codec) {
		store := newStore(t, c, ring(t, 1))
		b := visited(t, store, set(t, "a"))
		for m := 20; m < 12*60; m += 20 {
			b.visit(t, store, after(time.Duration(m)*time.Minute), read)
		}
		same(t, "before", alive(b, store, after(12*time.Hour-time.Second)), true)
		same(t, "at the end", alive(b, store, after(12*time.Hour)), false)
	})
}

// TestS7_7_Renewal becomes due at a sixth of the idle time, and moves rnw alone.
func TestS7_7_Renewal(t *testing.T) {
	each(t, func(t *testing.T, c codec) {
		store := newStore(t, c, ring(t, 1))
		b := loggedIn(t, c, 1)
		before := b.peek(store, t0).Info()
		silent(t, b.copy().visit(t, store, after(5*time.Minute-time.Second), read))
		for _, limit := range []ssestore.Writes{ssestore.WritesAll, ssestore.WritesRenewOnly} {
			b := b.copy()
			out := b.visit(t, store, after(5*time.Minute), func(s *ssestore.Session) { s.Limit(limit); read(s) })
			same(t, "renewed", out.Renewed, true)
			same(t, "cookie", did(out), "written")
			now := b.peek(store, after(5*time.Minute)).Info()
			same(t, "rnw", now.Renewed, after(5*time.Minute))
			same(t, "session id", now.LogID, before.LogID)
			same(t, "created", now.Created, before.Created)
			same(t, "auth time", now.AuthTime, before.AuthTime)
			same(t, "end", now.Expires, before.Expires)
		}
		for name, do := range map[string]func(s *ssestore.Session){
			"none":        func(s *ssestore.Session) { s.Limit(ssestore.WritesNone); read(s) },
			"solicited":   func(s *ssestore.Session) { s.Limit(ssestore.WritesSolicited); read(s) },
			"tightened":   func(s *ssestore.Session) { s.Limit(ssestore.WritesNone); s.Limit(ssestore.WritesAll); read(s) },
			"not touched": func(s *ssestore.Session) {},
			"held":        func(s *ssestore.Session) { read(s); s.Principal().Hold() },
		} {
			if out := b.copy().visit(t, store, after(5*time.Minute), do); did(out) != "nothing" {
				t.Errorf("%s: %s", name, did(out))
			}
		}
		silent(t, b.copy().visitStatus(t, store, after(5*time.Minute), 304, read))
		silent(t, b.copy().visitStatus(t, store, after(5*time.Minute), 500, read))

		// A solicited write takes a due renewal along, unless the handler forbids it.
		for limit, want := range map[ssestore.Writes]bool{ssestore.WritesAll: true, ssestore.WritesRenewOnly: true, ssestore.WritesSolicited: true, ssestore.WritesNone: false} {
			out := b.copy().visit(t, store, after(5*time.Minute), func(s *ssestore.Session) { s.Limit(limit); set(t, "b")(s) })
			same(t, "written", did(out), "written")
			same(t, "renewed", out.Renewed, want)
		}
		out := b.copy().visit(t, store, after(time.Minute), set(t, "b"))
		same(t, "renewed early", out.Renewed, false)
	})
}

// TestF102_Renew: a renewal on purpose, and a poll that doesn't renew.
func TestF102_Renew(t *testing.T) {
	renew := func(s *ssestore.Session) { must(t, s.Renew()) }
	each(t, func(t *testing.T, c codec) {
		store := newStore(t, c, ring(t, 1))
		b := loggedIn(t, c, 1)
		before := b.peek(store, t0).Info()
		for _, limit := range []ssestore.Writes{ssestore.WritesAll, ssestore.WritesRenewOnly, ssestore.WritesSolicited, ssestore.WritesNone} {
			for _, at := range []time.Duration{time.Second, 30 * time.Minute} { // nothing is due; the last second
				b := b.copy()
				out := b.visit(t, store, after(at), func(s *ssestore.Session) { s.Limit(limit); renew(s) })
				same(t, "renewed", out.Renewed, true)
				same(t, "cookie", did(out), "written")
				now := b.peek(store, after(at)).Info()
				same(t, "rnw", now.Renewed, after(at))
				same(t, "session id", now.LogID, before.LogID)
				same(t, "auth time", now.AuthTime, before.AuthTime)
				same(t, "end", now.Expires, before.Expires)
				same(t, "user", whoami(t, b.peek(store, after(at)), hash), "1")
			}
		}
		// Nothing to do: in the second of the login, twice, before it by another
		// clock, and without a session.
		silent(t, b.copy().visit(t, store, t0, renew))
		silent(t, b.copy().visit(t, store, after(-30*time.Second), renew))
		silent(t, browser{}.visit(t, store, t0, renew))
		s := b.peek(store, after(time.Minute))
		same(t, "changed before", s.Changed(), false)
		renew(s)
		renew(s)
		same(t, "changed", s.Changed(), true)
		same(t, "seen at once", s.Info().Renewed, after(time.Minute))

		// No key may seal: the handler is told, and its answer stays.
		closed, err := keyring.Parse(strings.Replace(string(ring(t, 1).JWKSet()), `"created"`, `"active":253402300799000,"created"`, 1))
		must(t, err)
		silent(t, b.copy().visit(t, newStore(t, c, closed), after(time.Minute), func(s *ssestore.Session) { same(t, "error", s.Renew(), error(cookie.ErrNoPrimary)) }))

		// What isn't saved isn't renewed, and it brings back no session that is over.
		silent(t, b.copy().visitStatus(t, store, after(time.Minute), 500, renew))
		same(t, "one second late", did(b.copy().visit(t, store, after(30*time.Minute+time.Second), renew)), "deleted")
		over := b.copy()
		over.visit(t, store, after(time.Minute), func(s *ssestore.Session) { renew(s); must(t, s.Clear()); renew(s) })
		same(t, "cleared", over[sessionName], "")

		// A page that polls every minute, and limits itself, dies after the idle time;
		// so does one that also writes.
		for _, do := range []func(s *ssestore.Session){
			read,
			func(s *ssestore.Session) { must(t, count.Set(s, count.Get(s)+1)) },
		} {
			b := b.copy()
			for m := 1; m <= 30; m++ {
				b.visit(t, store, after(time.Duration(m)*time.Minute), func(s *ssestore.Session) { s.Limit(ssestore.WritesNone); do(s) })
			}
			same(t, "after the idle time", alive(b, store, after(31*time.Minute)), false)
		}
	})
}

// TestF107_IdleAfterLastUse: a session ends between 5/6 of Idle and Idle after its
// last use, whenever that was.
func TestF107_IdleAfterLastUse(t *testing.T) {
	each(t, func(t *testing.T, c codec) {
		for idle, step := range map[time.Duration]time.Duration{30 * time.Minute: 10 * time.Second, time.Second: time.Second, 7 * time.Second: time.Second} {
			store := newStore(t, c, ring(t, 1), func(c *ssestore.Config) { c.Idle = idle })
			for use := time.Duration(0); use <= idle; use += step {
				b := visited(t, store, set(t, "a"))
				b.visit(t, store, after(use), read)
				same(t, "5/6 of "+idle.String()+" after a use at "+use.String(), alive(b, store, after(use+idle*5/6)), true)
				same(t, "longer than "+idle.String()+" after a use at "+use.String(), alive(b, store, after(use+idle+time.Second)), false)
			}
		}
	})
}

// TestS8_6_MaxAge is what remains, not the lifetime again.
func TestS8_6_MaxAge(t *testing.T) {
	each(t, func(t *testing.T, c codec) {
		store := newStore(t, c, ring(t, 1))
		b := visited(t, store, func(s *ssestore.Session) { must(t, s.Remember(true)); must(t, note.Set(s, "a")) })
		out := b.visit(t, store, after(10*day), read)
		same(t, "renewal", attributes(lineOf(out, sessionName)),
			"Expires=Thu, 14 Dec 2023 22:13:20 GMT; HttpOnly; Max-Age=1728000; Path=/; SameSite=Lax; Secure")
	})
}

// TestS7_8_ShorterConfig takes effect at once; a longer one does not bring back the
// absolute end.
func TestS7_8_ShorterConfig(t *testing.T) {
	each(t, func(t *testing.T, c codec) {
		b := visited(t, newStore(t, c, ring(t, 1)), set(t, "a"))
		with := func(idle, absolute time.Duration) *ssestore.Store {
			return newStore(t, c, ring(t, 1), func(c *ssestore.Config) { c.Idle, c.Absolute = idle, absolute })
		}
		same(t, "idle 5 min, after 5 min", alive(b, with(5*time.Minute, 0), after(5*time.Minute)), true)
		same(t, "idle 5 min, after 6 min", alive(b, with(5*time.Minute, 0), after(6*time.Minute)), false)
		same(t, "absolute 5 min, after 5 min", alive(b, with(0, 5*time.Minute), after(5*time.Minute)), false)
		same(t, "absolute 5 min, before", alive(b, with(0, 5*time.Minute), after(5*time.Minute-time.Second)), true)
		same(t, "idle 1 h, after 50 min", alive(b, with(time.Hour, 0), after(50*time.Minute)), true)
		same(t, "absolute 20 h, after 13 h", alive(b, with(20*time.Hour, 20*time.Hour), after(13*time.Hour)), false)
	})
}

// TestS7_9_Remember on a live session changes persistence and the idle timeout; the end
// stays until login.
func TestS7_9_Remember(t *testing.T) {
	each(t, func(t *testing.T, c codec) {
		store := newStore(t, c, ring(t, 1))
		b := loggedIn(t, c, 1)
		b.visit(t, store, t0, func(s *ssestore.Session) { must(t, s.Remember(true)) })
		i := b.peek(store, t0).Info()
		same(t, "persistent", i.Persistent, true)
		same(t, "end", i.Expires, after(12*time.Hour))
		same(t, "idle for 11 h", alive(b, store, after(11*time.Hour)), true)
		b.visit(t, store, after(time.Minute), func(s *ssestore.Session) {
			must(t, s.Remember(false))
			must(t, s.Remember(true))
			login(t, s, "1")
		})
		same(t, "end after login", b.peek(store, after(time.Minute)).Info().Expires, after(30*day+time.Minute))
		// Back to a browser session, which may not be older than Absolute.
		kept := b.copy()
		b.visit(t, store, after(2*time.Minute), func(s *ssestore.Session) { must(t, s.Remember(false)) })
		same(t, "end", b.peek(store, after(2*time.Minute)).Info().Expires, after(12*time.Hour+time.Minute))
		out := kept.visit(t, store, after(day), func(s *ssestore.Session) { must(t, s.Remember(false)) })
		same(t, "an old session", did(out), "deleted")
	})
}

// TestR7_Skew: a minute either way logs nobody out; what is further in the
// future is refused and not deleted.
func TestR7_Skew(t *testing.T) {
	each(t, func(t *testing.T, c codec) {
		store := newStore(t, c, ring(t, 1))
		b := loggedIn(t, c, 1)
		for _, d := range []time.Duration{-60 * time.Second, -59 * time.Second, -1, 0, 60 * time.Second} {
			out := b.copy().visit(t, store, after(d), func(s *ssestore.Session) {
				same(t, "user", whoami(t, s, hash), "1")
			})
			silent(t, out)
		}
		out := b.copy().visit(t, store, after(-61*time.Second), func(s *ssestore.Session) {
			same(t, "user", whoami(t, s, hash), "")
		})
		silent(t, out)
		same(t, "verdict", out.Refused, cookie.ReasonFuture)

		// No leeway at the other end.
		same(t, "one second late", alive(b, store, after(30*time.Minute+time.Second)), false)
	})
}

// TestR7_Jumps: a clock that jumps an hour either way never extends the absolute
// end, and rnw never goes back.
func TestR7_Jumps(t *testing.T) {
	each(t, func(t *testing.T, c codec) {
		// An idle time of 3 h, so that an hour's jump is no idle timeout.
		store := newStore(t, c, ring(t, 1), func(c *ssestore.Config) { c.Idle = 3 * time.Hour })
		b := visited(t, store, func(s *ssestore.Session) { login(t, s, "1") })
		end := after(12 * time.Hour)
		renewed := t0
		for i, jump := range []time.Duration{0, time.Hour, -30 * time.Second, time.Hour, 2 * time.Hour, time.Hour, 3 * time.Hour, 2 * time.Hour} {
			now := after(jump)
			b.visit(t, store, now, func(s *ssestore.Session) {
				if !s.Info().New {
					whoami(t, s, hash)
					must(t, count.Set(s, i+1))
				}
			})
			info := b.peek(store, after(3*time.Hour)).Info()
			same(t, "end", info.Expires, end)
			if info.Renewed.Before(renewed) {
				t.Errorf("rnw went back from %v to %v", renewed, info.Renewed)
			}
			renewed = info.Renewed
		}
		same(t, "at the end", alive(b, store, end), false)
		// Half a minute behind: the write keeps rnw.
		b = visited(t, store, set(t, "a"))
		b.visit(t, store, after(-30*time.Second), set(t, "b"))
		same(t, "rnw", b.peek(store, t0).Info().Renewed, t0)
	})
}

// TestZeroTime fails closed: nobody is logged in and nothing can be changed.
func TestZeroTime(t *testing.T) {
	each(t, func(t *testing.T, c codec) {
		store := newStore(t, c, ring(t, 1))
		b := loggedIn(t, c, 1)
		for _, now := range []time.Time{{}, time.Unix(0, 0), time.Unix(-1, 0), time.Unix(253402300800, 0), time.Unix(1<<62, 0)} {
			s := store.Load(b.lines(), now)
			same(t, "user", s.Principal().Identity().ID, "")
			same(t, "note", note.Get(s), "")
			same(t, "new", s.Info().New, true)
			for name, err := range map[string]error{
				"Set": note.Set(s, "x"), "Clear": s.Clear(), "Logout": s.Principal().End(), "Remember": s.Remember(true),
				"ExpireAt": s.ExpireAt(t0), "Begin": s.Principal().Begin("1", ssestore.Stamp{}, nil), "Restamp": s.Principal().Restamp(ssestore.Stamp{}),
			} {
				if err != ssestore.ErrNoTime {
					t.Errorf("%s: %v", name, err)
				}
			}
			if _, err := s.Principal().Stamp("1", hash); err != cookie.ErrNoPrimary {
				t.Errorf("Stamp: %v", err)
			}
			if _, _, err := s.Principal().Check(ssestore.Stamp{KeyID: kid(1)}, "1", hash); err != ssestore.ErrUnknownKey {
				t.Errorf("Check: %v", err)
			}
			again := store.Load(b.lines(), t0).Principal().Again(now)
			same(t, "user of Again", again.Principal().Identity().ID, "")
			if _, err := again.Principal().Stamp("1", hash); err != cookie.ErrNoPrimary {
				t.Errorf("Stamp of Again: %v", err)
			}
			confirm(s, ssestore.Stamp{})
			refuse(s, cookie.ReasonExpired)
			out, err := s.Commit(200)
			must(t, err)
			silent(t, out)
		}
	})
}

// TestF507_Lifetimes: each field does what its name says, alone too.
func TestF507_Lifetimes(t *testing.T) {
	for name, row := range map[string]struct {
		change     config
		remember   bool
		idle, ends time.Duration // 0: refused by New
	}{
		"none":                         {func(c *ssestore.Config) {}, false, 30 * time.Minute, 12 * time.Hour},
		"none, persistent":             {func(c *ssestore.Config) {}, true, 14 * day, 30 * day},
		"Idle alone":                   {func(c *ssestore.Config) { c.Idle = 2 * time.Hour }, false, 2 * time.Hour, 12 * time.Hour},
		"Absolute alone":               {func(c *ssestore.Config) { c.Absolute = day }, false, 30 * time.Minute, day},
		"a short Absolute alone":       {func(c *ssestore.Config) { c.Absolute = time.Minute }, false, time.Minute, time.Minute},
		"PersistentIdle alone":         {func(c *ssestore.Config) { c.PersistentIdle = day }, true, day, 30 * day},
		"PersistentAbsolute alone":     {func(c *ssestore.Config) { c.PersistentAbsolute = day }, true, day, day},
		"no idle timeout":              {func(c *ssestore.Config) { c.Idle, c.Absolute = day, day }, false, day, day},
		"hardly an absolute timeout":   {func(c *ssestore.Config) { c.Absolute = 400 * day }, false, 30 * time.Minute, 400 * day},
		"Idle above Absolute":          {func(c *ssestore.Config) { c.Idle, c.Absolute = day+time.Second, day }, false, 0, 0},
		"Idle above the default":       {func(c *ssestore.Config) { c.Idle = day }, false, 0, 0},
		"PersistentIdle above":         {func(c *ssestore.Config) { c.PersistentIdle, c.PersistentAbsolute = 2*day, day }, true, 0, 0},
		"PersistentIdle above default": {func(c *ssestore.Config) { c.PersistentIdle = 31 * day }, true, 0, 0},
		"the profiles have nothing to do with each other": {func(c *ssestore.Config) { c.PersistentIdle, c.PersistentAbsolute = time.Second, time.Second }, false, 30 * time.Minute, 12 * time.Hour},
	} {
		cfg := ssestore.Config{Keys: ring(t, 1)}
		row.change(&cfg)
		store, err := ssestore.New(cfg)
		if row.idle == 0 {
			var fault *ssestore.ConfigError
			field := map[bool]string{false: "Idle", true: "PersistentIdle"}[row.remember]
			if !errors.As(err, &fault) || fault.Field != field || !strings.Contains(fault.Rule, "no idle timeout") {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		must(t, err)
		b := visited(t, store, func(s *ssestore.Session) {
			must(t, s.Remember(row.remember))
			must(t, note.Set(s, "a"))
		})
		i := b.peek(store, t0).Info()
		same(t, name+": idle", i.IdleEnds.Sub(t0), row.idle)
		same(t, name+": end", i.Expires.Sub(t0), row.ends)
		last := row.idle
		if row.idle == row.ends {
			last -= time.Second // at the end itself it is over
		}
		same(t, name+": last second", note.Get(b.peek(store, after(last))), "a")
		same(t, name+": over", note.Get(b.peek(store, after(last+time.Second))), "")
	}
}

// TestF507_Persistent: sessions that are persistent by default, however they begin.
func TestF507_Persistent(t *testing.T) {
	each(t, func(t *testing.T, c codec) {
		persistent := func(c *ssestore.Config) { c.Persistent = true }
		store := newStore(t, c, ring(t, 1), legacyConfig, persistent)
		for name, row := range map[string]struct {
			cookies browser
			do      func(s *ssestore.Session)
			want    bool
		}{
			"data":        {browser{}, set(t, "a"), true},
			"login":       {browser{}, func(s *ssestore.Session) { login(t, s, "1") }, true},
			"after clear": {browser{}, func(s *ssestore.Session) { login(t, s, "1"); must(t, s.Clear()); must(t, note.Set(s, "a")) }, true},
			"a user after another": {loggedIn(t, c, 1), func(s *ssestore.Session) {
				must(t, s.Principal().Begin("2", ssestore.Stamp{}, func(string) bool { return false }))
			}, true},
			"the profile before, with its data": {loggedIn(t, c, 1), func(s *ssestore.Session) { login(t, s, "1") }, false},
			"not now":                           {browser{}, func(s *ssestore.Session) { must(t, s.Remember(false)); login(t, s, "1") }, false},
			"not now, said late":                {browser{}, func(s *ssestore.Session) { login(t, s, "1"); must(t, s.Remember(false)) }, false},
			"migrated":                          {browser{oldName: oldValue(t0, "note=a")}, read, true},
			"a session that is there":           {loggedIn(t, c, 1), set(t, "b"), false},
		} {
			b := row.cookies
			out := b.visit(t, store, t0, row.do)
			same(t, name, b.peek(store, t0).Info().Persistent, row.want)
			same(t, name+": Max-Age", strings.Contains(lineOf(out, sessionName), "; Max-Age="), row.want)
		}
		same(t, "without", func() bool {
			b := visited(t, newStore(t, c, ring(t, 1)), set(t, "a"))
			return b.peek(store, t0).Info().Persistent
		}(), false)
	})
}

// TestAgain_OtherTimes: at a time that is none, or of a session that is none, there is
// nobody.
func TestAgain_OtherTimes(t *testing.T) {
	each(t, func(t *testing.T, c codec) {
		store := newStore(t, c, ring(t, 1))
		b := loggedIn(t, c, 1)
		s := b.peek(store, t0)
		same(t, "user", s.Principal().Again(t0).Principal().Identity().ID, "1")
		for _, now := range []time.Time{{}, time.Unix(0, 0), time.Unix(-1, 0), time.Unix(253402300800, 0)} {
			again := s.Principal().Again(now)
			same(t, "user", again.Principal().Identity().ID, "")
			same(t, "new", again.Info().New, true)
		}
		same(t, "without a time before", b.peek(store, time.Time{}).Principal().Again(t0).Principal().Identity().ID, "")
		s = store.Load(nil, t0)
		same(t, "verdict on nobody", s.Principal().Again(t0).Principal().Refused(), cookie.ReasonNone)
	})
}
