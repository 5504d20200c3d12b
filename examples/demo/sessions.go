package main

import (
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/hardtack-go/hardtack/auth"
	"github.com/hardtack-go/hardtack/marks"
	"github.com/hardtack-go/hardtack/signin"
)

// sessionRow is a session as its user sees it.
type sessionRow struct {
	listed
	This bool   // of the request that asks
	Way  string // how it began, in words
}

// Phone chooses the picture.
func (r sessionRow) Phone() bool {
	return strings.HasSuffix(r.Device, "iPhone") || strings.HasSuffix(r.Device, "Android")
}

// sessions shows where the user is logged in.
func (a *app) sessions(w http.ResponseWriter, r *http.Request, u *User) {
	s := a.guard.Session(r)
	all, err := a.users.Listed(r.Context(), u, s.Now())
	if err != nil {
		a.unavailable(w, r, "list sessions", err)
		return
	}
	this, _ := s.Principal().Mark()
	// This session comes first. If it isn't in the list, it began without a login here, or
	// before there was a list.
	own := listed{Device: device(r.UserAgent()), Began: s.Info().Created}
	var others []sessionRow
	for _, l := range all {
		if l.Mark.ID == this.ID {
			own = l
			continue
		}
		others = append(others, sessionRow{l, false, howWords(l.How)})
	}
	rows := append([]sessionRow{{own, true, howWords(own.How)}}, others...)
	a.render(w, r, http.StatusOK, "sessions", page{User: u, Data: struct {
		Sessions []sessionRow
		Now      time.Time
	}{rows, s.Now()}})
}

// listSession adds the session that a login has begun to the list. The list is
// information: if it can't be written, the login goes on.
func (a *app) listSession(r *http.Request, u *User, how signin.How, before marks.Mark) {
	s := a.guard.Session(r)
	mark, ok := s.Principal().Mark()
	if !ok {
		return
	}
	l := listed{Device: device(r.UserAgent()), How: how, Began: s.Now(), Mark: mark}
	if err := a.users.List(r.Context(), u, l, before); err != nil {
		a.log.Error("list a session", "error", err)
	}
}

// relist keeps the session in the list after a change that gave it and its user a new
// stamp, and ended the others.
func (a *app) relist(r *http.Request, u *User) {
	mark, ok := a.guard.Session(r).Principal().Mark()
	if !ok {
		return
	}
	if err := a.users.Restamp(r.Context(), u, mark); err != nil {
		a.log.Error("list a session", "error", err)
	}
}

// endSession ends one session of the user, wherever it is. It is over when the mark is
// out; the list comes afterwards, so that a failure leaves the row to try again.
func (a *app) endSession(w http.ResponseWriter, r *http.Request, u *User) {
	if !a.parseForm(w, r) {
		return
	}
	l, err := a.users.ListedAs(r.Context(), u, r.PostForm.Get("id"))
	if errors.Is(err, auth.ErrNoUser) {
		a.notice(r, "That session is over already.")
		http.Redirect(w, r, "/sessions", http.StatusSeeOther)
		return
	}
	if err == nil {
		err = a.keys.End(r.Context(), l.Mark)
	}
	if err == nil {
		err = a.users.Unlist(r.Context(), l.Mark)
	}
	if err != nil {
		a.unavailable(w, r, "end a session", err)
		return
	}
	note(r.Context()).event = "session ended"
	a.notice(r, "That session is over. Whoever uses it is logged out at their next click.")
	http.Redirect(w, r, "/sessions", http.StatusSeeOther)
}

// logoutOthers ends every session of the user but this one, which goes on under a new
// name.
func (a *app) logoutOthers(w http.ResponseWriter, r *http.Request, u *User) {
	s := a.guard.Session(r)
	was, _ := s.Principal().Mark()
	err := a.accounts.LogoutOthers(r.Context(), s)
	if err == nil {
		is, _ := s.Principal().Mark()
		err = a.users.UnlistOthers(r.Context(), u, was, is)
	}
	if err != nil {
		a.unavailable(w, r, "log out the others", err)
		return
	}
	note(r.Context()).event = "logout others"
	a.notice(r, "All your other sessions are over.")
	http.Redirect(w, r, "/sessions", http.StatusSeeOther)
}

// logoutEverywhere ends every session of the user, this one included: all of them
// carry the stamp that is no longer the user's. This needs no marks.
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

// kick logs somebody out everywhere. Their account stays open: they can log in again at
// once.
func (a *app) kick(w http.ResponseWriter, r *http.Request, _ *User) {
	if !a.parseForm(w, r) {
		return
	}
	id := r.PostForm.Get("id")
	err := a.accounts.Kick(r.Context(), id)
	if err == nil {
		err = a.users.UnlistAll(r.Context(), id)
	}
	if err != nil {
		a.unavailable(w, r, "kick", err)
		return
	}
	note(r.Context()).event = "kick"
	a.notice(r, "Their sessions are over. They can log in again.")
	http.Redirect(w, r, "/staff", http.StatusSeeOther)
}
