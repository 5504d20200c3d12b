package cookie_test

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"

	"github.com/hardtack-go/hardtack/internal/vectors"
)

// The generator of testdata/vectors. It is a second writer of the format, made
// from docs/FORMAT.md with the standard library and without a line of the
// package, so the vectors are no echo of the code they test. Everything in it is
// deterministic: keys, nonces and plaintexts are hashes of their names.
//
//	go test ./cookie -run Vectors -update
//
// writes the files; without -update the test compares them.

// vectorFile is one file. Files stand alone: each has the keys it needs.
type vectorFile struct {
	Format  string        `json:"format"`
	About   string        `json:"about"`
	Ring    []vectors.Key `json:"ring"`
	Vectors []vector      `json:"vectors"`
}

// vector is one token with one verdict. Every refused one has exactly one fault.
type vector struct {
	ID        string `json:"id"`
	Comment   string `json:"comment"`
	Name      string `json:"name"`
	Audience  string `json:"audience"`
	Token     string `json:"token"`
	Result    string `json:"result"` // "accepted" or a cookie.Reason
	Kid       string `json:"kid,omitempty"`
	Plaintext string `json:"plaintext_hex"` // what was sealed, also where the token is refused; empty where nothing was
}

const vectorName = "__Host-session"

// maker builds the vectors of one file.
type maker struct {
	file vectorFile
	seen map[string]bool
	t    testing.TB
}

var b64 = base64.RawURLEncoding

func hash(s string) []byte { h := sha256.Sum256([]byte(s)); return h[:] }

// rootKey is the n-th key of the vectors. 0 and 1 are in the ring, 2 is not.
func rootKey(n int) vectors.Key {
	return vectors.Key{
		Kid:     [...]string{"aK0-_z4", "bK1AAAA", "cK2__-8"}[n],
		Root:    hex.EncodeToString(hash(fmt.Sprint("hardtack vector root key ", n))),
		Created: 1700000000000 - int64(n)*86400000,
	}
}

func lp(parts ...string) []byte {
	var b []byte
	for _, p := range parts {
		b = binary.BigEndian.AppendUint32(b, uint32(len(p)))
		b = append(b, p...)
	}
	return b
}

// deriveRaw is HKDF as FORMAT.md has it.
func deriveRaw(root []byte, purpose, audience, name string) []byte {
	k, err := hkdf.Key(sha256.New, root, nil, string(lp("hardtack/v1", purpose, audience, name)), 32)
	if err != nil {
		panic(err)
	}
	return k
}

// plan says how to build a token. The zero value of each field means canonical.
type plan struct {
	id        string
	key       int
	name      string
	audience  string
	purpose   string
	kid       string // in the header, if not that of key
	header    string // the JSON text of the header, if not canonical
	plaintext []byte
	aad       func(headerSegment string) []byte
	iv        []byte
	subkey    []byte
}

// parts are the decoded pieces of a token.
type parts struct{ header, key, iv, ct, tag string } // segments, in base64url

func (p parts) String() string {
	return strings.Join([]string{p.header, p.key, p.iv, p.ct, p.tag}, ".")
}

func (p plan) build() parts {
	k := rootKey(p.key)
	if p.kid == "" {
		p.kid = k.Kid
	}
	if p.header == "" {
		p.header = `{"alg":"dir","enc":"A256GCM","kid":"` + p.kid + `"}`
	}
	if p.name == "" {
		p.name = vectorName
	}
	if p.purpose == "" {
		p.purpose = "seal"
	}
	if p.iv == nil {
		p.iv = hash("iv " + p.id)[:12]
	}
	root, _ := hex.DecodeString(k.Root)
	if p.subkey == nil {
		p.subkey = deriveRaw(root, p.purpose, p.audience, p.name)
	}
	segment := b64.EncodeToString([]byte(p.header))
	aad := []byte(segment)
	if p.aad != nil {
		aad = p.aad(segment)
	}
	block, err := aes.NewCipher(p.subkey)
	if err != nil {
		panic(err)
	}
	gcm, err := cipher.NewGCMWithNonceSize(block, len(p.iv))
	if err != nil {
		panic(err)
	}
	sealed := gcm.Seal(nil, p.iv, p.plaintext, aad)
	n := len(p.plaintext)
	return parts{segment, "", b64.EncodeToString(p.iv), b64.EncodeToString(sealed[:n]), b64.EncodeToString(sealed[n:])}
}

// claimsOf is a plaintext that looks like a session, so that whoever debugs a
// reader sees something familiar.
func claimsOf(id string) []byte {
	return []byte(`{"sid":"` + b64.EncodeToString(hash("sid " + id)[:16]) + `","iat":1700000000,"exp":1700043200,"rnw":1700000000,"d":{"id":"` + id + `"}}`)
}

