package doctor_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/hardtack-go/hardtack/cmd/hardtack/internal/doctor"
)

// FuzzExamine: whatever headers a server answers with, the findings have a level and a text
// for a terminal, and nothing of a cookie's value.
func FuzzExamine(f *testing.F) {
	good := "__Host-session=eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2R0NNIiwia2lkIjoiQUFFQ0F3USJ9..AAAAAAAAAAAAAAAA.AAAA.AAAAAAAAAAAAAAAAAAAAAA; Path=/; Secure; HttpOnly; SameSite=Lax"
	for _, text := range []string{
		"Set-Cookie: " + good, "Set-Cookie: " + good + "\nCache-Control: private, no-store\nVary: Cookie\nStrict-Transport-Security: max-age=31536000\nDate: Tue, 01 Jan 2030 12:00:00 GMT",
		"Set-Cookie: " + good + "; Expires=Tue, 01 Jan 2030 12:00:00 GMT, b=c", "Set-Cookie: " + good + "\nSet-Cookie: " + good, "Set-Cookie: \x1b[2J=\u009b\x00; Domain=\x1b; Path=\r", "Set-Cookie:", "Set-Cookie: =; =; ;;", "Set-Cookie: s=" + strings.Repeat("x", 9000),
		"Strict-Transport-Security: max-age=\"99999999999999999999\"; max-age=-1; =", "Strict-Transport-Security: max-age=0", "Date: \x1b", "Date: Mon, 01 Jan 0001 00:00:00 GMT", "Vary: *\nAge: 1\nX-Cache: HIT", "Cache-Control: public, PRIVATE=\"x\"", "", "Vary: ,,\nVary: cookie",
	} {
		f.Add("https://shop.example/login", text, "")
		f.Add("http://127.0.0.1/", text, "s")
	}
	f.Fuzz(func(t *testing.T, target, text, name string) {
		u, err := url.Parse(target)
		if err != nil {
			return
		}
		h := http.Header{}
		for line := range strings.SplitSeq(text, "\n") {
			name, value, _ := strings.Cut(line, ":")
			h.Add(name, strings.TrimSpace(value))
		}
		all := doctor.Examine(u, h, name, time.Date(2030, 1, 1, 12, 0, 0, 0, time.UTC))
		if len(all) < 2 {
			t.Fatalf("only %v", all)
		}
		doctor.Healthy(all)
		for _, finding := range all {
			if !slices.Contains([]string{doctor.Good, doctor.Advice, doctor.Fault}, finding.Level) || finding.Check == "" || finding.Text == "" ||
				strings.ContainsFunc(finding.Check+finding.Text, func(r rune) bool { return !unicode.IsPrint(r) }) {
				t.Fatalf("%+v", finding)
			}
			for _, line := range h["Set-Cookie"] {
				pair, _, _ := strings.Cut(line, ";")
				if _, value, _ := strings.Cut(pair, "="); len(value) > 20 && !strings.Contains(pair[:len(pair)-len(value)], value) && strings.Contains(finding.Text, value) {
					t.Fatalf("%+v has a value", finding)
				}
			}
		}
	})
}
