package claims_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/hardtack-go/hardtack/internal/claims"
	"github.com/hardtack-go/hardtack/internal/race"
)

const (
	sid = "AAECAwQFBgcICQoLDA0ODw"
	stp = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"

	anonymous = `{"sid":"` + sid + `","iat":1700000000,"exp":1700043200,"rnw":1700000000}`
	full      = `{"sid":"` + sid + `","iat":1700000000,"auth_time":1700000001,"exp":1700043200,"rnw":1700000002,"per":true,"end":1700000300,"sub":"u\"1\\é","stk":"AAAAAAA","stp":"` + stp + `","d":{"a":1,"cart":[{"id":7}]}}`
)

func TestParse_Full(t *testing.T) {
	var c claims.Claims
	if !c.Parse([]byte(full)) {
		t.Fatal("refused")
	}
	if c.SID.String() != sid || c.Iat != 1700000000 || c.AuthTime != 1700000001 || c.Exp != 1700043200 ||
		c.Rnw != 1700000002 || !c.Per || c.End != 1700000300 || c.Sub != `u"1\é` || c.Stk.String() != "AAAAAAA" ||
		c.Stp[0] != 0 || c.Stp[31] != 31 || string(c.D) != `{"a":1,"cart":[{"id":7}]}` {
		t.Errorf("got %+v", c)
	}
	if got := string(c.Append(nil)); got != full {
		t.Errorf("written again: %s", got)
	}
	ms, ok := claims.Members(nil, c.D)
	if !ok || len(ms) != 2 || ms[0].Name != "a" || string(ms[1].Raw) != `[{"id":7}]` {
		t.Errorf("members: %v %v", ms, ok)
	}
	if got := string(claims.AppendData(nil, ms)); got != string(c.D) {
		t.Errorf("data written again: %s", got)
	}
}