func (m *maker) add(v vector) {
	if m.seen[v.ID] {
		m.t.Fatalf("vector id %s twice", v.ID)
	}
	m.seen[v.ID] = true
	if v.Name == "" {
		v.Name = vectorName
	}
	m.file.Vectors = append(m.file.Vectors, v)
}

// accept adds a token that opens.
func (m *maker) accept(comment string, p plan) {
	m.add(vector{
		ID: p.id, Comment: comment, Name: p.name, Audience: p.audience, Token: p.build().String(),
		Result: "accepted", Kid: rootKey(p.key).Kid, Plaintext: hex.EncodeToString(p.plaintext),
	})
}

// refuse adds a token that was built by a plan and then changed.
func (m *maker) refuse(result, comment string, p plan, change func(*parts)) {
	if p.plaintext == nil {
		p.plaintext = claimsOf(p.id)
	}
	token := p.build()
	if change != nil {
		change(&token)
	}
	m.add(vector{ID: p.id, Comment: comment, Token: token.String(), Result: result, Plaintext: hex.EncodeToString(p.plaintext)})
}

// raw adds a token that is no product of a plan.
func (m *maker) raw(result, id, comment, token string) {
	m.add(vector{ID: id, Comment: comment, Token: token, Result: result})
}

// makeVectors returns the files by name.
func makeVectors(t testing.TB) map[string][]byte {
	files := map[string][]byte{}
	seen := map[string]bool{}
	for _, f := range []struct {
		name, about string
		fill        func(*maker)
	}{
		{"accepted", "Canonical tokens. A reader opens all of them; a writer with the same nonce makes the same token.", acceptedVectors},
		{"header", "The tag is right for the header as it stands; only the header is not the canonical one. Foreign: never delete such a cookie.", headerVectors},
		{"kid", "Canonical tokens under a key that the ring does not hold. Never delete such a cookie: another instance may have the key.", kidVectors},
		{"shape", "The canonical header and a key of the ring, and then not the canonical shape. In most of them the cryptography would work out.", shapeVectors},
		{"base64", "Other spellings of the same bytes. A lenient decoder opens most of these tokens.", base64Vectors},
		{"tag", "Canonical in every character; the tag does not match.", tagVectors},
		{"foreign", "Values in other formats, and values that are too long.", foreignVectors},
	} {
		m := &maker{seen: seen, t: t}
		m.file = vectorFile{Format: "hardtack session cookie, JWE, vectors version 1", About: f.about, Ring: []vectors.Key{rootKey(0), rootKey(1)}}
		f.fill(m)
		files[f.name+".json"] = vectors.Encode(t, m.file)
	}
	return files
}

func acceptedVectors(m *maker) {
	for _, n := range []int{0, 1, 2, 3, 4, 5, 6, 15, 16, 17, 31, 32, 33, 220, 1024, 2995} {
		text := bytes.Repeat(hash("accepted"), n/32+1)[:n]
		m.accept(fmt.Sprintf("%d bytes, %d characters", n, 102+(4*n+2)/3), plan{id: fmt.Sprintf("accepted-length-%d", n), plaintext: text})
	}
	m.accept("claims of a session", plan{id: "accepted-claims", plaintext: claimsOf("accepted-claims")})
	m.accept("sealed under the fallback key", plan{id: "accepted-fallback", key: 1, plaintext: claimsOf("accepted-fallback")})
	m.accept("another cookie name", plan{id: "accepted-name", name: "session", plaintext: claimsOf("accepted-name")})
	m.accept("an audience", plan{id: "accepted-audience", audience: "https://app.example", plaintext: claimsOf("accepted-audience")})
	m.accept("an audience that is not ASCII: HKDF info has its UTF-8 bytes", plan{id: "accepted-audience-utf8", audience: "größe", plaintext: claimsOf("accepted-audience-utf8")})
	m.accept("the parts of the HKDF info carry their length: compare the next", plan{id: "accepted-injective-1", audience: "ab", name: "c", plaintext: []byte("1")})
	m.accept("same concatenation as the one before, another key", plan{id: "accepted-injective-2", audience: "a", name: "bc", plaintext: []byte("1")})
	m.accept("every byte value: the codec does not look into the plaintext", plan{id: "accepted-bytes", plaintext: allBytes()})
	m.accept("an IV of zeros is an IV", plan{id: "accepted-iv-zero", iv: make([]byte, 12), plaintext: []byte("{}")})
	m.accept("an IV of ones", plan{id: "accepted-iv-ones", iv: bytes.Repeat([]byte{0xff}, 12), plaintext: []byte("{}")})
}

