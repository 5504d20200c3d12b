package ssestore_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/internal/vectors"
	"github.com/hardtack-go/hardtack/keyring"
	"github.com/hardtack-go/hardtack/marks"
	"github.com/hardtack-go/hardtack/ssestore"
)

func linkMark(name string) marks.Mark {
	return marks.Mark{Kind: marks.Link, ID: name, Before: t0.Unix() + 60, Until: forever}
}

// linkedTo says which of some names the session that a browser has is linked to.
func linkedTo(t testing.TB, c codec, b browser, names ...string) string {
	t.Helper()
	var found []string
	for _, name := range names {
		set := marks.New(marks.Policy{})
		set.Apply(t0, linkMark(name))
		if got, _ := verdictOf(b, newStore(t, c, ring(t, 2, 1), judged(set)), t0); got == "revoked" {
			found = append(found, name)
		} else if got != "none" {
			t.Errorf("%s: %s", name, got)
		}
	}
	return strings.Join(found, " ")
}

// TestN10_Link: a session is linked to at most two names, each once, and holds neither.
func TestN10_Link(t *testing.T) {
	each(t, func(t *testing.T, c codec) {
		store := newStore(t, c, ring(t, 1))
		longest := strings.Repeat("x", marks.MaxID)
		b := visited(t, store, func(s *ssestore.Session) {
			p := s.Principal()
			if err := p.Link("sid:a"); !errors.Is(err, ssestore.ErrNobody) {
				t.Errorf("nobody: %v", err)
			}
			login(t, s, "1")
			must(t, note.Set(s, "a"))
			must(t, p.Link("sid:a"))
		})
		same(t, "links", linkedTo(t, c, b, "sid:a", longest, "sid:c", ""), "sid:a")
		out := b.visit(t, store, t0, func(s *ssestore.Session) {
			must(t, s.Principal().Link("sid:a")) // again
		})
		same(t, "again", did(out), "nothing")
		out = b.visit(t, store, t0, func(s *ssestore.Session) {
			p := s.Principal()
			for name, bad := range map[string]string{"no name": "", "a long name": longest + "x"} {
				if err := p.Link(bad); !errors.Is(err, ssestore.ErrLinks) {
					t.Errorf("%s: %v", name, err)
				}
			}
			same(t, "changed", s.Changed(), false)
			must(t, p.Link(longest))
			same(t, "changed", s.Changed(), true)
			if err := p.Link("sid:c"); !errors.Is(err, ssestore.ErrLinks) {
				t.Errorf("a third: %v", err)
			}
			must(t, p.Link("sid:a"))
		})
		same(t, "second", did(out), "written")
		same(t, "links", linkedTo(t, c, b, "sid:a", longest, "sid:c", ""), "sid:a "+longest)
		s := b.peek(store, t0)
		same(t, "names", fmt.Sprint(s.Names()), "[note]")
		if i := s.Info(); strings.Contains(string(i.Claims), "sid:a") {
			t.Errorf("the claims have the name: %s", i.Claims)
		}

		// It changes nothing when it can't be written.
		s = b.peek(store, t0)
		_, err := s.Commit(200)
		must(t, err)
		for want, p := range map[error]ssestore.Principal{
			ssestore.ErrCommitted: s.Principal(), ssestore.ErrNoSession: (*ssestore.Session)(nil).Principal(),
			ssestore.ErrNoTime: store.Load(nil, time.Time{}).Principal(),
		} {
			if err := p.Link("sid:d"); !errors.Is(err, want) {
				t.Errorf("%v, want %v", err, want)
			}
		}
		full := visited(t, store, func(s *ssestore.Session) {
			login(t, s, "1")
			room := s.Info().Limit
			for n := room; n > 0; n /= 2 {
				for note.Set(s, note.Get(s)+strings.Repeat("x", n)) == nil {
				}
			}
			var size *cookie.SizeError
			if err := s.Principal().Link("sid:a"); !errors.As(err, &size) {
				t.Errorf("a full session: %v", err)
			}
		})
		same(t, "links", linkedTo(t, c, full, "sid:a"), "")
	})
	// Not within Migrate, before which nobody is logged in.
	store := newStore(t, codecs[0], ring(t, 1), legacyConfig, func(c *ssestore.Config) {
		c.Legacy[0].Migrate = func(s *ssestore.Session, _ []byte) error {
			return errors.Join(s.Adopt("1"), s.Principal().Link("sid:a"))
		}
	})
	out := browser{oldName: oldValue(t0, "x")}.visit(t, store, t0, read)
	if !errors.Is(out.NotMigrated, ssestore.ErrMigrate) {
		t.Errorf("within Migrate: %v", out.NotMigrated)
	}
}

