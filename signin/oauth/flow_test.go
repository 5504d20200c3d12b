package oauth_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hardtack-go/hardtack/auth"
	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/keyring"
	"github.com/hardtack-go/hardtack/signin"
	"github.com/hardtack-go/hardtack/signin/internal/rig"
	"github.com/hardtack-go/hardtack/signin/oauth"
	"github.com/hardtack-go/hardtack/ssestore"
)

func TestO1_StartAnswersWithAPage(t *testing.T) {
	s := newSite(t, rig.Options{}, func(c *oauth.Config[*rig.User], _ internet) {
		c.Providers[0].Params = url.Values{"prompt": {"select_account"}}
		c.Providers[0].Title = "Harbour ID"
	})
	b := s.Browser(t)
	b.Head = http.Header{"X-Forwarded-Host": {"evil.example"}, "Forwarded": {"host=evil.example"}, "X-Forwarded-Proto": {"http"}, "X-Original-Url": {"/evil"}}
	a := b.Post("/oauth/harbour", nil)
	to := forwarded(t, a)
	if !strings.Contains(a.Body, ">Continue to Harbour ID</a>") || strings.Contains(a.Body, "<script") || strings.Contains(a.Body, "style") || strings.Count(a.Body, to.Query().Get("state")) != 2 {
		t.Errorf("the page should have the URL in its refresh and in a link, and nothing else:\n%s", a.Body)
	}
	for name, want := range map[string]string{
		"Cache-Control": "no-store", "Referrer-Policy": "no-referrer", "Content-Type": "text/html; charset=utf-8",
		"Content-Security-Policy": "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
	} {
		if got := a.Header.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if got := to.Scheme + "://" + to.Host + to.Path; got != harbourIssuer+"/authorize" {
		t.Errorf("leads to %s", got)
	}
	q := to.Query()
	for name, want := range map[string]string{
		"response_type": "code", "client_id": "client", "code_challenge_method": "S256", "prompt": "select_account",
		"redirect_uri": "https://example.com/oauth/harbour/callback", "scope": "openid profile email",
	} {
		if got := q[name]; len(got) != 1 || got[0] != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if len(q.Get("nonce")) != 43 || len(q.Get("code_challenge")) != 43 || q.Get("nonce") == q.Get("code_challenge") {
		t.Errorf("nonce %q, challenge %q", q.Get("nonce"), q.Get("code_challenge"))
	}
	// The verifier is in the state, sealed; nothing in the URL is a hash that leads to it.
	again := s.start(b, nil).Query()
	for _, name := range []string{"state", "nonce", "code_challenge"} {
		if again.Get(name) == q.Get(name) {
			t.Errorf("%s is the same twice", name)
		}
	}
	cookies := a.Header["Set-Cookie"]
	if len(cookies) != 1 || !strings.HasPrefix(cookies[0], "__Host-signin=") || len(cookies[0]) > 150 {
		t.Errorf("cookies: %q", cookies)
	}
	t.Logf("state: %d characters, Set-Cookie: %d", len(q.Get("state")), len(cookies[0]))
}

func TestO2_NothingStartsWithoutAPost(t *testing.T) {
	s := newSite(t, rig.Options{})
	for _, row := range []struct{ method, path, site, allow string }{
		{"GET", "/oauth/harbour", "", "POST"},
		{"HEAD", "/oauth/harbour", "", "POST"},
		{"GET", "/oauth/harbour", "cross-site", "POST"},
		{"GET", "/oauth/harbour/connect", "", "POST"},
		{"GET", "/oauth/harbour/disconnect", "", "POST"},
		{"PUT", "/oauth/harbour", "", "POST"},
		{"POST", "/oauth/harbour/callback", "", "GET"}, // response_mode=form_post from our own site
		{"HEAD", "/oauth/harbour/callback", "", "GET"},
	} {
		b := s.Browser(t)
		b.Site = row.site
		b.Head = http.Header{"Sec-Purpose": {"prefetch"}}
		a := b.Do(row.method, row.path, "", nil)
		expect(t, a, http.StatusMethodNotAllowed)
		if a.Header.Get("Allow") != row.allow || len(a.Cookies()) != 0 {
			t.Errorf("%s %s: Allow %q, cookies %v", row.method, row.path, a.Header.Get("Allow"), a.Cookies())
		}
	}
	for _, path := range []string{"/oauth/harbour", "/oauth/harbour/callback"} { // a foreign form, or form_post
		b := s.Browser(t)
		b.Site = "cross-site"
		b.Head = http.Header{"Origin": {harbourIssuer}}
		expect(t, b.Post(path, nil), http.StatusForbidden)
	}
	for _, path := range []string{"/oauth/", "/oauth/nobody", "/oauth/callback", "/oauth/nobody/callback"} {
		expect(t, s.Browser(t).Post(path, nil), http.StatusNotFound)
	}
	for _, path := range []string{"/oauth/harbour", "/oauth/harbour/disconnect"} {
		b := s.Browser(t)
		a := b.Post(path, url.Values{"next": {strings.Repeat("x", 1<<16)}})
		expect(t, a, http.StatusRequestEntityTooLarge)
		if strings.Count(a.Body, "<html") != 1 {
			t.Errorf("more than one page:\n%s", a.Body)
		}
		expect(t, b.Do("POST", path, "application/x-www-form-urlencoded", []byte("next=%zz")), http.StatusBadRequest)
	}
	if exchanges, asked := s.harbour.counts(); exchanges+asked != 0 {
		t.Errorf("the provider was asked %d times", exchanges+asked)
	}
}

func TestO3_LoginByProvider(t *testing.T) {
	s := newSite(t, rig.Options{})
	b := s.Browser(t)
	back := s.harbour.accept(s.start(b, url.Values{"next": {"/members?a=1"}, "remember": {"1"}}), ada)
	a := come(b, back)
	expect(t, a, http.StatusSeeOther)
	if a.Location() != "/members?a=1" {
		t.Errorf("goes on to %q", a.Location())
	}
	expectWho(t, b, "1 by oauth:harbour")
	persistent := false
	for _, c := range a.Cookies() {
		persistent = persistent || c.Name == s.Store.CookieName() && c.MaxAge > 86400
	}
	if !persistent {
		t.Error("remember is forgotten")
	}
	came := s.users.take()
	if len(came) != 1 {
		t.Fatalf("%d identities", len(came))
	}
	id := came[0]
	if id.Token == nil || id.Token.AccessToken != "access "+ada.sub || id.Token.Extra("id_token") == nil || !strings.Contains(string(id.Claims), `"nonce"`) {
		t.Error("the token or the claims aren't handed over")
	}
	id.Token, id.Claims = nil, nil
	want := oauth.Identity{Provider: "harbour", Issuer: harbourIssuer, Subject: ada.sub, Email: ada.email, EmailVerified: true, Name: "Ada Lovelace"}
	if fmt.Sprint(id) != fmt.Sprint(want) {
		t.Errorf("%+v\nwant %+v", id, want)
	}
	if user := s.Users.Get("1"); user.Email != ada.email || user.Name != "Ada Lovelace" {
		t.Errorf("%+v", user)
	}
	// The second time is the same account, whatever the address is by then.
	other := s.Browser(t)
	expect(t, s.login(other, person{ada.sub, "lovelace@example.com", true}), http.StatusSeeOther)
	expectWho(t, other, "1 by oauth:harbour")
	if a := s.login(s.Browser(t), person{ada.sub, "", nil}); a.Location() != "/" {
		t.Errorf("without next: %d to %q", a.StatusCode, a.Location())
	}
	if fails := s.fails(); fails != nil {
		t.Error(fails)
	}
}

// TestO3_DefaultClient reaches the provider by a real network, without a client of the
// test's own.
func TestO3_DefaultClient(t *testing.T) {
	server := httptest.NewUnstartedServer(nil)
	harbour := newProvider(t, "http://"+server.Listener.Addr().String())
	server.Config.Handler = harbour
	server.Start()
	defer server.Close()
	s := newSite(t, rig.Options{Listen: true}, func(c *oauth.Config[*rig.User], _ internet) {
		c.Providers = []*oauth.Provider{oauth.OIDC("harbour", harbour.issuer, "client", "secret")}
		c.Providers[0].Client = new(http.Client)
	})
	harbour.now = s.Now
	b := s.Browser(t)
	expect(t, come(b, harbour.accept(s.start(b, nil), ada)), http.StatusSeeOther)
	expectWho(t, b, "1 by oauth:harbour")
}

func TestO4_NextStaysHereAndFits(t *testing.T) {
	s := newSite(t, rig.Options{})
	long := "/?" + strings.Repeat("a", 600)
	for _, row := range []struct{ next, want string }{
		{"/members", "/members"},
		{"https://evil.example/", "/"},
		{"//evil.example/", "/"},
		{`/\evil.example/`, "/"},
		{"javascript:alert(1)", "/"},
		{"https:evil.example", "/"},
		{" //evil.example", "/"},
		{"/\x00//evil.example", "/"},
		{long, "/"},
		{"/?" + strings.Repeat("a", 5000), "/"},
		{"/?" + strings.Repeat("a", 100), "/?" + strings.Repeat("a", 100)},
	} {
		b := s.Browser(t)
		to := s.start(b, url.Values{"next": {row.next}})
		if n := len(to.Query().Get("state")); n > 500 {
			t.Errorf("state of %d characters", n)
		}
		if a := come(b, s.harbour.accept(to, ada)); a.Location() != row.want {
			t.Errorf("%.40q: goes on to %.80q, want %.80q", row.next, a.Location(), row.want)
		}
	}
	// Nor is a host that the request makes up our own.
	r := httptest.NewRequest(http.MethodPost, "https://evil.example/oauth/harbour?next=https://evil.example/", nil)
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	b := s.Browser(t)
	b.Head = http.Header{"Cookie": {strings.Split(w.Header().Get("Set-Cookie"), ";")[0]}}
	back := s.harbour.accept(forwarded(t, &rig.Answer{Response: w.Result(), Body: w.Body.String()}), ada)
	if a := come(b, back); a.Location() != "/" || back.Host != "example.com" {
		t.Errorf("by way of %s to %q", back.Host, a.Location())
	}
}

func TestO5_AnotherBrowserFinishesNothing(t *testing.T) {
	s := newSite(t, rig.Options{})
	s.login(s.Browser(t), ada)
	// Login CSRF: Eve starts a login, gives the rest to her victim, who would then write
	// into Eve's account.
	eve, victim := s.Browser(t), s.Browser(t)
	back := s.harbour.accept(s.start(eve, nil), person{"eve", "eve@example.com", true})
	for name, b := range map[string]*rig.Browser{"no cookie": victim, "own cookie": s.Browser(t), "two cookies": s.Browser(t)} {
		if name != "no cookie" {
			s.start(b, nil)
		}
		if name == "two cookies" {
			b.Head = http.Header{"Cookie": {"__Host-signin=" + b.Cookie("__Host-signin") + "; __Host-signin=" + eve.Cookie("__Host-signin")}}
		}
		a := come(b, back)
		expect(t, a, http.StatusBadRequest, "This login is over", `href="/login"`)
		if len(a.Cookies()) != 0 {
			t.Errorf("%s: cookies %v", name, a.Cookies())
		}
		expectWho(t, b, "nobody")
	}
	if exchanges, _ := s.harbour.counts(); exchanges != 1 {
		t.Errorf("%d token requests, want the one of Ada's login", exchanges)
	}
	// A victim who is logged in stays who they are, and is led on.
	s.login(victim, ada)
	if a := come(victim, back); a.StatusCode != http.StatusSeeOther || a.Location() != "/" {
		t.Errorf("%d to %q", a.StatusCode, a.Location())
	}
	expectWho(t, victim, "1 by oauth:harbour")
	// Who logs out finishes nothing that they started before.
	b := s.Browser(t)
	to := s.start(b, nil)
	b.Post("/logout", nil)
	expect(t, come(b, s.harbour.accept(to, ada)), http.StatusBadRequest)
}

func TestO6_TwelveTabsAtOnce(t *testing.T) {
	s := newSite(t, rig.Options{})
	s.Mux.HandleFunc("GET /start", func(w http.ResponseWriter, r *http.Request) { s.Desk.Bind(w, r) })
	b, other := s.Browser(t), s.Browser(t)
	b.Get("/start")
	var wg sync.WaitGroup
	var mu sync.Mutex
	var back []*url.URL
	for i := range 12 {
		tab := *b
		wg.Go(func() {
			to := s.harbour.accept(s.start(&tab, url.Values{"next": {fmt.Sprint("/", i)}}), ada)
			mu.Lock()
			defer mu.Unlock()
			back = append(back, to)
		})
	}
	wg.Wait()
	for _, to := range back {
		expect(t, come(other, to), http.StatusBadRequest)
	}
	went := map[string]int{}
	for _, to := range back {
		tab := *b
		wg.Go(func() {
			a := come(&tab, to)
			mu.Lock()
			defer mu.Unlock()
			went[a.Location()]++
		})
	}
	wg.Wait()
	if len(went) != 12 || went[""] != 0 {
		t.Errorf("12 tabs go on to %v", went)
	}
	expectWho(t, b, "1 by oauth:harbour")
	expectWho(t, other, "nobody")
	if exchanges, asked := s.harbour.counts(); exchanges != 12 || asked != 1 {
		t.Errorf("%d token requests, %d of the configuration", exchanges, asked)
	}
}

func TestO7_SpentFlow(t *testing.T) {
	s := newSite(t, rig.Options{})
	b := s.Browser(t)
	back := s.harbour.accept(s.start(b, url.Values{"next": {"/members"}}), ada)
	before := snapshot(t, s, b)
	expect(t, come(b, back), http.StatusSeeOther)
	// A double click, or Back: the provider refuses the code, and the visitor goes on.
	if a := come(b, back); a.StatusCode != http.StatusSeeOther || a.Location() != "/members" {
		t.Errorf("the second time: %d to %q", a.StatusCode, a.Location())
	}
	// With the cookies of before the login nobody gets in: the provider takes a code
	// once, so the flow is over although nobody here remembers it.
	expect(t, come(before, back), http.StatusBadGateway, "Harbour did not confirm", `href="/login"`)
	expectWho(t, before, "nobody")
	for _, fail := range s.fails() {
		if !strings.Contains(fail, "invalid_grant") {
			t.Error(fail)
		}
	}
	// Ten minutes, to the second.
	for wait, status := range map[time.Duration]int{10*time.Minute - time.Second: http.StatusSeeOther, 10 * time.Minute: http.StatusBadRequest} {
		b := s.Browser(t)
		to := s.start(b, nil)
		s.Wait(wait)
		expect(t, come(b, s.harbour.accept(to, ada)), status)
	}
}

func TestO8_CodeOfAnotherFlow(t *testing.T) {
	s := newSite(t, rig.Options{})
	victim, eve := s.Browser(t), s.Browser(t)
	stolen := s.harbour.accept(s.start(victim, nil), ada).Query().Get("code")
	own := s.harbour.accept(s.start(eve, nil), person{"eve", "eve@example.com", true})
	expect(t, come(eve, with(own, "code", stolen)), http.StatusBadGateway)
	expectWho(t, eve, "nobody")
	if exchanges, _ := s.harbour.counts(); exchanges != 1 {
		t.Errorf("%d token requests for one callback", exchanges)
	}
}

func TestO14_ConnectAndDisconnect(t *testing.T) {
	s := newSite(t, rig.Options{})
	user := s.Users.Add(rig.User{Email: "ada@example.com", PasswordFields: rig.PasswordFields{Hash: "x"}})
	bob := s.Users.Add(rig.User{Email: "bob@example.com", PasswordFields: rig.PasswordFields{Hash: "y"}})
	b := s.Browser(t)
	s.password(b, user)
	connect := func(b *rig.Browser, who person) *rig.Answer {
		return come(b, s.harbour.accept(forwarded(t, b.Post("/oauth/harbour/connect", url.Values{"next": {"/account"}})), who))
	}
	for range 2 { // the second time changes nothing
		if a := connect(b, ada); a.StatusCode != http.StatusSeeOther || a.Location() != "/account" {
			t.Errorf("%d to %q", a.StatusCode, a.Location())
		}
	}
	if got := s.Users.Get("1").Connections; len(got) != 1 || got[0] != (rig.Connection{Provider: "harbour", Issuer: harbourIssuer, Subject: ada.sub}) {
		t.Errorf("%+v", got)
	}
	if b.Who() != "1 by " {
		t.Errorf("connecting is no login: %s", b.Who())
	}
	phone := s.Browser(t)
	s.login(phone, ada)
	expectWho(t, phone, "1 by oauth:harbour")

	// Bob can't have it as well.
	bobs := s.Browser(t)
	s.password(bobs, bob)
	expect(t, connect(bobs, ada), http.StatusConflict, "connected to another account", `href="/account"`)

	a := b.Post("/oauth/harbour/disconnect", url.Values{"subject": {"another"}, "next": {"/account"}})
	if a.StatusCode != http.StatusSeeOther || a.Location() != "/account" || len(s.Users.Get("1").Connections) != 1 {
		t.Errorf("another subject: %d to %q", a.StatusCode, a.Location())
	}
	expect(t, b.Post("/oauth/harbour/disconnect", url.Values{"subject": {"größe"}}), http.StatusBadRequest)
	expect(t, b.Post("/oauth/harbour/disconnect", url.Values{"subject": {strings.Repeat("x", 256)}}), http.StatusBadRequest)
	expect(t, b.Post("/oauth/harbour/disconnect", url.Values{"subject": {ada.sub}}), http.StatusSeeOther)
	if got := s.Users.Get("1").Connections; len(got) != 0 {
		t.Errorf("%+v", got)
	}
	// The last way in can't go.
	eve := s.Browser(t)
	s.login(eve, person{"eve", "eve@example.com", false})
	expect(t, eve.Post("/oauth/harbour/disconnect", nil), http.StatusConflict, "only way to log in")
	if len(s.Users.Get("3").Connections) != 1 {
		t.Error("it is gone")
	}
	// Two tabs at once, and the row has moved meanwhile; or the user store is down by now.
	for err, status := range map[error]int{signin.ErrChanged: http.StatusConflict, errors.New("no database"): http.StatusServiceUnavailable} {
		s = newSite(t, rig.Options{}, func(c *oauth.Config[*rig.User], _ internet) { c.Users = failing{c.Users, err} })
		b = s.Browser(t)
		s.password(b, s.Users.Add(rig.User{Email: "ada@example.com"}))
		expect(t, connect(b, ada), status)
		expect(t, b.Post("/oauth/harbour/disconnect", nil), status)
	}
}

// failing is a user store that changes nothing.
type failing struct {
	oauth.Users[*rig.User]
	err error
}

func (f failing) Connect(context.Context, *rig.User, oauth.Identity) error { return f.err }

func (f failing) Disconnect(context.Context, *rig.User, string, string) error { return f.err }

func TestO15_ForcedConnect(t *testing.T) {
	s := newSite(t, rig.Options{})
	one := s.Users.Add(rig.User{Email: "ada@example.com"})
	two := s.Users.Add(rig.User{Email: "bob@example.com"})
	s.Mux.HandleFunc("POST /impersonate", func(w http.ResponseWriter, r *http.Request) {
		if err := s.Guard.Accounts().Impersonate(r.Context(), s.Guard.Session(r), one); err != nil {
			t.Error(err)
		}
	})
	for name, then := range map[string]func(b *rig.Browser){
		"another user": func(b *rig.Browser) { s.password(b, two) },
		"nobody":       func(b *rig.Browser) { b.Jar = s.Browser(t).Jar },
		"an administrator who impersonates them": func(b *rig.Browser) {
			s.password(b, two)
			b.Post("/impersonate", nil)
		},
		"no longer": func(b *rig.Browser) { s.Users.Edit("1", func(u *rig.User) { u.Epoch++ }) },
	} {
		one = s.Users.Get("1")
		b := s.Browser(t)
		s.password(b, one)
		back := s.harbour.accept(forwarded(t, b.Post("/oauth/harbour/connect", nil)), person{"eve", "eve@example.com", true})
		binding := b.Cookie("__Host-signin")
		then(b)
		if name == "nobody" {
			b.Head = http.Header{"Cookie": {"__Host-signin=" + binding}}
		}
		expect(t, come(b, back), http.StatusForbidden, "Nothing was connected", "not logged in as the one")
		for _, id := range []string{"1", "2"} {
			if c := s.Users.Get(id).Connections; len(c) != 0 {
				t.Errorf("%s: user %s has %+v", name, id, c)
			}
		}
	}
	if exchanges, _ := s.harbour.counts(); exchanges != 0 {
		t.Errorf("%d token requests", exchanges)
	}
}

func TestO16_ConnectNeedsARecentLogin(t *testing.T) {
	s := newSite(t, rig.Options{})
	user := s.Users.Add(rig.User{Email: "ada@example.com"})
	other := s.Users.Add(rig.User{Email: "bob@example.com"})
	b := s.Browser(t)
	for _, action := range []string{"connect", "disconnect"} {
		a := b.Post("/oauth/harbour/"+action, nil)
		expect(t, a, http.StatusForbidden, "Log in first")
		if len(a.Cookies()) != 0 || strings.Count(a.Body, "<html") != 1 {
			t.Errorf("cookies %v\n%s", a.Cookies(), a.Body)
		}
	}
	s.password(b, user)
	s.Wait(15 * time.Minute)
	forwarded(t, b.Post("/oauth/harbour/connect", nil))
	s.Wait(time.Second)
	for _, action := range []string{"connect", "disconnect"} {
		a := b.Post("/oauth/harbour/"+action, nil)
		expect(t, a, http.StatusForbidden, "Log in again")
		if strings.Count(a.Body, "<html") != 1 {
			t.Errorf("more than one page:\n%s", a.Body)
		}
	}
	// Nor is there anything to connect while somebody is impersonated.
	s.password(b, user)
	s.Mux.HandleFunc("POST /impersonate", func(w http.ResponseWriter, r *http.Request) {
		if err := s.Guard.Accounts().Impersonate(r.Context(), s.Guard.Session(r), other); err != nil {
			t.Error(err)
		}
	})
	b.Post("/impersonate", nil)
	for _, action := range []string{"connect", "disconnect"} {
		expect(t, b.Post("/oauth/harbour/"+action, nil), http.StatusForbidden, "Log in again")
	}
}

// late is a source whose ring is behind until it is asked to look.
type late struct {
	mu          sync.Mutex
	ring, fresh *keyring.Keyring
}

func (l *late) At(time.Time) *keyring.Keyring {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.ring
}

func (l *late) Refresh(time.Time) *keyring.Keyring {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ring = l.fresh
	return l.ring
}

func TestO21_KeysRotateDuringAFlow(t *testing.T) {
	older := keyring.Generate()
	newer, err := older.Rotate()
	if err != nil {
		t.Fatal(err)
	}
	for name, row := range map[string]struct{ began, ended, fresh *keyring.Keyring }{
		"the key is rotated meanwhile":            {older, newer, newer},
		"another instance has a key not seen yet": {newer, older, newer},
	} {
		keys := &late{ring: row.began, fresh: row.began}
		s := newSite(t, rig.Options{Keys: keys})
		b := s.Browser(t)
		to := s.start(b, nil)
		keys.mu.Lock()
		keys.ring, keys.fresh = row.ended, row.fresh
		keys.mu.Unlock()
		t.Log(name)
		expect(t, come(b, s.harbour.accept(to, ada)), http.StatusSeeOther)
		expectWho(t, b, "1 by oauth:harbour")
	}
}

// TestO21_NoKeyMaySeal: the only key is one of tomorrow.
func TestO21_NoKeyMaySeal(t *testing.T) {
	s := newSite(t, rig.Options{})
	tomorrow, err := keyring.New(keyring.NewKeyAt(s.Now().Add(24 * time.Hour)))
	if err != nil {
		t.Fatal(err)
	}
	s.Keys.Set(tomorrow)
	a := s.Browser(t).Post("/oauth/harbour", nil)
	expect(t, a, http.StatusServiceUnavailable)
	if strings.Contains(a.Body, "harbour.example") {
		t.Errorf("leads to the provider:\n%s", a.Body)
	}
}

func TestO22_AccountOfTheFirstComer(t *testing.T) {
	s := newSite(t, rig.Options{})
	// Eve's provider lets her say that she is Ada, or doesn't check.
	eve := s.Browser(t)
	s.login(eve, person{"eve", "ada@example.com", false})
	expectWho(t, eve, "1 by oauth:harbour")
	if s.Users.Get("1").Proven {
		t.Fatal("an address is proven that the provider doesn't call verified")
	}
	user := s.Users.Get("1")
	if _, err := s.Users.Use(t.Context(), user); err != nil { // Ada follows a link in a mail
		t.Fatal(err)
	}
	expectWho(t, eve, "nobody")
	expect(t, s.login(eve, person{"eve", "ada@example.com", false}), http.StatusForbidden)
	expectWho(t, eve, "nobody")
	if c := s.Users.Get("1").Connections; len(c) != 0 {
		t.Errorf("%+v", c)
	}
}

func TestO23_StrictSession(t *testing.T) {
	s := newSite(t, rig.Options{Store: func(c *ssestore.Config) { c.Cookie.SameSite = cookie.SameSiteStrict }})
	cart := ssestore.NewKey[string]("cart")
	s.Mux.HandleFunc("POST /cart", func(w http.ResponseWriter, r *http.Request) {
		if err := cart.Set(s.Guard.Session(r), "tea"); err != nil {
			t.Error(err)
		}
	})
	s.Mux.HandleFunc("GET /cart", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, cart.Get(s.Guard.Session(r)))
	})
	b := s.Browser(t)
	b.Post("/cart", nil)
	back := s.harbour.accept(s.start(b, nil), ada)
	// The browser doesn't send the session with what another site's page leads to. The
	// callback does nothing but lead to itself; then it is the browser's own doing.
	lax := s.Browser(t)
	lax.Head = http.Header{"Cookie": {"__Host-signin=" + b.Cookie("__Host-signin")}}
	a := come(lax, back)
	to := forwarded(t, a)
	if len(a.Cookies()) != 0 || to.Host != "" || to.Path != "" {
		t.Errorf("leads to %s, cookies %v", to, a.Cookies())
	}
	if exchanges, _ := s.harbour.counts(); exchanges != 0 {
		t.Error("the code is spent")
	}
	expect(t, b.Get(back.ResolveReference(to).String()), http.StatusSeeOther)
	expectWho(t, b, "1 by oauth:harbour")
	if got := b.Get("/cart").Body; got != "tea" {
		t.Errorf("the cart has %q", got)
	}
	// A browser that calls the second one foreign too isn't sent round in circles.
	back = s.harbour.accept(s.start(b, nil), ada)
	to = forwarded(t, come(b, back))
	expect(t, come(b, back.ResolveReference(to)), http.StatusSeeOther)
	// From a provider on the same site it comes with the callback.
	same := *b
	same.Site = "same-site"
	expect(t, same.Get(s.harbour.accept(s.start(b, nil), ada).String()), http.StatusSeeOther)
	// A session that isn't Strict needs none of that: TestO3.
}

