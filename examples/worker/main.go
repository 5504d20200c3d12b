//go:build wasip1

// Command worker is a site that logs people in at the edge: the core of this library,
// compiled to WebAssembly, with no net/http. worker.mjs passes it each request. README.md
// says how to run it.
package main

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
	"unsafe"

	"github.com/hardtack-go/hardtack/auth"
	"github.com/hardtack-go/hardtack/keyring"
	"github.com/hardtack-go/hardtack/marks"
	"github.com/hardtack-go/hardtack/ssestore"
)

func main() {} // the module is called, not run

// site is made by the first request.
type site struct {
	store    *ssestore.Store
	accounts *auth.Manager[string]
	password string
	marks    *marks.Reader // nil: no session is ended elsewhere
	now      time.Time     // of the request at hand
}

func newSite() (*site, error) {
	keys, err0 := keyring.FromSecrets(keyring.Secrets{
		Primary:  os.Getenv("SESSION_SECRET"),
		Previous: strings.Fields(os.Getenv("SESSION_SECRETS_PREVIOUS")),
		Next:     os.Getenv("SESSION_SECRET_NEXT"),
	})
	s := &site{password: os.Getenv("PASSWORD")}
	config := ssestore.Config{Keys: keys}
	var err1, err2, err3 error
	if text := os.Getenv("MARKS_MAX_STALE"); text != "" {
		var stale time.Duration
		if stale, err3 = time.ParseDuration(text); err3 == nil {
			s.marks, err3 = marks.NewReader(marks.ReaderConfig{Keys: keys, Policy: marks.Policy{MaxStale: stale, FailClosed: true}})
			config.Marks = s.marks
		}
	}
	s.store, err1 = ssestore.New(config)
	s.accounts, err2 = auth.New(auth.Config[string]{
		UserByID: func(_ context.Context, id string) (string, error) {
			if id != "ada" {
				return "", auth.ErrNoUser
			}
			return id, nil
		},
		ID:    func(name string) string { return name },
		Stamp: func(string) string { return s.password },
	})
	return s, errors.Join(err0, err1, err2, err3)
}

// A request comes as lines: the method, the path, the time in milliseconds, the value of
// Sec-Fetch-Site, the password of a login, and the Cookie header. None of them can hold a
// line break. Of a client that sends two Cookie headers, which no browser does over
// HTTP/1.1, workerd joins the values with a comma, and no session is found.
type request struct {
	method, path string
	now          time.Time
	from         string
	password     string
	cookies      []string
}

func parse(text string) (r request, ok bool) {
	lines := strings.Split(text, "\n")
	if len(lines) != 6 {
		return r, false
	}
	ms, err := strconv.ParseInt(lines[2], 10, 64)
	r = request{lines[0], lines[1], time.UnixMilli(ms), lines[3], lines[4], nil}
	if lines[5] != "" {
		r.cookies = []string{lines[5]}
	}
	return r, err == nil
}

// serve answers with lines too: the status, the name "private" if no cache may keep the
// answer, the Location, the body, and one for each Set-Cookie.
func (s *site) serve(r request) []string {
	session := s.store.Load(r.cookies, r.now)
	status, location, body := s.handle(r, session)
	out, err := session.Commit(status)
	if err != nil {
		return []string{"500", "private", "", "The session could not be saved."}
	}
	private := ""
	if out.Private || out.Personal {
		private = "private"
	}
	return append([]string{strconv.Itoa(status), private, location, body}, out.SetCookie...)
}

func (s *site) handle(r request, session *ssestore.Session) (status int, location, body string) {
	ctx := context.Background()
	// This is http.CrossOriginProtection for browsers that send Fetch Metadata. Without
	// it the cookie's SameSite=Lax is what is left.
	if r.method != "GET" && r.from != "" && r.from != "same-origin" && r.from != "none" {
		return 403, "", "This request came from another site."
	}
	switch r.method + " " + r.path {
	case "GET /":
		name, err := s.accounts.GetUser(ctx, session)
		if errors.Is(err, auth.ErrUserStore) {
			return 503, "", "Nobody can tell who you are right now. Try again in a minute."
		}
		if err != nil {
			return 200, "", `<form method="post" action="/login"><input name="password" type="password"><button>Log in</button></form>`
		}
		return 200, "", "<h1>Hello, " + name + "!</h1>"
	case "POST /login":
		if s.password == "" || subtle.ConstantTimeCompare([]byte(r.password), []byte(s.password)) != 1 {
			return 401, "", "wrong password"
		}
		if err := s.accounts.Login(ctx, session, "ada"); err != nil {
			return 503, "", "cannot log in"
		}
		return 303, "/", ""
	case "POST /logout":
		if err := s.accounts.Logout(ctx, session); err != nil {
			return 503, "", "cannot log out"
		}
		return 303, "/", ""
	}
	return 404, "", "no such page"
}

// The two sides share this buffer. A worker handles one call at a time: there is no
// await in it.
var (
	buffer []byte
	only   *site
)

// reserve returns the address of a buffer of n bytes, for the request.
//
//go:wasmexport reserve
func reserve(n int32) unsafe.Pointer {
	buffer = make([]byte, max(n, 1))
	return unsafe.Pointer(&buffer[0])
}

// handle answers the request in the buffer. It returns the address of the answer in the
// upper half, and its length in the lower.
//
//go:wasmexport handle
func handle() int64 {
	lines := answer(string(buffer))
	for i, line := range lines {
		lines[i] = strings.ReplaceAll(line, "\n", " ") // or the rest of a body would be a Set-Cookie
	}
	buffer = []byte(strings.Join(lines, "\n"))
	return int64(uintptr(unsafe.Pointer(&buffer[0])))<<32 | int64(len(buffer))
}

// put takes an object of a snapshot that answer has asked for. Its name is the first n bytes of
// the buffer, and it is the rest: nothing, if it couldn't be fetched.
//
//go:wasmexport put
func put(n int32) {
	if err := only.marks.Put(only.now, string(buffer[:n]), buffer[n:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
}

// answer returns "fetch" and names while objects are missing that the request needs. The host
// fetches them, puts them, and asks again: there is no await in Go.
func answer(text string) []string {
	if only == nil {
		s, err := newSite()
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return []string{"500", "private", "", "not configured: the log says why"}
		}
		only = s
	}
	r, ok := parse(text)
	if !ok {
		return []string{"400", "private", "", "not a request"}
	}
	if only.now = r.now; only.marks != nil {
		if due := only.marks.Due(r.now, only.store.About(r.cookies, r.now)...); len(due) > 0 {
			return append([]string{"fetch"}, due...)
		}
	}
	return only.serve(r)
}
