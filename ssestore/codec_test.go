package ssestore_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/cookie/gorilla"
	"github.com/hardtack-go/hardtack/cookie/jose"
	"github.com/hardtack-go/hardtack/keyring"
	"github.com/hardtack-go/hardtack/ssestore"
)

// codec is one row of the list that the whole suite runs over.
type codec struct {
	name string
	new  cookie.Format
	// kids: the format names its key, so that a tampered value of a known key
	// can be told from one of an unknown key.
	kids bool
}

var codecs = []codec{
	{"jwe", cookie.JWE, true},
	{"jose", jose.JWE, true},
	{"gorilla", gorilla.SecureCookie, false},
}

// each runs a test over every codec.
func each(t *testing.T, f func(t *testing.T, c codec)) {
	for _, c := range codecs {
		t.Run(c.name, func(t *testing.T) { f(t, c) })
	}
}

// eachWithKids leaves out the formats that name no key.
func eachWithKids(t *testing.T, f func(t *testing.T, c codec)) {
	each(t, func(t *testing.T, c codec) {
		if !c.kids {
			t.Skip("the format names no key: what no key opens counts as unknown key")
		}
		f(t, c)
	})
}

// TestBuffer_NothingShared: requests open their cookies into buffers that are
// used again. Whatever the sizes, none sees what another opened.
func TestBuffer_NothingShared(t *testing.T) {
	each(t, func(t *testing.T, c codec) {
		store := newStore(t, c, ring(t, 1))
		note := ssestore.NewKey[string]("note")
		var lines [][]string
		var sessions []*ssestore.Session
		content := func(i int) string { return strings.Repeat(string(rune('a'+i)), []int{0, 3, 30, 200, 1500}[i%5]) }
		for i := range 20 {
			b := visited(t, store, func(s *ssestore.Session) {
				login(t, s, fmt.Sprintf("user-%02d", i))
				must(t, note.Set(s, content(i)))
			})
			lines = append(lines, b.lines())
		}
		for _, l := range lines {
			sessions = append(sessions, store.Load(l, t0))
		}
		// Two valid values: the second must not be read over the first.
		two := store.Load([]string{lines[0][0] + "; " + lines[1][0]}, t0)
		same(t, "two", two.Principal().Identity().ID, "")
		for i, s := range sessions {
			same(t, "user", s.Principal().Identity().ID, fmt.Sprintf("user-%02d", i))
			same(t, "data", note.Get(s), content(i))
			same(t, "stamp", s.Principal().Identity().Stamp.KeyID, ring(t, 1).Primary().ID())
		}
	})
}

// loose is somebody else's codec, which names a key next to its error.
type loose struct{ cookie.Codec }

func (c loose) Open(ring *keyring.Keyring, _ string) (cookie.Opened, error) {
	return cookie.Opened{Key: ring.Primary()}, cookie.ReasonBadTag.Err()
}

// looseInto is one that opens into a buffer.
type looseInto struct{ loose }

func (c looseInto) OpenInto(_ []byte, ring *keyring.Keyring, value string) ([]byte, keyring.Key, error) {
	o, err := c.Open(ring, value)
	return o.Plaintext, o.Key, err
}

// TestOpen_ErrorNamesNoKey: a value that was refused was opened by no key.
func TestOpen_ErrorNamesNoKey(t *testing.T) {
	for _, made := range []cookie.Codec{loose{}, looseInto{}} {
		keys := ring(t, 1)
		store := newStore(t, codec{new: func(name, audience string) (cookie.Codec, error) {
			jwe, err := cookie.JWE(name, audience)
			if _, into := made.(looseInto); into {
				return looseInto{loose{jwe}}, err
			}
			return loose{jwe}, err
		}}, keys)
		s := store.Load([]string{sessionName + "=x"}, t0)
		same(t, "key of the session", s.Info().KeyID, "")
		out, err := s.Commit(200)
		must(t, err)
		same(t, "verdict", out.Refused, cookie.ReasonBadTag)
		same(t, "key of the outcome", out.KeyID, "")
	}
}

// watched is the codec of the package, with an eye on what it opened.
type watched struct {
	cookie.Codec
	opened *[][]byte
}

func (c watched) OpenInto(buf []byte, ring *keyring.Keyring, value string) ([]byte, keyring.Key, error) {
	into := c.Codec.(interface {
		OpenInto(buf []byte, ring *keyring.Keyring, value string) ([]byte, keyring.Key, error)
	})
	plaintext, key, err := into.OpenInto(buf, ring, value)
	*c.opened = append(*c.opened, plaintext)
	return plaintext, key, err
}

// TestBuffer_Cleared: nothing of a session stays in a buffer that waits for the
// next request, whatever the verdict.
func TestBuffer_Cleared(t *testing.T) {
	var opened [][]byte
	store := newStore(t, codec{new: func(name, audience string) (cookie.Codec, error) {
		jwe, err := cookie.JWE(name, audience)
		return watched{jwe, &opened}, err
	}}, ring(t, 1))
	b := visited(t, store, set(t, "a secret"))
	for name, now := range map[string]time.Time{"valid": t0, "expired": after(400 * day)} {
		opened = nil
		s := store.Load(b.lines(), now)
		if len(opened) != 1 || len(opened[0]) == 0 {
			t.Fatalf("%s: opened %d times", name, len(opened))
		}
		if len(bytes.Trim(opened[0], "\x00")) > 0 {
			t.Errorf("%s: the buffer still says %q", name, opened[0])
		}
		if name == "valid" {
			same(t, "note", note.Get(s), "a secret")
		}
	}
}

// TestMAC_Cleared: neither what was stamped, such as a password hash, nor the
// stamp stays in the state that waits for the next sum.
func TestMAC_Cleared(t *testing.T) {
	sum, left := ssestore.MACAndBuffers("1", hash)
	if len(left) < len(hash) || sum == [32]byte{} {
		t.Fatalf("%d bytes of buffers, sum %x", len(left), sum)
	}
	if len(bytes.Trim(left, "\x00")) > 0 {
		t.Errorf("the buffers still hold %q", left)
	}
}
