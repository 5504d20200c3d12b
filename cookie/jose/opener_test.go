package jose_test

import (
	"bytes"
	"compress/flate"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	gojose "github.com/go-jose/go-jose/v4"
	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/cookie/jose"
	"github.com/hardtack-go/hardtack/internal/race"
	"github.com/hardtack-go/hardtack/keyring"
	"github.com/hardtack-go/hardtack/ssestore"
)

// What go-jose issues in its plain way, with a kid and a typ.
func TestOpener_GoJoseIssues(t *testing.T) {
	for _, row := range []struct {
		enc gojose.ContentEncryption
		key []byte
	}{{gojose.A256GCM, key32}, {gojose.A256CBC_HS512, key64}} {
		options := new(gojose.EncrypterOptions).WithType("JWT").WithContentType("json")
		issuer, err := gojose.NewEncrypter(row.enc, gojose.Recipient{Algorithm: gojose.DIRECT, Key: row.key, KeyID: "k1"}, options)
		if err != nil {
			t.Fatal(err)
		}
		for n := range 100 {
			want := fmt.Sprintf(`{"iat":1700000000,"sub":%q}`, strings.Repeat("x", n))
			object, err := issuer.Encrypt([]byte(want))
			if err != nil {
				t.Fatal(err)
			}
			token, err := object.CompactSerialize()
			if err != nil {
				t.Fatal(err)
			}
			opened, err := opener(t, key64, key32).Open(keyring.Generate(), token)
			if err != nil {
				t.Fatalf("%v: %v", row.enc, err)
			}
			same(t, opened.Plaintext, []byte(want))
			if opened.Issued.Unix() != 1700000000 || opened.Key.ID() != "" {
				t.Errorf("issued %v, key %q", opened.Issued, opened.Key.ID())
			}
		}
	}
}

// Tokens that the real systems have written, with the secret "a secret of 32
// characters, or so". The clock of a synctest bubble stands in the year 2000, so
// their expiry is never reached.
func TestOpener_RealSystems(t *testing.T) {
	const secret = "a secret of 32 characters, or so"
	for _, row := range []struct {
		what, salt, info string
		length           int
		token            string
		want             string
		issued           int64
	}{
		{"@auth/core 0.41.3 (Auth.js)",
			"__Secure-authjs.session-token", "Auth.js Generated Encryption Key (__Secure-authjs.session-token)", 64,
			"eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2Q0JDLUhTNTEyIiwia2lkIjoiX3ZEeklMRlBGN3VGaXNJbWw5bEhMYkJEZkgzaXRENlMyTkNobnpJVG1XTTVJSm5KTW5KallVdTBydURyQmtFd0MzcDI0cXFDOTBCSEJpM3NhcDVsOFEifQ..7CDnVbLI_SQsaISNJr1p2w.gj5bsrsy1hE2Jb1iX2f0m7z8N6R4wz1088HqUOTjXtFsZd58TLSgoymwksRCIgiKED0cLrxwhIxFpKzvkiiCKHmceHYJ22oxxsHzGPFG7DpMDOzjYiChvHHAEibvIpmYN0bMUTz6uW8_6SAyJbbBAYcK3nFhzAE9lr59Ir4Mqk-mL5sovJmbR8WryAikTJdl.nWBFrKBHwh_J9NpfLB6X-N7j7O4xjl6F6rUVyQDzj2k",
			`"email":"ann@example.com","sub":"42"`, 1795383061},
		{"@auth0/nextjs-auth0 4.30.0",
			"", "JWE CEK", 32,
			"eyJlbmMiOiJBMjU2R0NNIiwiYWxnIjoiZGlyIn0..pqC2BRei9RUYcFRT.w3H7si_f0worJ8ijXnO1sVcWplAx2ZXi4CeweWXqr4VZUv7u4hSHGkPpn-x7yMwGLOshlamDD_gTWyGcIP6lwuEB2NBlSxK84_jtcAUCWBZn9SatrtLBVqT277P0l3t8sLls8GfkW0tzcdvQOouyYfLT-ir16g.X4JJnEtfefV0F5dIyu7OEg",
			`"user":{"sub":"auth0|42","name":"Ann"}`, 1795383091},
		{"express-openid-connect 3.4.0",
			"", "JWE CEK", 32,
			"eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2R0NNIiwidWF0IjoxNzk1MzgzMDkxLCJpYXQiOjE3OTUzODMwOTEsImV4cCI6MTc5NTQ2OTQ5MX0..60-jgYrfyLbcSU1n.RqMFryPHvnZbszkv.8A41gz_y6-NYAi6Q7czUcg",
			`{"sub":"42"}`, 1795383091},
	} {
		t.Run(row.what, func(t *testing.T) {
			key, err := hkdf.Key(sha256.New, []byte(secret), []byte(row.salt), row.info, row.length)
			if err != nil {
				t.Fatal(err)
			}
			codec := opener(t, key)
			synctest.Test(t, func(t *testing.T) {
				opened, err := codec.Open(nil, row.token)
				if err != nil {
					t.Fatal(err)
				}
				if !strings.Contains(string(opened.Plaintext), row.want) {
					t.Errorf("plaintext %s", opened.Plaintext)
				}
				if opened.Issued.Unix() != row.issued {
					t.Errorf("issued %d, want %d", opened.Issued.Unix(), row.issued)
				}
			})
		})
	}
}

