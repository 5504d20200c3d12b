package rig_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/hardtack-go/hardtack/marks"
	"github.com/hardtack-go/hardtack/signin"
	"github.com/hardtack-go/hardtack/signin/internal/rig"
	"github.com/hardtack-go/hardtack/signin/oauth"
	"github.com/hardtack-go/hardtack/ssestore"
)

// The tests of this file are named for advisories about other people's logins, as those in
// fuzz/advisories are: docs/ADVISORIES.md has a line for each.

// nobody fails the test unless nobody is logged in.
func nobody(t *testing.T, what string, b *rig.Browser, res *rig.Answer) {
	t.Helper()
	if who := b.Who(); who != "nobody" || res.StatusCode < 400 {
		t.Errorf("%s: %d, and in is %s", what, res.StatusCode, who)
	}
}

// mailed returns to whom a form with this address sends mails.
func (s *site) mailed(path, email string) (to []string) {
	s.t.Helper()
	s.Mails.Take()
	if res := s.Browser(s.t).Post(path, url.Values{"email": {email}}); res.StatusCode >= 500 {
		s.t.Errorf("%s: %d", path, res.StatusCode)
	}
	for _, m := range s.Mails.Take() {
		to = append(to, m.To)
	}
	return to
}

var mailForms = []string{"/passlink/", "/password/forgotten", "/password/signup"}

func TestAdvisory_GHSA_5jpx_9hw9_2fx4_MailToAnotherAddress(t *testing.T) {
	s := newSite(t, rig.Options{})
	s.user(adasAddress, adasWord, true)
	for _, path := range mailForms {
		for _, typed := range []string{
			`"eve@evil.example"@example.com`, `"eve@evil.example x"@example.com`, `"ada@example.com,eve@evil.example"@example.com`,
			"eve@evil.example,ada@example.com", "ada@example.com,eve@evil.example", "ada@example.com eve@evil.example", "ada@example.com@evil.example",
			"<eve@evil.example> ada@example.com", "Ada <ada@example.com>", "ada@example.com\r\nBcc: eve@evil.example", "ada@example.com(eve@evil.example)",
		} {
			if to := s.mailed(path, typed); len(to) != 0 {
				t.Errorf("%s: %q makes a mail to %q", path, typed, to)
			}
		}
		if to := s.mailed(path, " Ada@Example.com "); len(to) != 1 || to[0] != adasAddress {
			t.Errorf("%s: a mail to %q", path, to)
		}
	}
}

func TestAdvisory_CVE_2026_73420_AtSignAfterANormalisation(t *testing.T) {
	s := newSite(t, rig.Options{})
	for _, path := range mailForms {
		for _, at := range []string{"\uff20", "\ufe6b"} {
			if to := s.mailed(path, "eve"+at+"evil.example@example.com"); len(to) != 0 {
				t.Errorf("%s: a mail to %q", path, to)
			}
		}
	}
}

func TestAdvisory_CVE_2026_26060_ResetAfterAnotherChange(t *testing.T) {
	s := newSite(t, rig.Options{})
	s.user(adasAddress, adasWord, true)
	s.Browser(t).Post("/password/forgotten", url.Values{"email": {adasAddress}})
	link, _ := s.mail()
	b := s.by(s.Browser(t), adasAddress, adasWord)
	if res := b.Post("/password/change", url.Values{"current": {adasWord}, "password": {evesWord}}); res.StatusCode >= 400 {
		t.Fatalf("%d: %s", res.StatusCode, res.Body)
	}
	hash := s.Users.Get("1").Hash
	thief := s.Browser(t)
	if res := thief.Get(link); res.StatusCode < 400 {
		t.Errorf("the link leads to %d %s", res.StatusCode, res.Location())
	}
	thief.Post("/password/reset", url.Values{"password": {"a third of mine"}})
	if s.Users.Get("1").Hash != hash {
		t.Error("the link of before the change sets a password")
	}
}

