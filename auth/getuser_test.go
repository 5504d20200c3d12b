package auth_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/hardtack-go/hardtack/auth"
	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/ssestore"
)

func TestG1_NoID(t *testing.T) {
	x, b := newSite(t, ring(t, 1)), browser{}
	x.add(b, "biscuits")
	id, out := x.whoami(b)
	same(t, "user", id, "")
	same(t, "Vary, Private", []any{out.Vary, out.Private}, []any{true, false})
	silent(t, out)
	same(t, "calls of the store", x.calls.Load(), 0)
	same(t, "events", len(x.events), 0)
	// The same without any cookie.
	id, out = x.whoami(browser{})
	same(t, "user", id, "")
	silent(t, out)
}

func TestG2_UserNotFound(t *testing.T) {
	for name, fail := range map[string]func(context.Context, string) (*user, error){
		"ErrNoUser":         func(context.Context, string) (*user, error) { return nil, auth.ErrNoUser },
		"ErrNoUser wrapped": func(context.Context, string) (*user, error) { return nil, errors.Join(auth.ErrNoUser) },
		"nil, nil":          func(context.Context, string) (*user, error) { return nil, nil },
		"a user with ErrNoUser": func(context.Context, string) (*user, error) {
			return &user{ID: "1", Hash: "hash of one"}, auth.ErrNoUser
		},
	} {
		t.Run(name, func(t *testing.T) {
			x, b := newSite(t, ring(t, 1)), browser{}
			x.login(b, "1")
			x.add(b, "biscuits")
			x.fail = fail
			out := x.visit(b, func(s *ssestore.Session) {
				same(t, "user", x.who(s), "")
				same(t, "cart", cart.Get(s), "biscuits")
			})
			silent(t, out)
			same(t, "refused", out.Refused, cookie.ReasonNone)
			// The account comes back.
			x.fail = nil
			id, _ := x.whoami(b)
			same(t, "user", id, "1")
		})
	}
}

// A session whose user is not found is not refused for its stamp either: the
// user is looked up first.
func TestG2_UserNotFoundWithoutStamp(t *testing.T) {
	x, b := newSite(t, ring(t, 1), skipStamp), browser{}
	x.login(b, "1")
	x.users = x.manager()
	delete(x.rows, "1")
	id, out := x.whoami(b)
	same(t, "user", id, "")
	silent(t, out)
}

func TestG3_StampingOff(t *testing.T) {
	x, b := newSite(t, ring(t, 1), skipStamp), browser{}
	x.login(b, "1")
	same(t, "stp", claims(t, b)["stp"], nil)
	x.rows["1"].Hash = "new hash"
	id, out := x.whoami(b)
	same(t, "user", id, "1")
	same(t, "Private", out.Private, true)
	silent(t, out)
}

// Turning stamping on later logs out sessions without a stamp.
func TestG4_StampMissing(t *testing.T) {
	x, b := newSite(t, ring(t, 1), skipStamp), browser{}
	x.login(b, "1")
	x.add(b, "biscuits")
	x.users = x.manager()
	x.events = nil
	out := x.visit(b, func(s *ssestore.Session) {
		same(t, "user", x.who(s), "")
		same(t, "again", x.who(s), "")
		same(t, "cart", cart.Get(s), "")
	})
	deleted(t, b, out)
	same(t, "refused", out.Refused, cookie.ReasonStampMissing)
	same(t, "events", x.events, []string{"refused 1 stamp-missing"})
	same(t, "calls of the store", x.calls.Load(), 1)
}

func TestG5_StampEqual(t *testing.T) {
	x, b := newSite(t, ring(t, 1)), browser{}
	x.login(b, "1")
	before := b[sessionName]
	out := x.visit(b, func(s *ssestore.Session) {
		u, err := x.users.GetUser(bg, s)
		if err != nil || *u != *x.rows["1"] {
			t.Errorf("GetUser = %+v, %v", u, err)
		}
	})
	silent(t, out)
	same(t, "cookie", b[sessionName], before)
	same(t, "Vary, Private", []any{out.Vary, out.Private}, []any{true, true})
}