// One fault each, in a token whose tag is right wherever the fault allows it.
func TestOpener_Foreign(t *testing.T) {
	good := forge(key32, gcmHeader, `{}`)
	cbc := forge(key64, cbcHeader, `{}`)
	alter := func(s segments, change func(*segments)) string {
		change(&s)
		return s.String()
	}
	header := func(h string) string { return forge(key32, h, `{}`).String() }
	rows := map[string]string{
		// Header, RFC 8725 section 3.1 and RFC 7516 section 4.1.
		"no alg":                        header(`{"enc":"A256GCM"}`),
		"no enc":                        header(`{"alg":"dir"}`),
		"alg none":                      header(`{"alg":"none","enc":"A256GCM"}`),
		"alg DIR":                       header(`{"alg":"DIR","enc":"A256GCM"}`),
		"alg A256GCMKW":                 header(`{"alg":"A256GCMKW","enc":"A256GCM"}`),
		"alg A256KW":                    header(`{"alg":"A256KW","enc":"A256GCM"}`),
		"alg PBES2, p2c":                header(`{"alg":"PBES2-HS512+A256KW","enc":"A256GCM","p2c":2147483647,"p2s":"AAAA"}`),
		"alg ECDH-ES, epk":              header(`{"alg":"ECDH-ES","enc":"A256GCM","epk":{}}`),
		"alg RSA1_5":                    header(`{"alg":"RSA1_5","enc":"A256GCM"}`),
		"alg is a number":               header(`{"alg":1,"enc":"A256GCM"}`),
		"alg is null":                   header(`{"alg":null,"enc":"A256GCM"}`),
		"alg in a list":                 header(`{"alg":["dir"],"enc":"A256GCM"}`),
		"Alg":                           header(`{"Alg":"dir","enc":"A256GCM"}`),
		"Alg besides alg":               header(`{"alg":"dir","Alg":"dir","enc":"A256GCM"}`),
		"alg twice":                     header(`{"alg":"dir","alg":"dir","enc":"A256GCM"}`),
		"alg twice by an escape":        header(`{"alg":"none","\u0061lg":"dir","enc":"A256GCM"}`),
		"enc twice":                     header(`{"alg":"dir","enc":"A128GCM","enc":"A256GCM"}`),
		"enc A128CBC-HS256, same size":  header(`{"alg":"dir","enc":"A128CBC-HS256"}`),
		"enc A192GCM":                   header(`{"alg":"dir","enc":"A192GCM"}`),
		"enc of the other key":          header(cbcHeader),
		"zip":                           header(`{"alg":"dir","enc":"A256GCM","zip":"DEF"}`),
		"zip empty":                     header(`{"alg":"dir","enc":"A256GCM","zip":""}`),
		"crit":                          header(`{"alg":"dir","enc":"A256GCM","crit":["exp"],"exp":253402300799}`),
		"crit empty":                    header(`{"alg":"dir","enc":"A256GCM","crit":[]}`),
		"crit b64, which go-jose takes": header(`{"alg":"dir","enc":"A256GCM","crit":["b64"],"b64":true}`),
		"b64":                           header(`{"alg":"dir","enc":"A256GCM","b64":false}`),
		"jku":                           header(`{"alg":"dir","enc":"A256GCM","jku":"https://example.com"}`),
		"jwk":                           header(`{"alg":"dir","enc":"A256GCM","jwk":{"kty":"oct","k":"AA"}}`),
		"x5u":                           header(`{"alg":"dir","enc":"A256GCM","x5u":"https://example.com"}`),
		"apu":                           header(`{"alg":"dir","enc":"A256GCM","apu":"AA"}`),
		"a member we do not know":       header(`{"alg":"dir","enc":"A256GCM","nonce":"x"}`),
		"kid is a number":               header(`{"alg":"dir","enc":"A256GCM","kid":1}`),
		"kid empty":                     header(`{"alg":"dir","enc":"A256GCM","kid":""}`),
		"exp is a string":               header(`{"alg":"dir","enc":"A256GCM","exp":"1"}`),
		"exp is negative":               header(`{"alg":"dir","enc":"A256GCM","exp":-1}`),
		"iat twice":                     header(`{"alg":"dir","enc":"A256GCM","iat":1,"iat":2}`),
		"header is a list":              header(`["dir","A256GCM"]`),
		"header is a string":            header(`"dir"`),
		"header is empty":               header(``),
		"header is cut":                 header(gcmHeader[:20]),
		"two headers":                   header(gcmHeader + gcmHeader),
		"a byte order mark":             header("\ufeff" + gcmHeader),
		"header too long":               header(`{"alg":"dir","enc":"A256GCM","kid":"` + strings.Repeat("k", 1024) + `"}`),

		// Segments, RFC 7516 section 5.2 and RFC 7518 sections 4.5, 5.2.5, 5.3.
		"an encrypted key":            alter(good, func(s *segments) { s.key = []byte("ignored") }),
		"an encrypted key, CBC":       alter(cbc, func(s *segments) { s.key = key64 }),
		"IV of 11":                    alter(good, func(s *segments) { s.iv = s.iv[:11] }),
		"IV of 16 for GCM":            alter(good, func(s *segments) { s.iv = random(16) }),
		"IV of 12 for CBC":            alter(cbc, func(s *segments) { s.iv = s.iv[:12] }),
		"no IV":                       alter(good, func(s *segments) { s.iv = nil }),
		"tag of 15":                   alter(good, func(s *segments) { s.tag = s.tag[:15] }),
		"tag of 8":                    alter(good, func(s *segments) { s.tag = s.tag[:8] }),
		"tag of 1":                    alter(good, func(s *segments) { s.tag = s.tag[:1] }),
		"no tag":                      alter(good, func(s *segments) { s.tag = nil }),
		"tag of 16 for CBC":           alter(cbc, func(s *segments) { s.tag = s.tag[:16] }),
		"no tag for CBC":              alter(cbc, func(s *segments) { s.tag = nil }),
		"ciphertext moved to the tag": alter(good, func(s *segments) { s.tag = append(s.ciphertext[1:2:2], s.tag...); s.ciphertext = s.ciphertext[:1] }),
		"all moved to the tag":        alter(good, func(s *segments) { s.tag = append(s.ciphertext, s.tag...); s.ciphertext = nil }),
		"CBC, all moved to the tag":   alter(cbc, func(s *segments) { s.tag = append(s.ciphertext, s.tag...); s.ciphertext = nil }),
		"tag moved to the ciphertext": alter(good, func(s *segments) { s.ciphertext = append(s.ciphertext, s.tag...); s.tag = nil }),
		"CBC, ciphertext of 15":       alter(cbc, func(s *segments) { s.ciphertext = s.ciphertext[:15] }),
		"CBC, no ciphertext":          alter(cbc, func(s *segments) { s.ciphertext = nil }),

		// Serialization.
		"empty":              "",
		"a word":             "hello",
		"four segments":      good.String()[:strings.LastIndex(good.String(), ".")],
		"six segments":       good.String() + ".",
		"JWS":                "e30.e30.AAAA",
		"JSON serialization": `{"protected":"` + b64.EncodeToString([]byte(gcmHeader)) + `","iv":"","ciphertext":"","tag":""}`,
		"only dots":          "....",
		"a million dots":     strings.Repeat(".", 1_000_000),
		"over the cap":       forge(key32, gcmHeader, `{"d":"`+strings.Repeat("x", 16384)+`"}`).String(),
		"padding":            good.String() + "==",
		"a space":            " " + good.String(),
		"a line end":         good.String() + "\n",
		"CR LF inside":       good.String()[:10] + "\r\n" + good.String()[10:],
		"standard alphabet":  strings.Replace(good.String(), "..", "..++", 1),
	}
	codec := opener(t, key32)
	cbcCodec := opener(t, key64)
	for what, token := range rows {
		t.Run(what, func(t *testing.T) {
			refused(t, codec, nil, token, cookie.ReasonForeign)
			if what != "enc of the other key" { // for whom it is only another key's
				refused(t, cbcCodec, nil, token, cookie.ReasonForeign)
			}
		})
	}
	for what, s := range map[string]segments{"GCM": good, "CBC": cbc} {
		if _, err := opener(t, key32, key64).Open(nil, s.String()); err != nil {
			t.Errorf("%s: without a fault it does not open either: %v", what, err)
		}
	}
}

