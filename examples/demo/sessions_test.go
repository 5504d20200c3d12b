package main

import (
	"database/sql"
	"fmt"
	"math"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hardtack-go/hardtack/marks"
)

// rows returns the ids in the list of sessions that can be ended, newest first.
func (g *guest) rows() (ids []string) {
	g.t.Helper()
	page := g.Get("/sessions").Want(g.t, 200, "").Text
	for _, m := range regexp.MustCompile(`action="/sessions/end"><input type="hidden" name="id" value="(\d+)"`).FindAllStringSubmatch(page, -1) {
		ids = append(ids, m[1])
	}
	if n := strings.Count(page, "this one<"); n != 1 {
		g.t.Errorf("%d sessions are this one:\n%s", n, page)
	}
	return ids
}

// as is a visitor who has logged in with a browser that says what it is.
func (s *site) as(t *testing.T, email, userAgent string) *guest {
	t.Helper()
	v := s.visitor(t)
	r := v.Request("POST", "/login", url.Values{"email": {email}, "password": {seedPassword}})
	r.Header.Set("User-Agent", userAgent)
	v.Do(r).Want(t, 303, "/")
	return v
}

const (
	firefox = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0"
	safari  = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1"
	chrome  = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"
)

func TestDevice(t *testing.T) {
	for ua, want := range map[string]string{
		firefox: "Firefox on Windows", safari: "Safari on an iPhone", chrome: "Chrome on Linux",
		chrome + " Edg/140.0.0.0": "Edge on Linux", chrome + " OPR/120.0": "Opera on Linux",
		"Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Mobile Safari/537.36":          "Chrome on Android",
		"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Safari/605.1.15": "Safari on a Mac",
		"Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36":        "Chrome on a Chromebook",
		"curl/8.14.1": "A program, or an unusual browser", "": "A program, or an unusual browser", "Firefox/1.0": "Firefox",
		"Chrome/1 <script>Windows": "Chrome on Windows",
	} {
		if got := device(ua); got != want {
			t.Errorf("%q: %q, want %q", ua, got, want)
		}
	}
}

// dump returns every value in a table, as text.
func dump(t *testing.T, s *site, table string) (all []string) {
	t.Helper()
	rows, err := s.users.db.Query(`SELECT * FROM ` + table)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	names, _ := rows.Columns()
	for rows.Next() {
		values, into := make([]sql.NullString, len(names)), make([]any, len(names))
		for i := range values {
			into[i] = &values[i]
		}
		if err := rows.Scan(into...); err != nil {
			t.Fatal(err)
		}
		for _, v := range values {
			all = append(all, v.String)
		}
	}
	return all
}