func TestAdvisory_CVE_2026_28268_ResetLinkTwice(t *testing.T) {
	s := newSite(t, rig.Options{})
	s.user(adasAddress, adasWord, true)
	s.Browser(t).Post("/password/forgotten", url.Values{"email": {adasAddress}})
	link, _ := s.mail()
	first, second := s.Browser(t), s.Browser(t)
	second.Get(link) // waits
	first.Get(link)
	if res := first.Post("/password/reset", url.Values{"password": {evesWord}}); res.StatusCode >= 400 {
		t.Fatalf("%d: %s", res.StatusCode, res.Body)
	}
	hash := s.Users.Get("1").Hash
	for _, b := range []*rig.Browser{first, second, s.Browser(t)} {
		b.Get(link)
		if res := b.Post("/password/reset", url.Values{"password": {"a third of mine"}}); res.StatusCode < 400 {
			t.Errorf("again: %d", res.StatusCode)
		}
	}
	if s.Users.Get("1").Hash != hash {
		t.Error("the link set a second password")
	}
}

// counted notes which accounts a throttle is asked about.
type counted map[string]bool

func (c counted) Allow(_ *http.Request, account string) (time.Duration, bool) {
	c[account] = true
	return 0, true
}

// The throttle goes by the clock, which stands still here.
func TestAdvisory_CVE_2025_24806_OneLimitForEachSpelling(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		attempts := func(throttle signin.Throttle, spellings ...string) int {
			s := newSite(t, rig.Options{Desk: func(c *signin.Config[*rig.User]) { c.Throttle = throttle }})
			s.user(adasAddress, adasWord, true)
			for n := range 30 {
				res := s.Browser(t).Post("/password/login", url.Values{"email": {spellings[n%len(spellings)]}, "password": {evesWord}})
				if res.StatusCode == http.StatusTooManyRequests {
					return n
				}
			}
			return 30
		}
		spellings := []string{adasAddress, "ADA@example.com", "Ada@Example.Com", " ada@example.com", "ada@EXAMPLE.com\t"}
		one, many := attempts(nil, adasAddress), attempts(nil, spellings...)
		if one != many || one == 30 {
			t.Errorf("%d attempts in one spelling, %d in several", one, many)
		}
		// A throttle of the application's own gets one spelling too.
		accounts := counted{}
		if attempts(accounts, spellings...); len(accounts) != 1 || !accounts[adasAddress] {
			t.Errorf("the throttle is asked about %v", accounts)
		}
	})
}

// two mounts two providers at /two/, and returns them.
func (s *site) two(ender *ends) (first, second *provider) {
	s.t.Helper()
	first, second = newProvider(s.t, s.Now), newProvider(s.t, s.Now)
	second.issuer = "https://second.example"
	c := oauth.Config[*rig.User]{Users: rig.OAuthUsers{Table: s.Users}, Path: "/two/", Providers: []*oauth.Provider{
		oauth.OIDC("first", first.issuer, "client", "secret"), oauth.OIDC("second", second.issuer, "client", "secret"),
	}}
	if ender != nil {
		c.Ender = ender
	}
	c.Providers[0].Client, c.Providers[1].Client = &http.Client{Transport: first}, &http.Client{Transport: second}
	h, err := oauth.New(s.Desk, c)
	if err != nil {
		s.t.Fatal(err)
	}
	s.Mux.Handle("/two/", h)
	return first, second
}

// ends notes what a provider ends.
type ends struct{ marks []marks.Mark }

func (e *ends) End(_ context.Context, m marks.Mark) error {
	e.marks = append(e.marks, m)
	return nil
}

func query(t *testing.T, link string) url.Values {
	t.Helper()
	u, err := url.Parse(link)
	if err != nil {
		t.Fatal(err)
	}
	return u.Query()
}

func TestAdvisory_CVE_2026_73419_StateOfAnotherProvider(t *testing.T) {
	s := newSite(t, rig.Options{})
	first, second := s.two(nil)
	for _, loggedIn := range []bool{false, true} {
		victim, eve := s.Browser(t), s.Browser(t)
		if loggedIn {
			s.by(victim, s.user("ada@example.com", adasWord, true).Email, adasWord)
		}
		// The victim starts with the first; Eve has a code of hers at the second.
		mine := first.accept(t, victim.Post("/two/first", nil), "ada@op.example")
		hers := second.accept(t, eve.Post("/two/second", nil), "eve@second.example")
		res := fromAfar(victim, "https://example.com/two/second/callback?"+url.Values{"code": {query(t, hers).Get("code")}, "state": {query(t, mine).Get("state")}}.Encode())
		if second.codes[query(t, hers).Get("code")] == nil {
			t.Error("the code is redeemed")
		}
		if loggedIn {
			if who := victim.Who(); who != "1 by password" || len(s.Users.Get("1").Connections) != 0 {
				t.Errorf("in is %s, with %v", who, s.Users.Get("1"))
			}
		} else {
			nobody(t, "the state of the first at the second", victim, res)
		}
	}
	// At its own provider it is good.
	b := s.Browser(t)
	fromAfar(b, first.accept(t, b.Post("/two/first", nil), "bob@op.example"))
	if who := b.Who(); !strings.HasSuffix(who, "by oauth:first") {
		t.Errorf("in is %s", who)
	}
}

