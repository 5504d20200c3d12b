package rig_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hardtack-go/hardtack/auth"
	"github.com/hardtack-go/hardtack/keyring"
	"github.com/hardtack-go/hardtack/middleware"
	"github.com/hardtack-go/hardtack/signin"
	"github.com/hardtack-go/hardtack/signin/internal/rig"
	"github.com/hardtack-go/hardtack/signin/passkey"
	"github.com/hardtack-go/hardtack/signin/passlink"
	"github.com/hardtack-go/hardtack/signin/password"
)

// TestD12_EveryWay: whichever way somebody comes, the desk decides, and the session knows
// the way, the choice to be remembered and the next page.
func TestD12_EveryWay(t *testing.T) {
	for _, w := range ways {
		t.Run(w.name, func(t *testing.T) {
			s := newSite(t, rig.Options{})
			u := s.user(adasAddress, adasWord, true)
			b := s.Browser(t)
			res := w.start(s, b, u, "/members?x=1")(b)
			if to := next(res); to != "/members?x=1" {
				t.Errorf("%d, and then %q: %s", res.StatusCode, to, res.Body)
			}
			if who := b.Who(); who != "1 by "+w.how {
				t.Errorf("in is %s", who)
			}
			cookies := strings.Join(res.Header["Set-Cookie"], "\n")
			if !regexp.MustCompile(`__Host-session=[^\n]*Max-Age=`).MatchString(cookies) {
				t.Errorf("not remembered: %s", cookies)
			}
			for _, line := range res.Header["Set-Cookie"] {
				if !strings.HasPrefix(line, "__Host-session") && len(line) > 150 {
					t.Errorf("a cookie of %d bytes: %s", len(line), line)
				}
			}
		})
	}
}

// TestD12_NextToTheLetter: a path with two slashes, as of a page that shows another one,
// isn't that with one.
func TestD12_NextToTheLetter(t *testing.T) {
	const page = "/show/https://example.org/../x?y=//z"
	for _, w := range ways {
		t.Run(w.name, func(t *testing.T) {
			s := newSite(t, rig.Options{})
			b := s.Browser(t)
			if to := next(w.start(s, b, s.user(adasAddress, adasWord, true), page)(b)); to != page {
				t.Errorf("on to %q", to)
			}
		})
	}
}

// TestD27_PathsBehindAProxy: the ways are where the browser sees them, although something
// in front of them takes a part of the path away.
func TestD27_PathsBehindAProxy(t *testing.T) {
	s := newSite(t, rig.Options{})
	u := s.user(adasAddress, adasWord, true)
	links, err1 := passlink.New(s.Desk, passlink.Config[*rig.User]{
		Path: "/app/in/links/", Users: s.Users, Email: func(u *rig.User) string { return u.Email }, Bound: (*rig.User).LinkFields,
	})
	passwords, err2 := password.New(s.Desk, password.Config[*rig.User]{
		Path: "/app/in/words/", Users: s.Users, Hasher: s.hasher,
		Account: func(u *rig.User) password.Account {
			return password.Account{Email: u.Email, Hash: u.Hash, Proven: true}
		},
	})
	passkeys, err3 := passkey.New(s.Desk, passkey.Config[*rig.User]{
		Path: "/app/in/keys/", Users: rig.PasskeyStore{Table: s.Users}, Account: func(u *rig.User) string { return u.Email },
	})
	if err := errors.Join(err1, err2, err3); err != nil {
		t.Fatal(err)
	}
	inner := http.NewServeMux()
	inner.Handle("/in/links/", links)
	inner.Handle("/in/words/", passwords)
	inner.Handle("/in/keys/", http.StripPrefix("/in/keys", passkeys))
	s.Mux.Handle("/app/", http.StripPrefix("/app", inner))

	b := s.Browser(t)
	b.Post("/app/in/links/", url.Values{"email": {u.Email}})
	link, _ := s.mail()
	page := b.Get(link)
	b.Post("/app/in/links/enter", url.Values{"token": {page.Field("token")}})
	if who := b.Who(); who != "1 by link" || !strings.Contains(page.Body, `action="/app/in/links/enter"`) {
		t.Errorf("by %s, in is %s: %s", link, who, page.Body)
	}
	b.Post("/app/in/words/forgotten", url.Values{"email": {u.Email}})
	link, _ = s.mail()
	to := b.Get(link).Location()
	b.Post(to, url.Values{"password": {evesWord}})
	b.Post("/app/in/words/login", url.Values{"email": {u.Email}, "password": {evesWord}})
	if who := b.Who(); who != "1 by password" || to != "/app/in/words/reset" {
		t.Errorf("by %s and %s, in is %s", link, to, who)
	}
	if res := b.PostJSON("/app/in/keys/add", []byte("{}")); res.StatusCode != http.StatusOK {
		t.Errorf("%d: %s", res.StatusCode, res.Body)
	}
}