// TestParse_Refuses has one fault per row. encoding/json reads most of them.
func TestParse_Refuses(t *testing.T) {
	swap := func(old, new string) string {
		if strings.Count(full, old) != 1 {
			t.Fatalf("%q is not in the text once", old)
		}
		return strings.Replace(full, old, new, 1)
	}
	rows := map[string]string{
		"empty":                       ``,
		"null":                        `null`,
		"empty object":                `{}`,
		"array":                       `[]`,
		"sid alone":                   `{"sid":"` + sid + `"}`,
		"no opening":                  strings.TrimPrefix(full, `{"sid":"`),
		"closing brace alone":         `}`,
		"end alone":                   `,"end":1}`,
		"leading space":               " " + full,
		"trailing space":              full + " ",
		"trailing newline":            full + "\n",
		"trailing data":               full + "{}",
		"space after colon":           swap(`"iat":`, `"iat": `),
		"space after comma":           swap(`,"iat"`, `, "iat"`),
		"upper case name":             swap(`"sub"`, `"SUB"`),
		"upper case sid":              swap(`"sid"`, `"Sid"`),
		"escaped name":                swap(`"sub"`, `"\u0073ub"`),
		"unknown member":              swap(`,"per":true`, `,"per":true,"x":1`),
		"unknown member at the end":   swap(`}]}}`, `}]},"x":1}`),
		"duplicate sub":               swap(`,"stk"`, `,"sub":"x","stk"`),
		"duplicate iat":               swap(`,"auth_time"`, `,"iat":1,"auth_time"`),
		"order":                       `{"iat":1700000000,"sid":"` + sid + `","exp":1700043200,"rnw":1700000000}`,
		"no iat":                      swap(`,"iat":1700000000`, ``),
		"no exp":                      swap(`,"exp":1700043200`, ``),
		"no rnw":                      swap(`,"rnw":1700000002`, ``),
		"sub without auth_time":       swap(`,"auth_time":1700000001`, ``),
		"auth_time without sub":       strings.Replace(anonymous, `,"exp"`, `,"auth_time":1,"exp"`, 1),
		"stamp without sub":           strings.Replace(anonymous, `0}`, `0,"stk":"AAAAAAA","stp":"`+stp+`"}`, 1),
		"stk without stp":             swap(`,"stp":"`+stp+`"`, ``),
		"stk runs into stp":           swap(`","stp":"`, ``),
		"stp by another name":         swap(`","stp":"`, `","STP":"`),
		"stp after a space":           swap(`","stp":"`, `", "stp":"`),
		"stp without stk":             swap(`,"stk":"AAAAAAA"`, ``),
		"empty sub":                   swap(`"u\"1\\é"`, `""`),
		"control character in sub":    swap(`u\"1`, "u\x01"),
		"DEL in sub":                  swap(`u\"1`, "u\x7f"),
		"DEL in a sub of ASCII":       swap(`u\"1\\é`, "u\x7f"),
		"control in a sub of ASCII":   swap(`u\"1\\é`, "u\x01"),
		"C1 control in sub":           swap(`u\"1`, "u\u0085"),
		"invalid UTF-8 in sub":        swap(`u\"1`, "u\xff"),
		"escape \\n in sub":           swap(`u\"1`, `u\n`),
		"escape \\/ in sub":           swap(`u\"1`, `u\/`),
		"escape \\u in sub":           swap(`u\"1`, `\u0041`),
		"sub of 256":                  swap(`u\"1\\é`, strings.Repeat("x", 256)),
		"sub without end":             full[:strings.Index(full, `\\é`)],
		"sub ends with a backslash":   full[:strings.Index(full, `\"1`)+1],
		"per false":                   swap(`true`, `false`),
		"per 1":                       swap(`"per":true`, `"per":1`),
		"sid of 21":                   swap(sid, sid[:21]),
		"sid of 23":                   swap(sid, sid+"A"),
		"sid with trailing bits":      swap(sid, sid[:21]+"x"),
		"sid of another alphabet":     swap(sid, "+"+sid[1:]),
		"sid with a line break":       swap(sid, "\n"+sid[1:]),
		"stk of 6":                    swap("AAAAAAA", "AAAAAA"),
		"stk with trailing bits":      swap("AAAAAAA", "AAAAAAB"),
		"stp of 42":                   swap(stp, stp[:42]),
		"stp of 44":                   swap(stp+`"`, stp+`A`),
		"stp with trailing bits":      swap(stp, stp[:42]+"9"),
		"stp with a line break":       swap(stp, stp[:20]+"\n"+stp[21:]),
		"leading zero":                swap(`"iat":1`, `"iat":01`),
		"zero":                        swap(`"end":1700000300`, `"end":0`),
		"negative":                    swap(`"end":`, `"end":-`),
		"plus":                        swap(`"end":`, `"end":+`),
		"fraction":                    swap(`1700000300`, `1700000300.0`),
		"exponent":                    swap(`1700000300`, `1e9`),
		"string for a number":         swap(`1700000300`, `"1700000300"`),
		"number missing":              swap(`1700000300`, ``),
		"beyond the year 9999":        swap(`1700000300`, `253402300800`),
		"beyond 64 bits":              swap(`1700000300`, `18446744075409551915`),
		"empty data":                  swap(`{"a":1,"cart":[{"id":7}]}`, `{}`),
		"data of braces and a quote":  swap(`{"a":1,"cart":[{"id":7}]}`, `{"}`),
		"data opens with a bracket":   swap(`{"a":1,"cart"`, `["a":1,"cart"`),
		"null data":                   swap(`{"a":1,"cart":[{"id":7}]}`, `null`),
		"array for data":              swap(`{"a":1,"cart":[{"id":7}]}`, `[1,2,3,4,5,6]`),
		"data without end":            full[:len(full)-1],
		"data with trailing space":    swap(`}]}}`, `}]} }`),
		"data with inner first space": swap(`{"a"`, `{ "a"`),
	}
	for name, text := range rows {
		c := claims.Claims{Sub: "left over"}
		if c.Parse([]byte(text)) {
			t.Errorf("%s: accepted %s", name, text)
		}
		if c.Sub != "" || c.SID != (claims.SID{}) {
			t.Errorf("%s: something was left: %+v", name, c)
		}
	}
	for i := range full {
		var c claims.Claims
		if c.Parse([]byte(full)[:i]) { // what was cut off is still behind it in memory
			t.Errorf("accepted, cut at %d", i)
		}
	}
}

