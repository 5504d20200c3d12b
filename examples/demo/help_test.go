package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// need skips a test whose program is missing, or fails it where the programs
// have been installed on purpose.
func need(t *testing.T, names ...string) string {
	t.Helper()
	for _, name := range names {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	if os.Getenv("HARDTACK_CI") == "1" {
		t.Fatalf("%s is not installed, and HARDTACK_CI=1 says that it should be", names[0])
	}
	t.Skipf("%s is not installed", names[0])
	return ""
}

// logBuffer collects what the application logs.
type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// site is the application in this process, on a real server.
type site struct {
	*app
	*httptest.Server
	log *logBuffer
	cfg config
}

// start runs the application under TLS and HTTP/2, so that a cookie jar takes
// Secure cookies and a browser can have many requests under way. wrap may put
// something between the server and the application.
func start(t *testing.T, wrap func(http.Handler) http.Handler) *site {
	t.Helper()
	dir := t.TempDir()
	log := new(logBuffer)
	cfg := config{DB: filepath.Join(dir, "users.db"), Keys: filepath.Join(dir, "keys.json"), Log: slog.New(slog.NewTextHandler(log, nil))}
	a, err := newApp(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	handler := a.Handler()
	if wrap != nil {
		handler = wrap(handler)
	}
	server := httptest.NewUnstartedServer(handler)
	server.EnableHTTP2 = true
	server.Config.ErrorLog = slog.NewLogLogger(cfg.Log.Handler(), slog.LevelWarn)
	server.StartTLS()
	t.Cleanup(func() {
		server.Close()
		a.Close()
	})
	return &site{a, server, log, cfg}
}

// visitor is a client with cookies that does not follow redirects by itself.
type visitor struct {
	t    *testing.T
	base string
	jar  *localJar
	http *http.Client
}

// localJar treats plain HTTP as secure, as browsers do on localhost.
type localJar struct{ *cookiejar.Jar }

func secure(u *url.URL) *url.URL {
	s := *u
	s.Scheme = "https"
	return &s
}

func (j *localJar) SetCookies(u *url.URL, c []*http.Cookie) { j.Jar.SetCookies(secure(u), c) }
func (j *localJar) Cookies(u *url.URL) []*http.Cookie       { return j.Jar.Cookies(secure(u)) }

func newVisitor(t *testing.T, base string) *visitor {
	t.Helper()
	inner, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	jar := &localJar{inner}
	transport := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, ForceAttemptHTTP2: true}
	t.Cleanup(transport.CloseIdleConnections)
	return &visitor{t, base, jar, &http.Client{
		Transport:     transport,
		Jar:           jar,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

func (s *site) visitor(t *testing.T) *visitor { t.Helper(); return newVisitor(t, s.URL) }

// at is the same visitor, cookies and all, at another address of the same host.
func (v *visitor) at(base string) *visitor {
	other := *v
	other.base = base
	return &other
}

// answer is a response that was read to its end.
type answer struct {
	*http.Response
	body string
}

func (v *visitor) do(r *http.Request) *answer {
	v.t.Helper()
	if r.Header.Get("Accept") == "" {
		r.Header.Set("Accept", "text/html")
	}
	resp, err := v.http.Do(r)
	if err != nil {
		v.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		v.t.Fatal(err)
	}
	return &answer{resp, string(body)}
}

func (v *visitor) request(method, path string, form url.Values) *http.Request {
	v.t.Helper()
	var body io.Reader
	if form != nil {
		body = strings.NewReader(form.Encode())
	}
	r, err := http.NewRequestWithContext(v.t.Context(), method, v.base+path, body)
	if err != nil {
		v.t.Fatal(err)
	}
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	return r
}

func (v *visitor) get(path string) *answer {
	v.t.Helper()
	return v.do(v.request("GET", path, nil))
}

// post sends name, value, name, value…
func (v *visitor) post(path string, pairs ...string) *answer {
	v.t.Helper()
	form := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		form.Add(pairs[i], pairs[i+1])
	}
	return v.do(v.request("POST", path, form))
}

// want checks the status and, for a redirect, where it leads.
func (a *answer) want(t *testing.T, status int, location string) *answer {
	t.Helper()
	if a.StatusCode != status || a.Header.Get("Location") != location {
		t.Errorf("%s %s: %d to %q, want %d to %q\n%s", a.Request.Method, a.Request.URL.Path,
			a.StatusCode, a.Header.Get("Location"), status, location, a.body)
	}
	return a
}

// says checks for a piece of the page.
func (a *answer) says(t *testing.T, text string) *answer {
	t.Helper()
	if !strings.Contains(a.body, text) {
		t.Errorf("%s %s does not say %q:\n%s", a.Request.Method, a.Request.URL.Path, text, a.body)
	}
	return a
}

func (v *visitor) login(email, pw string, more ...string) *answer {
	v.t.Helper()
	return v.post("/login", append([]string{"email", email, "password", pw}, more...)...)
}

// who is the email that the members' page shows, or "" for nobody.
func (v *visitor) who() string {
	v.t.Helper()
	a := v.get("/members")
	if a.StatusCode == http.StatusFound {
		return ""
	}
	_, after, ok := strings.Cut(a.body, `<span id="member">`)
	if a.StatusCode != http.StatusOK || !ok {
		v.t.Fatalf("GET /members: %d\n%s", a.StatusCode, a.body)
	}
	email, _, _ := strings.Cut(after, "<")
	return email
}

// sessionView is GET /session as JSON.
func (v *visitor) sessionView() sessionJSON {
	v.t.Helper()
	r := v.request("GET", "/session", nil)
	r.Header.Set("Accept", "application/json")
	a := v.do(r)
	var s sessionJSON
	if err := json.Unmarshal([]byte(a.body), &s); err != nil {
		v.t.Fatalf("GET /session: %d, %v\n%s", a.StatusCode, err, a.body)
	}
	return s
}

// cookie returns the raw session cookie, "" if there is none.
func (v *visitor) cookie() string {
	u, _ := url.Parse(v.base)
	for _, c := range v.jar.Cookies(u) {
		if c.Name == "__Host-session" || c.Name == "session" {
			return c.Value
		}
	}
	return ""
}

// buildDir is where the built demo lies while the tests run.
var buildDir string

func TestMain(m *testing.M) {
	var err error
	if buildDir, err = os.MkdirTemp("", "hardtack-demo-test-"); err != nil {
		panic(err)
	}
	code := m.Run()
	os.RemoveAll(buildDir)
	os.Exit(code)
}

// binary builds the demo once, as a person would run it.
var binary = sync.OnceValues(func() (string, error) {
	path := filepath.Join(buildDir, "demo")
	out, err := exec.Command("go", "build", "-o", path, ".").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("go build: %w\n%s", err, out)
	}
	return path, nil
})

// process is the built demo, running.
type process struct {
	cmd    *exec.Cmd
	url    string // as printed: http://localhost:port
	stderr *logBuffer
	ended  chan struct{}
	err    error // how it ended; read after ended
}

// launch starts the built demo and waits until it says where it listens.
func launch(t *testing.T, args ...string) *process {
	t.Helper()
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	p := &process{cmd: exec.CommandContext(context.WithoutCancel(t.Context()), path, args...), stderr: new(logBuffer), ended: make(chan struct{})}
	p.cmd.Env = append(os.Environ(), "TMPDIR="+t.TempDir())
	p.cmd.Stderr = p.stderr
	stdout, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(stdout)
	for lines.Scan() {
		if rest, ok := strings.CutPrefix(lines.Text(), "Open "); ok {
			p.url = strings.TrimSpace(rest)
		}
		if strings.HasPrefix(lines.Text(), "Keys ") { // the last line of the greeting
			break
		}
	}
	go func() {
		io.Copy(io.Discard, stdout)
		p.err = p.cmd.Wait()
		close(p.ended)
	}()
	t.Cleanup(func() {
		p.cmd.Process.Kill() // an error means that it has ended already
		<-p.ended
	})
	if p.url == "" {
		t.Fatalf("the demo did not start:\n%s", p.stderr)
	}
	return p
}

// end sends a signal and waits for the process to end.
func (p *process) end(t *testing.T, signal os.Signal) error {
	t.Helper()
	if err := p.cmd.Process.Signal(signal); err != nil {
		t.Fatal(err)
	}
	<-p.ended
	return p.err
}

// port is where the process listens.
func (p *process) port() string {
	u, err := url.Parse(p.url)
	if err != nil {
		return ""
	}
	return u.Port()
}
