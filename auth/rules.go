package auth

import (
	"context"

	"github.com/hardtack-go/hardtack/ssestore"
)

// A Rule decides whether a logged-in user may go on, by returning nil. It refuses
// with a [Forbidden], whose text the user sees, with [ErrNotStaff], or with any other
// error.
type Rule[U any] func(ctx context.Context, user U) error

// Authorize returns the user of the session if every rule lets them pass. It checks
// the login first and then the rules in the order given, and returns the first
// refusal as it is. With an error the user is the zero value. A nil rule refuses,
// because a rule that somebody forgot to fill in must not open a page.
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

// Staff is a [Rule] that returns [ErrNotStaff] unless [Config.Staff] says that the
// user is staff. If there is no such function, nobody is.
func (m *Manager[U]) Staff(_ context.Context, user U) error {
	if !m.ready() || m.cfg.Staff == nil || none(user) || !m.cfg.Staff(user) {
		return ErrNotStaff
	}
	return nil
}
