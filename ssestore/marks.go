package ssestore

import (
	"bytes"
	"slices"
	"time"
	"unsafe"

	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/internal/base64url"
	"github.com/hardtack-go/hardtack/internal/claims"
	"github.com/hardtack-go/hardtack/internal/config"
	"github.com/hardtack-go/hardtack/internal/keysource"
	"github.com/hardtack-go/hardtack/marks"
)

// Marks judges sessions that are otherwise good. [*marks.Set] and the Marks of a
// fleet.Fleet do. They must be safe for concurrent use. They know a user by the id
// alone: stores whose users come from different tables need Marks of their own.
//
// A store also uses three other methods, if Marks has them:
//
//	NotBefore(user string) int64
//
// returns the time, in Unix seconds, that a session of the user must not be issued
// before. A login in the very second in which the user was logged out everywhere gets
// this time and is good. Times more than a minute ahead are cut to that.
//
//	Age(now time.Time) time.Duration
//
// returns how old the news is that Judge goes by; see [Store.MarksAge].
//
//	Window() time.Duration
//
// returns how long a mark is kept at least. New refuses marks that are forgotten before
// the session they end is over.
type Marks interface {
	// Judge returns cookie.ReasonNone for a session that may go on,
	// cookie.ReasonRevoked for one that was ended, and cookie.ReasonUnverified if it
	// can't tell. Load calls it for each session, so it must neither block nor allocate.
	Judge(about marks.About) cookie.Reason
}

type (
	notBeforer interface{ NotBefore(user string) int64 }
	ager       interface {
		Age(now time.Time) time.Duration
	}
	windower interface{ Window() time.Duration }
)

func (s *Store) setMarks(m Marks, faults *config.Faults) {
	if m == nil {
		return
	}
	if keysource.IsNil(m) {
		faults.Add("Marks", "holds a nil pointer; leave it nil for none")
		return
	}
	s.marks = m
	s.notBefore, _ = m.(notBeforer)
	longest := time.Duration(max(s.browser.absolute, s.persist.absolute)) * time.Second
	if w, ok := m.(windower); ok && w.Window() < longest {
		faults.Add("Marks", "are kept for less time than the longest session lives")
	}
}

// MarksAge returns how old the news is that [Config].Marks goes by, and whether there is
// an answer: there is none without Marks that know their age. A page that matters may
// refuse to go by old news; package middleware has Guard.Fresh for it.
func (s *Store) MarksAge(now time.Time) (time.Duration, bool) {
	if s == nil {
		return 0, false
	}
	a, ok := s.marks.(ager)
	if !ok {
		return 0, false
	}
	return a.Age(now), true
}

// marked returns what Config.Marks says of a session.
func (p *state) marked(c *claims.Claims) cookie.Reason {
	about := marks.About{
		// Not a copy, and Judge must not keep it.
		Session: unsafe.String(&c.SID[0], len(c.SID)),
		User:    c.Sub,
		Issued:  c.Iat,
		Login:   c.AuthTime,
		Now:     p.sec,
	}
	if hasReserved(c.D) {
		actor, links, ok := readReserved(c.D)
		if !ok {
			return unreadable
		}
		about.Actor, about.Links = actor, links
	}
	switch r := p.store.marks.Judge(about); r {
	case cookie.ReasonNone, cookie.ReasonRevoked:
		return r
	default: // nobody knows
		return cookie.ReasonUnverified
	}
}

// renamable returns an error if the session can't be changed, or was ended while this
// request was under way: with a new id it would escape the mark. A thief could keep a
// request open until then.
func (p *state) renamable() error {
	if err := p.writable(); err != nil {
		return err
	}
	if p.store.marks == nil {
		return nil
	}
	c := p.current()
	switch p.marked(&c) {
	case cookie.ReasonNone:
		return nil
	case cookie.ReasonUnverified:
		return ErrHeld
	}
	return ErrNobody
}

// issued returns the time of issue of a session of the user that begins now.
func (p *state) issued(user string) int64 {
	if p.store.notBefore == nil {
		return p.sec
	}
	return min(max(p.sec, p.store.notBefore.NotBefore(user)), p.sec+leeway)
}

