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
