package main_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

const (
	root       = "../.."
	modulePath = "github.com/hardtack-go/hardtack"
)

// imported are the packages that users import, by the nested module they are in.
var imported = map[string][]string{
	"fleet/natskv":       {"fleet/natskv"},
	"fleet/rediskv":      {"fleet/rediskv"},
	"fleet/sqlkv":        {"fleet/sqlkv"},
	"metrics/prometheus": {"metrics/prometheus"},
	"middleware/echo":    {"middleware/echo"},
	"middleware/echo4":   {"middleware/echo4"},
	"middleware/gin":     {"middleware/gin"},
	"signin":             {"signin", "signin/mail", "signin/oauth", "signin/passkey", "signin/passlink", "signin/password"},
}

// programs are the nested modules of which nobody imports anything.
var programs = []string{"bench", "cmd/hardtack", "examples", "fuzz"}

// run runs a program and ends the test if it fails.
func run(t *testing.T, dir string, env []string, name string, args ...string) string {
	t.Helper()
	out, err := try(dir, env, name, args...)
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return out
}

// try runs a program and returns all that it prints.
func try(dir string, env []string, name string, args ...string) (string, error) {
	cmd := exec.Command(name, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), env...)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// goJSON reads what a go command prints.
func goJSON(t *testing.T, dir string, env []string, v any, args ...string) {
	t.Helper()
	cmd := exec.Command("go", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), env...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go %s: %v\n%s%s", strings.Join(args, " "), err, out, stderr.Bytes())
	}
	if err := json.Unmarshal(out, v); err != nil {
		t.Fatal(err)
	}
}

// needGit skips a test where there is no git, or none of its repository.
func needGit(t *testing.T) {
	t.Helper()
	if out, err := try(root, nil, "git", "rev-parse", "--git-dir"); err != nil {
		if os.Getenv("HARDTACK_CI") != "" {
			t.Fatalf("no git repository: %v\n%s", err, out)
		}
		t.Skipf("not in a git repository: %v", err)
	}
}

