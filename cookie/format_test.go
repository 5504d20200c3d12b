package cookie_test

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/internal/claims"
	"github.com/hardtack-go/hardtack/internal/vectors"
	"github.com/hardtack-go/hardtack/keyring"
)

const formatPage = "../docs/FORMAT.md"

// example computes the worked example of FORMAT.md with the standard library,
// step by step, from the few values that are chosen.
func example() [][2]string {
	const (
		secret   = "uHq1yDk3M0fVfXr9oQwLZ2b7Nn5tEjC8aGsTzPpIxRk="
		kid      = "ZXhhbXA"
		name     = "__Host-session"
		audience = "shop"
		userID   = "42"
		sid      = "AAECAwQFBgcICQoLDA0ODw"
		until    = "1700043200"
		field    = "$argon2id$v=19$m=65536,t=3,p=4$c2FsdHNhbHRzYWx0$aGFzaA"
	)
	x := func(b []byte) string { return hex.EncodeToString(b) }
	mac := func(key, text []byte) []byte {
		h := hmac.New(sha256.New, key)
		h.Write(text)
		return h.Sum(nil)
	}
	fromSecret := func(info string, n int) []byte {
		b, err := hkdf.Key(sha256.New, []byte(secret), nil, info, n)
		if err != nil {
			panic(err)
		}
		return b
	}
	root := make([]byte, 32)
	for i := range root {
		root[i] = byte(i)
	}
	random := []byte(strings.Repeat("\xa5", 32))

	barrierKey := deriveRaw(root, "barrier", audience, name)
	stampKey := deriveRaw(root, "stamp", audience, "")
	stamp := mac(stampKey, lp(userID, field))
	header := `{"alg":"dir","enc":"A256GCM","kid":"` + kid + `"}`
	segment := b64.EncodeToString([]byte(header))
	plaintext := `{"sid":"` + sid + `","iat":1700000000,"auth_time":1700000000,"exp":` + until + `,"rnw":1700000000,` +
		`"sub":"` + userID + `","stk":"` + kid + `","stp":"` + b64.EncodeToString(stamp) + `","d":{"cart":["biscuit"]}}`
	nonceKey := deriveRaw(root, "nonce", audience, name)
	nonceText := append(append(random, lp(segment)...), plaintext...)
	iv := mac(nonceKey, nonceText)[:12]
	p := plan{header: header, plaintext: []byte(plaintext), iv: iv, subkey: deriveRaw(root, "seal", audience, name)}.build()
	raw := func(s string) string { b, _ := b64.DecodeString(s); return x(b) }
	return [][2]string{
		{"secret", secret},
		{"secret kid", b64.EncodeToString(fromSecret("hardtack/v1 secret kid", 5))},
		{"secret root key", x(fromSecret("hardtack/v1 secret key", 32))},
		{"root key", x(root)},
		{"kid", kid},
		{"cookie name", name},
		{"audience", audience},
		{"seal info", x(lp("hardtack/v1", "seal", audience, name))},
		{"seal subkey", x(deriveRaw(root, "seal", audience, name))},
		{"barrier info", x(lp("hardtack/v1", "barrier", audience, name))},
		{"barrier subkey", x(barrierKey)},
		{"nonce info", x(lp("hardtack/v1", "nonce", audience, name))},
		{"nonce subkey", x(nonceKey)},
		{"stamp info", x(lp("hardtack/v1", "stamp", audience, ""))},
		{"stamp subkey", x(stampKey)},
		{"user id", userID},
		{"field", field},
		{"stamp input", x(lp(userID, field))},
		{"stamp", x(stamp)},
		{"stp", b64.EncodeToString(stamp)},
		{"plaintext", plaintext},
		{"until", until},
		{"barrier input", x(lp(sid, until))},
		{"entry", kid + until + b64.EncodeToString(mac(barrierKey, lp(sid, until))[:16])},
		{"header", header},
		{"header segment", segment},
		{"additional data", x([]byte(segment))},
		{"random bytes", x(random)},
		{"iv", x(iv)},
		{"ciphertext", raw(p.ct)},
		{"tag", raw(p.tag)},
		{"token", p.String()},
	}
}

var formatLine = regexp.MustCompile(`(?m)^([a-z][a-zA-Z ]*) = (.*)$`)

// readFormat returns the lines "name = value" of the fenced blocks, but for those about
// tickets, which package ticket checks.
func readFormat(t *testing.T) (names []string, values map[string]string) {
	t.Helper()
	page, err := os.ReadFile(formatPage)
	if err != nil {
		t.Fatal(err)
	}
	values = map[string]string{}
	for i, block := range strings.Split(string(page), "```") {
		if i%2 == 0 {
			continue
		}
		for _, m := range formatLine.FindAllStringSubmatch(block, -1) {
			if strings.HasPrefix(m[1], "ticket ") {
				continue
			}
			if _, twice := values[m[1]]; twice {
				t.Errorf("%q twice on the page", m[1])
			}
			names = append(names, m[1])
			values[m[1]] = m[2]
		}
	}
	return names, values
}

// Every intermediate value on the page is what the standard library computes,
// and the page has all of them.
func TestFormatPage_Values(t *testing.T) {
	_, page := readFormat(t)
	want := example()
	for _, w := range want {
		if page[w[0]] != w[1] {
			t.Errorf("%s:\npage %s\nwant %s", w[0], page[w[0]], w[1])
		}
	}
	if len(page) != len(want) {
		t.Errorf("the page has %d values, want %d", len(page), len(want))
	}
}

// The package agrees with the page: same subkeys, and the token opens.
func TestFormatPage_Package(t *testing.T) {
	_, page := readFormat(t)
	ring := vectors.Ring(t, vectors.Key{Kid: page["kid"], Root: page["root key"], Created: 1700000000000})
	name, audience := page["cookie name"], page["audience"]
	for what, label := range map[string]keyring.Label{
		"seal subkey":    cookie.SealLabel(name, audience),
		"barrier subkey": {Purpose: "barrier", Audience: audience, Name: name},
		"nonce subkey":   {Purpose: "nonce", Audience: audience, Name: name},
		"stamp subkey":   {Purpose: "stamp", Audience: audience},
	} {
		if got := fmt.Sprintf("%x", ring.Primary().Derive(label)); got != page[what] {
			t.Errorf("%s: keyring derives %s, page has %s", what, got, page[what])
		}
	}
	opened, err := newJWE(t, name, audience).Open(ring, page["token"])
	if err != nil || string(opened.Plaintext) != page["plaintext"] {
		t.Errorf("token of the page: %v %s", err, opened.Plaintext)
	}
	var c claims.Claims
	if !c.Parse([]byte(page["plaintext"])) || c.Sub != page["user id"] || hex.EncodeToString(c.Stp[:]) != page["stamp"] {
		t.Errorf("claims of the page: %+v", c)
	}
	if got := c.Append(nil); string(got) != page["plaintext"] {
		t.Errorf("claims written again: %s", got)
	}
}
