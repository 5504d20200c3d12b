package main

import (
	"net/http"
	"time"

	"github.com/hardtack-go/hardtack/keyring"
)

// keyRow is one row in the table of keys.
type keyRow struct {
	ID      string
	Primary bool
	Created time.Time
	keyring.Counters
}

// staff shows the keys on the ring and the newest users.
func (a *app) staff(w http.ResponseWriter, r *http.Request, u *User) {
	newest, err := a.users.All(r.Context(), 50)
	if err != nil {
		a.unavailable(w, r, "list users", err)
		return
	}
	ring := a.keys.At(a.guard.Session(r).Now())
	var rows []keyRow
	for _, k := range ring.Keys() {
		rows = append(rows, keyRow{k.ID(), k.ID() == ring.Primary().ID(), k.Created(), k.Counters()})
	}
	a.render(w, r, http.StatusOK, "staff", page{User: u, Data: struct {
		Keys  []keyRow
		Users []*User
	}{rows, newest}})
}

// disable closes somebody's account, or opens it again. A closed account keeps
// everything, but its sessions end, and the desk's hook lets nobody in to it.
func (a *app) disable(w http.ResponseWriter, r *http.Request, u *User) {
	if !a.parseForm(w, r) {
		return
	}
	id, closing := r.PostForm.Get("id"), r.PostForm.Get("close") != ""
	if id == u.Key() {
		a.notice(r, "You can’t close your own account.")
	} else if err := a.users.SetDisabled(r.Context(), id, closing); err != nil {
		a.unavailable(w, r, "disable", err)
		return
	} else if closing {
		a.notice(r, "The account is closed, and its sessions have ended.")
	} else {
		a.notice(r, "The account is open again.")
	}
	http.Redirect(w, r, "/staff", http.StatusSeeOther)
}
