package e2e_test

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
	"unicode"

	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/examples/internal/browser"
	"github.com/hardtack-go/hardtack/examples/internal/visitor"
	"github.com/hardtack-go/hardtack/keyring"
)

// Two processes of the built demo share a database and a key file. Keys are
// rotated in both, both are killed or stopped and started again in between, and
// nobody is logged out anywhere.
func TestTwoProcessesRotateAndRestart(t *testing.T) {
	dir := t.TempDir()
	shared := []string{"-db", filepath.Join(dir, "users.db"), "-keys", filepath.Join(dir, "keys.json")}
	run := func() *process {
		return launch(t, append([]string{"-addr", "127.0.0.1:0"}, shared...)...)
	}
	a, b := run(), run()

	boss, crew, guest := visitor.New(t, a.url), visitor.New(t, b.url), visitor.New(t, a.url)
	boss.Login(ada, seedPassword).Want(t, 303, "/")
	crew.Login(bob, seedPassword, "remember", "1").Want(t, 303, "/")
	crew.Post("/cart", "item", "rope")
	guest.Post("/cart", "item", "lime")
	sessions := map[string]string{}
	for name, v := range map[string]*visitor.Visitor{"ada": boss, "bob": crew} {
		sessions[name] = fmt.Sprint(sessionOf(v).Claims.Exp)
	}

	everybody := func(when string) {
		t.Helper()
		for _, p := range []*process{a, b} {
			// A process that has just looked for newer keys doesn't look again for 50 ms
			// (F405). Until then it doesn't know who comes with a key that is newer.
			eventually(t, when+": ada to be in at "+p.url, func() bool { return boss.At(p.url).Who() == ada })
			if got := crew.At(p.url).Who(); got != bob {
				t.Fatalf("%s: bob is %q at %s", when, got, p.url)
			}
			crew.At(p.url).Get("/").Says(t, "<li>rope</li>")
			guest.At(p.url).Get("/").Says(t, "<li>lime</li>")
		}
		for name, v := range map[string]*visitor.Visitor{"ada": boss, "bob": crew} {
			s := sessionOf(v.At(b.url))
			if !s.Primary || fmt.Sprint(s.Claims.Exp) != sessions[name] {
				t.Errorf("%s: %s is under the primary: %v, ends at %d instead of %s", when, name, s.Primary, s.Claims.Exp, sessions[name])
			}
		}
	}
	rotate := func(p *process) {
		t.Helper()
		before := sessionOf(boss.At(p.url)).KeyID
		boss.At(p.url).Post("/keys/rotate").Want(t, 303, "/session")
		boss.At(p.url).Get("/session")
		if after := sessionOf(boss.At(p.url)).KeyID; after == before {
			t.Fatalf("the rotation at %s changed nothing", p.url)
		}
	}

	everybody("at first")
	rotate(a)
	everybody("after a rotation at A")
	rotate(b)
	rotate(a)
	everybody("after one at each")

	if err := a.end(t, syscall.SIGKILL); err == nil {
		t.Error("a killed process ended without an error")
	}
	rotate(b)
	a = run() // at another port, which cookies don't depend on
	everybody("after A was killed and started again")

	if err := b.end(t, syscall.SIGTERM); err != nil {
		t.Errorf("a graceful end: %v\n%s", err, b.stderr)
	}
	rotate(a)
	rotate(a)
	b = run()
	everybody("after B was stopped and started again")

	for _, p := range []*process{a, b} {
		if log := p.stderr.String(); strings.Contains(log, "level=ERROR") || strings.Contains(log, "panic") {
			t.Errorf("the log of %s:\n%s", p.url, log)
		}
	}
}

