package e2e_test

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/examples/internal/browser"
	"github.com/hardtack-go/hardtack/examples/internal/visitor"
	"github.com/hardtack-go/hardtack/internal/freeport"
	"github.com/hardtack-go/hardtack/keyring"
)

// nginxConfig is a shared cache that keeps whatever it may: every status, with one key
// for all visitors. The ports are, in order: a server with default settings; one that
// is told to ignore Set-Cookie, as many are, so that only the origin's caching headers
// separate two visitors; and the same in front of an origin without such headers.
const nginxConfig = `
daemon off;
user root;
pid %[1]s/pid;
error_log stderr warn;
events { worker_connections 256; }
http {
	access_log off;
	client_body_temp_path %[1]s/body;
	proxy_temp_path %[1]s/proxy;
	fastcgi_temp_path %[1]s/fastcgi;
	uwsgi_temp_path %[1]s/uwsgi;
	scgi_temp_path %[1]s/scgi;
	proxy_cache_path %[1]s/cache levels=1:2 keys_zone=shared:10m inactive=10m;
	proxy_http_version 1.1;
	proxy_set_header Host $http_host;
	proxy_cache shared;
	proxy_cache_key $server_port$request_uri;
	proxy_cache_valid any 10m;
	add_header X-Cache $upstream_cache_status always;
	server { listen %[2]s; location / { proxy_pass http://%[5]s; } }
	server { listen %[3]s; location / { proxy_pass http://%[5]s; proxy_ignore_headers Set-Cookie; } }
	server { listen %[4]s; location / { proxy_pass http://%[6]s; proxy_ignore_headers Set-Cookie; } }
}
`

// startNginx runs a real nginx in front of two origins and returns the addresses
// of its three servers.
func startNginx(t *testing.T, origin, thoughtless string) (bases [3]string) {
	t.Helper()
	program := browser.Program(t, "nginx", "/usr/sbin/nginx")
	dir := t.TempDir()
	values := []any{dir}
	for i := range bases {
		addr, err := freeport.Addr() // nginx cannot be given a listener
		if err != nil {
			t.Fatal(err)
		}
		values = append(values, addr)
		bases[i] = "http://" + addr
	}
	for _, url := range []string{origin, thoughtless} {
		values = append(values, strings.TrimPrefix(url, "http://"))
	}
	path := filepath.Join(dir, "nginx.conf")
	if err := os.WriteFile(path, fmt.Appendf(nil, nginxConfig, values...), 0o600); err != nil {
		t.Fatal(err)
	}
	output := new(visitor.Log)
	cmd := exec.CommandContext(context.WithoutCancel(t.Context()), program, "-p", dir, "-c", path)
	cmd.Stdout, cmd.Stderr = output, output
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		cmd.Wait()
		close(ended)
	}()
	t.Cleanup(func() {
		cmd.Process.Signal(syscall.SIGTERM) // the workers end with it
		<-ended
	})
	for begin := time.Now(); ; {
		conn, err := net.Dial("tcp", strings.TrimPrefix(bases[2], "http://"))
		if err == nil {
			conn.Close()
			return bases
		}
		select {
		case <-ended:
			t.Fatalf("nginx did not start:\n%s", output)
		case <-time.After(20 * time.Millisecond):
		}
		if time.Since(begin) > patience {
			t.Fatalf("nginx does not listen: %v\n%s", err, output)
		}
	}
}

// cachedSite is the demo behind nginx.
type cachedSite struct {
	demo     *process
	bases    [3]string
	password string // bob's, which every walk changes
}

func startCached(t *testing.T) *cachedSite {
	t.Helper()
	browser.Program(t, "nginx", "/usr/sbin/nginx")
	s := &cachedSite{demo: launch(t, "-addr", "127.0.0.1:0"), password: seedPassword}
	// The third server is in front of an origin that takes out of every answer what
	// keeps a cache from sharing it.
	thoughtless := httptest.NewServer(s.demo.proxy(t, func(h http.Header) {
		h.Del("Cache-Control")
		h.Del("Vary")
	}))
	t.Cleanup(thoughtless.Close)
	s.bases = startNginx(t, "http://127.0.0.1:"+s.demo.port(), thoughtless.URL)
	return s
}

var times = regexp.MustCompile(`"(iat|auth_time|exp|rnw)":([0-9]+)`)

