package password

import (
	"context"
	"net/http"
	"sync/atomic"
)

// Occupy takes every slot, as so many running hashes would, until release.
func Occupy(h *Hasher) (release func()) {
	for range cap(h.slots) {
		h.slots <- struct{}{}
	}
	return func() {
		for range cap(h.slots) {
			<-h.slots
		}
	}
}

// Count counts the hashes that are computed one after another, until stop: it hands out
// each slot itself.
func Count(h *Hasher, n *atomic.Int64) (stop func()) {
	slots, done := make(chan struct{}), make(chan struct{})
	h.slots = slots
	go func() {
		for {
			select {
			case <-slots: // taken
				n.Add(1)
			case slots <- struct{}{}: // given back
			case <-done:
				return
			}
		}
	}()
	return func() { close(done) }
}

// Send sends a mail by its name.
func Send[U any](h http.Handler, ctx context.Context, to, name, path string) error {
	return h.(*handler[U]).send(ctx, to, name, path)
}

// Letters returns the names of the mails.
func Letters() (names []string) {
	for name := range letters {
		names = append(names, name)
	}
	return names
}

// Titles returns the names of the pages, and their titles.
func Titles() map[string]string { return titles }

// Readable reports whether a stored hash is one that a password would be compared with.
func Readable(stored string) bool { return reader(stored) != nil }
