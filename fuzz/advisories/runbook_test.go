package advisories_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hardtack-go/hardtack/keyring"
	"github.com/hardtack-go/hardtack/ssestore"
)

// root is the root of the repository.
const root = "../.."

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

// ops is the command hardtack, built, and a key file to use it on.
type ops struct {
	t       *testing.T
	path    string
	command string
	file    *keyring.File
}

func newOps(t *testing.T, ring *keyring.Keyring) *ops {
	dir := t.TempDir()
	o := &ops{t: t, path: filepath.Join(dir, "keys.json"), command: filepath.Join(dir, "hardtack")}
	run(t, "", "go", "build", "-o", o.command, "github.com/hardtack-go/hardtack/cmd/hardtack")
	if err := keyring.CreateFile(o.path, ring); err != nil {
		t.Fatal(err)
	}
	var err error
	if o.file, err = keyring.OpenFile(o.path, nil); err != nil {
		t.Fatal(err)
	}
	return o
}

// run is a command of the page, with its placeholders filled in. It returns the keys
// that are then in the file: their kids, and which of them is the primary.
func (o *ops) run(line, kid string) (kids []string, primary string) {
	o.t.Helper()
	page, err := os.ReadFile(root + "/docs/RUNBOOK.md")
	if err != nil {
		o.t.Fatal(err)
	}
	if !strings.Contains(string(page), line+"\n") {
		o.t.Errorf("docs/RUNBOOK.md doesn't tell anyone to run %q", line)
	}
	args := strings.Fields(strings.NewReplacer("keys.json", o.path, "THE_KID", kid).Replace(line))
	var listed struct {
		Keys []struct{ Kid, Role string }
	}
	if err := json.Unmarshal([]byte(run(o.t, "", o.command, append(args[1:], "--json")...)), &listed); err != nil {
		o.t.Fatal(err)
	}
	for _, k := range listed.Keys {
		kids = append(kids, k.Kid)
		if k.Role == "primary" {
			primary = k.Kid
		}
	}
	return kids, primary
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
	cmd := exec.CommandContext(o.t.Context(), o.command, "inspect", "--keys", o.path)
	cmd.Stdin = strings.NewReader(cookie + "\n")
	out, err := cmd.CombinedOutput()
	text := string(out)
	if good := strings.Contains(text, ": ok\n"); good != want || good != (err == nil) || !good && !strings.Contains(text, ": unknown-key\n") {
		o.t.Errorf("%s: %v, %s", what, err, text)
	}
	if strings.Contains(text, cookie) {
		o.t.Errorf("%s: inspect prints the cookie", what)
	}
}

// The commands of the page.
const (
	list    = "hardtack keys list keys.json"
	replace = "hardtack keys rotate keys.json --replace THE_KID"
	fresh   = "hardtack keys rotate keys.json --replace-all"
)

// rotate is what happens on a quiet day.
func (o *ops) rotate() string {
	o.t.Helper()
	if err := o.file.Update((*keyring.Keyring).Rotate); err != nil {
		o.t.Fatal(err)
	}
	return o.file.Refresh(time.Now()).Primary().ID()
}

// TestRunbook uses the commands of the page as it says, on a key file with sessions under
// two keys. The Go of the page is run in examples.
func TestRunbook(t *testing.T) {
	o := newOps(t, keyring.Generate())
	kids, first := o.run(list, "")
	if len(kids) != 1 || first == "" {
		t.Fatalf("list: %v", kids)
	}
	a := o.session()
	second := o.rotate()
	b := o.session()
	o.opens("the first session after a rotation", a, true)
	o.opens("the second session", b, true)

	// The primary leaked: its sessions end, the others go on.
	if kids, primary := o.run(replace, second); len(kids) != 2 || slices.Contains(kids, second) || primary == first {
		t.Fatalf("replace: %v, %s", kids, primary)
	}
	o.opens("a session under the leaked key", b, false)
	o.opens("a session under another key", a, true)
	// A fallback leaked.
	if kids, _ := o.run(replace, first); len(kids) != 2 || slices.Contains(kids, first) {
		t.Fatalf("replace: %v", kids)
	}
	o.opens("a session under a leaked fallback", a, false)

	// Sessions can be forged: all end, also where one key is all there is.
	c := o.session()
	o.opens("a session before fresh", c, true)
	o.rotate()
	for range 2 {
		if kids, primary := o.run(fresh, ""); len(kids) != 1 || primary != kids[0] {
			t.Fatalf("fresh: %v", kids)
		}
		o.opens("a session after fresh", c, false)
		c = o.session()
	}
}

// In a full ring every command of the page works: none of them may need room at
// the moment in which a key leaked.
func TestF406_RunbookWith16Keys(t *testing.T) {
	ring := keyring.Generate()
	for len(ring.Keys()) < 16 {
		var err error
		if ring, err = ring.Rotate(); err != nil {
			t.Fatal(err)
		}
	}
	o := newOps(t, ring)
	a := o.session()
	kids, leaked := o.run(list, "")
	if len(kids) != 16 {
		t.Fatalf("list: %v", kids)
	}
	kids, primary := o.run(replace, leaked)
	if len(kids) != 16 || slices.Contains(kids, leaked) || primary != kids[0] {
		t.Fatalf("replace: %v", kids)
	}
	o.opens("a session under the key that leaked", a, false)
	b := o.session()
	o.opens("a session under the new key", b, true)
	if kids, _ := o.run(replace, kids[15]); len(kids) != 16 {
		t.Fatalf("replace the oldest: %v", kids)
	}
	o.opens("a session under another key", b, true)
	if kids, _ := o.run(fresh, ""); len(kids) != 1 {
		t.Fatalf("fresh: %v", kids)
	}
	o.opens("a session after fresh", b, false)
}
