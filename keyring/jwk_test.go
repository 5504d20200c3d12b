package keyring_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"github.com/hardtack-go/hardtack/keyring"
)

// k1 is the text of 32 bytes of 1, and canary what must not be in an error.
var (
	k1     = base64.RawURLEncoding.EncodeToString(bytesOf(1))
	canary = "CANARYCANARY"
)

// edit is a good key with one thing replaced.
func edit(old, new string) string {
	good := jwk("AAAAAAA", 1, ms0, ms0)
	if !strings.Contains(good, old) {
		panic("the row replaces nothing: " + old)
	}
	return strings.Replace(good, old, new, 1)
}

func TestParse_Refusals(t *testing.T) {
	good := jwk("AAAAAAA", 1, ms0, ms0)
	second := jwk("BBBBBBA", 2, ms0, 0)
	var many []string
	for i := range 17 {
		many = append(many, jwk("AAAAAA"+"AEIMQUYcgkosw048-"[i:i+1], byte(i+1), ms0, 0))
	}
	for _, row := range []struct {
		name string
		in   string
		key  int // -1: the set
		rule string
	}{
		// The set.
		{"empty text", "", -1, "empty: is the variable set?"},
		{"white space", " \n", -1, "empty: is the variable set?"},
		{"byte order mark", "\ufeff" + jwkSet(good), -1, "not the JSON that it should be"},
		{"null", "null", -1, "not the JSON that it should be"},
		{"a list", "[" + good + "]", -1, "not the JSON that it should be"},
		{"a single key", good, -1, "unknown member"},
		{"{}", "{}", -1, "member keys is missing"},
		{"no keys", `{"keys":[]}`, -1, "the set has no keys"},
		{"no keys, spaced", `{"keys": [ ] }`, -1, "the set has no keys"},
		{"keys is null", `{"keys":null}`, -1, "a member has the wrong type"},
		{"keys is a key", `{"keys":` + good + `}`, -1, "a member has the wrong type"},
		{"keys is a string", `{"keys":"` + canary + `"}`, -1, "a member has the wrong type"},
		{"keys twice", `{"keys":[` + good + `],"keys":[` + second + `]}`, -1, "a member appears twice"},
		{"keys in capitals", `{"Keys":[` + good + `]}`, -1, "unknown member"},
		{"another member before", `{"` + canary + `":1,"keys":[` + good + `]}`, -1, "unknown member"},
		{"another member after", `{"keys":[` + good + `],"` + canary + `":1}`, -1, "unknown member"},
		{"trailing text", jwkSet(good) + canary, -1, "something follows the set"},
		{"trailing brace", jwkSet(good) + "}", -1, "something follows the set"},
		{"trailing NUL", jwkSet(good) + "\x00", -1, "something follows the set"},
		{"two sets", jwkSet(good) + "\n" + jwkSet(second), -1, "something follows the set"},
		{"17 keys", jwkSet(many...), -1, "more than 16 keys"},
		{"64 KiB and a byte", jwkSet(good) + strings.Repeat(" ", 64<<10+1-len(jwkSet(good))), -1, "too long"},
		{"comma after the last key", `{"keys":[` + good + `,]}`, 1, "a member has the wrong type"},
		{"no comma between keys", `{"keys":[` + good + second + `]}`, 0, "not the JSON that it should be"},
		{"comma after the last member of the set", `{"keys":[` + good + `],}`, -1, "not the JSON that it should be"},
		{"member of the set without value", `{"keys"}`, -1, "not the JSON that it should be"},
		{"member of the set without quotes", `{"keys":[` + good + `],x:1}`, -1, "not the JSON that it should be"},
		{"no comma between members", jwkSet(edit(`,"use"`, ` "use"`)), 0, "not the JSON that it should be"},
		{"not opened", jwkSet(good)[1:], -1, "not the JSON that it should be"},
		{"not closed", strings.TrimSuffix(jwkSet(good), "}"), -1, "not the JSON that it should be"},
		{"list not closed", strings.TrimSuffix(jwkSet(good), "]}"), 0, "not the JSON that it should be"},

		// A key of the wrong form.
		{"key is null", `{"keys":[null]}`, 0, "a member has the wrong type"},
		{"key is a string", `{"keys":["` + canary + `"]}`, 0, "a member has the wrong type"},
		{"second key is a number", `{"keys":[` + good + `,5]}`, 1, "a member has the wrong type"},
		{"unknown member", jwkSet(edit(`"use"`, `"`+canary+`":"x","use"`)), 0, "unknown member"},
		{"misspelt active", jwkSet(edit(`"active"`, `"Active"`)), 0, "unknown member"},
		{"member name with an escape", jwkSet(edit(`"kid"`, `"k\u0069d"`)), 0, "not the JSON that it should be"},
		{"value with an escape", jwkSet(edit(`"enc"`, `"e\u006ec"`)), 0, "not the JSON that it should be"},
		{"value with a control character", jwkSet(edit(`"enc"`, "\"enc\n\"")), 0, "not the JSON that it should be"},
		{"value not ASCII", jwkSet(edit(`"enc"`, `"énc"`)), 0, "not the JSON that it should be"},
		{"value with a bad byte", jwkSet(edit(`"enc"`, "\"enc\xff\"")), 0, "not the JSON that it should be"},
		{"value with DEL", jwkSet(edit(`"enc"`, "\"enc\x7f\"")), 0, "not the JSON that it should be"},
		{"duplicate kty", jwkSet(edit(`"kty":"oct"`, `"kty":"oct","kty":"oct"`)), 0, "a member appears twice"},
		{"duplicate kid", jwkSet(edit(`"kid":"AAAAAAA"`, `"kid":"AAAAAAA","kid":"BBBBBBA"`)), 0, "a member appears twice"},
		{"duplicate k", jwkSet(edit(`"k":`, `"k":"`+k1+`","k":`)), 0, "a member appears twice"},
		{"duplicate created", jwkSet(edit(`"created"`, `"created":5,"created"`)), 0, "a member appears twice"},
		{"duplicate active", jwkSet(edit(`"active"`, `"active":5,"active"`)), 0, "a member appears twice"},
		{"exported key", jwkSet(strings.ReplaceAll(string(key(t, "AAAAAAA", 1, ms0, 0).ExportJWK(keyring.Label{Purpose: "seal"})), " ", "")), 0, "a derived key, exported for another service, is no root key"},
		{"alg", jwkSet(edit(`"use"`, `"alg":"A256GCM","use"`)), 0, "a derived key, exported for another service, is no root key"},
		{"purpose", jwkSet(edit(`"use"`, `"purpose":"seal","use"`)), 0, "a derived key, exported for another service, is no root key"},
		{"audience", jwkSet(edit(`"use"`, `"audience":"","use"`)), 0, "unknown member"},
		{"kid is a number", jwkSet(edit(`"AAAAAAA"`, `1234567`)), 0, "a member has the wrong type"},
		{"k is null", jwkSet(edit(`"`+k1+`"`, `null`)), 0, "a member has the wrong type"},
		{"k is a list", jwkSet(edit(`"`+k1+`"`, `[1,2]`)), 0, "a member has the wrong type"},
		{"created is a string", jwkSet(edit(`1700000000000`, `"1700000000000"`)), 0, "a member has the wrong type"},
		{"created is null", jwkSet(edit(`1700000000000`, `null`)), 0, "a member has the wrong type"},
		{"created is true", jwkSet(edit(`1700000000000`, `true`)), 0, "a member has the wrong type"},
		{"active is false", jwkSet(edit(`"active":1700000000000`, `"active":false`)), 0, "a member has the wrong type"},
		{"active is an object", jwkSet(edit(`"active":1700000000000`, `"active":{}`)), 0, "a member has the wrong type"},
		{"active is a list", jwkSet(edit(`"active":1700000000000`, `"active":[]`)), 0, "a member has the wrong type"},
		{"comma after the last member", jwkSet(edit(`}`, `,}`)), 0, "not the JSON that it should be"},
		{"no colon", jwkSet(edit(`"kty":`, `"kty" `)), 0, "not the JSON that it should be"},

		// A key of the right form and the wrong content.
		{"no kty", jwkSet(edit(`"kty":"oct",`, ``)), 0, "kty must be oct"},
		{"kty RSA", jwkSet(edit(`"oct"`, `"RSA"`)), 0, "kty must be oct"},
		{"kty in capitals", jwkSet(edit(`"oct"`, `"OCT"`)), 0, "kty must be oct"},
		{"no use", jwkSet(edit(`"use":"enc",`, ``)), 0, "use must be enc"},
		{"use sig", jwkSet(edit(`"enc"`, `"sig"`)), 0, "use must be enc"},
		{"no kid", jwkSet(edit(`"kid":"AAAAAAA",`, ``)), 0, "kid must be 7 base64url characters"},
		{"empty kid", jwkSet(edit(`AAAAAAA`, ``)), 0, "kid must be 7 base64url characters"},
		{"kid of 6", jwkSet(edit(`AAAAAAA`, `AAAAAA`)), 0, "kid must be 7 base64url characters"},
		{"kid of 8", jwkSet(edit(`AAAAAAA`, `AAAAAAAA`)), 0, "kid must be 7 base64url characters"},
		{"kid of another alphabet", jwkSet(edit(`AAAAAAA`, `AAAA/+A`)), 0, "kid must be 7 base64url characters"},
		{"kid with spare bits", jwkSet(edit(`AAAAAAA`, `AAAAAAB`)), 0, "kid must be 7 base64url characters"},
		{"kid that would end the header", jwkSet(edit(`AAAAAAA`, `A\"}AAA`)), 0, "not the JSON that it should be"},
		{"no k", jwkSet(edit(`"k":"`+k1+`",`, ``)), 0, "k must be 32 bytes in base64url"},
		{"empty k", jwkSet(edit(k1, ``)), 0, "k must be 32 bytes in base64url"},
		{"k of 31 bytes", jwkSet(edit(k1, base64.RawURLEncoding.EncodeToString(bytesOf(1)[:31]))), 0, "k must be 32 bytes in base64url"},
		{"k of 33 bytes", jwkSet(edit(k1, base64.RawURLEncoding.EncodeToString(append(bytesOf(1), 1)))), 0, "k must be 32 bytes in base64url"},
		{"k of 64 bytes", jwkSet(edit(k1, base64.RawURLEncoding.EncodeToString(append(bytesOf(1), bytesOf(2)...)))), 0, "k must be 32 bytes in base64url"},
		{"k padded", jwkSet(edit(k1, k1+"=")), 0, "k must be 32 bytes in base64url"},
		{"k with spare bits", jwkSet(edit(k1, k1[:42]+"F")), 0, "k must be 32 bytes in base64url"},
		{"k in standard base64", jwkSet(edit(k1, strings.Repeat("+", 42)+"A")), 0, "k must be 32 bytes in base64url"},
		{"k in hex", jwkSet(edit(k1, strings.Repeat("01", 32))), 0, "k must be 32 bytes in base64url"},
		{"k with a space", jwkSet(edit(k1, k1[:20]+" "+k1[20:])), 0, "k must be 32 bytes in base64url"},
		{"k all zero", jwkSet(edit(k1, strings.Repeat("A", 43))), 0, "k is all zero"},
		{"no created", jwkSet(edit(`"created":1700000000000,`, ``)), 0, "created must be a time in Unix milliseconds"},
		{"created 0", jwkSet(edit(`1700000000000`, `0`)), 0, "created must be a time in Unix milliseconds"},
		{"created negative", jwkSet(edit(`1700000000000`, `-1`)), 0, "created must be a time in Unix milliseconds"},
		{"created with a leading zero", jwkSet(edit(`1700000000000`, `01700000000000`)), 0, "created must be a time in Unix milliseconds"},
		{"created with a plus", jwkSet(edit(`1700000000000`, `+5`)), 0, "created must be a time in Unix milliseconds"},
		{"created after 9999", jwkSet(edit(`1700000000000`, `253402300800000`)), 0, "created must be a time in Unix milliseconds"},
		{"created overflows", jwkSet(edit(`1700000000000`, `18446744073709551617`)), 0, "created must be a time in Unix milliseconds"},
		{"created is nothing", jwkSet(edit(`1700000000000`, ``)), 0, "created must be a time in Unix milliseconds"},
		{"created fractional", jwkSet(edit(`1700000000000`, `1700000000000.5`)), 0, "not the JSON that it should be"},
		{"created with an exponent", jwkSet(edit(`1700000000000`, `17e11`)), 0, "not the JSON that it should be"},
		{"active 0", jwkSet(edit(`"active":1700000000000`, `"active":0`)), 0, "active must be a time in Unix milliseconds"},
		{"active negative", jwkSet(edit(`"active":1700000000000`, `"active":-5`)), 0, "active must be a time in Unix milliseconds"},

		// Two keys.
		{"same kid", jwkSet(good, jwk("AAAAAAA", 2, ms0, 0)), 1, "kid appears twice"},
		{"same k", jwkSet(good, jwk("BBBBBBA", 1, ms0, 0)), 1, "k appears twice"},
		{"the third like the first", jwkSet(good, second, good), 2, "kid appears twice"},
	} {
		t.Run(row.name, func(t *testing.T) {
			r, err := keyring.Parse(row.in)
			if r != nil {
				t.Fatal("a ring")
			}
			var got *keyring.ParseError
			if !errors.As(err, &got) {
				t.Fatalf("error %v (%T)", err, err)
			}
			if got.Key != row.key || got.Rule != row.rule {
				t.Errorf("key %d, %q; want key %d, %q", got.Key, got.Rule, row.key, row.rule)
			}
			for _, part := range []string{canary, k1[:8], "AAAAAA"} {
				if strings.Contains(err.Error(), part) {
					t.Errorf("the error repeats the input: %v", err)
				}
			}
		})
	}
}