func TestY80_ListOfSessions(t *testing.T) {
	s := start(t)
	v := s.as(t, bob, firefox)
	phone := s.as(t, bob, safari)
	s.as(t, ada, chrome)
	if ids := v.rows(); len(ids) != 1 {
		t.Errorf("bob can end the sessions %q", ids)
	}
	v.Get("/sessions").Says(t, "Firefox on Windows<small>Logged in today at ").Says(t, "with your password").Says(t, "Safari on an iPhone")
	phone.rows()

	// Nothing in the table logs anybody in, and none of it is what a client sent.
	before := dump(t, s, "sessions")
	for _, value := range before {
		if value == "" || value == firefox || strings.Contains(v.Cookie(), value) && len(value) > 2 {
			t.Errorf("the table holds %q", value)
		}
		thief := s.visitor(t)
		thief.SetCookie(value)
		if who := thief.Who(); who != "" {
			t.Errorf("%q logs %s in", value, who)
		}
	}

	// Visits don't write it.
	v.Get("/")
	v.Post("/cart", "item", "rope")
	v.Get("/members")
	if after := dump(t, s, "sessions"); fmt.Sprint(after) != fmt.Sprint(before) {
		t.Errorf("the table was %q and is %q", before, after)
	}

	// A login over a session takes its place, and a logout takes it out.
	phone.Login(bob, seedPassword).Want(t, 303, "/")
	if ids := v.rows(); len(ids) != 1 {
		t.Errorf("after a second login on the phone bob can end %q", ids)
	}
	phone.Post("/logout").Want(t, 303, "/")
	if ids := v.rows(); len(ids) != 0 {
		t.Errorf("after the logout bob can end %q", ids)
	}

	// A new password ends the others, and keeps this one in the list.
	phone = s.as(t, bob, safari)
	v.Post("/change", "current", seedPassword, "password", "another one, as long")
	if v.Who() != bob || phone.Who() != "" {
		t.Fatal("the change of the password ended the wrong session")
	}
	if ids := v.rows(); len(ids) != 0 {
		t.Errorf("after the change bob can end %q", ids)
	}
	again := s.visitor(t)
	again.Login(bob, "another one, as long").Want(t, 303, "/")
	if ids := again.rows(); len(ids) != 1 {
		t.Errorf("the session that changed the password isn't listed: %q", ids)
	}

	// What must be over by now isn't listed, and the next login forgets it.
	if _, err := s.users.db.Exec(`UPDATE sessions SET until = 1 WHERE device = 'Firefox on Windows'`); err != nil {
		t.Fatal(err)
	}
	if ids := again.rows(); len(ids) != 0 {
		t.Errorf("bob can end sessions that are over: %q", ids)
	}
	s.as(t, ada, chrome)
	if slices.Contains(dump(t, s, "sessions"), "Firefox on Windows") {
		t.Error("a session that is over is still in the table")
	}
}

func TestY81_EndOneSession(t *testing.T) {
	s := start(t)
	v, phone, third := s.as(t, bob, firefox), s.as(t, bob, safari), s.as(t, bob, chrome)
	copied := phone.Cookie()
	ids := v.rows() // the third comes first
	if len(ids) != 2 {
		t.Fatalf("bob can end %q", ids)
	}
	boss := s.as(t, ada, chrome)
	boss.Post("/sessions/end", "id", ids[1]).Want(t, 303, "/sessions")
	if phone.Who() != bob {
		t.Fatal("Ada has ended Bob's session from the list")
	}
	v.Post("/sessions/end", "id", ids[1]).Want(t, 303, "/sessions")
	v.Get("/sessions").Says(t, "That session is over")
	phone.Get("/members").Want(t, 302, "/login?why=revoked&next=/members")
	phone.Get("/login?why=revoked").Says(t, "This session was ended")
	thief := s.visitor(t)
	thief.SetCookie(copied)
	if thief.Who() != "" || v.Who() != bob || third.Who() != bob || boss.Who() != ada {
		t.Error("the wrong sessions are over")
	}
	v.Post("/sessions/end", "id", ids[1]).Want(t, 303, "/sessions")
	v.Get("/sessions").Says(t, "over already")
	v.Post("/sessions/end", "id", "x").Want(t, 303, "/sessions")
	s.visitor(t).Post("/sessions/end", "id", ids[0]).Want(t, 303, "/login")
	if third.Who() != bob {
		t.Error("a stranger has ended a session")
	}

	// After a logout a copy of the cookie is over, too.
	copied = third.Cookie()
	third.Post("/logout").Want(t, 303, "/")
	thief.SetCookie(copied)
	if thief.Who() != "" {
		t.Error("a copy outlives the logout")
	}

	// When the mark can't be kept, the row stays for another try.
	again := s.as(t, bob, safari)
	id := v.rows()[0]
	if _, err := s.users.db.Exec(`CREATE TRIGGER full BEFORE INSERT ON marks BEGIN SELECT RAISE(FAIL, 'full'); END`); err != nil {
		t.Fatal(err)
	}
	v.Post("/sessions/end", "id", id).Want(t, 503, "")
	if again.Who() != "" {
		t.Error("the mark isn't in effect in the process that made it")
	}
	again = s.as(t, bob, safari)
	again.Post("/logout").Want(t, 303, "/")
	if again.Cookie() != "" || !strings.Contains(s.log.String(), "unpublished=") {
		t.Errorf("a logout without a mark is kept quiet:\n%s", s.log)
	}
	if _, err := s.users.db.Exec(`DROP TRIGGER full`); err != nil {
		t.Fatal(err)
	}
	v.Post("/sessions/end", "id", id).Want(t, 303, "/sessions")
}

