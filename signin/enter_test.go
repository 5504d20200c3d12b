package signin_test

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"sort"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hardtack-go/hardtack/auth"
	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/signin"
	"github.com/hardtack-go/hardtack/signin/internal/rig"
	"github.com/hardtack-go/hardtack/ssestore"
)

// enters adds POST /enter, which lets a user in as the ways do.
func enters(a *rig.App, e signin.Entry[*rig.User]) {
	a.Mux.HandleFunc("POST /enter", func(w http.ResponseWriter, r *http.Request) {
		e.Next = a.Desk.Next(r)
		switch err := a.Desk.Enter(w, r, e); {
		case err == nil:
			http.Redirect(w, r, e.Next, http.StatusSeeOther)
		case !errors.Is(err, signin.ErrAnswered):
			a.Desk.Fail(w, r, err)
		}
	})
}

var cart = ssestore.NewKey[string]("cart")

// cartful is a visitor whose cart has n bytes.
func cartful(t *testing.T, a *rig.App, n int) *rig.Browser {
	a.Mux.HandleFunc("GET /cart/{n}", func(w http.ResponseWriter, r *http.Request) {
		var n int
		fmt.Sscan(r.PathValue("n"), &n)
		if err := cart.Set(a.Guard.Session(r), strings.Repeat("x", n)); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
		}
	})
	a.Mux.HandleFunc("GET /cart", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, len(cart.Get(a.Guard.Session(r))))
	})
	b := a.Browser(t)
	if res := b.Get(fmt.Sprintf("/cart/%d", n)); res.StatusCode != http.StatusOK {
		t.Fatal(res.Body)
	}
	return b
}

// roomy returns the largest cart that a visitor can have.
func roomy(t *testing.T) int {
	a := rig.New(t, rig.Options{})
	b := cartful(t, a, 0)
	return sort.Search(4096, func(n int) bool {
		return b.Get(fmt.Sprintf("/cart/%d", n+1)).StatusCode != http.StatusOK
	})
}

func TestD8_AllOrNothing(t *testing.T) {
	full := roomy(t)
	for _, row := range []struct {
		name    string
		cart    int
		how     signin.How
		user    string // "" exists
		status  int
		cookies bool // whether the answer sets any
	}{
		{"with room", 10, "passkey", "", http.StatusSeeOther, true},
		{"with just enough room", full - 60, "oauth:google", "", http.StatusSeeOther, true},
		{"without room for How", full, "passkey", "", http.StatusInternalServerError, false},
		{"with a long How", 10, signin.How(strings.Repeat("x", 4000)), "", http.StatusInternalServerError, false},
		{"with a How that isn't text", 10, "\xff", "", http.StatusInternalServerError, false},
		{"of a user who can't log in", 10, "passkey", strings.Repeat("x", 256), http.StatusInternalServerError, false},
	} {
		t.Run(row.name, func(t *testing.T) {
			a := rig.New(t, rig.Options{Desk: quiet})
			u := a.Users.Add(rig.User{})
			if row.user != "" {
				u.ID = row.user
			}
			enters(a, signin.Entry[*rig.User]{User: u, How: row.how, Remember: true})
			b := cartful(t, a, row.cart)
			res := b.Post("/enter", nil)
			if res.StatusCode != row.status {
				t.Fatalf("%d: %s", res.StatusCode, res.Body)
			}
			in := "nobody"
			if row.status == http.StatusSeeOther {
				in = "1 by " + string(row.how)
			}
			if who := b.Who(); who != in {
				t.Errorf("in is %s, want %s", who, in)
			}
			if n := b.Get("/cart").Body; n != fmt.Sprint(row.cart) {
				t.Errorf("the cart of %d has %s", row.cart, n)
			}
			if got := len(res.Header["Set-Cookie"]) > 0; got != row.cookies {
				t.Errorf("Set-Cookie: %q", res.Header["Set-Cookie"])
			}
			if persistent := strings.Contains(strings.Join(res.Header["Set-Cookie"], ""), "Max-Age="); persistent != (in != "nobody") {
				t.Errorf("Set-Cookie: %q", res.Header["Set-Cookie"])
			}
		})
	}
}