func TestParse_Accepts(t *testing.T) {
	for name, text := range map[string]string{
		"anonymous":   anonymous,
		"sub of 255":  strings.Replace(full, `u\"1\\é`, strings.Repeat("x", 255), 1),
		"latest time": strings.Replace(full, `1700000300`, `253402300799`, 1),
		"no stamp":    strings.Replace(full, `,"stk":"AAAAAAA","stp":"`+stp+`"`, ``, 1),
		"no data":     strings.Replace(full, `,"d":{"a":1,"cart":[{"id":7}]}`, ``, 1),
	} {
		var c claims.Claims
		if !c.Parse([]byte(text)) {
			t.Errorf("%s: refused", name)
		} else if got := string(c.Append(nil)); got != text {
			t.Errorf("%s: written again as %s", name, got)
		}
	}
}

func TestMembers_Refuses(t *testing.T) {
	nested := func(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }
	for name, d := range map[string]string{
		"a brace":              `{`,
		"bracket for a brace":  `["a":1}`,
		"no quote at a name":   `{.a":1}`,
		"name without quote":   `{"a(:1}`,
		"name without colon":   `{"a";1}`,
		"name without end":     `{"aaaaaaaa`,
		"value at the end":     `{"a":123`,
		"two braces":           `{}`,
		"cut":                  `{"a":1`,
		"order":                `{"b":1,"a":1}`,
		"duplicate":            `{"a":1,"a":1}`,
		"empty name":           `{"":1}`,
		"name with a space":    `{"a b":1}`,
		"escaped name":         `{"\u0061":1}`,
		"name of 65":           `{"` + strings.Repeat("a", 65) + `":1}`,
		"space before a value": `{"a": 1}`,
		"space after a value":  `{"a":1 }`,
		"space after a comma":  `{"a":1, "b":2}`,
		"trailing comma":       `{"a":1,}`,
		"comma at the end":     `{"a":1,`,
		"no comma":             `{"a":1"b":2}`,
		"second object":        `{"a":1},"x":{"b":2}}`,
		"no value":             `{"a":}`,
		"bare word":            `{"a":nul}`,
		"65 levels":            `{"a":` + nested(65) + `}`,
		"invalid UTF-8":        `{"a":"` + "\xff" + `"}`,
		"raw control":          `{"a":"` + "\n" + `"}`,
	} {
		if _, ok := claims.Members(nil, []byte(d)); ok {
			t.Errorf("%s: accepted %s", name, d)
		}
	}
	for name, d := range map[string]string{
		"none":           ``,
		"64 levels":      `{"a":` + nested(64) + `}`,
		"64 objects":     `{"a":` + strings.Repeat(`{"x":`, 64) + "1" + strings.Repeat("}", 64) + `}`,
		"space inside":   `{"a":[ 1 , { "b" : 2 } , { } , [ ] ]}`,
		"all of a name":  `{"AZaz09_.:/-":null}`,
		"name of 64":     `{"` + strings.Repeat("a", 64) + `":true}`,
		"numbers":        `{"a":[0,-0,1.5,1e9,1E+9,-2.5e-3]}`,
		"escapes":        `{"a":"\"\\\/\b\f\n\r\t\u00e9é"}`,
		"prefix of name": `{"a":1,"a.b":2,"ab":3}`,
	} {
		if _, ok := claims.Members(nil, []byte(d)); !ok {
			t.Errorf("%s: refused %s", name, d)
		}
		for i := 1; i < len(d); i++ {
			if _, ok := claims.Members(nil, []byte(d)[:i]); ok { // what was cut off is still behind it in memory
				t.Errorf("%s: accepted, cut at %d", name, i)
			}
		}
	}
}

