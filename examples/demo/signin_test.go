package main

import (
	"database/sql"
	"errors"
	"fmt"
	"html"
	"log/slog"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hardtack-go/hardtack/auth"
	"github.com/hardtack-go/hardtack/examples/internal/visitor"
	"github.com/hardtack-go/hardtack/signin"
	"github.com/hardtack-go/hardtack/signin/oauth"
	"github.com/hardtack-go/hardtack/signin/passkey"
)

// harbour goes through Harbour ID as one of its people, from a form's path on.
func (g *guest) harbour(path, person string, pairs ...string) *visitor.Answer {
	g.t.Helper()
	lead := g.Post(path, pairs...).Want(g.t, 200, "")
	m := regexp.MustCompile(`href="([^"]+)"`).FindStringSubmatch(lead.Text)
	if m == nil {
		g.t.Fatalf("no way on:\n%s", lead.Text)
	}
	to := html.UnescapeString(m[1])
	for range 5 {
		a := g.Get(strings.TrimPrefix(to, g.s.URL))
		if a.StatusCode == 200 {
			id := regexp.MustCompile(`name="id" value="([^"]+)"`).FindStringSubmatch(a.Text)
			if id == nil {
				g.t.Fatalf("no form:\n%s", a.Text)
			}
			a = g.Post(harbourPath+"/login", "id", id[1], "person", person)
		}
		to = a.Header.Get("Location")
		if u, err := url.Parse(to); err == nil && u.Path == "/oauth/harbour/callback" {
			return g.Get(strings.TrimPrefix(to, g.s.URL))
		}
	}
	g.t.Fatalf("no callback, but %q", to)
	return nil
}

// hidden returns the value of a hidden field of a page.
func hidden(t *testing.T, a *visitor.Answer, name string) string {
	t.Helper()
	m := regexp.MustCompile(`name="` + name + `" value="([^"]+)"`).FindStringSubmatch(a.Text)
	if m == nil {
		t.Fatalf("no field %s in\n%s", name, a.Text)
	}
	return html.UnescapeString(m[1])
}

// people of Harbour ID.
const grace, adaThere, somebody = "1001", "1002", "1003"

func TestHarbour(t *testing.T) {
	s := start(t)
	v := s.visitor(t)
	v.Post("/cart", "item", "rope")
	v.harbour("/oauth/harbour", grace, "next", "/members").Want(t, 303, "/members")
	if who := v.Who(); who != "grace@harbour.example" {
		t.Errorf("%q is logged in\n%s", who, s.log)
	}
	v.Get("/").Says(t, "<li>rope</li>")
	v.Get("/account").Says(t, "with Harbour ID").Says(t, "address confirmed").Says(t, "Set a password by mail")
	// The second time it is the same account.
	again := s.visitor(t)
	again.harbour("/oauth/harbour", grace)
	if all, err := s.users.All(t.Context(), 10); err != nil || len(all) != len(seeds)+1 || again.Who() != "grace@harbour.example" {
		t.Errorf("%d users, %v", len(all), err)
	}

	// The address of an account opens nothing. Connected, the identity does.
	stranger := s.visitor(t)
	stranger.harbour("/oauth/harbour", adaThere).Want(t, 403, "")
	if who := stranger.Who(); who != "" {
		t.Errorf("%q is logged in", who)
	}
	owner := s.visitor(t)
	owner.Login(ada, seedPassword)
	owner.harbour("/oauth/harbour/connect", adaThere, "next", "/account").Want(t, 303, "/account")
	owner.Get("/account").Says(t, "ada@example.com, added today")
	stranger.harbour("/oauth/harbour", adaThere).Want(t, 303, "/")
	if who := stranger.Who(); who != ada {
		t.Errorf("%q is logged in", who)
	}
	other := s.visitor(t)
	other.Login(bob, seedPassword)
	other.harbour("/oauth/harbour/connect", adaThere).Want(t, 409, "")
	owner.Post("/oauth/harbour/disconnect", "next", "/account").Want(t, 303, "/account")
	s.visitor(t).harbour("/oauth/harbour", adaThere).Want(t, 403, "")
	s.visitor(t).harbour("/oauth/harbour", "").Want(t, 403, "") // cancelled
}

