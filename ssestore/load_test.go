package ssestore_test

import (
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/keyring"
	"github.com/hardtack-go/hardtack/ssestore"
)

// TestC9_TwoValues: whatever their order and lines, two values that are valid are
// none, and one that is valid among others is the session.
func TestC9_TwoValues(t *testing.T) {
	each(t, func(t *testing.T, c codec) {
		store := newStore(t, c, ring(t, 1))
		a := visited(t, store, set(t, "a"))[sessionName]
		other := visited(t, store, set(t, "b"))[sessionName]
		unknown := visited(t, newStore(t, c, ring(t, 9)), set(t, "c"))[sessionName]
		old := visited(t, newStore(t, c, ring(t, 1)), func(s *ssestore.Session) {
			must(t, s.ExpireAt(after(time.Second)))
			must(t, note.Set(s, "d"))
		})[sessionName]
		future := browser{}
		future.visit(t, store, after(time.Hour), set(t, "e"))
		bad := a[:len(a)-1] + map[bool]string{true: "A", false: "Q"}[a[len(a)-1] != 'A']

		// Malformed or a bad tag, which rank below expired, where the key is named.
		expiredAndBad := cookie.ReasonExpired
		if !c.kids {
			expiredAndBad = cookie.ReasonForeign
		}
		rows := []struct {
			name   string
			values []string
			note   string
			want   cookie.Reason
		}{
			{"one", []string{a}, "a", cookie.ReasonNone},
			{"one, twice", []string{a, a}, "a", cookie.ReasonNone},
			{"two valid", []string{a, other}, "", cookie.ReasonAmbiguous},
			{"two valid and one more", []string{a, unknown, other}, "", cookie.ReasonAmbiguous},
			{"valid and foreign", []string{a, "x"}, "a", cookie.ReasonNone},
			{"valid and unknown key", []string{a, unknown}, "a", cookie.ReasonNone},
			{"valid and expired", []string{a, old}, "a", cookie.ReasonNone},
			{"valid and tampered", []string{a, bad}, "a", cookie.ReasonNone},
			{"expired and unknown key", []string{old, unknown}, "", cookie.ReasonUnknownKey},
			{"expired and foreign", []string{old, "x"}, "", cookie.ReasonForeign},
			{"expired and future", []string{old, future[sessionName]}, "", cookie.ReasonFuture},
			{"future and unknown key", []string{future[sessionName], unknown}, "", cookie.ReasonUnknownKey},
			{"future and foreign", []string{future[sessionName], "x"}, "", cookie.ReasonFuture},
			{"foreign and unknown key", []string{"x", unknown}, "", cookie.ReasonUnknownKey},
			{"expired and tampered", []string{old, bad}, "", expiredAndBad},
		}
		for _, row := range rows {
			permutations(row.values, func(values []string) {
				for _, joined := range []bool{true, false} {
					var lines []string
					for _, v := range values {
						lines = append(lines, "a=1; "+sessionName+"="+v+"; z=2")
					}
					if joined {
						lines = []string{strings.Join(lines, "; ")}
					}
					s := store.Load(lines, after(2*time.Second))
					if got := note.Get(s); got != row.note {
						t.Errorf("%s: note %q, want %q", row.name, got, row.note)
					}
					out, err := s.Commit(200)
					must(t, err)
					if out.Refused != row.want {
						t.Errorf("%s: %v, want %v", row.name, out.Refused, row.want)
					}
					deletable := row.want == cookie.ReasonExpired
					if got := did(out) == "deleted"; got != deletable {
						t.Errorf("%s: deleted %v", row.name, got)
					}
				}
			})
		}
	})
}

func permutations(v []string, f func([]string)) {
	if len(v) < 2 {
		f(v)
		return
	}
	for i := range v {
		rest := slices.Delete(slices.Clone(v), i, i+1)
		permutations(rest, func(p []string) { f(append([]string{v[i]}, p...)) })
	}
}

