package middleware_test

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/keyring"
	"github.com/hardtack-go/hardtack/middleware"
	"github.com/hardtack-go/hardtack/ssestore"
)

// TestR12_HijackWithUnwrittenChange: an error, and the connection is still the
// server's, so that the handler can answer and the change is not lost.
func TestR12_HijackWithUnwrittenChange(t *testing.T) {
	for _, tt := range []struct {
		name    string
		answer  int
		cookies int
	}{
		{"answered 200", 200, 1},
		{"answered 500: no change is saved", 500, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a := newApp(t, hijackable)
			a.mux.HandleFunc("/ws", func(w http.ResponseWriter, r *http.Request) {
				note.Set(middleware.Session(r), "unwritten")
				for range 2 {
					if _, _, err := http.NewResponseController(w).Hijack(); !errors.Is(err, middleware.ErrUncommitted) {
						t.Errorf("Hijack: %v, want ErrUncommitted", err)
					}
				}
				w.WriteHeader(tt.answer)
			})
			r := a.do(a.browser(), "GET", "/ws")
			expect(t, "status", r.status, tt.answer)
			expect(t, "Set-Cookie lines", len(r.cookies(a)), tt.cookies)
			if e := a.seen("/ws"); len(e) != 1 || e[0].err != nil {
				t.Errorf("outcomes: %+v", e)
			}
			if e := a.wrong("/ws"); len(e) != 1 || !errors.Is(e[0].err, middleware.ErrUncommitted) {
				t.Errorf("mistakes: %+v", e)
			}
		})
	}
}

// TestR12_HijackWithLogout: a deletion survives even a 500, also when something
// was set after the logout.
func TestR12_HijackWithLogout(t *testing.T) {
	for _, set := range []bool{false, true} {
		testHijackWithLogout(t, set)
	}
}

func testHijackWithLogout(t *testing.T, set bool) {
	a := newApp(t, hijackable)
	a.mux.HandleFunc("/ws", func(w http.ResponseWriter, r *http.Request) {
		a.accounts.Logout(r.Context(), middleware.Session(r))
		if set {
			note.Set(middleware.Session(r), "after the logout")
		}
		_, _, err := http.NewResponseController(w).Hijack()
		http.Error(w, "upgrade failed", http.StatusInternalServerError)
		if !errors.Is(err, middleware.ErrUncommitted) {
			t.Errorf("Hijack: %v, want ErrUncommitted", err)
		}
	})
	c := a.browser()
	a.login(c, "ann")
	r := a.do(c, "GET", "/ws")
	if list := r.cookies(a); r.status != 500 || len(list) != 1 || list[0].MaxAge >= 0 {
		t.Errorf("status %d, cookies %v", r.status, list)
	}
	expect(t, "who", a.who(c), "nobody")
}

// TestR12_Hijack: without a change it works, also when a renewal was due.
func TestR12_Hijack(t *testing.T) {
	a := newApp(t, plain)
	a.mux.HandleFunc("/ws", func(w http.ResponseWriter, r *http.Request) {
		_ = note.Get(middleware.Session(r))
		conn, rw, err := w.(http.Hijacker).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		rw.WriteString("HTTP/1.1 101 Switching Protocols\r\n\r\nraw")
		rw.Flush()
		if _, err := w.Write([]byte("x")); !errors.Is(err, http.ErrHijacked) {
			t.Errorf("Write after Hijack: %v", err)
		}
	})
	c := a.browser()
	value := a.do(c, "GET", "/set?v=x").cookies(a)[0].Value
	a.advance(20 * time.Minute) // past Idle/6
	_, br := a.raw("/ws", "Cookie", "session="+value)
	if b := block(t, br); !strings.HasPrefix(b, "HTTP/1.1 101") {
		t.Errorf("got %q", b)
	}
	if rest, _ := io.ReadAll(br); string(rest) != "raw" {
		t.Errorf("body %q", rest)
	}
}

