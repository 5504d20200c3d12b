package signin_test

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/hardtack-go/hardtack/auth"
	"github.com/hardtack-go/hardtack/keyring"
	"github.com/hardtack-go/hardtack/middleware"
	"github.com/hardtack-go/hardtack/signin"
	"github.com/hardtack-go/hardtack/signin/internal/rig"
	"github.com/hardtack-go/hardtack/ssestore"
)

// hostile are header fields of somebody who would like links to lead to their own site.
var hostile = []http.Header{
	{"Host": {"evil.example"}},
	{"X-Forwarded-Host": {"evil.example"}, "X-Forwarded-Proto": {"http"}, "X-Forwarded-Port": {"8080"}},
	{"Forwarded": {`host="evil.example";proto=http`}},
	{"X-Original-Host": {"evil.example"}, "X-Host": {"evil.example"}, "X-Forwarded-Server": {"evil.example"}, "X-Http-Host-Override": {"evil.example"}},
	{"X-Original-Url": {"https://evil.example/"}, "X-Rewrite-Url": {"https://evil.example/"}, "X-Forwarded-Prefix": {"//evil.example"}, "Origin": {"https://evil.example"}},
}

func TestD1_OriginIsConfiguration(t *testing.T) {
	a := rig.New(t, rig.Options{Guard: func(c *middleware.Config) { c.AllowedHosts = []string{"friend.example"} }})
	a.Mux.HandleFunc("/next", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, a.Desk.URL("/x"), " ", a.Desk.Next(r), " ", r.PostFormValue("email"))
	})
	for _, head := range append(hostile, nil) {
		for next, want := range map[string]string{
			"":                            "/",
			"/members?x=1":                "/members?x=1",
			"https://example.com/members": "https://example.com/members",
			"https://friend.example/":     "https://friend.example/",
			"https://evil.example/":       "/",
			"//evil.example/":             "/",
			`/\evil.example/`:             "/",
			"/%09/evil.example":           "/%09/evil.example",
			"/\t/evil.example":            "/",
			"javascript:alert(1)":         "/",
		} {
			want = "https://example.com/x " + want + " "
			form := url.Values{"next": {next}, "email": {"ada@example.com"}}
			b := a.Browser(t)
			b.Head = head
			if got := b.Post("/next", form).Body; got != want+"ada@example.com" {
				t.Errorf("POST next=%q with %v: %s, want %s", next, head, got, want)
			}
			if got := b.Get("/next?" + form.Encode()).Body; got != want {
				t.Errorf("GET next=%q with %v: %s, want %s", next, head, got, want)
			}
		}
	}
}