// TestC12_TooMany: more candidates than are looked at are ambiguous, in any
// order, and a reason is reported.
func TestC12_TooMany(t *testing.T) {
	each(t, func(t *testing.T, c codec) {
		store := newStore(t, c, ring(t, 1))
		good := sessionName + "=" + visited(t, store, set(t, "a"))[sessionName]
		for _, n := range []int{0, 7, 8, 9, 3001} {
			var pairs []string
			for i := range n {
				pairs = append(pairs, fmt.Sprintf("%s=junk%d", sessionName, i))
			}
			for _, list := range [][]string{append([]string{good}, pairs...), append(pairs, good)} {
				s := store.Load([]string{strings.Join(list, "; ")}, t0)
				read(s)
				wantNote, want := "a", cookie.ReasonNone
				if n >= cookie.MaxCandidates {
					wantNote, want = "", cookie.ReasonAmbiguous
				}
				same(t, fmt.Sprint(n, " others: note"), note.Get(s), wantNote)
				out, _ := s.Commit(200)
				same(t, fmt.Sprint(n, " others: verdict"), out.Refused, want)
				silent(t, out)
			}
		}
		// 3,001 other cookies are no reason to lose ours.
		others := strings.Repeat("x=1; ", 3001)
		same(t, "among 3,001", note.Get(store.Load([]string{others + good}, t0)), "a")
	})
}

// TestComma: a value that a sibling domain set to "1, __Host-session=…" is one
// cookie named x.
func TestComma(t *testing.T) {
	each(t, func(t *testing.T, c codec) {
		store := newStore(t, c, ring(t, 1))
		attacker := visited(t, store, set(t, "attacker"))[sessionName]
		s := store.Load([]string{"x=1, " + sessionName + "=" + attacker + "; y=2"}, t0)
		same(t, "note", note.Get(s), "")
	})
}

// TestRefresh: once per request, on a well-formed unknown key, before the retry.
func TestRefresh(t *testing.T) {
	each(t, func(t *testing.T, c codec) {
		var keys holder
		keys.set(ring(t, 1))
		store := newStore(t, c, &keys)
		old := visited(t, store, set(t, "old"))
		newer := visited(t, newStore(t, c, ring(t, 2)), set(t, "new"))
		newest := visited(t, newStore(t, c, ring(t, 3)), set(t, "newest"))

		s := newer.peek(store, t0)
		same(t, "in vain", note.Get(s), "")
		same(t, "refreshes", keys.refreshes, 1)
		if _, _, err := s.Principal().Check(ssestore.Stamp{KeyID: kid(7)}, "1", hash); err != ssestore.ErrUnknownKey {
			t.Errorf("Check: %v", err)
		}
		same(t, "refreshes of one request", keys.refreshes, 1)

		keys.next = ring(t, 2, 1)
		lines := []string{sessionName + "=" + newest[sessionName] + "; " + sessionName + "=" + newer[sessionName]}
		same(t, "found", note.Get(store.Load(lines, after(50*time.Millisecond))), "new")
		same(t, "refreshes", keys.refreshes, 2)

		// The very value that made it look is tried again, and one before it that
		// was refused under the old ring.
		keys.set(ring(t, 1))
		same(t, "alone", note.Get(newer.peek(store, after(time.Second))), "new")
		keys.set(ring(t, 1))
		keys.next = ring(t, 3, 2, 1)
		s = store.Load([]string{sessionName + "=" + old[sessionName] + "; " + sessionName + "=" + newest[sessionName]}, after(2*time.Second))
		same(t, "two that are valid under the new ring", note.Get(s), "")
		keys.next = ring(t, 2, 1)
		keys.set(keys.next)

		keys.refreshes = 0
		same(t, "known key", note.Get(old.peek(store, t0)), "old")
		same(t, "refreshes", keys.refreshes, 0)
		if c.kids {
			store.Load([]string{sessionName + "=foreign"}, t0)
			same(t, "refreshes after a foreign value", keys.refreshes, 0)
		}
	})
}

