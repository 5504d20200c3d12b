package jwe

import (
	"encoding/base64"
	"encoding/binary"
)

// The base64url alphabet without padding, RFC 4648 section 5, as RFC 7515
// section 2 demands it for JOSE.
const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

// decodedLen is the number of bytes in n characters of base64url.
func decodedLen(n int) int { return n * 6 / 8 }

// decode fills dst with what src says and reports whether src is the canonical
// base64url form of something: our alphabet, no padding, no line breaks, and the
// unused bits of the last character zero. (Without that last rule the same bytes
// have up to 16 spellings.)
//
// dst must hold decodedLen(len(src)) bytes. If it is longer, up to two bytes
// behind the decoded ones are overwritten: it works in words of eight.
//
// It exists because encoding/base64 decodes from a byte slice, and copying the
// string first costs an allocation, and because this is most of the time that is
// not AES. PlainDecode is its twin.
func decode(dst []byte, src string) bool {
	var seen uint32
	for len(src) >= 8 && len(dst) >= 8 {
		x := place0[src[0]] | place1[src[1]] | place2[src[2]] | place3[src[3]]
		y := place0[src[4]] | place1[src[5]] | place2[src[6]] | place3[src[7]]
		seen |= x | y
		binary.BigEndian.PutUint64(dst, uint64(x)<<40|uint64(y)<<16)
		src, dst = src[8:], dst[6:]
	}
	for len(src) >= 4 {
		x := place0[src[0]] | place1[src[1]] | place2[src[2]] | place3[src[3]]
		seen |= x
		dst[0], dst[1], dst[2] = byte(x>>16), byte(x>>8), byte(x)
		src, dst = src[4:], dst[3:]
	}
	switch len(src) {
	case 1: // 6 bits are no byte
		return false
	case 2:
		x := place0[src[0]] | place1[src[1]]
		seen |= x
		if x&0xf000 != 0 { // 4 bits are left over
			return false
		}
		dst[0] = byte(x >> 16)
	case 3:
		x := place0[src[0]] | place1[src[1]] | place2[src[2]]
		seen |= x
		if x&0xc0 != 0 { // 2 bits are left over
			return false
		}
		dst[0], dst[1] = byte(x>>16), byte(x>>8)
	}
	return seen < bad
}

// PlainDecode is the plain twin of decode.
func PlainDecode(src string) ([]byte, bool) {
	for i := 0; i < len(src); i++ {
		if src[i] == '\r' || src[i] == '\n' { // encoding/base64 skips them even when strict
			return nil, false
		}
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(src)
	return b, err == nil
}

// encode writes the base64url form of src to dst, which must have exactly the
// length for it. It works from front to back and reads each group of bytes before
// it writes the group's characters, so dst and src may overlap where Seal proves
// that no byte is overwritten before its turn.
//
// encoding/base64 promises nothing about overlap. It is the twin in PlainSeal.
func encode(dst, src []byte) {
	for len(src) >= 8 && len(dst) >= 8 {
		v := binary.BigEndian.Uint64(src) // 6 of the 8 bytes are used
		binary.LittleEndian.PutUint64(dst, uint64(alphabet[v>>58])|uint64(alphabet[v>>52&63])<<8|
			uint64(alphabet[v>>46&63])<<16|uint64(alphabet[v>>40&63])<<24|
			uint64(alphabet[v>>34&63])<<32|uint64(alphabet[v>>28&63])<<40|
			uint64(alphabet[v>>22&63])<<48|uint64(alphabet[v>>16&63])<<56)
		src, dst = src[6:], dst[8:]
	}
	for len(src) >= 3 {
		v := uint32(src[0])<<16 | uint32(src[1])<<8 | uint32(src[2])
		dst[0], dst[1], dst[2], dst[3] = alphabet[v>>18&63], alphabet[v>>12&63], alphabet[v>>6&63], alphabet[v&63]
		src, dst = src[3:], dst[4:]
	}
	switch len(src) {
	case 1:
		v := src[0]
		dst[0], dst[1] = alphabet[v>>2], alphabet[v<<4&63]
	case 2:
		v := uint32(src[0])<<8 | uint32(src[1])
		dst[0], dst[1], dst[2] = alphabet[v>>10&63], alphabet[v>>4&63], alphabet[v<<2&63]
	}
}
