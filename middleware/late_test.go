package middleware_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/keyring"
	"github.com/hardtack-go/hardtack/middleware"
	"github.com/hardtack-go/hardtack/ssestore"
)

// TestR11_PanicCommitsNothing: a panic passes, http.ErrAbortHandler too, and
// the session stays as it was.
func TestR11_PanicCommitsNothing(t *testing.T) {
	for _, tt := range []struct {
		name     string
		value    any
		recovers string // where something recovers and answers 500
		status   int    // 0: the connection is cut
	}{
		{"string", "broken", "", 0},
		{"ErrAbortHandler", http.ErrAbortHandler, "", 0},
		{"recovered outside", "broken", "outside", 500},
		{"recovered inside", "broken", "inside", 500},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var passed atomic.Value
			recoverer := func(h http.Handler) http.Handler {
				return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					defer func() {
						if v := recover(); v != nil {
							passed.Store(v)
							http.Error(w, "sorry", http.StatusInternalServerError)
						}
					}()
					h.ServeHTTP(w, r)
				})
			}
			a := newApp(t, func(s *setup) {
				switch tt.recovers {
				case "outside":
					s.around = recoverer
				case "inside":
					s.inside = recoverer
				}
			})
			a.mux.HandleFunc("/panic", func(w http.ResponseWriter, r *http.Request) {
				note.Set(middleware.Session(r), "half done")
				panic(tt.value)
			})
			c := a.browser()
			a.do(c, "GET", "/set?v=before")
			r := a.do(c, "GET", "/panic")
			expect(t, "status", r.status, tt.status)
			expect(t, "Set-Cookie lines", len(r.header["Set-Cookie"]), 0)
			expect(t, "note", a.do(c, "GET", "/get").body, "before")
			if tt.recovers == "outside" {
				expect(t, "the panic that passed", passed.Load(), any(tt.value))
				expect(t, "outcomes", len(a.seen("/panic")), 0)
			}
		})
	}
}

// expiring is a context whose deadline passes when the test says so, and not while the
// handler waits for a processor.
type expiring struct {
	context.Context
	passed chan struct{}
	once   sync.Once
}

func (e *expiring) Done() <-chan struct{} { return e.passed }

func (e *expiring) Err() error {
	select {
	case <-e.passed:
		return context.DeadlineExceeded
	default:
		return e.Context.Err()
	}
}

func (e *expiring) Value(key any) any {
	if key == (expiringKey{}) {
		return e
	}
	return e.Context.Value(key)
}

type expiringKey struct{}

// timeout is http.TimeoutHandler with a timeout that expire brings about.
func timeout(h http.Handler) http.Handler {
	h = http.TimeoutHandler(h, time.Hour, "too late")
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.ServeHTTP(w, r.WithContext(&expiring{Context: r.Context(), passed: make(chan struct{})}))
	})
}

// expire lets the deadline of a request behind timeout pass.
func expire(r *http.Request) {
	e := r.Context().Value(expiringKey{}).(*expiring)
	e.once.Do(func() { close(e.passed) })
}

// TestTimeoutHandler_Inside: the handler that was left behind may go on using
// its request and session; it changes nothing any more. (Run with -race.)
func TestTimeoutHandler_Inside(t *testing.T) {
	late := make(chan struct{})
	result := make(chan error, 2)
	a := newApp(t, func(s *setup) {
		s.inside = timeout
	})
	a.mux.HandleFunc("/slow", func(w http.ResponseWriter, r *http.Request) {
		s := middleware.Session(r)
		note.Set(s, "in time")
		expire(r)
		<-late
		result <- note.Set(s, "late")
		result <- note.Set(middleware.Session(r), "late")
		w.Write([]byte("late"))
	})
	a.mux.HandleFunc("/first", func(w http.ResponseWriter, r *http.Request) {
		expire(r)
		<-late
		result <- note.Set(middleware.Session(r), "late")
	})
	c := a.browser()
	r := a.do(c, "GET", "/slow")
	expect(t, "status", r.status, 503)
	expect(t, "Set-Cookie lines", len(r.header["Set-Cookie"]), 0)
	expect(t, "status", a.do(c, "GET", "/first").status, 503)
	close(late)
	for range 3 {
		if err := <-result; !errors.Is(err, ssestore.ErrCommitted) {
			t.Errorf("a change after the timeout: %v, want ErrCommitted", err)
		}
	}
	for _, e := range append(a.seen("/slow"), a.wrong("/slow")...) {
		if e.err != nil { // its caller was told, or had the session in time
			t.Errorf("reported: %v", e.err)
		}
	}
	if e := a.wrong("/first"); len(e) != 1 || !errors.Is(e[0].err, ssestore.ErrCommitted) {
		t.Errorf("first use after the response: %+v, want ErrCommitted", e)
	}
}

