package e2e_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/webauthn"
	"github.com/chromedp/chromedp"

	"github.com/hardtack-go/hardtack/auth"
	"github.com/hardtack-go/hardtack/keyring"
	"github.com/hardtack-go/hardtack/middleware"
	"github.com/hardtack-go/hardtack/signin"
	"github.com/hardtack-go/hardtack/signin/passkey"
	"github.com/hardtack-go/hardtack/ssestore"
)

// policy is what a login page needs, and no more.
const policy = "default-src 'none'; script-src 'self'; connect-src 'self'; style-src 'self'; img-src 'self'; form-action 'self'; report-uri /violation"

// A harbour is an application that people enter with passkeys. POST /enter stands for
// another way in. There is one user, called 1.
type harbour struct {
	t     *testing.T
	base  string
	shown chan string // pages that have loaded, and their visitors: "/account 1 by test"
	calls chan string // of the passkeys' handler: "ask"

	mu         sync.Mutex
	keys       []passkey.Passkey
	down       bool
	second     bool // whether logins need a second factor
	clones     int
	violations []string
}

type sailor struct{ id string }

func newHarbour(t *testing.T) *harbour {
	x := &harbour{t: t, shown: make(chan string, 1000), calls: make(chan string, 1000)}
	server := httptest.NewUnstartedServer(nil)
	x.base = localhost(t, "http://"+server.Listener.Addr().String())
	keys := keyring.Generate()
	store, err1 := ssestore.New(ssestore.Config{Keys: keys})
	users, err2 := auth.New(auth.Config[*sailor]{
		UserByID: func(_ context.Context, id string) (*sailor, error) { return &sailor{id}, nil },
		ID:       func(s *sailor) string { return s.id },
		Stamp:    func(*sailor) string { return "" },
	})
	guard, err3 := middleware.New(store, users, middleware.Config{LoginURL: "/login"})
	if err := errors.Join(err1, err2, err3); err != nil {
		t.Fatal(err)
	}
	desk, err := signin.New(signin.Config[*sailor]{Keys: keys, Origin: x.base, Guard: guard, Enter: x.enter(guard)})
	if err != nil {
		t.Fatal(err)
	}
	passkeys, err := passkey.New(desk, passkey.Config[*sailor]{
		Users: x, Account: func(*sailor) string { return "ada@example.com" }, Name: "Harbour",
		OnClone: func(context.Context, *sailor, passkey.Passkey) {
			x.mu.Lock()
			defer x.mu.Unlock()
			x.clones++
		},
	})
	if err != nil {
		t.Fatal(err)
	}

	mux := http.NewServeMux()
	mux.HandleFunc("/passkey/", func(w http.ResponseWriter, r *http.Request) {
		passkeys.ServeHTTP(w, r)
		x.calls <- r.URL.Path[len("/passkey/"):]
	})
	mux.HandleFunc("POST /enter", func(w http.ResponseWriter, r *http.Request) {
		if err := desk.Login(r, signin.Entry[*sailor]{User: &sailor{"1"}, How: "test"}); err != nil {
			t.Error(err)
		}
		http.Redirect(w, r, "/account", http.StatusSeeOther)
	})
	mux.HandleFunc("/logout", desk.LogoutHandler("/out"))
	page := func(name string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Security-Policy", policy)
			var b bytes.Buffer
			if err := harbourPages.ExecuteTemplate(&b, name, x.stored()); err != nil {
				t.Error(err)
			}
			w.Write(b.Bytes())
		}
	}
	for _, name := range []string{"login", "account", "out", "second", "inline"} {
		mux.HandleFunc("GET /"+name, page(name))
	}
	mux.HandleFunc("GET /favicon.ico", func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusNoContent) })
	mux.HandleFunc("GET /app.js", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/javascript")
		fmt.Fprint(w, `
			addEventListener("passkey", event => { document.title = event.detail })
			addEventListener("load", () => fetch("/ready?page=" + location.pathname))
			const { get } = CredentialsContainer.prototype
			CredentialsContainer.prototype.get = function (options) {
				const credential = get.call(this, options)
				fetch("/asked")
				return credential
			}`)
	})
	mux.HandleFunc("GET /asked", func(http.ResponseWriter, *http.Request) { x.shown <- "asked" }) // the browser, for a passkey
	mux.HandleFunc("GET /ready", guard.ForAnyone(func(w http.ResponseWriter, r *http.Request, u *sailor, ok bool) {
		who := "nobody"
		if ok {
			who = u.id + " by " + string(desk.How(r))
		}
		x.shown <- r.FormValue("page") + " " + who
	}))
	outer := http.NewServeMux()
	outer.Handle("/", guard.Handler(mux))
	outer.HandleFunc("POST /violation", func(w http.ResponseWriter, r *http.Request) {
		var b bytes.Buffer
		if _, err := b.ReadFrom(r.Body); err != nil {
			t.Error(err)
		}
		x.mu.Lock()
		defer x.mu.Unlock()
		x.violations = append(x.violations, b.String())
		x.shown <- "/violation"
	})
	server.Config.Handler = outer
	server.Start()
	t.Cleanup(server.Close)
	return x
}