// quiet discards the log.
func quiet(c *signin.Config[*rig.User]) { c.Log = slog.New(slog.DiscardHandler) }

func TestD8_Remember(t *testing.T) {
	for _, remember := range []bool{true, false} {
		for _, persistent := range []bool{true, false} { // the application's own default
			a := rig.New(t, rig.Options{Store: func(c *ssestore.Config) { c.Persistent = persistent }})
			enters(a, signin.Entry[*rig.User]{User: a.Users.Add(rig.User{}), Remember: remember})
			res := a.Browser(t).Post("/enter", nil)
			if got := strings.Contains(strings.Join(res.Header["Set-Cookie"], ""), "Max-Age="); got != remember {
				t.Errorf("Remember %t with Persistent %t: %q", remember, persistent, res.Header["Set-Cookie"])
			}
		}
	}
}

// TestD9_How: the session says how its user proved who they are, and no later login by
// other means takes that over.
func TestD9_How(t *testing.T) {
	a := rig.New(t, rig.Options{})
	ada, bob := a.Users.Add(rig.User{}), a.Users.Add(rig.User{})
	enters(a, signin.Entry[*rig.User]{User: ada, How: "passkey"})
	a.Mux.HandleFunc("POST /own", func(w http.ResponseWriter, r *http.Request) {
		_ = a.Guard.Login(r, ada) // the application's own login
	})
	a.Mux.HandleFunc("POST /as", func(w http.ResponseWriter, r *http.Request) {
		_, _ = a.Guard.User(r)
		if err := a.Guard.Accounts().Impersonate(r.Context(), a.Guard.Session(r), bob); err != nil {
			t.Error(err)
		}
	})
	a.Mux.HandleFunc("POST /back", func(w http.ResponseWriter, r *http.Request) {
		_, _ = a.Guard.User(r)
		if err := a.Guard.Accounts().EndImpersonation(r.Context(), a.Guard.Session(r)); err != nil {
			t.Error(err)
		}
	})
	b := a.Browser(t)
	in := func(after, want string) {
		t.Helper()
		if who := b.Who(); who != want {
			t.Errorf("after %s: %s, want %s", after, who, want)
		}
	}
	b.Post("/own", nil)
	in("the application's own login", "1 by ")
	b.Post("/enter", nil)
	in("a passkey", "1 by passkey")
	a.Wait(time.Minute)
	in("a minute", "1 by passkey")
	b.Post("/own", nil)
	in("the application's own login of the same user", "1 by ")
	b.Post("/enter", nil)
	b.Post("/as", nil)
	in("an impersonation", "2 by ")
	b.Post("/back", nil)
	in("its end", "1 by ")
	b.Post("/own", nil)
	in("the application's own login again", "1 by ")
	b.Post("/enter", nil)
	a.Users.Edit("1", func(u *rig.User) { u.Epoch++ })
	a.Wait(2 * time.Minute)
	in("the end of all sessions", "nobody")
}

// A user without an id is nobody, even for a hook that says that all is well.
// TestD10_InAlready: a hook that forgets to let in is noticed also where the visitor is
// logged in as this user since before. RecentLogin and How would go by that login.
func TestD10_InAlready(t *testing.T) {
	var desk *signin.Desk[*rig.User]
	forgets := false
	a := rig.New(t, rig.Options{Desk: func(c *signin.Config[*rig.User]) {
		quiet(c)
		c.Enter = func(_ http.ResponseWriter, r *http.Request, e signin.Entry[*rig.User]) error {
			if forgets {
				return nil
			}
			return desk.Login(r, e)
		}
	}})
	desk = a.Desk
	enters(a, signin.Entry[*rig.User]{User: a.Users.Add(rig.User{}), How: "passkey"})
	b := a.Browser(t)
	for range 2 {
		if res := b.Post("/enter", nil); res.StatusCode != http.StatusSeeOther {
			t.Errorf("%d", res.StatusCode)
		}
	}
	forgets = true
	if res := b.Post("/enter", nil); res.StatusCode != http.StatusInternalServerError || b.Who() != "1 by passkey" {
		t.Errorf("%d, and in is %s", res.StatusCode, b.Who())
	}
}

