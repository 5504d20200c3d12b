package middleware_test

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hardtack-go/hardtack/middleware"
	"github.com/hardtack-go/hardtack/ssestore"
)

// raw sends a request line over a fresh connection and returns the connection
// and its reader.
func (a *app) raw(path string, headers ...string) (net.Conn, *bufio.Reader) {
	a.t.Helper()
	conn, err := net.Dial("tcp", a.server.Listener.Addr().String())
	if err != nil {
		a.t.Fatal(err)
	}
	a.t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(time.Minute)) // a test that hangs should say where
	var b bytes.Buffer
	b.WriteString("GET " + path + " HTTP/1.1\r\nHost: testserver\r\n")
	for i := 0; i < len(headers); i += 2 {
		b.WriteString(headers[i] + ": " + headers[i+1] + "\r\n")
	}
	b.WriteString("\r\n")
	conn.Write(b.Bytes())
	return conn, bufio.NewReader(conn)
}

// block reads one block of status line and headers.
func block(t *testing.T, r *bufio.Reader) string {
	t.Helper()
	var b strings.Builder
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			t.Fatalf("reading headers: %v after %q", err, b.String())
		}
		if line == "\r\n" {
			return b.String()
		}
		b.WriteString(line)
	}
}

// TestR12_CookieBeforeFirstByte: whatever sends the first byte, the cookie is
// there, once, and what comes later is an error.
func TestR12_CookieBeforeFirstByte(t *testing.T) {
	file := filepath.Join(t.TempDir(), "page.txt")
	if err := os.WriteFile(file, []byte("from a file"), 0o600); err != nil {
		t.Fatal(err)
	}
	ways := map[string]func(w http.ResponseWriter, r *http.Request){
		"return":      func(w http.ResponseWriter, r *http.Request) {},
		"WriteHeader": func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusAccepted) },
		"Write":       func(w http.ResponseWriter, r *http.Request) { w.Write([]byte("x")) },
		"WriteString": func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "x") },
		"Flush":       func(w http.ResponseWriter, r *http.Request) { w.(http.Flusher).Flush() },
		"FlushError": func(w http.ResponseWriter, r *http.Request) {
			if err := w.(interface{ FlushError() error }).FlushError(); err != nil {
				t.Error(err)
			}
		},
		"ResponseController.Flush": func(w http.ResponseWriter, r *http.Request) {
			if err := http.NewResponseController(w).Flush(); err != nil {
				t.Error(err)
			}
		},
		"ResponseController.Flush through another wrapper": func(w http.ResponseWriter, r *http.Request) {
			if err := http.NewResponseController(unwrapper{w}).Flush(); err != nil {
				t.Error(err)
			}
		},
		"io.Copy": func(w http.ResponseWriter, r *http.Request) {
			f, err := os.Open(file)
			if err != nil {
				t.Error(err)
				return
			}
			defer f.Close()
			if n, err := io.Copy(w, f); n != 11 || err != nil {
				t.Errorf("io.Copy: %d, %v", n, err)
			}
		},
		"ServeFile": func(w http.ResponseWriter, r *http.Request) { http.ServeFile(w, r, file) },
		"Redirect":  func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/", http.StatusSeeOther) },
		"NotFound":  http.NotFound,
		"103 and then Write": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Link", "</s.css>; rel=preload")
			w.WriteHeader(http.StatusEarlyHints)
			w.Write([]byte("x"))
		},
		"deadline, full duplex, Write": func(w http.ResponseWriter, r *http.Request) {
			rc := http.NewResponseController(w)
			if err := errors.Join(rc.SetWriteDeadline(time.Now().Add(time.Minute)), rc.SetReadDeadline(time.Now().Add(time.Minute)), rc.EnableFullDuplex()); err != nil {
				t.Error(err)
			}
			w.Write([]byte("x"))
		},
	}
	for name, way := range ways {
		t.Run(name, func(t *testing.T) {
			a := newApp(t, nil)
			a.mux.HandleFunc("/way", func(w http.ResponseWriter, r *http.Request) {
				s := middleware.Session(r)
				if err := note.Set(s, "first"); err != nil {
					t.Error(err)
				}
				way(w, r)
				if name == "return" {
					return
				}
				if err := note.Set(s, "second"); !errors.Is(err, ssestore.ErrCommitted) {
					t.Errorf("a change after the first byte: %v, want ErrCommitted", err)
				}
			})
			c := a.browser()
			r := a.do(c, "GET", "/way")
			expect(t, "Set-Cookie lines", len(r.cookies(a)), 1)
			expect(t, "Vary", r.header.Get("Vary"), "Cookie")
			expect(t, "note afterwards", a.do(c, "GET", "/get").body, "first")
			expect(t, "outcomes", len(a.seen("/way")), 1)
		})
	}
}

