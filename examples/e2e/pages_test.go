package e2e_test

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/hardtack-go/hardtack/examples/internal/browser"
	"github.com/hardtack-go/hardtack/examples/internal/visitor"
)

// unseen are what TestAxe_EveryPage needn't look at, and why.
var unseen = map[string]string{
	"GET /static/":    "files",
	"GET /fleet.json": "for programs",
	"/logout":         "answers a POST only",

	"password/taken": "a mail and no page",
}

// TestAxe_EveryPage looks at every page of the demo, in what states it has, light and
// dark, on a phone and on a desktop. A route of the demo, a template, or a page of module
// signin that it doesn't look at is a failure. It looks at three of the latter, which the
// demo has no way to, as module signin draws them by itself.
func TestAxe_EveryPage(t *testing.T) {
	browser.Program(t, "chromium", "chromium-browser", "google-chrome")
	looked := &notes{seen: map[string]bool{}, site: newSiteMap(t)}
	of := auditor{t: t, browser: openBrowser(t, ""), source: axeSource(t), notes: looked}
	t.Run("at once", func(t *testing.T) {
		t.Run("what people see", func(t *testing.T) { t.Parallel(); of.with(t).usualPages() })
		t.Run("what few people see", func(t *testing.T) { t.Parallel(); of.with(t).rarePages() })
		t.Run("what the demo doesn't have", func(t *testing.T) { t.Parallel(); of.with(t).plainPages() })
	})
	if t.Failed() {
		return // what was left out then says nothing
	}
	files, err := os.ReadDir("../demo/templates")
	if err != nil {
		t.Fatal(err)
	}
	wanted := ways(t)
	for _, f := range files {
		wanted[f.Name()] = f.Name() != "layout.html"
	}
	for pattern, seen := range looked.site.seen {
		looked.seen[pattern] = seen
		wanted[pattern] = !strings.HasPrefix(pattern, "POST ")
	}
	for _, name := range slices.Sorted(maps.Keys(wanted)) {
		if _, known := unseen[name]; wanted[name] && looked.seen[name] == known {
			t.Errorf("%s: looked at: %v, to be left out: %v", name, looked.seen[name], known)
		}
	}
}

