package pages

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hardtack-go/hardtack/examples/internal/browser"
	"github.com/hardtack-go/hardtack/keyring"
	"github.com/hardtack-go/hardtack/ssestore"
)

// A shop is a folder with a copy of the repository in which the commands of a page are run.
// The programs that they call are stand-ins (standin_test.go), or are in own.
type shop struct {
	t                *testing.T
	root, desk, home string // the copy, where keys are kept, and a project of the reader's
	dir              string // where the shell is
}

// workshop is what all shops share. TestMain removes it.
var workshop struct {
	sync.Once
	dir string
	env []string
}

// own are the programs that a page calls as they are. They change nothing out of the shop.
var own = []string{"cat", "date", "grep", "mkdir", "openssl"}

// fails says which blocks end with a status of failure, and which one.
var fails = map[string]int{
	"hardtack inspect --keys keys.json < old-cookie-header\n": 1, // "when an old cookie is refused"
}

// checkShell runs the blocks one after the other.
func checkShell(t *testing.T, blocks []block) {
	s := newShop(t)
	for _, b := range blocks {
		s.prepare(b.text)
		status, out := s.run(b.text)
		if status != fails[b.text] {
			t.Errorf("%s:%d ends with status %d, want %d:\n%s", b.page, b.line, status, fails[b.text], out)
		}
	}
}

func newShop(t *testing.T) *shop {
	t.Helper()
	for _, name := range append(own, "bash") {
		browser.Program(t, name)
	}
	workshop.Do(func() { furnish(t) })
	if workshop.env == nil {
		t.Fatal("an earlier test could not copy the repository")
	}
	dir := t.TempDir()
	s := &shop{t: t, root: filepath.Join(workshop.dir, "hardtack"), desk: filepath.Join(dir, "desk"), home: filepath.Join(dir, "home")}
	s.dir = s.root
	mkdir(t, s.desk)
	mkdir(t, s.home)
	return s
}

// furnish copies the repository, and puts the programs beside it.
func furnish(t *testing.T) {
	t.Helper()
	dir, err := os.MkdirTemp("", "pages")
	if err != nil {
		t.Fatal(err)
	}
	workshop.dir = dir
	root, bin := filepath.Join(dir, "hardtack"), filepath.Join(dir, "bin")
	mkdir(t, bin)
	walk(t, func(path string, d fs.DirEntry) {
		info, err := d.Info()
		if err != nil {
			t.Fatal(err)
		}
		switch {
		case strings.Contains(path, "testdata/"):
		case info.Mode()&0o111 != 0: // a script that is run in its folder
			standIn(t, filepath.Join(root, path), "script")
		default:
			write(t, filepath.Join(root, path), read(t, path))
		}
	})
	standIn(t, filepath.Join(root, ".ci/run"), "script")
	for name := range standIns {
		standIn(t, filepath.Join(bin, name), name)
	}
	for _, name := range append(own, "bash") {
		program, err := exec.LookPath(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(program, filepath.Join(bin, name)); err != nil {
			t.Fatal(err)
		}
	}
	tool := filepath.Join(dir, "hardtack.built")
	if out, err := exec.Command("go", "build", "-o", tool, modulePath+"/cmd/hardtack").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	workshop.env = append(os.Environ(), "PATH="+bin, "PAGES_ROOT="+root, "PAGES_PATH="+os.Getenv("PATH"),
		"PAGES_HARDTACK="+tool, "GOWORK=", "GOFLAGS=")
}

// standIn makes a program of this test, which is what its first argument says.
func standIn(t *testing.T, path, name string) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	write(t, path, fmt.Sprintf("#!/bin/sh\nPAGES_STAND_IN=%s exec '%s' \"$@\"\n", name, self))
	if err := os.Chmod(path, 0o755); err != nil {
		t.Fatal(err)
	}
}