func allBytes() []byte {
	b := make([]byte, 256)
	for i := range b {
		b[i] = byte(i)
	}
	return b
}

func headerVectors(m *maker) {
	kid := rootKey(0).Kid
	for _, h := range [][3]string{
		{"alg-none", `{"alg":"none","enc":"A256GCM","kid":"K"}`, "alg none"},
		{"alg-a256kw", `{"alg":"A256KW","enc":"A256GCM","kid":"K"}`, "alg A256KW"},
		{"alg-a256gcmkw", `{"alg":"A256GCMKW","enc":"A256GCM","kid":"K"}`, "alg A256GCMKW"},
		{"alg-rsa-oaep", `{"alg":"RSA-OAEP","enc":"A256GCM","kid":"K"}`, "alg RSA-OAEP"},
		{"alg-rsa1-5", `{"alg":"RSA1_5","enc":"A256GCM","kid":"K"}`, "alg RSA1_5"},
		{"alg-ecdh-es", `{"alg":"ECDH-ES","enc":"A256GCM","kid":"K"}`, "alg ECDH-ES"},
		{"alg-pbes2", `{"alg":"PBES2-HS256+A128KW","enc":"A256GCM","kid":"K"}`, "alg PBES2, whose iteration count is the attacker's"},
		{"alg-case", `{"alg":"DIR","enc":"A256GCM","kid":"K"}`, "dir in capitals"},
		{"alg-missing", `{"enc":"A256GCM","kid":"K"}`, "no alg"},
		{"alg-name-case", `{"Alg":"dir","enc":"A256GCM","kid":"K"}`, "Alg: a decoder that ignores case takes it"},
		{"enc-a128gcm", `{"alg":"dir","enc":"A128GCM","kid":"K"}`, "enc A128GCM"},
		{"enc-a192gcm", `{"alg":"dir","enc":"A192GCM","kid":"K"}`, "enc A192GCM"},
		{"enc-case", `{"alg":"dir","enc":"a256gcm","kid":"K"}`, "enc in lower case"},
		{"enc-missing", `{"alg":"dir","kid":"K"}`, "no enc"},
		{"kid-missing", `{"alg":"dir","enc":"A256GCM"}`, "no kid"},
		{"kid-empty", `{"alg":"dir","enc":"A256GCM","kid":""}`, "empty kid"},
		{"kid-number", `{"alg":"dir","enc":"A256GCM","kid":1234567}`, "kid is a number"},
		{"kid-null", `{"alg":"dir","enc":"A256GCM","kid":null}`, "kid is null"},
		{"kid-short", `{"alg":"dir","enc":"A256GCM","kid":"aK0-_z"}`, "kid of six characters"},
		{"kid-long", `{"alg":"dir","enc":"A256GCM","kid":"aK0-_z4A"}`, "kid of eight characters"},
		{"kid-very-long", `{"alg":"dir","enc":"A256GCM","kid":"` + strings.Repeat("A", 1000) + `"}`, "kid of 1000 characters"},
		{"kid-alphabet", `{"alg":"dir","enc":"A256GCM","kid":"aK0+/z4"}`, "kid in the other base64 alphabet"},
		{"kid-quote", `{"alg":"dir","enc":"A256GCM","kid":"aK0\"_z"}`, "kid with an escaped quote"},
		{"kid-bits", `{"alg":"dir","enc":"A256GCM","kid":"aK0-_z5"}`, "kid with unused bits set: the bytes of a key of the ring"},
		{"kid-escape", `{"alg":"dir","enc":"A256GCM","kid":"\u0061K0-_z4"}`, "kid of a key of the ring, with a JSON escape"},
		{"kid-name-case", `{"alg":"dir","enc":"A256GCM","KID":"K"}`, "KID"},
		{"order", `{"enc":"A256GCM","alg":"dir","kid":"K"}`, "other order of members"},
		{"order-kid-first", `{"kid":"K","alg":"dir","enc":"A256GCM"}`, "kid first"},
		{"space-start", ` {"alg":"dir","enc":"A256GCM","kid":"K"}`, "space before"},
		{"space-inside", `{"alg": "dir","enc":"A256GCM","kid":"K"}`, "space after a colon"},
		{"space-before-end", `{"alg":"dir","enc":"A256GCM","kid":"K" }`, "space before the closing brace"},
		{"newline", "{\"alg\":\"dir\",\n\"enc\":\"A256GCM\",\"kid\":\"K\"}", "line break"},
		{"bom", "\ufeff" + `{"alg":"dir","enc":"A256GCM","kid":"K"}`, "byte order mark"},
		{"escape-alg", `{"alg":"d\u0069r","enc":"A256GCM","kid":"K"}`, "dir with a JSON escape"},
		{"dup-alg", `{"alg":"none","alg":"dir","enc":"A256GCM","kid":"K"}`, "alg twice, last one good"},
		{"dup-alg-last", `{"alg":"dir","enc":"A256GCM","kid":"K","alg":"none"}`, "alg twice, first one good"},
		{"dup-kid", `{"alg":"dir","enc":"A256GCM","kid":"cK2__-8","kid":"K"}`, "kid twice"},
		{"typ", `{"alg":"dir","enc":"A256GCM","kid":"K","typ":"JWT"}`, "typ"},
		{"typ-first", `{"typ":"JWT","alg":"dir","enc":"A256GCM","kid":"K"}`, "typ first"},
		{"cty", `{"alg":"dir","enc":"A256GCM","kid":"K","cty":"JWT"}`, "cty"},
		{"zip", `{"alg":"dir","enc":"A256GCM","kid":"K","zip":"DEF"}`, "zip (the plaintext is not compressed; refused all the same)"},
		{"crit", `{"alg":"dir","enc":"A256GCM","kid":"K","crit":["exp"],"exp":1}`, "crit"},
		{"crit-empty", `{"alg":"dir","enc":"A256GCM","kid":"K","crit":[]}`, "empty crit"},
		{"b64", `{"alg":"dir","enc":"A256GCM","kid":"K","b64":false}`, "b64"},
		{"jku", `{"alg":"dir","enc":"A256GCM","kid":"K","jku":"https://attacker.example/"}`, "jku"},
		{"jwk", `{"alg":"dir","enc":"A256GCM","kid":"K","jwk":{"kty":"oct","k":"AAAA"}}`, "jwk"},
		{"x5u", `{"alg":"dir","enc":"A256GCM","kid":"K","x5u":"https://attacker.example/"}`, "x5u"},
		{"epk", `{"alg":"dir","enc":"A256GCM","kid":"K","epk":{}}`, "epk"},
		{"p2c", `{"alg":"dir","enc":"A256GCM","kid":"K","p2c":1000000000}`, "p2c"},
		{"iv-in-header", `{"alg":"dir","enc":"A256GCM","kid":"K","iv":"AAAAAAAAAAAAAAAA"}`, "iv as a header parameter"},
		{"unknown-member", `{"alg":"dir","enc":"A256GCM","kid":"K","x":1}`, "a member nobody knows"},
		{"array", `["dir","A256GCM","K"]`, "not an object"},
		{"empty-object", `{}`, "empty object"},
		{"comma", `{"alg":"dir","enc":"A256GCM","kid":"K",}`, "comma before the end"},
	} {
		m.refuse("foreign", h[2], plan{id: "header-" + h[0], header: strings.Replace(h[1], `"K"`, `"`+kid+`"`, 1)}, nil)
	}
	m.refuse("foreign", "A128CBC-HS256: its key has 32 bytes too", plan{id: "header-enc-a128cbc-hs256"}, func(p *parts) { *p = cbc("header-enc-a128cbc-hs256", 32) })
	m.refuse("foreign", "A256CBC-HS512 under the subkey twice", plan{id: "header-enc-a256cbc-hs512"}, func(p *parts) { *p = cbc("header-enc-a256cbc-hs512", 64) })
	m.refuse("foreign", "empty header segment", plan{id: "header-empty"}, func(p *parts) { p.header = "" })
	m.refuse("foreign", "header not encoded at all", plan{id: "header-raw"}, func(p *parts) { p.header = `{"alg":"dir","enc":"A256GCM","kid":"` + kid + `"}` })
	m.refuse("foreign", "header cut after its constant part", plan{id: "header-cut"}, func(p *parts) { p.header = p.header[:48] })
	m.refuse("foreign", "header cut by one character", plan{id: "header-cut-1"}, func(p *parts) { p.header = p.header[:59] })
	m.refuse("foreign", "header with padding", plan{id: "header-padding"}, func(p *parts) { p.header = p.header[:59] + "=" })
	m.refuse("foreign", "character of the constant part in the other case", plan{id: "header-char-case"}, func(p *parts) { p.header = "E" + p.header[1:] })
}

