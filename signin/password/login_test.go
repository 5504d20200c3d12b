package password_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hardtack-go/hardtack/auth"
	"github.com/hardtack-go/hardtack/middleware"
	"github.com/hardtack-go/hardtack/signin"
	"github.com/hardtack-go/hardtack/signin/internal/rig"
	"github.com/hardtack-go/hardtack/signin/password"
)

// TestP1_LoginTellsNothing compares everything that comes back, and everything that it
// costs, for addresses of one length.
func TestP1_LoginTellsNothing(t *testing.T) {
	a := start(t, rig.Options{}, func(c *password.Config[*rig.User]) { c.Users = active{c.Users.(*rig.Table)} })
	hash := a.ada.Hash
	a.Users.Add(rig.User{Email: "off@example.com", Disabled: true, PasswordFields: rig.PasswordFields{Hash: hash}})
	a.Users.Add(rig.User{Email: "non@example.com"})
	a.Users.Add(rig.User{Email: "bad@example.com", PasswordFields: rig.PasswordFields{Hash: "plain text"}})
	rows := map[string][2]string{
		"unknown":          {"nix@example.com", right},
		"disabled":         {"off@example.com", right},
		"without password": {"non@example.com", right},
		"unreadable hash":  {"bad@example.com", "plain text"},
	}
	var first *rig.Answer
	firstCost := a.cost(func() { first = login(a.Browser(t), ada, other) })
	want(t, first, http.StatusUnprocessableEntity, mismatch)
	if firstCost.hashes != 1 || len(firstCost.mails) != 0 {
		t.Errorf("a wrong password costs %+v", firstCost)
	}
	for name, row := range rows {
		var res *rig.Answer
		c := a.cost(func() { res = login(a.Browser(t), row[0], row[1]) })
		if !reflect.DeepEqual(c, firstCost) {
			t.Errorf("%s costs %+v, a wrong password %+v", name, c, firstCost)
		}
		if got := strings.ReplaceAll(res.Body, row[0], ada); res.StatusCode != first.StatusCode || got != first.Body {
			t.Errorf("%s: %d, %s", name, res.StatusCode, got)
		}
		if !reflect.DeepEqual(res.HeaderLengths(), first.HeaderLengths()) {
			t.Errorf("%s: %v, a wrong password %v", name, res.HeaderLengths(), first.HeaderLengths())
		}
	}
	// The right password is one hash as well.
	if c := a.cost(func() { a.loggedIn(t) }); c.hashes != 1 {
		t.Errorf("a login costs %d hashes", c.hashes)
	}
}

func TestP1_DisabledByTheHook(t *testing.T) {
	a := start(t, rig.Options{Desk: func(c *signin.Config[*rig.User]) {
		c.Enter = func(_ http.ResponseWriter, _ *http.Request, e signin.Entry[*rig.User]) error {
			if e.User.Disabled {
				return auth.Forbidden("This account is closed.")
			}
			return nil
		}
	}})
	a.Users.Edit("1", func(u *rig.User) { u.Disabled = true })
	b := a.Browser(t)
	c := a.cost(func() { want(t, login(b, ada, other), http.StatusUnprocessableEntity, mismatch) })
	if c.hashes != 1 {
		t.Errorf("%d hashes", c.hashes)
	}
	c = a.cost(func() { want(t, login(b, ada, right), http.StatusForbidden, "This account is closed.") })
	if c.hashes != 1 {
		t.Errorf("%d hashes", c.hashes)
	}
	wantWho(t, b, "nobody")
}

// TestP2_NothingToHash: a form that names no address or no password is no attempt.
func TestP2_NothingToHash(t *testing.T) {
	a := start(t, rig.Options{})
	b := a.Browser(t)
	for _, f := range [][]string{
		{},
		{"email", ada},
		{"password", right},
		{"email", ada, "password", ""},
		{"email", "", "password", right},
		{"email", "ada", "password", right},
		{"email", strings.Repeat("a", 250) + "@b.cd", "password", right},
		{"email", "ada@example.com> ORCPT=rfc822;eve@example.com", "password", right},
	} {
		c := a.cost(func() {
			want(t, b.Post("/password/login", form(f...)), http.StatusUnprocessableEntity, "Enter your email address and your password.")
		})
		if c.hashes != 0 {
			t.Errorf("%v: %d hashes", f, c.hashes)
		}
	}
	// Too long for the hasher is too long for everybody.
	for _, email := range []string{ada, "nix@example.com"} {
		c := a.cost(func() {
			want(t, login(b, email, strings.Repeat("x", 1025)), http.StatusUnprocessableEntity, mismatch)
		})
		if c.hashes != 0 {
			t.Errorf("%s: %d hashes", email, c.hashes)
		}
	}
	wantWho(t, b, "nobody")
}

