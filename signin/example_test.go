package signin_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/hardtack-go/hardtack/auth"
	"github.com/hardtack-go/hardtack/signin"
)

// What every way shares is made once. Each of them then takes a handler and a line or two
// of its own; see passkey, oauth, passlink and password.
func Example() {
	keys, guard, mails := application()

	var desk *signin.Desk[*User]
	desk, err := signin.New(signin.Config[*User]{
		Keys: keys, Origin: "https://example.com", Guard: guard, Send: mails,
		Enter: func(w http.ResponseWriter, r *http.Request, e signin.Entry[*User]) error {
			if e.User.Closed {
				return auth.Forbidden("This account is closed.")
			}
			return desk.Login(r, e)
		},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	mux := http.NewServeMux()
	mux.Handle("/logout", desk.LogoutHandler("/"))
	mux.HandleFunc("POST /demo", func(w http.ResponseWriter, r *http.Request) { // stands for a way
		ada := &User{ID: "1", Closed: r.FormValue("closed") != ""}
		if err := desk.Enter(w, r, signin.Entry[*User]{User: ada, How: "demo"}); err != nil {
			desk.Fail(w, r, err)
		}
	})
	server := guard.Handler(mux)

	for _, path := range []string{"/demo", "/demo?closed=1", "/logout"} {
		w := httptest.NewRecorder()
		server.ServeHTTP(w, httptest.NewRequest("POST", path, nil))
		fmt.Println(path, w.Code)
	}
	// Output:
	// /demo 200
	// /demo?closed=1 403
	// /logout 303
}
