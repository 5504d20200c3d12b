package auth

import (
	"context"

	"github.com/hardtack-go/hardtack/ssestore"
)

// A Rule decides whether a logged-in user may go on: nil lets them. A rule
// refuses with a [Forbidden], whose text the user sees, with [ErrNotStaff], or
// with any other error.
type Rule[U any] func(ctx context.Context, user U) error

// Authorize returns the user of the session if every rule lets them pass. The
// order is fixed: first the login, then the rules as they are given, and the
// first refusal is returned as it is. With an error the user is the zero value.
// A nil rule refuses: a rule that somebody forgot to fill in must not open a
// page.
func (m *Manager[U]) Authorize(ctx context.Context, s *ssestore.Session, rules ...Rule[U]) (U, error) {
	var zero U
	user, err := m.GetUser(ctx, s)
	if err != nil {
		return zero, err
	}
	for _, rule := range rules {
		if rule == nil {
			return zero, errNilRule
		}
		if err := rule(ctx, user); err != nil {
			return zero, err
		}
	}
	return user, nil
}

// Staff is the [Rule] that [Config.Staff] decides: [ErrNotStaff] for everybody
// else, and for everybody where there is no such function.
func (m *Manager[U]) Staff(_ context.Context, user U) error {
	if !m.ready() || m.cfg.Staff == nil || none(user) || !m.cfg.Staff(user) {
		return ErrNotStaff
	}
	return nil
}
