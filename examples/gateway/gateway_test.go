package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/hardtack-go/hardtack/examples/internal/browser"
	"github.com/hardtack-go/hardtack/examples/internal/visitor"
	"github.com/hardtack-go/hardtack/internal/freeport"
	"github.com/hardtack-go/hardtack/keyring"
)

// patience is how long a gateway may take to start on a busy machine.
const patience = time.Minute

// site is the verifier and an application behind a real gateway.
type site struct {
	gateway string // "nginx" or "caddy"
	base    string // its address, as http://127.0.0.1:port
	host    string
	keys    *keyring.Holder
	ahead   atomic.Int64 // of the verifier's clock
	down    atomic.Bool  // the user store
	direct  http.Handler // the verifier, asked past the gateway
	mu      sync.Mutex
	seen    http.Header // of the application's last request
	status  int         // that the application answers
	verify  []http.Header
}

// start runs a gateway with the configuration that its folder has, at other ports.
func start(t *testing.T, gateway string) *site {
	t.Helper()
	program := browser.Program(t, gateway, "/usr/sbin/"+gateway)
	s := &site{gateway: gateway, keys: new(keyring.Holder), status: 200}
	s.keys.Set(keyring.Generate())
	front, err := freeport.Addr() // a gateway can't be given a listener
	if err != nil {
		t.Fatal(err)
	}
	s.base, s.host = "http://"+front, front

	verifier, err := app(config{
		keys:  s.keys,
		hosts: []string{front},
		users: map[string]user{"ada": {"ada", "Ada, Countess", "open sesame"}, "bob": {"bob", "Bob", "swordfish"}, "eve": {"eve", "", "hunter2"}},
		now:   func() time.Time { return time.Now().Add(time.Duration(s.ahead.Load())) },
		down:  s.down.Load,
	})
	if err != nil {
		t.Fatal(err)
	}
	s.direct = verifier
	asked := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		verifier.ServeHTTP(w, r)
		if strings.HasPrefix(r.URL.Path, "/verify") {
			s.mu.Lock()
			s.verify = append(s.verify, w.Header().Clone())
			s.mu.Unlock()
		}
	}))
	t.Cleanup(asked.Close)
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.seen = r.Header.Clone()
		w.WriteHeader(s.status)
		fmt.Fprintf(w, "application: %s", r.URL.RequestURI())
	}))
	t.Cleanup(upstream.Close)

	dir := t.TempDir()
	file := map[string]string{"nginx": "nginx.conf", "caddy": "Caddyfile"}[gateway]
	text, err := os.ReadFile(filepath.Join("..", gateway, file))
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(front)
	config := strings.NewReplacer("127.0.0.1:8080", front, "http://:8080", "http://:"+port,
		"127.0.0.1:8081", asked.Listener.Addr().String(), "127.0.0.1:8082", upstream.Listener.Addr().String()).Replace(string(text))
	if gateway == "nginx" {
		config = "user root;\n" + config // so that its workers may write here
	}
	path := filepath.Join(dir, file)
	if err := os.WriteFile(path, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	args := map[string][]string{"nginx": {"-p", dir, "-c", path}, "caddy": {"run", "--adapter", "caddyfile", "--config", path}}[gateway]
	run(t, front, dir, program, args...)
	return s
}

// run starts a program and waits until it listens.
func run(t *testing.T, addr, home, program string, args ...string) {
	t.Helper()
	output := new(visitor.Log)
	cmd := exec.CommandContext(context.WithoutCancel(t.Context()), program, args...)
	cmd.Stdout, cmd.Stderr = output, output
	cmd.Env = append(os.Environ(), "HOME="+home, "XDG_DATA_HOME="+home, "XDG_CONFIG_HOME="+home)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		cmd.Wait()
		close(ended)
	}()
	t.Cleanup(func() {
		cmd.Process.Signal(syscall.SIGTERM)
		<-ended
		if t.Failed() {
			t.Logf("%s wrote:\n%s", program, output)
		}
	})
	for begin := time.Now(); ; {
		conn, err := net.Dial("tcp", addr)
		if err == nil {
			conn.Close()
			return
		}
		select {
		case <-ended:
			t.Fatalf("%s did not start:\n%s", program, output)
		case <-time.After(20 * time.Millisecond):
		}
		if time.Since(begin) > patience {
			t.Fatalf("%s does not listen: %v", program, err)
		}
	}
}

// gateways runs a test once behind each.
func gateways(t *testing.T, test func(t *testing.T, s *site)) {
	for _, gateway := range []string{"nginx", "caddy"} {
		t.Run(gateway, func(t *testing.T) { test(t, start(t, gateway)) })
	}
}

