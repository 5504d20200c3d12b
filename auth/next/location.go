package next

import "strings"

// Location returns to as the value of a Location header. It percent-encodes all bytes
// that aren't printable ASCII, as a browser would. That includes spaces, and line
// breaks, which would start another header.
func Location(to string) string {
	return encode(to, func(c byte) bool { return c > 0x20 && c < 0x7f })
}

// encode percent-encodes the bytes of s that aren't plain.
func encode(s string, plain func(byte) bool) string {
	i := 0
	for i < len(s) && plain(s[i]) {
		i++
	}
	if i == len(s) {
		return s
	}
	var b strings.Builder
	b.Grow(len(s) + 16)
	b.WriteString(s[:i])
	for ; i < len(s); i++ {
		if plain(s[i]) {
			b.WriteByte(s[i])
		} else {
			percent(&b, s[i])
		}
	}
	return b.String()
}

func percent(b *strings.Builder, c byte) {
	const digits = "0123456789ABCDEF"
	b.WriteByte('%')
	b.WriteByte(digits[c>>4])
	b.WriteByte(digits[c&15])
}
