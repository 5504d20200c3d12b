package legacy

import (
	"sync"
)

// maxCached is how many keys are kept: those of visitors who come within minutes of each
// other. Each takes about 200 bytes.
const maxCached = 1024

// A cache keeps the keys of values that opened, so that a visitor pays for them once. What
// doesn't open is never kept, or forged values would push out the others. It is safe for
// concurrent use.
type cache struct {
	mu   sync.Mutex
	keys map[derived][]byte
	ring [maxCached]derived // in the order in which they came
	next int
}

// derived says what a key was derived from.
type derived struct {
	secret, rounds int
	salt           string
}

// derive returns the key for a salt, and whether it was kept.
func (c *cache) derive(secret, rounds int, text, salt string) (key []byte, hit bool) {
	c.mu.Lock()
	key, hit = c.keys[derived{secret, rounds, salt}]
	c.mu.Unlock()
	if hit {
		return key, true
	}
	return stretch(text, salt, rounds), false
}

// keep keeps a key in place of the oldest one.
func (c *cache) keep(secret, rounds int, salt string, key []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	d := derived{secret, rounds, string([]byte(salt))} // not the whole header
	if _, ok := c.keys[d]; ok {                        // another request was as fast
		return
	}
	if len(c.keys) >= maxCached {
		delete(c.keys, c.ring[c.next])
	}
	c.keys[d], c.ring[c.next] = key, d
	c.next = (c.next + 1) % maxCached
}
