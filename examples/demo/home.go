package main

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"unicode/utf8"

	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/ssestore"
)

// cart is the visitor's list. It is kept in the session and nowhere else, and a
// login keeps it.
var cart = ssestore.NewKey[[]string]("cart")

// maxItem is the length of one item in characters.
const maxItem = 200

// homeView is the home page.
type homeView struct {
	Cart         []string
	Item         string
	ItemLimit    int
	Segments     []segment // of the cookie; nil if there is none
	KeyID        string
	Bytes, Limit int // of the cookie
}

func (a *app) home(w http.ResponseWriter, r *http.Request, u *User, _ bool) {
	a.showHome(w, r, http.StatusOK, u, "", "")
}

// showHome shows the cart, and in the form again what couldn't be added to it.
func (a *app) showHome(w http.ResponseWriter, r *http.Request, status int, u *User, problem, item string) {
	session := a.guard.Session(r)
	view := homeView{Cart: cart.Get(session), Item: item, ItemLimit: maxItem, Limit: cookieLimit}
	if info := session.Info(); !info.New {
		view.Bytes, view.KeyID = info.Bytes, info.KeyID
		view.Segments, _ = segments(r, a.cookieName)
	}
	p := page{User: u, Problem: problem, Data: view}
	if problem != "" {
		p.Field = "item"
	}
	a.render(w, r, status, "home", p)
}

// addToCart appends one item, or empties the cart.
func (a *app) addToCart(w http.ResponseWriter, r *http.Request, u *User, _ bool) {
	if !a.parseForm(w, r) {
		return
	}
	session := a.guard.Session(r)
	item := strings.Join(strings.Fields(strings.ToValidUTF8(r.PostForm.Get("item"), "")), " ")
	again := func(problem string) { a.showHome(w, r, http.StatusUnprocessableEntity, u, problem, item) }
	var err error
	switch {
	case r.PostForm.Has("clear"):
		err = cart.Delete(session)
	case item == "":
		again("Type what you want to add.")
		return
	case utf8.RuneCountInString(item) > maxItem:
		again(fmt.Sprintf("That is too long: one item may have %d characters.", maxItem))
		return
	default:
		// Get returns a copy: only Set changes the session.
		err = cart.Set(session, append(cart.Get(session), item))
	}
	if tooBig := new(cookie.SizeError); errors.As(err, &tooBig) {
		// Nothing was lost. The numbers are those that /session shows.
		info := session.Info()
		again(fmt.Sprintf("That doesn’t fit any more. Your cookie takes %s of %s bytes, and the rest is kept free for a login.",
			thousands(info.Bytes), thousands(info.Limit)))
		return
	}
	if err != nil {
		a.log.Error("cart", "error", err)
		a.errorPage(w, r, http.StatusInternalServerError)
		return
	}
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

// parseForm reads the form of a POST. It reports whether that worked, and has
// answered if it didn't.
func (a *app) parseForm(w http.ResponseWriter, r *http.Request) bool {
	err := r.ParseForm()
	if err == nil {
		return true
	}
	status := http.StatusBadRequest
	if tooLong := new(http.MaxBytesError); errors.As(err, &tooLong) {
		status = http.StatusRequestEntityTooLarge
	}
	a.errorPage(w, r, status)
	return false
}
