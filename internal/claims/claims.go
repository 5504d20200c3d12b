package claims

import (
	"encoding/binary"
	"strconv"
	"unicode"
	"unicode/utf8"
	"unsafe"

	"github.com/hardtack-go/hardtack/internal/base64url"
)

// Claims is a session as the token stores it. Times are in Unix seconds, and 0
// means absent. The zero value isn't a session.
//
// After Parse the strings and D alias the parsed bytes, which must not change
// until Own has copied them. Verifying a session therefore copies nothing.
type Claims struct {
	Iat      int64    // created
	AuthTime int64    // logged in; absent for an anonymous session
	Exp      int64    // absolute end, fixed at login
	Rnw      int64    // last renewal, the start of the idle time
	End      int64    // an earlier end for this session alone
	Sub      string   // user id
	D        []byte   // the user's data, a raw JSON object, or nil if there is none
	Stp      [32]byte // the stamp; it counts only if Stk is set
	SID      SID      // session id
	Stk      Kid      // the key that made the stamp; the zero Kid means no stamp
	Per      bool     // persistent ("remember me")
}

// A SID is a session id: 128 bits as 22 base64url characters. The zero SID is none.
// SID and Kid are arrays so that a session holds them without further memory.
type SID [sidLen]byte

// String returns the characters, or "" for the zero SID.
func (s SID) String() string {
	if s == (SID{}) {
		return ""
	}
	return string(s[:])
}

// A Kid is the id of a key: 7 base64url characters and a zero byte, so that Kids
// compare as one word. The zero Kid is none.
type Kid [kidLen + 1]byte

// KidOf returns s as a Kid, or the zero Kid if s doesn't have 7 characters. It
// doesn't look at them; see ValidKid.
func KidOf(s string) Kid {
	var k Kid
	if len(s) == kidLen {
		// In one store, because k is compared as one word.
		low := uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24
		binary.LittleEndian.PutUint64(k[:], low|uint64(s[4])<<32|uint64(s[5])<<40|uint64(s[6])<<48)
	}
	return k
}

// String returns the characters, or "" for the zero Kid.
func (k Kid) String() string {
	if k == (Kid{}) {
		return ""
	}
	return string(k[:kidLen])
}

// Parse parses b. For anything but the one spelling described in the package
// documentation it returns false and leaves c zero. It checks the braces of D but
// not what is between them. Members checks that when a value is first used, so a
// request that only asks who the user is doesn't pay for it.
func (c *Claims) Parse(b []byte) bool {
	*c = Claims{}
	if !c.parse(b) {
		*c = Claims{}
		return false
	}
	return true
}

// Own copies everything that c aliases into space if there is enough capacity, or
// into newly allocated memory otherwise. The bytes passed to Parse can then be
// reused.
func (c *Claims) Own(space []byte) {
	sub := len(c.Sub)
	if n := sub + len(c.D); n > cap(space) {
		space = make([]byte, 0, n)
	}
	b := append(append(space[:0], c.Sub...), c.D...)
	c.Sub = text(b[:sub])
	if c.D != nil {
		c.D = b[sub:len(b):len(b)]
	}
}

func (c *Claims) parse(b []byte) bool {
	r := reader{b: b}
	if !c.usual(&r) && !c.head(&r) {
		return false
	}
	c.Per = r.has(`,"per":true`)
	if r.has(`,"end":`) {
		c.End = r.time(true)
	}
	if r.has(`,"sub":"`) {
		c.Sub = r.sub()
	}
	if r.has(`,"stk":"`) {
		r.stamp(&c.Stk, &c.Stp)
	}
	if r.bad || (c.Sub == "") != (c.AuthTime == 0) || c.Stk != (Kid{}) && c.Sub == "" {
		return false
	}
	rest := b[r.i:]
	if len(rest) == 1 {
		return rest[0] == '}'
	}
	// The shortest data is {"a":1}. The text ends with its last brace and that of
	// the envelope. Members checks what is in between.
	const head = `,"d":`
	n := len(rest) - 1
	if n < len(head)+len(`{"a":1}`) || string(rest[:len(head)]) != head || rest[n] != '}' {
		return false
	}
	d := rest[len(head):n:n]
	if d[0] != '{' || d[1] != '"' || d[len(d)-1] != '}' {
		return false
	}
	c.D = d
	return true
}

// head reads the members that are always there, and auth_time.
func (c *Claims) head(r *reader) bool {
	if !r.has(`{"sid":"`) {
		return false
	}
	if s := r.chars(sidLen); s != nil {
		c.SID = SID(s)
	}
	c.Iat = r.time(r.has(`","iat":`))
	if r.has(`,"auth_time":`) {
		c.AuthTime = r.time(true)
	}
	c.Exp = r.time(r.has(`,"exp":`))
	c.Rnw = r.time(r.has(`,"rnw":`))
	return !r.bad
}