// TestTimeoutHandler_InTime: it is as if TimeoutHandler were not there, though
// what the handler writes is held back until it returns.
func TestTimeoutHandler_InTime(t *testing.T) {
	timeout := func(h http.Handler) http.Handler { return http.TimeoutHandler(h, time.Hour, "too late") }
	for name, change := range map[string]func(*setup){
		"inside":  func(s *setup) { s.inside = timeout },
		"outside": func(s *setup) { s.around = timeout },
	} {
		a := newApp(t, change)
		a.mux.HandleFunc("/quick", func(w http.ResponseWriter, r *http.Request) {
			note.Set(middleware.Session(r), "quick")
			io.WriteString(w, "body")
		})
		c := a.browser()
		expect(t, name, len(a.do(c, "GET", "/quick").cookies(a)), 1)
		expect(t, name, a.do(c, "GET", "/get").body, "quick")
	}
}

// TestTimeoutHandler_Outside: our writer is the one that is left behind.
func TestTimeoutHandler_Outside(t *testing.T) {
	late, done := make(chan struct{}), make(chan struct{})
	a := newApp(t, func(s *setup) {
		s.around = timeout
	})
	a.mux.HandleFunc("/slow", func(w http.ResponseWriter, r *http.Request) {
		defer close(done)
		note.Set(middleware.Session(r), "in time")
		expire(r)
		<-late
		if _, err := w.Write([]byte("late")); !errors.Is(err, http.ErrHandlerTimeout) {
			t.Errorf("Write: %v", err)
		}
	})
	r := a.do(a.browser(), "GET", "/slow")
	expect(t, "status", r.status, 503)
	expect(t, "Set-Cookie lines", len(r.header["Set-Cookie"]), 0)
	close(late)
	<-done
}

// TestLate: a session that is used for the first time after the response is
// reported, whether or not the handler had asked for it before.
func TestLate(t *testing.T) {
	for _, early := range []bool{false, true} {
		a := newApp(t, nil)
		a.mux.HandleFunc("/late", func(w http.ResponseWriter, r *http.Request) {
			s := (*ssestore.Session)(nil)
			if early {
				s = middleware.Session(r)
			}
			io.WriteString(w, "body")
			if !early {
				s = middleware.Session(r)
			}
			expect(t, "a late read still reads", note.Get(s), "x")
		})
		c := a.browser()
		a.do(c, "GET", "/set?v=x")
		expect(t, "Vary", a.do(c, "GET", "/late").header.Get("Vary"), "")
		if e := a.wrong("/late"); len(e) != 1 || !errors.Is(e[0].err, ssestore.ErrCommitted) {
			t.Errorf("mistakes %+v, want one ErrCommitted", e)
		}
	}
}

// TestLate_OnlyAsked: to ask for the session and not to use it is no mistake.
func TestLate_OnlyAsked(t *testing.T) {
	a := newApp(t, nil)
	a.mux.HandleFunc("/log", func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, "body")
		_ = middleware.Session(r)
	})
	a.do(a.browser(), "GET", "/log")
	expect(t, "reports", len(a.seen("/log"))+len(a.wrong("/log")), 0)
}

// statuses records each WriteHeader.
type statuses struct {
	bare
	list *[]int
}

func (s statuses) WriteHeader(status int) { *s.list = append(*s.list, status) }

