package keyring_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"log/slog"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/hardtack-go/hardtack/keyring"
)

// needles are the spellings in which a secret could show: six bytes of it in a
// row, from its start, middle and end, raw, quoted, in hex, base64, decimal and
// binary. Shorter runs match by chance. Each place has three neighbours, because
// base64 spells a byte by its place modulo 3.
func needles(secret []byte) []string {
	const run = 6
	var out []string
	for _, start := range []int{0, (len(secret) - run) / 2, len(secret) - run - 2} {
		for i := start; i < start+3; i++ {
			w := secret[i : i+run]
			out = append(out, base64.StdEncoding.EncodeToString(w), base64.URLEncoding.EncodeToString(w))
			if i > start {
				continue
			}
			plain := hex.EncodeToString(w)
			out = append(out, string(w), strings.Trim(fmt.Sprintf("%q", w), `"`), plain, strings.ToUpper(plain),
				fmt.Sprintf("% x", w), fmt.Sprintf("% X", w), fmt.Sprintf("%# x", w), strings.Trim(fmt.Sprintf("%b", w), "[]"))
			for _, sep := range []string{" ", ",", ", "} {
				var dec, hex, quoted []string
				for _, c := range w {
					dec = append(dec, fmt.Sprint(c))
					hex = append(hex, fmt.Sprintf("%#x", c))
					quoted = append(quoted, fmt.Sprintf("%q", rune(c)))
				}
				out = append(out, strings.Join(dec, sep), strings.Join(hex, sep), strings.Join(quoted, sep))
			}
		}
	}
	return out
}

// canaries are a ring, and the secrets in it: root bytes, a subkey, the master of
// a schedule.
func canaries(t *testing.T) (*keyring.Keyring, *keyring.Schedule, map[string][]string) {
	secret := func(seed int) []byte {
		b := make([]byte, 32)
		for i := range b {
			b[i] = byte(131*i*i + 37*i + seed) // no runs, no repeats
		}
		return b
	}
	text := `{"kty":"oct","kid":"AAAAAAA","k":"` + base64.RawURLEncoding.EncodeToString(secret(200)) + `","use":"enc","created":1700000000000}`
	r := parse(t, text, strings.Replace(jwk("BBBBBBA", 1, ms0, ms0), k1, base64.RawURLEncoding.EncodeToString(secret(77)), 1))
	s, err := keyring.NewSchedule(secret(150), time.Hour, 3)
	if err != nil {
		t.Fatal(err)
	}
	sub := r.Primary().Cache(keyring.Label{Purpose: "seal"}, func(sub []byte) any { return sub }).([]byte)
	return r, s, map[string][]string{
		"primary": needles(secret(200)), "fallback": needles(secret(77)), "master": needles(secret(150)), "subkey": needles(sub),
	}
}

// search fails the test if a secret shows in text.
func search(t *testing.T, where, text string, secrets map[string][]string) {
	t.Helper()
	for name, list := range secrets {
		for _, n := range list {
			if strings.Contains(text, n) {
				t.Fatalf("%s shows the %s as %q", where, name, n)
			}
		}
	}
}

// The search must find what it searches for.
func TestT1_TheSearchFinds(t *testing.T) {
	secret := []byte{200, 33, 7, 91, 155, 0, 17, 203, 99, 4}
	list := map[string][]string{"it": needles(secret)}
	array := [10]byte(secret)
	for _, text := range []string{
		string(secret), fmt.Sprint(secret), fmt.Sprintf("%d", array), fmt.Sprintf("%x", array), fmt.Sprintf("%X", secret),
		fmt.Sprintf("% x", secret), fmt.Sprintf("%#v", secret), fmt.Sprintf("%v", array), fmt.Sprintf("%q", secret),
		fmt.Sprintf("%b", secret), base64.StdEncoding.EncodeToString(secret), base64.RawURLEncoding.EncodeToString(secret),
		"{\"k\":\"" + base64.RawURLEncoding.EncodeToString(secret) + "\"}", strings.ReplaceAll(fmt.Sprint(secret), " ", ","),
	} {
		found := false
		for _, n := range list["it"] {
			found = found || strings.Contains(text, n)
		}
		if !found {
			t.Errorf("not found in %q", text)
		}
	}
}

// nested holds everything where fmt may not call methods.
type nested struct {
	key     keyring.Key
	pointer *keyring.Key
	ring    *keyring.Keyring
	value   keyring.Keyring
	list    []keyring.Key
	byName  map[string]keyring.Key
	any     any
	source  keyring.Source
	deep    struct{ deeper [1]struct{ key keyring.Key } }
}

