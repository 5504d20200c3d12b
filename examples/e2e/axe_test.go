package e2e_test

import (
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"github.com/hardtack-go/hardtack/examples/internal/browser"
)

// axeSource installs axe-core with npm in a temporary folder and returns its script.
// The lock file in the folder axe pins it, down to the hash.
func axeSource(t *testing.T) string {
	t.Helper()
	browser.Program(t, "node")
	npm := browser.Program(t, "npm")
	dir := t.TempDir()
	for _, name := range []string{"package.json", "package-lock.json"} {
		text, err := os.ReadFile(filepath.Join("axe", name))
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, name), text, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	install := exec.Command(npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund")
	install.Dir = dir
	if out, err := install.CombinedOutput(); err != nil {
		if os.Getenv("HARDTACK_CI") == "1" {
			t.Fatalf("npm ci: %v\n%s", err, out)
		}
		t.Skipf("npm can't install axe-core here: %v", err)
	}
	source, err := os.ReadFile(filepath.Join(dir, "node_modules", "axe-core", "axe.min.js"))
	if err != nil {
		t.Fatal(err)
	}
	return string(source)
}

// beyondAxe looks for what axe-core doesn't: a page that is wider than its window
// (WCAG 2.2, 1.4.10), the border of an input with less than 3:1 (1.4.11), and what
// gets the focus without a ring of at least two pixels and 3:1 (2.4.7, 1.4.11), or
// under something else (2.4.11).
const beyondAxe = `(() => {
	const faults = [];
	const name = e => e.outerHTML.slice(0, 120);
	const over = document.documentElement.scrollWidth - innerWidth;
	if (over > 0) faults.push("the page is " + over + " px wider than the window");
	// Canvas resolves every kind of colour.
	const canvas = document.createElement("canvas").getContext("2d", {willReadFrequently: true});
	const rgb = color => {
		canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = color; canvas.fillRect(0, 0, 1, 1);
		return [...canvas.getImageData(0, 0, 1, 1).data];
	};
	const luminance = c => {
		const [r, g, b] = c.map(v => v / 255).map(v => v <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4);
		return .2126 * r + .7152 * g + .0722 * b;
	};
	const contrast = (a, b) => {
		const [x, y] = [luminance(rgb(a)), luminance(rgb(b))];
		return (Math.max(x, y) + .05) / (Math.min(x, y) + .05);
	};
	const behind = e => {
		for (e = e.parentElement; e; e = e.parentElement) {
			const color = getComputedStyle(e).backgroundColor;
			if (rgb(color)[3] === 255) return color;
		}
		return "white";
	};
	for (const e of document.querySelectorAll("input:not([type=hidden], [type=checkbox])")) {
		const style = getComputedStyle(e);
		for (const other of [style.backgroundColor, behind(e)]) {
			const c = contrast(style.borderTopColor, other);
			if (c < 3) faults.push("a border with " + c.toFixed(2) + ":1 at " + name(e));
		}
	}
	const before = document.activeElement;
	for (const e of document.querySelectorAll("a[href], button, input:not([type=hidden]), [tabindex]")) {
		if (!e.checkVisibility({visibilityProperty: true})) continue;
		e.focus({focusVisible: true});
		const style = getComputedStyle(e);
		if (style.outlineStyle === "none" || parseFloat(style.outlineWidth) < 2) faults.push("no focus ring at " + name(e));
		else if (contrast(style.outlineColor, behind(e)) < 3) faults.push("a faint focus ring at " + name(e));
		const box = e.getClientRects()[0];
		const top = document.elementFromPoint(box.x + box.width / 2, box.y + Math.min(box.height / 2, 20));
		if (!top || !e.contains(top) && !top.contains(e)) faults.push("the focus is hidden at " + name(e) + " by " + (top ? name(top) : "the window"));
	}
	before.focus(); scrollTo(0, 0);
	return faults;
})()`

// runAxe runs every rule that axe-core has by default, and that for the size of
// targets (WCAG 2.2, 2.5.8), and returns one line for each fault.
const runAxe = `axe.run(document, {resultTypes: ["violations"], rules: {"target-size": {enabled: true}}}).then(r => r.violations.flatMap(v =>
	v.nodes.map(n => v.impact + ": " + v.help + " (" + v.id + ") at " + n.target.join(" ") + "\n" + n.failureSummary + "\n" + n.html.slice(0, 200))))`

// looks are the forms in which a page is looked at. 360 px is a narrow phone.
var looks = []struct {
	name          string
	width, height int64
	scheme        string
}{
	{"phone", 360, 740, "light"}, {"phone-dark", 360, 740, "dark"},
	{"desktop", 1280, 800, "light"}, {"desktop-dark", 1280, 800, "dark"},
}

// look shows the page in one of its forms.
func (b *browserTab) look(width, height int64, scheme string) {
	b.t.Helper()
	call(b, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
	})
	b.do(chromedp.EmulateViewport(width, height))
}