// How values come to be no JWK Set, each with what to do.
func TestF503_ParseNamesTheMishap(t *testing.T) {
	set := jwkSet(jwk("AAAAAAA", 1, ms0, 0))
	const (
		blank    = "empty: is the variable set?"
		bare     = "a bare secret: use FromSecrets"
		unquoted = "the double quotes in it are lost: put the value in single quotes where it is set"
		quoted   = "in quotes, which are part of the value: take them off where it is set"
		encoded  = "in base64: decode it first"
		file     = "the name of a file: use OpenFile"
		other    = "not the JSON that it should be"
	)
	for _, row := range []struct{ name, in, rule string }{
		{"not set", "", blank},
		{"a line break", "\r\n", blank},
		{"openssl rand -base64 32", secretA, bare},
		{"openssl rand -base64 32, with its line break", secretA + "\n", bare},
		{"openssl rand -hex 32", strings.Repeat("0f1e2d3c", 8), bare},
		{"a placeholder", "changeme", bare},
		{"single quotes left out in a shell", strings.ReplaceAll(set, `"`, ""), unquoted},
		{"the same, with spaces", "{ keys: [" + jwk("AAAAAAA", 1, ms0, 0) + "]}", unquoted},
		{"a printed Python dict", strings.ReplaceAll(set, `"`, "'"), unquoted},
		{"single quotes left in by docker --env-file", "'" + set + "'", quoted},
		{"backticks left in", "`" + set + "`", quoted},
		{"double quotes left in", `"` + set + `"`, quoted},
		{"a JSON string", `"` + strings.ReplaceAll(set, `"`, `\"`) + `"`, quoted},
		{"out of a Kubernetes Secret", base64.StdEncoding.EncodeToString([]byte(set)), encoded},
		{"a path", "/run/secrets/keys.json", file},
		{"a short word", "null", other},
		{"a sentence", "this is no set, and no secret", other},
		{"something else in brackets", "[" + canary + "]", other},
		{"one quote", `"`, other},
	} {
		t.Run(row.name, func(t *testing.T) {
			r, err := keyring.Parse(row.in)
			var parse *keyring.ParseError
			if r != nil || !errors.As(err, &parse) || parse.Rule != row.rule || parse.Key != -1 {
				t.Fatalf("%v, want %s", err, row.rule)
			}
			if text := strings.TrimSpace(row.in); len(text) > 4 && strings.Contains(err.Error(), text) {
				t.Error("the error repeats the value")
			}
		})
	}
}

