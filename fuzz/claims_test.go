package fuzz_test

import (
	"bytes"
	"encoding/json"
	"io"
	"regexp"
	"strconv"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/hardtack-go/hardtack/internal/claims"
)

// envelope is the table of docs/FORMAT.md as a regular expression. It describes
// independently what the scanner in internal/claims accepts. recognize checks what a
// regular expression can't.
var envelope = regexp.MustCompile(`(?s)^\{"sid":"([A-Za-z0-9_-]{21}[AQgw])"` +
	`,"iat":([1-9][0-9]{0,11})` +
	`(?:,"auth_time":([1-9][0-9]{0,11}))?` +
	`,"exp":([1-9][0-9]{0,11})` +
	`,"rnw":([1-9][0-9]{0,11})` +
	`(,"per":true)?` +
	`(?:,"end":([1-9][0-9]{0,11}))?` +
	`(?:,"sub":"((?:[^"\\]|\\["\\])+)")?` +
	`(?:,"stk":"([A-Za-z0-9_-]{6}[AEIMQUYcgkosw048])","stp":"([A-Za-z0-9_-]{42}[AEIMQUYcgkosw048])")?` +
	`(?:,"d":(\{".*\}))?\}$`)

// recognize says whether b is an envelope, from docs/FORMAT.md alone.
func recognize(b []byte) bool {
	m := envelope.FindSubmatch(b)
	if m == nil {
		return false
	}
	for _, i := range []int{2, 3, 4, 5, 7} {
		if n, err := strconv.ParseInt("0"+string(m[i]), 10, 64); err != nil || n > 253402300799 {
			return false
		}
	}
	sub, d := m[8], m[11]
	if d != nil && len(d) < len(`{"a":1}`) {
		return false
	}
	if (len(sub) > 0) != (len(m[3]) > 0) || len(m[9]) > 0 && len(sub) == 0 || len(sub) > 255 || !utf8.Valid(sub) {
		return false
	}
	return bytes.IndexFunc(sub, unicode.IsControl) < 0
}

// dataOK uses encoding/json to say whether d is the data object of docs/FORMAT.md:
// names in ascending order and from the right alphabet, no space between members, and
// values as they are.
func dataOK(d []byte) bool {
	if !json.Valid(d) || !utf8.Valid(d) {
		return false
	}
	dec := json.NewDecoder(bytes.NewReader(d))
	if tok, err := dec.Token(); err != nil || tok != json.Delim('{') {
		return false
	}
	again, last := []byte("{"), ""
	for dec.More() {
		tok, err := dec.Token()
		name, ok := tok.(string)
		var raw json.RawMessage
		if err != nil || !ok || dec.Decode(&raw) != nil || name <= last || !dataName.MatchString(name) || depthOf(raw) > 64 {
			return false
		}
		if last != "" {
			again = append(again, ',')
		}
		again = append(append(append(again, '"'), name...), `":`...)
		again, last = append(again, raw...), name
	}
	return last != "" && bytes.Equal(append(again, '}'), d)
}

var dataName = regexp.MustCompile(`^[A-Za-z0-9_.:/-]{1,64}$`)

// depthOf is the nesting of a valid JSON value.
func depthOf(raw []byte) (deepest int) {
	dec := json.NewDecoder(bytes.NewReader(raw))
	for n := 0; ; {
		tok, err := dec.Token()
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

// FuzzClaims: the scanner accepts what docs/FORMAT.md allows and nothing else;
// what it accepts has one spelling; and encoding/json reads the same from it, name
// by name in the same order.
func FuzzClaims(f *testing.F) {
	f.Fuzz(func(t *testing.T, b []byte) {
		var c claims.Claims
		ok := c.Parse(b)
		if want := recognize(b); ok != want {
			t.Fatalf("accepted %v, docs/FORMAT.md says %v: %q", ok, want, b)
		}
		if !ok {
			return
		}
		if got := c.Append(nil); !bytes.Equal(got, b) {
			t.Fatalf("a second spelling:\n%q\n%q", b, got)
		}
		members, dOK := claims.Members(nil, c.D)
		if want := c.D == nil || dataOK(c.D); dOK != want {
			t.Fatalf("data accepted %v, docs/FORMAT.md says %v: %q", dOK, want, c.D)
		}
		if !dOK {
			return // reads as empty
		}
		if got := claims.AppendData(nil, members); !bytes.Equal(got, c.D) {
			t.Fatalf("a second spelling of the data:\n%q\n%q", c.D, got)
		}
		sameAsJSON(t, b, &c, members)
	})
}

// sameAsJSON reads b token by token and compares.
func sameAsJSON(t *testing.T, b []byte, c *claims.Claims, members []claims.Member) {
	t.Helper()
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.UseNumber()
	if tok, err := dec.Token(); err != nil || tok != json.Delim('{') {
		t.Fatalf("encoding/json: %v", err)
	}
	stp := ""
	if c.Stk != (claims.Kid{}) {
		stp = b64.EncodeToString(c.Stp[:])
	}
	want := map[string]any{"sid": c.SID.String(), "sub": c.Sub, "stk": c.Stk.String(), "stp": stp, "per": c.Per}
	for name, n := range map[string]int64{"iat": c.Iat, "auth_time": c.AuthTime, "exp": c.Exp, "rnw": c.Rnw, "end": c.End} {
		want[name] = json.Number(strconv.FormatInt(n, 10))
		if n == 0 {
			delete(want, name)
		}
	}
	for name, v := range want {
		if v == "" || v == false {
			delete(want, name)
		}
	}
	for dec.More() {
		tok, _ := dec.Token()
		name, _ := tok.(string)
		if name == "d" {
			var d map[string]json.RawMessage
			if err := dec.Decode(&d); err != nil || len(d) != len(members) {
				t.Fatalf("encoding/json: %d members, we read %d: %v", len(d), len(members), err)
			}
			for _, m := range members {
				if string(d[m.Name]) != string(m.Raw) {
					t.Fatalf("%q: encoding/json %q, we %q", m.Name, d[m.Name], m.Raw)
				}
			}
			continue
		}
		v, err := dec.Token()
		if have, there := want[name]; err != nil || !there || have != v {
			t.Fatalf("%q: encoding/json %v, we %v (%v)", name, v, want[name], err)
		}
		delete(want, name)
	}
	if _, err := dec.Token(); err != nil || len(want) != 0 {
		t.Fatalf("encoding/json misses %v: %v", want, err)
	}
	if _, err := dec.Token(); err != io.EOF {
		t.Fatal("something follows")
	}
}
