package cookie_test

import (
	"fmt"
	"time"

	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/keyring"
)

// Seal a value, open it, and see what happens to values that shouldn't open.
func ExampleJWE() {
	ring := keyring.Generate()
	codec, err := cookie.JWE("__Host-session", "")
	if err != nil {
		panic(err)
	}
	value, err := codec.Seal(ring, []byte(`{"hello":"world"}`))
	if err != nil {
		panic(err)
	}
	opened, err := codec.Open(ring, value)
	fmt.Println(string(opened.Plaintext), err)

	_, err = codec.Open(ring, value+"=")
	fmt.Println(err, "| for the log:", cookie.ReasonOf(err))

	_, err = codec.Open(keyring.Generate(), value)
	fmt.Println(err, "| for the log:", cookie.ReasonOf(err))
	// Output:
	// {"hello":"world"} <nil>
	// cookie: invalid session cookie | for the log: malformed
	// cookie: invalid session cookie | for the log: unknown-key
}

// One builder writes the line that sets the cookie and the line that deletes it.
func ExampleCookie() {
	c, err := cookie.New(cookie.Config{})
	if err != nil {
		panic(err)
	}
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	browserSession, _ := c.Set("VALUE", now, 0)
	persistent, _ := c.Set("VALUE", now, time.Hour)
	fmt.Println(browserSession)
	fmt.Println(persistent)
	fmt.Println(c.Delete())
	// Output:
	// __Host-session=VALUE; Path=/; HttpOnly; Secure; SameSite=Lax
	// __Host-session=VALUE; Path=/; Expires=Fri, 02 Jan 2026 04:04:05 GMT; Max-Age=3600; HttpOnly; Secure; SameSite=Lax
	// __Host-session=; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=0; HttpOnly; Secure; SameSite=Lax
}

// New reports everything that is wrong with a configuration at once.
func ExampleNew_errors() {
	_, err := cookie.New(cookie.Config{Domain: "example.com", SameSite: cookie.SameSiteNone, DangerouslyAllowHTTP: true, Name: "__Host-session"})
	fmt.Println(err)
	// Output:
	// cookie: Name: the prefix __Host- needs Secure, which DangerouslyAllowHTTP drops
	// cookie: Domain: must be empty with the name prefix __Host- (use __Secure- to share a cookie)
	// cookie: SameSite: None needs Secure, which DangerouslyAllowHTTP drops
}

// A neighbour on a sibling domain set the value after the comma. It is part of the
// cookie x, not a session.
func ExampleCookie_Find() {
	c, err := cookie.New(cookie.Config{})
	if err != nil {
		panic(err)
	}
	lines := []string{"x=1, __Host-session=NEIGHBOUR; __Host-session=OURS", "__Host-session=OURS"}
	fmt.Println(c.Find(nil, lines))
	// Output: [OURS]
}

// A service in another language reads the cookie with the derived key as a JWK.
// The same key also makes cookies: give it only to services that may log users in.
func ExampleSealLabel() {
	ring := keyring.Generate()
	jwk := ring.Primary().ExportJWK(cookie.SealLabel("__Host-session", ""))
	fmt.Println(len(jwk) > 0)
	// Output: true
}

// The defaults, spelled out, and what changes without TLS: a prefix such as __Host- would
// make every browser drop the cookie.
func ExampleConfig() {
	for _, c := range []cookie.Config{
		{Name: cookie.DefaultName, SameSite: cookie.SameSiteLax},
		{DangerouslyAllowHTTP: true},
	} {
		k, err := cookie.New(c)
		if err != nil {
			panic(err)
		}
		line, _ := k.Set("value", time.Unix(1e9, 0), 0)
		fmt.Println(line, k.Name() == cookie.DefaultHTTPName)
	}
	// Output:
	// __Host-session=value; Path=/; HttpOnly; Secure; SameSite=Lax false
	// session=value; Path=/; HttpOnly; SameSite=Lax true
}
