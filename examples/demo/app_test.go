package main

import (
	"errors"
	"fmt"
	"html"
	"net"
	"net/url"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/hardtack-go/hardtack/auth"
	"github.com/hardtack-go/hardtack/examples/internal/visitor"
	"github.com/hardtack-go/hardtack/signin"
	"github.com/hardtack-go/hardtack/signin/password"
)

const (
	ada = "ada@example.com"
	bob = "bob@example.com"
)

func TestCartSurvivesLoginAndEndsWithLogout(t *testing.T) {
	v := start(t).visitor(t)
	v.Get("/").Want(t, 200, "").Says(t, "Nothing in it yet")
	if v.Cookie() != "" {
		t.Error("a cookie for a visitor about whom there is nothing to remember")
	}
	v.Post("/cart", "item", "  lime   juice ").Want(t, 303, "/")
	v.Post("/cart", "item", `<script>alert("x")</script>`).Want(t, 303, "/")
	v.Get("/").Want(t, 200, "").Says(t, "<li>lime juice</li>").Says(t, "&lt;script&gt;")
	anonymous := v.Cookie()

	v.Login(bob, seedPassword).Want(t, 303, "/")
	if v.Cookie() == anonymous {
		t.Error("login left the cookie as it was")
	}
	v.Get("/").Says(t, "Logged in as bob@example.com").Says(t, "<li>lime juice</li>")
	if page := v.Get("/"); strings.Contains(page.Text, "Logged in as") {
		t.Error("the message is shown twice")
	}
	if got := v.Who(); got != bob {
		t.Errorf("logged in as %q", got)
	}
	v.Post("/cart", "clear", "1").Want(t, 303, "/")
	v.Get("/").Says(t, "Nothing in it yet").Says(t, "Hello, bob")

	v.Get("/logout").Want(t, 405, "")
	if v.Who() != bob {
		t.Error("a GET logged somebody out")
	}
	v.Post("/logout").Want(t, 303, "/")
	if v.Cookie() != "" || v.Who() != "" {
		t.Error("still logged in after the logout")
	}
}

func TestCartRefusesWhatDoesNotFit(t *testing.T) {
	v := start(t).visitor(t)
	v.Post("/cart", "item", "   ").Want(t, 422, "").Says(t, "Type what you want to add")
	v.Post("/cart", "item", strings.Repeat("ü", maxItem+1)).Want(t, 422, "").Says(t, "one item may have 200 characters")
	full := false
	for i := range 30 {
		item := fmt.Sprint(i, strings.Repeat("x", maxItem-5))
		a := v.Post("/cart", "item", item)
		if a.StatusCode != 422 {
			continue
		}
		full = i > 8
		// Nothing is lost: neither the cart nor what was typed. And the numbers
		// are those of the session page.
		a.Says(t, "<li>0xxx").Says(t, `value="`+item+`"`).Says(t, "Your cart")
		says := regexp.MustCompile(`Your cookie takes ([0-9,]+) of ([0-9,]+) bytes`).FindStringSubmatch(a.Text)
		if says == nil {
			t.Fatalf("the refusal has no numbers:\n%s", a.Text)
		}
		v.Get("/session").Says(t, `<strong id="bytes">`+says[1]+`</strong>`).Says(t, `<span id="allowed">`+says[2]+`</span>`)
		break
	}
	if !full {
		t.Error("the cart never got full, or far too early")
	}
	if s := sessionOf(v); s.Bytes > 4096 || s.Bytes < 2500 {
		t.Errorf("a full cart takes %d bytes", s.Bytes)
	}
	// Room for the login was kept.
	v.Login(bob, seedPassword).Want(t, 303, "/")
	v.Get("/").Says(t, "<li>0xxx").Says(t, "Hello, bob")
}

