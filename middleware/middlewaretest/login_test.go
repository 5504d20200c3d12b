package middlewaretest_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/hardtack-go/hardtack/auth"
	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/keyring"
	"github.com/hardtack-go/hardtack/middleware"
	"github.com/hardtack-go/hardtack/middleware/middlewaretest"
	"github.com/hardtack-go/hardtack/ssestore"
)

type User struct{ Name, Password string }

var (
	ada  = &User{"ada", "open sesame"}
	bob  = &User{"bob", "abracadabra"}
	cart = ssestore.NewKey[string]("cart")
)

// application is what the tests are about: a page for members.
func application(cfg ssestore.Config) (*middleware.Guard[*User], http.Handler) {
	store, err1 := ssestore.New(cfg)
	accounts, err2 := auth.New(auth.Config[*User]{
		UserByID: func(_ context.Context, id string) (*User, error) {
			for _, u := range []*User{ada, bob} {
				if u.Name == id {
					return u, nil
				}
			}
			return nil, auth.ErrNoUser
		},
		ID:    func(u *User) string { return u.Name },
		Stamp: func(u *User) string { return u.Password },
	})
	guard, err3 := middleware.New(store, accounts, middleware.Config{LoginURL: "/login", Log: slog.New(slog.DiscardHandler)})
	if err := errors.Join(err1, err2, err3); err != nil {
		panic(err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/members", guard.ForUser(func(w http.ResponseWriter, r *http.Request, u *User) {
		theme, _ := r.Cookie("theme")
		fmt.Fprintf(w, "Hello, %s! %s %v", u.Name, cart.Get(guard.Session(r)), theme)
	}))
	mux.HandleFunc("/add", func(w http.ResponseWriter, r *http.Request) {
		if err := cart.Set(guard.Session(r), "biscuits"); err != nil {
			panic(err)
		}
	})
	return guard, guard.Handler(mux)
}

// A request of a logged-in user, for a handler behind a guard.
func ExampleLogin() {
	guard, handler := application(ssestore.Config{Keys: keyring.Generate()})
	t := new(testing.T) // in a test it is the argument

	req := httptest.NewRequest("GET", "/members", nil)
	middlewaretest.Login(t, guard, req, ada)
	rec := httptest.NewRecorder()
	handler.ServeHTTP(rec, req)

	fmt.Println(rec.Code, rec.Body)
	// Output: 200 Hello, ada!
}

// get serves req and returns the body.
func get(t *testing.T, handler http.Handler, req *http.Request) string {
	t.Helper()
	rec := httptest.NewRecorder()
	handler.ServeHTTP(rec, req)
	if rec.Code != 200 {
		t.Errorf("%s %s: status %d", req.Method, req.URL, rec.Code)
	}
	return strings.TrimSpace(rec.Body.String())
}

// TestF505_LoginAsABrowser: what the request has already is kept, as a login keeps it:
// the anonymous session's data, other cookies, and everything that isn't a cookie.
func TestF505_LoginAsABrowser(t *testing.T) {
	guard, handler := application(ssestore.Config{Keys: keyring.Generate()})
	rec := httptest.NewRecorder()
	handler.ServeHTTP(rec, httptest.NewRequest("GET", "/add", nil))

	req := httptest.NewRequest("POST", "/members?page=2", strings.NewReader("a body"))
	req.Header.Set("Sec-Fetch-Site", "same-origin")
	for _, c := range rec.Result().Cookies() {
		req.AddCookie(c)
	}
	req.AddCookie(&http.Cookie{Name: "theme", Value: "dark"})
	middlewaretest.Login(t, guard, req, ada)
	if n := len(req.CookiesNamed("__Host-session")); n != 1 {
		t.Errorf("%d session cookies", n)
	}
	body, err := io.ReadAll(req.Body)
	if req.Method != "POST" || req.URL.String() != "/members?page=2" || string(body) != "a body" || err != nil || req.Header.Get("Sec-Fetch-Site") != "same-origin" {
		t.Errorf("Login changes the request: %v, body %q", req, body)
	}
	if got, want := get(t, handler, req), "Hello, ada! biscuits theme=dark"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}

	// Another user starts with an empty session, and ada's is over.
	middlewaretest.Login(t, guard, req, bob)
	if n := len(req.CookiesNamed("__Host-session")); n != 1 {
		t.Errorf("%d session cookies after the second login", n)
	}
	if got, want := get(t, handler, req), "Hello, bob!  theme=dark"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestF505_CookieJar: a client with a jar takes the cookies too.
func TestF505_CookieJar(t *testing.T) {
	guard, handler := application(ssestore.Config{Keys: keyring.Generate()})
	server := httptest.NewServer(handler)
	defer server.Close()
	req := httptest.NewRequest("GET", server.URL, nil)
	middlewaretest.Login(t, guard, req, ada)
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	at, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	jar.SetCookies(at, req.Cookies())
	res, err := (&http.Client{Jar: jar}).Get(server.URL + "/members")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if body, err := io.ReadAll(res.Body); err != nil || !strings.HasPrefix(string(body), "Hello, ada!") {
		t.Errorf("%q, %v", body, err)
	}
}

// fatal is a test that is about to fail.
type fatal struct {
	testing.TB
	text string
}

func (f *fatal) Fatalf(format string, args ...any) {
	f.text = fmt.Sprintf(format, args...)
	runtime.Goexit()
}

// leaving is a source whose keys are there when the store is made, and gone later.
type leaving struct {
	ring *keyring.Keyring
	gone bool
}

func (l *leaving) At(time.Time) *keyring.Keyring {
	if l.gone {
		return nil
	}
	return l.ring
}

// unsealing is a format that can't write.
type unsealing struct{ cookie.Codec }

func (unsealing) Seal(*keyring.Keyring, []byte) (string, error) { return "", errors.New("no") }

// TestF505_FailureIsFatal: a login that doesn't work ends the test and says why.
func TestF505_FailureIsFatal(t *testing.T) {
	good, _ := application(ssestore.Config{Keys: keyring.Generate()})
	keys := &leaving{ring: keyring.Generate()}
	noKey, _ := application(ssestore.Config{Keys: keys})
	keys.gone = true
	unsaved, _ := application(ssestore.Config{Keys: keyring.Generate(), Format: func(name, audience string) (cookie.Codec, error) {
		codec, err := cookie.JWE(name, audience)
		return unsealing{codec}, err
	}})
	for name, row := range map[string]struct {
		guard *middleware.Guard[*User]
		user  *User
		says  string
	}{
		"nil guard":  {nil, ada, "not from middleware.New"},
		"zero guard": {new(middleware.Guard[*User]), ada, "not from middleware.New"},
		"no user":    {good, nil, auth.ErrNoUser.Error()},
		"no key":     {noKey, ada, cookie.ErrNoPrimary.Error()},
		"not saved":  {unsaved, ada, "can't be saved (status 500)"},
	} {
		req := httptest.NewRequest("GET", "/members", nil)
		req.AddCookie(&http.Cookie{Name: "theme", Value: "dark"})
		f := &fatal{TB: t}
		done := make(chan bool)
		go func() {
			defer close(done)
			middlewaretest.Login(f, row.guard, req, row.user)
		}()
		<-done
		if !strings.Contains(f.text, row.says) {
			t.Errorf("%s: %q, want it to say %q", name, f.text, row.says)
		}
		if req.Header.Get("Cookie") != "theme=dark" {
			t.Errorf("%s: the request has the cookies %q", name, req.Header.Get("Cookie"))
		}
	}
}
