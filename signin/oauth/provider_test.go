package oauth_test

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/hardtack-go/hardtack/keyring"
	"github.com/hardtack-go/hardtack/signin/internal/rig"
	"github.com/hardtack-go/hardtack/signin/oauth"
)

func TestO9_OneTokenRequest(t *testing.T) {
	for _, row := range []struct {
		methods any
		basic   bool
		status  int
	}{
		{nil, true, http.StatusOK},
		{[]string{"client_secret_post", "client_secret_basic"}, true, http.StatusOK},
		{[]string{"client_secret_post", "private_key_jwt"}, false, http.StatusOK},
		{[]string{"private_key_jwt", "none"}, false, http.StatusServiceUnavailable},
	} {
		for _, secret := range []string{"secret", "wrong"} {
			basic := false
			s := newSite(t, rig.Options{}, func(c *oauth.Config[*rig.User], net internet) {
				c.Providers = []*oauth.Provider{oauth.OIDC("harbour", harbourIssuer, "client", secret)}
				harbour := net["harbour.example"]
				net["harbour.example"] = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					if r.URL.Path == "/token" {
						_, _, basic = r.BasicAuth()
					}
					harbour.ServeHTTP(w, r)
				})
			})
			if row.methods != nil {
				s.harbour.discovery = func(found map[string]any) { found["token_endpoint_auth_methods_supported"] = row.methods }
			}
			b := s.Browser(t)
			a := b.Post("/oauth/harbour", nil)
			expect(t, a, row.status)
			if row.status != http.StatusOK {
				continue
			}
			want := http.StatusSeeOther
			if secret == "wrong" {
				want = http.StatusBadGateway
			}
			expect(t, come(b, s.harbour.accept(forwarded(t, a), ada)), want)
			if exchanges, _ := s.harbour.counts(); exchanges != 1 || basic != row.basic {
				t.Errorf("%v, secret %s: %d token requests, basic %v", row.methods, secret, exchanges, basic)
			}
		}
	}
}

func TestO10_MixUp(t *testing.T) {
	evil := newProvider(t, "https://evil.example")
	s := newSite(t, rig.Options{}, func(c *oauth.Config[*rig.User], net internet) {
		net["evil.example"] = evil
		c.Providers = append(c.Providers, oauth.OIDC("evil", "https://evil.example", "client", "secret"))
	})
	evil.now = s.Now
	// A provider under attack, or one that attacks, passes the other's code and state
	// on to its own callback.
	b := s.Browser(t)
	back := s.harbour.accept(s.start(b, nil), ada)
	swapped := *back
	swapped.Path = "/oauth/evil/callback"
	expect(t, come(b, &swapped), http.StatusBadRequest)
	// Some providers, such as GitHub, send people to any path below the registered URI. The
	// other one sends them on to Harbour with such a URI, to be given Harbour's code.
	evil.discovery = func(found map[string]any) { delete(found, "authorization_response_iss_parameter_supported") }
	below := *back
	below.Path = "/oauth/harbour/callback/evil/callback"
	below.RawQuery = url.Values{"code": back.Query()["code"], "state": forwarded(t, b.Post("/oauth/evil", nil)).Query()["state"]}.Encode()
	expect(t, come(b, &below), http.StatusNotFound)

	for _, row := range []struct {
		announced bool
		iss       []string
		status    int
	}{
		{true, []string{harbourIssuer}, http.StatusSeeOther},
		{true, nil, http.StatusBadGateway},
		{true, []string{""}, http.StatusBadGateway},
		{true, []string{"https://evil.example"}, http.StatusBadGateway},
		{true, []string{harbourIssuer + "/"}, http.StatusBadGateway},
		{true, []string{harbourIssuer, harbourIssuer}, http.StatusBadRequest},
		{false, nil, http.StatusSeeOther},
		{false, []string{harbourIssuer}, http.StatusSeeOther},
		{false, []string{"https://evil.example"}, http.StatusBadGateway},
	} {
		s := newSite(t, rig.Options{})
		s.harbour.discovery = func(found map[string]any) {
			found["authorization_response_iss_parameter_supported"] = row.announced
		}
		b := s.Browser(t)
		back := s.harbour.accept(s.start(b, nil), ada)
		q := back.Query()
		q["iss"] = row.iss
		back.RawQuery = q.Encode()
		expect(t, come(b, back), row.status)
		exchanges, _ := s.harbour.counts()
		if (exchanges == 1) != (row.status == http.StatusSeeOther) {
			t.Errorf("%+v: %d token requests", row, exchanges)
		}
		// It counts for an error as well, and comes before it.
		q.Del("code")
		q.Set("error", "access_denied")
		q["iss"] = []string{"https://evil.example"}
		b = s.Browser(t)
		q.Set("state", s.start(b, nil).Query().Get("state"))
		back.RawQuery = q.Encode()
		expect(t, come(b, back), http.StatusBadGateway)
	}
	if n, _ := evil.counts(); n != 0 {
		t.Errorf("the other provider got %d codes", n)
	}
}