// clone makes a repository with the files of this one as they are now, committed or
// not, on a branch main. It reads them itself, so that the test cache knows them.
func clone(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	list := run(t, root, nil, "git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
	for name := range strings.SplitSeq(strings.TrimSuffix(list, "\x00"), "\x00") {
		text, err := os.ReadFile(filepath.Join(root, name))
		if os.IsNotExist(err) { // deleted, and not yet committed
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		write(t, dir, name, string(text))
	}
	// What the policy says of this tree is said by its own tests, and they take long.
	// This one says yes or no.
	if err := os.RemoveAll(filepath.Join(dir, "internal", "policy")); err != nil {
		t.Fatal(err)
	}
	write(t, dir, "internal/policy/policy_test.go", "package policy_test\n")
	initRepository(t, dir)
	return dir
}

// initRepository makes a repository of a directory, whatever git's settings here are.
func initRepository(t *testing.T, dir string) {
	t.Helper()
	run(t, dir, nil, "git", "init", "--quiet", "--initial-branch=main")
	run(t, dir, nil, "git", "config", "user.name", "Release")
	run(t, dir, nil, "git", "config", "user.email", "release@example.com")
	run(t, dir, nil, "git", "config", "commit.gpgSign", "false")
	run(t, dir, nil, "git", "config", "tag.gpgSign", "false")
	run(t, dir, nil, "git", "config", "core.autocrlf", "false")
	commit(t, dir)
}

func commit(t *testing.T, dir string) {
	t.Helper()
	run(t, dir, nil, "git", "add", "--all", "--force")
	run(t, dir, nil, "git", "commit", "--quiet", "--allow-empty", "--message=x")
}

func write(t *testing.T, dir, name, text string) {
	t.Helper()
	name = filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
}

// changelog is one that is ready for a version.
func changelog(version string) string {
	return "# Changelog\n\n## [Unreleased]\n\n## [" + strings.TrimPrefix(version, "v") + "] - 2026-01-02\n\n### Security\n\nNothing.\n"
}

// program builds the command, and returns a function that runs it in a repository.
func program(t *testing.T) func(dir string, args ...string) (string, error) {
	t.Helper()
	bin := filepath.Join(t.TempDir(), "release.exe")
	run(t, ".", nil, "go", "build", "-o", bin, ".")
	return func(dir string, args ...string) (string, error) { return try(dir, nil, bin, args...) }
}

// TestRefusals: what isn't ready is said, and nothing is made.
func TestRefusals(t *testing.T) {
	needGit(t)
	release := program(t)
	log := func(old, new string) func(t *testing.T, dir string) {
		return func(t *testing.T, dir string) {
			write(t, dir, "CHANGELOG.md", strings.Replace(changelog("v0.3.0"), old, new, 1))
			commit(t, dir)
		}
	}
	git := func(args ...string) func(t *testing.T, dir string) {
		return func(t *testing.T, dir string) { run(t, dir, nil, "git", args...) }
	}
	tests := []struct {
		name, version, says string
		change              func(t *testing.T, dir string)
	}{
		{name: "no v", version: "0.3.0", says: "must look like"},
		{name: "two numbers", version: "v0.3", says: "must look like"},
		{name: "leading zero", version: "v0.03.0", says: "must look like"},
		{name: "leading zero in a pre-release", version: "v0.3.0-01", says: "must look like"},
		{name: "build metadata", version: "v0.3.0+1", says: "must look like"},
		{name: "major 2", version: "v2.0.0", says: "must look like"},
		{name: "lower", version: "v0.1.9", says: "isn't higher than v0.2.0"},
		{name: "lower than a nested module", version: "v0.2.1-rc.2", says: "isn't higher than signin/v0.2.1-rc.10"},
		{name: "the same", version: "v0.2.0", says: "the tag v0.2.0 exists"},
		{name: "another branch", version: "v0.3.0", says: "made on main", change: git("switch", "-qc", "other")},
		{name: "no branch", version: "v0.3.0", says: "made on main", change: git("switch", "-qd", "main")},
		{name: "a new file", version: "v0.3.0", says: "isn't committed", change: func(t *testing.T, dir string) { write(t, dir, "new", "") }},
		{name: "behind", version: "v0.3.0", says: "lacks 1 commits", change: func(t *testing.T, dir string) {
			run(t, dir, nil, "git", "switch", "-qc", "theirs")
			commit(t, dir)
			run(t, dir, nil, "git", "switch", "-q", "main")
			run(t, dir, nil, "git", "branch", "-q", "--set-upstream-to=theirs")
		}},
		{name: "another section", version: "v0.4.0", says: "the first version in CHANGELOG.md is 0.3.0"},
		{name: "no section", version: "v0.3.0", says: "no section", change: log("## [0.3.0] - 2026-01-02\n\n### Security\n\nNothing.\n", "")},
		{name: "no date", version: "v0.3.0", says: "must look like", change: log(" - 2026-01-02", "")},
		{name: "no such day", version: "v0.3.0", says: "has the date 2026-02-30", change: log("2026-01-02", "2026-02-30")},
		{name: "the future", version: "v0.3.0", says: "has the date", change: log("2026-01-02", time.Now().Add(72*time.Hour).Format(time.DateOnly))},
		{name: "no Security", version: "v0.3.0", says: "has no Security", change: log("Security", "Fixed")},
		{name: "unreleased lines", version: "v0.3.0", says: "under Unreleased", change: log("[Unreleased]\n", "[Unreleased]\n\n- more\n")},
		{name: "red policy", version: "v0.3.0", says: "TestRed", change: func(t *testing.T, dir string) {
			write(t, dir, "internal/policy/policy_test.go", "package policy_test\n\nimport \"testing\"\n\nfunc TestRed(t *testing.T) { t.Fail() }\n")
			commit(t, dir)
		}},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			// A small repository: what is refused doesn't depend on the modules.
			dir := t.TempDir()
			write(t, dir, "go.mod", "module "+modulePath+"\n\ngo 1.26.0\n")
			write(t, dir, "go.work", "go 1.26.0\n\nuse .\n")
			write(t, dir, "internal/policy/policy_test.go", "package policy_test\n")
			write(t, dir, "CHANGELOG.md", changelog("v0.3.0"))
			initRepository(t, dir)
			run(t, dir, nil, "git", "tag", "v0.2.0")
			run(t, dir, nil, "git", "tag", "signin/v0.2.1-rc.10")
			if tc.change != nil {
				tc.change(t, dir)
			}
			before := run(t, dir, nil, "git", "show-ref")
			out, err := release(dir, tc.version)
			if err == nil || !strings.Contains(out, tc.says) {
				t.Errorf("%v, want one that says %q:\n%s", err, tc.says, out)
			}
			if after := run(t, dir, nil, "git", "show-ref"); after != before {
				t.Errorf("the references were\n%sand are\n%s", before, after)
			}
		})
	}
}

