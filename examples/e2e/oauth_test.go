package e2e_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"

	idp "github.com/hardtack-go/hardtack/examples/internal/harbour"
)

// TestO3_RealProvider logs people in at the provider of zitadel/oidc, without a browser.
func TestO3_RealProvider(t *testing.T) {
	s := newOAuthSite(t, true, false)
	ada, other := s.surfer(t), s.surfer(t)
	p := ada.as(ada.toHarbour("/oauth/harbour", url.Values{"next": {"/members?page=1"}}), "ada")
	if p.url.Path != "/members" || p.url.RawQuery != "page=1" || ada.who() != "Ada Lovelace ada@example.com true by oauth:harbour, 1 connected" {
		t.Fatalf("%d at %s: %s\n%q", p.status, p.url, p.body, s.fails())
	}
	p = other.as(other.toHarbour("/oauth/harbour", nil), "bob")
	if other.who() != "Bob Stone bob@example.com false by oauth:harbour, 1 connected" {
		t.Fatalf("%d at %s: %s\n%q", p.status, p.url, p.body, s.fails())
	}
	if n := s.harbour.Exchanges(); n != 2 {
		t.Errorf("%d token requests for two logins", n)
	}
	// Once more, and the account is the same.
	third := s.surfer(t)
	third.as(third.toHarbour("/oauth/harbour", nil), "ada")
	if third.who() != ada.who() {
		t.Errorf("%s", third.who())
	}
	if len(s.guests.rows) != 2 {
		t.Errorf("%d accounts", len(s.guests.rows))
	}
	if fails := s.fails(); fails != nil {
		t.Error(fails)
	}
}

// TestO5_O6_TwelveTabsAtTheRealProvider starts twelve logins at once and finishes them
// at once, after somebody else has tried to.
func TestO5_O6_TwelveTabsAtTheRealProvider(t *testing.T) {
	s := newOAuthSite(t, true, false)
	ada, eve := s.surfer(t), s.surfer(t)
	ada.get("/login")
	var wg sync.WaitGroup
	forms := make([]pageSeen, 12)
	for i := range forms {
		wg.Go(func() {
			forms[i] = ada.toHarbour("/oauth/harbour", url.Values{"next": {fmt.Sprint("/members?tab=", i)}})
		})
	}
	wg.Wait()
	// Eve gets hold of a callback, before Ada does.
	callback := func(p pageSeen, person string) string {
		follow := ada.client.CheckRedirect
		defer func() { ada.client.CheckRedirect = follow }()
		to := ""
		ada.client.CheckRedirect = func(r *http.Request, _ []*http.Request) error {
			if strings.HasPrefix(r.URL.String(), s.base) {
				to = r.URL.String()
				return http.ErrUseLastResponse
			}
			return nil
		}
		ada.as(p, person)
		return to
	}
	back := make([]string, len(forms))
	for i, p := range forms {
		back[i] = callback(p, "ada")
		if p := eve.get(back[i]); p.status != http.StatusBadRequest {
			t.Errorf("another browser: %d\n%s", p.status, p.body)
		}
	}
	ended := make([]pageSeen, len(forms))
	for i := range forms {
		wg.Go(func() { ended[i] = ada.get(back[i]) })
	}
	wg.Wait()
	for i, p := range ended {
		if p.url.RawQuery != fmt.Sprint("tab=", i) || p.status != http.StatusOK {
			t.Errorf("tab %d: %d at %s", i, p.status, p.url)
		}
	}
	if eve.who() != "nobody" || !strings.HasPrefix(ada.who(), "Ada Lovelace") || s.harbour.Exchanges() != 12 {
		t.Errorf("Eve is %s, Ada %s, %d token requests", eve.who(), ada.who(), s.harbour.Exchanges())
	}
}