func TestLoginRefusesAlike(t *testing.T) {
	s := start(t)
	v := s.visitor(t)
	page := func(email, pw string) string {
		a := v.Login(email, pw, "next", "/members").Want(t, 422, "").Says(t, "Email and password don’t match.")
		if a.Header.Get("Set-Cookie") != "" {
			t.Error("a refused login sets a cookie")
		}
		return strings.ReplaceAll(a.Text, `id="email" value="`+html.EscapeString(email)+`"`, "")
	}
	wrong := page(bob, "wrong")
	for _, row := range []struct{ email, pw string }{
		{"nobody@example.com", seedPassword}, {bob, seedPassword + " "}, {bob, strings.Repeat("x", 5000)},
	} {
		if page(row.email, row.pw) != wrong {
			t.Errorf("%q gets another answer than a wrong password", row.email)
		}
	}
	for _, row := range []struct{ email, pw string }{{"nobody@example.com", ""}, {bob, ""}, {"' or 1=1 --", "x"}} {
		v.Login(row.email, row.pw).Want(t, 422, "").Says(t, "Enter your email address and your password.")
	}
	// Neither case nor space around the address matters; both of the password do.
	v.Login("  BOB@example.com ", seedPassword, "next", "/members").Want(t, 303, "/members")
}

func TestAccess(t *testing.T) {
	s := start(t)
	v := s.visitor(t)
	v.Get("/members?x=1").Want(t, 302, "/login?next=/members%3Fx%3D1")
	v.Get("/staff").Want(t, 302, "/login?next=/staff")
	v.Get("/account").Want(t, 302, "/login?next=/account")
	v.Post("/keys/rotate").Want(t, 303, "/login")
	v.Get("/login?next=/members%3Fx%3D1").Says(t, `name="next" value="/members?x=1"`)
	for _, evil := range []string{"https://evil.example/", "//evil.example", `/\evil.example`, "javascript:alert(1)"} {
		if page := v.Get("/login?next=" + url.QueryEscape(evil)); strings.Contains(page.Text, `name="next"`) {
			t.Errorf("the form takes over %q", evil)
		}
		s.visitor(t).Login(bob, seedPassword, "next", evil).Want(t, 303, "/")
	}

	api := v.Request("GET", "/members", nil)
	api.Header.Set("Accept", "application/json")
	if a := v.Do(api).Want(t, 401, ""); a.Header.Get("Content-Type") != "application/problem+json" {
		t.Errorf("an API caller gets %s", a.Header.Get("Content-Type"))
	}

	v.Login(bob, seedPassword)
	v.Get("/staff").Want(t, 404, "").Says(t, "There is nothing here")
	v.Post("/keys/rotate").Want(t, 404, "")
	v.Get("/nowhere").Want(t, 404, "").Says(t, "There is nothing here")
	for _, path := range []string{"/", "/members", "/session", "/account", "/change"} {
		if cc := v.Get(path).Header.Get("Cache-Control"); !strings.Contains(cc, "no-store") || !strings.Contains(cc, "private") {
			t.Errorf("%s to a user: Cache-Control %q", path, cc)
		}
	}
	staff := s.visitor(t)
	staff.Login(ada, seedPassword, "next", "/staff").Want(t, 303, "/staff")
	staff.Get("/staff").Want(t, 200, "").Says(t, "Keys on the ring").Says(t, bob)
}

func TestCrossOriginPostIsRefused(t *testing.T) {
	s := start(t)
	v := s.visitor(t)
	v.Login(bob, seedPassword)
	r := v.Request("POST", "/logout", url.Values{})
	r.Header.Set("Sec-Fetch-Site", "cross-site")
	v.Do(r).Want(t, 403, "")
	if v.Who() != bob {
		t.Error("another site logged bob out")
	}
}

