package fleet

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"time"

	"github.com/hardtack-go/hardtack/internal/jwe"
	"github.com/hardtack-go/hardtack/keyring"
	"github.com/hardtack-go/hardtack/marks"
)

// The names under which an engine holds things. Those of marks go on with 32 characters.
const (
	ringName   = "ring"
	beatName   = "beat"
	markPrefix = "m."
)

// markHead is the length of a mark without its ID: kind, Before and Until.
const markHead = 1 + 8 + 8

// maxSealed is more than the longest mark takes, which is 808 bytes with its ID of
// marks.MaxID. So 1,024 of them that can't be opened yet take a megabyte at most.
const maxSealed = 1024

// maxTime is the end of the year 9999 in Unix seconds, as in sessions.
const maxTime = 253402300799

// label returns the label of a subkey of this application: mark, mark-nonce, mark-name,
// beat and beat-nonce.
func (f *Fleet) label(purpose string) keyring.Label {
	return keyring.Label{Purpose: purpose, Audience: f.config.Application}
}

// seal returns a canonical JWE under the key's subkey for a purpose, or nil for the zero
// Key.
func (f *Fleet) seal(key keyring.Key, purpose string, plaintext []byte) []byte {
	box, ok := key.Cache(f.label(purpose), jwe.NewBox).(*jwe.Box)
	if !ok {
		return nil
	}
	nonces, _ := key.Cache(f.label(purpose+"-nonce"), jwe.NewNonces).(*jwe.Nonces)
	key.CountSeal()
	return []byte(jwe.Seal(box.AEAD, nonces, key.ID(), plaintext))
}

// openSealed returns what seal was given, or nil if nobody who has the keys has sealed it.
// known is false if its key isn't in the ring, perhaps not yet. before are the keys that were
// removed by hand, if what they sealed still counts.
func (f *Fleet) openSealed(ring *keyring.Keyring, before []removed, purpose string, value []byte) (plaintext []byte, known bool) {
	if len(value) > maxSealed {
		return nil, true
	}
	token := string(value)
	kid, ok := jwe.Kid(token)
	if !ok {
		return nil, true
	}
	id := string(kid[:jwe.KidLen])
	key, _ := ring.Key(id)
	box, ok := key.Cache(f.label(purpose), jwe.NewBox).(*jwe.Box)
	for _, k := range before {
		if !ok && k.kid == id && k.until > time.Now().Unix() {
			box, ok = jwe.NewBox(k.mark()).(*jwe.Box)
		}
	}
	if !ok {
		return nil, false
	}
	plaintext, fault := jwe.Open(nil, box.AEAD, token)
	if fault != jwe.OK {
		return nil, true
	}
	return plaintext, true
}

// encodeMark returns the bytes of a mark: its kind, Before and Until in 8 bytes each, big
// endian, and its ID.
func encodeMark(m marks.Mark) []byte {
	b := []byte{byte(m.Kind)}
	b = binary.BigEndian.AppendUint64(b, uint64(m.Before))
	b = binary.BigEndian.AppendUint64(b, uint64(m.Until))
	return append(b, m.ID...)
}

// parseMark reads what encodeMark wrote.
func parseMark(b []byte) (m marks.Mark, ok bool) {
	if len(b) < markHead {
		return m, false
	}
	before, until := binary.BigEndian.Uint64(b[1:]), binary.BigEndian.Uint64(b[9:])
	if before > maxTime || until > maxTime {
		return m, false
	}
	m = marks.Mark{Kind: marks.Kind(b[0]), ID: string(b[markHead:]), Before: int64(before), Until: int64(until)}
	return m, endsSomething(m)
}

// endsSomething reports whether a mark has a kind, and an ID as that kind needs it.
func endsSomething(m marks.Mark) bool {
	switch m.Kind {
	case marks.Session, marks.Link, marks.User:
		return m.ID != "" && len(m.ID) <= marks.MaxID
	case marks.All:
		return m.ID == ""
	}
	return false
}

// markName returns the name of a mark. It is the same for the same mark, so that storing
// it again changes nothing, and says nothing to those who don't have the key.
func (f *Fleet) markName(key keyring.Key, plaintext []byte) string {
	mac := hmac.New(sha256.New, key.Derive(f.label("mark-name")))
	mac.Write(plaintext)
	return markPrefix + hex.EncodeToString(mac.Sum(nil)[:16])
}

// A beat says when it was written, and by whom.
type beat struct {
	instance [8]byte
	at       time.Time
}

func (b beat) encode() []byte {
	return binary.BigEndian.AppendUint64(b.instance[:len(b.instance):len(b.instance)], uint64(b.at.UnixMilli()))
}

func parseBeat(text []byte) (b beat, ok bool) {
	if len(text) != 16 {
		return b, false
	}
	ms := binary.BigEndian.Uint64(text[8:])
	if ms > maxTime*1000 {
		return b, false
	}
	return beat{[8]byte(text), time.UnixMilli(int64(ms))}, true
}
