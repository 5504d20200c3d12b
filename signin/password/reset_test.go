package password_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/hardtack-go/hardtack/auth"
	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/keyring"
	"github.com/hardtack-go/hardtack/signin/internal/rig"
	"github.com/hardtack-go/hardtack/signin/password"
	"github.com/hardtack-go/hardtack/ssestore"
	"github.com/hardtack-go/hardtack/ticket"
)

// TestP6_ForgottenTellsNothing compares the answers for one address before and after it
// has an account, and for a disabled one.
func TestP6_ForgottenTellsNothing(t *testing.T) {
	a := start(t, rig.Options{}, func(c *password.Config[*rig.User]) { c.Users = active{c.Users.(*rig.Table)} })
	const email = "eve@example.com"
	ask := func() (res *rig.Answer, c cost) {
		c = a.cost(func() { res = a.Browser(t).Post("/password/forgotten", form("email", email)) })
		return res, c
	}
	unknown, none := ask()
	want(t, unknown, http.StatusOK, "If <strong>eve@example.com</strong> has an account")
	if none.hashes != 0 || none.seals != 1 || len(none.mails) != 0 || len(unknown.Cookies()) != 0 {
		t.Errorf("unknown: %+v, %v", none, unknown.Cookies())
	}
	a.Users.Add(rig.User{Email: email, Disabled: true})
	disabled, c := ask()
	if !reflect.DeepEqual(c, none) || disabled.Body != unknown.Body || !reflect.DeepEqual(disabled.HeaderLengths(), unknown.HeaderLengths()) {
		t.Errorf("disabled: %+v\n%s\n%v", c, disabled.Body, disabled.Header)
	}
	a.Users.Edit("2", func(u *rig.User) { u.Disabled, u.PasswordFields = false, a.ada.PasswordFields })
	known, c := ask()
	if c.hashes != 0 || c.seals != 1 || len(c.mails) != 1 || known.Body != unknown.Body || !reflect.DeepEqual(known.HeaderLengths(), unknown.HeaderLengths()) {
		t.Errorf("known: %+v\n%s\n%v", c, known.Body, known.Header)
	}
	// Nor does a Sender that fails.
	a.Mails.Fail(errDown)
	if failed, _ := ask(); failed.Body != unknown.Body || failed.StatusCode != http.StatusOK {
		t.Errorf("a Sender that fails: %d, %s", failed.StatusCode, failed.Body)
	}
	a.Mails.Fail(nil)
	// A link for a user without a password gives them one.
	a.Users.Edit("2", func(u *rig.User) { u.PasswordFields = rig.PasswordFields{} })
	if _, c := ask(); len(c.mails) != 1 {
		t.Errorf("without a password: %+v", c)
	}
	for _, typed := range []string{"", "eve", "eve@example.com\r\nBcc: x@example.com", "eve@example.com> ORCPT=rfc822;x@example.com"} {
		c := a.cost(func() {
			want(t, a.Browser(t).Post("/password/forgotten", form("email", typed)), http.StatusUnprocessableEntity, "That isn’t an email address.")
		})
		if int(c.seals)+len(c.mails) != 0 {
			t.Errorf("%q: %+v", typed, c)
		}
	}
}

// TestP6_MailGoesToTheStoredAddress: two addresses may be one in small letters and two
// for a mail server (https://eng.getwisdom.io/hacking-github-with-unicode-dotless-i/).
func TestP6_MailGoesToTheStoredAddress(t *testing.T) {
	a := start(t, rig.Options{})
	a.Users.Edit("1", func(u *rig.User) { u.Email = "Ada.Kelvin@Example.com" })
	want(t, a.Browser(t).Post("/password/forgotten", form("email", "ada.\u212aelvin@example.com")), http.StatusUnprocessableEntity, "That isn’t an email address.")
	if mails := a.Mails.Take(); len(mails) != 0 {
		t.Errorf("%+v", mails)
	}
	a.Browser(t).Post("/password/forgotten", form("email", "ada.KELVIN@example.com"))
	if mails := a.Mails.Take(); len(mails) != 1 || mails[0].To != "Ada.Kelvin@Example.com" {
		t.Errorf("%+v", mails)
	}
}

