package middleware_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hardtack-go/hardtack/auth"
	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/keyring"
	"github.com/hardtack-go/hardtack/middleware"
	"github.com/hardtack-go/hardtack/ssestore"
)

// logbook is what a guard logged, one map a line.
type logbook struct{ bytes.Buffer }

func (b *logbook) logger() *slog.Logger { return slog.New(slog.NewJSONHandler(&b.Buffer, nil)) }

func (b *logbook) lines(t *testing.T) (list []map[string]any) {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(b.Bytes()))
	for {
		line := map[string]any{}
		if err := d.Decode(&line); err == io.EOF {
			return list
		} else if err != nil {
			t.Fatal(err)
		}
		list = append(list, line)
	}
}

// words are the kinds of the lines.
func (b *logbook) words(t *testing.T) string {
	t.Helper()
	var words []string
	for _, line := range b.lines(t) {
		words = append(words, strings.TrimPrefix(line["msg"].(string), "hardtack: "))
	}
	return strings.Join(words, " ")
}

// serve is one request without a server, so that it may be in a bubble.
func (a *app) serve(h http.Handler, method, target string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, target, nil)
	for k, v := range head(headers...) {
		r.Header[k] = v
	}
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, r)
	return rec
}

// deaf is a guard without hooks, as in a first program.
func deaf(log *slog.Logger) func(*setup) {
	return func(s *setup) {
		s.guard.OnOutcome, s.guard.OnMistake, s.guard.Log = nil, nil, log
	}
}

// written is a writer as gin has one: its router writes to it behind the guard's
// back, and it knows that it has begun.
type written struct {
	http.ResponseWriter
	begun bool
}

func (w *written) Written() bool               { return w.begun }
func (w *written) Write(p []byte) (int, error) { w.begun = true; return w.ResponseWriter.Write(p) }

// response is a writer as echo has one.
type response struct {
	http.ResponseWriter
	Committed bool
}

func (w *response) Write(p []byte) (int, error) { w.Committed = true; return w.ResponseWriter.Write(p) }

// TestF201_Mistakes: each is logged without any configuration, and says what to do.
func TestF201_Mistakes(t *testing.T) {
	noKey, err := keyring.New(keyring.NewKeyAt(time.Now().Add(time.Hour)))
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		word, cure string
		ring       *keyring.Keyring
		run        func(a *app)
	}{
		{"missing-handler", "http.ListenAndServe(addr, guard.Handler(mux))", nil, func(a *app) {
			a.serve(a.guard.LoginRequired(http.NotFoundHandler()), "GET", "/")
		}},
		{"late-use", "before the first byte", nil, func(a *app) {
			a.serve(a.guard.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				io.WriteString(w, "x")
				note.Get(middleware.Session(r))
			})), "GET", "/")
		}},
		{"uncommitted-hijack", "middleware.Commit(w)", nil, func(a *app) {
			h := a.guard.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				note.Set(middleware.Session(r), "x")
				http.NewResponseController(w).Hijack()
			}))
			s := httptest.NewServer(h)
			defer s.Close()
			if res, err := s.Client().Get(s.URL); err == nil {
				res.Body.Close()
			}
		}},
		{"bypassed-writer", "middleware/gin", nil, func(a *app) {
			outer := &written{ResponseWriter: httptest.NewRecorder()}
			a.guard.Handler(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				note.Set(middleware.Session(r), "x")
				outer.Write([]byte("x"))
			})).ServeHTTP(outer, httptest.NewRequest("GET", "/", nil))
		}},
		{"insecure-cookie", "serve https", nil, func(a *app) {
			a.serve(a.server.Config.Handler, "POST", "http://shop.test/login?id=ann", "Origin", "http://shop.test")
		}},
		{"broken-rule", "auth.Forbidden", nil, func(a *app) {
			rule := func(context.Context, *user) error { return errors.New("secret detail") }
			a.serve(a.guard.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				a.guard.Login(r, &user{ID: "ann", Password: "pw-ann"})
				a.guard.Check(rule, http.NotFoundHandler()).ServeHTTP(w, r)
			})), "GET", "/")
		}},
		{"bad-identity", "url.QueryEscape", nil, func(a *app) {
			h, err := a.guard.ForwardAuth(middleware.ForwardConfig[*user]{Headers: map[string]func(*user) string{
				"X-Auth-User": func(*user) string { return "secret, detail" },
			}})
			if err != nil {
				a.t.Fatal(err)
			}
			a.serve(a.guard.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				a.guard.Login(r, &user{ID: "ann", Password: "pw-ann"})
				h.ServeHTTP(w, r)
			})), "GET", "/")
		}},
		{"user-store", "auth.ErrNoUser", nil, func(a *app) {
			c := a.browser()
			a.login(c, "ann")
			a.users.fail(errors.New("secret detail"))
			a.do(c, "GET", "/who")
		}},
		{"not-saved", "OnOutcome", noKey, func(a *app) {
			a.serve(a.server.Config.Handler, "GET", "/set?v=x")
		}},
	} {
		t.Run(tt.word, func(t *testing.T) {
			var book logbook
			a := newApp(t, func(s *setup) {
				deaf(book.logger())(s)
				if tt.ring != nil {
					s.ring = tt.ring
				}
			})
			tt.run(a)
			lines := book.lines(t)
			if len(lines) != 1 {
				t.Fatalf("%d lines, want 1: %v", len(lines), lines)
			}
			line := lines[0]
			expect(t, "msg", line["msg"], any("hardtack: "+tt.word))
			expect(t, "level", line["level"], any("ERROR"))
			cure, _ := line["cure"].(string)
			if !strings.Contains(cure, tt.cure) || !strings.Contains(cure, "Guard.Handler") {
				t.Errorf("cure %q doesn't name %q and Guard.Handler", cure, tt.cure)
			}
			delete(line, "time")
			expect(t, "members of the line", len(line), 5) // msg, level, cure, method, host
		})
	}
}

