package oauth_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/hardtack-go/hardtack/signin/internal/rig"
	"github.com/hardtack-go/hardtack/signin/oauth"
)

func TestO25_MicrosoftTenants(t *testing.T) {
	const (
		base     = "https://login.microsoftonline.com/"
		tenant   = "11111111-2222-3333-4444-555555555555"
		other    = "99999999-2222-3333-4444-555555555555"
		personal = "9188040d-6c67-4c5b-b112-36a304b66dad"
	)
	for _, row := range []struct {
		tenant, asked, found string // the tenant configured, where it is asked, the issuer found there
		iss, tid             string // of the token
		callback             string // iss of the callback
		status               int
	}{
		{"common", "common", base + "{tenantid}/v2.0", base + tenant + "/v2.0", tenant, "", 303},
		{"organizations", "organizations", base + "{tenantid}/v2.0", base + tenant + "/v2.0", tenant, base + tenant + "/v2.0", 303},
		{"common", "common", base + "{tenantid}/v2.0", base + personal + "/v2.0", personal, "", 303},
		{"common", "common", base + "{tenantid}/v2.0", base + tenant + "/v2.0", other, "", 502},
		{"common", "common", base + "{tenantid}/v2.0", base + tenant + "/v2.0", "", "", 502},
		{"common", "common", base + "{tenantid}/v2.0", "https://evil.example/" + tenant + "/v2.0", tenant, "", 502},
		{"common", "common", base + "{tenantid}/v2.0", base + "{tenantid}/v2.0", "{tenantid}", "", 502},
		{"common", "common", base + "{tenantid}/v2.0", base + "evil/../" + tenant + "/v2.0", "evil/../" + tenant, "", 502},
		{"common", "common", base + "{tenantid}/v2.0", base + tenant + "/v2.0", tenant, "https://evil.example", 502},
		{"common", "common", base + "{tenantid}/v2.0", base + tenant + "/v2.0", tenant, tenant + "/v2.0", 502},
		{"common", "common", base + "{tenantid}/v2.0", base + tenant + "/v2.0", tenant, base + tenant, 502},
		{"common", "common", "https://evil.example/{tenantid}/v2.0", base + tenant + "/v2.0", tenant, "", 503},
		{tenant, tenant, base + tenant + "/v2.0", base + tenant + "/v2.0", tenant, "", 303},
		{tenant, tenant, base + tenant + "/v2.0", base + other + "/v2.0", other, "", 502},
		{tenant, tenant, base + "{tenantid}/v2.0", base + tenant + "/v2.0", tenant, "", 503},
		{"consumers", personal, base + personal + "/v2.0", base + personal + "/v2.0", personal, "", 303},
	} {
		ms := newProvider(t, "https://login.microsoftonline.com")
		s := newSite(t, rig.Options{}, func(c *oauth.Config[*rig.User], net internet) {
			c.Providers = []*oauth.Provider{oauth.Microsoft(row.tenant, "client", "secret")}
			net["login.microsoftonline.com"] = http.StripPrefix("/"+row.asked+"/v2.0", ms)
		})
		ms.now, ms.issuer = s.Now, base+row.asked+"/v2.0"
		ms.discovery = func(found map[string]any) { found["issuer"] = row.found }
		ms.claims = func(c map[string]any) {
			delete(c, "email_verified")
			c["iss"], c["tid"] = row.iss, row.tid
		}
		b := s.Browser(t)
		a := b.Post("/oauth/microsoft", nil)
		if row.status != 503 {
			back := ms.accept(forwarded(t, a), ada)
			if row.callback != "" {
				back = with(back, "iss", row.callback)
			}
			a = come(b, back)
		}
		if a.StatusCode != row.status {
			t.Errorf("%+v: %d, %q", row, a.StatusCode, s.fails())
		}
		came := s.users.take()
		if row.status == 303 && (len(came) != 1 || came[0].Issuer != row.iss || came[0].EmailVerified || came[0].Provider != "microsoft") {
			t.Errorf("%+v: %+v", row, came)
		}
	}
}

// gitHub is what github.com and api.github.com answer.
type gitHub struct {
	mu           sync.Mutex
	token        string // the token endpoint's answer, form-encoded
	user, emails any    // a status, or a document
	exchanges    int
	secret       string
}

func (g *gitHub) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	g.mu.Lock()
	defer g.mu.Unlock()
	v := any(http.StatusNotFound)
	switch r.URL.Host + r.URL.Path {
	case "github.com/login/oauth/access_token":
		g.exchanges++
		g.secret = r.PostFormValue("client_secret")
		w.Header().Set("Content-Type", "application/x-www-form-urlencoded")
		fmt.Fprint(w, g.token)
		return
	case "api.github.com/user":
		v = g.user
	case "api.github.com/user/emails":
		v = g.emails
	}
	if r.Header.Get("Authorization") != "Bearer gho_x" {
		v = http.StatusUnauthorized
	}
	if status, ok := v.(int); ok {
		write(w, status, map[string]string{"message": "SAYS THE PROVIDER"})
		return
	}
	write(w, 200, v)
}

