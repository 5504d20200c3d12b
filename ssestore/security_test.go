package ssestore_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"strings"
	"testing"
	"testing/cryptotest"
	"time"

	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/ssestore"
)

// TestC4_OneLine: login, renewal and a flash in one handler are one line for the
// session cookie, whatever the order. (browser.keep checks every response of
// this suite for the same.)
func TestC4_OneLine(t *testing.T) {
	each(t, func(t *testing.T, c codec) {
		store := newStore(t, c, ring(t, 2, 1))
		steps := []func(s *ssestore.Session){
			func(s *ssestore.Session) { login(t, s, "1") },
			func(s *ssestore.Session) { must(t, flash.Set(s, []string{"welcome"})) },
			func(s *ssestore.Session) { whoami(t, s, hash) },
			func(s *ssestore.Session) { must(t, s.Clear()) },
			func(s *ssestore.Session) { must(t, s.Remember(true)) },
			func(s *ssestore.Session) { must(t, s.Principal().End()) },
			func(s *ssestore.Session) { refuse(s, cookie.ReasonBadUserID) },
		}
		for mask := range 2 << len(steps) {
			b := loggedIn(t, c, 1)
			s := b.peek(store, after(10*time.Minute))
			for i := range steps { // forwards and backwards in turn
				if mask%2 == 0 {
					i = len(steps) - 1 - i
				}
				if mask/2>>i&1 == 1 {
					steps[i](s)
				}
			}
			out, err := s.Commit(200)
			must(t, err)
			n := 0
			for _, l := range out.SetCookie {
				if strings.HasPrefix(l, sessionName+"=") {
					n++
				}
			}
			if n > 1 || len(out.SetCookie) > 2 {
				t.Fatalf("steps %b: %q", mask, out.SetCookie)
			}
			b.keep(t, out)
		}
	})
}

// TestR11_PanicWritesNothing: an adapter does not commit after a panic, and what
// is not committed leaves no trace.
func TestR11_PanicWritesNothing(t *testing.T) {
	each(t, func(t *testing.T, c codec) {
		store := newStore(t, c, ring(t, 1))
		b := loggedIn(t, c, 1)
		before := b.copy()
		func() {
			defer func() { recover() }()
			s := b.peek(store, t0)
			must(t, s.Principal().End())
			must(t, note.Set(s, "x"))
			panic("handler")
		}()
		s := b.peek(store, t0)
		same(t, "cookie", b[sessionName], before[sessionName])
		same(t, "user", whoami(t, s, hash), "1")
		same(t, "note", note.Get(s), "a")
	})
}

// forms in which a secret might show.
func forms(secret []byte) []string {
	return []string{
		string(secret), hex.EncodeToString(secret), strings.ToUpper(hex.EncodeToString(secret)),
		base64.StdEncoding.EncodeToString(secret), base64.RawURLEncoding.EncodeToString(secret),
		strings.Trim(fmt.Sprint(secret), "[]"),
	}
}

// TestT1_NothingPrints: sessions and stamps under every verb, nested in exported
// and unexported fields, in slog and json, and in errors.
func TestT1_NothingPrints(t *testing.T) {
	each(t, func(t *testing.T, c codec) {
		const canary = "canary-5f1c9a"
		store := newStore(t, c, ring(t, 1))
		b := visited(t, store, func(s *ssestore.Session) {
			login(t, s, canary+"-id")
			must(t, note.Set(s, canary))
		})
		s := b.peek(store, t0)
		read(s)
		stamp := s.Principal().Identity().Stamp
		secrets := [][]byte{[]byte(canary), stamp.Sum[:8], []byte(b[sessionName][80:100])}
		type open struct{ S any }
		type closed struct {
			s any
			p *ssestore.Session
			t ssestore.Stamp
		}
		zero := ssestore.Stamp{KeyID: stamp.KeyID}
		var out bytes.Buffer
		for _, v := range []any{s, *s, &s, open{s}, open{*s}, closed{s: s}, closed{s: *s}, closed{p: s}, &[]any{s, *s}, &map[string]any{"s": s, "v": *s}, stamp, open{stamp}, store, *store, closed{s: store, t: zero}} {
			for _, verb := range "vsdqxXtTbcoOeEfFgGpU" {
				if verb == 'p' && (v == any(stamp) || v == any(open{stamp})) {
					continue // fmt asks no method for %p, and a Stamp is not a pointer
				}
				for _, flags := range []string{"", "+", "#", " "} {
					fmt.Fprintf(&out, "%"+flags+string(verb)+"\n", v)
				}
			}
			slog.New(slog.NewTextHandler(&out, nil)).Info("m", "v", v)
			slog.New(slog.NewJSONHandler(&out, nil)).Info("m", "v", v)
			j, _ := json.Marshal(v)
			out.Write(j)
		}
		// Errors, and a panic with the session.
		for _, err := range []error{s.Principal().Begin(canary+"\n", ssestore.Stamp{}, nil), s.Adopt(canary), ssestore.NewKey[int](canary+" ").Set(s, 1), note.Set(s, canary+strings.Repeat("x", 5000)), s.Principal().Restamp(ssestore.Stamp{KeyID: canary})} {
			if err == nil {
				t.Error("no error")
			}
			fmt.Fprintf(&out, "%v %+v %#v\n", err, err, err)
		}
		_, _, err := s.Principal().Check(ssestore.Stamp{KeyID: canary}, canary, canary)
		fmt.Fprintf(&out, "%v %+v %#v\n", err, err, err)
		o, _ := s.Commit(200)
		o.SetCookie = nil // the one field that is the cookie itself
		fmt.Fprintf(&out, "%v %+v %#v\n", o, o, o)

		for _, secret := range secrets {
			for _, form := range forms(secret) {
				if i := strings.Index(out.String(), form); i >= 0 {
					t.Errorf("%q in %q", form, out.String()[max(0, i-80):min(out.Len(), i+80)])
				}
			}
		}
		if !strings.Contains(out.String(), "redacted") {
			t.Error("nothing was printed at all")
		}
	})
}