// TestN11_LinksStay: a session keeps its links through all that isn't a login.
func TestN11_LinksStay(t *testing.T) {
	each(t, func(t *testing.T, c codec) {
		store, newer := newStore(t, c, ring(t, 1)), newStore(t, c, ring(t, 2, 1))
		start := func() browser {
			return visited(t, store, func(s *ssestore.Session) {
				login(t, s, "ann")
				must(t, s.Principal().Link("sid:a"))
			})
		}
		who := func(s *ssestore.Session) ssestore.Identity { return s.Principal().Identity() }
		for _, tt := range []struct {
			name string
			want string
			do   func(s *ssestore.Session)
		}{
			{"a value", "sid:a", set(t, "x")},
			{"a value that comes and goes", "sid:a", func(s *ssestore.Session) { must(t, note.Set(s, "x")); must(t, note.Delete(s)); must(t, s.Renew()) }},
			{"reseal and stamp", "sid:a", func(s *ssestore.Session) { whoami(t, s, hash) }},
			{"restamp", "sid:a", restamp(t, "another")},
			{"another link", "sid:a sid:b", func(s *ssestore.Session) { must(t, s.Principal().Link("sid:b")) }},
			{"reissue", "sid:a", func(s *ssestore.Session) {
				whoami(t, s, hash)
				must(t, second(s.Principal().Reissue(who(s))))
			}},
			{"impersonation", "sid:a", func(s *ssestore.Session) {
				must(t, s.Principal().Become(who(s), "bob", ssestore.Stamp{}, &ssestore.Actor{ID: "ann"}))
			}},
			{"its end", "sid:a sid:b", func(s *ssestore.Session) {
				must(t, s.Principal().Become(who(s), "bob", ssestore.Stamp{}, &ssestore.Actor{ID: "ann"}))
				must(t, s.Principal().Link("sid:b"))
				must(t, s.Principal().Become(who(s), "ann", ssestore.Stamp{}, nil))
			}},
			{"login of the same user", "", func(s *ssestore.Session) { must(t, note.Set(s, "x")); login(t, s, "ann") }},
			{"login of another, with links of its own", "sid:b", func(s *ssestore.Session) {
				login(t, s, "bob")
				must(t, s.Principal().Link("sid:b"))
			}},
			{"clear, and a new session", "", func(s *ssestore.Session) { must(t, s.Clear()); must(t, note.Set(s, "x")) }},
		} {
			b := start()
			b.visit(t, newer, after(time.Second), tt.do)
			same(t, tt.name, linkedTo(t, c, b, "sid:a", "sid:b"), tt.want)
		}
		// A link of this very request isn't in what came, and goes all the same.
		b := visited(t, store, func(s *ssestore.Session) { login(t, s, "ann") })
		b.visit(t, store, after(time.Second), func(s *ssestore.Session) {
			must(t, s.Principal().Link("sid:a"))
			login(t, s, "ann")
		})
		same(t, "link and login", linkedTo(t, c, b, "sid:a"), "")
	})
}

