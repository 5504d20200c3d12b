package e2e_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/hardtack-go/hardtack/examples/internal/visitor"
)

// The users that the demo begins with.
const (
	ada          = "ada@example.com"
	bob          = "bob@example.com"
	seedPassword = "correct horse battery staple"
)

// session is what these tests read of GET /session.
type session struct {
	KeyID   string `json:"kid"`
	Primary bool
	Claims  struct{ Exp int64 }
}

func sessionOf(v *visitor.Visitor) (s session) { v.Session(&s); return s }

// buildDir is where the built demo lies while the tests run.
var buildDir string

func TestMain(m *testing.M) {
	var err error
	if buildDir, err = os.MkdirTemp("", "hardtack-e2e-"); err != nil {
		panic(err)
	}
	code := m.Run()
	os.RemoveAll(buildDir)
	os.Exit(code)
}

// binary builds the demo once, as a person would run it.
var binary = sync.OnceValues(func() (string, error) {
	path := filepath.Join(buildDir, "demo")
	out, err := exec.Command("go", "build", "-o", path, "../demo").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("go build: %w\n%s", err, out)
	}
	return path, nil
})

// process is the built demo, running.
type process struct {
	cmd    *exec.Cmd
	url    string   // as printed: http://localhost:port
	keys   string   // as printed: the file of the keyring
	fleet  []string // as printed with -fleet: where its processes are
	stderr *visitor.Log
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
	p := &process{cmd: exec.CommandContext(context.WithoutCancel(t.Context()), path, append([]string{"-no-throttle"}, args...)...), stderr: new(visitor.Log), ended: make(chan struct{})}
	p.cmd.Env = append(os.Environ(), "TMPDIR="+t.TempDir())
	p.cmd.Stderr = p.stderr
	if _, err := p.cmd.StdinPipe(); err != nil { // a member of a fleet ends with it
		t.Fatal(err)
	}
	stdout, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	last := "Keys " // the last line of the greeting
	if slices.Contains(args, "-member") {
		last = "Open "
	}
	lines := bufio.NewScanner(stdout)
	for lines.Scan() {
		if rest, ok := strings.CutPrefix(lines.Text(), "Open "); ok {
			p.url = strings.TrimSpace(rest)
		}
		if rest, ok := strings.CutPrefix(lines.Text(), "Process "); ok {
			p.fleet = append(p.fleet, strings.Fields(rest)[1])
		}
		if rest, ok := strings.CutPrefix(lines.Text(), "Keys "); ok {
			p.keys = strings.TrimSpace(rest)
		}
		if strings.HasPrefix(lines.Text(), last) {
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

// logs waits until the process has logged a text. What it logs comes on another way than
// its answers, and may be later.
func (p *process) logs(t *testing.T, text string) {
	t.Helper()
	eventually(t, "the log to say "+text, func() bool { return strings.Contains(p.stderr.String(), text) })
}

// proxy passes requests on to the process as they are. changed, if it is not nil,
// may alter the header of every answer.
func (p *process) proxy(t *testing.T, changed func(http.Header)) http.Handler {
	t.Helper()
	target, err := url.Parse(p.url)
	if err != nil {
		t.Fatal(err)
	}
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(target)
		r.Out.Host = r.In.Host
	}}
	if changed != nil {
		proxy.ModifyResponse = func(r *http.Response) error { changed(r.Header); return nil }
	}
	return proxy
}

// port is where the process listens.
func (p *process) port() string {
	u, err := url.Parse(p.url)
	if err != nil {
		return ""
	}
	return u.Port()
}