// TestRefresh_Stamp: the key of a stamp may be the one that is not there yet.
func TestRefresh_Stamp(t *testing.T) {
	each(t, func(t *testing.T, c codec) {
		b := loggedIn(t, c, 2)
		b.visit(t, newStore(t, c, ring(t, 1, 2)), t0, set(t, "b")) // seal 1, stamp 2
		var keys holder
		keys.set(ring(t, 1))
		keys.next = ring(t, 2, 1)
		store := newStore(t, c, &keys)
		s := b.peek(store, t0)
		same(t, "user", whoami(t, s, hash), "1")
		same(t, "refreshes", keys.refreshes, 1)
		keys.refreshes = 0
		if _, _, err := store.Load(nil, t0).Principal().Check(ssestore.Stamp{KeyID: "bad kid"}, "1", hash); err != ssestore.ErrUnknownKey {
			t.Errorf("Check: %v", err)
		}
		same(t, "refreshes for what is no kid", keys.refreshes, 0)
	})
}

// TestOneSnapshot: what a request started with it ends with, though the ring
// changes meanwhile.
func TestOneSnapshot(t *testing.T) {
	each(t, func(t *testing.T, c codec) {
		var keys holder
		keys.set(ring(t, 1))
		store := newStore(t, c, &keys)
		b := browser{}
		out := b.visit(t, store, t0, func(s *ssestore.Session) {
			login(t, s, "1")
			keys.set(ring(t, 2))
			must(t, note.Set(s, "a"))
		})
		same(t, "kid", out.KeyID, kid(1))
		keys.set(ring(t, 1))
		same(t, "user", whoami(t, b.peek(store, t0), hash), "1")
	})
}

// TestNoKeys: a source without a ring, or without an active key, is anonymous
// and says so when something is to be written.
func TestNoKeys(t *testing.T) {
	each(t, func(t *testing.T, c codec) {
		key := keyring.NewKeyAt(time.Now().Add(time.Hour))
		asleep, err := keyring.New(key)
		must(t, err)
		for name, keys := range map[string]keyring.Source{"closed holder": new(keyring.Holder), "nothing active": asleep} {
			holder, closed := keys.(*keyring.Holder)
			if closed {
				holder.Set(asleep)
			}
			store := newStore(t, c, keys)
			if closed {
				holder.Set(nil)
			}
			b := loggedIn(t, c, 1)
			s := b.peek(store, t0)
			same(t, name, s.Principal().Identity().ID, "")
			if err := s.Principal().Begin("1", ssestore.Stamp{}, nil); err != cookie.ErrNoPrimary {
				t.Errorf("%s: Begin: %v", name, err)
			}
			must(t, note.Set(s, "x"))
			out, err := s.Commit(200)
			if err != cookie.ErrNoPrimary {
				t.Errorf("%s: Commit: %v", name, err)
			}
			silent(t, out)
			same(t, name, out.Vary, true)

			s = b.peek(store, t0)
			must(t, s.Principal().End())
			out, err = s.Commit(200)
			must(t, err)
			same(t, name+": logout", did(out), "deleted")

			// Cleared and set, and then it cannot be sealed: the old one goes.
			s = b.peek(store, t0)
			must(t, s.Clear())
			must(t, note.Set(s, "x"))
			out, err = s.Commit(200)
			same(t, name+": clear and set", err, cookie.ErrNoPrimary)
			same(t, name+": clear and set", did(out), "deleted")
		}
	})
}