// unwrapper is a wrapper as many applications have one: for logging, say.
type unwrapper struct{ http.ResponseWriter }

func (u unwrapper) Unwrap() http.ResponseWriter { return u.ResponseWriter }

// TestR12_EarlyHints: the 103 goes out without a cookie, the final response
// with it, also when the session is changed in between.
func TestR12_EarlyHints(t *testing.T) {
	a := newApp(t, plain)
	a.mux.HandleFunc("/hints", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Link", "</s.css>; rel=preload")
		w.WriteHeader(http.StatusEarlyHints)
		w.WriteHeader(http.StatusProcessing)
		if err := note.Set(middleware.Session(r), "after the hint"); err != nil {
			t.Error(err)
		}
		io.WriteString(w, "body")
	})
	_, br := a.raw("/hints")
	for _, status := range []string{"103", "102"} {
		b := block(t, br)
		if !strings.HasPrefix(b, "HTTP/1.1 "+status) || strings.Contains(b, "Set-Cookie") {
			t.Errorf("informational response: %q", b)
		}
	}
	if b := block(t, br); !strings.HasPrefix(b, "HTTP/1.1 200") || strings.Count(b, "Set-Cookie: session=") != 1 {
		t.Errorf("final response: %q", b)
	}
}

// TestR12_ServerSentEvents: the cookie is with the client while the handler is
// still at work (express-openid-connect v3 lost it on an early flush).
func TestR12_ServerSentEvents(t *testing.T) {
	a := newApp(t, plain)
	done := make(chan error, 1)
	release := make(chan struct{})
	a.mux.HandleFunc("/events", func(w http.ResponseWriter, r *http.Request) {
		s := middleware.Session(r)
		note.Set(s, "listening")
		w.Header().Set("Content-Type", "text/event-stream")
		io.WriteString(w, "data: 1\n\n")
		if err := http.NewResponseController(w).Flush(); err != nil {
			t.Error(err)
		}
		<-release
		done <- note.Set(s, "late")
	})
	_, br := a.raw("/events")
	b := block(t, br)
	if strings.Count(b, "Set-Cookie: session=") != 1 {
		t.Errorf("headers of the stream: %q", b)
	}
	close(release)
	if err := <-done; !errors.Is(err, ssestore.ErrCommitted) {
		t.Errorf("a change after the flush: %v, want ErrCommitted", err)
	}
}

// TestR12_EarlyFlushBeforeLogin: a flush before the login is an error at the
// login, not a login without a cookie.
func TestR12_EarlyFlushBeforeLogin(t *testing.T) {
	a := newApp(t, nil)
	a.mux.HandleFunc("/late", func(w http.ResponseWriter, r *http.Request) {
		s := middleware.Session(r)
		w.(http.Flusher).Flush()
		u, _ := a.users.find(r.Context(), "ann")
		if err := a.accounts.Login(r.Context(), s, u); !errors.Is(err, ssestore.ErrCommitted) {
			t.Errorf("Login after a flush: %v, want ErrCommitted", err)
		}
	})
	expect(t, "Set-Cookie lines", len(a.do(a.browser(), "GET", "/late").header["Set-Cookie"]), 0)
}

// countingConn counts what the server hands over as a whole: *net.TCPConn does
// sendfile in ReadFrom.
type countingConn struct {
	net.Conn
	reads *atomic.Int32
}

