package policy_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// exported lists what the published packages export, by their paths and then by names as
// in the documentation: Config, Config.Keys, New.
func exported(t *testing.T) map[string]map[string]bool {
	t.Helper()
	name := regexp.MustCompile(`(?m)^(?:const|var|func|type) (\w+)(?:\[[^]]*\])?(?: struct, ([A-Z]\w*) )?`)
	method := regexp.MustCompile(`(?m)^method \(\*?(\w+)[^)]*\) (\w+)`)
	inner := regexp.MustCompile(`(?m)^type (\w+)(?:\[[^]]*\])? interface\{(.*)\}$`)
	of := regexp.MustCompile(`(\w+)\(`)
	all := map[string]map[string]bool{}
	for _, pkg := range frozen {
		text, err := os.ReadFile(filepath.Join(root, "docs", "api", strings.ReplaceAll(pkg, "/", "-")+".txt"))
		if err != nil {
			t.Fatal(err)
		}
		names := map[string]bool{}
		for _, m := range name.FindAllStringSubmatch(string(text), -1) {
			names[m[1]] = true
			if m[2] != "" {
				names[m[1]+"."+m[2]] = true
			}
		}
		for _, m := range method.FindAllStringSubmatch(string(text), -1) {
			names[m[1]+"."+m[2]] = true
		}
		for _, m := range inner.FindAllStringSubmatch(string(text), -1) {
			for _, f := range of.FindAllStringSubmatch(m[2], -1) {
				names[m[1]+"."+f[1]] = true
			}
		}
		all[pkg] = names
	}
	return all
}

// packageNames are the names of the published packages, by their paths.
func packageNames(t *testing.T) map[string]string {
	t.Helper()
	names := map[string]string{}
	for _, s := range goSources(t) {
		if !s.test() && slices.Contains(frozen, s.dir()) {
			names[s.dir()] = s.file.Name.Name
		}
	}
	return names
}

// spans returns what stands between backquotes in the text of a page.
func spans(t *testing.T, name string) (all []string) {
	t.Helper()
	for _, m := range regexp.MustCompile("`([^`\\n]+)`").FindAllStringSubmatch(page(t, name), -1) {
		all = append(all, m[1])
	}
	return all
}

// ourNames returns a function that lists those names in a text which one of our packages
// should export and doesn't, and counts all that it sees. They may be the fields of a
// literal.
func ourNames(t *testing.T) func(text string, seen *int) []string {
	t.Helper()
	named := map[string]map[string]bool{} // by the names of packages
	typed := map[string]bool{}            // whether fields and methods of a name are listed
	for pkg, name := range packageNames(t) {
		if named[name] == nil {
			named[name] = map[string]bool{}
		}
		for n := range exported(t)[pkg] {
			named[name][n] = true
			if of, _, ok := strings.Cut(n, "."); ok {
				typed[name+"."+of] = true
			}
		}
	}
	ours := regexp.MustCompile(`(?:^|[^\w./"-])([a-z]\w+)\.([A-Z]\w*)(?:\.([A-Z]\w*))?`)
	literal := regexp.MustCompile(`\b([a-z]\w+)\.([A-Z]\w*)(?:\[[^\]]*\])?\{([^{}]*)\}`)
	key := regexp.MustCompile(`(?:^|,)\s*([A-Z]\w*):`)
	return func(text string, seen *int) (missing []string) {
		for _, m := range literal.FindAllStringSubmatch(text, -1) {
			for _, k := range key.FindAllStringSubmatch(m[3], -1) {
				if name := m[2] + "." + k[1]; typed[m[1]+"."+m[2]] && !named[m[1]][name] {
					missing = append(missing, m[1]+"."+name)
				}
			}
		}
		for _, m := range ours.FindAllStringSubmatch(text, -1) {
			known := named[m[1]]
			if known == nil {
				continue
			}
			*seen++
			if !known[m[2]] || m[3] != "" && typed[m[1]+"."+m[2]] && !known[m[2]+"."+m[3]] {
				missing = append(missing, strings.Trim(m[0], " (["))
			}
		}
		return missing
	}
}

// TestCommentsNameWhatExists: a name of ours in a comment is exported.
func TestCommentsNameWhatExists(t *testing.T) {
	missing, seen := ourNames(t), 0
	for _, s := range goSources(t) {
		if s.test() {
			continue // others' packages, called echo and middleware like ours, are in use there
		}
		for _, g := range s.file.Comments {
			for _, name := range missing(g.Text(), &seen) {
				t.Errorf("%s: %s doesn't exist", s.at(g.Pos()), name)
			}
		}
	}
	if seen < 300 {
		t.Errorf("%d names: they have another form", seen)
	}
}

