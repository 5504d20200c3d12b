package claims_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"

	"github.com/hardtack-go/hardtack/internal/claims"
)

// jsonActor reads an actor with encoding/json and judges its parts one by one, which is
// how they were read before there was Actor.Parse.
func jsonActor(b []byte) (a claims.Actor, ok bool) {
	var v struct {
		Sub string `json:"sub"`
		Stk string `json:"stk"`
		Stp string `json:"stp"`
	}
	if json.Unmarshal(b, &v) != nil || !claims.ValidSub(v.Sub) {
		return a, false
	}
	sum, err := base64.RawURLEncoding.Strict().DecodeString(v.Stp)
	stamped := err == nil && claims.ValidKid(v.Stk) && len(sum) == len(a.Stp)
	if !stamped && v.Stk+v.Stp != "" {
		return a, false
	}
	a.Sub, a.Stk = v.Sub, claims.KidOf(v.Stk)
	copy(a.Stp[:], sum)
	return a, true
}

// writtenActor writes an actor as it was written before there was Actor.Append.
func writtenActor(t *testing.T, a claims.Actor) []byte {
	v := struct {
		Sub string `json:"sub"`
		Stk string `json:"stk,omitempty"`
		Stp string `json:"stp,omitempty"`
	}{Sub: a.Sub, Stk: a.Stk.String()}
	if v.Stk != "" {
		v.Stp = base64.RawURLEncoding.EncodeToString(a.Stp[:])
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		t.Fatal(err)
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

const stamped = `{"sub":"admin","stk":"AAAAAAA","stp":"` + stp + `"}`

// parsed says whether the whole of b is an actor.
func parsed(a *claims.Actor, b []byte) bool {
	rest, ok := a.Parse(b)
	return ok && len(rest) == 0
}

func TestActor(t *testing.T) {
	for text, ok := range map[string]bool{
		stamped:                      true,
		`{"sub":"admin"}`:            true,
		`{"sub":"a\"b\\c <é> &"}`:    true,
		`{"sub":"` + "\u2028" + `"}`: true,

		``:                                false,
		`admin"}`:                         false,
		`{"sub":"}`:                       false,
		`null`:                            false,
		`{}`:                              false,
		`{"sub":""}`:                      false,
		`{"sub":1}`:                       false,
		`{"sub":"admin"`:                  false,
		`{"sub":"admin"}}`:                false,
		`{"sub":"admin"} `:                false,
		`{"sub": "admin"}`:                false,
		`{"SUB":"admin"}`:                 false,
		`{"sub":"\u0061dmin"}`:            false,
		`{"sub":"a\u2028b"}`:              false, // as encoding/json writes it; RFC 8259 asks for no escape
		`{"sub":"a` + "\x80" + `"}`:       false,
		`{"sub":"a` + "\n" + `"}`:         false,
		`{"sub":"a` + "\u0085" + `"}`:     false,
		`{"sub":"a","sub":"b"}`:           false,
		`{"sub":"a","more":1}`:            false,
		`{"sub":"a","stk":"AAAAAAA"}`:     false,
		`{"sub":"a","stk":"","stp":""}`:   false,
		`{"sub":"a","stp":"` + stp + `"}`: false,
		`{"stk":"AAAAAAA","stp":"` + stp + `","sub":"a"}`:                false,
		`{"sub":"a","stk":"AAAAAAB","stp":"` + stp + `"}`:                false,
		`{"sub":"a","stk":"AAAAAAA","stp":"` + stp[:42] + `"}`:           false,
		`{"sub":"a","stk":"AAAAAAA","stp":"` + stp + `=` + `"}`:          false,
		`{"sub":"a","stk":"AAAAAAA","stp":"` + stp[:42] + `9` + `"}`:     false,
		`{"sub":"a","stk":"AAAAAAA","stp":"` + stp + `","more":"` + `"}`: false,
	} {
		var a claims.Actor
		if got := parsed(&a, []byte(text)); got != ok {
			t.Errorf("%s: %v, want %v", text, got, ok)
		}
		if _, start := a.Parse([]byte(text)); !start && a != (claims.Actor{}) {
			t.Errorf("%s: refused, and left %+v", text, a)
		}
		if rest, start := a.Parse([]byte(text + `,"more":1}`)); start && ok && string(rest) != `,"more":1}` {
			t.Errorf("%s: left %q", text, rest)
		}
	}
}

// FuzzActor: whatever is accepted has one spelling, and encoding/json with the checks of
// before reads it to the same values.
func FuzzActor(f *testing.F) {
	for _, s := range []string{stamped, `{"sub":"admin"}`, `{"sub":"a\"b"}`, `{"sub":"a\u2028b"}`, `{"sub":""}`, `{"sub":"a","stk":"AAAAAAA"}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var a claims.Actor
		if !parsed(&a, b) {
			return
		}
		if want, ok := jsonActor(b); !ok || a != want {
			t.Fatalf("%q: we read %+v, encoding/json %+v %v", b, a, want, ok)
		}
		if got := a.Append(nil); !bytes.Equal(got, b) {
			t.Fatalf("another spelling of\n%q is\n%q", b, got)
		}
	})
}

// FuzzActorWritten: whatever the library writes, and wrote with encoding/json, is read to
// the same values. The one exception is an id with U+2028 or U+2029, which encoding/json
// escapes: such a session is nobody's now.
func FuzzActorWritten(f *testing.F) {
	f.Add("admin", "AAAAAAA", []byte("0123456789abcdef0123456789abcdef"))
	f.Add(`a"\<é>&`, "", []byte(nil))
	f.Add("\u2028", "", []byte(nil))
	f.Fuzz(func(t *testing.T, sub, kid string, sum []byte) {
		if !claims.ValidSub(sub) || kid != "" && !claims.ValidKid(kid) {
			return
		}
		a := claims.Actor{Sub: sub, Stk: claims.KidOf(kid)}
		if kid != "" {
			copy(a.Stp[:], sum)
		}
		b := a.Append(nil)
		var got claims.Actor
		if want, ok := jsonActor(b); !ok || !parsed(&got, b) || got != a || want != a {
			t.Fatalf("%q: we read %+v, encoding/json %+v, want %+v", b, got, want, a)
		}
		old := writtenActor(t, a)
		if exception := strings.ContainsAny(sub, "\u2028\u2029"); parsed(&got, old) == exception || !exception && !bytes.Equal(old, b) {
			t.Fatalf("encoding/json wrote %q, we %q", old, b)
		}
	})
}