// TestP7_Reset is the way of somebody who has forgotten their password.
func TestP7_Reset(t *testing.T) {
	a := start(t, rig.Options{})
	link := a.forgotten(t)
	a.Wait(time.Hour - time.Second)
	elsewhere := a.loggedIn(t)
	b := a.Browser(t)
	b.Site = "none" // a mail program
	hop := b.Get(link)
	b.Site = ""
	wantTo(t, hop, "/password/reset")
	page := b.Get("/password/reset")
	want(t, page, http.StatusOK, "Choose a new password")
	if page.Field("account") != ada {
		t.Error("the page doesn't name the account")
	}
	token := strings.TrimPrefix(link, "/password/reset?token=")
	// The page's own address says nothing, and no-referrer would keep some browsers from
	// saying where its form comes from.
	for policy, res := range map[string]*rig.Answer{"no-referrer": hop, "strict-origin": page} {
		if res.Header.Get("Referrer-Policy") != policy || !strings.Contains(res.Header.Get("Cache-Control"), "no-store") {
			t.Errorf("%v", res.Header)
		}
		if strings.Contains(res.Body, token) || strings.Contains(res.Location(), token) {
			t.Error("the ticket is in a page or an address")
		}
	}
	// A password that can't be used spends nothing.
	c := a.cost(func() {
		want(t, b.Post("/password/reset", form("password", "short")), http.StatusUnprocessableEntity, "Use at least 8 characters.")
		want(t, b.Post("/password/reset", form("password", "ada@example.com!")), http.StatusUnprocessableEntity, "too much like your address")
		want(t, b.Post("/password/reset", nil), http.StatusUnprocessableEntity, "Use at least 8 characters.")
	})
	if c.hashes != 0 {
		t.Errorf("%d hashes", c.hashes)
	}
	c = a.cost(func() {
		want(t, b.Post("/password/reset", form("password", other)), http.StatusOK, "Your password is set")
	})
	if c.hashes != 1 || len(c.mails) != 1 || c.mails[0].To != ada || !strings.Contains(c.mails[0].Subject, "was changed") {
		t.Errorf("%+v", c)
	}
	wantWho(t, b, "nobody")
	wantWho(t, elsewhere, "nobody")
	want(t, login(b, ada, right), http.StatusUnprocessableEntity, mismatch)
	wantTo(t, login(b, ada, other), "/")
}

// TestP7_LoggedInAsSomebodyElse: a link that somebody was sent says whose password it
// sets, and doesn't touch who is logged in.
func TestP7_LoggedInAsSomebodyElse(t *testing.T) {
	a := start(t, rig.Options{})
	link := a.forgotten(t)
	a.Users.Add(rig.User{Email: "bob@example.com", PasswordFields: a.ada.PasswordFields})
	b := a.Browser(t)
	wantTo(t, login(b, "bob@example.com", right), "/")
	if page := follow(b, link); page.Field("account") != ada {
		t.Error(page.Body)
	}
	want(t, b.Post("/password/reset", form("password", other)), http.StatusOK, "Your password is set")
	wantWho(t, b, "2 by password")
}

// TestP28_AnotherLinkMeanwhile: Ada's form is on the screen when something opens another
// link in her browser, whose ticket replaces hers.
func TestP28_AnotherLinkMeanwhile(t *testing.T) {
	const eve = "eve@example.com"
	const told = "Another link was opened"
	a := start(t, rig.Options{})
	a.Users.Add(rig.User{Email: eve, Proven: true, PasswordFields: a.ada.PasswordFields})
	ask := func(path, email, subject string) string {
		a.Mails.Take()
		a.Browser(t).Post("/password/"+path, form("email", email))
		return a.linkOf(t, email, subject)
	}
	b := a.Browser(t)
	page := follow(b, ask("forgotten", ada, "new password"))
	follow(b, ask("forgotten", eve, "new password"))
	c := a.cost(func() {
		res := b.Post("/password/reset", form("account", page.Field("account"), "password", other))
		want(t, res, http.StatusConflict, told)
		if res.Field("account") != eve {
			t.Errorf("the page names another account than that of the link: %s", res.Body)
		}
	})
	if c.hashes != 0 || len(c.mails) != 0 || a.Users.Get("2").Hash != a.ada.Hash {
		t.Errorf("%+v", c)
	}
	want(t, b.Post("/password/reset", form("account", eve, "password", other)), http.StatusOK, "is set")

	page = follow(b, ask("signup", "new@example.com", "account"))
	follow(b, ask("signup", "mallory@example.com", "account"))
	want(t, b.Post("/password/welcome", form("account", page.Field("account"), "password", other)), http.StatusConflict, told)
	if wantWho(t, b, "nobody"); a.Users.Get("3") != nil {
		t.Error("there is an account")
	}
	wantTo(t, b.Post("/password/welcome", form("account", "mallory@example.com", "password", other)), "/")
}

