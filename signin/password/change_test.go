package password_test

import (
	"context"
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/hardtack-go/hardtack/keyring"
	"github.com/hardtack-go/hardtack/signin"
	"github.com/hardtack-go/hardtack/signin/internal/rig"
	"github.com/hardtack-go/hardtack/signin/password"
)

func TestP18_Change(t *testing.T) {
	a := start(t, rig.Options{})
	b, elsewhere := a.loggedIn(t), a.loggedIn(t)
	page := b.Get("/password/change")
	want(t, page, http.StatusOK, "Change your password")
	if page.Field("account") != ada {
		t.Error(page.Body)
	}
	for _, row := range []struct {
		current, new, problem string
		hashes                int64
	}{
		{"", other, "Enter your current password.", 0},
		{other, other, "That isn’t your current password.", 1},
		{right, "short", "Use at least 8 characters.", 1},
		{right, "", "Use at least 8 characters.", 1},
		{strings.Repeat("x", 1025), other, "That isn’t your current password.", 0},
	} {
		c := a.cost(func() {
			want(t, b.Post("/password/change", form("current", row.current, "password", row.new)), http.StatusUnprocessableEntity, row.problem)
		})
		if c.hashes != row.hashes || len(c.mails) != 0 {
			t.Errorf("%s: %+v", row.problem, c)
		}
	}
	if a.Users.Get("1").Hash != a.ada.Hash {
		t.Fatal("the password has changed")
	}
	c := a.cost(func() {
		want(t, b.Post("/password/change", form("current", right, "password", other)), http.StatusOK, "Your password is changed")
	})
	if c.hashes != 2 || len(c.mails) != 1 || c.mails[0].To != ada || !strings.Contains(c.mails[0].Subject, "was changed") {
		t.Errorf("%+v", c)
	}
	wantWho(t, b, "1 by password")
	wantWho(t, elsewhere, "nobody")
	want(t, login(a.Browser(t), ada, right), http.StatusUnprocessableEntity, mismatch)
	wantTo(t, login(a.Browser(t), ada, other), "/")
}

// TestP18_ChangeProvesNothing: it needs no mail.
func TestP18_ChangeProvesNothing(t *testing.T) {
	a := start(t, rig.Options{})
	a.Users.Edit("1", func(u *rig.User) { u.Proven = false })
	want(t, a.loggedIn(t).Post("/password/change", form("current", right, "password", other)), http.StatusOK, "is changed")
	if a.Users.Get("1").Proven {
		t.Error("the address is proven")
	}
}

// TestP18_LoginRequired: a redirect to the login page, and no more.
func TestP18_LoginRequired(t *testing.T) {
	a := start(t, rig.Options{})
	b := a.Browser(t)
	for _, page := range []string{"change", "verify", "email"} {
		res := b.Get("/password/" + page)
		if res.StatusCode != http.StatusFound || res.Location() != "/login?next=/password/"+page {
			t.Errorf("%s: %d to %s", page, res.StatusCode, res.Location())
		}
		c := a.cost(func() {
			wantTo(t, b.Post("/password/"+page, form("current", right, "password", other, "email", "new@example.com")), "/login")
		})
		if c.hashes != 0 || len(c.mails) != 0 {
			t.Errorf("%s: %+v", page, c)
		}
	}
	if !reflect.DeepEqual(a.Users.Get("1"), a.ada) {
		t.Error("something has changed")
	}
}

// changing is a table in which something happens before a write.
type changing struct {
	*rig.Table
	before func()
}

func (c changing) SetPassword(ctx context.Context, u *rig.User, hash string, proven bool) (*rig.User, error) {
	c.before()
	return c.Table.SetPassword(ctx, u, hash, proven)
}

// TestP18_ChangedElsewhere: of two changes at once, one is made.
func TestP18_ChangedElsewhere(t *testing.T) {
	var a *app
	var before func()
	a = start(t, rig.Options{}, func(c *password.Config[*rig.User]) {
		c.Users = changing{c.Users.(*rig.Table), func() { before() }}
	})
	b := a.loggedIn(t)
	before = func() { a.Users.Edit("1", func(u *rig.User) { u.Email = "new@example.com" }) }
	want(t, b.Post("/password/change", form("current", right, "password", other)), http.StatusConflict, "changed elsewhere")
	before = func() { a.Users.Delete("1") }
	want(t, b.Post("/password/change", form("current", right, "password", other)), http.StatusConflict, "changed elsewhere")
	if mails := a.Mails.Take(); len(mails) != 0 {
		t.Errorf("%+v", mails)
	}
}

