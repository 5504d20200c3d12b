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
	"github.com/hardtack-go/hardtack/signin/password"
)

// minPassword counts characters. OWASP ASVS 5.0 (6.2.1) asks for at least 8 and
// recommends 15. Which characters they are is up to the user.
const minPassword = 8

// fields are what the account forms show, and show again after a mistake. Passwords
// are never among them.
type fields struct {
	Email, Next string
	Remember    bool
	MinPassword int
}

func (a *app) signupForm(w http.ResponseWriter, r *http.Request, u *User, _ bool) {
	a.render(w, r, http.StatusOK, "signup", page{User: u, Field: "email", Data: fields{MinPassword: minPassword}})
}

// signup creates an account and logs it in. It says so if an address is taken: an
// application that sends no mail can't avoid that.
func (a *app) signup(w http.ResponseWriter, r *http.Request, u *User, _ bool) {
	if !a.parseForm(w, r) {
		return
	}
	email := normalEmail(r.PostForm.Get("email"))
	again := func(field, problem string) {
		a.render(w, r, http.StatusUnprocessableEntity, "signup", page{User: u, Field: field, Problem: problem,
			Data: fields{Email: email, MinPassword: minPassword}})
	}
	if !validEmail(email) {
		again("email", "That isn’t an email address.")
		return
	}
	hash, problem, err := a.newHash(r.Context(), r.PostForm.Get("password"))
	if err != nil {
		a.unavailable(w, r, "hash", err)
		return
	}
	if problem != "" {
		again("password", problem)
		return
	}
	added, err := a.users.Add(r.Context(), email, hash, false)
	switch {
	case errors.Is(err, errEmailTaken):
		again("email", "This address already has an account. Log in instead?")
	case err != nil:
		a.unavailable(w, r, "sign up", err)
	default:
		a.enter(w, r, added, false, "Welcome, your account is ready.")
	}
}

func (a *app) loginForm(w http.ResponseWriter, r *http.Request, u *User, _ bool) {
	a.render(w, r, http.StatusOK, "login", page{User: u, Field: "email", Data: fields{Next: a.guard.Next(r, "")}})
}

// login checks the password. An unknown address and a wrong password take the same
// time and get the same answer. The demo doesn't limit how often one may try; a real
// site does.
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
	stored := "" // the hash of an unknown user: Verify takes as long as for any other
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
		a.render(w, r, http.StatusUnprocessableEntity, "login",
			page{User: u, Field: "password", Problem: "Email and password don’t match.", Data: f})
		return
	}
	if a.hasher.NeedsRehash(stored) {
		a.rehash(ctx, found, pw)
	}
	a.enter(w, r, found, f.Remember, "Logged in as "+found.Email+".")
}

// rehash replaces an old hash by one of today's cost. The login doesn't depend on it.
func (a *app) rehash(ctx context.Context, u *User, pw string) {
	hash, err := a.hasher.Hash(ctx, pw)
	if err == nil {
		err = a.users.Rehash(ctx, u, hash)
	}
	if err != nil {
		a.log.Warn("rehash", "user", u.Key(), "error", err)
	}
}

// enter logs the user in and redirects to the page that was asked for.
func (a *app) enter(w http.ResponseWriter, r *http.Request, u *User, remember bool, notice string) {
	err := a.guard.Session(r).Remember(remember)
	if err == nil {
		err = a.guard.Login(r, u)
	}
	if err != nil {
		a.log.Error("log in", "error", err)
		a.errorPage(w, r, http.StatusInternalServerError)
		return
	}
	a.notice(r, notice)
	http.Redirect(w, r, a.guard.Next(r, "/"), http.StatusSeeOther)
}

