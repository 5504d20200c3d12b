package ssestore_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/keyring"
	"github.com/hardtack-go/hardtack/marks"
	"github.com/hardtack-go/hardtack/ssestore"
)

// oldCodec is a codec of an earlier system: a date, a dash and words. The tests
// set the date, which the real formats take from the clock. A "!" and a verdict is
// what the codec says about itself.
type oldCodec struct{}

func (oldCodec) Seal(*keyring.Keyring, []byte) (string, error) { return "", errors.New("reads only") }
func (oldCodec) Size(int) int                                  { return 0 }
func (oldCodec) Open(_ *keyring.Keyring, v string) (cookie.Opened, error) {
	if verdict, told := strings.CutPrefix(v, "!"); told {
		for r := cookie.ReasonNone; r <= cookie.ReasonEnded; r++ {
			if r.String() == verdict {
				return cookie.Opened{}, r.Err()
			}
		}
	}
	date, words, ok := strings.Cut(v, "-")
	if !ok {
		return cookie.Opened{}, cookie.ReasonForeign.Err()
	}
	issued, err := time.Parse("20060102150405", date)
	if err != nil {
		issued = time.Time{} // a format without a date
	}
	return cookie.Opened{Plaintext: []byte(words), Issued: issued}, nil
}

func newOld(string, string) (cookie.Codec, error) { return oldCodec{}, nil }

func oldValue(issued time.Time, words string) string {
	return issued.Format("20060102150405") + "-" + words
}

// migrate understands words such as "user=1+note=x+remember".
func migrate(s *ssestore.Session, plaintext []byte) error {
	for word := range strings.SplitSeq(string(plaintext), "+") {
		name, value, _ := strings.Cut(word, "=")
		var err error
		switch name {
		case "user":
			err = s.Adopt(value)
		case "note":
			err = note.Set(s, value)
		case "remember":
			err = s.Remember(true)
		case "expire":
			err = s.ExpireAt(t0)
		case "fail":
			err = errors.New("no such session")
		}
		if err != nil {
			return err
		}
	}
	return nil
}

const oldName = "old"

// legacyConfig is a store in the middle of a migration.
func legacyConfig(c *ssestore.Config) {
	c.Legacy = []ssestore.Legacy{{
		Cookie: cookie.Config{Name: oldName, Path: "/app"}, Format: newOld, Until: after(10 * day), Migrate: migrate,
	}}
}

func TestLegacy_Moves(t *testing.T) {
	each(t, func(t *testing.T, c codec) {
		store := newStore(t, c, ring(t, 1), legacyConfig)
		b := browser{oldName: oldValue(after(-2*time.Hour), "user=1+note=x")}
		out := b.visit(t, store, t0, func(s *ssestore.Session) {
			same(t, "note", note.Get(s), "x")
			id := s.Principal().Identity()
			same(t, "id", id.ID, "1")
			same(t, "adopted", id.Adopted, true)
			same(t, "stamp", id.Stamp.KeyID, "")
			same(t, "auth time", id.AuthTime, after(-2*time.Hour))
			same(t, "user", whoami(t, s, hash), "1")
			same(t, "new", s.Info().New, false)
		})
		same(t, "cookie", did(out), "written")
		same(t, "migrated", out.Migrated, true)
		same(t, "restamped", out.Restamped, true)
		same(t, "legacy line", attributes(lineOf(out, oldName)), "Expires=Thu, 01 Jan 1970 00:00:00 GMT; HttpOnly; Max-Age=0; Path=/app; SameSite=Lax; Secure")

		s := b.peek(store, t0)
		same(t, "user", whoami(t, s, hash), "1")
		same(t, "note", note.Get(s), "x")
		i := s.Info()
		same(t, "created", i.Created, after(-2*time.Hour))
		same(t, "auth time", i.AuthTime, after(-2*time.Hour))
		same(t, "renewed", i.Renewed, t0)
		same(t, "end", i.Expires, after(10*time.Hour))
		same(t, "adopted", s.Principal().Identity().Adopted, false)
		silent(t, b.visit(t, store, t0, func(s *ssestore.Session) { whoami(t, s, hash) }))
	})
}

