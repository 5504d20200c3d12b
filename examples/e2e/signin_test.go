package e2e_test

import (
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/webauthn"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/hardtack-go/hardtack/examples/internal/browser"
)

// until waits for a script to say true, in whatever page has loaded by then.
func (b *browserTab) until(what, script string) {
	b.t.Helper()
	deadline := time.Now().Add(patience)
	for {
		// In the page, so that nothing waits here.
		yes, err := try[bool](b, `new Promise(done => {
			const from = Date.now()
			const look = () => { if (document.readyState === "complete" && (`+script+`)) done(true); else if (Date.now() - from > 2000) done(false); else setTimeout(look, 50) }
			look()
		})`)
		if err == nil && yes {
			return
		}
		if time.Now().After(deadline) {
			b.t.Fatalf("%s doesn't happen at %s (%v):\n%s", what, b.at(), err, b.text())
		}
	}
}

// arrive waits until the tab shows a path.
func (b *browserTab) arrive(path string) {
	b.t.Helper()
	b.until("arriving at "+path, `location.pathname === `+quoteJS(path))
}

// mail opens the mailbox and returns the link and the code of the newest mail.
func (b *browserTab) mail() (link, code string) {
	b.t.Helper()
	b.open("/mailbox")
	link = eval[string](b, `document.querySelector(".mail a").href`)
	code = eval[string](b, `document.querySelector(".mail-text").innerText.match(/^ {4}(\S{4}-\S{4})$/m)?.[1] ?? ""`)
	return strings.TrimPrefix(link, b.base), code
}

// how is what the account page says about the login.
func (b *browserTab) how() string {
	b.t.Helper()
	b.open("/account")
	return eval[string](b, `document.querySelector("#how")?.textContent ?? ""`)
}

func (b *browserTab) logout() {
	b.t.Helper()
	b.open("/")
	b.click("#logout")
}

// authenticator gives the browser a device that keeps passkeys, and returns its id.
func (b *browserTab) authenticator() webauthn.AuthenticatorID {
	b.t.Helper()
	call(b, webauthn.Enable, webauthn.EnableParams{})
	key, err := chromedp.Call(b.ctx, webauthn.AddVirtualAuthenticator, webauthn.AddVirtualAuthenticatorParams{
		Options: &webauthn.VirtualAuthenticatorOptions{
			Protocol: webauthn.AuthenticatorProtocolCtap2, Transport: webauthn.AuthenticatorTransportInternal,
			HasResidentKey: true, HasUserVerification: true, IsUserVerified: true, AutomaticPresenceSimulation: true,
		},
	})
	if err != nil {
		b.t.Fatal(err)
	}
	return key.AuthenticatorID
}