// TestO7_O8_TheRealProviderTakesACodeOnce: the provider refuses a code that comes twice,
// and one that belongs to another flow.
func TestO7_O8_TheRealProviderTakesACodeOnce(t *testing.T) {
	s := newOAuthSite(t, true, false)
	ada, eve := s.surfer(t), s.surfer(t)
	var callback string
	ada.client.CheckRedirect = func(r *http.Request, _ []*http.Request) error {
		if r.URL.Path == "/oauth/harbour/callback" {
			callback = r.URL.String()
		}
		return nil
	}
	ada.as(ada.toHarbour("/oauth/harbour", nil), "ada")
	if p := ada.get(callback); p.url.Path != "/members" {
		t.Errorf("a second time: %d at %s", p.status, p.url)
	}
	ada.post("/logout", nil)
	if p := ada.get(callback); p.status != http.StatusBadRequest || ada.who() != "nobody" {
		t.Errorf("after the logout: %d, %s", p.status, ada.who())
	}
	// Eve's state with Ada's code, which Ada hasn't used yet.
	ada.client.CheckRedirect = func(r *http.Request, _ []*http.Request) error {
		if r.URL.Path == "/oauth/harbour/callback" {
			callback = r.URL.String()
			return http.ErrUseLastResponse
		}
		return nil
	}
	ada.as(ada.toHarbour("/oauth/harbour", nil), "ada")
	stolen, err := url.Parse(callback)
	if err != nil {
		t.Fatal(err)
	}
	eve.client.CheckRedirect = func(r *http.Request, _ []*http.Request) error {
		if r.URL.Path == "/oauth/harbour/callback" {
			q := r.URL.Query()
			q.Set("code", stolen.Query().Get("code"))
			r.URL.RawQuery = q.Encode()
		}
		return nil
	}
	p := eve.as(eve.toHarbour("/oauth/harbour", nil), "bob")
	if p.status != http.StatusBadGateway || eve.who() != "nobody" {
		t.Errorf("injected code: %d, %s", p.status, eve.who())
	}
}

// TestO10_O11_O12_O18_O19_TheRealProviderLies: what the provider says wrong lets nobody in.
func TestO10_O11_O12_O18_O19_TheRealProviderLies(t *testing.T) {
	s := newOAuthSite(t, true, false)
	for _, row := range []struct {
		name   string
		lies   idp.Lies
		person string
		status int
	}{
		{"another nonce", idp.Lies{Nonce: "x"}, "ada", http.StatusBadGateway},
		{"another subject", idp.Lies{Subject: "bob"}, "ada", http.StatusBadGateway},
		{"another iss", idp.Lies{Iss: "https://evil.example"}, "ada", http.StatusBadGateway},
		{"no iss", idp.Lies{Iss: "-"}, "ada", http.StatusBadGateway},
		{"cancel", idp.Lies{}, "", http.StatusForbidden},
	} {
		s.harbour.Lie(idp.Lies{})
		v := s.surfer(t)
		form := v.toHarbour("/oauth/harbour", nil)
		s.harbour.Lie(row.lies)
		if p := v.as(form, row.person); p.status != row.status || v.who() != "nobody" {
			t.Errorf("%s: %d, %s", row.name, p.status, v.who())
		}
	}
	s.harbour.Lie(idp.Lies{Verified: "true"})
	v := s.surfer(t)
	v.as(v.toHarbour("/oauth/harbour", nil), "ada")
	if !strings.HasPrefix(v.who(), "Ada Lovelace ada@example.com false") {
		t.Errorf("verified as a text: %s, %q", v.who(), s.fails())
	}
	// A provider that is down doesn't stop the program: this one has never asked it.
	s = newOAuthSite(t, true, false)
	s.harbour.Lie(idp.Lies{Down: true})
	v = s.surfer(t)
	if p := v.post("/oauth/harbour", nil); p.status != http.StatusServiceUnavailable || !strings.Contains(p.body, "Harbour ID can’t be reached") {
		t.Errorf("down: %d\n%s", p.status, p.body)
	}
}

