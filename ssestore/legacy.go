package ssestore

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/internal/claims"
	"github.com/hardtack-go/hardtack/internal/config"
)

// Legacy describes a cookie of an earlier system, whose sessions are taken over
// until a deadline. Package ssestore/legacy has the formats of many systems ready.
//
// The store looks at a legacy cookie only when the request has no cookie of the
// store's own. The session that Migrate makes from it counts as created when the
// legacy value was issued. A value whose format has no time is refused unless Issued is
// set, because each replay would start its life anew.
type Legacy struct {
	// Cookie describes the legacy cookie, with the path and domain under which it
	// was set, because that is where it is deleted once the session has moved. Name
	// is required.
	Cookie cookie.Config

	// Parts says how the earlier system names the parts of a value that doesn't fit
	// one cookie: what is between the name of the cookie and the number of the part,
	// counted from 0. It is "." for Auth.js and "__" for nextjs-auth0. If it ends in 1, that
	// is the number of the first part: it is ".1" for h3. The parts are
	// joined before Format opens them: at most 4, of 16,384 characters together. They
	// are all deleted once the session has moved. Empty means that values aren't
	// split.
	Parts string

	// Companion is what follows the cookie's name in that of a second cookie, without
	// which the value means nothing: ".sig" for cookie-session. Format opens the two
	// values joined by a semicolon, which neither can contain. It can't be combined
	// with Parts. Empty means that there's none.
	Companion string

	// Format opens it; see the packages ssestore/legacy, cookie/gorilla and
	// cookie/jose. Required.
	Format cookie.Format

	// Issued is when sessions count as created if their format doesn't say: one
	// constant before Until, such as the day of the switch-over, and never time.Now,
	// which would let a copied cookie live for ever. [Config].Absolute counts from there,
	// so a cookie without a date is taken over only until then.
	Issued time.Time

	// Until is when the store stops looking. It is required, because a migration
	// without an end keeps the old system's weaknesses for ever.
	Until time.Time

	// Migrate copies what the legacy cookie held into the session: values with
	// typed keys, and the user with [Session.Adopt]. It may call [Session.Remember]
	// and [Session.ExpireAt]. After an error the request is anonymous and the legacy
	// cookie stays. Migrate runs within Load, for every request that has only the
	// legacy cookie, so it should be quick. Required.
	//
	// If Migrate or Format has to ask something that doesn't answer, such as the database
	// of the earlier system, the error should carry cookie.ReasonUnverified:
	//
	//	errors.Join(cookie.ReasonUnverified.Err(), err)
	//
	// Then nobody knows who this is, and it is as if the user store were down: nothing
	// but a logout is written.
	Migrate func(s *Session, plaintext []byte) error

	// ReadOnly leaves the session to the other system, which goes on to be the one that
	// writes it, for as long as its routes move here one by one. The cookie is read in
	// each request, even if there is one of the store's own, and no response writes or
	// deletes anything. Changes of the session fail with [ErrReadOnly], logins and
	// logouts too; see [Session.ReadOnly].
	//
	// Such a session lives exactly as long as there: until the end that its cookie names,
	// or else Until, whatever the lifetimes of Config are. Otherwise each system would
	// send its visitors to the other one. [Session.ExpireAt] in Migrate can only shorten
	// that. No stamp is made, so a new password shows only once the other system has
	// changed its cookie, or through PasswordChanged of package auth.
	//
	// When the other system's session is over, the visitor's own one is back, if there is
	// one. So don't log anybody in here meanwhile. A visitor's own session, even one
	// without a user, also wins once ReadOnly is gone: give the session cookie another
	// name then, if values were set here.
	ReadOnly bool

	_ struct{}
}

const (
	// maxLegacy bounds Config.Legacy: a session has one bit for each.
	maxLegacy = 8

	// maxParts and maxJoined bound a value in parts. Browsers send about 4 KB a cookie,
	// and servers take a header of 8 to 16 KB.
	maxParts  = 4
	maxJoined = 16384
)

