package auth_test

import (
	"context"
	"errors"
	"math"
	"strconv"
	"strings"
	"testing"

	"github.com/hardtack-go/hardtack/auth"
	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/ssestore"
)

// TestF504_Int64: users with integer ids need no parser of their own.
func TestF504_Int64(t *testing.T) {
	type row struct{ ID int64 }
	var asked []int64
	byID := auth.Int64(func(ctx context.Context, id int64) (*row, error) {
		asked = append(asked, id)
		if id == 7 {
			return &row{7}, ctx.Err()
		}
		return nil, auth.ErrNoUser
	})
	for id, want := range map[string]error{
		"7": nil, "8": auth.ErrNoUser, "0": auth.ErrNoUser, "-1": auth.ErrNoUser, strconv.Itoa(math.MinInt64): auth.ErrNoUser,
		"": auth.ErrBadID, "x": auth.ErrBadID, "+7": auth.ErrBadID, "07": auth.ErrBadID, " 7": auth.ErrBadID, "7\n": auth.ErrBadID,
		"-0": auth.ErrBadID, "7_0": auth.ErrBadID, "0x7": auth.ErrBadID, "9223372036854775808": auth.ErrBadID, "٧": auth.ErrBadID,
	} {
		asked = nil
		u, err := byID(bg, id)
		if err != want || (err == nil) != (u != nil) {
			t.Errorf("%q: %v, %v", id, u, err)
		}
		if n, _ := strconv.ParseInt(id, 10, 64); err != auth.ErrBadID && (len(asked) != 1 || asked[0] != n) || err == auth.ErrBadID && asked != nil {
			t.Errorf("%q: asked for %v", id, asked)
		}
	}
	_, err := auth.New(auth.Config[*row]{UserByID: auth.Int64[*row](nil), ID: func(*row) string { return "" }, Stamp: func(*row) string { return "" }})
	var fault *auth.ConfigError
	if !errors.As(err, &fault) || fault.Field != "UserByID" {
		t.Errorf("New with a nil load: %v", err)
	}
}

// lowered is the same application after MaxLine was lowered.
func (x *site) lowered(t *testing.T) *site {
	y := x.on(ring(t, 1))
	var err error
	if y.store, err = ssestore.New(ssestore.Config{Keys: ring(t, 1), Cookie: cookie.Config{MaxLine: 1200}}); err != nil {
		t.Fatal(err)
	}
	return y
}

// TestF110_LoginThatDoesNotFit fails itself, before OnLogin, and changes nothing.
func TestF110_LoginThatDoesNotFit(t *testing.T) {
	x, b := newSite(t, ring(t, 1)), browser{}
	x.add(b, strings.Repeat("x", 1500))
	y := x.lowered(t)
	before := b.copy()
	out := y.visit(b, func(s *ssestore.Session) {
		var size *cookie.SizeError
		err := y.users.Login(bg, s, y.rows["1"])
		if !errors.As(err, &size) || strings.Join(size.Largest, " ") != "cart" {
			t.Errorf("Login: %v", err)
		}
		same(t, "user", y.who(s), "")
	})
	silent(t, out)
	same(t, "cookie", b[sessionName], before[sessionName])
	same(t, "events", y.events, "[]")
	// A smaller cart is taken, and then the login.
	y.add(b, "biscuits")
	y.login(b, "1")
	same(t, "cart", y.cartOf(b), "biscuits")
}

// TestF504_LongID: an id of OpenID Connect's longest logs in, where it fits.
func TestF504_LongID(t *testing.T) {
	id := strings.Repeat("s", 255)
	x, b := newSite(t, ring(t, 1)), browser{}
	x.rows[id] = &user{ID: id, Hash: "h"}
	x.login(b, id)
	got, _ := x.whoami(b)
	same(t, "user", got, id)
	y := x.lowered(t)
	n := 0
	y.visit(browser{}, func(s *ssestore.Session) {
		for cart.Set(s, strings.Repeat("x", n+1)) == nil {
			n++
		}
		var size *cookie.SizeError
		if err := y.users.Login(bg, s, x.rows[id]); !errors.As(err, &size) {
			t.Errorf("Login: %v", err)
		}
		same(t, "events", y.events, "[]")
		if err := y.users.Login(bg, s, x.rows["1"]); err != nil {
			t.Error(err)
		}
	})
}

// Package signin and other code that gets a Manager ask it for a user's id.
func TestManagerID(t *testing.T) {
	m := newSite(t, ring(t, 1)).users
	if id := m.ID(&user{ID: "7"}); id != "7" {
		t.Errorf("%q", id)
	}
	var none *auth.Manager[*user]
	for what, id := range map[string]string{
		"a nil user": m.ID(nil), "a nil Manager": none.ID(&user{ID: "7"}), "the zero Manager": new(auth.Manager[*user]).ID(&user{ID: "7"}),
	} {
		if id != "" {
			t.Errorf("%s: %q", what, id)
		}
	}
}
