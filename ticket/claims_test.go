package ticket_test

import (
	"encoding/json"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/hardtack-go/hardtack/cookie"
)

// TestK10_OneSpelling: authentic claims in any spelling but ours are malformed.
func TestK10_OneSpelling(t *testing.T) {
	k := newKind[string](t, ring(t, 1))
	bnd := bndOf("hash")
	good := claimsText(t0.Unix(), t0.Unix()+3600, "", `"ada"`)
	opens(t, k, t0, forge(good), nil, "ada")
	for _, plaintext := range []string{
		"", "{}", "null", `"ada"`, "[" + good + "]", good + good, good + " ", " " + good, good + "\n", "\ufeff" + good, good[:len(good)-1], good[1:],
		`1700000000,"exp":1700003600,"d":"ada"}`,
		`{"iat":1700000000,"exp":1700003600,"bnd":"` + bnd + `,"d":"ada"}`,
		`{"iat":1700000000,"exp":1700003600}`,
		`{"iat":1700000000,"exp":1700003600,"d":}`,
		`{"exp":1700003600,"iat":1700000000,"d":"ada"}`,
		`{"iat":1700000000,"d":"ada","exp":1700003600}`,
		`{"d":"ada","iat":1700000000,"exp":1700003600}`,
		`{"exp":1700003600,"d":"ada"}`,
		`{"iat":1700000000,"d":"ada"}`,
		`{"IAT":1700000000,"exp":1700003600,"d":"ada"}`,
		`{"iat":1700000000,"Exp":1700003600,"d":"ada"}`,
		`{"iat":1700000000,"exp":1700003600,"D":"ada"}`,
		`{"\u0069at":1700000000,"exp":1700003600,"d":"ada"}`,
		`{"iat":1700000000,"iat":1700000000,"exp":1700003600,"d":"ada"}`,
		`{"iat":1700000000,"exp":1700003600,"exp":1700003600,"d":"ada"}`,
		`{"iat":1700000000,"exp":1700003600,"d":"ada","d":"ada"}`,
		`{"iat":1700000000,"exp":1700003600,"d":"eve","iat":1700000000}`,
		`{"iat":1700000000,"exp":1700003600,"x":1,"d":"ada"}`,
		`{"iat":1700000000,"exp":1700003600,"d":"ada","x":1}`,
		`{ "iat":1700000000,"exp":1700003600,"d":"ada"}`,
		`{"iat" :1700000000,"exp":1700003600,"d":"ada"}`,
		`{"iat": 1700000000,"exp":1700003600,"d":"ada"}`,
		`{"iat":1700000000 ,"exp":1700003600,"d":"ada"}`,
		`{"iat":1700000000,"exp":1700003600,"d": "ada"}`,
		`{"iat":1700000000,"exp":1700003600,"d":` + "\n" + `"ada"}`,
		`{"iat":1700000000,"exp":1700003600,"d":` + "\r" + `"ada"}`,
		`{"iat":1700000000,"exp":1700003600,"d":` + "\t" + `"ada"}`,
		`{"iat":1700000000,"exp":1700003600,"d":"ada" }`,
		`{"iat":1700000000,"exp":1700003600,"d":"ada"` + "\n}",
		`{"iat":1700000000,"exp":1700003600,"d":"ada",}`,
		`{"iat":1700000000,"exp":1700003600,"d":"ada"}}`,
		`{"iat":01700000000,"exp":1700003600,"d":"ada"}`,
		`{"iat":+1700000000,"exp":1700003600,"d":"ada"}`,
		`{"iat":-1700000000,"exp":1700003600,"d":"ada"}`,
		`{"iat":1700000000.0,"exp":1700003600,"d":"ada"}`,
		`{"iat":17e8,"exp":1700003600,"d":"ada"}`,
		`{"iat":"1700000000","exp":1700003600,"d":"ada"}`,
		`{"iat":,"exp":1700003600,"d":"ada"}`,
		`{"iat":0,"exp":1700003600,"d":"ada"}`,
		`{"iat":null,"exp":1700003600,"d":"ada"}`,
		`{"iat":1700000000,"exp":0,"d":"ada"}`,
		`{"iat":1700000000,"exp":,"d":"ada"}`,
		`{"iat":1700000000,"exp":01700003600,"d":"ada"}`,
		`{"iat":1700000000,"exp":253402300800,"d":"ada"}`,
		`{"iat":1700000000,"exp":1700003600000,"d":"ada"}`,
		`{"iat":1700000000,"exp":18446744073709551616,"d":"ada"}`,
		`{"iat":1700000000,"exp":1:00003600,"d":"ada"}`,
		`{"iat":1700000000,"exp":1/00003600,"d":"ada"}`,
		`{"iat":1700000000,"exp":1700003600,"bnd":null,"d":"ada"}`,
		`{"iat":1700000000,"exp":1700003600,"bnd":"","d":"ada"}`,
		`{"iat":1700000000,"exp":1700003600,"bnd":"`,
		`{"iat":1700000000,"exp":1700003600,"bnd":"` + bnd,
		`{"iat":1700000000,"exp":1700003600,"bnd":"` + bnd + `"`,
		`{"iat":1700000000,"exp":1700003600,"bnd":"` + bnd + `"}`,
		`{"iat":1700000000,"exp":1700003600,"bnd":"` + bnd + `=","d":"ada"}`,
		`{"iat":1700000000,"exp":1700003600,"bnd":"` + bnd[:21] + `","d":"ada"}`,
		`{"iat":1700000000,"exp":1700003600,"bnd":"` + bnd + `A","d":"ada"}`,
		`{"iat":1700000000,"exp":1700003600,"bnd":"` + bnd[:21] + string(bnd[21]+1) + `","d":"ada"}`,
		`{"iat":1700000000,"exp":1700003600,"bnd":"` + bnd[:21] + `+","d":"ada"}`,
		`{"iat":1700000000,"exp":1700003600,"bnd":"` + bnd + `","bnd":"` + bnd + `","d":"ada"}`,
		`{"iat":1700000000,"bnd":"` + bnd + `","exp":1700003600,"d":"ada"}`,
		`{"iat":1700000000,"exp":1700003600,"BND":"` + bnd + `","d":"ada"}`,
	} {
		refused(t, k, t0, forge(plaintext), nil, cookie.ReasonMalformed)
		refused(t, k, t0, forge(plaintext), fields[string]("hash"), cookie.ReasonMalformed)
	}
	// Two times don't run together. (The largest ones have twelve digits.)
	far := time.Unix(100_000_000_000, 0)
	opens(t, k, far, forge(`{"iat":100000000000,"exp":100000003600,"d":"ada"}`), nil, "ada")
	refused(t, k, far, forge(`{"iat":100000000000100000003600,"d":"ada"}`), nil, cookie.ReasonMalformed)
	// The digits of a time end at the largest one.
	opens(t, k, t0, forge(claimsText(t0.Unix(), 253402300799, "", `"ada"`)), nil, "ada")
	refused(t, k, t0, forge(claimsText(253402300799, 253402300799, "", `"ada"`)), nil, cookie.ReasonFuture)
	refused(t, k, t0, forge(claimsText(1, 253402300799, "", `"ada"`)), nil, cookie.ReasonExpired)
	refused(t, k, t0, forge(claimsText(t0.Unix(), 1, "", `"ada"`)), nil, cookie.ReasonExpired)
}