func TestP18_TenAtOnce(t *testing.T) {
	a := start(t, rig.Options{})
	browsers := make([]*rig.Browser, 10)
	for i := range browsers {
		browsers[i] = a.loggedIn(t)
	}
	got := rig.AtOnce(len(browsers), func(i int) *rig.Answer {
		return browsers[i].Post("/password/change", form("current", right, "password", other))
	})
	in := 0
	for _, b := range browsers {
		if b.Who() != "nobody" {
			in++
		}
	}
	if got[http.StatusOK] != 1 || in != 1 {
		t.Errorf("status codes: %v, and %d are logged in", got, in)
	}
}

// TestP18_NoPassword: who logs in another way gets a password by mail, which proves that
// it's them.
func TestP18_NoPassword(t *testing.T) {
	a := start(t, rig.Options{})
	b := a.loggedIn(t)
	a.Users.Edit("1", func(u *rig.User) { u.Hash = "" })
	// The stamp is of the password that was: log in anew.
	a.Mux.HandleFunc("POST /enter", func(w http.ResponseWriter, r *http.Request) {
		if err := a.Desk.Enter(w, r, signin.Entry[*rig.User]{User: a.Users.Get("1"), How: "passkey"}); err != nil {
			t.Error(err)
		}
	})
	b.Post("/enter", nil)
	for path, f := range map[string]url.Values{
		"change": form("current", "", "password", other),
		"email":  form("current", "", "email", "new@example.com"),
	} {
		c := a.cost(func() {
			want(t, b.Post("/password/"+path, f), http.StatusUnprocessableEntity, "Your account has no password yet.")
		})
		if c.hashes != 0 || len(c.mails) != 0 {
			t.Errorf("%+v", c)
		}
	}
}

// TestP19_Verify: an address is proven by who is logged in and follows the mail.
func TestP19_Verify(t *testing.T) {
	a := start(t, rig.Options{})
	b := a.loggedIn(t)
	want(t, b.Get("/password/verify"), http.StatusOK, "is yours")
	c := a.cost(func() { want(t, b.Post("/password/verify", nil), http.StatusOK, "is yours") })
	if len(c.mails) != 0 {
		t.Errorf("%+v", c)
	}
	a.Users.Edit("1", func(u *rig.User) { u.Proven = false })
	want(t, b.Get("/password/verify"), http.StatusOK, "Mail me the link")
	want(t, b.Post("/password/verify", nil), http.StatusOK, "A mail to <strong>ada@example.com</strong> is on its way.")
	link := a.linkOf(t, ada, "Confirm your address")

	// Somebody else who is logged in proves nothing, and learns nothing.
	a.Users.Add(rig.User{Email: "bob@example.com", PasswordFields: a.ada.PasswordFields})
	bob := a.Browser(t)
	wantTo(t, login(bob, "bob@example.com", right), "/")
	for _, res := range []*rig.Answer{follow(bob, link), bob.Post("/password/verified", nil)} {
		want(t, res, http.StatusForbidden, "for another account")
		if strings.Contains(res.Body, ada) {
			t.Error(res.Body)
		}
	}
	// Nobody is asked to log in first, and the ticket waits.
	nobody := a.Browser(t)
	wantTo(t, nobody.Get(link), "/password/verified")
	if res := nobody.Get("/password/verified"); res.StatusCode != http.StatusFound || res.Location() != "/login?next=/password/verified" {
		t.Errorf("%d to %s", res.StatusCode, res.Location())
	}
	if a.Users.Get("1").Proven {
		t.Fatal("proven by somebody else")
	}
	wantTo(t, login(nobody, ada, right, "next", "/password/verified"), "/password/verified")
	want(t, nobody.Get("/password/verified"), http.StatusOK, "Is <strong>ada@example.com</strong> your address?")
	want(t, nobody.Post("/password/verified", nil), http.StatusOK, "is yours")
	u := a.Users.Get("1")
	if !u.Proven || u.Hash != a.ada.Hash {
		t.Errorf("%+v", u)
	}
	wantWho(t, nobody, "1 by password")
	wantWho(t, b, "1 by password")
	// Once.
	want(t, nobody.Post("/password/verified", nil), http.StatusBadRequest, spent)
	want(t, b.Get(link), http.StatusBadRequest, `href="/password/verify"`)
	a.Users.Edit("1", func(u *rig.User) { u.Proven = false })
	want(t, b.Get(link), http.StatusSeeOther, "") // unproven again: the owner may use it again
}

