package fuzz_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"regexp"
	"strconv"
	"testing"
	"time"

	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/fuzz/internal/fixed"
	"github.com/hardtack-go/hardtack/ssestore"
	"github.com/hardtack-go/hardtack/ssestore/legacy"
)

// The formats of JavaScript. Those that are a JWE have FuzzJoseOpener.

// legacyCodec makes the codec of a Legacy, as a store does.
func legacyCodec(t testing.TB, l ssestore.Legacy) cookie.Codec {
	t.Helper()
	c, err := l.Format(l.Cookie.Name, "")
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// legacyOpen opens a value. A refusal must say nothing but the reason, and give nothing.
func legacyOpen(t *testing.T, c cookie.Codec, value string) (cookie.Opened, bool) {
	t.Helper()
	o, err := c.Open(nil, value)
	if err != nil {
		if o.Plaintext != nil || cookie.ReasonOf(err) == cookie.ReasonNone {
			t.Fatalf("a refusal gives %q, %v", o.Plaintext, err)
		}
		return o, false
	}
	if !isObject(o.Plaintext) {
		t.Fatalf("no object: %q", o.Plaintext)
	}
	return o, true
}

func isObject(text []byte) bool {
	var object map[string]json.RawMessage
	return json.Unmarshal(text, &object) == nil && object != nil
}

var (
	ironShape = regexp.MustCompile(`^Fe26\.2\*\w{0,32}\*[0-9a-f]{1,128}\*[\w-]{22}\*[\w-]+\*([1-9][0-9]*)?\*[0-9a-f]{1,128}\*[\w-]{43}~2$`)
	hexSalt   = regexp.MustCompile(`^[0-9a-f]{1,128}$`)
	wordID    = regexp.MustCompile(`^[0-9A-Za-z_]{0,32}$`)
)

// FuzzLegacyIron: nothing opens that isn't spelled as iron-session spells it, and a value
// that was sealed right opens if, and only if, its parts are of the form that the library
// gives them, it isn't over and it holds an object.
func FuzzLegacyIron(f *testing.F) {
	c := legacyCodec(f, legacy.IronSession(cookie.Config{Name: "app"}, time.Hour, fixed.LegacySecret))
	f.Fuzz(func(t *testing.T, value string, plaintext []byte, id, salt, macSalt, expiration string, unpadded bool) {
		if _, ok := legacyOpen(t, c, value); ok && !ironShape.MatchString(value) {
			t.Fatalf("another spelling: %q", value)
		}
		if len(plaintext) > 4000 || len(id)+len(salt)+len(macSalt)+len(expiration) > 2000 || unpadded && len(plaintext)%16 != 0 {
			return
		}
		v := fixed.NewIron(1, "")
		v.Plaintext, v.ID, v.Salt, v.MACSalt, v.Expiration, v.Unpadded = plaintext, id, salt, macSalt, expiration, unpadded
		sealed := v.Seal(t) + "~2"
		o, ok := legacyOpen(t, c, sealed)
		ms, err := strconv.ParseInt(expiration, 10, 64)
		dated := expiration == "" || err == nil && strconv.FormatInt(ms, 10) == expiration && ms < 253402300800000 && ms > time.Now().UnixMilli()
		want := wordID.MatchString(id) && hexSalt.MatchString(salt) && hexSalt.MatchString(macSalt) && dated
		switch {
		case ok && (!want || !ironShape.MatchString(sealed)):
			t.Fatalf("opens: %q", sealed)
		case !unpadded && ok != (want && isObject(plaintext)):
			t.Fatalf("%q opens: %v", sealed, ok)
		case ok && !unpadded && !bytes.Equal(o.Plaintext, plaintext):
			t.Fatalf("%q opens to %q", plaintext, o.Plaintext)
		}
	})
}

// FuzzLegacyKeygrip: a value with its signature opens if, and only if, it is base64 of an
// object, in its only spelling.
func FuzzLegacyKeygrip(f *testing.F) {
	c := legacyCodec(f, legacy.CookieSession(cookie.Config{}, fixed.LegacySecret))
	shape := regexp.MustCompile(`^[^;]*;[\w-]{27}$`)
	f.Fuzz(func(t *testing.T, value, payload string, plaintext []byte) {
		if _, ok := legacyOpen(t, c, value); ok && !shape.MatchString(value) {
			t.Fatalf("another spelling: %q", value)
		}
		if len(payload) > 8000 || len(plaintext) > 8000 {
			return
		}
		if o, ok := legacyOpen(t, c, fixed.Keygrip("session", payload)); ok {
			// Line breaks, which Go skips, are in no cookie.
			text := bytes.ReplaceAll(bytes.ReplaceAll([]byte(payload), []byte("\n"), nil), []byte("\r"), nil)
			if base64.StdEncoding.EncodeToString(o.Plaintext) != string(text) {
				t.Fatalf("%q opens to %q", payload, o.Plaintext)
			}
		}
		o, ok := legacyOpen(t, c, fixed.Keygrip("session", base64.StdEncoding.EncodeToString(plaintext)))
		if ok != isObject(plaintext) || ok && !bytes.Equal(o.Plaintext, plaintext) {
			t.Fatalf("%q opens: %v, %q", plaintext, ok, o.Plaintext)
		}
		if _, ok := legacyOpen(t, c, fixed.Keygrip("other", base64.StdEncoding.EncodeToString(plaintext))); ok {
			t.Fatal("signed for another cookie")
		}
	})
}

func legacyIronSeeds(t testing.TB) corpus {
	good := fixed.NewIron(1, `{"user":{"id":"ann"}}`)
	c := corpus{}
	add := func(name, value string, v fixed.Iron) {
		c[name] = []any{value, v.Plaintext, v.ID, v.Salt, v.MACSalt, v.Expiration, v.Unpadded}
	}
	sealed := good.Seal(t)
	for name, value := range map[string]string{
		"good": sealed + "~2", "no-version": sealed, "version-1": sealed + "~1", "stars": "*******~2", "cut": sealed[:100],
		"nine": sealed + "*~2", "padded": sealed + "=~2", "old": "Fe26.1" + sealed[6:] + "~2", "empty": "",
	} {
		add(name, value, good)
	}
	for name, change := range map[string]func(*fixed.Iron){
		"no-id":      func(v *fixed.Iron) { v.ID = "" },
		"id":         func(v *fixed.Iron) { v.ID = "a-b" },
		"salt":       func(v *fixed.Iron) { v.Salt = "5A" },
		"no-salt":    func(v *fixed.Iron) { v.MACSalt = "" },
		"future":     func(v *fixed.Iron) { v.Expiration = "4102444800000" },
		"past":       func(v *fixed.Iron) { v.Expiration = "946684800000" },
		"zero":       func(v *fixed.Iron) { v.Expiration = "0" },
		"signed":     func(v *fixed.Iron) { v.Expiration = "+4102444800000" },
		"no-object":  func(v *fixed.Iron) { v.Plaintext = []byte("null") },
		"two":        func(v *fixed.Iron) { v.Plaintext = []byte("{}{}") },
		"nothing":    func(v *fixed.Iron) { v.Plaintext = nil },
		"padding-0":  func(v *fixed.Iron) { v.Unpadded, v.Plaintext = true, make([]byte, 16) },
		"padding-17": func(v *fixed.Iron) { v.Unpadded, v.Plaintext = true, bytes.Repeat([]byte{17}, 32) },
	} {
		v := good
		change(&v)
		add("part-"+name, "", v)
	}
	return c
}

func legacyKeygripSeeds() corpus {
	c := corpus{}
	good := fixed.Keygrip("session", "e30=")
	for name, value := range map[string]string{
		"good": good, "cut": good[:20], "no-signature": "e30=", "two": good + ";" + good, "padded": good + "=", "empty": "",
		"unsigned": "e30=;" + "AAAAAAAAAAAAAAAAAAAAAAAAAAA", "semicolon": ";", "other": fixed.Keygrip("other", "e30="),
	} {
		c["value-"+name] = []any{value, "e30=", []byte("{}")}
	}
	for name, payload := range map[string]string{
		"bits": "e31=", "unpadded": "e30", "url": "e30_", "break": "e3\n0=", "empty": "", "long": "eyJ1c2VySWQiOiJhbm4ifQ==",
	} {
		c["payload-"+name] = []any{"", payload, []byte(`{"userId":"ann"}`)}
	}
	for name, text := range map[string]string{"null": "null", "list": "[]", "two": "{}{}", "marshal": "\x04\x08{"} {
		c["text-"+name] = []any{"", "", []byte(text)}
	}
	return c
}
