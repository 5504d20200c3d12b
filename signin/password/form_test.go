package password_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/signin"
	"github.com/hardtack-go/hardtack/signin/internal/rig"
	"github.com/hardtack-go/hardtack/signin/password"
	"github.com/hardtack-go/hardtack/ssestore"
)

const urlencoded = "application/x-www-form-urlencoded"

// TestP23_Forms: what can't be read gets a page, costs nothing, and changes nothing.
func TestP23_Forms(t *testing.T) {
	a := start(t, rig.Options{})
	b := a.loggedIn(t)
	a.Users.Edit("1", func(u *rig.User) { u.Proven = false })
	before := a.Users.Get("1").Hash
	paths := []string{"login", "change", "forgotten", "reset", "signup", "welcome", "verify", "verified", "email", "moved"}
	for name, row := range map[string]struct {
		kind, body string
		status     int
	}{
		"no type":            {"", "email=ada@example.com", http.StatusUnsupportedMediaType},
		"a broken type":      {"application/", "", http.StatusUnsupportedMediaType},
		"JSON":               {"application/json", `{"email":"ada@example.com"}`, http.StatusUnsupportedMediaType},
		"text":               {"text/plain", "email=ada@example.com", http.StatusUnsupportedMediaType},
		"multipart":          {"multipart/form-data; boundary=x", "--x\r\nContent-Disposition: form-data; name=\"email\"\r\n\r\nada@example.com\r\n--x--\r\n", http.StatusUnsupportedMediaType},
		"broken":             {urlencoded, "email=%zz", http.StatusBadRequest},
		"a broken parameter": {urlencoded + "; charset", "email=ada@example.com", http.StatusBadRequest},
		"semicolons":         {urlencoded, "email=a;password=b", http.StatusBadRequest},
		"long":               {urlencoded, "email=" + strings.Repeat("a", 16<<10), http.StatusRequestEntityTooLarge},
	} {
		for _, path := range paths {
			c := a.cost(func() {
				want(t, b.Do(http.MethodPost, "/password/"+path, row.kind, []byte(row.body)), row.status, unread)
			})
			if c.hashes != 0 || len(c.mails) != 0 {
				t.Errorf("%s, %s: %+v", name, path, c)
			}
		}
	}
	for path, field := range map[string]string{
		"login": "email", "change": "current", "forgotten": "email", "reset": "password", "signup": "email", "welcome": "password", "email": "email",
	} {
		c := a.cost(func() {
			want(t, b.Post("/password/"+path, form(field, ada, field, ada, "password", right)), http.StatusBadRequest, unread)
		})
		if c.hashes != 0 || len(c.mails) != 0 {
			t.Errorf("%s: %+v", path, c)
		}
	}
	want(t, b.Post("/password/login", form("email", ada, "password", other, "password", right)), http.StatusBadRequest, unread)
	want(t, b.Post("/password/login", form("email", ada, "password", right, "remember", "1", "remember", "")), http.StatusBadRequest, unread)
	if a.Users.Get("1").Hash != before {
		t.Error("the password has changed")
	}
	// A form may say how it is encoded.
	wantTo(t, b.Do(http.MethodPost, "/password/login", urlencoded+"; charset=UTF-8", []byte(form("email", ada, "password", right).Encode())), "/")
	// The largest honest form.
	long := strings.Repeat("\U0001F511", 256)
	want(t, b.Post("/password/change", form("current", right, "password", long, "account", strings.Repeat("a", 254))), http.StatusOK, "is changed")
	want(t, b.Post("/password/change", form("current", long, "password", long+"x")), http.StatusUnprocessableEntity, "Use at most 256 characters.")
	wantTo(t, login(b, ada, long, "next", "/"+strings.Repeat("x", 2000)), "/"+strings.Repeat("x", 2000))
}

// TestP23_ShortHasher: an application may allow less than Validate does.
func TestP23_ShortHasher(t *testing.T) {
	a := start(t, rig.Options{}, func(c *password.Config[*rig.User]) {
		c.Hasher = newHasher(t, password.HasherConfig{Memory: 7168, Iterations: 5, MaxLength: 64})
	})
	want(t, a.loggedIn(t).Post("/password/change", form("current", right, "password", strings.Repeat("xyz ", 17))), http.StatusUnprocessableEntity, "That password is too long.")
}

