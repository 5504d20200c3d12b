package e2e_test

import (
	"strings"
	"testing"

	cdppage "github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/webauthn"

	"github.com/hardtack-go/hardtack/examples/internal/browser"
)

// TestA23_Chromium: a passkey's whole life in a real browser, under the policy of a
// login page.
func TestA23_Chromium(t *testing.T) {
	browser.Program(t, "chromium", "chromium-browser", "google-chrome")
	x := newHarbour(t)
	b := x.browser()
	// For the script no time passes. After more than a second it would take the authenticator
	// for its user, and ask again after a failure.
	call(b.browserTab, cdppage.AddScriptToEvaluateOnNewDocument, cdppage.AddScriptToEvaluateOnNewDocumentParams{
		Source: `{ const now = Date.now(); Date.now = () => now }`,
	})
	phone := b.authenticator(webauthn.AuthenticatorTransportInternal, true)

	// Added.
	b.enter()
	b.press("[data-passkey] button")
	wait(t, x.calls, "added")
	wait(t, x.shown, "/account 1 by test")
	if keys := x.stored(); len(keys) != 1 || keys[0].Name != "My key" || b.held(phone) != 1 {
		t.Fatalf("stored %d, held %d", len(keys), b.held(phone))
	}
	// The same authenticator doesn't make another.
	b.enter()
	b.press("[data-passkey] button")
	if text := b.status(); text != "This device has a passkey for this account already." {
		t.Error(text)
	}

	// The button, while the browser offers passkeys at the field.
	b.logout()
	b.present(phone, false)
	x.drain()
	b.open("/login")
	wait(t, x.shown, "asked")
	b.offered()
	b.present(phone, true)
	b.press("[data-passkey] button")
	wait(t, x.shown, "/account 1 by ")

	// The field. An authenticator that is always touched chooses by itself.
	b.logout()
	x.drain()
	b.open("/login")
	wait(t, x.shown, "/account 1 by ")
	if keys := x.stored(); keys[0].Version != 3 || keys[0].Used.IsZero() {
		t.Errorf("used: %+v", keys[0])
	}

	// A second factor.
	b.logout()
	x.change(func() { x.second = true })
	x.drain()
	b.open("/login")
	wait(t, x.shown, "/second nobody")
	x.change(func() { x.second = false })

	// The user store is down, and comes back.
	x.change(func() { x.down = true })
	b.open("/login")
	if text := b.status(); text != "We can’t do this right now. Try again in a minute." {
		t.Error(text)
	}
	x.change(func() { x.down = false })
	b.press("[data-passkey] button")
	wait(t, x.shown, "/account 1 by ")

	// A copy has been used more often.
	b.logout()
	x.count(100)
	b.open("/login")
	if text := b.status(); text != "This passkey may have been copied, so it wasn’t accepted. Log in another way, and remove it." {
		t.Error(text)
	}
	x.change(func() {
		if x.clones == 0 {
			t.Error("nobody was told")
		}
	})
	x.count(-100)

	// A second passkey, on a security key. The browser doesn't offer those at the field.
	call(b.browserTab, webauthn.RemoveVirtualAuthenticator, webauthn.RemoveVirtualAuthenticatorParams{AuthenticatorID: phone})
	key := b.authenticator(webauthn.AuthenticatorTransportUsb, true)
	b.enter()
	b.press("[data-passkey] button")
	wait(t, x.calls, "added")
	wait(t, x.shown, "/account 1 by test")
	if keys := x.stored(); len(keys) != 2 || keys[0].Handle != keys[1].Handle || b.held(key) != 1 {
		t.Fatalf("stored %d, held %d", len(keys), b.held(key))
	}
	b.logout()
	x.drain()
	b.open("/login")
	b.offered()
	b.press("[data-passkey] button")
	wait(t, x.shown, "/account 1 by ")

	// Removed.
	b.enter()
	b.press("li:nth-child(2) .remove")
	wait(t, x.shown, "/account 1 by test")
	if keys := x.stored(); len(keys) != 1 {
		t.Errorf("stored %d", len(keys))
	}
	b.logout()
	b.open("/login")
	b.offered()
	b.press("[data-passkey] button")
	if text := b.status(); text != "This passkey isn’t known here any more. Use another one, or log in another way." {
		t.Error(text)
	}
	if title := eval[string](b.browserTab, `document.title`); title != "unknown" {
		t.Errorf("the page was told %q", title)
	}
	if n := b.held(key); n != 0 {
		t.Errorf("the authenticator wasn't told: it holds %d", n)
	}

	x.change(func() {
		if len(x.violations) != 0 {
			t.Errorf("the policy was violated: %s", x.violations)
		}
	})
	b.open("/inline") // what a violation looks like
	wait(t, x.shown, "/violation")
}

