package ssestore

import (
	"fmt"
	"time"

	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/internal/claims"
	"github.com/hardtack-go/hardtack/internal/config"
	"github.com/hardtack-go/hardtack/keyring"
)

// A Former is a place where the session cookie was until its name, Domain, Path or
// Partitioned changed. Sessions that are still there go on, and move with their next
// write. Without a Former, a new name logs everybody out, and after a change of
// Domain or Path browsers send two cookies of one name, which are ambiguous.
//
// If the former place has another name, it is read only while the request has no
// value of ours in the current one. If it has the same name, nobody can tell which
// value comes from where. Two values of one session count as that session, in the
// state of its last renewal. Two values of different sessions are ambiguous, and the
// former place is then deleted if unsolicited writes are [WritesAll].
//
// As with keys, readers come before writers. In a first release, list the new place
// here as if it were the former one. In a second release, swap the two. That way no
// instance ever gets a cookie it can't read.
type Former struct {
	// Cookie is the cookie's former configuration. The zero value is the default of
	// [Config].Cookie.
	Cookie cookie.Config

	// Until is when the store stops looking. It is required, because a sibling domain
	// may be able to write to the former place until then; docs/THREATS.md says what
	// that allows. The longest life of a session is long enough.
	Until time.Time

	_ struct{}
}

// maxFormer bounds Config.Former: a session has one bit for each.
const maxFormer = 8

type former struct {
	cookie  *cookie.Cookie
	codec   cookie.Codec
	barrier *cookie.Cookie // nil: switched off
	label   keyring.Label  // of the barrier's entries
	until   time.Time
	renamed bool // its name isn't that of the session cookie
}

func (s *Store) addFormer(c Config, faults *config.Faults) {
	if len(c.Former) > maxFormer {
		faults.Add("Former", "at most 8")
	}
	for i, f := range c.Former {
		field := fmt.Sprintf("Former[%d]", i)
		if f.Until.IsZero() {
			faults.Add(field+".Until", "must be set")
		}
		k, codec, err := slot(f.Cookie, c.Format, c.Audience)
		if err != nil {
			faults.Join(fmt.Errorf("ssestore: %s: %w", field, err))
			continue
		}
		place := former{cookie: k, codec: codec, until: f.Until}
		if s.cookie != nil {
			place.renamed = k.Name() != s.cookie.Name()
			if !place.renamed && sameSlot(f.Cookie, c.Cookie) {
				faults.Add(field+".Cookie", "is where the session cookie is now")
			}
		}
		if !c.DangerouslySkipBarrier {
			if place.barrier, err = k.Companion(barrierSuffix); err != nil {
				faults.Join(fmt.Errorf("ssestore: %s: the %q cookie: %w", field, barrierSuffix, err))
			}
			place.label = keyring.Label{Purpose: "barrier", Audience: c.Audience, Name: k.Name()}
		}
		s.former = append(s.former, place)
	}
}

// sameSlot reports whether two cookies of one name replace each other.
func sameSlot(a, b cookie.Config) bool {
	return a.Domain == b.Domain && orSlash(a.Path) == orSlash(b.Path) && a.Partitioned == b.Partitioned
}

// formerly calls f with each former place that this request looks at.
func (p *state) formerly(f func(i int, place *former)) {
	for i := range p.store.former {
		if place := &p.store.former[i]; p.now.Before(place.until) {
			f(i, place)
		}
	}
}

// findFormer notes which former places may have a cookie in this request, and what
// their barriers say. named and barred say whether there is a value, and a barrier,
// under the current name.
func (p *state) findFormer(lines []string, named, barred bool) {
	p.formerly(func(i int, place *former) {
		bit := uint8(1) << i
		if !place.renamed {
			if named {
				p.writeRare().former |= bit
			}
			if barred {
				p.writeRare().formerBarred |= bit
			}
			return
		}
		for _, v := range place.cookie.Find(nil, lines) {
			// A foreign value belongs to another program, which may use the name now.
			if _, err := place.codec.Open(p.keys(), v); cookie.ReasonOf(err) != cookie.ReasonForeign {
				p.writeRare().former |= bit
			}
		}
		if values := place.barrier.Find(nil, lines); len(values) > 0 {
			r := p.writeRare()
			r.formerBarred |= bit
			r.barrier = append(r.barrier, values...)
		}
	})
}

// chooseFormer takes the session from the first former place of another name that has
// a value of ours.
func (p *state) chooseFormer(lines []string) (seen sight) {
	p.formerly(func(i int, place *former) {
		if seen.ours || !place.renamed || p.rare == nil || p.rare.former&(1<<i) == 0 {
			return
		}
		p.reason = cookie.ReasonNone // whatever is foreign in the current place
		seen = p.choose(place.cookie.Find(nil, lines), place)
		p.writeRare().moved = p.origin == originLoaded
		if p.present && p.origin == originRefused {
			p.origin = originNew // a deletion would take what is foreign in the current place too
		}
	})
	return seen
}

// moved reports whether the session came from a former place of another name.
func (p *state) moved() bool { return p.rare != nil && p.rare.moved }

// oneSession reports whether two values under the session cookie's name may be the
// same session in two places.
func (p *state) oneSession() (one bool) {
	p.formerly(func(_ int, place *former) { one = one || !place.renamed })
	return one
}

// later reports whether c, which comes after p.c in the header, is the session's
// current state. If neither was renewed after the other, the last one was created
// last: browsers send cookies of one path in that order (RFC 6265 section 5.4), and
// each write deletes the former place, so what is there was written afterwards.
func (p *state) later(c *claims.Claims) bool { return c.Rnw >= p.c.Rnw }

// deleteFormer deletes the cookies of former places.
func (p *state) deleteFormer(out *Outcome) {
	if p.rare == nil {
		return
	}
	for i := range p.store.former {
		if p.rare.former&(1<<i) != 0 {
			out.SetCookie = append(out.SetCookie, p.store.former[i].cookie.Delete())
		}
	}
}

// deleteFormerBarriers deletes the barriers of former places. From this response on,
// the current barrier has their entries. Only a response that writes the current
// barrier may do this: any other could arrive late and remove what a logout has
// written.
func (p *state) deleteFormerBarriers(out *Outcome) {
	for i := range p.store.former { // there is a rare part, with what the barrier names
		if p.rare.formerBarred&(1<<i) != 0 {
			out.SetCookie = append(out.SetCookie, p.store.former[i].barrier.Delete())
		}
	}
}
