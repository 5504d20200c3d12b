package signin

import (
	"crypto/rand"
	"net/http"
	"strings"
)

const (
	// bindingLife is how long the binding cookie lives, in seconds: as long as the
	// longest ticket of a flow that begins and ends in the browser. Each step that
	// starts something starts the hour anew.
	bindingLife = 3600

	// bindingLength is the length of a rand.Text, which has at least 128 bits.
	bindingLength = 26
)

func (d *Desk[U]) bindingName() string {
	if d.secure {
		return "__Host-signin"
	}
	return "signin"
}

// Bind ties what is started now to this browser. It sets the binding cookie, or keeps
// its value and starts its hour anew, and returns the value: a random text of 26
// characters for a bound field of a ticket. However often a handler calls Bind, the
// response has one cookie and the value is the same.
//
// Call Bind before the response begins. Otherwise the cookie doesn't arrive, and what is
// bound to the value can't be finished. The same happens, at worst, to all but one of
// several tabs that start something in the same moment, if the browser had no cookie
// yet; a login page that calls Bind prevents that. Bind keeps caches from storing the
// response, so that no two browsers get one value.
func (d *Desk[U]) Bind(w http.ResponseWriter, r *http.Request) string {
	if !d.ready() {
		return rand.Text() // no browser has it
	}
	h := w.Header()
	noStore(h)
	for _, line := range h["Set-Cookie"] {
		if c, err := http.ParseSetCookie(line); err == nil && c.Name == d.bindingName() && c.MaxAge > 0 {
			return c.Value
		}
	}
	id := d.Browser(r)
	if id == "" {
		id = rand.Text()
	}
	d.setBinding(w, id, bindingLife)
	return id
}

// Browser returns the value that Bind gave this browser. It returns "" if there is none,
// or the request carries two different ones, or something that Bind never set. A flow
// must treat "" as another browser.
func (d *Desk[U]) Browser(r *http.Request) string {
	if !d.ready() {
		return ""
	}
	id := ""
	for _, c := range r.CookiesNamed(d.bindingName()) {
		if !isBinding(c.Value) || id != "" && id != c.Value {
			return ""
		}
		id = c.Value
	}
	return id
}

// isBinding reports whether s could be a rand.Text, which is base32 (RFC 4648 section 6).
func isBinding(s string) bool {
	return len(s) == bindingLength && strings.Trim(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567") == ""
}

// LogoutHandler is that of the guard, and deletes the binding cookie as well: whoever uses
// the browser next can't finish what the last user started. Where it refuses to log
// out, the cookie stays.
func (d *Desk[U]) LogoutHandler(to string) http.HandlerFunc {
	if !d.ready() {
		return unmade
	}
	logout := d.cfg.Guard.LogoutHandler(to)
	return func(w http.ResponseWriter, r *http.Request) {
		// These are the conditions under which the guard's handler logs out.
		if r.Method == http.MethodPost && d.cfg.Guard.Session(r) != nil && len(r.CookiesNamed(d.bindingName())) > 0 {
			d.setBinding(w, "", -1)
		}
		logout(w, r)
	}
}

// setBinding adds the cookie to the response. It is always Lax, even if the session's
// is Strict: a callback comes from another site.
func (d *Desk[U]) setBinding(w http.ResponseWriter, value string, maxAge int) {
	http.SetCookie(w, &http.Cookie{
		Name: d.bindingName(), Value: value, Path: "/", MaxAge: maxAge,
		Secure: d.secure, HttpOnly: true, SameSite: http.SameSiteLaxMode,
	})
}