func TestG5n_StampOfNewerKey(t *testing.T) {
	x, b := newSite(t, ring(t, 2, 1)), browser{}
	x.login(b, "1")
	before := b[sessionName]
	y := x.on(ring(t, 1, 2)) // not promoted here yet
	id, out := y.whoami(b)
	same(t, "user", id, "1")
	silent(t, out)
	same(t, "cookie", b[sessionName], before)
	// Not even with a renewal that is due.
	y.now = t0.Add(10 * time.Minute)
	id, out = y.whoami(b)
	same(t, "user", id, "1")
	silent(t, out)
}

// Nor does the stamp go back with what the handler writes.
func TestG5n_StampOfNewerKeyAndAChange(t *testing.T) {
	x, b := newSite(t, ring(t, 2, 1)), browser{}
	x.login(b, "1")
	before := claims(t, b)["stp"]
	y := x.on(ring(t, 1, 2))
	y.visit(b, func(s *ssestore.Session) {
		same(t, "user", y.who(s), "1")
		if err := cart.Set(s, "biscuits"); err != nil {
			t.Fatal(err)
		}
	})
	c := claims(t, b)
	same(t, "seal, stamp and its key", []any{c["kid"], c["stp"], c["stk"]}, []any{kid(1), before, kid(2)})
}

func TestG6_StampOfOlderKey(t *testing.T) {
	for name, keys := range map[string][]int{"first fallback": {2, 1}, "second fallback": {3, 2, 1}} {
		t.Run(name, func(t *testing.T) {
			x, b := newSite(t, ring(t, 1)), browser{}
			x.login(b, "1")
			x.add(b, "biscuits")
			before := claims(t, b)
			y := x.on(ring(t, keys...))
			y.now = t0.Add(time.Minute)
			// Where nothing unsolicited may be written the user is still there.
			id := ""
			out := y.visit(b, func(s *ssestore.Session) {
				s.Limit(ssestore.WritesNone)
				id = y.who(s)
			})
			same(t, "user", id, "1")
			silent(t, out)
			// On a navigation seal and stamp move.
			id, out = y.whoami(b)
			same(t, "user", id, "1")
			same(t, "Resealed, Restamped", []any{out.Resealed, out.Restamped}, []any{true, true})
			after := claims(t, b)
			same(t, "seal and stamp", []any{after["kid"], after["stk"]}, []any{kid(keys[0]), kid(keys[0])})
			if before["stp"] == after["stp"] {
				t.Error("the stamp is the same under another key")
			}
			for _, name := range []string{"sid", "iat", "auth_time", "exp", "sub", "d"} {
				same(t, name, after[name], before[name])
			}
			// The reissued cookie is whole.
			z := x.on(ring(t, keys[0]))
			id, out = z.whoami(b)
			same(t, "user with the primary alone", id, "1")
			same(t, "cart", z.cartOf(b), "biscuits")
			silent(t, out)
		})
	}
}

func TestG6u_StampOfUnknownKey(t *testing.T) {
	x, b := newSite(t, ring(t, 1)), browser{}
	x.login(b, "1")
	x.on(ring(t, 2, 1)).add(b, "biscuits") // seal of key 2, stamp of key 1
	before := b[sessionName]
	y := x.on(ring(t, 2))
	out := y.visit(b, func(s *ssestore.Session) {
		same(t, "user", y.who(s), "")
		same(t, "cart", cart.Get(s), "biscuits")
	})
	silent(t, out)
	same(t, "cookie", b[sessionName], before)
	same(t, "refused", out.Refused, cookie.ReasonStampUnknownKey)
	same(t, "private", out.Private, false)
	same(t, "events", y.events, []string{"refused 1 stamp-unknown-key"})
	id, _ := x.on(ring(t, 2, 1)).whoami(b)
	same(t, "user where the key is known", id, "1")
}