// TestLegacy_Writes: the move is unsolicited, like a renewal, and needs, where there is
// a user, that they were verified. Deletions need WritesAll.
func TestLegacy_Writes(t *testing.T) {
	rows := []struct {
		name   string
		words  string
		status int
		do     func(t *testing.T, s *ssestore.Session)
		want   string
		gone   bool // the legacy cookie
		err    error
	}{
		{"untouched", "note=x", 200, func(t *testing.T, s *ssestore.Session) {}, "nothing", false, nil},
		{"read", "note=x", 200, func(t *testing.T, s *ssestore.Session) { read(s) }, "written", true, nil},
		{"read and 304", "note=x", 304, func(t *testing.T, s *ssestore.Session) { read(s) }, "nothing", false, nil},
		{"read and 500", "note=x", 500, func(t *testing.T, s *ssestore.Session) { read(s) }, "nothing", false, nil},
		{"renew only", "note=x", 200, func(t *testing.T, s *ssestore.Session) { s.Limit(ssestore.WritesRenewOnly); read(s) }, "written", false, nil},
		{"renew only, user unverified", "user=1+note=x", 200, func(t *testing.T, s *ssestore.Session) { s.Limit(ssestore.WritesRenewOnly); read(s) }, "nothing", false, nil},
		{"solicited", "note=x", 200, func(t *testing.T, s *ssestore.Session) { s.Limit(ssestore.WritesSolicited); read(s) }, "nothing", false, nil},
		{"none", "note=x", 200, func(t *testing.T, s *ssestore.Session) { s.Limit(ssestore.WritesNone); read(s) }, "nothing", false, nil},
		{"user, unverified", "user=1+note=x", 200, func(t *testing.T, s *ssestore.Session) { read(s) }, "nothing", false, nil},
		{"user, verified without a stamp", "user=1", 200, func(t *testing.T, s *ssestore.Session) { s.Principal().Identity(); confirm(s, ssestore.Stamp{}) }, "written", true, nil},
		{"user store down", "user=1", 200, func(t *testing.T, s *ssestore.Session) { s.Principal().Identity(); s.Principal().Hold() }, "nothing", false, nil},
		{"set under none", "note=x", 200, func(t *testing.T, s *ssestore.Session) { s.Limit(ssestore.WritesNone); must(t, note.Set(s, "y")) }, "written", true, nil},
		{"set, user unverified", "user=1+note=x", 200, func(t *testing.T, s *ssestore.Session) { must(t, note.Set(s, "y")) }, "nothing", false, ssestore.ErrUnconfirmed},
		{"set, user verified later", "user=1+note=x", 200, func(t *testing.T, s *ssestore.Session) { must(t, note.Set(s, "y")); whoami(t, s, hash) }, "written", true, nil},
		{"set and 500", "note=x", 500, func(t *testing.T, s *ssestore.Session) { must(t, note.Set(s, "y")) }, "nothing", false, nil},
		{"emptied", "note=x", 200, func(t *testing.T, s *ssestore.Session) { must(t, note.Delete(s)) }, "nothing", true, nil},
		{"logout", "user=1+note=x", 200, func(t *testing.T, s *ssestore.Session) { must(t, s.Principal().End()) }, "nothing", true, nil},
		{"logout and 503", "user=1+note=x", 503, func(t *testing.T, s *ssestore.Session) { must(t, s.Principal().End()) }, "nothing", true, nil},
		{"clear and set", "user=1+note=x", 200, func(t *testing.T, s *ssestore.Session) { must(t, s.Clear()); must(t, note.Set(s, "y")) }, "written", true, nil},
		{"login", "note=x", 200, func(t *testing.T, s *ssestore.Session) { login(t, s, "2") }, "written", true, nil},
		{"refused, set and deleted", "user=1", 200, func(t *testing.T, s *ssestore.Session) {
			s.Limit(ssestore.WritesNone)
			refuse(s, cookie.ReasonBadUserID)
			must(t, note.Set(s, "y"))
			must(t, note.Delete(s))
		}, "nothing", false, nil},
		{"refused", "user=1", 200, func(t *testing.T, s *ssestore.Session) { refuse(s, cookie.ReasonBadUserID) }, "nothing", true, nil},
	}
	each(t, func(t *testing.T, c codec) {
		store := newStore(t, c, ring(t, 1), legacyConfig)
		for _, row := range rows {
			t.Run(row.name, func(t *testing.T) {
				b := browser{oldName: oldValue(t0, row.words)}
				s := b.peek(store, t0)
				row.do(t, s)
				out, err := s.Commit(row.status)
				same(t, "error", err, row.err)
				b.keep(t, out)
				same(t, "cookie", did(out), row.want)
				same(t, "Deleted", out.Deleted, row.gone && row.want != "written")
				_, there := b[oldName]
				same(t, "legacy cookie gone", !there, row.gone)
			})
		}
	})
}

