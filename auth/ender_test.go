package auth_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/hardtack-go/hardtack/auth"
	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/keyring"
	"github.com/hardtack-go/hardtack/marks"
	"github.com/hardtack-go/hardtack/ssestore"
)

// A fleet is some instances that share one set of marks. It is their Ender too, and
// fills in times as fleet.Fleet does.
type fleet struct {
	set  *marks.Set
	now  func() time.Time
	told []marks.Mark
	fail error
	seen func(context.Context)
}

func (f *fleet) End(ctx context.Context, m marks.Mark) error {
	if f.told = append(f.told, m); f.seen != nil {
		f.seen(ctx)
	}
	now := f.now()
	if m.Before == 0 && m.Kind != marks.Session {
		m.Before = now.Unix() + 1
	}
	if m.Until == 0 {
		m.Until = now.Add(30 * 24 * time.Hour).Unix()
	}
	f.set.Apply(now, m)
	if f.fail != nil {
		return f.fail
	}
	return ctx.Err()
}

// kinds says what was published, in one letter each.
func (f *fleet) kinds() string {
	var kinds strings.Builder
	for _, m := range f.told {
		kinds.WriteByte("?slua"[m.Kind])
	}
	f.told = nil
	return kinds.String()
}

// newFleet returns the first instance of a fleet.
func newFleet(t testing.TB, keys keyring.Source, p marks.Policy) (*site, *fleet) {
	t.Helper()
	x, f := newSite(t, keys), &fleet{set: marks.New(p)}
	f.now = func() time.Time { return x.now }
	x.join(f, keys)
	return x, f
}

func (x *site) join(f *fleet, keys keyring.Source) {
	x.t.Helper()
	var err error
	if x.store, err = ssestore.New(ssestore.Config{Keys: keys, Marks: f.set}); err != nil {
		x.t.Fatal(err)
	}
	x.users = x.manager(func(c *auth.Config[*user]) { c.Ender = f })
}

// more returns another instance of the fleet, with the same users.
func (x *site) more(f *fleet, keys keyring.Source) *site {
	y := newSite(x.t, keys)
	y.rows, y.now = x.rows, x.now
	y.join(f, keys)
	return y
}

// refused says that a browser's session is revoked on an instance.
func (x *site) refused(b browser) {
	x.t.Helper()
	id, out := x.whoami(b.copy())
	same(x.t, "user", id, "")
	same(x.t, "verdict", out.Refused, "revoked")
	same(x.t, "deleted", out.Deleted, true)
}

// lives says that a browser's session is good on an instance.
func (x *site) lives(b browser, want string) {
	x.t.Helper()
	id, out := x.whoami(b.copy())
	same(x.t, "user", id, want)
	same(x.t, "verdict", out.Refused, "none")
}

// impersonate is a request in which whoever is logged in becomes somebody else.
func (x *site) impersonate(b browser, id string) {
	x.t.Helper()
	if _, err := x.do(b, func(ctx context.Context, s *ssestore.Session) error {
		return x.users.Impersonate(ctx, s, x.rows[id])
	}); err != nil {
		x.t.Fatalf("Impersonate: %v", err)
	}
}

func (x *site) do(b browser, f func(context.Context, *ssestore.Session) error) (out ssestore.Outcome, err error) {
	x.t.Helper()
	out = x.visit(b, func(s *ssestore.Session) { err = f(bg, s) })
	return out, err
}

// TestN20_LogoutEndsCopies: of three sessions of a user one logs out. Its copies are
// refused on every instance, and the two others live.
func TestN20_LogoutEndsCopies(t *testing.T) {
	keys := ring(t, 1)
	x, f := newFleet(t, keys, marks.Policy{})
	instances := []*site{x, x.more(f, keys), x.more(f, keys)}
	laptop, phone, other := browser{}, browser{}, browser{}
	x.login(laptop, "1")
	instances[1].login(phone, "1")
	instances[2].login(other, "2")
	copied := laptop.copy()
	out := instances[1].logout(laptop, 200)
	deleted(t, laptop, out)
	same(t, "unpublished", out.Unpublished, nil)
	same(t, "told", f.kinds(), "s")
	for _, y := range instances {
		y.refused(copied)
		y.lives(phone, "1")
		y.lives(other, "2")
	}

	// Who logs out without being logged in costs nobody memory.
	anonymous := browser{}
	x.add(anonymous, "biscuits")
	deleted(t, anonymous, x.logout(anonymous, 200))
	x.logout(browser{}, 200)
	same(t, "told", f.kinds(), "")
}

