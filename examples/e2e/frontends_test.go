package e2e_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/hardtack-go/hardtack/auth"
	"github.com/hardtack-go/hardtack/examples/internal/browser"
	"github.com/hardtack-go/hardtack/keyring"
	"github.com/hardtack-go/hardtack/middleware"
	"github.com/hardtack-go/hardtack/ssestore"
)

// The pages of an application with Turbo, with Inertia, and with a service worker.
// The page of Inertia is drawn by hand: none of its adapters is needed to send what
// they send.
const (
	importMap = `<!doctype html><link rel=icon href="data:,"><script type=importmap>{"imports": {
		"@hotwired/turbo": "/npm/@hotwired/turbo/dist/turbo.es2017-esm.js",
		"@inertiajs/core": "/npm/@inertiajs/core/dist/index.js",
		"es-toolkit": "/npm/es-toolkit/dist/index.mjs",
		"es-toolkit/compat": "/npm/es-toolkit/dist/compat/index.mjs",
		"laravel-precognition": "/npm/laravel-precognition/dist/index.js"
	}}</script>`

	turboPage = importMap + `<script type=module>import "@hotwired/turbo"; document.documentElement.id = "ready"</script>
		<form method=post action=/save><button id=post>post</button></form>
		<form method=put action=/save><button id=put>put</button></form>
		<a id=delete href=/save data-turbo-method=delete>delete</a>
		<a id=visit href=/turbo/other>visit</a>
		<turbo-frame id=frame>
			<form method=post action=/save><button id=frame-post>post in a frame</button></form>
			<a id=frame-visit href=/part>visit in a frame</a>
		</turbo-frame>`

	inertiaPage = importMap + `<script type=module>
		import { router } from "@inertiajs/core"
		router.init({
			initialPage: { component: "page", props: {}, url: location.pathname, version: "" },
			resolveComponent: name => name,
			swapComponent: async () => {},
		})
		for (const [id, go] of Object.entries({
			visit: () => router.visit("/inertia/other"),
			post: () => router.post("/save", { a: 1 }),
			put: () => router.put("/save", { a: 1 }),
			delete: () => router.delete("/save"),
		})) document.getElementById(id).onclick = go
		document.documentElement.id = "ready"</script>
		<button id=visit>visit</button><button id=post>post</button><button id=put>put</button><button id=delete>delete</button>`

	workerPage = `<!doctype html><link rel=icon href="data:,"><script>
		navigator.serviceWorker.register("/worker.js").then(() => navigator.serviceWorker.ready)
		navigator.serviceWorker.addEventListener("controllerchange", () => document.documentElement.id = "ready")
		</script><a id=visit href=/worker/other>visit</a>`

	worker = `
		addEventListener("install", () => skipWaiting())
		addEventListener("activate", event => event.waitUntil(clients.claim()))
		addEventListener("fetch", event => {
			if (event.request.mode == "navigate")
				event.respondWith(fetch(event.request.url, { headers: event.request.headers, credentials: "include", redirect: "manual" }))
		})`

	// The full page for a frame too: https://turbo.hotwired.dev/handbook/frames
	loginPage = `<!doctype html><link rel=icon href="data:,"><meta name=turbo-visit-control content=reload><h1 id=login>Log in</h1>`
)

// TestF302_FrontendsReachTheLoginPage: the session ends while a page is open, and
// whatever a person does next leads to the login page, with the page to come back to.
func TestF302_FrontendsReachTheLoginPage(t *testing.T) {
	browser.Program(t, "chromium", "chromium-browser", "google-chrome")
	modules := npmCI(t)
	var ahead atomic.Int64 // seconds
	store, err := ssestore.New(ssestore.Config{Keys: keyring.Generate()})
	if err != nil {
		t.Fatal(err)
	}
	accounts, err := auth.New(auth.Config[*member]{
		UserByID: func(_ context.Context, id string) (*member, error) { return &member{id}, nil },
		ID:       func(m *member) string { return m.id },
		Stamp:    func(m *member) string { return "password" },
	})
	if err != nil {
		t.Fatal(err)
	}
	guard, err := middleware.New(store, accounts, middleware.Config{
		LoginURL: "/login",
		Now:      func() time.Time { return time.Now().Add(time.Duration(ahead.Load()) * time.Second) },
	})
	if err != nil {
		t.Fatal(err)
	}
	page := func(contentType, text string) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", contentType)
			io.WriteString(w, text)
		})
	}
	mux := http.NewServeMux()
	mux.Handle("/npm/", http.StripPrefix("/npm/", http.FileServer(http.Dir(modules))))
	mux.Handle("/login", page("text/html", loginPage))
	mux.Handle("/turbo", guard.LoginRequired(page("text/html", turboPage)))
	mux.Handle("/inertia", guard.LoginRequired(page("text/html", inertiaPage)))
	mux.Handle("/worker", guard.LoginRequired(page("text/html", workerPage)))
	mux.Handle("/worker.js", page("text/javascript", worker))
	mux.Handle("/", guard.LoginRequired(page("text/html", "<!doctype html><h1>passed</h1>")))
	mux.HandleFunc("/in", func(w http.ResponseWriter, r *http.Request) {
		if err := guard.Login(r, &member{"ann"}); err != nil {
			t.Error(err)
		}
		io.WriteString(w, "<!doctype html>")
	})
	server := httptest.NewServer(guard.Handler(mux))
	t.Cleanup(server.Close)
	b := openBrowser(t, localhost(t, server.URL))

	for _, tt := range []struct{ page, click, next string }{
		{"/turbo", "post", "/turbo"},
		{"/turbo", "put", "/turbo"},
		{"/turbo", "delete", "/turbo"},
		{"/turbo", "visit", "/turbo/other"},
		{"/turbo", "frame-post", "/turbo"},
		{"/turbo", "frame-visit", "/turbo"},
		{"/inertia", "visit", "/inertia/other"},
		{"/inertia", "post", "/inertia"},
		{"/inertia", "put", "/inertia"},
		{"/inertia", "delete", "/inertia"},
		{"/worker", "visit", "/worker/other"},
	} {
		t.Run(fmt.Sprintf("%s %s", tt.page[1:], tt.click), func(t *testing.T) {
			b := b.newTab()
			b.t = t
			b.open("/in")
			b.open(tt.page)
			b.do(chromedp.WaitReady(chromedp.CSS("#ready")))
			ahead.Add(13 * 60 * 60) // longer than a session lasts
			b.do(chromedp.Click(chromedp.CSS("#"+tt.click)), chromedp.WaitVisible(chromedp.CSS("#login")))
			if want := "/login?next=" + tt.next; b.at() != want {
				t.Errorf("at %s, want %s", b.at(), want)
			}
		})
	}

	// A program gets its 401, and the browser asks nobody for a password.
	b.open("/login")
	if status := eval[int](b, `fetch("/save", { method: "POST" }).then(r => r.status)`); status != 401 {
		t.Errorf("fetch: %d", status)
	}
}
