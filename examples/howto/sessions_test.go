package howto

import (
	"bufio"
	"crypto/rand"
	"crypto/subtle"
	"fmt"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"

	"github.com/hardtack-go/hardtack/examples/internal/visitor"
	"github.com/hardtack-go/hardtack/middleware"
	"github.com/hardtack-go/hardtack/ssestore"
)

// poll is what a script in a page sends by itself.
func poll(v *visitor.Visitor, path string) *visitor.Answer {
	r := v.Request("GET", path, nil)
	r.Header.Set("Accept", "*/*")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	r.Header.Set("Sec-Fetch-Mode", "cors")
	r.Header.Set("Sec-Fetch-Dest", "empty")
	return v.Do(r)
}

// TestF509_Polls: what a page fetches by itself must not keep the session alive.
func TestF509_Polls(t *testing.T) {
	s := newSite(t, ssestore.Config{}, middleware.Config{})
	guard, mux := s.guard, s.app()

	mux.HandleFunc("GET /unread", guard.ForUser(func(w http.ResponseWriter, r *http.Request, u *User) {
		guard.Session(r).Limit(ssestore.WritesNone)
		fmt.Fprint(w, 3)
	}))

	mux.HandleFunc("GET /renewing", guard.ForUser(members))
	for _, tt := range []struct {
		path string
		want int
	}{{"/unread", 401}, {"/renewing", 200}} {
		v := serve(t, guard.Handler(mux))
		v.Post("/login")
		for range 4 { // for 40 minutes; Idle is 30
			s.ahead.Add(int64(10 * time.Minute))
			poll(v, tt.path)
		}
		poll(v, tt.path).Want(t, tt.want, "")
	}
}

// TestF509_Films: what the browser doesn't show as a use of the session.
func TestF509_Films(t *testing.T) {
	s := newSite(t, ssestore.Config{}, middleware.Config{})
	guard, mux := s.guard, s.app()

	mux.HandleFunc("GET /film", guard.ForUser(func(w http.ResponseWriter, r *http.Request, u *User) {
		guard.Session(r).Renew() // before the first byte
		fmt.Fprint(w, "a piece of the film")
	}))

	v := serve(t, guard.Handler(mux))
	v.Post("/login")
	for range 4 {
		s.ahead.Add(int64(10 * time.Minute))
		r := v.Request("GET", "/film", nil)
		r.Header.Set("Sec-Fetch-Site", "same-origin")
		r.Header.Set("Sec-Fetch-Mode", "no-cors")
		r.Header.Set("Sec-Fetch-Dest", "video")
		v.Do(r).Want(t, 200, "")
	}
}

// TestF509_LongConnections: a stream of events ends when the password changes.
func TestF509_LongConnections(t *testing.T) {
	s := newSite(t, ssestore.Config{}, middleware.Config{})
	guard, mux, accounts := s.guard, s.app(), s.accounts
	news := make(chan string)

	mux.HandleFunc("GET /events", guard.ForUser(func(w http.ResponseWriter, r *http.Request, u *User) {
		w.Header().Set("Content-Type", "text/event-stream")
		http.NewResponseController(w).Flush()
		every := time.NewTicker(time.Minute)
		defer every.Stop()
		for {
			select {
			case line := <-news:
				fmt.Fprintf(w, "data: %s\n\n", line)
				http.NewResponseController(w).Flush()
			case <-every.C:
			case <-r.Context().Done():
				return
			}
			if _, err := accounts.Recheck(r.Context(), guard.Session(r), time.Now()); err != nil {
				return // EventSource connects again, and gets 401 or is let in
			}
		}
	}))

	server := httptest.NewServer(guard.Handler(mux))
	t.Cleanup(server.Close)
	v := visitor.New(t, server.URL)
	v.Post("/login")
	r := v.Request("GET", "/events", nil)
	r.Header.Set("Cookie", "__Host-session="+v.Cookie())
	res, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	lines := bufio.NewScanner(res.Body)
	next := func() string {
		for lines.Scan() {
			if lines.Text() != "" {
				return lines.Text()
			}
		}
		return "the end"
	}
	news <- "one"
	if got := next(); got != "data: one" {
		t.Fatal(got)
	}
	s.hash.Store("changed")
	news <- "two" // the last: it was on its way
	if one, two := next(), next(); one != "data: two" || two != "the end" {
		t.Errorf("%q, %q", one, two)
	}
	poll(v, "/events").Want(t, 401, "")
}

// TestF509_Callback: an identity provider's answer by a redirect.
func TestF509_Callback(t *testing.T) {
	s := newSite(t, ssestore.Config{}, middleware.Config{})
	guard, mux := s.guard, s.app()
	const authorize = "https://id.example/authorize?client_id=shop"
	exchange := func(r *http.Request) (*User, error) { return s.userByID(r.Context(), "7") }

	var state = ssestore.NewKey[string]("oauth/state") // a package-level variable

	mux.HandleFunc("POST /login/start", func(w http.ResponseWriter, r *http.Request) {
		secret := rand.Text()
		if err := state.Set(guard.Session(r), secret); err != nil {
			http.Error(w, "cannot start", http.StatusInternalServerError)
			return
		}
		http.Redirect(w, r, authorize+"&state="+secret, http.StatusSeeOther)
	})
	mux.HandleFunc("GET /login/callback", func(w http.ResponseWriter, r *http.Request) {
		want, ok := state.Pop(guard.Session(r)) // once
		if !ok || subtle.ConstantTimeCompare([]byte(want), []byte(r.FormValue("state"))) != 1 {
			http.Error(w, "please start again", http.StatusBadRequest)
			return
		}
		u, err := exchange(r) // the code for a token, and that for a user
		if err == nil {
			err = guard.Login(r, u)
		}
		if err != nil {
			http.Error(w, "cannot log in", http.StatusInternalServerError)
			return
		}
		http.Redirect(w, r, "/", http.StatusSeeOther)
	})

	v := serve(t, guard.Handler(mux))
	to, err := url.Parse(v.Post("/login/start").Header.Get("Location"))
	if err != nil {
		t.Fatal(err)
	}
	secret := to.Query().Get("state")
	serve(t, guard.Handler(mux)).Get("/login/callback?code=1&state="+secret).Want(t, 400, "") // somebody else's
	v.Get("/login/callback?code=1&state="+secret).Want(t, 303, "/")
	if !in(v) {
		t.Error("nobody is logged in")
	}
	v.Get("/login/callback?code=1&state="+secret).Want(t, 400, "") // and again
}

// TestF509_Testing: what a test of an application must know.
func TestF509_Testing(t *testing.T) {
	s := newSite(t, ssestore.Config{}, middleware.Config{})
	handler := s.guard.Handler(s.app())

	server := httptest.NewServer(handler) // plain http, and the cookie is Secure
	defer server.Close()
	jar, _ := cookiejar.New(nil)
	client := &http.Client{Jar: jar}
	client.PostForm(server.URL+"/login", url.Values{"next": {"/members"}})
	res, err := client.Get(server.URL + "/members")

	if err != nil || res.StatusCode != http.StatusOK {
		t.Errorf("the jar doesn't send the cookie: %v, %v", res, err)
	}

	rec := httptest.NewRecorder()
	handler.ServeHTTP(rec, httptest.NewRequest("POST", "/login", nil))
	got := rec.Result().Cookies() // not rec.Header()

	if len(got) != 1 || got[0].Name != "__Host-session" {
		t.Errorf("cookies %v", got)
	}
}
