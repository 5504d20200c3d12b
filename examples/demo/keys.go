package main

import (
	"errors"
	"net/http"

	"github.com/hardtack-go/hardtack/keyring"
)

// keyFault hears of a key file that can't be used, in which case the last good ring
// stays, and of one that was made.
func (a *app) keyFault(err error) {
	if made := new(keyring.Created); errors.As(err, &made) {
		a.log.Info("key file made", "kid", made.KeyID)
		return
	}
	a.log.Error("key file", "error", err)
}

// rotate puts a new key at the front of the ring, in the file, for every process that
// reads it. Sessions under older keys go on, and move to the new one when their
// cookie is next written.
//
// A fleet first adds the key with an activation time, so that every instance can
// open with it before one seals with it (docs/ROTATION.md). Processes that share a
// file can do without: an unknown key id makes each of them read the file again at
// once.
func (a *app) rotate(w http.ResponseWriter, r *http.Request) {
	if err := a.keys.Change(r.Context(), rotated); err != nil {
		a.log.Error("rotate", "error", err)
		a.errorPage(w, r, http.StatusInternalServerError)
		return
	}
	a.notice(r, "There is a new key on the ring. Nobody was logged out.")
	http.Redirect(w, r, "/session", http.StatusSeeOther)
}

// rotated adds a new primary. It drops the oldest key of a full ring, which ends the
// sessions that haven't been seen for fifteen rotations.
func rotated(ring *keyring.Keyring) (*keyring.Keyring, error) {
	next, err := ring.Rotate()
	if !errors.Is(err, keyring.ErrFull) {
		return next, err
	}
	keys := ring.Keys()
	oldest := keys[0]
	for _, k := range keys[1:] {
		if k.ID() != ring.Primary().ID() && (oldest.ID() == ring.Primary().ID() || k.Compare(oldest) < 0) {
			oldest = k
		}
	}
	return ring.Replace(oldest.ID())
}
