package e2e_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	cdplog "github.com/chromedp/cdproto/log"
	"github.com/chromedp/chromedp"

	"github.com/hardtack-go/hardtack/auth"
	"github.com/hardtack-go/hardtack/cookie"
	idp "github.com/hardtack-go/hardtack/examples/internal/harbour"
	"github.com/hardtack-go/hardtack/keyring"
	"github.com/hardtack-go/hardtack/marks"
	"github.com/hardtack-go/hardtack/middleware"
	"github.com/hardtack-go/hardtack/signin"
	"github.com/hardtack-go/hardtack/signin/oauth"
	"github.com/hardtack-go/hardtack/ssestore"
)

// A guest is a user of the application below. Rows are replaced, and never changed.
type guest struct {
	id, name    string
	connections []string // issuer and subject
}

// guests is the user store, in memory.
type guests struct {
	mu       sync.Mutex
	rows     []*guest
	idTokens []string // of all logins by Harbour ID
}

func (g *guests) byID(_ context.Context, id string) (*guest, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, u := range g.rows {
		if u.id == id {
			return u, nil
		}
	}
	return nil, auth.ErrNoUser
}

func (g *guests) owner(id oauth.Identity) *guest {
	for _, u := range g.rows {
		for _, c := range u.connections {
			if c == id.Issuer+" "+id.Subject {
				return u
			}
		}
	}
	return nil
}

func (g *guests) add(name string, connections ...string) *guest {
	u := &guest{fmt.Sprint(len(g.rows) + 1), name, connections}
	g.rows = append(g.rows, u)
	return u
}

func (g *guests) Enter(_ context.Context, id oauth.Identity) (*guest, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	token, _ := id.Token.Extra("id_token").(string)
	g.idTokens = append(g.idTokens, token)
	if u := g.owner(id); u != nil {
		return u, nil
	}
	return g.add(fmt.Sprintf("%s %s %v", id.Name, id.Email, id.EmailVerified), id.Issuer+" "+id.Subject), nil
}

func (g *guests) Connect(_ context.Context, user *guest, id oauth.Identity) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if u := g.owner(id); u != nil && u.id != user.id {
		return oauth.ErrTaken
	}
	for i, u := range g.rows {
		if u.id == user.id {
			g.rows[i] = &guest{u.id, u.name, append(u.connections, id.Issuer+" "+id.Subject)}
		}
	}
	return nil
}

func (g *guests) Disconnect(context.Context, *guest, string, string) error { return oauth.ErrLast }

// An oauthSite is an application that people enter by Harbour ID, which runs on another
// site. All its pages have form-action 'self'. POST /enter stands for another way in.
type oauthSite struct {
	base    string
	harbour *idp.Provider
	issuer  string
	guests  *guests
	other   http.Handler // another instance: who is logged in

	mu       sync.Mutex
	failures []string
}

