package common_test

import (
	"os"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/hardtack-go/hardtack/signin/password/internal/common"
)

func TestHas(t *testing.T) {
	for _, pw := range []string{"password", "PassWord", "trustno1", "qwertyuiop", "1qaz2wsx", "iloveyou"} {
		if !common.Has(pw) {
			t.Errorf("%s is not common", pw)
		}
	}
	for _, pw := range []string{"", "pass", "assword", "passwor", "password ", "correct horse battery staple"} {
		if common.Has(pw) {
			t.Errorf("%q is common", pw)
		}
	}
}

func TestList(t *testing.T) {
	text, err := os.ReadFile("common.txt")
	if err != nil {
		t.Fatal(err)
	}
	words, notice, last := 0, "", ""
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSuffix(line, "\n")
		if words == 0 && strings.HasPrefix(line, "#") {
			notice += strings.TrimPrefix(line[1:], " ") + "\n"
			continue
		}
		words++
		if line <= last || line != strings.ToLower(line) || utf8.RuneCountInString(line) < 8 || strings.Trim(line, "0123456789") == "" {
			t.Errorf("%q after %q", line, last)
		}
		last = line
	}
	if words != 14_970 {
		t.Errorf("%d words", words)
	}
	for _, part := range []string{"Vanackere and Trustelem", "Dropbox, Inc.", "The above copyright notice and this permission notice", "WITHOUT WARRANTY"} {
		if !strings.Contains(notice, part) {
			t.Errorf("the notice lacks %q", part)
		}
	}
}