func TestG7_StampUnequal(t *testing.T) {
	for name, keys := range map[string][]int{"under the primary": {2}, "under a fallback": {3, 2}, "under a newer key": {1, 2}} {
		t.Run(name, func(t *testing.T) {
			x, b := newSite(t, ring(t, 2)), browser{}
			x.login(b, "1")
			x.add(b, "biscuits")
			x.rows["1"].Hash = "new hash"
			x.now = t0.Add(61 * time.Second)
			y := x.on(ring(t, keys...))
			kept := b.copy()
			out := y.visit(kept, func(s *ssestore.Session) {
				s.Limit(ssestore.WritesRenewOnly)
				same(t, "user of a fetch", y.who(s), "")
				same(t, "cart of a fetch", cart.Get(s), "")
			})
			silent(t, out)
			out = y.visit(b, func(s *ssestore.Session) {
				same(t, "user", y.who(s), "")
				same(t, "cart", cart.Get(s), "")
			})
			if keys[0] == 1 {
				silent(t, out) // an instance that is behind writes nothing unsolicited
			} else {
				deleted(t, b, out)
				same(t, "private", out.Private, true) // there is a Set-Cookie
			}
			same(t, "refused", out.Refused, cookie.ReasonStampMismatch)
			same(t, "events", y.events, []string{"refused 1 stamp-mismatch", "refused 1 stamp-mismatch"})
		})
	}
}

// Just after a login, a renewal or RefreshStamp, an unequal stamp may be the answer of
// a replica that lags. The user is nobody, and nothing is lost.
func TestF106_YoungStamp(t *testing.T) {
	for name, made := range map[string]func(x *site, b browser){
		"login": func(x *site, b browser) { x.login(b, "1") },
		"renewal": func(x *site, b browser) {
			x.now = t0.Add(-10 * time.Minute)
			x.login(b, "1")
			x.now = t0
			_, out := x.whoami(b)
			same(t, "renewed", out.Renewed, true)
		},
		"new stamp": func(x *site, b browser) {
			x.now = t0.Add(-4 * time.Minute)
			x.rows["1"].Hash = "older hash"
			x.login(b, "1")
			x.now = t0
			x.visit(b, func(s *ssestore.Session) {
				same(t, "user", x.who(s), "1")
				x.rows["1"].Hash = "hash of one"
				if err := x.users.RefreshStamp(bg, s, x.rows["1"]); err != nil {
					t.Error(err)
				}
			})
		},
	} {
		t.Run(name, func(t *testing.T) {
			x, b := newSite(t, ring(t, 1)), browser{}
			made(x, b)
			x.add(b, "biscuits")
			before := b.copy()
			x.events = nil
			lag := func(context.Context, string) (*user, error) { return &user{ID: "1", Hash: "hash that lags"}, nil }
			for _, after := range []time.Duration{0, 60 * time.Second} {
				x.now = t0.Add(after)
				x.fail = lag
				out := x.visit(b, func(s *ssestore.Session) {
					same(t, "user", x.who(s), "")
					same(t, "cart", cart.Get(s), "biscuits")
				})
				silent(t, out)
				same(t, "refused", out.Refused, cookie.ReasonStampMismatch)
				same(t, "cookie", b[sessionName], before[sessionName])
				// A change by the handler doesn't make the session younger.
				x.add(b, "rum")
				x.add(b, "biscuits")
				x.fail = nil
				id, _ := x.whoami(b)
				same(t, "user when the replica has caught up", id, "1")
				before = b.copy()
			}
			same(t, "events", x.events, []string{"refused 1 stamp-mismatch", "refused 1 stamp-mismatch"})
			x.now = t0.Add(61 * time.Second)
			x.fail = lag
			out := x.visit(b, func(s *ssestore.Session) {
				same(t, "user", x.who(s), "")
				same(t, "cart", cart.Get(s), "")
			})
			deleted(t, b, out)
		})
	}
}