// TestF201_OncePerMinute: a mistake in the wiring is the same at each request.
func TestF201_OncePerMinute(t *testing.T) {
	var book logbook
	a := newApp(t, deaf(book.logger()))
	late := a.guard.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, "x")
		note.Get(middleware.Session(r))
	}))
	missing := a.guard.LoginRequired(http.NotFoundHandler())
	synctest.Test(t, func(t *testing.T) {
		for range 3 {
			a.serve(late, "GET", "/")
			a.serve(missing, "GET", "/")
		}
		expect(t, "at once", book.words(t), "late-use missing-handler")
		time.Sleep(time.Minute - time.Nanosecond)
		a.serve(late, "GET", "/")
		expect(t, "within the minute", book.words(t), "late-use missing-handler")
		time.Sleep(time.Nanosecond)
		a.serve(late, "GET", "/")
		a.serve(late, "GET", "/")
		expect(t, "a minute later", book.words(t), "late-use missing-handler late-use")
	})
	// The bubble's clock is in the year 2000. A clock that is set forward, or back,
	// silences nothing.
	a.serve(late, "GET", "/")
	expect(t, "the clock set forward", book.words(t), "late-use missing-handler late-use late-use")
	synctest.Test(t, func(t *testing.T) { a.serve(late, "GET", "/") })
	expect(t, "the clock set back", book.words(t), "late-use missing-handler late-use late-use late-use")
}

// TestF201_NothingOfTheRequest: a line holds the method and the host, if they look
// like ones.
func TestF201_NothingOfTheRequest(t *testing.T) {
	for _, tt := range []struct{ method, host, wantMethod, wantHost string }{
		{"GET", "shop.test", "GET", "shop.test"},
		{"DELETE", "shop.test:8080", "DELETE", "shop.test:8080"},
		{"POST", "[::1]:80", "POST", "[::1]:80"},
		{"CANARY", "shop.test", "other", "shop.test"},
		{"GET", "shop.test\nx", "GET", "other"},
		{"GET", "canary\"}", "GET", "other"},
		{"GET", strings.Repeat("canary", 50), "GET", "other"},
		{"GET", "", "GET", ""},
	} {
		var book logbook
		a := newApp(t, deaf(book.logger()))
		r := httptest.NewRequest("GET", "/canary?canary=canary", nil)
		r.Method, r.Host = tt.method, tt.host
		r.Header.Set("Cookie", a.store.CookieName()+"=canary")
		r.Header.Set("Referer", "http://canary/")
		r.Header.Set("X-Forwarded-Host", "canary")
		r.SetBasicAuth("canary", "canary")
		a.guard.StaffRequired(http.NotFoundHandler()).ServeHTTP(httptest.NewRecorder(), r)
		line := book.lines(t)[0]
		expect(t, "method", line["method"], any(tt.wantMethod))
		expect(t, "host", line["host"], any(tt.wantHost))
		if strings.Contains(strings.ToLower(book.String()), "canary") {
			t.Errorf("the line shows the request: %s", book.String())
		}
	}
}