// stubborn is a writer that has Hijack, as those of many loggers do, over a server that
// can't do it.
type stubborn struct{ http.ResponseWriter }

func (stubborn) Hijack() (net.Conn, *bufio.ReadWriter, error) { return nil, nil, http.ErrNotSupported }

// TestR12_HijackFails: a page that is sent because the connection couldn't be had depends
// on the session, and says so.
func TestR12_HijackFails(t *testing.T) {
	a := newApp(t, plain)
	h := a.guard.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text := note.Get(middleware.Session(r))
		if _, _, err := http.NewResponseController(w).Hijack(); !errors.Is(err, http.ErrNotSupported) {
			t.Errorf("Hijack: %v", err)
		}
		io.WriteString(w, text)
	}))
	value := a.do(a.browser(), "GET", "/set?v=x").cookies(a)[0].Value
	r := httptest.NewRequest("GET", "/", nil)
	r.Header.Set("Cookie", "session="+value)
	rec := httptest.NewRecorder()
	h.ServeHTTP(stubborn{rec}, r)
	expect(t, "body", rec.Body.String(), "x")
	expect(t, "Vary", rec.Header().Get("Vary"), "Cookie")
	expect(t, "Cache-Control", rec.Header().Get("Cache-Control"), "private")
}

// TestR12_WebSocketUpgradeThroughCommit: an upgrader that writes its own 101,
// as gorilla/websocket does, gets the cookie from Commit.
func TestR12_WebSocketUpgradeThroughCommit(t *testing.T) {
	for _, wrapped := range []bool{false, true} {
		a := newApp(t, plain)
		a.mux.HandleFunc("/ws", func(w http.ResponseWriter, r *http.Request) {
			if wrapped {
				w = unwrapper{w}
			}
			s := middleware.Session(r)
			note.Set(s, "upgraded")
			extra, err := middleware.Commit(w)
			if err != nil {
				t.Error(err)
				return
			}
			if err := note.Set(s, "late"); !errors.Is(err, ssestore.ErrCommitted) {
				t.Errorf("a change after Commit: %v", err)
			}
			if _, err := middleware.Commit(w); !errors.Is(err, ssestore.ErrCommitted) {
				t.Errorf("a second Commit: %v", err)
			}
			conn, rw, err := http.NewResponseController(w).Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			defer conn.Close()
			rw.WriteString("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n")
			extra.Write(rw)
			rw.WriteString("\r\n")
			rw.Flush()
			// An echo, to see that the connection is whole.
			b := make([]byte, 4)
			io.ReadFull(rw, b)
			rw.Write(b)
			rw.Flush()
		})
		conn, br := a.raw("/ws", "Connection", "Upgrade", "Upgrade", "websocket")
		b := block(t, br)
		if !strings.HasPrefix(b, "HTTP/1.1 101") || strings.Count(b, "Set-Cookie: session=") != 1 {
			t.Errorf("upgrade: %q", b)
		}
		conn.Write([]byte("ping"))
		echo := make([]byte, 4)
		io.ReadFull(br, echo)
		expect(t, "echo", string(echo), "ping")
	}
}

// TestR12_UpgradeByWriteHeader101: an upgrader that calls WriteHeader(101), as
// coder/websocket does, needs no Commit.
func TestR12_UpgradeByWriteHeader101(t *testing.T) {
	a := newApp(t, plain)
	a.mux.HandleFunc("/ws", func(w http.ResponseWriter, r *http.Request) {
		note.Set(middleware.Session(r), "upgraded")
		w.Header().Set("Upgrade", "websocket")
		w.Header().Set("Connection", "Upgrade")
		w.WriteHeader(http.StatusSwitchingProtocols)
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		conn.Close()
	})
	_, br := a.raw("/ws", "Connection", "Upgrade", "Upgrade", "websocket")
	if b := block(t, br); !strings.HasPrefix(b, "HTTP/1.1 101") || strings.Count(b, "Set-Cookie: session=") != 1 {
		t.Errorf("upgrade: %q", b)
	}
}