func TestY82_LogOutTheOthers(t *testing.T) {
	s := start(t)
	v, phone := s.as(t, bob, firefox), s.as(t, bob, safari)
	boss := s.as(t, ada, chrome)
	v.Post("/cart", "item", "rope")
	copied := v.Cookie()
	v.Post("/sessions/others").Want(t, 303, "/sessions")
	v.Get("/sessions").Says(t, "All your other sessions are over").Says(t, "Firefox on Windows")
	thief := s.visitor(t)
	thief.SetCookie(copied)
	if v.Who() != bob || phone.Who() != "" || thief.Who() != "" || boss.Who() != ada {
		t.Error("the wrong sessions are over")
	}
	v.Get("/").Says(t, "<li>rope</li>")
	if ids := v.rows(); len(ids) != 0 {
		t.Errorf("bob can still end %q", ids)
	}
	// Logging in again at once works, and the list knows this one's new name.
	phone.Login(bob, seedPassword).Want(t, 303, "/")
	ids := phone.rows()
	if phone.Who() != bob || len(ids) != 1 {
		t.Fatalf("after a new login bob can end %q", ids)
	}
	phone.Post("/sessions/end", "id", ids[0]).Want(t, 303, "/sessions")
	if v.Who() != "" {
		t.Error("the list names the session as it was before")
	}

	// Everywhere needs no marks: the user's stamp changes.
	v.Login(bob, seedPassword)
	n := s.keys.Marks().Len()
	v.Post("/logout/everywhere").Want(t, 303, "/")
	if v.Who() != "" || phone.Who() != "" || s.keys.Marks().Len() > n+1 {
		t.Error("somebody is still logged in")
	}
}

func TestY83_StaffKick(t *testing.T) {
	s := start(t)
	boss, v, phone := s.as(t, ada, chrome), s.as(t, bob, firefox), s.as(t, bob, safari)
	v.Post("/staff/kick", "id", "1").Want(t, 404, "")
	boss.Get("/staff").Says(t, `action="/staff/kick"`)
	boss.Post("/staff/kick", "id", "2").Want(t, 303, "/staff")
	boss.Get("/staff").Says(t, "Their sessions are over")
	if v.Who() != "" || phone.Who() != "" || boss.Who() != ada {
		t.Error("the wrong sessions are over")
	}
	v.Login(bob, seedPassword).Want(t, 303, "/")
	v.Post("/sessions/others").Want(t, 303, "/sessions") // which moves its time of issue ahead
	boss.Post("/staff/kick", "id", "2").Want(t, 303, "/staff")
	if v.Who() != "" {
		t.Error("a session that has logged out the others outlives the kick")
	}
	// In the same second, as a rule.
	v.Login(bob, seedPassword).Want(t, 303, "/")
	if ids := v.rows(); v.Who() != bob || len(ids) != 0 {
		t.Errorf("bob can't log in again, or can end %q", ids)
	}
	boss.Post("/staff/kick", "id", "").Want(t, 503, "")
}