// silent is a user store that has no word for a user who isn't there.
type silent struct{ rig.PasskeyStore }

func (s silent) ByEmail(ctx context.Context, email string) (*rig.User, error) {
	return said(s.PasskeyStore.ByEmail(ctx, email))
}

func (s silent) ByID(ctx context.Context, id string) (*rig.User, error) {
	return said(s.PasskeyStore.ByID(ctx, id))
}

func (s silent) ByPasskey(ctx context.Context, id string) (*rig.User, passkey.Passkey, error) {
	u, p, err := s.PasskeyStore.ByPasskey(ctx, id)
	u, err = said(u, err)
	return u, p, err
}

func said(u *rig.User, err error) (*rig.User, error) {
	if errors.Is(err, auth.ErrNoUser) {
		return nil, nil
	}
	return u, err
}

func TestD28_NilUser(t *testing.T) {
	s := newSite(t, rig.Options{})
	users := silent{rig.PasskeyStore{Table: s.Users}}
	somebody := func(u *rig.User) *rig.User {
		if u == nil {
			t.Error("a function of the application got a nil user")
			u = new(rig.User)
		}
		return u
	}
	links, err1 := passlink.New(s.Desk, passlink.Config[*rig.User]{
		Path: "/x/links/", Users: users, Email: func(u *rig.User) string { return somebody(u).Email }, Bound: func(u *rig.User) []string { return somebody(u).LinkFields() },
	})
	passwords, err2 := password.New(s.Desk, password.Config[*rig.User]{
		Path: "/x/words/", Users: users, Hasher: s.hasher, Create: s.Users.SignUp,
		Account: func(u *rig.User) password.Account {
			u = somebody(u)
			return password.Account{Email: u.Email, Hash: u.Hash, Proven: true}
		},
	})
	passkeys, err3 := passkey.New(s.Desk, passkey.Config[*rig.User]{
		Path: "/x/keys/", Users: users, Account: func(u *rig.User) string { return u.Email },
	})
	if err := errors.Join(err1, err2, err3); err != nil {
		t.Fatal(err)
	}
	s.Mux.Handle("/x/links/", links)
	s.Mux.Handle("/x/words/", passwords)
	s.Mux.Handle("/x/keys/", passkeys)
	expect := func(what string, res *rig.Answer, status int) {
		t.Helper()
		if res.StatusCode != status {
			t.Errorf("%s: %d, want %d: %s", what, res.StatusCode, status, res.Body)
		}
	}
	b := s.Browser(t)
	email := url.Values{"email": {adasAddress}}
	expect("a login", b.Post("/x/words/login", url.Values{"email": {adasAddress}, "password": {adasWord}}), 422)
	expect("a reset", b.Post("/x/words/forgotten", email), 200)
	expect("a link", b.Post("/x/links/", email), 200)
	q := rig.Ask(s.t, b, "ask")
	expect("a passkey", b.PostJSON("/x/keys/asked", answer(q, rig.NewDevice().Assert(t, q), false)), 404)
	b.Post("/x/words/signup", email)
	link, _ := s.mail()
	to := b.Get(link).Location()
	expect("a sign-up", b.Post(to, url.Values{"password": {adasWord}}), 303)
	if who := b.Who(); who != "1 by password" {
		t.Errorf("in is %s", who)
	}
	// Then the user goes, while links are on their way.
	for path, refused := range map[string]int{"/x/links/": 400, "/x/words/forgotten": 400} {
		b.Post(path, email)
		link, _ := s.mail()
		u := s.Users.Get("1")
		s.Users.Delete("1")
		expect(path, b.Get(link), refused)
		s.Users.Add(*u)
	}
}

