package auth_test

import (
	"context"
	"testing"

	"github.com/hardtack-go/hardtack/auth"
	"github.com/hardtack-go/hardtack/internal/race"
	"github.com/hardtack-go/hardtack/ssestore"
)

// The steady path: from the Cookie lines of a request to a user whose stamp
// matches. One allocation in all: the session.
func TestGetUser_Allocations(t *testing.T) {
	if race.Enabled {
		t.Skip("the race detector allocates")
	}
	x, b := newSite(t, ring(t, 1)), browser{}
	x.login(b, "1")
	lines := []string{"theme=dark; " + b.lines()[0] + "; _ga=GA1.1.1; lang=en"}
	row := x.rows["1"]
	users := x.manager(withRow(row))

	load := testing.AllocsPerRun(200, func() {
		x.store.Load(lines, x.now)
	})
	verify := testing.AllocsPerRun(200, func() {
		if u, err := users.GetUser(bg, x.store.Load(lines, x.now)); err != nil || u != row {
			t.Fatal(u, err)
		}
	})
	t.Logf("Load %v, Load and GetUser %v", load, verify)
	if verify > 1 || verify != load {
		t.Errorf("Load allocates %v times, Load and GetUser %v times; want at most 1, and none of them here", load, verify)
	}
	// A user that is a struct is copied once, for the rest of the request.
	structs, err := auth.New(auth.Config[user]{
		UserByID: func(context.Context, string) (user, error) { return *row, nil },
		ID:       func(u user) string { return u.ID },
		Stamp:    func(u user) string { return u.Hash },
	})
	if err != nil {
		t.Fatal(err)
	}
	if n := testing.AllocsPerRun(200, func() {
		if u, err := structs.GetUser(bg, x.store.Load(lines, x.now)); err != nil || u != *row {
			t.Fatal(u, err)
		}
	}); n > 2 {
		t.Errorf("with a struct: %v", n)
	}
	s := x.store.Load(lines, x.now)
	users.GetUser(bg, s)
	if again := testing.AllocsPerRun(200, func() { users.GetUser(bg, s) }); again != 0 {
		t.Errorf("a second GetUser allocates %v times", again)
	}
}

func BenchmarkVerify(b *testing.B) {
	x, jar := newSite(b, ring(b, 1)), browser{}
	x.login(jar, "1")
	lines := []string{"theme=dark; " + jar.lines()[0] + "; _ga=GA1.1.1; lang=en"}
	users := x.manager(withRow(x.rows["1"]))
	run := func(name string, f func()) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				f()
			}
		})
	}
	run("Load", func() { x.store.Load(lines, x.now) })
	run("Load+GetUser", func() { users.GetUser(bg, x.store.Load(lines, x.now)) })
	s := x.store.Load(lines, x.now)
	run("GetUser again", func() { users.GetUser(bg, s) })
	var none ssestore.Session
	run("GetUser anonymous", func() { users.GetUser(bg, &none) })
}
