package oauth_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"

	"github.com/hardtack-go/hardtack/auth"
	"github.com/hardtack-go/hardtack/keyring"
	"github.com/hardtack-go/hardtack/middleware"
	"github.com/hardtack-go/hardtack/signin"
	"github.com/hardtack-go/hardtack/signin/oauth"
	"github.com/hardtack-go/hardtack/ssestore"
)

// A member is the application's user.
type member struct {
	ID, Email   string
	Proven      bool
	Epoch       string // changes when all sessions must end
	Connections map[connection]bool
}

// A connection is what a table of connections has: unique, and beside it the user's id.
type connection struct{ Provider, Issuer, Subject string }

// members is the application's user store. A database does each method in a transaction.
type members struct {
	mu   sync.Mutex
	rows []*member
}

func (m *members) ByID(_ context.Context, id string) (*member, error) {
	return m.find(func(u *member) bool { return u.ID == id })
}

func (m *members) find(wanted func(*member) bool) (*member, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, u := range m.rows {
		if wanted(u) {
			return u, nil
		}
	}
	return nil, auth.ErrNoUser
}

func of(id oauth.Identity) connection { return connection{id.Provider, id.Issuer, id.Subject} }

// Enter finds people by issuer and subject, and by nothing else.
func (m *members) Enter(_ context.Context, id oauth.Identity) (*member, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	email := strings.ToLower(id.Email)
	for _, u := range m.rows {
		if u.Connections[of(id)] {
			return u, nil
		}
	}
	if email == "" {
		return nil, auth.ErrNoUser // this application needs one
	}
	for _, u := range m.rows {
		if u.Email == email {
			return nil, oauth.ErrTaken // not theirs until they have logged in to it
		}
	}
	u := &member{fmt.Sprint(len(m.rows) + 1), email, id.EmailVerified, "1", map[connection]bool{of(id): true}}
	m.rows = append(m.rows, u)
	return u, nil
}

func (m *members) Connect(_ context.Context, user *member, id oauth.Identity) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, u := range m.rows {
		if u.Connections[of(id)] && u != user {
			return oauth.ErrTaken
		}
	}
	user.Connections[of(id)] = true
	return nil
}

func (m *members) Disconnect(_ context.Context, user *member, provider, subject string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for c := range user.Connections {
		if c.Provider == provider && (subject == "" || c.Subject == subject) {
			if len(user.Connections) == 1 && !user.Proven {
				return oauth.ErrLast // no password, and no address to send a link to
			}
			delete(user.Connections, c)
		}
	}
	return nil
}

func Example() {
	db := new(members)
	keys := keyring.Generate()
	store, err1 := ssestore.New(ssestore.Config{Keys: keys})
	accounts, err2 := auth.New(auth.Config[*member]{
		UserByID: db.ByID,
		ID:       func(u *member) string { return u.ID },
		Stamp:    func(u *member) string { return u.Epoch },
	})
	guard, err3 := middleware.New(store, accounts, middleware.Config{LoginURL: "/login"})
	desk, err4 := signin.New(signin.Config[*member]{Keys: keys, Origin: "https://example.com", Guard: guard})
	with, err5 := oauth.New(desk, oauth.Config[*member]{
		Users:     db,
		Providers: []*oauth.Provider{oauth.GitHub("client id", "client secret"), oauth.Google("client id", "client secret")},
		OnFailure: func(_ *http.Request, provider string, err error) { log.Print(provider, ": ", err) },
	})
	if err := errors.Join(err1, err2, err3, err4, err5); err != nil {
		log.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("/oauth/", with)
	mux.HandleFunc("GET /login", func(w http.ResponseWriter, r *http.Request) {
		desk.Bind(w, r)
		fmt.Fprint(w, `<form method="post" action="/oauth/github"><button>Continue with GitHub</button></form>`)
	})

	// What the user store has connections of, to find providers that are gone.
	fmt.Println(with.Check("github", "gitlab"))

	w := httptest.NewRecorder()
	guard.Handler(mux).ServeHTTP(w, httptest.NewRequest("POST", "https://example.com/oauth/github", nil))
	fmt.Println(w.Code, strings.Contains(w.Body.String(), "https://github.com/login/oauth/authorize?"))
	// Output:
	// oauth: no provider is named "gitlab"
	// 200 true
}
