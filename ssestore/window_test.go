package ssestore_test

import (
	"errors"
	"testing"
	"time"

	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/keyring"
	"github.com/hardtack-go/hardtack/ssestore"
)

// window sets Config.RenewVerified.
func window(d time.Duration) config { return func(c *ssestore.Config) { c.RenewVerified = d } }

func TestW1_Limits(t *testing.T) {
	for name, row := range map[string]struct {
		window time.Duration
		change config
		ok     bool
	}{
		"off":                               {0, nil, true},
		"a minute":                          {time.Minute, nil, true},
		"a second less":                     {59 * time.Second, nil, false},
		"negative":                          {-time.Hour, nil, false},
		"a fraction":                        {time.Minute + time.Millisecond, nil, false},
		"the idle time":                     {30 * time.Minute, nil, true},
		"longer than the idle time":         {30*time.Minute + time.Second, nil, false},
		"a longer idle time":                {time.Hour, func(c *ssestore.Config) { c.Idle = time.Hour }, true},
		"the persistent idle time":          {10 * time.Minute, func(c *ssestore.Config) { c.PersistentIdle = 10 * time.Minute }, true},
		"longer than the persistent one":    {11 * time.Minute, func(c *ssestore.Config) { c.PersistentIdle = 10 * time.Minute }, false},
		"longer than Absolute, and no Idle": {20 * time.Minute, func(c *ssestore.Config) { c.Absolute = 10 * time.Minute }, false},
	} {
		cfg := ssestore.Config{Keys: keyring.Generate(), RenewVerified: row.window}
		if row.change != nil {
			row.change(&cfg)
		}
		_, err := ssestore.New(cfg)
		var ce *ssestore.ConfigError
		if (err == nil) != row.ok || err != nil && (!errors.As(err, &ce) || ce.Field != "RenewVerified") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestW2_OnlyVerified: nothing but a verdict of GetUser moves the renewal time of a
// session with a user.
func TestW2_OnlyVerified(t *testing.T) {
	at := after(29 * time.Minute)
	each(t, func(t *testing.T, c codec) {
		store := newStore(t, c, ring(t, 1), window(10*time.Minute))
		user := loggedIn(t, c, 1)
		for name, row := range map[string]struct {
			do      func(s *ssestore.Session)
			renewed bool
			cookie  string
		}{
			"read":               {read, false, "nothing"},
			"identity":           {func(s *ssestore.Session) { s.Principal().Identity() }, false, "nothing"},
			"within":             {func(s *ssestore.Session) { s.Principal().Within() }, false, "nothing"},
			"write":              {set(t, "b"), false, "written"},
			"verified":           {func(s *ssestore.Session) { whoami(t, s, hash) }, true, "written"},
			"verified and write": {func(s *ssestore.Session) { whoami(t, s, hash); set(t, "b")(s) }, true, "written"},
			"write and verified": {func(s *ssestore.Session) { set(t, "b")(s); whoami(t, s, hash) }, true, "written"},
			"wrong stamp":        {func(s *ssestore.Session) { whoami(t, s, "changed") }, false, "deleted"},
			"unknown stamp": {func(s *ssestore.Session) {
				must(t, s.Principal().Note(s.Principal().Identity(), cookie.ReasonStampUnknownKey))
			}, false, "nothing"},
			"store down":           {func(s *ssestore.Session) { s.Principal().Hold() }, false, "nothing"},
			"verified, store down": {func(s *ssestore.Session) { whoami(t, s, hash); s.Principal().Hold() }, false, "nothing"},
			"verified, may not": {func(s *ssestore.Session) {
				s.Limit(ssestore.WritesNone)
				whoami(t, s, hash)
				set(t, "b")(s)
			}, false, "written"},
			"new stamp": {func(s *ssestore.Session) {
				whoami(t, s, hash)
				st, err := s.Principal().Stamp("1", "changed")
				must(t, err)
				must(t, s.Principal().Restamp(st))
			}, false, "written"},
			"renew": {func(s *ssestore.Session) {
				if err := s.Renew(); err != ssestore.ErrUnconfirmed {
					t.Errorf("Renew before GetUser: %v", err)
				}
			}, false, "nothing"},
			"verified and renew": {func(s *ssestore.Session) { whoami(t, s, hash); must(t, s.Renew()) }, true, "written"},
		} {
			b := user.copy()
			out := b.visit(t, store, at, row.do)
			same(t, name+": renewed", out.Renewed, row.renewed)
			same(t, name+": cookie", did(out), row.cookie)
			if row.cookie == "written" {
				want := t0
				if row.renewed || name == "new stamp" {
					want = at
				}
				same(t, name+": renewal time", b.peek(store, at).Info().Renewed, want)
			}
		}

		// A page that never asks doesn't keep the session alive.
		b := user.copy()
		for m := 1; m <= 30; m++ {
			b.visit(t, store, after(time.Duration(m)*time.Minute), func(s *ssestore.Session) { must(t, count.Set(s, m)) })
		}
		same(t, "at the idle time", alive(b, store, after(30*time.Minute)), true)
		same(t, "after it", alive(b, store, after(30*time.Minute+time.Second)), false)

		// Without a user there is nobody to verify.
		b = visited(t, store, set(t, "cart"))
		same(t, "anonymous", b.copy().visit(t, store, at, read).Renewed, true)
		same(t, "anonymous, on purpose", b.visit(t, store, at, func(s *ssestore.Session) { must(t, s.Renew()) }).Renewed, true)
	})
}

// TestW3_Due: after half the window or a sixth of the idle time, in both profiles.
func TestW3_Due(t *testing.T) {
	verify := func(s *ssestore.Session) { whoami(t, s, hash) }
	each(t, func(t *testing.T, c codec) {
		for _, row := range []struct {
			window, idle, persistentIdle time.Duration
			due, persistentDue           time.Duration
		}{
			{10 * time.Minute, 30 * time.Minute, 14 * day, 5 * time.Minute, 5 * time.Minute},
			{time.Minute, 30 * time.Minute, 14 * day, 30 * time.Second, 30 * time.Second},
			{61 * time.Second, 30 * time.Minute, 14 * day, 31 * time.Second, 31 * time.Second},
			{30 * time.Minute, 30 * time.Minute, 14 * day, 5 * time.Minute, 15 * time.Minute},
			{30 * time.Minute, 12 * time.Hour, time.Hour, 15 * time.Minute, 10 * time.Minute},
			{0, 30 * time.Minute, 14 * day, 5 * time.Minute, 56 * time.Hour},
		} {
			store := newStore(t, c, ring(t, 1), window(row.window), func(c *ssestore.Config) { c.Idle, c.PersistentIdle = row.idle, row.persistentIdle })
			for persistent, due := range map[bool]time.Duration{false: row.due, true: row.persistentDue} {
				b := visited(t, store, func(s *ssestore.Session) { must(t, s.Remember(persistent)); login(t, s, "1") })
				same(t, "early", b.copy().visit(t, store, after(due-time.Second), verify).Renewed, false)
				same(t, "due", b.visit(t, store, after(due), verify).Renewed, true)
			}
			// Nobody relies on the time of a session without a user.
			b := visited(t, store, set(t, "cart"))
			same(t, "anonymous, early", b.copy().visit(t, store, after(row.idle/6-time.Second), read).Renewed, false)
			same(t, "anonymous, due", b.visit(t, store, after(row.idle/6), read).Renewed, true)
		}
	})
}

// TestW4_Within: who is named, and until which second.
func TestW4_Within(t *testing.T) {
	within := func(what string, s *ssestore.Session, want string) {
		t.Helper()
		id, ok := s.Principal().Within()
		if id != want || ok != (want != "") {
			t.Errorf("%s: %q %v, want %q", what, id, ok, want)
		}
	}
	each(t, func(t *testing.T, c codec) {
		store := newStore(t, c, ring(t, 1), window(10*time.Minute))
		for _, persistent := range []bool{false, true} {
			b := visited(t, store, func(s *ssestore.Session) {
				must(t, s.Remember(persistent))
				within("before the login", s, "")
				login(t, s, "1")
				within("in the login", s, "1")
			})
			for sec := range 3 {
				within("in time", b.peek(store, after(10*time.Minute-time.Duration(sec)*time.Second)), "1")
				within("too late", b.peek(store, after(10*time.Minute+time.Duration(sec+1)*time.Second)), "")
			}
			within("by a clock that is behind", b.peek(store, after(-time.Minute)), "1")
			within("option off", b.peek(newStore(t, c, ring(t, 1)), t0), "")

			late := func() *ssestore.Session { return b.peek(store, after(20*time.Minute)) }
			s := late()
			whoami(t, s, hash)
			within("verified in this request", s, "1")
			must(t, s.Clear())
			within("logged out", s, "")
			s = late()
			whoami(t, s, "changed")
			within("refused", s, "")
			s = b.peek(store, after(time.Minute))
			must(t, s.Principal().Note(s.Principal().Identity(), cookie.ReasonStampMismatch))
			within("in doubt", s, "")
			s = late()
			s.Principal().Hold()
			within("held, too late", s, "")
			s = b.peek(store, t0)
			within("again, in time", s.Principal().Again(after(10*time.Minute)), "1")
			within("again, too late", s.Principal().Again(after(10*time.Minute+time.Second)), "")
		}
		within("anonymous", visited(t, store, set(t, "cart")).peek(store, t0), "")
		within("no cookie", browser{}.peek(store, t0), "")
		within("no time", store.Load(nil, time.Time{}), "")
		within("no session", nil, "")
		within("no store", (*ssestore.Store)(nil).Load(nil, t0), "")
		s := visited(t, store, set(t, "cart")).peek(store, t0)
		s.Principal().Within()
		out, err := s.Commit(200)
		must(t, err)
		same(t, "the response varies", out.Vary, true)

		// Somebody behind the session who can't be read makes it nobody's.
		b := loggedIn(t, c, 1)
		b.visit(t, store, t0, func(s *ssestore.Session) {
			whoami(t, s, hash)
			st, err := s.Principal().Stamp("2", hash)
			must(t, err)
			must(t, s.Principal().Become(s.Principal().Identity(), "2", st, &ssestore.Actor{ID: "1"}))
			within("in the request that impersonates", s, "2")
		})
		within("impersonated", b.peek(store, t0), "2")
	})
	store := newStore(t, codecs[0], ring(t, 1), window(10*time.Minute))
	sealed, err := cookie.JWE(sessionName, "")
	must(t, err)
	token, err := sealed.Seal(ring(t, 1), []byte(form{sub: "2", unstamped: true, d: `{"-act":{"sub":""}}`}.String()))
	must(t, err)
	within("an actor who can't be read", browser{sessionName: token}.peek(store, t0), "")

	// Nobody has verified what has just been taken over from another system.
	moving := newStore(t, codecs[0], ring(t, 1), window(10*time.Minute), legacyConfig)
	s := browser{oldName: oldValue(after(-time.Hour), "user=7")}.peek(moving, t0)
	within("taken over", s, "")
	same(t, "user", whoami(t, s, hash), "7")
	within("taken over and verified", s, "7")
}
