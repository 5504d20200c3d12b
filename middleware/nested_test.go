package middleware_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/hardtack-go/hardtack/auth"
	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/keyring"
	"github.com/hardtack-go/hardtack/middleware"
	"github.com/hardtack-go/hardtack/ssestore"
)

// estate is an application with two stores and three sections over the first: the
// site, a shop that is the site's guard with another login page, and a club with a
// guard of its own. Staff have the second store.
type estate struct {
	t        *testing.T
	now      time.Time
	sections []*section
	other    *middleware.Guard[*user] // over the first store, with other users
	twin     *middleware.Guard[*user] // over a third store, whose cookie has the first one's name
	outcomes []event
	mistakes []event
}

type section struct {
	name  string
	guard *middleware.Guard[*user]
	store *ssestore.Store
}

func newEstate(t *testing.T) *estate {
	e := &estate{t: t, now: time.Now()}
	ring := keyring.Generate()
	store := func(c ssestore.Config) *ssestore.Store {
		c.Keys = ring
		s, err := ssestore.New(c)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	manager := func() *auth.Manager[*user] { return managerOf(t) }
	guard := func(s *ssestore.Store, m *auth.Manager[*user], login string) *middleware.Guard[*user] {
		g, err := middleware.New(s, m, middleware.Config{
			LoginURL: login, Now: func() time.Time { return e.now }, Log: slog.New(slog.DiscardHandler),
			OnOutcome: func(r *http.Request, out ssestore.Outcome, err error) {
				e.outcomes = append(e.outcomes, event{r.URL.Path, out, err})
			},
			OnMistake: func(r *http.Request, err error) {
				e.mistakes = append(e.mistakes, event{path: r.URL.Path, err: err})
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		return g
	}
	customers, m := store(ssestore.Config{}), manager()
	personnel := store(ssestore.Config{Cookie: cookie.Config{Name: "__Host-staff"}, Audience: "staff"})
	site := guard(customers, m, "/site/login")
	shop, err := site.WithLogin("/shop/login")
	if err != nil {
		t.Fatal(err)
	}
	e.sections = []*section{
		{"site", site, customers},
		{"shop", shop, customers},
		{"club", guard(customers, m, "/club/login"), customers},
		{"staff", guard(personnel, manager(), "/staff/login"), personnel},
	}
	e.other = guard(customers, manager(), "/other/login")
	e.twin = guard(store(ssestore.Config{Audience: "twin"}), manager(), "/twin/login")
	return e
}

// handler is the pages of a section: the login, and one for those who are logged in.
func (s *section) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /"+s.name+"/login", func(w http.ResponseWriter, r *http.Request) {
		err := s.guard.Login(r, &user{ID: s.name})
		if err = errors.Join(err, note.Set(s.guard.Session(r), s.name)); err != nil {
			http.Error(w, err.Error(), http.StatusTeapot)
		}
	})
	mux.Handle("/"+s.name+"/", s.guard.LoginRequired(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		u, err := s.guard.User(r)
		if err != nil {
			io.WriteString(w, err.Error())
			return
		}
		io.WriteString(w, u.ID+" "+note.Get(s.guard.Session(r)))
	})))
	return mux
}

// pages are all sections behind one another.
func (e *estate) pages() http.Handler {
	mux := http.NewServeMux()
	for _, s := range e.sections {
		mux.Handle("/"+s.name+"/", s.handler())
	}
	return mux
}

// ask is one request of a browser.
func (e *estate) ask(h http.Handler, jar http.CookieJar, method, path string, headers ...string) *http.Response {
	r := httptest.NewRequest(method, "https://x.test"+path, nil)
	for name, v := range head(headers...) {
		r.Header[name] = v
	}
	for _, c := range jar.Cookies(r.URL) {
		r.AddCookie(c)
	}
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, r)
	res := rec.Result()
	jar.SetCookies(r.URL, res.Cookies())
	seen := map[string]bool{}
	for _, c := range res.Cookies() {
		if seen[c.Name] {
			e.t.Errorf("%s %s: two cookies %s", method, path, c.Name)
		}
		seen[c.Name] = true
	}
	return res
}

func (e *estate) body(h http.Handler, jar http.CookieJar, path string) string {
	b, _ := io.ReadAll(e.ask(h, jar, "GET", path).Body)
	return string(b)
}

// orders are all ordered choices of the sections, from none to all.
func orders(of []*section) (list [][]*section) {
	list = append(list, nil)
	for i, s := range of {
		rest := append(append([]*section(nil), of[:i]...), of[i+1:]...)
		for _, o := range orders(rest) {
			list = append(list, append([]*section{s}, o...))
		}
	}
	return list
}

