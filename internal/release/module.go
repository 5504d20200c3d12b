package main

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// module is one module of the workspace.
type module struct {
	dir   string   // from the root, "." for the root module
	path  string   // its module path
	needs []string // the paths of those of the workspace that it requires
}

// tag is the name that the go command looks for: https://go.dev/ref/mod#vcs-version
func (m module) tag(version string) string {
	if m.dir == "." {
		return version
	}
	return m.dir + "/" + version
}

// gomod is what `go mod edit -json` prints, as far as it is used here.
type gomod struct {
	Module  struct{ Path string }
	Require []struct{ Path, Version string }
	Replace []struct {
		Old struct{ Path, Version string }
	}
}

// modules returns the modules of go.work in an order in which each one comes after
// those that it requires.
func (r repository) modules() ([]module, error) {
	var work struct{ Use []struct{ DiskPath string } }
	if err := r.goJSON(&work, "work", "edit", "-json"); err != nil {
		return nil, err
	}
	all := map[string]module{}
	for _, u := range work.Use {
		dir := filepath.ToSlash(filepath.Clean(u.DiskPath))
		var mod gomod
		if err := r.goJSON(&mod, "mod", "edit", "-json", filepath.Join(dir, "go.mod")); err != nil {
			return nil, err
		}
		m := module{dir: dir, path: mod.Module.Path}
		for _, require := range mod.Require {
			m.needs = append(m.needs, require.Path)
		}
		all[m.path] = m
	}
	for path, m := range all {
		m.needs = slices.DeleteFunc(m.needs, func(need string) bool { return all[need].path == "" })
		all[path] = m
	}
	var order []module
	done := map[string]bool{}
	for len(order) < len(all) {
		before := len(order)
		for _, path := range slices.Sorted(maps.Keys(all)) {
			if m := all[path]; !done[path] && !slices.ContainsFunc(m.needs, func(need string) bool { return !done[need] }) {
				order, done[path] = append(order, m), true
			}
		}
		if len(order) == before {
			return nil, errors.New("modules of go.work require each other in a circle")
		}
	}
	return order, nil
}

func (r repository) goJSON(v any, args ...string) error {
	out, err := r.command("go", args...)
	if err != nil {
		return err
	}
	return json.Unmarshal(out, v)
}

// releaseFiles returns the files that change in the release commit, by their paths: the
// go.mod and go.sum of each module that requires another one. The modules are in order,
// because the go.sum of one has the checksums of the finished others.
func (r repository) releaseFiles(modules []module, version string) (map[string][]byte, error) {
	tree, err := r.tree()
	if err != nil {
		return nil, err
	}
	changed := map[string][]byte{}
	sums := map[string]string{} // lines of go.sum by module path
	for _, m := range modules {
		if len(m.needs) > 0 {
			name := path.Join(m.dir, "go.mod")
			text, err := r.editGoMod(tree[name], m.needs, version)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
			changed[name] = text
			name = path.Join(m.dir, "go.sum")
			changed[name] = editGoSum(tree[name], m.needs, sums)
			maps.Copy(tree, changed)
		}
		sums[m.path] = fmt.Sprintf("%s %s %s\n%s %s/go.mod %s\n",
			m.path, version, hash(moduleFiles(tree, m, modules, version)),
			m.path, version, hash(map[string][]byte{"go.mod": tree[path.Join(m.dir, "go.mod")]}))
	}
	return changed, nil
}

// editGoMod requires the modules of the workspace at the version, and drops all replace
// lines: a test in internal/policy sees to it that they name only such modules.
func (r repository) editGoMod(text []byte, needs []string, version string) ([]byte, error) {
	dir, err := os.MkdirTemp("", "release")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	name := filepath.Join(dir, "go.mod")
	if err := os.WriteFile(name, text, 0o600); err != nil {
		return nil, err
	}
	var mod gomod
	if err := r.goJSON(&mod, "mod", "edit", "-json", name); err != nil {
		return nil, err
	}
	args := []string{"mod", "edit"}
	for _, need := range needs {
		args = append(args, "-require="+need+"@"+version)
	}
	for _, replace := range mod.Replace {
		old := replace.Old.Path
		if replace.Old.Version != "" {
			old += "@" + replace.Old.Version
		}
		args = append(args, "-dropreplace="+old)
	}
	if _, err := r.command("go", append(args, name)...); err != nil {
		return nil, err
	}
	return os.ReadFile(name)
}

// editGoSum puts the lines of the required modules where the go command would: it sorts
// the lines by module path.
func editGoSum(text []byte, needs []string, sums map[string]string) []byte {
	var lines []string
	for line := range strings.Lines(string(text)) {
		if path, _, _ := strings.Cut(line, " "); !slices.Contains(needs, path) {
			lines = append(lines, line)
		}
	}
	for _, need := range needs {
		lines = append(lines, sums[need])
	}
	slices.SortStableFunc(lines, func(a, b string) int {
		pathA, _, _ := strings.Cut(a, " ")
		pathB, _, _ := strings.Cut(b, " ")
		return strings.Compare(pathA, pathB)
	})
	return []byte(strings.Join(lines, ""))
}

// tree returns the files of HEAD by their paths, as the go command gets them: through
// git archive, with the line ends of the commit.
func (r repository) tree() (map[string][]byte, error) {
	archive, err := r.command("git", "-c", "core.autocrlf=input", "-c", "core.eol=lf", "archive", "--format=zip", r.head)
	if err != nil {
		return nil, err
	}
	z, err := zip.NewReader(bytes.NewReader(archive), int64(len(archive)))
	if err != nil {
		return nil, err
	}
	files := map[string][]byte{}
	for _, f := range z.File {
		if !f.Mode().IsRegular() { // a module has no links
			continue
		}
		in, err := f.Open()
		if err != nil {
			return nil, err
		}
		text, err := io.ReadAll(in)
		in.Close()
		if err != nil {
			return nil, err
		}
		files[f.Name] = text
	}
	return files, nil
}

// moduleFiles returns the files of a module by their names in its zip file, as
// https://go.dev/ref/mod#zip-files has it: those of its directory without other
// modules, and the LICENSE of the repository if it has none of its own.
func moduleFiles(tree map[string][]byte, m module, modules []module, version string) map[string][]byte {
	below := func(name, dir string) bool { return dir == "." || strings.HasPrefix(name, dir+"/") }
	prefix := m.path + "@" + version + "/"
	files := map[string][]byte{}
	if license, ok := tree["LICENSE"]; ok {
		files[prefix+"LICENSE"] = license
	}
	for name, text := range tree {
		other := slices.ContainsFunc(modules, func(n module) bool {
			return n.dir != m.dir && below(n.dir, m.dir) && below(name, n.dir)
		})
		if below(name, m.dir) && !other {
			files[prefix+strings.TrimPrefix(name, m.dir+"/")] = text
		}
	}
	return files
}

// hash is the h1 of https://go.dev/ref/mod#go-sum-files: SHA-256 over the sorted
// SHA-256 sums of the files, in the form that sha256sum prints.
func hash(files map[string][]byte) string {
	all := sha256.New()
	for _, name := range slices.Sorted(maps.Keys(files)) {
		fmt.Fprintf(all, "%x  %s\n", sha256.Sum256(files[name]), name)
	}
	return "h1:" + base64.StdEncoding.EncodeToString(all.Sum(nil))
}
