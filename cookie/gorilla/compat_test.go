package gorilla_test

import (
	"encoding/base64"
	"testing"
	"time"

	"github.com/gorilla/securecookie"

	"github.com/hardtack-go/hardtack/keyring"
)

// What this package seals, the real library opens, and the other way round, for
// every length that fits.
func TestCompat_DerivedKeysBothWays(t *testing.T) {
	ring := keyring.Generate()
	ours := newCodec(t, "session", "shop")
	theirs := library(ring.Primary(), "session", "shop")

	for n := 1; ours.Size(n) <= 4096; n += 1 + n/40 {
		want := random(n)

		value := mustSeal(t, ours, ring, want)
		if len(value) != ours.Size(n) {
			t.Fatalf("%d bytes: %d characters, Size says %d", n, len(value), ours.Size(n))
		}
		var got []byte
		if err := theirs.Decode("session", value, &got); err != nil {
			t.Fatalf("%d bytes: securecookie does not open what we sealed: %v", n, err)
		}
		same(t, got, want)

		value, err := theirs.Encode("session", append([]byte(nil), want...))
		if err != nil {
			t.Fatal(err)
		}
		opened, err := ours.Open(ring, value)
		if err != nil {
			t.Fatalf("%d bytes: we do not open what securecookie sealed: %v", n, err)
		}
		same(t, opened.Plaintext, want)
		if opened.Key.ID() != ring.Primary().ID() {
			t.Fatal("the key is not reported")
		}
	}
}

func TestCompat_GivenKeysBothWays(t *testing.T) {
	for _, row := range []struct {
		what        string
		hash, block []byte
	}{
		{"signed only", hashKey, nil},
		{"AES-128", hashKey, blockKey[:16]},
		{"AES-192", hashKey, blockKey[:24]},
		{"AES-256", hashKey, blockKey},
		{"hash key of 64 bytes", append(hashKey, blockKey...), blockKey},
		{"hash key of 16 bytes", hashKey[:16], blockKey},
	} {
		t.Run(row.what, func(t *testing.T) {
			ours := withKeys(t, "app", row.hash, row.block)
			theirs := securecookie.New(row.hash, row.block).SetSerializer(securecookie.NopEncoder{})
			for n := 1; n < 300; n++ {
				want := random(n)
				value := mustSeal(t, ours, nil, want)
				if len(value) != ours.Size(n) {
					t.Fatalf("%d bytes: %d characters, Size says %d", n, len(value), ours.Size(n))
				}
				var got []byte
				if err := theirs.Decode("app", value, &got); err != nil {
					t.Fatal(err)
				}
				same(t, got, want)

				value, err := theirs.Encode("app", append([]byte(nil), want...))
				if err != nil {
					t.Fatal(err)
				}
				opened, err := ours.Open(nil, value)
				if err != nil {
					t.Fatal(err)
				}
				same(t, opened.Plaintext, want)
				if opened.Key.ID() != "" {
					t.Fatal("a key of the ring is reported, and there was no ring")
				}
			}
		})
	}
}

// The library's own serializers: what they wrote is the plaintext.
func TestCompat_PlaintextIsTheSerializersOutput(t *testing.T) {
	theirs := securecookie.New(hashKey, blockKey).SetSerializer(securecookie.JSONEncoder{})
	value, err := theirs.Encode("app", map[string]int{"cart": 3})
	if err != nil {
		t.Fatal(err)
	}
	opened, err := withKeys(t, "app", hashKey, blockKey).Open(nil, value)
	if err != nil {
		t.Fatal(err)
	}
	same(t, opened.Plaintext, []byte("{\"cart\":3}\n"))
}

// A fixed value, made by securecookie v1.1.2 itself with the two keys of this
// test, so that neither side can drift.
func TestCompat_KnownAnswer(t *testing.T) {
	const value = "MTc5NTM4MjU2NnwyR21KZ1FPR0x0TkFmN2M3b2hSbFpwNXNfMl9aRTF4SFBoQ0VlbURBfBvC_ZLEKEyt7zByDRMvJXB5ownlGhB2tlQ5NsMIVMPt"
	opened, err := withKeys(t, "app", hashKey, blockKey).Open(nil, value)
	if err != nil {
		t.Fatal(err)
	}
	same(t, opened.Plaintext, []byte("hello, gorilla"))
	if want := time.Unix(1795382566, 0); !opened.Issued.Equal(want) {
		t.Fatalf("Issued %v, want %v", opened.Issued, want)
	}
}

// The helper of these tests writes what the library reads.
func TestCompat_Craft(t *testing.T) {
	value := craft(hashKey, blockKey, "app", "1700000000", []byte("hello"))
	var got []byte
	theirs := securecookie.New(hashKey, blockKey).SetSerializer(securecookie.NopEncoder{}).MaxAge(0)
	if err := theirs.Decode("app", value, &got); err != nil {
		t.Fatal(err)
	}
	same(t, got, []byte("hello"))
}

// The library takes many spellings of one value. This is what the strict parse
// is for; when the library stops, this test says so.
func TestCompat_LibraryIsMalleable(t *testing.T) {
	theirs := securecookie.New(hashKey, blockKey).SetSerializer(securecookie.NopEncoder{}).MaxAge(0)
	taken := 0
	for _, altered := range spellings(craft(hashKey, blockKey, "app", "1700000000", []byte("hello"))) {
		var got []byte
		if theirs.Decode("app", altered, &got) == nil {
			taken++
		}
	}
	if taken == 0 {
		t.Error("securecookie has become strict: the package doc says otherwise")
	}
}

// spellings are strings that a lax base64 decoder reads as the same bytes.
func spellings(value string) []string {
	all := []string{
		"\n" + value, value + "\n", value + "\r\n", value[:7] + "\r" + value[7:], value[:8] + "\n" + value[8:],
	}
	// The unused bits of the last character before the padding.
	end := len(value)
	for value[end-1] == '=' {
		end--
	}
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	raw, _ := base64.URLEncoding.DecodeString(value)
	for _, c := range alphabet {
		altered := value[:end-1] + string(c) + value[end:]
		if got, err := base64.URLEncoding.DecodeString(altered); altered != value && err == nil && string(got) == string(raw) {
			all = append(all, altered)
		}
	}
	return all
}
