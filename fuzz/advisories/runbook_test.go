package advisories_test

import (
	"go/format"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/hardtack-go/hardtack/keyring"
	"github.com/hardtack-go/hardtack/ssestore"
)

// root is the root of the repository.
const root = "../.."

// runbook returns the Go code of docs/RUNBOOK.md: files by their name, which is
// the first word of their first line, and pieces without a package clause.
func runbook(t *testing.T) (files map[string]string, pieces []string) {
	t.Helper()
	page, err := os.ReadFile(root + "/docs/RUNBOOK.md")
	if err != nil {
		t.Fatal(err)
	}
	files = map[string]string{}
	for _, m := range regexp.MustCompile("(?ms)^```go\n(.*?)^```$").FindAllStringSubmatch(string(page), -1) {
		text := m[1]
		if pretty, err := format.Source([]byte(text)); err != nil || string(pretty) != text {
			t.Errorf("not gofmt clean (%v):\n%s", err, text)
		}
		if name, ok := strings.CutPrefix(strings.SplitN(text, ":", 2)[0], "// "); ok && strings.HasSuffix(name, ".go") {
			files[name] = text
		} else {
			pieces = append(pieces, text)
		}
	}
	return files, pieces
}

// run runs the go command in the workspace.
func run(t *testing.T, stdin string, name string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Stdin = strings.NewReader(stdin)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

// ops is the page's programs, built, and a key file to use them on.
type ops struct {
	t         *testing.T
	path      string
	keys, see string // the programs
	file      *keyring.File
}

func newOps(t *testing.T, ring *keyring.Keyring) *ops {
	files, pieces := runbook(t)
	dir := t.TempDir()
	imports := "package ops\n\nimport (\n\t\"database/sql\"\n\t\"encoding/json\"\n\t\"errors\"\n\n\t\"github.com/hardtack-go/hardtack/auth\"\n\t\"github.com/hardtack-go/hardtack/ssestore\"\n)\n\n"
	files["pieces.go"] = imports + strings.Join(pieces, "\n")
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"log.go", "pieces.go"} {
		run(t, "", "go", "vet", filepath.Join(dir, name))
	}
	for _, name := range []string{"keys", "look"} {
		run(t, "", "go", "build", "-o", filepath.Join(dir, name), filepath.Join(dir, name+".go"))
	}
	o := &ops{t: t, path: filepath.Join(dir, "keys.json"), keys: filepath.Join(dir, "keys"), see: filepath.Join(dir, "look")}
	if err := keyring.CreateFile(o.path, ring); err != nil {
		t.Fatal(err)
	}
	var err error
	if o.file, err = keyring.OpenFile(o.path, nil); err != nil {
		t.Fatal(err)
	}
	return o
}

// run is a command of keys.go: its output as fields, three for each key.
func (o *ops) run(args ...string) []string {
	o.t.Helper()
	return strings.Fields(run(o.t, "", o.keys, append([]string{o.path}, args...)...))
}

// session is the Cookie header of a new session under the primary.
func (o *ops) session() string {
	o.t.Helper()
	now := time.Now()
	o.file.Refresh(now)
	store, err := ssestore.New(ssestore.Config{Keys: o.file})
	if err != nil {
		o.t.Fatal(err)
	}
	s := store.Load(nil, now)
	if err := note.Set(s, "x"); err != nil {
		o.t.Fatal(err)
	}
	out, err := s.Commit(200)
	if err != nil || len(out.SetCookie) != 1 {
		o.t.Fatal(out, err)
	}
	return strings.SplitN(out.SetCookie[0], ";", 2)[0]
}

func (o *ops) opens(what, cookie string, want bool) {
	o.t.Helper()
	text := run(o.t, cookie+"\n", o.see, o.path)
	if good := strings.Contains(text, "refused none\n"); good != want || !good && !strings.Contains(text, "refused unknown-key\n") {
		o.t.Errorf("%s: %s", what, text)
	}
	if strings.Contains(text, cookie) {
		o.t.Errorf("%s: look prints the cookie", what)
	}
}

// TestRunbook takes the programs out of the page and uses them as it says, on a
// key file with sessions under two keys.
func TestRunbook(t *testing.T) {
	o := newOps(t, keyring.Generate())
	keys, session, opens := o.run, o.session, o.opens

	listed := keys("list")
	if len(listed) != 3 || listed[1] != "primary" {
		t.Fatalf("list: %v", listed)
	}
	first, a := listed[0], session()
	listed = keys("rotate")
	if len(listed) != 6 || listed[1] != "primary" || listed[0] == first || listed[3] != first {
		t.Fatalf("rotate: %v", listed)
	}
	second, b := listed[0], session()
	opens("the first session after a rotation", a, true)
	opens("the second session", b, true)

	// The primary leaked: its sessions end, the others go on.
	listed = keys("replace", second)
	if len(listed) != 6 || listed[1] != "primary" || strings.Contains(strings.Join(listed, " "), second) {
		t.Fatalf("replace: %v", listed)
	}
	opens("a session under the leaked key", b, false)
	opens("a session under another key", a, true)
	// A fallback leaked.
	listed = keys("replace", first)
	if len(listed) != 6 || strings.Contains(strings.Join(listed, " "), first) {
		t.Fatalf("replace: %v", listed)
	}
	opens("a session under a leaked fallback", a, false)

	// Sessions can be forged: all end, also where one key is all there is.
	c := session()
	opens("a session before fresh", c, true)
	keys("rotate")
	if listed = keys("fresh"); len(listed) != 3 {
		t.Fatalf("fresh: %v", listed)
	}
	opens("a session after fresh", c, false)
	c = session()
	if listed = keys("fresh"); len(listed) != 3 {
		t.Fatalf("fresh of one key: %v", listed)
	}
	opens("a session after fresh", c, false)
}

// In a full ring every command of the page works: none of them may need room at
// the moment in which a key leaked.
func TestF406_RunbookWith16Keys(t *testing.T) {
	ring := keyring.Generate()
	for len(ring.Keys()) < 15 {
		var err error
		if ring, err = ring.Rotate(); err != nil {
			t.Fatal(err)
		}
	}
	o := newOps(t, ring)
	a := o.session()
	oldest := ring.Keys()[14].ID()

	const full = 16 * 3 // words
	listed := o.run("rotate")
	if len(listed) != full {
		t.Fatalf("16 keys: %v", listed)
	}
	primary, b := listed[0], o.session()
	o.opens("a session before", a, true)

	listed = o.run("rotate") // the program's log line comes first
	text := strings.Join(listed, " ")
	if !strings.HasPrefix(listed[len(listed)-full+1], "primary") || strings.Count(text, oldest) != 1 || !strings.Contains(text, "end: "+oldest) {
		t.Fatalf("rotate: %v", listed)
	}
	o.opens("a session under the first of 16 keys, after a rotation", a, true)
	o.opens("a session under the last of 16 keys, after a rotation", b, true)

	c := o.session()
	listed = o.run("list")
	if listed = o.run("replace", listed[0]); len(listed) != full || listed[1] != "primary" || listed[3] != primary {
		t.Fatalf("replace the primary: %v", listed)
	}
	o.opens("a session under the key that leaked", c, false)
	o.opens("a session under another key", b, true)

	d := o.session()
	if listed = o.run("fresh"); len(listed) != 3 || listed[1] != "primary" {
		t.Fatalf("fresh: %v", listed)
	}
	for what, cookie := range map[string]string{"first": a, "second": b, "last": d} {
		o.opens(what+" session after fresh", cookie, false)
	}
}