// Nor is a session that may be renewed on every request, renewed by what is refused.
func TestF106_StaysOld(t *testing.T) {
	x, b := newSite(t, ring(t, 1)), browser{}
	var err error
	if x.store, err = ssestore.New(ssestore.Config{Keys: ring(t, 1), Idle: 5 * time.Minute}); err != nil {
		t.Fatal(err)
	}
	x.login(b, "1")
	x.rows["1"].Hash = "new hash"
	for _, after := range []time.Duration{55, 60} { // a renewal is due after 50 seconds
		x.now = t0.Add(after * time.Second)
		out := x.visit(b, func(s *ssestore.Session) {
			same(t, "user", x.who(s), "")
			if err := cart.Set(s, after.String()); err != nil {
				t.Error(err)
			}
		})
		same(t, "renewed", out.Renewed, false)
	}
	x.now = t0.Add(61 * time.Second)
	_, out := x.whoami(b)
	deleted(t, b, out)
}

func TestG9_UnparsableID(t *testing.T) {
	x, b := newSite(t, ring(t, 1)), browser{}
	x.login(b, "1")
	x.add(b, "biscuits")
	x.fail = func(_ context.Context, id string) (*user, error) { return nil, auth.ErrBadID }
	out := x.visit(b, func(s *ssestore.Session) {
		same(t, "user", x.who(s), "")
		same(t, "cart", cart.Get(s), "")
	})
	deleted(t, b, out)
	same(t, "refused", out.Refused, cookie.ReasonBadUserID)
	same(t, "last event", x.events[len(x.events)-1], "refused 1 bad-user-id")
}

// A context is for the store; this package does without.
func TestGetUser_NilContext(t *testing.T) {
	x, b := newSite(t, ring(t, 1)), browser{}
	x.login(b, "1")
	delete(x.rows, "1")
	var none context.Context
	x.visit(b, func(s *ssestore.Session) {
		if u, err := x.users.GetUser(none, s); u != nil || !errors.Is(err, auth.ErrNoUser) {
			t.Errorf("GetUser = %v, %v", u, err)
		}
	})
}

// Evaluated lazily, and at most once per request.
func TestG10_Once(t *testing.T) {
	x, b := newSite(t, ring(t, 1)), browser{}
	x.login(b, "1")
	x.visit(b, func(s *ssestore.Session) {})
	same(t, "calls without GetUser", x.calls.Load(), 0)
	x.visit(b, func(s *ssestore.Session) {
		first, _ := x.users.GetUser(bg, s)
		second, _ := x.users.GetUser(bg, s)
		if first != second || first == nil {
			t.Error("two calls gave two users")
		}
	})
	same(t, "calls", x.calls.Load(), 1)
	delete(x.rows, "1")
	x.visit(b, func(s *ssestore.Session) {
		same(t, "users", x.who(s)+x.who(s)+x.who(s), "")
	})
	same(t, "calls, no user", x.calls.Load(), 2)
	x.visit(b, func(s *ssestore.Session) {
		x.fail = func(context.Context, string) (*user, error) { return nil, errors.New("down") }
		_, first := x.users.GetUser(bg, s)
		x.fail = nil
		_, second := x.users.GetUser(bg, s)
		if first != second || !errors.Is(first, auth.ErrUserStore) {
			t.Errorf("errors %v and %v", first, second)
		}
	})
	same(t, "calls, store down", x.calls.Load(), 3)
}

