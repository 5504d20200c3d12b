// Package reliability_test tests the reliability rows of docs/BEHAVIOUR.md (R1 to
// R12 and T6) with many clients, several instances and deliberate faults. Each test
// prints its figures:
//
//	go test -v ./fuzz/reliability          the short form, under a minute
//	go test -v ./fuzz/reliability -long    the long form
//
// All traffic stays on 127.0.0.1 or inside the process, and every loop is bounded.
package reliability_test

import (
	"context"
	"encoding/base64"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
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

var long = flag.Bool("long", false, "run the long form of every row")

// size picks the figure of the short or the long form.
func size(short, full int) int {
	if *long {
		return full
	}
	return short
}

// TestMain is also the program of the server process: see process_test.go.
func TestMain(m *testing.M) {
	if keys := os.Getenv(serverKeys); keys != "" {
		if err := serve(keys, os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// note is the data of these tests: one string in the session.
var note = ssestore.NewKey[string]("note")

type user struct{ ID, Secret string }

// people is a user store in which everybody exists. find, if set, decides instead.
type people struct {
	find atomic.Pointer[func(ctx context.Context, id string) (*user, error)]
}

func (p *people) byID(ctx context.Context, id string) (*user, error) {
	if f := p.find.Load(); f != nil {
		return (*f)(ctx, id)
	}
	return &user{id, "secret of " + id}, nil
}

// instance is one server of a fleet: store, users, guard and routes.
type instance struct {
	store    *ssestore.Store
	accounts *auth.Manager[*user]
	guard    *middleware.Guard[*user]
	mux      *http.ServeMux
	handler  http.Handler
}

// options say what an instance is made of. Keys is required.
type options struct {
	keys    keyring.Source
	people  *people
	now     func() time.Time
	store   ssestore.Config
	outcome func(*http.Request, ssestore.Outcome, error)
}

// build makes an instance. It has a login (POST /login?id=…), a logout, /who and
// /set, /get for the note; a test adds more to mux.
func build(o options) (*instance, error) {
	if o.people == nil {
		o.people = new(people)
	}
	o.store.Keys = o.keys
	in := &instance{mux: http.NewServeMux()}
	var err, err2, err3 error
	in.store, err = ssestore.New(o.store)
	in.accounts, err2 = auth.New(auth.Config[*user]{
		UserByID: o.people.byID,
		ID:       func(u *user) string { return u.ID },
		Stamp:    func(u *user) string { return u.Secret },
	})
	if err := errors.Join(err, err2); err != nil {
		return nil, err
	}
	in.guard, err3 = middleware.New(in.store, in.accounts, middleware.Config{Now: o.now, OnOutcome: o.outcome})
	if err3 != nil {
		return nil, err3
	}
	in.routes()
	in.handler = in.guard.Handler(in.mux)
	return in, nil
}

func (in *instance) routes() {
	in.mux.HandleFunc("POST /login", func(w http.ResponseWriter, r *http.Request) {
		id := r.URL.Query().Get("id")
		if err := in.accounts.Login(r.Context(), middleware.Session(r), &user{id, "secret of " + id}); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
		}
	})
	in.mux.Handle("POST /logout", in.guard.LogoutHandler("/who"))
	in.mux.Handle("GET /who", in.guard.ForAnyone(func(w http.ResponseWriter, r *http.Request, u *user, ok bool) {
		if ok {
			io.WriteString(w, u.ID)
		}
	}))
	in.mux.HandleFunc("POST /set", func(w http.ResponseWriter, r *http.Request) {
		s := middleware.Session(r)
		in.accounts.GetUser(r.Context(), s) // an error leaves the session held, which Set reports
		if err := note.Set(s, r.URL.Query().Get("v")); err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
		}
	})
	in.mux.HandleFunc("GET /get", func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, note.Get(middleware.Session(r)))
	})
}

func newInstance(t testing.TB, o options) *instance {
	t.Helper()
	in, err := build(o)
	if err != nil {
		t.Fatal(err)
	}
	return in
}

