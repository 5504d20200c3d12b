package cookie_test

import (
	"testing"

	"github.com/hardtack-go/hardtack/cookie"
)

func newJWE(t testing.TB, name, audience string) cookie.Codec {
	t.Helper()
	codec, err := cookie.JWE(name, audience)
	if err != nil {
		t.Fatal(err)
	}
	return codec
}

func newCookie(t testing.TB, c cookie.Config) *cookie.Cookie {
	t.Helper()
	k, err := cookie.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return k
}