type legacy struct {
	cookie    *cookie.Cookie
	others    []*cookie.Cookie // what comes beside it: the companion, or parts, one more than there may be
	companion bool             // others is the companion
	codec     cookie.Codec
	issued    time.Time
	until     time.Time
	migrate   func(*Session, []byte) error
	readOnly  bool
	sameSlot  bool // name, domain, path and partition are those of the session cookie
}

func (s *Store) addLegacy(c Config, faults *config.Faults) {
	if len(c.Legacy) > maxLegacy {
		faults.Add("Legacy", "at most 8")
	}
	for i, l := range c.Legacy {
		field := fmt.Sprintf("Legacy[%d]", i)
		if l.Cookie.Name == "" {
			faults.Add(field+".Cookie.Name", "must be set")
		}
		if l.Format == nil {
			faults.Add(field+".Format", "must be set")
		}
		if l.Until.IsZero() {
			faults.Add(field+".Until", "must be set")
		}
		if !l.Issued.IsZero() && (l.Issued.Unix() <= 0 || !l.Issued.Before(l.Until)) {
			faults.Add(field+".Issued", "must be after 1970 and before Until")
		}
		if l.Migrate == nil {
			faults.Add(field+".Migrate", "must be set")
		}
		if l.Parts != "" && l.Companion != "" {
			faults.Add(field+".Companion", "can't be combined with Parts")
		}
		if l.Format == nil || l.Cookie.Name == "" {
			continue
		}
		k, codec, err := slot(l.Cookie, l.Format, c.Audience)
		if err != nil {
			faults.Join(fmt.Errorf("ssestore: %s: %w", field, err))
			continue
		}
		own := legacy{cookie: k, codec: codec, issued: l.Issued, until: l.Until, migrate: l.Migrate, readOnly: l.ReadOnly}
		own.sameSlot = s.cookie != nil && k.Name() == s.cookie.Name() && sameSlot(l.Cookie, c.Cookie)
		if err := own.addOthers(l); err != nil {
			faults.Join(fmt.Errorf("ssestore: %s: %w", field, err))
			continue
		}
		s.checkNames(&own, field, faults)
		s.readOnly = s.readOnly || own.readOnly
		s.legacy = append(s.legacy, own)
	}
}

// checkNames refuses a legacy cookie that would be deleted as another one. That one is
// the session cookie, the barrier, or a cookie which another system still writes.
func (s *Store) checkNames(l *legacy, field string, faults *config.Faults) {
	taken := []string{s.barrier.Name()}
	if l.readOnly {
		taken = append(taken, s.cookie.Name())
		for _, place := range s.former {
			taken = append(taken, place.cookie.Name(), place.barrier.Name())
		}
	}
	names := l.names()
	for _, name := range names[1:] {
		if name == s.cookie.Name() {
			taken = append(taken, name)
		}
	}
	for _, other := range s.legacy {
		if other.readOnly != l.readOnly {
			taken = append(taken, other.names()...)
		}
	}
	for _, name := range names {
		if name != "" && slices.Contains(taken, name) {
			faults.Add(field+".Cookie.Name", "is, or one of its parts is, the name of a cookie that this store deletes or has to leave alone")
			return
		}
	}
}

// names returns the names of all cookies that a value may come in.
func (l *legacy) names() []string {
	names := []string{l.cookie.Name()}
	for _, other := range l.others {
		names = append(names, other.Name())
	}
	return names
}

// addOthers makes the cookies that come beside the one that is named.
func (l *legacy) addOthers(c Legacy) error {
	var suffixes []string
	switch {
	case c.Companion != "":
		l.companion = true
		suffixes = []string{c.Companion}
	case c.Parts != "":
		separator, first := c.Parts, 0
		if s, ok := strings.CutSuffix(separator, "1"); ok {
			separator, first = s, 1
		}
		for i := range maxParts + 1 {
			suffixes = append(suffixes, separator+strconv.Itoa(first+i))
		}
	}
	for _, suffix := range suffixes {
		other, err := l.cookie.Companion(suffix)
		if err != nil {
			return err
		}
		l.others = append(l.others, other)
	}
	return nil
}

