package main

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

// repository is the git repository of the current directory.
type repository struct {
	dir  string // its root
	head string // the commit that is released
}

func openRepository() (repository, error) {
	dir, err := repository{dir: "."}.git("rev-parse", "--show-toplevel")
	if err != nil {
		return repository{}, err
	}
	r := repository{dir: dir}
	r.head, err = r.git("rev-parse", "HEAD")
	return r, err
}

// command runs a program in the root and returns what it prints.
func (r repository) command(name string, args ...string) ([]byte, error) {
	return r.commandWith(nil, "", name, args...)
}

// commandWith does so with additional environment variables and a standard input.
func (r repository) commandWith(env []string, stdin, name string, args ...string) ([]byte, error) {
	cmd := exec.Command(name, args...)
	cmd.Dir = r.dir
	// The modules are edited one by one, whatever the caller's workspace is.
	cmd.Env = append(append(os.Environ(), "GOWORK="), env...)
	cmd.Stdin = strings.NewReader(stdin)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w\n%s%s", name, args[0], err, out, stderr.Bytes())
	}
	return out, nil
}

// git runs git and returns what it prints, without the last line end.
func (r repository) git(args ...string) (string, error) {
	out, err := r.command("git", args...)
	return strings.TrimSuffix(string(out), "\n"), err
}

// checkMain asks for main as it is committed, and as far as this clone knows, as the
// others have it.
func (r repository) checkMain() error {
	branch, err1 := r.git("rev-parse", "--abbrev-ref", "HEAD")
	status, err2 := r.git("status", "--porcelain")
	if err := errors.Join(err1, err2); err != nil {
		return err
	}
	if branch != "main" {
		return fmt.Errorf("a release is made on main, and this is %s", branch)
	}
	if status != "" {
		return fmt.Errorf("something isn't committed:\n%s", status)
	}
	if behind, err := r.git("rev-list", "--count", "HEAD..@{upstream}"); err == nil && behind != "0" {
		return fmt.Errorf("main lacks %s commits of its upstream", behind)
	}
	return nil
}

// checkTags asks for a version that is higher than all before it, and for tags that
// nobody has made yet: the module mirror keeps the first ones that it sees.
func (r repository) checkTags(v version, tags []string) error {
	out, err := r.git("tag", "--list")
	if err != nil {
		return err
	}
	var errs []error
	for tag := range strings.Lines(out) {
		tag = strings.TrimSpace(tag)
		if slices.Contains(tags, tag) {
			errs = append(errs, fmt.Errorf("the tag %s exists", tag))
		} else if last, err := parseVersion(path.Base(tag)); err == nil && v.compare(last) <= 0 {
			errs = append(errs, fmt.Errorf("the version isn't higher than %s", tag))
		}
	}
	return errors.Join(errs...)
}

// checkChangelog asks for the section of the version, with its date and what it has to
// say on security, at the top and with nothing left above it.
func (r repository) checkChangelog(v version, now time.Time) error {
	text, err := os.ReadFile(filepath.Join(r.dir, "CHANGELOG.md"))
	if err != nil {
		return err
	}
	sections := regexp.MustCompile(`(?m)^## `).Split(string(text), -1)[1:]
	if len(sections) > 0 && strings.HasPrefix(sections[0], "[Unreleased]\n") {
		if strings.TrimSpace(strings.TrimPrefix(sections[0], "[Unreleased]\n")) != "" {
			return errors.New("CHANGELOG.md has lines under Unreleased: move them below the version")
		}
		sections = sections[1:]
	}
	if len(sections) == 0 {
		return errors.New("CHANGELOG.md has no section for a version")
	}
	m := regexp.MustCompile(`^\[(.+)\] - (\d{4}-\d\d-\d\d)\n`).FindStringSubmatch(sections[0])
	if m == nil {
		return errors.New("the first version in CHANGELOG.md must look like ## [0.1.0] - 2026-11-26")
	}
	if first, err := parseVersion("v" + m[1]); err != nil || first.compare(v) != 0 {
		return fmt.Errorf("the first version in CHANGELOG.md is %s", m[1])
	}
	date, err := time.Parse(time.DateOnly, m[2])
	if err != nil || date.After(now.Add(24*time.Hour)) { // tomorrow has begun somewhere
		return fmt.Errorf("CHANGELOG.md has the date %s", m[2])
	}
	if !strings.Contains(sections[0], "\n### Security\n") {
		return errors.New("the version's section in CHANGELOG.md has no Security")
	}
	return nil
}

// checkPolicy runs the tests of the repository itself. The others are .ci/run's.
func (r repository) checkPolicy() error {
	_, err := r.command("go", "test", "./internal/policy")
	return err
}

// commit makes a commit on top of the released one in which some files are changed. It
// touches neither the checkout nor a branch.
func (r repository) commit(changed map[string][]byte, message string) (string, error) {
	dir, err := os.MkdirTemp("", "release")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(dir)
	index := []string{"GIT_INDEX_FILE=" + filepath.Join(dir, "index")}
	if _, err := r.commandWith(index, "", "git", "read-tree", r.head); err != nil {
		return "", err
	}
	for _, name := range slices.Sorted(maps.Keys(changed)) {
		blob, err := r.commandWith(nil, string(changed[name]), "git", "hash-object", "-w", "--stdin")
		if err != nil {
			return "", err
		}
		entry := "100644," + strings.TrimSpace(string(blob)) + "," + name
		if _, err := r.commandWith(index, "", "git", "update-index", "--add", "--cacheinfo", entry); err != nil {
			return "", err
		}
	}
	tree, err := r.commandWith(index, "", "git", "write-tree")
	if err != nil {
		return "", err
	}
	commit, err := r.commandWith(nil, message, "git", "commit-tree", "-p", r.head, strings.TrimSpace(string(tree)))
	return strings.TrimSpace(string(commit)), err
}

// tag makes all tags, or none.
func (r repository) tag(modules []module, tags []string, commit, message string) error {
	for i, m := range modules {
		target := commit
		if m.dir == "." {
			target = r.head
		}
		if _, err := r.git("tag", "--annotate", "--message", message, tags[i], target); err != nil {
			if i > 0 {
				_, undo := r.git(append([]string{"tag", "--delete"}, tags[:i]...)...)
				err = errors.Join(err, undo)
			}
			return err
		}
	}
	return nil
}