// The advisories this package depends on: what go-jose takes and we do not. When
// go-jose changes its mind, this says so.
func TestOpener_StricterThanGoJose(t *testing.T) {
	good := forge(key32, gcmHeader, `{"sub":"42","n":1}`)
	withKey, inTag := good, good
	withKey.key = []byte("ignored")
	inTag.tag = append(bytes.Clone(good.ciphertext[4:]), good.tag...)
	inTag.ciphertext = good.ciphertext[:4]
	var deflated bytes.Buffer
	w, _ := flate.NewWriter(&deflated, 9)
	w.Write([]byte(`{"d":"` + strings.Repeat("x", 200_000) + `"}`))
	w.Close()
	for what, token := range map[string]string{
		"encrypted key":     withKey.String(),
		"ciphertext in tag": inTag.String(),
		"line end":          good.String() + "\r\n",
		"crit b64":          forge(key32, `{"alg":"dir","enc":"A256GCM","crit":["b64"],"b64":true}`, `{}`).String(),
		"zip bomb":          forge(key32, `{"alg":"dir","enc":"A256GCM","zip":"DEF"}`, deflated.String()).String(),
	} {
		object, err := gojose.ParseEncryptedCompact(token, []gojose.KeyAlgorithm{gojose.DIRECT}, []gojose.ContentEncryption{gojose.A256GCM})
		if err == nil {
			_, err = object.Decrypt(key32)
		}
		if err != nil {
			t.Logf("%s: go-jose refuses it too now: %v", what, err)
		}
		refused(t, opener(t, key32), nil, token, cookie.ReasonForeign)
	}
}