// TestK10_WrittenAsDocumented: what Seal writes is the one spelling, read by a second
// reader.
func TestK10_WrittenAsDocumented(t *testing.T) {
	type value struct {
		ID   string
		Next string `json:"next,omitempty"`
	}
	k := newKind[value](t, ring(t, 1))
	subkey := derive(root(1), "ticket", "", "reset")
	for want, token := range map[string]string{
		claimsText(t0.Unix(), t0.Unix()+3600, "", `{"ID":"ada"}`):                           seal(t, k, value{ID: "ada"}),
		claimsText(t0.Unix(), t0.Unix()+3600, "", `{"ID":"","next":"/a?b=<c>&d"}`):          seal(t, k, value{Next: "/a?b=<c>&d"}),
		claimsText(t0.Unix(), t0.Unix()+3600, bndOf("hash", "a@b.example"), `{"ID":"ada"}`): seal(t, k, value{ID: "ada"}, "hash", "a@b.example"),
	} {
		if got := openUnder(t, subkey, token); got != want {
			t.Errorf("%s\nwant %s", got, want)
		}
	}
}

type address struct {
	User string `json:"user"`
	To   string `json:"to"`
}

// TestK11_ValueOfAnotherType: what isn't a T is malformed, rather than read as far as it
// fits.
func TestK11_ValueOfAnotherType(t *testing.T) {
	k := newKind[address](t, ring(t, 1))
	good := address{User: "ada", To: "a@b.example"}
	token := func(d string) string { return forge(claimsText(t0.Unix(), t0.Unix()+3600, "", d)) }
	opens(t, k, t0, token(`{"user":"ada","to":"a@b.example"}`), nil, good)
	opens(t, k, t0, token(`{"user":"ada"}`), nil, address{User: "ada"}) // of an earlier release
	for _, d := range []string{
		`{"user":"ada","to":"a@b.example","admin":true}`, `{"user":"ada","to":7}`, `"ada"`, `7`, `[]`, `[{"user":"ada"}]`, `{"user":"ada"}{"user":"eve"}`, `{"user":"ada"},{}`, `{"user":"ada"}]`,
		`{"user":"ada"`, `{"user":"ada",}`, `{user:"ada"}`, ``, `x`,
	} {
		refused(t, k, t0, token(d), nil, cookie.ReasonMalformed)
	}
	// bound never sees what isn't a T.
	bound := forge(claimsText(t0.Unix(), t0.Unix()+3600, bndOf("hash"), `{"user":"ada","admin":true}`))
	refused(t, k, t0, bound, func(address) ([]string, error) { t.Error("asked"); return nil, nil }, cookie.ReasonMalformed)
}

