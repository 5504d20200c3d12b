package e2e_test

import (
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/hardtack-go/hardtack/examples/internal/browser"
	"github.com/hardtack-go/hardtack/examples/internal/visitor"
)

// ring says what has the focus, and what is wrong with how that is shown. The name is
// what a screen reader begins with.
const ring = `(() => {
	const e = document.activeElement, style = getComputedStyle(e), box = e.getBoundingClientRect();
	const name = (e.labels?.[0]?.innerText || e.getAttribute("aria-label") || e.innerText).trim();
	const top = document.elementFromPoint(box.x + box.width / 2, box.y + Math.min(box.height / 2, 20));
	let fault = "";
	if (e === document.body) return ["", ""];
	if (!e.matches(":focus-visible") || style.outlineStyle === "none" || parseFloat(style.outlineWidth) < 2) fault = "has no ring";
	else if (!top || !e.contains(top) && !top.contains(e)) fault = "is hidden";
	return [name.replace(/\s+/g, " "), fault];
})()`

// tabTo presses Tab until something has the focus whose name begins like that.
func (b *browserTab) tabTo(name string) {
	b.t.Helper()
	var passed []string
	for range 80 {
		b.do(chromedp.KeyEvent(kb.Tab))
		at := eval[[]string](b, ring)
		if at[1] != "" {
			b.t.Errorf("%s: the focus at %q %s", b.at(), at[0], at[1])
		}
		if strings.HasPrefix(at[0], name) {
			return
		}
		passed = append(passed, at[0])
	}
	b.t.Fatalf("%s: Tab doesn't lead to %q but to %q", b.at(), name, passed)
}

// enter goes to something by Tab, types the text if there is any, and presses Enter.
func (b *browserTab) enter(name string, text ...string) {
	b.t.Helper()
	b.tabTo(name)
	for _, s := range text {
		b.do(chromedp.KeyEvent(s))
	}
	if status := b.navigate(chromedp.KeyEvent(kb.Enter)); status != 200 {
		b.t.Errorf("%s: Enter at %q is answered with %d", b.at(), name, status)
	}
}

// Whole journeys with Tab, letters and Enter alone, and without script: an account, the
// cart, the password, the sessions, the staff's work and an old application.
func TestDemo_KeyboardAloneWithoutScript(t *testing.T) {
	browser.Program(t, "chromium", "chromium-browser", "google-chrome")
	p := launch(t, "-addr", "127.0.0.1:0")
	first := openBrowser(t, p.url)
	window := func() *browserTab {
		b := first.another()
		call(b, emulation.SetFocusEmulationEnabled, emulation.SetFocusEmulationEnabledParams{Enabled: true})
		call(b, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
		b.open("/")
		return b
	}
	const eve = "eve@example.com"

	b := window()
	b.enter("Sign up")
	b.enter("Email", eve)
	b.enter("Open the mailbox")
	b.enter("http://")
	b.enter("New password", "seven green bottles")
	b.says("Logged in as " + eve)
	b.enter("Log out")
	b.enter("Log in")
	b.tabTo("Email")
	b.do(chromedp.KeyEvent(eve))
	b.enter("Password", "seven green bottles")
	b.enter("Item", "rope")
	b.says("rope")
	b.enter("See what is in it")
	b.says("The header, decoded")
	b.enter("E eve") // the account: a letter for the eye, and the name
	b.enter("Change the password")
	b.tabTo("Current password")
	b.do(chromedp.KeyEvent("seven green bottles"))
	b.enter("New password", "eight green bottles")
	b.says("Your password is changed")
	other := visitor.New(t, p.url)
	other.Login(eve, "eight green bottles").Want(t, 303, "/")
	b.enter("Your sessions")
	b.enter("End the session")
	b.says("That session is over.")
	if other.Who() != "" {
		t.Error("the session isn't over")
	}
	b.enter("Home")
	b.enter("Empty the cart")
	b.says("Nothing in it yet")
	b.enter("Log out")
	b.enter("Members")
	if b.at() != "/login?next=/members" {
		t.Errorf("after the logout at %s", b.at())
	}

	staff := window()
	staff.enter("All ways to log in")
	staff.enter("Log in as Ada")
	staff.enter("Staff")
	staff.enter("Rotate the keys")
	staff.says("Nobody was logged out.")
	staff.enter("Staff")
	staff.enter("Close the account of " + eve)
	staff.says("The account is closed")

	old := window()
	old.enter("Old application")
	old.enter("Log in as Cleo")
	old.enter("Open the members")
	old.says("Your session of the old application was taken over.")
}
