package ssestore

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/internal/claims"
	"github.com/hardtack-go/hardtack/keyring"
)

// state is the inside of a Session. It answers five questions with small types of their
// own, because each answer can only change in a few ways:
//
//	phase   what may still be done with it
//	origin  where it came from
//	ending  whether the session that came is over
//	data    where its values are
//	proof   what is known of its user
//
// use and wish are of the same kind. Commit reads them in [state.decide].
type state struct {
	pub   Session
	store *Store
	now   time.Time
	sec   int64 // now, in Unix seconds; 0: no valid time, nothing works

	// What Load found. It doesn't change afterwards and needs no lock.
	ring     *keyring.Keyring
	key      keyring.Key                     // opened the cookie; the zero Key if none did
	reloaded atomic.Pointer[keyring.Keyring] // by a refresh after Load; nil: none. See keys

	mu        sync.Mutex // guards everything below
	rare      *rare      // nil in most requests
	values    *values    // nil until a value is used
	legacy    uint8      // bit i: a cookie of store.legacy[i] was in the request
	present   bool       // a cookie of our name was in the request, valid or not
	refreshed bool       // the source was asked to refresh; once per request
	origin    origin
	reason    cookie.Reason

	phase   phase
	use     use
	ending  ending
	data    data
	proof   proof
	limit   Writes
	private bool // the response may say something about a user

	epoch uint32 // how often the user or the user's stamp was replaced
	memo  memo   // of the first key

	// The session as it is now. No SID: none yet; Commit makes one if there is
	// something to write.
	c claims.Claims

	// What c aliases, if it is not longer: a UUID for the user id and a little data.
	// Sized so that the state fills 352 bytes, a class of the allocator.
	text [56]byte
}

// phase is what may still be done with a session. It starts as open.
//
//	open ─ Hold ──────────► held
//	open ─ Load: Config.Marks can't tell ─► held
//	open ─ takeOver ─► migrating ─ Migrate returned ─► open
//	open, held ─ Commit ─► committed, which nothing leaves
//
// In a session that another system writes, an open phase allows nothing either, not even a
// logout; see [state.readOnly].
type phase uint8

const (
	phaseOpen      phase = iota // everything
	phaseMigrating              // Legacy.Migrate runs: data, Adopt and wishes only
	phaseHeld                   // the user store failed, or the marks: nothing but a logout
	phaseCommitted              // nothing; changes are errors
)

// origin is where the session came from. It starts as new. Load decides it once;
// Refuse is the only later change.
//
//	new ─ choose: one valid value ────► loaded
//	new ─ choose: what came is over ──► refused
//	new ─ migrate: taken over ────────► migrated
//	loaded, migrated, new ─ Refuse ───► refused
type origin uint8

const (
	originNew      origin = iota // nothing came, or nothing that may be deleted
	originLoaded                 // from the session cookie
	originMigrated               // from a legacy cookie
	originRefused                // what came is over: its cookie should be deleted, unsolicited
)

// ending is whether the session that came with the request is over, at any status
// of the response. It starts as no, and never goes back.
//
//	no ─ Clear, or an end that has passed ─► cleared
//	no, cleared ─ Principal.End ───────────► loggedOut
type ending uint8

const (
	endingNo        ending = iota
	endingCleared          // Hold stops it
	endingLoggedOut        // Hold doesn't
)

// data is where the session's values are. It starts as sealed.
//
//	sealed ─ first use of a value ─► indexed
//	sealed, indexed ─ Set, Delete, Pop, Begin with keep ─► changed
//	any ─ wipe ─► indexed, without values
type data uint8

const (
	dataSealed  data = iota // in c.D, not looked at
	dataIndexed             // in c.D, and values lists them
	dataChanged             // in values; c.D is what it was before
)

// proof is what this request knows of the session's user. It starts as none, and
// wipe goes back there.
//
//	none ─ Confirm ─► confirmed
//	none, confirmed ─ Restamp ─► restamped
//	any ─ Begin ─► begun
//	any but none ─ Become, Reissue ─► became
type proof uint8

const (
	proofNone      proof = iota // nobody is named, or only by the cookie
	proofConfirmed              // the user was found and the stamp matched
	proofRestamped              // got a new stamp in this request
	proofBegun                  // logged in in this request
	proofBecame                 // got a new id in this request, without a login
)

// use is what the handler did with the session. It starts as untouched and only
// grows. Nothing that Migrate does counts.
type use uint8

const (
	useNone   use = iota
	useRead       // the response depends on the cookie
	useChange     // there is something solicited to write
)

// wish is what Remember said in this request. It outlives Clear and Begin.
type wish uint8

const (
	wishNone wish = iota
	wishBrowser
	wishPersistent
)

// rare holds the parts of a state that few requests need. They are separate because
// every request pays for the size of the state.
type rare struct {
	over       []ended    // the sessions that came and that this response may end
	barrier    []string   // values of the barrier cookie
	wishEnd    int64      // what ExpireAt said in this request; 0: nothing
	wish       wish       // what Remember said
	late       bool       // see Late
	renewed    bool       // by Renew
	unreadable []string   // values that could not be decoded
	memos      []*memo    // of all other keys
	turn       *sync.Cond // for those who wait for a memo
	fresh      *Stamp     // G6: replaces the stamp if the session is written
	freshActor *Actor     // the same for who is behind it

	notMigrated error // see Outcome
	unpublished error // see Outcome

	readOnly      bool // another system writes the session; see Legacy
	refusedChange bool // and this program wanted to change it

	former       uint8 // bit i: a cookie may be in store.former[i]
	formerBarred uint8 // bit i: and a barrier
	moved        bool  // the session came from a former place of another name
	tidy         bool  // a former place makes the session ambiguous

	pieces [maxLegacy]pieces // in which cookies store.legacy[i] came; 0: in the one named

	space [1]ended // where over starts
}

