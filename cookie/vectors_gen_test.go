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
	"encoding/json"
	"fmt"
	"strings"
	"testing"
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
	Format  string      `json:"format"`
	About   string      `json:"about"`
	Ring    []vectorKey `json:"ring"`
	Vectors []vector    `json:"vectors"`
}

// vectorKey is a root key of the ring that opens the vectors; the first is the
// primary.
type vectorKey struct {
	Kid     string `json:"kid"`
	Root    string `json:"root_hex"`
	Created int64  `json:"created_ms"`
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
func rootKey(n int) vectorKey {
	return vectorKey{
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
		m.file = vectorFile{Format: "hardtack session cookie, JWE, vectors version 1", About: f.about, Ring: []vectorKey{rootKey(0), rootKey(1)}}
		f.fill(m)
		var b bytes.Buffer
		e := json.NewEncoder(&b)
		e.SetIndent("", "  ")
		e.SetEscapeHTML(false)
		if err := e.Encode(m.file); err != nil {
			t.Fatal(err)
		}
		files[f.name+".json"] = b.Bytes()
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