// TestO1_O3_Browser goes through a login in Chromium, from pages with form-action
// 'self', to a provider on another site.
func TestO1_O3_Browser(t *testing.T) {
	s := newOAuthSite(t, false, false)
	b := openBrowser(t, s.base)
	violations := b.violations()
	b.open("/login")
	b.press("#harbour")
	b.reach(s.issuer + "/login")
	b.shoot("harbour-id")
	if referrer := eval[string](b, `document.referrer`); referrer != "" {
		t.Errorf("the provider is told %q", referrer)
	}
	// Back leads to the login page, and not to the page in between.
	eval[bool](b, `setTimeout(() => history.back(), 50) > 0`)
	b.reach(s.base + "/login")
	b.press("#harbour")
	b.reach(s.issuer + "/login")
	b.press(`button[value="ada"]`)
	b.reach(s.base + "/members?page=1")
	b.says("Ada Lovelace ada@example.com true by oauth:harbour")
	// And from there to the form of the provider, whose login is over.
	eval[bool](b, `setTimeout(() => history.back(), 50) > 0`)
	b.reach(s.issuer + "/login")
	if who := b.who(); !strings.HasPrefix(who, "Ada Lovelace") {
		t.Errorf("after Back: %q", who)
	}
	// Cancel.
	b.open("/login")
	b.press("#harbour")
	b.reach(s.issuer + "/login")
	b.press(`button[value=""]`)
	b.reach(s.base + "/members?page=1") // who is logged in goes on
	if v := violations(); len(v) != 0 {
		t.Errorf("violations: %q", v)
	}
	if fails := s.fails(); len(fails) != 0 {
		t.Errorf("failures: %q", fails)
	}
	// The control: a redirect stays on the login page, and the browser says why.
	b.open("/login")
	b.press("#redirect")
	eventually(t, "the violation", func() bool { return len(violations()) > 0 })
	if v := violations(); !strings.Contains(v[0], "form-action") || b.at() != "/login" {
		t.Errorf("at %s, violations: %q", b.at(), v)
	}
}

// TestO14_O23_StrictSessionInABrowser: the session isn't sent with the callback, and
// nothing is lost.
func TestO14_O23_StrictSessionInABrowser(t *testing.T) {
	s := newOAuthSite(t, false, true)
	b := openBrowser(t, s.base)
	b.open("/login")
	b.press("#enter")
	b.reach(s.base + "/members")
	b.says("Eve by password, 0 connected")
	b.press("#connect")
	b.reach(s.issuer + "/login")
	b.press(`button[value="bob"]`)
	b.reach(s.base + "/members")
	b.says("Eve by password, 1 connected")
	// A login, and the first page after it knows who is there.
	other := openBrowser(t, s.base)
	other.open("/login")
	other.press("#harbour")
	other.reach(s.issuer + "/login")
	other.press(`button[value="bob"]`)
	other.reach(s.base + "/members?page=1")
	other.says("Eve by oauth:harbour, 1 connected")
}

// TestO5_O6_TabsOfABrowser: tabs that start at once all come home, and another browser
// with their addresses doesn't.
func TestO5_O6_TabsOfABrowser(t *testing.T) {
	s := newOAuthSite(t, false, false)
	b := openBrowser(t, s.base)
	tabs := []*browserTab{b}
	for len(tabs) < 12 {
		tabs = append(tabs, b.newTab())
	}
	together := func(f func(*browserTab)) {
		var wg sync.WaitGroup
		for _, tab := range tabs {
			wg.Go(func() { f(tab) })
		}
		wg.Wait()
	}
	together(func(tab *browserTab) { tab.open("/login") })
	together(func(tab *browserTab) {
		eval[bool](tab, `setTimeout(() => document.querySelector("#harbour").click(), 50) > 0`)
	})
	for _, tab := range tabs {
		tab.reach(s.issuer + "/login")
	}
	together(func(tab *browserTab) {
		eval[bool](tab, `setTimeout(() => document.querySelector("button").click(), 50) > 0`)
	})
	for _, tab := range tabs {
		tab.reach(s.base + "/members?page=1")
		tab.says("Ada Lovelace")
	}
	if n := s.harbour.Exchanges(); n != 12 {
		t.Errorf("%d token requests", n)
	}
}