func (c countingConn) ReadFrom(r io.Reader) (int64, error) {
	c.reads.Add(1)
	return c.Conn.(*net.TCPConn).ReadFrom(r)
}

type countingListener struct {
	net.Listener
	reads *atomic.Int32
}

func (l countingListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	return countingConn{c, l.reads}, err
}

// TestR12_ReadFromKeepsSendfile: the file reaches the connection's ReadFrom and
// with it the kernel (alexedwards/scs#141), through our writer as without it.
func TestR12_ReadFromKeepsSendfile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "big")
	if err := os.WriteFile(file, bytes.Repeat([]byte("0123456789abcdef"), 1<<16), 0o600); err != nil {
		t.Fatal(err)
	}
	a := newApp(t, plain)
	a.mux.HandleFunc("/file", func(w http.ResponseWriter, r *http.Request) {
		note.Set(middleware.Session(r), "x")
		http.ServeFile(w, r, file)
	})
	var reads atomic.Int32
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: a.server.Config.Handler}
	go server.Serve(countingListener{l, &reads})
	t.Cleanup(func() { server.Close() })
	res, err := http.Get("http://" + l.Addr().String() + "/file")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	n, _ := io.Copy(io.Discard, res.Body)
	expect(t, "bytes", n, int64(1<<20))
	expect(t, "ReadFrom of the connection", reads.Load(), int32(1))
	expect(t, "Set-Cookie lines", len(res.Header["Set-Cookie"]), 1)
}

// noReaderFrom is a writer that changes what passes, as compression does. It
// must see every byte.
type upper struct{ http.ResponseWriter }

func (u upper) Write(p []byte) (int, error) { return u.ResponseWriter.Write(bytes.ToUpper(p)) }
func (u upper) Unwrap() http.ResponseWriter { return u.ResponseWriter }

func TestReadFrom_DoesNotPassOverAWrapper(t *testing.T) {
	a := newApp(t, func(s *setup) {
		s.around = func(h http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { h.ServeHTTP(upper{w}, r) })
		}
	})
	a.mux.HandleFunc("/copy", func(w http.ResponseWriter, r *http.Request) {
		io.Copy(w, struct{ io.Reader }{strings.NewReader("abc")})
	})
	a.mux.HandleFunc("/string", func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "abc") })
	for _, path := range []string{"/copy", "/string"} {
		expect(t, path, a.do(a.browser(), "GET", path).body, "ABC")
	}
}

// bare is the least a ResponseWriter can be.
type bare struct{ rec *httptest.ResponseRecorder }

func (b bare) Header() http.Header         { return b.rec.Header() }
func (b bare) Write(p []byte) (int, error) { return b.rec.Write(p) }
func (b bare) WriteHeader(status int)      { b.rec.WriteHeader(status) }

// TestWriter_NothingBelow: a writer that can neither flush nor hijack says so,
// and the session can still change, since no byte has left.
func TestWriter_NothingBelow(t *testing.T) {
	a := newApp(t, nil)
	rec := httptest.NewRecorder()
	h := a.guard.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		rc := http.NewResponseController(w)
		if err := rc.Flush(); !errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("Flush: %v", err)
		}
		if _, _, err := rc.Hijack(); !errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("Hijack: %v", err)
		}
		w.(http.Flusher).Flush()
		if err := note.Set(middleware.Session(r), "x"); err != nil {
			t.Errorf("Set after a flush that did nothing: %v", err)
		}
		io.Copy(w, strings.NewReader("copied"))
	}))
	h.ServeHTTP(bare{rec}, httptest.NewRequest("GET", "/", nil))
	expect(t, "body", rec.Body.String(), "copied")
	expect(t, "Set-Cookie lines", len(rec.Header()["Set-Cookie"]), 1)
}

// notifier is a writer that knows when the client has gone.
type notifier struct {
	http.ResponseWriter
	gone chan bool
}

func (n notifier) CloseNotify() <-chan bool { return n.gone }