// TestF201_WhoseLogger: slog's default, as it is when the line comes, unless the
// configuration names one. Hooks don't turn it off, a logger that discards does.
func TestF201_WhoseLogger(t *testing.T) {
	defer slog.SetDefault(slog.Default())
	run := func(change func(*setup)) (def, own string) {
		var ownBook, defBook logbook
		a := newApp(t, func(s *setup) {
			s.guard.Log = ownBook.logger()
			change(s)
		})
		slog.SetDefault(defBook.logger()) // after New: a program may set it late
		a.serve(a.guard.LoginRequired(http.NotFoundHandler()), "GET", "/")
		return defBook.words(t), ownBook.words(t)
	}
	for _, tt := range []struct {
		name     string
		change   func(*setup)
		def, own string
	}{
		{"of its own", func(*setup) {}, "", "missing-handler"},
		{"none", func(s *setup) { s.guard.Log = nil }, "missing-handler", ""},
		{"none and no hooks", deaf(nil), "missing-handler", ""},
		{"discarding", func(s *setup) { s.guard.Log = slog.New(slog.DiscardHandler) }, "", ""},
	} {
		def, own := run(tt.change)
		expect(t, tt.name+": slog.Default", def, tt.def)
		expect(t, tt.name+": Config.Log", own, tt.own)
	}
}

// TestF201_NoGuard: where no guard is at hand slog's default is told, at most once
// a minute for the whole program.
func TestF201_NoGuard(t *testing.T) {
	defer slog.SetDefault(slog.Default())
	var book logbook
	slog.SetDefault(book.logger())
	a := newApp(t, nil)
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(24 * time.Hour) // away from what other tests have logged
		for range 2 {
			a.serve(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if err := note.Set(middleware.Session(r), "x"); !errors.Is(err, ssestore.ErrNoSession) {
					t.Errorf("Set: %v", err)
				}
			}), "GET", "/")
			var unmade *middleware.Guard[*user]
			a.serve(unmade.Handler(http.NotFoundHandler()), "GET", "/")
		}
		expect(t, "lines", book.words(t), "missing-handler unmade-guard")
		time.Sleep(time.Minute)
		new(middleware.Guard[*user]).User(httptest.NewRequest("GET", "/", nil))
		expect(t, "lines", book.words(t), "missing-handler unmade-guard unmade-guard")
	})
}