func TestAdvisory_CVE_2026_114607_StateAsALoginLink(t *testing.T) {
	s := newSite(t, rig.Options{})
	ada := s.user(adasAddress, adasWord, true)
	eve := s.Browser(t)
	back := s.op.accept(t, eve.Post("/oauth/op", url.Values{"email": {ada.Email}, "login_hint": {ada.Email}}), ada.Email)
	state := query(t, back).Get("state")
	nobody(t, "as a link", eve, eve.Get("/passlink/?token="+state))
	nobody(t, "as its button", eve, eve.Post("/passlink/enter", url.Values{"token": {state}}))
	nobody(t, "as what waits for a code", eve, eve.Post("/passlink/enter", url.Values{"pending": {state}, "code": {"0000-0000"}}))
	nobody(t, "as a link to a new password", eve, eve.Get("/password/reset?token="+state))
	q := rig.Ask(t, eve, "ask")
	q.Ticket = state
	nobody(t, "as a question for a passkey", eve, eve.PostJSON("/passkey/asked", answer(q, rig.NewDevice().Assert(t, q), false)))
	// Nor is a link a state.
	eve.Post("/passlink/", url.Values{"email": {ada.Email}})
	link, _ := s.mail()
	nobody(t, "a link as a state", eve, fromAfar(eve, "https://example.com/oauth/op/callback?"+url.Values{"code": {query(t, back).Get("code")}, "state": {query(t, link).Get("token")}}.Encode()))
}

func TestAdvisory_CVE_2026_81888_NoState(t *testing.T) {
	s := newSite(t, rig.Options{})
	for _, more := range []string{"", "&state=", "&state=undefined", "&state=null", "&state", "&state=&state="} {
		for _, bound := range []bool{false, true} {
			eve, victim := s.Browser(t), s.Browser(t)
			if bound { // by a login that was not finished
				victim.Post("/oauth/op", nil)
			}
			code := query(t, s.op.accept(t, eve.Post("/oauth/op", nil), "eve@op.example")).Get("code")
			nobody(t, fmt.Sprintf("%q, bound %t", more, bound), victim, fromAfar(victim, "https://example.com/oauth/op/callback?code="+code+more))
		}
	}
}

func TestAdvisory_CVE_2026_15612_NoNonce(t *testing.T) {
	for what, change := range map[string]func(map[string]any){
		"none":    func(c map[string]any) { delete(c, "nonce") },
		"empty":   func(c map[string]any) { c["nonce"] = "" },
		"null":    func(c map[string]any) { c["nonce"] = nil },
		"another": func(c map[string]any) { c["nonce"] = "another" },
	} {
		s := newSite(t, rig.Options{})
		b := s.Browser(t)
		back := s.op.accept(t, b.Post("/oauth/op", nil), adasAddress)
		s.op.claims = change
		nobody(t, what, b, fromAfar(b, back))
	}
}

func TestAdvisory_CVE_2026_55076_VerifiedByAnythingButTrue(t *testing.T) {
	for _, said := range []any{"true", "false", "True", 1, 0, "1", "yes", []any{true}, map[string]any{"true": true}, nil, true} {
		s := newSite(t, rig.Options{})
		s.op.claims = func(c map[string]any) { c["email_verified"] = said }
		b := s.Browser(t)
		fromAfar(b, s.op.accept(t, b.Post("/oauth/op", nil), adasAddress))
		if who := b.Who(); who == "nobody" {
			continue // that is an answer too
		}
		if u := s.Users.Get("1"); u.Proven != (said == true) {
			t.Errorf("%#v counts as %t", said, u.Proven)
		}
	}
}

