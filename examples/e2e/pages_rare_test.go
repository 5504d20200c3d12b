package e2e_test

import (
	"context"
	"database/sql"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
	_ "modernc.org/sqlite"

	"github.com/hardtack-go/hardtack/auth"
	idp "github.com/hardtack-go/hardtack/examples/internal/harbour"
	"github.com/hardtack-go/hardtack/examples/internal/visitor"
	"github.com/hardtack-go/hardtack/keyring"
	"github.com/hardtack-go/hardtack/middleware"
	"github.com/hardtack-go/hardtack/ssestore"
)

// A frailSite is the demo as one process of a fleet, whose database and whose provider are
// in the hands of the test.
type frailSite struct {
	*process
	db      *sql.DB
	home    string // where the provider is
	harbour *idp.Provider
	between atomic.Pointer[func()] // what happens while the provider exchanges a code
}

func newFrailSite(t *testing.T) *frailSite {
	t.Helper()
	s := new(frailSite)
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if f := s.between.Load(); f != nil && strings.HasSuffix(r.URL.Path, "/token") {
			(*f)()
		}
		s.harbour.ServeHTTP(w, r)
	}))
	s.home = localhost(t, "http://"+server.Listener.Addr().String())
	dir := t.TempDir()
	file := filepath.Join(dir, "users.db")
	s.process = launch(t, "-addr", "127.0.0.1:0", "-db", file, "-keys", filepath.Join(dir, "fleet.secret"), "-rotate", "0", "-member", "1/2@"+s.home)
	var err error
	s.harbour, err = idp.New(s.home+"/harbour", []idp.Person{
		{Subject: "1001", Name: "Grace", Email: "grace@harbour.example", Verified: true},
		{Subject: "1002", Name: "Nameless"},
		{Subject: "1003", Name: "Somebody", Email: "unverified@harbour.example"},
		{Subject: "1004", Name: "Heinz", Email: "heinz@harbour.example", Verified: true},
	}, s.url+"/oauth/harbour/callback")
	if err != nil {
		t.Fatal(err)
	}
	server.Start()
	t.Cleanup(server.Close)
	s.db = openDatabase(t, file)
	return s
}

func (s *frailSite) exec(t *testing.T, statement string) {
	t.Helper()
	if _, err := s.db.Exec(statement); err != nil {
		t.Error(err)
	}
}

// away takes the users away, so that every look-up fails, and returns what brings them back.
func (s *frailSite) away(t *testing.T) (back func()) {
	t.Helper()
	s.exec(t, `ALTER TABLE users RENAME TO users_away`)
	return func() { s.exec(t, `ALTER TABLE users_away RENAME TO users`) }
}

// depart presses a button that leads to the provider.
func (s *frailSite) depart(b *browserTab, css string) {
	b.t.Helper()
	b.press(css)
	b.reach(s.home + "/harbour/login")
}

// arrive presses the button of a person at the provider, or "" for Cancel, and waits for
// the page of the demo that this leads to.
func (s *frailSite) arrive(b *browserTab, person string) {
	b.t.Helper()
	b.press(`button[value="` + person + `"]`)
	b.until("coming back from the provider", `document.readyState === "complete" && location.origin === `+quoteJS(s.url)+` && document.querySelector("main[data-page]")`)
}

