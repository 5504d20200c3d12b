package rig

import (
	"fmt"
	"net"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hardtack-go/hardtack/auth"
	"github.com/hardtack-go/hardtack/keyring"
	"github.com/hardtack-go/hardtack/middleware"
	"github.com/hardtack-go/hardtack/signin"
	"github.com/hardtack-go/hardtack/ssestore"
)

// start is the time of the application until a test moves it.
var start = time.Unix(1_800_000_000, 0)

// Options change the application. The zero value is an application on
// https://example.com that is reached without a network.
type Options struct {
	// Listen serves on a free port of http://localhost, for a real browser or an
	// identity provider. Cookies are then sent without TLS.
	Listen bool
	// Keys is the source of keys. nil means a fresh ring in App.Keys.
	Keys keyring.Source

	Store func(*ssestore.Config)      // changes the sessions
	Guard func(*middleware.Config)    // changes the guard
	Desk  func(*signin.Config[*User]) // changes the desk
}

// An App is an application with every part that the ways need.
type App struct {
	Keys  *keyring.Holder // unless Options has other keys
	Store *ssestore.Store
	Guard *middleware.Guard[*User]
	Desk  *signin.Desk[*User]
	Users *Table
	Mails *Mails
	Mux   *http.ServeMux // GET / , GET /login and POST /logout are there already

	Hashes atomic.Int64 // how many passwords were hashed, if the test's hasher counts here

	handler http.Handler
	mu      sync.Mutex
	now     time.Time
	ring    *keyring.Keyring
}

// New returns an application. What is wrong ends the test.
func New(t testing.TB, o Options) *App {
	t.Helper()
	a := &App{Keys: new(keyring.Holder), Users: new(Table), Mails: new(Mails), Mux: http.NewServeMux(), now: start, ring: keyring.Generate()}
	a.Keys.Set(a.ring)
	keys := o.Keys
	if keys == nil {
		keys = a.Keys
	}
	origin := "https://example.com"
	var listener net.Listener
	if o.Listen {
		var err error
		if listener, err = net.Listen("tcp", "localhost:0"); err != nil {
			t.Fatal(err)
		}
		origin = fmt.Sprintf("http://localhost:%d", listener.Addr().(*net.TCPAddr).Port)
	}

	sessions := ssestore.Config{Keys: keys}
	sessions.Cookie.DangerouslyAllowHTTP = o.Listen
	if o.Store != nil {
		o.Store(&sessions)
	}
	var err error
	if a.Store, err = ssestore.New(sessions); err != nil {
		t.Fatal(err)
	}
	users, err := auth.New(auth.Config[*User]{
		UserByID: a.Users.ByID,
		ID:       func(u *User) string { return u.ID },
		Stamp:    (*User).Stamp,
	})
	if err != nil {
		t.Fatal(err)
	}
	guard := middleware.Config{LoginURL: "/login", Now: a.Now}
	if o.Guard != nil {
		o.Guard(&guard)
	}
	if a.Guard, err = middleware.New(a.Store, users, guard); err != nil {
		t.Fatal(err)
	}
	desk := signin.Config[*User]{Keys: keys, Origin: origin, Guard: a.Guard, Send: a.Mails}
	if o.Desk != nil {
		o.Desk(&desk)
	}
	if a.Desk, err = signin.New(desk); err != nil {
		t.Fatal(err)
	}
	a.Mux.HandleFunc("GET /{$}", a.Guard.ForAnyone(func(w http.ResponseWriter, r *http.Request, u *User, ok bool) {
		if !ok {
			fmt.Fprint(w, "nobody")
			return
		}
		fmt.Fprintf(w, "%s by %s", u.ID, a.Desk.How(r))
	}))
	a.Mux.HandleFunc("GET /login", func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "login") })
	a.Mux.HandleFunc("/logout", a.Desk.LogoutHandler("/"))
	a.handler = a.Guard.Handler(a.Mux)

	if listener != nil {
		server := &http.Server{Handler: a}
		done := make(chan struct{})
		go func() {
			defer close(done)
			_ = server.Serve(listener)
		}()
		t.Cleanup(func() {
			_ = server.Close()
			<-done
		})
	}
	return a
}

// ServeHTTP is the whole application, guard included.
func (a *App) ServeHTTP(w http.ResponseWriter, r *http.Request) { a.handler.ServeHTTP(w, r) }

// Now is the application's clock.
func (a *App) Now() time.Time {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.now
}

// Wait moves the clock.
func (a *App) Wait(d time.Duration) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.now = a.now.Add(d)
}

// URL returns a path as an absolute URL.
func (a *App) URL(path string) string { return a.Desk.URL(path) }

// Seals returns how often the first ring of App.Keys has sealed, sessions included.
func (a *App) Seals() uint64 { return a.ring.Primary().Counters().Sealed }

// host is the origin, parsed.
func (a *App) host() *url.URL {
	u, err := url.Parse(a.Desk.Config().Origin)
	if err != nil {
		panic(err) // signin.New parsed it
	}
	return u
}
