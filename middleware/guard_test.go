package middleware_test

import (
	"context"
	"errors"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hardtack-go/hardtack/auth"
	"github.com/hardtack-go/hardtack/keyring"
	"github.com/hardtack-go/hardtack/middleware"
	"github.com/hardtack-go/hardtack/ssestore"
)

// TestMissingHandler: guards and sessions without Handler are errors, never a
// panic and never a way in.
func TestMissingHandler(t *testing.T) {
	a := newApp(t, nil)
	guarded(a)
	a.mux.Handle("/form", a.guard.LoginHandler("/who", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { t.Error("passed") })))
	for _, tt := range []struct{ method, path string }{
		{"GET", "/members"}, {"GET", "/staff"}, {"GET", "/check"}, {"GET", "/foruser"}, {"GET", "/who"}, {"GET", "/form"}, {"POST", "/logout"},
	} {
		rec := httptest.NewRecorder()
		a.mux.ServeHTTP(rec, httptest.NewRequest(tt.method, tt.path, nil)) // the mux, not the guard's Handler
		expect(t, tt.path, rec.Code, 500)
		e := a.wrong(tt.path)
		if len(e) != 1 || !errors.Is(e[0].err, ssestore.ErrNoSession) {
			t.Errorf("%s: reports %+v, want ErrNoSession", tt.path, e)
		}
	}
	for _, r := range []*http.Request{nil, httptest.NewRequest("GET", "/", nil)} {
		s := middleware.Session(r)
		if err := note.Set(s, "x"); !errors.Is(err, ssestore.ErrNoSession) {
			t.Errorf("Set on a missing session: %v", err)
		}
		expect(t, "Get on a missing session", note.Get(s), "")
	}
}

// TestZeroGuard: a guard that New did not make answers 500.
func TestZeroGuard(t *testing.T) {
	pass := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { t.Error("passed") })
	for name, g := range map[string]*middleware.Guard[*user]{"nil": nil, "zero": new(middleware.Guard[*user])} {
		for _, h := range []http.Handler{
			g.Handler(pass), g.LoginRequired(pass), g.StaffRequired(pass), g.LogoutHandler("/"), g.LoginHandler("/", pass),
			g.Check(func(context.Context, *user) error { return nil }, pass),
			g.ForUser(func(http.ResponseWriter, *http.Request, *user) { t.Error("passed") }),
			g.ForAnyone(func(http.ResponseWriter, *http.Request, *user, bool) { t.Error("passed") }),
		} {
			rec := httptest.NewRecorder()
			h.ServeHTTP(rec, httptest.NewRequest("POST", "/", nil))
			expect(t, name, rec.Code, 500)
		}
		expect(t, name+" Next", g.Next(httptest.NewRequest("GET", "/?next=/x", nil), "/f"), "/f")
	}
}

// TestF503_OneCause: a program that collects the errors of all constructors and
// whose keys can't be loaded gets one error to act on. What follows says that it
// follows.
func TestF503_OneCause(t *testing.T) {
	keys, err1 := keyring.OpenFile(filepath.Join(t.TempDir(), "keys.json"), nil)
	store, err2 := ssestore.New(ssestore.Config{Keys: keys})
	accounts, err3 := auth.New(auth.Config[*user]{})
	guard, err4 := middleware.New(store, accounts, middleware.Config{})
	if guard != nil || !errors.Is(err1, fs.ErrNotExist) || !strings.Contains(err1.Error(), "OpenOrCreateFile makes one") {
		t.Fatal(err1)
	}
	for _, err := range []error{err2, err4} {
		for _, line := range strings.Split(err.Error(), "\n") {
			if !strings.Contains(line, " says why") {
				t.Errorf("%q doesn't point back", line)
			}
		}
	}
	if err3 == nil {
		t.Error("accounts without a configuration")
	}
}

// TestNew_Faults: every fault is reported at once and none is echoed.
func TestNew_Faults(t *testing.T) {
	a := newApp(t, nil)
	bad := middleware.Config{
		LoginURL:      "javascript:alert(1)",
		NextField:     "a b",
		AllowedHosts:  []string{"ok.example", "UPPER.example", "with/path", "user@host", ""},
		ClearSiteData: []string{"cache", "cookies", "*"},
	}
	_, err := middleware.New[*user](nil, nil, bad)
	if err == nil {
		t.Fatal("accepted")
	}
	for _, field := range []string{"store", "accounts", "LoginURL", "NextField", "AllowedHosts[1]", "AllowedHosts[2]", "AllowedHosts[3]", "AllowedHosts[4]", "ClearSiteData[1]", "ClearSiteData[2]"} {
		if !strings.Contains(err.Error(), "middleware: "+field+": ") {
			t.Errorf("no word about %s in %q", field, err)
		}
	}
	var fault *middleware.ConfigError
	if !errors.As(err, &fault) || fault.Field != "store" {
		t.Errorf("not a ConfigError: %v", err)
	}
	for _, echo := range []string{"alert", "UPPER", "user@host", "AllowedHosts[0]"} {
		if strings.Contains(err.Error(), echo) {
			t.Errorf("%q in %q", echo, err)
		}
	}
	for _, login := range []string{"login", "//evil.example/login", "/\\evil.example", "ftp://x/", "https:///x", "https:x", "https://u:p@x/", "/a b", "/a\r\nb", "/%zz", "mailto:x@y"} {
		if _, err := middleware.New(a.store, a.accounts, middleware.Config{LoginURL: login}); err == nil {
			t.Errorf("LoginURL %q accepted", login)
		}
	}
	for _, login := range []string{"", "/", "/login", "/login/?a=b#c", "https://id.example/login", "http://localhost:8080/login"} {
		if _, err := middleware.New(a.store, a.accounts, middleware.Config{LoginURL: login}); err != nil {
			t.Errorf("LoginURL %q refused: %v", login, err)
		}
	}
	good := middleware.Config{NextField: "Next_2-x.y", ClearSiteData: []string{"cache", "storage", "executionContexts", "clientHints"}}
	if _, err := middleware.New(a.store, a.accounts, good); err != nil {
		t.Errorf("refused: %v", err)
	}
}
