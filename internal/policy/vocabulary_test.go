package policy_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// vocabulary has words that other projects use for ideas that have a name here. One idea
// has one name, so that whoever searches the repository for it finds everything.
var vocabulary = []struct{ never, say string }{
	{`(de|un|en)cipher(s|ed|ing)?\b|unseal(s|ed|ing)?\b|unlock a token`, "seal and open"},
	{`(secondary|backup|previous|old) keys?\b`, "fallback, or the key by its kid"},
	{`(current|main|master) (sealing |signing )?keys?\b`, "primary"},
	{`session epoch|password (fingerprint|version)|security stamp`, "stamp"},
	{`tombstones?\b|logout cookie`, "barrier"},
	{`(deny|block|black)-?lists?\b|revocation lists?\b|kill switch`, "mark"},
	{`magic[- ]links?\b|one-time tokens?\b`, "ticket, or passlink for the package"},
	{`(sliding|rolling) (expiry|expiration|session)|inactivity timeout|session timeout|(idle|absolute) (expiry|expiration|limit|lifetime)`, "idle timeout, absolute timeout"},
	{`(log|sign)[- ]?off\b|sign(s|ed|ing)?[- ]out\b|logon\b`, "log out, log in"},
	{`(token|session|JWT) payload`, "claims"},
}

// theirs are the pages that speak of other projects in their words.
var theirs = []string{"CHANGELOG.md", "docs/ADVISORIES.md", "docs/ASVS.md", "docs/BENCHMARKS.md"}

// TestVocabulary: the pages, and the comments and texts of the sources, use one word for
// each idea. Tests and the contestants of the benchmark may quote.
func TestVocabulary(t *testing.T) {
	texts := map[string]string{}
	for _, page := range markdown(t) {
		if slices.Contains(theirs, page) {
			continue
		}
		text, err := os.ReadFile(filepath.Join(root, page))
		if err != nil {
			t.Fatal(err)
		}
		texts[page] = string(text)
	}
	for _, s := range goSources(t) {
		if s.test() || strings.HasPrefix(s.path, "bench/") || strings.HasPrefix(s.path, "fuzz/deletions/") {
			continue
		}
		text, err := os.ReadFile(filepath.Join(root, s.path))
		if err != nil {
			t.Fatal(err)
		}
		texts[s.path] = string(text)
	}
	if len(texts) < 100 {
		t.Fatalf("found %d texts", len(texts))
	}
	for _, v := range vocabulary {
		never := regexp.MustCompile(`(?i)\b(` + v.never + `)`)
		for path, text := range texts {
			for i, line := range strings.Split(text, "\n") {
				if m := never.FindString(line); m != "" {
					t.Errorf("%s:%d: %q; here we say %s", path, i+1, m, v.say)
				}
			}
		}
	}
}