// TestC10_NoAuxiliaryCookie: without its companion a session works, and a
// companion alone or in pieces is no trouble.
func TestC10_NoAuxiliaryCookie(t *testing.T) {
	each(t, func(t *testing.T, c codec) {
		store := newStore(t, c, ring(t, 1))
		b := visited(t, store, set(t, "a"))
		ended := b.copy()
		ended.visit(t, store, t0, func(s *ssestore.Session) { must(t, s.Principal().End()) })
		barrier := ended[barrierName]
		for _, v := range []string{"", ".", "......", "x", barrier[:20], barrier + ".", strings.Repeat("a", 4000), strings.Repeat(".", 4000), barrier + barrier, strings.Repeat("9", 39), barrier[:7] + "zzzzzzzzzz" + barrier[17:]} {
			same(t, "alone", note.Get(browser{barrierName: v}.peek(store, t0)), "")
			if v != barrier+"." {
				same(t, "beside "+v, note.Get(browser{barrierName: v, sessionName: b[sessionName]}.peek(store, t0)), "a")
			}
		}
		same(t, "no cookie at all", note.Get(store.Load(nil, t0)), "")
		same(t, "empty line", note.Get(store.Load([]string{""}, t0)), "")
	})
}

// TestNoPlainDecoder: what fails the check is never read another way
// (rack-session CVE-2026-39324).
func TestNoPlainDecoder(t *testing.T) {
	each(t, func(t *testing.T, c codec) {
		store := newStore(t, c, ring(t, 1))
		plain := `{"sid":"AAECAwQFBgcICQoLDA0ODw","iat":1700000000,"auth_time":1700000000,"exp":1700043200,"rnw":1700000000,"sub":"1"}`
		for _, v := range []string{plain, encode64(plain), "." + encode64(plain) + ".", "eyJhbGciOiJub25lIn0." + encode64(plain) + ".", "eyJhbGciOiJub25lIn0...." + encode64(plain)} {
			same(t, v, store.Load([]string{sessionName + "=" + v}, t0).Principal().Identity().ID, "")
		}
	})
}

// TestCodecsCannotBeMixed: a value of one format is nothing to another, though
// ring, name and audience are the same.
func TestCodecsCannotBeMixed(t *testing.T) {
	each(t, func(t *testing.T, c codec) {
		b := visited(t, newStore(t, c, ring(t, 1)), set(t, "a"))
		for _, other := range codecs {
			want := ""
			if c.kids && other.kids { // jose seals the very format of jwe
				want = "a"
			} else if c.name == other.name {
				want = "a"
			}
			same(t, c.name+" read by "+other.name, note.Get(b.peek(newStore(t, other, ring(t, 1)), t0)), want)
		}
	})
}

