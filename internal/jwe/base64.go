package jwe

import (
	"encoding/base64"
	"encoding/binary"
)

// The base64url alphabet without padding, RFC 4648 section 5, as RFC 7515
// section 2 demands it for JOSE.
const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

// xx marks a character outside the alphabet. Its high bits survive when the
// values of several characters are OR-ed, so that one test serves them all.
const xx = 0xff

// decodeTable maps a character to its 6 bits, or to xx. Ciphertext is public:
// looking it up in a table leaks nothing.
var decodeTable = [256]byte{
	xx, xx, xx, xx, xx, xx, xx, xx, xx, xx, xx, xx, xx, xx, xx, xx,
	xx, xx, xx, xx, xx, xx, xx, xx, xx, xx, xx, xx, xx, xx, xx, xx,
	xx, xx, xx, xx, xx, xx, xx, xx, xx, xx, xx, xx, xx, 62, xx, xx, // -
	52, 53, 54, 55, 56, 57, 58, 59, 60, 61, xx, xx, xx, xx, xx, xx, // 0-9
	xx, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, // A-O
	15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, xx, xx, xx, xx, 63, // P-Z _
	xx, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, // a-o
	41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, xx, xx, xx, xx, xx, // p-z
	xx, xx, xx, xx, xx, xx, xx, xx, xx, xx, xx, xx, xx, xx, xx, xx,
	xx, xx, xx, xx, xx, xx, xx, xx, xx, xx, xx, xx, xx, xx, xx, xx,
	xx, xx, xx, xx, xx, xx, xx, xx, xx, xx, xx, xx, xx, xx, xx, xx,
	xx, xx, xx, xx, xx, xx, xx, xx, xx, xx, xx, xx, xx, xx, xx, xx,
	xx, xx, xx, xx, xx, xx, xx, xx, xx, xx, xx, xx, xx, xx, xx, xx,
	xx, xx, xx, xx, xx, xx, xx, xx, xx, xx, xx, xx, xx, xx, xx, xx,
	xx, xx, xx, xx, xx, xx, xx, xx, xx, xx, xx, xx, xx, xx, xx, xx,
	xx, xx, xx, xx, xx, xx, xx, xx, xx, xx, xx, xx, xx, xx, xx, xx,
}

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
	var bad byte
	for len(src) >= 8 && len(dst) >= 8 {
		a, b, c, d := decodeTable[src[0]], decodeTable[src[1]], decodeTable[src[2]], decodeTable[src[3]]
		e, f, g, h := decodeTable[src[4]], decodeTable[src[5]], decodeTable[src[6]], decodeTable[src[7]]
		bad |= a | b | c | d | e | f | g | h
		binary.BigEndian.PutUint64(dst, uint64(a)<<58|uint64(b)<<52|uint64(c)<<46|uint64(d)<<40|
			uint64(e)<<34|uint64(f)<<28|uint64(g)<<22|uint64(h)<<16)
		src, dst = src[8:], dst[6:]
	}
	for len(src) >= 4 {
		a, b, c, d := decodeTable[src[0]], decodeTable[src[1]], decodeTable[src[2]], decodeTable[src[3]]
		bad |= a | b | c | d
		dst[0], dst[1], dst[2] = a<<2|b>>4, b<<4|c>>2, c<<6|d
		src, dst = src[4:], dst[3:]
	}
	switch len(src) {
	case 1: // 6 bits are no byte
		return false
	case 2:
		a, b := decodeTable[src[0]], decodeTable[src[1]]
		bad |= a | b
		if b&0x0f != 0 {
			return false
		}
		dst[0] = a<<2 | b>>4
	case 3:
		a, b, c := decodeTable[src[0]], decodeTable[src[1]], decodeTable[src[2]]
		bad |= a | b | c
		if c&0x03 != 0 {
			return false
		}
		dst[0], dst[1] = a<<2|b>>4, b<<4|c>>2
	}
	return bad < 64
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

// encode writes the base64url form of src to dst, which must have exactly
// (len(src)*8+5)/6 bytes. Each group is read before it is written, front to
// back, so dst and src may overlap as long as dst starts before src by enough
// that no group is overwritten before its turn; see Seal.
func encode(dst, src []byte) {
	for len(src) >= 3 && len(dst) >= 4 {
		v := uint32(src[0])<<16 | uint32(src[1])<<8 | uint32(src[2])
		dst[0], dst[1] = alphabet[v>>18&63], alphabet[v>>12&63]
		dst[2], dst[3] = alphabet[v>>6&63], alphabet[v&63]
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