// TestH36_FetchesAlone: the pages come from elsewhere, so only fetches bring the session.
// It moves with the first that finds its user, and goes on when the time for the other
// system's cookie is over. That cookie stays until a page is loaded, or until a logout.
func TestH36_FetchesAlone(t *testing.T) {
	each(t, func(t *testing.T, c codec) {
		store := newStore(t, c, ring(t, 1), legacyConfig, func(c *ssestore.Config) {
			c.Legacy[0].Until = after(time.Minute)
		})
		b := browser{oldName: oldValue(t0, "user=1+note=x")}
		fetch := func(s *ssestore.Session) { s.Limit(ssestore.WritesRenewOnly); whoami(t, s, hash) }
		out := b.visit(t, store, t0, fetch)
		same(t, "cookie", did(out), "written")
		same(t, "Migrated", out.Migrated, true)
		same(t, "nothing is deleted", len(out.SetCookie), 1)
		silent(t, b.visit(t, store, t0, fetch))

		same(t, "after Until", whoami(t, b.peek(store, after(2*time.Minute)), hash), "1")
		left := b.copy()
		left.visit(t, store, t0, func(s *ssestore.Session) { must(t, s.Principal().End()) })
		same(t, "a logout takes both", len(left), 1)
		same(t, "and names it", left[barrierName] != "", true)
		b.visit(t, store, after(10*time.Second), func(s *ssestore.Session) { must(t, note.Set(s, "y")) })
		same(t, "so does a change", b[oldName], "")
	})
}

// TestLegacy_Refused values leave the request anonymous and the cookie alone.
func TestLegacy_Refused(t *testing.T) {
	each(t, func(t *testing.T, c codec) {
		store := newStore(t, c, ring(t, 1), legacyConfig)
		for _, row := range []struct {
			name  string
			lines string
			now   time.Time
			want  cookie.Reason
		}{
			{"does not open", "old=x", t0, cookie.ReasonForeign},
			{"no date: a replay would start its life anew", "old=x-note=x", t0, cookie.ReasonForeign},
			{"Migrate fails", "old=" + oldValue(t0, "note=x+fail"), t0, cookie.ReasonForeign},
			{"bad id", "old=" + oldValue(t0, "note=x+user="), t0, cookie.ReasonForeign},
			{"nothing in it", "old=" + oldValue(t0, "else"), t0, cookie.ReasonForeign},
			{"issued before 1970", "old=" + oldValue(time.Unix(-1, 0).UTC(), "note=x"), t0, cookie.ReasonForeign},
			{"from the future", "old=" + oldValue(after(61*time.Second), "note=x"), t0, cookie.ReasonFuture},
			{"over", "old=" + oldValue(after(-12*time.Hour), "note=x"), t0, cookie.ReasonExpired},
			{"over, persistent", "old=" + oldValue(after(-30*day), "note=x+remember"), t0, cookie.ReasonExpired},
			{"over by its own end", "old=" + oldValue(t0, "note=x+expire"), t0, cookie.ReasonExpired},
			{"two", "old=" + oldValue(t0, "note=x") + "; old=" + oldValue(t0, "note=y"), t0, cookie.ReasonAmbiguous},
			{"too many", strings.Repeat("old=a; ", 1) + "old=b; old=c; old=d; old=e; old=f; old=g; old=h; old=" + oldValue(t0, "note=x"), t0, cookie.ReasonAmbiguous},
			{"after the deadline", "old=" + oldValue(after(10*day), "note=x"), after(10 * day), cookie.ReasonNone},
		} {
			s := store.Load([]string{row.lines}, row.now)
			same(t, row.name+": note", note.Get(s), "")
			same(t, row.name+": user", s.Principal().Identity().ID, "")
			same(t, row.name+": persistent", s.Info().Persistent, false)
			out, err := s.Commit(200)
			must(t, err)
			silent(t, out)
			same(t, row.name, out.Refused, row.want)
		}
		// A minute of skew, and a persistent session of 29 days, are fine.
		for _, v := range []string{oldValue(after(60*time.Second), "note=x"), oldValue(after(-29*day), "note=x+remember")} {
			s := store.Load([]string{"old=" + v}, t0)
			same(t, v, note.Get(s), "x")
			if s.Info().Created.After(t0) {
				t.Error("created in the future")
			}
		}
	})
}