func mkdir(t *testing.T, dir string) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	mkdir(t, filepath.Dir(path))
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// prepare makes what the commands need.
func (s *shop) prepare(text string) {
	s.t.Helper()
	if strings.Contains(text, "go mod init") {
		s.dir = s.home
	}
	if strings.Contains(text, "go mod tidy") && filepath.Base(s.dir) == "shop" {
		// docs/FIRST-HOUR.md has had its reader write these files.
		for _, name := range []string{"shop.go", "users.go"} {
			write(s.t, filepath.Join(s.dir, name), read(s.t, "examples/firsthour/shop/"+name))
		}
	} else if strings.Contains(text, "go mod tidy") {
		for _, b := range blocks(s.t, "README.md") {
			if strings.HasPrefix(b.text, "package main\n") {
				write(s.t, filepath.Join(s.dir, "main.go"), b.text)
			}
		}
	}
	if strings.HasPrefix(text, "hardtack ") && s.dir == s.root {
		s.dir = s.desk
	}
	if strings.Contains(text, "keys.json") {
		s.keys(!strings.Contains(text, "keys new"))
	}
	if strings.Contains(text, "< ") {
		store, err := ssestore.New(ssestore.Config{Keys: keyring.Generate()})
		if err != nil {
			s.t.Fatal(err)
		}
		for _, name := range []string{"old-cookie-header", "cookie-header", "cookie", "login-form"} {
			write(s.t, filepath.Join(s.dir, name), sessionOf(s.t, store)+"\n")
		}
	}
}

// keys makes a key file with three keys: the oldest may be retired, and one is to be promoted.
func (s *shop) keys(there bool) {
	s.t.Helper()
	path := filepath.Join(s.dir, "keys.json")
	os.Remove(path)
	if !there {
		return
	}
	var keys []string
	for i, days := range []int{90, 180} {
		k := base64.RawURLEncoding.EncodeToString(bytes.Repeat([]byte{byte(1 + i)}, 32))
		made := time.Now().AddDate(0, 0, -days).UnixMilli()
		keys = append(keys, fmt.Sprintf(`{"kty":"oct","kid":"AAAAAA%c","k":%q,"use":"enc","created":%d}`, 'A'+4*i, k, made))
	}
	ring, err := keyring.Parse(`{"keys":[` + strings.Join(keys, ",") + `]}`)
	if err != nil {
		s.t.Fatal(err)
	}
	if err := keyring.CreateFile(path, ring); err != nil {
		s.t.Fatal(err)
	}
}

// sessionOf returns the Cookie header of a new session.
func sessionOf(t *testing.T, store *ssestore.Store) string {
	t.Helper()
	s := store.Load(nil, time.Now())
	if err := ssestore.NewKey[string]("colour").Set(s, "teal"); err != nil {
		t.Fatal(err)
	}
	out, err := s.Commit(200)
	if err != nil || len(out.SetCookie) != 1 {
		t.Fatal(out, err)
	}
	pair, _, _ := strings.Cut(out.SetCookie[0], ";")
	return pair
}

// filled puts values in the place of what stands for them.
func filled(root, text string) string {
	text = strings.ReplaceAll(text, "/path/to/hardtack", root)
	// The key is the one that the command is for.
	text = regexp.MustCompile(`(promote keys\.json) KID\b`).ReplaceAllString(text, `$1 $$(kid next)`)
	text = regexp.MustCompile(`(retire keys\.json) (?:KID|OLD)\b`).ReplaceAllString(text, `$1 $$(kid oldest)`)
	return regexp.MustCompile(`(--replace) (?:KID|THE_KID)\b`).ReplaceAllString(text, `$1 $$(kid primary)`)
}