// login returns a visitor who is logged in.
func (s *site) login(t *testing.T, id, password string) *visitor.Visitor {
	t.Helper()
	v := visitor.New(t, s.base)
	v.Post("/auth/login?next=/p", "id", id, "password", password).Want(t, 303, "/p")
	return v
}

// browse sends what a browser sends for a page. headers are name, value pairs.
func browse(v *visitor.Visitor, method, path string, headers ...string) *visitor.Answer {
	r := v.Request(method, path, nil)
	if method == "POST" {
		r = v.Request(method, path, url.Values{"a": {"1"}})
	}
	r.Header.Set("Accept", "text/html")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	r.Header.Set("Sec-Fetch-Mode", "navigate")
	r.Header.Set("Sec-Fetch-Dest", "document")
	for i := 0; i < len(headers); i += 2 {
		r.Header[headers[i]] = append([]string(nil), headers[i+1]) // as written: canonical or not
	}
	return v.Do(r)
}

// upstream returns what the application saw under a name, in any spelling that WSGI,
// CGI or PHP take for it.
func (s *site) upstream(name string) (values []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for key, v := range s.seen {
		if strings.EqualFold(strings.ReplaceAll(key, "_", "-"), name) {
			for _, value := range v {
				if value != "" {
					values = append(values, value)
				}
			}
		}
	}
	return values
}

// TestE20_RealGateways: what people and programs get, and what the application sees.
func TestE20_RealGateways(t *testing.T) {
	gateways(t, func(t *testing.T, s *site) {
		nobody, bob := visitor.New(t, s.base), s.login(t, "bob", "swordfish")
		browse(bob, "GET", "/p?x=1").Want(t, 200, "").Says(t, "application: /p?x=1")
		if user, name := s.upstream("X-Auth-User"), s.upstream("X-Auth-Name"); fmt.Sprint(user, name) != "[bob] [Bob]" {
			t.Errorf("the application saw %q and %q", user, name)
		}
		browse(bob, "POST", "/p").Want(t, 200, "")
		location := func(method, path, want string, statuses ...int) {
			t.Helper()
			a := browse(nobody, method, path, "Referer", s.base+"/p")
			if a.Header.Get("Location") != want || a.StatusCode != statuses[0] && a.StatusCode != statuses[1] {
				t.Errorf("%s %s: %d to %q", method, path, a.StatusCode, a.Header.Get("Location"))
			}
		}
		location("GET", "/p?x=1", "/auth/login?next=/p%3Fx%3D1", 302, 303)
		location("POST", "/form", "/auth/login?next=/p", 303, 303)
		if a := browse(nobody, "GET", "/api", "Accept", "application/json", "Sec-Fetch-Mode", "cors"); a.StatusCode != 401 || a.Header.Get("Location") != "" {
			t.Errorf("a program: %d to %q", a.StatusCode, a.Header.Get("Location"))
		}
		for _, path := range []string{"/ada/p", "/ada/", "/x/../ada/p", "/ada%2Fp", "/%61da/p", "/auth/..%2Fada/p"} {
			r := bob.Request("GET", "/", nil)
			r.URL.Opaque = path // as it stands
			bob.Do(r).Want(t, 403, "")
		}
		if a := browse(bob, "GET", "/ada"); a.StatusCode == 200 { // nginx redirects to /ada/
			t.Error("/ada is not guarded like what is below it")
		}
		eve := s.login(t, "eve", "hunter2") // has no name
		browse(eve, "GET", "/p", "X-Auth-Name", "Root").Want(t, 200, "")
		if user, name := s.upstream("X-Auth-User"), s.upstream("X-Auth-Name"); fmt.Sprint(user, name) != "[eve] []" {
			t.Errorf("a user without a name: %q and %q", user, name)
		}
		// Ada's name has a comma, which would become two values on its way.
		if a := browse(s.login(t, "ada", "open sesame"), "GET", "/p"); a.StatusCode < 500 {
			t.Errorf("a name with a comma: %d", a.StatusCode)
		}
		s.down.Store(true)
		if a := browse(bob, "GET", "/p").Want(t, 503, ""); a.Header.Get("Retry-After") == "" {
			t.Error("user store down: no Retry-After")
		}
		s.down.Store(false)
		browse(bob, "GET", "/p").Want(t, 200, "")
		for _, status := range []int{401, 500, 503} { // the application's own
			s.mu.Lock()
			s.status = status
			s.mu.Unlock()
			browse(bob, "GET", "/p").Want(t, status, "").Says(t, "application")
		}
	})
}