// TestF202_Dropped: browsers drop a Secure cookie that comes over plain http from any
// host but their own machine, and a Lax cookie that a page of another site fetches.
// They show the login page again without a word.
func TestF202_Dropped(t *testing.T) {
	clearText := func(s *setup) { s.clear = true }
	across := []string{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "cors", "Sec-Fetch-Dest", "empty"}
	admin := func(s *setup) {
		s.guard.CrossOrigin = http.NewCrossOriginProtection()
		s.guard.CrossOrigin.AddTrustedOrigin("http://admin.test")
	}
	domain := func(s *setup) { s.store.Cookie.Name, s.store.Cookie.Domain = "__Secure-s", "shop.test" }
	for _, tt := range []struct {
		name   string
		change func(*setup)
		url    string
		head   []string
		want   string
	}{
		{"a host on the LAN", nil, "http://192.168.1.7:8080", []string{"Origin", "http://192.168.1.7:8080"}, "insecure-cookie"},
		{"a host name", nil, "http://shop.test", []string{"Origin", "http://shop.test"}, "insecure-cookie"},
		{"a name that only looks local", nil, "http://localhost.test", []string{"Origin", "http://localhost.test"}, "insecure-cookie"},
		{"IPv6", nil, "http://[2001:db8::1]", []string{"Origin", "http://[2001:db8::1]"}, "insecure-cookie"},
		{"localhost", nil, "http://localhost:8080", []string{"Origin", "http://localhost:8080"}, ""},
		{"a name under localhost", nil, "http://app.localhost", []string{"Origin", "http://app.localhost"}, ""},
		{"127.0.0.1", nil, "http://127.0.0.1:8080", []string{"Origin", "http://127.0.0.1:8080"}, ""},
		{"127.8.8.8", nil, "http://127.8.8.8", []string{"Origin", "http://127.8.8.8"}, ""},
		{"::1", nil, "http://[::1]:8080", []string{"Origin", "http://[::1]:8080"}, ""},
		{"::1 without a port", nil, "http://[::1]", []string{"Origin", "http://[::1]"}, ""},
		{"behind a proxy that ends TLS", nil, "http://shop.test", []string{"Origin", "https://shop.test"}, ""},
		{"an http page that posts to https", nil, "http://shop.test", []string{"Origin", "http://shop.test", "Sec-Fetch-Site", "same-origin"}, ""},
		{"the same in an old browser, over TLS", nil, "https://shop.test", []string{"Origin", "http://shop.test"}, ""},
		{"a program", nil, "http://shop.test", nil, ""},
		{"two Origins", nil, "http://shop.test", []string{"Origin", "http://shop.test", "Origin", "http://shop.test"}, ""},
		{"allowed by configuration", clearText, "http://shop.test", []string{"Origin", "http://shop.test"}, ""},
		{"another Domain", domain, "http://other.test", []string{"Origin", "https://other.test"}, "foreign-domain"},
		{"another Domain that ends alike", domain, "http://myshop.test", []string{"Origin", "https://myshop.test"}, "foreign-domain"},
		{"the parent of the Domain", domain, "http://test", []string{"Origin", "https://test"}, "foreign-domain"},
		{"the Domain on this machine", domain, "http://localhost:80", []string{"Origin", "http://localhost:80"}, "foreign-domain"},
		{"the Domain itself", domain, "http://shop.test", []string{"Origin", "https://shop.test"}, ""},
		{"under the Domain", domain, "http://www.shop.test:444", []string{"Origin", "https://www.shop.test:444"}, ""},
		{"a page of another site, which is trusted", admin, "http://shop.test", []string{"Origin", "http://admin.test"}, ""},
		{"a fetch of that page", admin, "https://shop.test", append([]string{"Origin", "http://admin.test"}, across...), "cross-site-cookie"},
		{"the same with a Strict cookie", func(s *setup) { admin(s); s.store.Cookie.SameSite = cookie.SameSiteStrict },
			"https://shop.test", append([]string{"Origin", "http://admin.test"}, across...), "cross-site-cookie"},
		{"the same with a cookie for all sites", func(s *setup) { admin(s); s.store.Cookie.SameSite = cookie.SameSiteNone },
			"https://shop.test", append([]string{"Origin", "http://admin.test"}, across...), ""},
		{"the same with a Domain", func(s *setup) { admin(s); domain(s) },
			"https://shop.test", append([]string{"Origin", "http://admin.test"}, across...), "cross-site-cookie"},
		{"a fetch of that page on the same site", admin, "https://shop.test", []string{"Origin", "http://admin.test", "Sec-Fetch-Site", "same-site", "Sec-Fetch-Mode", "cors"}, ""},
		{"a form of that page, whose answer is a page", admin, "https://shop.test", []string{"Origin", "http://admin.test", "Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate"}, ""},
		{"a fetch of a page that isn't trusted, on a path that lets all in", func(s *setup) {
			s.guard.CrossOrigin = http.NewCrossOriginProtection()
			s.guard.CrossOrigin.AddInsecureBypassPattern("/")
		}, "https://shop.test", append([]string{"Origin", "http://admin.test"}, across...), ""},
		{"a proxy that changes Host", domain, "http://backend.internal", nil, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var book logbook
			a := newApp(t, func(s *setup) {
				s.guard.Log = book.logger()
				if tt.change != nil {
					tt.change(s)
				}
			})
			rec := a.serve(a.server.Config.Handler, "POST", tt.url+"/login?id=ann", tt.head...)
			if rec.Code != 303 {
				t.Fatalf("login: %d %s", rec.Code, rec.Body)
			}
			expect(t, "logged", book.words(t), tt.want)
			wrong := a.wrong("/login")
			expect(t, "mistakes", len(wrong), min(len(tt.want), 1))
			for _, e := range wrong {
				expect(t, "mistake", e.err, middleware.ErrDropped)
			}
			// A request that sets no cookie has none to lose.
			before := book.words(t)
			a.serve(a.server.Config.Handler, "POST", tt.url+"/get", tt.head...)
			a.serve(a.server.Config.Handler, "POST", tt.url+"/logout", tt.head...)
			expect(t, "after a request that sets none", book.words(t), before)
		})
	}
}