// logoutEverywhere ends every session of the user, this one included: all of them
// carry the stamp that is no longer the user's.
func (a *app) logoutEverywhere(w http.ResponseWriter, r *http.Request, u *User) {
	if err := a.users.EndSessions(r.Context(), u); err != nil {
		a.unavailable(w, r, "log out everywhere", err)
		return
	}
	if err := a.guard.Logout(r); err != nil {
		a.log.Error("log out", "error", err)
		a.errorPage(w, r, http.StatusInternalServerError)
		return
	}
	note(r.Context()).event = "logout everywhere"
	a.notice(r, "You are logged out, here and on every other device.")
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

func (a *app) members(w http.ResponseWriter, r *http.Request, u *User) {
	a.render(w, r, http.StatusOK, "members", page{User: u})
}

func (a *app) passwordForm(w http.ResponseWriter, r *http.Request, u *User) {
	a.render(w, r, http.StatusOK, "password", page{User: u, Field: "old", Data: fields{MinPassword: minPassword}})
}

// changePassword ends every session of the user except this one. The order matters:
// the guard resolved the user before the new password was stored, so this session
// was valid then, and RefreshStamp may keep it.
func (a *app) changePassword(w http.ResponseWriter, r *http.Request, u *User) {
	if !a.parseForm(w, r) {
		return
	}
	again := func(status int, field, problem string) {
		a.render(w, r, status, "password", page{User: u, Field: field, Problem: problem, Data: fields{MinPassword: minPassword}})
	}
	ctx := r.Context()
	match, err := a.hasher.Verify(ctx, r.PostForm.Get("old"), u.Hash)
	if err != nil {
		a.unavailable(w, r, "change password", err)
		return
	}
	if !match {
		again(http.StatusUnprocessableEntity, "old", "The old password is wrong.")
		return
	}
	hash, problem, err := a.newHash(ctx, r.PostForm.Get("new"))
	if err != nil {
		a.unavailable(w, r, "change password", err)
		return
	}
	if problem != "" {
		again(http.StatusUnprocessableEntity, "new", problem)
		return
	}
	changed, err := a.users.SetPassword(ctx, u, hash)
	switch {
	case errors.Is(err, errChanged):
		again(http.StatusConflict, "old", "Your password has just been changed elsewhere.")
		return
	case err != nil:
		a.unavailable(w, r, "change password", err)
		return
	}
	if err := a.accounts.RefreshStamp(ctx, a.guard.Session(r), changed); err != nil {
		a.log.Error("refresh stamp", "error", err)
		a.errorPage(w, r, http.StatusInternalServerError)
		return
	}
	note(ctx).event, note(ctx).user = "password changed", u.Key()
	a.notice(r, "Your password is changed. Every other session of yours has ended.")
	http.Redirect(w, r, "/members", http.StatusSeeOther)
}

// newHash hashes a new password, or says what is wrong with it.
func (a *app) newHash(ctx context.Context, pw string) (hash, problem string, err error) {
	if utf8.RuneCountInString(pw) < minPassword {
		return "", fmt.Sprintf("Use at least %d characters.", minPassword), nil
	}
	hash, err = a.hasher.Hash(ctx, pw)
	if errors.Is(err, password.ErrTooLong) {
		return "", "That password is too long.", nil
	}
	return hash, "", err
}

// unavailable answers 503 if the database failed, or if there was no free slot for
// hashing. The session stays as it is.
func (a *app) unavailable(w http.ResponseWriter, r *http.Request, what string, err error) {
	a.log.Error(what, "error", err)
	w.Header().Set("Retry-After", "5")
	a.errorPage(w, r, http.StatusServiceUnavailable)
}

// normalEmail returns the spelling that the table has. Strictly, the part before the
// @ may be case sensitive; no mail service makes use of that.
func normalEmail(s string) string { return strings.ToLower(strings.TrimSpace(s)) }

// validEmail accepts a plain address, not the "Name <address>" of a mail header.
func validEmail(s string) bool {
	parsed, err := mail.ParseAddress(s)
	return err == nil && parsed.Address == s && len(s) <= 254
}