func TestO11_BadIDToken(t *testing.T) {
	set := func(name string, v any) func(map[string]any) { return func(c map[string]any) { c[name] = v } }
	for name, change := range map[string]func(s *site){
		"nonce":         func(s *site) { s.harbour.claims = set("nonce", "another") },
		"no nonce":      func(s *site) { s.harbour.claims = func(c map[string]any) { delete(c, "nonce") } },
		"issuer":        func(s *site) { s.harbour.claims = set("iss", "https://evil.example") },
		"audience":      func(s *site) { s.harbour.claims = set("aud", "another") },
		"two audiences": func(s *site) { s.harbour.claims = set("aud", []string{"client", "another"}) },
		"party":         func(s *site) { s.harbour.claims = set("azp", "another") },
		"expired":       func(s *site) { s.harbour.claims = set("exp", s.Now().Unix()-1) },
		"not yet":       func(s *site) { s.harbour.claims = set("nbf", s.Now().Unix()+3600) },
		"no subject":    func(s *site) { s.harbour.claims = set("sub", "") },
		"long subject":  func(s *site) { s.harbour.claims = set("sub", strings.Repeat("x", 256)) },
		"subject":       func(s *site) { s.harbour.claims = set("sub", "größe") },
		"number":        func(s *site) { s.harbour.claims = set("sub", 1) },
		"at_hash":       func(s *site) { s.harbour.claims = set("at_hash", "another") },
		"address":       func(s *site) { s.harbour.claims = set("email", 1) },
		"no token":      func(s *site) { s.harbour.token = func(a map[string]any) { delete(a, "id_token") } },
		"no access":     func(s *site) { s.harbour.token = set("access_token", "") },
		"not a token":   func(s *site) { s.harbour.token = set("id_token", "SAYS THE PROVIDER") },
		"number token":  func(s *site) { s.harbour.token = set("id_token", 1) },
		"another key": func(s *site) {
			other := newProvider(t, harbourIssuer)
			s.harbour.sign = func(c map[string]any) string { return other.signed(c, jose.ES256, other.key) }
		},
		"alg none": func(s *site) {
			s.harbour.sign = func(c map[string]any) string { return s.harbour.signed(c, "none", nil) }
		},
		"alg HS256": func(s *site) {
			s.harbour.sign = func(c map[string]any) string {
				return s.harbour.signed(c, jose.HS256, []byte("secret secret secret secret secret"))
			}
		},
		"200 with an error": func(s *site) { s.harbour.token = set("error", "SAYS THE PROVIDER") },
	} {
		s := newSite(t, rig.Options{})
		change(s)
		b := s.Browser(t)
		a := s.login(b, ada)
		if a.StatusCode != http.StatusBadGateway || strings.Contains(a.Body, "SAYS") {
			t.Errorf("%s: %d\n%s", name, a.StatusCode, a.Body)
		}
		expectWho(t, b, "nobody")
		if came, fails := s.users.take(), s.fails(); len(came) != 0 || len(fails) != 1 {
			t.Errorf("%s: identities %v, failures %q", name, came, fails)
		} else if name == "no token" && !strings.Contains(fails[0], "sent no ID token") {
			t.Error(fails[0])
		}
	}
	for name, change := range map[string]func(s *site){
		"two audiences and party": func(s *site) {
			s.harbour.claims = func(c map[string]any) { c["aud"], c["azp"] = []string{"client", "another"}, "client" }
		},
		"subject of 255":      func(s *site) { s.harbour.claims = set("sub", strings.Repeat("x", 255)) },
		"subject with spaces": func(s *site) { s.harbour.claims = set("sub", "cn=Ada Lovelace,ou=people") },
		"at_hash": func(s *site) {
			sum := sha256.Sum256([]byte("access " + ada.sub)) // its left half: OpenID Connect Core 1.0 section 3.1.3.6
			s.harbour.claims = set("at_hash", base64.RawURLEncoding.EncodeToString(sum[:16]))
		},
	} {
		s := newSite(t, rig.Options{})
		change(s)
		if a := s.login(s.Browser(t), ada); a.StatusCode != http.StatusSeeOther {
			t.Errorf("%s: %d, %q", name, a.StatusCode, s.fails())
		}
	}
}