// TestMaxEnvelope: no session with an id of at most ReservedSub is longer than what
// ssestore reserves.
func TestMaxEnvelope(t *testing.T) {
	c := claims.Claims{SID: claims.SID([]byte(sid)), Iat: claims.MaxTime, AuthTime: claims.MaxTime, Exp: claims.MaxTime, Rnw: claims.MaxTime,
		End: claims.MaxTime, Per: true, Sub: strings.Repeat(`"`, 64), Stk: claims.KidOf("AAAAAAA"), D: []byte(`{}`)}
	if n := claims.SubLen(c.Sub); n != claims.ReservedSub {
		t.Errorf("64 quotes count as %d", n)
	}
	if n := len(c.Append(nil)); n != claims.MaxEnvelope {
		t.Errorf("the longest envelope has %d bytes, MaxEnvelope is %d", n, claims.MaxEnvelope)
	}
}

func TestValidSub(t *testing.T) {
	for s, want := range map[string]bool{
		"": false, "1": true, "é€🚢": true, "a\x00": false, "a\nb": false, "\u0085": false, "\xff": false, "a\xc3": false,
		strings.Repeat("x", 255): true, strings.Repeat("x", 256): false, "\ufffd": true,
		strings.Repeat(`\`, 127): true, strings.Repeat(`\`, 128): false, strings.Repeat(`"`, 128): false,
	} {
		if got := claims.ValidSub(s); got != want {
			t.Errorf("ValidSub(%q) = %v", s, got)
		}
		c := claims.Claims{SID: claims.SID([]byte(sid)), Iat: 1, AuthTime: 1, Exp: 1, Rnw: 1, Sub: s}
		var back claims.Claims
		if ok := back.Parse(c.Append(nil)); s != "" && ok != want {
			t.Errorf("Parse of sub %q = %v, ValidSub says %v", s, ok, want)
		}
	}
}

func TestSID_String(t *testing.T) {
	if s := (claims.SID{}).String(); s != "" {
		t.Errorf("no id reads %q", s)
	}
	if s := claims.SID([]byte(sid)).String(); s != sid {
		t.Errorf("%q reads %q", sid, s)
	}
}

func TestValidKid(t *testing.T) {
	for s, want := range map[string]bool{"": false, "AAAA": false, "AAAAAAA": true, "AAAAAAB": false, "AAAAAA=": false, "AAAAAAAA": false} {
		if got := claims.ValidKid(s); got != want {
			t.Errorf("ValidKid(%q) = %v", s, got)
		}
	}
}

func TestValidName(t *testing.T) {
	for s, want := range map[string]bool{
		"": false, "a": true, "AZaz09_.:/-": true, "a b": false, "é": false,
		strings.Repeat("a", 64): true, strings.Repeat("a", 65): false,
	} {
		if got := claims.ValidName(s); got != want {
			t.Errorf("ValidName(%q) = %v", s, got)
		}
	}
}

// TestAllocs: verifying a session copies nothing.
func TestAllocs(t *testing.T) {
	if race.Enabled {
		t.Skip("the race detector allocates")
	}
	text := []byte(strings.Replace(full, `u\"1\\é`, `user-1`, 1))
	var c claims.Claims
	if n := testing.AllocsPerRun(100, func() { c.Parse(text) }); n != 0 {
		t.Errorf("Parse: %v allocations", n)
	}
	var space [4]claims.Member
	if n := testing.AllocsPerRun(100, func() { claims.Members(space[:0], c.D) }); n != 0 {
		t.Errorf("Members: %v allocations", n)
	}
}

// FuzzParse: what is accepted has one spelling, and encoding/json reads it to
// the same values.
func FuzzParse(f *testing.F) {
	for _, s := range []string{full, anonymous, strings.Replace(full, "true", "false", 1), strings.Replace(full, `"sub"`, `"SUB"`, 1)} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var c claims.Claims
		if !c.Parse(b) {
			return
		}
		if got := c.Append(nil); !bytes.Equal(got, b) {
			t.Fatalf("another spelling of\n%q is\n%q", b, got)
		}
		ms, ok := claims.Members(nil, c.D)
		if !ok {
			return // the envelope is right; the data reads as empty
		}
		if got := claims.AppendData(nil, ms); !bytes.Equal(got, c.D) {
			t.Fatalf("another spelling of the data\n%q is\n%q", c.D, got)
		}
		var v struct {
			SID      string                     `json:"sid"`
			Iat      int64                      `json:"iat"`
			AuthTime int64                      `json:"auth_time"`
			Exp      int64                      `json:"exp"`
			Rnw      int64                      `json:"rnw"`
			Per      bool                       `json:"per"`
			End      int64                      `json:"end"`
			Sub      string                     `json:"sub"`
			Stk      string                     `json:"stk"`
			Stp      string                     `json:"stp"`
			D        map[string]json.RawMessage `json:"d"`
		}
		d := json.NewDecoder(bytes.NewReader(b))
		d.DisallowUnknownFields()
		if err := d.Decode(&v); err != nil {
			t.Fatalf("encoding/json: %v\n%q", err, b)
		}
		stamp := ""
		if c.Stk != (claims.Kid{}) {
			stamp = base64.RawURLEncoding.EncodeToString(c.Stp[:])
		}
		if v.SID != c.SID.String() || v.Iat != c.Iat || v.AuthTime != c.AuthTime || v.Exp != c.Exp || v.Rnw != c.Rnw ||
			v.Per != c.Per || v.End != c.End || v.Sub != c.Sub || v.Stk != c.Stk.String() || v.Stp != stamp || len(v.D) != len(ms) {
			t.Fatalf("encoding/json reads %+v, we read %+v", v, c)
		}
		for _, m := range ms {
			if string(v.D[m.Name]) != string(m.Raw) {
				t.Fatalf("%q: encoding/json reads %q, we read %q", m.Name, v.D[m.Name], m.Raw)
			}
		}
		if !claims.ValidSub(c.Sub) && c.Sub != "" || c.Stk != (claims.Kid{}) && !claims.ValidKid(c.Stk.String()) {
			t.Fatal("what is read could not be written")
		}
	})
}

