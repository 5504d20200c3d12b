package auth_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/hardtack-go/hardtack/auth"
	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/keyring"
	"github.com/hardtack-go/hardtack/ssestore"
)

// recheck is the id that Recheck gives, or what its error is.
func (x *site) recheck(s *ssestore.Session, after time.Duration) string {
	x.t.Helper()
	u, err := x.users.Recheck(context.Background(), s, t0.Add(after))
	switch {
	case err == nil:
		return u.ID
	case u != nil:
		x.t.Errorf("a user with the error %v", err)
	case errors.Is(err, auth.ErrUserStore):
		return "store down"
	case errors.Is(err, auth.ErrNoUser):
		return ""
	}
	return err.Error()
}

// TestF109_Recheck: the session that a connection holds is judged again, by the
// store and the clock of now, whatever GetUser said when it began.
func TestF109_Recheck(t *testing.T) {
	var keys keyring.Holder
	held := func(t *testing.T) (*site, *ssestore.Session) {
		keys.Set(ring(t, 1))
		x := newSite(t, &keys)
		b := browser{}
		x.login(b, "1")
		s := x.store.Load(b.lines(), t0)
		if x.who(s) != "1" {
			t.Fatal("not logged in")
		}
		if _, err := s.Commit(101); err != nil {
			t.Fatal(err)
		}
		return x, s
	}
	for _, tt := range []struct {
		name   string
		change func(x *site)
		after  time.Duration
		want   string
	}{
		{"nothing changed", func(*site) {}, time.Minute, "1"},
		{"at the idle timeout", func(*site) {}, 30 * time.Minute, "1"},
		{"idle for longer", func(*site) {}, 30*time.Minute + time.Second, ""},
		{"after the absolute end", func(*site) {}, 12 * time.Hour, ""},
		{"new password", func(x *site) { x.rows["1"].Hash = "new" }, 2 * time.Minute, ""},
		{"user deleted", func(x *site) { delete(x.rows, "1") }, time.Minute, ""},
		{"store down", func(x *site) {
			x.fail = func(context.Context, string) (*user, error) { return nil, errors.New("down") }
		}, time.Minute, "store down"},
		{"key rotated", func(x *site) { keys.Set(ring(x.t, 2, 1)) }, time.Minute, "1"},
		{"key retired", func(x *site) { keys.Set(ring(x.t, 2)) }, time.Minute, ""},
		{"a clock that went back", func(*site) {}, -2 * time.Minute, ""},
		{"no clock", func(*site) {}, time.Duration(-t0.UnixNano()), ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			x, s := held(t)
			tt.change(x)
			if got := x.recheck(s, tt.after); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
			// The request's own answer stays, and the connection may ask again.
			if got := x.who(s); got != "1" {
				t.Errorf("GetUser: %q", got)
			}
		})
	}
	t.Run("then all is well again", func(t *testing.T) {
		x, s := held(t)
		x.fail = func(context.Context, string) (*user, error) { return nil, errors.New("down") }
		x.recheck(s, time.Minute)
		x.fail = nil
		if got := x.recheck(s, time.Minute); got != "1" {
			t.Errorf("got %q", got)
		}
	})
	t.Run("key retired, and nobody logged in", func(t *testing.T) {
		keys.Set(ring(t, 1))
		x := newSite(t, &keys)
		b := browser{}
		x.visit(b, func(s *ssestore.Session) {
			if err := cart.Set(s, "rope"); err != nil {
				t.Fatal(err)
			}
		})
		s := x.store.Load(b.lines(), t0)
		keys.Set(ring(t, 2, 1))
		if got := cart.Get(s.Principal().Again(t0)); got != "rope" {
			t.Errorf("rotated: %q", got)
		}
		keys.Set(ring(t, 2))
		again := s.Principal().Again(t0)
		if got, why := cart.Get(again), again.Principal().Refused(); got != "" || why != cookie.ReasonUnknownKey {
			t.Errorf("retired: %q, %v", got, why)
		}
	})
	t.Run("what the request itself did", func(t *testing.T) {
		x, _ := held(t)
		s := x.store.Load(nil, t0)
		if got := x.recheck(s, 0); got != "" {
			t.Errorf("nobody: %q", got)
		}
		if err := x.users.Login(context.Background(), s, x.rows["2"]); err != nil {
			t.Fatal(err)
		}
		if err := cart.Set(s, "rope"); err != nil {
			t.Fatal(err)
		}
		if got := x.recheck(s, time.Minute); got != "2" {
			t.Errorf("after a login: %q", got)
		}
		again := s.Principal().Again(t0.Add(time.Minute))
		if got := cart.Get(again); got != "rope" {
			t.Errorf("data: %q", got)
		}
		if err := cart.Set(again, "no"); !errors.Is(err, ssestore.ErrCommitted) {
			t.Errorf("Set: %v", err)
		}
		if err := x.users.Logout(context.Background(), s); err != nil {
			t.Fatal(err)
		}
		if got := x.recheck(s, time.Minute); got != "" {
			t.Errorf("after a logout: %q", got)
		}
		if got := x.recheck(nil, 0); got != auth.ErrNoSession.Error() {
			t.Errorf("no session: %q", got)
		}
	})
}
