package e2e_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/hardtack-go/hardtack/auth"
	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/keyring"
	"github.com/hardtack-go/hardtack/middleware"
	"github.com/hardtack-go/hardtack/signin"
	"github.com/hardtack-go/hardtack/signin/password"
	"github.com/hardtack-go/hardtack/ssestore"
)

// crew are three users of an application, whose ids are their addresses.
type crew []lone

func (c crew) ByID(_ context.Context, id string) (lone, error) {
	for _, u := range c {
		if u.Email == id {
			return u, nil
		}
	}
	return lone{}, auth.ErrNoUser
}

func (c crew) ByEmail(ctx context.Context, email string) (lone, error) { return c.ByID(ctx, email) }

func (c crew) SetPassword(context.Context, lone, string, bool) (lone, error) {
	return lone{}, signin.ErrChanged
}

func (c crew) Rehash(context.Context, lone, string) (lone, error) { return lone{}, signin.ErrChanged }

// plainPages looks at an application that leaves the pages of its login to module signin.
// It has what the demo doesn't: a session cookie that is SameSite=Strict, staff who look at
// the site as somebody else, and a mistake.
func (of *auditor) plainPages() {
	t := of.t
	of.elsewhere = true
	var site http.Handler
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { site.ServeHTTP(w, r) }))
	t.Cleanup(server.Close)
	origin := localhost(t, server.URL)

	const lost = "lost@example.com" // whom the application forgets to log in
	hasher, err := password.NewHasher(password.HasherConfig{Memory: 7168, Iterations: 5})
	if err != nil {
		t.Fatal(err)
	}
	hash, err := hasher.Hash(t.Context(), seedPassword)
	if err != nil {
		t.Fatal(err)
	}
	users, keys, mails := crew{{ada, hash}, {bob, hash}, {lost, hash}}, keyring.Generate(), &box{}
	store, err1 := ssestore.New(ssestore.Config{Keys: keys, Cookie: cookie.Config{SameSite: cookie.SameSiteStrict}})
	accounts, err2 := auth.New(auth.Config[lone]{
		UserByID: users.ByID,
		ID:       func(u lone) string { return u.Email },
		Stamp:    func(u lone) string { return u.Hash },
	})
	guard, err3 := middleware.New(store, accounts, middleware.Config{LoginURL: "/password/login"})
	if err := errors.Join(err1, err2, err3); err != nil {
		t.Fatal(err)
	}
	var desk *signin.Desk[lone]
	desk, err1 = signin.New(signin.Config[lone]{
		Keys: keys, Origin: origin, Guard: guard, Send: mails, LoginURL: "/password/login", Home: "/home", Log: slog.New(slog.DiscardHandler),
		Enter: func(_ http.ResponseWriter, r *http.Request, e signin.Entry[lone]) error {
			if e.User.Email == lost {
				return nil
			}
			return desk.Login(r, e)
		},
	})
	passwords, err2 := password.New(desk, password.Config[lone]{
		Users: users, Hasher: hasher,
		Account: func(u lone) password.Account { return password.Account{Email: u.Email, Hash: u.Hash} },
	})
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("/password/", passwords)
	page := func(w http.ResponseWriter, body string) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprintf(w, `<!doctype html><html lang="en"><title>Home</title><body><main><h1>Home</h1>%s</main>`, body)
	}
	mux.HandleFunc("GET /home", guard.ForAnyone(func(w http.ResponseWriter, _ *http.Request, u lone, _ bool) {
		page(w, `<p>Hello `+u.Email+`.</p><form method="post" action="/as"><button>Look at the site as Bob</button></form>`)
	}))
	mux.HandleFunc("POST /as", guard.ForUser(func(w http.ResponseWriter, r *http.Request, _ lone) {
		if err := accounts.Impersonate(r.Context(), guard.Session(r), users[1]); err != nil {
			t.Error(err)
		}
		http.Redirect(w, r, "/password/change", http.StatusSeeOther)
	}))
	site = guard.Handler(mux)
	webmail := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		mails.mu.Lock()
		_, link, _ := strings.Cut(mails.last.Text, origin)
		mails.mu.Unlock()
		link, _, _ = strings.Cut(link, "\n")
		page(w, `<a href="`+origin+link+`&again">Choose a new password</a>`) // what the page leads to by itself, once
	}))
	t.Cleanup(webmail.Close) // on 127.0.0.1, which isn't the site localhost

	b := of.windows(origin)()
	b.open("/password/login")
	of.look(b, "plain login")
	b.fill("[name=email]", ada, "[name=password]", "wrong")
	b.click("main form button")
	of.look(b, "plain login refused")
	b.open("/password/login")
	b.fill("[name=email]", lost, "[name=password]", seedPassword)
	b.click("main form button")
	of.refusedPlainly(b, "plain mistake", refusal{"signin/broken", 500, "The fault is ours", "Back to the site", "/home"})

	b.open("/password/forgotten")
	b.fill("[name=email]", ada)
	b.click("main form button")
	b.says("is on its way")
	b.base = webmail.URL
	b.open("/")
	b.click("a")
	of.refusedPlainly(b, "plain link from another site", refusal{"password/link", 200, "One moment", "Continue", "/password/reset"})
	of.look(b, "plain reset")

	b.base = origin
	b.open("/password/login")
	b.fill("[name=email]", ada, "[name=password]", seedPassword)
	b.click("main form button")
	b.click("main form button")
	of.refusedPlainly(b, "plain page of somebody else", refusal{"password/refused", 403, "Only they can change this.", "Continue", "/home"})
}