// FuzzTenDigits: what the fast reader of times reads, its plain twin reads to the
// same value; and it reads every time of ten digits.
func FuzzTenDigits(f *testing.F) {
	for _, s := range []string{"1700000000", "9999999999", "0700000000", "170000000,", "17000:0000", "1700000/00", "/700000000", "17\xb0000000", "170000000:", "17000000/0", "0000000000"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) < 10 {
			return
		}
		v, ok := claims.TenDigits((*[10]byte)(b))
		w, n := claims.Decimal(b[:10])
		if ok != (n == 10) || ok && v != w {
			t.Fatalf("%q: %d %v, plain %d of %d characters", b, v, ok, w, n)
		}
	})
}

// FuzzUsual: what the fast reader of the head accepts, its plain twin reads to
// the same values and stops at the same place.
func FuzzUsual(f *testing.F) {
	usual := strings.Replace(full, `,"per":true,"end":1700000300`, ``, 1)
	for _, s := range []string{full, usual, anonymous, strings.Replace(usual, "1700000000", "17000000000", 1),
		strings.Replace(usual, "1700000002", "17000000021", 1), strings.Replace(usual, "1700000001", "0700000001", 1),
		strings.Replace(usual, `"sid"`, `"sit"`, 1), strings.Replace(usual, `"iat"`, `"iaf"`, 1), strings.Replace(usual, `"auth_time"`, `"auth.time"`, 1),
		strings.Replace(usual, "1700000000", "0700000000", 1), strings.Replace(usual, "1700043200", "0700043200", 1), strings.Replace(usual, "1700000002", "0700000002", 1),
		strings.Replace(usual, `"exp"`, `"exq"`, 1), strings.Replace(usual, `"rnw"`, `"rmw"`, 1), strings.Replace(usual, "A", "=", 1), usual[:106], usual[:105]} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		c, i, ok := claims.Usual(b)
		if !ok {
			if i != 0 || !reflect.DeepEqual(c, claims.Claims{}) {
				t.Fatalf("%q: no, and yet %+v and %d", b, c, i)
			}
			return
		}
		plain, j, ok := claims.Head(b)
		if !ok || i != j || !reflect.DeepEqual(c, plain) {
			t.Fatalf("%q: %+v and %d, plain %v %+v and %d", b, c, i, ok, plain, j)
		}
	})
}

