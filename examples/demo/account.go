package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/mail"
	"strings"
	"unicode/utf8"

	"github.com/hardtack-go/hardtack/auth"
	"github.com/hardtack-go/hardtack/middleware"
	"github.com/hardtack-go/hardtack/signin/password"
)

// minPassword is in characters. OWASP ASVS 5.0 (6.2.1) asks for at least 8 and
// recommends 15; there is no rule on what they are.
const minPassword = 8

// fields are what the account forms show again after a mistake. Passwords are
// never among them.
type fields struct {
	Email, Next string
	Remember    bool
	MinPassword int
}

func (a *app) signupForm(w http.ResponseWriter, r *http.Request, u *User, _ bool) {
	a.render(w, r, http.StatusOK, "signup", page{User: u, Data: fields{MinPassword: minPassword}})
}

// signup creates an account and logs it in. It tells when an address is taken:
// without sending mail there is no way around that.
func (a *app) signup(w http.ResponseWriter, r *http.Request, u *User, _ bool) {
	if !a.parseForm(w, r) {
		return
	}
	email := normalEmail(r.PostForm.Get("email"))
	again := func(problem string) {
		a.render(w, r, http.StatusUnprocessableEntity, "signup", page{User: u, Problem: problem,
			Data: fields{Email: email, MinPassword: minPassword}})
	}
	if !validEmail(email) {
		again("That does not look like an address.")
		return
	}
	hash, problem, err := a.newHash(r.Context(), r.PostForm.Get("password"))
	if err != nil {
		a.unavailable(w, r, "hash", err)
		return
	}
	if problem != "" {
		again(problem)
		return
	}
	added, err := a.users.Add(r.Context(), email, hash, false)
	switch {
	case errors.Is(err, errEmailTaken):
		again("This address already has an account. Log in instead?")
	case err != nil:
		a.unavailable(w, r, "sign up", err)
	default:
		a.enter(w, r, added, false, "Welcome aboard. Your account is ready.")
	}
}

func (a *app) loginForm(w http.ResponseWriter, r *http.Request, u *User, _ bool) {
	a.showLogin(w, r, http.StatusOK, u, "", fields{Next: a.guard.Next(r, "")})
}

func (a *app) showLogin(w http.ResponseWriter, r *http.Request, status int, u *User, problem string, f fields) {
	a.render(w, r, status, "login", page{User: u, Problem: problem, Data: f})
}

// login checks the password. An unknown address and a wrong password take the
// same time and get the same answer. How often one may try is not limited here;
// a real site does that.
func (a *app) login(w http.ResponseWriter, r *http.Request, u *User, _ bool) {
	if !a.parseForm(w, r) {
		return
	}
	ctx, pw := r.Context(), r.PostForm.Get("password")
	f := fields{
		Email:    normalEmail(r.PostForm.Get("email")),
		Remember: r.PostForm.Get("remember") != "",
		Next:     a.guard.Next(r, ""),
	}
	stored := "" // what an unknown user's hash is: Verify works all the same
	found, err := a.users.ByEmail(ctx, f.Email)
	switch {
	case err == nil:
		stored = found.Hash
	case !errors.Is(err, auth.ErrNoUser):
		a.unavailable(w, r, "log in", err)
		return
	}
	match, err := a.hasher.Verify(ctx, pw, stored)
	if errors.Is(err, password.ErrHash) {
		a.log.Error("a stored hash cannot be read", "user", found.Key())
	} else if err != nil {
		a.unavailable(w, r, "log in", err)
		return
	}
	if !match {
		note(ctx).event = "login refused"
		a.showLogin(w, r, http.StatusUnprocessableEntity, u, "Address and password do not match.", f)
		return
	}
	if a.hasher.NeedsRehash(stored) {
		a.rehash(ctx, found, pw)
	}
	a.enter(w, r, found, f.Remember, "Logged in as "+found.Email+".")
}

// rehash moves an old hash to today's cost. The login does not depend on it.
func (a *app) rehash(ctx context.Context, u *User, pw string) {
	hash, err := a.hasher.Hash(ctx, pw)
	if err == nil {
		err = a.users.Rehash(ctx, u, hash)
	}
	if err != nil {
		a.log.Warn("rehash", "user", u.Key(), "error", err)
	}
}

