package ssestore

import "sync"

// memo is what one caller of Principal.Memo keeps for the request.
type memo struct {
	key   any
	value any
	busy  bool // somebody's f runs
}

// Memo keeps what package auth has found out about the session's user, for the
// rest of this request. It calls f with who is logged in and with what was kept
// under the key before, or nil, and keeps what f returns. The key must be comparable
// and not nil; use a type or a pointer of your own, as in a context.Context.
//
// Callers with the same key take turns, so that the first works the answer out and
// the others find it. f may use the session, but must not call Memo with the same
// key: it would wait for itself. If f panics, nothing is kept.
//
// What is kept is about who. It is dropped when that changes: by Clear, End, Begin,
// Restamp or Refuse. If one of them comes while f runs, what f returns is not kept,
// and nobody waits for f any more.
//
// Without a session, f is called with nobody and nil. Memo counts as an access. It
// doesn't allocate for the first key of a request.
func (r Principal) Memo(key any, f func(who Identity, known any) (keep any)) {
	p := r.s.lock()
	if p == nil {
		f(Identity{}, nil)
		return
	}
	m := p.turn(key)
	m.busy = true
	var who Identity
	p.identify(&who)
	known, epoch := m.value, p.epoch
	p.mu.Unlock()

	keep, finished := known, false
	defer func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.epoch != epoch {
			return // forget has dropped m, and let the others go on
		}
		m.busy = false
		if finished {
			m.value = keep
		}
		p.wake()
	}()
	keep = f(who, known)
	finished = true
}

// turn returns the memo of a key when nobody else is at it.
func (p *state) turn(key any) *memo {
	for {
		m := p.memoOf(key)
		if !m.busy {
			return m
		}
		r := p.writeRare()
		if r.turn == nil {
			r.turn = sync.NewCond(&p.mu)
		}
		r.turn.Wait()
	}
}

func (p *state) memoOf(key any) *memo {
	m := &p.memo
	if m.key == nil {
		m.key = key
	}
	if m.key == key {
		return m
	}
	for _, m := range p.readRare().memos {
		if m.key == key {
			return m
		}
	}
	m = &memo{key: key}
	r := p.writeRare()
	r.memos = append(r.memos, m)
	return m
}

// wake lets those who wait for a memo look again.
func (p *state) wake() {
	if p.rare != nil && p.rare.turn != nil {
		p.rare.turn.Broadcast()
	}
}

// forget drops what the request knows about its user, because the user changes.
func (p *state) forget() {
	p.epoch++
	p.memo = memo{}
	if p.rare != nil {
		p.rare.memos = nil
	}
	p.wake()
}