var harbourPages = template.Must(template.New("").Parse(`
{{define "top"}}<!doctype html><html lang="en"><meta charset="utf-8"><title>Harbour</title>
<script src="/app.js" type="module"></script><script src="/passkey/passkey.js" type="module"></script><h1>Harbour</h1>{{end}}
{{define "login"}}{{template "top" .}}
<form hidden data-passkey="login" data-path="/passkey/" data-next="/account"><button>Use a passkey</button><p role="status"></p></form>
<form method="post" action="/enter"><label>Email <input name="email" autocomplete="username webauthn"></label>
<label><input type="checkbox" name="remember" value="1"> Keep me logged in</label><button id="submit">Log in</button></form>{{end}}
{{define "account"}}{{template "top" .}}
<form hidden data-passkey="add" data-path="/passkey/" data-next="/account" data-login="/login"><label>Name <input name="name" value="My key"></label><button>Add a passkey</button><p role="status"></p></form>
<ul>{{range .}}<li>{{.Name}}<form method="post" action="/passkey/remove?next=/account"><input type="hidden" name="id" value="{{.ID}}"><button class="remove">Remove</button></form>{{end}}</ul>{{end}}
{{define "out"}}{{template "top" .}}{{end}}
{{define "second"}}{{template "top" .}}{{end}}
{{define "inline"}}{{template "top" .}}<script>document.title = "inline"</script>{{end}}`))

func (x *harbour) enter(guard *middleware.Guard[*sailor]) func(http.ResponseWriter, *http.Request, signin.Entry[*sailor]) error {
	return func(w http.ResponseWriter, r *http.Request, e signin.Entry[*sailor]) error {
		x.mu.Lock()
		second := x.second
		x.mu.Unlock()
		if second {
			http.Redirect(w, r, "/second", http.StatusSeeOther)
			return signin.ErrAnswered
		}
		if err := guard.Login(r, e.User); err != nil {
			return err
		}
		return guard.Session(r).Remember(e.Remember)
	}
}

// The user store.

var errHarbourDown = errors.New("the harbour is closed")

func (x *harbour) lock() (unlock func(), err error) {
	x.mu.Lock()
	if x.down {
		err = errHarbourDown
	}
	return x.mu.Unlock, err
}

func (x *harbour) index(id string) int {
	return slices.IndexFunc(x.keys, func(p passkey.Passkey) bool { return p.ID == id })
}

func (x *harbour) ByPasskey(_ context.Context, id string) (*sailor, passkey.Passkey, error) {
	unlock, err := x.lock()
	defer unlock()
	i := x.index(id)
	if err == nil && i < 0 {
		err = auth.ErrNoUser
	}
	if err != nil {
		return nil, passkey.Passkey{}, err
	}
	return &sailor{"1"}, x.keys[i], nil
}

func (x *harbour) Passkeys(context.Context, *sailor) ([]passkey.Passkey, error) {
	unlock, err := x.lock()
	defer unlock()
	return slices.Clone(x.keys), err
}

func (x *harbour) Save(_ context.Context, _ *sailor, p passkey.Passkey) error {
	unlock, err := x.lock()
	defer unlock()
	i := x.index(p.ID)
	switch {
	case err != nil:
		return err
	case p.Version == 0 && i < 0:
		p.Version = 1
		x.keys = append(x.keys, p)
	case p.Version > 0 && i >= 0 && x.keys[i].Version == p.Version:
		p.Version++
		x.keys[i] = p
	default:
		return signin.ErrChanged
	}
	return nil
}

func (x *harbour) Remove(_ context.Context, _ *sailor, id string) error {
	unlock, err := x.lock()
	defer unlock()
	if err == nil {
		x.keys = slices.DeleteFunc(x.keys, func(p passkey.Passkey) bool { return p.ID == id })
	}
	return err
}

func (x *harbour) stored() []passkey.Passkey {
	x.mu.Lock()
	defer x.mu.Unlock()
	return slices.Clone(x.keys)
}

// change changes something under the lock.
func (x *harbour) change(f func()) {
	x.mu.Lock()
	defer x.mu.Unlock()
	f()
}

