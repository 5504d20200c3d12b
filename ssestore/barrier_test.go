package ssestore_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/keyring"
	"github.com/hardtack-go/hardtack/ssestore"
)

// TestS3_5_LateResponseRevivesNothing is rack CVE-2025-32441 and 46336: a response
// that started before a logout and arrives after it.
func TestS3_5_LateResponseRevivesNothing(t *testing.T) {
	ends := map[string]func(t *testing.T, s *ssestore.Session){
		"logout": func(t *testing.T, s *ssestore.Session) { must(t, s.Principal().End()) },
		"clear":  func(t *testing.T, s *ssestore.Session) { must(t, s.Clear()) },
		"clear and set": func(t *testing.T, s *ssestore.Session) {
			must(t, s.Clear())
			must(t, note.Set(s, "new"))
		},
		"login": func(t *testing.T, s *ssestore.Session) { login(t, s, "2") },
	}
	late := map[string]func(t *testing.T, s *ssestore.Session){
		"renewal": func(t *testing.T, s *ssestore.Session) { whoami(t, s, hash) },
		"change":  func(t *testing.T, s *ssestore.Session) { must(t, note.Set(s, "late")) },
	}
	each(t, func(t *testing.T, c codec) {
		store := newStore(t, c, ring(t, 1))
		for end, doEnd := range ends {
			for name, doLate := range late {
				t.Run(end+", then a late "+name, func(t *testing.T) {
					b := loggedIn(t, c, 1)
					now := after(10 * time.Minute)
					slow := b.peek(store, now) // it starts before the logout …
					doLate(t, slow)
					b.visit(t, store, now, func(s *ssestore.Session) { doEnd(t, s) })
					out, err := slow.Commit(200) // … and ends after it
					must(t, err)
					same(t, "the late response", did(out), "written")
					b.keep(t, out)

					out = b.visit(t, store, now, func(s *ssestore.Session) {
						same(t, "user", s.Principal().Identity().ID, "")
						same(t, "note", note.Get(s), "")
					})
					same(t, "verdict", out.Refused, cookie.ReasonEnded)
					same(t, "cookie", did(out), "deleted")
					silent(t, b.visit(t, store, now, read))
				})
			}
		}

		t.Run("an unsolicited write under None does not even happen", func(t *testing.T) {
			b := loggedIn(t, c, 1)
			slow := b.peek(store, after(10*time.Minute))
			slow.Limit(ssestore.WritesNone)
			whoami(t, slow, hash)
			out, _ := slow.Commit(200)
			silent(t, out)
		})
		t.Run("without the barrier the row can fail", func(t *testing.T) {
			open := newStore(t, c, ring(t, 1), func(c *ssestore.Config) { c.DangerouslySkipBarrier = true })
			b := loggedIn(t, c, 1)
			slow := b.peek(open, t0)
			must(t, note.Set(slow, "late"))
			out := b.visit(t, open, t0, func(s *ssestore.Session) { must(t, s.Principal().End()) })
			same(t, "lines", len(out.SetCookie), 1)
			out, _ = slow.Commit(200)
			b.keep(t, out)
			same(t, "user", b.peek(open, t0).Principal().Identity().ID, "1")
		})
	})
}