// TestN21_ReplacedSessionsEnd: a login over another session, and both steps of an
// impersonation, end what they replace, wherever it was copied to.
func TestN21_ReplacedSessionsEnd(t *testing.T) {
	x, f := newFleet(t, ring(t, 1), marks.Policy{})
	b := browser{}
	x.add(b, "biscuits")
	x.login(b, "1") // over an anonymous session: nothing to end
	same(t, "told", f.kinds(), "")
	first := b.copy()
	x.login(b, "2")
	same(t, "told", f.kinds(), "s")
	x.refused(first)
	admin := b.copy()
	x.impersonate(b, "1")
	same(t, "told", f.kinds(), "s")
	x.refused(admin)
	acting := b.copy()
	if _, err := x.do(b, x.users.EndImpersonation); err != nil {
		t.Fatal(err)
	}
	same(t, "told", f.kinds(), "s")
	x.refused(acting)
	x.lives(b, "2")
	last := b.copy()

	// Two sessions at once are ambiguous. A login ends both, and twice is as good as once.
	double := []string{sessionName + "=" + last[sessionName] + "; " + sessionName + "=" + func() string {
		o := browser{}
		x.login(o, "1")
		return o[sessionName]
	}()}
	f.kinds()
	s := x.store.Load(double, x.now)
	for range 2 {
		if err := x.users.Login(bg, s, x.rows["2"]); err != nil {
			t.Fatal(err)
		}
	}
	same(t, "told", f.kinds(), "ssss")
	x.refused(last)
}

// TestN21_NotSaved: a handler fails after a login over the same user's session, or after
// LogoutOthers. Nobody can take the mark back, and the new session isn't saved.
func TestN21_NotSaved(t *testing.T) {
	x, _ := newFleet(t, ring(t, 1), marks.Policy{})
	for name, do := range map[string]func(s *ssestore.Session) error{
		"Login":        func(s *ssestore.Session) error { return x.users.Login(bg, s, x.rows["1"]) },
		"LogoutOthers": func(s *ssestore.Session) error { return x.users.LogoutOthers(bg, s) },
	} {
		b := browser{}
		x.login(b, "1")
		x.now = x.now.Add(2 * time.Second)
		s := x.store.Load(b.lines(), x.now)
		if err := do(s); err != nil {
			t.Fatal(name, err)
		}
		out, err := s.Commit(500)
		if err != nil || len(out.SetCookie) != 0 {
			t.Errorf("%s: %v, %d cookies", name, err, len(out.SetCookie))
		}
		x.refused(b)
	}
}

func TestN22_LogoutEverywhere(t *testing.T) {
	keys := ring(t, 1)
	x, f := newFleet(t, keys, marks.Policy{})
	y := x.more(f, keys)
	laptop, phone, acting, other := browser{}, browser{}, browser{}, browser{}
	x.login(laptop, "1")
	y.login(phone, "1")
	x.login(other, "2")
	x.login(acting, "2")
	x.impersonate(acting, "1")
	f.kinds()
	copied := laptop.copy()
	out, err := y.do(laptop, y.users.LogoutEverywhere)
	if err != nil {
		t.Fatal(err)
	}
	deleted(t, laptop, out)
	same(t, "told", f.kinds(), "us")
	for _, b := range []browser{copied, phone, acting} {
		x.refused(b)
		y.refused(b)
	}
	x.lives(other, "2")
	// In the same second a login works.
	x.login(laptop, "1")
	y.lives(laptop, "1")

	// Who isn't logged in can end nobody's sessions, and is told.
	x.rows["1"].Hash = "changed" // so is this copy's owner
	x.now, y.now = x.now.Add(2*time.Minute), y.now.Add(2*time.Minute)
	f.kinds()
	for _, b := range []browser{laptop.copy(), {}} {
		if _, err := x.do(b, x.users.LogoutEverywhere); !errors.Is(err, auth.ErrNotLoggedIn) {
			t.Errorf("without a user: %v", err)
		}
		same(t, "cookies", len(b[sessionName]), 0)
	}
	x.fail = func(context.Context, string) (*user, error) { return nil, errDown }
	out, err = x.do(other, x.users.LogoutEverywhere)
	if !errors.Is(err, auth.ErrUserStore) {
		t.Errorf("the store is down: %v", err)
	}
	deleted(t, other, out)
	if kinds := f.kinds(); strings.Contains(kinds, "u") {
		t.Errorf("marks of users nobody has verified: %s", kinds)
	}
}