// TestP7_LinkFromAnotherSite: a web mailer's link comes without a cookie that is
// SameSite=Strict. The session that the browser has must not be replaced.
func TestP7_LinkFromAnotherSite(t *testing.T) {
	a := start(t, rig.Options{Store: func(c *ssestore.Config) { c.Cookie.SameSite = cookie.SameSiteStrict }})
	link := a.forgotten(t)
	b := a.loggedIn(t)
	webmail := a.Browser(t) // the same browser, which holds its cookies back
	webmail.Site = "cross-site"
	hop := webmail.Get(link)
	want(t, hop, http.StatusOK, ">Continue</a>")
	if len(hop.Cookies()) != 0 || hop.Header.Get("Referrer-Policy") != "no-referrer" {
		t.Errorf("%v", hop.Header)
	}
	to, ok := strings.CutPrefix(hop.Header.Get("Refresh"), "0; url=")
	if !ok || !strings.Contains(hop.Body, to[:20]) {
		t.Fatalf("%v\n%s", hop.Header, hop.Body)
	}
	wantTo(t, b.Get(to), "/password/reset")
	want(t, b.Get("/password/reset"), http.StatusOK, "Choose a new password")
	wantWho(t, b, "1 by password")
	// Another site can lead there as well. The page doesn't go in circles by itself.
	again := webmail.Get(to)
	want(t, again, http.StatusOK, ">Continue</a>")
	if len(again.Cookies()) != 0 || again.Header.Get("Refresh") != "" {
		t.Errorf("%v", again.Header)
	}
	// Without Strict the session comes along.
	a = start(t, rig.Options{})
	webmail = a.loggedIn(t)
	webmail.Site = "cross-site"
	wantTo(t, webmail.Get(a.forgotten(t)), "/password/reset")
}

// TestP8_ResetOnce: whatever changed since spends the link.
func TestP8_ResetOnce(t *testing.T) {
	for name, change := range map[string]func(a *app){
		"used": func(a *app) {
			b := a.Browser(t)
			link := a.forgotten(t)
			follow(b, link)
			want(t, b.Post("/password/reset", form("password", other)), http.StatusOK, "is set")
		},
		"password":  func(a *app) { a.Users.Edit("1", func(u *rig.User) { u.Hash = published[1].stored }) },
		"address":   func(a *app) { a.Users.Edit("1", func(u *rig.User) { u.Email = "new@example.com" }) },
		"gone":      func(a *app) { a.Users.Delete("1") },
		"other key": func(a *app) { a.Keys.Set(ring()) },
		"an hour":   func(a *app) { a.Wait(time.Hour) },
	} {
		t.Run(name, func(t *testing.T) {
			a := start(t, rig.Options{})
			link, b := a.forgotten(t), a.Browser(t)
			follow(b, link)
			change(a)
			before := a.Users.Get("1")
			c := a.cost(func() {
				want(t, b.Post("/password/reset", form("password", "a third password")), http.StatusBadRequest, spent)
				want(t, b.Get("/password/reset"), http.StatusBadRequest, spent)
				want(t, b.Get(link), http.StatusBadRequest, spent)
				want(t, a.Browser(t).Get(link), http.StatusBadRequest, spent)
			})
			if name != "other key" && b.Cookie(a.Store.CookieName()) != "" { // with that, nothing can be read
				t.Error("the ticket still waits")
			}
			if c.hashes != 0 || len(c.mails) != 0 || !reflect.DeepEqual(before, a.Users.Get("1")) {
				t.Errorf("%+v", c)
			}
		})
	}
}