// cbc is a token of the other family of content encryption (RFC 7518 section
// 5.2), correct for the seal subkey.
func cbc(id string, size int) parts {
	root, _ := hex.DecodeString(rootKey(0).Root)
	key := deriveRaw(root, "seal", "", vectorName)
	enc, newHash := "A128CBC-HS256", sha256.New
	if size == 64 {
		enc, newHash, key = "A256CBC-HS512", sha512.New, append(key, key...)
	}
	header := b64.EncodeToString([]byte(`{"alg":"dir","enc":"` + enc + `","kid":"` + rootKey(0).Kid + `"}`))
	iv, text := hash("iv " + id)[:16], claimsOf(id)
	pad := 16 - len(text)%16
	text = append(text, bytes.Repeat([]byte{byte(pad)}, pad)...)
	block, err := aes.NewCipher(key[size/2:])
	if err != nil {
		panic(err)
	}
	ct := make([]byte, len(text))
	cipher.NewCBCEncrypter(block, iv).CryptBlocks(ct, text)
	mac := hmac.New(newHash, key[:size/2])
	mac.Write([]byte(header))
	mac.Write(iv)
	mac.Write(ct)
	mac.Write(binary.BigEndian.AppendUint64(nil, uint64(len(header)*8)))
	return parts{header, "", b64.EncodeToString(iv), b64.EncodeToString(ct), b64.EncodeToString(mac.Sum(nil)[:size/2])}
}