func TestP3_Login(t *testing.T) {
	a := start(t, rig.Options{})
	for _, row := range []struct{ next, to string }{
		{"", "/"},
		{"/members?x=1&y=2", "/members?x=1&y=2"},
		{"https://evil.example/", "/"},
		{"//evil.example/", "/"},
		{`/\evil.example/`, "/"},
		{"javascript:alert(1)", "/"},
		{"/\t/evil.example", "/"},
	} {
		b := a.Browser(t)
		page := b.Get("/password/login?" + form("next", row.next).Encode())
		want(t, page, http.StatusOK, "<h1>Log in</h1>")
		wantTo(t, login(b, ada, right, "next", page.Field("next")), row.to)
		wantWho(t, b, "1 by password")
		// By the form's own address, as a guard with another NextField has it.
		wantTo(t, b.Post("/password/login?"+form("next", row.next).Encode(), form("email", ada, "password", right)), row.to)
	}
	// The address in another spelling, and "keep me logged in".
	b := a.Browser(t)
	for _, remember := range []bool{false, true} {
		f := form("email", " Ada@EXAMPLE.com ", "password", right)
		if remember {
			f.Set("remember", "1")
		}
		kept := false
		for _, c := range b.Post("/password/login", f).Cookies() {
			kept = kept || c.MaxAge > 0 && c.Name == a.Store.CookieName()
		}
		if kept != remember {
			t.Errorf("remember %v: %v", remember, kept)
		}
	}
}

// TestP3_AfterAMistake: what was filled in is there again, but for the password.
func TestP3_AfterAMistake(t *testing.T) {
	a := start(t, rig.Options{})
	page := login(a.Browser(t), ada, other, "next", "/members", "remember", "1")
	if page.Field("email") != ada || page.Field("next") != "/members" || !strings.Contains(page.Body, " checked") {
		t.Error(page.Body)
	}
	if strings.Contains(page.Body, other) {
		t.Error("the page shows the password")
	}
	page = login(a.Browser(t), `"><script>alert(1)</script>`, other)
	want(t, page, http.StatusUnprocessableEntity, "Enter your email address")
	if strings.Contains(page.Body, "<script>") {
		t.Error(page.Body)
	}
}

// TestP3_NextOfAnotherName: a guard may call the field something else.
func TestP3_NextOfAnotherName(t *testing.T) {
	a := start(t, rig.Options{Guard: backField})
	b := a.Browser(t)
	page := b.Get("/password/login?back=/members")
	_, action, _ := strings.Cut(page.Body, `action="`)
	action, _, _ = strings.Cut(action, `"`)
	wantTo(t, b.Post(action, form("email", ada, "password", right)), "/members")
	// What leads nowhere isn't carried on.
	if page = b.Get("/password/login?x=1"); !strings.Contains(page.Body, `action="/password/login"`) {
		t.Error(page.Body)
	}
}

func backField(c *middleware.Config) { c.NextField = "back" }

// rehashing is a table in which something happens before an old hash is replaced.
type rehashing struct {
	*rig.Table
	before func() error
}

func (r rehashing) Rehash(ctx context.Context, u *rig.User, hash string) (*rig.User, error) {
	if err := r.before(); err != nil {
		return nil, err
	}
	return r.Table.Rehash(ctx, u, hash)
}

// TestP4_OldHashes: a hash of less cost or of another system is replaced at login, and
// nobody is logged out.
func TestP4_OldHashes(t *testing.T) {
	a := start(t, rig.Options{})
	old := map[string]string{
		"argon2id": mustHash(t, newHasher(t, password.HasherConfig{Memory: 8192, Iterations: 5}), right),
		"bcrypt":   published[1].stored,
		"Django":   published[4].stored,
	}
	passwords := map[string]string{"argon2id": right, "bcrypt": published[1].password, "Django": published[4].password}
	for name, hash := range old {
		a.Users.Edit("1", func(u *rig.User) { u.PasswordFields = rig.PasswordFields{Hash: hash} })
		elsewhere, b := a.Browser(t), a.Browser(t)
		c := a.cost(func() { wantTo(t, login(elsewhere, ada, passwords[name]), "/") })
		if c.hashes != 2 {
			t.Errorf("%s: %d hashes", name, c.hashes)
		}
		now := a.Users.Get("1").Hash
		if a.hasher.NeedsRehash(now) {
			t.Errorf("%s: the old hash is still there", name)
		}
		if c = a.cost(func() { wantTo(t, login(b, ada, passwords[name]), "/") }); c.hashes != 1 {
			t.Errorf("%s: %d hashes", name, c.hashes)
		}
		wantWho(t, elsewhere, "1 by password")
		// A wrong one replaces nothing.
		a.Users.Edit("1", func(u *rig.User) { u.PasswordFields = rig.PasswordFields{Hash: hash} })
		want(t, login(a.Browser(t), ada, other), http.StatusUnprocessableEntity, mismatch)
		if a.Users.Get("1").Hash != hash {
			t.Errorf("%s: replaced by a wrong password", name)
		}
	}
}

