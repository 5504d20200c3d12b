package ssestore_test

import (
	"strings"
	"testing"
	"time"

	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/ssestore"
)

// loggedIn returns a browser with user 1, logged in at t0 where the ring is
// numbers, and some data.
func loggedIn(t testing.TB, c codec, numbers ...int) browser {
	t.Helper()
	return visited(t, newStore(t, c, ring(t, numbers...)), func(s *ssestore.Session) {
		login(t, s, "1")
		must(t, note.Set(s, "a"))
	})
}

// TestS4_1_ResealUnderPrimary, and TestS4_2: the old cookie dies with the key.
func TestS4_1_ResealUnderPrimary(t *testing.T) {
	each(t, func(t *testing.T, c codec) {
		b := loggedIn(t, c, 1)
		old := b.copy()
		before := b.peek(newStore(t, c, ring(t, 1)), t0).Info()
		store := newStore(t, c, ring(t, 2, 1))
		out := b.visit(t, store, after(time.Minute), func(s *ssestore.Session) {
			same(t, "user", whoami(t, s, hash), "1")
		})
		same(t, "cookie", did(out), "written")
		same(t, "resealed", out.Resealed, true)
		same(t, "restamped", out.Restamped, true)
		same(t, "renewed", out.Renewed, false)
		same(t, "kid", out.KeyID, kid(2))

		// S4.2: the ring without key 1.
		only := newStore(t, c, ring(t, 2))
		s := b.peek(only, after(time.Minute))
		same(t, "user", whoami(t, s, hash), "1")
		same(t, "note", note.Get(s), "a")
		same(t, "stamp's key", s.Principal().Identity().Stamp.KeyID, kid(2))
		now := s.Info()
		same(t, "created", now.Created, before.Created)
		same(t, "auth time", now.AuthTime, before.AuthTime)
		same(t, "renewed", now.Renewed, before.Renewed)
		same(t, "end", now.Expires, before.Expires)
		same(t, "session id", now.LogID, b.peek(newStore(t, c, ring(t, 2, 1)), t0).Info().LogID)
		s = old.peek(only, after(time.Minute))
		same(t, "old user", s.Principal().Identity().ID, "")
		same(t, "old note", note.Get(s), "")

		// Once under the primary, nothing more is written.
		silent(t, b.visit(t, store, after(2*time.Minute), func(s *ssestore.Session) { whoami(t, s, hash) }))
	})
}

// TestS4_3_AnyFallback: the second and later fallbacks match too.
func TestS4_3_AnyFallback(t *testing.T) {
	each(t, func(t *testing.T, c codec) {
		for _, keys := range [][]int{{2, 1}, {3, 2, 1}, {5, 4, 3, 2, 1}} {
			b := loggedIn(t, c, 1)
			out := b.visit(t, newStore(t, c, ring(t, keys...)), t0, func(s *ssestore.Session) {
				same(t, "user", whoami(t, s, hash), "1")
			})
			same(t, "kid", out.KeyID, kid(keys[0]))
			same(t, "cookie", did(out), "written")
		}
	})
}

// TestS4_4_StampUnequal under the key it names is G7; of an unknown key, G6u.
func TestS4_4_StampUnequal(t *testing.T) {
	each(t, func(t *testing.T, c codec) {
		b := loggedIn(t, c, 1)
		out := b.copy().visit(t, newStore(t, c, ring(t, 2, 1)), t0, func(s *ssestore.Session) {
			same(t, "user", whoami(t, s, "another hash"), "")
			same(t, "note", note.Get(s), "")
		})
		same(t, "G7", did(out), "deleted")
		same(t, "verdict", out.Refused, cookie.ReasonStampMismatch)

		// Sealed by a solicited write under key 2, stamped under key 1.
		b.visit(t, newStore(t, c, ring(t, 2, 1)), t0, set(t, "b"))
		for _, now := range []time.Time{t0, after(29 * time.Minute)} { // a renewal is due or not
			out = b.copy().visit(t, newStore(t, c, ring(t, 2)), now, func(s *ssestore.Session) {
				same(t, "user", whoami(t, s, hash), "")
				same(t, "note", note.Get(s), "b")
			})
			silent(t, out)
			same(t, "verdict", out.Refused, cookie.ReasonStampUnknownKey)
		}
	})
}