// TestE20_ForgedIdentity: no spelling of an identity header reaches the application.
func TestE20_ForgedIdentity(t *testing.T) {
	gateways(t, func(t *testing.T, s *site) {
		bob := s.login(t, "bob", "swordfish")
		for _, name := range []string{"X-Auth-User", "X_Auth_User", "X_Auth-User", "X-Auth_User", "x-auth-user", "x_auth_user", "X_AUTH_USER", "X-Auth-Name", "X_Auth_Name"} {
			browse(bob, "GET", "/p", name, "root").Want(t, 200, "")
			if user, real := s.upstream("X-Auth-User"), s.upstream("X-Auth-Name"); fmt.Sprint(user, real) != "[bob] [Bob]" {
				t.Errorf("%s: the application saw %q and %q", name, user, real)
			}
		}
		for _, lines := range [][]string{{"X-Auth-User"}, {"keep-alive", "X-Auth-User"}, {"Upgrade, X-Auth-User"}} { // would drop it, after it was set
			r := bob.Request("GET", "/p", nil)
			r.Header["Connection"], r.Header["Upgrade"] = lines, []string{"websocket"}
			bob.Do(r).Want(t, 200, "")
			if user := s.upstream("X-Auth-User"); fmt.Sprint(user) != "[bob]" {
				t.Errorf("dropped by Connection %q: %q", lines, user)
			}
		}
	})
}

// TestE21_RealGateways: a request from another site doesn't reach the application, with
// a good cookie or without.
func TestE21_RealGateways(t *testing.T) {
	gateways(t, func(t *testing.T, s *site) {
		bob := s.login(t, "bob", "swordfish")
		for _, from := range []string{"cross-site", "same-site"} {
			browse(bob, "POST", "/p", "Sec-Fetch-Site", from).Want(t, 403, "")
			browse(bob, "POST", "/p", "Sec-Fetch-Site", from, "X-Forwarded-Method", "GET").Want(t, 403, "")
			browse(bob, "GET", "/p", "Sec-Fetch-Site", from).Want(t, 200, "")
			browse(bob, "GET", "/p", "Sec-Fetch-Site", from, "Sec-Fetch-Mode", "websocket", "Connection", "Upgrade", "Upgrade", "websocket").Want(t, 403, "")
		}
		browse(bob, "POST", "/p", "Sec-Fetch-Site", "same-origin").Want(t, 200, "")
		// A WebSocket of an old browser says only where it comes from.
		for from, want := range map[string]int{s.base: 200, "https://sibling.example": 403} {
			r := bob.Request("GET", "/p", nil)
			r.Header = http.Header{"Connection": {"Upgrade"}, "Upgrade": {"websocket"}, "Sec-Websocket-Key": {"AQIDBAUGBwgJCgsMDQ4PEA=="}, "Origin": {from}}
			bob.Do(r).Want(t, want, "")
		}
		// A client's own forwarded headers are overwritten.
		if a := browse(visitor.New(t, s.base), "GET", "/p", "X-Forwarded-Host", "evil.example", "X-Forwarded-Uri", "//evil.example"); a.Header.Get("Location") != "/auth/login?next=/p" {
			t.Errorf("forged headers lead to %q", a.Header.Get("Location"))
		}
		// And nobody gains anything who asks the verifier directly.
		for _, host := range []string{"evil.example", s.host} {
			r := httptest.NewRequest("GET", "/verify", nil)
			r.Header = http.Header{"X-Forwarded-Method": {"GET"}, "X-Forwarded-Host": {host}, "X-Forwarded-Uri": {"https://evil.example/"}, "Accept": {"text/html"}}
			w := httptest.NewRecorder()
			s.direct.ServeHTTP(w, r)
			if to := w.Header().Get("Location"); w.Code != 302 || to != "/auth/login" {
				t.Errorf("asked directly, for %s: %d to %q", host, w.Code, to)
			}
		}
	})
}