func TestPasslink(t *testing.T) {
	s := start(t)
	v := s.visitor(t)
	v.Post("/cart", "item", "rope")
	sent := v.Post("/passlink/", "email", bob, "next", "/members", "remember", "1").Want(t, 200, "").Says(t, `href="/mailbox"`)
	v.Get("/mailbox").Says(t, "To "+bob).Says(t, `<a href="`+s.URL+`/passlink/?token=`)
	mail := v.lastMail(bob)
	code := strings.TrimSpace(regexp.MustCompile(`(?m)^    \S{4}-\S{4}$`).FindString(mail))
	s.visitor(t).follow(mail).Want(t, 200, "").Says(t, code)
	v.Post("/passlink/enter", "pending", hidden(t, sent, "pending"), "code", "0000-0000").Want(t, 422, "").Says(t, `role="alert"`)

	// A rotation in between changes nothing.
	boss := s.visitor(t)
	boss.Login(ada, seedPassword)
	for range 2 {
		boss.Post("/keys/rotate").Want(t, 303, "/session")
	}
	v.Post("/passlink/enter", "token", hidden(t, v.follow(mail), "token")).Want(t, 303, "/members")
	if s := sessionOf(v); v.Who() != bob || !s.Persistent {
		t.Errorf("%q is logged in: %+v", v.Who(), s)
	}
	v.Get("/").Says(t, "<li>rope</li>")
	v.Get("/account").Says(t, "with a link in a mail")
	again := s.visitor(t)
	again.follow(mail).Want(t, 400, "").Says(t, "Ask for another")
	v.Post("/passlink/enter", "pending", hidden(t, sent, "pending"), "code", code).Want(t, 422, "")
}

func TestForgottenPassword(t *testing.T) {
	s := start(t)
	v, elsewhere := s.visitor(t), s.visitor(t)
	elsewhere.Login(bob, seedPassword)
	v.Post("/forgotten", "email", bob).Want(t, 200, "").Says(t, `href="/mailbox"`)
	mail := v.lastMail(bob)
	v.follow(mail).Says(t, "Choose a new password")
	v.Post("/reset", "password", "seven green bottles").Want(t, 200, "").Says(t, "Your password is set")
	if v.Who() != "" || elsewhere.Who() != "" {
		t.Error("somebody is logged in after a reset")
	}
	v.follow(mail).Want(t, 400, "")
	s.visitor(t).Login(bob, seedPassword).Want(t, 422, "")
	v.Login(bob, "seven green bottles").Want(t, 303, "/")
}

func TestChangeOfAddress(t *testing.T) {
	s := start(t)
	v, elsewhere := s.visitor(t), s.visitor(t)
	v.Login(bob, seedPassword)
	elsewhere.Login(bob, seedPassword)
	v.Post("/email", "current", seedPassword, "email", "robert@example.com").Want(t, 200, "")
	v.follow(v.lastMail("robert@example.com")).Says(t, "robert@example.com")
	v.Post("/moved").Want(t, 200, "")
	if who := v.Who(); who != "robert@example.com" {
		t.Errorf("%q is logged in", who)
	}
	if elsewhere.Who() != "" || len(v.rows()) != 0 {
		t.Error("another session goes on after the change of address")
	}
	if !strings.Contains(v.lastMail(bob), "robert@example.com") && !strings.Contains(v.lastMail(bob), "address") {
		t.Error("the old address isn't told")
	}
	s.visitor(t).Login(bob, seedPassword).Want(t, 422, "")
	s.visitor(t).Login("robert@example.com", seedPassword).Want(t, 303, "/")
}

