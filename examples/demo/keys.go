package main

import (
	"errors"
	"net/http"
	"time"

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

// rotate puts a new key on the ring, for every process. Sessions under older keys go
// on, and move to the new one when their cookie is next written.
//
// A fleet first adds the key with an activation time, so that every process can open
// with it before one seals with it (docs/ROTATION.md). Processes that share a file can
// do without: an unknown key id makes each of them read the file again at once.
func (a *app) rotate(w http.ResponseWriter, r *http.Request) {
	var wait time.Duration
	text := "There is a new key on the ring. Nobody was logged out."
	if a.joined != nil {
		wait = ahead
		text = "There is a new key on the ring. It seals in " + span(ahead) + ", when every process has it. Nobody is logged out."
	}
	err := a.keys.Change(r.Context(), func(ring *keyring.Keyring) (*keyring.Keyring, error) { return rotated(ring, wait) })
	if err != nil {
		a.log.Error("rotate", "error", err)
		a.errorPage(w, r, http.StatusInternalServerError)
		return
	}
	a.notice(r, text)
	http.Redirect(w, r, "/session", http.StatusSeeOther)
}

// rotated adds a key that is the primary after a time. It drops the oldest key of a full
// ring, which ends the sessions that haven't been seen for fifteen rotations.
func rotated(ring *keyring.Keyring, wait time.Duration) (*keyring.Keyring, error) {
	if next, err := withNew(ring, wait); !errors.Is(err, keyring.ErrFull) {
		return next, err
	}
	keys := ring.Keys()
	oldest := keys[0]
	for _, k := range keys[1:] {
		if k.ID() != ring.Primary().ID() && (oldest.ID() == ring.Primary().ID() || k.Compare(oldest) < 0) {
			oldest = k
		}
	}
	ring, err := ring.Retire(oldest.ID())
	if err != nil {
		return nil, err
	}
	return withNew(ring, wait)
}

func withNew(ring *keyring.Keyring, wait time.Duration) (*keyring.Keyring, error) {
	if wait == 0 {
		return ring.Rotate()
	}
	return ring.Add(keyring.NewKeyAt(time.Now().Add(wait)))
}
