package password_test

import (
	"context"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/hardtack-go/hardtack/auth"
	"github.com/hardtack-go/hardtack/middleware"
	"github.com/hardtack-go/hardtack/signin"
	"github.com/hardtack-go/hardtack/signin/internal/rig"
	"github.com/hardtack-go/hardtack/signin/password"
)

// TestP14_SignUpTellsNothing: an address that has an account gets the same answer, for
// the same work, and its owner gets a mail.
func TestP14_SignUpTellsNothing(t *testing.T) {
	a := start(t, rig.Options{})
	const email = "new@example.com"
	ask := func() (res *rig.Answer, c cost) {
		c = a.cost(func() {
			res = a.Browser(t).Post("/password/signup", form("email", " New@Example.com", "next", "/cart"))
		})
		return res, c
	}
	free, c := ask()
	want(t, free, http.StatusOK, "A mail to <strong>new@example.com</strong> is on its way.")
	if c.hashes != 0 || c.seals != 1 || len(c.mails) != 1 || c.mails[0].To != email || !strings.Contains(c.mails[0].Text, "/password/welcome?token=") || len(free.Cookies()) != 0 {
		t.Errorf("free: %+v", c)
	}
	a.Users.Add(rig.User{Email: email})
	taken, c := ask()
	if taken.Body != free.Body || taken.StatusCode != free.StatusCode || !reflect.DeepEqual(taken.HeaderLengths(), free.HeaderLengths()) {
		t.Errorf("taken: %d\n%s\n%v", taken.StatusCode, taken.Body, taken.Header)
	}
	if c.hashes != 0 || c.seals != 1 || len(c.mails) != 1 || c.mails[0].To != email || !strings.Contains(c.mails[0].Text, "It has an account already") ||
		!strings.Contains(c.mails[0].Text, "\nhttps://example.com/login\n") || strings.Contains(c.mails[0].Text, "token=") {
		t.Errorf("taken: %+v", c)
	}
	want(t, a.Browser(t).Post("/password/signup", form("email", "new")), http.StatusUnprocessableEntity, "That isn’t an email address.")
}

// TestP15_SignUp: there is no account until the link is followed and a password chosen.
func TestP15_SignUp(t *testing.T) {
	a := start(t, rig.Options{})
	b := a.Browser(t)
	page := b.Get("/password/signup?next=/cart")
	want(t, page, http.StatusOK, "<h1>Sign up</h1>")
	want(t, b.Post("/password/signup", form("email", "new@example.com", "next", page.Field("next"))), http.StatusOK, "is on its way")
	link := a.linkOf(t, "new@example.com", "Your account")
	if a.Users.Get("2") != nil {
		t.Fatal("there is an account already")
	}
	a.Wait(24*time.Hour - time.Second)
	page = follow(b, link)
	want(t, page, http.StatusOK, "Choose a password")
	if page.Field("account") != "new@example.com" {
		t.Error(page.Body)
	}
	want(t, b.Post("/password/welcome", form("password", "new@example")), http.StatusUnprocessableEntity, "too much like your address")
	c := a.cost(func() { wantTo(t, b.Post("/password/welcome", form("password", right)), "/cart") })
	if c.hashes != 1 {
		t.Errorf("%d hashes", c.hashes)
	}
	wantWho(t, b, "2 by password")
	if u := a.Users.Get("2"); u.Email != "new@example.com" || !u.Proven {
		t.Errorf("%+v", u)
	}
	wantTo(t, login(a.Browser(t), "new@example.com", right), "/")
	// Once.
	want(t, b.Post("/password/welcome", form("password", other)), http.StatusBadRequest, spent)
	want(t, a.Browser(t).Get(link), http.StatusBadRequest, `href="/password/signup"`)
}

func TestP15_Next(t *testing.T) {
	a := start(t, rig.Options{})
	for next, to := range map[string]string{
		"https://evil.example/":              "/",
		"/" + strings.Repeat("x", 499):       "/" + strings.Repeat("x", 499),
		"/" + strings.Repeat("x", 500):       "/",
		"/" + strings.Repeat("x", 499) + "/": "/",
	} {
		b := a.Browser(t)
		email := strings.Repeat("a", 20) + string(rune('a'+len(a.Mails.Take()))) + "@example.com"
		want(t, b.Post("/password/signup", form("email", email, "next", next)), http.StatusOK, "is on its way")
		link := a.linkOf(t, email, "Your account")
		if len(link) > 1500 {
			t.Errorf("a link of %d characters", len(link))
		}
		follow(b, link)
		wantTo(t, b.Post("/password/welcome", form("password", right)), to)
		a.Users.Delete("2")
	}
}