// TestF203_BypassedWriter: a response that went past the guard's writer is an error
// and no success, if it was to carry anything.
func TestF203_BypassedWriter(t *testing.T) {
	type wiring func(rec *httptest.ResponseRecorder) (outer http.ResponseWriter, body io.Writer)
	gin := func(rec *httptest.ResponseRecorder) (http.ResponseWriter, io.Writer) {
		w := &written{ResponseWriter: rec}
		return w, w
	}
	wrapped := func(rec *httptest.ResponseRecorder) (http.ResponseWriter, io.Writer) {
		w := &written{ResponseWriter: rec}
		return unwrapper{w}, w
	}
	echo := func(rec *httptest.ResponseRecorder) (http.ResponseWriter, io.Writer) {
		w := &response{ResponseWriter: rec}
		return unwrapper{w}, w
	}
	for _, tt := range []struct {
		name   string
		wiring wiring
		use    func(s *ssestore.Session)
		write  bool
		wrong  bool
	}{
		{"gin, set", gin, func(s *ssestore.Session) { note.Set(s, "x") }, true, true},
		{"gin, logout", gin, func(s *ssestore.Session) { s.Clear() }, true, true},
		{"gin, read", gin, func(s *ssestore.Session) { note.Get(s) }, true, true},
		{"gin, untouched", gin, func(s *ssestore.Session) {}, true, false},
		{"gin, set, nothing written", gin, func(s *ssestore.Session) { note.Set(s, "x") }, false, false},
		{"below another writer", wrapped, func(s *ssestore.Session) { note.Set(s, "x") }, true, true},
		{"echo, set", echo, func(s *ssestore.Session) { note.Set(s, "x") }, true, true},
		{"echo, untouched", echo, func(s *ssestore.Session) {}, true, false},
		{"echo, set, nothing written", echo, func(s *ssestore.Session) { note.Set(s, "x") }, false, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var book logbook
			a := newApp(t, func(s *setup) { s.guard.Log = book.logger() })
			outer, body := tt.wiring(httptest.NewRecorder())
			r := httptest.NewRequest("GET", "/x", nil)
			r.Header.Set("Cookie", a.store.CookieName()+"="+loggedIn(t, a))
			a.guard.Handler(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				tt.use(middleware.Session(r))
				if tt.write {
					io.WriteString(body, "x")
				}
			})).ServeHTTP(outer, r)
			e, m := a.seen("/x"), a.wrong("/x")
			if len(e) != 1 {
				t.Fatalf("%d outcomes, want 1", len(e))
			}
			if tt.wrong {
				if !errors.Is(e[0].err, middleware.ErrBypassed) || len(m) != 1 || !errors.Is(m[0].err, middleware.ErrBypassed) {
					t.Errorf("outcome %v, mistakes %+v, want ErrBypassed", e[0].err, m)
				}
				expect(t, "logged", book.words(t), "bypassed-writer")
			} else {
				expect(t, "outcome", e[0].err, nil)
				expect(t, "mistakes", len(m), 0)
				expect(t, "logged", book.words(t), "")
			}
		})
	}
}

// Writers that are like echo's and yet not: each has a Committed of another kind.
type (
	number   struct{ Committed int }
	embedded struct{ *response }
	function func() http.Header
)

func (number) Header() http.Header         { return http.Header{} }
func (number) Write(p []byte) (int, error) { return len(p), nil }
func (number) WriteHeader(int)             {}

func (embedded) Header() http.Header         { return http.Header{} }
func (embedded) Write(p []byte) (int, error) { return len(p), nil }
func (embedded) WriteHeader(int)             {}

func (f function) Header() http.Header         { return f() }
func (f function) Write(p []byte) (int, error) { return len(p), nil }
func (f function) WriteHeader(int)             {}

// TestF203_OtherWriters: nothing is read from a writer that isn't like echo's.
func TestF203_OtherWriters(t *testing.T) {
	for _, w := range []http.ResponseWriter{number{1}, &number{1}, embedded{}, function(func() http.Header { return http.Header{} })} {
		a := newApp(t, nil)
		a.guard.Handler(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			note.Set(middleware.Session(r), "x")
		})).ServeHTTP(w, httptest.NewRequest("GET", "/x", nil))
		if e := a.seen("/x"); len(e) != 1 || e[0].err != nil {
			t.Errorf("%T: outcomes %+v, want one without an error", w, e)
		}
	}
}

// loggedIn returns the value of a cookie that ann's login set.
func loggedIn(t *testing.T, a *app) string {
	t.Helper()
	r := a.do(a.browser(), "POST", "/login?id=ann")
	if list := r.cookies(a); len(list) == 1 {
		return list[0].Value
	}
	t.Fatalf("login: %d %s", r.status, r.body)
	return ""
}

// TestF202_FormerDomain: the deletion in a former place, whose Domain isn't the page's
// host, comes before the session's cookie and isn't taken for it.
func TestF202_FormerDomain(t *testing.T) {
	var book logbook
	a := newApp(t, func(s *setup) {
		s.guard.Log = book.logger()
		s.store.Cookie.Name, s.store.Cookie.Domain = "__Secure-s", "new.test"
		s.store.Former = []ssestore.Former{{
			Cookie: cookie.Config{Name: "__Secure-s", Domain: "old.test"}, Until: time.Now().Add(time.Hour),
		}}
	})
	for host, want := range map[string]string{"www.new.test": "", "old.test": "foreign-domain"} {
		rec := a.serve(a.server.Config.Handler, "POST", "http://"+host+"/login?id=ann",
			"Origin", "https://"+host, "Cookie", "__Secure-s="+loggedIn(t, a))
		if lines := rec.Header()["Set-Cookie"]; len(lines) < 2 || !strings.Contains(lines[0], "Domain=old.test") {
			t.Fatalf("the deletion isn't first: %q", lines)
		}
		expect(t, "logged", book.words(t), want)
		book.Reset()
	}
}

