package ticket_test

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/hardtack-go/hardtack/internal/vectors"
)

// The generator of testdata/vectors. It uses the second writer in writer_test.go, so
// the vectors are no echo of the code they test. Keys, IVs and times are fixed or
// hashes of their names.
//
//	go test ./ticket -run Vectors -update
//
// writes the files; without -update the test compares them.

// vectorFile is one file. Files stand alone: each has the keys it needs.
type vectorFile struct {
	Format  string        `json:"format"`
	About   string        `json:"about"`
	Ring    []vectors.Key `json:"ring"`
	Vectors []vector      `json:"vectors"`
}

// vector is one ticket, opened once. Every refused one has exactly one fault.
type vector struct {
	ID       string `json:"id"`
	Comment  string `json:"comment"`
	Purpose  string `json:"purpose"`
	Audience string `json:"audience"`
	Life     int64  `json:"life"` // as configured now, in seconds
	Now      int64  `json:"now"`
	// Bound is what the fields are now. Null: opened without. An empty list: there are
	// none any more.
	Bound     *[]string       `json:"bound"`
	Token     string          `json:"token"`
	Result    string          `json:"result"` // "accepted", "unbound" (a mistake of the program), or a reason
	Value     json.RawMessage `json:"value,omitempty"`
	Plaintext string          `json:"plaintext_hex"` // what was sealed, also where the ticket is refused; empty where nothing was
}

// rootKey is the n-th key of the vectors. 0 and 1 are in the ring, 2 is not.
func rootKey(n int) vectors.Key {
	return vectors.Key{
		Kid:     [...]string{"aK0-_z4", "bK1AAAA", "cK2__-8"}[n],
		Root:    hex.EncodeToString(hash(fmt.Sprint("hardtack ticket vector root key ", n))),
		Created: 1700000000000 - int64(n)*86400000,
	}
}

const (
	vecNow  = 1700000000
	vecLife = 3600
)

// plan says how a ticket is sealed. The zero value of each field means the usual.
type plan struct {
	key               int
	purpose, audience string
	label             string // the purpose of the label
	plaintext         string // if it isn't the one spelling
	iat, exp          int64
	bound             []string
	d                 string
}

func (p plan) build() (token, plaintext string) {
	if p.purpose == "" {
		p.purpose = "reset"
	}
	if p.label == "" {
		p.label = "ticket"
	}
	if p.iat == 0 {
		p.iat = vecNow
	}
	if p.exp == 0 {
		p.exp = p.iat + vecLife
	}
	if p.d == "" {
		p.d = `"42"`
	}
	if p.plaintext == "" {
		bnd := ""
		if p.bound != nil {
			bnd = bndOf(p.bound...)
		}
		p.plaintext = claimsText(p.iat, p.exp, bnd, p.d)
	}
	k := rootKey(p.key)
	root, _ := hex.DecodeString(k.Root)
	return sealUnder(derive(root, p.label, p.audience, p.purpose), k.Kid, p.plaintext), p.plaintext
}

type maker struct {
	t    testing.TB
	file vectorFile
	seen map[string]bool
}

// add seals p and opens it as v says.
func (m *maker) add(id, comment, result string, p plan, v vector) {
	token, plaintext := p.build()
	if v.Token == "" {
		v.Token, v.Plaintext = token, hex.EncodeToString([]byte(plaintext))
	}
	v.ID, v.Comment, v.Result = id, comment, result
	if m.seen[id] {
		m.t.Fatalf("vector id %s twice", id)
	}
	m.seen[id] = true
	if v.Purpose == "" {
		v.Purpose = "reset"
	}
	if v.Life == 0 {
		v.Life = vecLife
	}
	if v.Now == 0 {
		v.Now = vecNow
	}
	if result == "accepted" {
		v.Value = json.RawMessage(`"42"`)
		if p.d != "" {
			v.Value = json.RawMessage(p.d)
		}
	}
	m.file.Vectors = append(m.file.Vectors, v)
}

func list(fields ...string) *[]string {
	if fields == nil {
		fields = []string{}
	}
	return &fields
}

