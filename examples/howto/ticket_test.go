package howto

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/examples/internal/visitor"
	"github.com/hardtack-go/hardtack/keyring"
	"github.com/hardtack-go/hardtack/middleware"
	"github.com/hardtack-go/hardtack/ssestore"
	"github.com/hardtack-go/hardtack/ticket"
)

// An invitation is what the link of the recipe carries.
type invitation struct{ Team, Email string }

// teams is the storage: who is in each team, and a word that changes when somebody joins.
type teams struct {
	members map[string][]string
	down    error
}

func (d *teams) word(team string) string { return fmt.Sprint(len(d.members[team]), " members") }

// bound is what must be as it was when the invitation was sent.
func (d *teams) bound(i invitation) ([]string, error) {
	if _, ok := d.members[i.Team]; !ok {
		return nil, d.down
	}
	return []string{d.word(i.Team)}, d.down
}

func (d *teams) join(_ context.Context, i invitation, u *User) error {
	d.members[i.Team] = append(d.members[i.Team], u.ID)
	return nil
}

// TestTicketLink: the link works for who is logged in, once, and for a time.
func TestTicketLink(t *testing.T) {
	keys, db := keyring.Generate(), &teams{members: map[string][]string{"crew": {"1"}}}
	s := newSite(t, ssestore.Config{Keys: keys}, middleware.Config{})
	guard, mux, origin := s.guard, s.app(), "https://example.com"

	invites, err := ticket.New[invitation](ticket.Config{Keys: keys, Purpose: "invite", Audience: "shop", Life: 72 * time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	invite := func(now time.Time, i invitation) (link string, err error) {
		fields, err := db.bound(i)
		if err != nil {
			return "", err
		}
		sealed, err := invites.Seal(now, i, fields...)
		return origin + "/join?" + url.Values{"invite": {sealed}}.Encode(), err
	}
	mux.HandleFunc("POST /join", guard.ForUser(func(w http.ResponseWriter, r *http.Request, u *User) {
		i, err := invites.Open(time.Now(), r.FormValue("invite"), db.bound)
		if err == nil {
			err = db.join(r.Context(), i, u) // a transaction in which the fields are still the same
		}
		switch {
		case errors.Is(err, cookie.ErrInvalid):
			http.Error(w, "This link is no longer good. Ask for another one.", http.StatusGone)
		case err != nil:
			http.Error(w, "Try again later.", http.StatusServiceUnavailable)
		default:
			http.Redirect(w, r, "/", http.StatusSeeOther)
		}
	}))

	v := serve(t, guard.Handler(mux))
	v.Login("ada", "secret").Want(t, 303, "/")
	use := func(link string) *visitor.Answer {
		t.Helper()
		u, err := url.Parse(link)
		if err != nil {
			t.Fatal(err)
		}
		return v.Post("/join", "invite", u.Query().Get("invite"))
	}
	link := func(ago time.Duration) string {
		t.Helper()
		l, err := invite(time.Now().Add(-ago), invitation{"crew", "ada@example.com"})
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	use(link(73*time.Hour)).Want(t, 410, "")
	good := link(time.Hour)
	db.down = errors.New("the database is away")
	use(good).Want(t, 503, "")
	db.down = nil
	use(good).Want(t, 303, "/")
	use(good).Want(t, 410, "")
	if n := len(db.members["crew"]); n != 2 {
		t.Errorf("%d members", n)
	}
}
