package keyring

import (
	"fmt"
	"io"
	"strings"
)

// This file keeps secrets out of logs. There are three lines of defence, and a
// test walks all of them with every verb, json and slog:
//
//   - Format answers every verb of fmt. String and GoString would not: %d and %x
//     go around them.
//   - MarshalText answers encoding/json, log/slog and encoding/xml.
//   - A printer that finds a Key in an unexported field can't call its methods. It
//     finds a pointer, and may follow it (fmt does for %s), but there a closure holds
//     the bytes.

// Format writes the key's id and never its bytes, whatever the verb and flags.
func (k Key) Format(f fmt.State, _ rune) { io.WriteString(f, k.redacted()) }

// MarshalText returns the same redacted text, so that neither encoding/json nor
// log/slog can write a key. [Keyring.JWKSet] is the only way to write keys out.
// The error is always nil.
func (k Key) MarshalText() ([]byte, error) { return []byte(k.redacted()), nil }

func (k Key) redacted() string {
	if k.p == nil {
		return "keyring.Key(none)"
	}
	return "keyring.Key(" + k.p.id + ", redacted)"
}

// Format writes the ids of the ring's keys, the primary marked with a star, and
// never their bytes, whatever the verb and flags.
func (r *Keyring) Format(f fmt.State, _ rune) { io.WriteString(f, r.redacted()) }

// MarshalText returns the same redacted text, which [Parse] can't read. Use
// [Keyring.JWKSet] to write a ring out. The error is always nil.
func (r *Keyring) MarshalText() ([]byte, error) { return []byte(r.redacted()), nil }

func (r *Keyring) redacted() string {
	if r.empty() {
		return "keyring.Keyring(none)"
	}
	var b strings.Builder
	b.WriteString("keyring.Keyring(")
	for i, k := range r.set.keys {
		if i == r.primary {
			b.WriteByte('*')
		}
		b.WriteString(k.p.id)
		b.WriteString(", ")
	}
	b.WriteString("redacted)")
	return b.String()
}