// TestT4_SessionID: what a log may have of it is a keyed hash.
func TestT4_SessionID(t *testing.T) {
	each(t, func(t *testing.T, c codec) {
		store := newStore(t, c, ring(t, 1))
		sealed, err := c.new(sessionName, "")
		must(t, err)
		b := visited(t, store, func(s *ssestore.Session) { login(t, s, "1"); must(t, note.Set(s, "a")) })
		opened, err := sealed.Open(ring(t, 1), b[sessionName])
		must(t, err)
		var v struct{ Sid, Stp string }
		must(t, json.Unmarshal(opened.Plaintext, &v))
		same(t, "sid", len(v.Sid), 22)
		i := b.peek(store, t0).Info()
		if i.LogID == "" || strings.Contains(fmt.Sprintf("%+v %s", i, i.Claims), v.Sid) || strings.Contains(string(i.Claims), v.Stp) {
			t.Errorf("%+v %s", i, i.Claims)
		}
		same(t, "the same in every request", b.peek(store, after(time.Minute)).Info().LogID, i.LogID)
		other := newStore(t, c, ring(t, 2, 1)).Load(b.lines(), t0).Info().LogID
		same(t, "keyed", other != i.LogID, true)
		same(t, "claims", string(i.Claims), `{"sid":"","iat":1700000000,"auth_time":1700000000,"exp":1700043200,"rnw":1700000000,"sub":"1","stk":"`+kid(1)+`","stp":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA","d":{"note":"a"}}`)
		same(t, "bytes", i.Bytes, len(sessionName)+len(b[sessionName]))
	})
}

// TestT6_BadCookies: memory per bad cookie under 16 KB, and none is kept.
func TestT6_BadCookies(t *testing.T) {
	each(t, func(t *testing.T, c codec) {
		store := newStore(t, c, ring(t, 1))
		good := visited(t, store, set(t, strings.Repeat("x", 1500)))[sessionName]
		long := strings.Repeat("A", 8000)
		bad := []string{"", "x", good[:len(good)-1], good + good, strings.Repeat(".", 8000), long, good[:70] + long[:3000], strings.ToUpper(good)}
		n := 0
		var before, end runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		const rounds = 2000
		for range rounds {
			for _, v := range bad {
				s := store.Load([]string{sessionName + "=" + v}, t0)
				if s.Principal().Identity().ID != "" || note.Get(s) != "" {
					t.Fatal("accepted")
				}
				if _, err := s.Commit(200); err != nil {
					t.Fatal(err)
				}
				n++
			}
		}
		runtime.ReadMemStats(&end)
		if per := (end.TotalAlloc - before.TotalAlloc) / uint64(n); per > 16<<10 {
			t.Errorf("%d bytes for a bad cookie", per)
		}
		runtime.GC()
		runtime.ReadMemStats(&end)
		if grown := int64(end.HeapAlloc) - int64(before.HeapAlloc); grown > 1<<20 {
			t.Errorf("the heap grew by %d bytes", grown)
		}
	})
}

// TestNotASession: another cookie of the same application, and the session of
// another one, are no sessions (next-auth CVE-2023-48309).
func TestNotASession(t *testing.T) {
	each(t, func(t *testing.T, c codec) {
		type place struct{ name, audience string }
		// Equal concatenations must differ too (Django CVE-2026-6873).
		places := []place{{"a", ""}, {"ab", ""}, {"a", "b"}, {"b", "a"}, {"ab", "c"}, {"a", "bc"}, {"c", "ab"}, {"__Host-a", ""}}
		store := func(p place) *ssestore.Store {
			return newStore(t, c, ring(t, 1), func(c *ssestore.Config) { c.Cookie.Name, c.Audience = p.name, p.audience })
		}
		for _, from := range places {
			b := browser{}
			b.visit(t, store(from), t0, func(s *ssestore.Session) { login(t, s, "1") })
			for _, to := range places {
				s := browser{to.name: b[from.name]}.peek(store(to), t0)
				same(t, fmt.Sprint(from, " as ", to), s.Principal().Identity().ID, map[bool]string{true: "1"}[from == to])
			}
		}
		// Something else that the same ring sealed under the same codec.
		other, err := c.new("csrf", "")
		must(t, err)
		v, err := other.Seal(ring(t, 1), []byte(`{"sid":"AAECAwQFBgcICQoLDA0ODw","iat":1700000000,"auth_time":1700000000,"exp":1700043200,"rnw":1700000000,"sub":"1"}`))
		must(t, err)
		same(t, "another cookie", browser{"a": v}.peek(store(place{"a", ""}), t0).Principal().Identity().ID, "")
	})
}

