package e2e_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"github.com/hardtack-go/hardtack/examples/internal/browser"
)

// npmCI installs in a temporary folder what the lock file in the folder npm pins, down to
// the hash, and returns its node_modules. Nothing of it is in the repository.
func npmCI(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range []string{"package.json", "package-lock.json"} {
		text, err := os.ReadFile(filepath.Join("npm", name))
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, name), text, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	browser.NPM(t, dir, "ci")
	return filepath.Join(dir, "node_modules")
}

// axeSource returns the script of axe-core.
func axeSource(t *testing.T) string {
	t.Helper()
	source, err := os.ReadFile(filepath.Join(npmCI(t), "axe-core", "axe.min.js"))
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
// targets (WCAG 2.2, 2.5.8), and returns one line for each fault. It doesn't load style
// sheets and media once more, which rules for sound and video need and no page has.
const runAxe = `axe.run(document, {resultTypes: ["violations"], preload: false, rules: {"target-size": {enabled: true}}}).then(r => r.violations.flatMap(v =>
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
