package passkey_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"

	"github.com/hardtack-go/hardtack/signin"
	"github.com/hardtack-go/hardtack/signin/internal/rig"
	"github.com/hardtack-go/hardtack/signin/passkey"
)

func TestA13_StoreDown(t *testing.T) {
	x := newSite(t, rig.Options{})
	x.Users.Add(rig.User{Email: "ada@example.com"})
	d := x.added(t, "1")
	stranger, user := x.Browser(t), x.enter(t, "1")
	login, add := rig.Ask(t, stranger, "ask"), rig.Ask(t, user, "add")
	loginBody, addBody := body(login.Ticket, d.Assert(t, login)), body(add.Ticket, newDevice().Attest(t, add))
	id := map[string][]string{"id": {d.ID()}}

	x.Users.Fail(errors.New("the secret name of a host"))
	rig.Ask(t, x.Browser(t), "ask") // needs no store
	for _, res := range []*rig.Answer{
		stranger.PostJSON("/passkey/asked", loginBody),
		user.PostJSON("/passkey/add", []byte("{}")),
		user.PostJSON("/passkey/added", addBody),
	} {
		refused(t, res, 503, "down")
	}
	for _, use := range []string{"rename", "remove"} {
		if res := user.Post("/passkey/"+use, id); res.StatusCode != 503 || strings.Contains(res.Body, "secret") {
			t.Errorf("%s: %d %s", use, res.StatusCode, res.Body)
		}
	}
	x.Users.Fail(nil)
	nobody(t, stranger)
	granted(t, stranger.PostJSON("/passkey/asked", loginBody))
	granted(t, user.PostJSON("/passkey/added", addBody))
}

// Each call of the user store fails alone, and what is stored is damaged.
func TestA13_EveryCall(t *testing.T) {
	var fail string
	x := newSite(t, rig.Options{}, func(c *passkey.Config[*rig.User]) {
		c.Users = failing{c.Users.(rig.PasskeyStore), &fail}
	})
	x.Users.Add(rig.User{Email: "ada@example.com"})
	d := x.added(t, "1")
	b := x.enter(t, "1")
	form := map[string][]string{"id": {d.ID()}, "name": {"Key"}}
	for _, call := range []string{"ByPasskey", "Passkeys", "Save", "Remove"} {
		fail = ""
		login, add := rig.Ask(t, b, "ask"), rig.Ask(t, b, "add")
		fail = call
		code := func(down bool) int {
			if down {
				return 503
			}
			return 200
		}
		if res := b.PostJSON("/passkey/asked", body(login.Ticket, d.Assert(t, login))); res.StatusCode != code(call == "ByPasskey" || call == "Save") {
			t.Errorf("asked without %s: %d %s", call, res.StatusCode, res.Body)
		}
		if res := b.PostJSON("/passkey/add", []byte("{}")); res.StatusCode != code(call == "Passkeys") {
			t.Errorf("add without %s: %d %s", call, res.StatusCode, res.Body)
		}
		if res := b.PostJSON("/passkey/added", body(add.Ticket, newDevice().Attest(t, add))); res.StatusCode != code(call == "Passkeys" || call == "Save") {
			t.Errorf("added without %s: %d %s", call, res.StatusCode, res.Body)
		}
		if res := b.Post("/passkey/rename", form); (res.StatusCode == 503) != (call == "Passkeys" || call == "Save") {
			t.Errorf("rename without %s: %d %s", call, res.StatusCode, res.Body)
		}
		if res := b.Post("/passkey/remove", form); (res.StatusCode == 503) != (call == "Remove") {
			t.Errorf("remove without %s: %d %s", call, res.StatusCode, res.Body)
		}
		if call != "Remove" {
			fail = ""
			x.Users.Edit("1", func(u *rig.User) { u.Passkeys = nil })
			granted(t, d.add(t, b))
		}
	}
	fail = ""
	for name, change := range map[string]func(*passkey.Passkey){
		"data":   func(p *passkey.Passkey) { p.Data = []byte("{") },
		"handle": func(p *passkey.Passkey) { p.Handle = "?" },
	} {
		x.Users.Edit("1", func(u *rig.User) { u.Passkeys = nil })
		granted(t, d.add(t, b))
		x.Users.Edit("1", func(u *rig.User) { change(&u.Passkeys[0]) })
		t.Run(name, func(t *testing.T) {
			refused(t, d.login(t, x.Browser(t)), 503, "down")
			refused(t, b.PostJSON("/passkey/add", []byte("{}")), 503, "down")
		})
	}
}

// failing is a user store one of whose methods fails.
type failing struct {
	users rig.PasskeyStore
	call  *string
}

func (f failing) err(call string) error {
	if *f.call == call {
		return errors.New("down")
	}
	return nil
}

func (f failing) ByPasskey(ctx context.Context, id string) (*rig.User, passkey.Passkey, error) {
	u, p, err := f.users.ByPasskey(ctx, id)
	return u, p, errors.Join(err, f.err("ByPasskey"))
}

func (f failing) Passkeys(ctx context.Context, u *rig.User) ([]passkey.Passkey, error) {
	if err := f.err("Passkeys"); err != nil {
		return nil, err
	}
	return f.users.Passkeys(ctx, u)
}

func (f failing) Save(ctx context.Context, u *rig.User, p passkey.Passkey) error {
	if err := f.err("Save"); err != nil {
		return err
	}
	return f.users.Save(ctx, u, p)
}

func (f failing) Remove(ctx context.Context, u *rig.User, id string) error {
	if err := f.err("Remove"); err != nil {
		return err
	}
	return f.users.Remove(ctx, u, id)
}

// TestA13_Logged: whoever runs the application learns why passkeys don't work, though a
// script is told no cause.
func TestA13_Logged(t *testing.T) {
	var log strings.Builder
	x := newSite(t, rig.Options{Desk: func(c *signin.Config[*rig.User]) {
		c.Log = slog.New(slog.NewTextHandler(&log, nil))
	}})
	x.Users.Add(rig.User{Email: "ada@example.com"})
	d := x.added(t, "1")
	x.Users.Fail(errors.New("the disk is full"))
	refused(t, d.login(t, x.Browser(t)), 503, "down")
	if !strings.Contains(log.String(), "the disk is full") {
		t.Errorf("the log has %q", log.String())
	}
}