// TestP15_NextBetweenTheForms: whoever is asked to log in, and signs up instead, comes
// to the page they wanted.
func TestP15_NextBetweenTheForms(t *testing.T) {
	for name, at := range map[string]struct{ field, login, query, to string }{
		"the usual":         {"next", "/password/login", "?next=/cart", "?next=/cart"},
		"another field":     {"back", "/password/login", "?back=/cart", "?back=/cart"},
		"with a reason":     {"next", "/password/login", "?why=expired&next=/cart", "?why=expired&amp;next=/cart"},
		"to another site":   {"next", "/password/login", "?next=//evil.example/", ""},
		"nowhere":           {"next", "/password/login", "", ""},
		"a query of theirs": {"next", "/log-in?a=b", "?next=/cart", "?next=/cart"},
	} {
		t.Run(name, func(t *testing.T) {
			a := start(t, rig.Options{
				Guard: func(c *middleware.Config) { c.NextField = at.field },
				Desk:  func(c *signin.Config[*rig.User]) { c.LoginURL = at.login },
			})
			b := a.Browser(t)
			want(t, b.Get("/password/login"+at.query), http.StatusOK, `<a href="/password/signup`+at.to+`">Sign up</a>`)
			back := at.login + at.to
			if strings.Contains(at.login, "?") {
				back = at.login // another question mark would spoil it
			}
			want(t, b.Get("/password/signup"+at.query), http.StatusOK, `<a href="`+back+`">Log in</a>`)
			wrong := b.Post("/password/login"+at.query, form("email", "new@example.com", "password", "wrong"))
			want(t, wrong, http.StatusUnprocessableEntity, `<a href="/password/signup`+at.to+`">Sign up</a>`)
		})
	}
}

// TestP15_Spent: an account with the address spends the link, whoever made it.
func TestP15_Spent(t *testing.T) {
	for name, change := range map[string]func(a *app){
		"a day":       func(a *app) { a.Wait(24 * time.Hour) },
		"an account":  func(a *app) { a.Users.Add(rig.User{Email: "new@example.com"}) },
		"other rings": func(a *app) { a.Keys.Set(ring()) },
	} {
		a := start(t, rig.Options{})
		b := a.Browser(t)
		b.Post("/password/signup", form("email", "new@example.com"))
		link := a.linkOf(t, "new@example.com", "Your account")
		follow(b, link)
		change(a)
		want(t, b.Post("/password/welcome", form("password", right)), http.StatusBadRequest, spent)
		want(t, b.Get(link), http.StatusBadRequest, spent)
		wantWho(t, b, "nobody")
		if t.Failed() {
			t.Fatal(name)
		}
	}
}

func TestP15_TwentyAtOnce(t *testing.T) {
	a := start(t, rig.Options{})
	a.Browser(t).Post("/password/signup", form("email", "new@example.com"))
	link := a.linkOf(t, "new@example.com", "Your account")
	browsers := make([]*rig.Browser, 20)
	for i := range browsers {
		browsers[i] = a.Browser(t)
		follow(browsers[i], link)
	}
	got := rig.AtOnce(len(browsers), func(i int) *rig.Answer {
		return browsers[i].Post("/password/welcome", form("password", right))
	})
	if got[http.StatusSeeOther] != 1 || got[http.StatusBadRequest] != 19 || a.Users.Get("3") != nil {
		t.Errorf("status codes: %v", got)
	}
}

// TestP15_Scanners create no account.
func TestP15_Scanners(t *testing.T) {
	a := start(t, rig.Options{})
	b := a.Browser(t)
	b.Post("/password/signup", form("email", "new@example.com"))
	link := a.linkOf(t, "new@example.com", "Your account")
	for range 3 {
		scanner := a.Browser(t)
		follow(scanner, link)
		wantTo(t, scanner.Do(http.MethodHead, link, "", nil), "/password/welcome")
		want(t, a.Browser(t).Post(link, form("password", other)), http.StatusBadRequest, spent)
	}
	if a.Users.Get("2") != nil {
		t.Error("there is an account")
	}
	follow(b, link)
	wantTo(t, b.Post("/password/welcome", form("password", right)), "/")
}