// TestClaimsAreJudged: a value that is authentic and whose claims are not what
// this library writes is malformed. It isn't deleted (F411); one that is over is.
func TestClaimsAreJudged(t *testing.T) {
	const sid = `{"sid":"AAECAwQFBgcICQoLDA0ODw"`
	each(t, func(t *testing.T, c codec) {
		sealed, err := c.new(sessionName, "")
		must(t, err)
		store := newStore(t, c, ring(t, 1))
		for _, row := range []struct {
			claims string
			note   string
			want   cookie.Reason
		}{
			{sid + `,"iat":1700000000,"exp":1700043200,"rnw":1700000000,"d":{"note":"a"}}`, "a", cookie.ReasonNone},
			{sid + `,"iat":1700000000,"exp":1700043200,"rnw":1700000000,"d":{"note":"a"}} `, "", cookie.ReasonMalformed},
			{sid + `,"iat":1700000000,"EXP":1700043200,"rnw":1700000000,"d":{"note":"a"}}`, "", cookie.ReasonMalformed},
			{`{"note":"a"}`, "", cookie.ReasonMalformed},
			{`null`, "", cookie.ReasonMalformed},
			{sid + `,"iat":1700000000,"exp":1700000000,"rnw":1700000000,"d":{"note":"a"}}`, "", cookie.ReasonExpired},
			{sid + `,"iat":1700000061,"exp":1700043200,"rnw":1700000000,"d":{"note":"a"}}`, "", cookie.ReasonFuture},
			{sid + `,"iat":1700000000,"exp":1700043200,"rnw":1700000061,"d":{"note":"a"}}`, "", cookie.ReasonFuture},
			{sid + `,"iat":1700000000,"auth_time":1700000061,"exp":1700043200,"rnw":1700000000,"sub":"1","d":{"note":"a"}}`, "", cookie.ReasonFuture},
			{sid + `,"iat":1700000000,"exp":1800000000,"rnw":1700000000,"end":1700000000,"d":{"note":"a"}}`, "", cookie.ReasonExpired},
			{sid + `,"iat":1600000000,"exp":1800000000,"rnw":1700000000,"d":{"note":"a"}}`, "", cookie.ReasonExpired},
		} {
			v, err := sealed.Seal(ring(t, 1), []byte(row.claims))
			must(t, err)
			b := browser{sessionName: v}
			same(t, row.claims, note.Get(b.peek(store, t0)), row.note)
			out := b.visit(t, store, t0, read)
			same(t, row.claims, out.Refused, row.want)
			same(t, row.claims, did(out), map[bool]string{true: "deleted", false: "nothing"}[row.want == cookie.ReasonExpired])
		}

		// Only the data is wrong: it reads as empty, is reported, and stays until
		// something is set.
		v, err := sealed.Seal(ring(t, 1), []byte(sid+`,"iat":1700000000,"exp":1700043200,"rnw":1700000000,"d":{"note":"a","note":"b"}}`))
		must(t, err)
		b := browser{sessionName: v}
		out := b.visit(t, store, t0, read)
		same(t, "unreadable", strings.Join(out.Unreadable, " "), "d")
		silent(t, out)
		out = b.visit(t, store, after(6*time.Minute), func(s *ssestore.Session) { same(t, "note", note.Get(s), "") })
		same(t, "renewal", did(out), "written")
		same(t, "it is still there", strings.Join(b.visit(t, store, after(6*time.Minute), read).Unreadable, " "), "d")
		other := b.copy()
		other.visit(t, store, after(6*time.Minute), func(s *ssestore.Session) {
			must(t, s.Principal().Begin("2", ssestore.Stamp{}, func(string) bool { return true }))
		})
		same(t, "not the next user's", len(other.visit(t, store, after(6*time.Minute), read).Unreadable), 0)
		b.visit(t, store, after(6*time.Minute), set(t, "c"))
		same(t, "note", note.Get(b.peek(store, after(6*time.Minute))), "c")
	})
}

// TestSessionIDs: two sessions of one user that begin at the same moment have
// ids of their own.
func TestSessionIDs(t *testing.T) {
	each(t, func(t *testing.T, c codec) {
		store := newStore(t, c, ring(t, 1))
		seen := map[string]bool{}
		for range 100 {
			b := visited(t, store, func(s *ssestore.Session) { login(t, s, "1") })
			id := b.peek(store, t0).Info().LogID
			if id == "" || seen[id] {
				t.Fatalf("session id %q twice", id)
			}
			seen[id] = true
		}
	})
}

// TestBarrier_NewerKey: the logout was at an instance that already seals under a
// new key. One that does not have it yet looks for it, as it does for a session,
// before it believes a session that a late response brought back.
func TestBarrier_NewerKey(t *testing.T) {
	each(t, func(t *testing.T, c codec) {
		b := loggedIn(t, c, 1)
		ended := b[sessionName]
		newer := newStore(t, c, ring(t, 2, 1))
		b.visit(t, newer, t0, func(s *ssestore.Session) { must(t, s.Principal().End()) })
		b[sessionName] = ended

		keys := &holder{next: ring(t, 2, 1)}
		keys.set(ring(t, 1))
		store := newStore(t, c, keys)
		s := b.peek(store, t0)
		same(t, "user", s.Principal().Identity().ID, "")
		out, _ := s.Commit(200)
		same(t, "verdict", out.Refused, cookie.ReasonEnded)
		same(t, "refreshes", keys.refreshes, 1)

		// An entry of a key that is gone for good costs one look a request, and
		// ends nothing.
		b = loggedIn(t, c, 1)
		b[barrierName] = kid(9) + "1800000000" + "AAAAAAAAAAAAAAAAAAAAAA"
		keys = &holder{}
		keys.set(ring(t, 1))
		same(t, "user", b.peek(newStore(t, c, keys), t0).Principal().Identity().ID, "1")
		same(t, "refreshes", keys.refreshes, 1)
		// One that is over costs nothing.
		b[barrierName] = kid(9) + "1600000000" + "AAAAAAAAAAAAAAAAAAAAAA"
		same(t, "user", b.peek(newStore(t, c, keys), t0).Principal().Identity().ID, "1")
		same(t, "refreshes", keys.refreshes, 1)
	})
}