func TestN23_LogoutOthers(t *testing.T) {
	keys := ring(t, 1)
	x, f := newFleet(t, keys, marks.Policy{})
	y := x.more(f, keys)
	laptop, phone := browser{}, browser{}
	x.login(laptop, "1")
	x.add(laptop, "biscuits")
	x.now, y.now = x.now.Add(10*time.Minute), y.now.Add(10*time.Minute)
	x.login(phone, "1")
	before, copied := claims(t, laptop), laptop.copy()
	// Three times in one second: each ends all that there is, and not itself.
	for range 3 {
		again := browser{}
		x.login(again, "1")
		if _, err := x.do(laptop, x.users.LogoutOthers); err != nil {
			t.Fatal(err)
		}
		same(t, "told", f.kinds(), "u")
		for _, b := range []browser{copied, phone, again} {
			y.refused(b)
		}
		y.lives(laptop, "1")
		copied = laptop.copy()
		copied[sessionName] = again[sessionName]
	}
	after := claims(t, laptop)
	for _, name := range []string{"auth_time", "exp", "rnw", "sub", "stk", "stp", "d"} {
		if name != "rnw" { // which was due
			same(t, name, after[name], before[name])
		}
	}
	if after["sid"] == before["sid"] || after["iat"].(float64) <= before["iat"].(float64) {
		t.Errorf("the session wasn't issued anew: %v", after)
	}
	// It isn't a login.
	y.visit(laptop, func(s *ssestore.Session) {
		same(t, "recent", y.users.RecentLogin(bg, s, 9*time.Minute), false)
		same(t, "recent", y.users.RecentLogin(bg, s, 10*time.Minute), true)
	})
	// The user may log in again elsewhere at once.
	x.login(phone, "1")
	y.lives(phone, "1")

	// After a login in the same request, Remember still chooses its lifetimes.
	x.visit(laptop, func(s *ssestore.Session) {
		if err := errors.Join(x.users.Login(bg, s, x.rows["1"]), x.users.LogoutOthers(bg, s), s.Remember(true)); err != nil {
			t.Fatal(err)
		}
	})
	x.refused(phone)
	y.lives(laptop, "1")
	c := claims(t, laptop)
	same(t, "life", c["exp"].(float64)-c["auth_time"].(float64), (30 * 24 * time.Hour).Seconds())

	// Nothing is ended if this session can't go on, or nobody is there.
	f.kinds()
	if _, err := x.do(browser{}, x.users.LogoutOthers); !errors.Is(err, auth.ErrNotLoggedIn) {
		t.Errorf("without a user: %v", err)
	}
	staff := browser{}
	x.login(staff, "2")
	x.impersonate(staff, "1")
	f.kinds()
	if _, err := x.do(staff, x.users.LogoutOthers); !errors.Is(err, auth.ErrImpersonation) {
		t.Errorf("while somebody is impersonated: %v", err)
	}
	same(t, "told", f.kinds(), "")
	s := x.store.Load(laptop.lines(), x.now)
	x.who(s)
	if _, err := s.Commit(200); err != nil {
		t.Fatal(err)
	}
	if err := x.users.LogoutOthers(bg, s); !errors.Is(err, ssestore.ErrCommitted) {
		t.Errorf("after Commit: %v", err)
	}
	if err := x.users.Logout(bg, s); !errors.Is(err, ssestore.ErrCommitted) {
		t.Errorf("Logout after Commit: %v", err)
	}
	same(t, "told", f.kinds(), "")

	// Nor by a request that was kept open until the session was ended.
	s = x.store.Load(laptop.lines(), x.now)
	same(t, "user", x.who(s), "1")
	if m, ok := s.Principal().Mark(); ok {
		f.set.Apply(x.now, m)
	}
	same(t, "too late", x.users.LogoutOthers(bg, s), auth.ErrNotLoggedIn)
	same(t, "too late to impersonate", x.users.Impersonate(bg, s, x.rows["2"]), auth.ErrNotLoggedIn)
	same(t, "told", f.kinds(), "")
}