// TestF104_EveryOrder: whichever guards stand around the sections and in whatever
// order, each section works, with its own login page, if a guard of its store is
// among them, and says that one is missing otherwise.
func TestF104_EveryOrder(t *testing.T) {
	all := newEstate(t)
	for _, order := range orders(all.sections) {
		e := newEstate(t)
		h, has := e.pages(), map[*ssestore.Store]bool{}
		var names []string
		for i := len(order) - 1; i >= 0; i-- { // the first is the outermost
			for _, s := range e.sections {
				if s.name == order[i].name {
					h, has[s.store] = s.guard.Handler(h), true
					names = append([]string{s.name}, names...)
				}
			}
		}
		if len(order) == 1 { // and each section by itself, beside the others
			mux := http.NewServeMux()
			for _, s := range e.sections {
				mux.Handle("/"+s.name+"/", s.guard.Handler(s.handler()))
				has[s.store] = true
			}
			e.check(mux, has, fmt.Sprint("by itself, ", names))
			has = map[*ssestore.Store]bool{}
			for _, s := range e.sections {
				has[s.store] = has[s.store] || s.name == order[0].name
			}
		}
		e.check(h, has, fmt.Sprint(names))
	}
}

func (e *estate) check(h http.Handler, has map[*ssestore.Store]bool, what string) {
	t := e.t
	t.Helper()
	for _, s := range e.sections {
		jar, _ := cookiejar.New(nil)
		path := "/" + s.name + "/"
		e.mistakes, e.outcomes = nil, nil
		res := e.ask(h, jar, "GET", path)
		if !has[s.store] {
			expect(t, what+path+": missing", res.StatusCode, 500)
			if len(e.mistakes) != 1 || !errors.Is(e.mistakes[0].err, ssestore.ErrNoSession) {
				t.Errorf("%s%s: told %v", what, path, e.mistakes)
			}
			continue
		}
		expect(t, what+path+": status", res.StatusCode, 302)
		expect(t, what+path+": Location", res.Header.Get("Location"), path+"login?next="+path)
		expect(t, what+path+": outcomes", len(e.outcomes), 1)
		expect(t, what+path+": login", e.ask(h, jar, "POST", path+"login").StatusCode, 200)
		expect(t, what+path+": logged in", e.body(h, jar, path), s.name+" "+s.name)
		e.now = e.now.Add(20 * time.Minute)
		expect(t, what+path+": renewed", e.body(h, jar, path), s.name+" "+s.name)
		for _, other := range e.sections { // who is logged in is so in all sections of the store
			if has[other.store] {
				want := 302
				if other.store == s.store {
					want = 200
				}
				expect(t, what+path+" and then "+other.name, e.ask(h, jar, "GET", "/"+other.name+"/").StatusCode, want)
			}
		}
		if len(e.mistakes) != 0 {
			t.Errorf("%s%s: told %v", what, path, e.mistakes)
		}
	}
}

// TestF104_OneCookie is the fault as it was found: something outside of the inner
// guard reads the session, a renewal is due, and the inner handler logs somebody in.
func TestF104_OneCookie(t *testing.T) {
	e := newEstate(t)
	site, club := e.sections[0], e.sections[2]
	inner := club.guard.Handler(e.pages())
	h := site.guard.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		site.guard.User(r)
		note.Get(middleware.Session(r))
		inner.ServeHTTP(w, r)
	}))
	jar, _ := cookiejar.New(nil)
	e.ask(h, jar, "POST", "/site/login")
	e.now = e.now.Add(20 * time.Minute)
	e.outcomes = nil
	e.ask(h, jar, "POST", "/club/login")
	expect(t, "outcomes", len(e.outcomes), 1)
	expect(t, "after the login inside", e.body(h, jar, "/club/"), "club club")
}

