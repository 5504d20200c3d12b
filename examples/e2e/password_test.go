package e2e_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	cdppage "github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"

	"github.com/hardtack-go/hardtack/auth"
	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/examples/internal/browser"
	"github.com/hardtack-go/hardtack/keyring"
	"github.com/hardtack-go/hardtack/middleware"
	"github.com/hardtack-go/hardtack/signin"
	"github.com/hardtack-go/hardtack/signin/password"
	"github.com/hardtack-go/hardtack/ssestore"
)

// A lone user is the only one of the application below.
type lone struct{ Email, Hash string }

// loner is the user store, in memory.
type loner struct {
	mu  sync.Mutex
	row lone
}

func (l *loner) ByID(context.Context, string) (lone, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.row, nil
}

func (l *loner) ByEmail(ctx context.Context, email string) (lone, error) {
	if u, _ := l.ByID(ctx, "1"); u.Email == email {
		return u, nil
	}
	return lone{}, auth.ErrNoUser
}

func (l *loner) SetPassword(_ context.Context, u lone, hash string, _ bool) (lone, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.row != u {
		return u, signin.ErrChanged
	}
	l.row.Hash = hash
	return l.row, nil
}

func (l *loner) Rehash(ctx context.Context, u lone, hash string) (lone, error) {
	return l.SetPassword(ctx, u, hash, false)
}

// box holds the last mail.
type box struct {
	mu   sync.Mutex
	last signin.Mail
}

func (b *box) Send(_ context.Context, m signin.Mail) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.last = m
	return nil
}

// TestP7_ChromiumLinkFromWebMail: with a session that is SameSite=Strict, somebody who is
// logged in follows the link in a web mailer, which is another site. The session must
// not be replaced, and the ticket must be in no address of the history.
func TestP7_ChromiumLinkFromWebMail(t *testing.T) {
	browser.Program(t, "chromium", "chromium-browser", "google-chrome")
	var site http.Handler
	var mu sync.Mutex
	var refused []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { site.ServeHTTP(w, r) }))
	t.Cleanup(server.Close)
	origin := localhost(t, server.URL)

	keys, mails := keyring.Generate(), &box{}
	hasher, err := password.NewHasher(password.HasherConfig{Memory: 7168, Iterations: 5})
	if err != nil {
		t.Fatal(err)
	}
	hash, err := hasher.Hash(t.Context(), seedPassword)
	if err != nil {
		t.Fatal(err)
	}
	db := &loner{row: lone{ada, hash}}
	store, err := ssestore.New(ssestore.Config{Keys: keys, Cookie: cookie.Config{SameSite: cookie.SameSiteStrict}})
	if err != nil {
		t.Fatal(err)
	}
	accounts, err := auth.New(auth.Config[lone]{
		UserByID: db.ByID,
		ID:       func(lone) string { return "1" },
		Stamp:    func(u lone) string { return u.Hash },
	})
	if err != nil {
		t.Fatal(err)
	}
	guard, err := middleware.New(store, accounts, middleware.Config{LoginURL: "/password/login", OnOutcome: func(r *http.Request, _ ssestore.Outcome, err error) {
		if err != nil {
			mu.Lock()
			defer mu.Unlock()
			refused = append(refused, fmt.Sprint(r.Method, " ", r.URL.Path, ": ", err))
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	desk, err := signin.New(signin.Config[lone]{Keys: keys, Origin: origin, Guard: guard, Send: mails, LoginURL: "/password/login", Home: "/home"})
	if err != nil {
		t.Fatal(err)
	}
	passwords, err := password.New(desk, password.Config[lone]{
		Users: db, Hasher: hasher,
		Account: func(u lone) password.Account { return password.Account{Email: u.Email, Hash: u.Hash} },
	})
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("/password/", passwords)
	mux.HandleFunc("GET /home", guard.ForAnyone(func(w http.ResponseWriter, _ *http.Request, u lone, _ bool) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprintf(w, "<!doctype html><title>Home</title><p>Hello %s.", u.Email)
	}))
	site = guard.Handler(mux)
	webmail := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		mails.mu.Lock()
		_, link, _ := strings.Cut(mails.last.Text, origin)
		mails.mu.Unlock()
		link, _, _ = strings.Cut(link, "\n")
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprintf(w, `<!doctype html><title>Mail</title><a id="link" href="%s%s">open</a>`, origin, link)
	}))
	t.Cleanup(webmail.Close) // on 127.0.0.1, which isn't the site localhost

	b := openBrowser(t, origin)
	b.open("/password/login")
	b.fill("[name=email]", ada, "[name=password]", seedPassword)
	b.click("button")
	b.says("Hello " + ada)
	b.open("/password/forgotten")
	b.fill("[name=email]", ada)
	b.click("button")
	b.says("is on its way")

	b.base = webmail.URL
	b.open("/")
	b.press("#link")
	b.until("the form", `document.querySelector("[name=password]")`)
	b.says("Choose a new password")
	if got := eval[string](b, `location.search + document.referrer`); strings.Contains(got, "token") {
		t.Errorf("the page's address or referrer is %s", got)
	}
	history, err := chromedp.Call(b.ctx, cdppage.GetNavigationHistory, cdp.Empty{})
	if err != nil || len(history.Entries) < 2 {
		t.Fatalf("%+v, %v", history, err)
	}
	for _, entry := range history.Entries {
		if strings.Contains(entry.URL, "token") {
			t.Errorf("the history has %s", entry.URL)
		}
	}
	if got := eval[string](b, `document.querySelector("[name=account]").value`); got != ada {
		t.Errorf("the page names %q", got)
	}
	b.base = origin
	tab := b.newTab()
	tab.open("/home")
	tab.says("Hello " + ada) // the session is still the one that was logged in
	b.fill("[name=password]", "seven green bottles")
	b.click("button")
	b.says("Your password is set")
	b.open("/home")
	b.says("Hello .")
	mu.Lock()
	defer mu.Unlock()
	if len(refused) > 0 {
		t.Errorf("refused: %q", refused)
	}
}