// newOAuthSite serves the application on https://localhost, or on http for a browser,
// which treats that as secure.
func newOAuthSite(t *testing.T, secure, strict bool) *oauthSite {
	t.Helper()
	s := &oauthSite{guests: new(guests)}
	app, provider := httptest.NewUnstartedServer(nil), httptest.NewUnstartedServer(nil)
	s.base = localhost(t, "http://"+app.Listener.Addr().String())
	if secure {
		s.base = "https" + strings.TrimPrefix(s.base, "http")
	}
	_, port, err := net.SplitHostPort(provider.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	s.issuer = "http://harbour.test:" + port + "/id"
	if secure {
		s.issuer = "https" + strings.TrimPrefix(s.issuer, "http")
	}
	s.harbour, err = idp.New(s.issuer, []idp.Person{
		{Subject: "ada", Name: "Ada Lovelace", Email: "ada@example.com", Verified: true},
		{Subject: "bob", Name: "Bob Stone", Email: "bob@example.com"},
	}, s.base+"/oauth/harbour/callback")
	if err != nil {
		t.Fatal(err)
	}
	keys := keyring.Generate()
	set := marks.New(marks.Policy{})
	sessions := ssestore.Config{Keys: keys, Marks: set}
	if strict {
		sessions.Cookie.SameSite = cookie.SameSiteStrict
	}
	store, err1 := ssestore.New(sessions)
	accounts, err2 := auth.New(auth.Config[*guest]{
		UserByID: s.guests.byID,
		ID:       func(u *guest) string { return u.id },
		Stamp:    func(u *guest) string { return "" },
	})
	guard, err3 := middleware.New(store, accounts, middleware.Config{LoginURL: "/login"})
	desk, err4 := signin.New(signin.Config[*guest]{Keys: keys, Origin: s.base, Guard: guard, Home: "/members"})
	id := oauth.OIDC("harbour", s.issuer, idp.ClientID, idp.ClientSecret)
	id.Title, id.Client = "Harbour ID", s.client(nil)
	with, err5 := oauth.New(desk, oauth.Config[*guest]{Users: s.guests, Providers: []*oauth.Provider{id}, Ender: ender{set}, OnFailure: func(_ *http.Request, _ string, err error) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.failures = append(s.failures, err.Error())
	}})
	if err := errors.Join(err1, err2, err3, err4, err5); err != nil {
		t.Fatal(err)
	}
	s.harbour.Notify(id.Client, s.base+"/oauth/harbour/backchannel-logout")
	otherStore, err1 := ssestore.New(sessions)
	otherGuard, err2 := middleware.New(otherStore, accounts, middleware.Config{LoginURL: "/login"})
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	s.other = otherGuard.Handler(otherGuard.ForAnyone(func(w http.ResponseWriter, r *http.Request, u *guest, ok bool) {
		if ok {
			fmt.Fprint(w, u.name)
		}
	}))
	mux := http.NewServeMux()
	mux.Handle("/oauth/", with)
	mux.HandleFunc("GET /login", func(w http.ResponseWriter, r *http.Request) {
		desk.Bind(w, r)
		fmt.Fprint(w, `<!doctype html><html lang="en"><title>Log in</title><h1>Log in</h1>
<form method="post" action="/oauth/harbour"><input type="hidden" name="next" value="/members?page=1"><button id="harbour">Continue with Harbour ID</button></form>
<form method="post" action="/redirect"><button id="redirect">Continue by a redirect</button></form>
<form method="post" action="/enter"><button id="enter">Log in as Eve</button></form>`)
	})
	// What oauth doesn't do.
	mux.HandleFunc("POST /redirect", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, s.issuer+"/login", http.StatusSeeOther)
	})
	mux.HandleFunc("POST /enter", func(w http.ResponseWriter, r *http.Request) {
		s.guests.mu.Lock()
		eve := s.guests.add("Eve")
		s.guests.mu.Unlock()
		if err := desk.Login(r, signin.Entry[*guest]{User: eve, How: "password"}); err != nil {
			t.Error(err)
		}
		http.Redirect(w, r, "/members", http.StatusSeeOther)
	})
	mux.HandleFunc("GET /members", guard.ForAnyone(func(w http.ResponseWriter, r *http.Request, u *guest, ok bool) {
		who := "nobody"
		if ok {
			who = fmt.Sprintf("%s by %s, %d connected", u.name, desk.How(r), len(u.connections))
		}
		fmt.Fprintf(w, `<!doctype html><html lang="en"><title>Members</title><h1 id="member">%s</h1>
<form method="post" action="/oauth/harbour/connect"><button id="connect">Connect Harbour ID</button></form>`, who)
	}))
	mux.HandleFunc("/logout", desk.LogoutHandler("/login"))
	inside := guard.Handler(mux)
	app.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Content-Security-Policy", "default-src 'none'; form-action 'self'")
		inside.ServeHTTP(w, r)
	})
	provider.Config.Handler = s.harbour
	for _, server := range []*httptest.Server{app, provider} {
		if secure {
			server.StartTLS()
		} else {
			server.Start()
		}
		t.Cleanup(server.Close)
	}
	return s
}

// An ender brings marks to both instances, which share a Set.
type ender struct{ set *marks.Set }

func (e ender) End(_ context.Context, m marks.Mark) error {
	now := time.Now()
	m.Until = now.Add(ssestore.DefaultPersistentAbsolute).Unix()
	e.set.Apply(now, m)
	return nil
}

// client finds *.test on this machine, as the browsers of these tests do.
func (s *oauthSite) client(jar http.CookieJar) *http.Client {
	return &http.Client{Jar: jar, Transport: &http.Transport{
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			_, port, err := net.SplitHostPort(address)
			if err != nil {
				return nil, err
			}
			return new(net.Dialer).DialContext(ctx, network, "127.0.0.1:"+port)
		},
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, // the test servers' certificates are their own
	}}
}

// fails returns what the provider was blamed for since the last call.
func (s *oauthSite) fails() (f []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f, s.failures = s.failures, nil
	return f
}

