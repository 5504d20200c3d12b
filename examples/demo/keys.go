package main

import (
	"errors"
	"io/fs"
	"net/http"

	"github.com/hardtack-go/hardtack/keyring"
)

// openKeys opens the key file. If it is missing it is created with one new key;
// of two processes that do so at once, one wins and the other reads its file.
func openKeys(path string, onError func(error)) (*keyring.File, error) {
	if err := keyring.CreateFile(path, keyring.Generate()); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, err
	}
	return keyring.OpenFile(path, onError)
}

// rotate puts a new key at the front of the ring, in the file, for every process
// that reads it. Sessions under the older keys go on and move over by
// themselves.
//
// A real fleet first adds the key with an activation time, so that every
// instance can open with it before one seals with it (docs/ROTATION.md). Here
// an unknown key id makes an instance read the file again at once, which for a
// shared file is as good.
func (a *app) rotate(w http.ResponseWriter, r *http.Request) {
	if err := a.keys.Update(rotated); err != nil {
		a.log.Error("rotate", "error", err)
		a.errorPage(w, r, http.StatusInternalServerError)
		return
	}
	a.notice(r, "New key on the ring. Nobody was logged out.")
	http.Redirect(w, r, "/session", http.StatusSeeOther)
}

// rotated makes room for a new primary by dropping the oldest key of a full
// ring. Sessions that have not been seen since fifteen rotations end with it.
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
