package ssestore_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/keyring"
	"github.com/hardtack-go/hardtack/ssestore"
)

// TestStamp_Vectors: the input is length-prefixed, so no two pairs of id and
// field are the same bytes.
func TestStamp_Vectors(t *testing.T) {
	each(t, func(t *testing.T, c codec) {
		store := newStore(t, c, ring(t, 1), func(c *ssestore.Config) { c.Audience = "shop" })
		s := store.Load(nil, t0)
		key, _ := ring(t, 1).Key(kid(1))
		sub := key.Derive(keyring.Label{Purpose: "stamp", Audience: "shop"})
		seen := map[string]string{}
		for _, in := range [][2]string{{"1", "hash"}, {"1h", "ash"}, {"", "1hash"}, {"1hash", ""}, {"1", ""}, {"", ""}, {"1", strings.Repeat("x", 5000)}} {
			m := hmac.New(sha256.New, sub)
			for _, p := range in {
				n := len(p)
				m.Write([]byte{byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)})
				m.Write([]byte(p))
			}
			for range 2 { // the second comes from a prepared state
				got, err := s.Principal().Stamp(in[0], in[1])
				must(t, err)
				same(t, "sum", hex.EncodeToString(got.Sum[:]), hex.EncodeToString(m.Sum(nil)))
				same(t, "kid", got.KeyID, kid(1))
			}
			sum := hex.EncodeToString(m.Sum(nil))
			if other, ok := seen[sum]; ok {
				t.Errorf("%q and %q have one stamp", in, other)
			}
			seen[sum] = fmt.Sprint(in)
		}
		// The audience is part of the key.
		plain, _ := newStore(t, c, ring(t, 1)).Load(nil, t0).Principal().Stamp("1", "hash")
		shop, _ := s.Principal().Stamp("1", "hash")
		if plain.Sum == shop.Sum {
			t.Error("two audiences have one stamp")
		}
	})
}

func TestStamp_Ages(t *testing.T) {
	each(t, func(t *testing.T, c codec) {
		s := newStore(t, c, ring(t, 2, 3, 1)).Load(nil, t0)
		for n, want := range map[int]int{1: -1, 2: 0, 3: 1} {
			age, ok, err := s.Principal().Check(stampUnder(t, n, "1"), "1", hash)
			must(t, err)
			same(t, kid(n), age, want)
			same(t, kid(n), ok, true)
			_, ok, err = s.Principal().Check(stampUnder(t, n, "2"), "1", hash)
			must(t, err)
			same(t, "somebody else's", ok, false)
		}
		_, ok, err := s.Principal().Check(ssestore.Stamp{}, "1", hash)
		same(t, "no stamp", ok, false)
		same(t, "no stamp", err, ssestore.ErrUnknownKey)
	})
}

