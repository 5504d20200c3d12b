package auth_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/hardtack-go/hardtack/auth"
	"github.com/hardtack-go/hardtack/ssestore"
)

var errDown = errors.New("connection refused")

// storeFaults is the family of row G8: everything that is neither a user nor
// "there is no such user".
func storeFaults(t *testing.T) map[string]struct {
	ctx   context.Context
	fail  func(context.Context, string) (*user, error)
	cause error // reachable through the error; nil: none of its own
} {
	cancelled, cancel := context.WithCancel(bg)
	cancel()
	late, cancel := context.WithDeadline(bg, time.Unix(1, 0))
	t.Cleanup(cancel)
	good := &user{ID: "1", Hash: "hash of one"}
	return map[string]struct {
		ctx   context.Context
		fail  func(context.Context, string) (*user, error)
		cause error
	}{
		"error":            {bg, func(context.Context, string) (*user, error) { return nil, errDown }, errDown},
		"user and error":   {bg, func(context.Context, string) (*user, error) { return good, errDown }, errDown},
		"wrapped error":    {bg, func(context.Context, string) (*user, error) { return nil, fmt.Errorf("load: %w", errDown) }, errDown},
		"cancelled":        {cancelled, func(ctx context.Context, _ string) (*user, error) { return nil, ctx.Err() }, context.Canceled},
		"timeout":          {late, func(ctx context.Context, _ string) (*user, error) { return nil, ctx.Err() }, context.DeadlineExceeded},
		"another user":     {bg, func(context.Context, string) (*user, error) { return &user{ID: "2", Hash: "hash of one"}, nil }, nil},
		"user without id":  {bg, func(context.Context, string) (*user, error) { return &user{Hash: "hash of one"}, nil }, nil},
		"cut short, nil":   {cancelled, func(context.Context, string) (*user, error) { return nil, nil }, context.Canceled},
		"cut short, none":  {late, func(context.Context, string) (*user, error) { return nil, auth.ErrNoUser }, context.DeadlineExceeded},
		"cut short, badID": {cancelled, func(context.Context, string) (*user, error) { return nil, auth.ErrBadID }, context.Canceled},
	}
}

func TestG8_StoreFailure(t *testing.T) {
	for name, fault := range storeFaults(t) {
		t.Run(name, func(t *testing.T) {
			x, b := newSite(t, ring(t, 1)), browser{}
			x.login(b, "1")
			x.add(b, "biscuits")
			before := b.copy()
			// A renewal is due and a reseal possible: neither may happen.
			y := x.on(ring(t, 2, 1))
			y.now = t0.Add(20 * time.Minute)
			y.fail = fault.fail
			out := y.visit(b, func(s *ssestore.Session) {
				// Set before the failure and lost with it: the handler answers 503.
				if err := theme.Set(s, "dark"); err != nil {
					t.Fatal(err)
				}
				for range 2 {
					u, err := y.users.GetUser(fault.ctx, s)
					if u != nil || !errors.Is(err, auth.ErrUserStore) || errors.Is(err, auth.ErrNoUser) {
						t.Errorf("GetUser = %v, %v", u, err)
					}
					if fault.cause != nil && !errors.Is(err, fault.cause) {
						t.Errorf("the cause is not in %v", err)
					}
				}
				if err := cart.Set(s, "late"); err == nil {
					t.Error("a change that will not be written was accepted")
				}
			})
			silent(t, out)
			same(t, "cookies", b, before)
			same(t, "calls", y.calls.Load(), 1)
			same(t, "events", len(y.events), 0)
			y.fail = nil
			id, _ := y.whoami(b)
			same(t, "user afterwards", id, "1")
			same(t, "cart afterwards", y.cartOf(b), "biscuits")
		})
	}
}