func TestD2_Config(t *testing.T) {
	accounts := rig.New(t, rig.Options{}).Guard.Accounts()
	guardOf := func(name string, http bool) *middleware.Guard[*rig.User] {
		c := ssestore.Config{Keys: keyring.Generate()}
		c.Cookie.Name, c.Cookie.DangerouslyAllowHTTP = name, http
		store, err := ssestore.New(c)
		if err != nil {
			t.Fatal(err)
		}
		guard, err := middleware.New(store, accounts, middleware.Config{})
		if err != nil {
			t.Fatal(err)
		}
		return guard
	}
	guard, insecure := guardOf("", false), guardOf("s", true)
	keys := keyring.Generate()
	type config = signin.Config[*rig.User]
	for _, row := range []struct {
		name   string
		c      config
		fields string
	}{
		{"nothing", config{}, "Keys Guard Origin"},
		{"a nil keyring", config{Keys: (*keyring.Keyring)(nil), Guard: guard, Origin: "https://example.com"}, "Keys"},
		{"an empty holder", config{Keys: new(keyring.Holder), Guard: guard, Origin: "https://example.com"}, "Keys"},
		{"a zero guard", config{Keys: keys, Guard: new(middleware.Guard[*rig.User]), Origin: "https://example.com"}, "Guard"},
		{"paths", config{Keys: keys, Guard: guard, Origin: "https://example.com", Home: "home", LoginURL: "//evil.example"}, "Home LoginURL"},
		{"other paths", config{Keys: keys, Guard: guard, Origin: "https://example.com", Home: `/\evil.example`, LoginURL: "https://example.com/login"}, "Home LoginURL"},
		{"the cookie's name", config{Keys: keys, Guard: guardOf("__Host-signin", false), Origin: "https://example.com"}, "Guard"},
		{"the cookie's name without TLS", config{Keys: keys, Guard: guardOf("signin", true), Origin: "http://example.com"}, "Guard"},
		{"all well", config{Keys: keys, Guard: guard, Origin: "https://example.com", Home: "/home", LoginURL: "/in?x=1"}, ""},
		{"http on a network", config{Keys: keys, Guard: insecure, Origin: "http://192.0.2.1:8080"}, ""},
	} {
		t.Run(row.name, func(t *testing.T) { faults(t, row.c, row.fields) })
	}
	for origin, ok := range map[string]bool{
		"https://example.com":                      true,
		"https://example.com:8443":                 true,
		"https://xn--mller-kva.test":               true,
		"https://[2001:db8::1]:8443":               true,
		"https://192.0.2.1":                        true,
		"http://localhost:8080":                    true,
		"http://127.0.0.1:8080":                    true,
		"http://[::1]:8080":                        true,
		"http://localhost":                         true,
		"":                                         false,
		"example.com":                              false,
		"https://":                                 false,
		"https://example.com/":                     false,
		"https://example.com/app":                  false,
		"https://example.com?":                     false,
		"https://example.com?x":                    false,
		"https://example.com#":                     false,
		"https://example.com#x":                    false,
		"https://user@example.com":                 false,
		"https://@example.com":                     false,
		"https://example.com:":                     false,
		"https://example.com:443":                  false,
		"https://example.com:0443":                 false,
		"https://example.com:08443":                false,
		"https://example.com:99999999999999999999": false,
		"ftp://localhost":                          false,
		"https://example.com:0":                    false,
		"https://example.com:65536":                false,
		"https://:8443":                            false,
		"https://example.com.":                     false,
		"https://.example.com":                     false,
		"https://Example.com":                      false,
		"HTTPS://example.com":                      false,
		"https://müller.test":                      false,
		"https://*.example.com":                    false,
		"https://a,b":                              false,
		"https://example.com\n":                    false,
		" https://example.com":                     false,
		"https:example.com":                        false,
		"//example.com":                            false,
		"ftp://example.com":                        false,
		"http://localhost:80":                      false,
		"http://example.com":                       false,
		"http://localhost.evil.test":               false,
	} {
		want := "Origin"
		if ok {
			want = ""
		}
		t.Run(origin, func(t *testing.T) { faults(t, config{Keys: keys, Guard: guard, Origin: origin}, want) })
	}
}

// faults checks that New finds fault with these fields, and doesn't repeat the values.
func faults(t *testing.T, c signin.Config[*rig.User], fields string) {
	t.Helper()
	d, err := signin.New(c)
	if (err == nil) != (fields == "") || (d == nil) != (err != nil) {
		t.Fatalf("New returned %v, %v", d, err)
	}
	var got []string
	if err != nil {
		for _, one := range err.(interface{ Unwrap() []error }).Unwrap() {
			var e *middleware.ConfigError
			if !errors.As(one, &e) || e.Package != "signin" || c.Origin != "" && strings.Contains(one.Error(), "evil") {
				t.Fatalf("a fault is %v", one)
			}
			got = append(got, e.Field)
		}
	}
	if strings.Join(got, " ") != fields {
		t.Errorf("faults in %v, want %s: %v", got, fields, err)
	}
}