// Whoever opened an account with an address that isn't theirs is out at its first proof.
func TestFirstProofPutsTheFirstComerOut(t *testing.T) {
	for _, way := range []string{"a link", "a new password"} {
		s := start(t)
		eve := s.visitor(t)
		eve.harbour("/oauth/harbour", somebody).Want(t, 303, "/")
		eve.Get("/account").Says(t, "address not confirmed")
		u, err := s.users.ByEmail(t.Context(), "unverified@harbour.example")
		if err != nil {
			t.Fatal(err)
		}
		if err := s.users.Save(t.Context(), u, passkey.Passkey{ID: "eve's", Handle: "h", Name: "Eve", Data: []byte("{}")}); err != nil {
			t.Fatal(err)
		}
		owner := s.visitor(t)
		if way == "a link" {
			owner.Post("/passlink/", "email", u.Email).Want(t, 200, "")
			owner.Post("/passlink/enter", "token", hidden(t, owner.follow(owner.lastMail(u.Email)), "token")).Want(t, 303, "/")
		} else {
			owner.Post("/forgotten", "email", u.Email).Want(t, 200, "")
			owner.follow(owner.lastMail(u.Email))
			owner.Post("/reset", "password", "seven green bottles").Want(t, 200, "")
			owner.Login(u.Email, "seven green bottles").Want(t, 303, "/")
		}
		owner.Get("/account").Says(t, "address confirmed")
		if who := eve.Who(); who != "" {
			t.Errorf("%s: the first comer is still there as %q", way, who)
		}
		eve.harbour("/oauth/harbour", somebody).Want(t, 403, "")
		if _, _, err := s.users.ByPasskey(t.Context(), "eve's"); !errors.Is(err, auth.ErrNoUser) {
			t.Errorf("%s: the passkey: %v", way, err)
		}
		// One that was read before can't be added any more.
		if err := s.users.Save(t.Context(), u, passkey.Passkey{ID: "late", Handle: "h", Name: "Eve", Data: []byte("{}")}); !errors.Is(err, signin.ErrChanged) {
			t.Errorf("%s: a late passkey: %v", way, err)
		}
		if err := s.users.Connect(t.Context(), u, oauth.Identity{Provider: "harbour", Issuer: "i", Subject: "late"}); !errors.Is(err, signin.ErrChanged) {
			t.Errorf("%s: a late connection: %v", way, err)
		}
	}
}

func TestClosedAccount(t *testing.T) {
	s := start(t)
	boss, v := s.visitor(t), s.visitor(t)
	boss.Login(ada, seedPassword)
	v.Login(bob, seedPassword)
	v.Post("/staff/disable", "id", "1", "close", "1").Want(t, 404, "")
	boss.Post("/staff/disable", "id", "1", "close", "1").Want(t, 303, "/staff")
	boss.Get("/staff").Says(t, "You can’t close your own account.")
	boss.Post("/staff/disable", "id", "2", "close", "1").Want(t, 303, "/staff")
	boss.Get("/staff").Says(t, "its sessions have ended").Says(t, ">closed<")
	if v.Who() != "" {
		t.Error("the session of a closed account goes on")
	}
	v = s.visitor(t)
	v.Login(bob, seedPassword).Want(t, 403, "").Says(t, "This account is closed").Says(t, `href="/login"`)
	v.Post("/passlink/", "email", bob)
	v.Post("/passlink/enter", "token", hidden(t, v.follow(v.lastMail(bob)), "token")).Want(t, 403, "")
	v.Login(bob, "wrong").Want(t, 422, "") // which tells nobody else
	if v.Who() != "" {
		t.Error("logged in to a closed account")
	}
	boss.Post("/staff/disable", "id", "2").Want(t, 303, "/staff")
	v.Login(bob, seedPassword).Want(t, 303, "/")
}

