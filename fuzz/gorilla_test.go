package fuzz_test

import (
	"bytes"
	"encoding/base64"
	"regexp"
	"strconv"
	"testing"

	"github.com/gorilla/securecookie"

	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/cookie/gorilla"
	"github.com/hardtack-go/hardtack/fuzz/internal/fixed"
	"github.com/hardtack-go/hardtack/keyring"
)

// A gorillaPair is one of our codecs and the real library under the same keys.
type gorillaPair struct {
	ours   cookie.Codec
	theirs *securecookie.SecureCookie
	hash   []byte
}

const gorillaName = "my-session"

// gorillaPairs are the three ways to have keys: from a ring, given with a block
// key, given without one.
func gorillaPairs(t testing.TB, ring *keyring.Keyring) []gorillaPair {
	t.Helper()
	hash, block := fixed.Bytes("gorilla hash"), fixed.Bytes("gorilla block")
	key := ring.Primary()
	label := func(purpose string) keyring.Label {
		return keyring.Label{Purpose: purpose, Audience: fixed.Audience, Name: gorillaName}
	}
	var pairs []gorillaPair
	add := func(format cookie.Format, hash, block []byte) {
		ours, err := format(gorillaName, fixed.Audience)
		if err != nil {
			t.Fatal(err)
		}
		theirs := securecookie.New(hash, block).MaxAge(0).MaxLength(4096).SetSerializer(securecookie.NopEncoder{})
		pairs = append(pairs, gorillaPair{ours, theirs, hash})
	}
	add(gorilla.SecureCookie, key.Derive(label("gorilla-hash")), key.Derive(label("gorilla-block")))
	add(gorilla.WithKeys(hash, block), hash, block)
	add(gorilla.WithKeys(hash), hash, nil)
	return pairs
}

// authentic makes a value with a right MAC around any date and payload.
func (p gorillaPair) authentic(date string, payload []byte) string {
	signed := append([]byte(date+"|"), payload...)
	sum := fixed.MAC(p.hash, []byte(gorillaName+"|"), signed)
	return base64.URLEncoding.EncodeToString(append(append(signed, '|'), sum...))
}

var plainDate = regexp.MustCompile(`^[1-9][0-9]{0,10}$`)

// FuzzGorilla compares the codec with securecookie in both directions. Each opens what
// the other seals. If we open a value, securecookie opens it to the same bytes, and it
// has only one spelling. If a value has the right MAC and securecookie opens it, so do
// we, provided that the date is written the way securecookie writes it.
func FuzzGorilla(f *testing.F) {
	ring := fixed.Ring(f, 0)
	pairs := gorillaPairs(f, ring)
	f.Fuzz(func(t *testing.T, value, date string, payload, plaintext []byte) {
		for i, p := range pairs {
			p.compare(t, ring, value, false)
			p.compare(t, ring, p.authentic(date, payload), plainDate.MatchString(date))
			// The payload in the form that securecookie expects.
			framed := base64.URLEncoding.AppendEncode(nil, payload)
			p.compare(t, ring, p.authentic(date, framed), plainDate.MatchString(date))
			p.bothWays(t, ring, plaintext)
			if i == 0 { // a key of another ring opens nothing
				if _, err := p.ours.Open(nil, p.authentic(date, framed)); err == nil {
					t.Fatal("opened without a ring")
				}
			}
		}
	})
}

// compare opens a value with both. If must is set, we have no reason to be stricter.
func (p gorillaPair) compare(t *testing.T, ring *keyring.Keyring, value string, must bool) {
	t.Helper()
	opened, err := p.ours.Open(ring, value)
	var theirs []byte
	theirErr := p.theirs.Decode(gorillaName, value, &theirs)
	switch {
	case err == nil && theirErr != nil:
		t.Fatalf("we open what securecookie refuses (%v): %q", theirErr, value)
	case err == nil && !bytes.Equal(opened.Plaintext, theirs):
		t.Fatalf("we read %x, securecookie %x", opened.Plaintext, theirs)
	case err != nil && theirErr == nil && must && len(value) <= 4096:
		t.Fatalf("securecookie opens what we refuse (%v): %q", err, value)
	case err != nil && (opened.Plaintext != nil || err.Error() != cookie.ErrInvalid.Error()):
		t.Fatalf("a refusal says something: %v", err)
	}
	if err != nil {
		return
	}
	raw, decodeErr := base64.URLEncoding.DecodeString(value)
	if decodeErr != nil || base64.URLEncoding.EncodeToString(raw) != value {
		t.Fatalf("a second spelling: %q", value)
	}
	if date, _, _ := bytes.Cut(raw, []byte("|")); string(date) != strconv.FormatInt(opened.Issued.Unix(), 10) {
		t.Fatalf("issued %v, the value says %q", opened.Issued, date)
	}
}

func (p gorillaPair) bothWays(t *testing.T, ring *keyring.Keyring, plaintext []byte) {
	t.Helper()
	before := bytes.Clone(plaintext)
	value, err := p.ours.Seal(ring, plaintext)
	if !bytes.Equal(plaintext, before) {
		t.Fatal("Seal wrote into the plaintext")
	}
	if (err == nil) != (len(plaintext) > 0 && p.ours.Size(len(plaintext)) <= 4096) {
		t.Fatalf("Seal of %d bytes: %v", len(plaintext), err)
	}
	if err != nil {
		return
	}
	var got []byte
	if err := p.theirs.Decode(gorillaName, value, &got); err != nil || !bytes.Equal(got, before) {
		t.Fatalf("securecookie opens %x: %v", got, err)
	}
	if value, err = p.theirs.Encode(gorillaName, bytes.Clone(plaintext)); err != nil {
		t.Fatal(err)
	}
	if opened, err := p.ours.Open(ring, value); err != nil || !bytes.Equal(opened.Plaintext, before) {
		t.Fatalf("we open %x: %v", opened.Plaintext, err)
	}
}