func TestParse_ReportsEveryKeyAtFault(t *testing.T) {
	_, err := keyring.Parse(jwkSet(
		strings.Replace(jwk("AAAAAAA", 1, ms0, 0), "oct", "RSA", 1),
		jwk("BBBBBBA", 2, ms0, 0),
		strings.NewReplacer("CCCCCCA", "C", `"enc"`, `"sig"`).Replace(jwk("CCCCCCA", 3, ms0, 0)),
	) + "x")
	for _, want := range []string{"key 0: kty must be oct", "key 2: use must be enc", "key 2: kid must be", "something follows the set"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not in: %v", want, err)
		}
	}
}

func TestParse_ErrorNamesThePlace(t *testing.T) {
	_, err := keyring.Parse(`{"keys":[x]}`)
	if want := "keyring: JWK Set: key 0: a member has the wrong type (byte 9)"; err == nil || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
	_, err = keyring.Parse("{}x")
	if want := "keyring: JWK Set: something follows the set (byte 2)"; err == nil || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
}

func TestParse_Accepts(t *testing.T) {
	for _, row := range []struct{ name, in, want string }{
		{"one key", jwkSet(jwk("AAAAAAA", 1, ms0, 0)), "*AAAAAAA"},
		{"order of the file, not of age", jwkSet(jwk("AAAAAAA", 1, ms0, 0), jwk("BBBBBBA", 2, ms0+1, 0)), "*AAAAAAA BBBBBBA"},
		{"a newline at the end", jwkSet(jwk("AAAAAAA", 1, ms0, 0)) + "\r\n", "*AAAAAAA"},
		{"white space everywhere", " {\t\"keys\" :\n[ {\"use\" : \"enc\" ,\"created\": 1 , \"k\":\"" + k1 + "\",\"kid\":\"-_-_-_A\",\r\n\"kty\":\"oct\" } ] } ", "*-_-_-_A"},
		{"the last millisecond", jwkSet(jwk("AAAAAAA", 1, 253402300799999, 253402300799999)), "AAAAAAA"},
		{"64 KiB", jwkSet(jwk("AAAAAAA", 1, ms0, 0)) + strings.Repeat(" ", 64<<10-len(jwkSet(jwk("AAAAAAA", 1, ms0, 0)))), "*AAAAAAA"},
	} {
		r, err := keyring.Parse(row.in)
		if err != nil || ids(r) != row.want {
			t.Errorf("%s: %s (%v), want %s", row.name, ids(r), err, row.want)
		}
	}
}