// TestS7_4_InnerExpiry: the browser keeps the cookie for ever, and it is over all the
// same (nextjs-auth0 CVE-2025-46344).
func TestS7_4_InnerExpiry(t *testing.T) {
	each(t, func(t *testing.T, c codec) {
		store := newStore(t, c, ring(t, 1))
		for _, persistent := range []bool{false, true} {
			b := visited(t, store, func(s *ssestore.Session) { must(t, s.Remember(persistent)); login(t, s, "1") })
			for _, d := range []time.Duration{31 * day, 365 * day, 36500 * day} {
				same(t, "user", whoami(t, b.peek(store, after(d)), hash), "")
			}
		}
	})
}

// TestFixation: a session id that somebody planted before the login is gone
// after it, and the planted session has no user (Fiber CVE-2024-38513).
func TestFixation(t *testing.T) {
	each(t, func(t *testing.T, c codec) {
		store := newStore(t, c, ring(t, 1))
		attacker := visited(t, store, set(t, "planted"))
		victim := attacker.copy()
		victim.visit(t, store, t0, func(s *ssestore.Session) { login(t, s, "1") })
		same(t, "the attacker's copy", attacker.peek(store, t0).Principal().Identity().ID, "")
		same(t, "ids differ", attacker.peek(store, t0).Info().LogID != victim.peek(store, t0).Info().LogID, true)
	})
}

// TestVary: every path that reads or renews says so (Flask CVE-2023-30861 and
// CVE-2026-27205, Django CVE-2026-35192).
func TestVary(t *testing.T) {
	each(t, func(t *testing.T, c codec) {
		store := newStore(t, c, ring(t, 1))
		for name, do := range map[string]func(s *ssestore.Session){
			"Get": read, "Lookup": func(s *ssestore.Session) { count.Lookup(s) }, "Pop": func(s *ssestore.Session) { count.Pop(s) },
			"Names": func(s *ssestore.Session) { s.Names() }, "Identity": func(s *ssestore.Session) { s.Principal().Identity() }, "Info": func(s *ssestore.Session) { s.Info() },
			"Set": set(t, "a"), "Delete": func(s *ssestore.Session) { count.Delete(s) }, "Clear": func(s *ssestore.Session) { s.Clear() },
			"Logout": func(s *ssestore.Session) { s.Principal().End() }, "Begin": func(s *ssestore.Session) { login(t, s, "1") },
			"Confirm": func(s *ssestore.Session) { confirm(s, ssestore.Stamp{}) }, "Hold": func(s *ssestore.Session) { s.Principal().Hold() },
			"Refuse": func(s *ssestore.Session) { refuse(s, cookie.ReasonBadUserID) }, "Note": func(s *ssestore.Session) { s.Principal().Note(s.Principal().Identity(), cookie.ReasonStampUnknownKey) },
		} {
			for _, status := range []int{200, 304, 500} {
				for _, b := range []browser{{}, visited(t, store, set(t, "a")), {sessionName: "foreign"}} {
					if out := b.visitStatus(t, store, after(10*time.Minute), status, do); !out.Vary {
						t.Errorf("%s, status %d: no Vary", name, status)
					}
				}
			}
		}
	})
}

// TestClonedMachine: two clones whose random source repeats give different users
// and times different session ids. (What a codec does about nonces is its own.)
func TestClonedMachine(t *testing.T) {
	eachWithKids(t, func(t *testing.T, c codec) {
		seen := map[string]string{}
		for _, user := range []string{"1", "2"} {
			for _, now := range []time.Time{t0, t0.Add(1)} {
				cryptotest.SetGlobalRandom(t, 1)
				s := newStore(t, c, ring(t, 1)).Load(nil, now)
				must(t, s.Principal().Begin(user, ssestore.Stamp{}, nil))
				id := s.Info().LogID
				if other, ok := seen[id]; ok {
					t.Errorf("users %s and %s share a session id", other, user)
				}
				seen[id] = user
			}
		}
	})
}

// TestErrors: one set of sentinels, all different.
func TestErrors(t *testing.T) {
	all := []error{ssestore.ErrNoSession, ssestore.ErrCommitted, ssestore.ErrNoTime, ssestore.ErrHeld, cookie.ErrNoPrimary, ssestore.ErrUnknownKey,
		ssestore.ErrBadID, ssestore.ErrMigrate, ssestore.ErrNobody, ssestore.ErrUnconfirmed, ssestore.ErrBadName, ssestore.ErrBadValue}
	for i, a := range all {
		for j, b := range all {
			if errors.Is(a, b) != (i == j) {
				t.Errorf("%v is %v", a, b)
			}
		}
	}
}