// TestP24_Methods: HEAD is like GET, everything else is refused, and GET changes nothing.
func TestP24_Methods(t *testing.T) {
	a := start(t, rig.Options{})
	b := a.loggedIn(t)
	before := a.Users.Get("1")
	for _, path := range []string{"login", "change", "forgotten", "reset", "signup", "welcome", "verify", "verified", "email", "moved"} {
		for _, method := range []string{http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions} {
			res := b.Do(method, "/password/"+path, urlencoded, []byte(form("email", ada, "password", right).Encode()))
			if res.StatusCode != http.StatusMethodNotAllowed || res.Header.Get("Allow") != "GET, HEAD, POST" {
				t.Errorf("%s %s: %d, %v", method, path, res.StatusCode, res.Header)
			}
		}
		query := "?" + form("email", "new@example.com", "password", other, "current", right, "remember", "1").Encode()
		c := a.cost(func() {
			get, head := b.Get("/password/"+path+query), b.Do(http.MethodHead, "/password/"+path+query, "", nil)
			if get.StatusCode != head.StatusCode || get.StatusCode >= 500 {
				t.Errorf("%s: GET %d, HEAD %d", path, get.StatusCode, head.StatusCode)
			}
		})
		if c.hashes != 0 || len(c.mails) != 0 {
			t.Errorf("%s: %+v", path, c)
		}
		// Nothing in the query counts as a field of a form.
		c = a.cost(func() { b.Post("/password/"+path+query, nil) })
		if c.hashes != 0 {
			t.Errorf("%s: %+v", path, c)
		}
	}
	if u := a.Users.Get("1"); u.Hash != before.Hash || u.Email != before.Email || a.Users.Get("2") != nil {
		t.Errorf("%+v", u)
	}
	a.Mux.Handle("/other/", a.handler)
	if res := b.Get("/other/login"); res.StatusCode != http.StatusNotFound {
		t.Errorf("mounted elsewhere: %d", res.StatusCode)
	}
	for _, path := range []string{"", "x", "login/", "login/x", "LOGIN"} {
		if res := b.Get("/password/" + path); res.StatusCode != http.StatusNotFound {
			t.Errorf("%q: %d", path, res.StatusCode)
		}
	}
}

// TestP24_OtherSites: the guard refuses their forms before this package sees them.
func TestP24_OtherSites(t *testing.T) {
	a := start(t, rig.Options{})
	b := a.loggedIn(t)
	b.Site = "cross-site"
	for path, f := range map[string][]string{
		"login": {"email", ada, "password", right}, "change": {"current", right, "password", other}, "signup": {"email", "new@example.com"},
	} {
		c := a.cost(func() {
			if res := b.Post("/password/"+path, form(f...)); res.StatusCode != http.StatusForbidden {
				t.Errorf("%s: %d", path, res.StatusCode)
			}
		})
		if c.hashes != 0 || len(c.mails) != 0 {
			t.Errorf("%s: %+v", path, c)
		}
	}
}

// TestP24_WithoutGuard: a handler that isn't inside of the guard's answers with a page.
func TestP24_WithoutGuard(t *testing.T) {
	a := start(t, rig.Options{})
	h, err := password.New(a.Desk, password.Config[*rig.User]{Users: a.Users, Account: account, Create: a.Users.SignUp, Addresses: a.Users})
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"login", "change", "reset?token=x", "verified", "nix"} {
		for _, method := range []string{http.MethodGet, http.MethodPost} {
			w := httptest.NewRecorder()
			h.ServeHTTP(w, httptest.NewRequest(method, "/password/"+path, nil))
			if w.Code != http.StatusInternalServerError || !strings.Contains(w.Body.String(), "The fault is ours") {
				t.Errorf("%s %s: %d", method, path, w.Code)
			}
		}
	}
}

