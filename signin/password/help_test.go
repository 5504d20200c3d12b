package password_test

import (
	"context"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/hardtack-go/hardtack/auth"
	"github.com/hardtack-go/hardtack/keyring"
	"github.com/hardtack-go/hardtack/signin"
	"github.com/hardtack-go/hardtack/signin/internal/rig"
	"github.com/hardtack-go/hardtack/signin/password"
)

const (
	ada   = "ada@example.com"
	right = "correct horse battery staple"
	other = "wrong donkey capacitor paperclip"
)

// account is password.Config.Account for the rig.
func account(u *rig.User) password.Account {
	if u == nil { // a mistake of the package, which should show in what it answers
		return password.Account{}
	}
	return password.Account{Email: u.Email, Hash: u.Hash, Proven: u.Proven}
}

// active is the table of an application that finds no disabled users.
type active struct{ *rig.Table }

func (a active) ByEmail(ctx context.Context, email string) (*rig.User, error) {
	u, err := a.Table.ByEmail(ctx, email)
	if err == nil && u.Disabled {
		return nil, auth.ErrNoUser
	}
	return u, err
}

// freely is a throttle that stops nobody.
type freely struct{}

func (freely) Allow(*http.Request, string) (time.Duration, bool) { return 0, true }

// an app is the rig with this way mounted, and ada, who has proven her address and has
// the password right. Hashes counts.
type app struct {
	*rig.App
	hasher  *password.Hasher
	handler http.Handler
	ada     *rig.User
}

func start(t *testing.T, o rig.Options, change ...func(*password.Config[*rig.User])) *app {
	t.Helper()
	desk := o.Desk
	o.Desk = func(c *signin.Config[*rig.User]) {
		c.Throttle = freely{}
		if desk != nil {
			desk(c)
		}
	}
	a := &app{App: rig.New(t, o), hasher: newHasher(t, cheap)}
	c := password.Config[*rig.User]{
		Users: a.Users, Account: account, Create: a.Users.SignUp, Addresses: a.Users, Hasher: a.hasher,
	}
	for _, f := range change {
		f(&c)
	}
	h, err := password.New(a.Desk, c)
	if err != nil {
		t.Fatal(err)
	}
	a.handler = h
	a.Mux.Handle("/password/", h)
	a.ada = a.Users.Add(rig.User{Email: ada, Proven: true, PasswordFields: rig.PasswordFields{Hash: mustHash(t, a.hasher, right)}})
	t.Cleanup(password.Count(a.hasher, &a.Hashes))
	return a
}

// cost is what a request costs, besides time.
type cost struct {
	hashes, seals int64
	mails         []signin.Mail
}

func (a *app) cost(f func()) cost {
	hashes, seals := a.Hashes.Load(), a.Seals()
	a.Mails.Take()
	f()
	return cost{a.Hashes.Load() - hashes, int64(a.Seals() - seals), a.Mails.Take()}
}

func login(b *rig.Browser, email, pw string, more ...string) *rig.Answer {
	b.T.Helper()
	return b.Post("/password/login", form(append([]string{"email", email, "password", pw}, more...)...))
}

// loggedIn returns a browser in which ada has logged in.
func (a *app) loggedIn(t testing.TB) *rig.Browser {
	t.Helper()
	b := a.Browser(t)
	wantTo(t, login(b, ada, right), "/")
	wantWho(t, b, "1 by password")
	return b
}

func form(pairs ...string) url.Values {
	v := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		v.Add(pairs[i], pairs[i+1])
	}
	return v
}

// linkOf returns the link of the only mail, as a path.
func (a *app) linkOf(t testing.TB, to, subject string) string {
	t.Helper()
	mails := a.Mails.Take()
	if len(mails) != 1 || mails[0].To != to || !strings.Contains(mails[0].Subject, subject) {
		t.Fatalf("%d mails: %+v", len(mails), mails)
	}
	link := regexp.MustCompile(`(?m)^https://\S+$`).FindString(mails[0].Text)
	path, ok := strings.CutPrefix(link, a.URL("/"))
	if !ok {
		t.Fatalf("the mail has no link of this application: %s", mails[0].Text)
	}
	return "/" + path
}

// forgotten asks for a link to reset ada's password.
func (a *app) forgotten(t testing.TB) string {
	t.Helper()
	want(t, a.Browser(t).Post("/password/forgotten", form("email", ada)), http.StatusOK, "is on its way")
	return a.linkOf(t, ada, "new password")
}

// follow opens a link and returns the page that it leads to.
func follow(b *rig.Browser, link string) *rig.Answer {
	b.T.Helper()
	page, _, _ := strings.Cut(link, "?")
	wantTo(b.T, b.Get(link), page)
	return b.Get(page)
}

// want checks the status of a page and that it says something.
func want(t testing.TB, a *rig.Answer, status int, says string) {
	t.Helper()
	if a.StatusCode != status || !strings.Contains(a.Body, says) || strings.Count(a.Body, "<h1>") > 1 {
		t.Errorf("%d, want %d and one page with %q:\n%s", a.StatusCode, status, says, a.Body)
	}
}

// wantTo checks for a redirect.
func wantTo(t testing.TB, a *rig.Answer, to string) {
	t.Helper()
	if a.StatusCode != http.StatusSeeOther || a.Location() != to {
		t.Errorf("%d to %q, want 303 to %q:\n%s", a.StatusCode, a.Location(), to, a.Body)
	}
}

func wantWho(t testing.TB, b *rig.Browser, who string) {
	t.Helper()
	if got := b.Who(); got != who {
		t.Errorf("logged in: %q, want %q", got, who)
	}
}

const (
	spent    = "This link has been used, or it is too old."
	mismatch = "Email and password don’t match."
	down     = "Nothing is lost"
	unread   = "The form didn’t arrive as it was made."
)

// ring returns other keys than those of the rig.
func ring() *keyring.Keyring { return keyring.Generate() }
