package signin

import (
	"crypto/rand"
	"net/http"
)

// bindingLife is how long the binding cookie lives, in seconds. Every request that
// starts something starts the hour anew.
const bindingLife = 3600

func (d *Desk[U]) bindingName() string {
	if d.secure {
		return "__Host-signin"
	}
	return "signin"
}

// Bind ties what is started now to this browser. It sets the binding cookie, or keeps
// its value and starts its hour anew, and returns the value: a random text of 26
// characters for a bound field of a ticket.
func (d *Desk[U]) Bind(w http.ResponseWriter, r *http.Request) string {
	id := d.Browser(r)
	if id == "" {
		id = rand.Text()
	}
	http.SetCookie(w, d.binding(id, bindingLife))
	return id
}

// Browser returns the value that Bind gave this browser, or "" if it gave none, or the
// request carries two different ones.
func (d *Desk[U]) Browser(r *http.Request) string {
	id := ""
	for _, c := range r.CookiesNamed(d.bindingName()) {
		if len(c.Value) != 26 || id != "" && id != c.Value {
			return ""
		}
		id = c.Value
	}
	return id
}

// LogoutHandler is the guard's, and deletes the binding cookie as well: who uses the
// browser next can't finish what the last user started.
func (d *Desk[U]) LogoutHandler(to string) http.HandlerFunc {
	logout := d.cfg.Guard.LogoutHandler(to)
	return func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost && len(r.CookiesNamed(d.bindingName())) > 0 {
			http.SetCookie(w, d.binding("", -1))
		}
		logout(w, r)
	}
}

// binding is always Lax: a callback comes from another site.
func (d *Desk[U]) binding(value string, maxAge int) *http.Cookie {
	return &http.Cookie{
		Name: d.bindingName(), Value: value, Path: "/", MaxAge: maxAge,
		Secure: d.secure, HttpOnly: true, SameSite: http.SameSiteLaxMode,
	}
}
