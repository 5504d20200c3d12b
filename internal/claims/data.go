package claims

import "unicode/utf8"

// A Member is one value of the user's data: its name and its raw JSON.
type Member struct {
	Name string
	Raw  []byte
}

// Size returns how many bytes m takes in the object, including the comma after it.
func (m Member) Size() int { return len(m.Name) + len(m.Raw) + len(`"":,`) }

// Members appends the members of d to dst and reports whether d is well formed.
// Names consist of the characters that ValidName allows and are in strictly
// ascending order, so none comes twice. There is no space between names, values and
// punctuation. Every value is valid JSON in valid UTF-8. An empty d has no members.
// Members refuses an empty object, since it would be a second way to write nothing.
func Members(dst []Member, d []byte) ([]Member, bool) {
	if len(d) == 0 {
		return dst, true
	}
	if len(d) < len(`{"a":1}`) || d[0] != '{' || !utf8.Valid(d) {
		return dst, false
	}
	last := ""
	for i := 1; ; i++ {
		start := i + 1
		for i = start; i < len(d) && inName(d[i]); i++ {
		}
		if d[start-1] != '"' || len(d)-i < len(`":1}`) || d[i] != '"' || d[i+1] != ':' {
			return dst, false
		}
		name := text(d[start:i])
		if len(name) > MaxName || name <= last { // last is empty at first, so name can't be
			return dst, false
		}
		last = name
		start = i + 2
		if i = skip(d, start); i < 0 || i >= len(d) {
			return dst, false
		}
		dst = append(dst, Member{name, d[start:i:i]})
		switch d[i] {
		case ',':
			if i+2 >= len(d) {
				return dst, false
			}
		case '}':
			return dst, i == len(d)-1
		default:
			return dst, false
		}
	}
}

// AppendData appends ms to dst as an object. They must be sorted by name.
func AppendData(dst []byte, ms []Member) []byte {
	for i, m := range ms {
		c := byte(',')
		if i == 0 {
			c = '{'
		}
		dst = append(dst, c, '"')
		dst = append(dst, m.Name...)
		dst = append(dst, '"', ':')
		dst = append(dst, m.Raw...)
	}
	if len(ms) == 0 {
		return dst
	}
	return append(dst, '}')
}

// ValidName reports whether s can name a value: 1 to MaxName of the characters
// A-Z a-z 0-9 _ . : / -, none of which JSON would escape.
func ValidName(s string) bool {
	if s == "" || len(s) > MaxName {
		return false
	}
	for i := 0; i < len(s); i++ {
		if !inName(s[i]) {
			return false
		}
	}
	return true
}

func inName(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '-' <= c && c <= ':' || c == '_'
}

// ValidValue reports whether Members will accept b as a value: JSON without space
// around it, in valid UTF-8, at most MaxDepth levels deep.
func ValidValue(b []byte) bool {
	return len(b) > 0 && skip(b, 0) == len(b) && utf8.Valid(b)
}