// enter logs the user in and leads on to the page that was asked for.
func (a *app) enter(w http.ResponseWriter, r *http.Request, u *User, remember bool, notice string) {
	session := middleware.Session(r)
	err := session.Remember(remember)
	if err == nil {
		err = a.accounts.Login(r.Context(), session, u)
	}
	if err != nil {
		a.log.Error("log in", "error", err)
		a.errorPage(w, r, http.StatusInternalServerError)
		return
	}
	a.notice(r, notice)
	http.Redirect(w, r, a.guard.Next(r, "/"), http.StatusSeeOther)
}

func (a *app) members(w http.ResponseWriter, r *http.Request, u *User) {
	a.render(w, r, http.StatusOK, "members", page{User: u})
}

func (a *app) passwordForm(w http.ResponseWriter, r *http.Request, u *User) {
	a.showPassword(w, r, http.StatusOK, u, "")
}

func (a *app) showPassword(w http.ResponseWriter, r *http.Request, status int, u *User, problem string) {
	a.render(w, r, status, "password", page{User: u, Problem: problem, Data: fields{MinPassword: minPassword}})
}

// changePassword ends every session of the user but this one. The order is what
// matters: the guard has resolved the user before the new password is stored, so
// this session was valid then, and RefreshStamp may carry it over.
func (a *app) changePassword(w http.ResponseWriter, r *http.Request, u *User) {
	if !a.parseForm(w, r) {
		return
	}
	ctx := r.Context()
	match, err := a.hasher.Verify(ctx, r.PostForm.Get("old"), u.Hash)
	if err != nil {
		a.unavailable(w, r, "change password", err)
		return
	}
	if !match {
		a.showPassword(w, r, http.StatusUnprocessableEntity, u, "The old password is not right.")
		return
	}
	hash, problem, err := a.newHash(ctx, r.PostForm.Get("new"))
	if err != nil {
		a.unavailable(w, r, "change password", err)
		return
	}
	if problem != "" {
		a.showPassword(w, r, http.StatusUnprocessableEntity, u, problem)
		return
	}
	changed, err := a.users.SetPassword(ctx, u, hash)
	switch {
	case errors.Is(err, errChanged):
		a.showPassword(w, r, http.StatusConflict, u, "The password was just changed elsewhere.")
		return
	case err != nil:
		a.unavailable(w, r, "change password", err)
		return
	}
	if err := a.accounts.RefreshStamp(ctx, middleware.Session(r), changed); err != nil {
		a.log.Error("refresh stamp", "error", err)
		a.errorPage(w, r, http.StatusInternalServerError)
		return
	}
	note(ctx).event, note(ctx).user = "password changed", u.Key()
	a.notice(r, "Password changed. Every other session of yours has ended.")
	http.Redirect(w, r, "/members", http.StatusSeeOther)
}

// newHash hashes a new password, or says what is wrong with it.
func (a *app) newHash(ctx context.Context, pw string) (hash, problem string, err error) {
	if utf8.RuneCountInString(pw) < minPassword {
		return "", fmt.Sprintf("At least %d characters for the new password.", minPassword), nil
	}
	hash, err = a.hasher.Hash(ctx, pw)
	if errors.Is(err, password.ErrTooLong) {
		return "", "That password is too long.", nil
	}
	return hash, "", err
}

// unavailable answers 503 when the database, or a free slot for hashing, could
// not be had. The session stays as it is.
func (a *app) unavailable(w http.ResponseWriter, r *http.Request, what string, err error) {
	a.log.Error(what, "error", err)
	w.Header().Set("Retry-After", "5")
	a.errorPage(w, r, http.StatusServiceUnavailable)
}

// normalEmail is the spelling that the table knows. Strictly the part before the
// @ may be case sensitive; no mail service makes use of it.
func normalEmail(s string) string { return strings.ToLower(strings.TrimSpace(s)) }

// validEmail accepts a plain address, not the "Name <address>" of a mail header.
func validEmail(s string) bool {
	parsed, err := mail.ParseAddress(s)
	return err == nil && parsed.Address == s && len(s) <= 254
}