func acceptedTickets(m *maker) {
	for i, d := range []string{`"42"`, `""`, `0`, `-1.5e3`, `true`, `null`, `[]`, `{}`, `{"user":"42","to":"ada@example.org"}`, `{"d":{"iat":1,"exp":2}}`, `"}"`, `"\"}"`, `"größe \u2028"`, `[1,2,{"a":null}]`} {
		m.add(fmt.Sprint("accepted-value-", i), "any JSON is a value", "accepted", plan{d: d}, vector{})
	}
	m.add("accepted-fallback", "sealed under the second key of the ring", "accepted", plan{key: 1}, vector{})
	m.add("accepted-audience", "an audience", "accepted", plan{audience: "https://app.example"}, vector{Audience: "https://app.example"})
	m.add("accepted-purpose", "every character of a purpose", "accepted", plan{purpose: "abcdefghijklmnopqrstuvwxyz0123456789./-"}, vector{Purpose: "abcdefghijklmnopqrstuvwxyz0123456789./-"})
	m.add("accepted-purpose-64", "the longest purpose", "accepted", plan{purpose: strings.Repeat("p", 64)}, vector{Purpose: strings.Repeat("p", 64)})
	long := strings.Repeat("x", 2953)
	m.add("accepted-4096", "4,096 characters, the longest ticket", "accepted", plan{d: `"` + long + `"`}, vector{})
}

func timeTickets(m *maker) {
	for _, c := range []struct {
		id, comment, result string
		p                   plan
		now, life           int64
	}{
		{"leeway", "sealed 60 s from now: clocks differ", "accepted", plan{}, vecNow - 60, 0},
		{"future", "sealed 61 s from now", "future", plan{}, vecNow - 61, 0},
		{"future-far", "sealed in the year 9999", "future", plan{iat: 253402300799, exp: 253402300799}, vecNow, 0},
		{"future-and-expired", "future comes before expired", "future", plan{exp: vecNow - 100}, vecNow - 61, 0},
		{"last-second", "the last second", "accepted", plan{}, vecNow + 3599, 0},
		{"expired", "over at exp", "expired", plan{}, vecNow + 3600, 0},
		{"expired-no-leeway", "no leeway at this end", "expired", plan{}, vecNow + 3630, 0},
		{"shorter-good", "sealed for a day, an hour is configured now", "accepted", plan{exp: vecNow + 86400}, vecNow + 3599, 0},
		{"shorter-over", "sealed for a day, an hour is configured now", "expired", plan{exp: vecNow + 86400}, vecNow + 3600, 0},
		{"longer-good", "sealed for an hour, a day is configured now", "accepted", plan{}, vecNow + 3599, 86400},
		{"longer-over", "sealed for an hour, a day is configured now", "expired", plan{}, vecNow + 3600, 86400},
		{"longest", "the last second of 30 days", "accepted", plan{exp: vecNow + 2592000}, vecNow + 2591999, 2592000},
		{"exp-before-iat", "exp before iat", "expired", plan{exp: 1}, vecNow, 0},
		{"exp-largest", "the largest exp", "accepted", plan{exp: 253402300799}, vecNow, 0},
	} {
		m.add("time-"+c.id, c.comment, c.result, c.p, vector{Now: c.now, Life: c.life})
	}
}

func boundTickets(m *maker) {
	two := plan{bound: []string{"a", "bc"}}
	for _, c := range []struct {
		id, comment, result string
		p                   plan
		now                 *[]string
	}{
		{"one", "one field", "accepted", plan{bound: []string{"$argon2id$v=19$…"}}, list("$argon2id$v=19$…")},
		{"two", "two fields", "accepted", two, list("a", "bc")},
		{"empty-field", "an empty field is a field", "accepted", plan{bound: []string{""}}, list("")},
		{"bytes", "fields are bytes, not characters", "accepted", plan{bound: []string{"é", "e\u0301"}}, list("é", "e\u0301")},
		{"changed", "one field has changed", "stamp-mismatch", two, list("a", "bd")},
		{"case", "in case", "stamp-mismatch", two, list("A", "bc")},
		{"order", "in order", "stamp-mismatch", two, list("bc", "a")},
		{"moved", "a character moved to the other field", "stamp-mismatch", two, list("ab", "c")},
		{"joined", "one field instead of two", "stamp-mismatch", two, list("abc")},
		{"fewer", "a field is missing", "stamp-mismatch", two, list("a")},
		{"more", "an empty field more", "stamp-mismatch", two, list("a", "bc", "")},
		{"normalized", "another normal form of the same text", "stamp-mismatch", plan{bound: []string{"é"}}, list("e\u0301")},
		{"nobody", "the user is gone", "stamp-mismatch", two, list()},
		{"nobody-bound-to-nothing", "no writer of ours binds to nothing", "stamp-mismatch", plan{bound: []string{}}, list()},
		{"forgotten", "opened without fields", "unbound", two, nil},
		{"unasked", "sealed without fields, opened with", "unbound", plan{}, list("a")},
	} {
		m.add("bound-"+c.id, c.comment, c.result, c.p, vector{Bound: c.now})
	}
	m.add("bound-expired", "expired comes before the fields", "expired", two, vector{Bound: list("x"), Now: vecNow + vecLife})
	m.add("bound-expired-forgotten", "and before a mistake of the program", "expired", two, vector{Now: vecNow + vecLife})
}