// TestF103_LatestEnd: the barrier lasts until the latest end that a response under
// way could give the session, not until the end that it had at the logout.
func TestF103_LatestEnd(t *testing.T) {
	logout := func(t *testing.T, s *ssestore.Session) { must(t, s.Principal().End()) }
	each(t, func(t *testing.T, c codec) {
		lifetimes := func(absolute, persistent time.Duration) config {
			return func(c *ssestore.Config) { c.Absolute, c.PersistentAbsolute = absolute, persistent }
		}
		usual := newStore(t, c, ring(t, 1))
		for _, tt := range []struct {
			name          string
			login         func(t *testing.T, s *ssestore.Session)
			then          func(t *testing.T, s *ssestore.Session) // its answer is there before the others start
			slow          func(t *testing.T, s *ssestore.Session)
			fast          func(t *testing.T, s *ssestore.Session)
			fastAt, other *ssestore.Store // who answers fast, and who answers later requests
		}{
			{
				"Remember false, and a slow true",
				func(t *testing.T, s *ssestore.Session) { must(t, s.Remember(true)); login(t, s, "1") },
				func(t *testing.T, s *ssestore.Session) { must(t, s.Remember(false)) },
				func(t *testing.T, s *ssestore.Session) { must(t, s.Remember(true)) },
				logout, usual, usual,
			},
			{
				"Remember false in the logout itself",
				func(t *testing.T, s *ssestore.Session) { must(t, s.Remember(true)); login(t, s, "1") },
				func(*testing.T, *ssestore.Session) {},
				func(t *testing.T, s *ssestore.Session) { must(t, note.Set(s, "late")) },
				func(t *testing.T, s *ssestore.Session) { must(t, s.Remember(false)); logout(t, s) }, usual, usual,
			},
			{
				"ExpireAt, and a slow zero",
				func(t *testing.T, s *ssestore.Session) { login(t, s, "1") },
				func(t *testing.T, s *ssestore.Session) { must(t, s.ExpireAt(after(5*time.Minute))) },
				func(t *testing.T, s *ssestore.Session) { must(t, s.ExpireAt(time.Time{})) },
				logout, usual, usual,
			},
			{
				"an end that has passed, and a slow zero",
				func(t *testing.T, s *ssestore.Session) { login(t, s, "1") },
				func(t *testing.T, s *ssestore.Session) { must(t, s.ExpireAt(after(5*time.Minute))) },
				func(t *testing.T, s *ssestore.Session) { must(t, s.ExpireAt(time.Time{})) },
				func(t *testing.T, s *ssestore.Session) { must(t, s.ExpireAt(t0)) }, usual, usual,
			},
			{
				"another login",
				func(t *testing.T, s *ssestore.Session) { must(t, s.Remember(true)); login(t, s, "1") },
				func(t *testing.T, s *ssestore.Session) { must(t, s.Remember(false)) },
				func(t *testing.T, s *ssestore.Session) { must(t, s.Remember(true)) },
				func(t *testing.T, s *ssestore.Session) { login(t, s, "2") }, usual, usual,
			},
			{
				"Absolute lowered where the logout is, not yet elsewhere",
				func(t *testing.T, s *ssestore.Session) { must(t, s.Remember(true)); login(t, s, "1") },
				func(*testing.T, *ssestore.Session) {},
				func(t *testing.T, s *ssestore.Session) { must(t, note.Set(s, "late")) },
				logout, newStore(t, c, ring(t, 1), lifetimes(time.Hour, time.Hour)), usual,
			},
		} {
			t.Run(tt.name, func(t *testing.T) {
				b := visited(t, usual, func(s *ssestore.Session) { tt.login(t, s) })
				b.visit(t, usual, t0, func(s *ssestore.Session) { tt.then(t, s) })
				now := after(time.Minute)
				slow := b.peek(usual, now)
				tt.slow(t, slow)
				b.visit(t, tt.fastAt, now, func(s *ssestore.Session) { tt.fast(t, s) })
				out, err := slow.Commit(200)
				must(t, err)
				same(t, "the late response", did(out), "written")
				b.keep(t, out)
				// Another session is ended there meanwhile, which carries the entry on.
				carried := b.copy()
				delete(carried, sessionName)
				carried.visit(t, tt.fastAt, now, func(s *ssestore.Session) { login(t, s, "3") })
				carried.visit(t, tt.fastAt, now, func(s *ssestore.Session) { logout(t, s) })
				carried[sessionName] = b[sessionName]
				for _, d := range []time.Duration{2 * time.Minute, 11 * time.Minute, time.Hour, 13 * time.Hour, 13 * day} {
					same(t, "user after "+d.String(), b.peek(tt.other, after(d)).Principal().Identity().ID, "")
					same(t, "with another logout, after "+d.String(), carried.peek(tt.other, after(d)).Principal().Identity().ID, "")
				}
			})
		}

		t.Run("migrated with another profile", func(t *testing.T) {
			remember := false
			store := newStore(t, c, ring(t, 1), legacyConfig, func(c *ssestore.Config) {
				c.Legacy[0].Migrate = func(s *ssestore.Session, plaintext []byte) error {
					return errors.Join(s.Remember(remember), migrate(s, plaintext))
				}
			})
			b := browser{oldName: oldValue(t0, "user=1")}
			remember = true
			slow := b.peek(store, t0)
			same(t, "user", whoami(t, slow, hash), "1")
			remember = false
			b.visit(t, store, t0, func(s *ssestore.Session) { logout(t, s) })
			out, err := slow.Commit(200)
			must(t, err)
			same(t, "the late response", did(out), "written")
			b.keep(t, out)
			for _, d := range []time.Duration{0, 13 * time.Hour, 13 * day} {
				same(t, "user after "+d.String(), b.peek(store, after(d)).Principal().Identity().ID, "")
			}
		})
	})
}

