package auth_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/hardtack-go/hardtack/auth"
	"github.com/hardtack-go/hardtack/ssestore"
)

// Advisories of other libraries, each impossible here. docs/ADVISORIES.md has
// the whole list.

// Fiber CVE-2024-38513, express-openid-connect CVE-2021-41246: a session that
// an attacker planted becomes the victim's at login.
func TestAdvisory_Fixation(t *testing.T) {
	x, attacker := newSite(t, ring(t, 1)), browser{}
	x.add(attacker, "planted")
	victim := attacker.copy()
	planted := claims(t, victim)["sid"]
	x.login(victim, "1")
	if claims(t, victim)["sid"] == planted {
		t.Error("the planted session id survived the login")
	}
	id, _ := x.whoami(attacker)
	same(t, "the attacker's copy", id, "")
	// Also when the attacker's session belongs to the attacker.
	x.login(attacker, "2")
	x.add(attacker, "planted")
	victim = attacker.copy()
	x.login(victim, "1")
	id, _ = x.whoami(attacker)
	same(t, "the attacker's own session", id, "2")
	same(t, "what the attacker planted", x.cartOf(victim), "")
}

// symfony CVE-2021-41268, better-auth GHSA-2vg6: a session survives a password
// change or the deletion of its user.
func TestAdvisory_SurvivesPasswordChange(t *testing.T) {
	for name, change := range map[string]func(x *site){
		"changed":           func(x *site) { x.rows["1"].Hash = "new hash" },
		"emptied":           func(x *site) { x.rows["1"].Hash = "" },
		"one byte longer":   func(x *site) { x.rows["1"].Hash += " " },
		"deleted":           func(x *site) { delete(x.rows, "1") },
		"replaced by other": func(x *site) { x.rows["1"] = &user{ID: "1", Hash: "of a new account under the old id"} },
	} {
		for _, keys := range [][]int{{1}, {2, 1}, {3, 2, 1}} {
			x, b := newSite(t, ring(t, 1)), browser{}
			x.login(b, "1")
			change(x)
			id, _ := x.on(ring(t, keys...)).whoami(b)
			same(t, name, id, "")
		}
	}
}

// … and changing it back does not bring a cleared session back in the browser
// that was told.
func TestAdvisory_SurvivesPasswordChangeAndBack(t *testing.T) {
	x, b := newSite(t, ring(t, 1)), browser{}
	x.login(b, "1")
	x.now = t0.Add(2 * time.Minute)
	x.rows["1"].Hash = "new hash"
	x.whoami(b)
	x.rows["1"].Hash = "hash of one"
	id, _ := x.whoami(b)
	same(t, "user", id, "")
}

// Auth.js CVE-2026-73421: a configuration error yields a truthy object, and the
// check "is there a session" passes. Here no error comes with a user.
func TestAdvisory_ConfigErrorYieldsNoUser(t *testing.T) {
	x, b := newSite(t, ring(t, 1)), browser{}
	x.login(b, "1")
	for name, m := range map[string]*auth.Manager[*user]{
		"nil manager":  nil,
		"zero manager": new(auth.Manager[*user]),
	} {
		x.visit(b, func(s *ssestore.Session) {
			u, err := m.GetUser(bg, s)
			if u != nil || !errors.Is(err, auth.ErrUserStore) {
				t.Errorf("%s: GetUser = %v, %v", name, u, err)
			}
			if u, err := m.Authorize(bg, s); u != nil || err == nil {
				t.Errorf("%s: Authorize = %v, %v", name, u, err)
			}
			if m.Login(bg, s, x.rows["2"]) == nil || m.RefreshStamp(bg, s, x.rows["1"]) == nil || m.RecentLogin(bg, s, 1e18) {
				t.Errorf("%s: something succeeded", name)
			}
		})
		id, _ := x.whoami(b)
		same(t, name+": user", id, "1")
	}
	// Logging out needs no configuration.
	x.visit(b, func(s *ssestore.Session) {
		if err := (*auth.Manager[*user])(nil).Logout(bg, s); err != nil {
			t.Error(err)
		}
	})
	id, _ := x.whoami(b)
	same(t, "after Logout", id, "")

	for name, change := range map[string]func(*auth.Config[*user]){
		"UserByID": func(c *auth.Config[*user]) { c.UserByID = nil },
		"ID":       func(c *auth.Config[*user]) { c.ID = nil },
		"Stamp":    func(c *auth.Config[*user]) { c.Stamp = nil },
	} {
		c := auth.Config[*user]{
			UserByID: func(context.Context, string) (*user, error) { return x.rows["1"], nil },
			ID:       func(u *user) string { return u.ID },
			Stamp:    func(u *user) string { return u.Hash },
		}
		change(&c)
		m, err := auth.New(c)
		var field *auth.ConfigError
		if m != nil || !errors.As(err, &field) || field.Field != name {
			t.Errorf("without %s: %v, %v", name, m, err)
		}
	}
	_, err := auth.New(auth.Config[*user]{})
	for _, field := range []string{"UserByID", "ID", "Stamp"} {
		if err == nil || !strings.Contains(err.Error(), "auth: "+field+":") {
			t.Errorf("%s is not in %v", field, err)
		}
	}
	if _, err := auth.New(auth.Config[*user]{UserByID: func(context.Context, string) (*user, error) { return nil, nil },
		ID: func(u *user) string { return u.ID }, DangerouslySkipStamp: true}); err != nil {
		t.Errorf("without stamps: %v", err)
	}
}