func claimsTickets(m *maker) {
	text := claimsText(vecNow, vecNow+vecLife, "", `"42"`)
	bnd := bndOf("a")
	withBnd := claimsText(vecNow, vecNow+vecLife, bnd, `"42"`)
	edit := func(old, new string) string {
		s := strings.Replace(text, old, new, 1)
		if s == text {
			m.t.Fatalf("no %s in %s", old, text)
		}
		return s
	}
	for _, c := range [][3]string{
		{"space", "white space alone", " "},
		{"null", "null", "null"},
		{"object", "an empty object", "{}"},
		{"array", "in an array", "[" + text + "]"},
		{"space-before", "white space before", " " + text},
		{"newline-after", "white space after", text + "\n"},
		{"space-name", "white space after a name", edit(`"iat":`, `"iat": `)},
		{"space-member", "white space between members", edit(`,"exp"`, `, "exp"`)},
		{"space-value", "white space before the value", edit(`"d":`, `"d": `)},
		{"space-end", "white space after the value", edit(`"}`, `" }`)},
		{"case", "a name in another case", edit(`"iat"`, `"IAT"`)},
		{"escape", "a name with an escape", edit(`"iat"`, `"\u0069at"`)},
		{"order", "another order", fmt.Sprintf(`{"exp":%d,"iat":%d,"d":"42"}`, vecNow+vecLife, vecNow)},
		{"twice-iat", "iat twice", edit(`,"exp"`, `,"iat":1700000000,"exp"`)},
		{"twice-d", "d twice", edit(`"42"}`, `"42","d":"43"}`)},
		{"unknown-before", "an unknown member before the value", edit(`,"d"`, `,"x":1,"d"`)},
		{"unknown-after", "an unknown member after the value", edit(`"42"}`, `"42","x":1}`)},
		{"no-iat", "no iat", edit(`"iat":1700000000,`, ``)},
		{"no-exp", "no exp", edit(`,"exp":1700003600`, ``)},
		{"no-d", "no value", edit(`,"d":"42"`, ``)},
		{"empty-d", "an empty value", edit(`"42"`, ``)},
		{"bad-d", "a value that is no JSON", edit(`"42"`, `42x`)},
		{"two-values", "two values", edit(`"42"`, `"42""43"`)},
		{"text", "something after the object", text + "x"},
		{"zero", "a time of zero", edit(`1700000000`, `0`)},
		{"leading-zero", "a leading zero", edit(`1700000000`, `01700000000`)},
		{"plus", "a sign", edit(`1700000000`, `+1700000000`)},
		{"minus", "a negative time", edit(`1700000000`, `-1`)},
		{"float", "a fraction", edit(`1700000000`, `1700000000.0`)},
		{"exponent", "an exponent", edit(`1700000000`, `17e8`)},
		{"string", "a time in quotes", edit(`1700000000`, `"1700000000"`)},
		{"too-late", "a second after the year 9999", edit(`1700003600`, `253402300800`)},
		{"overflow", "more than 64 bits", edit(`1700003600`, `18446744073711251616`)},
		{"bnd-null", "bnd is null", edit(`,"d"`, `,"bnd":null,"d"`)},
		{"bnd-empty", "bnd is empty", edit(`,"d"`, `,"bnd":"","d"`)},
		{"bnd-short", "a character too few", strings.Replace(withBnd, bnd, bnd[1:], 1)},
		{"bnd-long", "a character too many", strings.Replace(withBnd, bnd, bnd+"A", 1)},
		{"bnd-padding", "with padding", strings.Replace(withBnd, bnd, bnd+"==", 1)},
		{"bnd-bits", "an unused bit is set", strings.Replace(withBnd, bnd, bnd[:21]+string(bnd[21]+1), 1)},
		{"bnd-alphabet", "the other alphabet", strings.Replace(withBnd, bnd, "+"+bnd[1:], 1)},
		{"bnd-before", "bnd before exp", fmt.Sprintf(`{"iat":%d,"bnd":"%s","exp":%d,"d":"42"}`, vecNow, bnd, vecNow+vecLife)},
	} {
		m.add("claims-"+c[0], c[1], "malformed", plan{plaintext: c[2]}, vector{})
	}
}

