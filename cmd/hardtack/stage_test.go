package main

import (
	"bufio"
	"errors"
	"io"
	"net/http"
	"net/url"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hardtack-go/hardtack/keyring"
	"github.com/rogpeppe/go-internal/testscript"
)

// stage has what the scripts about running servers need: the built demo, and one browser
// that visits all of its instances.
type stage struct {
	t *testing.T

	build  sync.Once
	binary string
	failed error

	mu    sync.Mutex
	sites map[string]string // address by script and name of the instance
	jars  map[string]map[string]string
}

// demoBinary builds examples/demo, a module of its own.
func (s *stage) demoBinary() (string, error) {
	s.build.Do(func() {
		s.binary = filepath.Join(s.t.TempDir(), "demo")
		cmd := exec.Command("go", "build", "-C", filepath.Join("..", "..", "examples"), "-o", s.binary, "./demo")
		if out, err := cmd.CombinedOutput(); err != nil {
			s.failed = errors.New(string(out))
		}
	})
	return s.binary, s.failed
}

func (s *stage) key(ts *testscript.TestScript, name string) string { return ts.Name() + "/" + name }

// demo NAME KEYFILE starts an instance. All of a script share one database.
func (s *stage) demo(ts *testscript.TestScript, _ bool, args []string) {
	binary, err := s.demoBinary()
	ts.Check(err)
	cmd := exec.Command(binary, "-addr", "127.0.0.1:0", "-db", ts.MkAbs("users.db"), "-keys", ts.MkAbs(args[1]))
	out, err := cmd.StdoutPipe()
	ts.Check(err)
	cmd.Stderr = ts.Stderr()
	ts.Check(cmd.Start())
	ts.Defer(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if site, ok := strings.CutPrefix(lines.Text(), "Open"); ok {
			go io.Copy(io.Discard, out)
			s.mu.Lock()
			defer s.mu.Unlock()
			if s.sites == nil {
				s.sites, s.jars = map[string]string{}, map[string]map[string]string{}
			}
			s.sites[s.key(ts, args[0])] = strings.TrimSpace(site)
			return
		}
	}
	ts.Fatalf("the demo did not say where it is: %v", lines.Err())
}

// visit sends a request of the script's browser. A nil form is a GET.
func (s *stage) visit(ts *testscript.TestScript, name, path, accept string, form url.Values) (status int, text string) {
	s.mu.Lock()
	site, jar := s.sites[s.key(ts, name)], s.jars[ts.Name()]
	if jar == nil {
		jar = map[string]string{}
		s.jars[ts.Name()] = jar
	}
	s.mu.Unlock()
	method, body := "GET", ""
	if form != nil {
		method, body = "POST", form.Encode()
	}
	r, err := http.NewRequestWithContext(s.t.Context(), method, site+path, strings.NewReader(body))
	ts.Check(err)
	r.Header.Set("Accept", accept)
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for name, value := range jar {
		r.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	resp, err := http.DefaultTransport.RoundTrip(r)
	ts.Check(err)
	defer resp.Body.Close()
	for _, c := range resp.Cookies() {
		if jar[c.Name] = c.Value; c.MaxAge < 0 {
			delete(jar, c.Name)
		}
	}
	all, err := io.ReadAll(resp.Body)
	ts.Check(err)
	return resp.StatusCode, string(all)
}

// login NAME EMAIL logs the browser in at an instance.
func (s *stage) login(ts *testscript.TestScript, _ bool, args []string) {
	status, text := s.visit(ts, args[0], "/login", "text/html", url.Values{"email": {args[1]}, "password": {"correct horse battery staple"}})
	if status != http.StatusSeeOther {
		ts.Fatalf("login: %d\n%s", status, text)
	}
}

// patience is how long a running server may take to see a change. It looks once a
// second, and at an unknown key 20 times a second; the rest is for a loaded machine.
const patience = time.Minute

// until repeats a question until its answer is good.
func (s *stage) until(ts *testscript.TestScript, good func() (bool, string)) {
	var last string
	for end := time.Now().Add(patience); time.Now().Before(end); <-time.After(20 * time.Millisecond) {
		var ok bool
		if ok, last = good(); ok {
			return
		}
	}
	ts.Fatalf("%s", last)
}

// who NAME EMAIL: the members' page of an instance shows this user. An instance that has
// just looked for newer keys doesn't look again for 50 ms; nothing is lost meanwhile.
func (s *stage) who(ts *testscript.TestScript, _ bool, args []string) {
	s.until(ts, func() (bool, string) {
		status, text := s.visit(ts, args[0], "/members", "text/html", nil)
		return status == http.StatusOK && strings.Contains(text, `<span id="member">`+args[1]+`<`), "logged out at " + args[0]
	})
}

// out NAME: an instance knows nobody.
func (s *stage) out(ts *testscript.TestScript, _ bool, args []string) {
	s.until(ts, func() (bool, string) {
		status, _ := s.visit(ts, args[0], "/members", "text/html", nil)
		return status == http.StatusFound, "still logged in at " + args[0]
	})
}

// moved NAME KEYFILE: the session is under the primary key of the file, as the instance
// sees it.
func (s *stage) moved(ts *testscript.TestScript, _ bool, args []string) {
	f, err := keyring.OpenFile(ts.MkAbs(args[1]), nil)
	ts.Check(err)
	primary := f.At(time.Now()).Primary().ID()
	s.until(ts, func() (bool, string) {
		s.visit(ts, args[0], "/members", "text/html", nil)
		_, text := s.visit(ts, args[0], "/session", "application/json", nil)
		return strings.Contains(text, `"kid": "`+primary+`"`) && strings.Contains(text, `"primary": true`),
			args[0] + " does not use " + primary + "\n" + text
	})
}