// rarePages looks at what people see when something is down, over, taken or has changed.
// Each page is reached as a person would reach it. A flow that is too old is the same page as
// one that began in another browser: the demo has no clock that could be turned.
func (of *auditor) rarePages() {
	t := of.t
	s := newFrailSite(t)
	open := of.windows(s.url)
	const withHarbour, connect = "form[action='/oauth/harbour'] button", "#connect"

	// The provider is down, lies, and knows no address.
	b := open()
	s.harbour.Lie(idp.Lies{Down: true})
	b.open("/login")
	b.click(withHarbour)
	of.refused(b, "provider down", refusal{"oauth/down", 503, "Harbour ID can’t be reached", "Log in another way", "/login"}, nil)
	b.login(bob, seedPassword)
	b.open("/account")
	b.click(connect)
	of.refused(b, "provider down while connecting", refusal{"oauth/down", 503, "Nothing was connected.", "Go back", "/account"}, nil)
	b.logout()
	b.open("/login")
	s.harbour.Lie(idp.Lies{})
	v := visitor.New(t, s.url)
	eventually(t, "the provider to be found again", func() bool { return v.Post("/oauth/harbour").StatusCode == http.StatusOK })
	s.depart(b, withHarbour)
	s.harbour.Lie(idp.Lies{Nonce: "x"})
	s.arrive(b, "1001")
	of.refused(b, "provider lies", refusal{"oauth/refused", 502, "Harbour ID did not confirm who you are", "Go back", "/login"}, nil)
	s.harbour.Lie(idp.Lies{})
	s.depart(b, withHarbour)
	s.arrive(b, "1002")
	of.refused(b, "no address", refusal{"oauth/unknown", 403, "Nobody here has connected this account of Harbour ID.", "Log in another way", "/login"}, nil)

	// A login that another browser finishes.
	s.depart(b, withHarbour)
	other := open()
	over := eval[string](b, `location.href`)
	other.do(chromedp.Navigate(over))
	s.arrive(other, "1001")
	of.refused(other, "finished in another browser", refusal{"oauth/spent", 400, "It took too long, or it began in another browser.", "Log in", "/login"}, nil)
	s.arrive(b, "1004") // and here it goes on
	b.open("/")
	b.click("#logout")
	b.do(chromedp.Navigate(over))
	of.look(b, "login over at the provider")

	// Requests that no page makes.
	b.open("/")
	b.submit("/oauth/harbour?%zz", stray)
	of.refused(b, "unreadable form of a way", refusal{"oauth/form", 400, "The form didn’t arrive as it was sent.", "Go back", "/login"}, nil)
	b.submit("/oauth/"+stray, stray)
	of.refused(b, "no such provider", refusal{"oauth/none", 404, "You can’t log in with this here.", "Log in another way", "/login"}, nil)
	b.submit("/passlink/", strings.Repeat(stray, 2000))
	of.refused(b, "form of a way too large", refusal{"signin/large", 413, "What was sent is too long.", "Back to the login page", "/login"}, nil)

	// Connections.
	b.login(bob, seedPassword)
	b.open("/account")
	s.depart(b, connect)
	s.arrive(b, "")
	of.refused(b, "connecting cancelled", refusal{"oauth/denied", 403, "Harbour ID says that you cancelled", "Go back", "/account"}, nil)
	s.depart(b, connect)
	s.arrive(b, "1004")
	of.refused(b, "identity of another account", refusal{"oauth/taken", 409, "is connected to another account here", "Go back", "/account"}, nil)
	s.depart(b, connect)
	at := eval[string](b, `location.href`)
	b.login(ada, seedPassword)
	b.do(chromedp.Navigate(at))
	s.arrive(b, "1001")
	of.refused(b, "logged in as another meanwhile", refusal{"oauth/other", 403, "You are not logged in as the one who started this.", "Log in", "/login"}, nil)
	b.open("/account")
	eval[int](b, `fetch("/logout", {method: "POST"}).then(r => r.status)`)
	b.click(connect)
	of.refused(b, "logged out meanwhile", refusal{"oauth/login", 403, "You are no longer logged in.", "Log in", "/login"}, nil)
	b.login(bob, seedPassword)
	b.open("/account")
	s.depart(b, connect)
	meanwhile := func() { s.exec(t, `UPDATE users SET stamp = 'another' WHERE email = '`+bob+`'`) }
	s.between.Store(&meanwhile)
	s.arrive(b, "1001")
	s.between.Store(nil)
	of.refused(b, "account changed meanwhile", refusal{"oauth/changed", 409, "Your account has changed in the meantime, so nothing was done.", "Go back", "/login"}, nil)
	s.depart(b, withHarbour)
	s.arrive(b, "1003")
	b.open("/account")
	b.click("form[action='/oauth/harbour/disconnect'] button")
	of.refused(b, "last way to log in", refusal{"oauth/last", 409, "Add another way to log in first.", "Go back", "/account"}, nil)

	// A link that was used already, by somebody who clicks twice.
	b = open()
	b.open("/passlink/")
	b.fill("main [name=email]", bob)
	b.click("main form button")
	link, _ := b.mail()
	b.open(link)
	b.click("main form button")
	b.open(link)
	of.refused(b, "link used twice", refusal{"passlink/invalid", 400, "But you are logged in.", "Continue", "/"}, nil)

	// The users can't be looked up.
	back := s.away(t)
	failed := refusal{"signin/failed", 503, "We can’t do this right now. Nothing is lost", "Back to the login page", "/login"}
	b.open("/members")
	of.refused(b, "users down", refusal{"", 503, "If you were logged in, you still are.", "Try again", "/members"}, back)
	other.open("/login")
	back = s.away(t)
	other.fill("#email", stray+"@example.com", "#password", stray)
	other.click("#submit")
	of.refused(other, "login while the users are down", failed, nil)
	other.open("/passlink/")
	other.fill("main [name=email]", stray+"@example.com")
	other.click("main form button")
	of.is(other, "link while the users are down", failed)
	other.open("/login")
	s.depart(other, withHarbour)
	s.arrive(other, "1001")
	of.is(other, "Harbour ID while the users are down", failed)
	cleo := open()
	cleo.open("/old")
	cleo.click("main form button")
	of.is(cleo, "old application while the users are down", refusal{"", 503, "Nothing is lost.", "Back to the home page", "/"})
	back()

	// A passkey that nobody can look up, and one that is known no more.
	b.authenticator()
	b.open("/account")
	b.until("offering passkeys", `!document.querySelector("[data-passkey=add]").hidden`)
	b.press("[data-passkey=add] button")
	b.until("adding the passkey", `document.querySelector(".keys li")`)
	b.open("/")
	b.click("#logout")
	back = s.away(t)
	says := func(text string) {
		t.Helper()
		b.open("/login")
		b.until("saying "+text, `document.querySelector("[data-passkey=login] [role=status]").textContent === `+quoteJS(text))
	}
	says("We can’t do this right now. Try again in a minute.")
	of.look(b, "passkey while the users are down")
	b.do(chromedp.Navigate("about:blank")) // or the page would try again by itself
	s.exec(t, `DELETE FROM passkeys`)
	back()
	says("This passkey isn’t known here any more. Use another one, or log in another way.")

	// An old application whose user isn't let in any more.
	cleo.open("/old")
	cleo.click("#mint-one")
	boss := open()
	boss.login(ada, seedPassword)
	boss.open("/staff")
	boss.click("form[action='/staff/disable']:has([value='3']) button")
	cleo.click("#take-over")
	if at, err := url.Parse(cleo.at()); err != nil || at.Path != "/login" {
		t.Errorf("the old cookie of a closed account leads to %s", at)
	}
	of.look(cleo, "old cookie of a closed account")
	cleo.open("/old")
	cleo.click("main form button")
	of.refused(cleo, "old application closed", refusal{"", 403, "The account of the old application is closed.", "Back to the home page", "/"}, nil)
}