func TestAdvisory_CVE_2026_18569_UnsignedLogoutToken(t *testing.T) {
	s := newSite(t, rig.Options{Store: func(c *ssestore.Config) { c.Marks = marks.New(marks.Policy{}) }})
	ended := new(ends)
	first, second := s.two(ended)
	claims := map[string]any{
		"iss": first.issuer, "aud": "client", "iat": s.Now().Unix(), "exp": s.Now().Add(2 * time.Minute).Unix(), "jti": "1", "sub": adasAddress,
		"events": map[string]any{"http://schemas.openid.net/event/backchannel-logout": map[string]any{}},
	}
	good := first.signed(claims, jose.ES256, first.key)
	parts := strings.Split(good, ".")
	raw := base64.RawURLEncoding
	public, _ := json.Marshal(jose.JSONWebKey{Key: first.key.Public()})
	for what, token := range map[string]string{
		"none":                     raw.EncodeToString([]byte(`{"alg":"none"}`)) + "." + parts[1] + ".",
		"None":                     raw.EncodeToString([]byte(`{"alg":"None","kid":"1"}`)) + "." + parts[1] + ".",
		"no algorithm":             raw.EncodeToString([]byte(`{}`)) + "." + parts[1] + ".",
		"no signature":             parts[0] + "." + parts[1] + ".",
		"two parts":                parts[0] + "." + parts[1],
		"another signature":        parts[0] + "." + parts[1] + "." + raw.EncodeToString(bytes.Repeat([]byte{1}, 64)),
		"a MAC of the public key":  first.signed(claims, jose.HS256, public),
		"the client's secret":      first.signed(claims, jose.HS256, bytes.Repeat([]byte("secret"), 6)),
		"the key of somebody else": second.signed(claims, jose.ES256, second.key),
	} {
		// 400, or 503 if the keys were asked for a moment ago.
		if status := notice(s, token); status < 400 || len(ended.marks) != 0 {
			t.Errorf("%s: %d, ended %v", what, status, ended.marks)
		}
	}
	if status := notice(s, good); status != http.StatusOK || len(ended.marks) != 1 {
		t.Errorf("the signed one: %d, ended %v", status, ended.marks)
	}
}

