package takeover

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hardtack-go/hardtack/auth"
	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/examples/internal/browser"
	"github.com/hardtack-go/hardtack/examples/internal/visitor"
	"github.com/hardtack-go/hardtack/internal/freeport"
	"github.com/hardtack-go/hardtack/keyring"
	"github.com/hardtack-go/hardtack/middleware"
	"github.com/hardtack-go/hardtack/ssestore"
)

// rolloutEnv makes this test binary the new application: the directory of its keys, and
// whether it leaves sessions to the old one.
const rolloutEnv = "HARDTACK_ROLLOUT"

func TestMain(m *testing.M) {
	if dir, readOnly, ok := strings.Cut(os.Getenv(rolloutEnv), "|"); ok {
		if err := newApplication(dir, readOnly == "read-only"); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// newApplication serves the routes that have moved, until its input ends. It prints its
// address.
func newApplication(dir string, asReader bool) error {
	old := moveCookieSession()
	if asReader {
		old = readOnly(old)
	}
	keys, err := keyring.OpenOrCreateFile(filepath.Join(dir, "keys.json"), func(error) {})
	if err != nil {
		return err
	}
	store, err := ssestore.New(ssestore.Config{
		Keys:   keys,
		Cookie: cookie.Config{Name: "hardtack", DangerouslyAllowHTTP: true},
		Legacy: []ssestore.Legacy{old},
	})
	if err != nil {
		return err
	}
	accounts, err := auth.New(auth.Config[*user]{
		UserByID: func(_ context.Context, id string) (*user, error) { return &user{id, "hash"}, nil },
		ID:       func(u *user) string { return u.id },
		Stamp:    func(u *user) string { return u.hash },
	})
	if err != nil {
		return err
	}
	guard, err := middleware.New(store, accounts, middleware.Config{LoginURL: "/login", LogoutURL: "/logout"})
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/", guard.ForAnyone(func(w http.ResponseWriter, r *http.Request, u *user, ok bool) {
		if !ok {
			u = &user{id: "nobody"}
		}
		fmt.Fprintf(w, "go: %s %s", u.id, colourKey.Get(guard.Session(r)))
	}))
	mux.HandleFunc("/login", func(w http.ResponseWriter, r *http.Request) {
		if err := guard.Login(r, &user{"ann", "hash"}); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		colourKey.Set(guard.Session(r), "teal")
	})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println(l.Addr())
	server := &http.Server{Handler: guard.Handler(mux)}
	go server.Serve(l)
	io.Copy(io.Discard, os.Stdin)
	return server.Close()
}

// run starts a program until the test ends, or stop is called. It returns the first line
// that the program prints.
func run(t *testing.T, cmd *exec.Cmd) (line string, stop func()) {
	t.Helper()
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	stopped := false
	stop = func() {
		if !stopped {
			stopped = true
			in.Close()
			cmd.Wait()
		}
	}
	t.Cleanup(stop)
	line, err = bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(line), stop
}

// A front is a real nginx before both applications.
type front struct {
	t       *testing.T
	address string
	config  string
	output  *visitor.Log
	cmd     *exec.Cmd
	ended   chan struct{}
	turn    int
	worker  int // the process that serves the current configuration
}

const frontConfig = `
daemon off;
error_log stderr warn;
pid %[1]s/pid;
worker_processes 1;
events { worker_connections 64; }
http {
	access_log off;
	client_body_temp_path %[1]s/body;
	proxy_temp_path %[1]s/proxy;
	fastcgi_temp_path %[1]s/fastcgi;
	uwsgi_temp_path %[1]s/uwsgi;
	scgi_temp_path %[1]s/scgi;
	proxy_set_header Host $http_host;
	proxy_buffer_size 32k; # express-openid-connect sets 8 KB of cookies
	proxy_buffers 4 32k;
	large_client_header_buffers 4 32k;
	server {
		listen %[2]s;
		add_header X-Turn %[3]d always;
		add_header X-Worker $pid always;
		location / { proxy_pass http://%[4]s; }
%[5]s	}
}
`

// route sends the paths to the new application, and everything else to the old one. It
// returns once nginx does.
func (f *front) route(old, new string, paths ...string) {
	f.t.Helper()
	f.turn++
	locations := ""
	for _, path := range paths {
		locations += "\t\tlocation " + path + " { proxy_pass http://" + new + "; }\n"
	}
	text := fmt.Appendf(nil, frontConfig, filepath.Dir(f.config), f.address, f.turn, old, locations)
	if err := os.WriteFile(f.config, text, 0o600); err != nil {
		f.t.Fatal(err)
	}
	if f.cmd == nil {
		f.cmd = exec.Command(browser.Program(f.t, "nginx", "/usr/sbin/nginx"), "-p", filepath.Dir(f.config), "-c", f.config)
		f.cmd.Stdout, f.cmd.Stderr = f.output, f.output
		if err := f.cmd.Start(); err != nil {
			f.t.Fatal(err)
		}
		go func() { f.cmd.Wait(); close(f.ended) }()
		f.t.Cleanup(func() {
			f.cmd.Process.Signal(syscall.SIGTERM)
			<-f.ended
		})
	} else if err := f.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		f.t.Fatal(err)
	}
	fresh := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	for begin := time.Now(); ; {
		resp, err := fresh.Get("http://" + f.address + "/")
		if err == nil {
			resp.Body.Close()
			// For a moment both workers accept connections, until the old one has ended.
			gone := f.worker == 0 || !runs(f.worker)
			if gone && resp.Header.Get("X-Turn") == fmt.Sprint(f.turn) {
				f.worker, _ = strconv.Atoi(resp.Header.Get("X-Worker"))
				return
			}
		}
		select {
		case <-f.ended:
			f.t.Fatalf("nginx has ended:\n%s", f.output)
		case <-time.After(20 * time.Millisecond):
		}
		if time.Since(begin) > time.Minute {
			f.t.Fatalf("nginx doesn't take its configuration: %v\n%s", err, f.output)
		}
	}
}

