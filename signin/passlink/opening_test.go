package passlink_test

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"regexp"
	"testing"

	"github.com/hardtack-go/hardtack/auth"
	"github.com/hardtack-go/hardtack/signin/internal/rig"
	"github.com/hardtack-go/hardtack/signin/passlink"
)

type (
	User = rig.User
	DB   struct{ *rig.Table }
)

func (db *DB) open(_ context.Context, email string) (*User, error) {
	return db.Add(User{Email: email}), nil
}

// opening is how docs/SIGNIN.md makes an account for whoever asks for a link.
type opening struct{ *DB }

func (o opening) ByEmail(ctx context.Context, email string) (*User, error) {
	u, err := o.DB.ByEmail(ctx, email)
	if errors.Is(err, auth.ErrNoUser) {
		return o.open(ctx, email) // INSERT … ON CONFLICT (email) DO NOTHING, and read the row
	}
	return u, err
}

// A link can sign people up without a password.
func TestM16_LinkOpensAnAccount(t *testing.T) {
	a := start(t, rig.Options{}, func(c *passlink.Config[*rig.User]) {
		c.Users = opening{&DB{c.Users.(*rig.Table)}}
	})
	b := a.Browser(t)
	ask := func() string {
		b.Post("/passlink/", url.Values{"email": {"grace@example.com"}})
		return regexp.MustCompile(`https://\S+`).FindString(a.Mails.Take()[0].Text)
	}
	first, second := ask(), ask()
	if u := a.Users.Get("2"); u.Email != "grace@example.com" || u.Proven {
		t.Fatalf("after the question: %+v", u)
	}
	wantIn(t, b, click(b, second), "/", "2 by link")
	if !a.Users.Get("2").Proven {
		t.Error("the link proved nothing")
	}
	want(t, click(b, first), http.StatusBadRequest, invalid)
}
