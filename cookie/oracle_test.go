package cookie_test

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/internal/vectors"
	"github.com/hardtack-go/hardtack/keyring"
)

var (
	oracleAlg = []jose.KeyAlgorithm{jose.DIRECT}
	oracleEnc = []jose.ContentEncryption{jose.A256GCM}
)

// oracleKey reads an exported key as a JOSE library does: all it knows is the JWK.
func oracleKey(t testing.TB, exported []byte) jose.JSONWebKey {
	t.Helper()
	var jwk jose.JSONWebKey
	if err := json.Unmarshal(exported, &jwk); err != nil {
		t.Fatal(err)
	}
	if jwk.Algorithm != "A256GCM" || jwk.Use != "enc" || len(jwk.KeyID) != 7 || len(jwk.Key.([]byte)) != 32 {
		t.Fatalf("exported key %s %s %s", jwk.Algorithm, jwk.Use, jwk.KeyID)
	}
	return jwk
}

// go-jose is the independent oracle: it opens whatever we seal, with the exported
// key alone, and we open whatever it seals in our form.
func TestOracle_GoJose(t *testing.T) {
	n := 10_000
	if testing.Short() {
		n = 1000
	}
	const name, audience = "__Host-session", "https://app.example"
	ring, codec := keyring.Generate(), newJWE(t, name, audience)
	jwk := oracleKey(t, ring.Primary().ExportJWK(cookie.SealLabel(name, audience)))
	// Given as bytes and not as a JWK, so that go-jose writes no other header than
	// the one we ask for.
	encrypter, err := jose.NewEncrypter(jose.A256GCM,
		jose.Recipient{Algorithm: jose.DIRECT, Key: jwk.Key, KeyID: jwk.KeyID}, nil)
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(21, 42))
	for i := range n {
		plaintext := make([]byte, r.IntN(400))
		for j := range plaintext {
			plaintext[j] = byte(r.Uint32())
		}
		value := seal(t, codec, ring, plaintext)
		object, err := jose.ParseEncryptedCompact(value, oracleAlg, oracleEnc)
		if err != nil {
			t.Fatalf("%d: go-jose does not parse %s: %v", i, value, err)
		}
		got, err := object.Decrypt(jwk)
		if err != nil || !bytes.Equal(got, plaintext) {
			t.Fatalf("%d: go-jose opens %x, want %x: %v", i, got, plaintext, err)
		}

		object, err = encrypter.Encrypt(plaintext)
		if err != nil {
			t.Fatal(err)
		}
		theirs, err := object.CompactSerialize()
		if err != nil {
			t.Fatal(err)
		}
		opened, err := codec.Open(ring, theirs)
		if err != nil || !bytes.Equal(opened.Plaintext, plaintext) {
			t.Fatalf("%d: we open %x, want %x: %v (%s)", i, opened.Plaintext, plaintext, err, theirs)
		}
		if !strings.HasPrefix(theirs, value[:60]) {
			t.Fatalf("%d: headers %s and %s", i, theirs[:60], value[:60])
		}
	}
}

// go-jose takes spellings that we refuse, which is why it is no gate: this shows
// that the vectors of class malformed are no strawmen.
func TestOracle_IsLenient(t *testing.T) {
	lenient, total := 0, 0
	for _, f := range vectors.Read[vectorFile](t, vectorDir) {
		ring := vectors.Ring(t, f.Ring...)
		for _, v := range f.Vectors {
			key, ok := ring.Key(rootKey(0).Kid)
			if !ok {
				t.Fatal("the ring lacks its first key")
			}
			jwk := oracleKey(t, key.ExportJWK(cookie.SealLabel(v.Name, v.Audience)))
			object, err := jose.ParseEncryptedCompact(v.Token, oracleAlg, oracleEnc)
			var got []byte
			if err == nil {
				got, err = object.Decrypt(jwk.Key)
			}
			switch v.Result {
			case "accepted":
				if v.Kid == key.ID() && (err != nil || len(v.Plaintext) != 2*len(got)) {
					t.Errorf("%s: go-jose refuses it: %v", v.ID, err)
				}
			case "bad-tag":
				if err == nil {
					t.Errorf("%s: go-jose opens a token that must have a bad tag", v.ID)
				}
			case "malformed":
				total++
				if err == nil {
					lenient++
				}
			}
		}
	}
	if lenient == 0 {
		t.Error("go-jose refuses every malformed vector; then half of them are beside the point")
	}
	t.Logf("go-jose opens %d of %d malformed vectors", lenient, total)
}
