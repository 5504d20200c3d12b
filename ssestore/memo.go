package ssestore

import "sync"

// memo holds what a caller of Principal.Memo keeps for the request.
type memo struct {
	key   any
	value any
	busy  bool // some caller's f is running
}

// Memo keeps what package auth has found out about the session's user for the rest of
// this request. It calls f with who is logged in and the value kept under the key so
// far, or nil, and keeps what f returns. The key must be comparable and not nil. Use a
// type or a pointer of your own, as with a context.Context.
//
// Callers with the same key take turns, so the first works out the answer and the
// others find it. f may use the session, but must not call Memo with the same key,
// because it would wait for itself. If f panics, nothing is kept.
//
// The value describes who is logged in. It is dropped when that changes, through Clear,
// End, Begin, Restamp or Refuse. If one of them is called while f runs, the result of f
// isn't kept, and nobody waits for f any longer.
//
// Without a session, Memo calls f with the zero Identity and nil. Memo counts as an
// access. It doesn't allocate for the first key in a request.
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
			return // forget has dropped m and woken the others
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

// turn waits until nobody else uses the memo of a key, and returns it.
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
	r := p.writeRare()
	for _, m := range r.memos {
		if m.key == key {
			return m
		}
	}
	m = &memo{key: key}
	r.memos = append(r.memos, m)
	return m
}

// wake makes those who wait for a memo look again.
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