// TestLegacy_NotBehindOurs: what has our shape never falls back, whatever is
// wrong with it.
func TestLegacy_NotBehindOurs(t *testing.T) {
	each(t, func(t *testing.T, c codec) {
		store := newStore(t, c, ring(t, 1), legacyConfig)
		valid := visited(t, store, set(t, "ours"))[sessionName]
		unknown := visited(t, newStore(t, c, ring(t, 2)), set(t, "theirs"))[sessionName]
		for _, row := range []struct {
			name, value string
			now         time.Time
			note        string
			want        cookie.Reason
		}{
			{"valid", valid, t0, "ours", cookie.ReasonNone},
			{"expired", valid, after(time.Hour), "", cookie.ReasonExpired},
			{"unknown key", unknown, t0, "", cookie.ReasonUnknownKey},
			{"future", valid, after(-time.Hour), "", cookie.ReasonFuture},
			{"foreign", "x", t0, "legacy", cookie.ReasonNone},
		} {
			b := browser{sessionName: row.value, oldName: oldValue(after(-2*time.Hour), "note=legacy")}
			s := b.peek(store, row.now)
			same(t, row.name, note.Get(s), row.note)
			out, _ := s.Commit(200)
			same(t, row.name, out.Refused, row.want)
			if row.want == cookie.ReasonExpired {
				// The session does not come back through the old door.
				b.keep(t, out)
				same(t, "cookies left", len(b), 0)
			}
		}
	})
}

// TestLegacy_Logout in one request ends what another migrates at the same time.
func TestLegacy_Logout(t *testing.T) {
	each(t, func(t *testing.T, c codec) {
		store := newStore(t, c, ring(t, 1), legacyConfig)
		b := browser{oldName: oldValue(t0, "user=1")}
		slow := b.peek(store, t0)
		whoami(t, slow, hash)
		b.visit(t, store, t0, func(s *ssestore.Session) { must(t, s.Principal().End()) })
		out, _ := slow.Commit(200)
		same(t, "late", did(out), "written")
		b.keep(t, out)
		same(t, "verdict", b.visit(t, store, t0, read).Refused, cookie.ReasonEnded)
		// Nor does a legacy cookie that a late response of the old program sets.
		b[oldName] = oldValue(t0, "user=1")
		out = b.visit(t, store, t0, func(s *ssestore.Session) { same(t, "user", s.Principal().Identity().ID, "") })
		same(t, "verdict", out.Refused, cookie.ReasonEnded)
	})
}