// TestP25_Pages: every page works without script, style and layout, and tells a password
// manager what is what.
func TestP25_Pages(t *testing.T) {
	seen := map[string]string{}
	strict := func(c *ssestore.Config) { c.Cookie.SameSite = cookie.SameSiteStrict }
	a := start(t, rig.Options{Store: strict, Desk: func(c *signin.Config[*rig.User]) {
		c.Page = func(w http.ResponseWriter, _ *http.Request, p signin.Page) {
			seen[p.Name] = string(p.Body)
			if p.Title == "" || p.Status == 0 {
				t.Errorf("%s: no title or status", p.Name)
			}
			w.WriteHeader(p.Status)
			_, _ = w.Write([]byte(p.Problem + string(p.Body)))
		}
	}})
	everyPage(t, a)
	for name := range password.Titles() {
		body, ok := seen[name]
		if !ok {
			t.Errorf("%s was never shown", name)
		}
		for _, forbidden := range []string{"<script", "style=", " on", "javascript:", "<img", "<h1", "ZgotmplZ"} {
			// " on" as the start of an attribute
			if forbidden == " on" {
				if regexp.MustCompile(`<[^>]* on[a-z]+=`).MatchString(body) {
					t.Errorf("%s has an event attribute", name)
				}
			} else if strings.Contains(body, forbidden) {
				t.Errorf("%s has %s", name, forbidden)
			}
		}
		for _, input := range regexp.MustCompile(`<input[^>]*>`).FindAllString(body, -1) {
			hidden, box := strings.Contains(input, `type="hidden"`), strings.Contains(input, `type="checkbox"`)
			if !hidden && !box && !strings.Contains(input, "autocomplete=") {
				t.Errorf("%s: %s has no autocomplete", name, input)
			}
			if !hidden && !regexp.MustCompile(`<label>[^<]*`+regexp.QuoteMeta(input)).MatchString(body) && !box {
				t.Errorf("%s: %s has no label", name, input)
			}
			if strings.Contains(input, `type="password"`) && (strings.Contains(input, "value=") || strings.Contains(input, "maxlength=")) {
				t.Errorf("%s: %s", name, input)
			}
		}
		for _, tag := range regexp.MustCompile(`<form[^>]*>`).FindAllString(body, -1) {
			if !regexp.MustCompile(`^<form method="post" action="/password/[a-z]+">$`).MatchString(tag) {
				t.Errorf("%s: %s", name, tag)
			}
		}
		if strings.Count(body, "<form") != strings.Count(body, "<button") {
			t.Errorf("%s: a form without a button", name)
		}
	}
	for name, want := range map[string][]string{
		"password/login":   {`name="email"[^>]* autocomplete="username"`, `name="password" autocomplete="current-password"`},
		"password/change":  {`name="current" autocomplete="current-password"`, `name="password" autocomplete="new-password"`, `name="account"[^>]* autocomplete="username"`},
		"password/reset":   {`name="password" autocomplete="new-password"`, `name="account"[^>]* autocomplete="username"`},
		"password/welcome": {`name="password" autocomplete="new-password"`, `name="account"[^>]* autocomplete="username"`},
		"password/signup":  {`name="email"[^>]* autocomplete="username"`},
	} {
		for _, w := range want {
			if !regexp.MustCompile(w).MatchString(seen[name]) {
				t.Errorf("%s lacks %s:\n%s", name, w, seen[name])
			}
		}
	}
}

// everyPage makes an application show each of its pages.
func everyPage(t *testing.T, a *app) {
	t.Helper()
	follow := func(b *rig.Browser, link string) {
		page, _, _ := strings.Cut(link, "?")
		b.Get(link)
		b.Get(page)
	}
	b, n := a.loggedIn(t), a.Browser(t)
	a.Mux.HandleFunc("POST /fill", func(w http.ResponseWriter, r *http.Request) { fill(a, r) })
	crowded := a.Browser(t)
	crowded.Post("/fill", nil)
	crowded.Get(a.forgotten(t))
	for _, path := range []string{"login", "change", "forgotten", "reset", "signup", "verify", "email"} {
		b.Get("/password/" + path)
	}
	b.Do(http.MethodPost, "/password/login", "text/plain", nil)
	b.Post("/password/signup", form("email", "new@example.com"))
	follow(n, a.linkOf(t, "new@example.com", "Your account"))
	n.Post("/password/welcome", form("password", right))

	a.Users.Edit("1", func(u *rig.User) { u.Proven = false })
	b.Get("/password/verify")
	b.Post("/password/verify", nil)
	link := a.linkOf(t, ada, "Confirm")
	follow(n, link)
	follow(b, link)
	b.Post("/password/verified", nil)
	b.Post("/password/email", form("current", right, "email", "next@example.com"))
	follow(b, a.linkOf(t, "next@example.com", "new address"))
	b.Post("/password/moved", nil)
	a.Mails.Take()
	b.Post("/password/change", form("current", right, "password", other))
	a.Mails.Take()

	b.Post("/password/forgotten", form("email", "next@example.com"))
	link = a.linkOf(t, "next@example.com", "new password")
	webmail := a.Browser(t)
	webmail.Site = "cross-site"
	webmail.Get(link)
	c := a.Browser(t)
	follow(c, link)
	c.Post("/password/reset", form("password", right))

	a.Mux.HandleFunc("POST /as", func(w http.ResponseWriter, r *http.Request) {
		if err := a.Guard.Accounts().Impersonate(r.Context(), a.Guard.Session(r), a.Users.Get("1")); err != nil {
			t.Error(err)
		}
	})
	n.Post("/as", nil)
	n.Get("/password/change")
}

