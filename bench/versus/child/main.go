// Command child runs the operations that versus compares. versus builds it inside
// two revisions of the root module, so it only uses API that both have. It reads one
// command per line and answers with one line:
//
//	run CASE N      do it N times, eleven times over: nanoseconds of the median
//	allocs CASE     allocations and bytes of one
package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/hardtack-go/hardtack/auth"
	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/keyring"
	"github.com/hardtack-go/hardtack/middleware"
	"github.com/hardtack-go/hardtack/ssestore"
)

func main() {
	if len(os.Args) > 1 {
		fmt.Println("Usage: nothing but versus calls it. Afterwards, for example: echo run verify 1000")
		if os.Args[1] != "-h" {
			os.Exit(2)
		}
		return
	}
	// A small server's live heap: see the command bench.
	live := make([]byte, 16<<20)
	defer runtime.KeepAlive(live)
	cases, err := prepare()
	if err != nil {
		fmt.Fprintln(os.Stderr, "child:", err)
		os.Exit(1)
	}
	fmt.Println(strings.Join(slices.Sorted(maps.Keys(cases)), " "))
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		fmt.Println(answer(cases, in.Text()))
	}
}

// slicesOfTurn is odd, so that one of them is the median.
const slicesOfTurn = 11

func answer(cases map[string]func() error, command string) string {
	var verb, name string
	var n int
	fmt.Sscan(command, &verb, &name, &n)
	op := cases[name]
	if op == nil {
		return "error: no case " + name
	}
	switch verb {
	case "run":
		// Time slices and return their median, because other programs take the
		// processor away for some of them.
		var slice [slicesOfTurn]time.Duration
		for i := range slice {
			start := time.Now()
			for range n {
				if err := op(); err != nil {
					return "error: " + name + ": " + err.Error()
				}
			}
			slice[i] = time.Since(start)
		}
		slices.Sort(slice[:])
		return fmt.Sprint(slice[len(slice)/2].Nanoseconds())
	case "allocs":
		const runs = 256
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
		var before, after runtime.MemStats
		op()
		runtime.ReadMemStats(&before)
		for range runs {
			op()
		}
		runtime.ReadMemStats(&after)
		return fmt.Sprint((after.Mallocs-before.Mallocs)/runs, (after.TotalAlloc-before.TotalAlloc)/runs)
	}
	return "error: no command " + verb
}

// A user is a record that is already in memory.
type user struct{ id, password string }

// ann's hash is as long as a real argon2id string, 97 bytes.
var ann = &user{"1000000042", "$argon2id$v=19$m=65536,t=3,p=4$c29tZXNhbHRzb21lc2FsdA$RdescudvJCsgt3ub+b5dWRWJTmaaJObGAAAAAAAAAAA"}

var cart = ssestore.NewKey[[]string]("cart")

var errWrong = errors.New("the answer is not the right one")

// app is an application with one user, who is logged in.
type app struct {
	ring     *keyring.Keyring
	store    *ssestore.Store
	accounts *auth.Manager[*user]
	in, out  []string // Cookie header lines: ann's session, and an anonymous one
}

func newApp(keys int) (*app, error) {
	ring := keyring.Generate()
	for range keys - 1 {
		var err error
		if ring, err = ring.Rotate(); err != nil {
			return nil, err
		}
	}
	store, err := ssestore.New(ssestore.Config{Keys: ring})
	if err != nil {
		return nil, err
	}
	accounts, err := auth.New(auth.Config[*user]{
		UserByID: func(_ context.Context, id string) (*user, error) {
			if id != ann.id {
				return nil, auth.ErrNoUser
			}
			return ann, nil
		},
		ID:    func(u *user) string { return u.id },
		Stamp: func(u *user) string { return u.password },
	})
	if err != nil {
		return nil, err
	}
	a := &app{ring: ring, store: store, accounts: accounts}
	if a.out, err = a.write(nil, false); err != nil {
		return nil, err
	}
	a.in, err = a.write(nil, true)
	return a, err
}

