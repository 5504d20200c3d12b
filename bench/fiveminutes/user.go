// Package fiveminutes has one small application three times: over Hardtack, over
// alexedwards/scs and over gorilla/sessions. One user logs in, sees a page and logs out.
// All three protect the session equally well, as far as the design allows, and a test
// tries each protection. A line that is there for one of them says so in a comment
// ("for: …"); the table in the README counts these.
//
// scs and gorilla/sessions are used as their READMEs recommend. Neither promises what
// takes a line of the application's here.
package fiveminutes

import (
	"crypto/subtle"
	"fmt"
	"io"
	"net/http"
	"sync/atomic"
)

// User is the user of all three. The zero value has no name and no password.
type User struct {
	Name string
	hash atomic.Value
}

// NewUser makes a user. Her password stands for its hash.
func NewUser(name, password string) *User {
	u := &User{Name: name}
	u.SetPassword(password)
	return u
}

// SetPassword changes the password.
func (u *User) SetPassword(password string) { u.hash.Store(password) }

// Hash is what is stored of the password.
func (u *User) Hash() string { s, _ := u.hash.Load().(string); return s }

// Check compares a password.
func (u *User) Check(password string) bool {
	return subtle.ConstantTimeCompare([]byte(password), []byte(u.Hash())) == 1
}

// LoginPage shows the form.
func LoginPage(w http.ResponseWriter, r *http.Request) {
	io.WriteString(w, `<!doctype html><form method="post"><input name="password" type="password"><button>Log in</button></form>`)
}

// Greet is the page for u.
func Greet(w http.ResponseWriter, u *User) {
	fmt.Fprintf(w, `<!doctype html>Hello, %s! <form method="post" action="/logout"><button>Log out</button></form>`, u.Name)
}