// TestRelease makes a release in a copy of this repository, serves the tagged modules as
// a module proxy does, and builds programs with them that know nothing of a checkout.
func TestRelease(t *testing.T) {
	needGit(t)
	if testing.Short() {
		t.Skip("downloads and compiles all modules")
	}
	release := program(t)
	dir := clone(t)
	// The programs are compiled with the dependencies that the module cache has anyhow.
	// What they leave there of ours has a version that nobody else uses, and is deleted.
	version := fmt.Sprintf("v0.0.1-test.%d", time.Now().UnixNano()%1e9)
	write(t, dir, "CHANGELOG.md", changelog(version))
	commit(t, dir)
	head := run(t, dir, nil, "git", "rev-parse", "HEAD")

	plan, err := release(dir, "-n", version)
	if err != nil || !strings.Contains(plan, "Nothing was made.") {
		t.Fatalf("%v\n%s", err, plan)
	}
	if tags := run(t, dir, nil, "git", "tag"); tags != "" {
		t.Fatalf("a dry run made %s", tags)
	}
	// git can't make signin/v… as long as there is a tag signin. Then it makes none.
	run(t, dir, nil, "git", "tag", "signin")
	if out, err := release(dir, version); err == nil || run(t, dir, nil, "git", "tag") != "signin\n" {
		t.Fatalf("%v\n%sleft the tags\n%s", err, out, run(t, dir, nil, "git", "tag"))
	}
	run(t, dir, nil, "git", "tag", "--delete", "signin")
	out, err := release(dir, version)
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if now := run(t, dir, nil, "git", "rev-parse", "HEAD"); now != head || run(t, dir, nil, "git", "status", "--porcelain") != "" {
		t.Errorf("main moved or the checkout changed:\n%s", run(t, dir, nil, "git", "status"))
	}
	want := []string{version}
	dirs := slices.Concat(programs, keys(imported))
	for _, module := range dirs {
		want = append(want, module+"/"+version)
	}
	slices.Sort(want)
	if tags := strings.Fields(run(t, dir, nil, "git", "tag")); !slices.Equal(tags, want) {
		t.Errorf("the tags are\n%v, want one for each module\n%v", tags, want)
	}
	for _, tag := range want {
		if !strings.Contains(plan, "tag "+tag+" ") || !strings.Contains(out[strings.LastIndex(out, "git push"):], " "+tag) {
			t.Errorf("the plan or the command that publishes it doesn't have %s:\n%s%s", tag, plan, out)
		}
	}
	commits := strings.TrimSpace(run(t, dir, nil, "git", "rev-list", "--count", "HEAD..signin/"+version))
	if commits != "1" || run(t, dir, nil, "git", "rev-parse", version+"^{commit}") != head {
		t.Errorf("the release has %s commits on top of main; its root tag must be on main", commits)
	}

	// The go command itself makes the zip files, from the tags, as a module proxy does.
	served := t.TempDir()
	direct := []string{"GOMODCACHE=" + served, "GOPROXY=direct", "GOSUMDB=off", "GOWORK=off", "GOFLAGS=-modcacherw",
		"GIT_CONFIG_COUNT=1", "GIT_CONFIG_KEY_0=url." + (fileURL(dir)) + ".insteadOf", "GIT_CONFIG_VALUE_0=https://" + modulePath}
	args := []string{"mod", "download", modulePath + "@" + version}
	for _, module := range dirs {
		args = append(args, modulePath+"/"+module+"@"+version)
	}
	run(t, t.TempDir(), direct, "go", args...)

	var env struct{ GOPROXY, GOMODCACHE string }
	goJSON(t, ".", nil, &env, "env", "-json", "GOPROXY", "GOMODCACHE")
	outside := []string{"GOPROXY=" + fileURL(filepath.Join(served, "cache", "download")) + "," + env.GOPROXY,
		"GOPRIVATE=", "GONOPROXY=", "GOSUMDB=off", "GOWORK=off", "GOFLAGS=-mod=mod"}
	t.Cleanup(func() {
		forget(t, filepath.Join(env.GOMODCACHE, filepath.FromSlash("github.com/hardtack-go")), version)
	})
	t.Cleanup(func() {
		forget(t, filepath.Join(env.GOMODCACHE, filepath.FromSlash("cache/download/github.com/hardtack-go")), version)
	})

	// A program with all libraries compiles.
	app := t.TempDir()
	write(t, app, "go.mod", "module example.com/app\n\ngo 1.26.0\n")
	write(t, app, "main.go", importing(keys(imported)...))
	get := []string{"get", modulePath + "@" + version}
	for _, module := range keys(imported) {
		get = append(get, modulePath+"/"+module+"@"+version)
	}
	run(t, app, outside, "go", get...)
	run(t, app, outside, "go", "build", "-o", os.DevNull, ".")
	// The command installs, which go refuses as long as its module has a replace line.
	run(t, app, append(outside, "GOBIN="+t.TempDir()), "go", "install", modulePath+"/cmd/hardtack@"+version)

	// At the tag, each module builds as it is, with go.sum complete.
	checkout := filepath.Join(t.TempDir(), "checkout")
	run(t, dir, nil, "git", "worktree", "add", "--quiet", "--detach", checkout, "signin/"+version)
	for _, module := range dirs {
		at := filepath.Join(checkout, filepath.FromSlash(module))
		mod, err := os.ReadFile(filepath.Join(at, "go.mod"))
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(mod, []byte("\nreplace")) || bytes.Contains(mod, []byte(modulePath+" v0.0.0")) {
			t.Errorf("%s/go.mod isn't one for users:\n%s", module, mod)
		}
		run(t, at, append(outside, "GOFLAGS=-mod=readonly"), "go", "mod", "tidy", "-diff")
	}
}

