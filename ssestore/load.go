package ssestore

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"time"
	"unsafe"

	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/internal/base64url"
	"github.com/hardtack-go/hardtack/internal/claims"
	"github.com/hardtack-go/hardtack/internal/cookieheader"
	"github.com/hardtack-go/hardtack/internal/jwe"
	"github.com/hardtack-go/hardtack/keyring"
)

// Load makes the session of a request. It takes the values of the request's Cookie
// header fields (r.Header["Cookie"], or the items of a Lambda event's cookies list) and
// the time of the request, which the session keeps.
//
// Load never fails. If the cookie is missing, foreign, forged or expired, the session
// is anonymous, and the Outcome of Commit says why. If the time is zero or outside the
// years 1970 to 9999, the session is anonymous and can't be changed: a clock that isn't
// set must not decide who is logged in.
func (s *Store) Load(cookies []string, now time.Time) *Session {
	p := &state{store: s, now: now}
	p.pub.p = unsafe.Pointer(p)
	if sec := now.Unix(); s != nil && s.keys != nil && sec > 0 && sec <= claims.MaxTime {
		p.sec = sec
		p.ring = s.keys.At(now)
		p.load(cookies)
	}
	return &p.pub
}

func (p *state) load(lines []string) {
	if p.store.readOnly && p.loadReadOnly(lines) {
		return
	}
	// On the stack: Find needs no more than this.
	var space [cookie.MaxCandidates + 1]string
	values, barred := cookieheader.Find(space[:0], lines, p.store.prefix, p.store.barrierPrefix)
	if barred {
		p.writeRare().barrier = p.store.barrier.Find(nil, lines)
	}
	moved := len(p.store.former) > 0
	if moved {
		p.findFormer(lines, len(values) > 0, barred)
	}
	var seen sight
	if len(values) > 0 {
		p.present = true
		seen = p.choose(values, nil)
	}
	if moved && !seen.ours {
		seen.ours = p.chooseFormer(lines).ours
	}
	if moved && p.reason == cookie.ReasonAmbiguous {
		p.writeRare().tidy = true
	}
	if len(p.store.legacy) > 0 {
		p.loadLegacy(lines, seen)
	}
}

// sight says what kinds of values there are under the session cookie's name.
type sight struct{ ours, foreign bool }

// choose evaluates every value completely. If exactly one is valid, it is the session.
// If two are, there is no session, because the browser or an attacker decides which
// comes first in the header. place is where they are; nil means the current place.
func (p *state) choose(values []string, place *former) (seen sight) {
	if len(values) > cookie.MaxCandidates {
		p.reason = cookie.ReasonAmbiguous
		return sight{ours: true}
	}
	verdict, valid := cookie.ReasonNone, 0
	one := len(values) > 1 && place == nil && p.oneSession()
	var refused keyring.Key // the newest that opened a value which is over
	for _, v := range values {
		// Read into the session itself, which is faster than copying a valid one.
		c, space := &p.c, p.text[:0]
		if valid > 0 { // p has the first of them
			c, space = new(claims.Claims), nil
		}
		key, reason := p.open(v, place, c, space)
		unknown := reason == cookie.ReasonUnknownKey || reason == cookie.ReasonNone && p.barrierUnknown()
		if unknown && p.refreshKeys() {
			// What was found so far came from a ring that is gone. Start again, once,
			// so that everything is judged under the same ring.
			p.c, p.key, p.reason = claims.Claims{}, keyring.Key{}, cookie.ReasonNone
			if p.rare != nil {
				p.rare.over = nil
			}
			return p.choose(values, place)
		}
		seen.ours = seen.ours || reason != cookie.ReasonForeign
		seen.foreign = seen.foreign || reason == cookie.ReasonForeign
		if reason == cookie.ReasonUnverified { // it may be good
			p.reason, reason = reason, cookie.ReasonNone
		}
		if reason == cookie.ReasonNone {
			if one && valid == 1 && c.SID == p.c.SID {
				if p.later(c) {
					p.c, p.key = *c, key
				}
				continue
			}
			if valid++; valid == 1 {
				p.key = key
				continue
			}
			r := p.writeRare()
			if valid == 2 {
				r.over = append(r.over, ended{p.c.SID, p.c.Exp, p.c.Sub != ""})
			}
			r.over = append(r.over, ended{c.SID, c.Exp, c.Sub != ""})
			continue
		}
		if rank(reason) > rank(verdict) {
			verdict = reason
		}
		if key.Compare(refused) > 0 {
			refused = key
		}
	}
	switch valid {
	case 0:
		p.c = claims.Claims{} // what was read is over
		p.key, p.reason = refused, verdict
		switch {
		case rank(verdict) <= deletable:
			p.origin = originRefused
		case verdict == unreadable:
			p.reason = cookie.ReasonMalformed
		}
	case 1:
		p.origin = originLoaded
		p.key.CountOpen(p.now) // an expired session is no reason to keep a key
		if p.unverified() {
			p.phase = phaseHeld
		} else {
			p.reason = cookie.ReasonNone // whatever was wrong with others
		}
	default: // a logout or a login ends them all
		p.c, p.key = claims.Claims{}, keyring.Key{}
		p.reason = cookie.ReasonAmbiguous
	}
	return seen
}

