package signin_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/marks"
	"github.com/hardtack-go/hardtack/signin"
	"github.com/hardtack-go/hardtack/signin/internal/rig"
	"github.com/hardtack-go/hardtack/ssestore"
)

// TestB11_LinksAreStoredWithTheLogin: a session that has no room for its links is one
// that nobody could end, so nobody is logged in to it.
func TestB11_LinksAreStoredWithTheLogin(t *testing.T) {
	full := roomy(t)
	for _, links := range [][]string{{"tenant:1"}, {"sub:https://id.example#1", "sid:https://id.example#2"}} {
		set := marks.New(marks.Policy{})
		a := rig.New(t, rig.Options{Desk: quiet, Store: func(c *ssestore.Config) { c.Marks = set }})
		u := a.Users.Add(rig.User{})
		a.Mux.HandleFunc("POST /enter", func(w http.ResponseWriter, r *http.Request) {
			// With 200, what the request has done to the session is written in any case.
			err := a.Desk.Login(r, signin.Entry[*rig.User]{User: u, How: "oauth:harbour", Links: links})
			var size *cookie.SizeError
			if err != nil && !errors.As(err, &size) {
				t.Error(err)
			}
			fmt.Fprint(w, err == nil)
		})
		cartful(t, a, 0)
		var in, out []*rig.Browser
		for size := full - 160; size <= full-30; size++ {
			b := a.Browser(t)
			b.Get(fmt.Sprintf("/cart/%d", size))
			if b.Post("/enter", nil).Body == "true" {
				in = append(in, b)
			} else if out = append(out, b); b.Who() != "nobody" {
				t.Errorf("a cart of %d: %s is in", size, b.Who())
			}
			if n := b.Get("/cart").Body; n != fmt.Sprint(size) {
				t.Errorf("the cart of %d has %s", size, n)
			}
		}
		if len(in) == 0 || len(out) == 0 {
			t.Fatalf("%d in, %d out", len(in), len(out))
		}
		// Each link ends all of them.
		for _, b := range in {
			if b.Who() == "nobody" {
				t.Fatal("out too early")
			}
		}
		last := links[len(links)-1]
		set.Apply(a.Now(), marks.Mark{Kind: marks.Link, ID: last, Before: a.Now().Unix() + 1, Until: a.Now().Add(time.Hour).Unix()})
		for _, b := range in {
			if who := b.Who(); who != "nobody" {
				t.Errorf("%s is in, without the link %s", who, last)
			}
		}
	}
}

func TestB11_LinksThatCannotBe(t *testing.T) {
	long := strings.Repeat("x", marks.MaxID)
	for _, row := range []struct {
		links []string
		ok    bool
	}{
		{[]string{long, "2"}, true},
		{[]string{"1", "1"}, true},
		{[]string{"1", "2", "3"}, false},
		{[]string{long + "x"}, false},
		{[]string{"1", ""}, false},
	} {
		a := rig.New(t, rig.Options{Desk: quiet})
		u := a.Users.Add(rig.User{})
		a.Mux.HandleFunc("POST /in", func(w http.ResponseWriter, r *http.Request) {
			err := a.Desk.Login(r, signin.Entry[*rig.User]{User: u, Links: row.links})
			if row.ok && err != nil || !row.ok && !errors.Is(err, ssestore.ErrLinks) {
				t.Errorf("%.20q: %v", row.links, err)
			}
			// The answer is 200, so what the request has done to the session is written.
			if err != nil && a.Desk.Report(r, err) != http.StatusInternalServerError {
				t.Errorf("%.20q: %v is no mistake of the program", row.links, err)
			}
		})
		b := a.Browser(t)
		b.Post("/in", nil)
		if in := b.Who() != "nobody"; in != row.ok {
			t.Errorf("%.20q: in %t", row.links, in)
		}
	}
}
