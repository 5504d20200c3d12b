package advisories_test

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/keyring"
)

// readerScript says what js/reader.js makes of Cookie headers.
const readerScript = `
import { text } from "node:stream/consumers";
const { reader } = await import(process.argv[1]);
const { keys, headers, now } = JSON.parse(await text(process.stdin));
const sessions = await reader(keys);
const found = [];
for (const header of headers) {
  const { verdict, session } = await sessions.read(header, now);
  found.push(verdict + " " + (session?.user ?? ""));
}
console.log(JSON.stringify(found));
`

// Whoever can make the reader use the key in another way can forge. Each of these tokens is
// authentic under the key of the site, so that only its header is wrong.
func TestAdvisory_CVE_2026_22818_AlgorithmFromTheHeader(t *testing.T) {
	s := newSite(t, nil)
	b := s.browser()
	b.login("ann")
	ring := s.keys.At(s.now())
	codec, err := cookie.JWE(sessionName, "")
	if err != nil {
		t.Fatal(err)
	}
	opened, err := codec.Open(ring, b.cookies[sessionName])
	if err != nil {
		t.Fatal(err)
	}
	block, err := aes.NewCipher(ring.Primary().Derive(cookie.SealLabel(sessionName, "")))
	if err != nil {
		t.Fatal(err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		t.Fatal(err)
	}
	under := func(header string) string {
		h, iv := b64.EncodeToString([]byte(header)), make([]byte, aead.NonceSize())
		rand.Read(iv)
		out := aead.Seal(nil, iv, opened.Plaintext, []byte(h))
		n := len(out) - aead.Overhead()
		return h + ".." + b64.EncodeToString(iv) + "." + b64.EncodeToString(out[:n]) + "." + b64.EncodeToString(out[n:])
	}
	kid := ring.Primary().ID()
	right := `{"alg":"dir","enc":"A256GCM","kid":"` + kid + `"}`
	// The header of the site's own tokens, whatever its order of members is.
	own, _, _ := strings.Cut(b.cookies[sessionName], ".")
	text, err := b64.DecodeString(own)
	if err != nil {
		t.Fatal(err)
	}
	tokens := []string{under(string(text))} // the power check
	for _, change := range [][2]string{
		{`"dir"`, `"none"`}, {`"dir"`, `"A256KW"`}, {`"dir"`, `"A256GCMKW"`}, {`"dir"`, `"PBES2-HS256+A128KW"`}, {`"dir"`, `"RSA-OAEP"`}, {`"dir"`, `"HS256"`},
		{`"dir"`, `"Dir"`}, {`"dir"`, `["dir"]`}, {`"dir"`, `null`}, {`"alg":"dir",`, ``}, {`"A256GCM"`, `"A128GCM"`}, {`"A256GCM"`, `"A256CBC-HS512"`},
		{`"A256GCM"`, `"none"`}, {`"enc":"A256GCM",`, ``}, {`}`, `,"alg":"none"}`}, {`}`, `,"jwk":{"kty":"oct","k":"AAAA"}}`}, {`}`, `,"jku":"https://evil.example/"}`},
	} {
		for _, header := range []string{right, string(text)} {
			if changed := strings.Replace(header, change[0], change[1], 1); changed != header {
				tokens = append(tokens, under(changed))
			}
		}
	}
	var headers, want []string
	for i, token := range tokens {
		headers = append(headers, sessionName+"="+token)
		got := s.send("GET", "/who", headers[i]).body
		if i == 0 {
			same(t, "the honest token", got, "ann")
			want = append(want, "ok ann")
			continue
		}
		if got != "nobody" {
			t.Errorf("%s opens as %s", token, got)
		}
		want = append(want, "no")
	}

	node, err := exec.LookPath("node")
	if err != nil {
		if os.Getenv("HARDTACK_CI") == "1" {
			t.Fatal("node isn't installed")
		}
		t.Skip("node isn't installed, so js/reader.js isn't tried")
	}
	module, err := filepath.Abs("../../js/reader.js")
	if err != nil {
		t.Fatal(err)
	}
	var keys []json.RawMessage
	for _, label := range []keyring.Label{cookie.SealLabel(sessionName, ""), {Purpose: "barrier", Name: sessionName}} {
		keys = append(keys, ring.Primary().ExportJWK(label))
	}
	input, err := json.Marshal(map[string]any{
		"keys":    map[string]any{"keys": keys},
		"headers": headers, "now": s.now().Unix(),
	})
	if err != nil {
		t.Fatal(err)
	}
	var fault bytes.Buffer
	cmd := exec.Command(node, "--input-type=module", "--eval", readerScript, "file://"+filepath.ToSlash(module))
	cmd.Stdin, cmd.Stderr = bytes.NewReader(input), &fault
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, &fault)
	}
	var found []string
	if err := json.Unmarshal(out, &found); err != nil || len(found) != len(want) {
		t.Fatalf("%v: %s", err, out)
	}
	for i := range want {
		if strings.HasPrefix(found[i], "ok") != (want[i] == "ok ann") || i == 0 && found[i] != want[i] {
			t.Errorf("js/reader.js says %q of %s", found[i], tokens[i])
		}
	}
}

func TestAdvisory_CVE_2024_47764_AttributesInAName(t *testing.T) {
	for _, c := range []cookie.Config{
		{Name: "userName=<script>alert(1)</script>; Max-Age=2592000; a"},
		{Name: "a=b"}, {Name: "a b"}, {Name: "a,b"}, {Name: `"a"`}, {Name: "a\tb"}, {Name: "ä"}, {Name: "a\x7f"}, {Name: " a"},
		{Name: "session", Path: "/; Domain=example.com"}, {Name: "session", Path: "/a;HttpOnly"}, {Name: "session", Path: "/\x01"},
		{Name: "session", Domain: "legit.example; Domain=.example"}, {Name: "session", Domain: "example.com, evil.example"}, {Name: "session", Domain: "exa mple.com"},
	} {
		if _, err := cookie.New(c); err == nil {
			t.Errorf("%+v is accepted", c)
		}
	}
	jar, err := cookie.New(cookie.Config{Name: "session", Path: "/shop", Domain: "shop.example"})
	if err != nil {
		t.Fatal(err)
	}
	for _, value := range []string{"a; Domain=example", "a;b", "a b", "a,b", `a"b`, `a\b`, "a\x7f", "ä"} {
		if line, err := jar.Set(value, newSite(t, nil).now(), 0); err == nil {
			t.Errorf("%q is set as %q", value, line)
		}
	}
}
