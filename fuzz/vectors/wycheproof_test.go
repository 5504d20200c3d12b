package vectors_test

import (
	"bytes"
	"context"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"testing"

	"github.com/c2sp/wycheproof"

	"github.com/hardtack-go/hardtack/auth"
	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/cookie/jose"
	"github.com/hardtack-go/hardtack/fuzz/internal/fixed"
	"github.com/hardtack-go/hardtack/internal/jwe"
	"github.com/hardtack-go/hardtack/keyring"
	"github.com/hardtack-go/hardtack/ssestore"
)

// The Wycheproof files that apply, from their own Go module. Our code is tested with a
// vector directly, if it can use it. If we always make the key or the message ourselves
// (HKDF's info, the stamp's key), a plain reference is tested with the vectors first,
// and our code is compared with the reference, on the vectors' data.

func wycheproofFile[T any](t *testing.T, name string) (groups []T) {
	t.Helper()
	text, err := fs.ReadFile(wycheproof.TestVectors, name)
	if err != nil {
		t.Fatal(err)
	}
	var file struct{ TestGroups []T }
	if err := json.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	return file.TestGroups
}

// used prints how many cases apply, and compares that with how many must.
func used(t *testing.T, what string, n, want int) {
	t.Helper()
	t.Logf("Wycheproof %s: %d cases used", what, n)
	if n < want {
		t.Errorf("%s: %d cases, want %d", what, n, want)
	}
}

// otherAD is a cipher that replaces the additional data it is given. The vectors have
// their own, but ours is always the header.
type otherAD struct {
	cipher.AEAD
	ad []byte
}

func (a otherAD) Open(dst, nonce, ciphertext, _ []byte) ([]byte, error) {
	return a.AEAD.Open(dst, nonce, ciphertext, a.ad)
}

func (a otherAD) Seal(dst, nonce, plaintext, _ []byte) []byte {
	return a.AEAD.Seal(dst, nonce, plaintext, a.ad)
}

// aes_gcm, keys of 256 bits, IVs of 96, tags of 128: as tokens through jwe.Open.
// All other sizes are refused: keys by NewAEAD, IVs and tags by their length in
// the token.
func TestWycheproof_AESGCM(t *testing.T) {
	type group struct {
		KeySize, IvSize, TagSize int
		Tests                    []struct {
			TcID                               int
			Key, IV, AAD, Msg, CT, Tag, Result string
		}
	}
	n, refused := 0, 0
	for _, g := range wycheproofFile[group](t, "aes_gcm_test.json") {
		for _, c := range g.Tests {
			iv, ct, tag := unhex(t, c.IV), unhex(t, c.CT), unhex(t, c.Tag)
			token := strings.Join([]string{string(jwe.AppendHeader(nil, fixed.Kid(0))), "", b64.EncodeToString(iv), b64.EncodeToString(ct), b64.EncodeToString(tag)}, ".")
			aead, err := jwe.NewAEAD(unhex(t, c.Key))
			if (err == nil) != (g.KeySize == 256) {
				t.Errorf("case %d: a key of %d bits: %v", c.TcID, g.KeySize, err)
			}
			if err != nil || g.IvSize != 96 || g.TagSize != 128 {
				_, fault := jwe.Open(nil, &fixed.Transparent{}, token) // no tag is wrong for this one
				if (g.IvSize != 96 || g.TagSize != 128) && fault != jwe.Malformed {
					t.Errorf("case %d: IV of %d bits, tag of %d: %v", c.TcID, g.IvSize, g.TagSize, fault)
				}
				refused++
				continue
			}
			n++
			box := otherAD{aead, unhex(t, c.AAD)}
			plaintext, fault := jwe.Open(nil, box, token)
			if c.Result == "valid" {
				if fault != jwe.OK || !bytes.Equal(plaintext, unhex(t, c.Msg)) {
					t.Errorf("case %d: %v, %x", c.TcID, fault, plaintext)
				}
				if again := jwe.PlainSeal(box, iv, fixed.Kid(0), unhex(t, c.Msg)); again != token {
					t.Errorf("case %d: sealed to another token", c.TcID)
				}
			} else if fault != jwe.BadTag || plaintext != nil {
				t.Errorf("case %d (%s): %v, %x", c.TcID, c.Result, fault, plaintext)
			}
		}
	}
	used(t, "aes_gcm 256/96/128", n, 66)
	t.Logf("Wycheproof aes_gcm: %d cases of other sizes, all refused", refused)
}

// plainHKDF is RFC 5869 from HMAC, section by section.
func plainHKDF(ikm, salt, info []byte, size int) []byte {
	if size > 255*sha256.Size {
		return nil
	}
	if len(salt) == 0 {
		salt = make([]byte, sha256.Size)
	}
	prk := fixed.MAC(salt, ikm)
	var out, last []byte
	for i := byte(1); len(out) < size; i++ {
		last = fixed.MAC(prk, last, info, []byte{i})
		out = append(out, last...)
	}
	return out[:size]
}