// TestP19_P20_Spent: what ends a link to prove or change an address.
func TestP19_P20_Spent(t *testing.T) {
	for _, page := range []string{"verified", "moved"} {
		for name, change := range map[string]func(a *app){
			"a day":    func(a *app) { a.Wait(24 * time.Hour) },
			"password": func(a *app) { a.Users.Edit("1", func(u *rig.User) { u.Hash = published[1].stored }) },
			"address":  func(a *app) { a.Users.Edit("1", func(u *rig.User) { u.Email = "third@example.com" }) },
			"gone":     func(a *app) { a.Users.Delete("1") },
		} {
			a := start(t, rig.Options{})
			a.Users.Edit("1", func(u *rig.User) { u.Proven = false })
			b := a.loggedIn(t)
			to := ada
			if page == "moved" {
				to = "new@example.com"
				b.Post("/password/email", form("current", right, "email", to))
			} else {
				b.Post("/password/verify", nil)
			}
			link := a.linkOf(t, to, " address")
			follow(b, link)
			change(a)
			want(t, b.Post("/password/"+page, nil), http.StatusBadRequest, spent)
			want(t, b.Get(link), http.StatusBadRequest, spent)
			if t.Failed() {
				t.Fatal(page, name)
			}
		}
	}
}

// TestP20_ChangeOfAddress: the new address is proven, and the old one is told.
func TestP20_ChangeOfAddress(t *testing.T) {
	a := start(t, rig.Options{})
	b := a.loggedIn(t)
	want(t, b.Get("/password/email"), http.StatusOK, "Your address is <strong>ada@example.com</strong>.")
	for _, row := range [][3]string{
		{right, "new", "That isn’t an email address."},
		{right, "", "That isn’t an email address."},
		{right, "ADA@example.com", "That is your address already."},
		{"", "new@example.com", "Enter your current password."},
		{other, "new@example.com", "That isn’t your current password."},
	} {
		c := a.cost(func() {
			res := b.Post("/password/email", form("current", row[0], "email", row[1]))
			want(t, res, http.StatusUnprocessableEntity, row[2])
			if res.Field("email") != row[1] {
				t.Errorf("%v: %s", row, res.Body)
			}
		})
		if len(c.mails) != 0 || row[0] == "" && c.hashes != 0 {
			t.Errorf("%v: %+v", row, c)
		}
	}
	want(t, b.Post("/password/email", form("current", right, "email", " New@Example.com ")), http.StatusOK, "A mail to <strong>new@example.com</strong> is on its way.")
	link := a.linkOf(t, "new@example.com", "Your new address")
	if u := a.Users.Get("1"); u.Email != ada {
		t.Error("changed before the new one is proven")
	}

	a.Users.Add(rig.User{Email: "bob@example.com", PasswordFields: a.ada.PasswordFields})
	bob := a.Browser(t)
	wantTo(t, login(bob, "bob@example.com", right), "/")
	for _, res := range []*rig.Answer{follow(bob, link), bob.Post("/password/moved", nil)} {
		want(t, res, http.StatusForbidden, "for another account")
	}
	// A link to reset that was asked for before goes to the old address. Somebody who reads
	// mails there may be logged in.
	reset, elsewhere := a.forgotten(t), a.loggedIn(t)

	want(t, follow(b, link), http.StatusOK, "from <strong>ada@example.com</strong> to <strong>new@example.com</strong>?")
	c := a.cost(func() {
		want(t, b.Post("/password/moved", nil), http.StatusOK, "It’s <strong>new@example.com</strong> now.")
	})
	if len(c.mails) != 1 || c.mails[0].To != ada || !strings.Contains(c.mails[0].Subject, "has a new address") || strings.Contains(c.mails[0].Text, "new@example.com") {
		t.Errorf("%+v", c)
	}
	a.Wait(2 * time.Minute) // the guard tells a changed stamp from a slow replica after one
	wantWho(t, b, "1 by password")
	wantWho(t, elsewhere, "nobody")
	want(t, b.Post("/password/moved", nil), http.StatusBadRequest, spent)
	want(t, b.Get(link), http.StatusBadRequest, `href="/password/email"`)
	want(t, a.Browser(t).Get(reset), http.StatusBadRequest, spent)
	wantTo(t, login(a.Browser(t), "new@example.com", right), "/")
}