func TestSignup(t *testing.T) {
	s := start(t)
	v := s.visitor(t)
	v.Post("/cart", "item", "rope")
	for _, email := range []string{"no address", "Eve <eve@example.com>", strings.Repeat("e", 250) + "@example.com"} {
		v.Post("/signup", "email", email).Want(t, 422, "").Says(t, "isn’t an email address")
	}
	// A taken address gets the same page, and its owner a mail about it.
	page := v.Post("/signup", "email", "ADA@example.com").Want(t, 200, "").Says(t, "Check your email").Text
	if strings.Contains(v.lastMail(ada), "/welcome?token=") {
		t.Error("a mail lets a newcomer into an account")
	}
	fresh := v.Post("/signup", "email", "Eve@example.com", "next", "/members").Want(t, 200, "").Text
	if strings.ReplaceAll(page, ada, "") != strings.ReplaceAll(fresh, "eve@example.com", "") {
		t.Error("the answer tells who has an account")
	}
	link := v.lastMail("eve@example.com")
	form := v.follow(link)
	form.Says(t, "eve@example.com")
	for pw, says := range map[string]string{"short": "at least 8 characters", strings.Repeat("x", 257): "at most 256 characters", "password1": "Too many people use"} {
		if a := v.Post("/welcome", "password", pw).Want(t, 422, "").Says(t, says); strings.Contains(a.Text, `value="`+pw) {
			t.Errorf("the form repeats the password %q", pw)
		}
	}
	v.Post("/welcome", "password", "ünïcödé!").Want(t, 303, "/members")
	v.Get("/").Says(t, "Logged in as eve@example.com").Says(t, "<li>rope</li>")
	if v.Who() != "eve@example.com" {
		t.Errorf("signed up as %q", v.Who())
	}
	v.Get("/account").Says(t, "address confirmed").Says(t, "with your password")
	v.Get("/staff").Want(t, 404, "")
	s.visitor(t).follow(link).Want(t, 400, "")
	again := s.visitor(t)
	again.Login("eve@example.com", "ünïcödé!").Want(t, 303, "/")
}

func TestPasswordChangeEndsOtherSessions(t *testing.T) {
	s := start(t)
	here, there, third, other := s.visitor(t), s.visitor(t), s.visitor(t), s.visitor(t)
	here.Login(bob, seedPassword, "remember", "1")
	there.Login(bob, seedPassword)
	third.Login(bob, seedPassword)
	other.Login(ada, seedPassword)
	here.Post("/change", "current", "wrong", "password", "a new password").Want(t, 422, "").Says(t, "isn’t your current password")
	here.Post("/change", "current", seedPassword, "password", "short").Want(t, 422, "").Says(t, "at least 8 characters")
	if there.Who() != bob {
		t.Fatal("a refused change logged somebody out")
	}
	before := sessionOf(here)
	here.Post("/change", "current", seedPassword, "password", "a new password").Want(t, 200, "").Says(t, "Your password is changed")
	after := sessionOf(here)
	if here.Who() != bob {
		t.Error("the changer was logged out")
	}
	if before.LogID != after.LogID || before.LogID == "" || before.Claims.Exp != after.Claims.Exp || !after.Persistent {
		t.Errorf("the changer's session changed more than its stamp: %+v, %+v", before.Claims, after.Claims)
	}
	third.Get("/").Want(t, 200, "").Says(t, "Your password was changed")
	there.Get("/members").Want(t, 302, "/login?why=stamp-mismatch&next=/members")
	there.Get("/login?why=stamp-mismatch&next=/members").Says(t, "Your password was changed")
	if there.Who() != "" {
		t.Error("the other session goes on")
	}
	// The cookie stays for the first minute of a session: a replica of the database
	// may lag. It opens nothing that needs a user.
	there.Get("/").Says(t, "Your password was changed").Says(t, "Log in")
	if other.Who() != ada {
		t.Error("somebody else was logged out")
	}
	s.visitor(t).Login(bob, seedPassword).Want(t, 422, "")
	s.visitor(t).Login(bob, "a new password").Want(t, 303, "/")
	if !strings.Contains(here.lastMail(bob), "password") {
		t.Error("nobody told bob by mail")
	}
}

