package fixed

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"
)

// LegacySecret is the secret of the other systems.
const LegacySecret = "a secret of forty characters, or of more than that"

// An Iron is what iron seals (Fe26.2), part by part. Seal signs whatever they are.
type Iron struct {
	Rounds                        int
	ID, Salt, MACSalt, Expiration string
	IV, Plaintext                 []byte
	Unpadded                      bool // Plaintext has its padding, and is whole blocks
}

// NewIron is an ordinary one that never ends.
func NewIron(rounds int, plaintext string) Iron {
	return Iron{Rounds: rounds, ID: "1", Salt: strings.Repeat("5a", 32), MACSalt: strings.Repeat("3c", 32),
		IV: Bytes("iv")[:16], Plaintext: []byte(plaintext)}
}

// Seal returns the value.
func (v Iron) Seal(t testing.TB) string {
	t.Helper()
	key := func(salt string) []byte {
		key, err := pbkdf2.Key(sha1.New, LegacySecret, []byte(salt), v.Rounds, 32)
		if err != nil {
			t.Fatal(err)
		}
		return key
	}
	block, err := aes.NewCipher(key(v.Salt))
	if err != nil {
		t.Fatal(err)
	}
	text := bytes.Clone(v.Plaintext)
	if !v.Unpadded {
		n := 16 - len(text)%16
		text = append(text, bytes.Repeat([]byte{byte(n)}, n)...)
	}
	cipher.NewCBCEncrypter(block, v.IV).CryptBlocks(text, text)
	signed := strings.Join([]string{"Fe26.2", v.ID, v.Salt, b64.EncodeToString(v.IV), b64.EncodeToString(text), v.Expiration}, "*")
	return signed + "*" + v.MACSalt + "*" + b64.EncodeToString(MAC(key(v.MACSalt), []byte(signed)))
}

// Keygrip returns a value and its signature, as ssestore joins them.
func Keygrip(name, value string) string {
	m := hmac.New(sha1.New, []byte(LegacySecret))
	m.Write([]byte(name + "=" + value))
	return value + ";" + b64.EncodeToString(m.Sum(nil))
}

// Expand is HKDF-SHA256 of LegacySecret.
func Expand(t testing.TB, salt, info string, n int) []byte {
	t.Helper()
	key, err := hkdf.Key(sha256.New, []byte(LegacySecret), []byte(salt), info, n)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// Flask returns a session as itsdangerous signs it.
func Flask(plaintext string) string {
	var date [8]byte
	binary.BigEndian.PutUint64(date[:], uint64(time.Now().Unix()))
	return FlaskSigned(b64.EncodeToString([]byte(plaintext)), string(bytes.TrimLeft(date[:], "\x00")))
}

// FlaskSigned signs whatever is in place of the payload and of the bytes of the date.
func FlaskSigned(payload, date string) string {
	signed := payload + "." + b64.EncodeToString([]byte(date))
	sha := func(key []byte, text string) []byte {
		m := hmac.New(sha1.New, key)
		m.Write([]byte(text))
		return m.Sum(nil)
	}
	return signed + "." + b64.EncodeToString(sha(sha([]byte(LegacySecret), "cookie-session"), signed))
}

// Django returns a session as django.core.signing signs it.
func Django(plaintext string) string {
	const digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	date := ""
	for n := time.Now().Unix(); n > 0; n /= 62 {
		date = digits[n%62:n%62+1] + date
	}
	return DjangoSigned(b64.EncodeToString([]byte(plaintext)), date)
}

// DjangoSigned signs whatever is in place of the payload and of the date.
func DjangoSigned(payload, date string) string {
	signed := payload + ":" + date
	key := sha256.Sum256([]byte("django.contrib.sessions.backends.signed_cookies" + "signer" + LegacySecret))
	return signed + ":" + b64.EncodeToString(MAC(key[:], []byte(signed)))
}

// Rails returns the session of the cookie called name, as Rails 7 encrypts it.
func Rails(t testing.TB, name, plaintext string) string {
	t.Helper()
	message := base64.StdEncoding.EncodeToString([]byte(plaintext))
	return RailsSealed(t, []byte(`{"_rails":{"message":"`+message+`","exp":null,"pur":"cookie.`+name+`"}}`))
}

// railsKey derives the key once: a fuzzer seals thousands of times a second.
var railsKey = sync.OnceValues(func() ([]byte, error) {
	return pbkdf2.Key(sha256.New, LegacySecret, []byte("authenticated encrypted cookie"), 1000, 32)
})

// RailsSealed encrypts whatever is in place of the envelope.
func RailsSealed(t testing.TB, envelope []byte) string {
	t.Helper()
	key, err := railsKey()
	if err != nil {
		t.Fatal(err)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		t.Fatal(err)
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		t.Fatal(err)
	}
	std := base64.StdEncoding
	iv := Bytes(string(envelope))[:12]
	sealed := gcm.Seal(nil, iv, envelope, nil)
	text, tag := sealed[:len(sealed)-16], sealed[len(sealed)-16:]
	return url.QueryEscape(std.EncodeToString(text) + "--" + std.EncodeToString(iv) + "--" + std.EncodeToString(tag))
}