func TestD12_EnterHookOfEveryWay(t *testing.T) {
	for _, w := range ways {
		for name, hook := range map[string]struct {
			answer func(w http.ResponseWriter) error
			status int
		}{
			"refuses":       {func(http.ResponseWriter) error { return auth.Forbidden("This account is closed.") }, 403},
			"answers":       {func(w http.ResponseWriter) error { w.WriteHeader(418); return signin.ErrAnswered }, 418},
			"is down":       {func(http.ResponseWriter) error { return errors.New("a secret name") }, 503},
			"forgets to do": {func(http.ResponseWriter) error { return nil }, 500},
		} {
			t.Run(w.name+" "+name, func(t *testing.T) {
				var entries []signin.Entry[*rig.User]
				var on bool
				var desk *signin.Desk[*rig.User]
				s := newSite(t, rig.Options{Desk: func(c *signin.Config[*rig.User]) {
					c.Enter = func(w http.ResponseWriter, r *http.Request, e signin.Entry[*rig.User]) error {
						if !on {
							return desk.Login(r, e)
						}
						entries = append(entries, e)
						return hook.answer(w)
					}
				}})
				desk = s.Desk
				b := s.Browser(t)
				finish := w.start(s, b, s.user(adasAddress, adasWord, true), "/members")
				on = true
				res := finish(b)
				if res.StatusCode != hook.status || strings.Contains(res.Body, "secret") {
					t.Errorf("%d: %s", res.StatusCode, res.Body)
				}
				if hook.status == 403 && !strings.Contains(res.Body, "This account is closed.") {
					t.Errorf("the page doesn't say why: %s", res.Body)
				}
				if who := b.Who(); who != "nobody" {
					t.Errorf("in is %s", who)
				}
				if len(entries) != 1 || entries[0].User.ID != "1" || string(entries[0].How) != w.how || entries[0].Next != "/members" || !entries[0].Remember {
					t.Errorf("the hook got %+v", entries)
				}
			})
		}
	}
}

