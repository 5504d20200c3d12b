package ssestore

// memoEntry is a value of this request. The first stands in the session itself:
// package auth has one per request, and it should cost no map.
type memoEntry struct{ key, value any }

// Memo returns the value that is kept for this request under key, and makes it
// with create if there is none. Concurrent callers get the same value, though
// create may have run for each of them. It runs without a lock and may use the
// session. The value is never sealed, and Clear, Logout, Begin and Refuse drop
// it. The key must be comparable; use a type of your own, as in a
// context.Context. Without a session the result of create is returned and not
// kept. A nil create only looks.
func (s *Session) Memo(key any, create func() any) any {
	p := s.of()
	if p != nil {
		p.mu.Lock()
		v, ok := p.recall(key)
		p.mu.Unlock()
		if ok {
			return v
		}
	}
	if create == nil {
		return nil
	}
	value := create()
	if p == nil {
		return value
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if v, ok := p.recall(key); ok {
		return v // another goroutine was first
	}
	if p.memo.key == nil {
		p.memo = memoEntry{key, value}
	} else {
		r := p.writeRare()
		r.memos = append(r.memos, memoEntry{key, value})
	}
	return value
}

func (p *state) recall(key any) (any, bool) {
	if key == nil {
		return nil, false
	}
	if p.memo.key == key {
		return p.memo.value, true
	}
	for _, m := range p.readRare().memos {
		if m.key == key {
			return m.value, true
		}
	}
	return nil, false
}

// forget drops what the request knows about its user.
func (p *state) forget() {
	p.memo = memoEntry{}
	if p.rare != nil {
		p.rare.memos = nil
	}
}