func TestN24_Kick(t *testing.T) {
	keys := ring(t, 1)
	x, f := newFleet(t, keys, marks.Policy{})
	y := x.more(f, keys)
	one, acting, two := browser{}, browser{}, browser{}
	x.login(one, "1")
	x.login(two, "2")
	x.login(acting, "2")
	x.impersonate(acting, "1")
	// A kick ends sessions of this very second, and those in which the user is somebody
	// else. A login in the same second works.
	if err := y.users.Kick(bg, "2"); err != nil {
		t.Fatal(err)
	}
	for _, z := range []*site{x, y} {
		z.refused(two)
		z.refused(acting)
		z.lives(one, "1")
	}
	y.login(two, "2")
	x.lives(two, "2")
	x.now = x.now.Add(time.Second)
	x.lives(two, "2")

	if err := x.users.Kick(bg, strings.Repeat("a", 255)); err != nil {
		t.Errorf("the longest id: %v", err)
	}
	for name, c := range map[string]struct {
		err  error
		want error
	}{
		"no id":     {x.users.Kick(bg, ""), auth.ErrBadID},
		"long id":   {x.users.Kick(bg, strings.Repeat("a", 256)), auth.ErrBadID},
		"quotes":    {x.users.Kick(bg, strings.Repeat(`"`, 128)), auth.ErrBadID},
		"line":      {x.users.Kick(bg, "2\n"), auth.ErrBadID},
		"not UTF-8": {x.users.Kick(bg, "2\xff"), auth.ErrBadID},
		"no config": {new(auth.Manager[*user]).Kick(bg, "1"), auth.ErrUserStore},
	} {
		if !errors.Is(c.err, c.want) {
			t.Errorf("%s: %v", name, c.err)
		}
	}
}

// TestN25_EnderIsMissing: what needs one says so, and ends nothing but this session.
func TestN25_EnderIsMissing(t *testing.T) {
	x, b := newSite(t, ring(t, 1)), browser{}
	x.login(b, "1")
	if err := x.users.Kick(bg, "1"); err == nil {
		t.Error("Kick")
	}
	if _, err := x.do(b, x.users.LogoutOthers); err == nil {
		t.Error("LogoutOthers")
	}
	x.lives(b, "1")
	out, err := x.do(b, x.users.LogoutEverywhere)
	if err == nil {
		t.Error("LogoutEverywhere")
	}
	deleted(t, b, out)
	for name, f := range map[string]func(context.Context, *ssestore.Session) error{"everywhere": x.users.LogoutEverywhere, "others": x.users.LogoutOthers} {
		if err := f(bg, nil); !errors.Is(err, auth.ErrNoSession) {
			t.Errorf("%s, without a session: %v", name, err)
		}
	}
	// A nil pointer is no Ender.
	_, err = auth.New(auth.Config[*user]{
		UserByID: x.fail, ID: func(u *user) string { return u.ID }, DangerouslySkipStamp: true, Ender: (*fleet)(nil),
	})
	if err == nil || !strings.Contains(err.Error(), "auth: Ender") {
		t.Errorf("New: %v", err)
	}
}

