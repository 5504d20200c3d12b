package rig_test

import (
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/hardtack-go/hardtack/signin"
	"github.com/hardtack-go/hardtack/signin/internal/rig"
)

// TestRig logs somebody in, waits, and logs them out, with the parts that the tests of
// the ways stand on.
func TestRig(t *testing.T) {
	a := rig.New(t, rig.Options{})
	ada := a.Users.Add(rig.User{Email: "ada@example.com"})
	a.Mux.HandleFunc("POST /enter", func(w http.ResponseWriter, r *http.Request) {
		a.Desk.Bind(w, r)
		if err := a.Desk.Enter(w, r, signin.Entry[*rig.User]{User: ada, How: "passkey"}); err != nil {
			a.Desk.Fail(w, r, err)
		}
	})
	b := a.Browser(t)
	if who := b.Who(); who != "nobody" {
		t.Fatal(who)
	}
	b.Post("/enter", nil)
	if who := b.Who(); who != "1 by passkey" {
		t.Fatal(who)
	}
	if b.Cookie("__Host-signin") == "" {
		t.Error("no binding cookie")
	}
	if a.Seals() == 0 {
		t.Error("no seal was counted")
	}
	a.Wait(13 * time.Hour)
	if who := b.Who(); who != "nobody" {
		t.Error("13 hours later: " + who)
	}
	b.Post("/enter", nil)
	if res := b.Post("/logout", nil); res.StatusCode != http.StatusSeeOther || res.Location() != "/" {
		t.Errorf("logout: %d to %s", res.StatusCode, res.Location())
	}
	if who := b.Who(); who != "nobody" {
		t.Error("after the logout: " + who)
	}
}

func TestTable_CompareAndSet(t *testing.T) {
	users := new(rig.Table)
	ada := users.Add(rig.User{Email: "ada@example.com"})
	count := func(u *rig.User) error { u.Logins++; return nil }
	if _, err := users.Change(t.Context(), ada, count); err != nil {
		t.Fatal(err)
	}
	if _, err := users.Change(t.Context(), ada, count); !errors.Is(err, signin.ErrChanged) {
		t.Errorf("the second change of one reading: %v", err)
	}
	if n := users.Get("1").Logins; n != 1 {
		t.Errorf("counted %d", n)
	}
}