// TestF104_Mistakes: what doesn't fit together is answered with 500 and told, in
// either order.
func TestF104_Mistakes(t *testing.T) {
	for _, tt := range []struct {
		name string
		wire func(e *estate, site, staff *middleware.Guard[*user]) http.Handler
	}{
		{"other users inside", func(e *estate, site, _ *middleware.Guard[*user]) http.Handler {
			return site.Handler(e.other.Handler(e.pages()))
		}},
		{"other users outside", func(e *estate, site, _ *middleware.Guard[*user]) http.Handler {
			return e.other.Handler(site.Handler(e.pages()))
		}},
		{"other users' rule", func(e *estate, site, _ *middleware.Guard[*user]) http.Handler {
			return site.Handler(e.other.LoginRequired(e.pages()))
		}},
		{"other users' rule, another store between", func(e *estate, site, staff *middleware.Guard[*user]) http.Handler {
			return site.Handler(staff.Handler(e.other.LoginRequired(e.pages())))
		}},
		{"other users inside, another store between", func(e *estate, site, staff *middleware.Guard[*user]) http.Handler {
			return site.Handler(staff.Handler(e.other.Handler(e.pages())))
		}},
		{"one cookie, inside", func(e *estate, site, _ *middleware.Guard[*user]) http.Handler {
			return site.Handler(e.twin.Handler(e.pages()))
		}},
		{"one cookie, outside", func(e *estate, site, _ *middleware.Guard[*user]) http.Handler {
			return e.twin.Handler(site.Handler(e.pages()))
		}},
		{"one cookie, another store between", func(e *estate, site, staff *middleware.Guard[*user]) http.Handler {
			return site.Handler(staff.Handler(e.twin.Handler(e.pages())))
		}},
	} {
		e := newEstate(t)
		h := tt.wire(e, e.sections[0].guard, e.sections[3].guard)
		jar, _ := cookiejar.New(nil)
		res := e.ask(h, jar, "GET", "/site/")
		expect(t, tt.name, res.StatusCode, 500)
		expect(t, tt.name+": cookies", len(res.Cookies()), 0)
		if len(e.mistakes) != 1 || !errors.Is(e.mistakes[0].err, middleware.ErrNested) {
			t.Errorf("%s: told %v", tt.name, e.mistakes)
		}
		if len(e.outcomes) != 1 || !errors.Is(e.outcomes[0].err, middleware.ErrNested) {
			t.Errorf("%s: outcomes %v", tt.name, e.outcomes)
		}
	}

	// In the handler's own calls, too.
	e := newEstate(t)
	e.sections[0].guard.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := e.other.Login(r, &user{ID: "7"}); err == nil {
			t.Error("a login into the session of other users")
		}
		if s := e.other.Session(r); s != nil {
			t.Error("the session of other users")
		}
	})).ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil))
}