// A hash of another cost is replaced at login. That is not a password change:
// nobody is logged out.
func TestRehashAtLoginKeepsSessions(t *testing.T) {
	s := start(t)
	old, err := password.NewHasher(password.HasherConfig{Memory: 7168, Iterations: 5})
	if err != nil {
		t.Fatal(err)
	}
	hash, err := old.Hash(t.Context(), seedPassword)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.users.db.Exec(`UPDATE users SET hash = ? WHERE email = ?`, hash, bob); err != nil {
		t.Fatal(err)
	}
	load := func() *User {
		u, err := s.users.ByEmail(t.Context(), bob)
		if err != nil {
			t.Fatal(err)
		}
		return u
	}
	before := load()
	first, second := s.visitor(t), s.visitor(t)
	first.Login(bob, "wrong")
	if load().Hash != before.Hash {
		t.Fatal("a refused login replaced the hash")
	}
	first.Login(bob, seedPassword)
	after := load()
	if after.Hash == before.Hash || s.hasher.NeedsRehash(after.Hash) {
		t.Error("the hash is still the old one")
	}
	// As another process would, which loaded the user before.
	if _, err := s.users.Rehash(t.Context(), before, "stale"); !errors.Is(err, signin.ErrChanged) || load().Hash != after.Hash {
		t.Errorf("a late rehash overwrites a newer hash: %v", err)
	}
	second.Login(bob, seedPassword)
	if load().Hash != after.Hash {
		t.Error("a fresh hash was replaced again")
	}
	if first.Who() != bob || second.Who() != bob {
		t.Error("a rehash logged somebody out")
	}
	now := load()
	if changed, err := s.users.SetPassword(t.Context(), now, "x", false); err != nil || changed.Stamp == now.Stamp {
		t.Errorf("SetPassword leaves the stamp: %v", err)
	}
	if _, err := s.users.SetPassword(t.Context(), now, "y", false); !errors.Is(err, signin.ErrChanged) {
		t.Errorf("a second change from the same state: %v", err)
	}
}

// The table is away for a while: 503, nothing sent, and everybody is still
// logged in when it is back. Logout works all the while.
func TestUserStoreDown(t *testing.T) {
	s := start(t)
	stays, leaves, comes := s.visitor(t), s.visitor(t), s.visitor(t)
	stays.Login(bob, seedPassword)
	leaves.Login(bob, seedPassword)
	exec := func(query string) {
		t.Helper()
		if _, err := s.users.db.Exec(query); err != nil {
			t.Fatal(err)
		}
	}
	exec(`ALTER TABLE users RENAME TO away`)
	for _, path := range []string{"/", "/members", "/session", "/staff", "/account", "/change"} {
		a := stays.Get(path).Want(t, 503, "").Says(t, "If you were logged in, you still are")
		if a.Header.Get("Set-Cookie") != "" || a.Header.Get("Retry-After") == "" {
			t.Errorf("%s while the store is down: %v", path, a.Header)
		}
	}
	comes.Login(bob, seedPassword).Want(t, 503, "")
	comes.Post("/signup", "email", "eve@example.com").Want(t, 503, "")
	comes.Post("/passlink/", "email", bob).Want(t, 503, "")
	leaves.Post("/logout").Want(t, 303, "/")
	if leaves.Cookie() != "" {
		t.Error("no logout while the store is down")
	}
	exec(`ALTER TABLE away RENAME TO users`)
	if stays.Who() != bob {
		t.Error("the outage logged bob out")
	}
	if leaves.Who() != "" {
		t.Error("the logout did not hold")
	}
}