// TestLegacy_Leftover: a legacy cookie beside ours goes with the next write,
// except with a renewal that may not carry deletions.
func TestLegacy_Leftover(t *testing.T) {
	each(t, func(t *testing.T, c codec) {
		store := newStore(t, c, ring(t, 1), legacyConfig)
		for _, row := range []struct {
			limit ssestore.Writes
			do    func(s *ssestore.Session)
			gone  bool
		}{
			{ssestore.WritesAll, read, true},
			{ssestore.WritesRenewOnly, read, false},
			{ssestore.WritesRenewOnly, set(t, "x"), true},
			{ssestore.WritesNone, set(t, "x"), true},
		} {
			b := visited(t, store, set(t, "a"))
			b[oldName] = oldValue(t0, "note=x")
			out := b.visit(t, store, after(10*time.Minute), func(s *ssestore.Session) { s.Limit(row.limit); row.do(s) })
			same(t, "cookie", did(out), "written")
			_, there := b[oldName]
			same(t, "gone", !there, row.gone)
		}
	})
}

// TestLegacy_WishesEnd: what Migrate wished was for that session, not for a
// login that replaces it.
func TestLegacy_WishesEnd(t *testing.T) {
	each(t, func(t *testing.T, c codec) {
		store := newStore(t, c, ring(t, 1), legacyConfig)
		b := browser{oldName: oldValue(t0, "user=1+remember")}
		b.visit(t, store, t0, func(s *ssestore.Session) {
			must(t, s.Principal().Begin("2", ssestore.Stamp{}, func(string) bool { return false }))
			same(t, "adopted", s.Principal().Identity().Adopted, false)
		})
		same(t, "persistent", b.peek(store, t0).Info().Persistent, false)

		soon := newStore(t, c, ring(t, 1), legacyConfig, func(c *ssestore.Config) {
			c.Legacy[0].Migrate = func(s *ssestore.Session, _ []byte) error {
				must(t, s.ExpireAt(after(time.Minute)))
				return s.Adopt("1")
			}
		})
		b = browser{oldName: oldValue(t0, "")}
		b.visit(t, soon, t0, func(s *ssestore.Session) {
			same(t, "end", s.Info().Expires, after(time.Minute))
			login(t, s, "2")
			same(t, "end after a login", s.Info().Expires, after(12*time.Hour))
		})
	})
}

// TestLegacy_Chain: codecs are tried in order, until each one's deadline.
func TestLegacy_Chain(t *testing.T) {
	each(t, func(t *testing.T, c codec) {
		tag := func(name string) func(s *ssestore.Session, b []byte) error {
			return func(s *ssestore.Session, b []byte) error {
				if strings.Contains(string(b), "not "+name) {
					return errors.New("no")
				}
				return note.Set(s, name)
			}
		}
		store := newStore(t, c, ring(t, 1), func(c *ssestore.Config) {
			c.Legacy = []ssestore.Legacy{
				{Cookie: cookie.Config{Name: "one"}, Format: newOld, Until: after(day), Migrate: tag("one")},
				{Cookie: cookie.Config{Name: "two"}, Format: newOld, Until: after(2 * day), Migrate: tag("two")},
			}
		})
		v := func(now time.Time, words string) string { return oldValue(now, words) }
		for _, row := range []struct {
			now      time.Time
			one, two string
			want     string
		}{
			{t0, v(t0, ""), v(t0, ""), "one"},
			{t0, v(t0, "not one"), v(t0, ""), "two"},
			{t0, "x", v(t0, ""), "two"},
			{t0, v(t0, "first") + "; one=" + v(t0, "second"), v(t0, ""), ""}, // two sessions are none
			{after(day), v(after(day), ""), v(after(day), ""), "two"},
			{after(2 * day), v(after(2*day), ""), v(after(2*day), ""), ""},
		} {
			b := browser{"one": row.one, "two": row.two}
			same(t, "session of", note.Get(b.peek(store, row.now)), row.want)
			out := b.visit(t, store, row.now, read)
			// Both go: the session has moved.
			if row.now == t0 && row.want != "" {
				same(t, "deleted", lineOf(out, "one") != "" && lineOf(out, "two") != "", true)
			}
		}
	})
}

// chainConfig is a store that takes over the sessions of two systems.
func chainConfig(c *ssestore.Config) {
	c.Legacy = []ssestore.Legacy{
		{Cookie: cookie.Config{Name: "one"}, Format: newOld, Until: after(day), Migrate: migrate},
		{Cookie: cookie.Config{Name: "two"}, Format: newOld, Until: after(day), Migrate: migrate},
	}
}