// TestN12_UnreadableLinks: a session whose links or actor are in another form isn't judged
// by half: it is malformed for a store with marks, and its cookie stays. A store without
// marks passes over links.
func TestN12_UnreadableLinks(t *testing.T) {
	ring := vectors.Ring(t, vecKey(0), vecKey(1))
	link := encode64(strings.Repeat("a", 16))
	good := `"-lnk":["` + link + `"]`
	var asked int
	judging := newStore(t, codecs[0], ring, judged(judge(func(marks.About) cookie.Reason { asked++; return cookie.ReasonNone })))
	plain := newStore(t, codecs[0], ring)
	now := time.Unix(vecNow, 0)
	for _, tt := range []struct {
		d        string
		readable bool // with marks
		named    bool // without
	}{
		{good, true, true},
		{`"-lnk":["` + link + `","` + link + `"]`, true, true},
		{`"-lnk":["` + link + `","` + encode64(strings.Repeat("b", 16)) + `"],"note":"a"`, true, true},
		{actorData("admin", true) + "," + good, true, true},
		{actorData("admin", false) + `,"note":"a"`, true, true},
		{`"-new":1,"note":"a"`, true, true}, // sorts behind, as each later one must
		{`"-lnk":[]`, false, true},
		{`"-lnk":{}`, false, true},
		{`"-lnk":"` + link + `"`, false, true},
		{`"-lnk":null`, false, true},
		{`"-lnk":[1]`, false, true},
		{`"-lnk":["` + link + `",]`, false, true},
		{`"-lnk":[ "` + link + `"]`, false, true},
		{`"-lnk":["` + link + `" ]`, false, true},
		{`"-lnk":["` + link + `","` + link + `","` + link + `"]`, false, true},
		{`"-lnk":["` + link[:21] + `"]`, false, true},
		{`"-lnk":["` + link + `]]`, false, true},
		{`"-lnk":{"` + link + `"]`, false, true},
		{`"-lnk":['` + link + `"]`, false, true},
		{`"-lnk":["` + link + `":"` + link + `"]`, false, true},
		{`"-lnk":["` + link + `"}`, false, true},
		{`"-lnk":["` + link + `A"]`, false, true},
		{`"-lnk":["` + link[:21] + `B"]`, false, true}, // unused bits
		{`"-lnk":["` + strings.Replace(link, "YW", "+/", 1) + `"]`, false, true},
		{actorData("admin", false) + `,"-lnk":[]`, false, true},
		{`"-act":{"sub":""},` + good, false, true},
		{`"-act":1,` + good, false, true},
		{actorData("admin", false) + `}`, false, true},
		{actorData("admin", false)[:len(actorData("admin", false))-1], false, true}, // a brace is missing
	} {
		claims := form{sub: "42", d: "{" + tt.d + "}"}.String()
		asked = 0
		b := browser{sessionName: sealing{}.seal(claims)}
		out := b.visit(t, judging, now, func(s *ssestore.Session) {
			same(t, tt.d, s.Principal().Identity().ID == "42", tt.readable)
		})
		if tt.readable {
			same(t, tt.d, asked, 1)
			continue
		}
		same(t, tt.d, asked, 0)
		same(t, tt.d, out.Refused, cookie.ReasonMalformed)
		silent(t, out)
		out = b.visit(t, plain, now, func(s *ssestore.Session) {
			same(t, tt.d, s.Principal().Identity().ID == "42", tt.named)
			same(t, tt.d, len(s.Names()), 0)
		})
		same(t, tt.d, out.Refused, cookie.ReasonNone)
		// Links that can't be read stay, and get no neighbour. Data that isn't JSON is none.
		if strings.HasPrefix(tt.d, `"-lnk"`) && json.Valid([]byte("{"+tt.d+"}")) {
			b.visit(t, plain, now, func(s *ssestore.Session) {
				if err := s.Principal().Link("x"); !errors.Is(err, ssestore.ErrLinks) || s.Changed() {
					t.Errorf("%s: %v", tt.d, err)
				}
			})
		}
	}
}

// TestN14_Mark: the mark of a session lasts until the latest end that anything can give
// it. There is none for a session that doesn't exist yet.
func TestN14_Mark(t *testing.T) {
	each(t, func(t *testing.T, c codec) {
		store := newStore(t, c, ring(t, 1))
		for name, s := range map[string]*ssestore.Session{"nil": nil, "new": store.Load(nil, t0), "no time": store.Load(nil, time.Time{})} {
			_, ok := s.Principal().Mark()
			same(t, name, ok, false)
			same(t, name, len(s.Principal().Ended()), 0)
		}
		for _, remember := range []bool{false, true} {
			for name, do := range map[string]func(s *ssestore.Session) (marks.Mark, bool){
				"before Remember": func(s *ssestore.Session) (marks.Mark, bool) {
					login(t, s, "1")
					m, ok := s.Principal().Mark()
					must(t, s.Remember(remember))
					return m, ok
				},
				"after Remember": func(s *ssestore.Session) (marks.Mark, bool) {
					must(t, s.Remember(remember))
					login(t, s, "1")
					must(t, s.ExpireAt(after(time.Minute)))
					return s.Principal().Mark()
				},
			} {
				var m marks.Mark
				b := visited(t, store, func(s *ssestore.Session) {
					var ok bool
					m, ok = do(s)
					same(t, name, ok, true)
				})
				if name == "after Remember" {
					b.visit(t, store, t0, func(s *ssestore.Session) { must(t, s.ExpireAt(time.Time{})) })
				}
				later := markOf(t, store, b, t0)
				same(t, name+": id", m.ID, later.ID)
				same(t, name+": kind", m.Kind, marks.Session)
				ends := b.peek(store, t0).Info().Expires.Unix()
				if m.Until < ends || later.Until < ends {
					t.Errorf("%s, %v: until %d and %d, the session may live until %d", name, remember, m.Until, later.Until, ends)
				}
				set := marks.New(marks.Policy{})
				set.Apply(t0, m)
				expectVerdict(t, name, b, newStore(t, c, ring(t, 1), judged(set)), t0, "revoked")
			}
		}
	})
}