// A quarter of an hour after the login, the ways to log in can't be changed any more.
func TestRecentLogin(t *testing.T) {
	var late atomic.Int64
	s := start(t, func(c *config) {
		c.Now = func() time.Time { return time.Now().Add(time.Duration(late.Load())) }
	})
	v := s.visitor(t)
	s.visitor(t).Get("/account").Want(t, 302, "/login?next=/account")
	v.Login(bob, seedPassword)
	v.Get("/account").Says(t, `id="connect"`).Says(t, "data-passkey")
	late.Store(int64(16 * time.Minute))
	if page := v.Get("/account").Says(t, "That was a while ago").Text; strings.Contains(page, `id="connect"`) || strings.Contains(page, "data-passkey") {
		t.Error("the forms are there")
	}
	if a := v.Post("/oauth/harbour/connect"); a.StatusCode == 200 && strings.Contains(a.Text, harbourPath) {
		t.Error("connected after a quarter of an hour")
	}
	v.Post("/passkey/remove", "id", "x").Want(t, 403, "")
	v.Login(bob, seedPassword, "next", "/account").Want(t, 303, "/account")
	v.Get("/account").Says(t, `id="connect"`)
}

func TestPasskeyStorage(t *testing.T) {
	s := start(t)
	ctx := t.Context()
	load := func(email string) *User {
		u, err := s.users.ByEmail(ctx, email)
		if err != nil {
			t.Fatal(err)
		}
		return u
	}
	b, a := load(bob), load(ada)
	p := passkey.Passkey{ID: "AbC", Handle: "h", Name: "Laptop", Added: time.Unix(1_800_000_000, 0).UTC(), Data: []byte(`{"x":1}`)}
	if err := s.users.Save(ctx, b, p); err != nil {
		t.Fatal(err)
	}
	for _, u := range []*User{a, b} {
		if err := s.users.Save(ctx, u, p); !errors.Is(err, signin.ErrChanged) {
			t.Errorf("the same passkey again: %v", err)
		}
	}
	if _, _, err := s.users.ByPasskey(ctx, "aBc"); !errors.Is(err, auth.ErrNoUser) {
		t.Errorf("letters of another case: %v", err)
	}
	p.Version = 1
	u, got, err := s.users.ByPasskey(ctx, "AbC")
	if err != nil || u.ID != b.ID || fmt.Sprint(got) != fmt.Sprint(p) {
		t.Errorf("%+v, %+v, %v", u, got, err)
	}
	p.Name, p.Used = "Phone", p.Added.Add(time.Hour)
	if err := s.users.Save(ctx, a, p); !errors.Is(err, signin.ErrChanged) {
		t.Errorf("somebody else's: %v", err)
	}
	if err := s.users.Save(ctx, b, p); err != nil {
		t.Error(err)
	}
	if err := s.users.Save(ctx, b, p); !errors.Is(err, signin.ErrChanged) {
		t.Errorf("the same version twice: %v", err)
	}
	if all, err := s.users.Passkeys(ctx, b); err != nil || len(all) != 1 || all[0].Name != "Phone" || all[0].Version != 2 || !all[0].Used.Equal(p.Used) {
		t.Errorf("%+v, %v", all, err)
	}
	if err := s.users.Remove(ctx, a, "AbC"); err != nil {
		t.Error(err)
	}
	if all, _ := s.users.Passkeys(ctx, b); len(all) != 1 {
		t.Error("removed by somebody else")
	}
	if err := s.users.Remove(ctx, b, "AbC"); err != nil {
		t.Error(err)
	}
	if err := s.users.Save(ctx, b, p); !errors.Is(err, signin.ErrChanged) {
		t.Errorf("a removed one comes back: %v", err)
	}
}

