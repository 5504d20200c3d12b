package main

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/hardtack-go/hardtack/auth"
	"github.com/hardtack-go/hardtack/examples/internal/harbour"
	"github.com/hardtack-go/hardtack/signin"
	"github.com/hardtack-go/hardtack/signin/oauth"
	"github.com/hardtack-go/hardtack/signin/passkey"
	"github.com/hardtack-go/hardtack/signin/passlink"
	"github.com/hardtack-go/hardtack/signin/password"
)

// ways are the handlers of the four ways to log in. Each is an http.Handler for the
// paths below its own, and all of them let people in by the desk.
type ways struct {
	desk      *signin.Desk[*User]
	passwords http.Handler
	links     http.Handler
	oauth     http.Handler
	passkeys  http.Handler // nil: the demo is at an IP address, for which browsers have none
	harbour   http.Handler
}

// people are those whom Harbour ID knows. Ada has an account here, too, which her
// identity there doesn't open: she has to connect it first.
var people = []harbour.Person{
	{Subject: "1001", Name: "Grace", Email: "grace@harbour.example", Verified: true},
	{Subject: "1002", Name: "Ada", Email: "ada@example.com", Verified: true},
	{Subject: "1003", Name: "Somebody", Email: "unverified@harbour.example"},
}

const harbourPath = "/harbour"

// openWays makes the ways. Its order is that of the login page.
func (a *app) openWays(origin string) (err error) {
	a.desk, err = signin.New(signin.Config[*User]{
		Keys:     a.keys,
		Origin:   origin,
		Guard:    a.guard,
		LoginURL: "/login",
		Send:     a.mails,
		Throttle: a.throttle,
		Enter:    a.enter,
		Page:     a.showPage,
		Log:      a.log,
	})
	if err != nil {
		return err
	}
	if u, err := url.Parse(origin); err == nil && net.ParseIP(u.Hostname()) == nil {
		a.passkeys, err = passkey.New(a.desk, passkey.Config[*User]{
			Users:   a.users,
			Account: func(u *User) string { return u.Email },
			Name:    "Hardtack",
			OnClone: func(ctx context.Context, u *User, _ passkey.Passkey) { note(ctx).event = "passkey copied" },
		})
		if err != nil {
			return err
		}
	}
	if err := a.openHarbour(origin); err != nil {
		return err
	}
	a.links, err = passlink.New(a.desk, passlink.Config[*User]{
		Users: a.users,
		Email: func(u *User) string { return u.Email },
		Bound: func(u *User) []string { return []string{u.Stamp, u.Hash, strconv.FormatInt(u.Logins, 10)} },
	})
	if err != nil {
		return err
	}
	a.passwords, err = password.New(a.desk, password.Config[*User]{
		Users: a.users,
		Account: func(u *User) password.Account {
			return password.Account{Email: u.Email, Hash: u.Hash, Proven: u.Proven}
		},
		Create:    a.users.SignUp,
		Addresses: a.users,
		Hasher:    a.hasher,
		Path:      "/",
	})
	return err
}

// openHarbour makes the provider Harbour ID, which is in this process, and this
// application's side of it, which reaches it without the network. In a fleet the
// provider is in the supervisor: it is one for all.
func (a *app) openHarbour(origin string) error {
	issuer, transport := origin+harbourPath, http.RoundTripper(nil)
	a.harbour = http.NotFoundHandler()
	if a.member != nil {
		issuer = a.member.Home + harbourPath
	} else {
		provider, err := harbour.New(issuer, people, origin+"/oauth/harbour/callback")
		if err != nil {
			return err
		}
		a.harbour, transport = provider, inside{provider}
	}
	client := oauth.OIDC("harbour", issuer, harbour.ClientID, harbour.ClientSecret)
	client.Title = "Harbour ID"
	client.Client = &http.Client{Transport: transport}
	var err error
	a.oauth, err = oauth.New(a.desk, oauth.Config[*User]{
		Users:     a.users,
		Providers: []*oauth.Provider{client},
		OnFailure: func(_ *http.Request, provider string, err error) {
			a.log.Warn("provider", "name", provider, "error", err)
		},
	})
	return err
}

// unthrottled is a throttle that stops nobody.
type unthrottled struct{}

func (unthrottled) Allow(*http.Request, string) (time.Duration, bool) { return 0, true }

// enter is the hook through which every login goes.
func (a *app) enter(_ http.ResponseWriter, r *http.Request, e signin.Entry[*User]) error {
	if e.User.Disabled {
		note(r.Context()).event = "login refused"
		return auth.Forbidden("This account is closed. Ask somebody of the staff.")
	}
	before, _ := a.guard.Session(r).Principal().Mark()
	if err := a.desk.Login(r, e); err != nil {
		return err
	}
	a.listSession(r, e.User, e.How, before)
	a.notice(r, "Logged in as "+e.User.Email+".")
	return nil
}

// events are the pages that say that something happened, for the log.
var events = map[string]string{
	"password/changed": "password changed",
	"password/set":     "password reset",
	"password/moved":   "address changed",
	"password/proven":  "address proven",
}

// mailed are the pages after which a mail is on its way.
var mailed = map[string]bool{"passlink/sent": true, "password/sent": true}

// showPage draws the pages of the ways in the demo's layout.
func (a *app) showPage(w http.ResponseWriter, r *http.Request, p signin.Page) {
	if p.Status == http.StatusServiceUnavailable { // the desk, or OnFailure, has logged why
		w.Header().Set("Retry-After", "5")
	}
	user, err := a.guard.User(r) // for the header: without an answer it says nothing
	if event := events[p.Name]; event != "" && p.Problem == "" {
		note(r.Context()).event = event
		if err == nil {
			note(r.Context()).user = user.Key()
			a.relist(r, user)
		}
	}
	if p.Name == "password/login" {
		field := "email"
		if p.Problem != "" {
			note(r.Context()).event, field = "login refused", "password"
		}
		a.showLogin(w, r, p.Status, page{Way: p.Name, User: user, Field: field, Problem: p.Problem}, fields{
			Email: p.Fields["email"], Next: p.Fields["next"], Remember: p.Fields["remember"] != "",
		})
		return
	}
	a.render(w, r, p.Status, "signin", page{Way: p.Name, User: user, Bare: unknown(err), Problem: p.Problem, Data: signinView{p, mailed[p.Name] && p.Status == http.StatusOK}})
}

// unknown reports whether nobody can say if somebody is logged in.
func unknown(err error) bool { return err != nil && !errors.Is(err, auth.ErrNoUser) }

type signinView struct {
	signin.Page
	Mailed bool
}

// howWords say how somebody logged in.
func howWords(how signin.How) string {
	switch how {
	case "password":
		return "with your password"
	case "passkey":
		return "with a passkey"
	case "link":
		return "with a link in a mail"
	case "oauth:harbour":
		return "with Harbour ID"
	}
	return "with the old application"
}