func TestO26_GitHub(t *testing.T) {
	type email = map[string]any
	const good = "access_token=gho_x&scope=user%3Aemail&token_type=bearer"
	user := map[string]any{"id": 583231, "login": "octocat", "name": nil}
	primary := email{"email": "octocat@github.example", "primary": true, "verified": true}
	for _, row := range []struct {
		name         string
		token        string
		user, emails any
		iss          string
		status       int
		want         oauth.Identity
	}{
		{"as usual", good, user, []email{{"email": "o@example.com", "primary": false, "verified": true}, primary}, "", 303, oauth.Identity{Subject: "583231", Name: "octocat", Email: "octocat@github.example", EmailVerified: true}},
		{"iss", good, user, []email{primary}, "https://github.com/login/oauth", 303, oauth.Identity{Subject: "583231", Name: "octocat", Email: "octocat@github.example", EmailVerified: true}},
		{"another iss", good, user, []email{primary}, "https://github.com", 502, oauth.Identity{}},
		{"a name", good, map[string]any{"id": 1, "login": "o", "name": "Octo"}, []email{{"email": "o@example.com", "primary": true, "verified": false}}, "", 303, oauth.Identity{Subject: "1", Name: "Octo", Email: "o@example.com"}},
		{"addresses not granted", good, user, 403, "", 403, oauth.Identity{Subject: "583231", Name: "octocat"}},
		{"no addresses", good, user, []email{}, "", 403, oauth.Identity{Subject: "583231", Name: "octocat"}},
		{"addresses down", good, user, 500, "", 502, oauth.Identity{}},
		{"addresses are gone", good, user, 404, "", 403, oauth.Identity{Subject: "583231", Name: "octocat"}},
		{"addresses aren't a list", good, user, map[string]any{"email": "x"}, "", 502, oauth.Identity{}},
		{"login is a number", good, map[string]any{"id": 1, "login": 2}, []email{primary}, "", 502, oauth.Identity{}},
		{"no network", "", nil, nil, "", 502, oauth.Identity{}},
		{"user down", good, 503, []email{primary}, "", 502, oauth.Identity{}},
		{"no id", good, map[string]any{"login": "octocat"}, []email{primary}, "", 502, oauth.Identity{}},
		{"id is a text", good, map[string]any{"id": "583231"}, []email{primary}, "", 502, oauth.Identity{}},
		{"not JSON", good, json.RawMessage(`[]`), []email{primary}, "", 502, oauth.Identity{}},
		{"200 with an error", "error=bad_verification_code&error_description=SAYS+THE+PROVIDER", user, []email{primary}, "", 502, oauth.Identity{}},
	} {
		g := &gitHub{token: row.token, user: row.user, emails: row.emails}
		s := newSite(t, rig.Options{}, func(c *oauth.Config[*rig.User], net internet) {
			c.Providers = []*oauth.Provider{oauth.GitHub("client", "secret", "read:org")}
			net["github.com"], net["api.github.com"] = g, g
			if row.token == "" {
				row.token, g.token = good, good
				delete(net, "api.github.com")
			}
		})
		b := s.Browser(t)
		to := forwarded(t, b.Post("/oauth/github", nil))
		q := to.Query()
		if q.Get("scope") != "user:email read:org" || q.Has("nonce") || q.Get("code_challenge_method") != "S256" || to.Host != "github.com" {
			t.Errorf("%s", to)
		}
		back, _ := url.Parse("https://example.com/oauth/github/callback?code=x&state=" + q.Get("state"))
		if row.iss != "" {
			back = with(back, "iss", row.iss)
		}
		a := come(b, back)
		if a.StatusCode != row.status || strings.Contains(a.Body, "SAYS") {
			t.Errorf("%s: %d, %q\n%s", row.name, a.StatusCode, s.fails(), a.Body)
		}
		came := s.users.take()
		if row.want.Subject == "" {
			if len(came) != 0 {
				t.Errorf("%s: %+v", row.name, came)
			}
			continue
		}
		if g.exchanges != 1 || g.secret != "secret" {
			t.Errorf("%s: %d token requests, secret %q", row.name, g.exchanges, g.secret)
		}
		if len(came) != 1 {
			t.Errorf("%s: %d came", row.name, len(came))
			continue
		}
		id := came[0]
		if !strings.Contains(string(id.Claims), `"login"`) || id.Token.AccessToken != "gho_x" {
			t.Errorf("%s: claims %s", row.name, id.Claims)
		}
		id.Claims, id.Token = nil, nil
		row.want.Provider, row.want.Issuer = "github", "https://github.com/login/oauth"
		if fmt.Sprint(id) != fmt.Sprint(row.want) {
			t.Errorf("%s: %+v\nwant %+v", row.name, id, row.want)
		}
	}
}
