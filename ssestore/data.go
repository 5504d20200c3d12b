package ssestore

import (
	"bytes"
	"slices"
	"strings"

	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/internal/claims"
)

// index finds the members of the sealed data when a value is first used: most
// requests only ask who the user is. Data that is not what this library writes
// (a faulty writer in another language) reads as empty and is reported; it stays
// as it is until a value is set.
func (p *state) index() {
	if p.indexed {
		return
	}
	p.indexed = true
	members, ok := claims.Members(make([]claims.Member, 0, 4), p.c.D)
	if !ok {
		p.note("d")
		return
	}
	p.members = members
}

func (p *state) find(name string) (int, bool) {
	return slices.BinarySearchFunc(p.members, name, func(m claims.Member, name string) int {
		return strings.Compare(m.Name, name)
	})
}

// get returns the JSON of a value. The bytes are never written to again.
func (s *Session) get(name string) ([]byte, bool) {
	p := s.lock()
	if p == nil {
		return nil, false
	}
	defer p.mu.Unlock()
	p.access()
	p.index()
	i, ok := p.find(name)
	if !ok {
		return nil, false
	}
	return p.members[i].Raw, true
}

// undecodable reports that the value of a name did not fit its type.
func (s *Session) undecodable(name string) {
	p := s.of()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.note(name)
}

// set stores the JSON of a value.
func (s *Session) set(name string, raw []byte) error {
	p, err := s.edit()
	if err != nil {
		return err
	}
	defer p.mu.Unlock()
	p.access()
	p.index()
	m := claims.Member{Name: name, Raw: raw}
	i, found := p.find(name)
	if found && bytes.Equal(p.members[i].Raw, raw) {
		return nil
	}
	size := m.Size()
	for j, other := range p.members {
		if !found || j != i {
			size += other.Size()
		}
	}
	if size > p.store.maxData {
		return p.tooLarge(m, size)
	}
	if found {
		p.members[i] = m
	} else {
		p.members = slices.Insert(p.members, i, m)
	}
	p.dataDirty = true
	p.change()
	return nil
}

// largest is how many names a SizeError has.
const largest = 3

// tooLarge names what takes the most room, the refused value included.
func (p *state) tooLarge(m claims.Member, size int) error {
	all := append(slices.DeleteFunc(slices.Clone(p.members), func(o claims.Member) bool { return o.Name == m.Name }), m)
	slices.SortStableFunc(all, func(a, b claims.Member) int { return b.Size() - a.Size() })
	err := &cookie.SizeError{
		Size:  p.store.codec.Size(claims.MaxEnvelope + size),
		Limit: p.store.cookie.MaxValue(),
	}
	for _, m := range all[:min(len(all), largest)] {
		err.Largest = append(err.Largest, m.Name)
	}
	return err
}

// remove takes a value out and returns its JSON. An error means that the change
// will not be written; the value is returned all the same. silent says that the
// caller cannot pass the error on.
func (s *Session) remove(name string, silent bool) ([]byte, bool, error) {
	p := s.lock()
	if p == nil {
		return nil, false, ErrNoSession
	}
	defer p.mu.Unlock()
	p.access()
	p.index()
	i, ok := p.find(name)
	if !ok {
		return nil, false, nil // nothing to lose, whatever the state
	}
	raw := p.members[i].Raw
	if err := p.writable(); err != nil {
		p.late = p.late || silent && err == ErrCommitted
		return raw, true, err
	}
	p.members = slices.Delete(p.members, i, i+1)
	p.dataDirty = true
	p.change()
	return raw, true, nil
}
