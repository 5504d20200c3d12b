package keyring_test

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/hardtack-go/hardtack/keyring"
)

// When a program starts for the first time on a machine, there is no key file yet. A real
// onError logs its argument. This one shows the difference between two starts.
func ExampleOpenOrCreateFile() {
	dir, err := os.MkdirTemp("", "keys")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	for start := range 2 {
		_, err := keyring.OpenOrCreateFile(filepath.Join(dir, "keys.json"), func(err error) {
			var created *keyring.Created
			fmt.Println("start", start, "made a key:", errors.As(err, &created))
		})
		fmt.Println("start", start, err)
	}
	// Output:
	// start 0 made a key: true
	// start 0 <nil>
	// start 1 <nil>
}

// Start with one secret in the environment, from "openssl rand -base64 32". To change it,
// deploy the next one first, and let it seal one deploy later.
func ExampleFromSecrets() {
	const (
		first  = "uHq1yDk3M0fVfXr9oQwLZ2b7Nn5tEjC8aGsTzPpIxRk="
		second = "m4Yw0TgE7uJdKqVb1cXnR5zLhS8oPfA2iQ3vNl6WxUs="
	)
	for _, deploy := range []keyring.Secrets{
		{Primary: first},
		{Primary: first, Next: second},
		{Primary: second, Previous: []string{first}},
		{Primary: second},
	} {
		ring, err := keyring.FromSecrets(deploy)
		fmt.Println(ring, err)
	}
	_, err := keyring.FromSecrets(keyring.Secrets{Primary: "your-secret-key-here-change-me"})
	fmt.Println(err)
	// Output:
	// keyring.Keyring(*wBlDLh4, redacted) <nil>
	// keyring.Keyring(*wBlDLh4, jBaNfz4, redacted) <nil>
	// keyring.Keyring(*jBaNfz4, wBlDLh4, redacted) <nil>
	// keyring.Keyring(*jBaNfz4, redacted) <nil>
	// keyring: Primary: a placeholder, not a secret: openssl rand -base64 32 makes one
}

// Write a ring of two keys as a JWK Set and read it back. Printing a ring shows only ids.
// JWKSet has the secrets.
func Example() {
	ring, err := keyring.Parse(`{"keys":[
		{"kty":"oct","kid":"Zmlyc3Q","k":"AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE","use":"enc","created":1700000000000},
		{"kty":"oct","kid":"c2Vjb24","k":"AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI","use":"enc","created":1600000000000}]}`)
	if err != nil {
		fmt.Println(err)
		return
	}
	ring = ring.At(time.Now())
	fmt.Println("seals:", ring.Primary().ID())
	_, opens := ring.Key("c2Vjb24")
	fmt.Println("opens with the fallback:", opens)
	fmt.Printf("%+v\n", ring)

	again, err := keyring.Parse(string(ring.JWKSet()))
	fmt.Println("read back:", again, err)
	// Output:
	// seals: Zmlyc3Q
	// opens with the fallback: true
	// keyring.Keyring(*Zmlyc3Q, c2Vjb24, redacted)
	// read back: keyring.Keyring(*Zmlyc3Q, c2Vjb24, redacted) <nil>
}

// A misspelt member would make a key primary at once, so it is an error. Errors say where
// and why, but never repeat the text.
func ExampleParse_refused() {
	_, err := keyring.Parse(`{"keys":[{"kty":"oct","kid":"Zmlyc3Q","k":"AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE","use":"enc","created":1700000000000,"activ":1800000000000}]}`)
	fmt.Println(err)
	var parse *keyring.ParseError
	if errors.As(err, &parse) {
		fmt.Println("key", parse.Key)
	}
	// Output:
	// keyring: JWK Set: key 0: unknown member (byte 132)
	// key 0
}

// This is wrong: a ring is immutable, so an operation does nothing if you drop its result.
// Keep what it returns.
func ExampleKeyring_Rotate_wrongUse() {
	ring := keyring.Generate()

	ring.Rotate() // wrong: the new ring is lost
	fmt.Println(len(ring.Keys()), "key")

	ring, err := ring.Rotate() // right
	fmt.Println(len(ring.Keys()), "keys", err)
	// Output:
	// 1 key
	// 2 keys <nil>
}

// After a key has leaked, replace it with a new primary in one step. Sessions under the
// leaked key end, and those under other keys go on.
func ExampleKeyring_Replace() {
	ring, err := keyring.Generate().Rotate()
	if err != nil {
		fmt.Println(err)
		return
	}
	leaked, other := ring.Primary().ID(), ring.Keys()[1].ID()
	ring, err = ring.Replace(leaked)
	_, opens := ring.Key(leaked)
	fmt.Println("the leaked key opens:", opens, err)
	_, opens = ring.Key(other)
	fmt.Println("the other key opens:", opens)
	fmt.Println("a new key seals:", ring.Primary().ID() != leaked && ring.Primary().ID() != other)
	// Output:
	// the leaked key opens: false <nil>
	// the other key opens: true
	// a new key seals: true
}