// The panic comes out as it went in, a recovered request writes nothing, and
// the lock of the request is free again.
func TestG8_StorePanic(t *testing.T) {
	x, b := newSite(t, ring(t, 1)), browser{}
	x.login(b, "1")
	before := b.copy()
	x.now = t0.Add(20 * time.Minute) // a renewal is due
	x.fail = func(context.Context, string) (*user, error) { panic(errDown) }
	out := x.visit(b, func(s *ssestore.Session) {
		if err := cart.Set(s, "biscuits"); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			func() {
				defer func() {
					if v := recover(); v != errDown {
						t.Errorf("recovered %v", v)
					}
				}()
				x.users.GetUser(bg, s)
			}()
		}
	})
	silent(t, out)
	same(t, "cookies", b, before)
	x.fail = nil
	id, _ := x.whoami(b)
	same(t, "user afterwards", id, "1")
}

// After a failure a logout is still written, at any status, and nothing else.
func TestG8_LogoutWhileTheStoreIsDown(t *testing.T) {
	for name, fault := range storeFaults(t) {
		for _, before := range []bool{false, true} {
			t.Run(fmt.Sprint(name, ", GetUser before ", before), func(t *testing.T) {
				x, b := newSite(t, ring(t, 1)), browser{}
				x.login(b, "1")
				x.add(b, "biscuits")
				x.events = nil
				x.fail = fault.fail
				out := x.visitStatus(b, 503, func(s *ssestore.Session) {
					if before {
						x.users.GetUser(fault.ctx, s)
					}
					if err := x.users.Logout(fault.ctx, s); err != nil {
						t.Errorf("Logout: %v", err)
					}
					same(t, "user", x.who(s), "")
				})
				deleted(t, b, out)
				same(t, "events", x.events, []string{"logout nobody cart=biscuits"})
			})
		}
	}
}

// R6 in short: a store that fails in every way, for a while, for many sessions.
// Afterwards every session is as good as before.
func TestR6_NoSessionIsLostToAFailingStore(t *testing.T) {
	x := newSite(t, ring(t, 1))
	faults := storeFaults(t)
	var browsers []browser
	for i := range 20 {
		b := browser{}
		id := fmt.Sprint("user", i)
		x.rows[id] = &user{ID: id, Hash: "hash"}
		x.login(b, id)
		x.add(b, "cart of "+id)
		browsers = append(browsers, b)
	}
	good, sent := x.fail, 0
	for round := range 3 {
		for name, fault := range faults {
			x.now = t0.Add(time.Duration(round) * 9 * time.Minute)
			x.fail = fault.fail
			for _, b := range browsers {
				out := x.visitStatus(b, 503, func(s *ssestore.Session) {
					if u, err := x.users.GetUser(fault.ctx, s); u != nil || !errors.Is(err, auth.ErrUserStore) {
						t.Fatalf("%s: %v, %v", name, u, err)
					}
				})
				sent += len(out.SetCookie)
			}
		}
	}
	same(t, "Set-Cookie lines sent meanwhile", sent, 0)
	x.fail = good
	for i, b := range browsers {
		id, _ := x.whoami(b)
		same(t, "user", id, fmt.Sprint("user", i))
		same(t, "cart", x.cartOf(b), "cart of "+id)
	}
}

// The error says that the store failed and what it said; it does not say whom
// it was asked for.
func TestG8_ErrorText(t *testing.T) {
	x, b := newSite(t, ring(t, 1)), browser{}
	x.rows["canary-id"] = &user{ID: "canary-id", Hash: "canary-hash"}
	x.login(b, "canary-id")
	for name, fault := range storeFaults(t) {
		x.fail = fault.fail
		x.visit(b, func(s *ssestore.Session) {
			_, err := x.users.GetUser(fault.ctx, s)
			if err == nil || !strings.HasPrefix(err.Error(), auth.ErrUserStore.Error()) || strings.Contains(err.Error(), "canary") {
				t.Errorf("%s: %v", name, err)
			}
		})
	}
}
