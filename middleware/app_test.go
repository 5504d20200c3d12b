package middleware_test

import (
	"context"
	"errors"
	"io"
	"log"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hardtack-go/hardtack/auth"
	"github.com/hardtack-go/hardtack/keyring"
	"github.com/hardtack-go/hardtack/middleware"
	"github.com/hardtack-go/hardtack/ssestore"
)

// note is the data of these tests: one string in the session.
var note = ssestore.NewKey[string]("note")

type user struct {
	ID, Password string
	Staff        bool
}

// users is a user store in memory that can be made to fail.
type users struct {
	mu   sync.Mutex
	byID map[string]*user
	down error // every lookup fails with it
}

func (u *users) find(_ context.Context, id string) (*user, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.down != nil {
		return nil, u.down
	}
	if found, ok := u.byID[id]; ok {
		c := *found
		return &c, nil
	}
	return nil, auth.ErrNoUser
}

func (u *users) fail(err error) {
	u.mu.Lock()
	u.down = err
	u.mu.Unlock()
}

func (u *users) setPassword(id, password string) *user {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.byID[id].Password = password
	c := *u.byID[id]
	return &c
}

// event is one call of OnOutcome, or of OnMistake, which has no Outcome.
type event struct {
	path string
	out  ssestore.Outcome
	err  error
}

// app is a small application on a real server.
type app struct {
	t        testing.TB
	keys     *keyring.Holder
	users    *users
	store    *ssestore.Store
	accounts *auth.Manager[*user]
	guard    *middleware.Guard[*user]
	mux      *http.ServeMux
	server   *httptest.Server
	clock    atomic.Int64 // Unix seconds
	mu       sync.Mutex
	events   []event // of OnOutcome
	mistakes []event // of OnMistake
}

// setup is what a test may change before the application is built.
type setup struct {
	store  ssestore.Config
	guard  middleware.Config
	auth   auth.Config[*user]
	ring   *keyring.Keyring
	clear  bool                            // plain HTTP instead of TLS
	around func(http.Handler) http.Handler // outside of guard.Handler
	inside func(http.Handler) http.Handler // inside of it
	http1  bool                            // also in the second round, because HTTP/2 has no Hijack
	http2  bool
}

// newApp builds the application and its server. It has a login (POST
// /login?id=…), a logout (POST /logout), /who for anyone, /set and /get for the
// note, and what the test adds to mux.
func newApp(t testing.TB, change func(*setup)) *app {
	t.Helper()
	a := &app{t: t, keys: new(keyring.Holder), mux: http.NewServeMux(), users: &users{byID: map[string]*user{
		"ann":  {ID: "ann", Password: "pw-ann"},
		"bob":  {ID: "bob", Password: "pw-bob"},
		"root": {ID: "root", Password: "pw-root", Staff: true},
	}}}
	a.clock.Store(time.Now().Unix())
	s := setup{
		store: ssestore.Config{Keys: a.keys},
		guard: middleware.Config{LoginURL: "/login", Now: a.now, OnOutcome: a.record, OnMistake: a.recordMistake, Log: slog.New(slog.DiscardHandler)},
		auth: auth.Config[*user]{
			UserByID: a.users.find,
			ID:       func(u *user) string { return u.ID },
			Stamp:    func(u *user) string { return u.Password },
			Staff:    func(u *user) bool { return u.Staff },
		},
		ring: keyring.Generate(),
	}
	if change != nil {
		change(&s)
	}
	if s.clear {
		s.store.Cookie.DangerouslyAllowHTTP = true
	}
	a.keys.Set(s.ring)
	var err error
	if a.store, err = ssestore.New(s.store); err != nil {
		t.Fatal(err)
	}
	if a.accounts, err = auth.New(s.auth); err != nil {
		t.Fatal(err)
	}
	if a.guard, err = middleware.New(a.store, a.accounts, s.guard); err != nil {
		t.Fatal(err)
	}
	a.routes()
	var h http.Handler = a.mux
	if s.inside != nil {
		h = s.inside(h)
	}
	h = a.guard.Handler(h)
	if s.around != nil {
		h = s.around(h)
	}
	a.server = httptest.NewUnstartedServer(h)
	a.server.Config.ErrorLog = log.New(io.Discard, "", 0)
	a.server.EnableHTTP2 = s.http2 || secondRound() && !s.http1
	if s.clear {
		a.server.Start()
	} else {
		a.server.StartTLS()
	}
	t.Cleanup(a.server.Close)
	return a
}