func TestSessionPage(t *testing.T) {
	s := start(t)
	v := s.visitor(t)
	if j := sessionOf(v); !j.New || j.Bytes != 0 || v.Cookie() != "" {
		t.Errorf("a session before there is one: %+v", j)
	}
	v.Get("/session").Want(t, 200, "").Says(t, "You have none yet")

	v.Post("/cart", "item", "rope")
	if j := sessionOf(v); j.New || j.Claims == nil || j.Claims.Sub != "" || strings.Join(strings.Fields(string(j.Claims.D)), "") != `{"cart":["rope"]}` {
		t.Errorf("an anonymous session: %+v", j)
	}
	v.Login(ada, seedPassword, "remember", "1")
	v.Get("/").Says(t, "Logged in") // takes the message out
	j := sessionOf(v)
	if got := len("__Host-session") + len(v.Cookie()); j.Bytes != got {
		t.Errorf("%d bytes, the cookie has %d", j.Bytes, got)
	}
	if j.Limit != 4096 || !j.Persistent || !j.Primary || len(j.KeyID) != 7 || j.Claims.Sub != "1" || j.Claims.STK != j.KeyID {
		t.Errorf("the session of ada: %+v", j)
	}
	if want := int64(14 * 24 * 3600); j.IdleLeft > want || j.IdleLeft < want-60 {
		t.Errorf("%d s of idle time left, of %d", j.IdleLeft, want)
	}
	if want := int64(30 * 24 * 3600); j.AbsoluteLeft > want || j.AbsoluteLeft < want-60 {
		t.Errorf("%d s left in all, of %d", j.AbsoluteLeft, want)
	}
	page := v.Get("/session").Want(t, 200, "")
	page.Says(t, j.KeyID).Says(t, "remembered").Says(t, `<strong id="bytes">`+thousands(j.Bytes)+`</strong> of 4,096`)
	// The raw cookie is there whole, in pieces, with its header decoded.
	for _, piece := range strings.Split(v.Cookie(), ".") {
		page.Says(t, ">"+piece+"</code>")
	}
	page.Says(t, html.EscapeString(`{"alg":"dir","enc":"A256GCM","kid":"`+j.KeyID+`"}`))
	page.Says(t, "13 d 23 h").Says(t, "29 d 23 h")
	if a := v.Get("/session?format=json"); a.Header.Get("Content-Type") != "application/json" {
		t.Errorf("?format=json gives %s", a.Header.Get("Content-Type"))
	}
	vary := strings.Join(page.Header.Values("Vary"), ", ")
	if !strings.Contains(vary, "Accept") || !strings.Contains(vary, "Cookie") {
		t.Errorf("Vary: %s", vary)
	}
}

func TestLimitsAndHeaders(t *testing.T) {
	s := start(t)
	v := s.visitor(t)
	v.Login(bob, seedPassword)
	v.Post("/cart", "item", strings.Repeat("x", maxBody)).Want(t, 413, "")
	v.Login(bob, strings.Repeat("x", maxBody)).Want(t, 413, "")
	if v.Who() != bob {
		t.Error("an over-long form logged bob out")
	}
	for _, path := range []string{"/", "/members", "/staff", "/nowhere", "/logout", "/static/app.css", "/static/nothing"} {
		h := v.Get(path).Header
		for name, value := range map[string]string{
			"Content-Security-Policy": policy, "X-Content-Type-Options": "nosniff", "Referrer-Policy": "same-origin",
			"Cross-Origin-Opener-Policy": "same-origin",
		} {
			if got := h.Get(name); got != value {
				t.Errorf("%s: %s: %q", path, name, got)
			}
		}
	}
	// Assets do not depend on the visitor and say so.
	css := v.Get("/static/app.css").Want(t, 200, "")
	if css.Header.Get("Vary") != "" || !strings.HasPrefix(css.Header.Get("Cache-Control"), "public") || css.Header.Get("Content-Type") != "text/css; charset=utf-8" {
		t.Errorf("the style sheet: %v", css.Header)
	}
	if !strings.Contains(policy, "default-src 'none'") || strings.Contains(policy, "unsafe") || !strings.Contains(policy, "script-src 'self'") {
		t.Error("the policy allows scripts in pages, or of others")
	}
}