// TestF203_BegunBefore: what an outer handler wrote first has taken the headers
// along. The rest of the page is sent all the same.
func TestF203_BegunBefore(t *testing.T) {
	a := newApp(t, nil)
	rec := httptest.NewRecorder()
	outer := &written{ResponseWriter: rec}
	outer.Write([]byte("head "))
	a.guard.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		note.Set(middleware.Session(r), "x")
		if _, err := io.WriteString(w, "body"); err != nil {
			t.Errorf("Write: %v", err)
		}
	})).ServeHTTP(outer, httptest.NewRequest("GET", "/x", nil))
	expect(t, "body", rec.Body.String(), "head body")
	if e := a.seen("/x"); len(e) != 1 || !errors.Is(e[0].err, middleware.ErrBypassed) {
		t.Errorf("outcomes %+v, want one ErrBypassed", e)
	}
}

// TestF203_ErrorAfterwards: a router that answers 500 when its handlers, and the
// guard around them, have returned. The session was saved as if all were well.
func TestF203_ErrorAfterwards(t *testing.T) {
	for _, tt := range []struct {
		status int
		set    bool
		wrong  int
		inside bool // by the handler, though it answered before: net/http ignores it
	}{{500, true, 1, false}, {404, true, 0, false}, {500, false, 0, false}, {500, true, 0, true}} {
		a := newApp(t, nil)
		var kept http.ResponseWriter
		a.guard.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if kept = w; tt.set {
				note.Set(middleware.Session(r), "x")
			}
			if tt.inside {
				w.WriteHeader(200)
				w.WriteHeader(tt.status)
			}
		})).ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/x", nil))
		if !tt.inside {
			http.Error(kept, "sorry", tt.status)
		}
		m := a.wrong("/x")
		expect(t, fmt.Sprint(tt), len(m), tt.wrong)
		for _, e := range m {
			expect(t, "mistake", e.err, middleware.ErrBypassed)
		}
	}
}

// TestF204_LateChange: a change after the first byte is reported like a read, for
// whoever doesn't look at its error. (Principal's are in package ssestore.)
func TestF204_LateChange(t *testing.T) {
	for name, change := range map[string]func(a *app, r *http.Request){
		"Set":      func(a *app, r *http.Request) { note.Set(middleware.Session(r), "late") },
		"Pop":      func(a *app, r *http.Request) { note.Pop(middleware.Session(r)) },
		"Delete":   func(a *app, r *http.Request) { note.Delete(middleware.Session(r)) },
		"Clear":    func(a *app, r *http.Request) { middleware.Session(r).Clear() },
		"Remember": func(a *app, r *http.Request) { middleware.Session(r).Remember(true) },
		"Login":    func(a *app, r *http.Request) { a.guard.Login(r, &user{ID: "bob"}) },
		"Logout":   func(a *app, r *http.Request) { a.guard.Logout(r) },
		"a guard": func(a *app, r *http.Request) {
			a.guard.StaffRequired(http.NotFoundHandler()).ServeHTTP(httptest.NewRecorder(), r)
		},
	} {
		t.Run(name, func(t *testing.T) {
			a := newApp(t, nil)
			a.mux.HandleFunc("/late", func(w http.ResponseWriter, r *http.Request) {
				a.guard.User(r) // the session is read in time
				note.Get(middleware.Session(r))
				io.WriteString(w, "x")
				change(a, r)
			})
			c := a.browser()
			a.login(c, "ann")
			a.do(c, "GET", "/set?v=x")
			a.do(c, "GET", "/late")
			if e := a.seen("/late"); len(e) != 1 || e[0].err != nil {
				t.Errorf("outcomes %+v, want one without an error", e)
			}
			if m := a.wrong("/late"); len(m) != 1 || !errors.Is(m[0].err, ssestore.ErrCommitted) {
				t.Errorf("mistakes %+v, want one ErrCommitted", m)
			}
		})
	}
}