// lost is a source that finds nothing when it is asked again.
type lost struct{ holder }

func (l *lost) Refresh(time.Time) *keyring.Keyring { return nil }

// TestRefresh_Nothing: a source that fails takes nothing away from the request.
func TestRefresh_Nothing(t *testing.T) {
	eachWithKids(t, func(t *testing.T, c codec) {
		var keys lost
		keys.set(ring(t, 1))
		store := newStore(t, c, &keys)
		unknown := visited(t, newStore(t, c, ring(t, 2)), set(t, "x"))[sessionName]
		known := visited(t, store, set(t, "mine"))[sessionName]
		s := store.Load([]string{sessionName + "=" + unknown + "; " + sessionName + "=" + known}, t0)
		same(t, "note", note.Get(s), "mine")
		must(t, note.Set(s, "still mine"))
		out, err := s.Commit(200)
		must(t, err)
		same(t, "session", did(out), "written")
	})
}

// TestRefresh_EndsEachSessionOnce: what was found under the ring before counts no
// more, so a logout names each session once.
func TestRefresh_EndsEachSessionOnce(t *testing.T) {
	eachWithKids(t, func(t *testing.T, c codec) {
		keys := &holder{next: ring(t, 2, 1)}
		keys.set(ring(t, 1))
		one, two := loggedIn(t, c, 1)[sessionName], loggedIn(t, c, 1)[sessionName]
		three := visited(t, newStore(t, c, ring(t, 2)), set(t, "x"))[sessionName]
		s := newStore(t, c, keys).Load([]string{sessionName + "=" + one + "; " + sessionName + "=" + two + "; " + sessionName + "=" + three}, t0)
		must(t, s.Principal().End())
		out, err := s.Commit(200)
		must(t, err)
		b := browser{}
		b.keep(t, out)
		same(t, "entries", strings.Count(b[barrierName], ".")+1, 3)
	})
}

// TestRefresh_ForgetsWhatTheOldRingOpened: of two values the first opens, the
// second names a new key, and the ring that has it lacks the key of the first.
// Nothing of the first is left.
func TestRefresh_ForgetsWhatTheOldRingOpened(t *testing.T) {
	eachWithKids(t, func(t *testing.T, c codec) {
		old, unknown := loggedIn(t, c, 1)[sessionName], browser{}
		unknown.visit(t, newStore(t, c, ring(t, 3)), t0, set(t, "x"))
		keys := &holder{next: ring(t, 2)}
		keys.set(ring(t, 1))
		s := newStore(t, c, keys).Load([]string{sessionName + "=" + old + "; " + sessionName + "=" + unknown[sessionName]}, t0)
		same(t, "user", s.Principal().Identity().ID, "")
		same(t, "key", s.Info().KeyID, "")
		same(t, "data", len(s.Names()), 0)
		out, _ := s.Commit(200)
		same(t, "verdict", out.Refused, cookie.ReasonUnknownKey)
		silent(t, out)
	})
}

var update = flag.Bool("update", false, "write testdata anew")

// newer is a cookie that a newer version of this library might write.
type newer struct {
	Comment string `json:"comment"`
	Claims  string `json:"claims"`
	Token   string `json:"token"`
	Refused string `json:"refused"`
	Deleted bool   `json:"deleted"`
}