func TestO12_LyingUserinfo(t *testing.T) {
	for _, row := range []struct {
		name   string
		info   func(map[string]any)
		status int
		want   oauth.Identity
	}{
		{"honest", func(i map[string]any) { ada.claims(i) }, http.StatusSeeOther, oauth.Identity{Email: "ada@example.com", EmailVerified: true, Name: "Ada Lovelace"}},
		{"of another subject", func(i map[string]any) { ada.claims(i); i["sub"] = "bob" }, http.StatusBadGateway, oauth.Identity{}},
		{"of no subject", func(i map[string]any) { ada.claims(i); delete(i, "sub") }, http.StatusBadGateway, oauth.Identity{}},
		{"verified is a text", func(i map[string]any) { ada.claims(i); i["email_verified"] = "true" }, http.StatusSeeOther, oauth.Identity{Email: "ada@example.com", Name: "Ada Lovelace"}},
		{"verified is a number", func(i map[string]any) { ada.claims(i); i["email_verified"] = 1 }, http.StatusBadGateway, oauth.Identity{}},
		{"no address", func(i map[string]any) { i["email_verified"] = true }, http.StatusForbidden, oauth.Identity{}},
		{"two lines", func(i map[string]any) { ada.claims(i); i["email"] = "ada@example.com\r\nBcc: eve@example.com" }, http.StatusForbidden, oauth.Identity{Name: "Ada Lovelace"}},
		{"a space", func(i map[string]any) { ada.claims(i); i["email"] = "ada @example.com" }, http.StatusForbidden, oauth.Identity{Name: "Ada Lovelace"}},
		{"a space before it", func(i map[string]any) { ada.claims(i); i["email"] = " ada@example.com" }, http.StatusForbidden, oauth.Identity{Name: "Ada Lovelace"}},
		{"a zero", func(i map[string]any) { ada.claims(i); i["email"] = "ada\x00@example.com" }, http.StatusForbidden, oauth.Identity{Name: "Ada Lovelace"}},
		{"long address", func(i map[string]any) { ada.claims(i); i["email"] = strings.Repeat("a", 255) + "@example.com" }, http.StatusForbidden, oauth.Identity{Name: "Ada Lovelace"}},
		{"no letters that show", func(i map[string]any) { ada.claims(i); i["email"] = "ada\u200b@example.com" }, http.StatusForbidden, oauth.Identity{Name: "Ada Lovelace"}},
		{"a capital of another letter", func(i map[string]any) { ada.claims(i); i["email"] = "\u212aate@example.com" }, http.StatusForbidden, oauth.Identity{Name: "Ada Lovelace"}},
		{"another @", func(i map[string]any) { ada.claims(i); i["email"] = "eve\uff20evil.example@example.com" }, http.StatusForbidden, oauth.Identity{Name: "Ada Lovelace"}},
		{"a name before it", func(i map[string]any) { ada.claims(i); i["email"] = "Ada<ada@example.com>" }, http.StatusForbidden, oauth.Identity{Name: "Ada Lovelace"}},
		{"name", func(i map[string]any) { ada.claims(i); i["name"] = " Ada\x00\n" + strings.Repeat("ü", 200) }, http.StatusSeeOther, oauth.Identity{Email: "ada@example.com", EmailVerified: true, Name: "Ada" + strings.Repeat("ü", 98)}},
		{"a name that is no text", func(i map[string]any) { i["name"] = 1 }, http.StatusBadGateway, oauth.Identity{}},
		{"an address that is no text", func(i map[string]any) { i["email"] = []string{"x"} }, http.StatusBadGateway, oauth.Identity{}},
	} {
		s := newSite(t, rig.Options{})
		s.harbour.userinfo = row.info
		a := s.login(s.Browser(t), ada)
		if a.StatusCode != row.status {
			t.Errorf("%s: %d, want %d: %q", row.name, a.StatusCode, row.status, s.fails())
		}
		came := s.users.take()
		if row.status == http.StatusBadGateway {
			if len(came) != 0 {
				t.Errorf("%s: %v came", row.name, came)
			}
			continue
		}
		if len(came) != 1 || came[0].Email != row.want.Email || came[0].EmailVerified != row.want.EmailVerified || came[0].Name != row.want.Name || came[0].Subject != ada.sub {
			t.Errorf("%s: %+v", row.name, came)
		}
	}
}

