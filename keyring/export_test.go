package keyring

// NewKeyCreated is NewKey with a clock at the given Unix milliseconds: no test
// can turn the clock of the system to 1970.
func NewKeyCreated(ms int64) Key { return newKey(ms, 0) }

// CountSeals counts n seals at once: nobody can wait for 2^31.
func CountSeals(k Key, n uint64) { k.p.live.sealed.Add(n) }
