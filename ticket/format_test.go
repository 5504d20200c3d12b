package ticket_test

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/hardtack-go/hardtack/internal/vectors"
	"github.com/hardtack-go/hardtack/keyring"
	"github.com/hardtack-go/hardtack/ticket"
)

const formatPage = "../docs/FORMAT.md"

var exampleKey = vectors.Key{Kid: "ZXhhbXA", Root: "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f", Created: 1700000000000}

// example computes the ticket of the worked example of FORMAT.md with the standard
// library, step by step. Root key, kid and audience are those of the session there.
func example() [][2]string {
	const (
		purpose   = "reset"
		audience  = "shop"
		field     = "$argon2id$v=19$m=65536,t=3,p=4$c2FsdHNhbHRzYWx0$aGFzaA"
		address   = "ada@example.org"
		plaintext = `{"iat":1700000000,"exp":1700003600,"bnd":"%s","d":"42"}`
	)
	x := func(b []byte) string { return hex.EncodeToString(b) }
	root, _ := hex.DecodeString(exampleKey.Root)
	sum := sha256.Sum256(lp(field, address))
	bnd := b64.EncodeToString(sum[:16])
	text := fmt.Sprintf(plaintext, bnd)
	segment := b64.EncodeToString([]byte(`{"alg":"dir","enc":"A256GCM","kid":"` + exampleKey.Kid + `"}`))
	mac := hmac.New(sha256.New, derive(root, "ticket-nonce", audience, purpose))
	mac.Write([]byte(strings.Repeat("\xa5", 32)))
	mac.Write(lp(segment))
	mac.Write([]byte(text))
	iv := mac.Sum(nil)[:12]
	block, err := aes.NewCipher(derive(root, "ticket", audience, purpose))
	if err != nil {
		panic(err)
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		panic(err)
	}
	out := gcm.Seal(nil, iv, []byte(text), []byte(segment))
	ct, tag := out[:len(text)], out[len(text):]
	return [][2]string{
		{"ticket purpose", purpose},
		{"ticket info", x(lp("hardtack/v1", "ticket", audience, purpose))},
		{"ticket subkey", x(derive(root, "ticket", audience, purpose))},
		{"ticket nonce info", x(lp("hardtack/v1", "ticket-nonce", audience, purpose))},
		{"ticket nonce subkey", x(derive(root, "ticket-nonce", audience, purpose))},
		{"ticket first field", field},
		{"ticket second field", address},
		{"ticket digest input", x(lp(field, address))},
		{"ticket digest", x(sum[:])},
		{"ticket bnd", bnd},
		{"ticket plaintext", text},
		{"ticket iv", x(iv)},
		{"ticket ciphertext", x(ct)},
		{"ticket tag", x(tag)},
		{"ticket token", strings.Join([]string{segment, "", b64.EncodeToString(iv), b64.EncodeToString(ct), b64.EncodeToString(tag)}, ".")},
	}
}

// TestFormatPage: every value about tickets on the page is what the standard library
// computes, the page has all of them, and the package opens its ticket.
func TestFormatPage(t *testing.T) {
	text, err := os.ReadFile(formatPage)
	if err != nil {
		t.Fatal(err)
	}
	page := map[string]string{}
	for _, m := range regexp.MustCompile(`(?m)^(ticket [a-z ]*) = (.*)$`).FindAllStringSubmatch(string(text), -1) {
		page[m[1]] = m[2]
	}
	want := example()
	for _, w := range want {
		if page[w[0]] != w[1] {
			t.Errorf("%s:\npage %s\nwant %s", w[0], page[w[0]], w[1])
		}
	}
	if len(page) != len(want) {
		t.Errorf("the page has %d values about tickets, want %d", len(page), len(want))
	}
	if t.Failed() {
		for _, w := range want {
			t.Logf("%s = %s", w[0], w[1])
		}
	}
	r := vectors.Ring(t, exampleKey)
	if got := fmt.Sprintf("%x", r.Primary().Derive(keyring.Label{Purpose: "ticket", Audience: "shop", Name: "reset"})); got != page["ticket subkey"] {
		t.Errorf("keyring derives %s", got)
	}
	k := newKind[string](t, r, func(c *ticket.Config) { c.Audience = "shop" })
	bound := fields[string](page["ticket first field"], page["ticket second field"])
	opens(t, k, time.Unix(1700000000, 0), page["ticket token"], bound, "42")
}