func TestO13_NeverLinksByAddress(t *testing.T) {
	s := newSite(t, rig.Options{})
	s.Users.Add(rig.User{Email: "ada@example.com", Proven: true, PasswordFields: rig.PasswordFields{Hash: "x"}})
	var first *rig.Answer
	for _, who := range []person{
		{"1", "ada@example.com", true},
		{"2", "ADA@Example.COM", true},
		{"3", "ada@example.com", false},
		{"4", "ada@example.com", "true"},
		{"5", "ada@example.com", nil},
		{"6", "", nil}, // auth.ErrNoUser: no account is made for it
	} {
		b := s.Browser(t)
		a := s.login(b, who)
		expect(t, a, http.StatusForbidden, "isn’t connected")
		expectWho(t, b, "nobody")
		if first == nil {
			first = a
		}
		// Nobody learns whether the address has an account.
		if a.Body != first.Body || fmt.Sprint(a.HeaderLengths()) != fmt.Sprint(first.HeaderLengths()) {
			t.Errorf("%+v gets another page:\n%s", who, a.Body)
		}
	}
	if c := s.Users.Get("1").Connections; len(c) != 0 || s.Users.Get("2") != nil {
		t.Errorf("%+v", c)
	}
}

func TestO17_MalformedCallback(t *testing.T) {
	s := newSite(t, rig.Options{})
	b, in := s.Browser(t), s.Browser(t)
	s.login(in, ada)
	state := s.start(b, nil).Query().Get("state")
	mine := s.start(in, nil).Query().Get("state")
	for _, query := range []string{
		"", "?", "?state=", "?code=x", "?state=nonsense&code=x", "?state=STATE&state=STATE&code=x", "?state=STATE&code=x&code=y",
		"?state=STATE&code=" + strings.Repeat("x", 4097), "?state=" + strings.Repeat("x", 5000), "?state=STATE&code=%C3%BC", "?state=STATE&code=%00",
		"?state=STATE&code=x%0a", "?state=%E2%82%AC&code=x", "?state=STATE&code=x&iss=" + strings.Repeat("x", 4097), "?state=STATE&error=a&error=b",
		"?state=STATE&error=" + strings.Repeat("x", 4097), "?state=STATE&code=%zz", "?state=STATE;code=x", "?state=STATE%00&code=x", "?state=STATEx&code=x",
		"?state=%3Cscript%3Ealert(1)%3C/script%3E&code=x",
	} {
		a := b.Get("/oauth/harbour/callback" + strings.ReplaceAll(query, "STATE", state))
		if a.StatusCode != http.StatusBadRequest || !strings.Contains(a.Body, "This login is over") || strings.Contains(a.Body, "script>") {
			t.Errorf("%.60q: %d\n%s", query, a.StatusCode, a.Body)
		}
		a = in.Get("/oauth/harbour/callback" + strings.ReplaceAll(query, "STATE", mine))
		if a.StatusCode != http.StatusSeeOther || a.Location() != "/" {
			t.Errorf("logged in, %.60q: %d to %q", query, a.StatusCode, a.Location())
		}
	}
	// No code and no error, but a good state.
	expect(t, b.Get("/oauth/harbour/callback?state="+state), http.StatusBadGateway)
	expect(t, b.Get("/oauth/harbour/callback?state="+state+"&foo=%C3%BC&foo=2&code="), http.StatusBadGateway)
	if exchanges, _ := s.harbour.counts(); exchanges != 1 {
		t.Errorf("%d token requests", exchanges)
	}
	// An altered state.
	for i := range state {
		c := byte('A')
		if state[i] == c {
			c = 'B'
		}
		a := b.Get("/oauth/harbour/callback?code=x&state=" + state[:i] + string(c) + state[i+1:])
		if a.StatusCode != http.StatusBadRequest {
			t.Fatalf("altered at %d: %d", i, a.StatusCode)
		}
	}
}