// No part of a set is a set.
func TestParse_EveryTruncation(t *testing.T) {
	text := jwkSet(jwk("AAAAAAA", 1, ms0, ms0), jwk("BBBBBBA", 2, ms0, 0))
	for n := range len(text) {
		if r, err := keyring.Parse(text[:n]); r != nil || err == nil {
			t.Errorf("%d of %d bytes are accepted", n, len(text))
		}
	}
}

func TestJWKSet_RoundTrip(t *testing.T) {
	full, _ := keyring.New(manyKeys(16)...)
	for _, r := range []*keyring.Keyring{
		keyring.Generate(), full,
		parse(t, jwk("AAAAAAA", 1, ms0, ms0+5), jwk("BBBBBBA", 255, 1, 0)),
	} {
		text := string(r.JWKSet())
		again, err := keyring.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		if got := string(again.JWKSet()); got != text {
			t.Error("written, read and written again, the set differs")
		}
		for i, k := range again.Keys() {
			o := r.Keys()[i]
			if k.Compare(o) != 0 || !k.Active().Equal(o.Active()) || string(k.Derive(keyring.Label{})) != string(o.Derive(keyring.Label{})) {
				t.Errorf("%v is another key after a round trip", o)
			}
		}
		if strings.ContainsAny(text, " \n") {
			t.Error("more than one line, or spaces")
		}
	}
	three, _ := keyring.New(keyring.NewKeyAt(at(ms0)), keyring.NewKeyAt(at(ms0)), keyring.NewKeyAt(at(ms0)))
	if n := len(three.JWKSet()); n > 4096 {
		t.Errorf("three keys take %d bytes, more than an environment variable of 4 KB", n)
	}
}