// restamp is what a password change does to its own session.
func restamp(t testing.TB, field string) func(s *ssestore.Session) {
	return func(s *ssestore.Session) {
		t.Helper()
		st, err := s.Principal().Stamp("1", field)
		must(t, err)
		must(t, s.Principal().Restamp(st))
	}
}

// TestBarrier_NewPassword: a new stamp needs no barrier. The old one is refused
// by whoever verifies, and the barrier stays what the last logout made it.
func TestBarrier_NewPassword(t *testing.T) {
	each(t, func(t *testing.T, c codec) {
		store := newStore(t, c, ring(t, 1))
		b := loggedIn(t, c, 1)
		slow := b.peek(store, t0)
		must(t, note.Set(slow, "late"))
		out := b.visit(t, store, t0, restamp(t, "new hash"))
		same(t, "barrier", lineOf(out, barrierName), "")
		same(t, "user", whoami(t, b.peek(store, t0), "new hash"), "1")
		out, _ = slow.Commit(200)
		b.keep(t, out)
		same(t, "the old stamp", whoami(t, b.peek(store, t0), "new hash"), "")

		// A password change that was under way during a logout.
		b = loggedIn(t, c, 1)
		slow = b.peek(store, t0)
		restamp(t, "new hash")(slow)
		b.visit(t, store, t0, func(s *ssestore.Session) { must(t, s.Principal().End()) })
		out, _ = slow.Commit(200)
		b.keep(t, out)
		out = b.visit(t, store, t0, func(s *ssestore.Session) { same(t, "user", whoami(t, s, "new hash"), "") })
		same(t, "verdict", out.Refused, cookie.ReasonEnded)

		// And back to a stamp that was there before, in a fleet that rotates: made
		// again by G6, it is not one that anybody ended.
		behind, ahead := newStore(t, c, ring(t, 1, 2)), newStore(t, c, ring(t, 2, 1))
		b = visited(t, ahead, func(s *ssestore.Session) { login(t, s, "1") })
		b.visit(t, behind, t0, restamp(t, hash))
		for range 3 {
			b.visit(t, ahead, t0, func(s *ssestore.Session) { same(t, "user", whoami(t, s, hash), "1") })
		}
	})
}

// TestBarrier_AmbiguousSessions: two valid cookies are no session, as after a
// change of the cookie's domain or when a sibling domain sets one. A login or a
// logout ends both, of which the response can delete or overwrite but one.
func TestBarrier_AmbiguousSessions(t *testing.T) {
	each(t, func(t *testing.T, c codec) {
		store := newStore(t, c, ring(t, 1))
		mine, other := loggedIn(t, c, 1), loggedIn(t, c, 1)
		both := []string{sessionName + "=" + mine[sessionName] + "; " + sessionName + "=" + other[sessionName]}
		for name, do := range map[string]func(s *ssestore.Session){
			"logout": func(s *ssestore.Session) { must(t, s.Principal().End()) },
			"clear":  func(s *ssestore.Session) { must(t, s.Clear()) },
			"login":  func(s *ssestore.Session) { login(t, s, "2") },
		} {
			s := store.Load(both, t0)
			same(t, name+": user before", s.Principal().Identity().ID, "")
			do(s)
			out, err := s.Commit(200)
			must(t, err)
			same(t, name+": verdict", out.Refused, cookie.ReasonAmbiguous)
			after := browser{}
			after.keep(t, out)
			for _, left := range []browser{mine, other} {
				lines := after.lines()
				lines = append(lines, sessionName+"="+left[sessionName])
				want := map[bool]string{true: "2", false: ""}[name == "login"]
				same(t, name+": user after", store.Load(lines, t0).Principal().Identity().ID, want)
			}
		}
	})
}