// RFC 7520, the JOSE cookbook. 5.6 is dir with A128GCM, 5.9 is A128KW and zip:
// both are valid JWE, and neither is anything that we open.
func TestOpener_RFC7520(t *testing.T) {
	const (
		section56 = "eyJhbGciOiJkaXIiLCJraWQiOiI3N2M3ZTJiOC02ZTEzLTQ1Y2YtODY3Mi02MTdiNWI0NTI0M2EiLCJlbmMiOiJBMTI4R0NNIn0" +
			"..refa467QzzKx6QAB." +
			"JW_i_f52hww_ELQPGaYyeAB6HYGcR559l9TYnSovc23XJoBcW29rHP8yZOZG7YhLpT1bjFuvZPjQS-m0IFtVcXkZXdH_lr_FrdYt9HRUYkshtrMmIUAyGmUnd9zMDB2n0cRDIHAzFVeJUDxkUwVAE7_YGRPdcqMyiBoCO-FBdE-Nceb4h3-FtBP-c_BIwCPTjb9o0SbdcdREEMJMyZBH8ySWMVi1gPD9yxi-aQpGbSv_F9N4IZAxscj5g-NJsUPbjk29-s7LJAGb15wEBtXphVCgyy53CoIKLHHeJHXex45Uz9aKZSRSInZI-wjsY0yu3cT4_aQ3i1o-tiE-F8Ios61EKgyIQ4CWao8PFMj8TTnp" +
			".vbb32Xvllea2OtmHAdccRQ"
		section59 = "eyJhbGciOiJBMTI4S1ciLCJraWQiOiI4MWIyMDk2NS04MzMyLTQzZDktYTQ2OC04MjE2MGFkOTFhYzgiLCJlbmMiOiJBMTI4R0NNIiwiemlwIjoiREVGIn0" +
			".5vUT2WOtQxKWcekM_IzVQwkGgzlFDwPi.p9pUq6XHY0jfEZIl." +
			"HbDtOsdai1oYziSx25KEeTxmwnh8L8jKMFNc1k3zmMI6VB8hry57tDZ61jXyezSPt0fdLVfe6Jf5y5-JaCap_JQBcb5opbmT60uWGml8blyiMQmOn9J--XhhlYg0m-BHaqfDO5iTOWxPxFMUedx7WCy8mxgDHj0aBMG6152PsM-w5E_o2B3jDbrYBKhpYA7qi3AyijnCJ7BP9rr3U8kxExCpG3mK420TjOw" +
			".VILuUwuIxaLVmh5X-T7kmA"
	)
	for _, row := range []struct {
		section, token, key string
		alg                 gojose.KeyAlgorithm
	}{
		{"5.6", section56, "XctOhJAkA-pD9Lh7ZgW_2A", gojose.DIRECT},
		{"5.9", section59, "GZy6sIZ6wl9NJOKB-jnmVQ", gojose.A128KW},
	} {
		key, err := b64.DecodeString(row.key)
		if err != nil {
			t.Fatal(err)
		}
		// The vector is as it should be: go-jose opens it when told to.
		object, err := gojose.ParseEncryptedCompact(row.token, []gojose.KeyAlgorithm{row.alg}, []gojose.ContentEncryption{gojose.A128GCM})
		if err != nil {
			t.Fatal(err)
		}
		if plaintext, err := object.Decrypt(key); err != nil || !bytes.HasPrefix(plaintext, []byte("You can trust us")) {
			t.Fatalf("section %s: %v", row.section, err)
		}
		for _, codec := range []cookie.Codec{opener(t, key32), opener(t, key64), newCodec(t, "s", ""), newJWE(t, "s", "")} {
			refused(t, codec, keyring.Generate(), row.token, cookie.ReasonForeign)
		}
		if _, err := jose.WithKeys(key)("s", ""); err == nil {
			t.Errorf("section %s: a key of 16 bytes", row.section)
		}
	}
}