// TestLegacy_ChainAfterLogout: a session that was ended doesn't make room for one
// of a system before.
func TestLegacy_ChainAfterLogout(t *testing.T) {
	each(t, func(t *testing.T, c codec) {
		store := newStore(t, c, ring(t, 1), chainConfig)
		b := browser{"one": oldValue(t0, "user=1"), "two": oldValue(t0, "user=2")}
		before := b.copy()
		b.visit(t, store, t0, func(s *ssestore.Session) {
			same(t, "user", s.Principal().Identity().ID, "1")
			must(t, s.Principal().End())
		})
		for name, value := range before { // a late response brings them back
			b[name] = value
		}
		same(t, "user after the logout", b.peek(store, t0).Principal().Identity().ID, "")
	})
}

// TestLegacy_ChainAfterMark: neither does one that a mark ended.
func TestLegacy_ChainAfterMark(t *testing.T) {
	each(t, func(t *testing.T, c codec) {
		ended := judge(func(a marks.About) cookie.Reason {
			if a.User == "1" {
				return cookie.ReasonRevoked
			}
			return cookie.ReasonNone
		})
		store := newStore(t, c, ring(t, 1), chainConfig, judged(ended))
		b := browser{"one": oldValue(t0, "user=1"), "two": oldValue(t0, "user=2")}
		s := b.peek(store, t0)
		same(t, "user", s.Principal().Identity().ID, "")
		same(t, "verdict", s.Principal().Refused(), cookie.ReasonRevoked)
	})
}

// TestLegacy_SameName: the format changed and the name did not. The new value
// overwrites the old; only under another path is there a deletion as well.
func TestLegacy_SameName(t *testing.T) {
	each(t, func(t *testing.T, c codec) {
		for path, deletions := range map[string]int{"/": 0, "/app": 1} {
			store := newStore(t, c, ring(t, 1), func(c *ssestore.Config) {
				c.Cookie.Name = "s"
				c.Legacy = []ssestore.Legacy{{Cookie: cookie.Config{Name: "s", Path: path}, Format: newOld, Until: after(day), Migrate: migrate}}
			})
			s := store.Load([]string{"s=" + oldValue(t0, "note=x")}, t0)
			same(t, "note", note.Get(s), "x")
			out, err := s.Commit(200)
			must(t, err)
			same(t, "lines", len(out.SetCookie), 1+deletions)
			value, _, _ := strings.Cut(strings.TrimPrefix(out.SetCookie[deletions], "s="), ";")
			s = store.Load([]string{"s=" + value}, t0)
			same(t, "note", note.Get(s), "x")
			must(t, note.Set(s, "y"))
			out, _ = s.Commit(200)
			same(t, "lines afterwards", len(out.SetCookie), 1)
		}
	})
}

// TestLegacy_SameNameWithDomain: browsers that go by RFC 6265 section 5.3 don't tell a
// cookie with the host as its Domain from one without any. The deletion comes first.
func TestLegacy_SameNameWithDomain(t *testing.T) {
	each(t, func(t *testing.T, c codec) {
		store := newStore(t, c, ring(t, 1), func(c *ssestore.Config) {
			c.Cookie = cookie.Config{Name: "sid"}
			c.Legacy = []ssestore.Legacy{{
				Cookie: cookie.Config{Name: "sid", Domain: appURL.Host}, Format: newOld, Until: now0.Add(day), Migrate: migrate,
			}}
		})
		j := newJar(t)
		j.jar.SetCookies(appURL, []*http.Cookie{{Name: "sid", Value: oldValue(now0, "user=1"), Domain: appURL.Host, Path: "/"}})
		out := j.visit(store, now0, func(s *ssestore.Session) { whoami(t, s, hash) })
		same(t, "Migrated", out.Migrated, true)
		same(t, "cookies", len(out.SetCookie), 2)
		same(t, "and then", j.who(store, now0), "1")
		same(t, "the session is ours", whoami(t, newStore(t, c, ring(t, 1), func(c *ssestore.Config) { c.Cookie.Name = "sid" }).Load(j.lines(), now0), hash), "1")
	})
}

