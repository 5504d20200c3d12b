package passlink_test

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
	"github.com/hardtack-go/hardtack/signin/passlink"
	"github.com/hardtack-go/hardtack/ssestore"
)

// member is a row of the application's table.
type member struct {
	ID, Email, Hash string
	Proven          bool
	Logins          int
}

// members is the table. A database does the same with one UPDATE in Use.
type members struct {
	mu   sync.Mutex
	rows map[string]member
}

func (m *members) ByID(_ context.Context, id string) (member, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if row, ok := m.rows[id]; ok {
		return row, nil
	}
	return member{}, auth.ErrNoUser
}

func (m *members) ByEmail(_ context.Context, email string) (member, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, row := range m.rows {
		if row.Email == email {
			return row, nil
		}
	}
	return member{}, auth.ErrNoUser
}

func (m *members) Use(_ context.Context, u member) (member, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	row, ok := m.rows[u.ID]
	if !ok || row != u { // WHERE logins = ? AND …
		return member{}, signin.ErrChanged
	}
	row.Logins++
	if !row.Proven { // whoever opened the account may not be the owner of the address
		row.Proven, row.Hash = true, ""
	}
	m.rows[u.ID] = row
	return row, nil
}

// outbox takes the mails of this example. Package mail has a queue that sends them.
type outbox chan signin.Mail

func (o outbox) Send(_ context.Context, m signin.Mail) error { o <- m; return nil }

func Example() {
	db := &members{rows: map[string]member{"7": {ID: "7", Email: "ada@example.com", Hash: "of a stranger"}}}
	keys, mails := keyring.Generate(), make(outbox, 1)
	store, err := ssestore.New(ssestore.Config{Keys: keys})
	if err != nil {
		panic(err)
	}
	accounts, err := auth.New(auth.Config[member]{
		UserByID: db.ByID,
		ID:       func(u member) string { return u.ID },
		Stamp:    func(u member) string { return u.Hash },
	})
	if err != nil {
		panic(err)
	}
	guard, err := middleware.New(store, accounts, middleware.Config{})
	if err != nil {
		panic(err)
	}
	desk, err := signin.New(signin.Config[member]{Keys: keys, Origin: "https://example.com", Guard: guard, Send: mails})
	if err != nil {
		panic(err)
	}
	links, err := passlink.New(desk, passlink.Config[member]{
		Users: db,
		Email: func(u member) string { return u.Email },
		Bound: func(u member) []string { return []string{u.Hash, strconv.Itoa(u.Logins)} },
	})
	if err != nil {
		panic(err)
	}
	mux := http.NewServeMux()
	mux.Handle("/passlink/", links)
	mux.HandleFunc("GET /{$}", guard.ForUser(func(w http.ResponseWriter, r *http.Request, u member) {
		fmt.Fprintf(w, "Hello %s, by %s", u.Email, desk.How(r))
	}))
	site := guard.Handler(mux)

	// A browser asks, follows the link, and presses the button.
	var jar []*http.Cookie
	do := func(method, target string, form url.Values) *httptest.ResponseRecorder {
		r := httptest.NewRequest(method, target, strings.NewReader(form.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		for _, c := range jar {
			r.AddCookie(c)
		}
		w := httptest.NewRecorder()
		site.ServeHTTP(w, r)
		jar = append(jar, w.Result().Cookies()...)
		return w
	}
	do("POST", "https://example.com/passlink/", url.Values{"email": {"Ada@example.com"}})
	m := <-mails
	fmt.Println("To:", m.To)
	_, rest, _ := strings.Cut(m.Text, "?token=")
	token, _, _ := strings.Cut(rest, "\n")
	fmt.Println("GET ", do("GET", "https://example.com/passlink/?token="+token, nil).Code)
	fmt.Println("POST", do("POST", "https://example.com/passlink/enter", url.Values{"token": {token}}).Code)
	fmt.Println(do("GET", "https://example.com/", nil).Body)
	fmt.Println("Again:", do("POST", "https://example.com/passlink/enter", url.Values{"token": {token}}).Code)
	fmt.Printf("The stranger's password: %q\n", db.rows["7"].Hash)
	// Output:
	// To: ada@example.com
	// GET  200
	// POST 303
	// Hello ada@example.com, by link
	// Again: 400
	// The stranger's password: ""
}