// usual is head for the usual case: somebody is logged in, and every time has ten
// digits (2001 to 2286). Then everything has a fixed place, and the processor can
// start on the next number before it knows where the last one ends. If usual
// returns false, it has changed nothing. head is its plain twin.
func (c *Claims) usual(r *reader) bool {
	const (
		sid  = len(`{"sid":"`)
		iat  = sid + sidLen + len(`","iat":`)
		auth = iat + 10 + len(`,"auth_time":`)
		exp  = auth + 10 + len(`,"exp":`)
		rnw  = exp + 10 + len(`,"rnw":`)
		end  = rnw + 10
	)
	if len(r.b) <= end || r.b[end] != ',' { // not another digit
		return false
	}
	b := r.b[:end]
	if string(b[:sid]) != `{"sid":"` || string(b[sid+sidLen:iat]) != `","iat":` || string(b[iat+10:auth]) != `,"auth_time":` ||
		string(b[auth+10:exp]) != `,"exp":` || string(b[exp+10:rnw]) != `,"rnw":` || !base64url.Canonical(text(b[sid:sid+sidLen])) {
		return false
	}
	vIat, ok1 := tenDigits((*[10]byte)(b[iat:]))
	vAuth, ok2 := tenDigits((*[10]byte)(b[auth:]))
	vExp, ok3 := tenDigits((*[10]byte)(b[exp:]))
	vRnw, ok4 := tenDigits((*[10]byte)(b[rnw:]))
	if !ok1 || !ok2 || !ok3 || !ok4 {
		return false
	}
	c.SID, c.Iat, c.AuthTime, c.Exp, c.Rnw = SID(b[sid:]), vIat, vAuth, vExp, vRnw
	r.i = end
	return true
}

// reader walks over b once. After a fault bad stays set, and the results of later
// calls no longer matter.
type reader struct {
	b   []byte
	i   int
	bad bool
}

// has consumes s if that is what comes next.
func (r *reader) has(s string) bool {
	if len(r.b)-r.i < len(s) || string(r.b[r.i:r.i+len(s)]) != s {
		return false
	}
	r.i += len(s)
	return true
}

// chars reads n characters of base64url, nil if that is not what comes next.
func (r *reader) chars(n int) []byte {
	if len(r.b)-r.i < n || !base64url.Canonical(text(r.b[r.i:r.i+n])) {
		r.bad = true
		return nil
	}
	s := r.b[r.i : r.i+n]
	r.i += n
	return s
}

// time reads a time. named says whether the name before it was there, as it must be.
func (r *reader) time(named bool) int64 {
	v, n := decimal(r.b[r.i:])
	r.i += n
	r.bad = r.bad || n == 0 || !named
	return v
}

// decimal reads a positive decimal number without leading zeros, at most MaxTime,
// from the start of b. It returns the value and its length, which is 0 if there is
// no such number. It refuses zero: in memory zero stands for an absent claim, so a
// written zero would be a second spelling.
func decimal(b []byte) (v int64, n int) {
	for n < len(b) && n < 13 && b[n]-'0' <= 9 {
		v = v*10 + int64(b[n]-'0')
		n++
	}
	if n == 0 || b[0] == '0' || v > MaxTime {
		return 0, 0
	}
	return v, n
}

// tenDigits reads a decimal number of ten digits, the first of them not zero. It
// reads eight of them as one word. Its plain twin is decimal.
func tenDigits(b *[10]byte) (int64, bool) {
	x := binary.LittleEndian.Uint64(b[:])
	tens, ones := b[8]-'0', b[9]-'0'
	const high, six, threes = 0xf0f0f0f0f0f0f0f0, 0x0606060606060606, 0x3333333333333333
	if x&high|(x+six)&high>>4 != threes || tens > 9 || ones > 9 || b[0] == '0' {
		return 0, false
	}
	// Join neighbours into two digits, then four, then eight, all at the same time.
	x &= 0x0f0f0f0f0f0f0f0f
	x = (x*10 + x>>8) & 0x00ff00ff00ff00ff
	x = (x*100 + x>>16) & 0x0000ffff0000ffff
	x = (x*10000 + x>>32) & 0x00000000ffffffff
	return int64(x)*100 + int64(tens)*10 + int64(ones), true
}

