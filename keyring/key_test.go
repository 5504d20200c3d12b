package keyring_test

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hardtack-go/hardtack/keyring"
)

// The times of the tests, in Unix milliseconds and as times.
const (
	ms0 = 1_700_000_000_000
	day = 86_400_000
)

func at(ms int64) time.Time { return time.UnixMilli(ms) }

// bytesOf is 32 times one byte: a recognisable secret.
func bytesOf(fill byte) []byte { return bytes.Repeat([]byte{fill}, 32) }

// jwk writes a key of the file format by hand, so that the tests do not believe
// the writer that they test. active 0 leaves the member out.
func jwk(kid string, fill byte, created, active int64) string {
	s := fmt.Sprintf(`{"kty":"oct","kid":%q,"k":%q,"use":"enc","created":%d`,
		kid, base64.RawURLEncoding.EncodeToString(bytesOf(fill)), created)
	if active != 0 {
		s += fmt.Sprintf(`,"active":%d`, active)
	}
	return s + "}"
}

func jwkSet(keys ...string) string { return `{"keys":[` + strings.Join(keys, ",") + `]}` }

func parse(t testing.TB, keys ...string) *keyring.Keyring {
	t.Helper()
	r, err := keyring.Parse(jwkSet(keys...))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// key is a single key with known bytes.
func key(t testing.TB, kid string, fill byte, created, active int64) keyring.Key {
	t.Helper()
	k, ok := parse(t, jwk(kid, fill, created, active)).Key(kid)
	if !ok {
		t.Fatal("the key is not in its own ring")
	}
	return k
}

// ids shows a ring for comparison: its ids in order, the primary with a star.
func ids(r *keyring.Keyring) string {
	var out []string
	for _, k := range r.Keys() {
		id := k.ID()
		if k.Compare(r.Primary()) == 0 {
			id = "*" + id
		}
		out = append(out, id)
	}
	return strings.Join(out, " ")
}

func TestNewKey(t *testing.T) {
	form := regexp.MustCompile(`^[A-Za-z0-9_-]{6}[AEIMQUYcgkosw048]$`)
	seen := map[string]bool{}
	before := time.Now().Truncate(time.Millisecond)
	for range 30 {
		k := keyring.NewKey()
		if !form.MatchString(k.ID()) {
			t.Errorf("id %q is not 5 bytes in base64url", k.ID())
		}
		if seen[k.ID()] || seen[string(k.Derive(keyring.Label{}))] {
			t.Error("two keys share their id or bytes")
		}
		seen[k.ID()], seen[string(k.Derive(keyring.Label{}))] = true, true
		if c := k.Created(); c.Before(before) || c.After(time.Now()) || c.Location() != time.UTC {
			t.Errorf("created %v", c)
		}
		if !k.Active().IsZero() {
			t.Error("a new key has an activation time")
		}
	}
}

func TestNewKeyAt(t *testing.T) {
	for _, row := range []struct {
		name   string
		active time.Time
		want   time.Time
	}{
		{"zero is at once", time.Time{}, time.Time{}},
		{"a time", at(ms0), at(ms0)},
		{"kept to the millisecond, in UTC", at(ms0).Add(999 * time.Microsecond).In(time.FixedZone("", 3600)), at(ms0)},
		{"before 1970 is at once", time.Date(1900, 1, 1, 0, 0, 0, 0, time.UTC), time.Time{}},
		{"ends with 9999", time.Date(20000, 1, 1, 0, 0, 0, 0, time.UTC), at(253402300799999)},
	} {
		got := keyring.NewKeyAt(row.active).Active()
		if !got.Equal(row.want) || got.Location() != time.UTC {
			t.Errorf("%s: %v, want %v", row.name, got, row.want)
		}
	}
}

// Keys made one after the other are newer in that order, although their ids are
// random and milliseconds are long.
func TestNewKey_NewerThanTheOneBefore(t *testing.T) {
	last := keyring.Generate().Primary()
	for i := range 20 {
		k := keyring.NewKey()
		if i%2 == 0 {
			k = keyring.NewKeyAt(at(ms0))
		}
		if k.Compare(last) != 1 {
			t.Errorf("key %d is not newer than the one before it", i)
		}
		last = k
	}
}

// A clock that stands at 1970, as a WebAssembly worker's does before its first
// request, must not make a key that cannot be written and read back.
func TestNewKey_ClockOutOfRange(t *testing.T) {
	for _, ms := range []int64{-5, 0, 1 << 60} {
		r, err := keyring.New(keyring.NewKeyCreated(ms))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := keyring.Parse(string(r.JWKSet())); err != nil {
			t.Errorf("created at %d: %v", ms, err)
		}
	}
}

func TestKey_ZeroIsRefusedEverywhere(t *testing.T) {
	var zero keyring.Key
	built := false
	if zero.ID() != "" || !zero.Created().IsZero() || !zero.Active().IsZero() ||
		zero.Derive(keyring.Label{Purpose: "seal"}) != nil ||
		zero.ExportJWK(keyring.Label{Purpose: "seal"}) != nil ||
		zero.Cache(keyring.Label{}, func([]byte) any { built = true; return 1 }) != nil || built ||
		zero.Counters() != (keyring.Counters{}) {
		t.Error("the zero Key does something")
	}
	zero.CountSeal()
	zero.CountOpen(at(ms0))
	refused(t, "New", keyring.ErrNoKey)(keyring.New(keyring.NewKey(), zero))
	refused(t, "Add", keyring.ErrNoKey)(keyring.Generate().Add(zero))
}

func TestKey_Incomparable(t *testing.T) {
	if reflect.TypeFor[keyring.Key]().Comparable() {
		t.Error("keys can be compared with ==")
	}
}

func TestKey_Compare(t *testing.T) {
	var zero keyring.Key
	old := key(t, "BBBBBBA", 1, ms0, 0)
	twin := key(t, "BBBBBBE", 2, ms0, 0)
	young := key(t, "AAAAAAA", 3, ms0+1, 0)
	order := []keyring.Key{zero, old, twin, young}
	for i, a := range order {
		for j, b := range order {
			want := 0
			if i < j {
				want = -1
			} else if i > j {
				want = 1
			}
			if got := a.Compare(b); got != want {
				t.Errorf("%v against %v: %d, want %d", a, b, got, want)
			}
		}
	}
	// The same generation, from two readings of one file.
	if old.Compare(key(t, "BBBBBBA", 1, ms0, 5)) != 0 {
		t.Error("an activation time changes the generation")
	}
}

// Rotate stays ahead of a key from a clock that is ahead, and of a second
// rotation within the same millisecond.
func TestRotate_NewerThanAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		future := time.Now().Add(time.Hour).UnixMilli()
		r := parse(t, jwk("AAAAAAA", 1, 1, 0), jwk("BBBBBBA", 2, future, 0))
		for i := range 3 {
			next, err := r.Rotate()
			if err != nil {
				t.Fatal(err)
			}
			if ahead := next.Primary().Created().UnixMilli() - future; ahead != int64(i)+1 {
				t.Errorf("rotation %d: created %d ms after the clock that is ahead", i, ahead)
			}
			for _, k := range r.Keys() {
				if next.Primary().Compare(k) != 1 {
					t.Errorf("the new primary is not newer than %v", k)
				}
			}
			r = next
		}
		time.Sleep(2 * time.Hour) // of the test's own clock
		next, err := r.Rotate()
		if err != nil || !next.Primary().Created().Equal(time.Now()) {
			t.Errorf("created %v, want now (%v)", next.Primary().Created(), err)
		}
	})
}