// notice posts a logout token as the first provider does, and returns the status.
func notice(s *site, token string) int {
	r := httptest.NewRequest("POST", "https://example.com/two/first/backchannel-logout", strings.NewReader(url.Values{"logout_token": {token}}.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w.Code
}

// withPasskey returns a site whose user has a passkey, and its device.
func withPasskey(t *testing.T) (*site, *rig.Device) {
	t.Helper()
	s := newSite(t, rig.Options{})
	s.user(adasAddress, adasWord, true)
	d := rig.NewDevice()
	s.addPasskey(s.by(s.Browser(t), adasAddress, adasWord), d)
	return s, d
}

func TestAdvisory_CVE_2026_134320_OriginOfTheRequest(t *testing.T) {
	s, d := withPasskey(t)
	login := func(change func(*rig.Device, *rig.Browser)) (*rig.Browser, *rig.Answer) {
		b, c := s.Browser(t), *d
		change(&c, b)
		q := rig.Ask(t, b, "ask")
		return b, b.PostJSON("/passkey/asked", answer(q, c.Assert(t, q), false))
	}
	for what, change := range map[string]func(*rig.Device, *rig.Browser){
		"no PIN": func(d *rig.Device, _ *rig.Browser) { d.Auth.Options.UserNotVerified = true },
		"a subdomain that the request names": func(d *rig.Device, b *rig.Browser) {
			d.Party.Origin = "https://shop.example.com"
			b.Head = http.Header{"Origin": {d.Party.Origin}, "Referer": {d.Party.Origin + "/"}, "Host": {"shop.example.com"}, "X-Forwarded-Host": {"shop.example.com"}}
		},
		"another port that the request names": func(d *rig.Device, b *rig.Browser) {
			d.Party.Origin = "https://example.com:8443"
			b.Head = http.Header{"Origin": {d.Party.Origin}, "Host": {"example.com:8443"}}
		},
	} {
		b, res := login(change)
		b.Head = nil
		nobody(t, what, b, res)
	}
	if b, res := login(func(*rig.Device, *rig.Browser) {}); b.Who() != "1 by passkey" {
		t.Errorf("the honest one: %d", res.StatusCode)
	}
}

func TestAdvisory_CVE_2026_126952_IDWithoutAProof(t *testing.T) {
	s, d := withPasskey(t)
	b := s.Browser(t)
	q := rig.Ask(t, b, "ask")
	forged := *d
	forged.Cred.Key = rig.NewDevice().Cred.Key // Eve knows the id and the handle
	nobody(t, "another key", b, b.PostJSON("/passkey/asked", answer(q, forged.Assert(t, q), false)))
	var credential map[string]any
	if err := json.Unmarshal([]byte(d.Assert(t, q)), &credential); err != nil {
		t.Fatal(err)
	}
	response := credential["response"].(map[string]any)
	for _, missing := range []string{"signature", "authenticatorData", "clientDataJSON", "userHandle", ""} {
		c := map[string]any{}
		for name, value := range response {
			if name != missing {
				c[name] = value
			}
		}
		if missing == "" {
			c = map[string]any{}
		}
		body, _ := json.Marshal(map[string]any{"id": credential["id"], "rawId": credential["rawId"], "type": "public-key", "response": c})
		nobody(t, "without "+missing, b, b.PostJSON("/passkey/asked", answer(q, string(body), false)))
	}
	// GitLab skipped the rest if id and rawId differed.
	credential["id"] = "AAAA"
	body, _ := json.Marshal(credential)
	forgedBody, _ := json.Marshal(map[string]any{"id": "AAAA", "rawId": credential["rawId"], "type": "public-key", "response": json.RawMessage(`{}`)})
	for _, text := range [][]byte{body, forgedBody} {
		nobody(t, "two ids", b, b.PostJSON("/passkey/asked", answer(q, string(text), false)))
	}
}

func TestAdvisory_CVE_2026_76214_AnswerAgain(t *testing.T) {
	s, d := withPasskey(t)
	victim := s.Browser(t)
	q := rig.Ask(t, victim, "ask")
	signed := d.Assert(t, q)
	if victim.PostJSON("/passkey/asked", answer(q, signed, false)); victim.Who() != "1 by passkey" {
		t.Fatal("the honest login fails")
	}
	eve := s.Browser(t)
	own := rig.Ask(t, eve, "ask")
	nobody(t, "all of it", eve, eve.PostJSON("/passkey/asked", answer(q, signed, false)))
	nobody(t, "under a ticket of hers", eve, eve.PostJSON("/passkey/asked", answer(own, signed, false)))
	nobody(t, "without a ticket", eve, eve.PostJSON("/passkey/asked", answer(rig.Question{}, signed, false)))
	victim.Post("/logout", nil)
	s.Wait(6 * time.Minute)
	nobody(t, "in the same browser, later", victim, victim.PostJSON("/passkey/asked", answer(q, signed, false)))
}

func TestAdvisory_CVE_2026_54460_PasskeyForAnotherAccount(t *testing.T) {
	s, _ := withPasskey(t)
	bob := s.user("bob@example.com", adasWord, true)
	eve := s.Browser(t)
	nobody(t, "add", eve, eve.PostJSON("/passkey/add", []byte(`{"user":"1","email":"ada@example.com"}`)))
	// A question for Bob, who is logged in elsewhere, and one for a login.
	s.by(eve, bob.Email, adasWord)
	q := rig.Ask(t, eve, "add")
	d := rig.NewDevice()
	attested := d.Attest(t, q)
	eve.Post("/logout", nil)
	nobody(t, "added", eve, eve.PostJSON("/passkey/added", answer(q, attested, false)))
	login := rig.Ask(t, eve, "ask")
	login.PublicKey = q.PublicKey
	nobody(t, "added with a login's", eve, eve.PostJSON("/passkey/added", answer(login, attested, false)))
	// Bob's answer, given while Ada is logged in in his browser, adds nothing to hers.
	s.by(eve, adasAddress, adasWord)
	if res := eve.PostJSON("/passkey/added", answer(q, attested, false)); res.StatusCode < 400 {
		t.Errorf("in Ada's session: %d", res.StatusCode)
	}
	if ada, bob := s.Users.Get("1").Passkeys, s.Users.Get("2").Passkeys; len(ada) != 1 || len(bob) != 0 {
		t.Errorf("Ada has %d passkeys, Bob has %d", len(ada), len(bob))
	}
}
