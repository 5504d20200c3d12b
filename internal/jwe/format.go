// Package jwe is the byte level of the session token: RFC 7516 compact JWE with
// alg=dir and enc=A256GCM, in the one spelling that hardtack writes and accepts.
//
// A token is five base64url segments joined by dots:
//
//	header . (empty) . IV . ciphertext . tag
//
// The header is exactly {"alg":"dir","enc":"A256GCM","kid":"XXXXXXX"}: 45 bytes,
// 60 characters, of which the first 48 never change. So the header is compared
// and not parsed, and only the last 12 characters say anything: which key it is.
// Every other spelling of the same header, and every other spelling of the same
// bytes in base64, is refused. That is what makes a token non-malleable: nobody
// can change a character and keep it valid, so a denylist or a cache may use the
// string as its key.
//
// The package knows nothing about keyrings or cookies. The fast functions stand
// next to plain ones (Plain…) that do the same with the standard library alone;
// fuzz tests hold them equal.
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
	// Prefix is the base64url form of {"alg":"dir","enc":"A256GCM","kid":" which
	// is 36 bytes, a multiple of three, and therefore always these 48 characters.
	Prefix = "eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2R0NNIiwia2lkIjoi"

	// KidLen is the length of a key id: 5 random bytes in base64url.
	KidLen = 7

	// HeaderLen is the length of the header segment: the 48 characters of Prefix
	// and 12 more for the key id and the closing "}.
	HeaderLen = 60

	// IVLen is 96 bits: RFC 7518 section 5.3 allows nothing else for A256GCM.
	IVLen = 12

	// TagLen is 128 bits: RFC 7518 section 5.3 again. Shorter tags are the way in
	// of CVE-2023-37464 and CVE-2025-47275, so the length is never read from the
	// token.
	TagLen = 16

	// Overhead is what a token of an empty plaintext takes: 60 header, 16 IV,
	// 22 tag, and 4 dots.
	Overhead = HeaderLen + ivChars + tagChars + 4

	// MaxToken is the longest token that is looked at: a browser keeps no cookie
	// whose name and value are longer (RFC 6265bis section 5.6), so a longer
	// value is not ours. The cap comes before all other work.
	MaxToken = 4096

	// MaxOpen is the room that opening any token takes: IV, ciphertext, tag.
	MaxOpen = IVLen + (MaxToken-Overhead)*3/4 + TagLen

	ivChars  = 16
	tagChars = 22

	ivStart = HeaderLen + 2         // header, dot, empty key segment, dot
	ctStart = ivStart + ivChars + 1 // IV, dot
	ctTail  = 1 + tagChars          // dot, tag
)

// Fault says why a token was refused. The zero value means that it was not.
type Fault uint8

const (
	// OK is the absence of a fault.
	OK Fault = iota
	// Foreign: not a token of this format at all. It may belong to another
	// program, so nobody should delete it.
	Foreign
	// Malformed: our header, but not our shape behind it: wrong segments, wrong
	// lengths, or base64 that is not the canonical spelling.
	Malformed
	// BadTag: everything has the right shape and the authentication tag does not
	// match: altered, or sealed under another key, name or audience.
	BadTag
)

// Size is the length in characters of the token for n bytes of plaintext:
// exactly 102 + ⌈4n/3⌉.
func Size(n int) int { return Overhead + (n*4+2)/3 }

// AppendHeader appends the header segment for a key id. The id must be KidLen
// characters; the caller has it from a keyring, which knows no other.
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
// false for everything else. It looks at the length and at the first 60
// characters only, allocates nothing and does no cryptography, so that refusing
// what is not ours costs next to nothing.
//
// The header is public, so comparing it in variable time leaks nothing.
func Kid(token string) (kid [KidLen]byte, ok bool) {
	if len(token) < HeaderLen || len(token) > MaxToken || token[:len(Prefix)] != Prefix {
		return kid, false
	}
	// The 12 characters behind it are the 9 bytes XXXXXXX"} without bits to spare.
	t := token[len(Prefix):HeaderLen]
	a := base64url.Three(t[0], t[1], t[2], t[3])
	b := base64url.Three(t[4], t[5], t[6], t[7])
	c := base64url.Three(t[8], t[9], t[10], t[11])
	// The ids of a keyring are all the canonical form of 5 bytes, so they can be
	// read once more, as if an A followed. Without this a header like
	// "kid":"a\"b\"cd" would count as ours with a key we lack, though no one of us
	// ever writes it.
	x := base64url.Three(byte(a>>16), byte(a>>8), byte(a), byte(b>>16))
	y := base64url.Three(byte(b>>8), byte(b), byte(c>>16), 'A')
	if a|b|x|y > 0xffffff || c&^0xff0000 != '"'<<8|'}' || y&0xff != 0 {
		return kid, false
	}
	// One store of 8 bytes: the caller reads them as a word.
	var id [8]byte
	binary.BigEndian.PutUint64(id[:], uint64(a)<<40|uint64(b)<<16|uint64(c)>>8)
	return [KidLen]byte(id[:]), true
}

// PlainKid is the plain twin of Kid: decode the header, compare it with what it
// must be, decode the key id.
func PlainKid(token string) (kid [KidLen]byte, ok bool) {
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
	return [KidLen]byte(id), true
}