func TestG10_ConcurrentCallsEvaluateOnce(t *testing.T) {
	x, b := newSite(t, ring(t, 1)), browser{}
	x.login(b, "1")
	entered, release := make(chan struct{}), make(chan struct{})
	x.fail = func(context.Context, string) (*user, error) {
		close(entered) // a second evaluation would panic here
		<-release
		return x.rows["1"], nil
	}
	x.visit(b, func(s *ssestore.Session) {
		var wg sync.WaitGroup
		users := make([]*user, 8)
		for i := range users {
			wg.Go(func() { users[i], _ = x.users.GetUser(bg, s) })
		}
		<-entered
		close(release)
		wg.Wait()
		for _, u := range users {
			if u != x.rows["1"] {
				t.Errorf("a concurrent call got %v", u)
			}
		}
	})
	same(t, "calls", x.calls.Load(), 1)
}

// After Login, Logout and Clear in the same request the new answer is there.
func TestG11_FollowsTheRequest(t *testing.T) {
	x, b := newSite(t, ring(t, 1)), browser{}
	x.visit(b, func(s *ssestore.Session) {
		same(t, "at first", x.who(s), "")
		for _, id := range []string{"1", "2"} {
			if err := x.users.Login(bg, s, x.rows[id]); err != nil {
				t.Fatal(err)
			}
			same(t, "after Login", x.who(s), id)
		}
		if err := x.users.Logout(bg, s); err != nil {
			t.Fatal(err)
		}
		same(t, "after Logout", x.who(s), "")
		if err := x.users.Login(bg, s, x.rows["1"]); err != nil {
			t.Fatal(err)
		}
		same(t, "after Login", x.who(s), "1")
		if err := s.Clear(); err != nil {
			t.Fatal(err)
		}
		same(t, "after Clear", x.who(s), "")
	})
	same(t, "calls of the store", x.calls.Load(), 0)
}

// A login that comes while a slow store answers about the user before is not
// undone by that answer.
func TestG11_SlowAnswerDoesNotUndoALogin(t *testing.T) {
	x, b := newSite(t, ring(t, 1)), browser{}
	x.login(b, "1")
	entered, release := make(chan struct{}), make(chan struct{})
	x.fail = func(_ context.Context, id string) (*user, error) {
		if id != "1" {
			return x.rows[id], nil
		}
		close(entered)
		<-release
		return &user{ID: "1", Hash: "changed"}, nil // G7
	}
	x.visit(b, func(s *ssestore.Session) {
		var wg sync.WaitGroup
		wg.Go(func() {
			u, err := x.users.GetUser(bg, s)
			if u != x.rows["2"] || err != nil {
				t.Errorf("the slow call: %v, %v", u, err)
			}
		})
		<-entered
		// Past the manager, as an application's own code would: it has no lock
		// to wait for.
		st, err := s.Principal().Stamp("2", x.rows["2"].Hash)
		if err == nil {
			err = s.Principal().Begin("2", st, nil)
		}
		if err != nil {
			t.Fatal(err)
		}
		close(release)
		wg.Wait()
	})
	x.fail = nil
	id, _ := x.whoami(b)
	same(t, "user", id, "2")
}

// named is a user type of interface kind.
type named interface{ Name() string }

type person struct{ name string }

func (p *person) Name() string { return p.name }

