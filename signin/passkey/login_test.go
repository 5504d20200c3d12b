package passkey_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hardtack-go/hardtack/auth"
	"github.com/hardtack-go/hardtack/keyring"
	"github.com/hardtack-go/hardtack/signin"
	"github.com/hardtack-go/hardtack/signin/internal/rig"
	"github.com/hardtack-go/hardtack/signin/passkey"
)

func TestA1_Login(t *testing.T) {
	x := newSite(t, rig.Options{})
	x.Users.Add(rig.User{Email: "ada@example.com"})
	d := x.added(t, "1")
	if p := x.stored("1")[0]; p.ID != d.ID() || p.Name != "Passkey" || !p.Added.Equal(x.Now()) || !p.Used.IsZero() || p.Version != 1 {
		t.Errorf("added: %+v", p)
	}

	x.Wait(time.Hour)
	b := x.Browser(t)
	q := rig.Ask(t, b, "ask")
	var options struct {
		RPID             string `json:"rpId"`
		UserVerification string
		Timeout          int
		AllowCredentials []any
	}
	if err := json.Unmarshal(q.PublicKey, &options); err != nil {
		t.Fatal(err)
	}
	if options.RPID != "example.com" || options.UserVerification != "required" || options.Timeout != 300_000 || options.AllowCredentials != nil {
		t.Errorf("asked for %s", q.PublicKey)
	}
	nobody(t, b)
	for name, row := range map[string]struct{ use, more, next, maxAge string }{
		"plain":       {"asked", ``, "/", ""},
		"remember":    {"asked", `,"remember":true`, "/", "Max-Age="},
		"next":        {"asked?next=/members", ``, "/members", ""},
		"unsafe next": {"asked?next=https://evil.example/", ``, "/", ""},
	} {
		t.Run(name, func(t *testing.T) {
			b := x.Browser(t)
			q := rig.Ask(t, b, "ask")
			res := b.PostJSON("/passkey/"+row.use, body(q.Ticket, d.Assert(t, q), row.more))
			granted(t, res)
			if want := `{"next":"` + row.next + `"}`; res.Body != want {
				t.Errorf("%s, want %s", res.Body, want)
			}
			session := strings.Join(res.Header["Set-Cookie"], "\n")
			if strings.Contains(session, "Max-Age=") != (row.maxAge != "") {
				t.Errorf("Set-Cookie: %s", session)
			}
			if who := b.Who(); who != "1 by passkey" {
				t.Error(who)
			}
		})
	}
	if p := x.stored("1")[0]; !p.Used.Equal(x.Now()) || p.Version != 5 {
		t.Errorf("used: %+v", p)
	}
}

// Five minutes: the ticket's life.
func TestA3_ChallengeExpires(t *testing.T) {
	x := newSite(t, rig.Options{})
	x.Users.Add(rig.User{Email: "ada@example.com"})
	d := x.added(t, "1")
	for _, row := range []struct {
		wait time.Duration
		good bool
	}{{4*time.Minute + 59*time.Second, true}, {5 * time.Minute, false}} {
		b := x.Browser(t)
		q := rig.Ask(t, b, "ask")
		answer := body(q.Ticket, d.Assert(t, q))
		x.Wait(row.wait)
		if res := b.PostJSON("/passkey/asked", answer); row.good {
			granted(t, res)
			granted(t, b.PostJSON("/passkey/asked", answer)) // the documented limit: again, by who has both
		} else {
			refused(t, res, 400, "ticket")
			nobody(t, b)
		}

		b = x.enter(t, "1")
		q = rig.Ask(t, b, "add")
		answer = body(q.Ticket, newDevice().Attest(t, q))
		x.Wait(row.wait)
		if res := b.PostJSON("/passkey/added", answer); row.good {
			granted(t, res)
		} else {
			refused(t, res, 400, "ticket")
		}
	}
	if n := len(x.stored("1")); n != 2 {
		t.Errorf("%d passkeys", n)
	}
}