// TestD10_NoID: nobody is in, and the user is nobody. That isn't the same.
func TestD10_NoID(t *testing.T) {
	var a *rig.App
	hook := func(http.ResponseWriter, *http.Request, signin.Entry[*rig.User]) error { return nil }
	a = rig.New(t, rig.Options{Desk: func(c *signin.Config[*rig.User]) {
		quiet(c)
		c.Enter = func(w http.ResponseWriter, r *http.Request, e signin.Entry[*rig.User]) error { return hook(w, r, e) }
	}})
	enters(a, signin.Entry[*rig.User]{User: new(rig.User)})
	ada := a.Users.Add(rig.User{})
	a.Mux.HandleFunc("POST /in", func(_ http.ResponseWriter, r *http.Request) {
		if err := a.Guard.Login(r, ada); err != nil {
			t.Error(err)
		}
	})
	b := a.Browser(t)
	for range 2 {
		if res := b.Post("/enter", nil); res.StatusCode != http.StatusInternalServerError {
			t.Errorf("%d to %s", res.StatusCode, res.Location())
		}
		b.Post("/in", nil)
		hook = func(_ http.ResponseWriter, r *http.Request, _ signin.Entry[*rig.User]) error {
			return a.Guard.Logout(r)
		}
	}
}

// TestD9_HowOfNobody: what the session says is worth nothing until its user is confirmed.
func TestD9_HowOfNobody(t *testing.T) {
	a := rig.New(t, rig.Options{})
	enters(a, signin.Entry[*rig.User]{User: a.Users.Add(rig.User{}), How: "passkey"})
	a.Mux.HandleFunc("GET /how", func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, a.Desk.How(r)) })
	b := a.Browser(t)
	b.Post("/enter", nil)
	how := func(when, want string) {
		t.Helper()
		if got := b.Get("/how").Body; got != want {
			t.Errorf("%s: %q, want %q", when, got, want)
		}
	}
	how("after the login", "passkey")
	a.Users.Fail(errors.New("down"))
	how("while the user store is down", "")
	a.Users.Fail(nil)
	how("later", "passkey")
	a.Users.Edit("1", func(u *rig.User) { u.Epoch++ }) // the session is kept for a minute, in case a replica lags
	how("after the end of all sessions", "")
}

// TestD8_WhateverTheAnswer: a handler may answer anything after a failed login, even what
// lets the session be written.
func TestD8_WhateverTheAnswer(t *testing.T) {
	a := rig.New(t, rig.Options{})
	ada, bob := a.Users.Add(rig.User{}), a.Users.Add(rig.User{})
	bob.ID = strings.Repeat("x", 256)
	a.Mux.HandleFunc("POST /try/{who}", func(w http.ResponseWriter, r *http.Request) {
		e := signin.Entry[*rig.User]{User: ada, How: signin.How(r.URL.Query().Get("how")), Remember: true}
		if r.PathValue("who") == "bob" {
			e.User = bob
		}
		if err := a.Desk.Login(r, e); err != nil {
			w.WriteHeader(http.StatusUnprocessableEntity)
		}
	})
	b := cartful(t, a, roomy(t))
	try := func(path string, status int, who string) {
		t.Helper()
		if res := b.Post(path, nil); res.StatusCode != status || b.Who() != who {
			t.Errorf("%s: %d, and in is %s", path, res.StatusCode, b.Who())
		}
	}
	try("/try/ada?how=passkey", 422, "nobody") // no room
	try("/try/bob", 422, "nobody")
	b = a.Browser(t)
	try("/try/bob?how=passkey", 422, "nobody")
	try("/try/ada?how=password", 200, "1 by password")
	try("/try/bob?how=passkey", 422, "1 by password")
	try("/try/ada?how="+strings.Repeat("x", 4000), 422, "1 by password")
}