// A tag that is not right, whatever else: the key may have changed, so nobody
// may conclude anything.
func TestOpener_UnknownKey(t *testing.T) {
	good := forge(key32, gcmHeader, `{}`)
	flipped := good
	flipped.tag = bytes.Clone(good.tag)
	flipped.tag[3] ^= 4
	refused(t, opener(t, key32), nil, flipped.String(), cookie.ReasonUnknownKey)
	refused(t, opener(t, random(32)), nil, good.String(), cookie.ReasonUnknownKey)

	otherHeader := good // the header is authenticated
	otherHeader.header = []byte(`{"enc":"A256GCM","alg":"dir"}`)
	refused(t, opener(t, key32), nil, otherHeader.String(), cookie.ReasonUnknownKey)

	// Keys that an attacker can guess are not among those tried.
	refused(t, opener(t, key32), nil, forge(make([]byte, 32), gcmHeader, `{}`).String(), cookie.ReasonUnknownKey)
	refused(t, opener(t, key64), nil, forge(make([]byte, 64), cbcHeader, `{}`).String(), cookie.ReasonUnknownKey)
	// Nor is one key used for two algorithms: the GCM key is half of this one.
	refused(t, opener(t, append(bytes.Clone(key32), key32...)), nil, good.String(), cookie.ReasonForeign)
}

func TestOpener_SeveralKeys(t *testing.T) {
	old := random(32)
	codec := opener(t, key64, key32, old)
	for what, token := range map[string]segments{
		"first": forge(key64, cbcHeader, `{}`), "second": forge(key32, gcmHeader, `{}`), "third": forge(old, gcmHeader, `{}`),
	} {
		if _, err := codec.Open(nil, token.String()); err != nil {
			t.Errorf("%s key: %v", what, err)
		}
	}
}