// foreign is what a request has of one legacy cookie.
type foreign struct {
	values []string // to open: at most cookie.MaxCandidates, or one more if there are too many
	seen   pieces
	reason cookie.Reason // what is wrong with the parts; none if nothing is
}

// pieces says in which cookies a legacy value came: bit 0 is the one that is named, bit 1
// the first of the others, and so on.
type pieces uint8

// find looks for a legacy cookie in a request.
func (l *legacy) find(lines []string) (f foreign) {
	f.values = l.cookie.Find(nil, lines)
	if len(f.values) > 0 {
		f.seen = 1
	}
	if l.companion {
		l.accompany(&f, lines)
	} else {
		l.join(&f, lines)
	}
	return f
}

// accompany joins each value with each of its companion's. A value without one is none.
func (l *legacy) accompany(f *foreign, lines []string) {
	companions := l.others[0].Find(nil, lines)
	if len(companions) > 0 {
		f.seen |= 2
	}
	var pairs []string
	for _, v := range f.values {
		for _, c := range companions {
			if len(v)+len(c) > maxJoined {
				f.reason = cookie.ReasonMalformed
				continue
			}
			if pairs = append(pairs, v+";"+c); len(pairs) > cookie.MaxCandidates {
				f.values = pairs
				return
			}
		}
	}
	f.values = pairs
	if f.seen == 1 || f.seen == 2 {
		f.reason = cookie.ReasonMalformed
	}
}

// join adds the value that came in parts, if they are all there: from the first on without a gap,
// each once, and not one too many. A part that is missing at the end shows only when the
// value doesn't open.
func (l *legacy) join(f *foreign, lines []string) {
	value, next := "", 0
	var space [cookie.MaxCandidates + 1]string
	for i, part := range l.others {
		values := part.Find(space[:0], lines)
		if len(values) == 0 {
			continue
		}
		f.seen |= 2 << i
		switch {
		case len(values) > 1:
			f.reason = cookie.ReasonAmbiguous
		case i != next, i == maxParts, len(value)+len(values[0]) > maxJoined:
			f.reason = max(f.reason, cookie.ReasonMalformed)
		default:
			value += values[0]
		}
		next++
	}
	if next > 0 && f.reason == cookie.ReasonNone {
		f.values = append(f.values, value)
	}
}

// loadReadOnly takes the session of a system that goes on to write it, and reports
// whether there is one.
func (p *state) loadReadOnly(lines []string) bool {
	for i := range p.store.legacy {
		l := &p.store.legacy[i]
		if !l.readOnly || !p.now.Before(l.until) {
			continue
		}
		f := l.find(lines)
		if f.seen == 0 {
			continue
		}
		p.writeRare().readOnly = true
		reason := p.takeOver(l, f)
		if reason == cookie.ReasonNone || reason == cookie.ReasonUnverified {
			p.reason = reason
			p.legacy |= 1 << i // nothing deletes it
			return true
		}
		p.rare.readOnly = false
		if reason != cookie.ReasonForeign || p.reason == cookie.ReasonNone {
			p.reason = reason
		}
	}
	p.data, p.values = dataSealed, nil // what a failed migration has left
	return false
}

// readOnly reports whether another system writes the session; see Legacy.ReadOnly.
func (p *state) readOnly() bool { return p.rare != nil && p.rare.readOnly }

// loadLegacy notes which legacy cookies came with the request, so that the next write
// deletes them, and takes a session over from the first that yields one. It does that
// only if no value under the session cookie's name has our shape: a session that
// expired or ended here must not come back through the old cookie, and a failed check
// must not fall back to a weaker decoder (CVE-2026-39324).
func (p *state) loadLegacy(lines []string, seen sight) {
	s := p.store
	done := seen.ours
	for i := range s.legacy {
		l := &s.legacy[i]
		if l.readOnly || !p.now.Before(l.until) {
			continue
		}
		f := l.find(lines)
		// Under a shared name, only a value that is foreign to us can be theirs.
		if l.cookie.Name() == s.cookie.Name() && !seen.foreign {
			f.seen &^= 1
		}
		if f.seen == 0 {
			continue
		}
		p.legacy |= 1 << i
		if f.seen != 1 {
			p.writeRare().pieces[i] = f.seen
		}
		if done {
			continue
		}
		reason := p.takeOver(l, f)
		switch reason {
		case cookie.ReasonUnverified:
			p.holdUnverified()
			done = true
			continue
		case cookie.ReasonNone, cookie.ReasonAmbiguous, cookie.ReasonEnded, cookie.ReasonRevoked:
			p.reason, done = reason, true
			continue
		}
		// Of several that failed, another program's cookie is the least news.
		if reason != cookie.ReasonForeign || p.reason == cookie.ReasonNone {
			p.reason = reason
		}
	}
}

