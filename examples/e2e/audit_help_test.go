package e2e_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// An auditor looks at pages in all their forms, and remembers which it has seen.
type auditor struct {
	t       *testing.T
	browser *browserTab // in which everybody has windows
	source  string      // of axe-core
	notes   *notes

	elsewhere bool // the pages aren't the demo's
}

// notes are what all auditors of a test have seen.
type notes struct {
	mu   sync.Mutex
	seen map[string]bool // templates, and pages of module signin
	site siteMap
	n    int
}

// with is the auditor for a part of the test.
func (of auditor) with(t *testing.T) *auditor { of.t = t; return &of }

// windows returns what opens a window at a site, with cookies of its own.
func (of *auditor) windows(url string) func() *browserTab {
	return func() *browserTab {
		of.t.Helper()
		b := (&browserTab{of.t, of.browser.ctx, url}).another()
		b.bypassPolicy() // the scripts of this test are not the application's
		call(b, emulation.SetFocusEmulationEnabled, emulation.SetFocusEmulationEnabledParams{Enabled: true})
		return b
	}
}

// A pageName says which page a tab shows.
type pageName struct {
	Page, Way, Path string // the template, the name in module signin, the path
	Status          int
	Faults          []string // what every page has, and this one lacks
}

// namePage makes a pageName. A page has a title and one heading, and after a refusal there
// is a way on. A link that was asked for in another browser is the exception: that one has
// the way on, and this page is to be closed.
const namePage = `(() => {
	const main = document.querySelector("main"), faults = [];
	const status = performance.getEntriesByType("navigation")[0].responseStatus;
	const headings = [...document.querySelectorAll("h1")].filter(e => e.innerText.trim());
	if (!document.title.trim()) faults.push("there is no title");
	if (headings.length !== 1) faults.push("there are " + headings.length + " headings of the first level");
	if (status >= 400 && main.dataset.way !== "passlink/elsewhere" && !main.querySelector("a[href], form button")) faults.push("there is no way on");
	return {Page: main.dataset.page ?? "harbour", Way: main.dataset.way ?? "", Path: location.pathname, Status: status, Faults: faults};
})()`

// name says which page the tab shows, and reports what it lacks.
func (of *auditor) name(b *browserTab, what string) pageName {
	of.t.Helper()
	name := eval[pageName](b, namePage)
	for _, fault := range name.Faults {
		of.t.Errorf("%s: %s", what, fault)
	}
	return name
}

// look looks at the page that the tab shows.
func (of *auditor) look(b *browserTab, what string) {
	of.t.Helper()
	name := of.name(b, what)
	of.notes.mu.Lock()
	if !of.elsewhere {
		of.notes.seen[name.Page+".html"], of.notes.seen[name.Way] = true, true
		of.notes.site.see(of.t, name.Path)
	}
	of.notes.n++
	n := of.notes.n
	of.notes.mu.Unlock()
	eval[bool](b, of.source+"\n;true")
	b.shoot(fmt.Sprintf("axe-%03d-%s", n, strings.ReplaceAll(what, " ", "-")))
	for _, l := range looks {
		b.look(l.width, l.height, l.scheme)
		for _, fault := range append(eval[[]string](b, beyondAxe), eval[[]string](b, runAxe)...) {
			of.t.Errorf("%s, %s: %s", what, l.name, fault)
		}
	}
	b.do(chromedp.ResetViewport())
}

// A refusal is what a page should say that nobody wants to see.
type refusal struct {
	way    string // its name in module signin; "" is the demo's own page
	status int
	says   string
	on, to string // the link that leads on, and the path that it leads to
}

// stray is in what the tests below send. No refusal repeats it.
const stray = "wanderingword"

// is reports whether the tab shows a refusal, all of it.
func (of *auditor) is(b *browserTab, what string, want refusal) bool {
	of.t.Helper()
	name := of.name(b, what)
	if name.Way != want.way || name.Status != want.status || want.way == "" && name.Page != "error" {
		of.t.Errorf("%s: %d by %s%s, want %d by %s\n%s", what, name.Status, name.Page, name.Way, want.status, want.way, b.text())
		return false
	}
	of.says(b, what, want)
	return true
}

// says checks the words of a refusal.
func (of *auditor) says(b *browserTab, what string, want refusal) {
	of.t.Helper()
	b.says(want.says)
	if eval[bool](b, `document.documentElement.outerHTML.includes(`+quoteJS(stray)+`)`) {
		of.t.Errorf("%s: the page repeats what was sent", what)
	}
}

// refusedPlainly does as refused does with a page that module signin draws by itself, and
// which doesn't say its name.
func (of *auditor) refusedPlainly(b *browserTab, what string, want refusal) {
	of.t.Helper()
	if name := of.name(b, what); name.Status != want.status {
		of.t.Errorf("%s: %d, want %d", what, name.Status, want.status)
	}
	of.says(b, what, want)
	of.look(b, what)
	of.goesOn(b, what, want)
	of.notes.mu.Lock()
	defer of.notes.mu.Unlock()
	of.notes.seen[want.way] = true
}

// refused looks at a refusal and goes on from it, with the keyboard. cure, if it isn't nil,
// is what somebody repairs before that.
func (of *auditor) refused(b *browserTab, what string, want refusal, cure func()) {
	of.t.Helper()
	ok := of.is(b, what, want)
	of.look(b, what)
	if cure != nil {
		cure()
	}
	if ok {
		of.goesOn(b, what, want)
	}
}

// goesOn follows the link of a refusal with Tab and Enter.
func (of *auditor) goesOn(b *browserTab, what string, want refusal) {
	of.t.Helper()
	eval[bool](b, `document.querySelector("main").setAttribute("tabindex", "-1") ?? document.querySelector("main").focus() ?? true`)
	b.tabTo(want.on)
	if status := b.navigate(chromedp.KeyEvent(kb.Enter)); status != 200 {
		of.t.Errorf("%s: %q leads to %d", what, want.on, status)
	}
	if path := eval[string](b, `location.pathname`); path != want.to {
		of.t.Errorf("%s: %q leads to %s, want %s", what, want.on, path, want.to)
	}
}

// submit posts a form that no page has, and returns the status of the answer.
func (b *browserTab) submit(url, text string) int {
	b.t.Helper()
	eval[string](b, `(document.body.innerHTML = '<form method="post"><input name="item"><button>Send</button></form>') &&
		(document.querySelector("form").action = `+quoteJS(url)+`) && (document.querySelector("input").value = `+quoteJS(text)+`)`)
	return b.click("button")
}
