package auth_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hardtack-go/hardtack/auth"
	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/keyring"
	"github.com/hardtack-go/hardtack/ssestore"
)

// The tests of this package drive whole requests: Cookie lines go in, an
// Outcome comes out, and a browser keeps what it says. Nothing is mocked; the
// user store is a map.

// t0 is the time of the first request of every test.
var t0 = time.Unix(1_700_000_000, 0)

var (
	cart  = ssestore.NewKey[string]("cart")
	theme = ssestore.NewKey[string]("theme")
)

type user struct {
	ID, Hash string
	Staff    bool
}

// secret is the root key number n of every ring in these tests.
func secret(n int) []byte { return []byte(strings.Repeat(string(rune('a'+n)), 32)) }

// ring makes a keyring of numbered keys, the primary first. A higher number is
// a newer key.
func ring(t testing.TB, numbers ...int) *keyring.Keyring {
	t.Helper()
	var keys []string
	for _, n := range numbers {
		keys = append(keys, fmt.Sprintf(`{"kty":"oct","kid":%q,"k":%q,"use":"enc","created":%d}`,
			kid(n), base64.RawURLEncoding.EncodeToString(secret(n)), n*1000))
	}
	r, err := keyring.Parse(`{"keys":[` + strings.Join(keys, ",") + `]}`)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func kid(n int) string { return fmt.Sprintf("test%dAA", n) }

// site is one instance of an application.
type site struct {
	t     testing.TB
	store *ssestore.Store
	users *auth.Manager[*user]
	rows  map[string]*user // the user table
	now   time.Time

	fail   func(ctx context.Context, id string) (*user, error) // instead of rows
	calls  atomic.Int32                                        // of UserByID
	events []string
}

func newSite(t testing.TB, keys keyring.Source, changes ...func(*auth.Config[*user])) *site {
	t.Helper()
	x := &site{t: t, now: t0, rows: map[string]*user{
		"1": {ID: "1", Hash: "hash of one"},
		"2": {ID: "2", Hash: "hash of two", Staff: true},
	}}
	var err error
	if x.store, err = ssestore.New(ssestore.Config{Keys: keys}); err != nil {
		t.Fatal(err)
	}
	x.users = x.manager(changes...)
	return x
}

// manager makes a further manager over the same user table.
func (x *site) manager(changes ...func(*auth.Config[*user])) *auth.Manager[*user] {
	x.t.Helper()
	c := auth.Config[*user]{
		UserByID: func(ctx context.Context, id string) (*user, error) {
			x.calls.Add(1)
			if x.fail != nil {
				return x.fail(ctx, id)
			}
			u, ok := x.rows[id]
			if !ok {
				return nil, auth.ErrNoUser
			}
			c := *u // as a database would: a new value each time
			return &c, nil
		},
		ID:    func(u *user) string { return u.ID },
		Stamp: func(u *user) string { return u.Hash },
		Staff: func(u *user) bool { return u.Staff },
		OnLogin: func(_ context.Context, _ *ssestore.Session, u *user) {
			x.events = append(x.events, "login "+u.ID)
		},
		OnLogout: func(_ context.Context, s *ssestore.Session, u *user, ok bool) {
			if !ok {
				u = &user{ID: "nobody"}
			}
			x.events = append(x.events, "logout "+u.ID+" cart="+cart.Get(s))
		},
		OnRefused: func(_ context.Context, id string, reason cookie.Reason) {
			x.events = append(x.events, "refused "+id+" "+reason.String())
		},
	}
	for _, change := range changes {
		change(&c)
	}
	m, err := auth.New(c)
	if err != nil {
		x.t.Fatal(err)
	}
	return m
}

// on returns the same application on another instance, with other keys.
func (x *site) on(keys keyring.Source) *site {
	x.t.Helper()
	y := newSite(x.t, keys)
	y.rows, y.now = x.rows, x.now
	return y
}

func skipStamp(c *auth.Config[*user]) { c.DangerouslySkipStamp = true }

// withRow is a store with one user in memory, which allocates nothing.
func withRow(u *user) func(*auth.Config[*user]) {
	return func(c *auth.Config[*user]) {
		c.UserByID = func(context.Context, string) (*user, error) { return u, nil }
	}
}

// browser is a cookie jar of one site.
type browser map[string]string

func (b browser) lines() []string {
	var pairs []string
	for name, value := range b {
		pairs = append(pairs, name+"="+value)
	}
	if pairs == nil {
		return nil
	}
	return []string{strings.Join(pairs, "; ")}
}

// copy is what a thief takes.
func (b browser) copy() browser {
	c := browser{}
	for k, v := range b {
		c[k] = v
	}
	return c
}

const sessionName = "__Host-session"

// visit is one request that ends with status 200.
func (x *site) visit(b browser, handle func(s *ssestore.Session)) ssestore.Outcome {
	x.t.Helper()
	return x.visitStatus(b, 200, handle)
}

func (x *site) visitStatus(b browser, status int, handle func(s *ssestore.Session)) ssestore.Outcome {
	x.t.Helper()
	s := x.store.Load(b.lines(), x.now)
	handle(s)
	out, err := s.Commit(status)
	if err != nil {
		x.t.Fatalf("Commit: %v", err)
	}
	for _, line := range out.SetCookie {
		c, err := http.ParseSetCookie(line)
		if err != nil {
			x.t.Fatalf("Set-Cookie %q: %v", line, err)
		}
		if c.MaxAge < 0 {
			delete(b, c.Name)
		} else {
			b[c.Name] = c.Value
		}
	}
	return out
}

// login is a request that logs a user of the table in.
func (x *site) login(b browser, id string) ssestore.Outcome {
	x.t.Helper()
	return x.visit(b, func(s *ssestore.Session) {
		if err := x.users.Login(context.Background(), s, x.rows[id]); err != nil {
			x.t.Fatalf("Login: %v", err)
		}
	})
}

// who is the id that GetUser gives within s, or "" without a user.
func (x *site) who(s *ssestore.Session) string {
	x.t.Helper()
	u, err := x.users.GetUser(context.Background(), s)
	if err == nil && u == nil {
		x.t.Fatal("GetUser: neither user nor error")
	}
	if err != nil {
		if u != nil {
			x.t.Fatalf("GetUser: a user with the error %v", err)
		}
		if !errors.Is(err, auth.ErrNoUser) {
			x.t.Fatalf("GetUser: %v", err)
		}
		return ""
	}
	return u.ID
}

// whoami is a request that only asks for the user.
func (x *site) whoami(b browser) (id string, out ssestore.Outcome) {
	x.t.Helper()
	out = x.visit(b, func(s *ssestore.Session) { id = x.who(s) })
	return id, out
}

// add is a request that puts text into the cart without asking for the user.
func (x *site) add(b browser, text string) ssestore.Outcome {
	x.t.Helper()
	return x.visit(b, func(s *ssestore.Session) {
		if err := cart.Set(s, text); err != nil {
			x.t.Fatal(err)
		}
	})
}

// cartOf reads the cart without asking for the user and without writing.
func (x *site) cartOf(b browser) string {
	x.t.Helper()
	return cart.Get(x.store.Load(b.lines(), x.now))
}

// claims opens the session cookie with any of the test keys.
func claims(t testing.TB, b browser) map[string]any {
	t.Helper()
	codec, err := cookie.JWE(sessionName, "")
	if err != nil {
		t.Fatal(err)
	}
	opened, err := codec.Open(ring(t, 9, 8, 7, 6, 5, 4, 3, 2, 1).At(t0), b[sessionName])
	if err != nil {
		t.Fatalf("the session cookie does not open: %v", err)
	}
	var c map[string]any
	if err := json.Unmarshal(opened.Plaintext, &c); err != nil {
		t.Fatal(err)
	}
	c["kid"] = opened.Key.ID()
	return c
}

// forge seals claims of our own making under key n, so that a test can bring
// any state about.
func forge(t testing.TB, n int, plaintext string) browser {
	t.Helper()
	codec, err := cookie.JWE(sessionName, "")
	if err != nil {
		t.Fatal(err)
	}
	value, err := codec.Seal(ring(t, n).At(t0), []byte(plaintext))
	if err != nil {
		t.Fatal(err)
	}
	return browser{sessionName: value}
}

func same(t testing.TB, what string, got, want any) {
	t.Helper()
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

// silent says that a response carried no Set-Cookie.
func silent(t testing.TB, out ssestore.Outcome) {
	t.Helper()
	if len(out.SetCookie) != 0 {
		t.Errorf("Set-Cookie was sent: %q", out.SetCookie)
	}
}

// deleted says that a response deleted the session cookie.
func deleted(t testing.TB, b browser, out ssestore.Outcome) {
	t.Helper()
	if _, ok := b[sessionName]; ok || !out.Deleted {
		t.Errorf("the session cookie was not deleted: %+v", out)
	}
}