// TestN26_EnderFails: a logout and a login work, and the Outcome says that others may not
// know. What was meant to end other sessions returns the error.
func TestN26_EnderFails(t *testing.T) {
	x, f := newFleet(t, ring(t, 1), marks.Policy{})
	b := browser{}
	x.login(b, "1")
	f.fail = errDown
	told := func(name string, out ssestore.Outcome, err error) {
		t.Helper()
		if !errors.Is(out.Unpublished, errDown) {
			t.Errorf("%s: unpublished: %v", name, out.Unpublished)
		}
		if err != nil && !errors.Is(err, errDown) {
			t.Errorf("%s: %v", name, err)
		}
	}
	told("login", x.login(b, "2"), nil)
	told("logout", x.logout(b, 200), nil)
	x.login(b, "1")
	out, err := x.do(b, x.users.LogoutOthers)
	told("others", out, err)
	same(t, "others: an error", err != nil, true)
	x.lives(b, "1")
	out, err = x.do(b, x.users.LogoutEverywhere)
	told("everywhere", out, err)
	same(t, "everywhere: an error", err != nil, true)
	deleted(t, b, out)
	if err := x.users.Kick(bg, "1"); !errors.Is(err, errDown) {
		t.Errorf("kick: %v", err)
	}
}

// TestN27_ClientGoesAway: who closes the window after a logout has logged out.
func TestN27_ClientGoesAway(t *testing.T) {
	type key struct{}
	for name, ctx := range map[string]func() context.Context{
		"cancelled": func() context.Context {
			ctx, cancel := context.WithCancel(context.WithValue(bg, key{}, "trace"))
			cancel()
			return ctx
		},
		"too late": func() context.Context {
			ctx, cancel := context.WithDeadline(context.WithValue(bg, key{}, "trace"), t0)
			t.Cleanup(cancel)
			return ctx
		},
		"no context": func() context.Context { return nil },
	} {
		x, f := newFleet(t, ring(t, 1), marks.Policy{})
		b := browser{}
		x.login(b, "1")
		copied := b.copy()
		gone := ctx()
		f.seen = func(ctx context.Context) {
			_, limited := ctx.Deadline()
			same(t, name+": ends", ctx.Err() != nil || ctx.Done() != nil || limited, false)
			if v := ctx.Value(key{}); gone != nil {
				same(t, name+": value", v, "trace")
			}
		}
		out := x.visit(b, func(s *ssestore.Session) {
			if err := x.users.Logout(gone, s); err != nil {
				t.Fatal(err)
			}
		})
		deleted(t, b, out)
		same(t, name+": unpublished", out.Unpublished, nil)
		same(t, name+": told", f.kinds(), "s")
		x.refused(copied)
	}
}

// TestN23_TakenOver: a session of another system that logs out the others becomes one of
// ours, with a stamp, and copies of the other system's cookie end.
func TestN23_TakenOver(t *testing.T) {
	x, b := migrating(t)
	copied := b.copy()
	f := &fleet{set: marks.New(marks.Policy{}), now: func() time.Time { return x.now }}
	var err error
	x.store, err = ssestore.New(ssestore.Config{Keys: ring(t, 1), Idle: 2 * time.Hour, Marks: f.set, Legacy: []ssestore.Legacy{{
		Cookie: cookie.Config{Name: "old"}, Until: t0.AddDate(0, 1, 0),
		Format:  func(string, string) (cookie.Codec, error) { return oldFormat{}, nil },
		Migrate: func(s *ssestore.Session, plaintext []byte) error { return s.Adopt(string(plaintext)) },
	}}})
	if err != nil {
		t.Fatal(err)
	}
	x.users = x.manager(func(c *auth.Config[*user]) { c.Ender = f })
	x.lives(copied, "1")
	out, err := x.do(b, x.users.LogoutOthers)
	if err != nil {
		t.Fatal(err)
	}
	same(t, "cookies", len(b), 2) // the session and its barrier
	same(t, "restamped", out.Restamped, true)
	same(t, "stk", claims(t, b)["stk"], kid(1))
	x.lives(b, "1")
	id, out := x.whoami(copied)
	same(t, "the copy", id+" "+out.Refused.String(), " revoked")
}
