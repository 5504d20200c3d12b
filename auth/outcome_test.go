package auth_test

import (
	"testing"

	"github.com/hardtack-go/hardtack/ssestore"
)

// TestE42_OutcomeUser: the outcome says whether there was a user, by the word of GetUser
// or of a login, and not by that of the cookie.
func TestE42_OutcomeUser(t *testing.T) {
	x, b := newSite(t, ring(t, 1)), browser{}
	user := func(what string, out ssestore.Outcome, want bool) {
		t.Helper()
		same(t, what, out.User, want)
	}
	_, out := x.whoami(b)
	user("nobody", out, false)
	user("an anonymous cart", x.add(b, "biscuits"), false)
	user("a login", x.login(b, "1"), true)
	_, out = x.whoami(b)
	user("GetUser", out, true)
	user("named by the cookie alone", x.add(b, "more"), false)
	user("GetUser, then a logout", x.visit(b, func(s *ssestore.Session) {
		x.who(s)
		if err := x.users.Logout(bg, s); err != nil {
			t.Fatal(err)
		}
	}), false)
	_, out = x.whoami(b)
	user("after a logout", out, false)
	x.login(b, "1")
	x.rows["1"].Hash = "another"
	_, out = x.whoami(b)
	user("after a change of the password", out, false)
}
