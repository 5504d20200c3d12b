package ssestore

import (
	"bytes"
	"slices"

	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/internal/claims"
)

// members returns the session's values. It looks for them in the sealed data when a
// value is first used, because most requests only ask who the user is. Data that this
// library wouldn't write, as from a faulty writer in another language, reads as empty
// and is reported. It stays as it is until a value is set.
func (p *state) members() []claims.Member {
	if p.data == dataSealed {
		p.data = dataIndexed
		if p.c.D != nil {
			v := new(values)
			members, ok := claims.Members(v.space[:0], p.c.D)
			if ok {
				v.members, p.values = members, v
			} else {
				p.note("d")
			}
		}
	}
	if p.values == nil {
		return nil
	}
	return p.values.members
}

// current returns the claims with the values as they are now.
func (p *state) current() claims.Claims {
	c := p.c
	if p.data == dataChanged {
		c.D = claims.AppendData(nil, p.values.members)
	}
	return c
}

// replace replaces the session's values.
func (p *state) replace(members []claims.Member) {
	if p.values == nil {
		p.values = new(values)
	}
	p.values.members = members
	p.data = dataChanged
}

// find returns where a name is, or where it belongs.
func find(members []claims.Member, name string) (int, bool) {
	for i, m := range members { // few
		if m.Name >= name {
			return i, m.Name == name
		}
	}
	return len(members), false
}

// withMember returns a copy of the members with m in its place.
func withMember(members []claims.Member, m claims.Member) []claims.Member {
	members = slices.Clone(members)
	i, found := find(members, m.Name)
	if found {
		members[i] = m
		return members
	}
	return slices.Insert(members, i, m)
}

// get returns the JSON of a value. Nobody writes to the bytes again.
func (s *Session) get(name string) ([]byte, bool) {
	p := s.lock()
	if p == nil {
		return nil, false
	}
	defer p.mu.Unlock()
	p.access()
	members := p.members()
	i, ok := find(members, name)
	if !ok {
		return nil, false
	}
	return members[i].Raw, true
}

// undecodable notes that the value of a name didn't fit its type.
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
	members := p.members()
	m := claims.Member{Name: name, Raw: raw}
	i, found := find(members, name)
	if found && bytes.Equal(members[i].Raw, raw) {
		return nil
	}
	size := m.Size()
	for j, other := range members {
		if !found || j != i {
			size += other.Size()
		}
	}
	// What makes the session smaller is always accepted: MaxLine may have been
	// lowered, and a visitor must get below it by more than one step.
	shrinks := found && m.Size() < members[i].Size()
	if size > p.store.dataLimit(p.c.Sub) && !shrinks {
		others := slices.DeleteFunc(slices.Clone(members), func(o claims.Member) bool { return o.Name == name })
		return p.store.tooLarge(p.c.Sub, append(others, m))
	}
	if found {
		members[i] = m
	} else {
		if p.values == nil {
			p.values = new(values)
			members = p.values.space[:0]
		}
		members = slices.Insert(members, i, m)
	}
	p.replace(members)
	p.change()
	return nil
}

// largest is how many names a SizeError has.
const largest = 3

// envelope returns how many bytes are reserved for everything but the data, for a
// session of the user called sub, or of nobody yet.
func envelope(sub string) int {
	return claims.MaxEnvelope + max(0, claims.SubLen(sub)-claims.ReservedSub)
}

// dataLimit returns how many bytes of data fit a session of the user called sub.
func (s *Store) dataLimit(sub string) int {
	return s.maxData + claims.MaxEnvelope - envelope(sub)
}

// sizeOf returns how many bytes the members take.
func sizeOf(members []claims.Member) (size int) {
	for _, m := range members {
		size += m.Size()
	}
	return size
}

// dataSize is sizeOf the session's values, which it doesn't look at.
func (p *state) dataSize() int {
	if p.data == dataChanged {
		return sizeOf(p.values.members)
	}
	return max(0, len(p.c.D)-len("{"))
}

// fits returns a *cookie.SizeError if the session's data doesn't fit next to a user
// called sub.
func (p *state) fits(sub string, members []claims.Member) error {
	if sizeOf(members) > p.store.dataLimit(sub) {
		return p.store.tooLarge(sub, slices.Clone(members))
	}
	return nil
}

// tooLarge returns a *cookie.SizeError that names the largest values. It removes them
// from all.
func (s *Store) tooLarge(sub string, all []claims.Member) error {
	err := &cookie.SizeError{
		Size:  s.codec.Size(envelope(sub) + sizeOf(all)),
		Limit: s.cookie.MaxValue(),
	}
	for range min(len(all), largest) {
		first := 0
		for i, m := range all {
			if m.Size() > all[first].Size() {
				first = i
			}
		}
		err.Largest = append(err.Largest, all[first].Name)
		all = slices.Delete(all, first, first+1)
	}
	return err
}

// remove removes a value and returns its JSON. An error means that the removal won't
// be written; the value is returned all the same.
func (s *Session) remove(name string) ([]byte, bool, error) {
	p := s.lock()
	if p == nil {
		return nil, false, ErrNoSession
	}
	defer p.mu.Unlock()
	p.access()
	members := p.members()
	i, ok := find(members, name)
	if !ok {
		return nil, false, nil // nothing to lose, whatever the state
	}
	raw := members[i].Raw
	if err := p.writable(); err != nil {
		return raw, true, err
	}
	p.replace(slices.Delete(members, i, i+1))
	p.change()
	return raw, true, nil
}