// TestN14_NothingEnded: a session that isn't written any more, for another reason than
// that it ended here, gets no mark.
func TestN14_NothingEnded(t *testing.T) {
	each(t, func(t *testing.T, c codec) {
		store := newStore(t, c, ring(t, 1))
		b := visited(t, store, func(s *ssestore.Session) { login(t, s, "1") })
		other := visited(t, store, func(s *ssestore.Session) { login(t, s, "1") })
		s := b.peek(store, t0)
		must(t, refuse(s, cookie.ReasonStampMismatch))
		same(t, "refused", len(s.Principal().Ended()), 0)
		must(t, s.Principal().End())
		same(t, "refused, and logged out", len(s.Principal().Ended()), 1)
		two := store.Load([]string{sessionName + "=" + b[sessionName] + "; " + sessionName + "=" + other[sessionName]}, t0)
		same(t, "ambiguous", len(two.Principal().Ended()), 0)
		must(t, two.Principal().End())
		same(t, "ambiguous, and logged out", len(two.Principal().Ended()), 2)
	})
}

// TestN15_Reissue: a session that is issued anew outlives the mark that it was issued
// for, keeps everything else, and lives no longer than before.
func TestN15_Reissue(t *testing.T) {
	each(t, func(t *testing.T, c codec) {
		set := marks.New(marks.Policy{})
		store := newStore(t, c, ring(t, 1), judged(set))
		b := visited(t, store, func(s *ssestore.Session) { login(t, s, "1"); must(t, note.Set(s, "a")) })
		before := b.copy()
		now := after(time.Minute)
		b.visit(t, store, now, func(s *ssestore.Session) {
			p := s.Principal()
			if _, err := p.Reissue(p.Identity()); !errors.Is(err, ssestore.ErrUnconfirmed) {
				t.Errorf("nobody has confirmed who: %v", err)
			}
			whoami(t, s, hash)
			issued, err := p.Reissue(p.Identity())
			must(t, err)
			same(t, "issued", issued, now.Unix()+1)
			set.Apply(now, userMark("1", issued))
			same(t, "ended", len(p.Ended()), 1)
		})
		expectVerdict(t, "the copy", before, store, now, "revoked")
		expectVerdict(t, "this session", b, store, now, "none")
		i := b.peek(store, now).Info()
		same(t, "login", i.AuthTime, t0)
		same(t, "created", i.Created, now.Add(time.Second))
		same(t, "expires", i.Expires, after(12*time.Hour))
		same(t, "renewed", i.Renewed, t0)
		same(t, "note", note.Get(b.peek(store, now)), "a")

		// A shorter Absolute counts from the login.
		short := newStore(t, c, ring(t, 1), func(cfg *ssestore.Config) { cfg.Absolute, cfg.Idle = 30*time.Minute, 30*time.Minute })
		same(t, "the last second", alive(b, short, after(30*time.Minute-time.Second)), true)
		same(t, "over", alive(b, short, after(30*time.Minute)), false)

		// However often: never so far ahead that no mark could end it.
		for range 100 {
			b.visit(t, store, now, func(s *ssestore.Session) {
				whoami(t, s, hash)
				issued, err := s.Principal().Reissue(s.Principal().Identity())
				must(t, err)
				set.Apply(now, userMark("1", issued))
			})
			expectVerdict(t, "again", b, store, now, "none")
		}
		same(t, "created", b.peek(store, now).Info().Created, now.Add(time.Minute-time.Second))
		everybody := marks.New(marks.Policy{})
		everybody.Apply(now, marks.Mark{Kind: marks.All, Before: now.Unix() + 1, Until: forever})
		expectVerdict(t, "all have ended", b, newStore(t, c, ring(t, 1), judged(everybody)), now, "revoked")

		// Whoever is there now, and not somebody who was.
		s := b.peek(store, now)
		who := s.Principal().Identity()
		login(t, s, "2")
		if _, err := s.Principal().Reissue(who); !errors.Is(err, ssestore.ErrNobody) {
			t.Errorf("somebody else: %v", err)
		}
		closed := closedRing(t, 1)
		s = b.peek(newStore(t, c, closed), now)
		must(t, confirm(s, ssestore.Stamp{}))
		if _, err := s.Principal().Reissue(s.Principal().Identity()); err != cookie.ErrNoPrimary {
			t.Errorf("no key: %v", err)
		}
	})
}

// closedRing is a ring whose keys may open and not yet seal.
func closedRing(t testing.TB, numbers ...int) *keyring.Keyring {
	t.Helper()
	keys, err := keyring.Parse(strings.ReplaceAll(string(ring(t, numbers...).JWKSet()), `"created"`, `"active":253402300799000,"created"`))
	if err != nil {
		t.Fatal(err)
	}
	return keys
}