// The pages for passkeys have one script, from here, and no page has one in it, nor a
// style attribute. Every template renders.
func TestPagesHaveNoScriptOfTheirOwn(t *testing.T) {
	s := start(t)
	v := s.visitor(t)
	v.Post("/cart", "item", "rope")
	const script = `<script type="module" src="/passkey/passkey.js"></script>`
	check := func(path string, scripted bool) {
		body := v.Get(path).Text
		if !strings.HasPrefix(body, "<!doctype html>") || !strings.HasSuffix(body, "</html>\n") {
			t.Errorf("%s is not a whole page", path)
		}
		if strings.Contains(body, script) != scripted {
			t.Errorf("%s: the script for passkeys is there: %v", path, !scripted)
		}
		body = strings.Replace(body, script, "", 1)
		for _, bad := range []string{"<script", " style=", "<style", " onclick=", "javascript:", "http://", "ZgotmplZ", "&lt;nil&gt;"} {
			if strings.Contains(body, bad) {
				t.Errorf("%s contains %q", path, bad)
			}
		}
	}
	for _, path := range []string{"/", "/login", "/signup", "/forgotten", "/passlink/", "/mailbox", "/session", "/nowhere"} {
		check(path, path == "/login")
	}
	v.Login(ada, seedPassword)
	for _, path := range []string{"/", "/login", "/signup", "/session", "/members", "/account", "/staff", "/change", "/email", "/nowhere"} {
		check(path, path == "/login" || path == "/account")
	}
	v.Get("/passkey/passkey.js").Want(t, 200, "")
}

// Two sessions start on one database and one key file at the same moment.
func TestOpenKeysAndSeedTwice(t *testing.T) {
	s := start(t)
	second, err := newApp(t.Context(), s.cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer second.Close()
	all, err := second.users.All(t.Context(), 10)
	if err != nil || len(all) != len(seeds) {
		t.Errorf("%d users after the second start, %v", len(all), err)
	}
	if _, err := s.users.ByID(t.Context(), "1"); err != nil {
		t.Errorf("user 1: %v", err)
	}
	for _, id := range []string{"", "01", "+1", "-0", "1 ", "x", "9223372036854775808"} {
		if u, err := s.users.ByID(t.Context(), id); u != nil || !errors.Is(err, auth.ErrBadID) {
			t.Errorf("id %q: %v, %v", id, u, err)
		}
	}
	info, err := os.Stat(s.cfg.DB)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode of the database: %v, %v", info.Mode(), err)
	}
}

// A message waits for a page that a person sees. A script's fetch leaves it
// alone, and with it the cookie.
func TestMessageWaitsForAPage(t *testing.T) {
	v := start(t).visitor(t)
	v.Login(bob, seedPassword)
	for name, value := range map[string]string{"Sec-Fetch-Dest": "empty", "Sec-Purpose": "prefetch"} {
		r := v.Request("GET", "/", nil)
		r.Header.Set(name, value)
		a := v.Do(r)
		if strings.Contains(a.Text, "Logged in as") || a.Header.Get("Set-Cookie") != "" {
			t.Errorf("%s: %s takes the message: %v", name, value, a.Header)
		}
	}
	v.Get("/").Says(t, "Logged in as")
}

// Every session of the user ends, the one that asked for it included, and nobody
// else's. The password stays.
func TestLogoutEverywhere(t *testing.T) {
	s := start(t)
	here, there, other := s.visitor(t), s.visitor(t), s.visitor(t)
	here.Login(bob, seedPassword, "remember", "1")
	there.Login(bob, seedPassword)
	other.Login(ada, seedPassword)
	before := here.Cookie()
	here.Get("/logout/everywhere").Want(t, 404, "")
	if there.Who() != bob {
		t.Fatal("a GET logged somebody out")
	}
	here.Post("/logout/everywhere").Want(t, 303, "/")
	here.Get("/").Says(t, "You are logged out, here and on every other device.")
	if here.Who() != "" || there.Who() != "" {
		t.Error("a session goes on")
	}
	copied := s.visitor(t)
	copied.SetCookie(before)
	if copied.Who() != "" {
		t.Error("a copied cookie goes on, which a mere logout can't end")
	}
	if other.Who() != ada {
		t.Error("somebody else was logged out")
	}
	there.Login(bob, seedPassword).Want(t, 303, "/")
	s.visitor(t).Post("/logout/everywhere").Want(t, 303, "/login")
}

