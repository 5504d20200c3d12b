package cookie_test

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"strings"
)

// The second half of the generator: vectors about what follows the header.

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
