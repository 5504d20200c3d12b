package gorilla_test

import (
	"bytes"
	"encoding/gob"
	"fmt"
	"time"

	"github.com/gorilla/securecookie"

	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/cookie/gorilla"
	"github.com/hardtack-go/hardtack/keyring"
)

// Open a cookie that an application of gorilla/sessions has handed out. In a
// program, WithKeys goes into ssestore.Legacy and the last part into Migrate.
func ExampleWithKeys() {
	hashKey := []byte("the application's hash key 32 b.")
	blockKey := []byte("and its block key of 32 bytes...")

	// What the old program did: this is how sessions.CookieStore saves its Values.
	old := securecookie.CodecsFromPairs(hashKey, blockKey)
	value, err := securecookie.EncodeMulti("my-session", map[any]any{"user_id": "ann"}, old...)
	if err != nil {
		panic(err)
	}

	codec, err := gorilla.WithKeys(hashKey, blockKey)("my-session", "")
	if err != nil {
		panic(err)
	}
	opened, err := codec.Open(nil, value)
	if err != nil {
		panic(err)
	}
	var values map[any]any
	if err := gob.NewDecoder(bytes.NewReader(opened.Plaintext)).Decode(&values); err != nil {
		panic(err)
	}
	fmt.Println(values["user_id"], "saved just now:", time.Since(opened.Issued) < time.Minute)

	// The same value with another date. The format doesn't name a key, so a value
	// that none of ours opens may be somebody else's, and is kept.
	_, err = codec.Open(nil, "N"+value[1:])
	fmt.Println(err, "-", cookie.ReasonOf(err))
	// Output:
	// ann saved just now: true
	// cookie: invalid session cookie - unknown-key
}

// Put a keyring under an application that stays with gorilla/sessions. The codecs
// go into the Codecs field of a sessions.CookieStore, which calls EncodeMulti and
// DecodeMulti with them, as this example does.
func ExampleCodecs() {
	var source keyring.Holder
	ring := keyring.Generate()
	source.Set(ring)

	codecs, err := gorilla.Codecs(&source, "", 12*time.Hour) // store.Codecs, err = …
	if err != nil {
		panic(err)
	}
	value, err := securecookie.EncodeMulti("my-session", map[any]any{"user_id": "ann"}, codecs...)
	if err != nil {
		panic(err)
	}

	// A new key, and nobody is logged out.
	ring, err = ring.Rotate()
	if err != nil {
		panic(err)
	}
	source.Set(ring)
	var values map[any]any
	err = securecookie.DecodeMulti("my-session", value, &values, codecs...)
	fmt.Println(values["user_id"], err)
	// Output: ann <nil>
}