// TestS4_5_Anonymous sessions of a fallback are readable, and resealed where an
// unsolicited write may be.
func TestS4_5_Anonymous(t *testing.T) {
	each(t, func(t *testing.T, c codec) {
		for _, row := range []struct {
			limit  ssestore.Writes
			status int
			read   bool
			want   string
		}{
			{ssestore.WritesAll, 200, true, "written"},
			{ssestore.WritesAll, 404, true, "written"},
			{ssestore.WritesAll, 304, true, "nothing"},
			{ssestore.WritesAll, 500, true, "nothing"},
			{ssestore.WritesAll, 200, false, "nothing"},
			{ssestore.WritesRenewOnly, 200, true, "nothing"},
			{ssestore.WritesNone, 200, true, "nothing"},
		} {
			b := visited(t, newStore(t, c, ring(t, 1)), func(s *ssestore.Session) {
				must(t, s.Remember(true))
				must(t, note.Set(s, "a"))
			})
			store := newStore(t, c, ring(t, 2, 1))
			before := b.peek(store, t0).Info()
			out := b.visitStatus(t, store, after(time.Minute), row.status, func(s *ssestore.Session) {
				s.Limit(row.limit)
				if row.read {
					same(t, "note", note.Get(s), "a")
				}
			})
			if got := did(out); got != row.want {
				t.Errorf("%+v: %s", row, got)
			}
			now := b.peek(store, after(time.Minute)).Info()
			same(t, "session id", now.LogID, before.LogID)
			same(t, "renewed", now.Renewed, before.Renewed)
			same(t, "end", now.Expires, before.Expires)
			same(t, "persistent", now.Persistent, true)
			same(t, "under the primary", now.Primary, row.want == "written")
		}
	})
}

// TestS4_6_Kid: every Set-Cookie carries the primary's kid, whatever the reason
// of the write, and an unsolicited one never goes to an older key. The ring is
// reloaded between (Flask CVE-2025-47278 signed with a fallback).
func TestS4_6_Kid(t *testing.T) {
	each(t, func(t *testing.T, c codec) {
		var keys holder
		store := newStore(t, c, &keys)
		b := browser{}
		check := func(what string, out ssestore.Outcome, want int) {
			t.Helper()
			if did(out) != "written" {
				t.Fatalf("%s: %s", what, did(out))
			}
			same(t, what, out.KeyID, kid(want))
			// The cookie says so itself: it opens under that key alone.
			value := browser{sessionName: b[sessionName]}
			same(t, what+": alone", value.peek(newStore(t, c, ring(t, want)), after(6*time.Minute)).Info().New, false)
		}
		keys.set(ring(t, 1))
		check("login", b.visit(t, store, t0, func(s *ssestore.Session) { login(t, s, "1") }), 1)
		keys.set(ring(t, 1, 2)) // the reader phase
		check("set", b.visit(t, store, t0, set(t, "x")), 1)
		keys.set(ring(t, 2, 1))
		kept := b.copy()
		check("set under the new primary", b.visit(t, store, t0, set(t, "y")), 2)
		b = kept
		check("reseal", b.visit(t, store, t0, func(s *ssestore.Session) { whoami(t, s, hash) }), 2)
		keys.set(ring(t, 3, 2))
		check("renewal", b.visit(t, store, after(6*time.Minute), func(s *ssestore.Session) { whoami(t, s, hash) }), 3)
		keys.set(ring(t, 4, 3))
		check("clear and set", b.visit(t, store, after(6*time.Minute), func(s *ssestore.Session) {
			must(t, s.Clear())
			must(t, note.Set(s, "z"))
		}), 4)
	})
}

// TestS4_7_StampOfUnknownKey: a stamp under a key that this instance doesn't have is
// taken for newer, so the session is left alone.
func TestS4_7_StampOfUnknownKey(t *testing.T) {
	each(t, func(t *testing.T, c codec) {
		store := newStore(t, c, ring(t, 1))
		b := visited(t, store, func(s *ssestore.Session) {
			must(t, s.Principal().Begin("1", ssestore.Stamp{KeyID: kid(9), Sum: [32]byte{1}}, nil))
		})
		silent(t, b.visit(t, store, after(10*time.Minute), func(s *ssestore.Session) {
			must(t, confirm(s, ssestore.Stamp{}))
		}))

		// The same for the stamp of whoever is behind the user.
		b = loggedIn(t, c, 1)
		b.visit(t, store, t0, func(s *ssestore.Session) {
			st, err := s.Principal().Stamp("2", hash)
			must(t, err)
			must(t, s.Principal().Become(s.Principal().Identity(), "2", st, &ssestore.Actor{ID: "1", Stamp: ssestore.Stamp{KeyID: kid(9), Sum: [32]byte{1}}}))
		})
		silent(t, b.visit(t, store, after(10*time.Minute), func(s *ssestore.Session) {
			same(t, "user", s.Principal().Identity().ID, "2")
			must(t, confirm(s, ssestore.Stamp{}))
		}))
	})
}

