package middleware_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/middleware"
	"github.com/hardtack-go/hardtack/ssestore"
)

// TestContext_IsTheRequests: deadlines, cancellation and values of the
// request's own context pass, and deriving from it starts no goroutine.
func TestContext_IsTheRequests(t *testing.T) {
	a := newApp(t, nil)
	type key struct{}
	cause := errors.New("cause")
	parent, cancel := context.WithCancelCause(context.WithValue(context.Background(), key{}, "value"))
	r := httptest.NewRequest("GET", "/", nil).WithContext(parent)
	a.guard.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx := r.Context()
		expect(t, "value", ctx.Value(key{}), any("value"))
		child, stop := context.WithCancel(ctx)
		defer stop()
		// Many, because the goroutines of other connections come and go.
		const derived = 1000
		before := runtime.NumGoroutine()
		for range derived {
			_, stop := context.WithCancel(ctx)
			defer stop()
		}
		if n := runtime.NumGoroutine() - before; n >= derived/2 {
			t.Errorf("%d derived contexts started %d goroutines", derived, n)
		}
		if _, ok := ctx.Deadline(); ok {
			t.Error("a deadline from nowhere")
		}
		cancel(cause)
		<-child.Done()
		expect(t, "cause", context.Cause(child), cause)
		expect(t, "error", ctx.Err(), context.Canceled)
		// A context that outlives the request still finds the session.
		if s := middleware.Session(r.WithContext(context.WithoutCancel(ctx))); s == nil {
			t.Error("no session in a derived context")
		}
	})).ServeHTTP(httptest.NewRecorder(), r)
}

// TestT1_NothingPrintsTheCookie: contexts and writers end up in logs. They hold
// raw cookies, and must not show them.
func TestT1_NothingPrintsTheCookie(t *testing.T) {
	const canary = "canary-5f1c9a"
	forms := []string{canary, hex.EncodeToString([]byte(canary)), base64.StdEncoding.EncodeToString([]byte(canary)),
		strings.Trim(fmt.Sprint([]byte(canary)), "[]")}
	a := newApp(t, nil)
	r := httptest.NewRequest("GET", "/", nil)
	r.Header.Set("Cookie", a.store.CookieName()+"="+canary)
	a.guard.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		child, stop := context.WithTimeout(r.Context(), time.Hour)
		defer stop()
		var b strings.Builder
		values := []any{r.Context(), child, w, middleware.Session(r), struct{ w http.ResponseWriter }{w}, []any{r.Context()}, a.guard, a.store}
		for _, v := range values {
			for _, verb := range "vsqdxXtbcoOUeEfFgGpT" {
				for _, flag := range []string{"", "+", "#"} {
					fmt.Fprintf(&b, "%"+flag+string(verb)+"\n", v)
				}
			}
			j, _ := json.Marshal(v)
			b.Write(j)
			slog.New(slog.NewTextHandler(&b, nil)).Info("x", "v", v)
			slog.New(slog.NewJSONHandler(&b, nil)).Info("x", "v", v)
		}
		for _, form := range forms {
			if i := strings.Index(b.String(), form); i >= 0 {
				t.Errorf("the cookie as %q in %q", form, b.String()[max(0, i-200):min(b.Len(), i+50)])
			}
		}
	})).ServeHTTP(httptest.NewRecorder(), r)
}

// TestTwoGuards: customers and staff with a cookie each, one inside the other.
// Each guard finds its own session, Session the inner one, and both are written.
func TestTwoGuards(t *testing.T) {
	a := newApp(t, nil)
	store, err := ssestore.New(ssestore.Config{Keys: a.keys, Cookie: cookie.Config{Name: "__Host-staff"}})
	if err != nil {
		t.Fatal(err)
	}
	inner, err := middleware.New(store, a.accounts, middleware.Config{Now: a.now})
	if err != nil {
		t.Fatal(err)
	}
	a.mux.Handle("/inner/", inner.Handler(http.StripPrefix("/inner", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		u, _ := a.users.find(r.Context(), "root")
		if r.URL.Path == "/login" {
			if err := a.accounts.Login(r.Context(), middleware.Session(r), u); err != nil {
				t.Error(err)
			}
		}
		who := func(g *middleware.Guard[*user]) {
			g.ForAnyone(func(w http.ResponseWriter, r *http.Request, u *user, ok bool) {
				if ok {
					io.WriteString(w, u.ID+" ")
				} else {
					io.WriteString(w, "nobody ")
				}
			}).ServeHTTP(w, r)
		}
		who(a.guard)
		who(inner)
	}))))
	c := a.browser()
	a.login(c, "ann")
	expect(t, "before", a.do(c, "GET", "/inner/").body, "ann nobody ")
	r := a.do(c, "GET", "/inner/login")
	expect(t, "at the login", r.body, "ann root ")
	expect(t, "Set-Cookie", strings.HasPrefix(r.header.Get("Set-Cookie"), "__Host-staff="), true)
	expect(t, "after", a.do(c, "GET", "/inner/").body, "ann root ")
	a.do(c, "POST", "/logout")
	expect(t, "after the outer logout", a.do(c, "GET", "/inner/").body, "nobody root ")
}

