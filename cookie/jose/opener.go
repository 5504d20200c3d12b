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

// leeway is how far ahead nbf may lie, for clocks that differ; ssestore allows
// the same. exp has none.
const leeway = 60 * time.Second

// errSeal is all that a codec of WithKeys has to say about sealing.
var errSeal = errors.New("jose: WithKeys does not seal: the tokens are another system's")

// opener opens tokens of another system under given keys.
type opener struct {
	keys  [][]byte
	forms []form // of the lengths of the keys
}

// WithKeys returns a [cookie.Format] that opens the encrypted JWTs of another
// system: compact JWE with alg=dir, and enc=A256GCM for a key of 32 bytes or
// enc=A256CBC-HS512 for one of 64. Several keys, newest first, are for a system
// whose key has changed. It is made for ssestore.Legacy:
//
//	Legacy: []ssestore.Legacy{{
//		Cookie:  cookie.Config{Name: "__Secure-authjs.session-token"},
//		Format:  jose.WithKeys(key),
//		Until:   deadline,
//		Migrate: func(s *ssestore.Session, plaintext []byte) error { … },
//	}}
//
// The keys are what the other system encrypts with, which mostly is not what its
// configuration calls the secret but derived from it; the examples show how.
//
// The plaintext is a JSON object, the claims set. [cookie.Opened].Issued is its
// iat claim, or else the iat of the header (express-openid-connect), or else its
// internal.createdAt (nextjs-auth0 from version 4), or else zero, and then ssestore
// takes no session over: a replay would start its life anew.
// [cookie.Opened].Key is zero, and the keyring, cookie name and audience are not
// used. A token whose exp has passed is [cookie.ReasonExpired], one whose nbf has
// not come is [cookie.ReasonFuture]; both by time.Now, since a codec is given no
// time. Whether iat is too old or too new is for the store to say.
//
// What the codec cannot know, Migrate must check (RFC 8725 sections 3.8, 3.9 and
// 3.12): iss and aud, if the system sets them, and that this is a session at all.
// Systems often encrypt other things with the same key; nextjs-auth0 does so with
// the state of a login in progress, which any visitor can have, and such a token
// put into the session cookie decrypts (next-auth CVE-2023-48309). Demand a claim
// that only a logged-in session has, such as the user's id at its place.
//
// Verdicts: not such a token, also an altered spelling of one, is
// [cookie.ReasonForeign]; such a token that no key opens is
// [cookie.ReasonUnknownKey], whatever kid it names, since the key may have
// changed; an authentic one that holds no claims set is [cookie.ReasonMalformed].
//
// The format, and so the store's constructor, reports all faulty keys at once: no
// key, a length that is neither 32 nor 64, all zeros. It fails with
// [cookie.ErrFIPS] where a key is for AES-GCM and GODEBUG=fips140=only is set.
// The keys are copied. Seal is always an error, so
// ssestore.New refuses it as the format of its own sessions.
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

// formOf binds a key to one content encryption, by its length: no key is ever
// used for two (RFC 8725 section 3.1).
func formOf(key []byte) (form, bool) {
	for _, f := range forms() {
		if len(key) == f.key {
			return f, true
		}
	}
	return form{}, false
}

// Seal refuses.
func (o *opener) Seal(*keyring.Keyring, []byte) (string, error) { return "", errSeal }

// Size is more than any cookie holds, so that a store which is to seal with these
// keys finds no room for a session and is refused when the program starts.
func (o *opener) Size(int) int { return math.MaxInt }

// Open opens a token; the ring is not used.
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
		issued, reason := judge(plaintext, header, time.Now())
		if reason != cookie.ReasonNone {
			return cookie.Opened{}, reason.Err()
		}
		return cookie.Opened{Plaintext: plaintext, Issued: issued}, nil
	}
	return cookie.Opened{}, cookie.ReasonUnknownKey.Err()
}

// judge reads the times of an authentic token. The header is authentic by now
// too. Where exp or nbf stand in both places, both count.
func judge(plaintext []byte, header times, now time.Time) (issued time.Time, reason cookie.Reason) {
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
		return issued, cookie.ReasonMalformed
	}
	for _, t := range [...]times{claims, header} {
		switch unix := now.Unix(); {
		case t.exp != 0 && unix >= t.exp: // "on or after": RFC 7519 section 4.1.4
			return issued, cookie.ReasonExpired
		case t.nbf > unix+int64(leeway/time.Second):
			return issued, cookie.ReasonFuture
		}
	}
	for _, unix := range [...]int64{claims.iat, header.iat, created} {
		if unix != 0 {
			return time.Unix(unix, 0).UTC(), cookie.ReasonNone
		}
	}
	return issued, cookie.ReasonNone
}

// createdAt looks for the time in the "internal" member of nextjs-auth0, which
// has no iat. Another system may have a member of that name: what does not fit
// is passed over.
func createdAt(value json.RawMessage) (unix int64) {
	ok := members(value, func(name string, value json.RawMessage) bool {
		return name != "createdAt" || date(value, &unix)
	})
	if !ok {
		return 0
	}
	return unix
}