// TestDemoSignin_EveryWay goes through the demo by each way to log in, with a passkey
// in an authenticator, and meets no violation of the policy on any page.
func TestDemoSignin_EveryWay(t *testing.T) {
	browser.Program(t, "chromium", "chromium-browser", "google-chrome")
	p := launch(t, "-addr", "127.0.0.1:0")
	b := openBrowser(t, p.url)
	blocked := b.violations()
	key := b.authenticator()
	touched := func(yes bool) {
		t.Helper()
		call(b, webauthn.SetAutomaticPresenceSimulation, webauthn.SetAutomaticPresenceSimulationParams{AuthenticatorID: key, Enabled: yes})
	}

	// By password. Then a passkey is added.
	b.login(bob, seedPassword)
	if how := b.how(); how != "with your password" {
		t.Errorf("logged in %q", how)
	}
	b.shoot("signin-01-account")
	b.until("offering passkeys", `!document.querySelector("[data-passkey=add]").hidden`)
	b.fill("#passkey-name", "Laptop")
	touched(true)
	b.press("[data-passkey=add] button")
	b.until("adding the passkey", `document.querySelector(".keys li")?.innerText.includes("Laptop")`)
	b.says("never used")

	// By that passkey.
	touched(false) // else the login page takes it by itself
	b.logout()
	b.open("/login?next=/account")
	b.until("offering passkeys", `!document.querySelector("[data-passkey=login]").hidden`)
	b.shoot("signin-02-login")
	touched(true)
	// If the page asks for a passkey beside the address only now, it gets one before the
	// button is pressed, and is gone.
	_, _ = try[bool](b, `setTimeout(() => document.querySelector("[data-passkey=login] button")?.click()) > 0`)
	b.arrive("/account")
	if how := b.how(); how != "with a passkey" {
		t.Errorf("logged in %q", how)
	}
	b.says("used today")
	touched(false)

	// By an identity that was connected before. One with the same address opens
	// nothing.
	b.press("#connect")
	b.arrive("/harbour/login")
	b.shoot("signin-03-harbour")
	b.press("button[name=person]") // Grace
	b.arrive("/account")
	b.says("grace@harbour.example")
	b.shoot("signin-04-account-full")
	b.logout()
	b.open("/login")
	b.press("form[action='/oauth/harbour'] button")
	b.arrive("/harbour/login")
	b.press("button[name=person]")
	b.until("the login", `document.querySelector("#logout")`)
	if how := b.how(); how != "with Harbour ID" || b.who() != bob {
		t.Errorf("logged in %q as %s", how, b.who())
	}
	b.logout()
	b.open("/login")
	b.press("form[action='/oauth/harbour'] button")
	b.arrive("/harbour/login")
	b.press("button[name=person]:nth-of-type(2)") // Ada
	b.arrive("/oauth/harbour/callback")
	b.shoot("signin-05-taken")
	if b.who() != "" {
		t.Error("an identity with ada's address opens her account")
	}

	// By mail: the link here, and its code from another browser.
	b.open("/login")
	b.fill("#email", bob)
	b.click("#mail")
	b.says("Check your email")
	b.shoot("signin-06-sent")
	link, _ := b.newTab().mail()
	b.open(link)
	b.shoot("signin-07-confirm")
	b.click("main form button")
	if how := b.how(); how != "with a link in a mail" || b.who() != bob {
		t.Errorf("logged in %q as %s", how, b.who())
	}
	b.logout()
	b.open("/passlink/")
	b.fill("main [name=email]", bob)
	b.click("main form button")
	phone := openBrowser(t, p.url)
	link, code := phone.mail()
	phone.open(link)
	phone.says(code)
	phone.shoot("signin-08-elsewhere")
	if n := eval[int](phone, `document.querySelectorAll("main form, main button").length`); n != 0 {
		t.Error("the other browser has a button")
	}
	b.fill("[name=code]", strings.ToLower(code))
	b.click("main form button")
	if b.who() != bob {
		t.Error("the code doesn't log in")
	}
	phone.open(link)
	phone.says("doesn’t work any more")

	// The passkey and the connection are removed.
	b.open("/account")
	b.click("form[action='/passkey/remove'] button")
	b.arrive("/account")
	b.click("form[action='/oauth/harbour/disconnect'] button")
	b.arrive("/account")
	if n := eval[int](b, `document.querySelectorAll(".keys li").length`); n != 0 {
		t.Errorf("%d passkeys and connections are left", n)
	}

	// A forgotten password, and a new account.
	b.logout()
	b.open("/forgotten")
	b.fill("main [name=email]", bob)
	b.click("main form button")
	link, _ = b.mail()
	b.shoot("signin-09-mailbox")
	b.open(link)
	b.until("the form", `document.querySelector("[name=password]")`)
	b.shoot("signin-10-reset")
	b.fill("[name=password]", "seven green bottles")
	b.click("main form button")
	b.shoot("signin-11-set")
	b.login(bob, "seven green bottles")
	b.logout()
	b.open("/signup")
	b.fill("main [name=email]", "eve@example.com")
	b.click("main form button")
	link, _ = b.mail()
	b.open(link)
	b.until("the form", `document.querySelector("[name=password]")`)
	b.fill("[name=password]", "eight green bottles")
	b.click("main form button")
	if b.who() != "eve@example.com" {
		t.Errorf("%q has signed up", b.who())
	}

	// A closed account.
	boss := openBrowser(t, p.url)
	boss.login(ada, seedPassword)
	boss.open("/staff")
	boss.shoot("signin-12-staff")
	boss.click("form[action='/staff/disable'] button") // the newest user
	boss.says("closed")
	if b.who() != "" {
		t.Error("the session of a closed account goes on")
	}
	b.open("/login")
	b.fill("#email", "eve@example.com", "#password", "eight green bottles")
	if status := b.click("#submit"); status != 403 {
		t.Errorf("a closed account: %d", status)
	}
	b.says("This account is closed")
	b.shoot("signin-13-closed")

	if got := blocked(); len(got) > 0 {
		t.Errorf("the policy blocked:\n%s", strings.Join(got, "\n"))
	}
	// The watch can find something.
	eval[bool](b, `document.body.setAttribute("style", "color: red") ?? true`)
	b.open("/")
	if len(blocked()) == 0 {
		t.Error("a style attribute is no violation")
	}
}

// stops presses Tab until the focus leaves the page's main part, and returns the names
// of what had it.
func (b *browserTab) stops() []string {
	b.t.Helper()
	eval[bool](b, `document.querySelector("main").setAttribute("tabindex", "-1") ?? document.querySelector("main").focus() ?? true`)
	var all []string
	for range 40 {
		b.do(chromedp.KeyEvent(kb.Tab))
		name := eval[string](b, `(() => {
			const e = document.activeElement
			if (!document.querySelector("main").contains(e)) return ""
			const label = e.labels?.[0]?.innerText || e.getAttribute("aria-label") || e.innerText
			return label.trim() || "?"
		})()`)
		if name == "" {
			break
		}
		all = append(all, name)
	}
	return all
}