// TestP20_TakenAddress: who wants an address learns nothing about its account, and
// doesn't get it.
func TestP20_TakenAddress(t *testing.T) {
	a := start(t, rig.Options{})
	b := a.loggedIn(t)
	ask := func() (res *rig.Answer, c cost) {
		c = a.cost(func() { res = b.Post("/password/email", form("current", right, "email", "new@example.com")) })
		return res, c
	}
	free, c := ask()
	want(t, free, http.StatusOK, "is on its way")
	link := "/password/moved?token=" + tokenOf(t, c.mails)
	a.Users.Add(rig.User{Email: "new@example.com"})
	taken, c2 := ask()
	if c2.hashes != c.hashes || c2.seals != c.seals || len(c2.mails) != 1 || !strings.Contains(c2.mails[0].Text, "It has an account already") {
		t.Errorf("free: %+v, taken: %+v", c, c2)
	}
	if taken.Body != free.Body || !reflect.DeepEqual(taken.HeaderLengths(), free.HeaderLengths()) {
		t.Errorf("%s\n%v\n%v", taken.Body, taken.Header, free.Header)
	}
	// It was free when the link was made.
	want(t, follow(b, link), http.StatusOK, "Change address")
	want(t, b.Post("/password/moved", nil), http.StatusBadRequest, spent)
	if u := a.Users.Get("1"); u.Email != ada {
		t.Error(u.Email)
	}
}

func tokenOf(t *testing.T, mails []signin.Mail) string {
	t.Helper()
	_, token, ok := strings.Cut(mails[0].Text, "?token=")
	if len(mails) != 1 || !ok {
		t.Fatalf("%+v", mails)
	}
	token, _, _ = strings.Cut(token, "\n")
	return token
}

// TestP21_Impersonation: an administrator who looks at the site as a user doesn't change
// the user's password or address, not even with the right password.
func TestP21_Impersonation(t *testing.T) {
	a := start(t, rig.Options{})
	a.Mux.HandleFunc("POST /as", func(w http.ResponseWriter, r *http.Request) {
		if err := a.Guard.Accounts().Impersonate(r.Context(), a.Guard.Session(r), a.Users.Get("2")); err != nil {
			t.Error(err)
		}
	})
	a.Users.Add(rig.User{Email: "bob@example.com", PasswordFields: a.ada.PasswordFields})
	b := a.loggedIn(t)
	b.Post("/as", nil)
	bob := a.Users.Get("2")
	for path, f := range map[string]url.Values{
		"change": form("current", right, "password", other),
		"email":  form("current", right, "email", "new@example.com"),
		"verify": nil,
	} {
		c := a.cost(func() { want(t, b.Post("/password/"+path, f), http.StatusForbidden, "Only they can change this.") })
		if c.hashes != 0 || len(c.mails) != 0 {
			t.Errorf("%s: %+v", path, c)
		}
		want(t, b.Get("/password/"+path), http.StatusForbidden, "Only they can change this.")
	}
	if !reflect.DeepEqual(bob, a.Users.Get("2")) {
		t.Error("something has changed")
	}
}

// slow is a source of keys that learns of the newest only when it looks again, as an
// instance does right after a rotation.
type slow struct{ now, next *keyring.Keyring }

func (s *slow) At(time.Time) *keyring.Keyring { return s.now }

func (s *slow) Refresh(time.Time) *keyring.Keyring {
	s.now = s.next
	return s.now
}

// TestP22_Rotation: a ticket that was made under one key works under the next, and on an
// instance that learns of its key only now.
func TestP22_Rotation(t *testing.T) {
	older := keyring.Generate()
	newer, err := older.Rotate()
	if err != nil {
		t.Fatal(err)
	}
	for name, row := range map[string]struct{ sealed, opened *keyring.Keyring }{
		"the key is rotated meanwhile":            {older, newer},
		"another instance has a key not seen yet": {newer, older},
	} {
		keys := &slow{row.sealed, row.sealed}
		a := start(t, rig.Options{Keys: keys})
		link := a.forgotten(t)
		keys.now, keys.next = row.opened, newer
		b := a.Browser(t)
		follow(b, link)
		keys.now, keys.next = row.sealed, newer // and the next request meets the first instance
		want(t, b.Post("/password/reset", form("password", other)), http.StatusOK, "is set")
		if t.Failed() {
			t.Fatal(name)
		}
	}
}