func TestO18_ProviderRefuses(t *testing.T) {
	s := newSite(t, rig.Options{})
	user := s.Users.Add(rig.User{Email: "ada@example.com"})
	for _, row := range []struct {
		code                  string
		login, connect        int
		loginSays, connectSay string
	}{
		{"access_denied", 403, 403, "You were not logged in", "Nothing was connected"},
		{"temporarily_unavailable", 502, 502, "That didn’t work", "That didn’t work"},
		{"SAYS THE PROVIDER", 502, 502, "That didn’t work", "That didn’t work"},
		{"login_required", 502, 502, "That didn’t work", "That didn’t work"},
	} {
		query := "&error=" + url.QueryEscape(row.code) + "&error_description=SAYS+THE+PROVIDER&error_uri=https://evil.example&error_description=" + strings.Repeat("%C3%BC", 1000)
		b := s.Browser(t)
		state := s.start(b, url.Values{"next": {"/members"}}).Query().Get("state")
		expect(t, b.Get("/oauth/harbour/callback?state="+state+query), row.login, row.loginSays, `href="/login"`)
		// Who is logged in already goes on, and who wanted to connect is told.
		s.password(b, user)
		if a := b.Get("/oauth/harbour/callback?state=" + state + query); a.StatusCode != http.StatusSeeOther || a.Location() != "/members" {
			t.Errorf("%s: %d to %q", row.code, a.StatusCode, a.Location())
		}
		state = forwarded(t, b.Post("/oauth/harbour/connect", url.Values{"next": {"/account"}})).Query().Get("state")
		expect(t, b.Get("/oauth/harbour/callback?state="+state+query), row.connect, row.connectSay, `href="/account"`)
		// A code beside an error isn't sent.
		other := s.Browser(t)
		state = s.start(other, nil).Query().Get("state")
		expect(t, other.Get("/oauth/harbour/callback?code=x&state="+state+query), row.login, row.loginSays)
		if fails := s.fails(); (len(fails) == 0) != (row.code == "access_denied") || len(fails) > 0 && !strings.Contains(fails[0], row.code) {
			t.Errorf("%s: failures %q", row.code, fails)
		}
	}
	if exchanges, _ := s.harbour.counts(); exchanges != 0 {
		t.Errorf("%d token requests", exchanges)
	}
}