// Missing middleware: every method survives a nil Session, and says so.
func TestNilSession_EveryMethod(t *testing.T) {
	x := newSite(t, ring(t, 1))
	v := reflect.ValueOf(x.users)
	seen := 0
	for i := range v.NumMethod() {
		method := v.Type().Method(i)
		if method.Type.NumIn() < 3 || method.Type.In(2) != reflect.TypeFor[*ssestore.Session]() {
			continue
		}
		seen++
		in := []reflect.Value{v, reflect.ValueOf(bg), reflect.Zero(method.Type.In(2))}
		for j := 3; j < method.Type.NumIn() && !(method.Type.IsVariadic() && j == method.Type.NumIn()-1); j++ {
			if method.Type.In(j) == reflect.TypeFor[*user]() {
				in = append(in, reflect.ValueOf(x.rows["1"]))
			} else {
				in = append(in, reflect.Zero(method.Type.In(j)))
			}
		}
		for _, out := range method.Func.Call(in) {
			if err, ok := out.Interface().(error); ok && !errors.Is(err, auth.ErrNoSession) {
				t.Errorf("%s: %v", method.Name, err)
			}
			if ok := out.Kind() == reflect.Bool && out.Bool(); ok {
				t.Errorf("%s says yes", method.Name)
			}
			if u, ok := out.Interface().(*user); ok && u != nil {
				t.Errorf("%s gives a user", method.Name)
			}
		}
	}
	if seen < 6 {
		t.Errorf("only %d methods take a Session", seen)
	}
	// The zero Session finds nobody and takes nobody.
	s := new(ssestore.Session)
	if u, err := x.users.GetUser(bg, s); u != nil || err == nil {
		t.Errorf("zero Session: %v, %v", u, err)
	}
	if err := x.users.Login(bg, s, x.rows["1"]); !errors.Is(err, auth.ErrNoSession) {
		t.Errorf("zero Session: Login: %v", err)
	}
}

// A session without a time fails closed.
func TestZeroTime(t *testing.T) {
	x, b := newSite(t, ring(t, 1)), browser{}
	x.login(b, "1")
	x.now = x.now.AddDate(-4000, 0, 0)
	s := x.store.Load(b.lines(), x.now)
	same(t, "user", x.who(s), "")
	if err := x.users.Login(bg, s, x.rows["1"]); err == nil {
		t.Error("a login without a time succeeded")
	}
	same(t, "RecentLogin", x.users.RecentLogin(bg, s, 1e18), false)
}

// A manager, its errors and its events show neither id nor stamp nor hash under
// any verb.
func TestT1_NothingPrints(t *testing.T) {
	x, b := newSite(t, ring(t, 1)), browser{}
	x.login(b, "1")
	stp := fmt.Sprint(claims(t, b)["stp"])
	x.visit(b, func(s *ssestore.Session) {
		x.who(s)
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%d", "%q"} {
			text := fmt.Sprintf(verb, s) + fmt.Sprintf(verb, s.Principal().Identity().Stamp)
			if strings.Contains(text, stp) || strings.Contains(text, "hash of one") {
				t.Errorf("%s shows a secret", verb)
			}
		}
	})
}