// ring makes a keyring of numbered keys, the primary first. A higher number is
// a newer key, and a number is always the same key.
func ring(t testing.TB, numbers ...int) *keyring.Keyring {
	t.Helper()
	r, err := keyring.Parse(jwkSet(numbers...))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func jwkSet(numbers ...int) string {
	var keys []string
	for _, n := range numbers {
		k := make([]byte, 32)
		copy(k, fmt.Sprintf("key number %d of these tests", n))
		keys = append(keys, fmt.Sprintf(`{"kty":"oct","kid":"tst%03dA","k":%q,"use":"enc","created":%d}`,
			n, base64.RawURLEncoding.EncodeToString(k), 1_000_000+n))
	}
	return `{"keys":[` + strings.Join(keys, ",") + "]}\n"
}

// client is a browser: a cookie jar, and one request after the other. It speaks
// to an instance directly, or to a server through its transport.
type client struct {
	jar       http.CookieJar
	transport http.RoundTripper
	base      string
}

func newClient(t testing.TB) *client {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &client{jar: jar, base: "http://127.0.0.1"}
}

// The signs by which browsers tell a page load from a script's request.
var (
	navigation = []string{"Sec-Fetch-Dest", "document", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Site", "none"}
	fetch      = []string{"Sec-Fetch-Dest", "empty", "Sec-Fetch-Mode", "cors", "Sec-Fetch-Site", "same-origin"}
)

// reply is a response that was read to its end.
type reply struct {
	status int
	header http.Header
	body   string
}

// setCookies are the lines for the session cookie, deletions the ones of them
// that delete it.
func (r reply) setCookies() (set, deletions int) {
	for _, line := range r.header["Set-Cookie"] {
		if c, err := http.ParseSetCookie(line); err == nil && c.Name == "__Host-session" {
			set++
			if c.MaxAge < 0 {
				deletions++
			}
		}
	}
	return set, deletions
}

// direct lets an instance answer without a network between.
func (in *instance) RoundTrip(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	in.handler.ServeHTTP(w, r)
	return w.Result(), nil
}

// at is the same client at another server.
func (c *client) at(rt http.RoundTripper) *client {
	other := *c
	other.transport = rt
	return &other
}

func (c *client) do(method, path string, headers ...string) (reply, error) {
	return c.doContext(context.Background(), method, path, headers...)
}

func (c *client) doContext(ctx context.Context, method, path string, headers ...string) (reply, error) {
	r, err := http.NewRequestWithContext(ctx, method, c.base+path, nil)
	if err != nil {
		return reply{}, err
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	// As in a browser, 127.0.0.1 is a secure place, where Secure cookies work. The
	// jar needs to be told.
	home := &url.URL{Scheme: "https", Host: r.URL.Host, Path: "/"}
	for _, cookie := range c.jar.Cookies(home) {
		r.AddCookie(cookie)
	}
	res, err := c.transport.RoundTrip(r)
	if err != nil {
		return reply{}, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return reply{}, err
	}
	c.jar.SetCookies(home, res.Cookies())
	return reply{res.StatusCode, res.Header, string(body)}, nil
}

// must is do for a request that has to work.
func (c *client) must(t testing.TB, method, path string, headers ...string) reply {
	t.Helper()
	r, err := c.do(method, path, headers...)
	if err != nil || r.status >= 400 {
		t.Errorf("%s %s: %d, %v", method, path, r.status, err)
	}
	return r
}

// clock is a time that the test sets, in Unix seconds.
type clock struct{ sec atomic.Int64 }

func newClock() *clock {
	c := new(clock)
	c.sec.Store(1_700_000_000)
	return c
}

func (c *clock) now() time.Time          { return time.Unix(c.sec.Load(), 0) }
func (c *clock) advance(d time.Duration) { c.sec.Add(int64(d / time.Second)) }
func (c *clock) skewed(d time.Duration) func() time.Time {
	return func() time.Time { return c.now().Add(d) }
}

// share runs f for 0 to n-1 on so many goroutines, each taking the numbers that
// are its own, and waits.
func share(n, goroutines int, f func(i int)) {
	var wg sync.WaitGroup
	for g := range goroutines {
		wg.Go(func() {
			for i := g; i < n; i += goroutines {
				f(i)
			}
		})
	}
	wg.Wait()
}