// TestP8_FiftyAtOnce: the user store's compare-and-set decides.
func TestP8_FiftyAtOnce(t *testing.T) {
	a := start(t, rig.Options{})
	link := a.forgotten(t)
	browsers := make([]*rig.Browser, 50)
	for i := range browsers {
		browsers[i] = a.Browser(t)
		follow(browsers[i], link)
	}
	got := rig.AtOnce(len(browsers), func(i int) *rig.Answer {
		return browsers[i].Post("/password/reset", form("password", other))
	})
	if got[http.StatusOK] != 1 || got[http.StatusBadRequest] != 49 {
		t.Errorf("status codes: %v", got)
	}
}

// TestP8_OtherTickets: a ticket of another purpose or audience, an altered one, and one
// for another page.
func TestP8_OtherTickets(t *testing.T) {
	a := start(t, rig.Options{})
	fields := []string{"1", ada, a.ada.Hash}
	seal := func(purpose, audience string, bound []string) string {
		k, err := ticket.New[string](ticket.Config{Keys: a.Keys, Purpose: purpose, Audience: audience, Life: time.Hour})
		if err != nil {
			t.Fatal(err)
		}
		token, err := k.Seal(a.Now(), "1", bound...)
		if err != nil {
			t.Fatal(err)
		}
		return token
	}
	good := seal("signin/password/reset", "https://example.com", fields)
	for name, token := range map[string]string{
		"empty": "", "no ticket": "x", "long": strings.Repeat("x", 5000), "cut": good[:len(good)-1], "longer": good + "A",
		"altered":          good[:100] + string(good[100]^1) + good[101:],
		"of a passlink":    seal("signin/passlink/link", "https://example.com", fields),
		"of a proof":       seal("signin/password/verify", "https://example.com", fields),
		"of another site":  seal("signin/password/reset", "https://example.org", fields),
		"of another user":  seal("signin/password/reset", "https://example.com", []string{"2", ada, a.ada.Hash}),
		"of another field": seal("signin/password/reset", "https://example.com", []string{"1", ada, ""}),
	} {
		b := a.loggedIn(t)
		res := b.Get("/password/reset?token=" + url.QueryEscape(token))
		want(t, res, http.StatusBadRequest, spent)
		if len(res.Cookies()) != 0 {
			t.Errorf("%s: %v", name, res.Cookies())
		}
		wantWho(t, b, "1 by password")
		want(t, b.Post("/password/reset", form("password", other)), http.StatusBadRequest, spent)
		if t.Failed() {
			t.Fatal(name)
		}
	}
	// Sealed without fields: a mistake of the program that must not open.
	want(t, a.Browser(t).Get("/password/reset?token="+seal("signin/password/reset", "https://example.com", nil)), http.StatusServiceUnavailable, down)
	b := a.Browser(t)
	want(t, follow(b, "/password/reset?token="+good), http.StatusOK, "Choose a new password")
	// A ticket that waits for one page is of no use to another.
	for _, page := range []string{"welcome", "verified", "moved"} {
		want(t, b.Get("/password/"+page), http.StatusBadRequest, spent)
		want(t, b.Post("/password/"+page, form("password", other)), http.StatusBadRequest, spent)
		want(t, b.Get("/password/"+page+"?token="+good), http.StatusBadRequest, spent)
	}
	want(t, b.Get("/password/reset"), http.StatusOK, "Choose a new password")
}

// TestP9_Scanners open links, three times and with HEAD, and press no buttons.
func TestP9_Scanners(t *testing.T) {
	a := start(t, rig.Options{})
	link := a.forgotten(t)
	before := a.Users.Get("1")
	for range 3 {
		scanner := a.Browser(t)
		scanner.Site = "none"
		want(t, follow(scanner, link), http.StatusOK, "Choose a new password")
		wantTo(t, scanner.Do(http.MethodHead, link, "", nil), "/password/reset")
		want(t, scanner.Do(http.MethodHead, "/password/reset", "", nil), http.StatusOK, "")
		// A POST of the link has no ticket: it counts only from the session.
		want(t, a.Browser(t).Post(link, form("password", other)), http.StatusBadRequest, spent)
	}
	if !reflect.DeepEqual(before, a.Users.Get("1")) {
		t.Error("something has changed")
	}
	b := a.Browser(t)
	follow(b, link)
	want(t, b.Post("/password/reset", form("password", other)), http.StatusOK, "is set")
}