// TestBarrier_AmbiguousSessionsLive: a new session beside two ends neither.
func TestBarrier_AmbiguousSessionsLive(t *testing.T) {
	each(t, func(t *testing.T, c codec) {
		store := newStore(t, c, ring(t, 1))
		mine, other := loggedIn(t, c, 1)[sessionName], loggedIn(t, c, 1)[sessionName]
		s := store.Load([]string{sessionName + "=" + mine + "; " + sessionName + "=" + other}, t0)
		must(t, note.Set(s, "new"))
		out, err := s.Commit(200)
		must(t, err)
		same(t, "cookie", did(out), "written")
		same(t, "barrier", lineOf(out, barrierName), "")
	})
}

// TestBarrier_ExpireAt: an end in the past ends the session as a logout does.
func TestBarrier_ExpireAt(t *testing.T) {
	each(t, func(t *testing.T, c codec) {
		store := newStore(t, c, ring(t, 1))
		b := loggedIn(t, c, 1)
		slow := b.peek(store, after(10*time.Minute))
		whoami(t, slow, hash)
		out := b.visit(t, store, after(10*time.Minute), func(s *ssestore.Session) { must(t, s.ExpireAt(t0)) })
		same(t, "cookie", did(out), "deleted")
		out, _ = slow.Commit(200)
		b.keep(t, out)
		same(t, "user", b.peek(store, after(10*time.Minute)).Principal().Identity().ID, "")
	})
}

// TestBarrier_Junk: entries that no session of ours can have are not carried
// over. They would push out those that matter.
func TestBarrier_Junk(t *testing.T) {
	each(t, func(t *testing.T, c codec) {
		store := newStore(t, c, ring(t, 1))
		b := loggedIn(t, c, 1)
		var junk []string
		for i := range 6 {
			junk = append(junk, kid(1)+"9999999999"+strings.Repeat(string(rune('A'+i)), 22))
		}
		junk = append(junk, kid(1)+"170000000:"+strings.Repeat("A", 22)) // the character behind 9
		slices.Reverse(junk)
		b[barrierName] = strings.Join(junk, ".")
		out := b.visit(t, store, t0, func(s *ssestore.Session) { must(t, s.Principal().End()) })
		same(t, "entries", strings.Count(b[barrierName], ".")+1, 1)
		same(t, "attributes", strings.Contains(attributes(lineOf(out, barrierName)), "Max-Age=43200;"), true)
	})
}

// TestBarrier_Lines: what is written, when, and for how long.
func TestBarrier_Lines(t *testing.T) {
	each(t, func(t *testing.T, c codec) {
		store := newStore(t, c, ring(t, 1))
		b := loggedIn(t, c, 1)
		for name, do := range map[string]func(s *ssestore.Session){
			"set":     set(t, "b"),
			"emptied": func(s *ssestore.Session) { must(t, note.Delete(s)) },
			"renewal": func(s *ssestore.Session) { whoami(t, s, hash) },
			"refused": func(s *ssestore.Session) { whoami(t, s, "changed") },
			"none":    func(s *ssestore.Session) {},
		} {
			if out := b.copy().visit(t, store, after(6*time.Minute), do); lineOf(out, barrierName) != "" {
				t.Errorf("%s: %q", name, out.SetCookie)
			}
		}
		silent(t, browser{}.visit(t, store, t0, func(s *ssestore.Session) { must(t, s.Principal().End()) }))
		// A login without a session before it ends none.
		out := browser{}.visit(t, store, t0, func(s *ssestore.Session) { login(t, s, "1") })
		same(t, "first login", len(out.SetCookie), 1)
		// Nothing that is not saved ends anything.
		silent(t, b.copy().visitStatus(t, store, t0, 500, func(s *ssestore.Session) { login(t, s, "1") }))

		// An entry has room for times of ten digits, from 2001 on.
		early := time.Unix(900_000_000, 0)
		old := browser{}
		old.visit(t, store, early, set(t, "a"))
		out = old.visit(t, store, early, func(s *ssestore.Session) { must(t, s.Principal().End()) })
		same(t, "barrier in 1998", lineOf(out, barrierName), "")

		out = b.copy().visitStatus(t, store, after(time.Hour/4), 500, func(s *ssestore.Session) { must(t, s.Principal().End()) })
		same(t, "attributes", attributes(lineOf(out, barrierName)),
			"Expires=Wed, 15 Nov 2023 10:13:20 GMT; HttpOnly; Max-Age=42300; Path=/; SameSite=Lax; Secure")
	})
}

