package vectors_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	gojose "github.com/go-jose/go-jose/v4"

	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/cookie/jose"
	"github.com/hardtack-go/hardtack/fuzz/internal/fixed"
)

// The two examples of RFC 7520 that are nearest to our format, and must not open:
// section 5.6 is dir with A128GCM, section 5.9 has a compressed plaintext.
func TestRFC7520_Refused(t *testing.T) {
	frodo := []byte("You can trust us to stick with you through thick and thin\u2013to the bitter end. " +
		"And you can trust us to keep any secret of yours\u2013closer than you keep it yourself. " +
		"But you cannot trust us to let you face trouble alone, and go off without a word. We are your friends, Frodo.")
	for _, c := range []struct {
		section, key, token string
		alg                 gojose.KeyAlgorithm
	}{
		{"5.6", "XctOhJAkA-pD9Lh7ZgW_2A", "eyJhbGciOiJkaXIiLCJraWQiOiI3N2M3ZTJiOC02ZTEzLTQ1Y2YtODY3Mi02MTdiNWI0NTI0M2EiLCJlbmMiOiJBMTI4R0NNIn0." +
			".refa467QzzKx6QAB.JW_i_f52hww_ELQPGaYyeAB6HYGcR559l9TYnSovc23XJoBcW29rHP8yZOZG7YhLpT1bjFuvZPjQS-m0IFtVcXkZXdH_lr_FrdYt9HRUYkshtrMmIUAyGmUnd9zMDB2n0cRDIHAzFVeJUDxkUwVAE7_YGRPdcqMyiBoCO-FBdE-Nceb4h3-FtBP-c_BIwCPTjb9o0SbdcdREEMJMyZBH8ySWMVi1gPD9yxi-aQpGbSv_F9N4IZAxscj5g-NJsUPbjk29-s7LJAGb15wEBtXphVCgyy53CoIKLHHeJHXex45Uz9aKZSRSInZI-wjsY0yu3cT4_aQ3i1o-tiE-F8Ios61EKgyIQ4CWao8PFMj8TTnp" +
			".vbb32Xvllea2OtmHAdccRQ", gojose.DIRECT},
		{"5.9", "GZy6sIZ6wl9NJOKB-jnmVQ", "eyJhbGciOiJBMTI4S1ciLCJraWQiOiI4MWIyMDk2NS04MzMyLTQzZDktYTQ2OC04MjE2MGFkOTFhYzgiLCJlbmMiOiJBMTI4R0NNIiwiemlwIjoiREVGIn0" +
			".5vUT2WOtQxKWcekM_IzVQwkGgzlFDwPi.p9pUq6XHY0jfEZIl.HbDtOsdai1oYziSx25KEeTxmwnh8L8jKMFNc1k3zmMI6VB8hry57tDZ61jXyezSPt0fdLVfe6Jf5y5-JaCap_JQBcb5opbmT60uWGml8blyiMQmOn9J--XhhlYg0m-BHaqfDO5iTOWxPxFMUedx7WCy8mxgDHj0aBMG6152PsM-w5E_o2B3jDbrYBKhpYA7qi3AyijnCJ7BP9rr3U8kxExCpG3mK420TjOw" +
			".VILuUwuIxaLVmh5X-T7kmA", gojose.A128KW},
	} {
		// The token is what it is said to be: go-jose, asked to, opens it.
		object, err := gojose.ParseEncryptedCompact(c.token, []gojose.KeyAlgorithm{c.alg}, []gojose.ContentEncryption{gojose.A128GCM})
		if err != nil {
			t.Fatalf("section %s: %v", c.section, err)
		}
		key, err := b64.DecodeString(c.key)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := object.Decrypt(key); err != nil || !bytes.Equal(got, frodo) {
			t.Fatalf("section %s: go-jose reads %q: %v", c.section, got, err)
		}

		ring := fixed.Ring(t, 0)
		for what, make := range map[string]cookie.Format{
			"JWE": cookie.JWE, "jose": jose.JWE, "WithKeys": jose.WithKeys(bytes.Repeat(key, 2)), "WithKeys, 64 bytes": jose.WithKeys(bytes.Repeat(key, 4)),
		} {
			codec, err := make(fixed.CookieName, fixed.Audience)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := codec.Open(ring, c.token); cookie.ReasonOf(err) != cookie.ReasonForeign {
				t.Errorf("section %s, %s: %v", c.section, what, err)
			}
		}
		// A key of 16 bytes does not even make an opener.
		if _, err := jose.WithKeys(key)("session", ""); err == nil {
			t.Errorf("section %s: its key is taken", c.section)
		}
		// The flattened and the general form of section 5 are no cookie values, but
		// somebody may try.
		p := strings.Split(c.token, ".")
		codec, err := cookie.JWE(fixed.CookieName, fixed.Audience)
		if err != nil {
			t.Fatal(err)
		}
		_, err = codec.Open(ring, `{"protected":"`+p[0]+`","iv":"`+p[2]+`","ciphertext":"`+p[3]+`","tag":"`+p[4]+`"}`)
		if !errors.Is(err, cookie.ErrInvalid) {
			t.Errorf("section %s, flattened: %v", c.section, err)
		}
	}
}