// oneWay writes what it doesn't read.
type oneWay struct{ v string }

func (o oneWay) MarshalJSON() ([]byte, error) { return json.Marshal(o.v) }
func (o *oneWay) UnmarshalJSON(b []byte) error {
	o.v = "another"
	clear(b)
	return nil
}

// unread writes a member that it doesn't read.
type unread struct{ User string }

func (u unread) MarshalJSON() ([]byte, error) {
	return json.Marshal(map[string]string{"User": u.User, "More": ""})
}

// scribble writes to what it reads from.
type scribble string

func (s *scribble) UnmarshalJSON(b []byte) error {
	*s = scribble(b[1 : len(b)-1])
	for i := range b {
		b[i] = 'x'
	}
	return nil
}

// TestK11_SealRefusesWhatWouldNotComeBack names the type, and the field where it can.
func TestK11_SealRefusesWhatWouldNotComeBack(t *testing.T) {
	lost(t, struct{ user string }{"ada"}, ".user")
	lost(t, struct {
		User string
		Skip string `json:"-"`
	}{"ada", "x"}, ".Skip")
	lost(t, "\xff", "string")
	lost(t, any(address{User: "ada"}), "interface {}")
	lost(t, error(json.Unmarshal(nil, new(int)).(*json.SyntaxError)), "error")
	lost(t, make(chan int), "chan int can't be written as JSON")
	lost(t, math.NaN(), "float64")
	lost(t, oneWay{"x"}, "another value at ticket_test.oneWay")
	lost(t, unread{"ada"}, "unread doesn't decode into one")

	kept(t, scribble("ada"))
	kept(t, struct{ A, B scribble }{"ada", "eve"})
	kept(t, struct{ user string }{})
	kept(t, "")
	kept(t, 7)
	kept(t, math.MaxInt64)
	kept(t, [2]string{"<a>", "\u2028"})
	kept(t, address{})
	kept(t, time.Duration(5))
}

func lost[T any](t *testing.T, v T, names string) {
	t.Helper()
	k := newKind[T](t, ring(t, 1))
	if token, err := k.Seal(t0, v); token != "" || err == nil || !strings.HasPrefix(err.Error(), "ticket: ") || !strings.Contains(err.Error(), names) {
		t.Errorf("%T: %q, %v; want an error that names %s", v, token, err, names)
	}
}

func kept[T comparable](t *testing.T, v T) {
	t.Helper()
	k := newKind[T](t, ring(t, 1))
	opens(t, k, t0, seal(t, k, v), nil, v)
}

// TestK11_HalfReadValue: a value that turns out to be bad in its second half doesn't
// show its first.
func TestK11_HalfReadValue(t *testing.T) {
	k := newKind[address](t, ring(t, 1))
	refused(t, k, t0, forge(claimsText(t0.Unix(), t0.Unix()+3600, "", `{"user":"ada","to":[]}`)), nil, cookie.ReasonMalformed)
}
