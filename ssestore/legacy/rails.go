package legacy

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/pbkdf2"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"hash"
	"strings"
	"time"

	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/ssestore"
)

// railsRounds and railsSalt are those of Rails since 5.2.
const (
	railsRounds = 1000
	railsSalt   = "authenticated encrypted cookie"
)

// Rails is the session of Rails 5.2 to 8, encrypted with AES-256-GCM and serialized as
// JSON (config.action_dispatch.cookies_serializer = :json). Name is the key of its session
// store, "_app_session", which has no default. The secrets are secret_key_base, newest first.
// Migrate gets the session's JSON. Devise keeps the user under "warden.user.user.key".
//
// Rails writes the end of a session only if it was given one (expire_after), and never its
// date: set ssestore.Legacy.Issued to the day of the switch-over.
//
// Since 6.0 Rails writes into each cookie which one it is (use_cookies_with_metadata), so that
// no other encrypted cookie of the application can stand in for the session. Of a value
// without that, a "session_id" of 32 hexadecimal digits is required, which every session has.
//
// Keys are derived once, when the store is made. A forged value costs two AES-GCM for each
// secret, because Rails 7 changed SHA-1 into SHA-256.
func Rails(c cookie.Config, secrets ...string) ssestore.Legacy {
	return of(c, "", sha1Format(secrets, func(name string) opener {
		var boxes []cipher.AEAD
		for _, s := range secrets {
			boxes = append(boxes, railsBox(sha256.New, s), railsBox(sha1.New, s))
		}
		return func(value string) (cookie.Opened, error) { return openRails(boxes, name, value) }
	}))
}

// railsBox fails only where SHA-1 is forbidden, as this use of GCM is there, and there
// sha1Format makes no codec.
func railsBox(h func() hash.Hash, secret string) cipher.AEAD {
	key, _ := pbkdf2.Key(h, secret, []byte(railsSalt), railsRounds, 32)
	block, _ := aes.NewCipher(key)
	box, _ := cipher.NewGCM(block)
	return box
}

// openRails opens "ciphertext--iv--tag", each in base64, and all of it percent-encoded.
func openRails(boxes []cipher.AEAD, name, value string) (cookie.Opened, error) {
	foreign := cookie.ReasonForeign.Err()
	body, rest, _ := bytes.Cut(unescape(value), []byte("--"))
	iv64, tag64, _ := bytes.Cut(rest, []byte("--"))
	if len(iv64) != 16 || len(tag64) != 24 {
		return cookie.Opened{}, foreign
	}
	strict := base64.StdEncoding.Strict()
	iv, tag := make([]byte, 12), make([]byte, 18)
	sealed := make([]byte, strict.DecodedLen(len(body)), strict.DecodedLen(len(body))+16)
	n, err := strict.Decode(sealed, body)
	ivLen, _ := strict.Decode(iv, iv64) // less if it isn't base64
	tagLen, _ := strict.Decode(tag, tag64)
	if err != nil || n == 0 || ivLen != 12 || tagLen != 16 {
		return cookie.Opened{}, foreign
	}
	sealed = append(sealed[:n], tag[:16]...)
	space := make([]byte, 0, n)
	for _, box := range boxes {
		if plaintext, err := box.Open(space, iv, sealed, nil); err == nil {
			return readRails(plaintext, name)
		}
	}
	return cookie.Opened{}, cookie.ReasonUnknownKey.Err()
}

// unescape takes the percent-encoding off that Rack puts on base64, in its one spelling. It
// returns nil for any other.
func unescape(value string) []byte {
	out := make([]byte, 0, len(value))
	for i := 0; i < len(value); i++ {
		c := value[i]
		switch {
		case c == '-', '0' <= c && c <= '9', 'A' <= c && c <= 'Z', 'a' <= c && c <= 'z':
			out = append(out, c)
			continue
		case strings.HasPrefix(value[i:], "%2B"):
			out = append(out, '+')
		case strings.HasPrefix(value[i:], "%2F"):
			out = append(out, '/')
		case strings.HasPrefix(value[i:], "%3D"):
			out = append(out, '=')
		default:
			return nil
		}
		i += 2
	}
	return out
}

// readRails takes the session out of its envelope, if it has one.
func readRails(plaintext []byte, name string) (cookie.Opened, error) {
	o, err := object(plaintext)
	if err != nil {
		return o, err
	}
	var e struct {
		Rails *struct {
			Message string     `json:"message"`
			Exp     *time.Time `json:"exp"`
			Pur     *string    `json:"pur"`
		} `json:"_rails"`
	}
	malformed := cookie.ReasonMalformed.Err()
	if json.Unmarshal(plaintext, &e) != nil {
		return cookie.Opened{}, malformed
	}
	named := false
	var ends time.Time
	if e.Rails != nil {
		session, err := base64.StdEncoding.Strict().DecodeString(e.Rails.Message)
		if err != nil || e.Rails.Pur != nil && *e.Rails.Pur != "cookie."+name {
			return cookie.Opened{}, malformed
		}
		named = e.Rails.Pur != nil
		if e.Rails.Exp != nil {
			if ends = e.Rails.Exp.UTC(); !time.Now().Before(ends) {
				return cookie.Opened{}, cookie.ReasonExpired.Err()
			}
		}
		if o, err = object(session); err != nil {
			return o, err
		}
	}
	if !named && !hasSessionID(o.Plaintext) {
		return cookie.Opened{}, malformed
	}
	o.Ends = ends
	return o, nil
}

// hasSessionID reports whether an object has what the store of the sessions writes into each.
func hasSessionID(session []byte) bool {
	var s struct {
		ID string `json:"session_id"`
	}
	return json.Unmarshal(session, &s) == nil && len(s.ID) == 32 && strings.Trim(s.ID, "0123456789abcdef") == ""
}