// Vectors about what follows the header.

func kidVectors(m *maker) {
	m.refuse("unknown-key", "a key that exists and is not in the ring", plan{id: "kid-other-ring", key: 2}, nil)
	for i, kid := range []string{"AAAAAAA", "------8", "______8", "AK0-_z4", "aK0-_z8", "aK0-_z0", "bK0AAAA", "4z_-0KA", "aaaaaaY", "bK1AAAE", "0K1AAAA", "aK1AAAA"} {
		m.refuse("unknown-key", "a token of a ring key under the key id "+kid, plan{id: fmt.Sprintf("kid-unknown-%d", i), kid: kid}, nil)
	}
}

func shapeVectors(m *maker) {
	bad := func(id, comment string, change func(*parts)) {
		m.refuse("malformed", comment, plan{id: "shape-" + id}, change)
	}
	join := func(id, comment string, cut func(p parts) string) {
		p := plan{id: "shape-" + id, plaintext: claimsOf("shape-" + id)}
		m.add(vector{ID: p.id, Comment: comment, Token: cut(p.build()), Result: "malformed", Plaintext: hex.EncodeToString(p.plaintext)})
	}
	re := func(s string, n int) string { // the segment's first n bytes, or more of them
		b, err := b64.DecodeString(s)
		if err != nil {
			panic(err)
		}
		b = append(b, make([]byte, max(0, n-len(b)))...)
		return b64.EncodeToString(b[:n])
	}
	bad("key-nonempty", "encrypted key of one byte: dir has none (RFC 7516 section 5.2 step 10)", func(p *parts) { p.key = "AA" })
	bad("key-32", "encrypted key of 32 bytes", func(p *parts) { p.key = b64.EncodeToString(make([]byte, 32)) })
	bad("key-is-subkey", "encrypted key that repeats the IV", func(p *parts) { p.key = p.iv })
	for _, n := range []int{0, 1, 8, 11, 13, 16, 24} {
		bad(fmt.Sprintf("iv-%d", n), fmt.Sprintf("IV of %d bytes", n), func(p *parts) { p.iv = re(p.iv, n) })
	}
	m.refuse("malformed", "IV of 16 bytes for which the tag is right", plan{id: "shape-iv-16-valid", iv: hash("iv16")[:16]}, nil)
	m.refuse("malformed", "IV of 8 bytes for which the tag is right", plan{id: "shape-iv-8-valid", iv: hash("iv8")[:8]}, nil)
	for _, n := range []int{0, 1, 4, 8, 10, 11, 12, 13, 14, 15} {
		bad(fmt.Sprintf("tag-%d", n), fmt.Sprintf("tag cut to %d bytes (CVE-2023-37464, CVE-2025-47275)", n), func(p *parts) { p.tag = re(p.tag, n) })
	}
	for _, n := range []int{17, 24, 32} {
		bad(fmt.Sprintf("tag-%d", n), fmt.Sprintf("tag followed by zeros to %d bytes", n), func(p *parts) { p.tag = re(p.tag, n) })
	}
	bad("ct-in-tag", "the last ciphertext bytes moved into the tag segment", func(p *parts) {
		p.tag, p.ct = p.ct[len(p.ct)/4*4-4:]+p.tag, p.ct[:len(p.ct)/4*4-4]
	})
	bad("tag-in-ct", "the whole tag in the ciphertext segment", func(p *parts) {
		ct, _ := b64.DecodeString(p.ct)
		tag, _ := b64.DecodeString(p.tag)
		p.ct, p.tag = b64.EncodeToString(append(ct, tag...)), ""
	})
	bad("iv-in-ct", "IV in front of the ciphertext, IV segment empty", func(p *parts) { p.ct, p.iv = p.iv+p.ct, "" })
	bad("ct-impossible", "ciphertext whose length no bytes have (one over a multiple of four)", func(p *parts) {
		p.ct = p.ct[:len(p.ct)/4*4-3]
	})
	join("segments-1", "header alone", func(p parts) string { return p.header })
	join("segments-2", "header and dot", func(p parts) string { return p.header + "." })
	join("segments-3", "three segments, as a JWS", func(p parts) string { return p.header + "." + p.ct + "." + p.tag })
	join("segments-4", "the empty segment missing", func(p parts) string { return strings.Join([]string{p.header, p.iv, p.ct, p.tag}, ".") })
	join("segments-4-tag", "tag segment missing", func(p parts) string { return strings.Join([]string{p.header, "", p.iv, p.ct}, ".") })
	join("segments-6", "a sixth, empty segment", func(p parts) string { return p.String() + "." })
	join("segments-6-front", "a dot more behind the header", func(p parts) string { return strings.Replace(p.String(), "..", "...", 1) })
	join("segments-6-inside", "a dot within the ciphertext", func(p parts) string { return strings.Replace(p.String(), p.ct, p.ct[:8]+"."+p.ct[8:], 1) })
	join("segments-empty", "only dots behind the header", func(p parts) string { return p.header + "...." })
	join("dots", "many dots behind the header", func(p parts) string { return p.header + strings.Repeat(".", 1000) })
	join("dot-comma", "a comma for a dot", func(p parts) string { return strings.Replace(p.String(), "..", ".,", 1) })
	join("header-longer", "a character between the header and its dot", func(p parts) string { return p.header + "A" + p.String()[60:] })
	join("twice", "the token twice in a row", func(p parts) string { return p.String() + p.String() })
	join("twice-dot", "the token twice, with a dot between", func(p parts) string { return p.String() + "." + p.String() })
	join("order-iv-ct", "IV and ciphertext in exchanged places", func(p parts) string { return strings.Join([]string{p.header, "", p.ct, p.iv, p.tag}, ".") })
	join("order-ct-tag", "ciphertext and tag in exchanged places", func(p parts) string { return strings.Join([]string{p.header, "", p.iv, p.tag, p.ct}, ".") })
	join("order-key-iv", "IV in the place of the encrypted key", func(p parts) string { return strings.Join([]string{p.header, p.iv, "", p.ct, p.tag}, ".") })
}

