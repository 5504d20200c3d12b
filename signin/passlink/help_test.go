package passlink_test

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/hardtack-go/hardtack/signin"
	"github.com/hardtack-go/hardtack/signin/internal/rig"
	"github.com/hardtack-go/hardtack/signin/passlink"
)

const ada = "ada@example.com"

// an app is the rig with this way mounted, and ada, who has proven her address.
type app struct {
	*rig.App
	ada *rig.User
}

func start(t *testing.T, o rig.Options, change ...func(*passlink.Config[*rig.User])) *app {
	t.Helper()
	a := &app{App: rig.New(t, o)}
	c := passlink.Config[*rig.User]{
		Users: a.Users,
		Email: func(u *rig.User) string { return u.Email },
		Bound: (*rig.User).LinkFields,
	}
	for _, f := range change {
		f(&c)
	}
	h, err := passlink.New(a.Desk, c)
	if err != nil {
		t.Fatal(err)
	}
	a.Mux.Handle("/passlink/", h)
	a.ada = a.Users.Add(rig.User{Email: ada, Proven: true, PasswordFields: rig.PasswordFields{Hash: "hash"}})
	return a
}

// unlimited lets every attempt through.
func unlimited(c *signin.Config[*rig.User]) {
	c.Throttle = freely{}
}

// asked is what came of asking for a mail: the page and the mail in pieces.
type asked struct {
	*rig.Answer
	pending    string // the hidden field
	link, code string // of the mail
	token      string // of the link
}

// ask asks for a mail to ada. more holds further fields.
func (a *app) ask(b *rig.Browser, more ...string) asked {
	b.T.Helper()
	form := url.Values{"email": {ada}}
	for i := 0; i < len(more); i += 2 {
		form.Set(more[i], more[i+1])
	}
	res := asked{Answer: b.Post("/passlink/", form)}
	want(b.T, res.Answer, http.StatusOK, "Check your email")
	mails := a.Mails.Take()
	if len(mails) != 1 || mails[0].To != ada {
		b.T.Fatalf("%d mails: %+v", len(mails), mails)
	}
	res.pending = res.Field("pending")
	res.link = regexp.MustCompile(`https://\S+`).FindString(mails[0].Text)
	res.code = regexp.MustCompile(`(?m)^    (\S+)$`).FindStringSubmatch(mails[0].Text)[1]
	_, res.token, _ = strings.Cut(res.link, "?token=")
	return res
}

// click opens the link and presses the button, if there is one.
func click(b *rig.Browser, link string) *rig.Answer {
	b.T.Helper()
	page := b.Get(link)
	if token := page.Field("token"); token != "" {
		return b.Post("/passlink/enter", url.Values{"token": {token}})
	}
	return page
}

// enter types a code.
func enter(b *rig.Browser, pending, code string) *rig.Answer {
	b.T.Helper()
	return b.Post("/passlink/enter", url.Values{"pending": {pending}, "code": {code}})
}

// want checks the status of a page and that it says something.
func want(t testing.TB, a *rig.Answer, status int, says string) {
	t.Helper()
	if a.StatusCode != status || !strings.Contains(a.Body, says) {
		t.Errorf("%d, want %d and %q:\n%s", a.StatusCode, status, says, a.Body)
	}
}

// wantIn checks for a redirect after a login.
func wantIn(t testing.TB, b *rig.Browser, a *rig.Answer, to, who string) {
	t.Helper()
	if a.StatusCode != http.StatusSeeOther || a.Location() != to {
		t.Errorf("%d to %q, want 303 to %q:\n%s", a.StatusCode, a.Location(), to, a.Body)
	}
	if got := b.Who(); got != who {
		t.Errorf("logged in: %q, want %q", got, who)
	}
}

// wantOut checks that an answer logged nobody in.
func wantOut(t testing.TB, b *rig.Browser) {
	t.Helper()
	if got := b.Who(); got != "nobody" {
		t.Errorf("logged in: %q, want nobody", got)
	}
}

const (
	invalid   = "doesn’t work any more"
	elsewhere = "in another browser"
	wrong     = "isn’t the code"
)