// TestD9_HowCosts holds what the comment of How says.
func TestD9_HowCosts(t *testing.T) {
	length := func(login func(a *rig.App, r *http.Request, u *rig.User) error) int {
		a := rig.New(t, rig.Options{})
		u := a.Users.Add(rig.User{})
		a.Mux.HandleFunc("POST /enter", func(w http.ResponseWriter, r *http.Request) {
			if err := login(a, r, u); err != nil {
				t.Error(err)
			}
		})
		b := a.Browser(t)
		b.Post("/enter", nil)
		return len(b.Cookie(a.Store.CookieName()))
	}
	without := length(func(a *rig.App, r *http.Request, u *rig.User) error { return a.Guard.Login(r, u) })
	with := length(func(a *rig.App, r *http.Request, u *rig.User) error {
		return a.Desk.Login(r, signin.Entry[*rig.User]{User: u, How: "oauth:google"})
	})
	t.Logf("a cookie of %d characters, %d with How", without, with)
	if cost := with - without; cost < 50 || cost > 70 {
		t.Errorf("How costs %d characters", cost)
	}
}

func TestD10_EnterHook(t *testing.T) {
	down := errors.New("down")
	var desk *signin.Desk[*rig.User]
	for _, row := range []struct {
		name   string
		hook   func(w http.ResponseWriter, r *http.Request, e signin.Entry[*rig.User]) error
		status int
		body   string
		who    string
	}{
		{"none", nil, 303, "", "1 by link"},
		{"lets in", func(_ http.ResponseWriter, r *http.Request, e signin.Entry[*rig.User]) error { return desk.Login(r, e) }, 303, "", "1 by link"},
		{"lets in by another name", func(_ http.ResponseWriter, r *http.Request, e signin.Entry[*rig.User]) error {
			e.How += "+totp"
			return desk.Login(r, e)
		}, 303, "", "1 by link+totp"},
		{"refuses", func(http.ResponseWriter, *http.Request, signin.Entry[*rig.User]) error {
			return fmt.Errorf("hook: %w", auth.Forbidden("Closed <on> Sundays."))
		}, 403, `<p role="alert">Closed &lt;on&gt; Sundays.</p>`, "nobody"},
		{"refuses without a word", func(http.ResponseWriter, *http.Request, signin.Entry[*rig.User]) error { return auth.Forbidden("") }, 403, "This account can’t be used.", "nobody"},
		{"answers", func(w http.ResponseWriter, _ *http.Request, e signin.Entry[*rig.User]) error {
			fmt.Fprint(w, "code? then ", e.Next)
			return signin.ErrAnswered
		}, 200, "code? then /members", "nobody"},
		{"is down", func(http.ResponseWriter, *http.Request, signin.Entry[*rig.User]) error { return down }, 503, "try again in a minute", "nobody"},
		{"lets in, and answers", func(_ http.ResponseWriter, r *http.Request, e signin.Entry[*rig.User]) error {
			return errors.Join(desk.Login(r, e), signin.ErrAnswered)
		}, 200, "", "1 by link"},
		{"lets in, and then is down", func(_ http.ResponseWriter, r *http.Request, e signin.Entry[*rig.User]) error {
			if err := desk.Login(r, e); err != nil {
				return err
			}
			return down
		}, 503, "try again in a minute", "nobody"},
		{"lets in, and then refuses", func(_ http.ResponseWriter, r *http.Request, e signin.Entry[*rig.User]) error {
			return errors.Join(desk.Login(r, e), auth.Forbidden("Closed."))
		}, 403, "Closed.", "nobody"},
		{"lets in somebody else", func(_ http.ResponseWriter, r *http.Request, e signin.Entry[*rig.User]) error {
			e.User = &rig.User{ID: "2"}
			return desk.Login(r, e)
		}, 500, "The fault is ours", "nobody"},
		{"forgets to let in", func(http.ResponseWriter, *http.Request, signin.Entry[*rig.User]) error { return nil }, 500, "The fault is ours", "nobody"},
	} {
		t.Run(row.name, func(t *testing.T) {
			a := rig.New(t, rig.Options{Desk: func(c *signin.Config[*rig.User]) { quiet(c); c.Enter = row.hook }})
			desk = a.Desk
			enters(a, signin.Entry[*rig.User]{User: a.Users.Add(rig.User{}), How: "link"})
			a.Users.Add(rig.User{})
			b := a.Browser(t)
			res := b.Post("/enter?next=/members", nil)
			if res.StatusCode != row.status || !strings.Contains(res.Body, row.body) || strings.Contains(res.Body, "down:") {
				t.Errorf("%d: %s", res.StatusCode, res.Body)
			}
			if row.status == 303 && res.Location() != "/members" {
				t.Errorf("went to %s", res.Location())
			}
			if who := b.Who(); who != row.who {
				t.Errorf("in is %s, want %s", who, row.who)
			}
		})
	}
}

