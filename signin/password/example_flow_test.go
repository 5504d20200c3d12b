package password_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync"

	"github.com/hardtack-go/hardtack/auth"
	"github.com/hardtack-go/hardtack/keyring"
	"github.com/hardtack-go/hardtack/middleware"
	"github.com/hardtack-go/hardtack/signin"
	"github.com/hardtack-go/hardtack/signin/password"
	"github.com/hardtack-go/hardtack/ssestore"
)

// member is a row of the application's table.
type member struct {
	ID, Email, Hash string
	Stamp           int // counts the passwords
}

// members is the table. A database does the same with one statement per method.
type members struct {
	mu   sync.Mutex
	rows []member
}

func (m *members) find(is func(member) bool) (member, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, row := range m.rows {
		if is(row) {
			return row, nil
		}
	}
	return member{}, auth.ErrNoUser
}

func (m *members) ByID(_ context.Context, id string) (member, error) {
	return m.find(func(u member) bool { return u.ID == id })
}

func (m *members) ByEmail(_ context.Context, email string) (member, error) {
	return m.find(func(u member) bool { return u.Email == email })
}

// store replaces a row: UPDATE members SET … WHERE id = ? AND hash = ? AND email = ?
func (m *members) store(was, is member) (member, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for i, row := range m.rows {
		if row == was {
			m.rows[i] = is
			return is, nil
		}
	}
	return member{}, signin.ErrChanged
}

// SetPassword has nothing to drop: in this table every address is proven.
func (m *members) SetPassword(_ context.Context, u member, hash string, _ bool) (member, error) {
	return m.store(u, member{u.ID, u.Email, hash, u.Stamp + 1})
}

func (m *members) Rehash(_ context.Context, u member, hash string) (member, error) {
	return m.store(u, member{u.ID, u.Email, hash, u.Stamp})
}

func (m *members) SignUp(_ context.Context, email, hash string) (member, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, row := range m.rows {
		if row.Email == email { // a unique index
			return member{}, signin.ErrChanged
		}
	}
	u := member{ID: strconv.Itoa(len(m.rows) + 1), Email: email, Hash: hash}
	m.rows = append(m.rows, u)
	return u, nil
}

// outbox takes the mails of this example. Package mail has a queue that sends them.
type outbox chan signin.Mail

func (o outbox) Send(_ context.Context, m signin.Mail) error { o <- m; return nil }

func (o outbox) next() (m signin.Mail) {
	select {
	case m = <-o:
	default: // nothing was sent
	}
	return m
}

// Somebody signs up, forgets the password, and sets another.
func Example() {
	db, keys, mails := &members{}, keyring.Generate(), make(outbox, 10)
	store, err := ssestore.New(ssestore.Config{Keys: keys})
	if err != nil {
		panic(err)
	}
	accounts, err := auth.New(auth.Config[member]{
		UserByID: db.ByID,
		ID:       func(u member) string { return u.ID },
		Stamp:    func(u member) string { return strconv.Itoa(u.Stamp) },
	})
	if err != nil {
		panic(err)
	}
	guard, err := middleware.New(store, accounts, middleware.Config{LoginURL: "/password/login"})
	if err != nil {
		panic(err)
	}
	desk, err := signin.New(signin.Config[member]{Keys: keys, Origin: "https://example.com", Guard: guard, Send: mails, LoginURL: "/password/login"})
	if err != nil {
		panic(err)
	}
	passwords, err := password.New(desk, password.Config[member]{
		Users:   db,
		Account: func(u member) password.Account { return password.Account{Email: u.Email, Hash: u.Hash} },
		Create:  db.SignUp,
	})
	if err != nil {
		panic(err)
	}
	mux := http.NewServeMux()
	mux.Handle("/password/", passwords)
	mux.HandleFunc("GET /members", guard.ForUser(func(w http.ResponseWriter, r *http.Request, u member) {
		fmt.Fprintf(w, "Hello %s, by %s", u.Email, desk.How(r))
	}))
	site := guard.Handler(mux)

	jar := map[string]*http.Cookie{}
	do := func(method, target string, form url.Values) *httptest.ResponseRecorder {
		r := httptest.NewRequest(method, "https://example.com"+target, strings.NewReader(form.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		for _, c := range jar {
			r.AddCookie(c)
		}
		w := httptest.NewRecorder()
		site.ServeHTTP(w, r)
		for _, c := range w.Result().Cookies() {
			jar[c.Name] = c
		}
		return w
	}
	// follow opens the link of the next mail.
	follow := func() {
		m := mails.next()
		_, link, _ := strings.Cut(m.Text, "https://example.com")
		link, _, _ = strings.Cut(link, "\n")
		fmt.Println("Mail:", m.Subject)
		fmt.Println("Link:", do("GET", link, nil).Header().Get("Location"))
	}

	do("POST", "/password/signup", url.Values{"email": {"Ada@example.com"}, "next": {"/members"}})
	follow()
	w := do("POST", "/password/welcome", url.Values{"password": {"correct horse battery staple"}})
	fmt.Println("On to", w.Header().Get("Location"))
	fmt.Println(do("GET", "/members", nil).Body)

	do("POST", "/password/forgotten", url.Values{"email": {"ada@example.com"}})
	follow()
	fmt.Println("Set:", do("POST", "/password/reset", url.Values{"password": {"another battery staple"}}).Code)
	fmt.Println(mails.next().Subject)
	fmt.Println("Again:", do("POST", "/password/reset", url.Values{"password": {"a third password"}}).Code)
	w = do("POST", "/password/login", url.Values{"email": {"ada@example.com"}, "password": {"another battery staple"}})
	fmt.Println("Log in:", w.Code)
	// Output:
	// Mail: Your account at example.com
	// Link: /password/welcome
	// On to /members
	// Hello ada@example.com, by password
	// Mail: Choose a new password for example.com
	// Link: /password/reset
	// Set: 200
	// Your password for example.com was changed
	// Again: 400
	// Log in: 303
}