func TestA4_OtherBrowser(t *testing.T) {
	x := newSite(t, rig.Options{})
	x.Users.Add(rig.User{Email: "ada@example.com"})
	d := x.added(t, "1")
	mine, other := x.Browser(t), x.Browser(t)
	q := rig.Ask(t, mine, "ask")
	rig.Ask(t, other, "ask") // so it has a binding cookie as well
	answer := body(q.Ticket, d.Assert(t, q))
	for _, b := range []*rig.Browser{other, x.Browser(t)} {
		refused(t, b.PostJSON("/passkey/asked", answer), 400, "ticket")
		nobody(t, b)
	}
	granted(t, mine.PostJSON("/passkey/asked", answer))

	// The same user, logged in in two browsers.
	mine, other = x.enter(t, "1"), x.enter(t, "1")
	q = rig.Ask(t, mine, "add")
	rig.Ask(t, other, "add")
	second := newDevice()
	answer = body(q.Ticket, second.Attest(t, q))
	for _, b := range []*rig.Browser{other, x.enter(t, "1")} {
		refused(t, b.PostJSON("/passkey/added", answer), 400, "ticket")
	}
	granted(t, mine.PostJSON("/passkey/added", answer))
}

func TestA5_OtherPurpose(t *testing.T) {
	x := newSite(t, rig.Options{})
	x.Users.Add(rig.User{Email: "ada@example.com"})
	d := x.added(t, "1")
	b := x.enter(t, "1")
	login, add := rig.Ask(t, b, "ask"), rig.Ask(t, b, "add")
	fresh := newDevice()
	attested := fresh.Attest(t, add)
	crossed := d.Assert(t, rig.Question{PublicKey: add.PublicKey})

	// The ticket of the one at the other, with either's challenge.
	refused(t, b.PostJSON("/passkey/asked", body(add.Ticket, d.Assert(t, login))), 400, "ticket")
	refused(t, b.PostJSON("/passkey/asked", body(add.Ticket, crossed)), 400, "ticket")
	refused(t, b.PostJSON("/passkey/added", body(login.Ticket, attested)), 400, "ticket")
	// And its challenge alone.
	refused(t, b.PostJSON("/passkey/asked", body(login.Ticket, crossed)), 400, "proof")
	refused(t, b.PostJSON("/passkey/added", body(add.Ticket, fresh.Attest(t, rig.Question{PublicKey: withChallenge(t, add, login)}))), 400, "proof")
	// What was signed for one isn't an answer to the other.
	refused(t, b.PostJSON("/passkey/added", body(add.Ticket, crossed)), 400, "proof")
	refused(t, b.PostJSON("/passkey/asked", body(login.Ticket, attested)), 400, "proof")
	for _, token := range []string{"", "x", b.Cookie("__Host-session"), login.Ticket + "A", login.Ticket[1:]} {
		refused(t, b.PostJSON("/passkey/asked", body(token, d.Assert(t, login))), 400, "ticket")
	}
	if n := len(x.stored("1")); n != 1 {
		t.Errorf("%d passkeys", n)
	}
	if who := b.Who(); who != "1 by password" {
		t.Error(who)
	}
}

