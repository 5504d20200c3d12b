package legacy_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/keyring"
	"github.com/hardtack-go/hardtack/ssestore"
	"github.com/hardtack-go/hardtack/ssestore/legacy"
)

// A Flask application with Flask-Login moves to Go. Its secret was rotated, so both are given.
func ExampleFlask() {
	old := legacy.Flask(cookie.Config{}, "the SECRET_KEY", "the SECRET_KEY before it")
	old.Until = time.Now().AddDate(0, 3, 0) // write a date
	old.Migrate = func(s *ssestore.Session, session []byte) error {
		var v struct {
			UserID string `json:"_user_id"`
		}
		if err := json.Unmarshal(session, &v); err != nil {
			return err
		}
		if v.UserID == "" {
			return errors.New("nobody is logged in")
		}
		return s.Adopt(v.UserID)
	}
	_, err := ssestore.New(ssestore.Config{Keys: keyring.Generate(), Legacy: []ssestore.Legacy{old}})
	fmt.Println(old.Cookie.Name, err)
	// Output: session <nil>
}

// A Django application goes on to write the session, and this one reads it for the routes
// that have moved already.
func ExampleDjango() {
	old := legacy.Django(cookie.Config{}, "the SECRET_KEY")
	old.Until = time.Now().AddDate(0, 3, 0) // write a date
	old.ReadOnly = true
	old.Migrate = func(s *ssestore.Session, session []byte) error {
		var v struct {
			UserID string `json:"_auth_user_id"`
		}
		if err := json.Unmarshal(session, &v); err != nil {
			return err
		}
		if v.UserID == "" {
			return errors.New("nobody is logged in")
		}
		return s.Adopt(v.UserID)
	}
	_, err := ssestore.New(ssestore.Config{Keys: keyring.Generate(), Legacy: []ssestore.Legacy{old}})
	fmt.Println(old.Cookie.Name, err)
	// Output: sessionid <nil>
}

// A Rails application without Devise keeps the user's id in the session itself.
func ExampleRails() {
	old := legacy.Rails(cookie.Config{Name: "_shop_session"}, "the secret_key_base")
	old.Issued = time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC) // the day of the switch-over
	old.Until = time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)
	old.Migrate = func(s *ssestore.Session, session []byte) error {
		var v struct {
			UserID json.Number `json:"user_id"`
		}
		if err := json.Unmarshal(session, &v); err != nil {
			return err
		}
		if v.UserID == "" {
			return errors.New("nobody is logged in")
		}
		return s.Adopt(v.UserID.String())
	}
	_, err := ssestore.New(ssestore.Config{Keys: keyring.Generate(), Legacy: []ssestore.Legacy{old}})
	fmt.Println(old.Cookie.Name, err)
	// Output: _shop_session <nil>
}