// A surfer visits both sites without a browser: a person who follows the refresh of a
// page, and presses buttons.
type surfer struct {
	t      *testing.T
	site   *oauthSite
	client *http.Client
}

func (s *oauthSite) surfer(t *testing.T) *surfer {
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &surfer{t, s, s.client(jar)}
}

type pageSeen struct {
	status int
	url    *url.URL
	body   string
}

// get and post follow redirects. A path is one of the application.
func (v *surfer) get(to string) pageSeen { return v.visit(v.client.Get(v.absolute(to))) }

func (v *surfer) post(to string, form url.Values) pageSeen {
	return v.visit(v.client.PostForm(v.absolute(to), form))
}

func (v *surfer) absolute(to string) string {
	if strings.HasPrefix(to, "/") {
		return v.site.base + to
	}
	return to
}

func (v *surfer) visit(res *http.Response, err error) pageSeen {
	v.t.Helper()
	if err != nil {
		v.t.Error(err)
		return pageSeen{url: new(url.URL)}
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		v.t.Error(err)
	}
	return pageSeen{res.StatusCode, res.Request.URL, string(body)}
}

var refreshTo = regexp.MustCompile(`content="0;url=([^"]*)"`)

// toHarbour starts at the application and ends at the login form of the provider.
func (v *surfer) toHarbour(path string, form url.Values) pageSeen {
	v.t.Helper()
	p := v.post(path, form)
	m := refreshTo.FindStringSubmatch(p.body)
	if m == nil {
		v.t.Errorf("no page that leads on: %d\n%s", p.status, p.body)
		return p
	}
	return v.get(unescape(m[1]))
}

// unescape undoes what a template does to a URL in an attribute.
func unescape(s string) string {
	return strings.NewReplacer("&amp;", "&", "&#43;", "+").Replace(s)
}

// as presses a person's button on the provider's form, or Cancel for "".
func (v *surfer) as(p pageSeen, person string) pageSeen {
	v.t.Helper()
	m := regexp.MustCompile(`name="id" value="([^"]*)"`).FindStringSubmatch(p.body)
	if m == nil {
		v.t.Errorf("no login form at %s:\n%s", p.url, p.body)
		return p
	}
	return v.post(p.url.ResolveReference(&url.URL{Path: "/id/login"}).String(), url.Values{"id": {m[1]}, "person": {person}})
}

// who is the user whom the members' page greets.
func (v *surfer) who() string {
	v.t.Helper()
	m := regexp.MustCompile(`<h1 id="member">([^<]*)`).FindStringSubmatch(v.get("/members").body)
	if m == nil {
		return ""
	}
	return m[1]
}

// whoElsewhere is the user whom the other instance knows, and "" is nobody.
func (v *surfer) whoElsewhere() string {
	v.t.Helper()
	r := httptest.NewRequest(http.MethodGet, v.site.base+"/", nil)
	for _, c := range v.client.Jar.Cookies(r.URL) {
		r.AddCookie(c)
	}
	w := httptest.NewRecorder()
	v.site.other.ServeHTTP(w, r)
	return w.Body.String()
}

// violations collects what the browser says about content security policies.
func (b *browserTab) violations() func() []string {
	b.t.Helper()
	var mu sync.Mutex
	var seen []string
	if err := chromedp.Listen(b.ctx, func(ev any) {
		if e, ok := ev.(*cdplog.EventEntryAdded); ok && strings.Contains(e.Entry.Text, "Content Security Policy") {
			mu.Lock()
			defer mu.Unlock()
			seen = append(seen, e.Entry.Text)
		}
	}); err != nil {
		b.t.Fatal(err)
	}
	if _, err := chromedp.Call(b.ctx, cdplog.Enable, cdp.Empty{}); err != nil {
		b.t.Fatal(err)
	}
	return func() []string {
		mu.Lock()
		defer mu.Unlock()
		return append([]string(nil), seen...)
	}
}

// reach waits until the tab shows a page at an address with this beginning.
func (b *browserTab) reach(prefix string) {
	b.t.Helper()
	at := ""
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); {
		v, err := try[string](b, `new Promise(done => setTimeout(() => done(document.readyState === "complete" ? location.href : ""), 20))`)
		if err == nil && strings.HasPrefix(v, prefix) {
			return
		}
		if err == nil {
			at = v
		}
	}
	b.t.Fatalf("at %s, and never at %s", at, prefix)
}

// press clicks something without waiting for what comes.
func (b *browserTab) press(css string) {
	b.t.Helper()
	b.do(chromedp.Click(chromedp.CSS(css)))
}
