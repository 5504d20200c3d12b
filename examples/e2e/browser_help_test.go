package e2e_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	cdppage "github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"

	"github.com/hardtack-go/hardtack/examples/internal/browser"
)

// patience is how long one step in a browser may take. A machine that is busy
// with other tests is slow; nothing waits for so long in the good case.
const patience = time.Minute

// browserTab is one tab of a real Chromium.
type browserTab struct {
	t    *testing.T
	ctx  context.Context
	base string
}

// openBrowser starts a browser of its own: another user-data directory, another
// cookie jar, as another person has.
func openBrowser(t *testing.T, base string) *browserTab {
	t.Helper()
	ctx := browser.Open(t, "MAP *.test 127.0.0.1") // names that are not localhost
	if err := chromedp.Do(ctx); err != nil {       // starts the browser; its life is that of ctx
		t.Fatal(err)
	}
	return &browserTab{t, ctx, base}
}

// another opens a window with cookies of its own in the same browser. That is quicker
// than another browser.
func (b *browserTab) another() *browserTab {
	b.t.Helper()
	ctx, cancel := chromedp.NewContext(b.ctx, chromedp.WithNewBrowserContext())
	b.t.Cleanup(cancel)
	if err := chromedp.Do(ctx); err != nil {
		b.t.Fatal(err)
	}
	return &browserTab{b.t, ctx, b.base}
}

// newTab opens another tab of the same browser: the same cookies.
func (b *browserTab) newTab() *browserTab {
	b.t.Helper()
	ctx, cancel := chromedp.NewContext(b.ctx)
	b.t.Cleanup(cancel)
	if err := chromedp.Do(ctx); err != nil {
		b.t.Fatal(err)
	}
	return &browserTab{b.t, ctx, b.base}
}

func (b *browserTab) do(steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		b.t.Fatal(err)
	}
}

// navigate runs steps that load a page and returns its status.
func (b *browserTab) navigate(steps ...chromedp.Action[chromedp.Void]) int {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	resp, err := chromedp.RunResponse(ctx, steps...)
	if err != nil {
		b.t.Fatal(err)
	}
	return int(resp.Status)
}

func (b *browserTab) open(path string) int {
	b.t.Helper()
	return b.navigate(chromedp.Navigate(b.base + path))
}

// click presses something that leads to another page.
func (b *browserTab) click(css string) int {
	b.t.Helper()
	return b.navigate(chromedp.Click(chromedp.CSS(css)))
}

// fill types into a form as a person does.
func (b *browserTab) fill(pairs ...string) {
	b.t.Helper()
	for i := 0; i < len(pairs); i += 2 {
		b.do(chromedp.SendKeys(chromedp.CSS(pairs[i]), pairs[i+1]))
	}
}

// eval runs a script in the page and decodes its result, promises included.
func eval[T any](b *browserTab, script string) T {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[T](script, chromedp.EvalAwaitPromise))
	if err != nil {
		b.t.Fatalf("%s: %v", script, err)
	}
	return v
}

// try runs a script in whatever page the tab shows by then. A page that goes away takes
// the script along. The browser says so as a rule, but not of a page that it keeps for the
// back button, whose timers stand still. So nothing waits for one answer all the time.
func try[T any](b *browserTab, script string) (T, error) {
	ctx, cancel := context.WithTimeout(b.ctx, patience/6)
	defer cancel()
	return chromedp.Run(ctx, chromedp.Evaluate[T](script, chromedp.EvalAwaitPromise))
}

func (b *browserTab) text() string {
	b.t.Helper()
	return eval[string](b, `document.body.innerText`)
}

// at is the path of the page that is shown.
func (b *browserTab) at() string {
	b.t.Helper()
	return eval[string](b, `location.pathname + location.search`)
}

func (b *browserTab) says(text string) {
	b.t.Helper()
	if got := b.text(); !strings.Contains(got, text) {
		b.t.Errorf("%s does not say %q:\n%s", b.at(), text, got)
	}
}

// login goes through the form.
func (b *browserTab) login(email, pw string) {
	b.t.Helper()
	b.open("/login")
	b.fill("#email", email, "#password", pw)
	if status := b.click("#submit"); status != 200 {
		b.t.Fatalf("login as %s: %d", email, status)
	}
}