// TestD19_FirstComerIsOut: Eve opens an account with Ada's address and settles in it, by
// each way, or begins to. Then Ada proves the address, by each kind of mail. Eve is out.
func TestD19_FirstComerIsOut(t *testing.T) {
	proofs := map[string]func(s *site, ada *rig.Browser){
		"link": func(s *site, ada *rig.Browser) {
			ada.Post("/passlink/", url.Values{"email": {adasAddress}})
			link, _ := s.mail()
			_, token, _ := strings.Cut(link, "token=")
			ada.Post("/passlink/enter", url.Values{"token": {token}})
		},
		"code": func(s *site, ada *rig.Browser) {
			res := ada.Post("/passlink/", url.Values{"email": {adasAddress}})
			_, code := s.mail()
			ada.Post("/passlink/enter", url.Values{"pending": {res.Field("pending")}, "code": {code}})
		},
		"reset": func(s *site, ada *rig.Browser) {
			ada.Post("/password/forgotten", url.Values{"email": {adasAddress}})
			link, _ := s.mail()
			page := ada.Get(link).Location()
			ada.Post(page, url.Values{"password": {adasWord}})
			s.by(ada, adasAddress, adasWord)
		},
	}
	// Each returns what Eve does when Ada is done, in one of her browsers.
	settle := map[string]func(s *site, eve *rig.Browser) func(eve *rig.Browser){
		"a session": func(*site, *rig.Browser) func(*rig.Browser) {
			return func(*rig.Browser) {}
		},
		"a password": func(*site, *rig.Browser) func(*rig.Browser) {
			return func(eve *rig.Browser) {
				eve.Post("/password/login", url.Values{"email": {adasAddress}, "password": {evesWord}})
			}
		},
		"a change of password": func(_ *site, eve *rig.Browser) func(*rig.Browser) {
			eve.Get("/password/change")
			return func(eve *rig.Browser) {
				eve.Post("/password/change", url.Values{"current": {evesWord}, "password": {evesWord + "!"}})
				eve.Post("/password/login", url.Values{"email": {adasAddress}, "password": {evesWord + "!"}})
			}
		},
		"a passkey": func(s *site, eve *rig.Browser) func(*rig.Browser) {
			d := rig.NewDevice()
			s.addPasskey(eve, d)
			return func(eve *rig.Browser) {
				q := rig.Ask(s.t, eve, "ask")
				eve.PostJSON("/passkey/asked", answer(q, d.Assert(s.t, q), false))
			}
		},
		"the beginning of a passkey": func(s *site, eve *rig.Browser) func(*rig.Browser) {
			d := rig.NewDevice()
			add := rig.Ask(s.t, eve, "add")
			credential := d.Attest(s.t, add)
			return func(eve *rig.Browser) {
				eve.PostJSON("/passkey/added", answer(add, credential, false))
				q := rig.Ask(s.t, eve, "ask")
				eve.PostJSON("/passkey/asked", answer(q, d.Assert(s.t, q), false))
			}
		},
		"the beginning of a login by passkey": func(s *site, eve *rig.Browser) func(*rig.Browser) {
			d := rig.NewDevice()
			s.addPasskey(eve, d)
			q := rig.Ask(s.t, eve, "ask")
			return func(eve *rig.Browser) {
				eve.PostJSON("/passkey/asked", answer(q, d.Assert(s.t, q), false))
			}
		},
		"a connection": func(s *site, eve *rig.Browser) func(*rig.Browser) {
			fromAfar(eve, s.op.accept(s.t, eve.Post("/oauth/op/connect", nil), "eve@example.com"))
			if n := len(s.Users.Get("1").Connections); n != 1 {
				s.t.Fatalf("%d connections", n)
			}
			return func(eve *rig.Browser) {
				fromAfar(eve, s.op.accept(s.t, eve.Post("/oauth/op", nil), "eve@example.com"))
			}
		},
		"the beginning of a connection": func(s *site, eve *rig.Browser) func(*rig.Browser) {
			back := s.op.accept(s.t, eve.Post("/oauth/op/connect", nil), "eve@example.com")
			return func(eve *rig.Browser) {
				fromAfar(eve, back)
				fromAfar(eve, s.op.accept(s.t, eve.Post("/oauth/op", nil), "eve@example.com"))
			}
		},
		"the beginning of a login by another site": func(s *site, eve *rig.Browser) func(*rig.Browser) {
			fromAfar(eve, s.op.accept(s.t, eve.Post("/oauth/op/connect", nil), "eve@example.com"))
			back := s.op.accept(s.t, eve.Post("/oauth/op", nil), "eve@example.com")
			return func(eve *rig.Browser) { fromAfar(eve, back) }
		},
		"a code that leaks": func(s *site, eve *rig.Browser) func(*rig.Browser) {
			res := eve.Post("/passlink/", url.Values{"email": {adasAddress}})
			_, code := s.mail()
			return func(eve *rig.Browser) {
				eve.Post("/passlink/enter", url.Values{"pending": {res.Field("pending")}, "code": {code}})
			}
		},
		"a reset that leaks": func(s *site, eve *rig.Browser) func(*rig.Browser) {
			eve.Post("/password/forgotten", url.Values{"email": {adasAddress}})
			link, _ := s.mail()
			return func(eve *rig.Browser) {
				page := eve.Get(link).Location()
				if page != "" {
					eve.Post(page, url.Values{"password": {evesWord}})
				}
				eve.Post("/password/login", url.Values{"email": {adasAddress}, "password": {evesWord}})
			}
		},
	}
	for _, proof := range slices.Sorted(maps.Keys(proofs)) {
		for _, way := range slices.Sorted(maps.Keys(settle)) {
			t.Run(way+", then "+proof, func(t *testing.T) {
				t.Parallel()
				s := newSite(t, rig.Options{})
				s.user(adasAddress, evesWord, false)
				eve, ada := s.by(s.Browser(t), adasAddress, evesWord), s.Browser(t)
				strike := settle[way](s, eve)
				s.Mails.Take()
				// A stamp is trusted for a minute after a login, because a replica
				// may lag.
				s.Wait(2 * time.Minute)
				proofs[proof](s, ada)
				if who := ada.Who(); !strings.HasPrefix(who, "1 by ") {
					t.Fatalf("after the proof, Ada's browser has %s", who)
				}
				mine := s.Users.Get("1")
				strike(eve)
				if who := eve.Who(); strings.HasPrefix(who, "1 ") {
					t.Errorf("Eve is in: %s", who)
				}
				if who := ada.Who(); !strings.HasPrefix(who, "1 by ") {
					t.Errorf("after Eve's attempt, Ada's browser has %s", who)
				}
				now := s.Users.Get("1")
				if !mine.Proven || len(now.Passkeys)+len(now.Connections) > 0 || now.Hash != mine.Hash || proof != "reset" && mine.Hash != "" {
					t.Errorf("the account has %+v", now)
				}
			})
		}
	}
}