// TestD10_RefusedAgain: if the hook lets nobody in, the session is as the hook left it, and
// whoever is logged in already stays.
func TestD10_RefusedAgain(t *testing.T) {
	var desk *signin.Desk[*rig.User]
	closed, word := true, ssestore.NewKey[string]("word")
	a := rig.New(t, rig.Options{Desk: func(c *signin.Config[*rig.User]) {
		c.Enter = func(_ http.ResponseWriter, r *http.Request, e signin.Entry[*rig.User]) error {
			if closed {
				return errors.Join(auth.Forbidden("Closed."), word.Set(desk.Config().Guard.Session(r), "come back"))
			}
			return desk.Login(r, e)
		}
	}})
	desk = a.Desk
	enters(a, signin.Entry[*rig.User]{User: a.Users.Add(rig.User{}), How: "link"})
	a.Mux.HandleFunc("GET /word", func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, word.Get(a.Guard.Session(r))) })
	b := a.Browser(t)
	if res := b.Post("/enter", nil); res.StatusCode != http.StatusForbidden || b.Get("/word").Body != "come back" {
		t.Errorf("%d, and the session has %q", res.StatusCode, b.Get("/word").Body)
	}
	closed = false
	b.Post("/enter", nil)
	closed = true
	if res := b.Post("/enter", nil); res.StatusCode != http.StatusForbidden || b.Who() != "1 by link" {
		t.Errorf("%d, and in is %s", res.StatusCode, b.Who())
	}
}

// A hook that logs in somebody else, or nobody while somebody is logged in, is found out.
func TestD10_OtherUser(t *testing.T) {
	var desk *signin.Desk[*rig.User]
	a := rig.New(t, rig.Options{Desk: func(c *signin.Config[*rig.User]) {
		quiet(c)
		c.Enter = func(_ http.ResponseWriter, r *http.Request, e signin.Entry[*rig.User]) error {
			if e.User.ID == "1" {
				return desk.Login(r, e)
			}
			return nil
		}
	}})
	desk = a.Desk
	ada, bob := a.Users.Add(rig.User{}), a.Users.Add(rig.User{})
	for id, u := range map[string]*rig.User{"1": ada, "2": bob} {
		a.Mux.HandleFunc("POST /enter/"+id, func(w http.ResponseWriter, r *http.Request) {
			if err := a.Desk.Enter(w, r, signin.Entry[*rig.User]{User: u}); err != nil {
				a.Desk.Fail(w, r, err)
			}
		})
	}
	b := a.Browser(t)
	b.Post("/enter/1", nil)
	if res := b.Post("/enter/2", nil); res.StatusCode != http.StatusInternalServerError || b.Who() != "1 by " {
		t.Errorf("%d, and in is %s", res.StatusCode, b.Who())
	}
}

