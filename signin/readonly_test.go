package signin_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/keyring"
	"github.com/hardtack-go/hardtack/middleware"
	"github.com/hardtack-go/hardtack/signin"
	"github.com/hardtack-go/hardtack/signin/internal/rig"
	"github.com/hardtack-go/hardtack/ssestore"
)

// theirs is the format of a system that goes on to write its sessions: a user's id.
type theirs struct{ cookie.Codec }

func (theirs) Open(_ *keyring.Keyring, value string) (cookie.Opened, error) {
	return cookie.Opened{Plaintext: []byte(value), Issued: time.Now().Add(-time.Hour)}, nil
}

// TestH17_SignIn: nobody can log in here over a session that another system writes, and
// the page doesn't promise that trying again would help.
func TestH17_SignIn(t *testing.T) {
	clock := func(c *middleware.Config) { c.Now = time.Now } // as theirs
	a := rig.New(t, rig.Options{Desk: quiet, Guard: clock, Store: func(c *ssestore.Config) {
		c.Legacy = []ssestore.Legacy{{
			Cookie:   cookie.Config{Name: "old"},
			Format:   func(string, string) (cookie.Codec, error) { return theirs{}, nil },
			Until:    time.Now().AddDate(1, 0, 0),
			Migrate:  func(s *ssestore.Session, id []byte) error { return s.Adopt(string(id)) },
			ReadOnly: true,
		}}
	}})
	u := a.Users.Add(rig.User{})
	h := a.Guard.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		err := a.Desk.Enter(w, r, signin.Entry[*rig.User]{User: u, How: "passkey", Remember: true})
		if !errors.Is(err, ssestore.ErrReadOnly) {
			t.Errorf("Enter: %v", err)
		}
		a.Desk.Fail(w, r, err)
	}))
	w, r := httptest.NewRecorder(), httptest.NewRequest("POST", "/", nil)
	r.Header.Set("Cookie", "old=somebody")
	if h.ServeHTTP(w, r); w.Code != http.StatusInternalServerError || len(w.Header()["Set-Cookie"]) > 0 {
		t.Errorf("%d, Set-Cookie %q", w.Code, w.Header()["Set-Cookie"])
	}
}