// TestLegacy_WithinMigrate: what makes no sense there is refused.
func TestLegacy_WithinMigrate(t *testing.T) {
	each(t, func(t *testing.T, c codec) {
		ran := false
		store := newStore(t, c, ring(t, 1), legacyConfig, func(c *ssestore.Config) {
			c.Legacy[0].Migrate = func(s *ssestore.Session, _ []byte) error {
				ran = true
				for name, err := range map[string]error{
					"Clear": s.Clear(), "Logout": s.Principal().End(), "Begin": s.Principal().Begin("1", ssestore.Stamp{}, nil), "Restamp": s.Principal().Restamp(ssestore.Stamp{}),
				} {
					if err != ssestore.ErrMigrate {
						t.Errorf("%s: %v", name, err)
					}
				}
				if _, err := s.Commit(200); err != ssestore.ErrMigrate {
					t.Errorf("Commit: %v", err)
				}
				refuse(s, cookie.ReasonBadUserID)
				return note.Set(s, "x")
			}
		})
		b := browser{oldName: oldValue(t0, "")}
		same(t, "note", note.Get(b.peek(store, t0)), "x")
		same(t, "ran", ran, true)
		s := b.peek(store, t0)
		same(t, "Adopt outside", s.Adopt("1"), ssestore.ErrMigrate)

		adopting := newStore(t, c, ring(t, 1), legacyConfig, func(c *ssestore.Config) {
			c.Legacy[0].Migrate = func(s *ssestore.Session, _ []byte) error {
				must(t, s.Adopt("1"))
				same(t, "Confirm within", confirm(s, ssestore.Stamp{}), ssestore.ErrMigrate)
				same(t, "Refuse within", refuse(s, cookie.ReasonBadUserID), ssestore.ErrMigrate)
				return nil
			}
		})
		same(t, "user", b.peek(adopting, t0).Principal().Identity().ID, "1")
		// Who has no cookie of the earlier system has none to lose.
		same(t, "lines of a first visit", len(browser{}.visit(t, store, t0, set(t, "x")).SetCookie), 1)
	})
}

// TestF403_VerdictWithinMigrate: nobody has judged the user of a legacy cookie
// before Migrate returns, so a write still needs GetUser.
func TestF403_VerdictWithinMigrate(t *testing.T) {
	each(t, func(t *testing.T, c codec) {
		for name, verdict := range map[string]func(p ssestore.Principal, who ssestore.Identity) error{
			"Confirm": func(p ssestore.Principal, who ssestore.Identity) error { return p.Confirm(who, ssestore.Stamp{}) },
			"Confirm with a stamp": func(p ssestore.Principal, who ssestore.Identity) error {
				return p.Confirm(who, ssestore.Stamp{KeyID: kid(1)})
			},
			"Refuse": func(p ssestore.Principal, who ssestore.Identity) error { return p.Refuse(who, cookie.ReasonBadUserID) },
		} {
			store := newStore(t, c, ring(t, 1), legacyConfig, func(c *ssestore.Config) {
				c.Legacy[0].Migrate = func(s *ssestore.Session, _ []byte) error {
					must(t, s.Adopt("1"))
					p := s.Principal()
					same(t, name, verdict(p, p.Identity()), ssestore.ErrMigrate)
					return note.Set(s, "x")
				}
			})
			s := browser{oldName: oldValue(t0, "")}.peek(store, t0)
			must(t, note.Set(s, "y"))
			out, err := s.Commit(200)
			same(t, name+": Commit", err, ssestore.ErrUnconfirmed)
			silent(t, out)
		}
	})
}