// TestP10_ResetProves: a reset is the first proof of an address. What a stranger
// attached before is gone, and what the owner attached after a proof stays.
func TestP10_ResetProves(t *testing.T) {
	for _, proven := range []bool{false, true} {
		a := start(t, rig.Options{})
		a.Users.Edit("1", func(u *rig.User) { u.Proven, u.Logins = proven, 7 })
		eve := a.loggedIn(t) // who opened the account, if it wasn't ada
		epoch := a.Users.Get("1").Epoch
		link, b := a.forgotten(t), a.Browser(t)
		follow(b, link)
		want(t, b.Post("/password/reset", form("password", other)), http.StatusOK, "is set")
		wantWho(t, eve, "nobody")
		want(t, login(eve, ada, right), http.StatusUnprocessableEntity, mismatch)
		u := a.Users.Get("1")
		if !u.Proven || (u.Epoch == epoch) != proven { // Prove of the rig drops everything with the epoch
			t.Errorf("proven before: %v, after: %+v", proven, u)
		}
		wantTo(t, login(b, ada, other), "/")
	}
}

// TestP11_OriginOnly: no link is made from what the request says about the host.
func TestP11_OriginOnly(t *testing.T) {
	a := start(t, rig.Options{})
	for _, h := range []http.Header{
		{"X-Forwarded-Host": {"evil.example"}},
		{"X-Forwarded-Proto": {"http"}, "X-Forwarded-Port": {"8080"}},
		{"Forwarded": {"host=evil.example"}},
		{"X-Original-Url": {"https://evil.example/"}, "X-Host": {"evil.example"}},
		{"X-Forwarded-Prefix": {"/evil"}},
	} {
		b := a.Browser(t)
		b.Head = h
		for path, email := range map[string]string{"forgotten": ada, "signup": "new@example.com"} {
			want(t, b.Post("/password/"+path, form("email", email)), http.StatusOK, "on its way")
			for _, m := range a.Mails.Take() {
				if strings.Contains(m.Text, "evil") || !strings.Contains(m.Text, "\nhttps://example.com/password/") {
					t.Errorf("%v: %s", h, m.Text)
				}
			}
		}
	}
	// Nor from Host itself, where a server answers for every one.
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://evil.example/password/forgotten", strings.NewReader(form("email", ada).Encode()))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	a.ServeHTTP(discard{http.Header{}}, r)
	if link := a.linkOf(t, ada, "new password"); !strings.HasPrefix(link, "/password/reset?token=") {
		t.Error(link)
	}
}

// discard is a response that nobody reads.
type discard struct{ header http.Header }

func (d discard) Header() http.Header         { return d.header }
func (d discard) Write(b []byte) (int, error) { return len(b), nil }
func (d discard) WriteHeader(int)             {}