// loginLongAgo logs a user of the demo in to the browser, with a session that the demo could
// have sealed twenty minutes ago: it has the demo's keys, and another clock.
func (b *browserTab) loginLongAgo(p *process, file, email string) {
	b.t.Helper()
	type row struct{ id, stamp string }
	var user row
	db := openDatabase(b.t, file)
	if err := db.QueryRow(`SELECT id, stamp FROM users WHERE email = ?`, email).Scan(&user.id, &user.stamp); err != nil {
		b.t.Fatal(err)
	}
	keys, err1 := keyring.OpenFile(p.keys, nil)
	store, err2 := ssestore.New(ssestore.Config{Keys: keys})
	accounts, err3 := auth.New(auth.Config[*row]{
		UserByID: func(context.Context, string) (*row, error) { return &user, nil },
		ID:       func(u *row) string { return u.id },
		Stamp:    func(u *row) string { return u.stamp },
	})
	if err := errors.Join(err1, err2, err3); err != nil {
		b.t.Fatal(err)
	}
	guard, err := middleware.New(store, accounts, middleware.Config{LoginURL: "/login", Now: func() time.Time { return time.Now().Add(-20 * time.Minute) }})
	if err != nil {
		b.t.Fatal(err)
	}
	w := httptest.NewRecorder()
	guard.Handler(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if err := guard.Login(r, &user); err != nil {
			b.t.Error(err)
		}
	})).ServeHTTP(w, httptest.NewRequest(http.MethodGet, p.url, nil))
	for _, c := range w.Result().Cookies() {
		call(b, network.SetCookie, network.SetCookieParams{Name: c.Name, Value: c.Value, URL: p.url, Path: "/", Secure: new(true), HTTPOnly: new(true)})
	}
}

// openDatabase opens a file of users beside the demo.
func openDatabase(t *testing.T, file string) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+filepath.ToSlash(file)+"?_pragma=busy_timeout(60000)")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}