// withChallenge returns the options of one question with the challenge of another.
func withChallenge(t *testing.T, to, from rig.Question) json.RawMessage {
	t.Helper()
	var a, b map[string]any
	if err := errors.Join(json.Unmarshal(to.PublicKey, &a), json.Unmarshal(from.PublicKey, &b)); err != nil {
		t.Fatal(err)
	}
	a["challenge"] = b["challenge"]
	out, err := json.Marshal(a)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestA7_WrongAnswers(t *testing.T) {
	x := newSite(t, rig.Options{})
	x.Users.Add(rig.User{Email: "ada@example.com"})
	x.Users.Add(rig.User{Email: "bob@example.com"})
	ada, bob := x.added(t, "1"), x.added(t, "2")
	for name, change := range map[string]func(d *device){
		"other origin":          func(d *device) { d.Party.Origin = "https://evil.example" },
		"origin of a subdomain": func(d *device) { d.Party.Origin = "https://shop.example.com" },
		"origin on plain http":  func(d *device) { d.Party.Origin = "http://example.com" },
		"origin, other port":    func(d *device) { d.Party.Origin = "https://example.com:8443" },
		"other RP ID":           func(d *device) { d.Party.ID = "evil.example" },
		"RP ID of a parent":     func(d *device) { d.Party.ID = "com" },
		"user not verified":     func(d *device) { d.Auth.Options.UserNotVerified = true },
		"user not present":      func(d *device) { d.Auth.Options.UserNotPresent = true },
		"backed up but can't":   func(d *device) { d.Auth.Options.BackupState = true },
		"can be backed up now":  func(d *device) { d.Auth.Options.BackupEligible = true },
		"other key":             func(d *device) { d.Cred.Key = newDevice().Cred.Key },
		"other user's handle":   func(d *device) { d.Auth.Options.UserHandle = bob.Auth.Options.UserHandle },
		"no handle":             func(d *device) { d.Auth.Options.UserHandle = nil },
		"id as handle":          func(d *device) { d.Auth.Options.UserHandle = []byte("1") },
	} {
		t.Run(name, func(t *testing.T) {
			d := *ada
			change(&d)
			b := x.Browser(t)
			refused(t, d.login(t, b), 400, "proof")
			nobody(t, b)

			if strings.Contains(name, "handle") || strings.Contains(name, "key") || strings.Contains(name, "now") {
				return // not in what adding checks
			}
			d = *newDevice()
			change(&d)
			refused(t, d.add(t, x.enter(t, "1")), 400, "proof")
		})
	}
	t.Run("signature altered", func(t *testing.T) {
		b := x.Browser(t)
		q := rig.Ask(t, b, "ask")
		good := ada.Assert(t, q)
		i := strings.Index(good, `"signature":"`) + len(`"signature":"`) + 40
		bad := good[:i] + flip(good[i:i+1]) + good[i+1:]
		refused(t, b.PostJSON("/passkey/asked", body(q.Ticket, bad)), 400, "proof")
		granted(t, b.PostJSON("/passkey/asked", body(q.Ticket, good)))
	})
	t.Run("challenge of another request", func(t *testing.T) {
		b := x.Browser(t)
		first, second := rig.Ask(t, b, "ask"), rig.Ask(t, b, "ask")
		refused(t, b.PostJSON("/passkey/asked", body(first.Ticket, ada.Assert(t, second))), 400, "proof")
	})
	if n := len(x.stored("1")); n != 1 || !x.stored("1")[0].Used.Equal(x.Now()) || x.stored("1")[0].Version != 2 {
		t.Errorf("stored: %+v", x.stored("1"))
	}
}

func flip(c string) string {
	if c == "A" {
		return "B"
	}
	return "A"
}

// Password managers answer extensions that nobody asked for, and browsers add members.
func TestA7_UnknownExtrasAreIgnored(t *testing.T) {
	x := newSite(t, rig.Options{})
	x.Users.Add(rig.User{Email: "ada@example.com"})
	d := newDevice()
	extra := func(credential string) string {
		return strings.TrimSuffix(credential, "}") + `,"clientExtensionResults":{"credProps":{"rk":true},"appid":false},"authenticatorAttachment":"platform","news":1}`
	}
	b := x.enter(t, "1")
	q := rig.Ask(t, b, "add")
	granted(t, b.PostJSON("/passkey/added", body(q.Ticket, extra(d.Attest(t, q)))))
	b = x.Browser(t)
	q = rig.Ask(t, b, "ask")
	granted(t, b.PostJSON("/passkey/asked", body(q.Ticket, extra(d.Assert(t, q)))))
}

func TestA8_Clone(t *testing.T) {
	x := newSite(t, rig.Options{})
	x.Users.Add(rig.User{Email: "ada@example.com"})
	d := newDevice()
	d.Cred.Counter = 7
	granted(t, d.add(t, x.enter(t, "1")))
	for _, row := range []struct {
		counter uint32
		good    bool
	}{{7, false}, {6, false}, {0, false}, {8, true}, {8, false}, {9, true}} {
		d.Cred.Counter = row.counter
		before := x.stored("1")[0]
		x.clones = nil
		x.Wait(time.Second)
		b := x.Browser(t)
		res := d.login(t, b)
		if row.good {
			granted(t, res)
			if len(x.clones) != 0 {
				t.Errorf("%d: told of %q", row.counter, x.clones)
			}
			continue
		}
		refused(t, res, 403, "clone")
		nobody(t, b)
		if len(x.clones) != 1 || x.clones[0] != "1 "+d.ID() {
			t.Errorf("%d: told of %q", row.counter, x.clones)
		}
		if after := x.stored("1")[0]; after.Version != before.Version || !bytes.Equal(after.Data, before.Data) {
			t.Errorf("%d: something was stored", row.counter)
		}
	}

	// Without a listener.
	x = newSite(t, rig.Options{}, func(c *passkey.Config[*rig.User]) { c.OnClone = nil })
	x.Users.Add(rig.User{Email: "ada@example.com"})
	granted(t, d.add(t, x.enter(t, "1")))
	refused(t, d.login(t, x.Browser(t)), 403, "clone")
}

// A passkey that doesn't count says 0 each time.
func TestA8_NoCounter(t *testing.T) {
	x := newSite(t, rig.Options{})
	x.Users.Add(rig.User{Email: "ada@example.com"})
	d := x.added(t, "1")
	for range 3 {
		granted(t, d.login(t, x.Browser(t)))
	}
	// One that counted once does so for good.
	d.Cred.Counter = 1
	granted(t, d.login(t, x.Browser(t)))
	d.Cred.Counter = 0
	refused(t, d.login(t, x.Browser(t)), 403, "clone")
}

func TestA9_Removed(t *testing.T) {
	x := newSite(t, rig.Options{})
	x.Users.Add(rig.User{Email: "ada@example.com"})
	d := x.added(t, "1")
	never := newDevice()
	never.Auth.Options.UserHandle = d.Auth.Options.UserHandle
	refused(t, never.login(t, x.Browser(t)), 404, "unknown")

	b := x.enter(t, "1")
	if res := b.Post("/passkey/remove?next=/account", map[string][]string{"id": {d.ID()}}); res.StatusCode != 303 || res.Location() != "/account" {
		t.Fatalf("removed: %d to %s", res.StatusCode, res.Location())
	}
	gone := d.login(t, x.Browser(t))
	refused(t, gone, 404, "unknown")
	if other := never.login(t, x.Browser(t)); other.Body != gone.Body {
		t.Error("a removed passkey and one that never was differ")
	}
	granted(t, d.add(t, b)) // and again
	granted(t, d.login(t, x.Browser(t)))
	x.Users.Delete("1")
	refused(t, d.login(t, x.Browser(t)), 404, "unknown")
}

// A user store that compares ids without regard to case finds another passkey.
func TestA9_StorageFindsAnother(t *testing.T) {
	var users rig.PasskeyStore
	x := newSite(t, rig.Options{}, func(c *passkey.Config[*rig.User]) {
		users = c.Users.(rig.PasskeyStore)
		c.Users = finder{users, func() string { return users.Get("1").Passkeys[0].ID }}
	})
	x.Users.Add(rig.User{Email: "ada@example.com"})
	d := x.added(t, "1")
	granted(t, d.login(t, x.Browser(t)))
	other := newDevice()
	other.Auth.Options.UserHandle = d.Auth.Options.UserHandle
	refused(t, other.login(t, x.Browser(t)), 400, "proof")
}

// A finder always finds the passkey with one id.
type finder struct {
	rig.PasskeyStore
	id func() string
}

func (f finder) ByPasskey(ctx context.Context, _ string) (*rig.User, passkey.Passkey, error) {
	return f.PasskeyStore.ByPasskey(ctx, f.id())
}

func TestA14_EnterHook(t *testing.T) {
	var hook func(x *site, w http.ResponseWriter, r *http.Request, e signin.Entry[*rig.User]) error
	var x *site
	x = newSite(t, rig.Options{Desk: func(c *signin.Config[*rig.User]) {
		c.Log = slog.New(slog.DiscardHandler)
		c.Enter = func(w http.ResponseWriter, r *http.Request, e signin.Entry[*rig.User]) error { return hook(x, w, r, e) }
	}})
	x.Users.Add(rig.User{Email: "ada@example.com"})
	d := x.added(t, "1")
	for _, row := range []struct {
		name   string
		hook   func(x *site, w http.ResponseWriter, r *http.Request, e signin.Entry[*rig.User]) error
		status int
		code   string
	}{
		{"forbidden", func(*site, http.ResponseWriter, *http.Request, signin.Entry[*rig.User]) error {
			return auth.Forbidden("Your account is closed.")
		}, 403, "forbidden"},
		{"down", func(*site, http.ResponseWriter, *http.Request, signin.Entry[*rig.User]) error {
			return errors.New("secret")
		}, 503, "down"},
		{"forgets to let anybody in", func(*site, http.ResponseWriter, *http.Request, signin.Entry[*rig.User]) error {
			return nil
		}, 500, "broken"},
	} {
		t.Run(row.name, func(t *testing.T) {
			hook = row.hook
			b := x.Browser(t)
			res := d.login(t, b)
			refused(t, res, row.status, row.code)
			if strings.Contains(res.Body, "secret") || strings.Contains(res.Body, "closed") != (row.status == 403) {
				t.Error(res.Body)
			}
			nobody(t, b)
		})
	}
	t.Run("second factor", func(t *testing.T) {
		hook = func(x *site, w http.ResponseWriter, r *http.Request, e signin.Entry[*rig.User]) error {
			if e.How != "passkey" || e.User.ID != "1" || !e.Remember || e.Next != "/members" {
				t.Errorf("the hook got %+v", e)
			}
			http.Redirect(w, r, "/second", http.StatusSeeOther)
			return signin.ErrAnswered
		}
		b := x.Browser(t)
		q := rig.Ask(t, b, "ask")
		res := b.PostJSON("/passkey/asked?next=/members", body(q.Ticket, d.Assert(t, q), `,"remember":true`))
		if res.StatusCode != 303 || res.Location() != "/second" || res.Body != "" || res.Header.Get("Content-Type") != "" {
			t.Errorf("%d to %q: %s %s", res.StatusCode, res.Location(), res.Header.Get("Content-Type"), res.Body)
		}
		nobody(t, b)
	})
	t.Run("let in", func(t *testing.T) {
		hook = func(x *site, _ http.ResponseWriter, r *http.Request, e signin.Entry[*rig.User]) error {
			return x.Desk.Login(r, e)
		}
		b := x.Browser(t)
		granted(t, d.login(t, b))
		if who := b.Who(); who != "1 by passkey" {
			t.Error(who)
		}
	})
}

// A reloading source knows the new key only once it has looked.
type reloading struct{ before, after *keyring.Keyring }

func (r *reloading) At(now time.Time) *keyring.Keyring      { return r.before.At(now) }
func (r *reloading) Refresh(now time.Time) *keyring.Keyring { return r.after.At(now) }

func TestA15_Rotation(t *testing.T) {
	before, now := keyring.NewKeyAt(time.Unix(1_700_000_000, 0)), keyring.NewKeyAt(time.Unix(1_700_000_001, 0))
	oldRing, err := keyring.New(before)
	if err != nil {
		t.Fatal(err)
	}
	newRing, err := keyring.New(now, before)
	if err != nil {
		t.Fatal(err)
	}
	var holder keyring.Holder
	holder.Set(oldRing)
	a := newSite(t, rig.Options{Keys: &holder})
	late := mount(t, rig.New(t, rig.Options{Keys: &reloading{oldRing, newRing}}), func(c *passkey.Config[*rig.User]) {
		c.Users = rig.PasskeyStore{Table: a.Users}
	})
	a.Users.Add(rig.User{Email: "ada@example.com"})
	late.Users.Add(rig.User{Email: "ada@example.com"})
	d := a.added(t, "1")

	// Asked under the old key, answered under the new.
	b := a.Browser(t)
	q := rig.Ask(t, b, "ask")
	user := a.enter(t, "1")
	add := rig.Ask(t, user, "add")
	holder.Set(newRing)
	granted(t, b.PostJSON("/passkey/asked", body(q.Ticket, d.Assert(t, q))))
	granted(t, user.PostJSON("/passkey/added", body(add.Ticket, newDevice().Attest(t, add))))

	// Asked under the new key, answered by an instance that has the old one.
	b, user = a.Browser(t), a.enter(t, "1")
	q, add = rig.Ask(t, b, "ask"), rig.Ask(t, user, "add")
	b.App, user.App = late.App, late.App
	granted(t, b.PostJSON("/passkey/asked", body(q.Ticket, d.Assert(t, q))))
	granted(t, user.PostJSON("/passkey/added", body(add.Ticket, newDevice().Attest(t, add))))
	if n := len(a.stored("1")); n != 3 {
		t.Errorf("%d passkeys", n)
	}
}

// One answer sent by many at once. A counter lets one of them in; without one, all are
// the user's own.
func TestA16_AtOnce(t *testing.T) {
	for name, counter := range map[string]uint32{"counts": 1, "doesn't count": 0} {
		t.Run(name, func(t *testing.T) {
			const n = 3
			x := newSite(t, rig.Options{}, func(c *passkey.Config[*rig.User]) {
				c.OnClone = nil
				c.Users = &meeting{PasskeyStore: c.Users.(rig.PasskeyStore), wait: n}
			})
			x.Users.Add(rig.User{Email: "ada@example.com"})
			d := x.added(t, "1")
			d.Cred.Counter = counter
			b := x.Browser(t)
			q := rig.Ask(t, b, "ask")
			answer := body(q.Ticket, d.Assert(t, q))
			got := rig.AtOnce(n, func(int) *rig.Answer {
				copied := *b
				return copied.PostJSON("/passkey/asked", answer)
			})
			if want := map[bool]int{true: 1, false: n}[counter > 0]; got[200] != want || got[403] != n-want {
				t.Errorf("status codes: %v, want %d let in", got, want)
			}
		})
	}
}

// A meeting lets the first readers go on once they have all read.
type meeting struct {
	rig.PasskeyStore
	wait int
	mu   sync.Mutex
	all  chan struct{}
	n    int
}

func (m *meeting) ByPasskey(ctx context.Context, id string) (*rig.User, passkey.Passkey, error) {
	u, p, err := m.PasskeyStore.ByPasskey(ctx, id)
	m.mu.Lock()
	if m.all == nil {
		m.all = make(chan struct{})
	}
	if m.n++; m.n == m.wait {
		close(m.all)
	}
	all := m.all
	m.mu.Unlock()
	<-all
	return u, p, err
}

// A row that moves each time in the middle of a login is given up.
func TestA16_KeepsChanging(t *testing.T) {
	n := 0
	x := newSite(t, rig.Options{}, func(c *passkey.Config[*rig.User]) {
		c.Users = changing{c.Users.(rig.PasskeyStore), &n}
	})
	x.Users.Add(rig.User{Email: "ada@example.com"})
	d := newDevice()
	b := x.enter(t, "1")
	refused(t, d.add(t, b), 409, "changed")
	x.Users.Edit("1", func(u *rig.User) {})
	n = -1
	granted(t, d.add(t, b))
	n = 0
	stranger := x.Browser(t)
	refused(t, d.login(t, stranger), 409, "changed")
	nobody(t, stranger)
	if n != 3 {
		t.Errorf("tried %d times", n)
	}
}

// changing says that the row has changed, unless n is negative.
type changing struct {
	rig.PasskeyStore
	n *int
}

func (c changing) Save(ctx context.Context, u *rig.User, p passkey.Passkey) error {
	if *c.n++; *c.n > 0 {
		return signin.ErrChanged
	}
	return c.PasskeyStore.Save(ctx, u, p)
}

// The throttle goes by the clock, which stands still here.
func TestA22_Throttle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newSite(t, rig.Options{})
		x.Users.Add(rig.User{Email: "ada@example.com"})
		d := x.added(t, "1")
		b := x.Browser(t)
		var res *rig.Answer
		for range 120 {
			if res = b.PostJSON("/passkey/asked", []byte("{}")); res.StatusCode == 429 {
				break
			}
			refused(t, res, 400, "ticket")
		}
		refused(t, res, 429, "slow")
		if after := res.Header.Get("Retry-After"); after == "" || after == "0" {
			t.Errorf("Retry-After: %q", after)
		}
		refused(t, d.login(t, b), 429, "slow")
		rig.Ask(t, b, "ask") // a login page stays a login page
		other := x.Browser(t)
		other.Addr = "198.51.100.7:1234"
		granted(t, d.login(t, other))
	})
}

// soon is a throttle that says to come back at once.
type soon struct{}

func (soon) Allow(*http.Request, string) (time.Duration, bool) { return 0, false }

func TestA22_ComeBackLater(t *testing.T) {
	x := newSite(t, rig.Options{Desk: func(c *signin.Config[*rig.User]) { c.Throttle = soon{} }})
	res := x.Browser(t).PostJSON("/passkey/asked", []byte("{}"))
	refused(t, res, 429, "slow")
	if after := res.Header.Get("Retry-After"); after != "1" {
		t.Errorf("Retry-After: %q", after)
	}
}