// A single process keeps its marks in the database.
func TestY84_MarksOutliveTheProcess(t *testing.T) {
	s := start(t)
	v, phone, boss := s.as(t, bob, firefox), s.as(t, bob, safari), s.as(t, ada, chrome)
	one, all := phone.Cookie(), boss.Cookie()
	v.Post("/sessions/end", "id", v.rows()[0]).Want(t, 303, "/sessions")
	if err := s.accounts.Kick(t.Context(), "1"); err != nil {
		t.Fatal(err)
	}
	// One that is over is forgotten.
	if _, err := s.users.db.Exec(`INSERT INTO marks (kind, id, issued_before, until) VALUES (1, 'old', 0, 1)`); err != nil {
		t.Fatal(err)
	}
	next := start(t, func(c *config) { c.DB, c.Keys = s.cfg.DB, s.cfg.Keys })
	for value, want := range map[string]string{one: "", all: "", v.Cookie(): bob} {
		g := next.visitor(t)
		g.SetCookie(value)
		if who := g.Who(); who != want {
			t.Errorf("the next process takes a session for that of %q, want %q", who, want)
		}
	}
	if n := len(dump(t, next, "marks")); n != 2*4 {
		t.Errorf("%d values are kept in marks", n)
	}
	// Of two marks for one user, the later counts, whichever is kept last.
	later := marks.Mark{Kind: marks.User, ID: "2", Before: 20, Until: math.MaxInt32}
	for _, m := range []marks.Mark{later, {Kind: marks.User, ID: "2", Before: 10, Until: math.MaxInt32 - 1}} {
		if err := next.users.KeepMark(t.Context(), m); err != nil {
			t.Fatal(err)
		}
	}
	if all, err := next.users.Marks(t.Context(), time.Now()); err != nil || !slices.Contains(all, later) {
		t.Errorf("the next start reads %+v, %v", all, err)
	}
}

// The old application's cookie becomes a session of this one.
func TestY85_TakeOver(t *testing.T) {
	s := start(t)
	old := func(v *guest) string { return v.CookieNamed(oldCookie) }
	v := s.visitor(t)
	v.Get("/old").Want(t, 200, "").Says(t, "nothing to take over")
	v.Post("/old").Want(t, 303, "/old")
	copied := old(v)
	v.Get("/old").Says(t, copied).Says(t, `href="/members"`)
	if v.Cookie() != "" {
		t.Fatal("the old application's page took the session over itself")
	}
	v.Get("/members").Want(t, 200, "").Says(t, "taken over")
	if v.Who() != oldEmail || old(v) != "" || v.Cookie() == "" {
		t.Errorf("%q is logged in, the old cookie is %q", v.Who(), old(v))
	}
	v.rows() // it is this one, though nobody has listed it
	v.Get("/old").Says(t, "has a cookie of the new application already")
	v.Post("/logout").Want(t, 303, "/")
	if v.Who() != "" {
		t.Error("the logout was undone")
	}

	// A cookie of this application counts more.
	bobs := s.as(t, bob, firefox)
	bobs.Post("/old").Want(t, 303, "/old")
	if bobs.Who() != bob {
		t.Error("the old cookie counts more")
	}

	// Other sites can't plant one.
	r := v.Request("POST", "/old", url.Values{})
	r.Header.Set("Sec-Fetch-Site", "cross-site")
	v.Do(r).Want(t, 403, "")

	// What ends the sessions of a user ends those of the old application. Each has a site
	// of its own, because it ends what begins in the same second, too.
	for name, end := range map[string]func(s *site, in *guest){
		"kick": func(s *site, _ *guest) {
			s.as(t, ada, chrome).Post("/staff/kick", "id", "3").Want(t, 303, "/staff")
		},
		"closed": func(s *site, _ *guest) {
			s.as(t, ada, chrome).Post("/staff/disable", "id", "3", "close", "1").Want(t, 303, "/staff")
		},
		"everywhere": func(_ *site, in *guest) { in.Post("/logout/everywhere").Want(t, 303, "/") },
	} {
		s := start(t)
		in, v := s.visitor(t), s.visitor(t)
		in.Post("/old").Want(t, 303, "/old")
		v.Post("/old").Want(t, 303, "/old")
		if who := in.Who(); who != oldEmail {
			t.Fatalf("%s: %q is in by an old cookie", name, who)
		}
		end(s, in)
		if who := v.Who(); who != "" {
			t.Errorf("%s: %s is in by an old cookie", name, who)
		}
	}
	if err := s.users.SetDisabled(t.Context(), "3", true); err != nil {
		t.Fatal(err)
	}
	s.visitor(t).Post("/old").Want(t, 403, "")
}
