package legacy

import (
	"bytes"
	"compress/zlib"
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"hash"
	"io"
	"strings"
	"time"

	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/internal/base64url"
	"github.com/hardtack-go/hardtack/ssestore"
)

const (
	// maxInflated is the most that a compressed session may unfold to. Both systems
	// compress to stay below the 4 KB of a cookie, and JSON rarely shrinks to an eighth.
	maxInflated = 32768

	// leeway is how far ahead a date may be, because clocks differ, as in ssestore.
	leeway = time.Minute

	maxUnix = 253402300799 // 9999-12-31T23:59:59Z

	// sha1Len and sha256Len are the lengths of a MAC in base64url.
	sha1Len   = 27
	sha256Len = 43
)

// Flask is the session of Flask: "session", signed by itsdangerous. The secrets are
// SECRET_KEY and SECRET_KEY_FALLBACKS, newest first. Migrate gets the JSON as Flask stores it,
// with its tags: {" t": […]} for a tuple, {" d": "…"} for a date, and so on. Flask-Login keeps
// the user's id under "_user_id". Flask's sessions can be read by their owner, so they
// hold no secrets.
//
// The date is that of the last change, from which ssestore counts the absolute timeout.
// Flask's own PERMANENT_SESSION_LIFETIME isn't in the value.
//
// An HMAC of SHA-1 for each secret is all that a forged value costs.
func Flask(c cookie.Config, secrets ...string) ssestore.Legacy {
	return of(c, "session", sha1Format(secrets, func(string) opener {
		keys := make([][]byte, len(secrets))
		for i, s := range secrets {
			keys[i] = mac1([]byte(s), "cookie-session")
		}
		return func(value string) (cookie.Opened, error) {
			signed, mac := cutLast(value, '.')
			payload, date := cutLast(signed, '.')
			if len(mac) != sha1Len || len(date) > 11 {
				return cookie.Opened{}, cookie.ReasonForeign.Err()
			}
			sum, ok1 := base64url.PlainDecode(mac)
			stamp, ok2 := base64url.PlainDecode(date)
			if !ok1 || !ok2 || len(stamp) == 0 || stamp[0] == 0 {
				return cookie.Opened{}, cookie.ReasonForeign.Err()
			}
			if !signedBy(keys, sum, func(key []byte) []byte { return mac1(key, signed) }) {
				return cookie.Opened{}, cookie.ReasonUnknownKey.Err()
			}
			var wide [8]byte
			copy(wide[8-len(stamp):], stamp)
			return unfold(payload, binary.BigEndian.Uint64(wide[:]))
		}
	}))
}

// Django is the session of Django 3.1 or newer with SESSION_ENGINE signed_cookies and the
// JSONSerializer: "sessionid". The secrets are SECRET_KEY and SECRET_KEY_FALLBACKS, newest
// first. Migrate gets the session's JSON; "_auth_user_id" is the user's id. Django's sessions
// can be read by their owner.
//
// The date is that of the last change, from which ssestore counts the absolute timeout.
// Django's own SESSION_COOKIE_AGE isn't in the value.
//
// Django ends these sessions with the password: "_auth_user_hash" is an HMAC of the stored
// hash, and Django compares the two at each request. Set auth.Config.PasswordChanged to do
// the same here.
//
// An HMAC of SHA-256 for each secret is all that a forged value costs.
func Django(c cookie.Config, secrets ...string) ssestore.Legacy {
	return of(c, "sessionid", format(secrets, func(string) opener {
		keys := make([][]byte, len(secrets))
		for i, s := range secrets {
			sum := sha256.Sum256([]byte("django.contrib.sessions.backends.signed_cookies" + "signer" + s))
			keys[i] = sum[:]
		}
		return func(value string) (cookie.Opened, error) {
			signed, mac := cutLast(value, ':')
			payload, date := cutLast(signed, ':')
			if len(mac) != sha256Len {
				return cookie.Opened{}, cookie.ReasonForeign.Err()
			}
			sum, ok1 := base64url.PlainDecode(mac)
			sec, ok2 := base62(date)
			if !ok1 || !ok2 {
				return cookie.Opened{}, cookie.ReasonForeign.Err()
			}
			if !signedBy(keys, sum, func(key []byte) []byte { return mac256(key, signed) }) {
				return cookie.Opened{}, cookie.ReasonUnknownKey.Err()
			}
			return unfold(payload, sec)
		}
	}))
}

// cutLast cuts around the last sep. Without one, both are empty.
func cutLast(s string, sep byte) (before, after string) {
	i := strings.LastIndexByte(s, sep)
	if i < 0 {
		return "", ""
	}
	return s[:i], s[i+1:]
}

// signedBy reports whether one of the keys made the sum. It tries all of them.
func signedBy(keys [][]byte, sum []byte, mac func(key []byte) []byte) (ok bool) {
	for _, key := range keys {
		ok = hmac.Equal(mac(key), sum) || ok
	}
	return ok
}

func mac1(key []byte, text string) []byte { return mac(sha1.New, key, text) }

func mac256(key []byte, text string) []byte { return mac(sha256.New, key, text) }

// mac copies the text piece by piece: the whole of it, once for each secret, would be more
// than a value may cost.
func mac(h func() hash.Hash, key []byte, text string) []byte {
	m := hmac.New(h, key)
	piece := make([]byte, 512)
	for text != "" {
		n := copy(piece, text)
		m.Write(piece[:n])
		text = text[n:]
	}
	return m.Sum(nil)
}

// base62 reads a number as Django writes it.
func base62(s string) (n uint64, ok bool) {
	if s == "" || len(s) > 8 || s[0] == '0' {
		return 0, false
	}
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case '0' <= c && c <= '9':
			c -= '0'
		case 'A' <= c && c <= 'Z':
			c -= 'A' - 10
		case 'a' <= c && c <= 'z':
			c -= 'a' - 36
		default:
			return 0, false
		}
		n = n*62 + uint64(c)
	}
	return n, true
}

// unfold decodes what Flask and Django sign: base64url of JSON, compressed if a dot comes
// first.
func unfold(payload string, sec uint64) (cookie.Opened, error) {
	if sec > maxUnix {
		return cookie.Opened{}, cookie.ReasonMalformed.Err()
	}
	issued := time.Unix(int64(sec), 0).UTC()
	if issued.After(time.Now().Add(leeway)) {
		return cookie.Opened{}, cookie.ReasonFuture.Err()
	}
	packed, compressed := strings.CutPrefix(payload, ".")
	plaintext, ok := base64url.PlainDecode(packed)
	if ok && compressed {
		plaintext, ok = inflate(plaintext)
	}
	if !ok {
		return cookie.Opened{}, cookie.ReasonMalformed.Err()
	}
	o, err := object(plaintext)
	o.Issued = issued
	return o, err
}

// inflate decompresses up to maxInflated bytes, and nothing that goes on after that.
func inflate(packed []byte) ([]byte, bool) {
	r, err := zlib.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, false
	}
	var out bytes.Buffer
	out.Grow(maxInflated + 1 + bytes.MinRead) // at once: growing would take more
	n, err := io.Copy(&out, io.LimitReader(r, maxInflated+1))
	return out.Bytes(), err == nil && n <= maxInflated
}

// object returns an authentic plaintext that must be one JSON object.
func object(plaintext []byte) (cookie.Opened, error) {
	text := bytes.TrimLeft(plaintext, " \t\r\n")
	if len(text) == 0 || text[0] != '{' || !json.Valid(plaintext) {
		return cookie.Opened{}, refuse(ErrNotJSON)
	}
	return cookie.Opened{Plaintext: plaintext}, nil
}
