package signin_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/signin/internal/rig"
	"github.com/hardtack-go/hardtack/ssestore"
)

// binder is an application whose page /bind binds three times, under a header that
// lets caches store it, and whose page /browser says what the browser is bound to.
func binder(t *testing.T, o rig.Options) *rig.App {
	a := rig.New(t, o)
	a.Mux.HandleFunc("/bind", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "public, max-age=60")
		w.Header().Set("CDN-Cache-Control", "max-age=60")
		first := a.Desk.Bind(w, r)
		for range 2 {
			if again := a.Desk.Bind(w, r); again != first {
				t.Errorf("Bind returned %q and then %q", first, again)
			}
		}
		fmt.Fprint(w, first)
	})
	a.Mux.HandleFunc("/browser", func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, a.Desk.Browser(r)) })
	return a
}

func TestD4_BindingCookie(t *testing.T) {
	for _, row := range []struct {
		name string
		set  func(*ssestore.Config)
		want string
	}{
		{"by default", nil, "__Host-signin=%s; Path=/; Max-Age=3600; HttpOnly; Secure; SameSite=Lax"},
		{"with a Strict session", func(c *ssestore.Config) { c.Cookie.SameSite = cookie.SameSiteStrict }, "__Host-signin=%s; Path=/; Max-Age=3600; HttpOnly; Secure; SameSite=Lax"},
		{"with a session below a path", func(c *ssestore.Config) { c.Cookie.Name, c.Cookie.Path = "s", "/app" }, "__Host-signin=%s; Path=/; Max-Age=3600; HttpOnly; Secure; SameSite=Lax"},
		{"over plain http", func(c *ssestore.Config) { c.Cookie.DangerouslyAllowHTTP = true }, "signin=%s; Path=/; Max-Age=3600; HttpOnly; SameSite=Lax"},
	} {
		t.Run(row.name, func(t *testing.T) {
			a := binder(t, rig.Options{Store: row.set})
			b := a.Browser(t)
			res := b.Get("/bind")
			if len(res.Body) != 26 {
				t.Errorf("the value %q has %d characters", res.Body, len(res.Body))
			}
			lines := res.Header["Set-Cookie"]
			if want := fmt.Sprintf(row.want, res.Body); len(lines) != 1 || lines[0] != want {
				t.Errorf("Set-Cookie: %q, want %q", lines, want)
			}
			if n := len(lines[0]); n > 150 {
				t.Errorf("the cookie takes %d bytes", n)
			}
			if got := b.Get("/browser").Body; got != res.Body {
				t.Errorf("Browser returned %q after Bind returned %q", got, res.Body)
			}
			again := b.Get("/bind")
			if again.Body != res.Body {
				t.Error("the second Bind gave another value")
			}
			if got := again.Header["Set-Cookie"]; len(got) != 1 || got[0] != lines[0] {
				t.Errorf("the second Bind set %q: the hour doesn't begin anew", got)
			}
			if other := a.Browser(t).Get("/bind").Body; other == res.Body {
				t.Error("two browsers have one value")
			}
		})
	}
}

func TestD5_BindTwice(t *testing.T) {
	res := binder(t, rig.Options{}).Browser(t).Get("/bind") // which binds three times
	if n := len(res.Header["Set-Cookie"]); n != 1 {
		t.Errorf("%d cookies", n)
	}
	if got := res.Header.Get("Cache-Control"); !strings.Contains(got, "no-store") || strings.Contains(got, "public") {
		t.Errorf("Cache-Control: %s", got)
	}
	if got := res.Header.Get("CDN-Cache-Control"); got != "" {
		t.Errorf("CDN-Cache-Control: %s", got)
	}
}

// What is bound after the response began can't be finished by any browser.
func TestD5_BindTooLate(t *testing.T) {
	a := binder(t, rig.Options{})
	a.Mux.HandleFunc("/late", func(w http.ResponseWriter, r *http.Request) {
		w.(http.Flusher).Flush()
		fmt.Fprint(w, a.Desk.Bind(w, r))
	})
	b := a.Browser(t)
	if late := b.Get("/late").Body; len(late) != 26 || b.Get("/browser").Body == late {
		t.Errorf("Bind returned %q, and the browser has %q", late, b.Get("/browser").Body)
	}
}

func TestD6_NoBrowser(t *testing.T) {
	const good, other = "AAAAAAAAAAAAAAAAAAAAAAAAAA", "22222222222222222222222222"
	a := binder(t, rig.Options{})
	for cookies, want := range map[string]string{
		"__Host-signin=" + good:                             good,
		"a=b; __Host-signin=" + good:                        good,
		"__Host-signin=" + good + "; __Host-signin=" + good: good,
		"": "",
		"__Host-signin=" + good + "; __Host-signin=" + other: "",
		"__Host-signin=" + good + "; __Host-signin=":         "",
		"__Host-signin=; __Host-signin=" + good:              "",
		"__Host-signin=" + good[1:]:                          "",
		"__Host-signin=" + good + "A":                        "",
		"__Host-signin=" + strings.ToLower(good):             "",
		"__Host-signin=" + good[1:] + "1":                    "",
		"__Host-signin=" + good[1:] + "=":                    "",
		"__Host-signin=" + good[2:] + "é":                    "",
		"signin=" + good:                                     "",
		"__host-signin=" + good:                              "",
	} {
		b := a.Browser(t)
		b.Head = http.Header{"Cookie": {cookies}}
		if got := b.Get("/browser").Body; got != want {
			t.Errorf("Cookie: %s: %q, want %q", cookies, got, want)
		}
		if bound := b.Get("/bind").Body; len(bound) != 26 || want != "" && bound != want || want == "" && (bound == good || bound == other) {
			t.Errorf("Cookie: %s: Bind returned %q", cookies, bound)
		}
	}
}

func TestD7_Logout(t *testing.T) {
	a := binder(t, rig.Options{})
	b := a.Browser(t)
	bound := b.Get("/bind").Body

	for _, row := range []struct {
		name, method, site string
		status             int
	}{
		{"by a link", "GET", "same-origin", http.StatusMethodNotAllowed},
		{"by a HEAD", "HEAD", "same-origin", http.StatusMethodNotAllowed},
		{"by another site", "POST", "cross-site", http.StatusForbidden},
	} {
		b.Site = row.site
		if res := b.Do(row.method, "/logout", "", nil); res.StatusCode != row.status || b.Get("/browser").Body != bound {
			t.Errorf("%s: %d, and the browser has %q", row.name, res.StatusCode, b.Get("/browser").Body)
		}
	}
	b.Site = ""
	res := b.Post("/logout", nil)
	if got := res.Header["Set-Cookie"]; len(got) != 1 || got[0] != "__Host-signin=; Path=/; Max-Age=0; HttpOnly; Secure; SameSite=Lax" {
		t.Errorf("logout set %q", got)
	}
	if got := b.Get("/browser").Body; got != "" {
		t.Errorf("after the logout the browser has %q", got)
	}
	if res := b.Post("/logout", nil); len(res.Header["Set-Cookie"]) > 0 {
		t.Errorf("a second logout set %q", res.Header["Set-Cookie"])
	}
	if again := b.Get("/bind").Body; again == bound {
		t.Error("the value is the same after a logout")
	}
}
