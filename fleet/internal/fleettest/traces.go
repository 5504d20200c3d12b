package fleettest

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/hardtack-go/hardtack/keyring"
	"github.com/hardtack-go/hardtack/marks"
)

// Traces look for what an engine must not hold, in all forms in which it could be there.
type Traces struct {
	needles []needle
	planted string // the id of the last mark
}

type needle struct {
	what string
	text []byte
}

// cut is how much of a hash is enough to recognise it. That many bytes aren't equal by
// chance.
const cut = 8

// Key looks for the bytes of the keys of a ring.
func (tr *Traces) Key(t testing.TB, ring *keyring.Keyring) {
	t.Helper()
	var set struct {
		Keys []struct {
			K string `json:"k"`
		} `json:"keys"`
	}
	if err := json.Unmarshal(ring.JWKSet(), &set); err != nil || len(set.Keys) == 0 {
		t.Fatalf("no keys to look for: %v", err)
	}
	for _, k := range set.Keys {
		raw, err := base64.RawURLEncoding.DecodeString(k.K)
		if err != nil || len(raw) < 32 {
			t.Fatalf("a key of %d bytes: %v", len(raw), err)
		}
		tr.add("a key", raw)
		tr.add("the first half of a key", raw[:16])
		tr.add("the second half of a key", raw[16:])
	}
}

// Mark looks for the id of a mark, and for hashes that need no key: of the id, of all of the
// mark as the fleet seals it, and both with an empty key.
func (tr *Traces) Mark(m marks.Mark) {
	tr.planted = m.ID
	tr.add(fmt.Sprintf("an id (%d)", m.Kind), []byte(m.ID))
	sealed := []byte{byte(m.Kind)}
	sealed = binary.BigEndian.AppendUint64(sealed, uint64(m.Before))
	sealed = binary.BigEndian.AppendUint64(sealed, uint64(m.Until))
	sealed = append(sealed, m.ID...)
	name := marks.NameOf(m.ID)
	for _, text := range [][]byte{[]byte(m.ID), sealed, name[:]} {
		sum := sha256.Sum256(text)
		tr.add("an unkeyed hash", sum[:cut])
		tr.add("the end of an unkeyed hash", sum[len(sum)-cut:])
		mac := hmac.New(sha256.New, nil)
		mac.Write(text)
		tr.add("an HMAC without a key", mac.Sum(nil)[:cut])
	}
}

// Planted is the name of a mark as a fleet would make it that hashes without a key.
func (tr *Traces) Planted() string {
	sum := sha256.Sum256([]byte(tr.planted))
	return "m." + hex.EncodeToString(sum[:16])
}

// add looks for bytes as they are, in hexadecimal and in base64, wherever they begin in it.
func (tr *Traces) add(what string, raw []byte) {
	tr.needles = append(tr.needles,
		needle{what, raw},
		needle{what + " in hexadecimal", []byte(hex.EncodeToString(raw))},
		needle{what + " in capital hexadecimal", []byte(strings.ToUpper(hex.EncodeToString(raw)))})
	for _, e := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
		for shift := range 3 {
			padded := slices.Concat(make([]byte, shift), raw)
			text := e.EncodeToString(padded[:len(padded)/3*3]) // whole groups
			text = text[(shift*8+5)/6:]                        // without what the padding reaches into
			tr.needles = append(tr.needles, needle{what + " in base64", []byte(text)})
		}
	}
}

// In returns what is found in a text, each kind once.
func (tr *Traces) In(text []byte) (found []string) {
	for _, n := range tr.needles {
		if bytes.Contains(text, n.text) && !slices.Contains(found, n.what) {
			found = append(found, n.what)
		}
	}
	return found
}