func (a *app) routes() {
	a.mux.HandleFunc("POST /login", func(w http.ResponseWriter, r *http.Request) {
		u, err := a.users.find(r.Context(), r.URL.Query().Get("id"))
		if err == nil {
			if r.URL.Query().Get("remember") != "" {
				err = middleware.Session(r).Remember(true)
			}
			err = errors.Join(err, a.accounts.Login(r.Context(), middleware.Session(r), u))
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusForbidden)
			return
		}
		http.Redirect(w, r, a.guard.Next(r, "/who"), http.StatusSeeOther)
	})
	a.mux.Handle("/logout", a.guard.LogoutHandler("/who"))
	a.mux.Handle("/who", a.guard.ForAnyone(func(w http.ResponseWriter, r *http.Request, u *user, ok bool) {
		if ok {
			io.WriteString(w, u.ID)
		} else {
			io.WriteString(w, "nobody")
		}
	}))
	a.mux.HandleFunc("/set", func(w http.ResponseWriter, r *http.Request) {
		if err := note.Set(middleware.Session(r), r.URL.Query().Get("v")); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
		}
	})
	a.mux.HandleFunc("/get", func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, note.Get(middleware.Session(r)))
	})
	a.mux.HandleFunc("/untouched", func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "hello") })
	a.mux.HandleFunc("/asked", func(w http.ResponseWriter, r *http.Request) { _ = middleware.Session(r) })
}

func (a *app) now() time.Time          { return time.Unix(a.clock.Load(), 0) }
func (a *app) advance(d time.Duration) { a.clock.Add(int64(d / time.Second)) }

func (a *app) record(r *http.Request, out ssestore.Outcome, err error) {
	a.mu.Lock()
	a.events = append(a.events, event{r.URL.Path, out, err})
	a.mu.Unlock()
}

func (a *app) recordMistake(r *http.Request, err error) {
	a.mu.Lock()
	a.mistakes = append(a.mistakes, event{r.URL.Path, ssestore.Outcome{}, err})
	a.mu.Unlock()
}

// seen returns the calls of OnOutcome for a path.
func (a *app) seen(path string) []event { return a.of(path, &a.events) }

// wrong returns the calls of OnMistake for a path.
func (a *app) wrong(path string) []event { return a.of(path, &a.mistakes) }

func (a *app) of(path string, events *[]event) []event {
	a.mu.Lock()
	defer a.mu.Unlock()
	var list []event
	for _, e := range *events {
		if e.path == path {
			list = append(list, e)
		}
	}
	return list
}

// browser returns a client with an empty cookie jar that does not follow
// redirects.
func (a *app) browser() *http.Client {
	jar, _ := cookiejar.New(nil)
	return &http.Client{
		Transport:     a.server.Client().Transport,
		Jar:           jar,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// reply is a response whose body has been read.
type reply struct {
	status int
	header http.Header
	body   string
	err    error // of reading the body
}

// cookies are the session's Set-Cookie lines, without the companion.
func (r reply) cookies(a *app) (list []*http.Cookie) {
	for _, line := range r.header["Set-Cookie"] {
		if c, err := http.ParseSetCookie(line); err == nil && c.Name == a.store.CookieName() {
			list = append(list, c)
		}
	}
	return list
}

// do sends one request. headers are name, value pairs.
func (a *app) do(c *http.Client, method, path string, headers ...string) reply {
	a.t.Helper()
	return a.post(c, method, path, nil, headers...)
}

func (a *app) post(c *http.Client, method, path string, form url.Values, headers ...string) reply {
	a.t.Helper()
	var body io.Reader
	if form != nil {
		body = strings.NewReader(form.Encode())
		headers = append(headers, "Content-Type", "application/x-www-form-urlencoded")
	}
	req, err := http.NewRequest(method, a.server.URL+path, body)
	if err != nil {
		a.t.Fatal(err)
	}
	for k, v := range head(headers...) {
		req.Header[k] = v
	}
	if h := req.Header.Get("Host"); h != "" {
		req.Host = h
		req.Header.Del("Host")
	}
	res, err := c.Do(req)
	if err != nil {
		return reply{err: err}
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	return reply{res.StatusCode, res.Header, string(b), err}
}

// login logs a browser in and stops the test when that fails.
func (a *app) login(c *http.Client, id string) {
	a.t.Helper()
	if r := a.do(c, "POST", "/login?id="+id); r.status != 303 {
		a.t.Fatalf("login as %s: %d %s", id, r.status, r.body)
	}
}

// who asks who is logged in, as a top-level navigation.
func (a *app) who(c *http.Client) string {
	a.t.Helper()
	return a.do(c, "GET", "/who", "Sec-Fetch-Dest", "document").body
}

// expect compares and says where.
func expect[T comparable](t *testing.T, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

// hijackable is the setup for connections that are taken out of HTTP.
func hijackable(s *setup) { s.http1 = true }

// plain is the setup for servers that are spoken to over raw TCP.
func plain(s *setup) { s.clear = true }