// runs reports whether a process is there.
func runs(pid int) bool {
	p, err := os.FindProcess(pid)
	return err == nil && p.Signal(syscall.Signal(0)) == nil
}

// A person is a browser with a jar of its own.
type person struct {
	t *testing.T
	http.Client
	base string
}

func (f *front) person() *person {
	jar, _ := cookiejar.New(nil)
	// Each request has its own connection: an old worker of nginx serves those it has.
	return &person{f.t, http.Client{Jar: jar, Transport: &http.Transport{DisableKeepAlives: true}}, "http://" + f.address}
}

func (p *person) get(path string) string {
	p.t.Helper()
	resp, err := p.Get(p.base + path)
	if err != nil {
		p.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		p.t.Fatalf("%s: %v, %s: %s", path, err, resp.Status, body)
	}
	return string(body)
}

// TestH70_H71_Rollout: a real Express application and a real Go one behind one nginx. The
// routes move one after the other, and back, and forth again, and nobody is logged out.
// Once the login has moved too, sessions move for good.
func TestH70_H71_Rollout(t *testing.T) {
	binary, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	port, _ := run(t, exec.Command(node(t), "express.mjs", secret))
	old := "127.0.0.1:" + port
	start := func(mode string) (address string, stop func()) {
		cmd := exec.Command(binary)
		cmd.Env = append(os.Environ(), rolloutEnv+"="+dir+"|"+mode, "SESSION_KEY="+secret)
		return run(t, cmd)
	}
	reader, stopReader := start("read-only")

	address, err := freeport.Addr()
	if err != nil {
		t.Fatal(err)
	}
	f := &front{t: t, address: address, config: filepath.Join(t.TempDir(), "nginx.conf"), output: new(visitor.Log), ended: make(chan struct{})}

	everybody := map[string]*person{}
	login := func(name string) {
		t.Helper()
		everybody[name] = f.person()
		everybody[name].get("/login")
	}
	// visit asks for each of the three pages as everybody, and says who answers.
	visit := func(stage string, moved ...string) {
		t.Helper()
		for name, p := range everybody {
			for _, path := range []string{"/a", "/b", "/c"} {
				want := "express: ann teal"
				for _, m := range moved {
					if m == path {
						want = "go: ann teal"
					}
				}
				if got := p.get(path); got != want {
					t.Errorf("%s: %s at %s: %q, want %q", stage, name, path, got, want)
				}
			}
		}
	}

	f.route(old, reader)
	login("early")
	visit("before")
	f.route(old, reader, "/a")
	visit("one route", "/a")
	login("between")
	f.route(old, reader, "/a", "/b")
	visit("two routes", "/a", "/b")
	f.route(old, reader, "/a")
	visit("one back", "/a")
	f.route(old, reader)
	visit("all back")
	f.route(old, reader, "/a", "/b", "/c")
	login("late")
	visit("all pages", "/a", "/b", "/c")
	everybody["absent"] = everybody["late"]
	delete(everybody, "late")
	absent := everybody["absent"]
	delete(everybody, "absent") // doesn't come while sessions move

	// The login moves, and with it the sessions. ReadOnly goes.
	stopReader()
	writer, _ := start("move")
	f.route(old, writer, "/a", "/b", "/c", "/login")
	login("new")
	visit("moved", "/a", "/b", "/c")
	visit("moved, again", "/a", "/b", "/c")
	for name, p := range everybody {
		for _, c := range p.Jar.Cookies(&url.URL{Scheme: "http", Host: f.address, Path: "/"}) {
			if c.Name == "session" || c.Name == "session.sig" {
				t.Errorf("%s still has the cookie %s", name, c.Name)
			}
		}
	}

	// Back once more: whoever hasn't moved is where they were, and the others log in again.
	f.route(old, writer)
	if got := absent.get("/a"); got != "express: ann teal" {
		t.Errorf("back: %q", got)
	}
	if got := everybody["early"].get("/a"); got != "express: nobody" {
		t.Errorf("back, after the session has moved: %q", got)
	}
	everybody["early"].get("/login")
	if got := everybody["early"].get("/a"); got != "express: ann teal" {
		t.Errorf("back, after a login: %q", got)
	}
}