// hkdf_sha256: the reference against all cases, the standard library's too, which
// Derive uses; then Derive against the reference with every key and info of 32
// bytes of key there are.
func TestWycheproof_HKDF(t *testing.T) {
	type group struct {
		Tests []struct {
			TcID                         int
			IKM, Salt, Info, OKM, Result string
			Size                         int
		}
	}
	n, derived := 0, 0
	seen := map[string]bool{}
	for _, g := range wycheproofFile[group](t, "hkdf_sha256_test.json") {
		for _, c := range g.Tests {
			n++
			ikm, salt, info := unhex(t, c.IKM), unhex(t, c.Salt), unhex(t, c.Info)
			want := unhex(t, c.OKM)
			std, err := hkdf.Key(sha256.New, ikm, salt, string(info), c.Size)
			if c.Result != "valid" {
				if err == nil || plainHKDF(ikm, salt, info, c.Size) != nil {
					t.Errorf("case %d: accepted", c.TcID)
				}
				continue
			}
			if err != nil || !bytes.Equal(std, want) || !bytes.Equal(plainHKDF(ikm, salt, info, c.Size), want) {
				t.Errorf("case %d: other output", c.TcID)
			}
			if len(ikm) != 32 || seen[c.IKM] {
				continue
			}
			seen[c.IKM] = true
			ring, err := keyring.Parse(fmt.Sprintf(`{"keys":[{"kty":"oct","kid":"AAAAAAA","k":"%s","use":"enc","created":1}]}`, b64.EncodeToString(ikm)))
			if err != nil {
				t.Errorf("case %d: %v", c.TcID, err)
				continue
			}
			for _, l := range []keyring.Label{{}, {Purpose: string(info)}, {Audience: string(info)}, {Purpose: "seal", Audience: string(salt), Name: string(info)}} {
				derived++
				sub := plainHKDF(ikm, nil, fixed.LP("hardtack/v1", l.Purpose, l.Audience, l.Name), 32)
				if got := ring.Primary().Derive(l); !bytes.Equal(got, sub) {
					t.Errorf("case %d, %+v: Derive gives another key", c.TcID, l)
				}
			}
		}
	}
	used(t, "hkdf_sha256", n, 86)
	t.Logf("Wycheproof hkdf_sha256: %d subkeys of %d root keys derived as the reference does", derived, len(seen))
	if len(seen) < 5 {
		t.Errorf("only %d keys of 32 bytes", len(seen))
	}
}

// user is what the application knows of somebody.
type user struct{ id, field string }