// The fast reader takes what it is for; else nobody would notice that it is gone.
func TestUsualIsUsual(t *testing.T) {
	if _, i, ok := claims.Usual([]byte(full)); !ok || i == 0 {
		t.Error("refused")
	}
}

// FuzzValue: a value is what encoding/json takes for one, without space around
// it, as far as the depth goes.
func FuzzValue(f *testing.F) {
	for _, s := range []string{`1`, `-0.5e+7`, `"a\u00e9\n"`, `[1,{"a":[]},null,true,false]`, `{"a":{},"b":[ ]}`, `[1,]`, `{"a"}`, `01`, `1.`, `"\x"`, `"`, `-`, `[[[[]]]]`, `tru`, `nulll`, ` 1`, `{"a":1,}`, `[1 2]`, `{1:2}`,
		``, `{`, `{"`, `{"a`, `{"a" 1}`, `{"a".1}`, `{.a":1}`, `{"a":1]`, `[`, `[1`, `[1,`, `[1}`, `trux`, `nul`, `""`, `"a`, `"\`,
		`"\u00E9"`, `"\u00AF"`, `"\u12`, `"\u`, `"\ug000"`, `"\u0g00"`, `"\u00g0"`, `"\u000g"`, `"\u000:"`, `"\u000@"`, "\"\x7f\""} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		trimmed := len(bytes.TrimSpace(b)) == len(b)
		want := json.Valid(b) && trimmed && utf8.Valid(b) && depth(b) <= claims.MaxDepth
		if got := claims.ValidValue(b); got != want {
			t.Fatalf("%q: we say %v, encoding/json %v", b, got, want)
		}
	})
}

// depth of valid JSON, by encoding/json's own tokens.
func depth(b []byte) (deepest int) {
	d := json.NewDecoder(bytes.NewReader(b))
	for n := 0; ; {
		tok, err := d.Token()
		if err != nil {
			return deepest
		}
		switch tok {
		case json.Delim('{'), json.Delim('['):
			n++
			deepest = max(deepest, n)
		case json.Delim('}'), json.Delim(']'):
			n--
		}
	}
}

func BenchmarkParse(b *testing.B) {
	text := []byte(`{"sid":"` + sid + `","iat":1700000000,"auth_time":1700000001,"exp":1700043200,"rnw":1700000002,"sub":"1234567890","stk":"AAAAAAA","stp":"` + stp + `","d":{"cart":[1,2,3],"theme":"x"}}`)
	var c claims.Claims
	b.Run("Parse", func(b *testing.B) {
		for b.Loop() {
			if !c.Parse(text) {
				b.Fatal("refused")
			}
		}
	})
	b.Run("Members", func(b *testing.B) {
		var space [4]claims.Member
		for b.Loop() {
			claims.Members(space[:0], c.D)
		}
	})
}

// Spellings that mean what a right one means, or nothing, and are refused.
func TestParse_RefusesOtherEnvelopes(t *testing.T) {
	data := `,"d":{"a":1,"cart":[{"id":7}]}`
	for name, text := range map[string]string{
		"data under another name":  strings.Replace(full, `,"d":`, `,"e":`, 1),
		"data in a capital":        strings.Replace(full, `,"d":`, `,"D":`, 1),
		"no comma before the data": strings.Replace(full, `,"d":`, ` "d":`, 1),
		"no colon before the data": strings.Replace(full, `,"d":`, `,"d" `, 1),
		"data with a space":        strings.Replace(full, `,"d":`, `, d":`, 1),
		// In memory an empty id is no id, so this would be a second spelling of an
		// anonymous session.
		"empty user id":           strings.TrimSuffix(anonymous, "}") + `,"sub":""}`,
		"empty user id with data": strings.TrimSuffix(anonymous, "}") + `,"sub":""` + data + "}",
	} {
		var c claims.Claims
		if text == full || c.Parse([]byte(text)) {
			t.Errorf("%s: accepted %s", name, text)
		}
	}
	var c claims.Claims
	if right := strings.TrimSuffix(anonymous, "}") + data + "}"; !c.Parse([]byte(right)) {
		t.Errorf("refused %s", right)
	}
}