// TestCommit_FailedUpgrade: the error page of a failed upgrade carries what
// Commit gave out; and after a refused Hijack Commit still works.
func TestCommit_FailedUpgrade(t *testing.T) {
	a := newApp(t, nil)
	a.mux.HandleFunc("/failed", func(w http.ResponseWriter, r *http.Request) {
		note.Set(middleware.Session(r), "x")
		middleware.Commit(w)
		http.Error(w, "not a websocket handshake", http.StatusBadRequest)
	})
	a.mux.HandleFunc("/again", func(w http.ResponseWriter, r *http.Request) {
		note.Set(middleware.Session(r), "x")
		http.NewResponseController(w).Hijack()
		if extra, err := middleware.Commit(w); err != nil || len(extra["Set-Cookie"]) != 1 {
			t.Errorf("Commit after a refused Hijack: %v, %v", extra, err)
		}
	})
	for _, path := range []string{"/failed", "/again"} {
		expect(t, path, len(a.do(a.browser(), "GET", path).cookies(a)), 1)
	}
}

// TestCommit_OtherStates: no session, one that cannot be written, and too late.
func TestCommit_OtherStates(t *testing.T) {
	a := newApp(t, nil)
	a.mux.HandleFunc("/none", func(w http.ResponseWriter, r *http.Request) {
		if extra, err := middleware.Commit(w); err != nil || len(extra) != 0 {
			t.Errorf("Commit without a use of the session: %v, %v", extra, err)
		}
	})
	a.mux.HandleFunc("/late", func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusOK)
		if _, err := middleware.Commit(w); !errors.Is(err, ssestore.ErrCommitted) {
			t.Errorf("Commit after the headers: %v", err)
		}
	})
	c := a.browser()
	expect(t, "none", a.do(c, "GET", "/none").status, 200)
	expect(t, "reports about no session", len(a.seen("/none")), 0)
	expect(t, "late", a.do(c, "GET", "/late").status, 200)

	ring, err := keyring.New(keyring.NewKeyAt(time.Now().Add(time.Hour)))
	if err != nil {
		t.Fatal(err)
	}
	b := newApp(t, func(s *setup) { s.ring, s.http1 = ring, true })
	b.mux.HandleFunc("/unsealed", func(w http.ResponseWriter, r *http.Request) {
		note.Set(middleware.Session(r), "x")
		for range 2 {
			if _, err := middleware.Commit(w); !errors.Is(err, cookie.ErrNoPrimary) {
				t.Errorf("Commit: %v, want ErrNoPrimary", err)
			}
			if _, _, err := http.NewResponseController(w).Hijack(); !errors.Is(err, cookie.ErrNoPrimary) {
				t.Errorf("Hijack: %v, want ErrNoPrimary", err)
			}
		}
	})
	expect(t, "unsealed", b.do(b.browser(), "GET", "/unsealed").status, 500)
}

// TestHijack_Untouched: most upgrades never use a session.
func TestHijack_Untouched(t *testing.T) {
	a := newApp(t, plain)
	a.mux.HandleFunc("/ws", func(w http.ResponseWriter, r *http.Request) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\n\r\n")
	})
	_, br := a.raw("/ws")
	if b := block(t, br); !strings.HasPrefix(b, "HTTP/1.1 101") {
		t.Errorf("got %q", b)
	}
	expect(t, "reports about no session", len(a.seen("/ws")), 0)
}

func TestCommit_WithoutHandler(t *testing.T) {
	if _, err := middleware.Commit(httptest.NewRecorder()); !errors.Is(err, ssestore.ErrNoSession) {
		t.Errorf("Commit without Handler: %v, want ErrNoSession", err)
	}
	if _, err := middleware.Commit(nil); !errors.Is(err, ssestore.ErrNoSession) {
		t.Errorf("Commit(nil): %v, want ErrNoSession", err)
	}
}
