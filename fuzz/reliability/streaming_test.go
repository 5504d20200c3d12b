package reliability_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/textproto"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hardtack-go/hardtack/middleware"
	"github.com/hardtack-go/hardtack/ssestore"
)

// wire is one HTTP/1.1 connection, spoken to byte by byte, so that the test sees
// what came before what.
type wire struct {
	t *testing.T
	net.Conn
	r *bufio.Reader
}

func dial(t *testing.T, server *httptest.Server, path string, headers ...string) *wire {
	t.Helper()
	conn, err := net.Dial("tcp", server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\n", path)
	for i := 0; i < len(headers); i += 2 {
		fmt.Fprintf(conn, "%s: %s\r\n", headers[i], headers[i+1])
	}
	io.WriteString(conn, "\r\n")
	return &wire{t, conn, bufio.NewReader(conn)}
}

// head reads a status line and headers, and says how many session cookies they
// set.
func (w *wire) head() (status string, cookies int) {
	w.t.Helper()
	r := textproto.NewReader(w.r)
	line, err := r.ReadLine()
	if err != nil {
		w.t.Fatal(err)
	}
	h, err := r.ReadMIMEHeader()
	if err != nil {
		w.t.Fatal(err)
	}
	set, _ := reply{header: http.Header(h)}.setCookies()
	_, rest, _ := strings.Cut(line, " ")
	return rest, set
}

// TestR11_PanicWritesNoSession: many handlers panic after they changed the
// session, some with http.ErrAbortHandler, some after output is buffered. No
// session is written, and the clients keep theirs.
func TestR11_PanicWritesNoSession(t *testing.T) {
	in := newInstance(t, options{keys: ring(t, 1)})
	in.mux.HandleFunc("GET /panic", func(w http.ResponseWriter, r *http.Request) {
		s := middleware.Session(r)
		if err := note.Set(s, "half done"); err != nil {
			t.Error(err)
		}
		switch r.URL.Query().Get("how") {
		case "abort":
			panic(http.ErrAbortHandler)
		case "hint":
			w.WriteHeader(http.StatusEarlyHints)
		case "logout":
			in.accounts.Logout(r.Context(), s)
		}
		panic("broken")
	})
	server := httptest.NewUnstartedServer(in.handler)
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.Start()
	defer server.Close()
	hows := []string{"plain", "abort", "hint", "logout"}
	n, clients := size(200, 5_000), 16
	transport := &http.Transport{MaxIdleConnsPerHost: clients, DisableKeepAlives: false}
	defer transport.CloseIdleConnections()
	answered, kept := make([]int, clients), make([]int, clients)
	share(clients, clients, func(i int) {
		c := newClient(t).at(transport)
		c.base = server.URL
		c.must(t, "POST", fmt.Sprint("/login?id=user", i))
		c.must(t, "POST", fmt.Sprint("/set?v=note", i))
		for k := range n / clients {
			if _, err := c.do("GET", "/panic?how="+hows[k%len(hows)], navigation...); err == nil {
				answered[i]++
			}
			if c.must(t, "GET", "/get").body == fmt.Sprint("note", i) {
				kept[i]++
			}
		}
	})
	a, k := 0, 0
	for i := range clients {
		a, k = a+answered[i], k+kept[i]
	}
	total := n / clients * clients
	t.Logf("R11: %d panics: %d answered, %d times the session was as before", total, a, k)
	if a != 0 || k != total {
		t.Error("want no answer, and every session as before")
	}
}

// TestR12_Streaming: whatever way a handler takes to its first byte, the cookie
// goes before it, and a second change afterwards is an error, not silence.
func TestR12_Streaming(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, []byte(strings.Repeat("x", 100_000)), 0o600); err != nil {
		t.Fatal(err)
	}
	next := make(chan struct{})
	ways := map[string]func(w http.ResponseWriter, r *http.Request) error{
		"server-sent events": func(w http.ResponseWriter, r *http.Request) error {
			w.Header().Set("Content-Type", "text/event-stream")
			for range 3 {
				fmt.Fprint(w, "data: tick\n\n")
				if err := http.NewResponseController(w).Flush(); err != nil {
					return err
				}
				<-next
			}
			return nil
		},
		"flush before any byte": func(w http.ResponseWriter, r *http.Request) error {
			if err := http.NewResponseController(w).Flush(); err != nil {
				return err
			}
			<-next
			return nil
		},
		"http.Flusher": func(w http.ResponseWriter, r *http.Request) error {
			w.(http.Flusher).Flush()
			<-next
			return nil
		},
		"ReadFrom": func(w http.ResponseWriter, r *http.Request) error {
			f, err := os.Open(file)
			if err != nil {
				return err
			}
			defer f.Close()
			n, err := w.(io.ReaderFrom).ReadFrom(f)
			if err == nil && n != 100_000 {
				err = fmt.Errorf("%d bytes", n)
			}
			return err
		},
		"103 before": func(w http.ResponseWriter, r *http.Request) error {
			w.Header().Set("Link", "</style.css>; rel=preload")
			w.WriteHeader(http.StatusEarlyHints)
			io.WriteString(w, "page")
			return nil
		},
	}
	in := newInstance(t, options{keys: ring(t, 1)})
	for name, way := range ways {
		in.mux.HandleFunc("GET /"+strings.ReplaceAll(name, " ", "-"), func(w http.ResponseWriter, r *http.Request) {
			s := middleware.Session(r)
			set := func() error { return note.Set(s, name) }
			if name == "103 before" { // a change between hint and answer still counts
				w = hinted{w, func() {
					if err := set(); err != nil {
						t.Error(err)
					}
				}}
			} else if err := set(); err != nil {
				t.Error(err)
			}
			if err := way(w, r); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			if err := note.Set(s, "late"); !errors.Is(err, ssestore.ErrCommitted) {
				t.Errorf("%s: a change after the first byte: %v", name, err)
			}
		})
	}
	server := httptest.NewServer(in.handler)
	defer server.Close()
	for name := range ways {
		w := dial(t, server, "/"+strings.ReplaceAll(name, " ", "-"))
		status, cookies := w.head()
		if name == "103 before" {
			if !strings.HasPrefix(status, "103") || cookies != 0 {
				t.Errorf("%s: first %q with %d cookies", name, status, cookies)
			}
			status, cookies = w.head()
		}
		// The handler has not returned: where it waits, it waits for this.
		if !strings.HasPrefix(status, "200") || cookies != 1 {
			t.Errorf("%s: %q with %d cookies", name, status, cookies)
		}
		for range map[string]int{"server-sent events": 3, "flush before any byte": 1, "http.Flusher": 1}[name] {
			next <- struct{}{}
		}
	}
	t.Logf("R12: %d ways to stream: the cookie before the first byte in each", len(ways))
}