func TestT1_KeysNeverPrint(t *testing.T) {
	r, s, secrets := canaries(t)
	k := r.Primary()
	h := holding(r)
	f := openFile(t, newKeyFile(t, string(r.JWKSet())), nil)
	s.At(at(ms0))
	n := nested{
		key: k, pointer: &k, ring: r, value: *r, list: r.Keys(), byName: map[string]keyring.Key{"k": k}, any: k, source: s,
	}
	n.deep.deeper[0].key = k
	type Exported struct {
		Key    keyring.Key
		Ring   *keyring.Keyring
		Source any
	}
	values := map[string]any{
		"Key": k, "*Key": &k, "Keyring": *r, "*Keyring": r, "view": r.At(at(ms0)), "[]Key": r.Keys(), "map": n.byName,
		"Holder": h, "File": f, "Schedule": s, "Schedule's ring": s.At(at(ms0)),
		"nested": n, "*nested": &n, "exported": Exported{k, r, f}, "reflect.Value": reflect.ValueOf(n).Field(0),
		"reflect.Value of the pointer": reflect.ValueOf(k).Field(1), "method": k.Derive, "type": fmt.Sprintf("%T", k),
		"counters": k.Counters(), "zero": keyring.Key{}, "nil": (*keyring.Keyring)(nil),
	}
	for name, v := range values {
		for c := 'A'; c <= 'z'; c++ {
			for _, flags := range []string{"", "+", "#", " ", "+#", "-040.3"} {
				format := "%" + flags + string(c)
				search(t, name+" under "+format, fmt.Sprintf(format, v), secrets)
			}
		}
		search(t, name+" under Sprint", fmt.Sprint(v)+fmt.Sprintln(v), secrets)
		search(t, name+" in an error", fmt.Errorf("wrapped: %v %w", v, fmt.Errorf("%#v", v)).Error(), secrets)
		if text, err := json.Marshal(v); err == nil {
			search(t, name+" as json", string(text), secrets)
		}
		if text, err := xml.Marshal(v); err == nil {
			search(t, name+" as xml", string(text), secrets)
		}
		func() {
			defer func() { search(t, name+" in a panic", fmt.Sprint(recover()), secrets) }()
			panic(v)
		}()
		var log bytes.Buffer
		for _, handler := range []slog.Handler{
			slog.NewTextHandler(&log, nil),
			slog.NewJSONHandler(&log, nil),
		} {
			slog.New(handler).With("with", v).Info("logged", "value", v, slog.Group("group", "value", v))
		}
		search(t, name+" under slog", log.String(), secrets)
	}
}

// What shows instead is useful: the ids.
func TestT1_WhatShows(t *testing.T) {
	r := parse(t, jwk("AAAAAAA", 1, ms0, ms0), jwk("BBBBBBA", 2, ms0, 0))
	k := r.Primary()
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("m", "key", k, "ring", r)
	text, err := json.Marshal(struct {
		Key  keyring.Key
		Ring *keyring.Keyring
	}{k, r})
	if err != nil {
		t.Fatal(err)
	}
	for _, got := range []string{fmt.Sprintf("%x %d", k, r), log.String(), string(text)} {
		for _, want := range []string{"keyring.Key(BBBBBBA, redacted)", "keyring.Keyring(AAAAAAA, *BBBBBBA, redacted)"} {
			if !strings.Contains(got, want) {
				t.Errorf("%s does not say %s", got, want)
			}
		}
	}
	if got := fmt.Sprintf("%v %v %s", keyring.Key{}, (*keyring.Keyring)(nil), new(keyring.Keyring)); got != "keyring.Key(none) keyring.Keyring(none) keyring.Keyring(none)" {
		t.Error(got)
	}
}

// A printer that ignores methods and follows every pointer, as test helpers do,
// meets the closure and no bytes. Nor does anything compare two keys as equal
// that are not the same.
func TestT1_ReflectionMeetsNoSecret(t *testing.T) {
	r, s, secrets := canaries(t)
	s.At(at(ms0))
	seen := map[uintptr]bool{}
	found := 0
	var walk func(where string, v reflect.Value)
	walk = func(where string, v reflect.Value) {
		switch v.Kind() {
		case reflect.Pointer:
			if !v.IsNil() && !seen[v.Pointer()] {
				seen[v.Pointer()] = true
				walk(where, v.Elem())
			}
		case reflect.Interface:
			if !v.IsNil() {
				walk(where, v.Elem())
			}
		case reflect.Struct:
			for i := range v.NumField() {
				walk(where+"."+v.Type().Field(i).Name, v.Field(i))
			}
		case reflect.Slice, reflect.Array:
			var raw []byte
			for i := range v.Len() {
				if e := v.Index(i); e.Kind() == reflect.Uint8 {
					raw = append(raw, byte(e.Uint()))
				} else {
					walk(where+"[]", e)
				}
			}
			search(t, where, string(raw), secrets)
		case reflect.String:
			found++
			search(t, where, v.String(), secrets)
		}
	}
	for _, v := range []any{r, r.Primary(), s} {
		walk(fmt.Sprintf("%T", v), reflect.ValueOf(v))
	}
	if found == 0 {
		t.Error("the walk met no string, not even an id: it did not walk")
	}
}

// T3: errors of the loader and of files do not repeat what they read.
func TestT3_ErrorsRepeatNothing(t *testing.T) {
	r, _, secrets := canaries(t)
	text := string(r.JWKSet())
	for i := range text {
		for _, broken := range []string{text[:i], text[:i] + "\\" + text[i:], text[:i] + "x" + text[i:], text[:i] + text[i+1:]} {
			_, err := keyring.Parse(broken)
			if err == nil {
				continue // a digit less in a time, say
			}
			search(t, "the error", fmt.Sprintf("%v %+v %#v", err, err, err), secrets)
			if strings.Contains(err.Error(), "AAAAAA") || strings.Contains(err.Error(), "BBBBBB") {
				t.Fatalf("the error repeats an id: %v", err)
			}
		}
	}
	if _, err := keyring.NewSchedule([]byte(canary), 1, 99); err == nil || strings.Contains(err.Error(), canary) {
		t.Errorf("%v", err)
	}
}
