package main

import (
	"bytes"
	"encoding/gob"
	"errors"
	"net/http"
	"time"

	"github.com/hardtack-go/hardtack/auth"
	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/cookie/gorilla"
	"github.com/hardtack-go/hardtack/ssestore"
)

// The page /old stands for the application that was here before: it kept its sessions
// by gorilla/sessions, in a cookie of its own. It lets everybody in as one user, whose
// account has no secrets. A real one has keys of its own as well, for
// gorilla.WithKeys; the demo's are derived from its keyring, so that all of its
// processes have the same and no file holds them.
const (
	oldCookie = "old-session"
	oldEmail  = "cleo@example.com"
)

// oldSession is the store's side: how a session of the old application becomes one of
// this application.
func oldSession(insecureHTTP bool) ssestore.Legacy {
	return ssestore.Legacy{
		Cookie: cookie.Config{Name: oldCookie, DangerouslyAllowHTTP: insecureHTTP},
		Format: gorilla.SecureCookie,
		Until:  time.Now().AddDate(0, 1, 0), // a real application has the date here
		Migrate: func(s *ssestore.Session, plaintext []byte) error {
			var values map[any]any // Session.Values of package gorilla/sessions
			if err := gob.NewDecoder(bytes.NewReader(plaintext)).Decode(&values); err != nil {
				return err
			}
			id, ok := values["user"].(string)
			if !ok {
				return errors.New("no user in the old session")
			}
			return errors.Join(s.Adopt(id), flash.Set(s, "Your session of the old application was taken over."))
		},
	}
}

// old shows the old application. Hardtack's guard isn't around it: with it, a look at
// this page would take the old cookie over.
func (a *app) old(w http.ResponseWriter, r *http.Request) {
	view := struct {
		Name, Value string // of the old cookie; Value is "" if there is none
		New         bool   // whether the browser has a cookie of this application
	}{Name: oldCookie, New: len(r.CookiesNamed(a.cookieName)) > 0}
	if c, err := r.Cookie(oldCookie); err == nil {
		view.Value = c.Value
	}
	w.Header().Set("Cache-Control", "no-store")
	a.render(w, r, http.StatusOK, "old", page{Bare: true, Data: view})
}

// oldLogin mints a cookie as the old application did.
func (a *app) oldLogin(w http.ResponseWriter, r *http.Request) {
	u, err := a.users.ByEmail(r.Context(), oldEmail)
	if errors.Is(err, auth.ErrNoUser) || err == nil && u.Disabled {
		a.errorText(w, r, http.StatusForbidden, "The account of the old application is closed. Ada, who is staff, can open it again.")
		return
	}
	var b bytes.Buffer
	var value string
	if err == nil {
		err = gob.NewEncoder(&b).Encode(map[any]any{"user": u.Key()})
	}
	if err == nil {
		value, err = a.oldCodec.Seal(a.keys.At(time.Now()), b.Bytes())
	}
	if err != nil {
		a.unavailable(w, r, "old application", err)
		return
	}
	http.SetCookie(w, &http.Cookie{Name: oldCookie, Value: value, Path: "/", HttpOnly: true, Secure: !a.insecureHTTP, SameSite: http.SameSiteLaxMode})
	http.Redirect(w, r, "/old", http.StatusSeeOther)
}
