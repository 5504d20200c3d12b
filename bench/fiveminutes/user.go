// Package fiveminutes has one small application five times: over Hardtack, over
// alexedwards/scs, over gorilla/sessions, over Auth.js with Express, and over Django. One
// user logs in, sees a page and logs out. All five protect the session equally well, as far
// as the design allows, and a test tries each protection over HTTP. A line that is there for
// one of them says so in a comment ("for: …"); the table in the README counts these.
//
// Each library is used as its documentation recommends, in the shortest way, and none
// promises what takes a line of the application's here. HTML isn't counted, apart from what
// a protection needs in it. What has nothing to do with the job isn't counted either: the
// user's record (user.go, pages.mjs), and the programs that serve the two applications that
// aren't written in Go (serve.mjs, serve.py).
//
// Auth.js and Express are the releases in package.json, which npm ci --ignore-scripts
// installs here. Django is Debian's. Without them their tests are skipped, or fail if
// HARDTACK_CI=1.
package fiveminutes

import (
	"crypto/subtle"
	"fmt"
	"io"
	"net/http"
	"sync/atomic"
)

// User is the user of the three in Go. The zero value has no name and no password.
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