func TestO19_ProviderDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		down := true
		s := newSite(t, rig.Options{}) // the program starts
		s.harbour.down = func(w http.ResponseWriter) bool {
			if down {
				w.WriteHeader(http.StatusInternalServerError)
				fmt.Fprint(w, "SAYS THE PROVIDER")
			}
			return down
		}
		b := s.Browser(t)
		a := b.Post("/oauth/harbour", nil)
		expect(t, a, http.StatusServiceUnavailable, "Harbour can’t be reached", `href="/login"`)
		if len(a.Cookies()) != 0 {
			t.Error(a.Cookies())
		}
		in := s.Browser(t) // to connect it: the way on is back to where they were
		s.password(in, s.Users.Add(rig.User{Email: "ada@example.com"}))
		expect(t, in.Post("/oauth/harbour/connect", url.Values{"next": {"/account"}}), http.StatusServiceUnavailable, "Nothing was connected.", `href="/account"`)
		// Until a second has passed nobody asks, then one does; then two seconds, and so
		// on up to a minute.
		asked := 1
		for _, pause := range []time.Duration{1, 2, 4, 8, 16, 32, 60, 60} {
			time.Sleep(pause*time.Second - time.Nanosecond)
			expect(t, b.Post("/oauth/harbour", nil), http.StatusServiceUnavailable)
			if _, n := s.harbour.counts(); n != asked {
				t.Fatalf("asked %d times, want %d", n, asked)
			}
			time.Sleep(time.Nanosecond)
			expect(t, b.Post("/oauth/harbour", nil), http.StatusServiceUnavailable)
			asked++
			if _, n := s.harbour.counts(); n != asked {
				t.Fatalf("after %d seconds: asked %d times, want %d", pause, n, asked)
			}
		}
		s.harbour.mu.Lock()
		down = false
		s.harbour.mu.Unlock()
		time.Sleep(time.Minute)
		to := s.start(b, nil)
		// It goes down again during a flow: what is known is known for a day, and used for
		// longer if nobody can say better.
		s.harbour.mu.Lock()
		down = true
		s.harbour.mu.Unlock()
		expect(t, come(b, s.harbour.accept(to, ada)), http.StatusBadGateway)
		_, before := s.harbour.counts()
		time.Sleep(24*time.Hour - time.Minute)
		s.start(b, nil)
		if _, n := s.harbour.counts(); n != before {
			t.Error("asked within a day")
		}
		time.Sleep(time.Minute)
		s.start(b, nil)
		s.start(b, nil)
		if _, n := s.harbour.counts(); n != before+1 {
			t.Errorf("asked %d times after a day", n-before)
		}
	})
}

// TestO19_DownAtTheCallback: another instance of the program answers it, and has never
// asked the provider.
func TestO19_DownAtTheCallback(t *testing.T) {
	keys := keyring.Generate()
	s, other := newSite(t, rig.Options{Keys: keys}), newSite(t, rig.Options{Keys: keys})
	other.harbour.down = func(w http.ResponseWriter) bool { w.WriteHeader(http.StatusInternalServerError); return true }
	b := s.Browser(t)
	back := s.harbour.accept(s.start(b, nil), ada)
	b.App = other.App
	expect(t, come(b, back), http.StatusServiceUnavailable, "Harbour can’t be reached")
	b.App = s.App
	expect(t, come(b, back), http.StatusSeeOther) // the code is still good
}

// hanging is a provider that accepts a connection and says nothing.
type hanging struct {
	asked chan struct{}
	then  http.RoundTripper
	free  chan struct{}
}

func (h hanging) RoundTrip(r *http.Request) (*http.Response, error) {
	h.asked <- struct{}{}
	select {
	case <-r.Context().Done():
		return nil, r.Context().Err()
	case <-h.free:
		return h.then.RoundTrip(r)
	}
}