// TestHandler_Twice: the inner one does nothing.
func TestHandler_Twice(t *testing.T) {
	var a *app
	a = newApp(t, func(s *setup) {
		s.inside = func(h http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				outer := middleware.Session(r)
				a.guard.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					expect(t, "one session", middleware.Session(r), outer)
					h.ServeHTTP(w, r)
				})).ServeHTTP(w, r)
			})
		}
	})
	c := a.browser()
	expect(t, "Set-Cookie lines", len(a.do(c, "GET", "/set?v=x").cookies(a)), 1)
	expect(t, "note", a.do(c, "GET", "/get").body, "x")
	expect(t, "outcomes", len(a.seen("/get")), 1)
}

// TestSession_OpenedOnce: concurrent first calls give one session.
func TestSession_OpenedOnce(t *testing.T) {
	a := newApp(t, nil)
	a.mux.HandleFunc("/once", func(w http.ResponseWriter, r *http.Request) {
		first := make(chan *ssestore.Session, 8)
		for range cap(first) {
			go func() { first <- middleware.Session(r) }()
		}
		s := <-first
		for range cap(first) - 1 {
			if other := <-first; other != s {
				t.Error("two sessions in one request")
			}
		}
	})
	a.do(a.browser(), "GET", "/once")
}

// TestSession_CookieHeaderTaken: a handler that hides the cookies from what it
// calls does not hide the session from itself.
func TestSession_CookieHeaderTaken(t *testing.T) {
	a := newApp(t, nil)
	a.mux.HandleFunc("/proxy", func(w http.ResponseWriter, r *http.Request) {
		r.Header.Del("Cookie")
		io.WriteString(w, note.Get(middleware.Session(r)))
	})
	c := a.browser()
	a.do(c, "GET", "/set?v=x")
	expect(t, "note", a.do(c, "GET", "/proxy").body, "x")
}

// TestHandler_UploadLeavesNoFiles: net/http removes the temporary files of a
// multipart form after the response, also when the handler ran behind us, or panicked
// and somebody outside recovered.
func TestHandler_UploadLeavesNoFiles(t *testing.T) {
	tmp := t.TempDir()
	t.Setenv("TMPDIR", tmp)
	during := 0
	a := newApp(t, func(s *setup) {
		plain(s)
		s.around = func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				defer func() {
					if recover() != nil {
						w.WriteHeader(http.StatusInternalServerError)
					}
				}()
				next.ServeHTTP(w, r)
			})
		}
	})
	upload := func(w http.ResponseWriter, r *http.Request) {
		if err := r.ParseMultipartForm(1); err != nil {
			t.Error(err)
		}
		files, _ := os.ReadDir(tmp)
		during = len(files)
	}
	a.mux.HandleFunc("POST /upload", upload)
	a.mux.HandleFunc("POST /panic", func(w http.ResponseWriter, r *http.Request) {
		upload(w, r)
		panic("the handler's own")
	})
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	file, err := form.CreateFormFile("file", "large.bin")
	if err != nil {
		t.Fatal(err)
	}
	file.Write(make([]byte, 11<<20)) // more than the 10 MB that stay in memory anyway
	form.Close()
	for path, status := range map[string]int{"/upload": 200, "/panic": 500} {
		r, err := http.Post(a.server.URL+path, form.FormDataContentType(), bytes.NewReader(body.Bytes()))
		if err != nil {
			t.Fatal(err)
		}
		r.Body.Close()
		expect(t, "status", r.StatusCode, status)
		expect(t, "files during "+path, during, 1)
	}
	a.server.Close() // waits for the requests to end
	if files, err := os.ReadDir(tmp); err != nil || len(files) != 0 {
		t.Errorf("%d files afterwards, want 0: %v", len(files), err)
	}
}
