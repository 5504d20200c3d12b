package jose

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"time"

	jose "github.com/go-jose/go-jose/v4"

	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/keyring"
)

// leeway is how far ahead nbf may be, because clocks differ. ssestore allows the
// same. There is none for exp.
const leeway = 60 * time.Second

// errSeal is returned by Seal, whatever its arguments.
var errSeal = errors.New("jose: WithKeys does not seal: the tokens are another system's")

// opener opens another system's tokens under the keys it was given.
type opener struct {
	keys  [][]byte
	forms []form // the form of each key, by its length
}

// WithKeys returns a [cookie.Format] that opens another system's encrypted JWTs:
// compact JWE with alg=dir, and with enc=A256GCM for a key of 32 bytes or
// enc=A256CBC-HS512 for one of 64. If that system's key has changed, pass several
// keys, newest first. WithKeys is made for ssestore.Legacy:
//
//	Legacy: []ssestore.Legacy{{
//		Cookie:  cookie.Config{Name: "__Secure-authjs.session-token"},
//		Format:  jose.WithKeys(key),
//		Until:   deadline,
//		Migrate: func(s *ssestore.Session, plaintext []byte) error { … },
//	}}
//
// The keys are the ones the other system encrypts with. They usually aren't what its
// configuration calls the secret, but are derived from it. The examples show how.
//
// The plaintext is a JSON object, the claims set. [cookie.Opened].Issued is the
// first of these that is present:
//
//   - the iat claim,
//   - the iat in the header (express-openid-connect),
//   - the claim internal.createdAt (nextjs-auth0 from version 4).
//
// If there is none, Issued is zero, and ssestore doesn't take the session over,
// because a replay would start its life anew. [cookie.Opened].Key is zero. The codec
// uses neither the keyring nor the cookie name and audience.
//
// [cookie.Opened].Ends is the earlier of the exp claim and the exp in the header. A token
// whose exp has passed is [cookie.ReasonExpired]. One whose nbf is still to
// come is [cookie.ReasonFuture]. Both are judged by time.Now, because a codec isn't
// given a time. The store decides whether iat is too old or too new.
//
// Migrate must check what the codec can't know (RFC 8725 sections 3.8, 3.9 and
// 3.12): iss and aud, if the system sets them, and that the token is a session at
// all. Systems often encrypt other things with the same key. nextjs-auth0, for one,
// encrypts the state of a login in progress. Any visitor can get such a token, and it
// decrypts if they put it into the session cookie (next-auth CVE-2023-48309). Demand
// a claim that only a logged-in session has, such as the user's id in its place.
//
// A value that isn't such a token, or is spelled differently, is
// [cookie.ReasonForeign]. A token that no key opens is [cookie.ReasonUnknownKey],
// whatever kid it names, since the key may have changed. An authentic token without
// a claims set is [cookie.ReasonMalformed].
//
// The format, and so the store's constructor, reports all faulty keys at once: no
// key, a length that is neither 32 nor 64, all zeros. It fails with [cookie.ErrFIPS]
// if a key is for AES-GCM and GODEBUG=fips140=only is set. The keys are copied. Seal
// always returns an error, so ssestore.New refuses this as the format of its own
// sessions.
func WithKeys(keys ...[]byte) cookie.Format {
	own := make([][]byte, len(keys))
	for i, key := range keys {
		own[i] = bytes.Clone(key)
	}
	return func(_, _ string) (cookie.Codec, error) {
		o := &opener{keys: own}
		var errs []error
		if len(own) == 0 {
			errs = append(errs, errors.New("jose: no keys"))
		}
		for i, key := range own {
			f, ok := formOf(key)
			if !ok {
				errs = append(errs, fmt.Errorf("jose: key %d is neither 32 nor 64 bytes", i+1))
			} else if bytes.Count(key, []byte{0}) == len(key) {
				errs = append(errs, fmt.Errorf("jose: key %d is all zeros", i+1))
			}
			o.forms = append(o.forms, f)
			if f.enc == jose.A256GCM {
				if err := gcmAllowed(); err != nil {
					errs = append(errs, err)
				}
			}
		}
		if len(errs) > 0 {
			return nil, errors.Join(errs...)
		}
		return o, nil
	}
}

// formOf returns the content encryption that a key is for, by its length. No key is
// ever used for two (RFC 8725 section 3.1).
func formOf(key []byte) (form, bool) {
	for _, f := range forms() {
		if len(key) == f.key {
			return f, true
		}
	}
	return form{}, false
}

// Seal always returns an error.
func (o *opener) Seal(*keyring.Keyring, []byte) (string, error) { return "", errSeal }

// Size returns more than any cookie can hold. A store that is meant to seal with
// these keys then has no room for a session, and fails when the program starts.
func (o *opener) Size(int) int { return math.MaxInt }

// Open decrypts a token. It doesn't use the ring.
func (o *opener) Open(_ *keyring.Keyring, value string) (cookie.Opened, error) {
	f, header, ok := precheck(value, o.forms)
	if !ok {
		return cookie.Opened{}, cookie.ReasonForeign.Err()
	}
	object, err := parseJOSE(value, f.enc)
	if err != nil {
		return cookie.Opened{}, cookie.ReasonForeign.Err()
	}
	for i, key := range o.keys {
		if o.forms[i].enc != f.enc {
			continue
		}
		plaintext, err := object.Decrypt(key)
		if err != nil {
			continue
		}
		opened, reason := judge(plaintext, header, time.Now())
		if reason != cookie.ReasonNone {
			return cookie.Opened{}, reason.Err()
		}
		return opened, nil
	}
	return cookie.Opened{}, cookie.ReasonUnknownKey.Err()
}

// judge reads the times of an authentic token, from its claims and its header. If
// exp or nbf is in both, both count.
func judge(plaintext []byte, header times, now time.Time) (o cookie.Opened, reason cookie.Reason) {
	var claims times
	created := int64(0)
	ok := members(plaintext, func(name string, value json.RawMessage) bool {
		switch name {
		case "iat":
			return date(value, &claims.iat)
		case "nbf":
			return date(value, &claims.nbf)
		case "exp":
			return date(value, &claims.exp)
		case "internal":
			created = createdAt(value)
		}
		return true
	})
	if !ok {
		return o, cookie.ReasonMalformed
	}
	for _, t := range [...]times{claims, header} {
		switch unix := now.Unix(); {
		case t.exp != 0 && unix >= t.exp: // "on or after": RFC 7519 section 4.1.4
			return o, cookie.ReasonExpired
		case t.nbf > unix+int64(leeway/time.Second):
			return o, cookie.ReasonFuture
		}
		if end := time.Unix(t.exp, 0).UTC(); t.exp != 0 && (o.Ends.IsZero() || end.Before(o.Ends)) {
			o.Ends = end
		}
	}
	o.Plaintext = plaintext
	for _, unix := range [...]int64{claims.iat, header.iat, created} {
		if unix != 0 {
			o.Issued = time.Unix(unix, 0).UTC()
			break
		}
	}
	return o, cookie.ReasonNone
}

// createdAt looks for the time in the "internal" member that nextjs-auth0 has
// instead of iat. Another system may use the same name for something else, so
// createdAt ignores whatever doesn't fit.
func createdAt(value json.RawMessage) (unix int64) {
	ok := members(value, func(name string, value json.RawMessage) bool {
		return name != "createdAt" || date(value, &unix)
	})
	if !ok {
		return 0
	}
	return unix
}
