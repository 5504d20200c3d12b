package legacy

import (
	"crypto/sha1"
	"encoding/base64"
	"strings"

	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/internal/base64url"
	"github.com/hardtack-go/hardtack/ssestore"
)

// CookieSession is the session of cookie-session for Express, or of any other that is base64
// of JSON and signed by Keygrip with its defaults: "session" and "session.sig". The
// secrets are its keys, newest first. Migrate gets the session's JSON.
//
// The format has no date and no end: set ssestore.Legacy.Issued to the day of the
// switch-over. Its sessions can be read by their owner.
//
// An HMAC of SHA-1 for each secret is all that a forged value costs.
func CookieSession(c cookie.Config, secrets ...string) ssestore.Legacy {
	l := of(c, "session", sha1Format(secrets, func(name string) opener {
		keys := make([][]byte, len(secrets))
		for i, s := range secrets {
			keys[i] = []byte(s)
		}
		return func(value string) (cookie.Opened, error) {
			payload, mac, _ := strings.Cut(value, ";")
			sum, ok := base64url.PlainDecode(mac)
			if !ok || len(sum) != sha1.Size {
				return cookie.Opened{}, cookie.ReasonForeign.Err()
			}
			if !signedBy(keys, sum, func(key []byte) []byte { return mac1(key, name+"="+payload) }) {
				return cookie.Opened{}, cookie.ReasonUnknownKey.Err()
			}
			plaintext, err := base64.StdEncoding.Strict().DecodeString(payload)
			if err != nil {
				return cookie.Opened{}, cookie.ReasonMalformed.Err()
			}
			return object(plaintext)
		}
	}))
	l.Companion = ".sig"
	return l
}