// TestP12_StorageDown: 503 at every step, told apart from a user who is gone, and
// nothing is spent.
func TestP12_StorageDown(t *testing.T) {
	a := start(t, rig.Options{})
	b := a.Browser(t)
	in := a.loggedIn(t)
	follow(b, a.forgotten(t))
	a.Browser(t).Post("/password/signup", form("email", "new@example.com"))
	welcome := a.linkOf(t, "new@example.com", "Your account")
	n := a.Browser(t)
	follow(n, welcome)
	a.Users.Edit("1", func(u *rig.User) { u.Proven = false })
	in.Post("/password/verify", nil)
	proof := a.linkOf(t, ada, "Confirm")
	in.Post("/password/email", form("current", right, "email", "next@example.com"))
	moved := a.linkOf(t, "next@example.com", "new address")
	mover := a.loggedIn(t)
	follow(in, proof)
	follow(mover, moved)
	before := a.Users.Get("1")

	a.Users.Fail(errDown)
	for _, f := range []struct {
		b    *rig.Browser
		path string
		form url.Values
	}{
		{b, "login", form("email", ada, "password", right)},
		{b, "forgotten", form("email", ada)},
		{b, "signup", form("email", "third@example.com")},
		{b, "reset", form("password", other)},
		{n, "welcome", form("password", other)},
		{in, "change", form("current", right, "password", other)},
		{in, "verified", nil},
		{mover, "moved", nil},
	} {
		want(t, f.b.Post("/password/"+f.path, f.form), http.StatusServiceUnavailable, "")
	}
	want(t, b.Get("/password/reset"), http.StatusServiceUnavailable, down)
	want(t, b.Get(welcome), http.StatusServiceUnavailable, down)
	a.Users.Fail(nil)
	if !reflect.DeepEqual(before, a.Users.Get("1")) || a.Users.Get("2") != nil {
		t.Error("something has changed")
	}
	want(t, in.Post("/password/verified", nil), http.StatusOK, "is yours")
	want(t, b.Post("/password/reset", form("password", other)), http.StatusOK, "is set")
	wantTo(t, n.Post("/password/welcome", form("password", other)), "/")
	want(t, mover.Get("/password/moved"), http.StatusBadRequest, spent) // the password has changed
}

func TestP12_WritesFail(t *testing.T) {
	var a *app
	// A validator runs between the reads and the writes.
	fail := false
	a = start(t, rig.Options{}, func(c *password.Config[*rig.User]) {
		c.Validators = []password.Validator{func(ctx context.Context, pw, email string) error {
			if fail {
				a.Users.Fail(errDown)
			}
			return nil
		}}
	})
	b, in, n := a.Browser(t), a.loggedIn(t), a.Browser(t)
	follow(b, a.forgotten(t))
	a.Browser(t).Post("/password/signup", form("email", "new@example.com"))
	follow(n, a.linkOf(t, "new@example.com", "Your account"))
	for _, f := range []struct {
		b    *rig.Browser
		path string
		form url.Values
	}{
		{b, "reset", form("password", other)},
		{n, "welcome", form("password", other)},
		{in, "change", form("current", right, "password", other)},
	} {
		fail = true
		want(t, f.b.Post("/password/"+f.path, f.form), http.StatusServiceUnavailable, down)
		fail = false
		a.Users.Fail(nil)
	}
	want(t, b.Post("/password/reset", form("password", other)), http.StatusOK, "is set")
	wantTo(t, n.Post("/password/welcome", form("password", other)), "/")
}

// TestP12_SealFails: without a time nothing can be sealed.
func TestP12_SealFails(t *testing.T) {
	a := start(t, rig.Options{})
	a.Wait(-60 * 365 * 24 * time.Hour) // before 1970
	for path, f := range map[string]url.Values{
		"forgotten": form("email", ada), "signup": form("email", "new@example.com"),
	} {
		want(t, a.Browser(t).Post("/password/"+path, f), http.StatusServiceUnavailable, down)
	}
	if mails := a.Mails.Take(); len(mails) != 0 {
		t.Errorf("%+v", mails)
	}
}

// TestP13_SenderDown: where a mail goes out in any case, the visitor is told.
func TestP13_SenderDown(t *testing.T) {
	a := start(t, rig.Options{})
	in := a.loggedIn(t)
	a.Users.Edit("1", func(u *rig.User) { u.Proven = false })
	a.Mails.Fail(errDown)
	for _, f := range []struct {
		path string
		form url.Values
	}{
		{"signup", form("email", "new@example.com")},
		{"signup", form("email", ada)},
		{"verify", nil},
		{"email", form("current", right, "email", "new@example.com")},
	} {
		want(t, in.Post("/password/"+f.path, f.form), http.StatusServiceUnavailable, down)
	}
	// News that come too late to change anything get lost without a word.
	want(t, in.Post("/password/change", form("current", right, "password", other)), http.StatusOK, "is changed")
}

// partly is a table of which one method fails.
type partly struct {
	*rig.Table
	byEmail, byID error
}