// lagging is a source of keys that learns of the newer ring when it is asked to look.
type lagging struct{ old, new *keyring.Keyring }

func (l *lagging) At(now time.Time) *keyring.Keyring { return l.old.At(now) }
func (l *lagging) Refresh(now time.Time) *keyring.Keyring {
	l.old = l.new
	return l.new.At(now)
}

func TestD20_KeysRotateDuringAFlow(t *testing.T) {
	old := keyring.Generate()
	newer, err := old.Rotate()
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range ways {
		for name, change := range map[string]struct{ start, finish *keyring.Keyring }{
			"to a newer key":                       {old, newer},
			"to an instance without the newer key": {newer, old},
		} {
			t.Run(w.name+" "+name, func(t *testing.T) {
				keys := &lagging{change.start, newer}
				s := newSite(t, rig.Options{Keys: keys})
				b := s.Browser(t)
				finish := w.start(s, b, s.user(adasAddress, adasWord, true), "/")
				keys.old = change.finish
				if res := finish(b); res.StatusCode >= 400 {
					t.Errorf("%d: %s", res.StatusCode, res.Body)
				}
				if who := b.Who(); who != "1 by "+w.how {
					t.Errorf("in is %s", who)
				}
			})
		}
	}
}

// TestD21_AnotherBrowser: what one browser started, no other finishes, and whoever is
// logged in there stays.
func TestD21_AnotherBrowser(t *testing.T) {
	for _, w := range ways {
		if w.name == "password" { // has nothing that is started
			continue
		}
		for _, other := range []string{"empty", "bound itself", "logged in"} {
			t.Run(w.name+" "+other, func(t *testing.T) {
				s := newSite(t, rig.Options{})
				ada, bob := s.user(adasAddress, adasWord, true), s.user("bob@example.com", adasWord, true)
				b, stranger, who := s.Browser(t), s.Browser(t), "nobody"
				switch other {
				case "bound itself":
					stranger.Post("/passlink/", url.Values{"email": {"nobody@example.com"}})
				case "logged in":
					s.by(stranger, bob.Email, adasWord)
					who = "2 by password"
				}
				finish := w.start(s, b, ada, "/")
				if res := finish(stranger); other != "logged in" && res.StatusCode < 400 {
					t.Errorf("%d: %s", res.StatusCode, res.Body)
				}
				if got := stranger.Who(); got != who {
					t.Errorf("in the other browser is %s, want %s", got, who)
				}
				if res := finish(b); res.StatusCode >= 400 || b.Who() != "1 by "+w.how {
					t.Errorf("then, in the browser that started it: %d, and in is %s", res.StatusCode, b.Who())
				}
			})
		}
	}
}