// TestBegin: new session id, all times now, the profile's full life.
func TestBegin(t *testing.T) {
	each(t, func(t *testing.T, c codec) {
		store := newStore(t, c, ring(t, 1))
		b := visited(t, store, func(s *ssestore.Session) {
			must(t, note.Set(s, "a"))
			must(t, count.Set(s, 1))
		})
		before := b.peek(store, t0).Info()
		now := after(10 * time.Minute)
		for _, limit := range []ssestore.Writes{ssestore.WritesAll, ssestore.WritesNone} {
			b := b.copy()
			out := b.visit(t, store, now, func(s *ssestore.Session) {
				s.Limit(limit)
				login(t, s, "1")
				id := s.Principal().Identity()
				same(t, "seen at once", id.ID, "1")
				same(t, "auth time", id.AuthTime, now)
			})
			same(t, "private", out.Private, true)
			i := b.peek(store, now).Info()
			same(t, "created", i.Created, now)
			same(t, "auth time", i.AuthTime, now)
			same(t, "renewed", i.Renewed, now)
			same(t, "end", i.Expires, now.Add(12*time.Hour))
			same(t, "user", i.UserID, "1")
			same(t, "logged in", i.LoggedIn, true)
			same(t, "another session id (fixation)", i.LogID != before.LogID, true)
			same(t, "data", note.Get(b.peek(store, now)), "a")
		}

		t.Run("keep", func(t *testing.T) {
			for _, keep := range []string{"", "note", "note count"} {
				b := b.copy()
				b.visit(t, store, t0, func(s *ssestore.Session) {
					must(t, s.Principal().Begin("1", ssestore.Stamp{}, func(n string) bool { return slices.Contains(strings.Fields(keep), n) }))
				})
				names := strings.Fields(keep)
				slices.Sort(names)
				same(t, "kept", strings.Join(b.peek(store, t0).Names(), " "), strings.Join(names, " "))
			}
		})
		t.Run("profile", func(t *testing.T) {
			none := func(string) bool { return false }
			for _, row := range []struct {
				name string
				do   func(s *ssestore.Session)
				want bool
			}{
				{"kept", func(s *ssestore.Session) { must(t, s.Principal().Begin("1", ssestore.Stamp{}, nil)) }, true},
				{"reset", func(s *ssestore.Session) { must(t, s.Principal().Begin("1", ssestore.Stamp{}, none)) }, false},
				{"nothing to keep", func(s *ssestore.Session) {
					must(t, note.Delete(s))
					must(t, s.Principal().Begin("1", ssestore.Stamp{}, nil))
				}, false},
				{"wished", func(s *ssestore.Session) {
					must(t, s.Remember(true))
					must(t, s.Principal().Begin("1", ssestore.Stamp{}, none))
				}, true},
				{"wished after", func(s *ssestore.Session) {
					must(t, s.Principal().Begin("1", ssestore.Stamp{}, none))
					must(t, s.Remember(true))
				}, true},
				{"wished and cleared", func(s *ssestore.Session) {
					must(t, s.Remember(true))
					must(t, s.Clear())
					must(t, s.Principal().Begin("1", ssestore.Stamp{}, nil))
				}, true},
				{"wished not", func(s *ssestore.Session) {
					must(t, s.Remember(false))
					must(t, s.Principal().Begin("1", ssestore.Stamp{}, nil))
				}, false},
			} {
				b := visited(t, store, func(s *ssestore.Session) { must(t, s.Remember(true)); must(t, note.Set(s, "a")) })
				b.visit(t, store, t0, row.do)
				i := b.peek(store, t0).Info()
				same(t, row.name, i.Persistent, row.want)
				if row.name != "wished after" { // the end is fixed at login
					same(t, row.name, i.Expires, map[bool]time.Time{true: after(30 * day), false: after(12 * time.Hour)}[row.want])
				}
			}
		})
		t.Run("an end of its own", func(t *testing.T) {
			b := visited(t, store, func(s *ssestore.Session) { must(t, s.ExpireAt(after(time.Minute))); must(t, note.Set(s, "a")) })
			kept := b.copy()
			b.visit(t, store, t0, func(s *ssestore.Session) { login(t, s, "1") })
			same(t, "an older one is dropped", b.peek(store, t0).Info().Expires, after(12*time.Hour))
			kept.visit(t, store, t0, func(s *ssestore.Session) { must(t, s.ExpireAt(after(time.Hour))); login(t, s, "1") })
			same(t, "one of this request holds", kept.peek(store, t0).Info().Expires, after(time.Hour))
		})
		t.Run("nothing of the user before", func(t *testing.T) {
			// A stamp that Confirm brought for one user is not the next one's.
			store := newStore(t, c, ring(t, 2, 1))
			b := loggedIn(t, c, 1)
			kept := b.copy()
			out := b.visit(t, store, t0, func(s *ssestore.Session) {
				must(t, s.Principal().Restamp(ssestore.Stamp{}))
				fresh, err := s.Principal().Stamp("1", hash)
				must(t, err)
				confirm(s, fresh)
				must(t, s.Principal().Begin("2", ssestore.Stamp{}, nil))
			})
			same(t, "restamped", out.Restamped, false)
			same(t, "stamp", b.peek(store, t0).Principal().Identity().Stamp.KeyID, "")
			// Nor an anonymous session's.
			kept.visit(t, store, t0, func(s *ssestore.Session) {
				whoami(t, s, hash)
				must(t, s.Clear())
				must(t, note.Set(s, "x"))
			})
			same(t, "note", note.Get(kept.peek(store, t0)), "x")
		})
		t.Run("refuses", func(t *testing.T) {
			s := store.Load(nil, t0)
			for _, id := range []string{"", "a\nb", "\xff", strings.Repeat("x", 256), strings.Repeat(`"`, 128)} {
				same(t, "id", s.Principal().Begin(id, ssestore.Stamp{}, nil), ssestore.ErrBadID)
			}
			same(t, "kid", s.Principal().Begin("1", ssestore.Stamp{KeyID: `","x":"`}, nil), ssestore.ErrUnknownKey)
			same(t, "somebody", s.Principal().Identity().ID, "")
		})
	})
}