// takeOver opens the values of a legacy cookie and migrates the only one that opens.
// No verdict here leads to a deletion, because the cookie is another system's.
func (p *state) takeOver(l *legacy, f foreign) cookie.Reason {
	if len(f.values) > cookie.MaxCandidates {
		return cookie.ReasonAmbiguous
	}
	var opened cookie.Opened
	value, valid := "", 0
	verdict := cookie.ReasonForeign
	if f.reason != cookie.ReasonNone {
		verdict = f.reason
	}
	for _, v := range f.values {
		o, err := l.codec.Open(p.keys(), v)
		if err == nil {
			opened, value = o, v
			valid++
			continue
		}
		reason := cookie.ReasonOf(err)
		if err != reason.Err() { // it says more than that
			p.notMigrated(err)
		}
		if reason != cookie.ReasonForeign && verdict != cookie.ReasonUnverified {
			verdict = reason
		}
	}
	if verdict == cookie.ReasonUnverified { // that value may be as good as another
		return verdict
	}
	switch valid {
	case 0:
		return verdict
	case 1:
		return p.migrate(l, value, opened)
	}
	return cookie.ReasonAmbiguous
}

func (p *state) migrate(l *legacy, value string, o cookie.Opened) cookie.Reason {
	issued := o.Issued
	if issued.IsZero() {
		issued = l.issued
	}
	iat := issued.Unix()
	switch {
	case iat <= 0: // no date, or one that no session can have
		p.notMigrated(ErrUndated)
		return cookie.ReasonForeign
	case iat > p.sec+leeway:
		return cookie.ReasonFuture
	}
	p.c = claims.Claims{SID: legacySID(l, value), Iat: min(iat, p.sec), Rnw: p.sec, Per: p.store.persistent}
	p.data = dataIndexed

	p.phase = phaseMigrating // nobody else has the session yet
	err := l.migrate(&p.pub, o.Plaintext)
	p.phase = phaseOpen
	p.forget()
	if p.rare != nil {
		p.rare.wish, p.rare.wishEnd = wishNone, 0
	}
	p.c.Exp = p.c.Iat + p.store.profile(p.c.Per).absolute
	if l.readOnly {
		p.c.Exp = min(l.until.Unix(), claims.MaxTime)
		if !o.Ends.IsZero() {
			p.c.Exp = min(p.c.Exp, o.Ends.Unix())
		}
	}

	reason := p.judge(&p.c)
	if err == nil && p.empty() {
		err = errNothing
	}
	switch {
	case err != nil:
		p.notMigrated(err)
		if reason = cookie.ReasonForeign; cookie.ReasonOf(err) == cookie.ReasonUnverified {
			reason = cookie.ReasonUnverified
		}
	case reason == cookie.ReasonNone && p.isEnded(&p.c):
		reason = cookie.ReasonEnded
	case reason == cookie.ReasonNone && p.store.marks != nil:
		reason = p.marked(&p.c)
	}
	if err != nil || reason != cookie.ReasonNone && reason != cookie.ReasonUnverified {
		p.wipe()
		return reason
	}
	p.origin = originMigrated
	return reason
}

// notMigrated notes why a legacy cookie that opened gave no session.
func (p *state) notMigrated(err error) {
	r := p.writeRare()
	r.notMigrated = errors.Join(r.notMigrated, err)
}

var errNothing = errors.New("ssestore: Migrate set no value and named no user")