// age makes a visitor's session older, as if time had passed: the test has the
// key file. Whoever has no session is left alone.
func (s *cachedSite) age(t *testing.T, v *visitor.Visitor, by time.Duration) {
	t.Helper()
	value := v.Cookie()
	if value == "" {
		return
	}
	file, err := keyring.OpenFile(s.demo.keys, nil)
	if err != nil {
		t.Fatal(err)
	}
	codec, err := cookie.JWE("__Host-session", "")
	if err != nil {
		t.Fatal(err)
	}
	ring := file.At(time.Now())
	opened, err := codec.Open(ring, value)
	if err != nil {
		t.Fatal(err)
	}
	plaintext := times.ReplaceAllFunc(opened.Plaintext, func(member []byte) []byte {
		name, number, _ := bytes.Cut(member, []byte(":"))
		unix, err := strconv.ParseInt(string(number), 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		return fmt.Appendf(nil, "%s:%d", name, unix-int64(by/time.Second))
	})
	// Under the key of before, so that aging is not a reseal as well.
	same, err := keyring.New(opened.Key)
	if err != nil {
		t.Fatal(err)
	}
	if value, err = codec.Seal(same, plaintext); err != nil {
		t.Fatal(err)
	}
	v.SetCookie(value)
}

// cacheWatch follows what every client gets and finds what came from another's.
type cacheWatch struct {
	t       *testing.T
	marks   map[string]string // text that only one client may see → that client
	cookies map[string]string // session cookie → who was given it
	hits    int               // answers from the cache
	answers int
	pages   []string // leaks of pages
	values  []string // leaks of Set-Cookie
}

// see judges one answer to a client.
func (c *cacheWatch) see(who, what string, a *visitor.Answer) *visitor.Answer {
	c.answers++
	hit := a.Header.Get("X-Cache") == "HIT"
	if hit {
		c.hits++
	}
	for mark, owner := range c.marks {
		if strings.Contains(a.Text, mark) && owner != who {
			c.pages = append(c.pages, fmt.Sprintf("%s: %s is shown the page of %s", what, who, owner))
		}
	}
	for _, line := range a.Header.Values("Set-Cookie") {
		set, err := http.ParseSetCookie(line)
		if err != nil {
			c.t.Error(err)
			continue
		}
		// A deletion is the same for everybody. From the cache it is not meant for
		// whoever gets it.
		owner, known := c.cookies[set.Value]
		if hit || known && owner != who && set.MaxAge >= 0 {
			c.values = append(c.values, fmt.Sprintf("%s: %s is given a cookie of %s (hit: %v)", what, who, owner, hit))
		}
		c.cookies[set.Value] = who
	}
	return a
}

// walk takes bob through every way on which a session is read or written. After
// each step others ask for the same page. It returns how many cookies each step
// of bob's set.
func (s *cachedSite) walk(t *testing.T, base string) (watch *cacheWatch, set map[string]int) {
	watch = &cacheWatch{t: t, marks: map[string]string{}, cookies: map[string]string{}}
	set = map[string]int{}
	visitors := map[string]*visitor.Visitor{}
	for _, name := range []string{"bob", "ada", "nobody", "stray", "forger"} {
		visitors[name] = visitor.New(t, base)
		watch.marks["rope of "+name] = name
	}
	// The top of every page of somebody who is logged in.
	watch.marks[`title="`+bob+`:`], watch.marks[`title="`+ada+`:`] = "bob", "ada"
	others := []string{"nobody", "ada", "stray", "forger"}
	ask := func(name, method, path string) *visitor.Answer {
		v := visitors[name]
		r := v.Request(method, path, nil)
		r.Header.Set("Sec-Fetch-Dest", "document")
		if name == "forger" {
			r.Header.Set("Cookie", "__Host-session=forged")
		}
		return watch.see(name, method+" "+path, v.Do(r))
	}
	// step is one request of bob's, then the same by the others, and once more by
	// bob and them: whatever was kept of it is now served.
	step := func(name, method, path string) {
		a := ask("bob", method, path)
		set[name] += len(a.Header.Values("Set-Cookie"))
		for range 2 {
			for _, other := range others {
				ask(other, "GET", path)
			}
			ask("bob", "GET", path)
		}
	}
	post := func(name, who, path string, pairs ...string) {
		a := watch.see(who, "POST "+path, visitors[who].Post(path, pairs...))
		if who == "bob" {
			set[name] += len(a.Header.Values("Set-Cookie"))
		}
		for _, other := range others { // what was kept of the POST, if anything
			ask(other, "GET", path)
		}
	}
	everywhere := func(name string) {
		// Twice: at addresses that other steps ask for too, and at fresh ones, which
		// bob is the first to ask for.
		for _, query := range []string{"", "?" + name} {
			for _, path := range []string{"/", "/members", "/session", "/account", "/change", "/login", "/signup", "/staff", "/nowhere"} {
				step(name, "GET", path+query)
			}
		}
		step(name, "HEAD", "/?head-"+name)
	}

	everywhere("anonymous")
	for _, other := range []string{"ada", "stray"} {
		post("", other, "/cart", "item", "rope of "+other)
	}
	post("", "ada", "/login", "email", ada, "password", seedPassword)
	post("write", "bob", "/cart", "item", "rope of bob")
	everywhere("cart")
	post("login", "bob", "/login", "email", bob, "password", s.password)
	everywhere("in")
	pass := func(d time.Duration) {
		for _, v := range visitors {
			s.age(t, v, d)
		}
	}
	// What is no step of the walk goes to the demo directly.
	boss := visitor.New(t, s.demo.url)
	boss.Login(ada, seedPassword).Want(t, 303, "/")
	for _, path := range []string{"/", "/members", "/session"} {
		pass(10 * time.Minute)
		step("renewal", "GET", path+"?renewal")
	}
	for _, path := range []string{"/", "/members", "/session"} {
		boss.Post("/keys/rotate").Want(t, 303, "/session")
		step("reseal", "GET", path+"?reseal")
	}
	for _, path := range []string{"/", "/members", "/login"} {
		pass(time.Hour)
		step("expired", "GET", path+"?expired")
		post("", "bob", "/login", "email", bob, "password", s.password)
		post("", "ada", "/login", "email", ada, "password", seedPassword)
	}
	for _, path := range []string{"/", "/members"} {
		other := visitor.New(t, s.demo.url)
		other.Login(bob, s.password).Want(t, 303, "/")
		next := s.password + "!"
		other.Post("/change", "current", s.password, "password", next).Want(t, 200, "")
		s.password = next
		pass(2 * time.Minute) // a session of less than a minute is left alone (F106)
		step("refused", "GET", path+"?refused")
		post("", "bob", "/login", "email", bob, "password", s.password)
	}
	post("logout", "bob", "/logout")
	everywhere("out")
	return watch, set
}

// A shared cache in front of the demo serves nobody another visitor's page or
// cookie, on any way on which a session is read or written.
func TestNginxSharesNothingPersonal(t *testing.T) {
	s := startCached(t)
	for i, name := range [...]string{"as it comes", "overlooking Set-Cookie"} {
		watch, set := s.walk(t, s.bases[i])
		t.Logf("nginx %s: %d answers, %d of them from its cache; to the wrong visitor %d pages, %d cookies; cookies set: write %d, login %d, renewal %d, reseal %d, expired %d, refused %d, logout %d",
			name, watch.answers, watch.hits, len(watch.pages), len(watch.values),
			set["write"], set["login"], set["renewal"], set["reseal"], set["expired"], set["refused"], set["logout"])
		for _, leak := range slices.Concat(watch.pages, watch.values) {
			t.Errorf("nginx %s: %s", name, leak)
		}
		for step, want := range map[string]int{"write": 1, "login": 2, "renewal": 3, "reseal": 3, "expired": 3, "refused": 2, "logout": 2} {
			if set[step] != want {
				t.Errorf("%s: %d Set-Cookie, want %d: this step proves nothing", step, set[step], want)
			}
		}
		if watch.hits == 0 {
			t.Errorf("nginx %s: nothing came from the cache: it caches nothing at all", name)
		}
	}
	// The test can fail: an origin that says neither private nor Vary leaks.
	watch, _ := s.walk(t, s.bases[2])
	t.Logf("nginx before an origin without Cache-Control and Vary: %d answers, %d from its cache; %d pages and %d cookies to the wrong visitor",
		watch.answers, watch.hits, len(watch.pages), len(watch.values))
	if len(watch.pages) == 0 || len(watch.values) == 0 {
		t.Error("a wrong origin leaks nothing: this test would not notice a leak")
	}
}