func TestP4_LoggedInWhileOtherSessionsAre(t *testing.T) {
	a := start(t, rig.Options{})
	a.Users.Edit("1", func(u *rig.User) { u.Hash = published[1].stored })
	b := a.Browser(t)
	wantTo(t, login(b, ada, published[1].password), "/") // its stamp is of the old hash …
	hash := a.Users.Get("1").Hash
	a.Users.Edit("1", func(u *rig.User) { u.PasswordFields = rig.PasswordFields{Hash: published[1].stored} })
	wantTo(t, login(a.Browser(t), ada, published[1].password), "/") // … and the rehash keeps it
	if a.Users.Get("1").Hash == hash {
		t.Error("no second rehash")
	}
	wantWho(t, b, "1 by password")
}

func TestP4_SomethingElseWasFirst(t *testing.T) {
	var a *app
	for name, row := range map[string]struct {
		before func() error
		in     bool
	}{
		"another login": {func() error {
			fresh := mustHash(t, newHasher(t, cheap), right)
			a.Users.Edit("1", func(u *rig.User) { u.PasswordFields = rig.PasswordFields{Hash: fresh} })
			return nil
		}, true},
		"a change of the password": {func() error {
			fresh := mustHash(t, newHasher(t, cheap), other)
			a.Users.Edit("1", func(u *rig.User) { u.PasswordFields = rig.PasswordFields{Hash: fresh} })
			return nil
		}, false},
		"the end of the account":  {func() error { a.Users.Delete("1"); return nil }, false},
		"a user store that can't": {func() error { return errDown }, true},
		"nothing":                 {func() error { a.Users.Edit("1", func(u *rig.User) { u.Epoch++ }); return signin.ErrChanged }, true},
	} {
		a = start(t, rig.Options{}, func(c *password.Config[*rig.User]) {
			c.Users = rehashing{c.Users.(*rig.Table), row.before}
		})
		old := mustHash(t, newHasher(t, password.HasherConfig{Memory: 8192, Iterations: 5}), right)
		a.Users.Edit("1", func(u *rig.User) { u.Hash = old })
		b := a.Browser(t)
		var res *rig.Answer
		c := a.cost(func() { res = login(b, ada, right) })
		if asked := int64(2); name == "a user store that can't" && c.hashes != asked {
			t.Errorf("%d hashes, want %d", c.hashes, asked)
		}
		if row.in {
			wantTo(t, res, "/")
			wantWho(t, b, "1 by password")
		} else {
			want(t, res, http.StatusUnprocessableEntity, mismatch)
			wantWho(t, b, "nobody")
		}
		if t.Failed() {
			t.Fatal(name)
		}
	}
	// The user store fails right when it is asked who was first.
	a = start(t, rig.Options{}, func(c *password.Config[*rig.User]) {
		c.Users = rehashing{c.Users.(*rig.Table), func() error { a.Users.Fail(errDown); return signin.ErrChanged }}
	})
	a.Users.Edit("1", func(u *rig.User) { u.Hash = published[1].stored })
	b := a.Browser(t)
	want(t, login(b, ada, published[1].password), http.StatusServiceUnavailable, down)
	a.Users.Fail(nil)
	wantWho(t, b, "nobody")
}

var errDown = errors.New("the database is down")

// A hook may ask for a second factor first.
func TestP3_HookAnswers(t *testing.T) {
	var got signin.Entry[*rig.User]
	a := start(t, rig.Options{Desk: func(c *signin.Config[*rig.User]) {
		c.Enter = func(w http.ResponseWriter, _ *http.Request, e signin.Entry[*rig.User]) error {
			got = e
			w.WriteHeader(http.StatusTeapot)
			return signin.ErrAnswered
		}
	}})
	b := a.Browser(t)
	want(t, login(b, ada, right, "remember", "1", "next", "/members"), http.StatusTeapot, "")
	if got.User.ID != "1" || got.How != "password" || !got.Remember || got.Next != "/members" {
		t.Errorf("%+v", got)
	}
	wantWho(t, b, "nobody")
}

