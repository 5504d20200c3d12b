package middleware_test

import (
	"errors"
	"io"
	"net/http"
	"testing"
)

// ForUser calls its handler for a user and for nobody else, and hands over that
// very user.
func TestForUser_OnlyUsers(t *testing.T) {
	a := newApp(t, nil)
	entered := 0
	a.mux.Handle("/mine", a.guard.ForUser(func(w http.ResponseWriter, _ *http.Request, u *user) {
		entered++
		io.WriteString(w, u.ID)
	}))
	b := a.browser()
	expect(t, "nobody", a.do(b, "GET", "/mine").status, http.StatusFound)
	expect(t, "garbage", a.do(b, "GET", "/mine", "Cookie", a.store.CookieName()+"=garbage").status, http.StatusFound)
	expect(t, "entered", entered, 0)
	a.login(b, "ann")
	expect(t, "ann", a.do(b, "GET", "/mine").body, "ann")
	a.users.fail(errors.New("down"))
	expect(t, "store down", a.do(b, "GET", "/mine").status, http.StatusServiceUnavailable)
	a.users.fail(nil)
	a.users.setPassword("ann", "changed")
	expect(t, "password changed", a.do(b, "GET", "/mine").status, http.StatusFound)
	expect(t, "entered", entered, 1)
}