// Everything can be reached with the keyboard, in the order in which it is read.
func TestDemoSignin_KeyboardOnly(t *testing.T) {
	browser.Program(t, "chromium", "chromium-browser", "google-chrome")
	p := launch(t, "-addr", "127.0.0.1:0")
	b := openBrowser(t, p.url)
	call(b, emulation.SetFocusEmulationEnabled, emulation.SetFocusEmulationEnabledParams{Enabled: true})
	keys := func(pressed ...string) {
		t.Helper()
		for _, k := range pressed {
			b.do(chromedp.KeyEvent(k))
		}
	}
	order := func(want string) {
		t.Helper()
		if got := strings.Join(b.stops(), ", "); got != want {
			t.Errorf("%s: the focus goes to %s\nwant %s", b.at(), got, want)
		}
	}
	b.open("/login")
	b.until("offering passkeys", `!document.querySelector("[data-passkey=login]").hidden`)
	order("Log in as Bob, Log in as Ada, the mailbox, Use a passkey, Continue with Harbour ID, Email, Password, Forgotten?, Keep me logged in on this device, Log in, Mail me a link instead, Sign up")

	// Log in: address, Tab, password, Enter.
	eval[bool](b, `document.querySelector("#email").focus() ?? true`)
	keys(bob, kb.Tab, seedPassword, kb.Enter)
	b.until("the login", `document.querySelector("#logout")`)
	b.open("/account")
	b.until("offering passkeys", `!document.querySelector("[data-passkey=add]").hidden`)
	order("Change the password, Change the address, Your sessions, how that works, Name of the new passkey, Add, Connect Harbour ID")
	b.open("/sessions")
	order("Log out everywhere, how marks reach every instance, the stamp")
	b.logout()
	b.open("/old")
	order("Log in as Cleo")

	// A link by mail: five Tabs from the address to its button.
	b.open("/login")
	eval[bool](b, `document.querySelector("#email").focus() ?? true`)
	keys(bob, kb.Tab, kb.Tab, kb.Tab, kb.Tab, kb.Tab, kb.Enter)
	b.until("the page for the code", `document.querySelector("[name=code]")`)
	order("Code from the mail, Log in, Ask again, Open the mailbox")
	_, code := b.newTab().mail()
	eval[bool](b, `document.querySelector("[name=code]").focus() ?? true`)
	keys(code, kb.Enter)
	b.until("the login", `document.querySelector("#logout")`)
	b.logout()

	// Harbour ID.
	b.open("/login")
	eval[bool](b, `document.querySelector("form[action='/oauth/harbour'] button").focus() ?? true`)
	keys(kb.Enter)
	b.arrive("/harbour/login")
	keys(kb.Tab, kb.Enter)
	b.until("the login", `document.querySelector("#logout")`)
	if who := b.who(); who != "grace@harbour.example" {
		t.Errorf("%q is logged in", who)
	}
}

// Three of the four ways need no script, and the fourth isn't shown without.
func TestDemoSignin_NoScript(t *testing.T) {
	browser.Program(t, "chromium", "chromium-browser", "google-chrome")
	p := launch(t, "-addr", "127.0.0.1:0")
	b := openBrowser(t, p.url)
	call(b, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
	b.login(bob, seedPassword)
	b.open("/account")
	b.says("Adding one needs script")
	b.logout()
	b.open("/login")
	if strings.Contains(b.text(), "passkey") {
		t.Error("passkeys are offered where they can't work")
	}
	b.click("form[action='/oauth/harbour'] button")
	b.arriveWithoutScript("/harbour/login")
	b.click("button[name=person]")
	b.arriveWithoutScript("/")
	if how := b.how(); how != "with Harbour ID" {
		t.Errorf("logged in %q", how)
	}
	b.logout()
	b.open("/login")
	b.fill("#email", bob)
	b.click("#mail")
	b.says("Check your email")
	link, _ := b.mail()
	b.open(link)
	b.click("main form button")
	if how := b.how(); how != "with a link in a mail" {
		t.Errorf("logged in %q", how)
	}
}

// arriveWithoutScript is arrive where no timer runs in the page.
func (b *browserTab) arriveWithoutScript(path string) {
	b.t.Helper()
	eventually(b.t, "arriving at "+path, func() bool {
		at, err := try[string](b, `document.readyState === "complete" ? location.pathname : ""`)
		return err == nil && at == path
	})
}