// TestAxe_EveryPage looks at every page of the demo, in what states it has, light and
// dark, on a phone and on a desktop.
func TestAxe_EveryPage(t *testing.T) {
	browser.Program(t, "chromium", "chromium-browser", "google-chrome")
	source := axeSource(t)
	p := launch(t, "-addr", "127.0.0.1:0")
	seen := map[string]bool{}
	n := 0
	audit := func(b *browserTab, what string) {
		t.Helper()
		seen[eval[string](b, `document.querySelector("main").dataset.page`)+".html"] = true
		eval[bool](b, source+"\n;true")
		n++
		b.shoot(fmt.Sprintf("axe-%02d-%s", n, strings.ReplaceAll(what, " ", "-")))
		for _, l := range looks {
			b.look(l.width, l.height, l.scheme)
			for _, fault := range append(eval[[]string](b, beyondAxe), eval[[]string](b, runAxe)...) {
				t.Errorf("%s, %s: %s", what, l.name, fault)
			}
		}
		b.do(chromedp.ResetViewport())
	}
	visit := func(b *browserTab, path, what string) {
		t.Helper()
		b.open(path)
		audit(b, what)
	}
	browser := func() *browserTab {
		b := openBrowser(t, p.url)
		b.bypassPolicy() // the scripts of this test are not the application's
		call(b, emulation.SetFocusEmulationEnabled, emulation.SetFocusEmulationEnabledParams{Enabled: true})
		return b
	}

	b := browser()
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
		b.fill("main [name=email]", bob)
		b.click("main form button")
		audit(b, name+" sent")
	}
	b.fill("[name=code]", "0000-0000")
	b.click("main form button")
	audit(b, "wrong code")
	visit(b, "/mailbox", "mails")
	b.click(".mail a") // the newest is the link to log in
	audit(b, "link")
	link := b.at()
	other := browser()
	visit(other, link, "link in another browser")
	visit(b, "/passlink/?token=x", "link over")
	b.open("/mailbox")
	b.click(".mail:nth-of-type(2) a")
	audit(b, "reset")
	visit(b, "/docs/FORMAT.md", "documentation")
	visit(b, "/nowhere", "not found")

	// What an old application leaves behind.
	third := browser()
	visit(third, "/old", "old application")
	third.click("#mint-one")
	audit(third, "old cookie")
	third.click("#take-over")
	audit(third, "taken over")
	visit(third, "/sessions", "session that nobody has listed")

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
	b.open("/")
	b.click("button[name=clear]")
	visit(b, "/", "cart emptied")

	// The longest address that an account may have.
	long := strings.Repeat("wide", 16) + "@" + strings.Repeat(strings.Repeat("long", 15)+".", 3) + "exampl"
	b.open("/signup")
	b.fill("main [name=email]", long)
	b.click("main form button")
	audit(b, "long address")
	b.open("/mailbox")
	b.click(".mail a")
	audit(b, "welcome")
	b.fill("[name=password]", "a better password")
	b.click("main form button")
	audit(b, "signed up")
	visit(b, "/members", "members")
	visit(b, "/account", "account")
	visit(b, "/login", "login as another")
	visit(b, "/session", "session of a user")
	visit(b, "/change", "password")
	b.fill("[name=current]", "wrong", "[name=password]", "another password")
	b.click("main form button")
	audit(b, "password refused")
	visit(b, "/email", "address")
	visit(b, "/old", "old application, with a cookie of the new one")
	another := browser()
	another.login(long, "a better password")
	visit(b, "/sessions", "sessions")
	b.click("#everywhere")
	audit(b, "logged out everywhere")

	boss := browser()
	boss.login(ada, seedPassword)
	audit(boss, "logged in as staff")
	boss.open("/staff")
	boss.click("#rotate")
	audit(boss, "keys rotated")
	boss.open("/staff")
	boss.click("form[action='/staff/disable'] button")
	audit(boss, "staff")
	boss.open("/account")
	boss.press("#connect")
	boss.reach(p.url + "/harbour/login")
	boss.press("button[name=person]")
	boss.reach(p.url + "/account")
	audit(boss, "account with a connection")

	// The page of a fleet, with a process that is killed on it.
	fleet := launch(t, "-addr", "127.0.0.1:0", "-fleet", "2")
	watcher := browser()
	watcher.base = fleet.url
	visit(watcher, "/", "fleet")
	watcher.click("[data-number='2'] button")
	watcher.find("#happened")
	audit(watcher, "fleet with a process killed")
	watcher.base = fleet.fleet[0]
	visit(watcher, "/", "a process of the fleet")

	// Both scripts can find something.
	eval[bool](boss, `document.body.insertAdjacentHTML("afterbegin", '<style>:focus-visible { outline: none; } input { border-color: var(--line); }' +
		'p.hint { color: var(--line); }</style><div style="width: 3000px"><input aria-label="x"></div>') ?? true`)
	if faults := eval[[]string](boss, beyondAxe); len(faults) < 3 || !strings.Contains(faults[0], "wider than the window") {
		t.Errorf("a broken page has the faults %q", faults)
	}
	if faults := eval[[]string](boss, runAxe); !strings.Contains(strings.Join(faults, "\n"), "serious: Elements must meet minimum color contrast") {
		t.Errorf("axe finds %q in a broken page", faults)
	}

	files, err := os.ReadDir("../demo/templates")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if f.Name() != "layout.html" && !seen[f.Name()] {
			t.Errorf("%s was not looked at, only %v", f.Name(), slices.Sorted(maps.Keys(seen)))
		}
	}
}
