package legacy

// Box gives the tests of the cache what they can't see from outside: which keys were kept.
type Box struct{ *box }

func NewBox(rounds int, secrets ...string) Box { return Box{newBox(secrets, rounds)} }

// Open reports whether a value opens.
func (b Box) Open(value string) error {
	_, err := b.open(value)
	return err
}

// Kept is how many keys are kept.
func (b Box) Kept() int {
	b.keys.mu.Lock()
	defer b.keys.mu.Unlock()
	return len(b.keys.keys)
}

// Keeps reports whether the key for a salt is kept, under the first secret.
func (b Box) Keeps(rounds int, salt string) bool {
	_, hit := b.keys.derive(0, rounds, b.secrets[0], salt)
	return hit
}

// Keep keeps the key for a salt, as a request does that was as fast as another one.
func (b Box) Keep(rounds int, salt string) { b.keys.keep(0, rounds, salt, []byte("key")) }
