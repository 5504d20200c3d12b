package claims

import "encoding/binary"

// xx marks a character outside the alphabet. Its high bits survive when values
// are OR-ed together, so one test serves many characters.
const xx = 0xff

// values maps a base64url character (RFC 4648 section 5) to its 6 bits.
var values = [256]byte{
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

// canonical reports whether all of s is base64url and the unused bits of its
// last character, given as a mask, are zero. Without that last rule one session
// id would have 16 spellings.
func canonical(s []byte, unused byte) bool {
	var bad byte
	for _, c := range s {
		bad |= values[c]
	}
	return bad < 64 && values[s[len(s)-1]]&unused == 0
}

// decodeStamp decodes the 43 characters of a stamp: strict base64url, in words
// of eight characters. encoding/base64 would skip line breaks even when strict.
func decodeStamp(dst *[32]byte, s []byte) bool {
	if len(s) != stpLen {
		return false
	}
	var out [36]byte // room for the last word, which is half empty
	var bad byte
	for i := 0; i < 5; i++ {
		q := s[8*i : 8*i+8 : 8*i+8]
		a, b, c, d := values[q[0]], values[q[1]], values[q[2]], values[q[3]]
		e, f, g, h := values[q[4]], values[q[5]], values[q[6]], values[q[7]]
		bad |= a | b | c | d | e | f | g | h
		binary.BigEndian.PutUint64(out[6*i:], uint64(a)<<58|uint64(b)<<52|uint64(c)<<46|uint64(d)<<40|
			uint64(e)<<34|uint64(f)<<28|uint64(g)<<22|uint64(h)<<16)
	}
	a, b, c := values[s[40]], values[s[41]], values[s[42]]
	bad |= a | b | c
	out[30], out[31] = a<<2|b>>4, b<<4|c>>2
	*dst = [32]byte(out[:32])
	return bad < 64 && c&0x03 == 0
}