// TestP25_WithoutMails: an application that sends none has two pages.
func TestP25_WithoutMails(t *testing.T) {
	a := start(t, rig.Options{Desk: func(c *signin.Config[*rig.User]) { c.Send = nil }}, func(c *password.Config[*rig.User]) {
		c.Create, c.Addresses = nil, nil
	})
	b := a.loggedIn(t)
	for _, path := range []string{"login", "change"} {
		page := b.Get("/password/" + path)
		want(t, page, http.StatusOK, "<form")
		if strings.Contains(page.Body, "/password/forgotten") || strings.Contains(page.Body, "/password/signup") {
			t.Error(page.Body)
		}
	}
	for _, path := range []string{"forgotten", "reset", "signup", "welcome", "verify", "verified", "email", "moved"} {
		want(t, b.Get("/password/"+path), http.StatusNotFound, "")
		want(t, b.Post("/password/"+path, nil), http.StatusNotFound, "")
	}
	want(t, b.Post("/password/change", form("current", right, "password", other)), http.StatusOK, "is changed")
	// With mails, and without sign-up.
	a = start(t, rig.Options{}, func(c *password.Config[*rig.User]) { c.Create = nil })
	page := a.Browser(t).Get("/password/login")
	if !strings.Contains(page.Body, "/password/forgotten") || strings.Contains(page.Body, "/password/signup") {
		t.Error(page.Body)
	}
}

// TestP26_Mails: an application may write them, but not choose whom they are for.
func TestP26_Mails(t *testing.T) {
	written := map[string]string{}
	a := start(t, rig.Options{}, func(c *password.Config[*rig.User]) {
		c.Mail = func(_ context.Context, name, link string, m signin.Mail) signin.Mail {
			written[name] = link
			m.To = "eve@example.com"
			m.HTML = "<p>" + name
			return m
		}
	})
	for _, name := range password.Letters() {
		a.Mails.Take()
		if err := password.Send[*rig.User](a.handler, t.Context(), "bob@example.com", name, "/x"); err != nil {
			t.Fatal(err)
		}
		m := a.Mails.Take()[0]
		if m.To != "bob@example.com" || m.HTML != "<p>"+name || written[name] != "https://example.com/x" {
			t.Errorf("%s: %+v, link %s", name, m, written[name])
		}
		if strings.ContainsAny(m.Subject+m.Text, "{}") || !strings.Contains(m.Subject, "example.com") || !strings.Contains(m.Text, "bob@example.com") {
			t.Errorf("%s: %+v", name, m)
		}
	}
}

func TestP27_Config(t *testing.T) {
	a := start(t, rig.Options{})
	silent := start(t, rig.Options{Desk: func(c *signin.Config[*rig.User]) { c.Send = nil }}, func(c *password.Config[*rig.User]) {
		c.Create, c.Addresses = nil, nil
	})
	good := password.Config[*rig.User]{Users: a.Users, Account: account}
	for _, row := range []struct {
		field  string
		desk   *signin.Desk[*rig.User]
		change func(*password.Config[*rig.User])
	}{
		{"Users", a.Desk, func(c *password.Config[*rig.User]) { c.Users = nil }},
		{"Account", a.Desk, func(c *password.Config[*rig.User]) { c.Account = nil }},
		{"Create, Addresses", silent.Desk, func(c *password.Config[*rig.User]) { c.Create = a.Users.SignUp }},
		{"Validators", a.Desk, func(c *password.Config[*rig.User]) { c.Validators = []password.Validator{password.Validate, nil} }},
		{"desk", nil, func(c *password.Config[*rig.User]) {}},
	} {
		c := good
		row.change(&c)
		h, err := password.New(row.desk, c)
		var fault *password.ConfigError
		if h != nil || !errors.As(err, &fault) || fault.Package != "password" || fault.Field != row.field {
			t.Fatalf("%s: %v", row.field, err)
		}
	}
	c := good
	c.Addresses = a.Users
	if _, err := password.New(silent.Desk, c); err == nil {
		t.Error("Addresses without a Sender")
	}
	for _, path := range []string{"/password", "password/", "//", "/a//b/", "/{x}/", "/a b/", "/?/", "/a/%2F/"} {
		c := good
		c.Path = path
		if _, err := password.New(a.Desk, c); err == nil {
			t.Fatalf("the path %q", path)
		}
	}
	_, err := password.New(a.Desk, password.Config[*rig.User]{Path: "x", Validators: []password.Validator{nil}})
	for _, field := range []string{"Users", "Account", "Validators", "Path"} {
		if err == nil || !strings.Contains(err.Error(), "password: "+field+":") {
			t.Errorf("%s isn't reported: %v", field, err)
		}
	}
	c = good
	c.Path = "/account/pw/"
	h, err := password.New(a.Desk, c)
	if err != nil {
		t.Fatal(err)
	}
	a.Mux.Handle("/account/pw/", h)
	page := a.Browser(t).Get("/account/pw/login")
	want(t, page, http.StatusOK, `action="/account/pw/login"`)
	wantTo(t, a.Browser(t).Post("/account/pw/login", form("email", ada, "password", right)), "/")
}