// count adds to the counter of every stored passkey.
func (x *harbour) count(n int) {
	x.change(func() {
		for i, p := range x.keys {
			var data, authenticator map[string]json.RawMessage
			count := 0
			err := errors.Join(json.Unmarshal(p.Data, &data), json.Unmarshal(data["authenticator"], &authenticator))
			if raw := authenticator["signCount"]; err == nil && raw != nil {
				err = json.Unmarshal(raw, &count)
			}
			if err != nil {
				x.t.Fatal(err)
			}
			authenticator["signCount"] = json.RawMessage(fmt.Sprint(count + n))
			var err2 error
			if data["authenticator"], err = json.Marshal(authenticator); err == nil {
				x.keys[i].Data, err2 = json.Marshal(data)
			}
			if err := errors.Join(err, err2); err != nil {
				x.t.Fatal(err)
			}
		}
	})
}

// wait waits until a page has loaded, or a call of the handler has been answered.
func wait(t *testing.T, from <-chan string, want string) {
	t.Helper()
	end := time.After(patience)
	var seen []string
	for {
		select {
		case got := <-from:
			if got == want {
				return
			}
			seen = append(seen, got)
		case <-end:
			t.Fatalf("no %q, but %q", want, seen)
		}
	}
}

// A helm is a browser with authenticators.
type helm struct {
	*browserTab
	x *harbour
}

func (x *harbour) browser() *helm {
	x.t.Helper()
	b := &helm{openBrowser(x.t, x.base), x}
	call(b.browserTab, webauthn.Enable, webauthn.EnableParams{})
	return b
}

// authenticator plugs one in that verifies its user. If present is false, its user
// doesn't touch it.
func (b *helm) authenticator(transport webauthn.AuthenticatorTransport, present bool) webauthn.AuthenticatorID {
	b.t.Helper()
	res, err := chromedp.Call(b.ctx, webauthn.AddVirtualAuthenticator, webauthn.AddVirtualAuthenticatorParams{
		Options: &webauthn.VirtualAuthenticatorOptions{
			Protocol: webauthn.AuthenticatorProtocolCtap2, Transport: transport,
			HasResidentKey: true, HasUserVerification: true, IsUserVerified: true,
			AutomaticPresenceSimulation: present,
		},
	})
	if err != nil {
		b.t.Fatal(err)
	}
	return res.AuthenticatorID
}

func (b *helm) present(id webauthn.AuthenticatorID, yes bool) {
	b.t.Helper()
	call(b.browserTab, webauthn.SetAutomaticPresenceSimulation, webauthn.SetAutomaticPresenceSimulationParams{AuthenticatorID: id, Enabled: yes})
}

// held returns how many passkeys an authenticator has.
func (b *helm) held(id webauthn.AuthenticatorID) int {
	b.t.Helper()
	res, err := chromedp.Call(b.ctx, webauthn.GetCredentials, webauthn.GetCredentialsParams{AuthenticatorID: id})
	if err != nil {
		b.t.Fatal(err)
	}
	return len(res.Credentials)
}

// press clicks something and doesn't wait for what comes of it.
func (b *helm) press(css string) {
	b.t.Helper()
	if _, err := try[bool](b.browserTab, `setTimeout(() => document.querySelector(`+quoteJS(css)+`).click()) > 0`); err != nil {
		b.t.Logf("%s: %v", css, err) // the page has gone on by itself; what the test waits for shows where to
	}
}

// status waits until the passkey form of the page says something.
func (b *helm) status() string {
	b.t.Helper()
	return eval[string](b.browserTab, `new Promise(done => {
		const status = document.querySelector("[role=status]")
		const look = () => status.textContent && done(status.textContent)
		look()
		new MutationObserver(look).observe(status, { childList: true, subtree: true, characterData: true })
	})`)
}

// shown waits until the passkey form of the page is there.
func (b *helm) offered() {
	b.t.Helper()
	eval[bool](b.browserTab, `new Promise(done => {
		const form = document.querySelector("[data-passkey]")
		const look = () => form.hidden || done(true)
		look()
		new MutationObserver(look).observe(form, { attributes: true })
	})`)
}

// enter logs in another way, and logout ends that.
func (b *helm) enter() {
	b.t.Helper()
	b.open("/out")
	eval[bool](b.browserTab, `fetch("/logout", { method: "POST" }).then(() => fetch("/enter", { method: "POST" })).then(() => true)`)
	b.open("/account")
	wait(b.t, b.x.shown, "/account 1 by test")
	b.offered()
}

func (b *helm) logout() {
	b.t.Helper()
	b.open("/out")
	eval[bool](b.browserTab, `fetch("/logout", { method: "POST" }).then(() => true)`)
	b.open("/out")
	wait(b.t, b.x.shown, "/out nobody")
}

// drain forgets what has been shown and called.
func (x *harbour) drain() {
	for len(x.shown) > 0 {
		<-x.shown
	}
	for len(x.calls) > 0 {
		<-x.calls
	}
}