// TestBarrier_CarriesOver up to six live entries, newest first, also those of
// keys that this instance does not know.
func TestBarrier_CarriesOver(t *testing.T) {
	each(t, func(t *testing.T, c codec) {
		store := newStore(t, c, ring(t, 1))
		b := browser{}
		var old []string
		for i := range 9 {
			b.visit(t, store, t0, func(s *ssestore.Session) { login(t, s, "1") })
			old = append(old, b[sessionName])
			b.visit(t, store, t0, func(s *ssestore.Session) { must(t, s.Principal().End()) })
			same(t, "entries", strings.Count(b[barrierName], ".")+1, min(i+1, 6))
		}
		for i, v := range old {
			got := browser{sessionName: v, barrierName: b[barrierName]}.peek(store, t0).Principal().Identity().ID
			same(t, "session "+string(rune('0'+i)), got, map[bool]string{true: "", false: "1"}[i >= 3])
		}
		// An entry that is over is dropped.
		b.visit(t, store, after(13*time.Hour), func(s *ssestore.Session) { login(t, s, "1") })
		b.visit(t, store, after(13*time.Hour), func(s *ssestore.Session) { must(t, s.Principal().End()) })
		same(t, "entries", strings.Count(b[barrierName], ".")+1, 1)

		// No more than six are looked at.
		b = loggedIn(t, c, 1)
		ended := b.copy()
		ended.visit(t, store, t0, func(s *ssestore.Session) { must(t, s.Principal().End()) })
		fill := strings.Repeat(kid(9)+"9999999999"+strings.Repeat("A", 22)+".", 6)
		same(t, "the sixth", browser{sessionName: b[sessionName], barrierName: fill[40:] + ended[barrierName]}.peek(store, t0).Principal().Identity().ID, "")
		same(t, "the seventh", browser{sessionName: b[sessionName], barrierName: fill + ended[barrierName]}.peek(store, t0).Principal().Identity().ID, "1")

		// The longest-lived entry decides how long the cookie stays.
		b = visited(t, store, func(s *ssestore.Session) { must(t, s.Remember(true)); login(t, s, "1") })
		b.visit(t, store, t0, func(s *ssestore.Session) { must(t, s.Principal().End()) })
		b.visit(t, store, t0, func(s *ssestore.Session) { login(t, s, "1") })
		out := b.visit(t, store, t0, func(s *ssestore.Session) { must(t, s.Principal().End()) })
		same(t, "Max-Age", strings.Contains(lineOf(out, barrierName), "; Max-Age=2592000;"), true)
		b = loggedIn(t, c, 1)
		b.visit(t, store, t0, func(s *ssestore.Session) { must(t, s.Principal().End()) })
		b.visit(t, store, t0, func(s *ssestore.Session) { must(t, s.Remember(true)); login(t, s, "1") })
		out = b.visit(t, store, t0, func(s *ssestore.Session) { must(t, s.Principal().End()) })
		same(t, "Max-Age, the other way round", strings.Contains(lineOf(out, barrierName), "; Max-Age=2592000;"), true)

		// Eight sessions at once are more than it holds, whatever it held before.
		pairs := []string{barrierName + "=" + b[barrierName]}
		for range cookie.MaxCandidates {
			pairs = append(pairs, sessionName+"="+loggedIn(t, c, 1)[sessionName])
		}
		s := store.Load([]string{strings.Join(pairs, "; ")}, t0)
		must(t, s.Principal().End())
		out, err := s.Commit(200)
		must(t, err)
		value, _, _ := strings.Cut(lineOf(out, barrierName), ";")
		same(t, "entries", strings.Count(value, ".")+1, 6)

		// Another instance, which lacks key 1, keeps the entry, and key 1 finds it.
		b = loggedIn(t, c, 1)
		gone := b[sessionName]
		b.visit(t, store, t0, func(s *ssestore.Session) { must(t, s.Principal().End()) })
		other := newStore(t, c, ring(t, 2))
		b.visit(t, other, t0, func(s *ssestore.Session) { login(t, s, "2") })
		b.visit(t, other, t0, func(s *ssestore.Session) { must(t, s.Principal().End()) })
		same(t, "entries", strings.Count(b[barrierName], ".")+1, 2)
		b[sessionName] = gone
		same(t, "user", b.peek(store, t0).Principal().Identity().ID, "")
	})
}

