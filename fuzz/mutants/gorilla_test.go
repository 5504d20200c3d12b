package mutants_test

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/gorilla/securecookie"

	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/cookie/gorilla"
	"github.com/hardtack-go/hardtack/fuzz/internal/fixed"
	"github.com/hardtack-go/hardtack/keyring"
)

// gorillaFamilies are the changes for cookies of securecookie; the general ones
// come first. Those behind work on what the outer base64 holds, date|payload|MAC.
func gorillaFamilies() []family {
	raw := func(dst []byte, s string) []byte { // dst is empty
		dst, _ = base64.URLEncoding.AppendDecode(dst, []byte(s))
		return dst
	}
	encode := func(b []byte) []byte { return base64.URLEncoding.AppendEncode(nil, b) }
	const date = 10
	return append(generalFamilies(),
		family{"unused bits", func(r *rand.Rand, dst []byte, s, _ string) []byte {
			body := bytes.TrimRight([]byte(s), "=")
			pad := len(s) - len(body)
			dst = unused(r, append(dst, body...), 2*pad)
			if r.IntN(3) == 0 { // another padding
				return append(dst, "==="[:r.IntN(4)]...)
			}
			return append(dst, "=="[:pad]...)
		}},
		family{"date", func(r *rand.Rand, dst []byte, s, _ string) []byte {
			b := raw(dst, s)
			switch r.IntN(4) {
			case 0:
				b[r.IntN(date)] = '0' + byte(r.IntN(10))
			case 1:
				b = append([]byte("+0 -"[r.IntN(4):][:1]), b...)
			case 2:
				b = b[1:]
			default:
				b = append([]byte(fmt.Sprint(r.Uint64())), b[date:]...)
			}
			return append(dst[:0:0], encode(b)...)
		}},
		family{"separators", func(r *rand.Rand, dst []byte, s, _ string) []byte {
			b := raw(dst, s)
			i, j := r.IntN(2)*(len(b)-33-date)+date, r.IntN(len(b)) // one of the two, and any place
			b[i], b[j] = b[j], b[i]
			if r.IntN(2) == 0 {
				b[r.IntN(len(b))] = '|'
			}
			return append(dst[:0:0], encode(b)...)
		}},
		family{"payload", func(r *rand.Rand, dst []byte, s, _ string) []byte {
			b := raw(dst, s)
			at := date + 1 + r.IntN(len(b)-date-1-33)
			if r.IntN(4) == 0 {
				b = append(b[:at], append([]byte("\n=A"[r.IntN(3):][:1]), b[at:]...)...)
			} else {
				b[at] ^= byte(1 + r.IntN(255))
			}
			return append(dst[:0:0], encode(b)...)
		}},
		family{"MAC", func(r *rand.Rand, dst []byte, s, other string) []byte {
			b := raw(dst, s)
			switch r.IntN(4) {
			case 0: // of another value
				o := raw(nil, other)
				b = append(b[:len(b)-32], o[len(o)-32:]...)
			case 1: // shorter
				b = b[:len(b)-1-r.IntN(32)]
			case 2: // longer
				b = append(b, make([]byte, 1+r.IntN(32))...)
			default:
				b[len(b)-1-r.IntN(32)] ^= byte(1 + r.IntN(255))
			}
			return append(dst[:0:0], encode(b)...)
		}},
		family{"graft", func(r *rand.Rand, dst []byte, s, other string) []byte {
			// The date of one value before the payload of another, and the like.
			b, o := raw(dst, s), raw(nil, other)
			p, q := bytes.SplitN(b[:len(b)-33], []byte("|"), 2), bytes.SplitN(o[:len(o)-33], []byte("|"), 2)
			m := [][]byte{b[len(b)-32:], o[len(o)-32:]}[r.IntN(2)]
			out := bytes.Join([][]byte{p[0], q[1], m}, []byte("|"))
			if r.IntN(2) == 0 {
				out = bytes.Join([][]byte{q[0], p[1], m}, []byte("|"))
			}
			return append(dst[:0:0], encode(out)...)
		}},
	)
}

const gorillaName = "my-session"

// gorillaKeys are the keys that the codec derives from a key of the ring.
func gorillaKeys(key keyring.Key) (hash, block []byte) {
	label := func(purpose string) keyring.Label {
		return keyring.Label{Purpose: purpose, Audience: fixed.Audience, Name: gorillaName}
	}
	return key.Derive(label("gorilla-hash")), key.Derive(label("gorilla-block"))
}

// gorillaHunt is over values of many lengths and dates.
func gorillaHunt(t testing.TB, open func(value string) error) *hunt {
	t.Helper()
	h := &hunt{families: gorillaFamilies(), open: open, twice: 4}
	hash, _ := gorillaKeys(fixed.Ring(t, 0).Primary())
	for n := range 40 {
		framed := base64.URLEncoding.AppendEncode(nil, bytes.Repeat([]byte{byte(n)}, 17+n*3))
		signed := fmt.Appendf(nil, "%d|%s", 1_700_000_000+n*977, framed)
		sum := fixed.MAC(hash, []byte(gorillaName+"|"), signed)
		h.sealed = append(h.sealed, base64.URLEncoding.EncodeToString(append(append(signed, '|'), sum...)))
	}
	for _, s := range h.sealed {
		if err := open(s); err != nil {
			t.Fatalf("what was sealed does not open: %v", err)
		}
	}
	return h
}

// J13 for the gorilla codec: the canonical check before securecookie leaves each
// value one spelling.
func TestJ13_FiveMillionGorillaMutants(t *testing.T) {
	ring := fixed.Ring(t, 0)
	codec, err := gorilla.SecureCookie(gorillaName, fixed.Audience)
	if err != nil {
		t.Fatal(err)
	}
	gorillaHunt(t, func(value string) error {
		_, err := codec.Open(ring, value)
		return err
	}).none(t, cookie.ReasonForeign, cookie.ReasonUnknownKey)
}

// The same mutants get through securecookie alone, which takes several spellings
// of one value.
func TestJ13_GorillaMutantsCanFind(t *testing.T) {
	alone := securecookie.New(gorillaKeys(fixed.Ring(t, 0).Primary())).
		MaxAge(0).SetSerializer(securecookie.NopEncoder{})
	gorillaHunt(t, func(value string) error {
		var plaintext []byte
		return alone.Decode(gorillaName, value, &plaintext)
	}).finds(t, 40_000, "CR/LF", "unused bits")
}