// TestLegacy_LogoutAcrossRotation: a session that is migrated again after its
// logout, under other keys, is the same session and stays ended.
func TestLegacy_LogoutAcrossRotation(t *testing.T) {
	each(t, func(t *testing.T, c codec) {
		b := browser{oldName: oldValue(t0, "user=1")}
		copied := b[oldName]
		b.visit(t, newStore(t, c, ring(t, 1), legacyConfig), t0, func(s *ssestore.Session) { must(t, s.Principal().End()) })
		b[oldName] = copied // a response that was under way set it again
		rotated := newStore(t, c, ring(t, 2, 1), legacyConfig)
		same(t, "user", b.peek(rotated, t0).Principal().Identity().ID, "")
		same(t, "verdict", b.copy().visit(t, rotated, t0, read).Refused, cookie.ReasonEnded)
	})
}

// TestF206_VerdictsOfMigration: whatever keeps a legacy cookie from being taken over,
// the Outcome tells it from the rest, and no cookie is deleted.
func TestF206_VerdictsOfMigration(t *testing.T) {
	each(t, func(t *testing.T, c codec) {
		var failure error
		store := newStore(t, c, ring(t, 1), legacyConfig, func(c *ssestore.Config) {
			c.Legacy[0].Migrate = func(s *ssestore.Session, plaintext []byte) error {
				failure = migrate(s, plaintext)
				return failure
			}
			older := c.Legacy[0]
			older.Cookie = cookie.Config{Name: "older"}
			c.Legacy = append(c.Legacy, older)
		})
		for _, row := range []struct {
			name, lines string
			refused     cookie.Reason
			why         error // nil: that of Migrate, if it ran
		}{
			{"foreign", "old=x", cookie.ReasonForeign, nil},
			{"a wrong key", "old=!unknown-key", cookie.ReasonUnknownKey, nil},
			{"altered", "old=!bad-tag", cookie.ReasonBadTag, nil},
			{"malformed", "old=!malformed", cookie.ReasonMalformed, nil},
			{"an expired token", "old=!expired", cookie.ReasonExpired, nil},
			{"not valid yet", "old=!future", cookie.ReasonFuture, nil},
			{"a wrong key beside a foreign one", "old=x; old=!unknown-key; old=y", cookie.ReasonUnknownKey, nil},
			{"expired, and an older one that is foreign", "old=!expired; older=x", cookie.ReasonExpired, nil},
			{"foreign, and an older one that is expired", "old=x; older=!expired", cookie.ReasonExpired, nil},
			{"no date", "old=x-note=x", cookie.ReasonForeign, ssestore.ErrUndated},
			{"Migrate fails", "old=" + oldValue(t0, "note=x+fail"), cookie.ReasonForeign, nil},
			{"Migrate adopts nobody", "old=" + oldValue(t0, "user="), cookie.ReasonForeign, ssestore.ErrBadID},
			{"two that Migrate refuses", "old=x-a; older=" + oldValue(t0, "fail"), cookie.ReasonForeign, ssestore.ErrUndated},
			{"none", "other=x", cookie.ReasonNone, nil},
			{"one that is good", "old=x; older=" + oldValue(t0, "note=x"), cookie.ReasonNone, nil},
		} {
			failure = nil
			out := browser{}.visitLines(t, store, row.lines)
			same(t, row.name, out.Refused, row.refused)
			if !errors.Is(out.NotMigrated, row.why) && row.why != nil || failure != nil && !errors.Is(out.NotMigrated, failure) || row.why == nil && failure == nil && out.NotMigrated != nil {
				t.Errorf("%s: NotMigrated: %v", row.name, out.NotMigrated)
			}
			for _, line := range out.SetCookie {
				if row.refused != cookie.ReasonNone {
					t.Errorf("%s: %s", row.name, line)
				}
			}
		}
		out := browser{}.visitLines(t, store, "old="+oldValue(t0, "else"))
		if out.NotMigrated == nil || !strings.Contains(out.NotMigrated.Error(), "Migrate set no value") {
			t.Errorf("nothing in it: %v", out.NotMigrated)
		}
	})
}

// visitLines is a request with other cookies than the browser's, which reads.
func (b browser) visitLines(t *testing.T, store *ssestore.Store, lines string) ssestore.Outcome {
	t.Helper()
	s := store.Load([]string{lines}, t0)
	note.Get(s)
	out, err := s.Commit(200)
	must(t, err)
	return out
}