func TestIDs(t *testing.T) {
	each(t, func(t *testing.T, c codec) {
		store := newStore(t, c, ring(t, 1))
		for _, id := range []string{"1", `a"b\c`, "ünï🚢", strings.Repeat("x", 255), strings.Repeat(`\`, 127), "</script>", "{}"} {
			b := visited(t, store, func(s *ssestore.Session) { login(t, s, id) })
			same(t, "id", b.peek(store, t0).Principal().Identity().ID, id)
		}
	})
}

// TestRestamp keeps session id and times.
func TestRestamp(t *testing.T) {
	each(t, func(t *testing.T, c codec) {
		store := newStore(t, c, ring(t, 1))
		b := loggedIn(t, c, 1)
		before := b.peek(store, t0).Info()
		thief := b.copy()
		out := b.visit(t, store, after(time.Minute), func(s *ssestore.Session) {
			s.Limit(ssestore.WritesNone)
			st, err := s.Principal().Stamp("1", "new hash")
			must(t, err)
			must(t, s.Principal().Restamp(st))
		})
		same(t, "restamped", out.Restamped, true)
		same(t, "private", out.Private, true)
		s := b.peek(store, after(time.Minute))
		same(t, "user", whoami(t, s, "new hash"), "1")
		now := s.Info()
		same(t, "session id", now.LogID, before.LogID)
		same(t, "created", now.Created, before.Created)
		same(t, "renewed", now.Renewed, after(time.Minute))
		same(t, "end", now.Expires, before.Expires)
		same(t, "the other browser", whoami(t, thief.peek(store, after(time.Minute)), "new hash"), "")
		anonymous := store.Load(nil, t0)
		same(t, "nobody", anonymous.Principal().Restamp(ssestore.Stamp{}), ssestore.ErrNobody)
		same(t, "bad kid", s.Principal().Restamp(ssestore.Stamp{KeyID: "x"}), ssestore.ErrUnknownKey)
	})
}

// TestRefuse drops everything for this request, though nothing may be written.
func TestRefuse(t *testing.T) {
	each(t, func(t *testing.T, c codec) {
		store := newStore(t, c, ring(t, 1))
		for _, limit := range []ssestore.Writes{ssestore.WritesAll, ssestore.WritesRenewOnly, ssestore.WritesNone} {
			b := loggedIn(t, c, 1)
			out := b.visit(t, store, t0, func(s *ssestore.Session) {
				s.Limit(limit)
				must(t, note.Set(s, "changed before")) // and is not saved
				refuse(s, cookie.ReasonStampMismatch)
				same(t, "note", note.Get(s), "")
				same(t, "user", s.Principal().Identity().ID, "")
				same(t, "logged in", s.Info().LoggedIn, false)
			})
			same(t, "verdict", out.Refused, cookie.ReasonStampMismatch)
			same(t, "cookie", did(out), map[bool]string{true: "deleted", false: "nothing"}[limit == ssestore.WritesAll])
			same(t, "barrier", lineOf(out, barrierName), "")
		}
		// What comes to nothing afterwards is no reason to delete.
		out := loggedIn(t, c, 1).visit(t, store, t0, func(s *ssestore.Session) {
			s.Limit(ssestore.WritesNone)
			refuse(s, cookie.ReasonBadUserID)
			must(t, note.Set(s, "x"))
			must(t, note.Delete(s))
			same(t, "new", s.Info().New, true)
		})
		silent(t, out)
		// What is set afterwards is a new session.
		b := loggedIn(t, c, 1)
		before := b.peek(store, t0).Info()
		b.visit(t, store, t0, func(s *ssestore.Session) {
			s.Limit(ssestore.WritesNone)
			refuse(s, cookie.ReasonBadUserID)
			must(t, count.Set(s, 7))
		})
		s := b.peek(store, t0)
		same(t, "names", strings.Join(s.Names(), " "), "count")
		same(t, "user", s.Principal().Identity().ID, "")
		same(t, "another session id", s.Info().LogID != before.LogID, true)
		// Nothing of that at a 500, and no deletion.
		b = loggedIn(t, c, 1)
		silent(t, b.visitStatus(t, store, t0, 500, func(s *ssestore.Session) {
			refuse(s, cookie.ReasonBadUserID)
			must(t, count.Set(s, 7))
		}))
	})
}

// TestNote reports and leaves the session alone.
func TestNote(t *testing.T) {
	each(t, func(t *testing.T, c codec) {
		store := newStore(t, c, ring(t, 1))
		out := loggedIn(t, c, 1).visit(t, store, t0, func(s *ssestore.Session) {
			must(t, s.Principal().Note(s.Principal().Identity(), cookie.ReasonStampUnknownKey))
			same(t, "note", note.Get(s), "a")
			same(t, "user", s.Principal().Identity().ID, "1")
		})
		silent(t, out)
		same(t, "verdict", out.Refused, cookie.ReasonStampUnknownKey)
		same(t, "private", out.Private, false)
	})
}

// TestHold: the user store failed. Nothing is written but a logout.
func TestHold(t *testing.T) {
	each(t, func(t *testing.T, c codec) {
		store := newStore(t, c, ring(t, 1))
		rows := []struct {
			name string
			do   func(s *ssestore.Session)
			want string
		}{
			{"alone", func(s *ssestore.Session) {}, "nothing"},
			{"renewal due", func(s *ssestore.Session) { fresh, _ := s.Principal().Stamp("1", hash); confirm(s, fresh) }, "nothing"},
			{"set", func(s *ssestore.Session) { same(t, "Set", note.Set(s, "x"), ssestore.ErrHeld) }, "nothing"},
			{"delete", func(s *ssestore.Session) { same(t, "Delete", note.Delete(s), ssestore.ErrHeld) }, "nothing"},
			{"pop", func(s *ssestore.Session) { v, ok := note.Pop(s); same(t, "Pop", ok && v == "a", true) }, "nothing"},
			{"clear", func(s *ssestore.Session) { same(t, "Clear", s.Clear(), ssestore.ErrHeld) }, "nothing"},
			{"login", func(s *ssestore.Session) {
				same(t, "Begin", s.Principal().Begin("1", ssestore.Stamp{}, nil), ssestore.ErrHeld)
			}, "nothing"},
			{"restamp", func(s *ssestore.Session) {
				same(t, "Restamp", s.Principal().Restamp(ssestore.Stamp{}), ssestore.ErrHeld)
			}, "nothing"},
			{"remember", func(s *ssestore.Session) { same(t, "Remember", s.Remember(true), ssestore.ErrHeld) }, "nothing"},
			{"expire", func(s *ssestore.Session) { same(t, "ExpireAt", s.ExpireAt(t0), ssestore.ErrHeld) }, "nothing"},
			{"logout", func(s *ssestore.Session) { must(t, s.Principal().End()) }, "deleted"},
		}
		for _, status := range []int{200, 503} {
			for _, row := range rows {
				t.Run(fmt.Sprint(row.name, " and ", status), func(t *testing.T) {
					b := loggedIn(t, c, 1)
					before := b[sessionName]
					out := b.visitStatus(t, store, after(29*time.Minute), status, func(s *ssestore.Session) {
						s.Principal().Identity()
						s.Principal().Hold()
						row.do(s)
					})
					same(t, "cookie", did(out), row.want)
					if row.want == "nothing" {
						same(t, "the session", b[sessionName], before)
						same(t, "user afterwards", whoami(t, b.peek(store, after(29*time.Minute)), hash), "1")
					}
				})
			}
		}
		for name, do := range map[string]func(s *ssestore.Session){
			"set before":   func(s *ssestore.Session) { must(t, note.Set(s, "x")); s.Principal().Hold() },
			"clear before": func(s *ssestore.Session) { must(t, s.Clear()); s.Principal().Hold() },
			"login before": func(s *ssestore.Session) { login(t, s, "2"); s.Principal().Hold() },
		} {
			if out := loggedIn(t, c, 1).visit(t, store, t0, do); did(out) != "nothing" {
				t.Errorf("%s: %s", name, did(out))
			}
		}
		out := loggedIn(t, c, 1).visit(t, store, t0, func(s *ssestore.Session) { must(t, s.Principal().End()); s.Principal().Hold() })
		same(t, "logout before", did(out), "deleted")
		out = loggedIn(t, c, 1).visit(t, store, t0, func(s *ssestore.Session) {
			must(t, s.Principal().End())
			must(t, note.Set(s, "x"))
			s.Principal().Hold()
		})
		same(t, "logout and set before", did(out), "deleted")
		// An expired cookie is not deleted either.
		out = loggedIn(t, c, 1).visit(t, store, after(day), func(s *ssestore.Session) { read(s); s.Principal().Hold() })
		silent(t, out)
	})
}

// TestPrivate: once a user was resolved the response is private, also after a
// logout.
func TestPrivate(t *testing.T) {
	each(t, func(t *testing.T, c codec) {
		store := newStore(t, c, ring(t, 1))
		for name, row := range map[string]struct {
			do   func(s *ssestore.Session)
			want bool
		}{
			"untouched": {func(s *ssestore.Session) {}, false},
			"read":      {read, false},
			"identity":  {func(s *ssestore.Session) { s.Principal().Identity() }, false},
			"verified":  {func(s *ssestore.Session) { whoami(t, s, hash) }, true},
			"and refused": {func(s *ssestore.Session) {
				s.Limit(ssestore.WritesNone)
				whoami(t, s, hash)
				refuse(s, cookie.ReasonBadUserID)
			}, true},
			"written": {set(t, "x"), true},
			"logout":  {func(s *ssestore.Session) { must(t, s.Principal().End()) }, true},
		} {
			same(t, name, loggedIn(t, c, 1).visit(t, store, t0, row.do).Private, row.want)
		}
	})
}

// TestF301_Personal: a session that came and was read makes the response personal,
// with or without a user, also if it was ended afterwards.
func TestF301_Personal(t *testing.T) {
	each(t, func(t *testing.T, c codec) {
		store := newStore(t, c, ring(t, 1))
		for name, row := range map[string]struct {
			do   func(s *ssestore.Session)
			want bool
		}{
			"untouched": {func(s *ssestore.Session) {}, false},
			"read":      {read, true},
			"identity":  {func(s *ssestore.Session) { s.Principal().Identity() }, true},
			"read and refused": {func(s *ssestore.Session) {
				s.Limit(ssestore.WritesNone)
				refuse(s, cookie.ReasonBadUserID)
			}, true},
			"read and cleared": {func(s *ssestore.Session) { read(s); must(t, s.Clear()) }, true},
			"read and held":    {func(s *ssestore.Session) { s.Principal().Hold() }, true},
		} {
			same(t, name, loggedIn(t, c, 1).visit(t, store, t0, row.do).Personal, row.want)
			cart := browser{}
			cart.visit(t, store, t0, set(t, "x"))
			if name != "identity" && name != "read and refused" {
				same(t, name+", anonymous", cart.visit(t, store, t0, row.do).Personal, row.want)
			}
		}
		same(t, "nothing came", browser{}.visit(t, store, t0, read).Personal, false)
	})
}

// TestCheck_EveryBit: every single bit of a stamp counts.
func TestCheck_EveryBit(t *testing.T) {
	p := newStore(t, codecs[0], ring(t, 1)).Load(nil, t0).Principal()
	st := stampUnder(t, 1, "1")
	for i := range 8 * len(st.Sum) {
		other := st
		other.Sum[i/8] ^= 1 << (i % 8)
		_, ok, err := p.Check(other, "1", hash)
		must(t, err)
		same(t, fmt.Sprint("bit ", i), ok, false)
	}
}

// TestMemo: one value per request and key; dropped when the user changes.
func TestMemo(t *testing.T) {
	each(t, func(t *testing.T, c codec) {
		type a struct{}
		type b struct{}
		store := newStore(t, c, ring(t, 1))
		s := loggedIn(t, c, 1).peek(store, t0)
		n := 0
		get := func(key any) (v any) {
			s.Principal().Memo(key, func(who ssestore.Identity, known any) any {
				same(t, "who", who, s.Principal().Identity())
				if v = known; v == nil {
					n++
					v = n
				}
				return v
			})
			return v
		}
		same(t, "first", get(a{}), any(1))
		same(t, "again", get(a{}), any(1))
		same(t, "another key", get(b{}), any(2))
		same(t, "a third", get("c"), any(3))
		same(t, "again", get("c"), any(3))
		for name, drop := range map[string]func(){
			"Refuse":  func() { must(t, refuse(s, cookie.ReasonBadUserID)) },
			"Clear":   func() { must(t, s.Clear()) },
			"Begin":   func() { login(t, s, "1") },
			"Restamp": func() { must(t, s.Principal().Restamp(ssestore.Stamp{})) },
			"End":     func() { must(t, s.Principal().End()) },
		} {
			login(t, s, "2")
			get(a{}) // who it is, before the drop
			want := n
			s.Principal().Memo("held", func(ssestore.Identity, any) any {
				drop() // and nobody has to wait for somebody who is at work
				want++
				same(t, name, get(a{}), any(want))
				want++
				same(t, name, get(b{}), any(want))
				same(t, name+": under the key that is held", get("held"), any(want+1))
				return "late"
			})
			same(t, name+": what was worked out before it", get("held"), any(want+1))
			if name != "Begin" && name != "Restamp" {
				same(t, name+": nobody is the zero Identity", s.Principal().Identity(), ssestore.Identity{})
			}
		}
		for _, none := range []*ssestore.Session{nil, {}} {
			for range 2 {
				none.Principal().Memo(a{}, func(who ssestore.Identity, known any) any {
					same(t, "no session: who", who, ssestore.Identity{})
					same(t, "no session: known", known, nil)
					return 1
				})
			}
		}
	})
}

// TestMemo_Turns: one caller at a time works an answer out, and whoever waits finds
// it, also after a panic. In a bubble, a call that nobody lets go on is a failure
// and no hang.
func TestMemo_Turns(t *testing.T) {
	for _, key := range []any{"first", "other"} { // they are kept in different places
		for _, fails := range []bool{false, true} {
			synctest.Test(t, func(t *testing.T) {
				p := newStore(t, codecs[0], ring(t, 1)).Load(nil, t0).Principal()
				p.Memo("first", func(ssestore.Identity, any) any { return nil })
				entered, release := make(chan struct{}), make(chan struct{})
				go func() {
					defer func() { recover() }()
					p.Memo(key, func(ssestore.Identity, any) any {
						close(entered)
						<-release
						if fails {
							panic("the user store")
						}
						return "answer"
					})
				}()
				<-entered
				var found [3]any
				for i := range found {
					go p.Memo(key, func(_ ssestore.Identity, known any) any {
						found[i] = known
						return known
					})
				}
				synctest.Wait()
				same(t, "before the answer", found, [3]any{})
				close(release)
				synctest.Wait()
				want := [3]any{"answer", "answer", "answer"}
				if fails {
					want = [3]any{}
				}
				same(t, fmt.Sprint(key, ", panic ", fails), found, want)
			})
		}
	}
}

// TestMemo_DroppedLetsGo: whoever waits for an answer about a user who is gone stops
// waiting.
func TestMemo_DroppedLetsGo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := loggedIn(t, codecs[0], 1).peek(newStore(t, codecs[0], ring(t, 1)), t0)
		entered, release := make(chan struct{}), make(chan struct{})
		go s.Principal().Memo(1, func(ssestore.Identity, any) any {
			close(entered)
			<-release
			return "of a user who is gone"
		})
		<-entered
		asked := make(chan any)
		go s.Principal().Memo(1, func(who ssestore.Identity, known any) any {
			asked <- who.ID
			return known
		})
		synctest.Wait()
		must(t, s.Principal().End())
		same(t, "who", <-asked, any(""))
		close(release)
		synctest.Wait()
		s.Principal().Memo(1, func(_ ssestore.Identity, known any) any {
			same(t, "known", known, nil)
			return nil
		})
	})
}

// TestF401_VerdictAboutSomebodyElse: what was found out about one user never hits
// another, nor a session of nobody.
func TestF401_VerdictAboutSomebodyElse(t *testing.T) {
	each(t, func(t *testing.T, c codec) {
		store := newStore(t, c, ring(t, 1))
		for name, meanwhile := range map[string]func(s *ssestore.Session){
			"logout":          func(s *ssestore.Session) { must(t, s.Principal().End()) },
			"another user":    func(s *ssestore.Session) { login(t, s, "2") },
			"a login anew":    func(s *ssestore.Session) { login(t, s, "1") },
			"logout and data": func(s *ssestore.Session) { must(t, s.Principal().End()); must(t, note.Set(s, "x")) },
			"a new stamp": func(s *ssestore.Session) {
				st, err := s.Principal().Stamp("1", "changed")
				must(t, err)
				must(t, s.Principal().Restamp(st))
			},
		} {
			b := loggedIn(t, c, 1)
			out := b.visit(t, store, t0, func(s *ssestore.Session) {
				p := s.Principal()
				before := p.Identity()
				same(t, "user", before.ID, "1")
				meanwhile(s)
				now := p.Identity()
				old, err := p.Stamp("1", hash)
				must(t, err)
				same(t, name+": Confirm", p.Confirm(before, old), ssestore.ErrNobody)
				same(t, name+": Refuse", p.Refuse(before, cookie.ReasonStampMismatch), ssestore.ErrNobody)
				same(t, name+": Note", p.Note(before, cookie.ReasonStampUnknownKey), ssestore.ErrNobody)
				same(t, name+": who", p.Identity(), now)
			})
			same(t, name+": verdict", out.Refused, cookie.ReasonNone)
			// The next request can read what was written.
			b.visit(t, store, t0, func(s *ssestore.Session) {
				want := map[string]string{"logout": "", "logout and data": "x"}
				if want, ok := want[name]; ok {
					same(t, name+": data", note.Get(s), want)
				}
			})
		}
		// An identity of another session, even one in which as much has happened.
		one, two := store.Load(nil, t0), store.Load(nil, t0)
		login(t, one, "1")
		login(t, two, "2")
		stranger := one.Principal().Identity()
		same(t, "Confirm a stranger", two.Principal().Confirm(stranger, ssestore.Stamp{}), ssestore.ErrNobody)
		same(t, "Refuse a stranger", two.Principal().Refuse(stranger, cookie.ReasonBadUserID), ssestore.ErrNobody)

		s := store.Load(nil, t0)
		same(t, "Confirm nobody", confirm(s, ssestore.Stamp{KeyID: kid(1)}), ssestore.ErrNobody)
		same(t, "Refuse nobody", refuse(s, cookie.ReasonBadUserID), ssestore.ErrNobody)
	})
}

// Remember belongs to a login in the same request, in whichever order they come.
func TestRemember_AfterLogin(t *testing.T) {
	each(t, func(t *testing.T, c codec) {
		store := newStore(t, c, ring(t, 1))
		b := visited(t, store, func(s *ssestore.Session) {
			login(t, s, "1")
			must(t, s.Remember(true))
		})
		same(t, "end", b.peek(store, t0).Info().Expires, after(30*day))
		// On a session that lives, the end of its login stays.
		b = loggedIn(t, c, 1)
		b.visit(t, store, t0, func(s *ssestore.Session) { must(t, s.Remember(true)) })
		same(t, "end of a live session", b.peek(store, t0).Info().Expires, after(12*time.Hour))
	})
}

// TestChanged: what the handler asked for counts, what nobody asked for does not.
func TestChanged(t *testing.T) {
	each(t, func(t *testing.T, c codec) {
		store := newStore(t, c, ring(t, 1))
		for _, tt := range []struct {
			name string
			b    browser
			do   func(s *ssestore.Session)
			want bool
		}{
			{"nothing", browser{}, func(s *ssestore.Session) {}, false},
			{"read, renewal due", loggedIn(t, c, 1), func(s *ssestore.Session) { whoami(t, s, hash) }, false},
			{"refused", loggedIn(t, c, 1), func(s *ssestore.Session) { whoami(t, s, "changed") }, false},
			{"set", browser{}, set(t, "x"), true},
			{"set the same", loggedIn(t, c, 1), set(t, "a"), false},
			{"set and deleted", browser{}, func(s *ssestore.Session) { set(t, "x")(s); must(t, note.Delete(s)) }, false},
			{"emptied", visited(t, store, set(t, "x")), func(s *ssestore.Session) { must(t, note.Delete(s)) }, true},
			{"login", browser{}, func(s *ssestore.Session) { login(t, s, "1") }, true},
			{"logout", loggedIn(t, c, 1), func(s *ssestore.Session) { must(t, s.Principal().End()) }, true},
			{"logout of nobody", browser{}, func(s *ssestore.Session) { must(t, s.Principal().End()) }, false},
		} {
			s := tt.b.peek(store, after(10*time.Minute))
			tt.do(s)
			same(t, tt.name, s.Changed(), tt.want)
			s.Limit(ssestore.WritesNone)
			out, err := s.Commit(200)
			must(t, err)
			same(t, tt.name+": written", len(out.SetCookie) > 0, tt.want)
			same(t, tt.name+": after Commit", s.Changed(), false)
		}
	})
}

// fmt is kept from a stamp's sum by Format; encoding/json and log/slog's JSON ask
// no Format, so the field itself says that it is not for them.
func TestT1_StampInJSON(t *testing.T) {
	store := newStore(t, codecs[0], ring(t, 1))
	stamp, err := store.Load(nil, t0).Principal().Stamp("ann", "hash")
	if err != nil {
		t.Fatal(err)
	}
	sum, err := json.Marshal(stamp.Sum) // [1,2,…], as it would appear
	if err != nil || stamp.Sum == [32]byte{} {
		t.Fatal(err, stamp)
	}
	plain, err := json.Marshal(stamp)
	if err != nil {
		t.Fatal(err)
	}
	nested, err := json.Marshal(map[string]any{"stamp": &stamp})
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("stamp", "stamp", stamp)
	for what, text := range map[string]string{"json": string(plain), "nested": string(nested), "slog": log.String()} {
		if strings.Contains(text, strings.Trim(string(sum), "[]")) || strings.Contains(text, `"Sum"`) {
			t.Errorf("%s shows the sum: %s", what, text)
		}
		if !strings.Contains(text, kid(1)) {
			t.Errorf("%s does not show the key id: %s", what, text)
		}
	}
}

// TestF506_Become: another user's session without a login, and who is behind it.
func TestF506_Become(t *testing.T) {
	each(t, func(t *testing.T, c codec) {
		store := newStore(t, c, ring(t, 1))
		stamp := func(s *ssestore.Session, id string) ssestore.Stamp {
			st, err := s.Principal().Stamp(id, hash)
			must(t, err)
			return st
		}
		b := visited(t, store, func(s *ssestore.Session) {
			must(t, s.Remember(true))
			must(t, s.ExpireAt(after(20*day)))
			login(t, s, "admin")
			must(t, note.Set(s, "a"))
		})
		before := b.peek(store, after(day)).Info()
		old := b.copy()
		out := b.visit(t, store, after(day), func(s *ssestore.Session) {
			p := s.Principal()
			who := p.Identity()
			actor := &ssestore.Actor{ID: `ad"min <é>`, Stamp: stamp(s, "admin")}
			must(t, p.Become(who, "user", stamp(s, "user"), actor))
			now := p.Identity().Actor
			same(t, "actor at once", now != nil && now.ID == actor.ID, true)
			same(t, "judged before", p.Become(who, "other", ssestore.Stamp{}, nil), ssestore.ErrNobody)
			must(t, s.Remember(true)) // it isn't a login, and doesn't lengthen anything
			must(t, note.Set(s, "b"))
		})
		same(t, "Impersonated", out.Impersonated, true)
		same(t, "Private", out.Private, true)
		same(t, "barrier", lineOf(out, barrierName) != "", true)
		old[barrierName] = b[barrierName]
		same(t, "a late response", old.peek(store, after(day)).Principal().Identity().ID, "")
		s := b.peek(store, after(day))
		who := s.Principal().Identity()
		same(t, "user", who.ID, "user")
		same(t, "stamp", who.Stamp, stamp(s, "user"))
		same(t, "actor", who.Actor.ID, `ad"min <é>`)
		same(t, "shown once", strings.Count(string(b.peek(store, after(day)).Info().Claims), `ad\"min`), 1)
		same(t, "actor's stamp", who.Actor.Stamp, stamp(s, "admin"))
		same(t, "young", who.Young, true)
		now := s.Info()
		same(t, "another id", now.LogID != before.LogID, true)
		same(t, "created", now.Created, before.Created)
		same(t, "login", now.AuthTime, before.AuthTime)
		same(t, "end", now.Expires, before.Expires)
		same(t, "persistent", now.Persistent, true)
		same(t, "renewed", now.Renewed, after(day))
		same(t, "names", strings.Join(s.Names(), " "), "note")
		same(t, "note", note.Get(s), "b")

		// Set and Delete leave the actor alone; a login and Clear don't.
		b.visit(t, store, after(day), func(s *ssestore.Session) { must(t, note.Delete(s)) })
		same(t, "actor", b.peek(store, after(day)).Principal().Identity().Actor.ID, `ad"min <é>`)
		for name, do := range map[string]func(s *ssestore.Session){
			"login that keeps all": func(s *ssestore.Session) { login(t, s, "user") },
			"login that keeps by name": func(s *ssestore.Session) {
				must(t, s.Principal().Begin("user", stamp(s, "user"), func(string) bool { return true }))
			},
			"back": func(s *ssestore.Session) {
				must(t, s.Principal().Become(s.Principal().Identity(), "admin", stamp(s, "admin"), nil))
			},
		} {
			b := b.copy()
			out := b.visit(t, store, after(day), do)
			same(t, name+": Impersonated", out.Impersonated, false)
			same(t, name+": actor", b.peek(store, after(day)).Principal().Identity().Actor == nil, true)
		}
		out = b.copy().visit(t, store, after(day), func(s *ssestore.Session) { must(t, s.Clear()) })
		same(t, "clear: Impersonated", out.Impersonated, false)

		// Errors change nothing.
		s = b.peek(store, after(day))
		p := s.Principal()
		who = p.Identity()
		for name, row := range map[string]struct {
			id    string
			st    ssestore.Stamp
			actor *ssestore.Actor
			want  error
		}{
			"no id":          {"", ssestore.Stamp{}, nil, ssestore.ErrBadID},
			"no id of actor": {"1", ssestore.Stamp{}, &ssestore.Actor{}, ssestore.ErrBadID},
			"kid":            {"1", ssestore.Stamp{KeyID: "x"}, nil, ssestore.ErrUnknownKey},
			"kid of actor":   {"1", ssestore.Stamp{}, &ssestore.Actor{ID: "2", Stamp: ssestore.Stamp{KeyID: "x"}}, ssestore.ErrUnknownKey},
		} {
			same(t, name, p.Become(who, row.id, row.st, row.actor), row.want)
		}
		p.Hold()
		same(t, "held", p.Become(who, "1", ssestore.Stamp{}, nil), ssestore.ErrHeld)
		same(t, "user", p.Identity().ID, "user")
		same(t, "nobody", store.Load(nil, t0).Principal().Become(ssestore.Identity{}, "1", ssestore.Stamp{}, nil), ssestore.ErrNobody)
		small := newStore(t, c, ring(t, 1), func(c *ssestore.Config) { c.Cookie.MaxLine = 1000 })
		s = visited(t, small, func(s *ssestore.Session) { login(t, s, "1") }).peek(small, t0)
		var size *cookie.SizeError
		err := s.Principal().Become(s.Principal().Identity(), strings.Repeat("u", 255), ssestore.Stamp{}, &ssestore.Actor{ID: strings.Repeat("a", 255)})
		same(t, "no room", errors.As(err, &size), true)
	})
}