// TestPagesNameWhatExists: a name of ours that a page mentions as code is exported, a test
// is one of the repository, and a file or a folder is there.
func TestPagesNameWhatExists(t *testing.T) {
	// Files of the reader's, in Next.js.
	theirs := []string{"proxy.ts", "middleware.ts"}

	tests, folders, bases := map[string]bool{}, map[string]bool{}, map[string]bool{}
	for _, s := range goSources(t) {
		if s.test() {
			for _, m := range regexp.MustCompile(`(?m)^func ((?:Test|Fuzz|Benchmark|Example)\w*)\(`).FindAllSubmatch(s.text, -1) {
				tests[string(m[1])] = true
			}
		}
	}
	for _, f := range files(t) {
		bases[filepath.Base(f)] = true
		if top, _, below := strings.Cut(f, "/"); below {
			folders[top] = true
		}
	}
	missing := ourNames(t)
	test := regexp.MustCompile(`^(?:Test|Fuzz|Benchmark)[A-Z]\w*$`)
	path := regexp.MustCompile(`^([\w.-]+)((?:/[\w.*-]+)+/?)$`)
	base := regexp.MustCompile(`^[a-z][\w-]*\.(?:go|js|mjs|ts|py|rb|sh|html|conf|capnp)$`)
	seen, names := map[string]int{}, 0
	for _, page := range markdown(t) {
		for _, span := range spans(t, page) {
			for _, name := range missing(span, &names) {
				t.Errorf("%s: %s doesn't exist", page, name)
			}
			if test.MatchString(span) {
				seen["tests"]++
				if !tests[span] {
					t.Errorf("%s: there is no test %s", page, span)
				}
			}
			if m := path.FindStringSubmatch(span); m != nil && folders[m[1]] {
				seen["paths"]++
				if found, err := filepath.Glob(filepath.Join(root, span)); err != nil || len(found) == 0 {
					t.Errorf("%s: there is no %s", page, span)
				}
			}
			if base.MatchString(span) && !slices.Contains(theirs, span) {
				seen["files"]++
				if !bases[span] {
					t.Errorf("%s: there is no file %s", page, span)
				}
			}
		}
	}
	seen["names"] = names
	for what, least := range map[string]int{"names": 80, "tests": 100, "paths": 50, "files": 5} {
		if seen[what] < least {
			t.Errorf("%d %s: they have another form", seen[what], what)
		}
	}
}

// results are the types whose fields the library fills in. Their documentation is enough:
// whoever has one in hand finds it there. All others are set by somebody who has to know
// that they exist.
var results = []string{
	"cookie.Opened", "cookie.SizeError",
	"fleet.Counters", "fleet.Event", "fleet.KeyStatus", "fleet.Status", "fleet/enginetest.Count",
	"keyring.Counters", "keyring.Created", "keyring.ParseError",
	"marks.About", "serverless.SingleValueError",
	"signin.Entry", "signin.Page", "signin/oauth.Identity", "signin/passkey.Passkey",
	"ssestore.Identity", "ssestore.Info", "ssestore.Outcome", "ssestore.Stamp",
}

// TestNothingWithoutAPage: every published package, and every field by which somebody
// changes what it does, is in a page that says what it's good for. The field stands there
// as code, and its package in the same page. docs/api doesn't count, nor do the rules, the
// histories and the lists of proofs.
func TestNothingWithoutAPage(t *testing.T) {
	notForUse := []string{
		"CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md", "docs/ADVISORIES.md", "docs/ASVS.md", "docs/BEHAVIOUR.md", "docs/BENCHMARKS.md", "docs/PROMISE.md",
	}
	word := regexp.MustCompile(`\w+`)
	var texts []string
	var codes []map[string]bool
	for _, name := range markdown(t) {
		if slices.Contains(notForUse, name) {
			continue
		}
		text, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			t.Fatal(err)
		}
		code := map[string]bool{}
		for _, piece := range append(goBlocks(t, name), spans(t, name)...) {
			for _, w := range word.FindAllString(piece, -1) {
				code[w] = true
			}
		}
		texts, codes = append(texts, string(text)), append(codes, code)
	}
	names := packageNames(t)
	field := regexp.MustCompile(`^(\w+)\.(\w+)$`)
	fields := 0
	unknown := slices.Clone(results)
	for _, pkg := range frozen {
		of := regexp.MustCompile(`\b` + names[pkg] + `\.[A-Z]|` + "[`/]" + regexp.QuoteMeta(pkg) + "[`)]")
		var about []map[string]bool
		for i, text := range texts {
			if of.MatchString(text) {
				about = append(about, codes[i])
			}
		}
		if len(about) == 0 {
			t.Errorf("no page says what package %s is good for", pkg)
		}
		text, err := os.ReadFile(filepath.Join(root, "docs", "api", strings.ReplaceAll(pkg, "/", "-")+".txt"))
		if err != nil {
			t.Fatal(err)
		}
		for name := range exported(t)[pkg] {
			m := field.FindStringSubmatch(name)
			if m == nil || !regexp.MustCompile(`(?m)^type `+m[1]+`(\[[^]]*\])? struct, `+m[2]+` `).Match(text) {
				continue // a method
			}
			if i := slices.Index(unknown, pkg+"."+m[1]); i >= 0 {
				unknown = slices.Delete(unknown, i, i+1)
			}
			if slices.Contains(results, pkg+"."+m[1]) {
				continue
			}
			fields++
			if !slices.ContainsFunc(about, func(code map[string]bool) bool { return code[m[2]] }) {
				t.Errorf("no page says what %s of package %s is good for: add a sentence where its user looks", name, pkg)
			}
		}
	}
	for _, name := range unknown {
		t.Errorf("%s is in the list of results, and has no fields", name)
	}
	if fields < 130 {
		t.Errorf("%d fields: docs/api has another form", fields)
	}
}
