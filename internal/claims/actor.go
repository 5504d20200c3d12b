package claims

// An Actor is who is behind a session that names somebody else, as a value below d. It
// is spelled like the user in the envelope:
//
//	{"sub":"…","stk":"…","stp":"…"}
//
// stk and stp come together. The zero Actor is nobody.
type Actor struct {
	Sub string   // the actor's user id
	Stp [32]byte // the actor's stamp; it counts only if Stk is set
	Stk Kid      // the key that made the stamp; the zero Kid means no stamp
}

// Parse parses an actor at the start of b and returns what follows. For anything but
// the one spelling it returns false and leaves a zero. Afterwards a.Sub aliases b.
func (a *Actor) Parse(b []byte) (rest []byte, ok bool) {
	*a = Actor{}
	r := reader{b: b}
	if !r.has(`{"sub":"`) {
		return nil, false
	}
	a.Sub = r.sub()
	if r.has(`,"stk":"`) {
		r.stamp(&a.Stk, &a.Stp)
	}
	if r.bad || !r.has("}") {
		*a = Actor{}
		return nil, false
	}
	return b[r.i:], true
}

// Append appends a in its one spelling to dst. It trusts a, like [Claims.Append].
func (a *Actor) Append(dst []byte) []byte {
	return append(appendUser(append(dst, '{'), a.Sub, a.Stk, &a.Stp), '}')
}