func (p *partly) ByEmail(ctx context.Context, email string) (*rig.User, error) {
	if p.byEmail != nil {
		return nil, p.byEmail
	}
	return p.Table.ByEmail(ctx, email)
}

func (p *partly) ByID(ctx context.Context, id string) (*rig.User, error) {
	if p.byID != nil {
		return nil, p.byID
	}
	return p.Table.ByID(ctx, id)
}

func TestP12_OneMethodFails(t *testing.T) {
	var users *partly
	a := start(t, rig.Options{}, func(c *password.Config[*rig.User]) {
		users = &partly{Table: c.Users.(*rig.Table)}
		c.Users = users
	})
	b := a.loggedIn(t)
	users.byEmail = errDown
	c := a.cost(func() {
		want(t, b.Post("/password/email", form("current", right, "email", "new@example.com")), http.StatusServiceUnavailable, down)
	})
	if len(c.mails) != 0 {
		t.Errorf("%+v", c)
	}
	users.byEmail = nil
	// A user store may say that an id is none at all, as UserByID may to auth.
	link := a.forgotten(t)
	users.byID = auth.ErrBadID
	want(t, b.Get(link), http.StatusBadRequest, spent)
}

// TestP12_NoActiveKey: nothing can be sealed, in pages that need a login.
func TestP12_NoActiveKey(t *testing.T) {
	begin := time.Unix(1_800_000_000, 0)
	ring, err := keyring.New(keyring.NewKeyAt(begin.Add(-10 * time.Second)))
	if err != nil {
		t.Fatal(err)
	}
	a := start(t, rig.Options{Keys: ring})
	if !a.Now().Equal(begin) {
		t.Fatal("the rig starts at another time")
	}
	b := a.loggedIn(t)
	a.Users.Edit("1", func(u *rig.User) { u.Proven = false })
	a.Wait(-30 * time.Second) // the key isn't active yet
	for path, f := range map[string]url.Values{
		"verify": nil, "email": form("current", right, "email", "new@example.com"), "forgotten": form("email", ada), "signup": form("email", "new@example.com"),
	} {
		want(t, b.Post("/password/"+path, f), http.StatusServiceUnavailable, down)
	}
	if mails := a.Mails.Take(); len(mails) != 0 {
		t.Errorf("%+v", mails)
	}
}

// fill makes a session as large as it can be.
func fill(a *app, r *http.Request) {
	cart := ssestore.NewKey[string]("cart")
	for n := 4000; cart.Set(a.Guard.Session(r), strings.Repeat("x", n)) != nil; n-- {
	}
}

// TestP7_FullSession: a ticket for which the session has no room isn't lost, and nothing
// else is.
func TestP7_FullSession(t *testing.T) {
	a := start(t, rig.Options{})
	a.Mux.HandleFunc("POST /fill", func(w http.ResponseWriter, r *http.Request) { fill(a, r) })
	link, b := a.forgotten(t), a.Browser(t)
	b.Post("/fill", nil)
	full := b.Cookie(a.Store.CookieName())
	want(t, b.Get(link), http.StatusConflict, "There is no room for this link")
	if full == "" || b.Cookie(a.Store.CookieName()) != full {
		t.Errorf("%d characters before", len(full))
	}
	want(t, follow(a.Browser(t), link), http.StatusOK, "Choose a new password")
}

// TestP12_VisitorLeaves: who doesn't wait for a hash gets no answer about the password.
func TestP12_VisitorLeaves(t *testing.T) {
	a := start(t, rig.Options{})
	b := a.loggedIn(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for path, f := range map[string]url.Values{
		"login": form("email", ada, "password", right), "change": form("current", right, "password", other),
	} {
		r := httptest.NewRequestWithContext(ctx, http.MethodPost, "https://example.com/password/"+path, strings.NewReader(f.Encode()))
		r.Header.Set("Content-Type", urlencoded)
		r.AddCookie(&http.Cookie{Name: a.Store.CookieName(), Value: b.Cookie(a.Store.CookieName())})
		w := httptest.NewRecorder()
		a.ServeHTTP(w, r)
		if w.Code != http.StatusServiceUnavailable || !strings.Contains(w.Body.String(), down) {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
	}
}