// TestCommitFails_OneStatus: the handler's own status does not follow the 500.
func TestCommitFails_OneStatus(t *testing.T) {
	ring, err := keyring.New(keyring.NewKeyAt(time.Now().Add(time.Hour)))
	if err != nil {
		t.Fatal(err)
	}
	a := newApp(t, func(s *setup) { s.ring = ring })
	var list []int
	a.guard.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		note.Set(middleware.Session(r), "x")
		w.WriteHeader(http.StatusCreated)
		w.WriteHeader(http.StatusCreated)
	})).ServeHTTP(statuses{bare{httptest.NewRecorder()}, &list}, httptest.NewRequest("GET", "/", nil))
	if len(list) != 1 || list[0] != http.StatusInternalServerError {
		t.Errorf("statuses %v, want one 500", list)
	}
}

// TestCommitFails: a change that cannot be sealed replaces the answer by 500,
// since the answer may say that it was saved. It is reported once.
func TestCommitFails(t *testing.T) {
	ways := map[string]func(w http.ResponseWriter) error{
		"Write":       func(w http.ResponseWriter) error { _, err := w.Write([]byte("saved!")); return err },
		"WriteString": func(w http.ResponseWriter) error { _, err := io.WriteString(w, "saved!"); return err },
		"ReadFrom": func(w http.ResponseWriter) error {
			_, err := io.Copy(w, struct{ io.Reader }{strings.NewReader("saved!")})
			return err
		},
		"ReadFrom a file": func(w http.ResponseWriter) error {
			f, err := os.Open("doc.go")
			if err != nil {
				return err
			}
			defer f.Close()
			_, err = io.CopyN(w, f, 100) // as http.ServeContent does
			return err
		},
		"Flush": func(w http.ResponseWriter) error { return http.NewResponseController(w).Flush() },
		"WriteHeader": func(w http.ResponseWriter) error {
			w.WriteHeader(http.StatusSeeOther)
			_, err := w.Write([]byte("saved!"))
			return err
		},
		"Commit": func(w http.ResponseWriter) error { _, err := middleware.Commit(w); return err },
		"Hijack": func(w http.ResponseWriter) error {
			if _, _, err := http.NewResponseController(w).Hijack(); !errors.Is(err, middleware.ErrUncommitted) {
				return err
			}
			_, err := middleware.Commit(w)
			return err
		},
		"return": func(w http.ResponseWriter) error { return cookie.ErrNoPrimary },
	}
	for name, way := range ways {
		t.Run(name, func(t *testing.T) {
			// The only key is not active yet: nothing can be sealed.
			ring, err := keyring.New(keyring.NewKeyAt(time.Now().Add(time.Hour)))
			if err != nil {
				t.Fatal(err)
			}
			a := newApp(t, func(s *setup) { s.ring, s.http1 = ring, name == "Hijack" })
			a.mux.HandleFunc("/saved", func(w http.ResponseWriter, r *http.Request) {
				note.Set(middleware.Session(r), "x")
				h := w.Header()
				h.Set("Content-Type", "text/html")
				h.Set("Content-Length", "6")
				h.Set("Location", "/welcome")
				h.Set("ETag", `"1"`)
				if err := way(w); !errors.Is(err, cookie.ErrNoPrimary) {
					t.Errorf("the handler was told %v, want ErrNoPrimary", err)
				}
			})
			r := a.do(a.browser(), "GET", "/saved")
			expect(t, "status", r.status, 500)
			expect(t, "body", r.body, "500 Internal Server Error\nThe session could not be saved.\n")
			expect(t, "Location and ETag", r.header.Get("Location")+r.header.Get("ETag"), "")
			expect(t, "Content-Type", r.header.Get("Content-Type"), "text/plain; charset=utf-8")
			expect(t, "Cache-Control", strings.Contains(r.header.Get("Cache-Control"), "no-store"), true)
			expect(t, "Set-Cookie lines", len(r.header["Set-Cookie"]), 0)
			e := a.seen("/saved")
			if len(e) != 1 || !errors.Is(e[0].err, cookie.ErrNoPrimary) {
				t.Errorf("reports %+v, want one ErrNoPrimary", e)
			}
		})
	}
}

