package passkey_test

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/hardtack-go/hardtack/signin"
	"github.com/hardtack-go/hardtack/signin/internal/rig"
	"github.com/hardtack-go/hardtack/signin/passkey"
)

// A site is the application with passkeys. POST /enter?id=1 logs in with a password.
type site struct {
	*rig.App
	passkeys http.Handler
	clones   []string // ids of passkeys that OnClone was told of
}

func newSite(t testing.TB, o rig.Options, change ...func(*passkey.Config[*rig.User])) *site {
	t.Helper()
	return mount(t, rig.New(t, o), change...)
}

func mount(t testing.TB, a *rig.App, change ...func(*passkey.Config[*rig.User])) *site {
	t.Helper()
	x := &site{App: a}
	c := passkey.Config[*rig.User]{
		Users:   rig.PasskeyStore{Table: a.Users},
		Account: func(u *rig.User) string { return u.Email },
		OnClone: func(_ context.Context, u *rig.User, p passkey.Passkey) { x.clones = append(x.clones, u.ID+" "+p.ID) },
	}
	for _, f := range change {
		f(&c)
	}
	var err error
	if x.passkeys, err = passkey.New(a.Desk, c); err != nil {
		t.Fatal(err)
	}
	a.Mux.Handle("/passkey/", x.passkeys)
	a.Mux.HandleFunc("POST /enter", func(w http.ResponseWriter, r *http.Request) {
		u, err := a.Users.ByID(r.Context(), r.URL.Query().Get("id"))
		if err == nil {
			err = a.Desk.Login(r, signin.Entry[*rig.User]{User: u, How: "password"})
		}
		if err != nil {
			t.Error(err)
		}
	})
	return x
}

// enter returns a browser in which a user has just logged in with a password.
func (x *site) enter(t testing.TB, id string) *rig.Browser {
	t.Helper()
	b := x.Browser(t)
	b.Post("/enter?id="+id, nil)
	if who := b.Who(); who != id+" by password" {
		t.Fatalf("after the login: %s", who)
	}
	return b
}

// A device logs in and adds its passkey.
type device struct{ rig.Device }

func newDevice() *device { return &device{*rig.NewDevice()} }

// body is what the script sends to asked and added.
func body(ticket, credential string, more ...string) []byte {
	b, _ := json.Marshal(ticket) // a string
	return []byte(`{"ticket":` + string(b) + `,"credential":` + credential + strings.Join(more, "") + `}`)
}

// login logs in with the device's passkey.
func (d *device) login(t testing.TB, b *rig.Browser) *rig.Answer {
	t.Helper()
	q := rig.Ask(t, b, "ask")
	return b.PostJSON("/passkey/asked", body(q.Ticket, d.Assert(t, q)))
}

// add adds the device's passkey to the user of the browser.
func (d *device) add(t testing.TB, b *rig.Browser) *rig.Answer {
	t.Helper()
	q := rig.Ask(t, b, "add")
	return b.PostJSON("/passkey/added", body(q.Ticket, d.Attest(t, q)))
}

// added is a device whose passkey a user has just added.
func (x *site) added(t testing.TB, id string) *device {
	t.Helper()
	d := newDevice()
	granted(t, d.add(t, x.enter(t, id)))
	return d
}

// stored returns a user's passkeys as they are stored.
func (x *site) stored(id string) []passkey.Passkey { return x.Users.Get(id).Passkeys }

func granted(t testing.TB, res *rig.Answer) {
	t.Helper()
	if res.StatusCode != http.StatusOK {
		t.Errorf("refused: %d %s", res.StatusCode, res.Body)
	}
}

// refused fails the test unless the answer is a problem with this status and code.
func refused(t testing.TB, res *rig.Answer, status int, code string) {
	t.Helper()
	var p struct {
		Title, Code, Detail string
		Status              int
	}
	err := json.Unmarshal([]byte(res.Body), &p)
	if err != nil || res.StatusCode != status || p.Status != status || p.Code != code || p.Detail == "" || p.Title != http.StatusText(status) {
		t.Errorf("%d %s (%v), want %d %s", res.StatusCode, res.Body, err, status, code)
	}
	for name, want := range map[string]string{"Content-Type": "application/problem+json", "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"} {
		if got := res.Header.Get(name); !strings.HasPrefix(got, want) { // the guard may add that it is private
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}

func nobody(t testing.TB, b *rig.Browser) {
	t.Helper()
	if who := b.Who(); who != "nobody" {
		t.Errorf("%s is logged in", who)
	}
}
