package howto

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/hardtack-go/hardtack/auth"
	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/keyring"
	"github.com/hardtack-go/hardtack/middleware"
	"github.com/hardtack-go/hardtack/ssestore"
)

// TestF509_TwoApplications: two programs on one host share their cookies, whatever
// their ports.
func TestF509_TwoApplications(t *testing.T) {
	keys := keyring.Generate()

	shop := ssestore.Config{Keys: keys, Audience: "shop", Cookie: cookie.Config{Name: "__Host-shop"}}
	admin := ssestore.Config{Keys: keys, Audience: "admin", Cookie: cookie.Config{Name: "__Host-admin"}}

	a, b := newSite(t, shop, middleware.Config{}), newSite(t, admin, middleware.Config{})
	v := serve(t, a.guard.Handler(a.app()))
	login := v.Post("/login")
	w := serve(t, b.guard.Handler(b.app()))
	// The cookie under the other's name opens nothing.
	r := w.Request("GET", "/members", nil)
	r.AddCookie(&http.Cookie{Name: "__Host-admin", Value: login.Cookies()[0].Value})
	w.Do(r).Want(t, 302, "/login?next=/members")
	w.Post("/login")
	if !in(v) || !in(w) {
		t.Errorf("shop %t, admin %t", in(v), in(w))
	}
}

// TestF509_LAN: plain http on a host that is not localhost.
func TestF509_LAN(t *testing.T) {
	t.Setenv("DEVELOPMENT", "1")

	lan := ssestore.Config{
		Keys:   keyring.Generate(),
		Cookie: cookie.Config{DangerouslyAllowHTTP: os.Getenv("DEVELOPMENT") != ""},
	}

	for _, sc := range []ssestore.Config{{}, lan} {
		s := newSite(t, sc, middleware.Config{})
		s.mistake = middleware.ErrDropped // without the switch, the log says so
		v := serve(t, s.guard.Handler(s.app()))
		r := v.Request("POST", "/login", nil)
		r.Host = "192.168.1.20:8080"
		r.Header.Set("Origin", "http://192.168.1.20:8080")
		a := v.Do(r)
		if c := a.Cookies()[0]; c.Secure == sc.Cookie.DangerouslyAllowHTTP || strings.HasPrefix(c.Name, "__Host-") != c.Secure {
			t.Errorf("allow http %t: %v", sc.Cookie.DangerouslyAllowHTTP, c)
		}
	}
}

// TestF509_Containers: where a container has its keys from.
func TestF509_Containers(t *testing.T) {
	const volume = "/var/lib/shop"
	dir := t.TempDir()

	keys := func(volume string) (keyring.Source, error) {
		if secret := os.Getenv("SESSION_SECRET"); secret != "" { // openssl rand -base64 32
			return keyring.FromSecrets(keyring.Secrets{
				Primary:  secret,
				Previous: strings.Fields(os.Getenv("SESSION_SECRETS_PREVIOUS")),
				Next:     os.Getenv("SESSION_SECRET_NEXT"),
			})
		}
		return keyring.OpenOrCreateFile(filepath.Join(volume, "keys.json"), func(err error) { fmt.Println(err) })
	}

	t.Setenv("SESSION_SECRET", "")
	first, err1 := keys(dir)
	again, err2 := keys(dir) // after a restart
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	v := &http.Cookie{}
	for i, source := range []keyring.Source{first, again} {
		s := newSite(t, ssestore.Config{Keys: source}, middleware.Config{})
		c := serve(t, s.guard.Handler(s.app()))
		if i == 0 {
			v = c.Post("/login").Cookies()[0]
			continue
		}
		c.SetCookie(v.Value)
		if !in(c) {
			t.Error("a restart logs out")
		}
	}
	if _, err := keys(volume + "/nowhere"); err == nil {
		t.Error("no volume, no error")
	}
	t.Setenv("SESSION_SECRET", "change-me")
	if _, err := keys(dir); err == nil {
		t.Error("a placeholder passes")
	}
	t.Setenv("SESSION_SECRET", "u3Yw9vN0qk2W8m1Zr5xT7cB4fH6jK0dLpQsEaGiOeRU=")
	if _, err := keys(dir); err != nil {
		t.Error(err)
	}
}

