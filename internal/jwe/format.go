// Package jwe implements the session token at the byte level: RFC 7516 compact JWE
// with alg=dir and enc=A256GCM, in the one spelling that Hardtack writes and accepts.
//
// A token is five base64url segments joined by dots:
//
//	header . (empty) . IV . ciphertext . tag
//
// The header is exactly {"alg":"dir","enc":"A256GCM","kid":"XXXXXXX"}: 45 bytes or
// 60 characters, of which the first 48 never change. So the header is compared
// rather than parsed. Only its last 12 characters carry information: which key it
// is. Every other spelling of the same header is refused, and so is every other
// base64 spelling of the same bytes. This makes tokens non-malleable: nobody can
// change a character of a token and keep it valid, so a cache can use
// the string as its key.
//
// The package knows nothing about keyrings or cookies. Each fast function stands
// next to a plain one (Plain…) that does the same with the standard library alone.
// Fuzz tests prove them equal.
//
// docs/FORMAT.md describes the same format for readers in other languages.
package jwe

import (
	"bytes"
	"encoding/binary"
	"strings"

	"github.com/hardtack-go/hardtack/internal/base64url"
)

const (
	// Prefix is the base64url form of {"alg":"dir","enc":"A256GCM","kid":" as it
	// begins every token. These are 36 bytes, a multiple of three, so the characters
	// don't depend on what follows.
	Prefix = "eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2R0NNIiwia2lkIjoi"

	// KidLen is the length of a key id: 5 random bytes in base64url.
	KidLen = 7

	// HeaderLen is the length of the header segment: the 48 characters of Prefix
	// and 12 more for the key id and the closing "}.
	HeaderLen = 60

	// IVLen is the length of the IV: 96 bits. RFC 7518 section 5.3 allows nothing
	// else for A256GCM.
	IVLen = 12

	// TagLen is the length of the tag: 128 bits, by RFC 7518 section 5.3 again.
	// CVE-2023-37464 and CVE-2025-47275 got in by shorter tags, so the length is
	// never read from the token.
	TagLen = 16

	// Overhead is the length of a token for an empty plaintext: 60 characters of
	// header, 16 of IV, 22 of tag, and 4 dots.
	Overhead = HeaderLen + ivChars + tagChars + 4

	// MaxToken is the length of the longest token we look at. Browsers don't keep
	// a cookie whose name and value are longer (RFC 6265bis section 5.6), so a
	// longer value isn't ours. The length is checked before anything else.
	MaxToken = 4096

	// MaxOpen is the size of the buffer it takes to open any token: IV,
	// ciphertext and tag.
	MaxOpen = IVLen + (MaxToken-Overhead)*3/4 + TagLen

	ivChars  = 16
	tagChars = 22

	ivStart = HeaderLen + 2         // header, dot, empty key segment, dot
	ctStart = ivStart + ivChars + 1 // IV, dot
	ctTail  = 1 + tagChars          // dot, tag
)

// A Fault says why a token was refused. The zero value means that it wasn't.
type Fault uint8

const (
	// OK means that there is no fault.
	OK Fault = iota
	// Foreign means that this isn't a token of our format at all. It may belong
	// to another program, so nobody should delete it.
	Foreign
	// Malformed means that the header is ours but the rest isn't: wrong segments,
	// wrong lengths, or base64 that isn't canonical.
	Malformed
	// BadTag means that the token has the right shape but the authentication tag
	// doesn't match. It was altered, or sealed under another key, name or
	// audience.
	BadTag
)

// Size returns the length in characters of the token for n bytes of plaintext:
// exactly 102 + ⌈4n/3⌉.
func Size(n int) int { return Overhead + (n*4+2)/3 }

// AppendHeader appends the header segment for a key id. The id must have KidLen
// characters. All ids in a keyring do.
func AppendHeader(dst []byte, kid string) []byte {
	var tail [KidLen + 2]byte
	copy(tail[:], kid)
	tail[KidLen], tail[KidLen+1] = '"', '}'
	dst = append(dst, Prefix...)
	n := len(dst)
	dst = append(dst, "            "...) // 12 characters, filled in below
	base64url.Encode(dst[n:], tail[:])
	return dst
}

// Kid returns the key id of a token whose header has the canonical form, and
// false for everything else. It only looks at the length and the first 60
// characters, and neither allocates nor does any cryptography. Refusing a value
// that isn't ours therefore costs next to nothing.
//
// The id is in the first KidLen bytes. With an eighth byte, which is zero, it is copied
// as one word.
//
// The header is public, so comparing it in variable time leaks nothing.
func Kid(token string) (kid [KidLen + 1]byte, ok bool) {
	if len(token) < HeaderLen || len(token) > MaxToken || token[:len(Prefix)] != Prefix {
		return kid, false
	}
	// The next 12 characters are the 9 bytes XXXXXXX"} with no bits left over.
	t := token[len(Prefix):HeaderLen]
	a := base64url.Three(t[0], t[1], t[2], t[3])
	b := base64url.Three(t[4], t[5], t[6], t[7])
	c := base64url.Three(t[8], t[9], t[10], t[11])
	// Every id in a keyring is the canonical form of 5 bytes, so it can be decoded
	// once more, as if an A followed. Otherwise a header like "kid":"a\"b\"cd",
	// which we never write, would pass for ours, with a key we don't have.
	x := base64url.Three(byte(a>>16), byte(a>>8), byte(a), byte(b>>16))
	y := base64url.Three(byte(b>>8), byte(b), byte(c>>16), 'A')
	if a|b|x|y > 0xffffff || c&^0xff0000 != '"'<<8|'}' || y&0xff != 0 {
		return kid, false
	}
	binary.BigEndian.PutUint64(kid[:], uint64(a)<<40|uint64(b)<<16|uint64(c)>>16<<8)
	return kid, true
}

// PlainKid is the plain twin of Kid. It decodes the header, compares it with what
// it must be, and decodes the key id.
func PlainKid(token string) (kid [KidLen + 1]byte, ok bool) {
	header, _, _ := strings.Cut(token, ".")
	if len(token) > MaxToken || len(header) < HeaderLen {
		return kid, false
	}
	text, ok := base64url.PlainDecode(header[:HeaderLen])
	if !ok {
		return kid, false
	}
	id, ok := bytes.CutPrefix(text, []byte(`{"alg":"dir","enc":"A256GCM","kid":"`))
	id, ok2 := bytes.CutSuffix(id, []byte(`"}`))
	five, ok3 := base64url.PlainDecode(string(id))
	if !ok || !ok2 || !ok3 || len(five) != 5 {
		return kid, false
	}
	copy(kid[:], id)
	return kid, true
}