// TestD22_HostileHosts: whatever a request says about its host, links in mails and
// redirect URIs have the configured origin, and nobody is led to another site.
func TestD22_HostileHosts(t *testing.T) {
	for i, head := range []http.Header{
		{"Host": {"evil.example"}},
		{"X-Forwarded-Host": {"evil.example"}, "X-Forwarded-Proto": {"http"}, "X-Forwarded-Port": {"8080"}},
		{"Forwarded": {`host="evil.example";proto=http`}},
		{"X-Original-Host": {"evil.example"}, "X-Host": {"evil.example"}, "X-Forwarded-Server": {"evil.example"}},
		{"X-Original-Url": {"https://evil.example/"}, "X-Rewrite-Url": {"https://evil.example/"}, "X-Forwarded-Prefix": {"//evil.example"}},
	} {
		for _, w := range ways {
			t.Run(fmt.Sprint(w.name, " ", i), func(t *testing.T) {
				s := newSite(t, rig.Options{})
				b := s.Browser(t)
				b.Head = head
				u := s.user(adasAddress, adasWord, true)
				finish := w.start(s, b, u, "https://evil.example/")
				for _, m := range s.Mails.Take() {
					if strings.Contains(m.Text+m.HTML, "evil") {
						t.Errorf("a mail says %s", m.Text)
					}
				}
				res := finish(b)
				if to := next(res); to != "/" || strings.Contains(res.Body, "evil") {
					t.Errorf("%d, and then %q: %s", res.StatusCode, to, res.Body)
				}
			})
		}
		s := newSite(t, rig.Options{})
		s.user(adasAddress, adasWord, true)
		b := s.Browser(t)
		b.Head = head
		for _, path := range []string{"/passlink/", "/password/forgotten", "/password/signup"} {
			b.Post(path, url.Values{"email": {adasAddress}, "next": {"https://evil.example/"}})
			mails := s.Mails.Take()
			if len(mails) != 1 {
				t.Fatalf("%s: %d mails", path, len(mails))
			}
			for _, link := range regexp.MustCompile(`https?://[^\s"<]+`).FindAllString(mails[0].Text+" "+mails[0].HTML, -1) {
				if !strings.HasPrefix(link, "https://example.com/") {
					t.Errorf("%s: a link to %s", path, link)
				}
			}
		}
		page := b.Post("/oauth/op", url.Values{"next": {"https://evil.example/"}})
		if back := s.op.accept(t, page, adasAddress); !strings.HasPrefix(back, "https://example.com/oauth/op/callback?") {
			t.Errorf("the provider sends back to %s", back)
		}
	}
}

// TestD25_OtherSpellings: the table of the rig compares as some databases do, so it finds
// sam by ſam. The throttle doesn't, and would let somebody guess as often again.
func TestD25_OtherSpellings(t *testing.T) {
	const sam, long = "sam@example.com", "\u017fam@example.com"
	s := newSite(t, rig.Options{})
	u := s.user(sam, adasWord, true)
	if found, err := s.Users.ByEmail(t.Context(), long); err != nil || found.ID != u.ID {
		t.Fatal("the table isn't like those databases")
	}
	b := s.Browser(t)
	b.Post("/password/login", url.Values{"email": {long}, "password": {adasWord}})
	if who := b.Who(); who != "nobody" {
		t.Errorf("in is %s", who)
	}
	for _, path := range []string{"/password/forgotten", "/passlink/", "/password/signup"} {
		b.Post(path, url.Values{"email": {long}})
		for _, m := range s.Mails.Take() {
			if m.To == sam {
				t.Errorf("%s: a mail to %s: %s", path, m.To, m.Subject)
			}
		}
	}
	// Capitals are no other spelling, whichever side writes them.
	s.Users.Edit(u.ID, func(u *rig.User) { u.Email = "Sam@Example.com" })
	b.Post("/password/login", url.Values{"email": {"sAM@example.com"}, "password": {adasWord}})
	if who := b.Who(); who != "1 by password" {
		t.Errorf("in is %s", who)
	}
}