// accountSlots serves the application once for each path, with a session for each.
func accountSlots(keys keyring.Source, accounts *auth.Manager[*User], app func(*middleware.Guard[*User]) http.Handler, paths ...string) (http.Handler, error) {
	mux := http.NewServeMux()
	for i, path := range paths {
		store, err1 := ssestore.New(ssestore.Config{Keys: keys, Cookie: cookie.Config{Name: "__Host-account" + strconv.Itoa(i)}})
		guard, err2 := middleware.New(store, accounts, middleware.Config{LoginURL: path + "/login"})
		if err := errors.Join(err1, err2); err != nil {
			return nil, err
		}
		mux.Handle(path+"/", http.StripPrefix(path, guard.Handler(app(guard))))
	}
	return mux, nil
}

// TestF509_SeveralAccounts: one browser, logged in as several people at once.
func TestF509_SeveralAccounts(t *testing.T) {
	keys, accounts := keyring.Generate(), newSite(t, ssestore.Config{}, middleware.Config{}).accounts
	login := func(guard *middleware.Guard[*User], id string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			if err := guard.Login(r, &User{ID: id, Name: "Ada", Hash: "first"}); err != nil {
				t.Error(err)
			}
		}
	}
	app := func(guard *middleware.Guard[*User]) http.Handler {
		mux := http.NewServeMux()
		mux.HandleFunc("POST /login", login(guard, "7"))
		mux.HandleFunc("GET /members", guard.ForUser(members))
		mux.HandleFunc("POST /logout", guard.LogoutHandler(""))
		return mux
	}
	handler, err := accountSlots(keys, accounts, app, "/u/0", "/u/1", "/u/2")
	if err != nil {
		t.Fatal(err)
	}
	v := serve(t, handler)
	v.Post("/u/0/login")
	v.Post("/u/2/login")
	v.Get("/u/0/members").Want(t, 200, "")
	v.Get("/u/1/members").Want(t, 302, "/u/1/login?next=/u/1/members")
	v.Post("/u/0/logout")
	v.Get("/u/0/members").Want(t, 302, "/u/0/login?next=/u/0/members")
	v.Get("/u/2/members").Want(t, 200, "")
}

// customers serves the application to each customer. The keys of hosts are the domains
// of the cookies.
func customers(keys keyring.Source, accounts *auth.Manager[*User], app func(*middleware.Guard[*User]) http.Handler, hosts map[string][]string) (http.Handler, error) {
	mux := http.NewServeMux()
	for domain, hosts := range hosts {
		store, err1 := ssestore.New(ssestore.Config{
			Keys:     keys,
			Audience: domain, // one customer's session opens nothing at another's
			Cookie:   cookie.Config{Name: "__Secure-session", Domain: domain},
		})
		guard, err2 := middleware.New(store, accounts, middleware.Config{LoginURL: "/login"})
		if err := errors.Join(err1, err2); err != nil {
			return nil, err
		}
		for _, host := range hosts {
			mux.Handle(host+"/", guard.Handler(app(guard)))
		}
	}
	return mux, nil
}

// TestF508_CustomerDomains: a cookie for each customer's domain and its subdomains.
func TestF508_CustomerDomains(t *testing.T) {
	keys, s := keyring.Generate(), newSite(t, ssestore.Config{}, middleware.Config{})
	accounts := s.accounts
	app := func(guard *middleware.Guard[*User]) http.Handler {
		mux := http.NewServeMux()
		mux.HandleFunc("POST /login", func(w http.ResponseWriter, r *http.Request) {
			if err := guard.Login(r, s.ada); err != nil {
				t.Error(err)
			}
		})
		mux.HandleFunc("GET /members", guard.ForUser(members))
		return mux
	}

	handler, err := customers(keys, accounts, app, map[string][]string{
		"customer.example": {"customer.example", "www.customer.example"},
		"other.example":    {"other.example", "shop.other.example"},
	})
	if err != nil {
		t.Fatal(err)
	}
	v := serve(t, handler)
	at := func(method, host, path string, cookies ...*http.Cookie) int {
		r := v.Request(method, path, nil)
		r.Host = host
		for _, c := range cookies {
			r.AddCookie(c)
		}
		return v.Do(r).StatusCode
	}
	r := v.Request("POST", "/login", nil)
	r.Host = "www.customer.example"
	a := v.Do(r)
	if len(a.Cookies()) != 1 || a.Cookies()[0].Domain != "customer.example" {
		t.Fatalf("cookies %v", a.Cookies())
	}
	c := a.Cookies()[0]
	for host, want := range map[string]int{"customer.example": 200, "www.customer.example": 200, "other.example": 302, "evil.example": 404} {
		if got := at("GET", host, "/members", c); got != want {
			t.Errorf("%s: %d, want %d", host, got, want)
		}
	}
}
