package auth_test

import (
	"context"
	"errors"
	"testing"

	"github.com/hardtack-go/hardtack/auth"
	"github.com/hardtack-go/hardtack/ssestore"
)

func TestS5_2_Authorize(t *testing.T) {
	special := errors.New("only special users")
	rule := func(err error) auth.Rule[*user] {
		return func(context.Context, *user) error { return err }
	}
	x := newSite(t, ring(t, 1))
	for name, row := range map[string]struct {
		as    string // "" is anonymous
		rules []auth.Rule[*user]
		want  error
	}{
		"anonymous, login":           {"", nil, auth.ErrNoUser},
		"anonymous, staff":           {"", []auth.Rule[*user]{x.users.Staff}, auth.ErrNoUser},
		"anonymous, check":           {"", []auth.Rule[*user]{rule(nil)}, auth.ErrNoUser},
		"logged in":                  {"1", nil, nil},
		"logged in, staff":           {"1", []auth.Rule[*user]{x.users.Staff}, auth.ErrNotStaff},
		"staff, staff":               {"2", []auth.Rule[*user]{x.users.Staff}, nil},
		"logged in, check passes":    {"1", []auth.Rule[*user]{rule(nil), rule(nil)}, nil},
		"logged in, check refuses":   {"1", []auth.Rule[*user]{rule(nil), rule(special)}, special},
		"staff before check":         {"1", []auth.Rule[*user]{x.users.Staff, rule(special)}, auth.ErrNotStaff},
		"check before staff":         {"1", []auth.Rule[*user]{rule(special), x.users.Staff}, special},
		"logged in, public message":  {"1", []auth.Rule[*user]{rule(auth.Forbidden("You're not special!"))}, auth.Forbidden("You're not special!")},
		"logged in, empty message":   {"1", []auth.Rule[*user]{rule(auth.Forbidden(""))}, auth.Forbidden("")},
		"staff, a rule of the store": {"2", []auth.Rule[*user]{x.users.Staff, rule(errDown)}, errDown},
	} {
		b := browser{}
		if row.as != "" {
			x.login(b, row.as)
		}
		x.visit(b, func(s *ssestore.Session) {
			u, err := x.users.Authorize(bg, s, row.rules...)
			if err != row.want || (err == nil) != (u != nil) || u != nil && u.ID != row.as {
				t.Errorf("%s: %v, %v", name, u, err)
			}
		})
	}
}

func TestS5_2_NilRuleRefuses(t *testing.T) {
	x, b := newSite(t, ring(t, 1)), browser{}
	x.login(b, "2")
	x.visit(b, func(s *ssestore.Session) {
		if u, err := x.users.Authorize(bg, s, x.users.Staff, nil); err == nil || u != nil {
			t.Errorf("%v, %v", u, err)
		}
	})
}

func TestS5_2_RuleSeesUserAndContext(t *testing.T) {
	type key struct{}
	x, b := newSite(t, ring(t, 1)), browser{}
	x.login(b, "1")
	x.visit(b, func(s *ssestore.Session) {
		ctx := context.WithValue(bg, key{}, "value")
		var got []any
		_, err := x.users.Authorize(ctx, s, func(ctx context.Context, u *user) error {
			got = []any{ctx.Value(key{}), u.ID}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		same(t, "seen", got, []any{"value", "1"})
	})
}

func TestS5_2_StaffFailsClosed(t *testing.T) {
	x := newSite(t, ring(t, 1))
	without := x.manager(func(c *auth.Config[*user]) { c.Staff = nil })
	staff := &user{ID: "2", Staff: true}
	for name, err := range map[string]error{
		"no function":  without.Staff(bg, staff),
		"nil user":     x.users.Staff(bg, nil),
		"zero manager": new(auth.Manager[*user]).Staff(bg, staff),
		"nil manager":  (*auth.Manager[*user])(nil).Staff(bg, staff),
		"not staff":    x.users.Staff(bg, &user{ID: "1"}),
	} {
		if !errors.Is(err, auth.ErrNotStaff) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := x.users.Staff(bg, staff); err != nil {
		t.Errorf("staff: %v", err)
	}
}

// errors.As finds the text for the user, also in a wrapped error.
func TestS5_3_ForbiddenText(t *testing.T) {
	var f auth.Forbidden
	if !errors.As(errors.Join(errors.New("audit"), auth.Forbidden("Members only.")), &f) || string(f) != "Members only." {
		t.Errorf("got %q", f)
	}
}