func TestO24_EnterHookAndStorage(t *testing.T) {
	var hook func(w http.ResponseWriter, r *http.Request, e signin.Entry[*rig.User]) error
	s := newSite(t, rig.Options{Desk: func(c *signin.Config[*rig.User]) {
		c.Enter = func(w http.ResponseWriter, r *http.Request, e signin.Entry[*rig.User]) error { return hook(w, r, e) }
	}})
	var got signin.Entry[*rig.User]
	for _, row := range []struct {
		err    error
		status int
		says   string
	}{
		{auth.Forbidden("Your account is closed."), http.StatusForbidden, "Your account is closed."},
		{errors.New("DOWN"), http.StatusServiceUnavailable, "Something is down"},
		{signin.ErrAnswered, http.StatusTeapot, "second factor"},
	} {
		hook = func(w http.ResponseWriter, _ *http.Request, e signin.Entry[*rig.User]) error {
			got = e
			if row.err == signin.ErrAnswered {
				http.Error(w, "second factor", http.StatusTeapot)
			}
			return row.err
		}
		b := s.Browser(t)
		a := come(b, s.harbour.accept(s.start(b, url.Values{"next": {"/x"}, "remember": {"1"}}), ada))
		expect(t, a, row.status, row.says)
		expectWho(t, b, "nobody")
		if row.err == signin.ErrAnswered && a.Body != "second factor\n" {
			t.Errorf("something was added to the hook's answer:\n%s", a.Body)
		}
		if strings.Contains(a.Body, "DOWN") || got.How != "oauth:harbour" || !got.Remember || got.Next != "/x" || got.User.ID != "1" {
			t.Errorf("%+v\n%s", got, a.Body)
		}
	}
	hook = func(_ http.ResponseWriter, r *http.Request, e signin.Entry[*rig.User]) error {
		return s.Desk.Login(r, e)
	}
	// The user store is down, or the row has moved.
	b := s.Browser(t)
	for err, status := range map[error]int{errors.New("no database"): http.StatusServiceUnavailable, signin.ErrChanged: http.StatusConflict} {
		back := s.harbour.accept(s.start(b, nil), ada)
		s.Users.Fail(err)
		expect(t, come(b, back), status)
		s.Users.Fail(nil)
		expectWho(t, b, "nobody")
	}
	// At connect and disconnect too; the session is still good afterwards.
	s.login(b, ada)
	back := s.harbour.accept(forwarded(t, b.Post("/oauth/harbour/connect", nil)), ada)
	before, _ := s.harbour.counts()
	s.Users.Fail(errors.New("no database"))
	expect(t, come(b, back), http.StatusServiceUnavailable)
	if exchanges, _ := s.harbour.counts(); exchanges != before {
		t.Error("the code is spent")
	}
	expect(t, b.Post("/oauth/harbour/connect", nil), http.StatusServiceUnavailable)
	expect(t, b.Post("/oauth/harbour/disconnect", nil), http.StatusServiceUnavailable)
	s.Users.Fail(nil)
	expectWho(t, b, "1 by oauth:harbour")
}