// run has bash run the commands. The first one that fails ends them.
func (s *shop) run(text string, env ...string) (status int, out string) {
	s.t.Helper()
	cmd := exec.CommandContext(s.t.Context(), browser.Program(s.t, "bash"), "-euo", "pipefail", "-c",
		filled(s.root, text)+"\nwait\npwd >"+s.desk+"/.dir")
	cmd.Dir, cmd.Env = s.dir, append(slices.Clone(workshop.env), env...)
	all, err := cmd.CombinedOutput()
	if cmd.ProcessState == nil {
		s.t.Fatal(err)
	}
	if dir, err := os.ReadFile(filepath.Join(s.desk, ".dir")); err == nil {
		s.dir = strings.TrimSpace(string(dir))
	}
	return cmd.ProcessState.ExitCode(), string(all)
}

var (
	span    = regexp.MustCompile("`([^`\n]+)`")
	command = regexp.MustCompile(`^(hardtack [a-z]+|go (run|test|build|install|tool) .*|\.ci/run|fuzz/run|openssl rand .*)( |$)`)
	// A line of a comment or of a program's help, up to what is said about it.
	example = regexp.MustCompile(`^(?://)?\s+(go (?:run|test) .*?)(?:\s{2,}.*)?$`)
)

// TestCommandsInText: a command in the text of a page, or in a comment, exists, and so do its
// flags and its files.
func TestCommandsInText(t *testing.T) {
	s := newShop(t)
	tried := map[string]bool{}
	try := func(at, text string) {
		t.Helper()
		if tried[text] {
			return
		}
		tried[text] = true
		s.dir = s.root
		s.prepare(text)
		// With -h hardtack reads its flags, and needs nothing else.
		if status, out := s.run(text, "PAGES_HELP=1"); status != 0 {
			t.Errorf("%s: %s ends with status %d:\n%s", at, text, status, out)
		}
	}
	walk(t, func(path string, _ fs.DirEntry) {
		if !strings.HasSuffix(path, ".md") && !strings.HasSuffix(path, ".go") {
			return
		}
		for i, line := range strings.Split(read(t, path), "\n") {
			at := fmt.Sprintf("%s:%d", path, i+1)
			if m := example.FindStringSubmatch(line); m != nil && strings.HasSuffix(path, ".go") {
				try(at, m[1])
			}
			for _, m := range span.FindAllStringSubmatch(line, -1) {
				if text := strings.ReplaceAll(m[1], `\|`, "|"); strings.HasSuffix(path, ".md") && command.MatchString(text) {
					try(at, text)
				}
			}
		}
	})
	if len(tried) < 60 {
		t.Errorf("%d commands: they have another form", len(tried))
	}
}

// TestStandInsSeeMistakes: what a page could have wrong is noticed.
func TestStandInsSeeMistakes(t *testing.T) {
	s := newShop(t)
	for _, text := range []string{
		"hardtack keys rotat keys.json", "hardtack keys rotate keys.json --replaced", "hardtack keys list none.json", "hardtack key",
		"go run ./examples/nothing", "go run ./bench -quickly", "go run ./examples/gateway -addr :1", "go run ./keyring",
		"go test ./nothing", "go test work -run TestG6_None", "go test ./internal/policy -run TestAPI -updated",
		"go install " + modulePath + "/cmd/none@latest", "go build -taggs x ./examples/lambda", "go build -o x ./examples/none",
		"GOWORK=off go tool -modfile=tools.mod none", "go mod init", "go vett",
		"npm ci", "npm install /path/to/hardtack/none", "npx workerd serve config.capnp", "npx worker",
		"cd examples/worker; npx workerd serve config.capnp", // without its variables
		"cd examples/edge-reader; curl -i http://127.0.0.1:8787/none", "zip function.zip none", "caddy run --config none", "nginx -c none",
		"python3 -m http.servr 8082", "gcloud run deploy app --source . --function None", "echo '{' | kubectl apply -f -",
		"none", "chronyc tracking | none",
	} {
		s.dir = s.root
		s.prepare(text)
		if status, out := s.run(text); status == 0 {
			t.Errorf("%s succeeds:\n%s", text, out)
		}
	}
}