// TestP16_PreHijack: Eve uses Ada's address before Ada does, in each way that this
// package has. In the end Ada has the account, and Eve is out of it.
func TestP16_PreHijack(t *testing.T) {
	const victim = "victim@example.com"
	for name, hijack := range map[string]func(a *app, eve *rig.Browser){
		"sign-up with her address": func(a *app, eve *rig.Browser) {
			eve.Post("/password/signup", form("email", victim))
			a.Mails.Take() // Ada has it
			want(t, eve.Post("/password/welcome", form("password", other)), http.StatusBadRequest, spent)
		},
		"an account that was never proven": func(a *app, eve *rig.Browser) {
			a.Users.Add(rig.User{Email: victim, PasswordFields: rig.PasswordFields{Hash: mustHash(t, newHasher(t, cheap), other)}})
			wantTo(t, login(eve, victim, other), "/")
		},
		"… and asks for its proof, which Ada follows": func(a *app, eve *rig.Browser) {
			a.Users.Add(rig.User{Email: victim, PasswordFields: rig.PasswordFields{Hash: mustHash(t, newHasher(t, cheap), other)}})
			wantTo(t, login(eve, victim, other), "/")
			want(t, eve.Post("/password/verify", nil), http.StatusOK, "is on its way")
			link, owner := a.linkOf(t, victim, "Confirm"), a.Browser(t)
			wantTo(t, owner.Get(link), "/password/verified")
			if res := owner.Get("/password/verified"); res.StatusCode != http.StatusFound || !strings.HasPrefix(res.Location(), "/login?") {
				t.Errorf("%d to %q", res.StatusCode, res.Location())
			}
			wantTo(t, owner.Post("/password/verified", nil), "/login")
			if a.Users.Get("2").Proven {
				t.Error("Eve's account is proven")
			}
		},
		"a change of her own address to Ada's, which Ada follows": func(a *app, eve *rig.Browser) {
			a.Users.Add(rig.User{Email: "eve@example.com", Proven: true, PasswordFields: rig.PasswordFields{Hash: mustHash(t, newHasher(t, cheap), other)}})
			wantTo(t, login(eve, "eve@example.com", other), "/")
			want(t, eve.Post("/password/email", form("current", other, "email", victim)), http.StatusOK, "is on its way")
			link, owner := a.linkOf(t, victim, "new address"), a.Browser(t)
			wantTo(t, owner.Get(link), "/password/moved")
			wantTo(t, owner.Post("/password/moved", nil), "/login")
			if got := a.Users.Get("2").Email; got != "eve@example.com" {
				t.Error("Eve's account has the address " + got)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			a := start(t, rig.Options{})
			eve, owner := a.Browser(t), a.Browser(t)
			hijack(a, eve)
			a.Mails.Take()
			// Ada signs up. If there is an account, she learns of it, and resets.
			want(t, owner.Post("/password/signup", form("email", victim)), http.StatusOK, "is on its way")
			text := a.Mails.Take()[0].Text
			if strings.Contains(text, "It has an account already") {
				owner.Post("/password/forgotten", form("email", victim))
				follow(owner, a.linkOf(t, victim, "new password"))
				want(t, owner.Post("/password/reset", form("password", right)), http.StatusOK, "is set")
				wantTo(t, login(owner, victim, right), "/")
			} else {
				_, token, _ := strings.Cut(text, "/password/welcome?token=")
				token, _, _ = strings.Cut(token, "\n")
				follow(owner, "/password/welcome?token="+token)
				wantTo(t, owner.Post("/password/welcome", form("password", right)), "/")
			}
			if who := owner.Who(); who == "nobody" || who == eve.Who() {
				t.Errorf("Ada is %s, and Eve is %s", who, eve.Who())
			}
			want(t, login(a.Browser(t), victim, other), http.StatusUnprocessableEntity, mismatch)
			wantTo(t, login(a.Browser(t), victim, right), "/")
		})
	}
}

// TestP15_Hook: the Enter hook is asked about a new account as about any login.
func TestP15_Hook(t *testing.T) {
	a := start(t, rig.Options{Desk: func(c *signin.Config[*rig.User]) {
		c.Enter = func(http.ResponseWriter, *http.Request, signin.Entry[*rig.User]) error {
			return auth.Forbidden("New accounts wait for a day.")
		}
	}})
	b := a.Browser(t)
	b.Post("/password/signup", form("email", "new@example.com"))
	follow(b, a.linkOf(t, "new@example.com", "Your account"))
	want(t, b.Post("/password/welcome", form("password", right)), http.StatusForbidden, "New accounts wait for a day.")
}

// TestP17_Validators are asked after Validate, in their order, and may fail.
func TestP17_Validators(t *testing.T) {
	var asked []string
	judge := func(name string, err error) password.Validator {
		return func(_ context.Context, pw, email string) error {
			asked = append(asked, name+" "+pw+" "+email)
			return err
		}
	}
	run := func(pw string, vs ...password.Validator) *rig.Answer {
		asked = nil
		a := start(t, rig.Options{}, func(c *password.Config[*rig.User]) { c.Validators = vs })
		return a.loggedIn(t).Post("/password/change", form("current", right, "password", pw))
	}
	no := judge("second", password.Problem("Not that <one>."))
	want(t, run(other, judge("first", nil), no, judge("third", nil)), http.StatusUnprocessableEntity, "Not that &lt;one&gt;.")
	if got := strings.Join(asked, ", "); got != "first "+other+" "+ada+", second "+other+" "+ada {
		t.Error(got)
	}
	want(t, run("short", no), http.StatusUnprocessableEntity, "Use at least 8 characters.")
	if asked != nil {
		t.Error(asked)
	}
	want(t, run(other, judge("first", errDown)), http.StatusServiceUnavailable, down)
	want(t, run(other, judge("first", nil)), http.StatusOK, "is changed")
}
