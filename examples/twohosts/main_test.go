package main

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/examples/internal/browser"
	"github.com/hardtack-go/hardtack/middleware"
	"github.com/hardtack-go/hardtack/signin/password"
	"github.com/hardtack-go/hardtack/ssestore"
)

const secret = "open sesame"

// hosts has the API on api.example.com, the page on the host of one origin, and an empty
// page on every other host, all of them on one real server.
type hosts struct {
	t     *testing.T
	tab   context.Context // of a browser that finds every host there
	ahead atomic.Int64    // how far the API's clock is, a time.Duration

	mu       sync.Mutex
	writing  int  // how many writers the API is answering
	overlap  bool // there was more than one
	refused  int  // requests with a session that came from origins that aren't trusted
	mistakes []error
}

func start(t *testing.T, origin string, place cookie.Config) *hosts {
	browser.Program(t, "chromium", "chromium-browser", "google-chrome")
	h := &hosts{t: t}
	hasher, err := password.NewHasher(password.HasherConfig{})
	if err != nil {
		t.Fatal(err)
	}
	hash, err := hasher.Hash(t.Context(), secret)
	if err != nil {
		t.Fatal(err)
	}
	api, err := api(&table{row: User{"ada@example.com", hash}}, hasher, origin, place, middleware.Config{
		Now: func() time.Time { return time.Now().Add(time.Duration(h.ahead.Load())) },
		Log: slog.New(slog.DiscardHandler),
		OnOutcome: func(r *http.Request, _ ssestore.Outcome, err error) {
			if errors.Is(err, middleware.ErrCrossOrigin) && len(r.Header["Cookie"]) > 0 {
				h.mu.Lock()
				h.refused++
				h.mu.Unlock()
			}
		},
		OnMistake: func(_ *http.Request, err error) {
			h.mu.Lock()
			h.mistakes = append(h.mistakes, err)
			h.mu.Unlock()
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.Host {
		case "api.example.com":
			if r.Method != "GET" && r.Method != "OPTIONS" {
				h.count(1)
				defer h.count(-1)
			}
			api.ServeHTTP(w, r)
		case strings.TrimPrefix(origin, "https://"):
			io.WriteString(w, page)
		default:
			io.WriteString(w, `<!doctype html><link rel="icon" href="data:,"><p>another host</p>`)
		}
	}))
	t.Cleanup(server.Close)
	h.tab = browser.Open(t, "MAP * "+server.Listener.Addr().String())
	return h
}

func (h *hosts) count(n int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.writing += n
	h.overlap = h.overlap || h.writing > 1
}

func (h *hosts) do(steps ...chromedp.Action[chromedp.Void]) {
	h.t.Helper()
	if err := chromedp.Do(h.tab, steps...); err != nil {
		h.t.Fatal(err)
	}
}

// run runs a script in the page and returns its result, which may be a promise.
func (h *hosts) run(script string) string {
	h.t.Helper()
	got, err := chromedp.Run(h.tab, chromedp.Evaluate[string](script, chromedp.EvalAwaitPromise))
	if err != nil {
		h.t.Fatalf("%s: %v", script, err)
	}
	return got
}

func (h *hosts) wants(script, want string) {
	h.t.Helper()
	if got := h.run(script); got != want {
		h.t.Errorf("%s: %q, want %q", script, got, want)
	}
}

func (h *hosts) login() {
	h.t.Helper()
	field := chromedp.CSS("#login [name=password]")
	h.do(chromedp.WaitVisible(field), chromedp.SendKeys(field, secret+"\r"), chromedp.WaitVisible(chromedp.CSS("#home")))
}

