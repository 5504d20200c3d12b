package jose_test

import (
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	gojose "github.com/go-jose/go-jose/v4"

	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/cookie/jose"
	"github.com/hardtack-go/hardtack/keyring"
)

// Open a session cookie of Auth.js (next-auth version 5), which encrypts with
// A256CBC-HS512 under a key derived from AUTH_SECRET and the cookie's name.
func ExampleWithKeys() {
	const name = "__Secure-authjs.session-token"
	secret := []byte("the AUTH_SECRET of the application")
	key, err := hkdf.Key(sha256.New, secret, []byte(name), "Auth.js Generated Encryption Key ("+name+")", 64)
	if err != nil {
		panic(err)
	}
	value := authJS(key) // what the browser sends

	codec, err := jose.WithKeys(key)(name, "")
	if err != nil {
		panic(err)
	}
	opened, err := codec.Open(nil, value)
	if err != nil {
		panic(err)
	}
	// In a program, Migrate does this. Demand a claim that only a session has:
	// systems encrypt other things with the same key.
	var claims struct {
		Sub   string `json:"sub"`
		Email string `json:"email"`
	}
	if err := json.Unmarshal(opened.Plaintext, &claims); err != nil || claims.Sub == "" {
		panic("not a session")
	}
	fmt.Println(claims.Sub, claims.Email, opened.Issued.UTC().Format(time.DateOnly))

	// The same value with one more character, which go-jose alone would skip.
	_, err = codec.Open(nil, value+"\n")
	fmt.Println(err, "-", cookie.ReasonOf(err))
	// Output:
	// 42 ann@example.com 2023-11-14
	// cookie: invalid session cookie - foreign
}

// authJS issues a token as Auth.js does.
func authJS(key []byte) string {
	recipient := gojose.Recipient{Algorithm: gojose.DIRECT, Key: key, KeyID: "a-thumbprint"}
	issuer, err := gojose.NewEncrypter(gojose.A256CBC_HS512, recipient, nil)
	if err != nil {
		panic(err)
	}
	object, err := issuer.Encrypt([]byte(`{"email":"ann@example.com","sub":"42","iat":1700000000,"exp":253402300799,"jti":"x"}`))
	if err != nil {
		panic(err)
	}
	token, err := object.CompactSerialize()
	if err != nil {
		panic(err)
	}
	return token
}

// nextjs-auth0 and express-openid-connect encrypt with A256GCM under a key of 32
// bytes. nextjs-auth0 uses that key for the state of a login in progress as well,
// and any visitor can get such a token.
func ExampleWithKeys_auth0() {
	key, err := hkdf.Key(sha256.New, []byte("the AUTH0_SECRET of the application"), nil, "JWE CEK", 32)
	if err != nil {
		panic(err)
	}
	codec, err := jose.WithKeys(key)("__session", "")
	if err != nil {
		panic(err)
	}
	migrate := func(plaintext []byte) (string, error) {
		var claims struct {
			User struct {
				Sub string `json:"sub"`
			} `json:"user"`
		}
		if err := json.Unmarshal(plaintext, &claims); err != nil {
			return "", err
		}
		if claims.User.Sub == "" {
			return "", errors.New("no session of a user")
		}
		return claims.User.Sub, nil
	}
	for _, claims := range []string{
		`{"user":{"sub":"auth0|42"},"internal":{"sid":"x","createdAt":1700000000}}`,
		`{"nonce":"n","codeVerifier":"v","responseType":"code","state":"s","returnTo":"/"}`,
	} {
		value := forge(key, `{"enc":"A256GCM","alg":"dir"}`, claims).String()
		opened, err := codec.Open(nil, value) // both open: the key is right
		if err != nil {
			panic(err)
		}
		fmt.Println(migrate(opened.Plaintext))
	}
	// Output:
	// auth0|42 <nil>
	//  no session of a user
}

// One format, two implementations, the same keyring.
func ExampleJWE() {
	ring := keyring.Generate()
	ours, err := cookie.JWE("__Host-session", "shop")
	if err != nil {
		panic(err)
	}
	theirs, err := jose.JWE("__Host-session", "shop")
	if err != nil {
		panic(err)
	}
	value, err := ours.Seal(ring, []byte("hello"))
	if err != nil {
		panic(err)
	}
	opened, err := theirs.Open(ring, value)
	fmt.Printf("%s %v\n", opened.Plaintext, err)
	// Output: hello <nil>
}