func TestO19_ProviderHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := hanging{asked: make(chan struct{}, 100), free: make(chan struct{})}
		s := newSite(t, rig.Options{}, func(c *oauth.Config[*rig.User], net internet) {
			h.then = net
			c.Providers[0].Client = &http.Client{Transport: h}
		})
		post := func() time.Duration {
			begin := time.Now()
			expect(t, s.Browser(t).Post("/oauth/harbour", nil), http.StatusServiceUnavailable)
			return time.Since(begin)
		}
		// Before anything is known, everybody waits for the one who asks: ten seconds.
		var wg sync.WaitGroup
		for range 5 {
			wg.Go(func() {
				if d := post(); d != 10*time.Second {
					t.Errorf("waited %v", d)
				}
			})
		}
		wg.Wait()
		if n := len(h.asked); n != 1 {
			t.Errorf("asked %d times", n)
		}
		// Afterwards nobody waits but the one who tries again.
		if d := post(); d != 0 {
			t.Errorf("waited %v", d)
		}
		time.Sleep(time.Second)
		wg.Go(func() { post() })
		synctest.Wait()
		if d := post(); d != 0 {
			t.Errorf("waited %v", d)
		}
		wg.Wait()
		if n := len(h.asked); n != 2 {
			t.Errorf("asked %d times", n)
		}
		// A visitor who goes away doesn't take the answer along.
		time.Sleep(2 * time.Second)
		ctx, leave := context.WithCancel(t.Context())
		for _, ctx := range []context.Context{ctx, t.Context()} {
			wg.Go(func() {
				r := httptest.NewRequestWithContext(ctx, http.MethodPost, "/oauth/harbour", nil)
				s.ServeHTTP(httptest.NewRecorder(), r)
			})
			synctest.Wait()
		}
		leave()
		synctest.Wait()
		h.free <- struct{}{}
		wg.Wait()
		s.start(s.Browser(t), nil)
		if n := len(h.asked); n != 3 {
			t.Errorf("asked %d times", n)
		}
		// A day later the provider hangs again. One visitor waits; what is known is good
		// enough, for the others at once and for that one in the end.
		time.Sleep(24 * time.Hour)
		for i := range 3 {
			wg.Go(func() {
				begin := time.Now()
				s.start(s.Browser(t), nil)
				if d := time.Since(begin); (d == 10*time.Second) != (i == 0) {
					t.Errorf("visitor %d waited %v", i, d)
				}
			})
			synctest.Wait()
		}
		wg.Wait()
		if n := len(h.asked); n != 4 {
			t.Errorf("asked %d times", n)
		}
	})
}

func TestO20_BadConfiguration(t *testing.T) {
	set := func(name string, v any) func(*site) {
		return func(s *site) { s.harbour.discovery = func(found map[string]any) { found[name] = v } }
	}
	answer := func(f func(w http.ResponseWriter)) func(*site) {
		return func(s *site) { s.harbour.down = func(w http.ResponseWriter) bool { f(w); return true } }
	}
	for name, change := range map[string]func(*site){
		"issuer":               set("issuer", "https://evil.example"),
		"slash":                set("issuer", harbourIssuer+"/"),
		"javascript":           set("authorization_endpoint", "javascript:alert(1)"),
		"authorize by http":    set("authorization_endpoint", "http://harbour.example/authorize"),
		"no authorize":         set("authorization_endpoint", ""),
		"token by http":        set("token_endpoint", "http://harbour.example/token"),
		"no token":             set("token_endpoint", ""),
		"keys by http":         set("jwks_uri", "http://harbour.example/keys"),
		"userinfo by http":     set("userinfo_endpoint", "http://harbour.example/userinfo"),
		"garbled":              set("token_endpoint", "https://harbour.example/%zz"),
		"no host":              set("token_endpoint", "https:///token"),
		"relative":             set("token_endpoint", "/token"),
		"wrong type":           set("token_endpoint", 1),
		"wrong type of more":   set("token_endpoint_auth_methods_supported", 1),
		"no JSON":              answer(func(w http.ResponseWriter) { fmt.Fprint(w, "<html>") }),
		"more than a megabyte": set("padding", strings.Repeat("x", 1<<20)),
	} {
		s := newSite(t, rig.Options{})
		change(s)
		a := s.Browser(t).Post("/oauth/harbour", nil)
		if a.StatusCode != http.StatusServiceUnavailable || len(a.Cookies()) != 0 {
			t.Errorf("%s: %d, cookies %v", name, a.StatusCode, a.Cookies())
		}
		if fails := s.fails(); len(fails) != 1 {
			t.Errorf("%s: %q", name, fails)
		}
	}
}