// TestE23_RealGateways: used every 10 minutes for two hours, nobody is logged out; and
// without the detour they would be.
func TestE23_RealGateways(t *testing.T) {
	gateways(t, func(t *testing.T, s *site) {
		bob := s.login(t, "bob", "swordfish")
		detours := 0
		for n := range 13 {
			path, hops := fmt.Sprint("/p?n=", n), 0
			a := browse(bob, "GET", path)
			for ; a.Header.Get("Location") != "" && hops < 6; hops++ {
				to := strings.TrimPrefix(a.Header.Get("Location"), s.base)
				if strings.HasPrefix(to, "/auth/login") {
					t.Fatalf("logged out after %d minutes", 10*n)
				}
				if strings.HasPrefix(to, "/auth/renew") {
					detours++
				}
				a = browse(bob, "GET", to)
			}
			a.Want(t, 200, "").Says(t, "application: "+path)
			s.ahead.Add(int64(10 * time.Minute))
		}
		if detours < 5 || detours > 7 {
			t.Errorf("%d detours in two hours", detours)
		}
		// Programs don't renew.
		for range 2 {
			s.ahead.Add(int64(20 * time.Minute))
			browse(bob, "GET", "/api", "Accept", "application/json", "Sec-Fetch-Mode", "cors")
		}
		if a := browse(bob, "GET", "/p"); !strings.HasPrefix(a.Header.Get("Location"), "/auth/login") {
			t.Errorf("after 50 minutes without a page: %d to %q", a.StatusCode, a.Header.Get("Location"))
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		for _, h := range s.verify {
			if h["Set-Cookie"] != nil || h["X-Auth-User"] == nil || h["X-Auth-Name"] == nil {
				t.Errorf("the verifier answered %v", h)
			}
		}
	})
}

// TestE20_LargeCookie: a Cookie header of 8 KB opens.
func TestE20_LargeCookie(t *testing.T) {
	gateways(t, func(t *testing.T, s *site) {
		bob := s.login(t, "bob", "swordfish")
		r := bob.Request("GET", "/p", nil)
		r.Header.Set("Cookie", "x="+strings.Repeat("y", 8<<10)) // the jar adds the session
		bob.Do(r).Want(t, 200, "")
		if user := s.upstream("X-Auth-User"); fmt.Sprint(user) != "[bob]" {
			t.Errorf("the application saw %q", user)
		}
	})
}

// TestE27_RealGateways: during a rotation, with the verifier's keys changing between any
// two requests, there's no redirect loop and nobody is logged out.
func TestE27_RealGateways(t *testing.T) {
	gateways(t, func(t *testing.T, s *site) {
		older, newer := keyring.NewKey(), keyring.NewKey()
		one, err1 := keyring.New(older, newer)
		two, err2 := keyring.New(newer, older)
		if err := errors.Join(err1, err2); err != nil {
			t.Fatal(err)
		}
		s.keys.Set(one)
		bob, requests := s.login(t, "bob", "swordfish"), 0
		for n := range 12 {
			s.ahead.Add(int64(10 * time.Minute))
			a, hops := browse(bob, "GET", "/p"), 0
			for ; a.Header.Get("Location") != ""; hops++ {
				if requests++; requests%2 == 0 {
					s.keys.Set(one)
				} else {
					s.keys.Set(two)
				}
				if hops > 3 || strings.Contains(a.Header.Get("Location"), "/auth/login") {
					t.Fatalf("page %d: %d to %q after %d redirects", n, a.StatusCode, a.Header.Get("Location"), hops)
				}
				a = browse(bob, "GET", strings.TrimPrefix(a.Header.Get("Location"), s.base))
			}
			a.Want(t, 200, "")
		}
	})
}

// TestE21_ForgetfulGateway: a gateway that doesn't name the method refuses links from
// other sites, and lets no form of another site through.
func TestE21_ForgetfulGateway(t *testing.T) {
	s := start(t, "nginx")
	bob := s.login(t, "bob", "swordfish")
	bob.Get("/p").Want(t, 200, "")
	s.mu.Lock()
	cookie := s.seen.Get("Cookie")
	s.mu.Unlock()
	for from, want := range map[string]int{"cross-site": 403, "same-origin": 200} {
		r := httptest.NewRequest("GET", "/verify", nil)
		r.Header = http.Header{"X-Forwarded-Host": {s.host}, "X-Forwarded-Uri": {"/p"}, "Sec-Fetch-Site": {from}, "Cookie": {cookie}}
		w := httptest.NewRecorder()
		s.direct.ServeHTTP(w, r)
		if w.Code != want {
			t.Errorf("%s: %d, want %d", from, w.Code, want)
		}
	}
}

// TestREADME_Verifier: main itself starts as the READMEs say.
func TestREADME_Verifier(t *testing.T) {
	cmd := exec.CommandContext(t.Context(), "go", "run", ".")
	cmd.Env = append(os.Environ(), "SESSION_SECRET=", "PASSWORD=open sesame")
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	text, _ := io.ReadAll(bufio.NewReader(stderr))
	if err := cmd.Wait(); err == nil || !strings.Contains(string(text), "is the variable set?") {
		t.Errorf("without a secret: %v, %s", err, text)
	}
}