// This key can open at once, and seals from a given time on. Distribute it today, and all
// instances switch to it at the same moment.
func ExampleNewKeyAt() {
	ring := keyring.Generate()
	now := time.Now()
	ring, err := ring.Add(keyring.NewKeyAt(now.Add(24 * time.Hour)))
	if err != nil {
		fmt.Println(err)
		return
	}
	today, dayAfter := ring.At(now), ring.At(now.Add(48*time.Hour))
	fmt.Println("another primary:", today.Primary().ID() != dayAfter.Primary().ID())
	fmt.Println("newer:", dayAfter.Primary().Compare(today.Primary()) > 0)
	_, opens := today.Key(dayAfter.Primary().ID())
	fmt.Println("opens today:", opens)
	// Output:
	// another primary: true
	// newer: true
	// opens today: true
}

// A codec derives its cipher once per key and keeps it for as long as the key lives. The
// build function shouldn't capture anything, so that a call doesn't allocate.
func ExampleKey_Cache() {
	label := keyring.Label{Purpose: "seal", Name: "__Host-session"}
	build := func(subkey []byte) any {
		block, err := aes.NewCipher(subkey)
		if err != nil {
			return nil // isn't cached
		}
		aead, err := cipher.NewGCM(block)
		if err != nil {
			return nil
		}
		return aead
	}
	key := keyring.NewKey()
	aead, ok := key.Cache(label, build).(cipher.AEAD) // false for the zero Key, too
	fmt.Println(ok, aead == key.Cache(label, build))
	// Output: true true
}

// A service in another language that reads the session cookie needs two subkeys: one to
// open it, and one to see which sessions were logged out. The first can also make sessions,
// so give it only to services that may log users in.
func ExampleKey_ExportJWK() {
	key := keyring.NewKey()
	for _, purpose := range []string{"seal", "barrier"} {
		var jwk struct{ Kty, Kid, Alg, Use, Purpose, Name string }
		text := key.ExportJWK(keyring.Label{Purpose: purpose, Name: "__Host-session"})
		fmt.Println(json.Unmarshal(text, &jwk), jwk.Kid == key.ID())
		fmt.Println(jwk.Kty, jwk.Alg, jwk.Use, jwk.Purpose, jwk.Name)

		_, err := keyring.Parse(`{"keys":[` + string(text) + `]}`) // a subkey isn't a root key
		fmt.Println(err != nil)
	}
	// The key of stamps stays here: with it a reader could log anybody in.
	fmt.Println(key.ExportJWK(keyring.Label{Purpose: "stamp"}) == nil)
	// Output:
	// <nil> true
	// oct A256GCM enc seal __Host-session
	// true
	// <nil> true
	// oct HS256 sig barrier __Host-session
	// true
	// true
}

// The counters say when a key has gone out of use in this process.
func ExampleKey_Counters() {
	ring := keyring.Generate()
	key := ring.Primary()
	key.CountSeal() // the session store does this
	key.CountOpen(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))
	c := key.Counters()
	fmt.Println(c.Sealed, c.Opened, c.LastOpened.Format(time.DateTime), c.Worn)
	// Output: 1 1 2026-01-02 03:04:05 false
}

// A Holder is for keys that the program fetches itself, for example from a secret store. The
// program can parse them again each time: a key that stays keeps its counters.
func ExampleHolder_Set() {
	value := string(keyring.Generate().JWKSet()) // from the secret store
	var holder keyring.Holder
	for range 3 { // each time the program polls
		ring, err := keyring.Parse(value)
		if err != nil {
			fmt.Println(err) // the previous ring stays
			continue
		}
		holder.Set(ring)
		holder.At(time.Now()).Primary().CountSeal() // the session store does this
	}
	fmt.Println("sealed:", holder.At(time.Now()).Primary().Counters().Sealed)
	// Output: sealed: 3
}

// The zero Holder opens nothing and seals nothing.
func ExampleHolder() {
	var holder keyring.Holder
	fmt.Println(holder.At(time.Now()) == nil)
	holder.Set(keyring.Generate())
	fmt.Println(holder.At(time.Now()) == nil)
	// Output:
	// true
	// false
}

// Two secrets that are the same are most likely a copy that went wrong.
func ExampleNew_duplicate() {
	key := keyring.NewKey()
	_, err := keyring.New(key, key)
	fmt.Println(errors.Is(err, keyring.ErrDuplicate))
	// Output: true
}