// The throttle goes by the clock, which stands still here.
func TestP5_Throttle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := start(t, rig.Options{Desk: func(c *signin.Config[*rig.User]) { c.Throttle = nil }})
		b := a.Browser(t)
		var last *rig.Answer
		for range 11 {
			last = login(b, "Ada@Example.com", other)
		}
		want(t, last, http.StatusTooManyRequests, "There were too many attempts")
		if last.Header.Get("Retry-After") == "" {
			t.Error("no Retry-After")
		}
		// Neither the right password nor another spelling helps, and it costs no hash.
		c := a.cost(func() { want(t, login(b, ada, right), http.StatusTooManyRequests, "There were too many attempts") })
		if c.hashes != 0 {
			t.Errorf("%d hashes", c.hashes)
		}
		for path, f := range map[string][]string{
			"/password/forgotten": {"email", ada},
			"/password/signup":    {"email", ada},
		} {
			c := a.cost(func() { want(t, b.Post(path, form(f...)), http.StatusTooManyRequests, "There were too many attempts") })
			if len(c.mails)+int(c.seals) != 0 {
				t.Errorf("%s: %+v", path, c)
			}
		}
		// Others aren't affected.
		want(t, login(b, "nix@example.com", other), http.StatusUnprocessableEntity, mismatch)
	})
}

// TestP5_CurrentPassword: whoever sits at a browser that somebody else left can't try
// passwords there.
func TestP5_CurrentPassword(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for path, f := range map[string][]string{
			"/password/change": {"current", other, "password", other},
			"/password/email":  {"current", other, "email", "new@example.com"},
		} {
			a := start(t, rig.Options{Desk: func(c *signin.Config[*rig.User]) { c.Throttle = nil }})
			b := a.loggedIn(t)
			for range 9 {
				want(t, b.Post(path, form(f...)), http.StatusUnprocessableEntity, "That isn’t your current password.")
			}
			c := a.cost(func() { want(t, b.Post(path, form(f...)), http.StatusTooManyRequests, "There were too many attempts") })
			if c.hashes != 0 {
				t.Errorf("%s: %d hashes", path, c.hashes)
			}
		}
		a := start(t, rig.Options{Desk: func(c *signin.Config[*rig.User]) { c.Throttle = nil }})
		b := a.loggedIn(t)
		a.Users.Edit("1", func(u *rig.User) { u.Proven = false })
		for range 9 {
			want(t, b.Post("/password/verify", nil), http.StatusOK, "is on its way")
		}
		want(t, b.Post("/password/verify", nil), http.StatusTooManyRequests, "There were too many attempts")
		if n := len(a.Mails.Take()); n != 9 {
			t.Errorf("%d mails", n)
		}
	})
}

// TestP5_NewAddress: whoever has many accounts can't fill a mailbox by moving all of them
// to its address.
func TestP5_NewAddress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := start(t, rig.Options{Desk: func(c *signin.Config[*rig.User]) { c.Throttle = nil }})
		mails := 0
		for i := range 3 {
			email := fmt.Sprintf("eve%d@example.com", i)
			a.Users.Add(rig.User{Email: email, PasswordFields: a.ada.PasswordFields})
			b := a.Browser(t)
			wantTo(t, login(b, email, right), "/")
			for range 6 {
				var res *rig.Answer
				c := a.cost(func() { res = b.Post("/password/email", form("current", right, "email", "New@example.com")) })
				if mails += len(c.mails); mails <= 10 && len(c.mails) == 1 {
					want(t, res, http.StatusOK, "is on its way")
					continue
				}
				want(t, res, http.StatusTooManyRequests, "There were too many attempts")
				if len(c.mails)+int(c.seals) != 0 {
					t.Errorf("%+v", c)
				}
			}
		}
		if mails != 10 {
			t.Errorf("%d mails", mails)
		}
		// The other forms that mail to an address count with it.
		want(t, a.Browser(t).Post("/password/signup", form("email", "new@example.com")), http.StatusTooManyRequests, "There were too many attempts")
	})
}

// restamping is a table whose stamp is made of the hash.
type restamping struct{ *rig.Table }

func (r restamping) Rehash(ctx context.Context, u *rig.User, hash string) (*rig.User, error) {
	return r.Change(ctx, u, func(u *rig.User) error {
		u.Hash = hash
		u.Epoch++
		return nil
	})
}

// TestP4_StampOfTheHash: an application may stamp the hash itself. The session that
// begins with the login is then of the new one.
func TestP4_StampOfTheHash(t *testing.T) {
	a := start(t, rig.Options{}, func(c *password.Config[*rig.User]) { c.Users = restamping{c.Users.(*rig.Table)} })
	a.Users.Edit("1", func(u *rig.User) { u.Hash = published[1].stored })
	b := a.Browser(t)
	wantTo(t, login(b, ada, published[1].password), "/")
	a.Wait(2 * time.Minute) // the guard tells a changed stamp from a slow replica after one
	wantWho(t, b, "1 by password")
}