func placeTickets(m *maker) {
	refuse := func(id, comment string, p plan, v vector) { m.add("place-"+id, comment, "bad-tag", p, v) }
	refuse("purpose", "of another purpose", plan{purpose: "confirm"}, vector{})
	refuse("purpose-longer", "of a purpose that begins alike", plan{purpose: "reset/mail"}, vector{})
	refuse("audience", "of another audience", plan{audience: "shop"}, vector{Audience: "blog"})
	refuse("audience-none", "of an audience, opened without", plan{audience: "shop"}, vector{})
	refuse("audience-some", "without an audience, opened with", plan{}, vector{Audience: "shop"})
	refuse("moved", "a character moved from the purpose to the audience", plan{purpose: "rese", audience: "t"}, vector{Purpose: "reset"})
	refuse("cookie", "the claims of a ticket, sealed as a cookie of that name", plan{label: "seal"}, vector{})
	refuse("nonce", "sealed under the subkey for IVs", plan{label: "ticket-nonce"}, vector{})
	refuse("exchanged", "purpose and audience exchanged", plan{purpose: "shop", audience: "reset"}, vector{Purpose: "reset", Audience: "shop"})
	m.add("place-unknown-key", "of a key that isn't in the ring", "unknown-key", plan{key: 2}, vector{})
}

func tokenTickets(m *maker) {
	token, plaintext := plan{}.build()
	raw := func(id, comment, result, token string) {
		m.add("token-"+id, comment, result, plan{}, vector{Token: token, Plaintext: hex.EncodeToString([]byte(plaintext))})
	}
	n := len(token)
	raw("bit-iv", "a bit of the IV", "bad-tag", token[:62]+string(flip(token[62]))+token[63:])
	raw("bit-ciphertext", "a bit of the ciphertext", "bad-tag", token[:79]+string(flip(token[79]))+token[80:])
	raw("bit-tag", "a bit of the tag", "bad-tag", token[:n-22]+string(flip(token[n-22]))+token[n-21:])
	raw("unused-bit", "an unused bit of the tag", "malformed", token[:n-1]+string(unused(token[n-1])))
	raw("padding", "padding", "malformed", token+"=")
	raw("newline", "a line break", "malformed", token[:100]+"\n"+token[101:])
	raw("short-tag", "a tag of 12 bytes", "malformed", token[:n-6])
	raw("key-segment", "an encrypted key", "malformed", token[:61]+"AA"+token[61:])
	raw("other-kid", "the kid of another key in the ring", "bad-tag", strings.Split(sealUnder(make([]byte, 32), rootKey(1).Kid, ""), "..")[0]+token[60:])
	m.add("token-dot", "a dot", "foreign", plan{}, vector{Token: "."})
	m.add("token-jwt", "a signed JWT", "foreign", plan{}, vector{Token: "eyJhbGciOiJIUzI1NiJ9.eyJpYXQiOjE3MDAwMDAwMDB9.6nKvGdvYJXvSnq1i3yqeR6oYgOQyrJsl9PZQMwKzQjM"})
	m.add("token-none", "alg none", "foreign", plan{}, vector{Token: "eyJhbGciOiJub25lIn0.eyJpYXQiOjE3MDAwMDAwMDB9."})
	m.add("token-text", "no token", "foreign", plan{}, vector{Token: "42"})
	m.add("token-4097", "4,097 characters", "foreign", plan{}, vector{Token: token + strings.Repeat("A", 4097-n)})
	m.add("token-long", "5,060 characters", "foreign", plan{}, vector{Token: token[:60] + strings.Repeat(".", 5000)})
}

const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

// flip changes the highest bit of a character of base64url.
func flip(c byte) byte { return alphabet[strings.IndexByte(alphabet, c)^32] }

// unused changes the lowest bit.
func unused(c byte) byte { return alphabet[strings.IndexByte(alphabet, c)^1] }

// makeVectors returns the files by name.
func makeVectors(t testing.TB) map[string][]byte {
	files := map[string][]byte{}
	seen := map[string]bool{}
	for _, f := range []struct {
		name, about string
		fill        func(*maker)
	}{
		{"accepted", "Tickets that open, with their values.", acceptedTickets},
		{"time", "Judged at a time, under a life. The rest is right.", timeTickets},
		{"bound", "Bound to fields, or opened with some.", boundTickets},
		{"claims", "Authentic tickets whose claims aren't in the one spelling.", claimsTickets},
		{"place", "Sealed for another purpose or audience, as a cookie, or under another key.", placeTickets},
		{"token", "Altered, or no ticket at all. The vectors of sessions (cookie/testdata/vectors) have many more of these.", tokenTickets},
	} {
		m := &maker{t: t, seen: seen}
		m.file = vectorFile{Format: "hardtack ticket, vectors version 1", About: f.about, Ring: []vectors.Key{rootKey(0), rootKey(1)}}
		f.fill(m)
		files[f.name+".json"] = vectors.Encode(t, m.file)
	}
	return files
}