// open decides about one value. The key is set if the value was authentic.
func (p *state) open(value string, place *former, c *claims.Claims, space []byte) (keyring.Key, cookie.Reason) {
	key, reason := p.read(value, place, c, space)
	if reason != cookie.ReasonNone {
		return key, reason
	}
	if r := p.store.judge(c, p.sec); r != cookie.ReasonNone {
		return key, r
	}
	if p.isEnded(c) {
		return key, cookie.ReasonEnded
	}
	if p.store.marks != nil {
		return key, p.marked(c)
	}
	return key, cookie.ReasonNone
}

// read opens a value and reads its claims. If the codec can, it opens the value into
// a buffer that later requests reuse, and copies what matters, into space if that is
// large enough.
func (p *state) read(value string, place *former, c *claims.Claims, space []byte) (keyring.Key, cookie.Reason) {
	if place != nil {
		o, err := place.codec.Open(p.keys(), value)
		return parse(c, o.Plaintext, o.Key, err)
	}
	into := p.store.into
	if into == nil {
		o, err := p.store.codec.Open(p.keys(), value)
		return parse(c, o.Plaintext, o.Key, err)
	}
	buf := p.store.buffers.Get().(*buffer)
	plaintext, key, err := into.OpenInto(buf[:0], p.keys(), value)
	key, reason := parse(c, plaintext, key, err)
	if err == nil {
		// Do this before giving up the buffer, whatever the verdict: nothing in this
		// request may see what the next one opens.
		c.Own(space)
		clear(plaintext)
	}
	p.store.buffers.Put(buf)
	return key, reason
}

// parse reads the claims of what a codec opened.
func parse(c *claims.Claims, plaintext []byte, key keyring.Key, err error) (keyring.Key, cookie.Reason) {
	if err != nil {
		reason := cookie.ReasonOf(err)
		if reason == cookie.ReasonUnverified { // a codec can't know that, and has read no claims
			reason = cookie.ReasonForeign
		}
		return keyring.Key{}, reason
	}
	if !c.Parse(plaintext) {
		return key, unreadable
	}
	return key, cookie.ReasonNone
}

// unreadable is the verdict on an authentic value whose claims this version can't read.
// Outside this package it is malformed, but it isn't deletable: in the middle of a
// deployment, a newer version may have written the value.
const unreadable cookie.Reason = 255

// buffer is room to open any value.
type buffer [jwe.MaxOpen]byte

// deletable is the highest rank of a verdict after which the cookie may be
// deleted.
const deletable = 4

// rank orders verdicts when there are several values and none is valid. A verdict that
// forbids a deletion wins, because a deletion would delete all of them.
func rank(r cookie.Reason) int {
	switch r {
	case cookie.ReasonNone:
		return 0
	case cookie.ReasonMalformed:
		return 1
	case cookie.ReasonBadTag:
		return 2
	case cookie.ReasonExpired:
		return 3
	case cookie.ReasonEnded, cookie.ReasonRevoked:
		return deletable
	case unreadable:
		return 6
	case cookie.ReasonFuture:
		return 7
	case cookie.ReasonUnknownKey:
		return 8
	}
	return 5 // foreign, and whatever a codec invents
}

// refreshKeys asks the source, once per request, whether there are newer keys than
// the ones it returned. It reports whether the ring changed.
func (p *state) refreshKeys() bool {
	if p.sec == 0 || p.refreshed {
		return false
	}
	p.refreshed = true
	ring := p.store.looks.Newer(p.now, p.keys())
	if ring == nil || ring == p.keys() {
		return false
	}
	p.reloaded.Store(ring)
	return true
}

// newSID makes a session id of 128 bits: an HMAC over 32 random bytes, the time and the
// user. Even on a cloned virtual machine whose random source repeats, different users
// or times get different ids.
func (p *state) newSID(sub string) claims.SID {
	var seed [32 + 8]byte
	rand.Read(seed[:32]) // never fails: crypto/rand ends the program instead
	binary.BigEndian.PutUint64(seed[32:], uint64(p.now.UnixNano()))
	return p.sid(string(seed[:]), sub)
}

// legacySID makes the id of a session taken over from a legacy cookie. The id is the
// same each time, whatever the keys, because it is the same session: two requests
// that migrate it at once agree, and a logout in one ends it for the other. Nobody
// can guess it without having the cookie itself.
func legacySID(l *legacy, value string) claims.SID {
	sum := sha256.Sum256([]byte("hardtack legacy session\x00" + l.cookie.Name() + "\x00" + value))
	return encodeSID(sum)
}

func (p *state) sid(seed, sub string) claims.SID {
	var sum [32]byte
	if m := macOf(p.keys().Primary(), p.store.labels.id); m != nil {
		m.sum(&sum, seed, sub)
	} else {
		rand.Read(sum[:]) // there is no key, so it won't be written
	}
	return encodeSID(sum)
}

func encodeSID(sum [32]byte) (id claims.SID) {
	base64url.Encode(id[:], sum[:16])
	return id
}
