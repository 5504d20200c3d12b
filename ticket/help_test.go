package ticket_test

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/keyring"
	"github.com/hardtack-go/hardtack/ticket"
)

// t0 is when the tickets of these tests are sealed.
var t0 = time.Unix(1_700_000_000, 0)

func after(d time.Duration) time.Time { return t0.Add(d) }

func kid(n int) string { return fmt.Sprintf("test%02dA", n) }

func root(n int) []byte { return []byte(strings.Repeat(string(rune('a'+n)), 32)) }

// ring makes a keyring of numbered keys, the primary first. A higher number is a
// newer key.
func ring(t testing.TB, numbers ...int) *keyring.Keyring {
	t.Helper()
	var keys []string
	for _, n := range numbers {
		keys = append(keys, fmt.Sprintf(`{"kty":"oct","kid":%q,"k":%q,"use":"enc","created":%d}`,
			kid(n), base64.RawURLEncoding.EncodeToString(root(n)), n*1000))
	}
	r, err := keyring.Parse(`{"keys":[` + strings.Join(keys, ",") + `]}`)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// newKind makes a kind for "reset" with a life of an hour, unless change says
// otherwise.
func newKind[T any](t testing.TB, keys keyring.Source, change ...func(*ticket.Config)) *ticket.Kind[T] {
	t.Helper()
	c := ticket.Config{Keys: keys, Purpose: "reset", Life: time.Hour}
	for _, f := range change {
		f(&c)
	}
	k, err := ticket.New[T](c)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func seal[T any](t testing.TB, k *ticket.Kind[T], v T, bound ...string) string {
	t.Helper()
	token, err := k.Seal(t0, v, bound...)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// fields is what Open takes for a ticket bound to these.
func fields[T any](list ...string) func(T) ([]string, error) {
	return func(T) ([]string, error) { return list, nil }
}

// opens fails the test unless the ticket opens with this value.
func opens[T comparable](t testing.TB, k *ticket.Kind[T], now time.Time, token string, bound func(T) ([]string, error), want T) {
	t.Helper()
	if v, err := k.Open(now, token, bound); err != nil || v != want {
		t.Errorf("Open: %v, %v (%v), want %v", v, err, cookie.ReasonOf(err), want)
	}
}

// refused fails the test unless the ticket is refused with this reason, as every
// refusal must be: matching ErrInvalid, with its text, and without a value.
func refused[T comparable](t testing.TB, k *ticket.Kind[T], now time.Time, token string, bound func(T) ([]string, error), want cookie.Reason) {
	t.Helper()
	v, err := k.Open(now, token, bound)
	var zero T
	if v != zero || !errors.Is(err, cookie.ErrInvalid) || err.Error() != cookie.ErrInvalid.Error() || cookie.ReasonOf(err) != want {
		t.Errorf("Open: %v, %v (%v), want %v", v, err, cookie.ReasonOf(err), want)
	}
}
