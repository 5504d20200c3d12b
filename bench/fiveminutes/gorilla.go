package fiveminutes

import (
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/gorilla/securecookie"
	"github.com/gorilla/sessions"
)

// Gorilla is the application over the CookieStore of gorilla/sessions.
func Gorilla(ada *User) (http.Handler, error) {
	store := sessions.NewCookieStore(securecookie.GenerateRandomKey(32), securecookie.GenerateRandomKey(32))
	store.MaxAge(30 * 60)                         // for: idle
	store.Options.HttpOnly = true                 // for: cookie
	store.Options.SameSite = http.SameSiteLaxMode // for: cookie
	user := func(w http.ResponseWriter, r *http.Request) *User {
		s, _ := store.Get(r, "session") // an error comes with a new session
		if s.Values["user"] != ada.Name {
			return nil
		}
		if s.Values["hash"] != ada.Hash() { // for: password
			return nil // for: password
		} // for: password
		login, _ := s.Values["login"].(int64)               // for: absolute
		if time.Since(time.Unix(login, 0)) > 12*time.Hour { // for: absolute
			return nil // for: absolute
		} // for: absolute
		if err := s.Save(r, w); err != nil { // for: idle
			return nil // for: idle
		} // for: idle
		return ada
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
		u := user(w, r)
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
		s, _ := store.Get(r, "session")
		s.Values["user"] = ada.Name
		s.Values["hash"] = ada.Hash()         // for: password
		s.Values["login"] = time.Now().Unix() // for: absolute
		if err := s.Save(r, w); err != nil {
			http.Error(w, "cannot log in", http.StatusInternalServerError)
			return
		}
		http.Redirect(w, r, ownPage(r), http.StatusSeeOther)
	})
	mux.HandleFunc("POST /logout", func(w http.ResponseWriter, r *http.Request) {
		s, _ := store.Get(r, "session")
		s.Options.MaxAge = -1
		if err := s.Save(r, w); err != nil {
			http.Error(w, "cannot log out", http.StatusInternalServerError)
			return
		}
		http.Redirect(w, r, "/login", http.StatusSeeOther)
	})
	return http.NewCrossOriginProtection().Handler(mux), nil // for: csrf
}

// ownPage is the page to come back to, if it is one of this site.
func ownPage(r *http.Request) string { // for: next
	next := r.FormValue("next")                                                                                  // for: next
	if !strings.HasPrefix(next, "/") || strings.HasPrefix(next, "//") || strings.ContainsAny(next, "\\\t\r\n") { // for: next
		return "/" // for: next
	} // for: next
	return next // for: next
} // for: next