// A person closes the laptop: what was printed is what one needs to go on.
func TestGreetingAndFlags(t *testing.T) {
	p := launch(t, "-addr", "127.0.0.1:0", "-insecure-http")
	v := visitor.New(t, p.url)
	a := v.Login(ada, seedPassword).Want(t, 303, "/")
	set := a.Header.Values("Set-Cookie")
	if len(set) != 1 || !strings.HasPrefix(set[0], "session=") || strings.Contains(set[0], "Secure") || !strings.Contains(set[0], "HttpOnly") {
		t.Errorf("-insecure-http sets %d cookies: %.12s…", len(set), strings.Join(set, "\n"))
	}
	if v.Who() != ada {
		t.Error("not logged in")
	}
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	nowhere := filepath.Join(t.TempDir(), "nowhere", "file")
	for _, row := range []struct {
		args []string
		says string
	}{
		{[]string{"-nonsense"}, "-h lists the flags"},
		{[]string{"extra"}, "-h lists the flags"},
		{[]string{"-addr", "256.0.0.1:x"}, "-addr chooses another address"},
		{[]string{"-addr", strings.TrimPrefix(p.url, "http://")}, "-addr chooses another address"}, // the demo, twice
		{[]string{"-addr", "127.0.0.1:0", "-db", nowhere}, "-db names another file"},
		{[]string{"-addr", "127.0.0.1:0", "-keys", nowhere}, "-keys names another file"},
		{[]string{"-addr", "127.0.0.1:0", "-keys", t.TempDir(), "-db", filepath.Join(t.TempDir(), "u.db")}, "-keys names another file"},
		{[]string{"-addr", "127.0.0.1:0", "-fleet", "2", "-db", nowhere}, "-db names another file"},
		{[]string{"-addr", "127.0.0.1:0", "-fleet", "2", "-keys", nowhere}, "-keys names another file"},
		{[]string{"TMPDIR=" + nowhere, "-addr", "127.0.0.1:0"}, "TMPDIR names another folder"},
	} {
		env := append(os.Environ(), "TMPDIR="+t.TempDir())
		if v, ok := strings.CutPrefix(row.args[0], "TMPDIR="); ok {
			env, row.args = append(env, "TMPDIR="+v), row.args[1:]
		}
		cmd := exec.CommandContext(t.Context(), path, row.args...)
		cmd.Env = env
		out, err := cmd.CombinedOutput()
		if last, _, _ := strings.Cut(string(out), "\n"); err == nil || bytes.Contains(out, []byte("panic")) || !strings.Contains(last, row.says) || !strings.HasPrefix(last, "demo: ") {
			t.Errorf("%q: %v\n%s", row.args, err, out)
		}
	}

	// A file gets plain text: no colours, and nothing that is drawn.
	if err := p.end(t, os.Interrupt); err != nil {
		t.Errorf("after Ctrl-C: %v", err)
	}
	help, err := exec.CommandContext(t.Context(), path, "-h").Output()
	if err != nil || !bytes.HasPrefix(help, []byte("usage: ")) {
		t.Errorf("-h: %v\n%s", err, help)
	}
	for _, text := range []string{p.stderr.String(), string(help)} {
		if i := strings.IndexFunc(text, func(r rune) bool { return unicode.IsControl(r) && r != '\n' && r != '\t' }); i >= 0 {
			t.Errorf("a control character at %d of:\n%q", i, text)
		}
	}
}

// Ten thousand Cookie headers that mean nothing, or almost something. None of
// them is a server error, and none comes back in the log.
func TestGarbageCookies(t *testing.T) {
	p := launch(t, "-addr", "127.0.0.1:0")
	// The logouts below end one of the two sessions.
	v, other := visitor.New(t, p.url), visitor.New(t, p.url)
	v.Login(bob, seedPassword)
	other.Login(bob, seedPassword)
	live := v.Cookie()
	const canary = "qzCanaryXk" // in every header somewhere, unless it is made of random bytes only
	random := rand.New(rand.NewChaCha8([32]byte{7}))
	bytesOf := func(n int) []byte {
		b := make([]byte, n)
		for i := range b {
			b[i] = byte(random.Uint32())
		}
		return b
	}
	printable := func(n int) string {
		b := bytesOf(n)
		for i := range b {
			b[i] = ' ' + b[i]%95
		}
		return string(b)
	}
	parts := strings.Split(live, ".")
	mutate := func() string {
		b := []byte(live)
		for n := 1 + random.IntN(4); n > 0 && len(b) > 0; n-- {
			switch i := random.IntN(len(b)); random.IntN(4) {
			case 0:
				b[i] ^= 1 << random.IntN(7)
			case 1:
				b = append(b[:i], b[i+1:]...)
			case 2:
				b = b[:i+1]
			default:
				b = append(b[:i], append([]byte{"-_.=+/;, \"A"[random.IntN(11)]}, b[i:]...)...)
			}
		}
		return string(b)
	}
	kinds := []func() string{
		func() string { return printable(random.IntN(300)) + canary },
		func() string { return "__Host-session=" + canary + printable(random.IntN(5000)) },
		func() string { return "__Host-session=" + mutate() + canary },
		func() string { return "__Host-session=" + mutate() + "; x=" + canary },
		func() string { return "__Host-session-ended=" + mutate() + canary + "; __Host-session=" + live },
		func() string {
			return "__Host-session-ended=" + canary + printable(100) + "; __Host-session=" + mutate()
		},
		func() string {
			return "__Host-session=" + parts[0] + strings.Repeat("."+canary, random.IntN(400))
		},
		func() string {
			return "__Host-session=" + parts[0] + ".." + base64.RawURLEncoding.EncodeToString(bytesOf(12)) + "." +
				base64.RawURLEncoding.EncodeToString(bytesOf(random.IntN(500))) + canary + "." + base64.RawURLEncoding.EncodeToString(bytesOf(16))
		},
		func() string { return strings.Repeat("__Host-session="+canary+"; ", 1+random.IntN(200)) },
		func() string { return strings.Repeat("a=b;", random.IntN(3000)) + canary },
		func() string { return "__Host-session=" + string(bytesOf(random.IntN(400))) + canary },
		func() string {
			return "__Host-session=" + live + "; __Host-session=" + mutate() + "; x=1, __Host-session=" + canary
		},
		func() string { return strings.Repeat("=", random.IntN(50)) + ";;;" + canary + "\x7f\x01\t" },
	}
	routes := []string{"GET /", "GET /members", "GET /session", "GET /staff", "POST /cart", "POST /logout", "GET /static/icon.svg"}

	address := strings.TrimPrefix(p.url, "http://")
	var conn net.Conn
	var reader *bufio.Reader
	statuses := map[int]int{}
	for i := range 10_000 {
		if conn == nil {
			var err error
			if conn, err = net.Dial("tcp", address); err != nil {
				t.Fatalf("after %d headers: %v\n%s", i, err, p.stderr)
			}
			reader = bufio.NewReader(conn)
		}
		// CR, LF and NUL would make it another request: not a Cookie header.
		header := strings.Map(func(c rune) rune {
			if c == '\r' || c == '\n' || c == 0 {
				return -1
			}
			return c
		}, kinds[i%len(kinds)]())
		route := routes[random.IntN(len(routes))]
		fmt.Fprintf(conn, "%s HTTP/1.1\r\nHost: localhost\r\nAccept: text/html\r\nContent-Length: 0\r\nCookie: %s\r\n\r\n", route, header)
		resp, err := http.ReadResponse(reader, nil)
		if err != nil {
			t.Fatalf("header %d, %s: %v\n%s", i, route, err, p.stderr)
		}
		io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
		statuses[resp.StatusCode]++
		if resp.StatusCode >= 500 {
			t.Errorf("%s with header %d: %d", route, i, resp.StatusCode)
		}
		if resp.Close {
			conn.Close()
			conn = nil
		}
	}
	if conn != nil {
		conn.Close()
	}
	t.Log("statuses:", statuses)
	if statuses[200] < 2000 {
		t.Error("most of the headers never reached the application")
	}
	if v.Who() != "" || other.Who() != bob {
		t.Error("a session that was logged out goes on, or one that wasn't doesn't")
	}
	log := p.stderr.String()
	if n := strings.Count(log, "msg=request"); n < 8000 {
		t.Errorf("%d lines in the log: this test measures nothing", n)
	}
	for _, bad := range []string{canary, "panic", "goroutine", "level=ERROR", parts[2], parts[4]} {
		if strings.Contains(log, bad) {
			t.Errorf("the log contains %q", bad)
		}
	}
	for i := 0; i+20 < len(parts[3]); i += 10 {
		if strings.Contains(log, parts[3][i:i+20]) {
			t.Error("the log contains a piece of a cookie")
		}
	}
}