// A refused form says which field is wrong, and starts there.
func TestWrongFieldIsMarked(t *testing.T) {
	s := start(t)
	member := s.visitor(t)
	member.Login(bob, seedPassword)
	for _, row := range []struct {
		path  string
		pairs []string
		field string
	}{
		{"/login", []string{"email", bob, "password", "wrong"}, "password"},
		{"/cart", []string{"item", " "}, "item"},
		{"/cart", []string{"item", strings.Repeat("x", maxItem+1)}, "item"},
	} {
		page := member.Post(row.path, row.pairs...).Want(t, 422, "").Says(t, "<title>Error: ").Says(t, `role="alert" id="problem"`).Text
		inputs := regexp.MustCompile(`<input [^>]*>`).FindAllString(page, -1)
		marked := 0
		for _, input := range inputs {
			is := strings.Contains(input, `aria-invalid="true"`)
			if is {
				marked++
			}
			if is != strings.Contains(input, " autofocus") || is != strings.Contains(input, `aria-describedby="problem`) || is != strings.Contains(input, ` id="`+row.field+`"`) {
				t.Errorf("%s %q: %s", row.path, row.pairs, input)
			}
		}
		if marked != 1 {
			t.Errorf("%s %q: %d fields are marked", row.path, row.pairs, marked)
		}
	}
	if page := s.visitor(t).Get("/login").Text; strings.Contains(page, "aria-invalid") || strings.Contains(page, "<title>Error") {
		t.Error("a fresh form is marked as wrong")
	}
}

// Headings say what page this is, and the footer speaks of a cookie only to those
// who have one.
func TestHeadingsAndFooter(t *testing.T) {
	s := start(t)
	v := s.visitor(t)
	const has, none = "one encrypted cookie</a>", "You have no session cookie"
	says := func(page *visitor.Answer, h1 string) {
		t.Helper()
		if !regexp.MustCompile(`<h1( id="title")?>` + regexp.QuoteMeta(h1)).MatchString(page.Text) {
			t.Errorf("%s has no heading %q", page.Request.URL.Path, h1)
		}
	}
	for _, row := range []struct{ path, h1 string }{
		{"/", "A whole session in"}, {"/login", "Welcome aboard<"}, {"/signup", "Sign up<"}, {"/session", "Your cookie<"}, {"/docs/FORMAT.md", "The session cookie"},
		{"/mailbox", "Mailbox<"},
	} {
		page := v.Get(row.path).Says(t, none)
		says(page, row.h1)
		if strings.Contains(page.Text, has) {
			t.Errorf("%s speaks of a cookie that isn't there", row.path)
		}
	}
	v.Get("/login?next=/members").Says(t, "That page is for members")
	v.Get("/login?why=expired").Says(t, "Your session has expired")
	v.Get("/login?why=ended").Says(t, "You logged out")
	v.Get("/login?why=%3Cb%3E").Says(t, "Your cart stays with you")
	v.Login(ada, seedPassword)
	for _, row := range []struct{ path, h1 string }{
		{"/", "A whole session in"}, {"/login", "Welcome aboard<"}, {"/members", "Members<"}, {"/staff", "Staff<"},
		{"/change", "Change your password<"}, {"/session", "Your cookie<"}, {"/account", "Your account<"},
	} {
		page := v.Get(row.path).Says(t, has)
		says(page, row.h1)
		if strings.Contains(page.Text, none) || strings.Count(page.Text, "<h1") != 1 {
			t.Errorf("%s:\n%s", row.path, page.Text)
		}
	}
	if page := v.Get("/nowhere").Says(t, "<h1>Not Found<"); strings.Contains(page.Text, has) || strings.Contains(page.Text, none) {
		t.Error("an error page says something about the visitor")
	}
}

