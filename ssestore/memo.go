package ssestore

import "sync"

// A Memo is where package auth keeps, for one request, what it has found out
// about the session's user. It is never sealed. [Session.Memo] gives it; the zero
// Memo keeps nothing.
//
// Its lock is for working the value out once: concurrent callers wait, and find
// it. Whoever holds it may use the session, but not lock the same Memo again.
type Memo struct {
	p     *state // nil: there is no session
	key   any
	value any // guarded by p.mu
	mu    sync.Mutex
}

// Memo returns the memo of this request under a key: the same one until Clear,
// Logout, Begin or Refuse, and another one afterwards.
// The key must be comparable and not nil; use a type or a pointer of your own, as
// in a context.Context. Without a session the memo keeps nothing.
//
// It does not allocate for the first key of a request.
func (s *Session) Memo(key any) *Memo {
	p := s.lock()
	if p == nil {
		return new(Memo)
	}
	defer p.mu.Unlock()
	m := &p.memo
	if m.key == nil {
		m.p, m.key = p, key
	}
	if m.key == key {
		return m
	}
	for _, m := range p.readRare().memos {
		if m.key == key {
			return m
		}
	}
	m = &Memo{p: p, key: key}
	r := p.writeRare()
	r.memos = append(r.memos, m)
	return m
}

// Lock waits until nobody else holds the memo, and returns the value: nil if
// there is none. Unlock must follow.
func (m *Memo) Lock() any {
	m.mu.Lock()
	if m.p == nil {
		return nil
	}
	m.p.mu.Lock()
	defer m.p.mu.Unlock()
	return m.value
}

// Unlock lets the next caller of Lock go on.
func (m *Memo) Unlock() { m.mu.Unlock() }

// Set keeps a value that was worked out from what [Session.Identity] said. If
// Clear, Logout, Begin or Refuse came since, it keeps nothing: the value is about
// a session that is gone. (About nobody it still holds if there is nobody now.)
// They also drop what is there.
func (m *Memo) Set(who Identity, value any) {
	if m.p == nil {
		return
	}
	m.p.mu.Lock()
	defer m.p.mu.Unlock()
	if who.epoch == m.p.epoch || who.ID == "" && m.p.c.Sub == "" {
		m.value = value
	}
}

// dropped is the key of a memo that forget has given up.
type dropped struct{}

// forget drops what the request knows about its user. Whoever holds a memo goes on
// with it and finds it empty; nobody else has to wait for them, because the next
// caller gets another one.
func (p *state) forget() {
	p.epoch++
	p.memo.key, p.memo.value = dropped{}, nil
	if p.rare != nil {
		for _, m := range p.rare.memos {
			m.value = nil
		}
		p.rare.memos = nil
	}
}