// TestO20_RedirectsAreNotFollowed: neither to read the configuration elsewhere, nor to
// take the client's secret there.
func TestO20_RedirectsAreNotFollowed(t *testing.T) {
	for path, status := range map[string]int{"/.well-known/openid-configuration": http.StatusServiceUnavailable, "/token": http.StatusBadGateway, "/keys": http.StatusBadGateway, "/userinfo": http.StatusBadGateway} {
		s := newSite(t, rig.Options{}, func(_ *oauth.Config[*rig.User], net internet) {
			harbour := net["harbour.example"]
			net["other.example"] = harbour
			net["harbour.example"] = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == path {
					http.Redirect(w, r, "https://other.example"+path, http.StatusTemporaryRedirect)
					return
				}
				harbour.ServeHTTP(w, r)
			})
		})
		s.harbour.userinfo = func(i map[string]any) { ada.claims(i) }
		b := s.Browser(t)
		a := b.Post("/oauth/harbour", nil)
		if status != http.StatusServiceUnavailable {
			a = come(b, s.harbour.accept(forwarded(t, a), ada))
		}
		expect(t, a, status)
		expectWho(t, b, "nobody")
	}
}

// slowly takes its time for every request.
type slowly struct {
	time.Duration
	then http.RoundTripper
}

func (s slowly) RoundTrip(r *http.Request) (*http.Response, error) {
	select {
	case <-r.Context().Done():
		return nil, r.Context().Err()
	case <-time.After(s.Duration):
		return s.then.RoundTrip(r)
	}
}

func TestO20_SlowProvider(t *testing.T) {
	for _, row := range []struct {
		each, whole time.Duration
		status      int
	}{
		{6 * time.Second, 18 * time.Second, http.StatusSeeOther}, // token, keys, userinfo
		{8 * time.Second, 20 * time.Second, http.StatusBadGateway},
		{time.Hour, 10 * time.Second, http.StatusBadGateway},
	} {
		synctest.Test(t, func(t *testing.T) {
			slow := &slowly{}
			s := newSite(t, rig.Options{}, func(c *oauth.Config[*rig.User], net internet) {
				slow.then = net
				c.Providers[0].Client = &http.Client{Transport: slow}
			})
			s.harbour.userinfo = func(i map[string]any) { ada.claims(i) }
			b := s.Browser(t)
			back := s.harbour.accept(s.start(b, nil), ada)
			slow.Duration = row.each
			begin := time.Now()
			expect(t, come(b, back), row.status)
			if d := time.Since(begin); d != row.whole {
				t.Errorf("each request takes %v, all took %v, want %v", row.each, d, row.whole)
			}
		})
	}
}

// panics is a client that is broken.
type panics struct{}

func (panics) RoundTrip(*http.Request) (*http.Response, error) { panic("broken") }

func TestO20_ClientPanics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, rig.Options{}, func(c *oauth.Config[*rig.User], net internet) {
			c.Providers[0].Client = &http.Client{Transport: panics{}}
			c.OnFailure = nil
		})
		b := s.Browser(t)
		func() {
			defer func() {
				if recover() == nil {
					t.Error("the panic is gone")
				}
			}()
			b.Post("/oauth/harbour", nil)
		}()
		expect(t, b.Post("/oauth/harbour", nil), http.StatusServiceUnavailable) // nobody waits for it
		time.Sleep(time.Minute)                                                 // net/http waits as long as the request might have taken
	})
}