// What is authentic and yet no claims set.
func TestOpener_Malformed(t *testing.T) {
	for _, plaintext := range []string{
		"", "hello", "null", "1", `"x"`, "[]", `[{"sub":"42"}]`, "{", `{"a":1}{"a":1}`, `{"a":1} x`,
		`{"iat":1,"iat":2}`, `{"sub":"a","sub":"b"}`, `{"sub":"a","s\u0075b":"b"}`,
		`{"iat":"1700000000"}`, `{"iat":null}`, `{"iat":-1}`, `{"iat":0}`, `{"iat":1e9}`, `{"iat":1.5e3}`, `{"iat":1.0000000001}`, `{"iat":18446744073709551617}`, `{"iat":1700000000000}`, `{"iat":253402300800}`,
		`{"iat":99999999999999999999}`, `{"iat":true}`, `{"iat":[1]}`, `{"exp":"never"}`, `{"exp":0}`, `{"nbf":{}}`,
		"eyJhbGciOiJIUzI1NiJ9.e30.AAAA", // nested
	} {
		t.Run(plaintext, func(t *testing.T) {
			refused(t, opener(t, key32), nil, forge(key32, gcmHeader, plaintext).String(), cookie.ReasonMalformed)
		})
	}
}

// J13 for foreign tokens: the pre-parse leaves one spelling.
func TestJ13_OpenerMutants(t *testing.T) {
	rnd := rand.New(rand.NewPCG(13, 3)) // the same mutants in every run
	perToken := 10_000
	if race.Enabled {
		perToken = 500
	}
	codec := opener(t, key32, key64)
	for _, token := range []string{
		forge(key32, gcmHeader, `{"sub":"42","iat":1700000000}`).String(),
		forge(key32, `{"enc":"A256GCM","alg":"dir","kid":"k"}`, `{"sub":"42"}`).String(),
		forge(key64, cbcHeader, `{"sub":"42","iat":1700000000}`).String(),
		forge(key64, `{"alg":"dir","enc":"A256CBC-HS512","kid":"kk"}`, `{}`).String(),
	} {
		for range perToken {
			if mutant := mutate(rnd, token); mutant != token {
				if _, err := codec.Open(nil, mutant); err == nil {
					t.Fatalf("a mutant opens: %q of %q", mutant, token)
				}
			}
		}
	}
}

func TestOpener_FaultsAllAtOnce(t *testing.T) {
	for what, keys := range map[string][][]byte{
		"no keys":                            nil,
		"key 1 is neither":                   {nil},
		"key 2 is neither":                   {key32, {}},
		"key 1 is all zeros":                 {make([]byte, 32)},
		"key 2 is all zeros":                 {key32, make([]byte, 64)},
		"key 1 is neither 32 nor 64 bytes\n": {key32[:31], key64[:63]},
	} {
		c, err := jose.WithKeys(keys...)("s", "")
		if err == nil || c != nil || !strings.Contains(err.Error(), what) {
			t.Errorf("%v, want %q", err, what)
		}
	}
	// A key in hex or base64 that nobody decoded.
	for _, key := range []string{hex.EncodeToString(key64), base64.StdEncoding.EncodeToString(key32)} {
		if _, err := jose.WithKeys([]byte(key))("s", ""); err == nil {
			t.Errorf("a key of %d characters", len(key))
		} else if strings.Contains(err.Error(), key) {
			t.Error("the error shows the key")
		}
	}
}

func TestOpener_CopiesTheKeys(t *testing.T) {
	key := bytes.Clone(key32)
	maker := jose.WithKeys(key)
	clear(key)
	c, err := maker("s", "")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Open(nil, forge(key32, gcmHeader, `{}`).String()); err != nil {
		t.Error("the codec shares its key with the caller")
	}
}

func TestOpener_DoesNotSeal(t *testing.T) {
	c := opener(t, key32)
	if v, err := c.Seal(keyring.Generate(), []byte("x")); err == nil || v != "" {
		t.Error("sealed")
	}
	if _, err := ssestore.New(ssestore.Config{Keys: keyring.Generate(), Format: jose.WithKeys(key32)}); err == nil {
		t.Error("a store that cannot seal is found out at its first request")
	}
}

