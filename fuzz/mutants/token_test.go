package mutants_test

import (
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	gojose "github.com/go-jose/go-jose/v4"

	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/fuzz/internal/fixed"
	"github.com/hardtack-go/hardtack/internal/jwe"
)

// parts cuts a token of ours at its four dots without allocating.
func parts(token string) (p [5]string) {
	n := len(token)
	return [5]string{token[:60], "", token[62:78], token[79 : n-23], token[n-22:]}
}

func join(dst []byte, p [5]string) []byte {
	for i, s := range p {
		if i > 0 {
			dst = append(dst, '.')
		}
		dst = append(dst, s...)
	}
	return dst
}

var b64 = base64.RawURLEncoding

// headers are protected headers that are almost ours, encoded. The tag is right
// for none of them.
func headers() []string {
	var list []string
	for _, kid := range []string{fixed.Kid(0), fixed.Kid(1), fixed.Kid(2)} {
		for _, text := range []string{
			`{"alg":"dir","enc":"A256GCM","kid":"%s"}`, // right, but that of another key
			`{"alg":"none","enc":"A256GCM","kid":"%s"}`, `{"alg":"A256KW","enc":"A256GCM","kid":"%s"}`, `{"alg":"DIR","enc":"A256GCM","kid":"%s"}`,
			`{"alg":"dir","enc":"A128GCM","kid":"%s"}`, `{"alg":"dir","enc":"A128CBC-HS256","kid":"%s"}`, `{"alg":"dir","enc":"a256gcm","kid":"%s"}`,
			`{"enc":"A256GCM","alg":"dir","kid":"%s"}`, `{"alg":"dir","kid":"%s","enc":"A256GCM"}`, `{"kid":"%s","alg":"dir","enc":"A256GCM"}`,
			`{"alg":"dir","enc":"A256GCM","kid":"%s","zip":"DEF"}`, `{"alg":"dir","enc":"A256GCM","kid":"%s","crit":["kid"]}`, `{"alg":"dir","enc":"A256GCM","kid":"%s","typ":"JWT"}`,
			`{"alg":"dir","enc":"A256GCM","kid":"%s","jku":"https://evil.example"}`, `{"alg":"dir","enc":"A256GCM","kid":"%s","jwk":{}}`, `{"alg":"dir","enc":"A256GCM","kid":"%s","p2c":1000000000}`,
			`{"alg":"none","alg":"dir","enc":"A256GCM","kid":"%s"}`, `{"Alg":"dir","enc":"A256GCM","kid":"%s"}`, `{"alg":"dir","enc":"A256GCM","KID":"%s"}`, `{"alg":"dir","enc":"A256GCM","kid":"%s","kid":"x"}`,
			`{ "alg":"dir","enc":"A256GCM","kid":"%s"}`, `{"alg":"dir","enc":"A256GCM","kid":"%s"} `, `{"alg":"dir","enc":"A256GCM","kid":"%s"}{}`, `{"alg":"d\u0069r","enc":"A256GCM","kid":"%s"}`, `{"alg":["dir"],"enc":"A256GCM","kid":"%s"}`,
			`{"alg":"dir","enc":"A256GCM","kid":"%.6s"}`, `{"alg":"dir","enc":"A256GCM","kid":"%sA"}`, `{"alg":"dir","enc":"A256GCM","kid":"../%.4s"}`, `{"alg":"dir","enc":"A256GCM","kid":""}%.0s`, `{"alg":"dir","enc":"A256GCM"}%.0s`, `{}%.0s`,
		} {
			list = append(list, b64.EncodeToString(fmt.Appendf(nil, text, kid)))
		}
	}
	return list
}