// TestA24_Fresh: what the browser offers passkeys with is never older than four
// minutes, also after a tab was away.
func TestA24_Fresh(t *testing.T) {
	browser.Program(t, "chromium", "chromium-browser", "google-chrome")
	x := newHarbour(t)
	b := x.browser()
	b.authenticator(webauthn.AuthenticatorTransportInternal, false)
	// Minutes pass in milliseconds, if the page counts them at all.
	call(b.browserTab, cdppage.AddScriptToEvaluateOnNewDocument, cdppage.AddScriptToEvaluateOnNewDocumentParams{Source: `
		const later = setTimeout, now = Date.now, away = location.hash === "#away"
		globalThis.minutes = 0
		Date.now = () => now() + minutes * 60_000
		globalThis.setTimeout = (f, ms, ...more) => ms < 60_000 ? later(f, ms, ...more) : away ? 0 : later(f, ms / 1000, ...more)`})
	// A tab whose timers stood still.
	b.open("/login#away")
	wait(t, x.calls, "ask")
	b.offered()
	for minutes, want := range []string{"nothing", "nothing", "nothing", "nothing", "ask"} {
		eval[bool](b.browserTab, `new Promise(done => {
			minutes = `+string(rune('0'+minutes))+`; minutes += minutes === 4 ? 0.01 : 0
			document.dispatchEvent(new Event("visibilitychange"))
			fetch("/out").then(() => done(true))
		})`)
		if want == "ask" {
			wait(t, x.calls, "ask")
			break
		}
		for len(x.calls) > 0 {
			if call := <-x.calls; call == "ask" {
				t.Errorf("it asks after %d minutes", minutes)
			}
		}
	}

	// One whose timers don't.
	b.open("/out")
	b.open("/login")
	for range 3 {
		wait(t, x.calls, "ask")
	}
}

// TestA23_AnotherHost: on a host that isn't Origin's, the form says that it can't work,
// and the console why.
func TestA23_AnotherHost(t *testing.T) {
	browser.Program(t, "chromium", "chromium-browser", "google-chrome")
	x := newHarbour(t)
	b := x.browser()
	b.base = strings.Replace(x.base, "localhost", "127.0.0.1", 1)
	call(b.browserTab, cdppage.AddScriptToEvaluateOnNewDocument, cdppage.AddScriptToEvaluateOnNewDocumentParams{
		Source: `console.error = error => { globalThis.said = error.name }`,
	})
	b.open("/login")
	b.offered()
	b.press("[data-passkey] button")
	if got := b.status(); got != "This browser couldn’t use the passkey." {
		t.Errorf("the form says %q", got)
	}
	if got := eval[string](b.browserTab, `String(globalThis.said)`); got != "SecurityError" {
		t.Errorf("the console says %q", got)
	}
}

// TestA25_OldBrowser: where the browser can't do what the script needs, the form stays
// hidden, and the rest of the page works.
func TestA25_OldBrowser(t *testing.T) {
	browser.Program(t, "chromium", "chromium-browser", "google-chrome")
	x := newHarbour(t)
	b := x.browser()
	for _, missing := range []string{"delete globalThis.PublicKeyCredential", "delete PublicKeyCredential.parseRequestOptionsFromJSON"} {
		call(b.browserTab, cdppage.AddScriptToEvaluateOnNewDocument, cdppage.AddScriptToEvaluateOnNewDocumentParams{Source: missing})
		b.open("/login")
		if !eval[bool](b.browserTab, `import("/passkey/passkey.js").then(() => document.querySelector("[data-passkey]").hidden)`) {
			t.Errorf("the form is shown after %s", missing)
		}
		b.click("#submit")
		wait(t, x.shown, "/account 1 by test")
		b.logout()
	}
	for len(x.calls) > 0 {
		if call := <-x.calls; call != "passkey.js" {
			t.Errorf("the page called %s", call)
		}
	}
}