// TestF509_TwoHosts: everything that the page does with its API, in a real browser.
func TestF509_TwoHosts(t *testing.T) {
	h := start(t, "https://app.example.com", cookie.Config{})
	message := chromedp.CSS("#message:not(:empty)")
	const said = `document.getElementById("message").textContent.trim()`
	const status = `.then(answer => String(answer.status), error => error.name)`

	h.do(chromedp.Navigate("https://app.example.com/"), chromedp.WaitVisible(chromedp.CSS("#login")))
	h.wants(`call("GET", "/me")`+status, "401")
	h.wants(`call("GET", "/me").then(answer => answer.json()).then(problem => problem.detail)`, "Login required.")
	h.do(chromedp.SendKeys(chromedp.CSS("#login [name=password]"), "guess\r"), chromedp.WaitVisible(message))
	h.wants(said, "wrong address or password")
	h.wants(`call("POST", "/session")`+status, "400")
	h.login()
	h.wants(`document.getElementById("email").textContent`, "ada@example.com")

	// Writers at the same time: each has its turn, so nothing is lost.
	h.wants(`Promise.all([1, 2, 3, 4, 5, 6].map(n => call("POST", "/notes", "note " + n))).then(() => call("GET", "/me"))
		.then(answer => answer.json()).then(user => user.notes.join())`, "note 1,note 2,note 3,note 4,note 5,note 6")
	h.mu.Lock()
	if h.overlap {
		t.Error("two writers at once")
	}
	h.mu.Unlock()

	// The page is told before the session ends, and can renew it.
	idle := `call("GET", "/session").then(answer => answer.json()).then(left => left.idle > 1500 ? "long" : left.idle > 120 ? "some" : "short")`
	h.wants(idle, "long")
	h.ahead.Add(int64(29 * time.Minute))
	h.wants(idle, "short")
	h.run(`watch().then(() => "")`)
	renew := chromedp.CSS("#renew")
	h.do(chromedp.WaitVisible(renew), chromedp.Click(renew), chromedp.WaitNotVisible(renew))
	h.wants(idle, "long")
	// To look at the clock isn't a use.
	h.ahead.Add(int64(15 * time.Minute))
	h.wants(idle, "some")
	h.ahead.Add(int64(15 * time.Minute))
	h.run(`watch().then(() => "")`)
	h.login()

	// A new password keeps this session.
	change := func(old, new string) {
		h.do(chromedp.SendKeys(chromedp.CSS("[name=old]"), old), chromedp.SendKeys(chromedp.CSS("[name=new]"), new+"\r"))
	}
	change("guess", "a long new secret")
	h.do(chromedp.WaitVisible(message))
	h.wants(said, "wrong password")
	change(secret, "12345678")
	h.do(chromedp.WaitVisible(chromedp.CSS("#message:not(:empty)")))
	h.wants(`call("PUT", "/password", {old: "open sesame", new: "a long new secret"})`+status, "204")
	h.wants(`call("GET", "/me")`+status, "200")
	h.wants(`call("POST", "/session", {email: "ada@example.com", password: "open sesame"})`+status, "403")

	// Pages of other hosts can neither read nor change anything. The browser sends the
	// cookie with what a sibling host's page sends, because it is the same site.
	for _, other := range []string{"https://evil.example.com", "https://evil.example.net"} {
		h.do(chromedp.Navigate(other + "/"))
		send := func(path, how string) string {
			return `fetch("https://api.example.com` + path + `", {credentials: "include", ` + how + `})` + status
		}
		h.wants(send("/me", ""), "TypeError")
		h.wants(send("/notes", `method: "POST", headers: {"Content-Type": "application/json"}, body: '"evil"'`), "TypeError")
		h.wants(send("/notes", `method: "POST", mode: "no-cors", body: '"evil"'`), "0")
		h.wants(send("/session", `method: "DELETE"`), "TypeError")
	}
	h.mu.Lock()
	if h.refused != 1 {
		t.Errorf("%d requests with the session were refused, want the sibling's one that needs no preflight", h.refused)
	}
	h.mu.Unlock()

	h.do(chromedp.Navigate("https://app.example.com/"), chromedp.WaitVisible(chromedp.CSS("#home")))
	h.wants(`document.getElementById("notes").children.length + ""`, "0")
	h.do(chromedp.Click(chromedp.CSS("#logout")), chromedp.WaitVisible(chromedp.CSS("#login")))
	h.wants(`call("GET", "/me")`+status, "401")
	h.wants(`call("DELETE", "/session")`+status, "204") // again
	if len(h.mistakes) > 0 {
		t.Errorf("mistakes: %v", h.mistakes)
	}
}

// TestF202_TwoSites: a page on another site than its API. The browser keeps the API's
// cookie only if it is SameSite=None and Partitioned, and the guard says so.
func TestF202_TwoSites(t *testing.T) {
	place := cookie.Config{SameSite: cookie.SameSiteNone, Partitioned: true} // for ssestore.Config

	for name, tt := range map[string]struct {
		place    cookie.Config
		me       string
		mistakes int
	}{
		"Lax":         {cookie.Config{}, "401", 1},
		"Partitioned": {place, "200", 0},
	} {
		t.Run(name, func(t *testing.T) {
			h := start(t, "https://app.example.net", tt.place)
			h.do(chromedp.Navigate("https://app.example.net/"), chromedp.WaitVisible(chromedp.CSS("#login")))
			h.wants(`call("POST", "/session", {email: "ada@example.com", password: "`+secret+`"}).then(answer => String(answer.status))`, "200")
			h.wants(`call("GET", "/me").then(answer => String(answer.status))`, tt.me)
			h.wants(`call("DELETE", "/session").then(answer => String(answer.status))`, "204")
			h.wants(`call("GET", "/me").then(answer => String(answer.status))`, "401")
			if len(h.mistakes) != tt.mistakes || tt.mistakes > 0 && !errors.Is(h.mistakes[0], middleware.ErrDropped) {
				t.Errorf("mistakes: %v", h.mistakes)
			}
		})
	}
}

// TestF509_PageInHowto: the JavaScript in docs/HOWTO.md is what this page runs.
func TestF509_PageInHowto(t *testing.T) {
	howto, err := os.ReadFile("../../docs/HOWTO.md")
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, name := range []string{"function call(", "function watch("} {
		for block := range slices.Values(strings.Split(string(howto), "```js\n")[1:]) {
			block, _, _ := strings.Cut(block, "```")
			if strings.Contains(block, name) {
				found++
				if !strings.Contains(page, block) {
					t.Errorf("index.html hasn't\n%s", block)
				}
			}
		}
	}
	if found != 2 {
		t.Errorf("HOWTO.md has %d of the two functions", found)
	}
}
