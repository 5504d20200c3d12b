package ssestore

import (
	"crypto/subtle"
	"strconv"
	"strings"
	"time"

	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/internal/base64url"
	"github.com/hardtack-go/hardtack/internal/claims"
	"github.com/hardtack-go/hardtack/keyring"
)

// The barrier is a second cookie that remembers which sessions have ended in this
// browser: by Logout, by Clear, or by a login that replaced them. A response that
// started earlier and arrives later may still set the session cookie to the ended
// session again. The next request then carries both cookies, and the session is
// refused.
//
// A new password doesn't write it. A late response from before carries the old stamp,
// which auth refuses anyway. And a late response that carries the *new* stamp must not
// remove what a logout has written here in the meantime.
//
// Its value is a list of entries joined by dots, newest first:
//
//	kid (7) until (10 digits, Unix seconds) mac (22 base64url)
//
// mac is the first 16 bytes of HMAC-SHA256 over (sid, until), each preceded by its
// length, under that key's subkey for the purpose "barrier". So it doesn't reveal a
// session id, and nobody can use it to end a session that they couldn't end by
// deleting the cookie.
//
// It works against races, not against thieves, who leave the barrier out when they
// replay a copied cookie. And if a late response overwrites a *new* session, that
// browser becomes anonymous: the barrier can't bring the new session back.
const (
	barrierSuffix = "-ended"

	// maxEnded is how many entries are kept. No user ends more sessions than this
	// while one response is under way.
	maxEnded = 6

	// longestLife is the longest life, in seconds, that any configuration allows a
	// session.
	longestLife = int64(cookie.MaxAge / time.Second)

	untilLen = 10
	macLen   = 22
	entryLen = 7 + untilLen + macLen
)

// entry is one well-formed part of a barrier.
type entry struct {
	text  string
	kid   string
	until string
	mac   string
	sec   int64 // until
}

func parseEntry(s string) (entry, bool) {
	if len(s) != entryLen {
		return entry{}, false
	}
	e := entry{text: s, kid: s[:7], until: s[7 : 7+untilLen], mac: s[7+untilLen:]}
	for i := range untilLen {
		c := e.until[i] - '0'
		if c > 9 {
			return entry{}, false
		}
		e.sec = e.sec*10 + int64(c)
	}
	return e, claims.ValidKid(e.kid)
}

// entries calls f with every entry that is still in force, at most maxEnded for each
// value, until f returns true. It reports whether f did.
func (p *state) entries(f func(entry) bool) bool {
	if p.rare == nil { // nearly always
		return false
	}
	for _, value := range p.rare.barrier {
		for n := 0; n < maxEnded && value != ""; n++ {
			var part string
			part, value, _ = strings.Cut(value, ".")
			if e, ok := parseEntry(part); ok && e.sec > p.sec && f(e) {
				return true
			}
		}
	}
	return false
}

// isEnded reports whether the barrier of this request names the session.
func (p *state) isEnded(c *claims.Claims) bool {
	return p.entries(func(e entry) bool { return p.names(e, c.SID) })
}

// barrierUnknown reports whether an entry was made under a key that isn't in the ring.
// It may name this very session, logged out at an instance that has a newer key.
func (p *state) barrierUnknown() bool {
	return p.entries(func(e entry) bool {
		_, ok := p.keys().Key(e.kid)
		return !ok
	})
}

// names reports whether e names the session.
func (p *state) names(e entry, sid claims.SID) bool {
	if p.namesUnder(p.store.labels.barrier, e, sid) {
		return true
	}
	// An entry keeps the label of the former place it came from, even in the current
	// barrier, which carries it on: making it again would take the session's id.
	found := false
	p.formerly(func(_ int, place *former) {
		found = found || place.renamed && p.namesUnder(place.label, e, sid)
	})
	return found
}

func (p *state) namesUnder(label keyring.Label, e entry, sid claims.SID) bool {
	var space [macLen]byte
	want, ok := p.appendMAC(space[:0], label, e.kid, sid, e.until)
	return ok && subtle.ConstantTimeCompare(want, []byte(e.mac)) == 1
}

// appendMAC appends the mac of an entry, or reports false if the key isn't in the ring.
func (p *state) appendMAC(dst []byte, label keyring.Label, kid string, sid claims.SID, until string) ([]byte, bool) {
	key, ok := p.keys().Key(kid)
	if !ok {
		return dst, false
	}
	m := macOf(key, label)
	if m == nil {
		return dst, false
	}
	var sum [32]byte
	m.sum(&sum, string(sid[:]), until)
	return base64url.Append(dst, sum[:16]), true
}

// barrierLine returns the Set-Cookie line that names the sessions that this response
// ends, followed by those named earlier. It returns "" if this response ends none.
func (p *state) barrierLine() string {
	k := p.store.barrier
	if k == nil || p.ending == endingNo && p.proof < proofBegun {
		return ""
	}
	var space [maxEnded * (entryLen + 1)]byte
	list, room := space[:0], min(maxEnded, (k.MaxValue()+1)/(entryLen+1))
	last := int64(0) // of all ends
	kid := p.keys().Primary().ID()
	var over []ended
	if p.rare != nil {
		over = p.rare.over
	}
	for _, o := range over {
		var digits [20]byte
		until := strconv.AppendInt(digits[:0], o.end, 10)
		if len(until) != untilLen || room == 0 {
			continue // before 2001 or after 2286, or no room
		}
		entry := append(append(list, kid...), until...)
		if entry, ok := p.appendMAC(entry, p.store.labels.barrier, kid, o.sid, string(until)); ok {
			list, last = append(entry, '.'), max(last, o.end)
			room--
		}
	}
	if len(list) == 0 {
		return ""
	}
	// No configuration lets a session live longer. Earlier and later ones may differ
	// from the current one.
	longest := p.sec + longestLife
	p.entries(func(e entry) bool {
		// Drop entries that can't be ours, because they would push out those that are.
		if room > 0 && e.sec <= longest {
			list, last = append(append(list, e.text...), '.'), max(last, e.sec)
			room--
		}
		return room == 0
	})
	value := string(list[:len(list)-1]) // without the last dot
	line, err := k.Set(value, p.now, time.Duration(last-p.sec)*time.Second)
	if err != nil {
		return ""
	}
	return line
}