// TestF307_PanicsCommitNothing: WriteHeader of a status that net/http doesn't take,
// and a reader, panic before anything is committed, so that the answer of whoever
// recovers doesn't carry the login cookie.
func TestF307_PanicsCommitNothing(t *testing.T) {
	for name, way := range map[string]func(w http.ResponseWriter){
		"status 0":       func(w http.ResponseWriter) { w.WriteHeader(0) },
		"status -1":      func(w http.ResponseWriter) { w.WriteHeader(-1) },
		"status 99":      func(w http.ResponseWriter) { w.WriteHeader(99) },
		"status 1000":    func(w http.ResponseWriter) { w.WriteHeader(1000) },
		"a reader":       func(w http.ResponseWriter) { io.Copy(w, panicReader{}) },
		"a short reader": func(w http.ResponseWriter) { io.CopyN(w, panicReader{}, 10) },
		"no reader":      func(w http.ResponseWriter) { w.(io.ReaderFrom).ReadFrom(nil) },
	} {
		t.Run(name, func(t *testing.T) {
			a := newApp(t, func(s *setup) {
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
			a.mux.HandleFunc("/x", func(w http.ResponseWriter, r *http.Request) {
				u, _ := a.users.find(r.Context(), "ann")
				if err := a.guard.Login(r, u); err != nil {
					t.Error(err)
				}
				way(w)
			})
			c := a.browser()
			r := a.do(c, "POST", "/x")
			expect(t, "status", r.status, 500)
			expect(t, "Set-Cookie lines", len(r.header["Set-Cookie"]), 0)
			expect(t, "who", a.who(c), "nobody")
		})
	}
	// Once a status is out, net/http logs the second one and doesn't panic.
	a := newApp(t, nil)
	a.mux.HandleFunc("/twice", func(w http.ResponseWriter, r *http.Request) {
		note.Set(a.guard.Session(r), "x")
		w.WriteHeader(http.StatusAccepted)
		w.WriteHeader(0)
	})
	r := a.do(a.browser(), "POST", "/twice")
	expect(t, "status", r.status, 202)
	expect(t, "cookies", len(r.cookies(a)), 1)
}

type panicReader struct{}

func (panicReader) Read([]byte) (int, error) { panic("reader") }

// TestF308_NothingOfTheAnswerNotSent: the 500 in place of an answer carries none of
// its fields that say where to go or what came with it, and keeps those of the site.
func TestF308_NothingOfTheAnswerNotSent(t *testing.T) {
	a := newApp(t, noPrimary(t))
	gone := []string{
		"Refresh", "HX-Redirect", "HX-Location", "HX-Trigger", "HX-Refresh", "HX-Push-Url", "X-Inertia", "X-Inertia-Location", "X-Up-Location", "Location",
		"Content-Location", "Content-Language", "Content-Encoding", "Content-Disposition", "Link", "ETag", "Last-Modified", "Accept-Ranges", "Expires", "Age",
		"Retry-After", "Allow", "Trailer", "Repr-Digest", "X-Accel-Redirect", "X-Sendfile", "Set-Login", "Speculation-Rules", "SourceMap", "X-Of-The-Application",
	}
	stay := []string{
		"Content-Security-Policy", "Strict-Transport-Security", "X-Frame-Options", "Referrer-Policy", "Permissions-Policy", "Cross-Origin-Opener-Policy",
		"Access-Control-Allow-Origin", "Access-Control-Allow-Credentials", "X-Request-Id", "Traceparent", "Server-Timing",
	}
	a.mux.HandleFunc("/saved", func(w http.ResponseWriter, r *http.Request) {
		for _, name := range append(gone, stay...) {
			w.Header().Set(name, "value")
		}
		w.Header()["hx-retarget"] = []string{"value"} // in a spelling of its own
		w.Header().Set("Set-Cookie", "theme=dark")
		w.Header().Set("Vary", "Accept")
		note.Set(a.guard.Session(r), "x")
	})
	r := a.do(a.browser(), "POST", "/saved")
	expect(t, "status", r.status, 500)
	for _, name := range append(gone, "HX-Retarget") {
		expect(t, name, r.header.Get(name), "")
	}
	for _, name := range stay {
		expect(t, name, r.header.Get(name), "value")
	}
	expect(t, "Set-Cookie", r.header.Get("Set-Cookie"), "theme=dark")
	expect(t, "Vary", r.header.Get("Vary"), "Accept, Cookie")
	expect(t, "Cache-Control", r.header.Get("Cache-Control"), "no-store")
}