// TestS4_7_MixedFleet: an instance whose primary is older than the session's key
// reads it and writes nothing on its own; what the handler asks for goes under
// its own primary and is reported.
func TestS4_7_MixedFleet(t *testing.T) {
	each(t, func(t *testing.T, c codec) {
		store := newStore(t, c, ring(t, 1, 2)) // promoted elsewhere already
		b := loggedIn(t, c, 2, 1)
		for name, do := range map[string]func(s *ssestore.Session){
			"read":      read,
			"verified":  func(s *ssestore.Session) { same(t, "user", whoami(t, s, hash), "1") },
			"refused":   func(s *ssestore.Session) { same(t, "user", whoami(t, s, "changed"), "") },
			"confirmed": func(s *ssestore.Session) { fresh, _ := s.Principal().Stamp("1", hash); confirm(s, fresh) },
		} {
			for _, now := range []time.Time{t0, after(29 * time.Minute)} { // a renewal is due or not
				out := b.copy().visit(t, store, now, do)
				if did(out) != "nothing" {
					t.Errorf("%s: %s", name, did(out))
				}
				same(t, "reported", out.OlderPrimary, false)
			}
		}
		got := b.peek(store, t0)
		age, ok, err := got.Principal().Check(stampUnder(t, 2, "1"), "1", hash)
		must(t, err)
		same(t, "stamp (G5n)", ok, true)
		same(t, "age of the stamp (G5n)", age, 1)
		silent(t, b.copy().visit(t, store, after(time.Hour), read)) // expired under a newer key

		// Two that have expired: the newer key decides, in either order.
		older := loggedIn(t, c, 1)[sessionName]
		for _, v := range [][2]string{{b[sessionName], older}, {older, b[sessionName]}} {
			s := store.Load([]string{sessionName + "=" + v[0] + "; " + sessionName + "=" + v[1]}, after(time.Hour))
			read(s)
			out, err := s.Commit(200)
			must(t, err)
			silent(t, out)
			same(t, "verdict", out.Refused, cookie.ReasonExpired)
		}

		out := b.visit(t, store, t0, set(t, "b"))
		same(t, "solicited", did(out), "written")
		same(t, "kid", out.KeyID, kid(1))
		same(t, "reported", out.OlderPrimary, true)
		same(t, "resealed", out.Resealed, false)

		// Now the seal is of key 1 and the stamp of the newer key 2: still nothing
		// on its own here, and one reseal where key 2 is primary.
		silent(t, b.copy().visit(t, store, after(29*time.Minute), func(s *ssestore.Session) { whoami(t, s, hash) }))
		out = b.visit(t, newStore(t, c, ring(t, 2, 1)), t0, func(s *ssestore.Session) { whoami(t, s, hash) })
		same(t, "on the newer instance", did(out), "written")
		same(t, "kid", out.KeyID, kid(2))
		same(t, "note", note.Get(b.peek(store, t0)), "b")
	})
}

// TestS4_7_NoFlapping: whichever instance answers, a client that only reads gets
// one reseal for one new generation.
func TestS4_7_NoFlapping(t *testing.T) {
	each(t, func(t *testing.T, c codec) {
		old, new := newStore(t, c, ring(t, 1, 2)), newStore(t, c, ring(t, 2, 1))
		b := loggedIn(t, c, 1, 2)
		writes := 0
		for i := range 40 {
			store := old
			if i*7%5 > 2 {
				store = new
			}
			out := b.visit(t, store, after(time.Duration(i)*time.Second), func(s *ssestore.Session) {
				same(t, "user", whoami(t, s, hash), "1")
			})
			writes += len(out.SetCookie)
		}
		same(t, "reseals", writes, 1)
	})
}

// TestS4_8_Unverified: a session with a user that was not verified in this
// request is never resealed unsolicited. Under the primary it is still renewed.
func TestS4_8_Unverified(t *testing.T) {
	each(t, func(t *testing.T, c codec) {
		b := loggedIn(t, c, 1)
		store := newStore(t, c, ring(t, 2, 1))
		for _, now := range []time.Time{t0, after(29 * time.Minute)} {
			for _, limit := range []ssestore.Writes{ssestore.WritesAll, ssestore.WritesRenewOnly} {
				silent(t, b.copy().visit(t, store, now, func(s *ssestore.Session) {
					s.Limit(limit)
					s.Principal().Identity()
					read(s)
				}))
			}
		}
		out := b.copy().visit(t, newStore(t, c, ring(t, 1)), after(29*time.Minute), read)
		same(t, "renewal under the primary", did(out), "written")
		same(t, "renewed", out.Renewed, true)

		// Verified, the seal and the stamp move together.
		out = b.copy().visit(t, store, after(29*time.Minute), func(s *ssestore.Session) {
			s.Limit(ssestore.WritesRenewOnly)
			whoami(t, s, hash)
		})
		same(t, "renewed, resealed, restamped", out.Renewed && out.Resealed && out.Restamped, true)

		// A fresh stamp that is not of the primary is no fresh stamp.
		other := b.copy()
		out = other.visit(t, newStore(t, c, ring(t, 3, 2, 1)), t0, func(s *ssestore.Session) {
			confirm(s, stampUnder(t, 2, "1"))
		})
		same(t, "restamped", out.Restamped, false)
		same(t, "stamp's key", other.peek(newStore(t, c, ring(t, 3)), t0).Principal().Identity().Stamp.KeyID, kid(1))
		// And one of the key that the stamp has already is none either.
		silent(t, b.copy().visit(t, newStore(t, c, ring(t, 1)), t0, func(s *ssestore.Session) {
			st, err := s.Principal().Stamp("1", hash)
			must(t, err)
			confirm(s, st)
		}))
	})
}