// TestBarrier_Unforgeable: nobody ends a session by writing a barrier, and none
// of another audience or cookie name does.
func TestBarrier_Unforgeable(t *testing.T) {
	each(t, func(t *testing.T, c codec) {
		store := newStore(t, c, ring(t, 1))
		b := loggedIn(t, c, 1)
		ended := b.copy()
		ended.visit(t, store, t0, func(s *ssestore.Session) { must(t, s.Principal().End()) })
		v := ended[barrierName]
		for i := range v {
			c := byte('A')
			if v[i] == c {
				c = '1'
			}
			forged := browser{sessionName: b[sessionName], barrierName: v[:i] + string(c) + v[i+1:]}
			if i == len(v)-1 && c == v[i] {
				continue
			}
			if got := forged.peek(store, t0).Principal().Identity().ID; got != "1" {
				t.Errorf("character %d changed: user %q", i, got)
			}
		}
		audience := newStore(t, c, ring(t, 1), func(c *ssestore.Config) { c.Audience = "other" })
		x := visited(t, audience, func(s *ssestore.Session) { login(t, s, "1") })
		x[barrierName] = v
		same(t, "another audience", x.peek(audience, t0).Principal().Identity().ID, "1")
		// It is no session, and tells nothing of one.
		same(t, "as a session", browser{sessionName: v}.peek(store, t0).Info().New, true)
	})
}

// TestS3_4_LogoutCopy: a copied cookie still opens after a logout elsewhere. That is
// the nature of a stateless session; idle and absolute end bound it, and the
// stamp ends it.
func TestS3_4_LogoutCopy(t *testing.T) {
	each(t, func(t *testing.T, c codec) {
		store := newStore(t, c, ring(t, 1))
		b := loggedIn(t, c, 1)
		thief := b.copy()
		b.visit(t, store, t0, func(s *ssestore.Session) { must(t, s.Principal().End()) })
		same(t, "after logout", whoami(t, thief.peek(store, t0), hash), "1")
		same(t, "after a new password", whoami(t, thief.peek(store, t0), "new hash"), "")
		same(t, "after the idle time", whoami(t, thief.peek(store, after(31*time.Minute)), hash), "")
		for m := 0; m < 12*60; m += 20 {
			thief.visit(t, store, after(time.Duration(m)*time.Minute), func(s *ssestore.Session) { whoami(t, s, hash) })
		}
		same(t, "in use, before the end", whoami(t, thief.peek(store, after(12*time.Hour-time.Second)), hash), "1")
		same(t, "in use, at the end", whoami(t, thief.peek(store, after(12*time.Hour)), hash), "")
	})
}

// TestS3_5_BarrierFormat: the entry of a session in the barrier is what
// docs/FORMAT.md says, worked out here with the standard library alone. Name and
// audience are in the subkey, so one application's barrier means nothing in
// another's.
func TestS3_5_BarrierFormat(t *testing.T) {
	key := ring(t, 1).Primary()
	for _, row := range []struct{ name, audience string }{
		{sessionName, ""}, {sessionName, "shop"}, {"__Host-other", ""}, {"__Host-other", "shop"},
	} {
		store := newStore(t, codec{new: cookie.JWE}, ring(t, 1), func(c *ssestore.Config) {
			c.Cookie.Name, c.Audience = row.name, row.audience
		})
		b := browser{}
		b.visit(t, store, t0, set(t, "x"))
		jwe, err := cookie.JWE(row.name, row.audience)
		must(t, err)
		o, err := jwe.Open(ring(t, 1), b[row.name])
		must(t, err)
		var c struct {
			SID string
			Exp int64
		}
		must(t, json.Unmarshal(o.Plaintext, &c))
		b.visit(t, store, t0, func(s *ssestore.Session) { must(t, s.Principal().End()) })

		until := strconv.FormatInt(c.Exp, 10)
		h := hmac.New(sha256.New, key.Derive(keyring.Label{Purpose: "barrier", Audience: row.audience, Name: row.name}))
		for _, part := range []string{c.SID, until} {
			h.Write(binary.BigEndian.AppendUint32(nil, uint32(len(part))))
			h.Write([]byte(part))
		}
		want := key.ID() + until + base64.RawURLEncoding.EncodeToString(h.Sum(nil)[:16])
		same(t, "barrier of "+row.name+" for "+row.audience, b[row.name+"-ended"], want)
	}
}