func TestD11_Fail(t *testing.T) {
	for _, row := range []struct {
		err    error
		status int
		name   string
		logged bool
	}{
		{auth.Forbidden("No."), 403, "signin/refused", false},
		{&http.MaxBytesError{Limit: 10}, 413, "signin/large", false},
		{auth.ErrNoSession, 500, "signin/broken", true},
		{fmt.Errorf("x: %w", &cookie.SizeError{}), 500, "signin/broken", true},
		{nil, 500, "signin/broken", true},
		{auth.ErrUserStore, 503, "signin/failed", true},
		{io.ErrUnexpectedEOF, 503, "signin/failed", true},
	} {
		var log strings.Builder
		var page signin.Page
		a := rig.New(t, rig.Options{Desk: func(c *signin.Config[*rig.User]) {
			c.Log = slog.New(slog.NewTextHandler(&log, nil))
			c.Page = func(w http.ResponseWriter, _ *http.Request, p signin.Page) { page = p; w.WriteHeader(p.Status) }
		}})
		a.Mux.HandleFunc("/fail", func(w http.ResponseWriter, r *http.Request) { a.Desk.Fail(w, r, row.err) })
		res := a.Browser(t).Get("/fail")
		if res.StatusCode != row.status || page.Status != row.status || page.Name != row.name || page.Title == "" || page.Problem == "" {
			t.Errorf("%v: %d, page %+v", row.err, res.StatusCode, page)
		}
		if got := strings.Contains(log.String(), "hardtack: signin-failed"); got != row.logged {
			t.Errorf("%v: the log has %q", row.err, log.String())
		}
	}
}

// TestD11_MailNotTaken: a queue that is full is the application's to know.
func TestD11_MailNotTaken(t *testing.T) {
	var log strings.Builder
	a := rig.New(t, rig.Options{Desk: func(c *signin.Config[*rig.User]) { c.Log = slog.New(slog.NewTextHandler(&log, nil)) }})
	for range 2 {
		if err := a.Desk.Config().Send.Send(t.Context(), signin.Mail{To: "ada@example.com"}); err != nil || log.Len() > 0 {
			t.Errorf("%v, and the log has %s", err, log.String())
		}
	}
	full := errors.New("full")
	a.Mails.Fail(full)
	for range 2 {
		if err := a.Desk.Config().Send.Send(t.Context(), signin.Mail{To: "ada@example.com"}); err != full {
			t.Errorf("Send returned %v", err)
		}
	}
	if got := log.String(); strings.Count(got, "hardtack: mail-not-taken") != 1 || !strings.Contains(got, "full") || strings.Contains(got, "ada@") {
		t.Errorf("the log has %s", got)
	}
}

func TestD11_LogIsQuiet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log strings.Builder
		a := rig.New(t, rig.Options{Desk: func(c *signin.Config[*rig.User]) { c.Log = slog.New(slog.NewTextHandler(&log, nil)) }})
		a.Mux.HandleFunc("/fail", func(w http.ResponseWriter, r *http.Request) { a.Desk.Fail(w, r, io.ErrUnexpectedEOF) })
		b := a.Browser(t)
		for i, want := range []int{1, 1, 1, 2} {
			b.Get("/fail")
			if n := strings.Count(log.String(), "\n"); n != want {
				t.Errorf("%d lines after request %d, want %d", n, i+1, want)
			}
			time.Sleep(25 * time.Second)
		}
	})
}