// TestF205_EveryRefusal: whatever the guard answers in the handler's place reaches
// OnOutcome once, with its reason. One table for all of them.
func TestF205_EveryRefusal(t *testing.T) {
	broken := errors.New("broken")
	down := errors.New("down")
	noKey, err := keyring.New(keyring.NewKeyAt(time.Now().Add(time.Hour)))
	if err != nil {
		t.Fatal(err)
	}
	page, script, htmx := []string{}, []string{"Accept", "application/json"}, []string{"HX-Request", "true"}
	noPage := func(s *setup) { s.guard.LoginURL = "" }
	rule := func(err error) func(a *app, h http.Handler) http.Handler {
		return func(a *app, h http.Handler) http.Handler {
			return a.guard.Check(func(context.Context, *user) error { return err }, h)
		}
	}
	for _, tt := range []struct {
		name   string
		change func(*setup)
		as     string // who is logged in
		method string
		head   []string
		guard  func(a *app, h http.Handler) http.Handler
		before func(a *app)
		status int
		want   error
	}{
		{"anonymous page", nil, "", "GET", page, login, nil, 302, auth.ErrNoUser},
		{"anonymous script", nil, "", "GET", script, login, nil, 401, auth.ErrNoUser},
		{"anonymous htmx", nil, "", "GET", htmx, login, nil, 401, auth.ErrNoUser},
		{"anonymous, no login page", noPage, "", "GET", page, login, nil, 403, auth.ErrNoUser},
		{"anonymous at a staff page", nil, "", "GET", page, staff, nil, 302, auth.ErrNoUser},
		{"not staff", nil, "ann", "GET", page, staff, nil, 404, auth.ErrNotStaff},
		{"a rule refuses", nil, "ann", "GET", page, rule(auth.Forbidden("no")), nil, 403, auth.Forbidden("no")},
		{"a rule breaks", nil, "ann", "GET", page, rule(broken), nil, 500, broken},
		{"the user store is down", nil, "ann", "GET", page, login, func(a *app) { a.users.fail(down) }, 503, auth.ErrUserStore},
		{"the same for anyone", nil, "ann", "GET", page, anyone, func(a *app) { a.users.fail(down) }, 503, auth.ErrUserStore},
		{"the same at the login page", nil, "ann", "GET", page, form, func(a *app) { a.users.fail(down) }, 503, auth.ErrUserStore},
		{"logout by GET", nil, "ann", "GET", page, logout, nil, 405, middleware.ErrMethod},
		{"logout by GET, anonymous", nil, "", "GET", page, logout, nil, 405, middleware.ErrMethod},
		{"another site", nil, "ann", "POST", []string{"Sec-Fetch-Site", "cross-site"}, pass, nil, 403, middleware.ErrCrossOrigin},
		{"another site, by Origin", nil, "ann", "POST", []string{"Origin", "https://evil.example"}, pass, nil, 403, middleware.ErrCrossOrigin},
		{"another site, with an answer of the application's", func(s *setup) {
			s.guard.CrossOrigin = http.NewCrossOriginProtection()
			s.guard.CrossOrigin.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(418) }))
		}, "", "POST", []string{"Sec-Fetch-Site", "cross-site"}, pass, nil, 418, middleware.ErrCrossOrigin},
		{"in early data", nil, "ann", "POST", []string{"Early-Data", "1"}, pass, nil, 425, middleware.ErrTooEarly},
		{"the session can't be written", func(s *setup) { s.ring = noKey }, "", "GET", page, sets, nil, 500, cookie.ErrNoPrimary},

		{"passes", nil, "ann", "GET", page, login, nil, 200, nil},
		{"passes for anyone", nil, "", "GET", page, anyone, nil, 200, nil},
		{"already logged in", nil, "ann", "GET", page, form, nil, 303, nil},
		{"logs out", nil, "ann", "POST", page, logout, nil, 303, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a := newApp(t, tt.change)
			a.mux.Handle("/page", tt.guard(a, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if tt.want != nil {
					t.Error("passed")
				}
			})))
			c := a.browser()
			if tt.as != "" {
				a.login(c, tt.as)
			}
			if tt.before != nil {
				tt.before(a)
			}
			expect(t, "status", a.do(c, tt.method, "/page", tt.head...).status, tt.status)
			if e := a.seen("/page"); len(e) != 1 || !errors.Is(e[0].err, tt.want) {
				t.Errorf("outcomes %+v, want one with %v", e, tt.want)
			}
			expect(t, "mistakes", len(a.wrong("/page")), 0)
		})
	}
}

// TestF205_OutsideHandler: a refusal that needs no session tells the same mistake
// there as one that does, and each tells it once.
func TestF205_OutsideHandler(t *testing.T) {
	a := newApp(t, nil)
	for method, status := range map[string]int{"GET": 405, "POST": 500} {
		rec := a.serve(a.guard.LogoutHandler("/"), method, "/"+method)
		expect(t, method, rec.Code, status)
		if m := a.wrong("/" + method); len(m) != 1 || !errors.Is(m[0].err, ssestore.ErrNoSession) {
			t.Errorf("%s: mistakes %+v, want one ErrNoSession", method, m)
		}
		expect(t, method+" outcomes", len(a.seen("/"+method)), 0)
	}
}