// TestF506_ActorAsStored: the actor is the first value, in one spelling. A session with
// any other spelling is nobody's.
func TestF506_ActorAsStored(t *testing.T) {
	store := newStore(t, codecs[0], ring(t, 1))
	sealed, err := cookie.JWE(sessionName, "")
	must(t, err)
	for d, want := range map[string]string{
		`{"-act":{"sub":"1"}}`:             "is 1",
		`{"-act":{"sub":"1"},"a":1}`:       "is 1",
		`{"-act":{"sub":"1"}x"a":1}`:       "is ",
		`{"-act":{"sub":"1"} ,"a":1}`:      "is ",
		`{"-act": {"sub":"1"}}`:            "is ",
		`{"-act":{"sub":"\u0031"}}`:        "is ",
		`{"-act":{"sub":"1","stk":"x"}}`:   "is ",
		`{"-act":[{"sub":"1"}]}`:           "is ",
		`{"-acts":{"sub":"1"}}`:            "nobody",
		`{"act":{"sub":"1"}}`:              "nobody",
		`{"a":{"-act":{"sub":"1"}},"b":1}`: "nobody",
	} {
		token, err := sealed.Seal(ring(t, 1), []byte(form{sub: "2", unstamped: true, d: d}.String()))
		must(t, err)
		got := "nobody"
		if a := (browser{sessionName: token}).peek(store, t0).Principal().Identity().Actor; a != nil {
			got = "is " + a.ID
		}
		same(t, d, got, want)
	}
}