func TestD2_Defaults(t *testing.T) {
	c := rig.New(t, rig.Options{}).Desk.Config()
	if c.Home != "/" || c.LoginURL != "/login" || c.Throttle == nil {
		t.Errorf("Home %q, LoginURL %q, Throttle %v", c.Home, c.LoginURL, c.Throttle)
	}
}

func TestD3_NilAndZeroDesk(t *testing.T) {
	for _, d := range []*signin.Desk[*rig.User]{nil, new(signin.Desk[*rig.User])} {
		t.Run(fmt.Sprint("nil ", d == nil), func(t *testing.T) {
			answers := func(what string, f func(w http.ResponseWriter, r *http.Request)) {
				t.Helper()
				w := httptest.NewRecorder()
				f(w, httptest.NewRequest("POST", "/", nil))
				if w.Code != http.StatusInternalServerError || len(w.Header()["Set-Cookie"]) > 0 {
					t.Errorf("%s: %d, %v", what, w.Code, w.Header())
				}
			}
			answers("Show", func(w http.ResponseWriter, r *http.Request) { d.Show(w, r, signin.Page{}) })
			answers("Fail", func(w http.ResponseWriter, r *http.Request) { d.Fail(w, r, errors.New("down")) })
			answers("LogoutHandler", d.LogoutHandler("/"))
			answers("Allow", func(w http.ResponseWriter, r *http.Request) {
				if d.Allow(w, r, "") {
					t.Error("Allow allows")
				}
			})
			w, r := httptest.NewRecorder(), httptest.NewRequest("GET", "/?next=/x", nil)
			if status := d.Report(r, auth.Forbidden("No.")); status != http.StatusInternalServerError {
				t.Errorf("Report returned %d", status)
			}
			r.AddCookie(&http.Cookie{Name: "signin", Value: strings.Repeat("A", 26)})
			if id := d.Bind(w, r); len(id) != 26 || len(w.Header()) > 0 || d.Bind(w, r) == id {
				t.Errorf("Bind returned %q and set %v", id, w.Header())
			}
			if got := d.Browser(r); got != "" {
				t.Errorf("Browser returned %q", got)
			}
			if got := d.Next(r); got != "/" {
				t.Errorf("Next returned %q", got)
			}
			if d.Enter(w, r, signin.Entry[*rig.User]{User: new(rig.User)}) == nil || d.Login(r, signin.Entry[*rig.User]{User: new(rig.User)}) == nil {
				t.Error("somebody was let in")
			}
			if d.How(r) != "" || d.URL("/x") != "/x" || d.Config().Keys != nil {
				t.Errorf("How %q, URL %q, Keys %v", d.How(r), d.URL("/x"), d.Config().Keys)
			}
		})
	}
}

// A handler outside of the guard's Handler has no session.
func TestD3_OutsideTheGuard(t *testing.T) {
	a := rig.New(t, rig.Options{Desk: quiet, Guard: func(c *middleware.Config) { c.Log = slog.New(slog.DiscardHandler) }})
	w, r := httptest.NewRecorder(), httptest.NewRequest("POST", "/", nil)
	err := a.Desk.Enter(w, r, signin.Entry[*rig.User]{User: a.Users.Add(rig.User{})})
	if !errors.Is(err, ssestore.ErrNoSession) {
		t.Errorf("Enter: %v", err)
	}
	if a.Desk.Fail(w, r, err); w.Code != http.StatusInternalServerError {
		t.Errorf("Fail answered %d", w.Code)
	}
	if how := a.Desk.How(r); how != "" {
		t.Errorf("How: %q", how)
	}
	r.AddCookie(&http.Cookie{Name: "__Host-signin", Value: strings.Repeat("A", 26)})
	w = httptest.NewRecorder()
	if a.Desk.LogoutHandler("/")(w, r); w.Code != http.StatusInternalServerError || len(w.Header()["Set-Cookie"]) > 0 {
		t.Errorf("the logout answered %d and set %q", w.Code, w.Header()["Set-Cookie"])
	}
}