// A user is never a nil that looks like a user.
func TestG12_NeverATypedNil(t *testing.T) {
	x, b := newSite(t, ring(t, 1), skipStamp), browser{}
	x.login(b, "1")

	var answer named
	m, err := auth.New(auth.Config[named]{
		UserByID:             func(context.Context, string) (named, error) { return answer, nil },
		ID:                   func(n named) string { return n.Name() },
		DangerouslySkipStamp: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	for name, row := range map[string]struct {
		answer named
		want   error
	}{
		"nil interface":            {nil, auth.ErrNoUser},
		"nil pointer in interface": {(*person)(nil), auth.ErrNoUser},
		"user":                     {&person{"1"}, nil},
	} {
		answer = row.answer
		x.visit(b, func(s *ssestore.Session) {
			if u, err := m.GetUser(bg, s); !errors.Is(err, row.want) || (err == nil) != (u != nil) {
				t.Errorf("%s: GetUser = %v, %v", name, u, err)
			}
			if err := m.Login(bg, s, row.answer); !errors.Is(err, row.want) {
				t.Errorf("%s: Login: %v", name, err)
			}
		})
	}
}

// nilUser looks for a user of a type that can be nil, in a store that has none.
func nilUser[U any](t *testing.T, s *ssestore.Session) {
	t.Helper()
	var zero U
	m, err := auth.New(auth.Config[U]{
		UserByID: func(context.Context, string) (U, error) { return zero, nil },
		ID:       func(U) string { return "1" },
		Stamp:    func(U) string { return "" },
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := m.GetUser(bg, s); !errors.Is(err, auth.ErrNoUser) {
		t.Errorf("nil %T: %v", zero, err)
	}
}

// U may be any type: a struct, a string, a map.
func TestGetUser_OtherUserTypes(t *testing.T) {
	x := newSite(t, ring(t, 1))
	s := x.store.Load(nil, t0)
	structs, err := auth.New(auth.Config[user]{
		UserByID: func(context.Context, string) (user, error) { return user{ID: "1"}, nil },
		ID:       func(u user) string { return u.ID },
		Stamp:    func(u user) string { return u.Hash },
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := structs.Login(bg, s, user{ID: "1"}); err != nil {
		t.Fatal(err)
	}
	if u, err := structs.GetUser(bg, s); err != nil || u.ID != "1" {
		t.Errorf("struct: %v, %v", u, err)
	}
	nilUser[[]string](t, s)
	nilUser[func()](t, s)
	nilUser[chan int](t, s)
	maps, err := auth.New(auth.Config[map[string]string]{
		UserByID: func(context.Context, string) (map[string]string, error) { return nil, nil },
		ID:       func(u map[string]string) string { return u["id"] },
		Stamp:    func(u map[string]string) string { return u["hash"] },
	})
	if err != nil {
		t.Fatal(err)
	}
	if u, err := maps.GetUser(bg, s); !errors.Is(err, auth.ErrNoUser) || u != nil {
		t.Errorf("map: %v, %v", u, err)
	}
	// Two managers on one session do not share their answers.
	if u, err := structs.GetUser(bg, s); err != nil || u.ID != "1" {
		t.Errorf("struct again: %v, %v", u, err)
	}
}

func TestRecentLogin(t *testing.T) {
	x, b := newSite(t, ring(t, 1)), browser{}
	recent := func(maxAge time.Duration) (ok bool) {
		x.visit(b, func(s *ssestore.Session) { ok = x.users.RecentLogin(bg, s, maxAge) })
		return ok
	}
	same(t, "anonymous", recent(time.Hour), false)
	x.login(b, "1")
	same(t, "at once", recent(0), true)
	for range 2 { // renewals do not move it
		x.now = x.now.Add(5 * time.Minute)
		x.whoami(b)
	}
	same(t, "at the limit", recent(10*time.Minute), true)
	x.now = x.now.Add(999 * time.Millisecond)
	same(t, "within the second of the limit", recent(10*time.Minute), true)
	x.now = x.now.Add(time.Millisecond)
	same(t, "past the limit", recent(10*time.Minute), false)
	same(t, "negative", recent(-time.Second), false)
	x.login(b, "1")
	same(t, "after a new login", recent(time.Minute), true)
	x.now = x.now.Add(-30 * time.Second) // another instance's clock
	same(t, "within the leeway of clocks", recent(time.Minute), true)
	x.fail = func(context.Context, string) (*user, error) { return nil, errors.New("down") }
	same(t, "store down", recent(time.Minute), false)
	x.fail = nil
	x.rows["1"].Hash = "new hash"
	same(t, "stamp unequal", recent(time.Minute), false)
}

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
		if err := s.Principal().End(); err != nil {
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
