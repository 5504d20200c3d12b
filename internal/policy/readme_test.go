package policy_test

import (
	"bufio"
	"bytes"
	"context"
	"go/format"
	"io"
	"net"
	"net/http"
	"net/url"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hardtack-go/hardtack/internal/freeport"
)

// TestREADMEFragments type-checks the README's shorter pieces of code, inside a
// package that has the imports they need.
func TestREADMEFragments(t *testing.T) {
	t.Parallel()
	blocks := goBlocks(t, "README.md")
	text := "package main\n\nimport (\n\t\"net/http\"\n\n\t\"" + modulePath + "/middleware\"\n\t\"" + modulePath + "/ssestore\"\n)\n\nfunc main() { http.HandleFunc(\"/\", add) }\n"
	fragments := 0
	for _, b := range blocks {
		if !strings.HasPrefix(b, "package ") {
			text += "\n" + b
			fragments++
		}
	}
	if fragments == 0 {
		t.Fatal("the README has no fragment: this test can go")
	}
	build(t, text, "vet", ".")
}

// TestREADMEProgram takes the program out of the README, builds it as the README
// says, and uses it as its reader would: refused, logged in, greeted, logged out.
func TestREADMEProgram(t *testing.T) {
	t.Parallel()
	var program string
	for _, b := range goBlocks(t, "README.md") {
		if strings.HasPrefix(b, "package main\n") {
			if program != "" {
				t.Fatal("the README has two programs")
			}
			program = b
		}
	}
	if program == "" {
		t.Fatal("the README has no program")
	}
	if pretty, err := format.Source([]byte(program)); err != nil || string(pretty) != program {
		t.Errorf("the README's program is not gofmt clean (%v)", err)
	}
	// The only change: a free port.
	addr, err := freeport.Addr()
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(program, `"127.0.0.1:8080"`); n != 1 {
		t.Fatalf("the README's program names its address %d times, want once", n)
	}
	program = strings.Replace(program, "127.0.0.1:8080", addr, 1)
	dir := build(t, program, "build", "-o", "program", ".")
	password := start(t, filepath.Join(dir, "program"))

	c := &client{t: t, base: "http://" + addr}
	c.waitUntilUp()

	res, _ := c.do("GET", "/", nil)
	if res.StatusCode != http.StatusFound || res.Header.Get("Location") != "/login?next=/" {
		t.Fatalf("a stranger at / got %s, Location %q", res.Status, res.Header.Get("Location"))
	}
	if _, body := c.do("GET", "/login?next=/", nil); !strings.Contains(body, "<form") {
		t.Fatalf("the login page has no form: %q", body)
	}
	if res, _ := c.do("POST", "/login?next=/", url.Values{"password": {"guess"}}); res.StatusCode != http.StatusUnauthorized || c.cookie != "" {
		t.Fatalf("a wrong password got %s and the cookie %q", res.Status, c.cookie)
	}
	res, _ = c.do("POST", "/login?next=/", url.Values{"password": {password}})
	if res.StatusCode != http.StatusSeeOther || res.Header.Get("Location") != "/" {
		t.Fatalf("login got %s, Location %q", res.Status, res.Header.Get("Location"))
	}
	if !strings.HasPrefix(c.cookie, "__Host-session=") {
		t.Fatalf("login set the cookie %q", c.cookie)
	}
	res, body := c.do("GET", "/", nil)
	if res.StatusCode != http.StatusOK || !strings.Contains(body, "Hello, ada!") {
		t.Fatalf("after login / gave %s %q", res.Status, body)
	}
	if got := res.Header.Get("Cache-Control"); got != "private, no-store" {
		t.Errorf("a personal page has Cache-Control %q", got)
	}
	// Another site's form is refused by the cross-origin check.
	req := c.request("POST", "/logout", url.Values{})
	req.Header.Set("Sec-Fetch-Site", "cross-site")
	if res, _ := c.send(req); res.StatusCode != http.StatusForbidden || c.cookie == "" {
		t.Errorf("a cross-site logout got %s", res.Status)
	}
	if res, _ := c.do("POST", "/logout", url.Values{}); res.StatusCode != http.StatusSeeOther || c.cookie != "" {
		t.Fatalf("logout got %s and left the cookie %q", res.Status, c.cookie)
	}
	if res, _ := c.do("GET", "/", nil); res.StatusCode != http.StatusFound {
		t.Fatalf("after logout / gave %s", res.Status)
	}
}

// start runs a program until the test ends and returns the last word of the
// first line that it prints.
func start(t *testing.T, program string) string {
	t.Helper()
	cmd := exec.Command(program)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
		if t.Failed() {
			t.Logf("the program wrote: %s", stderr.Bytes())
		}
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatalf("the program printed no line: %v", err)
	}
	words := strings.Fields(line)
	return words[len(words)-1]
}

// client is a browser with one cookie. net/http/cookiejar does not send Secure
// cookies to http://127.0.0.1 as browsers do, so the cookie is carried by hand.
type client struct {
	t      *testing.T
	base   string
	cookie string // name=value of the session, "" for none
}

// waitUntilUp connects until somebody listens.
func (c *client) waitUntilUp() {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), time.Minute)
	defer cancel()
	for {
		conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", strings.TrimPrefix(c.base, "http://"))
		if err == nil {
			conn.Close()
			return
		}
		select {
		case <-ctx.Done():
			c.t.Fatalf("the program does not listen: %v", err)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

func (c *client) request(method, path string, form url.Values) *http.Request {
	c.t.Helper()
	req, err := http.NewRequestWithContext(c.t.Context(), method, c.base+path, strings.NewReader(form.Encode()))
	if err != nil {
		c.t.Fatal(err)
	}
	if form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	req.Header.Set("Accept", "text/html")
	req.Header.Set("Sec-Fetch-Site", "same-origin")
	req.Header.Set("Sec-Fetch-Mode", "navigate")
	req.Header.Set("Sec-Fetch-Dest", "document")
	return req
}

func (c *client) do(method, path string, form url.Values) (*http.Response, string) {
	c.t.Helper()
	return c.send(c.request(method, path, form))
}

// send sends the request with the cookie, keeps what the answer does to it and
// follows no redirect.
func (c *client) send(req *http.Request) (*http.Response, string) {
	c.t.Helper()
	if c.cookie != "" {
		req.Header.Set("Cookie", c.cookie)
	}
	res, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		c.t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	for _, cookie := range res.Cookies() {
		if cookie.Name != "__Host-session" {
			continue
		}
		c.cookie = cookie.Name + "=" + cookie.Value
		if cookie.MaxAge < 0 {
			c.cookie = ""
		}
	}
	return res, string(body)
}
