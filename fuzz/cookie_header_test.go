package fuzz_test

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/hardtack-go/hardtack/auth"
	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/cookie/jose"
	"github.com/hardtack-go/hardtack/fuzz/internal/fixed"
	"github.com/hardtack-go/hardtack/ssestore"
)

// fill replaces {V} and the like by the token of that name. A mutator that had to keep
// 400 characters intact would never get past the first check.
func fill(template string, m tokens) string {
	for name, value := range m.values {
		template = strings.ReplaceAll(template, "{"+name+"}", value)
	}
	return template
}

// valuesIn is the reading of RFC 6265bis section 5.8.3 backwards, written anew:
// pairs between semicolons, the exact name, spaces and tabs around dropped.
func valuesIn(lines []string, name string) []string {
	var found []string
	for _, line := range lines {
		for pair := range strings.SplitSeq(line, ";") {
			n, v, ok := strings.Cut(strings.Trim(pair, " \t"), "=")
			if ok && n == name && !slices.Contains(found, v) {
				found = append(found, v)
			}
		}
	}
	return found
}

// FuzzCookieHeader goes the whole way from the lines of a Cookie header to a
// verified user. Ann comes out if and only if exactly one of the values under the
// cookie's name is a valid session, and that one is hers. It runs with both codecs
// of the format, which must decide alike, and what they write must be legal.
//
// Lines are separated by LF. {V}, {W}, … stand for the tokens of makeTokens.
func FuzzCookieHeader(f *testing.F) {
	ring, m, accounts := fixed.Ring(f, 0, 1), makeTokens(f), newManager(f)
	stores := []*ssestore.Store{newStore(f, ring, cookie.JWE), newStore(f, ring, jose.JWE)}
	f.Fuzz(func(t *testing.T, template string) {
		header := fill(template, m)
		if len(header) > 1<<16 {
			return
		}
		lines := strings.Split(header, "\n")
		values := valuesIn(lines, fixed.CookieName)
		user := func(ended bool) bool { // whether Ann must come out
			valid, hers := 0, false
			for _, v := range values {
				if m.valid[v] && !(ended && v == m.values["V"]) {
					valid++
					hers = hers || m.users[v]
				}
			}
			return valid == 1 && hers && len(values) <= cookie.MaxCandidates
		}
		// The barrier ends V, if it is among the values that are looked at. One that
		// a fuzzer has composed of it may end V or not.
		barriers := valuesIn(lines, endedName)
		ended := slices.Contains(barriers[:min(len(barriers), cookie.MaxCandidates+1)], m.values["E"])
		want, other := user(ended), user(ended)
		if !ended && len(barriers) > 0 {
			other = user(true)
		}

		var verdicts []cookie.Reason
		for _, store := range stores {
			s := store.Load(lines, fixed.Now)
			got, err := accounts.GetUser(t.Context(), s)
			if (err == nil) != (got != nil) || err == nil && got.id != "ann" {
				t.Fatalf("GetUser: %v, %v", got, err)
			}
			if err != nil && !errors.Is(err, auth.ErrNoUser) {
				t.Fatalf("a header makes an error: %v", err)
			}
			if (err == nil) != want && (err == nil) != other {
				t.Fatalf("user %v, want %v, from %q", err == nil, want, template)
			}
			out, err := s.Commit(200)
			if err != nil {
				t.Fatalf("Commit: %v", err)
			}
			for _, line := range out.SetCookie {
				c, err := http.ParseSetCookie(line)
				if err != nil || c.Valid() != nil || !strings.HasPrefix(c.Name, fixed.CookieName) || !c.Secure || !c.HttpOnly {
					t.Fatalf("Set-Cookie %q: %v", line, err)
				}
			}
			verdicts = append(verdicts, out.Refused)
		}
		if verdicts[0] != verdicts[1] {
			t.Fatalf("the codecs disagree: %v, from %q", verdicts, template)
		}
	})
}