// TestF104_OutermostCounts: the outermost guard of a store has the clock, the hooks
// and the log; each guard has its cross-origin protection. Session is that of the
// innermost guard, also where another store's is between.
func TestF104_OutermostCounts(t *testing.T) {
	const friend = "https://friend.test"
	e := newEstate(t)
	site, staff := e.sections[0], e.sections[3]
	trusting := http.NewCrossOriginProtection()
	if err := trusting.AddTrustedOrigin(friend); err != nil {
		t.Fatal(err)
	}
	wrong := func(what string) { t.Errorf("the inner guard's %s", what) }
	manager := managerOf(t)
	outerOutcomes, outerMistakes, reason := 0, 0, error(nil)
	outer, err := middleware.New(site.store, manager, middleware.Config{
		CrossOrigin: trusting, Log: slog.New(slog.DiscardHandler),
		OnOutcome: func(_ *http.Request, _ ssestore.Outcome, err error) { outerOutcomes, reason = outerOutcomes+1, err },
		OnMistake: func(*http.Request, error) { outerMistakes++ },
	})
	if err != nil {
		t.Fatal(err)
	}
	inner, err := middleware.New(site.store, manager, middleware.Config{
		LoginURL:  "/inner/login",
		Now:       func() time.Time { wrong("clock"); return time.Unix(0, 0) },
		OnOutcome: func(*http.Request, ssestore.Outcome, error) { wrong("OnOutcome") },
		OnMistake: func(*http.Request, error) { wrong("OnMistake") },
		Log:       slog.New(slog.NewTextHandler(writerFunc(func() { wrong("log") }), nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	strangers, err := middleware.New(site.store, managerOf(t), middleware.Config{
		OnMistake: func(*http.Request, error) { wrong("OnMistake, of other users") },
	})
	if err != nil {
		t.Fatal(err)
	}
	between, err := middleware.New(staff.store, manager, middleware.Config{CrossOrigin: trusting})
	if err != nil {
		t.Fatal(err)
	}
	h := outer.Handler(staff.guard.Handler(inner.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if middleware.Session(r) != outer.Session(r) || middleware.Session(r) != inner.Session(r) || middleware.Session(r) == staff.guard.Session(r) {
			t.Error("Session isn't the innermost guard's")
		}
		switch r.URL.Path {
		case "/broken":
			inner.Check(func(context.Context, *user) error { return errors.New("broken") }, nil).ServeHTTP(w, r)
		case "/late":
			w.(http.Flusher).Flush()
			note.Set(inner.Session(r), "late")
		case "/login":
			inner.Login(r, &user{ID: "ann"})
		case "/strangers":
			strangers.User(r)
		case "/upload":
			r.ParseMultipartForm(1)
		}
	}))))
	jar, _ := cookiejar.New(nil)
	for _, path := range []string{"/", "/login", "/broken", "/late"} {
		e.ask(h, jar, "GET", path)
	}
	expect(t, "outcomes", outerOutcomes, 4)
	expect(t, "mistakes", outerMistakes, 1) // late
	e.ask(h, jar, "GET", "/strangers")
	expect(t, "mistakes", outerMistakes, 2)
	site4 := []string{"Sec-Fetch-Site", "cross-site", "Origin", friend}
	expect(t, "the inner protection", e.ask(h, jar, "POST", "/", site4...).StatusCode, 403)
	for _, h := range []http.Handler{outer.Handler(inner.Handler(http.NotFoundHandler())), outer.Handler(between.Handler(inner.Handler(http.NotFoundHandler())))} {
		outerOutcomes = 0
		expect(t, "the inner one alone", e.ask(h, jar, "POST", "/", site4...).StatusCode, 403)
		expect(t, "is told once", outerOutcomes == 1 && errors.Is(reason, middleware.ErrCrossOrigin), true)
	}
	expect(t, "the outer one alone", e.ask(outer.Handler(http.NotFoundHandler()), jar, "POST", "/", site4...).StatusCode, 404)

	// The form of an upload is the server's to clean up.
	r := httptest.NewRequest("POST", "https://x.test/upload", strings.NewReader("--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n--b--\r\n"))
	r.Header.Set("Content-Type", "multipart/form-data; boundary=b")
	h.ServeHTTP(httptest.NewRecorder(), r)
	expect(t, "the form came back", r.MultipartForm != nil, true)
}

// managerOf is a manager whose users are whoever is named.
func managerOf(t *testing.T) *auth.Manager[*user] {
	m, err := auth.New(auth.Config[*user]{
		UserByID: func(_ context.Context, id string) (*user, error) { return &user{ID: id}, nil },
		ID:       func(u *user) string { return u.ID },
		Stamp:    func(u *user) string { return u.Password },
	})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// TestF104_WriterCannot: a guard inside another store's commits nothing for a Flush or a
// Hijack that the server can't do. The session can still change.
func TestF104_WriterCannot(t *testing.T) {
	e := newEstate(t)
	site, staff := e.sections[0], e.sections[3]
	for name, call := range map[string]func(*http.ResponseController) error{
		"Flush":  (*http.ResponseController).Flush,
		"Hijack": func(c *http.ResponseController) error { _, _, err := c.Hijack(); return err },
	} {
		h := site.guard.Handler(staff.guard.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			s := staff.guard.Session(r)
			_ = note.Get(s)
			if err := call(http.NewResponseController(w)); !errors.Is(err, http.ErrNotSupported) {
				t.Errorf("%s: %v", name, err)
			}
			if err := note.Set(s, name); err != nil {
				t.Errorf("after %s: %v", name, err)
			}
		})))
		rec := httptest.NewRecorder()
		h.ServeHTTP(bare{rec: rec}, httptest.NewRequest("GET", "https://x.test/", nil))
		expect(t, name+": cookies", len(rec.Result().Cookies()), 1)
	}
}

type writerFunc func()

func (f writerFunc) Write(p []byte) (int, error) { f(); return len(p), nil }

func TestF104_WithLogin(t *testing.T) {
	site := newEstate(t).sections[0].guard
	for _, url := range []string{"login", "//evil.example", "javascript:x"} {
		var fault *middleware.ConfigError
		if g, err := site.WithLogin(url); g != nil || !errors.As(err, &fault) || fault.Field != "LoginURL" {
			t.Errorf("%q: %v", url, err)
		}
	}
	for _, g := range []*middleware.Guard[*user]{nil, {}} {
		if _, err := g.WithLogin("/login"); err == nil {
			t.Error("a guard that New didn't make")
		}
	}
	none, err := site.WithLogin("")
	if err != nil {
		t.Fatal(err)
	}
	rec := httptest.NewRecorder()
	site.Handler(none.LoginRequired(nil)).ServeHTTP(rec, httptest.NewRequest("GET", "/", nil))
	expect(t, "without a login page", rec.Code, 403)
}