// TestUsableByReplace: a module that points at a checkout, as the README says, can use
// each nested module alone.
func TestUsableByReplace(t *testing.T) {
	abs, err := filepath.Abs(root)
	if err != nil {
		t.Fatal(err)
	}
	var dirs []string
	if err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == "node_modules" || d.Name() == "testdata" || d.Name() == ".git") {
			return filepath.SkipDir
		}
		if dir, err := filepath.Rel(root, filepath.Dir(path)); err == nil && d.Name() == "go.mod" && dir != "." {
			dirs = append(dirs, filepath.ToSlash(dir))
		}
		if strings.HasSuffix(path, ".go") { // for the test cache
			_, err = os.ReadFile(path)
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	if want := slices.Sorted(slices.Values(slices.Concat(programs, keys(imported)))); !slices.Equal(dirs, want) {
		t.Fatalf("the nested modules are\n%v; the tables here have\n%v", dirs, want)
	}
	readme, err := os.ReadFile(filepath.Join(root, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(readme), "\n## Before it is published\n")
	section, _, _ = strings.Cut(section, "\n## ")
	for _, module := range keys(imported) {
		t.Run(module, func(t *testing.T) {
			if !strings.Contains(section, "`"+module+"`") {
				t.Errorf("the README doesn't say that %s is a module of its own", module)
			}
			app := t.TempDir()
			edit := []string{"mod", "edit"}
			for _, m := range []string{"", "/" + module} {
				edit = append(edit, "-require="+modulePath+m+"@v0.0.0", "-replace="+modulePath+m+"="+abs+m)
			}
			sums := ""
			for _, m := range []string{".", module} { // in place of a checksum server, which a closed network lacks
				text, err := os.ReadFile(filepath.Join(root, m, "go.sum"))
				if err != nil {
					t.Fatal(err)
				}
				sums += string(text)
				// The test needs no network either: for a package that only tests of
				// dependencies import, tidy would look up the newest module that has it.
				for line := range strings.Lines(string(text)) {
					if f := strings.Fields(line); len(f) == 3 && !strings.HasSuffix(f[1], "/go.mod") {
						edit = append(edit, "-require="+f[0]+"@"+f[1])
					}
				}
			}
			write(t, app, "go.sum", sums)
			write(t, app, "main.go", importing(module))
			env := []string{"GOWORK=off", "GOFLAGS="}
			run(t, app, env, "go", "mod", "init", "example.com/app")
			run(t, app, env, "go", edit...)
			run(t, app, env, "go", "mod", "tidy")
			run(t, app, env, "go", "build", "-o", os.DevNull, ".")
		})
	}
}

// importing is a program that imports the root module and the packages of nested ones.
func importing(modules ...string) string {
	var b strings.Builder
	b.WriteString("package main\n\nimport (\n\t_ \"" + modulePath + "/middleware\"\n")
	for _, module := range modules {
		for _, pkg := range imported[module] {
			fmt.Fprintf(&b, "\t_ %q\n", path.Join(modulePath, pkg))
		}
	}
	b.WriteString(")\n\nfunc main() {}\n")
	return b.String()
}

func keys(m map[string][]string) []string {
	var all []string
	for k := range m {
		all = append(all, k)
	}
	slices.Sort(all)
	return all
}

// fileURL is the URL of a directory.
func fileURL(dir string) string {
	return "file:///" + strings.TrimPrefix(filepath.ToSlash(dir), "/")
}

// forget deletes what a directory of the module cache has of a version, and the
// directories that nothing is left in.
func forget(t *testing.T, dir, version string) {
	var found, dirs []string
	filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return nil // no cache, nothing to forget
		}
		name := d.Name()
		switch {
		case strings.HasSuffix(name, "@"+version) || strings.HasPrefix(name, version+"."):
			found = append(found, path)
			if d.IsDir() {
				return filepath.SkipDir
			}
		case d.IsDir():
			dirs = append(dirs, path)
		case name == "list": // the versions that a proxy named
			text, err := os.ReadFile(path)
			if rest := strings.ReplaceAll(string(text), version+"\n", ""); err == nil && rest == "" {
				found = append(found, path)
			} else if err == nil && rest != string(text) {
				os.WriteFile(path, []byte(rest), 0o666)
			}
		}
		return nil
	})
	for _, path := range found {
		// The go command makes directories there read-only.
		filepath.WalkDir(path, func(name string, d fs.DirEntry, err error) error {
			if err == nil && d.IsDir() {
				os.Chmod(name, 0o755)
			}
			return nil
		})
		if err := os.RemoveAll(path); err != nil {
			t.Error(err)
		}
	}
	for _, path := range slices.Backward(dirs) {
		os.Remove(path) // only if it is empty
	}
}