// go-jose is the independent reader of everything we write.
func TestJWKSet_ReadByGoJose(t *testing.T) {
	r, err := keyring.New(append(manyKeys(3), keyring.NewKeyAt(at(ms0)))...)
	if err != nil {
		t.Fatal(err)
	}
	var set jose.JSONWebKeySet
	if err := json.Unmarshal(r.JWKSet(), &set); err != nil {
		t.Fatal(err)
	}
	if len(set.Keys) != 4 {
		t.Fatalf("%d keys, want 4", len(set.Keys))
	}
	for i, k := range r.Keys() {
		got := set.Keys[i]
		secret, _ := got.Key.([]byte)
		if got.KeyID != k.ID() || got.Use != "enc" || len(secret) != 32 {
			t.Errorf("key %d: kid %q, use %q, %d bytes", i, got.KeyID, got.Use, len(secret))
		}
		// The bytes are the root bytes: they derive what the key derives.
		if hkdf32(secret, lp("hardtack/v1", "seal", "", "s")) != hexOf(k.Derive(keyring.Label{Purpose: "seal", Name: "s"})) {
			t.Errorf("key %d: other bytes", i)
		}
	}
}

func TestExportJWK(t *testing.T) {
	k := key(t, "AAAAAAA", 1, ms0, 0)
	for _, row := range []struct {
		label    keyring.Label
		alg, use string
	}{
		{keyring.Label{Purpose: "seal", Name: "__Host-session"}, "A256GCM", "enc"},
		{keyring.Label{Purpose: "seal", Audience: "shop", Name: "session"}, "A256GCM", "enc"},
		{keyring.Label{Purpose: "barrier", Audience: "shop", Name: "session"}, "HS256", "sig"},
		{keyring.Label{Purpose: "marks", Audience: "shop"}, "HS256", "sig"},
		{keyring.Label{Purpose: "seal", Audience: "a \"b\" \\ \n\x00\x1f\x7f é \u2028 </script>", Name: "x"}, "A256GCM", "enc"},
	} {
		l := row.label
		text := k.ExportJWK(l)
		var got jose.JSONWebKey
		if err := got.UnmarshalJSON(text); err != nil {
			t.Fatal(err)
		}
		secret, _ := got.Key.([]byte)
		if got.KeyID != "AAAAAAA" || got.Algorithm != row.alg || got.Use != row.use || string(secret) != string(k.Derive(l)) {
			t.Errorf("%+v: go-jose reads kid %q, alg %q, use %q", l, got.KeyID, got.Algorithm, got.Use)
		}
		var members map[string]string
		if err := json.Unmarshal(text, &members); err != nil {
			t.Fatal(err)
		}
		if len(members) != 8 || members["kty"] != "oct" || members["purpose"] != l.Purpose || members["audience"] != l.Audience || members["name"] != l.Name {
			t.Errorf("%+v: members %+v", l, members["audience"])
		}
	}
	if text := k.ExportJWK(keyring.Label{Purpose: "seal", Name: "bad\xffbyte"}); !json.Valid(text) || strings.Contains(string(text), "\xff") {
		t.Error("a label that is not UTF-8 makes no JSON")
	}
}