// ann manages one user, who is stamped with a field.
func ann(t *testing.T, field string) *auth.Manager[*user] {
	t.Helper()
	m, err := auth.New(auth.Config[*user]{
		UserByID: func(context.Context, string) (*user, error) { return &user{"ann", field}, nil },
		ID:       func(u *user) string { return u.id },
		Stamp:    func(u *user) string { return u.field },
	})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// hmac_sha256: a reference against all cases; then the stamp of a session with
// each message as the stamped field. A session with the right stamp has a user.
// One whose stamp is altered as the vector's tag is has none.
func TestWycheproof_HMACAsStamp(t *testing.T) {
	type group struct {
		KeySize, TagSize int
		Tests            []struct {
			TcID                  int
			Key, Msg, Tag, Result string
		}
	}
	ring := fixed.Ring(t, 0)
	key := ring.Primary()
	store, err := ssestore.New(ssestore.Config{Keys: ring, Audience: fixed.Audience})
	if err != nil {
		t.Fatal(err)
	}
	c, err := cookie.JWE(fixed.CookieName, fixed.Audience)
	if err != nil {
		t.Fatal(err)
	}
	n, accepted, refused := 0, 0, 0
	for _, g := range wycheproofFile[group](t, "hmac_sha256_test.json") {
		for _, v := range g.Tests {
			n++
			msg, tag := unhex(t, v.Msg), unhex(t, v.Tag)
			sum := fixed.MAC(unhex(t, v.Key), msg)[:g.TagSize/8]
			valid := v.Result == "valid"
			if hmac.Equal(sum, tag) != valid {
				t.Errorf("case %d: the reference says %v", v.TcID, !valid)
				continue
			}
			// The same message and the same alteration, under our key.
			stamp := fixed.Stamp(key, "ann", string(msg))
			for i := range tag {
				stamp[i] ^= sum[i] ^ tag[i]
			}
			session := fixed.Session("V", key)
			session.Stp = stamp
			token, err := c.Seal(ring, session.Append(nil))
			if err != nil {
				t.Fatal(err)
			}
			s := store.Load([]string{fixed.CookieName + "=" + token}, fixed.Now)
			_, err = ann(t, string(msg)).GetUser(t.Context(), s)
			if (err == nil) != valid || err != nil && !errors.Is(err, auth.ErrNoUser) {
				t.Errorf("case %d (%s): GetUser says %v", v.TcID, v.Result, err)
			}
			if valid {
				accepted++
			} else {
				refused++
			}
		}
	}
	used(t, "hmac_sha256", n, 174)
	t.Logf("Wycheproof hmac_sha256: %d stamps accepted, %d altered ones refused", accepted, refused)
}

// json_web_key: none of its key sets is one of ours, and none is taken. Then its
// ideas in our own form: a mixed set, one kid twice, keys that are empty, short
// or long, another use, another alg.
func TestWycheproof_JSONWebKey(t *testing.T) {
	type group struct {
		Comment string
		Private json.RawMessage
		Tests   []struct{ TcID int }
	}
	n := 0
	for _, g := range wycheproofFile[group](t, "json_web_key_test.json") {
		set := string(g.Private)
		var whole struct{ Keys []json.RawMessage }
		if json.Unmarshal(g.Private, &whole) != nil || whole.Keys == nil {
			set = `{"keys":[` + set + `]}`
		}
		if ring, err := keyring.Parse(set); err == nil || ring != nil {
			t.Errorf("%s: taken as a keyring", g.Comment)
		}
		n += len(g.Tests)
	}
	used(t, "json_web_key", n, 26)

	good := string(fixed.Ring(t, 0).JWKSet())
	key := strings.TrimSuffix(strings.TrimPrefix(good, `{"keys":[`), `]}`)
	second := strings.TrimSuffix(strings.TrimPrefix(string(fixed.Ring(t, 1).JWKSet()), `{"keys":[`), `]}`)
	k := b64.EncodeToString(fixed.Bytes("root 0"))
	for what, set := range map[string]string{
		"mixed set":     `{"keys":[` + key + `,{"kty":"EC","crv":"P-256","kid":"fuzz1-A","x":"AA","y":"AA","use":"enc","created":1}]}`,
		"duplicate kid": `{"keys":[` + key + "," + strings.Replace(second, fixed.Kid(1), fixed.Kid(0), 1) + `]}`,
		"empty key":     strings.Replace(good, k, "", 1),
		"short key":     strings.Replace(good, k, k[:42], 1),
		"128-bit key":   strings.Replace(good, k, k[:22], 1),
		"long key":      strings.Replace(good, k, b64.EncodeToString(make([]byte, 64)), 1),
		"wrong use":     strings.Replace(good, `"enc"`, `"sig"`, 1),
		"another alg":   strings.Replace(good, `"use"`, `"alg":"HS256","use"`, 1),
		"A256GCM":       strings.Replace(good, `"use"`, `"alg":"A256GCM","use"`, 1),
		"A256KW":        strings.Replace(good, `"use"`, `"alg":"A256KW","use"`, 1),
		"wrong kty":     strings.Replace(good, `"oct"`, `"RSA"`, 1),
	} {
		if set == good {
			t.Fatalf("%s: no change", what)
		}
		if ring, err := keyring.Parse(set); err == nil || ring != nil {
			t.Errorf("%s: taken as a keyring", what)
		}
	}
}

// json_web_encryption: none of its tokens opens with any of our codecs, valid or not,
// not even under its own key. Then its cases 1 to 32 serve as templates: the same is
// done to one of our tokens.
func TestWycheproof_JSONWebEncryption(t *testing.T) {
	type group struct {
		Comment string
		Private struct{ K string }
		Tests   []struct {
			TcID         int
			Comment, Enc string
			JWE          string
			Result       string
		}
	}
	ring := fixed.Ring(t, 0)
	ours, err := cookie.JWE(fixed.CookieName, fixed.Audience)
	if err != nil {
		t.Fatal(err)
	}
	base := fixed.Token(t, ring.Primary(), "template", []byte("foo"))
	p := [5]string(strings.Split(base, "."))
	const characters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	flip := func(s string, at int) string { // a bit that carries data
		b := []byte(s)
		b[at] = characters[strings.IndexByte(characters, b[at])^32]
		return string(b)
	}
	edit := func(i int, s string) string { q := p; q[i] = s; return strings.Join(q[:], ".") }
	drop := func(i int) string { q := p; return strings.Join(slices.Delete(q[:], i, i+1), ".") }
	tag, _ := b64.DecodeString(p[4])
	// A token that says another enc, with the tag that is right for that header: the
	// header alone must lead to the refusal.
	as := func(enc string) string {
		head := b64.EncodeToString(fmt.Appendf(nil, `{"alg":"dir","enc":"%s","kid":"%s"}`, enc, fixed.Kid(0)))
		iv := fixed.Bytes("iv " + enc)[:12]
		out := fixed.GCM(t, ring.Primary()).Seal(nil, iv, []byte("foo"), []byte(head))
		return strings.Join([]string{head, "", b64.EncodeToString(iv), b64.EncodeToString(out[:3]), b64.EncodeToString(out[3:])}, ".")
	}
	if _, err := ours.Open(ring, as("A256GCM")); err != nil {
		t.Fatalf("the template itself: %v", err)
	}
	// What each comment of the file means for a token of ours.
	template := map[string]string{
		"acceptsValid":                                base,
		"rejectsModifiedAuthenticationTag":            edit(4, flip(p[4], 0)),
		"rejectsModifiedAuthenticationTagAtEnd":       edit(4, flip(p[4], 21)),
		"rejectsAuthenticationTagTooLong":             edit(4, p[4]+"AAAA"),
		"rejectsTruncatedAuthenticationTagBy1Byte":    edit(4, b64.EncodeToString(tag[:15])),
		"rejectsTruncatedAuthenticationTagBy4Bytes":   edit(4, b64.EncodeToString(tag[:12])),
		"rejectsTruncatedAuthenticationTagBy8Bytes":   edit(4, b64.EncodeToString(tag[:8])),
		"rejectsMissingAuthenticationTag":             edit(4, ""),
		"rejectsMissingAuthenticationTagAndSeparator": drop(4),
		"rejectsModifiedCiphertext":                   edit(3, flip(p[3], 0)),
		"rejectsMissingCiphertext":                    edit(3, ""),
		"rejectsMissingCiphertextAndSeparator":        drop(3),
		"rejectsModifiedIv":                           edit(2, flip(p[2], 0)),
		"rejectsMissingIv":                            edit(2, ""),
		"rejectsMissingIvAndSeparator":                drop(2),
		"rejectsModifiedEncryptedKey":                 edit(1, b64.EncodeToString(make([]byte, 40))),
		"rejectsMissingEncryptedKey":                  edit(1, "AA"), // missing is what it must be: here one too many
		"rejectsMissingEncryptedKeyAndSeparator":      drop(1),
		"rejectsModifiedHeader":                       edit(0, flip(p[0], 50)),
		"rejectsMissingHeader":                        edit(0, ""),
		"rejectsMissingHeaderAndSeparator":            drop(0),
		"rejectsValidJsonSerialization":               fmt.Sprintf(`{"protected":"%s","iv":"%s","ciphertext":"%s","tag":"%s"}`, p[0], p[2], p[3], p[4]),
		"acceptsA128Gcm":                              as("A128GCM"),
		"rejectsGhashTooLong":                         edit(4, p[4]+"AA"),
		"rejectsTruncatedGhashBy1Byte":                edit(4, b64.EncodeToString(tag[:15])),
		"rejectsTruncatedGhashBy4Bytes":               edit(4, b64.EncodeToString(tag[:12])),
		"rejectsTruncatedGhashBy8Bytes":               edit(4, b64.EncodeToString(tag[:8])),
		"acceptsA192Gcm":                              as("A192GCM"),
		"acceptsA128CbcHs256":                         as("A128CBC-HS256"),
		"acceptsA192CbcHs384":                         as("A192CBC-HS384"),
		"acceptsA256CbcHs512":                         as("A256CBC-HS512"),
	}
	n, cloned := 0, 0
	for _, g := range wycheproofFile[group](t, "json_web_encryption_test.json") {
		codecs := []cookie.Codec{ours}
		if k, err := base64.RawURLEncoding.DecodeString(g.Private.K); err == nil && (len(k) == 32 || len(k) == 64) {
			opener, err := jose.WithKeys(k)("session", "")
			if err != nil {
				t.Fatal(err)
			}
			codecs = append(codecs, opener)
		}
		for _, c := range g.Tests {
			n++
			for _, codec := range codecs {
				if _, err := codec.Open(ring, c.JWE); !errors.Is(err, cookie.ErrInvalid) {
					t.Errorf("case %d (%s): %v", c.TcID, c.Comment, err)
				}
			}
			if c.TcID > 32 {
				continue
			}
			token, ok := template[c.Comment]
			if !ok {
				t.Errorf("case %d: the template has no %q", c.TcID, c.Comment)
				continue
			}
			cloned++
			opened, err := ours.Open(ring, token)
			if c.Comment == "acceptsValid" {
				if err != nil || string(opened.Plaintext) != "foo" {
					t.Errorf("case %d: %v", c.TcID, err)
				}
			} else if !errors.Is(err, cookie.ErrInvalid) {
				t.Errorf("case %d, cloned (%s): opened", c.TcID, c.Comment)
			}
		}
	}
	used(t, "json_web_encryption", n, 139)
	used(t, "json_web_encryption as template", cloned, 32)
}