// TestF203_CloseNotify: gin asks for it when it streams, without looking first.
func TestF203_CloseNotify(t *testing.T) {
	a := newApp(t, nil)
	below := notifier{httptest.NewRecorder(), make(chan bool, 1)}
	below.gone <- true
	for name, w := range map[string]http.ResponseWriter{"itself": below, "wrapped": unwrapper{below}, "none": bare{httptest.NewRecorder()}} {
		a.guard.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			select {
			case <-w.(interface{ CloseNotify() <-chan bool }).CloseNotify():
				expect(t, name+": gone", name != "none", true)
				below.gone <- true
			default:
				expect(t, name+": silent", name, "none")
			}
		})).ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	}
}

// TestWriter_HTTP2: no hijacking there, everything else works.
func TestWriter_HTTP2(t *testing.T) {
	a := newApp(t, func(s *setup) { s.http2 = true })
	a.mux.HandleFunc("/h2", func(w http.ResponseWriter, r *http.Request) {
		expect(t, "protocol", r.ProtoMajor, 2)
		note.Set(middleware.Session(r), "x")
		if _, _, err := http.NewResponseController(w).Hijack(); !errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("Hijack: %v", err)
		}
		w.WriteHeader(http.StatusEarlyHints)
		if err := http.NewResponseController(w).Flush(); err != nil {
			t.Error(err)
		}
		io.Copy(w, strings.NewReader("body"))
	})
	r := a.do(a.browser(), "GET", "/h2")
	expect(t, "body", r.body, "body")
	expect(t, "Set-Cookie lines", len(r.cookies(a)), 1)
}

// TestF309_BodyLimitOutside: a limit of the body that stands outside the guard reaches
// the server's own writer, and the answer comes at once and closes the connection. The
// client here never sends the rest, for which the server would wait otherwise.
func TestF309_BodyLimitOutside(t *testing.T) {
	for name, limit := range map[string]func(http.Handler) http.Handler{
		"MaxBytesHandler": func(next http.Handler) http.Handler { return http.MaxBytesHandler(next, 1000) },
		"MaxBytesReader": func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				r.Body = http.MaxBytesReader(w, r.Body, 1000)
				next.ServeHTTP(w, r)
			})
		},
	} {
		a := newApp(t, func(s *setup) { s.clear, s.around = true, limit })
		a.mux.HandleFunc("/form", func(w http.ResponseWriter, r *http.Request) {
			note.Set(middleware.Session(r), "x")
			var tooLarge *http.MaxBytesError
			if _, err := io.ReadAll(r.Body); errors.As(err, &tooLarge) {
				http.Error(w, "too large", http.StatusRequestEntityTooLarge)
			}
		})
		conn, br := a.raw("/form", "Content-Length", "100000")
		conn.Write(make([]byte, 2000))
		b := block(t, br)
		for _, line := range []string{"HTTP/1.1 413 ", "Connection: close\r\n", "Set-Cookie: "} {
			if !strings.Contains(b, line) {
				t.Errorf("%s: no %q in %q", name, line, b)
			}
		}
	}
}

// brief is a reader whose first read is its last.
type brief struct{ err error }

func (b brief) Read(p []byte) (n int, err error) {
	if b.err == io.EOF {
		return copy(p, "all"), b.err // the last bytes and the end at once, as a reader may
	}
	return 0, b.err
}

// TestReadFrom_Ends: a reader that ends, or fails, at the first read.
func TestReadFrom_Ends(t *testing.T) {
	fail := errors.New("broken")
	for end, want := range map[error]error{io.EOF: nil, fail: fail} {
		a := newApp(t, nil)
		a.mux.HandleFunc("/copy", func(w http.ResponseWriter, r *http.Request) {
			n, err := w.(io.ReaderFrom).ReadFrom(brief{end})
			if err != want || end == io.EOF && n != 3 {
				t.Errorf("%v: %d, %v", end, n, err)
			}
			if want != nil {
				w.WriteHeader(http.StatusBadGateway) // nothing has left
			}
		})
		r := a.do(a.browser(), "GET", "/copy")
		if end == io.EOF {
			expect(t, "body", r.body, "all")
		} else {
			expect(t, "status", r.status, http.StatusBadGateway)
		}
	}
}