// T6: bad cookies of the greatest length. A foreign one must be cheap. One that
// has to be decrypted to be refused takes about 22 KB, nearly all of it go-jose's
// copies: more than the 16 KB that the default codec stays under by far.
func TestT6_MemoryPerBadCookie(t *testing.T) {
	if race.Enabled {
		t.Skip("the race detector allocates")
	}
	longest := forge(random(32), gcmHeader, `{"d":"`+strings.Repeat("x", 2900)+`"}`)
	withKey := longest
	withKey.key = []byte("x")
	codec := opener(t, key32)
	for what, row := range map[string]struct {
		token string
		limit uint64
	}{
		"a million dots": {strings.Repeat(".", 1_000_000), 0},
		"encrypted key":  {withKey.String(), 256},
		"wrong key":      {longest.String(), 24 << 10},
	} {
		if n := len(row.token); n > 4096 && n < 1_000_000 {
			t.Fatalf("%s: %d characters", what, n)
		}
		codec.Open(nil, row.token)
		// The runtime allocates too, now and then. It doesn't in every round.
		const rounds, runs = 10, 10
		least := uint64(math.MaxUint64)
		for range rounds {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			for range runs {
				codec.Open(nil, row.token)
			}
			runtime.ReadMemStats(&after)
			least = min(least, (after.TotalAlloc-before.TotalAlloc)/runs)
		}
		if least > row.limit {
			t.Errorf("%s: %d bytes, at most %d", what, least, row.limit)
		}
	}
}

func TestOpener_Issued(t *testing.T) {
	header := func(members string) string { return `{"alg":"dir","enc":"A256GCM"` + members + `}` }
	for _, row := range []struct {
		header, claims string
		want           int64 // 0: unknown
	}{
		{header(""), `{"iat":1700000000}`, 1700000000},
		{header(""), `{"iat":1700000000.75}`, 1700000000},
		{header(""), `{"iat": 253402300799 }`, 253402300799}, // far ahead: the store judges
		{header(`,"iat":1600000000`), `{"iat":1700000000}`, 1700000000},
		{header(`,"iat":1600000000`), `{"sub":"42"}`, 1600000000},
		{header(`,"uat":1700000000,"iat":1600000000`), `{}`, 1600000000},
		{header(""), `{"internal":{"sid":"x","createdAt":1700000000}}`, 1700000000},
		{header(""), `{"iat":1600000000,"internal":{"createdAt":1700000000}}`, 1600000000},
		{header(""), `{"internal":{"createdAt":"yesterday"}}`, 0},
		{header(""), `{"internal":{"createdAt":1,"createdAt":2}}`, 0},
		{header(""), `{"internal":"use only"}`, 0},
		{header(""), `{"IAT":1700000000,"Iat":1}`, 0}, // other claims, by other names
		{header(""), `{}`, 0},
	} {
		opened, err := opener(t, key32).Open(nil, forge(key32, row.header, row.claims).String())
		if err != nil {
			t.Errorf("%s %s: %v", row.header, row.claims, err)
			continue
		}
		if row.want == 0 && !opened.Issued.IsZero() || row.want != 0 && opened.Issued.Unix() != row.want {
			t.Errorf("%s %s: issued %v, want %v", row.header, row.claims, opened.Issued, row.want)
		}
	}
}

// exp and nbf, in the claims and in the header, at their edges.
func TestOpener_Times(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		now := time.Now().Unix()
		for _, row := range []struct {
			name  string
			value int64
			want  cookie.Reason
		}{
			{"exp", now - 1, cookie.ReasonExpired},
			{"exp", now, cookie.ReasonExpired},
			{"exp", now + 1, cookie.ReasonNone},
			{"nbf", now, cookie.ReasonNone},
			{"nbf", now + 60, cookie.ReasonNone},
			{"nbf", now + 61, cookie.ReasonFuture},
		} {
			member := fmt.Sprintf(`%q:%d`, row.name, row.value)
			for what, token := range map[string]segments{
				"claim":  forge(key32, gcmHeader, `{`+member+`}`),
				"header": forge(key32, strings.TrimSuffix(gcmHeader, "}")+","+member+"}", `{}`),
				// What the other place says does not help.
				"both": forge(key32, strings.TrimSuffix(gcmHeader, "}")+`,"exp":253402300799,"nbf":1}`, `{`+member+`}`),
			} {
				if row.want != cookie.ReasonNone {
					refused(t, opener(t, key32), nil, token.String(), row.want)
				} else if _, err := opener(t, key32).Open(nil, token.String()); err != nil {
					t.Errorf("%s %s: %v", what, member, err)
				}
			}
		}
	})
}