// Links are kept like the actor, as a member of d, in its only spelling: a list of one or
// two Names, each as 22 characters of base64url. An older version, which doesn't judge
// marks, passes them on.
const (
	linksName = "-lnk"
	linksHead = `"` + linksName + `":`
	nameLen   = 22
	linkLen   = nameLen + len(`,""`)
)

// hasReserved reports whether data begins with a member of the library's own.
func hasReserved(d []byte) bool { return len(d) > 2 && d[2] == reserved }

// readReserved returns the actor's id and the links of a session whose data begins with
// one of them, or false if this version can't read them.
func readReserved(d []byte) (actor string, links [marks.MaxLinks]marks.Name, ok bool) {
	rest := d[1:]
	if after, found := bytes.CutPrefix(rest, []byte(actorHead[1:])); found {
		var a claims.Actor
		rest, _ = a.Parse(after) // nothing is left if it can't be read
		actor = a.Sub
		if len(rest) == 0 || rest[0] != ',' {
			return actor, links, string(rest) == "}"
		}
		rest = rest[1:]
	}
	if after, found := bytes.CutPrefix(rest, []byte(linksHead)); found {
		ok = parseLinks(after, &links)
		return actor, links, ok
	}
	return actor, links, true
}

// parseLinks reads a list of links at the start of b, or returns false.
func parseLinks(b []byte, links *[marks.MaxLinks]marks.Name) bool {
	var space [len(links)*linkLen + 1]byte
	for i := range links {
		end := (i + 1) * linkLen // where the bracket is, if this is the last one
		if len(b) <= end {
			return false
		}
		// Whether that was base64url shows below: there is one spelling.
		base64url.Decode(links[i][:], unsafe.String(&b[end-nameLen-1], nameLen))
		if b[end] == ']' {
			return string(appendLinks(space[:0], links[:i+1])) == string(b[:end+1])
		}
	}
	return false
}

// appendLinks appends links as they are stored.
func appendLinks(dst []byte, links []marks.Name) []byte {
	before := byte('[')
	for i := range links {
		dst = append(base64url.Append(append(dst, before, '"'), links[i][:]), '"')
		before = ','
	}
	return append(dst, ']')
}

// links returns the member that holds the session's links, or false if it has none.
func (p *state) links() (claims.Member, bool) {
	for _, m := range p.members() {
		if m.Name == linksName {
			return m, true
		}
	}
	return claims.Member{}, false
}

// Link ties the session to an outside name, such as an OpenID provider's session, so
// that a mark for that name ends it:
//
//	s.Principal().Link("sid:" + issuer + "#" + sid)
//
// A session has at most two links, and holds only a hash of each name; see
// [marks.NameOf]. A name that the session has already changes nothing.
//
// Call it after the login, in the same request. The login drops the links that were
// there, and gives the session a new id. A link that is added later isn't in earlier
// copies of the cookie, and a response that is under way may lose it again.
//
// Errors, with nothing changed: ErrNoSession, ErrCommitted, ErrHeld, ErrNoTime,
// ErrMigrate; ErrNobody if nobody is logged in; ErrLinks for a third link, for links
// that this version can't read, and for a name that is empty or over [marks.MaxID] bytes; a
// *cookie.SizeError if it doesn't fit into the cookie.
func (r Principal) Link(name string) error {
	p, err := r.s.edit()
	if err != nil {
		return err
	}
	defer p.mu.Unlock()
	switch {
	case p.phase == phaseMigrating:
		return ErrMigrate
	case p.c.Sub == "":
		return ErrNobody
	case name == "" || len(name) > marks.MaxID:
		return ErrLinks
	}
	var have [marks.MaxLinks]marks.Name
	kept := make([]marks.Name, 0, marks.MaxLinks)
	if m, ok := p.links(); ok {
		if !parseLinks(m.Raw, &have) {
			return ErrLinks
		}
		for _, l := range have {
			if l != (marks.Name{}) {
				kept = append(kept, l)
			}
		}
	}
	link := marks.NameOf(name)
	if slices.Contains(kept, link) {
		return nil
	}
	if len(kept) == marks.MaxLinks {
		return ErrLinks
	}
	members := withMember(p.members(), claims.Member{Name: linksName, Raw: appendLinks(nil, append(kept, link))})
	if err := p.fits(p.c.Sub, members); err != nil {
		return err
	}
	p.replace(members)
	p.change()
	return nil
}