// TestD26_FormPost: what docs/HOWTO.md shows for a provider that answers by a POST works
// for package oauth too. Browsers send no Lax cookie with that POST.
func TestD26_FormPost(t *testing.T) {
	for _, turns := range []bool{true, false} {
		s := newSite(t, rig.Options{Guard: func(c *middleware.Config) {
			c.CrossOrigin = http.NewCrossOriginProtection()
			c.CrossOrigin.AddInsecureBypassPattern("POST /oauth/op/callback")
		}})
		if turns {
			s.Mux.HandleFunc("POST /oauth/op/callback", func(w http.ResponseWriter, r *http.Request) {
				answer := url.Values{}
				for _, name := range []string{"code", "state", "iss", "error"} {
					if value := r.PostFormValue(name); value != "" {
						answer.Set(name, value)
					}
				}
				http.Redirect(w, r, "/oauth/op/callback?"+answer.Encode(), http.StatusSeeOther)
			})
		}
		b := s.Browser(t)
		back, err := url.Parse(s.op.accept(t, b.Post("/oauth/op", nil), adasAddress))
		if err != nil {
			t.Fatal(err)
		}
		bare := s.Browser(t)
		bare.Site = "cross-site"
		res := bare.Post(back.Path, back.Query())
		if !turns {
			if res.StatusCode != http.StatusMethodNotAllowed || len(res.Header["Set-Cookie"]) > 0 {
				t.Errorf("as it is: %d, %v", res.StatusCode, res.Header)
			}
			continue
		}
		if len(res.Header["Set-Cookie"]) > 0 {
			t.Errorf("the POST sets %v", res.Header["Set-Cookie"])
		}
		if res = fromAfar(b, s.URL(res.Location())); res.StatusCode != http.StatusSeeOther || b.Who() != "1 by oauth:op" {
			t.Errorf("%d, and in is %s: %s", res.StatusCode, b.Who(), res.Body)
		}
	}
}

// TestD23_NobodyLearnsWhoHasAnAccount compares the answers to an address with an account,
// one without, and one whose account is disabled. Rows P1 and P6 count hashes too.
func TestD23_NobodyLearnsWhoHasAnAccount(t *testing.T) {
	token := regexp.MustCompile(`[A-Za-z0-9_-]{10,}(?:\.[A-Za-z0-9_-]*){4}`)
	s := newSite(t, rig.Options{Desk: func(c *signin.Config[*rig.User]) {
		c.Enter = func(_ http.ResponseWriter, _ *http.Request, e signin.Entry[*rig.User]) error {
			return auth.Forbidden("No.")
		}
	}})
	s.user("known@example.com", adasWord, true)
	s.user("close@example.com", adasWord, true)
	s.Users.Edit("2", func(u *rig.User) { u.Disabled = true })
	for name, row := range map[string]struct {
		path string
		form url.Values
	}{
		"a link":     {"/passlink/", url.Values{}},
		"a login":    {"/password/login", url.Values{"password": {evesWord}}},
		"a reset":    {"/password/forgotten", url.Values{}},
		"a sign-up":  {"/password/signup", url.Values{}},
		"wrong code": {"/passlink/enter", url.Values{"code": {"0000-0000"}}},
	} {
		t.Run(name, func(t *testing.T) {
			type result struct {
				Status  int
				Body    string
				Lengths map[string][]int
				Seals   uint64
			}
			var first *result
			for _, email := range []string{"known@example.com", "other@example.com", "close@example.com"} {
				b := s.Browser(t)
				form := maps.Clone(row.form)
				form.Set("email", email)
				if name == "wrong code" {
					form.Set("pending", b.Post("/passlink/", url.Values{"email": {email}}).Field("pending"))
				}
				s.Mails.Take()
				seals := s.Seals()
				res := b.Post(row.path, form)
				body := token.ReplaceAllStringFunc(strings.ReplaceAll(res.Body, email, "EMAIL"), func(t string) string { return fmt.Sprint(len(t)) })
				got := &result{res.StatusCode, body, res.HeaderLengths(), s.Seals() - seals}
				if n := len(s.Mails.Take()); n > 1 {
					t.Errorf("%s: %d mails", email, n)
				}
				if first == nil {
					first = got
				} else if !reflect.DeepEqual(got, first) {
					t.Errorf("%s: %+v\nbut known@example.com: %+v", email, got, first)
				}
			}
		})
	}
}
