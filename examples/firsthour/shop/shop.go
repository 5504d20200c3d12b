// Command shop is the program of docs/FIRST-HOUR.md: a small shop with accounts.
package main

import (
	"context"
	"errors"
	"fmt"
	"html/template"
	"log"
	"net/http"
	"os"

	"github.com/hardtack-go/hardtack/auth"
	"github.com/hardtack-go/hardtack/keyring"
	"github.com/hardtack-go/hardtack/middleware"
	"github.com/hardtack-go/hardtack/signin"
	"github.com/hardtack-go/hardtack/signin/password"
	"github.com/hardtack-go/hardtack/ssestore"
)

var Cart = ssestore.NewKey[[]string]("cart")

// terminal is where the mails of this shop go. See package signin/mail for a real server.
type terminal struct{}

func (terminal) Send(_ context.Context, m signin.Mail) error {
	_, err := fmt.Fprintf(os.Stderr, "\nTo: %s\nSubject: %s\n\n%s\n", m.To, m.Subject, m.Text)
	return err
}

func newShop(users *Users, keys keyring.Source, origin string, send signin.Sender) (http.Handler, error) {
	store, err1 := ssestore.New(ssestore.Config{Keys: keys})
	accounts, err2 := auth.New(auth.Config[*User]{UserByID: users.ByID, ID: id, Stamp: stamp})
	guard, err3 := middleware.New(store, accounts, middleware.Config{LoginURL: "/password/login"})
	if err := errors.Join(err1, err2, err3); err != nil {
		return nil, err
	}
	desk, err := signin.New(signin.Config[*User]{Keys: keys, Origin: origin, Guard: guard, Send: send, LoginURL: "/password/login"})
	if err != nil {
		return nil, err
	}
	passwords, err := password.New(desk, password.Config[*User]{Users: users, Account: account, Create: users.SignUp})
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.Handle("/password/", passwords)
	mux.Handle("/logout", desk.LogoutHandler("/"))
	mux.HandleFunc("GET /{$}", guard.ForAnyone(front))
	mux.HandleFunc("POST /add", add)
	mux.HandleFunc("GET /order", guard.ForUser(order))
	return guard.Handler(mux), nil
}

var page = template.Must(template.New("").Parse(`<!doctype html><title>Shop</title>
<h1>Your cart</h1>
<ul>{{range .Cart}}<li>{{.}}</li>{{else}}<li>is empty</li>{{end}}</ul>
<form method="post" action="/add"><input name="item" required> <button>Add</button></form>
<p><a href="/order">Order</a></p>
{{with .User}}<form method="post" action="/logout">{{.Email}} <button>Log out</button></form>
<p><a href="/password/change">Change the password</a></p>
{{else}}<p><a href="/password/login">Log in</a> or <a href="/password/signup">sign up</a></p>{{end}}`))

// front is for everybody, and looks different to a user.
func front(w http.ResponseWriter, r *http.Request, u *User, _ bool) {
	page.Execute(w, struct {
		Cart []string
		User *User
	}{Cart.Get(middleware.Session(r)), u})
}

func add(w http.ResponseWriter, r *http.Request) {
	s := middleware.Session(r)
	if err := Cart.Set(s, append(Cart.Get(s), r.FormValue("item"))); err != nil {
		http.Error(w, "the cart is full", http.StatusBadRequest)
		return
	}
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

// order is for users alone. Everybody else is asked to log in, and comes back here.
func order(w http.ResponseWriter, r *http.Request, u *User) {
	fmt.Fprintf(w, "Thank you, %s. You ordered %d things.", u.Email, len(Cart.Get(middleware.Session(r))))
}

func main() {
	users, err1 := OpenUsers("shop.db")
	keys, err2 := keyring.OpenOrCreateFile("keys.json", func(err error) { log.Print(err) })
	if err := errors.Join(err1, err2); err != nil {
		log.Fatal(err)
	}
	handler, err := newShop(users, keys, "http://localhost:8080", terminal{})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("http://localhost:8080/")
	log.Fatal(http.ListenAndServe("127.0.0.1:8080", handler))
}
