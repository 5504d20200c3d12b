package fuzz_test

import (
	"bytes"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	gojose "github.com/go-jose/go-jose/v4"

	"github.com/hardtack-go/hardtack/fuzz/internal/fixed"
	"github.com/hardtack-go/hardtack/keyring"
)

// jwkRead is what encoding/json reads of one key, if all of it is as it must be.
type jwkRead struct {
	kid             string
	k               []byte
	created, active int64
}

var millis = regexp.MustCompile(`^[1-9][0-9]{0,14}$`)

// readSet is a second loader, from the documentation of keyring.Parse and on top
// of encoding/json's tokens.
func readSet(in string) (keys []jwkRead, ok bool) {
	if len(in) > 64<<10 || strings.Contains(in, `\`) || !json.Valid([]byte(in)) {
		return nil, false
	}
	dec := json.NewDecoder(strings.NewReader(in))
	dec.UseNumber()
	next := func() json.Token { tok, _ := dec.Token(); return tok }
	if next() != json.Delim('{') || next() != "keys" || next() != json.Delim('[') {
		return nil, false
	}
	for dec.More() {
		if next() != json.Delim('{') {
			return nil, false
		}
		members := map[string]json.Token{}
		for dec.More() {
			name, _ := next().(string)
			if _, twice := members[name]; twice {
				return nil, false
			}
			members[name] = next()
			if _, bad := members[name].(json.Delim); bad {
				return nil, false
			}
		}
		next() // }
		key, ok := oneKey(members)
		if !ok || slices.ContainsFunc(keys, func(o jwkRead) bool { return o.kid == key.kid || bytes.Equal(o.k, key.k) }) {
			return nil, false
		}
		keys = append(keys, key)
	}
	return keys, next() == json.Delim(']') && next() == json.Delim('}') && 0 < len(keys) && len(keys) <= 16
}

func oneKey(members map[string]json.Token) (key jwkRead, ok bool) {
	key.kid, _ = members["kid"].(string)
	k, _ := members["k"].(string)
	created, _ := members["created"].(json.Number)
	active, hasActive := members["active"].(json.Number)
	if members["kty"] != "oct" || members["use"] != "enc" || !millis.MatchString(string(created)) || hasActive && !millis.MatchString(string(active)) {
		return key, false
	}
	key.created, _ = strconv.ParseInt(string(created), 10, 64)
	key.active, _ = strconv.ParseInt("0"+string(active), 10, 64)
	n := 5
	if _, named := members["active"]; named {
		n++
		if !hasActive {
			return key, false
		}
	}
	strict := base64.RawURLEncoding.Strict()
	id, err := strict.DecodeString(key.kid)
	if err != nil || len(id) != 5 || len(key.kid) != 7 {
		return key, false
	}
	key.k, err = strict.DecodeString(k)
	if err != nil || len(k) != 43 || bytes.Equal(key.k, make([]byte, 32)) {
		return key, false
	}
	const most = 253402300799999
	return key, len(members) == n && key.created <= most && key.active <= most
}

// FuzzJWKSet: Parse accepts exactly what its documentation says (a second loader
// on top of encoding/json agrees); what it writes it reads again to the same;
// go-jose reads the same keys from it; errors repeat nothing of the input.
func FuzzJWKSet(f *testing.F) {
	f.Fuzz(func(t *testing.T, in string) {
		ring, err := keyring.Parse(in)
		want, ok := readSet(in)
		if (err == nil) != ok || (ring == nil) != (err != nil) {
			t.Fatalf("accepted %v (%v), the documentation says %v: %q", err == nil, err, ok, in)
		}
		if err != nil {
			checkSetError(t, in, err)
			return
		}
		keys := ring.Keys()
		if len(keys) != len(want) {
			t.Fatalf("%d keys, want %d", len(keys), len(want))
		}
		label := keyring.Label{Purpose: "p", Audience: "a", Name: "n"}
		for i, k := range keys {
			w := want[i]
			sub, err := hkdf.Key(sha256.New, w.k, nil, string(fixed.LP("hardtack/v1", "p", "a", "n")), 32)
			if err != nil || k.ID() != w.kid || k.Created().UnixMilli() != w.created || k.Active().IsZero() != (w.active == 0) ||
				w.active != 0 && k.Active().UnixMilli() != w.active || !bytes.Equal(k.Derive(label), sub) {
				t.Fatalf("key %d differs", i)
			}
		}
		text := ring.JWKSet()
		again, err := keyring.Parse(string(text))
		if err != nil || !bytes.Equal(again.JWKSet(), text) {
			t.Fatalf("not stable: %v", err)
		}
		for _, set := range []string{in, string(text)} {
			var theirs gojose.JSONWebKeySet
			if err := json.Unmarshal([]byte(set), &theirs); err != nil || len(theirs.Keys) != len(want) {
				t.Fatalf("go-jose reads %d keys of %d: %v", len(theirs.Keys), len(want), err)
			}
			for i, k := range theirs.Keys {
				raw, _ := k.Key.([]byte)
				if k.KeyID != want[i].kid || !bytes.Equal(raw, want[i].k) || k.Use != "enc" || k.Algorithm != "" {
					t.Fatalf("go-jose reads key %d differently", i)
				}
			}
		}
		exported := keys[0].ExportJWK(keyring.Label{Purpose: "seal", Audience: "a", Name: "n"})
		if _, err := keyring.Parse(`{"keys":[` + string(exported) + `]}`); err == nil {
			t.Fatal("an exported key is taken for a root key")
		}
	})
}

var setError = regexp.MustCompile(`^(keyring: JWK Set: (key \d+: )?[a-zA-Z0-9 ,:?]+ \(byte \d+\)\n?)+$`)

func checkSetError(t *testing.T, in string, err error) {
	t.Helper()
	var e *keyring.ParseError
	if !errors.As(err, &e) || !setError.MatchString(err.Error()) {
		t.Fatalf("error %q", err)
	}
	for field := range strings.FieldsFuncSeq(in, func(r rune) bool { return strings.ContainsRune(`"{}[]:, `, r) }) {
		// Longer than any word of the rules: it can only be from the input.
		if len(field) > 12 && strings.Contains(err.Error(), field) {
			t.Fatalf("the error repeats %q", field)
		}
	}
}