// tokenFamilies are the changes for tokens; the general ones come first.
func tokenFamilies() []family {
	heads := headers()
	return append(generalFamilies(),
		family{"segments", func(r *rand.Rand, dst []byte, s, other string) []byte {
			p, q := parts(s), parts(other)
			i, j := r.IntN(5), r.IntN(5)
			switch r.IntN(5) {
			case 0: // exchanged
				p[i], p[j] = p[j], p[i]
			case 1: // taken from another token
				p[i] = q[i]
			case 2: // and put elsewhere
				p[i] = q[j]
			case 3: // one too many
				p[i] += "." + q[j]
			default: // one too few
				dst = join(dst, p)
				at := strings.LastIndexByte(s[:len(s)-r.IntN(len(s)-60)], '.')
				return append(dst[:at], dst[at+1:]...)
			}
			return join(dst, p)
		}},
		family{"dots", func(r *rand.Rand, dst []byte, s, _ string) []byte {
			p := parts(s)
			i := r.IntN(4)
			if r.IntN(2) == 0 { // from the end of one segment to the front of the next
				n := r.IntN(len(p[i]) + 1)
				p[i], p[i+1] = p[i][:n], p[i][n:]+p[i+1]
			} else {
				n := r.IntN(len(p[i+1]) + 1)
				p[i], p[i+1] = p[i]+p[i+1][:n], p[i+1][n:]
			}
			return join(dst, p)
		}},
		family{"header", func(r *rand.Rand, dst []byte, s, _ string) []byte {
			p := parts(s)
			if r.IntN(4) == 0 { // bytes of the header, encoded as they should be
				raw, _ := b64.DecodeString(p[0])
				raw[r.IntN(len(raw))] ^= 1 << r.IntN(7)
				p[0] = b64.EncodeToString(raw)
			} else {
				p[0] = heads[r.IntN(len(heads))]
			}
			return join(dst, p)
		}},
		family{"key", func(r *rand.Rand, dst []byte, s, other string) []byte {
			p, q := parts(s), parts(other)
			p[1] = q[r.IntN(5)]
			if p[1] == "" {
				p[1] = [...]string{"A", "AA", "AAAA", "=", "\n", "e30"}[r.IntN(6)]
			}
			return join(dst, p)
		}},
		family{"unused bits", func(r *rand.Rand, dst []byte, s, _ string) []byte {
			i := [...]int{3, 4, 4}[r.IntN(3)] // 60 and 16 characters have none
			for k, p := range parts(s) {
				if k > 0 {
					dst = append(dst, '.')
				}
				dst = append(dst, p...)
				if k == i {
					dst = unused(r, dst, [...]int{0, 6, 4, 2}[len(p)%4])
					if r.IntN(3) == 0 {
						dst = append(dst, "=="[:1+r.IntN(2)]...)
					}
				}
			}
			return dst
		}},
		family{"bytes", func(r *rand.Rand, dst []byte, s, _ string) []byte {
			// Canonical in every character: only the tag can tell.
			p := parts(s)
			i := 2 + r.IntN(3)
			raw, _ := b64.DecodeString(p[i])
			if len(raw) == 0 {
				raw = []byte{byte(r.Uint32())}
			} else {
				raw[r.IntN(len(raw))] ^= byte(1 + r.IntN(255))
			}
			p[i] = b64.EncodeToString(raw)
			return join(dst, p)
		}},
		family{"lengths", func(r *rand.Rand, dst []byte, s, _ string) []byte {
			// Whole bytes added or taken away: other IV and tag lengths among them.
			p := parts(s)
			i := 2 + r.IntN(3)
			raw, _ := b64.DecodeString(p[i])
			if n := r.IntN(17); r.IntN(2) == 0 && len(raw) > 0 {
				raw = raw[:max(0, len(raw)-n)]
			} else {
				raw = append(raw, make([]byte, n+1)...)
			}
			p[i] = b64.EncodeToString(raw)
			return join(dst, p)
		}},
	)
}

// tokenHunt is over tokens of many lengths, under both keys of a ring.
func tokenHunt(t testing.TB, open func(value string) error) *hunt {
	t.Helper()
	h := &hunt{families: tokenFamilies(), open: open, twice: 4}
	ring := fixed.Ring(t, 0, 1)
	for n := range 40 {
		for i, key := range ring.Keys() {
			h.sealed = append(h.sealed, fixed.Token(t, key, fmt.Sprint("mutants ", n, i), make([]byte, n*7)))
		}
	}
	for i, key := range ring.Keys() {
		name := fmt.Sprint("session ", i)
		session := fixed.Session(name, key)
		h.sealed = append(h.sealed, fixed.Token(t, key, name, session.Append(nil)))
	}
	for _, s := range h.sealed {
		if err := open(s); err != nil {
			t.Fatalf("what was sealed does not open: %v", err)
		}
	}
	return h
}

// J13: five million altered tokens, of which none opens and none panics.
func TestJ13_FiveMillionTokenMutants(t *testing.T) {
	ring := fixed.Ring(t, 0, 1)
	codec, err := cookie.JWE(fixed.CookieName, fixed.Audience)
	if err != nil {
		t.Fatal(err)
	}
	tokenHunt(t, func(value string) error {
		_, err := codec.Open(ring, value)
		return err
	}).none(t, cookie.ReasonForeign, cookie.ReasonUnknownKey, cookie.ReasonMalformed, cookie.ReasonBadTag)
}

// The same mutants find what is wrong where something is wrong: go-jose alone,
// which is not strict about spelling, and our own parser under a cipher that
// checks no tag.
func TestJ13_TokenMutantsCanFind(t *testing.T) {
	ring := fixed.Ring(t, 0, 1)
	t.Run("lenient spelling", func(t *testing.T) {
		tokenHunt(t, func(value string) error {
			object, err := gojose.ParseEncryptedCompact(value, []gojose.KeyAlgorithm{gojose.DIRECT}, []gojose.ContentEncryption{gojose.A256GCM})
			if err != nil {
				return err
			}
			key, ok := ring.Key(object.Header.KeyID)
			if !ok {
				return cookie.ReasonUnknownKey.Err()
			}
			_, err = object.Decrypt(key.Derive(cookie.SealLabel(fixed.CookieName, fixed.Audience)))
			return err
		}).finds(t, 40_000, "key", "CR/LF", "unused bits", "dots")
	})
	t.Run("no tag", func(t *testing.T) {
		tokenHunt(t, func(value string) error {
			kid, ok := jwe.Kid(value)
			if _, known := ring.Key(string(kid[:jwe.KidLen])); !ok || !known {
				return cookie.ReasonForeign.Err()
			}
			if _, fault := jwe.Open(nil, &fixed.Transparent{}, value); fault != jwe.OK {
				return cookie.ReasonMalformed.Err()
			}
			return nil
		}).finds(t, 40_000, "bit", "bits", "splice", "header", "bytes", "segments", "case")
	})
}