// hinted changes the session after an informational answer has gone.
type hinted struct {
	http.ResponseWriter
	after func()
}

func (h hinted) WriteHeader(status int) {
	h.ResponseWriter.WriteHeader(status)
	h.after()
}

// TestR12_HijackAndUpgrade: a connection that leaves HTTP with an unwritten
// change is an error and stays; an upgrade that asks Commit for its headers
// carries the cookie in the 101.
func TestR12_HijackAndUpgrade(t *testing.T) {
	in := newInstance(t, options{keys: ring(t, 1)})
	in.mux.HandleFunc("GET /hijack", func(w http.ResponseWriter, r *http.Request) {
		note.Set(middleware.Session(r), "unwritten")
		if _, _, err := http.NewResponseController(w).Hijack(); !errors.Is(err, middleware.ErrUncommitted) {
			t.Errorf("Hijack: %v, want ErrUncommitted", err)
		}
		io.WriteString(w, "still here")
	})
	in.mux.HandleFunc("GET /upgrade", func(w http.ResponseWriter, r *http.Request) {
		note.Set(middleware.Session(r), "upgraded")
		extra, err := middleware.Commit(w)
		if err != nil {
			t.Error(err)
			return
		}
		conn, rw, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		rw.WriteString("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n")
		extra.Write(rw)
		rw.WriteString("\r\n")
		rw.Flush()
		io.CopyN(rw, rw, 4)
		rw.Flush()
	})
	server := httptest.NewServer(in.handler)
	defer server.Close()
	if status, cookies := dial(t, server, "/hijack").head(); status != "200 OK" || cookies != 1 {
		t.Errorf("a refused hijack: %q with %d cookies", status, cookies)
	}
	n := size(20, 1_000)
	for range n {
		w := dial(t, server, "/upgrade", "Connection", "Upgrade", "Upgrade", "websocket")
		if status, cookies := w.head(); !strings.HasPrefix(status, "101") || cookies != 1 {
			t.Fatalf("an upgrade: %q with %d cookies", status, cookies)
		}
		io.WriteString(w, "ping")
		echo := make([]byte, 4)
		if _, err := io.ReadFull(w.r, echo); err != nil || string(echo) != "ping" {
			t.Fatalf("echo %q, %v", echo, err)
		}
		w.Close()
	}
	t.Logf("R12: %d upgrades carried the cookie in the 101; a hijack with an unwritten change was refused", n)
}
