package auth_test

import (
	"context"
	"errors"
	"sync"
	"testing"

	"github.com/hardtack-go/hardtack/auth"
	"github.com/hardtack-go/hardtack/ssestore"
)

// A logout does not wait for a store that hangs, and neither does who asks after it.
func TestGetUser_LogoutDoesNotWaitForTheStore(t *testing.T) {
	x, b := newSite(t, ring(t, 1)), browser{}
	x.login(b, "1")
	entered, release := make(chan struct{}), make(chan struct{})
	x.fail = func(context.Context, string) (*user, error) {
		close(entered)
		<-release
		return x.rows["1"], nil
	}
	x.visit(b, func(s *ssestore.Session) {
		var wg sync.WaitGroup
		wg.Go(func() { x.users.GetUser(bg, s) })
		<-entered
		if err := s.Logout(); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if u, err := x.users.GetUser(bg, s); u != nil || !errors.Is(err, auth.ErrNoUser) {
				t.Errorf("after the logout: %v, %v", u, err)
			}
		}
		close(release)
		wg.Wait()
		if u, err := x.users.GetUser(bg, s); u != nil || !errors.Is(err, auth.ErrNoUser) {
			t.Errorf("after the store has answered: %v, %v", u, err)
		}
	})
}