func base64Vectors(m *maker) {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	// setBits sets an unused bit of a segment's last character.
	setBits := func(s string, bit int) string {
		i := strings.IndexByte(alphabet, s[len(s)-1])
		return s[:len(s)-1] + alphabet[i|bit:i|bit+1]
	}
	spell := func(id, comment string, n int, change func(*parts)) {
		p := plan{id: "base64-" + id}
		if n >= 0 {
			p.plaintext = bytes.Repeat(hash(id), 2)[:n]
		}
		m.refuse("malformed", comment, p, change)
	}
	for _, bit := range []int{1, 2, 4, 8} {
		spell(fmt.Sprintf("tag-bit-%d", bit), "unused bit of the tag's last character set", -1, func(p *parts) { p.tag = setBits(p.tag, bit) })
		spell(fmt.Sprintf("ct-bit-%d", bit), "unused bit of the ciphertext's last character set (4 are unused)", 1, func(p *parts) { p.ct = setBits(p.ct, bit) })
	}
	for _, bit := range []int{1, 2} {
		spell(fmt.Sprintf("ct2-bit-%d", bit), "unused bit of the ciphertext's last character set (2 are unused)", 2, func(p *parts) { p.ct = setBits(p.ct, bit) })
	}
	spell("tag-padding", "tag with padding", -1, func(p *parts) { p.tag += "==" })
	spell("ct-padding", "ciphertext with padding", 1, func(p *parts) { p.ct += "==" })
	spell("ct-padding-1", "ciphertext with padding", 2, func(p *parts) { p.ct += "=" })
	insert := func(s, c string) string { return s[:6] + c + s[6:] }
	for _, c := range [][2]string{{"lf", "\n"}, {"cr", "\r"}, {"crlf", "\r\n"}, {"space", " "}, {"tab", "\t"}, {"nul", "\x00"}, {"percent", "%41"}, {"plus", "+"}, {"utf8", "ä"}} {
		spell("ct-"+c[0], fmt.Sprintf("%q inserted into the ciphertext", c[1]), 30, func(p *parts) { p.ct = insert(p.ct, c[1]) })
		spell("tag-"+c[0], fmt.Sprintf("%q inserted into the tag", c[1]), 30, func(p *parts) { p.tag = insert(p.tag, c[1]) })
	}
	for _, c := range [][2]string{{"lf", "\n"}, {"crlf", "\r\n"}, {"space", " "}} {
		spell("end-"+c[0], fmt.Sprintf("%q behind the token", c[1]), 30, func(p *parts) { p.tag += c[1] })
	}
	spell("iv-lf", "line feed in the IV", 30, func(p *parts) { p.iv = insert(p.iv, "\n") })
	spell("iv-space-for-char", "space for a character of the IV: same length", 30, func(p *parts) { p.iv = p.iv[:6] + " " + p.iv[7:] })
	spell("ct-lf-for-char", "line feed for a character of the ciphertext: same length", 30, func(p *parts) { p.ct = p.ct[:6] + "\n" + p.ct[7:] })
	spell("tag-lf-for-char", "line feed for a character of the tag: same length", 30, func(p *parts) { p.tag = p.tag[:6] + "\n" + p.tag[7:] })
	// The standard alphabet in place of the URL one, where a segment has the character.
	swap := func(s string) string { return strings.NewReplacer("-", "+", "_", "/").Replace(s) }
	for _, seg := range []string{"iv", "ct", "tag"} {
		for try := 0; ; try++ { // a plaintext whose segment has a character to swap
			p := plan{id: "base64-std-" + seg, plaintext: hash(fmt.Sprint(seg, try)), iv: hash(fmt.Sprint("iv", seg, try))[:12]}
			t := p.build()
			part := map[string]*string{"iv": &t.iv, "ct": &t.ct, "tag": &t.tag}[seg]
			if other := swap(*part); other != *part {
				m.refuse("malformed", seg+" in the standard alphabet", p, func(t *parts) {
					*map[string]*string{"iv": &t.iv, "ct": &t.ct, "tag": &t.tag}[seg] = other
				})
				break
			}
		}
	}
}