// The last way in stays. Whoever has proven the address always has one: a mail.
func TestLastConnection(t *testing.T) {
	s := start(t)
	ctx := t.Context()
	u, err := s.users.Enter(ctx, oauth.Identity{Provider: "harbour", Issuer: "i", Subject: "1", Email: "Eve@example.com"})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.users.Disconnect(ctx, u, "harbour", ""); !errors.Is(err, oauth.ErrLast) {
		t.Errorf("the last way in: %v", err)
	}
	if err := s.users.Connect(ctx, u, oauth.Identity{Provider: "harbour", Issuer: "i", Subject: "2"}); err != nil {
		t.Error(err)
	}
	if err := s.users.Disconnect(ctx, u, "harbour", "1"); err != nil {
		t.Errorf("one of two: %v", err)
	}
	if all, err := s.users.Connections(ctx, u); err != nil || len(all) != 1 || all[0].Subject != "2" {
		t.Errorf("%+v, %v", all, err)
	}
	if _, err := s.users.Prove(ctx, u); err != nil {
		t.Error(err)
	}
	if err := s.users.Disconnect(ctx, u, "harbour", ""); err != nil {
		t.Errorf("with a proven address: %v", err)
	}
	if _, err := s.users.Enter(ctx, oauth.Identity{Provider: "harbour", Issuer: "i", Subject: "3"}); !errors.Is(err, auth.ErrNoUser) {
		t.Errorf("an identity without an address: %v", err)
	}
}

// A database of the first demo, which had one table, gets the others.
func TestDatabaseOfTheFirstDemo(t *testing.T) {
	path := filepath.Join(t.TempDir(), "users.db")
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.Exec(steps[0] + `; INSERT INTO users (email, hash, stamp, created) VALUES ('old@example.com', 'h', 's', 1)`); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		users, err := openUsers(t.Context(), path)
		if err != nil {
			t.Fatal(err)
		}
		u, err := users.ByEmail(t.Context(), "old@example.com")
		if err != nil || u.Proven || u.Disabled || u.Hash != "h" {
			t.Errorf("%+v, %v", u, err)
		}
		if err := users.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestMailbox(t *testing.T) {
	s := start(t)
	for i := range keptMails + 5 {
		if err := s.mails.Send(t.Context(), signin.Mail{To: bob, Subject: fmt.Sprint("No. ", i), Text: "a <b> https://example.com/?" + strings.Repeat("x", 100) + "\nend"}); err != nil {
			t.Fatal(err)
		}
	}
	page := s.visitor(t).Get("/mailbox").Want(t, 200, "").Text
	if n := strings.Count(page, "<article"); n != keptMails || strings.Contains(page, "No. 4<") || !strings.Contains(page, "No. 34<") {
		t.Errorf("%d mails", n)
	}
	want := `a &lt;b&gt; <a href="https://example.com/?` + strings.Repeat("x", 100) + `">https://example.com/?` + strings.Repeat("x", 38) + "…</a>\nend"
	if !strings.Contains(page, want) {
		t.Errorf("the page lacks %s", want)
	}
}

// Browsers have no passkeys for an IP address.
func TestNoPasskeysForAddresses(t *testing.T) {
	dir := t.TempDir()
	a, err := newApp(t.Context(), config{
		DB: filepath.Join(dir, "users.db"), Keys: filepath.Join(dir, "keys.json"), Log: slog.New(slog.DiscardHandler),
		Origin: "http://192.0.2.7:8080", InsecureHTTP: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	if a.passkeys != nil {
		t.Error("there are passkeys")
	}
}

func TestDay(t *testing.T) {
	now := time.Date(2026, 3, 1, 0, 30, 0, 0, time.UTC)
	for want, at := range map[string]time.Time{
		"today": now.Add(-20 * time.Minute), "yesterday": now.Add(-40 * time.Minute),
		"27 February": now.Add(-30 * time.Hour), "31 December 2025": time.Date(2025, 12, 31, 0, 0, 0, 0, time.UTC),
	} {
		if got := day(at, now); got != want {
			t.Errorf("%v: %q, want %q", at, got, want)
		}
	}
}
