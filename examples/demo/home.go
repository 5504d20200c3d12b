package main

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"unicode/utf8"

	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/middleware"
	"github.com/hardtack-go/hardtack/ssestore"
)

// cart is the visitor's list. It lives in the session alone, belongs to
// whoever holds the cookie, and comes along through a login.
var cart = ssestore.NewKey[[]string]("cart")

// maxItem is the length of one item in characters.
const maxItem = 200

func (a *app) home(w http.ResponseWriter, r *http.Request, u *User, _ bool) {
	a.showHome(w, r, http.StatusOK, u, "")
}

func (a *app) showHome(w http.ResponseWriter, r *http.Request, status int, u *User, problem string) {
	a.render(w, r, status, "home", page{User: u, Problem: problem, Data: struct {
		Cart      []string
		ItemLimit int
	}{cart.Get(middleware.Session(r)), maxItem}})
}

// addToCart appends one item, or empties the cart.
func (a *app) addToCart(w http.ResponseWriter, r *http.Request, u *User, _ bool) {
	if !a.parseForm(w, r) {
		return
	}
	session := middleware.Session(r)
	item := strings.Join(strings.Fields(strings.ToValidUTF8(r.PostForm.Get("item"), "")), " ")
	var err error
	switch {
	case r.PostForm.Has("clear"):
		err = cart.Delete(session)
	case item == "":
		a.showHome(w, r, http.StatusUnprocessableEntity, u, "Say what it is.")
		return
	case utf8.RuneCountInString(item) > maxItem:
		a.showHome(w, r, http.StatusUnprocessableEntity, u, fmt.Sprintf("At most %d characters for one item.", maxItem))
		return
	default:
		// Get gives a copy: only Set changes the session.
		err = cart.Set(session, append(cart.Get(session), item))
	}
	if tooBig := new(cookie.SizeError); errors.As(err, &tooBig) {
		a.showHome(w, r, http.StatusUnprocessableEntity, u, "The hold is full: a cookie has room for about four thousand bytes.")
		return
	}
	if err != nil {
		a.log.Error("cart", "error", err)
		a.errorPage(w, r, http.StatusInternalServerError)
		return
	}
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

// parseForm reads the form of a POST; if that fails it has answered.
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