// write sets the cart, logs ann in if login, and returns the Cookie header of the
// next request: the session's cookie among three others.
func (a *app) write(cookies []string, login bool) ([]string, error) {
	s := a.store.Load(cookies, time.Now())
	if login {
		if err := a.accounts.Login(context.Background(), s, ann); err != nil {
			return nil, err
		}
	}
	if err := cart.Set(s, []string{"sku-1138", "sku-42"}); err != nil {
		return nil, err
	}
	out, err := s.Commit(http.StatusOK)
	if err != nil || len(out.SetCookie) == 0 {
		return nil, errors.Join(errWrong, err)
	}
	pair, _, _ := strings.Cut(out.SetCookie[0], ";")
	return []string{"_ga=GA1.1.1234567890.1700000000; theme=dark; " + pair + "; lang=en-GB"}, nil
}

func (a *app) verify() error {
	s := a.store.Load(a.in, time.Now())
	if u, err := a.accounts.GetUser(context.Background(), s); err != nil || u != ann {
		return errWrong
	}
	return nil
}

func (a *app) read() error {
	s := a.store.Load(a.in, time.Now())
	if len(cart.Get(s)) != 2 {
		return errWrong
	}
	return nil
}

func (a *app) set() error {
	s := a.store.Load(a.in, time.Now())
	if err := cart.Set(s, []string{"sku-1138"}); err != nil {
		return err
	}
	return committed(s)
}

func (a *app) login() error {
	s := a.store.Load(a.out, time.Now())
	if err := a.accounts.Login(context.Background(), s, ann); err != nil {
		return err
	}
	return committed(s)
}

func committed(s *ssestore.Session) error {
	if out, err := s.Commit(http.StatusOK); err != nil || len(out.SetCookie) == 0 {
		return errWrong
	}
	return nil
}

// page is a ResponseWriter that costs nothing.
type page struct {
	h      http.Header
	status int
}

func (p *page) Header() http.Header               { return p.h }
func (p *page) WriteHeader(status int)            { p.status = status }
func (p *page) Write(b []byte) (int, error)       { return len(b), nil }
func (p *page) WriteString(s string) (int, error) { return len(s), nil }

// hello serves one request after another through the middleware, in this process.
func (a *app) hello(resolve bool) (func() error, error) {
	guard, err := middleware.New(a.store, a.accounts, middleware.Config{})
	if err != nil {
		return nil, err
	}
	hello := func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "hello\n") }
	handler := guard.Handler(http.HandlerFunc(hello))
	if resolve {
		handler = guard.Handler(guard.ForUser(func(w http.ResponseWriter, r *http.Request, _ *user) { hello(w, r) }))
	}
	r := httptest.NewRequest("GET", "/", nil)
	r.Header["Cookie"] = a.in
	p := &page{h: http.Header{}}
	return func() error {
		clear(p.h)
		p.status = http.StatusOK
		handler.ServeHTTP(p, r)
		if p.status != http.StatusOK || resolve != (p.h["Vary"] != nil) {
			return errWrong
		}
		return nil
	}, nil
}

func prepare() (map[string]func() error, error) {
	one, err := newApp(1)
	if err != nil {
		return nil, err
	}
	sixteen, err := newApp(16)
	if err != nil {
		return nil, err
	}
	untouched, err := one.hello(false)
	if err != nil {
		return nil, err
	}
	resolved, err := one.hello(true)
	if err != nil {
		return nil, err
	}
	codec, err := cookie.JWE(one.store.CookieName(), "")
	if err != nil {
		return nil, err
	}
	plaintext := make([]byte, 220) // what the claims of a small session take
	token, err := codec.Seal(one.ring, plaintext)
	if err != nil {
		return nil, err
	}
	return map[string]func() error{
		"verify": one.verify, "verify16": sixteen.verify, "read": one.read, "write": one.set, "login": one.login,
		"hello": untouched, "hello-user": resolved,
		"open": func() error { _, err := codec.Open(one.ring, token); return err },
		"seal": func() error { _, err := codec.Seal(one.ring, plaintext); return err },
	}, nil
}