func tagVectors(m *maker) {
	bad := func(id, comment string, p plan, change func(*parts)) {
		p.id = "tag-" + id
		m.refuse("bad-tag", comment, p, change)
	}
	flip := func(s string, at int, bit byte) string {
		b, err := b64.DecodeString(s)
		if err != nil {
			panic(err)
		}
		b[at] ^= bit
		return b64.EncodeToString(b)
	}
	for i := range 16 {
		bad(fmt.Sprintf("flip-tag-%d", i), fmt.Sprintf("bit %d of byte %d of the tag", i%8, i), plan{}, func(p *parts) { p.tag = flip(p.tag, i, 1<<(i%8)) })
	}
	for i := range 12 {
		bad(fmt.Sprintf("flip-iv-%d", i), fmt.Sprintf("bit %d of byte %d of the IV", i%8, i), plan{}, func(p *parts) { p.iv = flip(p.iv, i, 1<<(i%8)) })
	}
	for _, i := range []int{0, 1, 15, 16, 17, 31, 32, 63} {
		bad(fmt.Sprintf("flip-ct-%d", i), fmt.Sprintf("one bit of byte %d of the ciphertext", i), plan{}, func(p *parts) { p.ct = flip(p.ct, i, 1<<(i%8)) })
	}
	bad("zero", "tag of zeros", plan{}, func(p *parts) { p.tag = strings.Repeat("A", 22) })
	bad("ones", "tag of ones", plan{}, func(p *parts) { p.tag = strings.Repeat("_", 21) + "w" })
	bad("ct-cut", "ciphertext cut by three bytes", plan{}, func(p *parts) { p.ct = p.ct[:(len(p.ct)-1)/4*4] })
	bad("ct-longer", "three zero bytes behind the ciphertext", plan{plaintext: hash("longer")[:30]}, func(p *parts) { p.ct += "AAAA" })
	bad("ct-empty", "ciphertext removed", plan{}, func(p *parts) { p.ct = "" })
	bad("iv-case", "a letter of the IV in the other case", plan{iv: []byte("abcdefghijkl")}, func(p *parts) { p.iv = strings.ToLower(p.iv[:1]) + p.iv[1:] })
	bad("other-key", "sealed under the other key of the ring, with this one's key id", plan{key: 1, kid: rootKey(0).Kid}, nil)
	bad("foreign-key", "sealed under a key that is not in the ring, with a key id that is", plan{key: 2, kid: rootKey(0).Kid}, nil)
	bad("header-swapped", "the header of the other key of the ring put in front", plan{}, func(p *parts) { p.header = plan{key: 1}.build().header })
	bad("name", "sealed for another cookie name", plan{name: "session"}, nil)
	bad("name-case", "sealed for the name in another case", plan{name: "__host-session"}, nil)
	bad("audience", "sealed for an audience, opened without", plan{audience: "https://app.example"}, nil)
	bad("name-split", "the name cut in two between audience and name: the same concatenation", plan{audience: "__Host", name: "-session"}, nil)
	for _, purpose := range []string{"nonce", "stamp", "id", "barrier", "log"} {
		bad("purpose-"+purpose, "sealed under the subkey for "+purpose, plan{purpose: purpose}, nil)
	}
	root, _ := hex.DecodeString(rootKey(0).Root)
	bad("root-key", "sealed under the root key itself", plan{subkey: root}, nil)
	bad("zero-key", "sealed under a key of zeros", plan{subkey: make([]byte, 32)}, nil)
	bad("aes-128", "sealed with AES-128 under half of the subkey", plan{subkey: deriveRaw(root, "seal", "", vectorName)[:16]}, nil)
	bad("no-aad", "sealed without additional data", plan{aad: func(string) []byte { return nil }}, nil)
	bad("aad-json", "additional data is the header's JSON, not its segment", plan{aad: func(s string) []byte { b, _ := b64.DecodeString(s); return b }}, nil)
	bad("aad-dot", "additional data with a dot behind", plan{aad: func(s string) []byte { return []byte(s + ".") }}, nil)
	other := plan{id: "tag-mixed-other", plaintext: claimsOf("tag-mixed-other")}.build()
	bad("mixed-iv", "IV of another token", plan{}, func(p *parts) { p.iv = other.iv })
	bad("mixed-ct", "ciphertext of another token", plan{}, func(p *parts) { p.ct = other.ct })
	bad("mixed-tag", "tag of another token", plan{}, func(p *parts) { p.tag = other.tag })
}