// TestF506_DataBesideTheActor: what is stored while somebody is behind the user stays
// with the session when the actor gets a new stamp, and Info shows it.
func TestF506_DataBesideTheActor(t *testing.T) {
	each(t, func(t *testing.T, c codec) {
		stamp := func(s *ssestore.Session, id string) ssestore.Stamp {
			st, err := s.Principal().Stamp(id, hash)
			must(t, err)
			return st
		}
		b := loggedIn(t, c, 1)
		b.visit(t, newStore(t, c, ring(t, 1)), t0, func(s *ssestore.Session) {
			must(t, s.Principal().Become(s.Principal().Identity(), "2", stamp(s, "2"), &ssestore.Actor{ID: "1", Stamp: stamp(s, "1")}))
			must(t, note.Set(s, "mine"))
		})
		rotated := newStore(t, c, ring(t, 2, 1))
		// Confirm changes the stamp of an actor, and only along with the user's.
		for name, other := range map[string]*ssestore.Actor{
			"another actor": {ID: "3", Stamp: stamp(rotated.Load(nil, t0), "3")},
			"another key":   {ID: "1", Stamp: ssestore.Stamp{KeyID: kid(9)}},
			"no stamp":      {ID: "1"},
			"nobody":        nil,
		} {
			kept := b.copy()
			kept.visit(t, rotated, t0, func(s *ssestore.Session) {
				who := s.Principal().Identity()
				who.Actor = other
				must(t, s.Principal().Confirm(who, stamp(s, "2")))
				must(t, note.Set(s, "a"))
			})
			who := kept.peek(rotated, t0).Principal().Identity()
			same(t, name+": user's key", who.Stamp.KeyID, kid(2))
			same(t, name+": actor", who.Actor.ID, "1")
			same(t, name+": actor's key", who.Actor.Stamp.KeyID, kid(1))
		}
		out := b.visit(t, rotated, t0, func(s *ssestore.Session) {
			if i := s.Info(); !strings.Contains(string(i.Claims), "mine") {
				t.Errorf("Info shows %s", i.Claims)
			}
			who := s.Principal().Identity()
			who.Actor = &ssestore.Actor{ID: "1", Stamp: stamp(s, "1")}
			must(t, s.Principal().Confirm(who, stamp(s, "2")))
		})
		same(t, "restamped", out.Restamped, true)
		s := b.peek(rotated, t0)
		same(t, "note", note.Get(s), "mine")
		same(t, "actor", s.Principal().Identity().Actor.Stamp.KeyID, kid(2))
	})
}