// Only what a reader needs leaves the process. The stamp subkey above all must
// not: it is what keeps a reader from logging users in.
func TestF407_ExportJWKByPurpose(t *testing.T) {
	k := key(t, "AAAAAAA", 1, ms0, 0)
	for purpose, want := range map[string]bool{
		"seal": true, "barrier": true, "marks": true,
		"stamp": false, "nonce": false, "id": false, "log": false, "ticket": false, "mark": false,
		"gorilla-hash": false, "gorilla-block": false, "jose": false,
		"": false, "Seal": false, "seal ": false, "seal\x00": false,
	} {
		for _, l := range []keyring.Label{{Purpose: purpose}, {Purpose: purpose, Audience: "shop", Name: "__Host-session"}} {
			if got := k.ExportJWK(l); (got != nil) != want {
				t.Errorf("%q is exported: %v, want %v", purpose, got != nil, want)
			}
		}
	}
}

// FuzzParse holds the loader against encoding/json: what we accept, it reads to
// the same values, and writing it again is stable.
func FuzzParse(f *testing.F) {
	good := jwkSet(jwk("AAAAAAA", 1, ms0, ms0), jwk("BBBBBBA", 2, ms0, 0))
	f.Add(good)
	f.Add(jwkSet(edit(`"kid"`, `"Kid"`)))
	f.Add(strings.ReplaceAll(good, ",", " ,\n"))
	f.Add(`{"keys":[{"created":1,"k":"` + k1 + `","kid":"-_-_-_A","kty":"oct","use":"enc"}]}`)
	f.Add(`{}`)
	f.Add(`{"keys":[]}`)
	f.Fuzz(func(t *testing.T, in string) {
		r, err := keyring.Parse(in)
		if err != nil {
			if r != nil {
				t.Error("a ring beside an error")
			}
			return
		}
		var set struct {
			Keys []struct {
				Kty, Kid, K, Use string
				Created, Active  int64
			}
		}
		if err := json.Unmarshal([]byte(in), &set); err != nil {
			t.Fatalf("accepted, but not JSON: %v", err)
		}
		if len(set.Keys) != len(r.Keys()) {
			t.Fatal("another number of keys")
		}
		for i, k := range r.Keys() {
			j := set.Keys[i]
			if j.Kid != k.ID() || j.Created != k.Created().UnixMilli() || j.Kty != "oct" || j.Use != "enc" ||
				j.Active != 0 && j.Active != k.Active().UnixMilli() || (j.Active == 0) != k.Active().IsZero() {
				t.Errorf("key %d differs", i)
			}
			raw, err := base64.RawURLEncoding.Strict().DecodeString(j.K)
			if err != nil || hkdf32(raw, lp("hardtack/v1", "", "", "")) != hexOf(k.Derive(keyring.Label{})) {
				t.Errorf("key %d: other bytes", i)
			}
		}
		again, err := keyring.Parse(string(r.JWKSet()))
		if err != nil || string(again.JWKSet()) != string(r.JWKSet()) {
			t.Error("not stable")
		}
	})
}