// TestStampMovesWithSolicitedWrite: a write that happens anyway takes a fresh
// stamp along, under any limit; without one it carries the old stamp.
func TestStampMovesWithSolicitedWrite(t *testing.T) {
	each(t, func(t *testing.T, c codec) {
		store := newStore(t, c, ring(t, 2, 1))
		for verified, want := range map[bool]string{true: kid(2), false: kid(1)} {
			b := loggedIn(t, c, 1)
			out := b.visit(t, store, t0, func(s *ssestore.Session) {
				s.Limit(ssestore.WritesNone)
				if verified {
					whoami(t, s, hash)
				}
				set(t, "b")(s)
			})
			same(t, "cookie", did(out), "written")
			same(t, "stamp's key", b.peek(store, t0).Principal().Identity().Stamp.KeyID, want)
			same(t, "user", whoami(t, b.peek(store, t0), hash), "1")
		}
	})
}

// TestStampUseCounts: a stamp that needs a key is a use of that key.
func TestStampUseCounts(t *testing.T) {
	each(t, func(t *testing.T, c codec) {
		b := loggedIn(t, c, 1)
		r := ring(t, 2, 1)
		store := newStore(t, c, r)
		opened := func(n int) uint64 { k, _ := r.Key(kid(n)); return k.Counters().Opened }
		whoami(t, b.peek(store, t0), hash)
		same(t, "sealed and stamped under key 1", opened(1), 1)
		b.visit(t, store, t0, set(t, "b"))
		same(t, "that write", opened(1), 2)
		whoami(t, b.peek(store, t0), hash)
		same(t, "sealed under 2, stamped under 1: key 1", opened(1), 3)
		same(t, "sealed under 2, stamped under 1: key 2", opened(2), 1)
		same(t, "seals", r.Primary().Counters().Sealed, 1)
		same(t, "last opened", r.Primary().Counters().LastOpened, t0)
	})
}

// TestOutcome_Reports: what happened to the session that came, and not to one
// that took its place.
func TestOutcome_Reports(t *testing.T) {
	each(t, func(t *testing.T, c codec) {
		store := newStore(t, c, ring(t, 1), legacyConfig)
		restamped := func(s *ssestore.Session) {
			st, err := s.Principal().Stamp("1", "new")
			must(t, err)
			must(t, s.Principal().Restamp(st))
		}
		cleared := func(s *ssestore.Session) { must(t, s.Clear()); must(t, note.Set(s, "x")) }
		old := browser{oldName: oldValue(t0, "note=x")}
		for _, row := range []struct {
			name                          string
			b                             browser
			do                            func(s *ssestore.Session)
			resealed, restamped, migrated bool
		}{
			{"first visit", browser{}, set(t, "x"), false, false, false},
			{"first login", browser{}, func(s *ssestore.Session) { login(t, s, "1") }, false, false, false},
			{"restamped", loggedIn(t, c, 1), restamped, false, true, false},
			{"restamped and cleared", loggedIn(t, c, 1), func(s *ssestore.Session) { restamped(s); cleared(s) }, false, false, false},
			{"migrated", old.copy(), read, false, false, true},
			{"migrated and cleared", old.copy(), cleared, false, false, false},
			{"migrated and logged in", old.copy(), func(s *ssestore.Session) { login(t, s, "1") }, false, false, false},
		} {
			out := row.b.visit(t, store, t0, row.do)
			same(t, row.name+": cookie", did(out), "written")
			same(t, row.name+": resealed", out.Resealed, row.resealed)
			same(t, row.name+": restamped", out.Restamped, row.restamped)
			same(t, row.name+": migrated", out.Migrated, row.migrated)
		}
	})
}

// TestKidInTheToken: what the rows above say of kids, read off the wire.
func TestKidInTheToken(t *testing.T) {
	eachWithKids(t, func(t *testing.T, c codec) {
		b := visited(t, newStore(t, c, ring(t, 2, 1)), set(t, "a"))
		header, _, _ := strings.Cut(b[sessionName], ".")
		raw := decode64(t, header)
		same(t, "header", raw, `{"alg":"dir","enc":"A256GCM","kid":"`+kid(2)+`"}`)
	})
}
