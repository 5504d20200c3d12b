package cookie_test

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/keyring"
)

// mutant changes a token in one of the ways that attackers and broken glue do.
func mutant(r *rand.Rand, token, other string) string {
	at := r.IntN(len(token))
	to := at + r.IntN(min(24, len(token)-at)+1)
	p, q := strings.Split(token, "."), strings.Split(other, ".")
	i, j := r.IntN(len(p)), r.IntN(len(p))
	const odd = "=+/.-_ \r\n\t\x00%,;\"\\AQgw"
	switch r.IntN(16) {
	case 0: // one bit
		b := []byte(token)
		b[at] ^= 1 << r.IntN(8)
		return string(b)
	case 1: // one character of the alphabet
		return token[:at] + odd[r.IntN(len(odd)):][:1] + token[min(at+1, len(token)):]
	case 2: // truncate
		return token[:at]
	case 3:
		return token[at:]
	case 4: // cut out
		return token[:at] + token[to:]
	case 5: // repeat
		return token[:to] + token[at:]
	case 6: // insert
		return token[:at] + odd[r.IntN(len(odd)):][:1] + token[at:]
	case 7:
		return token[:at] + "\r\n" + token[at:]
	case 8: // the case of a letter
		return token[:at] + string(token[at]^0x20) + token[at+1:]
	case 9: // move segments
		p[i], p[j] = p[j], p[i]
	case 10: // the segment of another token
		p[i] = q[j]
	case 11: // move characters over a dot
		i = r.IntN(len(p) - 1)
		n := r.IntN(len(p[i]) + 1)
		p[i], p[i+1] = p[i][:n], p[i][n:]+p[i+1]
	case 12:
		i = r.IntN(len(p) - 1)
		n := r.IntN(len(p[i+1]) + 1)
		p[i], p[i+1] = p[i]+p[i+1][:n], p[i+1][n:]
	case 13: // unused bits of a segment's last character
		if n := len(p[i]); n > 0 {
			p[i] = p[i][:n-1] + string(p[i][n-1]+byte(1+r.IntN(3)))
		}
	case 14: // an encrypted key, and padding
		p[1] = q[i]
		if r.IntN(2) == 0 {
			p[1], p[i] = "", p[i]+"="
		}
	case 15: // splice two tokens
		return token[:at] + other[min(at, len(other)):]
	}
	return strings.Join(p, ".")
}

// mutants runs n of them and checks that none opens that differs from what we
// sealed: non-malleability.
func mutants(t *testing.T, codec cookie.Codec, n int) {
	ring, err := keyring.Generate().Rotate()
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(13, 13))
	var tokens []string
	sealed := map[string]bool{}
	for size := range 40 {
		token := seal(t, codec, ring, make([]byte, size*5))
		tokens = append(tokens, token)
		sealed[token] = true
	}
	tried := 0
	verdicts := map[cookie.Reason]int{}
	for tried < n {
		token := mutant(r, tokens[r.IntN(len(tokens))], tokens[r.IntN(len(tokens))])
		for range r.IntN(3) { // sometimes more than one change
			if len(token) > 0 && strings.Count(token, ".") == 4 {
				token = mutant(r, token, tokens[r.IntN(len(tokens))])
			}
		}
		if sealed[token] {
			continue
		}
		tried++
		_, err := codec.Open(ring, token)
		if err == nil {
			t.Fatalf("accepted: %q", token)
		}
		verdicts[cookie.ReasonOf(err)]++
	}
	// Only a few change the kid into another one; how many depends on its letters.
	for _, reason := range []cookie.Reason{cookie.ReasonForeign, cookie.ReasonUnknownKey, cookie.ReasonMalformed, cookie.ReasonBadTag} {
		if verdicts[reason] < n/10_000 {
			t.Errorf("%d mutants of %d were refused as %v: the mutants do not reach that check", verdicts[reason], n, reason)
		}
	}
	t.Logf("%d mutants: %v", tried, verdicts)
}

// J13, the short form. The long one runs apart from the unit tests.
func TestJ13_Mutants(t *testing.T) {
	n := 200_000
	if testing.Short() {
		n = 20_000
	}
	mutants(t, newJWE(t, "__Host-session", ""), n)
}

// J13 for every single change of one character: no two tokens that differ in one
// place both open.
func TestJ13_EveryCharacter(t *testing.T) {
	ring, codec := keyring.Generate(), newJWE(t, "s", "")
	for n := range 4 {
		token := seal(t, codec, ring, make([]byte, n))
		for i := range token {
			for c := range 256 {
				changed := token[:i] + string([]byte{byte(c)}) + token[i+1:]
				if _, err := codec.Open(ring, changed); err == nil && changed != token {
					t.Fatalf("accepted with %#x at %d", c, i)
				}
			}
		}
	}
}