// values are the session's data. Requests that only ask who the user is have none.
type values struct {
	members []claims.Member  // sorted by name
	space   [3]claims.Member // where members starts
}

// writeRare returns the rare part to write to. Reading goes by p.rare itself, which is
// nearly always nil.
func (p *state) writeRare() *rare {
	if p.rare == nil {
		p.rare = new(rare)
	}
	return p.rare
}

// keys returns the ring of this request. It is the one that the source returned, until
// a refresh finds another.
func (p *state) keys() *keyring.Keyring {
	if r := p.reloaded.Load(); r != nil {
		return r
	}
	return p.ring
}

// ended is what the barrier needs to know of a session.
type ended struct {
	sid  claims.SID
	end  int64
	user bool // it names one
}

// of returns the state, or nil for nil and the zero Session.
func (s *Session) of() *state {
	if s == nil {
		return nil
	}
	return (*state)(s.p)
}

// lock returns the state, locked, or nil if there is no session.
func (s *Session) lock() *state {
	p := s.of()
	if p != nil {
		p.mu.Lock()
	}
	return p
}

// edit returns the state, locked, or an error if the session can't be changed.
func (s *Session) edit() (*state, error) {
	p := s.lock()
	if p == nil {
		return nil, ErrNoSession
	}
	if err := p.writable(); err != nil {
		p.mu.Unlock()
		return nil, err
	}
	return p, nil
}

// writable returns an error that says why the session can't be changed, or nil if it
// can. Callers are about to change it, so after Commit the answer is noted for Late.
// Within Migrate the session can be changed. Methods that make no sense there check the
// phase themselves.
func (p *state) writable() error {
	if p.sec == 0 {
		return ErrNoTime
	}
	switch {
	case p.phase == phaseCommitted:
		p.writeRare().late = true
		return ErrCommitted
	case p.phase == phaseMigrating:
		return nil
	case p.readOnly():
		p.rare.refusedChange = true
		return ErrReadOnly
	case p.phase == phaseHeld:
		return ErrHeld
	}
	return nil
}

// access notes that the response depends on the cookie.
func (p *state) access() {
	if p.phase == phaseMigrating || p.use >= useRead {
		return
	}
	if p.phase == phaseCommitted {
		p.writeRare().late = true
	}
	p.use = useRead
}

// change notes that there is something solicited to write. A migration isn't the
// handler's doing, so its changes don't count.
func (p *state) change() {
	if p.phase != phaseMigrating {
		p.access()
		p.use = useChange
	}
}

// came reports whether a session came with the request and was not refused.
func (p *state) came() bool { return p.origin == originLoaded || p.origin == originMigrated }

// cookies reports whether there is a cookie to delete, whatever it was worth.
func (p *state) cookies() bool {
	return p.present || p.legacy != 0 || p.rare != nil && p.rare.former != 0
}

// adopted reports whether the user is one that Migrate named, who has no stamp yet.
func (p *state) adopted() bool {
	return (p.origin == originMigrated || p.phase == phaseMigrating) &&
		p.c.Sub != "" && p.c.Stk == (claims.Kid{}) && p.proof < proofRestamped
}

// bury keeps what the barrier needs to know about the session that came, before its
// claims are gone: its id, and the latest end that it could have.
func (p *state) bury() {
	if p.came() && p.c.SID != (claims.SID{}) && p.proof < proofBegun && (p.rare == nil || p.rare.over == nil) {
		r := p.writeRare()
		r.over = append(r.space[:0], ended{p.c.SID, p.latestEnd(), p.c.Sub != ""})
	}
}

// latestEnd returns the latest end that a response under way could give the session.
// That isn't its current end. Remember and ExpireAt can move that one both ways, up to
// exp. Only a login moves exp, and a login makes a new session.
func (p *state) latestEnd() int64 {
	if p.origin == originMigrated && p.proof < proofBegun {
		// Its exp isn't in a cookie yet. Another request may be migrating it with
		// another profile, or at an instance with other lifetimes.
		return p.c.Iat + longestLife
	}
	return p.c.Exp
}

// holdUnverified says that nobody knows whether the session was ended. Nothing but a
// logout is written, as when the user store is down.
func (p *state) holdUnverified() { p.phase, p.reason = phaseHeld, cookie.ReasonUnverified }

// unverified reports whether nobody knows if the session was ended.
func (p *state) unverified() bool { return p.reason == cookie.ReasonUnverified }

// wipe makes the session an empty one that hasn't been created yet.
func (p *state) wipe() {
	p.bury()
	p.c = claims.Claims{}
	p.data = dataIndexed
	p.proof = proofNone
	p.values = nil
	p.dropFresh()
	p.forget()
}

// dropFresh forgets the stamps that Confirm brought.
func (p *state) dropFresh() {
	if p.rare != nil {
		p.rare.fresh, p.rare.freshActor = nil, nil
	}
}

// empty reports whether there is nothing worth a cookie.
func (p *state) empty() bool {
	if p.c.Sub != "" {
		return false
	}
	if p.data == dataChanged {
		return len(p.values.members) == 0
	}
	return p.c.D == nil
}

// note remembers the name of a value that couldn't be decoded.
func (p *state) note(name string) {
	if r := p.writeRare(); !slices.Contains(r.unreadable, name) {
		r.unreadable = append(r.unreadable, name)
	}
}
