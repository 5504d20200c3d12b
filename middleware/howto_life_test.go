package middleware_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/hardtack-go/hardtack/auth"
	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/middleware"
	"github.com/hardtack-go/hardtack/ssestore"
)

// Snippets of docs/HOWTO.md about sections and the cookie's place, and their tests.

// TestF104_Howto: a section with its own login page, and users of two tables.
func TestF104_Howto(t *testing.T) {
	a := newApp(t, nil)
	guard, accounts, keys, mux := a.guard, a.accounts, a.keys, http.NewServeMux()
	pages := func(name string) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, name) })
	}

	shop, err := guard.WithLogin("/shop/login")
	if err != nil {
		panic(err)
	}
	mux.Handle("/shop/", shop.LoginRequired(pages("shop")))

	staffStore, err := ssestore.New(ssestore.Config{
		Keys:     keys,
		Audience: "staff",
		Cookie:   cookie.Config{Name: "__Host-staff"},
	})
	if err != nil {
		panic(err)
	}
	staffAccounts := accounts // of another table, with auth.New
	staff, err := middleware.New(staffStore, staffAccounts, middleware.Config{LoginURL: "/staff/login"})
	if err != nil {
		panic(err)
	}
	mux.Handle("/staff/", staff.Handler(staff.LoginRequired(pages("staff"))))

	for path, want := range map[string]string{"/shop/": "/shop/login?next=/shop/", "/staff/": "/staff/login?next=/staff/"} {
		rec := httptest.NewRecorder()
		guard.Handler(mux).ServeHTTP(rec, httptest.NewRequest("GET", path, nil))
		expect(t, path, rec.Header().Get("Location"), want)
	}
}

// TestF105_Howto: the cookie moves to another name.
func TestF105_Howto(t *testing.T) {
	a := newApp(t, func(s *setup) {
		until := time.Now().AddDate(0, 0, 31)
		cfg := ssestore.Config{Keys: s.store.Keys}
		cfg.Cookie = cookie.Config{Name: "__Host-app"}
		cfg.Former = []ssestore.Former{{
			Cookie: cookie.Config{Name: "app", Domain: "example.com"},
			Until:  until,
		}}
		s.store = cfg
	})
	former, err := ssestore.New(ssestore.Config{Keys: a.keys, Cookie: cookie.Config{Name: "app", Domain: "example.com"}})
	if err != nil {
		t.Fatal(err)
	}
	s := former.Load(nil, a.now())
	if err := note.Set(s, "from before"); err != nil {
		t.Fatal(err)
	}
	out, _ := s.Commit(200)
	pair, _, _ := strings.Cut(out.SetCookie[0], ";")
	expect(t, "the note", a.do(a.browser(), "GET", "/get", "Cookie", pair).body, "from before")
}

// TestF109_Stream: a stream of events ends with its session.
func TestF109_Stream(t *testing.T) {
	a := newApp(t, nil)
	guard, accounts, mux := a.guard, a.accounts, a.mux
	minute := make(chan time.Time)
	ticked := make(chan struct{}, 1) // the session was judged good
	next := func() string { ticked <- struct{}{}; return "tick" }
	mux.HandleFunc("GET /events", guard.ForUser(func(w http.ResponseWriter, r *http.Request, u *user) {
		s := guard.Session(r)
		w.Header().Set("Content-Type", "text/event-stream")
		for {
			select {
			case <-r.Context().Done():
				return
			case now := <-minute: // of a time.Ticker
				if _, err := accounts.Recheck(r.Context(), s, now); errors.Is(err, auth.ErrNoUser) {
					return // EventSource connects again, and gets 401
				}
				fmt.Fprintf(w, "data: %s\n\n", next())
				w.(http.Flusher).Flush()
			}
		}
	}))
	c := a.browser()
	a.login(c, "ann")
	done := make(chan reply)
	go func() { done <- a.do(c, "GET", "/events") }()
	minute <- a.now().Add(2 * time.Minute)
	<-ticked
	a.users.setPassword("ann", "changed")
	minute <- a.now().Add(3 * time.Minute)
	expect(t, "the stream", (<-done).body, "data: tick\n\n")
}
