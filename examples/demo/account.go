package main

import (
	"net/http"
	"time"

	"github.com/hardtack-go/hardtack/signin/passkey"
)

// recent is how long after a login the account can be changed. Packages passkey and
// oauth have the same default.
const recent = 15 * time.Minute

// fields are what the login form shows, and shows again after a mistake. Passwords are
// never among them.
type fields struct {
	Email, Next string
	Remember    bool
}

// loginView is the login page.
type loginView struct {
	fields
	Passkeys bool // whether browsers have any at this address
}

func (a *app) loginForm(w http.ResponseWriter, r *http.Request, u *User, _ bool) {
	a.showLogin(w, r, http.StatusOK, page{User: u}, fields{Next: a.guard.Next(r, "")})
}

func (a *app) showLogin(w http.ResponseWriter, r *http.Request, status int, p page, f fields) {
	p.Script = a.passkeys != nil
	p.Data = loginView{f, p.Script}
	a.render(w, r, status, "login", p)
}

func (a *app) members(w http.ResponseWriter, r *http.Request, u *User) {
	a.render(w, r, http.StatusOK, "members", page{User: u})
}

// accountView is the account page.
type accountView struct {
	How         string // the user logged in
	Since       time.Time
	Now         time.Time
	Recent      bool // whether the ways to log in may be changed
	Passkeys    []passkey.Passkey
	HasPasskeys bool // whether browsers have any at this address
	Connections []connection
}

// account shows how the user logs in, and lets them change that.
func (a *app) account(w http.ResponseWriter, r *http.Request, u *User) {
	ctx, s := r.Context(), a.guard.Session(r)
	v := accountView{
		How: howWords(a.desk.How(r)), Since: s.Info().AuthTime.UTC(), Now: s.Now().UTC(),
		Recent: a.accounts.RecentLogin(ctx, s, recent), HasPasskeys: a.passkeys != nil,
	}
	var err error
	if v.Passkeys, err = a.users.Passkeys(ctx, u); err == nil {
		v.Connections, err = a.users.Connections(ctx, u)
	}
	if err != nil {
		a.unavailable(w, r, "account", err)
		return
	}
	a.render(w, r, http.StatusOK, "account", page{User: u, Script: v.HasPasskeys && v.Recent, Data: v})
}

// unavailable answers 503 if the database failed, or if there was no free slot for
// hashing. The session stays as it is.
func (a *app) unavailable(w http.ResponseWriter, r *http.Request, what string, err error) {
	a.log.Error(what, "error", err)
	w.Header().Set("Retry-After", "5")
	a.errorPage(w, r, http.StatusServiceUnavailable)
}

// day writes a day the way people say it.
func day(t, now time.Time) string {
	t, now = t.UTC(), now.UTC()
	switch days := int(now.Truncate(24*time.Hour).Sub(t.Truncate(24*time.Hour)) / (24 * time.Hour)); {
	case days == 0:
		return "today"
	case days == 1:
		return "yesterday"
	case t.Year() == now.Year():
		return t.Format("2 January")
	}
	return t.Format("2 January 2006")
}