// usualPages goes through the demo as people do.
func (of *auditor) usualPages() {
	t, audit := of.t, of.look
	users := filepath.Join(t.TempDir(), "users.db")
	p := launch(t, "-addr", "127.0.0.1:0", "-db", users)
	window := of.windows(p.url)
	visit := func(b *browserTab, path, what string) {
		t.Helper()
		b.open(path)
		audit(b, what)
	}
	// send fills the form of the page and sends it. status is that of the answer.
	send := func(b *browserTab, what string, status int, pairs ...string) {
		t.Helper()
		b.fill(pairs...)
		if got := b.click("main form:last-of-type button"); got != status {
			t.Errorf("%s: %d", what, got)
		}
		audit(b, what)
	}
	// mailed opens the link of the newest mail.
	mailed := func(b *browserTab, what string) {
		t.Helper()
		b.open("/mailbox")
		b.click(".mail a")
		audit(b, what)
	}
	b := window()
	visit(b, "/", "home")
	visit(b, "/session", "no session")
	visit(b, "/login", "login")
	visit(b, "/login?why=stamp-mismatch&next=/members", "login again")
	b.fill("#email", bob, "#password", "wrong")
	b.click("#submit")
	audit(b, "login refused")
	visit(b, "/mailbox", "no mails")
	for _, form := range []string{"/signup", "/forgotten", "/passlink/"} {
		name := strings.Trim(form, "/")
		visit(b, form, name)
		send(b, name+" sent", 200, "main [name=email]", bob)
	}
	send(b, "wrong code", 422, "[name=code]", "0000-0000")
	visit(b, "/mailbox", "mails")
	b.click(".mail a") // the newest is the link to log in
	audit(b, "link")
	visit(window(), b.at(), "link in another browser")
	b.open("/passlink/?token=" + stray)
	of.refused(b, "link over", refusal{"passlink/invalid", 400, "A link works for 15 minutes and only once.", "Ask for another link", "/login"}, nil)
	spent := refusal{"password/spent", 400, "This link has been used, or it is too old.", "Ask for another link", "/forgotten"}
	b.open("/reset?token=" + stray)
	of.refused(b, "reset over", spent, nil)
	spent.to = "/signup"
	b.open("/welcome?token=" + stray)
	of.is(b, "welcome over", spent)
	of.goesOn(b, "welcome over", spent)
	visit(b, "/docs/FORMAT.md", "documentation")

	// Answers that nobody wants.
	own := func(status int, says string) refusal { return refusal{"", status, says, "Back to the home page", "/"} }
	b.open("/" + stray)
	of.refused(b, "not found", own(404, "There is nothing here, or nothing that you may see."), nil)
	b.submit("/cart?%zz", stray)
	of.refused(b, "bad request", own(400, "Go back and send it again."), nil)
	b.submit("/cart", strings.Repeat(stray, 2000))
	of.refused(b, "too large", own(413, "That form is too large."), nil)
	b.submit("/forgotten?%zz", stray)
	of.refused(b, "unreadable form", refusal{"password/form", 400, "Go back and send it again.", "Log in", "/login"}, nil)
	b.do(chromedp.Navigate("about:blank"))
	b.submit(p.url+"/cart", stray)
	of.refused(b, "form of another site", own(403, "This request came from another site"), nil)
	named := window()
	named.base = "http://shop.test:" + p.port()
	named.open("/")
	named.fill("#item", stray)
	named.click(".add button")
	of.refused(named, "plain http", own(400, "open it as http://localhost"), nil)
	throttled := launch(t, "-addr", "127.0.0.1:0", "-no-throttle=false")
	hasty, insider := window(), window()
	hasty.base, insider.base = throttled.url, throttled.url
	insider.login(bob, seedPassword)
	hasty.open("/passlink/")
	eval[bool](hasty, `(async () => {
		for (let i = 0; i < 150; i++) {
			const r = await fetch("/passlink/", {method: "POST", body: new URLSearchParams({email: "`+bob+`"})});
			if (r.status === 429) return true;
		}
		return false;
	})()`)
	// once sends a form until that is once too often: a slow machine takes so long that
	// another try may be allowed by then.
	once := func(b *browserTab, path string, pairs ...string) {
		t.Helper()
		for range 100 {
			b.open(path)
			b.fill(pairs...)
			if b.click("main form button") == 429 {
				return
			}
		}
		t.Errorf("%s is never refused", path)
	}
	slow := refusal{"signin/slow", 429, "There were too many attempts. Try again in a minute.", "Back to the login page", "/login"}
	once(hasty, "/passlink/", "main [name=email]", bob)
	of.refused(hasty, "too many attempts", slow, nil)
	slow.on, slow.to = "Back to the home page", "/"
	once(insider, "/change", "[name=current]", stray, "[name=password]", stray)
	of.is(insider, "too many attempts of a user", slow)
	of.goesOn(insider, "too many attempts of a user", slow)

	// What an old application leaves behind.
	third := window()
	visit(third, "/old", "old application")
	third.click("#mint-one")
	audit(third, "old cookie")
	third.click("#take-over")
	audit(third, "taken over")
	visit(third, "/sessions", "session that nobody has listed")
	visit(third, "/account", "account without a login here")

	// A cart that is full, with long words in it.
	b.open("/")
	for range 20 {
		eval[int](b, `fetch("/cart", {method: "POST", body: new URLSearchParams({item: "x".repeat(200)})}).then(r => r.status)`)
	}
	b.open("/")
	b.fill("#item", strings.Repeat("y", 200))
	if status := b.click(".add button"); status != 422 {
		t.Errorf("the cart isn't full: %d", status)
	}
	audit(b, "cart full")
	visit(b, "/session", "session with a full cart")
	b.open("/mailbox")
	b.click(".mail:nth-of-type(2) a")
	of.refused(b, "no room for a link", refusal{"password/full", 409, "There is no room for this link", "Continue without it", "/"}, nil)
	b.open("/")
	b.click("button[name=clear]")
	visit(b, "/", "cart emptied")
	b.open("/mailbox")
	b.click(".mail:nth-of-type(2) a")
	audit(b, "reset")
	send(b, "password reset", 200, "[name=password]", "seven green bottles")

	// Harbour ID: somebody whose address is taken, somebody who cancels, and somebody
	// whose address nobody has confirmed.
	abroad := func(what string, button int) {
		t.Helper()
		b.open("/login")
		b.press("form[action='/oauth/harbour'] button")
		b.reach(p.url + "/harbour/login")
		if button == 1 {
			audit(b, "Harbour ID")
		}
		b.press(fmt.Sprintf("button[name=person]:nth-of-type(%d)", button))
		b.until(what, `document.readyState === "complete" && document.querySelector("main[data-page]")`)
	}
	b.open("/oauth/harbour/callback?state=" + stray)
	of.refused(b, "login elsewhere over", refusal{"oauth/spent", 400, "It took too long, or it began in another browser.", "Log in", "/login"}, nil)
	abroad("address taken", 2)
	of.refused(b, "address taken", refusal{"oauth/unknown", 403, "If you have an account here, log in to it another way", "Log in another way", "/login"}, nil)
	abroad("nothing without consent", 4)
	of.refused(b, "nothing without consent", refusal{"oauth/denied", 403, "Harbour ID says that you cancelled", "Go back", "/login"}, nil)
	abroad("logged in elsewhere", 1)
	audit(b, "logged in elsewhere")
	b.open("/")
	b.click("#logout")
	abroad("address not confirmed", 3)
	audit(b, "address not confirmed")
	visit(b, "/account", "account without a password")
	visit(b, "/verify", "verify")
	send(b, "verify sent", 200)
	mailed(b, "verified")
	send(b, "proven", 200)
	b.click("#logout")

	// The longest address that an account may have.
	long := strings.Repeat("wide", 16) + "@" + strings.Repeat(strings.Repeat("long", 15)+".", 3) + "exampl"
	b.open("/signup")
	send(b, "long address", 200, "main [name=email]", long)
	mailed(b, "welcome")
	send(b, "signed up", 200, "[name=password]", "a better password")
	visit(b, "/members", "members")
	visit(b, "/account", "account")
	visit(b, "/login", "login as another")
	visit(b, "/session", "session of a user")
	visit(b, "/change", "password")
	send(b, "password refused", 422, "[name=current]", "wrong", "[name=password]", "another password")
	send(b, "password changed", 200, "[name=current]", "a better password", "[name=password]", "another password")
	visit(b, "/email", "address")
	send(b, "address sent", 200, "[name=email]", "eve@example.com", "[name=current]", "another password")
	boss := window()
	boss.login(ada, seedPassword)
	audit(boss, "logged in as staff")
	boss.open("/mailbox")
	boss.click(".mail a")
	of.refused(boss, "link for somebody else", refusal{"password/other", 403, "This link is for another account", "Continue", "/"}, nil)
	mailed(b, "move")
	send(b, "moved", 200)
	visit(b, "/old", "old application with a cookie of the new one")

	// One session, two and twenty.
	visit(b, "/sessions", "the only session")
	for range 19 {
		visitor.New(t, p.url).Login("eve@example.com", "another password").Want(t, 303, "/")
	}
	visit(b, "/sessions", "twenty sessions")
	b.click("#everywhere")
	audit(b, "logged out everywhere")

	boss.open("/staff")
	boss.click("#rotate")
	audit(boss, "keys rotated")
	keys, err := os.ReadFile(p.keys)
	if err == nil {
		err = os.WriteFile(p.keys, []byte("no keys"), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	boss.open("/staff")
	boss.click("#rotate")
	of.refused(boss, "broken key file", own(500, "This is a fault of the demo"), func() {
		if err := os.WriteFile(p.keys, keys, 0o600); err != nil {
			t.Error(err)
		}
	})
	boss.open("/staff")
	boss.click("form[action='/staff/disable'] button")
	audit(boss, "staff")
	b.open("/login")
	b.fill("#email", "eve@example.com", "#password", "another password")
	b.click("#submit")
	of.refused(b, "account closed", refusal{"signin/refused", 403, "This account is closed.", "Back to the login page", "/login"}, nil)
	boss.authenticator()
	boss.open("/account")
	boss.until("offering passkeys", `!document.querySelector("[data-passkey=add]").hidden`)
	boss.fill("#passkey-name", strings.Repeat("Laptop", 10))
	boss.press("[data-passkey=add] button")
	boss.until("adding the passkey", `document.querySelector(".keys li")?.innerText.includes("Laptop")`)
	boss.press("#connect")
	boss.reach(p.url + "/harbour/login")
	boss.press("button[name=person]:nth-of-type(2)")
	boss.reach(p.url + "/account")
	audit(boss, "account with a passkey and a connection")

	// A login of twenty minutes ago, after which nobody may change how somebody logs in.
	late := window()
	late.loginLongAgo(p, users, ada)
	visit(late, "/account", "account twenty minutes after the login")
	late.submit("/oauth/harbour/connect", stray)
	of.refused(late, "connecting twenty minutes after the login", refusal{"oauth/recent", 403, "You logged in a while ago.", "Log in", "/login"}, nil)
	late.submit("/passkey/remove", stray)
	of.refused(late, "passkey twenty minutes after the login", refusal{"passkey/recent", 403, "Log in again to change your passkeys.", "Log in", "/login"}, nil)
	late.open("/")
	eval[int](late, `fetch("/logout", {method: "POST"}).then(r => r.status)`)
	late.submit("/passkey/remove", stray)
	of.is(late, "passkey after the logout", refusal{"passkey/login", 401, "Log in first.", "Log in", "/login"})

	// The page of a fleet, with a process that is killed on it.
	fleet := launch(t, "-addr", "127.0.0.1:0", "-fleet", "2")
	watcher := window()
	watcher.base = fleet.url
	visit(watcher, "/", "fleet")
	watcher.click("[data-number='2'] button")
	watcher.find("#happened")
	audit(watcher, "fleet with a process killed")
	watcher.base = fleet.fleet[0]
	watcher.open("/")
	watcher.click("#as-Bob")
	audit(watcher, "a process of the fleet")

	// Both scripts can find something.
	eval[bool](boss, `document.body.insertAdjacentHTML("afterbegin", '<style>:focus-visible { outline: none; } input { border-color: var(--line); }' +
		'p.hint { color: var(--line); }</style><div style="width: 3000px"><input aria-label="x"></div>') ?? true`)
	if faults := eval[[]string](boss, beyondAxe); len(faults) < 3 || !strings.Contains(faults[0], "wider than the window") {
		t.Errorf("a broken page has the faults %q", faults)
	}
	if faults := eval[[]string](boss, runAxe); !strings.Contains(strings.Join(faults, "\n"), "serious: Elements must meet minimum color contrast") {
		t.Errorf("axe finds %q in a broken page", faults)
	}
}
