package rig_test

import (
	"context"
	"errors"
	"html/template"
	"log"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"testing"

	"github.com/hardtack-go/hardtack/auth"
	"github.com/hardtack-go/hardtack/fleet"
	"github.com/hardtack-go/hardtack/keyring"
	"github.com/hardtack-go/hardtack/middleware"
	"github.com/hardtack-go/hardtack/signin"
	"github.com/hardtack-go/hardtack/signin/mail"
	"github.com/hardtack-go/hardtack/signin/oauth"
	"github.com/hardtack-go/hardtack/signin/passkey"
	"github.com/hardtack-go/hardtack/signin/passlink"
	"github.com/hardtack-go/hardtack/signin/password"
	"github.com/hardtack-go/hardtack/ssestore"
)

// This file has the Go of docs/SIGNIN.md. Its sign-up without mails is in examples/howto.

type User struct {
	ID, Email, Hash, Stamp string
	Logins                 int
	Proven, Closed, Paid   bool
}

// database is all that the four ways ask of a user store.
type database interface {
	password.Users[*User]
	password.Addresses[*User]
	SignUp(ctx context.Context, email, hash string) (*User, error)
	oauth.Users[*User]
	passkey.Users[*User]
	passlink.Users[*User]
}

func program(ctx context.Context, keys keyring.Source, guard *middleware.Guard[*User], db database, smtp signin.Sender, origin, id, secret string) (http.Handler, error) {
	mux := http.NewServeMux()
	address := func(u *User) string { return u.Email }
	account := func(u *User) password.Account {
		return password.Account{Email: u.Email, Hash: u.Hash, Proven: u.Proven}
	}
	bound := func(u *User) []string { return []string{u.Stamp, strconv.Itoa(u.Logins)} }

	mails := mail.NewQueue(smtp, 1000)
	go mails.Run(ctx)

	desk, err := signin.New(signin.Config[*User]{Keys: keys, Origin: origin, Guard: guard, Send: mails})
	if err != nil {
		return nil, err
	}
	passwords, err1 := password.New(desk, password.Config[*User]{Users: db, Account: account, Create: db.SignUp, Addresses: db})
	with, err2 := oauth.New(desk, oauth.Config[*User]{Users: db, Providers: []*oauth.Provider{oauth.Google(id, secret)}})
	passkeys, err3 := passkey.New(desk, passkey.Config[*User]{Users: db, Account: address})
	links, err4 := passlink.New(desk, passlink.Config[*User]{Users: db, Email: address, Bound: bound})
	if err := errors.Join(err1, err2, err3, err4); err != nil {
		return nil, err
	}
	mux.Handle("/password/", passwords)
	mux.Handle("/oauth/", with)
	mux.Handle("/passkey/", passkeys)
	mux.Handle("/passlink/", links)
	mux.Handle("/logout", desk.LogoutHandler("/"))
	return guard.Handler(mux), nil
}

type logged struct{}

func (logged) Send(_ context.Context, m signin.Mail) error {
	log.Printf("mail to %s: %s\n%s", m.To, m.Subject, m.Text)
	return nil
}

// fragments holds the shorter pieces.
func fragments(mux *http.ServeMux, pages *template.Template, guard *middleware.Guard[*User], members func(http.ResponseWriter, *http.Request, *User)) error {
	smtp, err := mail.NewSMTP(mail.SMTP{
		Addr: "smtp.example.com:587", From: "Example <hello@example.com>",
		User: "hello", Password: os.Getenv("SMTP_PASSWORD"),
	})
	if err != nil {
		return err
	}
	config := signin.Config[*User]{Send: smtp}
	if os.Getenv("SMTP_PASSWORD") == "" {
		config.Send = logged{}
	}
	config.Throttle = signin.NewMemory(func(r *http.Request) string { return r.Header.Get("X-Real-IP") })
	config.Page = func(w http.ResponseWriter, r *http.Request, p signin.Page) {
		name := "layout"
		if p.Name == "password/login" {
			name = "login" // with p.Problem, and p.Fields["email"], ["next"] and ["remember"]
		}
		w.WriteHeader(p.Status)
		pages.ExecuteTemplate(w, name, p)
	}
	var desk *signin.Desk[*User]
	config.Enter = func(w http.ResponseWriter, r *http.Request, e signin.Entry[*User]) error {
		if e.User.Closed {
			return auth.Forbidden("This account is closed.")
		}
		return desk.Login(r, e)
	}
	desk, err = signin.New(config)
	if err != nil {
		return err
	}
	paid := func(ctx context.Context, u *User) error {
		if !u.Paid {
			return auth.Forbidden("Members only.")
		}
		return nil
	}
	mux.Handle("/members", guard.Require(paid)(guard.ForUser(members)))
	return nil
}

// logouts holds the pieces about logouts at a provider.
func logouts(mux *http.ServeMux, ends *fleet.Fleet, db database, desk *signin.Desk[*User], providers []*oauth.Provider, acmeID string) error {
	store, err1 := ssestore.New(ssestore.Config{Keys: ends, Marks: ends.Marks()})
	// the guard for this store and the desk for this guard, as above
	with, err2 := oauth.New(desk, oauth.Config[*User]{Users: db, Providers: providers, Ender: ends})
	mux.Handle("/oauth/", with)
	mux.Handle("/logout", desk.LogoutHandler("https://login.acme.example/logout?"+url.Values{
		"client_id":                {acmeID},
		"post_logout_redirect_uri": {"https://example.com/"}, // as registered there
	}.Encode()))
	_ = store
	return errors.Join(err1, err2)
}

// TestTheProgramOfThePage makes the program with a user store that is nil: nothing is asked
// of it before somebody comes.
func TestTheProgramOfThePage(t *testing.T) {
	_, _ = fragments, logouts
	if _, err := program(t.Context(), nil, nil, nil, nil, "", "", ""); err == nil {
		t.Error("a program without parts was made")
	}
}