func foreignVectors(m *maker) {
	token := plan{id: "foreign-token", plaintext: claimsOf("foreign-token")}.build()
	full := token.String()
	for _, v := range [][3]string{
		{"empty", "empty value", ""},
		{"dots", "four dots", "...."},
		{"constant-part", "the 48 constant characters alone", full[:48]},
		{"text", "some word", "hello"},
		{"jwt-hs256", "a signed JWT (the example of RFC 7515, appendix A.1)", "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"},
		{"jwt-none", "an unsecured JWT", "eyJhbGciOiJub25lIn0.e30."},
		{"json-general", "the general JSON serialisation: compact only", `{"protected":"` + token.header + `","iv":"` + token.iv + `","ciphertext":"` + token.ct + `","tag":"` + token.tag + `"}`},
		{"json-recipients", "JSON serialisation with recipients", `{"recipients":[{}],"protected":"` + token.header + `"}`},
		{"securecookie", "the shape of a gorilla/securecookie value", b64.EncodeToString([]byte("1700000000|payload|" + strings.Repeat("m", 32)))},
		{"django", "the shape of a Django signed value", "eyJhIjoxfQ:1r2Abc:abcdefghijklmnopqrstuvwxyz0123456789-_ABCDE"},
		{"paseto", "the shape of a PASETO", "v4.local.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"},
		{"iron", "the shape of an iron-session seal", "Fe26.2*1*abc*def*ghi**jkl*mno~2"},
		{"quoted", "a token in quotes", `"` + full + `"`},
		{"space-front", "a space in front", " " + full},
		{"percent-encoded", "percent-encoded", "%65" + full[1:]},
		{"base64-of-token", "the token encoded once more", b64.EncodeToString([]byte(full))},
		{"upper", "in capitals", strings.ToUpper(full)},
		{"lower", "in lower case", strings.ToLower(full)},
		{"reversed-dots", "only the segments behind the header", full[60:]},
	} {
		m.raw("foreign", "foreign-"+v[0], v[1], v[2])
	}
	long := bytes.Repeat(hash("long"), 100)
	m.refuse("foreign", "4,097 characters: one over the limit, and authentic otherwise", plan{id: "foreign-long-4097", plaintext: long[:2996]}, nil)
	m.raw("foreign", "foreign-long-dots", "many dots", strings.Repeat(".", 5000))
	m.raw("foreign", "foreign-long-prefix", "the constant part and far too much", full[:48]+strings.Repeat("A", 5000))
}