// The guards of TestF205_EveryRefusal.
func login(a *app, h http.Handler) http.Handler  { return a.guard.LoginRequired(h) }
func staff(a *app, h http.Handler) http.Handler  { return a.guard.StaffRequired(h) }
func form(a *app, h http.Handler) http.Handler   { return a.guard.LoginHandler("/who", h) }
func logout(a *app, _ http.Handler) http.Handler { return a.guard.LogoutHandler("/who") }
func pass(_ *app, h http.Handler) http.Handler   { return h }
func anyone(a *app, h http.Handler) http.Handler {
	return a.guard.ForAnyone(func(w http.ResponseWriter, r *http.Request, _ *user, _ bool) { h.ServeHTTP(w, r) })
}
func sets(*app, http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { note.Set(middleware.Session(r), "x") })
}

// TestF210_OncePerResponse: OnOutcome has one call for a response, so that what it
// stores isn't overwritten. What has no response, or comes later, is a mistake.
func TestF210_OncePerResponse(t *testing.T) {
	a := newApp(t, hijackable)
	a.mux.HandleFunc("/all", func(w http.ResponseWriter, r *http.Request) {
		note.Set(middleware.Session(r), "x")
		http.NewResponseController(w).Hijack()
		http.NewResponseController(w).Hijack()
		io.WriteString(w, "x")
		note.Set(middleware.Session(r), "late")
		note.Get(middleware.Session(r))
		a.guard.StaffRequired(http.NotFoundHandler()).ServeHTTP(w, r)
	})
	a.do(a.browser(), "GET", "/all")
	if e := a.seen("/all"); len(e) != 1 || e[0].err != nil || len(e[0].out.SetCookie) == 0 {
		t.Errorf("outcomes %+v, want the one of the cookie", e)
	}
	var got []error
	for _, m := range a.wrong("/all") {
		got = append(got, m.err)
	}
	if !slices.Equal(got, []error{middleware.ErrUncommitted, ssestore.ErrCommitted}) {
		t.Errorf("mistakes %v, want ErrUncommitted and ErrCommitted, once each", got)
	}
}

// TestT5_WhatALogLineSays: methods and hosts come from whoever sends the request,
// so a log line names those that have the form of one.
func TestT5_WhatALogLineSays(t *testing.T) {
	for _, method := range []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "CONNECT", "OPTIONS", "TRACE"} {
		got, _ := middleware.MethodAndHost(&http.Request{Method: method})
		expect(t, method, got, method)
	}
	for method, want := range map[string]string{"": "GET", "get": "other", "BREW": "other", "GET\n": "other"} {
		got, _ := middleware.MethodAndHost(&http.Request{Method: method})
		expect(t, method, got, want)
	}
	for _, host := range []string{"", "example.com", "Example.COM:8443", "my-host_1", "[::1]:80", strings.Repeat("a", 253) + ":65535"} {
		_, got := middleware.MethodAndHost(&http.Request{Host: host})
		expect(t, host, got, host)
	}
	for _, host := range []string{"a b", "a\nb", "a/b", "a@b", "größe", "a;b", strings.Repeat("a", 260)} {
		_, got := middleware.MethodAndHost(&http.Request{Host: host})
		expect(t, host, got, "other")
	}
}

// TestOrigin: what a browser says of its own scheme, where it can be believed.
func TestOrigin(t *testing.T) {
	for _, tt := range []struct {
		name, method string
		header       http.Header
		scheme, host string
	}{
		{"https", "POST", head("Origin", "https://example.com"), "https", "example.com"},
		{"http", "POST", head("Origin", "http://example.com"), "http", "example.com"},
		{"http from a secure context", "POST", head("Origin", "http://example.com", "Sec-Fetch-Site", "same-origin"), "", ""},
		{"GET", "GET", head("Origin", "https://example.com"), "", ""},
		{"HEAD", "HEAD", head("Origin", "https://example.com"), "", ""},
		{"none", "POST", head(), "", ""},
		{"null", "POST", head("Origin", "null"), "", ""},
		{"another host", "POST", head("Origin", "https://evil.example"), "", ""},
		{"twice", "POST", head("Origin", "https://example.com", "Origin", "https://example.com"), "", ""},
	} {
		r := httptest.NewRequest(tt.method, "/", nil)
		r.Host, r.Header = "example.com", tt.header
		scheme, host := middleware.Origin(r)
		expect(t, tt.name, scheme+" "+host, tt.scheme+" "+tt.host)
	}
}

// TestF202_NothingToDrop: a request that sets no cookie loses none.
func TestF202_NothingToDrop(t *testing.T) {
	var book logbook
	a := newApp(t, func(s *setup) { s.guard.Log = book.logger() })
	a.serve(a.server.Config.Handler, "POST", "http://192.168.1.7:8080/who", "Origin", "http://192.168.1.7:8080")
	expect(t, "logged", book.words(t), "")
	expect(t, "mistakes", len(a.wrong("/who")), 0)
}
