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
	"net/url"
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
// Rails writes the end of a session only if it was given one, and never its date: set
// ssestore.Legacy.Issued to the day of the switch-over.
//
// Keys are derived once, when the store is made. A forged value costs an AES-GCM for each
// secret, twice: Rails 7 changed SHA-1 into SHA-256.
func Rails(c cookie.Config, secrets ...string) ssestore.Legacy {
	return of(c, "", func(name, _ string) (cookie.Codec, error) {
		if err := check(secrets); err != nil {
			return nil, err
		}
		var boxes []cipher.AEAD
		for _, s := range secrets {
			for _, h := range []func() hash.Hash{sha256.New, sha1.New} {
				key, err := pbkdf2.Key(h, s, []byte(railsSalt), railsRounds, 32)
				if err != nil {
					return nil, err
				}
				block, err := aes.NewCipher(key)
				if err != nil {
					return nil, err
				}
				box, err := cipher.NewGCM(block)
				if err != nil {
					return nil, err
				}
				boxes = append(boxes, box)
			}
		}
		return opener(func(value string) (cookie.Opened, error) { return openRails(boxes, name, value) }), nil
	})
}

// openRails opens "ciphertext--iv--tag", each in base64, and all of it percent-encoded.
func openRails(boxes []cipher.AEAD, name, value string) (cookie.Opened, error) {
	foreign := cookie.ReasonForeign.Err()
	text, err := url.PathUnescape(value)
	if err != nil || strings.Count(text, "--") != 2 {
		return cookie.Opened{}, foreign
	}
	p := strings.Split(text, "--")
	strict := base64.StdEncoding.Strict()
	ciphertext, err1 := strict.DecodeString(p[0])
	iv, err2 := strict.DecodeString(p[1])
	tag, err3 := strict.DecodeString(p[2])
	if err1 != nil || err2 != nil || err3 != nil || len(iv) != 12 || len(tag) != 16 {
		return cookie.Opened{}, foreign
	}
	sealed := append(ciphertext, tag...)
	for _, box := range boxes {
		plaintext, err := box.Open(nil, iv, sealed, nil)
		if err != nil {
			continue
		}
		return readRails(plaintext, name)
	}
	return cookie.Opened{}, cookie.ReasonUnknownKey.Err()
}

// readRails takes the session out of its envelope, which says what it is for, so that no
// other cookie of the application can stand in for it.
func readRails(plaintext []byte, name string) (cookie.Opened, error) {
	if bytes.HasPrefix(plaintext, []byte("\x04\x08")) {
		return cookie.Opened{}, refuse(ErrNotJSON)
	}
	var e struct {
		Rails *struct {
			Message *string         `json:"message"`
			Data    json.RawMessage `json:"data"`
			Exp     *time.Time      `json:"exp"`
			Pur     string          `json:"pur"`
		} `json:"_rails"`
	}
	if json.Unmarshal(plaintext, &e) != nil || e.Rails == nil || e.Rails.Pur != "cookie."+name {
		return cookie.Opened{}, cookie.ReasonMalformed.Err()
	}
	var ends time.Time
	if e.Rails.Exp != nil {
		if ends = e.Rails.Exp.UTC(); !time.Now().Before(ends) {
			return cookie.Opened{}, cookie.ReasonExpired.Err()
		}
	}
	session := []byte(e.Rails.Data)
	if e.Rails.Message != nil {
		var err error
		if session, err = base64.StdEncoding.Strict().DecodeString(*e.Rails.Message); err != nil {
			return cookie.Opened{}, cookie.ReasonMalformed.Err()
		}
	}
	o, err := object(session)
	o.Ends = ends
	return o, err
}
