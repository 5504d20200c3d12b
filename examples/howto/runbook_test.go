package howto

import (
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/hardtack-go/hardtack/auth"
	"github.com/hardtack-go/hardtack/keyring"
	"github.com/hardtack-go/hardtack/ssestore"
)

// dropOld takes a value out of sessions that still have it.
func dropOld(s *ssestore.Session) error {
	return ssestore.NewKey[json.RawMessage]("old-name").Delete(s)
}

func TestRunbookTooLarge(t *testing.T) {
	store, err := ssestore.New(ssestore.Config{Keys: keyring.Generate()})
	if err != nil {
		t.Fatal(err)
	}
	s := store.Load(nil, time.Now())
	if err := ssestore.NewKey[[]int]("old-name").Set(s, []int{1, 2}); err != nil {
		t.Fatal(err)
	}
	if err := dropOld(s); err != nil || len(s.Names()) != 0 {
		t.Errorf("%v, and the session has %v", err, s.Names())
	}
	if out, err := s.Commit(http.StatusOK); err != nil || len(out.SetCookie) != 0 {
		t.Errorf("%v, %v", out, err)
	}
}

// notFound tells the library that there is no such user, and that the store works.
func notFound(err error) error {
	if errors.Is(err, sql.ErrNoRows) {
		return auth.ErrNoUser
	}
	return err
}

func TestRunbookNoRows(t *testing.T) {
	if err := notFound(fmt.Errorf("user 7: %w", sql.ErrNoRows)); err != auth.ErrNoUser {
		t.Error(err)
	}
	if err := notFound(sql.ErrConnDone); err != sql.ErrConnDone {
		t.Error(err)
	}
}
