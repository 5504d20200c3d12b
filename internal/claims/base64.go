package claims

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

// decodeStamp decodes the 43 characters of a stamp. It does in one pass what
// encoding/base64 does with the strict decoder, which also skips line breaks.
func decodeStamp(dst *[32]byte, s []byte) bool {
	if len(s) != stpLen || !canonical(s, 0x03) {
		return false
	}
	for i := range 10 {
		q := s[4*i : 4*i+4 : 4*i+4]
		v := uint32(values[q[0]])<<18 | uint32(values[q[1]])<<12 | uint32(values[q[2]])<<6 | uint32(values[q[3]])
		dst[3*i], dst[3*i+1], dst[3*i+2] = byte(v>>16), byte(v>>8), byte(v)
	}
	v := uint32(values[s[40]])<<12 | uint32(values[s[41]])<<6 | uint32(values[s[42]])
	dst[30], dst[31] = byte(v>>10), byte(v>>2)
	return true
}