// sub reads the user id up to and including the closing quote. The id is UTF-8
// without control characters. The only escapes are \" and \\, because nothing else
// needs one.
func (r *reader) sub() string {
	start, escaped, ascii := r.i, false, true
	end := min(len(r.b), start+MaxSub+1)
	i := start
	for i < end && inID(r.b[i]) { // most ids need nothing else
		i++
	}
	for ; i < end && r.b[i] != '"'; i++ {
		switch c := r.b[i]; {
		case c == '\\':
			escaped = true
			i++
			if i == len(r.b) || r.b[i] != '"' && r.b[i] != '\\' {
				r.bad = true
				return ""
			}
		case c < ' ' || c == 0x7f:
			r.bad = true
			return ""
		case c >= utf8.RuneSelf:
			ascii = false
		}
	}
	if i == start || i >= end || !ascii && !plain(text(r.b[start:i])) {
		r.bad = true
		return ""
	}
	r.i = i + 1
	if escaped {
		return unescape(r.b[start:i])
	}
	return text(r.b[start:i])
}

// inID reports whether c needs no second look: it is ASCII, and not a quote,
// backslash or control character.
func inID(c byte) bool { return c >= '#' && c <= '~' && c != '\\' }

// stamp reads a stamp from behind the name of its key up to and including the closing
// quote.
func (r *reader) stamp(kid *Kid, sum *[32]byte) {
	const (
		start = kidLen + len(`","stp":"`)
		end   = start + stpLen
	)
	b := r.b[r.i:]
	if len(b) <= end || b[end] != '"' || string(b[kidLen:start]) != `","stp":"` ||
		!base64url.Canonical(text(b[:kidLen])) || !base64url.Decode(sum[:], text(b[start:end])) {
		r.bad = true
		return
	}
	r.i += end + 1
	// In one store, because a Kid is read as one word.
	binary.LittleEndian.PutUint64(kid[:], binary.LittleEndian.Uint64(b)<<8>>8)
}

func unescape(raw []byte) string {
	out := make([]byte, 0, len(raw))
	for i := 0; i < len(raw); i++ {
		if raw[i] == '\\' {
			i++
		}
		out = append(out, raw[i])
	}
	return string(out)
}

// plain reports whether s is valid UTF-8 without control characters. An id doesn't
// need those, but log injection does.
func plain(s string) bool {
	for _, r := range s {
		if unicode.IsControl(r) {
			return false
		}
	}
	return utf8.ValidString(s)
}

// text returns b as a string without copying it. Nothing writes to b again; see
// Claims.
func text(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// ValidSub reports whether s can be a user id: 1 to MaxSub bytes of valid UTF-8
// without control characters, where quotes and backslashes count twice.
func ValidSub(s string) bool {
	n := SubLen(s)
	return n > 0 && n <= MaxSub && plain(s)
}

// SubLen returns the length of a user id as written.
func SubLen(s string) int {
	n := len(s)
	for i := 0; i < len(s); i++ {
		if s[i] == '"' || s[i] == '\\' {
			n++
		}
	}
	return n
}

// ValidKid reports whether s can be the kid of a stamp.
func ValidKid(s string) bool {
	return len(s) == kidLen && base64url.Canonical(s)
}

// Append appends c in its one spelling to dst. It trusts c, and also writes values
// that Parse would refuse.
func (c *Claims) Append(dst []byte) []byte {
	dst = append(dst, `{"sid":"`...)
	if c.SID != (SID{}) { // a session is shown without its id
		dst = append(dst, c.SID[:]...)
	}
	dst = number(dst, `","iat":`, c.Iat)
	if c.AuthTime != 0 {
		dst = number(dst, `,"auth_time":`, c.AuthTime)
	}
	dst = number(dst, `,"exp":`, c.Exp)
	dst = number(dst, `,"rnw":`, c.Rnw)
	if c.Per {
		dst = append(dst, `,"per":true`...)
	}
	if c.End != 0 {
		dst = number(dst, `,"end":`, c.End)
	}
	if c.Sub != "" {
		dst = appendUser(append(dst, ','), c.Sub, c.Stk, &c.Stp)
	}
	if len(c.D) > 0 {
		dst = append(dst, `,"d":`...)
		dst = append(dst, c.D...)
	}
	return append(dst, '}')
}

// appendUser appends sub, and stk and stp if there is a stamp.
func appendUser(dst []byte, sub string, stk Kid, stp *[32]byte) []byte {
	dst = append(dst, `"sub":"`...)
	for i := 0; i < len(sub); i++ {
		if sub[i] == '"' || sub[i] == '\\' {
			dst = append(dst, '\\')
		}
		dst = append(dst, sub[i])
	}
	dst = append(dst, '"')
	if stk == (Kid{}) {
		return dst
	}
	dst = append(dst, `,"stk":"`...)
	dst = append(dst, stk[:kidLen]...)
	dst = append(dst, `","stp":"`...)
	dst = base64url.Append(dst, stp[:])
	return append(dst, '"')
}

func number(dst []byte, name string, v int64) []byte {
	return strconv.AppendInt(append(dst, name...), v, 10)
}