// who is the user whom the members' page greets, "" if it asks for a login.
func (b *browserTab) who() string {
	b.t.Helper()
	b.open("/members")
	return eval[string](b, `document.querySelector("#member")?.textContent ?? ""`)
}

// call sends a protocol command for which there is no ready step.
func call[P, R any](b *browserTab, cmd cdp.Command[P, R], params P) {
	b.t.Helper()
	if _, err := chromedp.Call(b.ctx, cmd, params); err != nil {
		b.t.Fatal(err)
	}
}

// shoot saves a picture of the page for a person to look at, if
// HARDTACK_SHOTS names a folder.
func (b *browserTab) shoot(name string) {
	b.t.Helper()
	dir := os.Getenv("HARDTACK_SHOTS")
	if dir == "" {
		return
	}
	for _, look := range looks {
		b.look(look.width, look.height, look.scheme)
		// As high as the page, so that what sticks to the bottom is at the bottom.
		height := eval[int64](b, `document.documentElement.scrollHeight`)
		b.do(chromedp.EmulateViewport(look.width, max(height, look.height)))
		ctx, cancel := context.WithTimeout(b.ctx, patience)
		png, err := chromedp.Run(ctx, chromedp.FullScreenshot(100))
		cancel()
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, name+"-"+look.name+".png"), png, 0o644)
		}
		if err != nil {
			b.t.Error(err)
		}
	}
	b.do(chromedp.ResetViewport())
}

// pageShow is what a page reports of itself when it comes into view.
type pageShow struct {
	Path      string
	Origin    float64 // when this document was made: tells one visit from another
	Persisted bool    // restored from the back/forward cache
	Text      string
}

// bypassPolicy lets scripts of the test connect: the application's policy knows
// of no script at all.
func (b *browserTab) bypassPolicy() {
	b.t.Helper()
	call(b, cdppage.SetBypassCSP, cdppage.SetBypassCSPParams{Enabled: true})
}

// reportShown makes every page of the tab report each pageshow to a collector
// outside of the application. Nothing is asked of the DevTools protocol while
// the browser goes back: that is known to hang.
func (b *browserTab) reportShown() <-chan pageShow {
	b.t.Helper()
	reports := make(chan pageShow, 100)
	collector := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var s pageShow
		body, err := io.ReadAll(r.Body)
		if err == nil {
			err = json.Unmarshal(body, &s)
		}
		if err != nil {
			b.t.Errorf("a report of pageshow: %v", err)
			return
		}
		reports <- s
	}))
	b.t.Cleanup(collector.Close)
	b.bypassPolicy()
	call(b, cdppage.AddScriptToEvaluateOnNewDocument, cdppage.AddScriptToEvaluateOnNewDocumentParams{Source: `
		addEventListener("pageshow", event => fetch(` + quoteJS(collector.URL) + `, {
			method: "POST", mode: "no-cors", keepalive: true,
			body: JSON.stringify({Path: location.pathname, Origin: performance.timeOrigin, Persisted: event.persisted, Text: document.body.innerText.slice(0, 5000)}),
		}))`})
	return reports
}

// back presses the back button, so to speak, and waits for the page that comes.
func (b *browserTab) back(reports <-chan pageShow) pageShow {
	b.t.Helper()
	next := func() pageShow {
		select {
		case s := <-reports:
			return s
		case <-time.After(patience):
			b.t.Fatal("no page reported itself")
			return pageShow{}
		}
	}
	// The reports of the pages before, up to the one that is shown now.
	for here := eval[float64](b, `performance.timeOrigin`); next().Origin != here; {
	}
	// Later, so that the evaluation has ended before its page goes away.
	eval[bool](b, `setTimeout(() => history.back(), 100) > 0`)
	return next()
}

func quoteJS(s string) string {
	b, _ := json.Marshal(s)
	return string(b)
}

// localhost names the same server as browsers treat it: as a secure place.
func localhost(t *testing.T, base string) string {
	t.Helper()
	u, err := url.Parse(base)
	if err != nil {
		t.Fatal(err)
	}
	u.Host = "localhost:" + u.Port()
	return u.String()
}
