package ssestore

import (
	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/internal/claims"
)

// An Actor is who is behind a session that names somebody else: an administrator who
// looks at the site as one of its users. It is kept beside the session's values, under a
// name that no [Key] can have.
type Actor struct {
	// ID is the actor's user id. It is "" if the session has an actor that this
	// version can't read; such a session is nobody's.
	ID string
	// Stamp is the actor's own, made when they took over.
	Stamp Stamp
}

// reserved begins the names that are the library's own. It sorts before every other
// character of a name, so they come first in d. Another one must sort after these, that
// is after "-lnk": an older version looks no further, and would miss what it must judge.
const (
	reserved  = '-'
	actorName = "-act"
	actorHead = `{"` + actorName + `":`
)

// actor returns who is behind the session, or nil.
func (p *state) actor() *Actor {
	if p.data == dataChanged {
		if m := p.values.members; len(m) > 0 && m[0].Name == actorName {
			return newActor(m[0].Raw)
		}
		return nil
	}
	if d := p.c.D; len(d) > len(actorHead) && string(d[:len(actorHead)]) == actorHead {
		return newActor(d[len(actorHead):])
	}
	return nil // nearly always, without a look at the values
}

// newActor reads an actor at the start of b, or leaves it zero.
func newActor(b []byte) *Actor {
	var a claims.Actor
	if rest, _ := a.Parse(b); len(rest) > 0 && rest[0] != ',' && rest[0] != '}' {
		return new(Actor)
	}
	return &Actor{a.Sub, Stamp{a.Stk.String(), a.Stp}}
}

// member returns the actor as it is stored.
func (a *Actor) member() claims.Member {
	stored := claims.Actor{Sub: a.ID, Stk: claims.KidOf(a.Stamp.KeyID), Stp: a.Stamp.Sum}
	return claims.Member{Name: actorName, Raw: stored.Append(nil)}
}

// Become makes the session of who that of the user called id, without a login: it gets
// a new session id, and keeps all its times but that of the renewal, and that of the issue
// where a mark of that user says a later one. Its values are dropped. actor is who is
// behind it from now on, or nil. A zero Stamp stores none.
//
// An auth.Manager impersonates users with it.
//
// Errors, with nothing changed, are those of Confirm and Begin; ErrNobody also for a
// session that a mark has ended since the request came.
func (r Principal) Become(who Identity, id string, st Stamp, actor *Actor) error {
	p, err := r.judged(&who)
	if err != nil {
		return err
	}
	defer p.mu.Unlock()
	if err := p.renamable(); err != nil {
		return err
	}
	var members []claims.Member
	switch {
	case !claims.ValidSub(id), actor != nil && !claims.ValidSub(actor.ID):
		return ErrBadID
	case st.KeyID != "" && !claims.ValidKid(st.KeyID), actor != nil && actor.Stamp.KeyID != "" && !claims.ValidKid(actor.Stamp.KeyID):
		return ErrUnknownKey
	case p.keys().Primary().ID() == "":
		return cookie.ErrNoPrimary
	case actor != nil:
		members = []claims.Member{actor.member()}
	}
	if m, ok := p.links(); ok { // what ends the session of the actor ends this one
		members = append(members, m)
	}
	if err := p.fits(id, members); err != nil {
		return err
	}
	p.bury()
	p.c.SID, p.c.Sub, p.c.D = p.newSID(id), id, nil
	p.c.Rnw = max(p.c.Rnw, p.sec)
	if nb := p.store.notBefore; nb != nil {
		// What ended the user's sessions since the actor's login isn't about this one. No
		// later than that, or it would outlive a mark of the actor that is on its way.
		p.c.Iat = max(p.c.Iat, min(nb.NotBefore(id), p.sec+leeway))
	}
	p.setStamp(st)
	p.replace(members)
	p.forget()
	p.dropFresh()
	p.proof, p.private = proofBecame, true
	p.change()
	return nil
}