func TestDocs(t *testing.T) {
	v := start(t).visitor(t)
	v.Get("/").Says(t, `href="/docs/FORMAT.md"`)
	v.Get("/docs/THREATS.md").Want(t, 200, "").Says(t, "<h1>"+html.EscapeString(strings.TrimPrefix(firstLine(t, "../../docs/THREATS.md"), "# ")))
	for _, path := range []string{"/docs/NONE" + ".md", "/docs/api", "/docs/..%2fREADME" + ".md", "/docs/..%2f..%2fREADME" + ".md", "/docs/%2fetc%2fpasswd", "/docs/api/auth.txt", "/docs/.md", "/docs/"} {
		if a := v.Get(path); a.StatusCode != 404 {
			t.Errorf("%s: %d", path, a.StatusCode)
		}
	}
	if got, want := flow("a\nb\n\n# c\nd\n- e\nf\n  g\n| h |\n| i |\n```\nj\nk\n```\nl\n**m**"), "a b\n\n# c\nd\n- e f\n  g\n| h |\n| i |\n```\nj\nk\n```\nl **m**"; got != want {
		t.Errorf("%q\nwant %q", got, want)
	}
	// Without the folder there are no links.
	if (docs{}).list() != nil || (docs{}).path("FORMAT.md") != "" {
		t.Error("links to pages that aren't there")
	}
	if _, err := parsePages(docs{}); err != nil {
		t.Error(err)
	}
}

// Over plain http on another host than localhost the browser drops the cookie. The
// visitor is told, instead of being asked to log in for ever.
func TestPlainHTTPIsTold(t *testing.T) {
	s := start(t)
	for _, row := range []struct {
		name, origin, site string
		insecure, told     bool
	}{
		{"another host", "http://{host}", "", false, true},
		{"a proxy that ends TLS", "https://{host}", "", false, false},
		{"localhost", "http://{host}", "same-origin", false, false},
		{"no browser", "", "", false, false},
		{"-insecure-http", "http://{host}", "", true, false},
	} {
		s.insecureHTTP = row.insecure
		v := s.visitor(t)
		r := v.Request("POST", "/login", url.Values{"email": {bob}, "password": {seedPassword}})
		if row.origin != "" {
			r.Header.Set("Origin", strings.Replace(row.origin, "{host}", r.URL.Host, 1))
		}
		if row.site != "" {
			r.Header.Set("Sec-Fetch-Site", row.site)
		}
		a := v.Do(r)
		if told := a.StatusCode == 400 && strings.Contains(a.Text, "plain http") && strings.Contains(a.Text, "-insecure-http"); told != row.told || !told && a.StatusCode != 303 {
			t.Errorf("%s: %d\n%s", row.name, a.StatusCode, a.Text)
		}
	}
	if !strings.Contains(s.log.String(), "plain http") {
		t.Error("the log doesn't tell")
	}
}

func TestGreeting(t *testing.T) {
	for _, row := range []struct {
		ip       string
		insecure bool
		open     string
		warned   bool
	}{
		{"127.0.0.1", false, "http://localhost:8080", false},
		{"::1", false, "http://localhost:8080", false},
		{"0.0.0.0", false, "http://localhost:8080", true},
		{"::", false, "http://localhost:8080", true},
		{"192.0.2.7", false, "http://192.0.2.7:8080", true},
		{"192.0.2.7", true, "http://192.0.2.7:8080", false},
	} {
		var b strings.Builder
		at := &net.TCPAddr{IP: net.ParseIP(row.ip), Port: 8080}
		greet(&b, openAt(at), at, config{InsecureHTTP: row.insecure})
		if got := b.String(); !strings.HasPrefix(got, "Open      "+row.open+"\n") || strings.Contains(got, "-insecure-http") != row.warned {
			t.Errorf("%+v:\n%s", row, got)
		}
	}
}

func firstLine(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	line, _, _ := strings.Cut(string(text), "\n")
	return line
}