// Mark returns a mark that ends this session, and false if there is no session yet. It
// is for a list of a user's sessions: keep it, with a name for the device, after a login,
// and publish it (fleet.Fleet.End) to end the session. The session gets another id by a
// login, an impersonation and its end, and LogoutOthers of package auth: then there is
// another mark.
//
// Until is the latest end that this session can have, whatever a response under way
// does to it.
func (r Principal) Mark() (marks.Mark, bool) {
	p := r.s.lock()
	if p == nil {
		return marks.Mark{}, false
	}
	defer p.mu.Unlock()
	p.access()
	if p.c.SID == (claims.SID{}) {
		return marks.Mark{}, false
	}
	end := p.latestEnd()
	if p.proof == proofBegun { // Remember may still choose the other profile
		end = max(end, p.sec+max(p.store.browser.absolute, p.store.persist.absolute))
	}
	return sessionMark(&p.c.SID, end), true
}

// Ended returns marks for the sessions that came with this request, name a user, and
// end with its response: by a logout, a login, an impersonation or Reissue. An
// auth.Manager publishes them. A session that names nobody gets no mark, because anyone
// could then fill the memory of every instance.
func (r Principal) Ended() []marks.Mark {
	p := r.s.lock()
	if p == nil {
		return nil
	}
	defer p.mu.Unlock()
	if p.rare == nil || p.ending == endingNo && p.proof < proofBegun {
		return nil
	}
	var all []marks.Mark
	for i := range p.rare.over {
		if o := &p.rare.over[i]; o.user {
			all = append(all, sessionMark(&o.sid, o.end))
		}
	}
	return all
}

//go:noinline
func sessionMark(sid *claims.SID, end int64) marks.Mark {
	return marks.Mark{Kind: marks.Session, ID: sid.String(), Until: end}
}

// Unpublished says that a mark of this request didn't reach the other instances, as far
// as anybody knows. The Outcome reports the first of several errors.
func (r Principal) Unpublished(err error) {
	p := r.s.lock()
	if p == nil {
		return
	}
	defer p.mu.Unlock()
	if told := p.writeRare(); told.unpublished == nil {
		told.unpublished = err
	}
}

// Reissue gives the session of who, who was confirmed, a new id and a new time of issue.
// It returns that time, in Unix seconds: a mark of the user with it as Before ends all
// sessions that the user has by now, but this one. All else stays: the time of the
// login, the absolute timeout, and the data.
//
// Errors, with nothing changed: those of Confirm; ErrNobody also for a session that a
// mark has ended since the request came; ErrCommitted, ErrHeld, ErrNoTime,
// cookie.ErrNoPrimary; and ErrUnconfirmed if nobody has confirmed who in this request.
func (r Principal) Reissue(who Identity) (before int64, err error) {
	p, err := r.judged(&who)
	if err != nil {
		return 0, err
	}
	defer p.mu.Unlock()
	if err := p.renamable(); err != nil {
		return 0, err
	}
	switch {
	case p.proof == proofNone:
		return 0, ErrUnconfirmed
	case p.keys().Primary().ID() == "":
		return 0, cookie.ErrNoPrimary
	}
	p.bury()
	// One second after any other session of the user, if clocks agree. A second is left
	// for a mark that ends this one too.
	p.c.SID, p.c.Iat = p.newSID(p.c.Sub), min(max(p.issued(p.c.Sub), p.c.Iat)+1, p.sec+leeway-1)
	if p.proof < proofBegun { // a login stays one: Remember may come after it
		p.proof = proofBecame
	}
	p.private = true
	p.change()
	return p.c.Iat, nil
}