// TestF411_ClaimsOfANewerVersion: in a rolling deployment, the older instances don't
// log out the users of the newer ones. testdata/newer.json is published.
func TestF411_ClaimsOfANewerVersion(t *testing.T) {
	const file = "testdata/newer.json"
	type page struct {
		About   string  `json:"about"`
		Key     string  `json:"root_hex"`
		Kid     string  `json:"kid"`
		Name    string  `json:"name"`
		Now     int64   `json:"now"`
		Vectors []newer `json:"vectors"`
	}
	keys := ring(t, 1)
	sealed, err := cookie.JWE(sessionName, "")
	must(t, err)
	if *update {
		p := page{
			About: "Cookies that a newer version might write, at the time now, and what version 1 does with them: it refuses them as malformed, and never deletes them.",
			Key:   hex.EncodeToString([]byte(strings.Repeat("b", 32))), Kid: kid(1), Name: sessionName, Now: t0.Unix(),
		}
		const head, mid, tail = `{"sid":"AAECAwQFBgcICQoLDA0ODw","iat":1700000000,"auth_time":1700000000,"exp":1700043200,"rnw":1700000000`, `,"sub":"42"`, `,"d":{"note":"a"}}`
		for _, row := range [][2]string{
			{"one claim more, after rnw", head + `,"vat":1` + mid + tail},
			{"one claim more, after sub", head + mid + `,"lnk":["AAAA"]` + tail},
			{"one claim more, at the end", head + mid + `,"d":{"note":"a"},"v":2}`},
			{"a claim of another type", head + `,"per":1` + mid + tail},
			{"a longer user id", head + `,"sub":"` + strings.Repeat("u", 256) + `"` + tail},
			{"no claim that version 1 knows", `{"v":2}`},
		} {
			token, err := sealed.Seal(keys, []byte(row[1]))
			must(t, err)
			p.Vectors = append(p.Vectors, newer{row[0], row[1], token, "malformed", false})
		}
		b, err := json.MarshalIndent(p, "", "  ")
		must(t, err)
		must(t, os.WriteFile(file, append(b, '\n'), 0o644))
	}
	b, err := os.ReadFile(file)
	must(t, err)
	var p page
	must(t, json.Unmarshal(b, &p))
	store := newStore(t, codecs[0], keys)
	if len(p.Vectors) < 6 || p.Kid != kid(1) || p.Now != t0.Unix() {
		t.Fatal("the file has another form")
	}
	for _, v := range p.Vectors {
		o, err := sealed.Open(keys, v.Token)
		must(t, err)
		same(t, v.Comment+": claims", string(o.Plaintext), v.Claims)
		b := browser{sessionName: v.Token}
		out := b.visit(t, store, t0, func(s *ssestore.Session) {
			same(t, v.Comment+": user", s.Principal().Identity().ID, "")
			same(t, v.Comment+": new", s.Info().New, true)
		})
		same(t, v.Comment+": verdict", out.Refused.String(), v.Refused)
		same(t, v.Comment+": cookie", did(out) == "deleted", v.Deleted)
		// What another program put there hides nothing, in either order.
		for _, line := range []string{"foreign; " + sessionName + "=" + v.Token, v.Token + "; " + sessionName + "=foreign"} {
			s := store.Load([]string{sessionName + "=" + line}, t0)
			read(s)
			same(t, v.Comment+": verdict beside a foreign value", s.Principal().Refused(), cookie.ReasonMalformed)
		}
		// A deletion would take both.
		lines := []string{sessionName + "=" + v.Token + "; " + sessionName + "=" + v.Token[:len(v.Token)-1]}
		s := store.Load(lines, t0)
		read(s)
		out, err = s.Commit(200)
		must(t, err)
		silent(t, out)
		// What the handler asks for happens all the same.
		same(t, v.Comment+": login", did(b.copy().visit(t, store, t0, func(s *ssestore.Session) { login(t, s, "1") })), "written")
		same(t, v.Comment+": logout", did(b.visit(t, store, t0, func(s *ssestore.Session) { must(t, s.Principal().End()) })), "deleted")
	}
}
