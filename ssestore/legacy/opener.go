package legacy

import (
	"crypto/hkdf"
	"crypto/pbkdf2"
	"crypto/sha1"
	"crypto/sha256"
	"errors"
	"fmt"
	"math"

	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/keyring"
	"github.com/hardtack-go/hardtack/ssestore"
)

// ErrNotJSON is returned for an authentic value whose contents are in a form that can run
// code when it is read, such as Ruby's Marshal, Python's pickle or PHP's serialize. Switch
// the other system to its JSON serializer first.
var ErrNotJSON = errors.New("legacy: the session isn't JSON; switch the other system to its JSON serializer")

var (
	errSeal     = errors.New("legacy: sessions of other systems are only read")
	errNoSecret = errors.New("legacy: there is no secret")
	errEmpty    = errors.New("legacy: a secret is empty")
)

const (
	// maxValue is the length of the longest value: what ssestore joins from the parts
	// that it came in.
	maxValue = 16384

	// maxSecrets bounds the work for a forged value. Nobody rotates that often.
	maxSecrets = 8
)

// An opener is the codec of a system: it opens a value that isn't too long.
type opener func(value string) (cookie.Opened, error)

func (o opener) Open(_ *keyring.Keyring, value string) (cookie.Opened, error) {
	if len(value) > maxValue {
		return cookie.Opened{}, cookie.ReasonForeign.Err()
	}
	return o(value)
}

// Seal always returns an error.
func (opener) Seal(*keyring.Keyring, []byte) (string, error) { return "", errSeal }

// Size returns more than any cookie can hold, so that no store seals with it.
func (opener) Size(int) int { return math.MaxInt }

// of returns a Legacy with the system's cookie and format.
func of(c cookie.Config, name string, f cookie.Format) ssestore.Legacy {
	if c.Name == "" {
		c.Name = name
	}
	return ssestore.Legacy{Cookie: c, Format: f}
}

// format returns a Format whose codec make makes, once the secrets are known to be good.
func format(secrets []string, make func(name string) opener) cookie.Format {
	return func(name, _ string) (cookie.Codec, error) {
		if err := check(secrets); err != nil {
			return nil, err
		}
		return make(name), nil
	}
}

// sha1Format is format for systems that use SHA-1. Under GODEBUG=fips140=only, which forbids
// it, there is no codec, as the first cookie would cause a panic.
func sha1Format(secrets []string, make func(name string) opener) cookie.Format {
	return func(name, audience string) (cookie.Codec, error) {
		if _, err := pbkdf2.Key(sha1.New, "a password that is long enough", []byte("sixteen and more"), 1, 32); err != nil {
			return nil, fmt.Errorf("%w (%v)", cookie.ErrFIPS, err)
		}
		return format(secrets, make)(name, audience)
	}
}

func check(secrets []string) error {
	var errs []error
	switch {
	case len(secrets) == 0:
		errs = append(errs, errNoSecret)
	case len(secrets) > maxSecrets:
		errs = append(errs, fmt.Errorf("legacy: more than %d secrets", maxSecrets))
	}
	for _, s := range secrets {
		if s == "" {
			errs = append(errs, errEmpty)
		}
	}
	return errors.Join(errs...)
}

// expand is HKDF-SHA256 (RFC 5869).
func expand(secret, salt, info string, n int) []byte {
	// A module that refuses short secrets (GODEBUG=fips140=only) gives nil, which jose.WithKeys refuses.
	key, _ := hkdf.Key(sha256.New, []byte(secret), []byte(salt), info, n)
	return key
}

// refuse is an authentic value that can't be read, with the reason why.
func refuse(why error) error { return errors.Join(cookie.ReasonMalformed.Err(), why) }
