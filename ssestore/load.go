package ssestore

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"time"
	"unsafe"

	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/internal/claims"
	"github.com/hardtack-go/hardtack/internal/cookieheader"
	"github.com/hardtack-go/hardtack/internal/jwe"
	"github.com/hardtack-go/hardtack/keyring"
)

// Load makes the session of a request from the values of its Cookie header
// fields (r.Header["Cookie"]; the items of a Lambda event's cookies list serve
// as well) and the time of the request, which the session keeps.
//
// It never fails. A cookie that is missing, foreign, forged or expired makes an
// anonymous session, and the Outcome of Commit says which it was. With the zero
// time, or one outside the years 1970 to 9999, the session is anonymous and
// cannot be changed: a clock that is not set must not decide who is logged in.
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
	if moved && p.reason == cookie.ReasonAmbiguous && p.readRare().former != 0 {
		p.rare.tidy = true
	}
	if len(p.store.legacy) > 0 {
		p.loadLegacy(lines, seen)
	}
}

// sight is what kinds of values stand under the name of the session cookie.
type sight struct{ ours, foreign bool }

// choose evaluates every value completely. Exactly one that is valid is the
// session; which of two comes first in the header is the browser's business and
// an attacker's, so two are none. place is where they are; nil is the current place.
func (p *state) choose(values []string, place *former) (seen sight) {
	if len(values) > cookie.MaxCandidates {
		p.reason = cookie.ReasonAmbiguous
		return sight{ours: true}
	}
	verdict, valid := cookie.ReasonNone, 0
	one := len(values) > 1 && place == nil && p.oneSession()
	var refused keyring.Key // the newest that opened a value which is over
	for _, v := range values {
		// Into the session, which takes less than copying what is valid.
		c, space := &p.c, p.text[:0]
		if valid > 0 { // p has the first of them
			c, space = new(claims.Claims), nil
		}
		key, reason := p.open(v, place, c, space)
		unknown := reason == cookie.ReasonUnknownKey || reason == cookie.ReasonNone && p.barrierUnknown()
		if unknown && p.refreshKeys() {
			// What was found came from a ring that is gone. Once: all under one ring.
			p.c, p.key = claims.Claims{}, keyring.Key{}
			if p.rare != nil {
				p.rare.over = nil
			}
			return p.choose(values, place)
		}
		seen.ours = seen.ours || reason != cookie.ReasonForeign
		seen.foreign = seen.foreign || reason == cookie.ReasonForeign
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
				r.over = append(r.over, ended{p.c.SID, p.c.Exp})
			}
			r.over = append(r.over, ended{c.SID, c.Exp})
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
	return key, cookie.ReasonNone
}

// read opens a value and reads its claims. Where the codec can, it opens into a
// buffer that the next request uses again, and keeps copies of what matters, in space
// where that is enough.
func (p *state) read(value string, place *former, c *claims.Claims, space []byte) (keyring.Key, cookie.Reason) {
	if place != nil {
		o, err := place.codec.Open(p.keys(), value)
		return parse(c, o, err)
	}
	into := p.store.into
	if into == nil {
		o, err := p.store.codec.Open(p.keys(), value)
		return parse(c, o, err)
	}
	buf := p.store.buffers.Get().(*buffer)
	o, err := into.OpenInto(buf[:0], p.keys(), value)
	key, reason := parse(c, o, err)
	if err == nil {
		// Before the buffer goes, and whatever the verdict: nothing of this request
		// may see what the next one opens.
		c.Own(space)
		clear(o.Plaintext)
	}
	p.store.buffers.Put(buf)
	return key, reason
}

// parse reads the claims of what a codec opened.
func parse(c *claims.Claims, o cookie.Opened, err error) (keyring.Key, cookie.Reason) {
	if err != nil {
		return keyring.Key{}, cookie.ReasonOf(err)
	}
	if !c.Parse(o.Plaintext) {
		return o.Key, unreadable
	}
	return o.Key, cookie.ReasonNone
}

// unreadable is the verdict on a value that is authentic and whose claims this version
// can't read. It reaches the outside as malformed, but it isn't deletable: in the
// middle of a deployment, a newer version may have written the value.
const unreadable cookie.Reason = 255

// buffer is room to open any value.
type buffer [jwe.MaxOpen]byte

// deletable is the highest rank of a verdict after which the cookie may be
// deleted.
const deletable = 4

// rank orders verdicts where there are several values and none is valid: what
// forbids a deletion wins, because deleting the cookie deletes them all.
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
	case cookie.ReasonEnded:
		return deletable
	case unreadable:
		return 6
	case cookie.ReasonFuture:
		return 7
	case cookie.ReasonUnknownKey:
		return 8
	}
	return 5 // foreign, and whatever a codec makes up
}

// refreshKeys asks the source, once per request, whether there are newer keys
// than those it gave. It reports whether the ring changed.
func (p *state) refreshKeys() bool {
	if p.sec == 0 || p.refreshed || p.store.refresh == nil {
		return false
	}
	p.refreshed = true
	ring := p.store.refresh.Refresh(p.now)
	if ring == nil || ring == p.keys() {
		return false
	}
	p.reloaded.Store(ring)
	return true
}

// newSID makes a session id of 128 bits: an HMAC over 32 random bytes, the time
// and the user. A cloned virtual machine whose random source repeats does not
// repeat ids for different users or times.
func (p *state) newSID(sub string) claims.SID {
	var seed [32 + 8]byte
	rand.Read(seed[:32]) // never fails: crypto/rand ends the program instead
	binary.BigEndian.PutUint64(seed[32:], uint64(p.now.UnixNano()))
	return p.sid(string(seed[:]), sub)
}

// legacySID makes the id of a session taken over from a legacy cookie. It is the
// same each time, whatever the keys, as it is the same session: two requests that
// migrate it at once agree, and a logout in one ends it for the other. Nobody can
// guess it who does not have the cookie itself.
func legacySID(l *legacy, value string) claims.SID {
	sum := sha256.Sum256([]byte("hardtack legacy session\x00" + l.cookie.Name() + "\x00" + value))
	return encodeSID(sum)
}

func (p *state) sid(seed, sub string) claims.SID {
	var sum [32]byte
	if m := macOf(p.keys().Primary(), p.store.labels.id); m != nil {
		m.sum(&sum, seed, sub)
	} else {
		rand.Read(sum[:]) // no key, so it will not be written
	}
	return encodeSID(sum)
}

func encodeSID(sum [32]byte) (id claims.SID) {
	base64.RawURLEncoding.Encode(id[:], sum[:16])
	return id
}
