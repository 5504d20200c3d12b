package contest

import (
	"encoding/json"
	"errors"
	"time"

	"aidanwoods.dev/go-paseto"
	jose "github.com/go-jose/go-jose/v4"
	josejwt "github.com/go-jose/go-jose/v4/jwt"
	"github.com/golang-jwt/jwt/v5"
	"github.com/lestrrat-go/jwx/v3/jwa"
	"github.com/lestrrat-go/jwx/v3/jwe"
)

// GoJose makes the same tokens with go-jose's jwt package.
var GoJose = Contestant{
	Name: "go-jose (dir+A256GCM)", Encrypts: true,
	Lacks: "tokens only: no session, no rotation, no idle timeout",
	Open: func(o Options) (Session, error) {
		key := random(32)
		enc, err := jose.NewEncrypter(jose.A256GCM, jose.Recipient{Algorithm: jose.DIRECT, Key: key, KeyID: "AAAAAAA"}, nil)
		if err != nil {
			return nil, err
		}
		return newToken(o, "session",
			func(c *claims) (string, error) { return josejwt.Encrypted(enc).Claims(c).Serialize() },
			func(v string, c *claims) error {
				t, err := josejwt.ParseEncrypted(v, []jose.KeyAlgorithm{jose.DIRECT}, []jose.ContentEncryption{jose.A256GCM})
				if err != nil {
					return err
				}
				return t.Claims(key, c)
			})
	},
}

// JWX makes the same tokens with lestrrat-go/jwx.
var JWX = Contestant{
	Name: "jwx v3 (dir+A256GCM)", Encrypts: true,
	Lacks: "tokens only: no session, no rotation, no idle timeout",
	Open: func(o Options) (Session, error) {
		key := random(32)
		return newToken(o, "session",
			func(c *claims) (string, error) {
				b, err := json.Marshal(c)
				if err != nil {
					return "", err
				}
				t, err := jwe.Encrypt(b, jwe.WithKey(jwa.DIRECT(), key), jwe.WithContentEncryption(jwa.A256GCM()))
				return string(t), err
			},
			func(v string, c *claims) error {
				b, err := jwe.Decrypt([]byte(v), jwe.WithKey(jwa.DIRECT(), key))
				if err != nil {
					return err
				}
				return json.Unmarshal(b, c)
			})
	},
}

// jwtClaims gives claims the methods that golang-jwt's validation calls.
type jwtClaims struct{ claims }

func (c *jwtClaims) GetExpirationTime() (*jwt.NumericDate, error) {
	return jwt.NewNumericDate(time.Unix(c.Expires, 0)), nil
}
func (c *jwtClaims) GetIssuedAt() (*jwt.NumericDate, error) {
	return jwt.NewNumericDate(time.Unix(c.IssuedAt, 0)), nil
}
func (c *jwtClaims) GetNotBefore() (*jwt.NumericDate, error) { return nil, nil }
func (c *jwtClaims) GetIssuer() (string, error)              { return "", nil }
func (c *jwtClaims) GetSubject() (string, error)             { return c.Subject, nil }
func (c *jwtClaims) GetAudience() (jwt.ClaimStrings, error)  { return nil, nil }

// GolangJWT is a signed, readable token.
var GolangJWT = Contestant{
	Name:  "golang-jwt (HS256)",
	Lacks: "NOT ENCRYPTED: anyone reads the claims; no session, no idle timeout",
	Open: func(o Options) (Session, error) {
		key := random(32)
		keys := func(*jwt.Token) (any, error) { return key, nil }
		parser := jwt.NewParser(jwt.WithValidMethods([]string{"HS256"}), jwt.WithExpirationRequired())
		return newToken(o, "session",
			func(c *claims) (string, error) {
				return jwt.NewWithClaims(jwt.SigningMethodHS256, &jwtClaims{*c}).SignedString(key)
			},
			func(v string, c *claims) error {
				var j jwtClaims
				t, err := parser.ParseWithClaims(v, &j, keys)
				if err != nil || !t.Valid {
					return errors.Join(ErrNotTrusted, err)
				}
				*c = j.claims
				return nil
			})
	},
}

// Paseto is PASETO v4.local (XChaCha20 and BLAKE2b).
var Paseto = Contestant{
	Name: "go-paseto (v4.local)", Encrypts: true,
	Lacks: "tokens only: no session, no rotation, no idle timeout",
	Open: func(o Options) (Session, error) {
		key := paseto.NewV4SymmetricKey()
		return newToken(o, "session",
			func(c *claims) (string, error) {
				t := paseto.NewToken()
				t.SetJti(c.SID)
				t.SetIssuedAt(time.Unix(c.IssuedAt, 0))
				t.SetNotBefore(time.Unix(c.IssuedAt, 0))
				t.SetExpiration(time.Unix(c.Expires, 0))
				t.SetSubject(c.Subject)
				t.SetString("stp", c.Stamp)
				if err := errors.Join(t.Set("auth_time", c.AuthTime), t.Set("rnw", c.Renewed), t.Set("d", c.Data)); err != nil {
					return "", err
				}
				return t.V4Encrypt(key, nil), nil
			},
			func(v string, c *claims) error {
				parser := paseto.NewParserForValidNow() // it fixes "now" when made
				t, err := parser.ParseV4Local(key, v, nil)
				if err != nil {
					return err
				}
				exp, err := t.GetExpiration()
				if err != nil {
					return err
				}
				c.Expires = exp.Unix()
				if c.Subject, err = t.GetSubject(); err != nil {
					return err
				}
				if c.Stamp, err = t.GetString("stp"); err != nil {
					return err
				}
				return errors.Join(t.Get("rnw", &c.Renewed), t.Get("d", &c.Data))
			})
	},
}
