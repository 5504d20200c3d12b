package middleware_test

import (
	"errors"
	"io"
	"net/http"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/hardtack-go/hardtack/auth"
	"github.com/hardtack-go/hardtack/middleware"
)

// TestParallel_LastUserActionWins: twenty requests are under way with the old
// cookie while the user logs in, logs out or changes the password; their
// responses come back after that of the action. What the user did last holds.
func TestParallel_LastUserActionWins(t *testing.T) {
	const inFlight = 20
	kinds := [][]string{
		asFetch, asHTMX, asBrowser, nil,
		{"Sec-Fetch-Dest", "image", "Sec-Fetch-Site", "same-origin"},
	}
	for _, tt := range []struct {
		name   string
		before string // who is logged in before
		due    bool   // a renewal is due in all of them
		rotate bool   // a reseal too
		action func(a *app, c *http.Client)
		after  string
	}{
		{"log in", "", false, false, func(a *app, c *http.Client) { a.login(c, "ann") }, "ann"},
		{"log in, data in the old session", "data", true, false, func(a *app, c *http.Client) { a.login(c, "ann") }, ""},
		{"log in as another", "bob", false, false, func(a *app, c *http.Client) { a.login(c, "ann") }, "ann"},
		{"log out", "ann", false, false, func(a *app, c *http.Client) { a.do(c, "POST", "/logout") }, "nobody"},
		{"log out, renewal due", "ann", true, false, func(a *app, c *http.Client) { a.do(c, "POST", "/logout") }, "nobody"},
		{"log out, renewal and reseal due", "ann", true, true, func(a *app, c *http.Client) { a.do(c, "POST", "/logout") }, "nobody"},
		{"change the password", "ann", false, false, func(a *app, c *http.Client) { a.do(c, "POST", "/password?to=new") }, "ann"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			started, release := make(chan struct{}, inFlight), make(chan struct{})
			a := newApp(t, nil)
			a.mux.HandleFunc("/slow", func(w http.ResponseWriter, r *http.Request) {
				s := middleware.Session(r)
				_, err := a.accounts.GetUser(r.Context(), s)
				_ = note.Get(s)
				started <- struct{}{}
				<-release
				if err != nil && !errors.Is(err, auth.ErrNoUser) {
					t.Error(err)
				}
				io.WriteString(w, "slow")
			})
			a.mux.HandleFunc("POST /password", func(w http.ResponseWriter, r *http.Request) {
				s := middleware.Session(r)
				u, err := a.accounts.GetUser(r.Context(), s)
				if err == nil {
					err = a.accounts.RefreshStamp(r.Context(), s, a.users.setPassword(u.ID, r.URL.Query().Get("to")))
				}
				if err != nil {
					t.Error(err)
				}
			})
			c := a.browser()
			switch tt.before {
			case "":
			case "data":
				a.do(c, "GET", "/set?v=x")
			default:
				a.login(c, tt.before)
			}
			if tt.rotate {
				ring, err := a.keys.At(a.now()).Rotate()
				if err != nil {
					t.Fatal(err)
				}
				a.keys.Set(ring)
				a.advance(2 * time.Second)
			}
			if tt.due {
				a.advance(20 * time.Minute)
			}
			var wg sync.WaitGroup
			for i := range inFlight {
				wg.Go(func() {
					if r := a.do(c, "GET", "/slow", kinds[i%len(kinds)]...); r.status != 200 {
						t.Errorf("in flight: %d", r.status)
					}
				})
			}
			for range inFlight {
				<-started
			}
			tt.action(a, c)
			close(release)
			wg.Wait()
			if tt.after != "" {
				expect(t, "who", a.who(c), tt.after)
			}
		})
	}
}

// TestParallel_Writers: concurrent requests of many browsers do not see each
// other's sessions. (Run with -race.)
func TestParallel_Writers(t *testing.T) {
	a := newApp(t, nil)
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			c := a.browser()
			mine := strconv.Itoa(i)
			a.do(c, "GET", "/set?v="+mine)
			if i%2 == 0 {
				a.login(c, "ann")
			}
			for range 5 {
				expect(t, "note", a.do(c, "GET", "/get").body, mine)
			}
			a.do(c, "POST", "/logout")
			expect(t, "note after the logout", a.do(c, "GET", "/get").body, "")
		})
	}
	wg.Wait()
}