// A service in another language opens a cookie of the running demo with the
// derived key of its keyring, exported for this purpose.
func TestNodeOpensALiveCookie(t *testing.T) {
	node := browser.Program(t, "node", "nodejs")
	dir := t.TempDir()
	keys := filepath.Join(dir, "keys.json")
	p := launch(t, "-addr", "127.0.0.1:0", "-keys", keys, "-db", filepath.Join(dir, "users.db"))
	v := visitor.New(t, p.url)
	v.Post("/cart", "item", "ünïcödé rope")
	v.Login(ada, seedPassword)
	v.Get("/")

	file, err := keyring.OpenFile(keys, nil)
	if err != nil {
		t.Fatal(err)
	}
	key, ok := file.At(time.Now()).Key(sessionOf(v).KeyID)
	if !ok {
		t.Fatal("the key of the session is not in the file")
	}
	set := filepath.Join(dir, "read.jwks")
	seal, barrier := cookie.SealLabel(cookie.DefaultName, ""), keyring.Label{Purpose: "barrier", Name: cookie.DefaultName}
	if err := os.WriteFile(set, fmt.Appendf(nil, `{"keys":[%s,%s]}`, key.ExportJWK(seal), key.ExportJWK(barrier)), 0o600); err != nil {
		t.Fatal(err)
	}
	open := func(token string) (string, error) {
		cmd := exec.CommandContext(t.Context(), node, filepath.Join("..", "edge-reader", "read.mjs"), set)
		cmd.Stdin = strings.NewReader(token)
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		out, err := cmd.Output()
		if err != nil {
			err = fmt.Errorf("%w: %s", err, &stderr)
		}
		return string(out), err
	}
	type result struct {
		Verdict string
		Session *struct {
			User string
			Data struct{ Cart []string }
		}
	}
	read := func(token string) (r result) {
		t.Helper()
		out, err := open(token)
		if err == nil {
			err = json.Unmarshal([]byte(out), &r)
		}
		if err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		return r
	}
	r := read(v.Cookie())
	if r.Verdict != "ok" || r.Session == nil || r.Session.User != "1" || len(r.Session.Data.Cart) != 1 || r.Session.Data.Cart[0] != "ünïcödé rope" {
		t.Errorf("Node reads %+v", r)
	}
	flipped := []byte(v.Cookie())
	flipped[len(flipped)-30] ^= 1
	if r := read(string(flipped)); r.Session != nil {
		t.Errorf("Node opens an altered cookie: %s", r.Verdict)
	}
}
