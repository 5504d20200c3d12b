package fiveminutes

import (
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/alexedwards/scs/v2"
)

// SCS is the application over alexedwards/scs, with its store in memory.
func SCS(ada *User) (http.Handler, error) {
	sessions := scs.New()
	sessions.Lifetime = 12 * time.Hour      // for: absolute
	sessions.IdleTimeout = 30 * time.Minute // for: idle
	sessions.Cookie.Secure = true           // for: cookie
	user := func(r *http.Request) *User {
		if sessions.GetString(r.Context(), "user") != ada.Name {
			return nil
		}
		if sessions.GetString(r.Context(), "hash") != ada.Hash() { // for: password
			return nil // for: password
		} // for: password
		return ada
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
		u := user(r)
		if u == nil {
			http.Redirect(w, r, "/login?next="+url.QueryEscape(r.URL.RequestURI()), http.StatusFound)
			return
		}
		w.Header().Set("Cache-Control", "private, no-store") // for: cache
		Greet(w, u)
	})
	mux.HandleFunc("GET /login", LoginPage)
	mux.HandleFunc("POST /login", func(w http.ResponseWriter, r *http.Request) {
		if !ada.Check(r.FormValue("password")) {
			http.Error(w, "wrong password", http.StatusUnauthorized)
			return
		}
		if err := sessions.RenewToken(r.Context()); err != nil { // for: fixation
			http.Error(w, "cannot log in", http.StatusInternalServerError) // for: fixation
			return                                                         // for: fixation
		} // for: fixation
		sessions.Put(r.Context(), "user", ada.Name)
		sessions.Put(r.Context(), "hash", ada.Hash()) // for: password
		http.Redirect(w, r, safeNext(r), http.StatusSeeOther)
	})
	mux.HandleFunc("POST /logout", func(w http.ResponseWriter, r *http.Request) {
		if err := sessions.Destroy(r.Context()); err != nil {
			http.Error(w, "cannot log out", http.StatusInternalServerError)
			return
		}
		http.Redirect(w, r, "/login", http.StatusSeeOther)
	})
	return http.NewCrossOriginProtection().Handler(sessions.LoadAndSave(mux)), nil // for: csrf
}

// safeNext is the page to come back to, if it is one of this site.
func safeNext(r *http.Request) string { // for: next
	next := r.FormValue("next")                                                                                  // for: next
	if !strings.HasPrefix(next, "/") || strings.HasPrefix(next, "//") || strings.ContainsAny(next, "\\\t\r\n") { // for: next
		return "/" // for: next
	} // for: next
	return next // for: next
} // for: next
