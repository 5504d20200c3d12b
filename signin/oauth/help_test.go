package oauth_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/hardtack-go/hardtack/signin"
	"github.com/hardtack-go/hardtack/signin/internal/rig"
	"github.com/hardtack-go/hardtack/signin/oauth"
)

// internet reaches hosts without a network.
type internet map[string]http.Handler

func (i internet) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	host := i[r.URL.Host]
	if host == nil {
		return nil, errors.New("no such host")
	}
	w := httptest.NewRecorder()
	host.ServeHTTP(w, r)
	res := w.Result()
	res.Request = r
	return res, nil
}

// A provider is an OpenID provider that does what a test tells it. The real one, of
// zitadel/oidc, is in the tests of module examples: it can't be made to lie like this.
type provider struct {
	t      testing.TB
	issuer string
	now    func() time.Time

	mu        sync.Mutex
	key       *ecdsa.PrivateKey
	kid       string
	more      []jose.JSONWebKey // beside key
	codes     map[string]grant
	exchanges int // requests of the token endpoint
	asked     int // requests of the discovery endpoint
	keyed     int // requests of the keys

	// What a test changes. They get what an honest provider would send.
	discovery func(map[string]any)
	claims    func(map[string]any)               // of the ID token
	userinfo  func(map[string]any)               // nil: there is no such endpoint
	token     func(map[string]any)               // the token endpoint's answer
	sign      func(claims map[string]any) string // instead of the key
	down      func(w http.ResponseWriter) bool   // answers everything
}

// grant is what a code stands for.
type grant struct {
	query url.Values // of the authorization request
	who   person
}

type person struct {
	sub, email string
	verified   any
}

var ada = person{"248289761001", "ada@example.com", true}

func newProvider(t testing.TB, issuer string) *provider {
	p := &provider{t: t, issuer: issuer, codes: map[string]grant{}, now: time.Now}
	p.rotate("one")
	return p
}

// rotate signs with a new key from now on.
func (p *provider) rotate(kid string) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		p.t.Fatal(err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.key, p.kid = key, kid
}

// accept is the provider's login form with somebody at it. It returns the URL that the
// browser is sent to.
func (p *provider) accept(to *url.URL, who person) *url.URL {
	p.t.Helper()
	q := to.Query()
	if q.Get("response_type") != "code" || q.Get("client_id") != "client" || q.Get("code_challenge_method") != "S256" {
		p.t.Fatalf("the provider doesn't take the request %v", q)
	}
	code := rand.Text()
	p.mu.Lock()
	p.codes[code] = grant{q, who}
	p.mu.Unlock()
	back, err := url.Parse(q.Get("redirect_uri"))
	if err != nil {
		p.t.Fatal(err)
	}
	back.RawQuery = url.Values{"code": {code}, "state": {q.Get("state")}}.Encode()
	return back
}

func (p *provider) counts() (exchanges, asked int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.exchanges, p.asked
}

func (p *provider) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if r.URL.Path == "/.well-known/openid-configuration" {
		p.asked++
	}
	if p.down != nil && p.down(w) {
		return
	}
	switch r.URL.Path {
	case "/.well-known/openid-configuration":
		found := map[string]any{
			"issuer": p.issuer, "authorization_endpoint": p.issuer + "/authorize", "token_endpoint": p.issuer + "/token",
			"jwks_uri": p.issuer + "/keys", "id_token_signing_alg_values_supported": []string{"ES256"},
		}
		if p.userinfo != nil {
			found["userinfo_endpoint"] = p.issuer + "/userinfo"
		}
		if p.discovery != nil {
			p.discovery(found)
		}
		write(w, 200, found)
	case "/keys":
		p.keyed++
		write(w, 200, jose.JSONWebKeySet{Keys: append([]jose.JSONWebKey{{Key: p.key.Public(), KeyID: p.kid, Algorithm: "ES256", Use: "sig"}}, p.more...)})
	case "/token":
		p.exchanges++
		id, secret, basic := r.BasicAuth()
		if !basic {
			id, secret = r.PostFormValue("client_id"), r.PostFormValue("client_secret")
		}
		if id != "client" || secret != "secret" {
			write(w, 401, map[string]any{"error": "invalid_client"})
			return
		}
		code := r.PostFormValue("code")
		g, ok := p.codes[code]
		delete(p.codes, code)
		sum := sha256.Sum256([]byte(r.PostFormValue("code_verifier")))
		if !ok || g.query.Get("code_challenge") != base64.RawURLEncoding.EncodeToString(sum[:]) || g.query.Get("redirect_uri") != r.PostFormValue("redirect_uri") {
			write(w, 400, map[string]any{"error": "invalid_grant", "error_description": "SAYS THE PROVIDER"})
			return
		}
		claims := map[string]any{
			"iss": p.issuer, "sub": g.who.sub, "aud": "client", "nonce": g.query.Get("nonce"),
			"iat": p.now().Unix(), "exp": p.now().Add(time.Hour).Unix(),
		}
		if p.userinfo == nil {
			g.who.claims(claims)
		}
		if p.claims != nil {
			p.claims(claims)
		}
		if p.sign == nil {
			p.sign = func(claims map[string]any) string { return p.signed(claims, jose.ES256, p.key) }
			defer func() { p.sign = nil }()
		}
		answer := map[string]any{"access_token": "access " + g.who.sub, "token_type": "Bearer", "id_token": p.sign(claims)}
		if p.token != nil {
			p.token(answer)
		}
		write(w, 200, answer)
	case "/userinfo":
		sub, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer access ")
		if !ok {
			write(w, 401, nil)
			return
		}
		info := map[string]any{"sub": sub}
		p.userinfo(info)
		write(w, 200, info)
	default:
		http.NotFound(w, r)
	}
}

// claims adds the standard claims of a person.
func (who person) claims(to map[string]any) {
	to["name"] = "Ada Lovelace"
	if who.email != "" {
		to["email"], to["email_verified"] = who.email, who.verified
	}
}

// signed returns a token of the claims. An algorithm of "none" has no signature.
func (p *provider) signed(claims any, alg jose.SignatureAlgorithm, key any, typ ...any) string {
	p.t.Helper()
	body, err := json.Marshal(claims)
	if err != nil {
		p.t.Fatal(err)
	}
	if alg == "none" {
		return base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none"}`)) + "." + base64.RawURLEncoding.EncodeToString(body) + "."
	}
	options := new(jose.SignerOptions)
	for _, t := range typ {
		options = options.WithHeader(jose.HeaderType, t)
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: alg, Key: jose.JSONWebKey{Key: key, KeyID: p.kid}}, options)
	if err != nil {
		p.t.Fatal(err)
	}
	jws, err := signer.Sign(body)
	if err != nil {
		p.t.Fatal(err)
	}
	token, err := jws.CompactSerialize()
	if err != nil {
		p.t.Fatal(err)
	}
	return token
}

func write(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // into a recorder
}

// A site is the application with Harbour ID as its provider.
type site struct {
	*rig.App
	t       testing.TB
	harbour *provider
	oauth   *oauth.Handler[*rig.User]
	users   *users

	mu       sync.Mutex
	failures []string
}

// users notes the identities that come, on their way to the table.
type users struct {
	rig.OAuthUsers
	mu   sync.Mutex
	came []oauth.Identity
}

func (u *users) Enter(ctx context.Context, id oauth.Identity) (*rig.User, error) {
	u.note(id)
	return u.OAuthUsers.Enter(ctx, id)
}

func (u *users) Connect(ctx context.Context, user *rig.User, id oauth.Identity) error {
	u.note(id)
	return u.OAuthUsers.Connect(ctx, user, id)
}

func (u *users) note(id oauth.Identity) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.came = append(u.came, id)
}

func (u *users) take() (came []oauth.Identity) {
	u.mu.Lock()
	defer u.mu.Unlock()
	came, u.came = u.came, nil
	return came
}

// fails returns what OnFailure has got since the last call.
func (s *site) fails() (f []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f, s.failures = s.failures, nil
	return f
}

const harbourIssuer = "https://harbour.example"

// newSite returns a site. change may change the package's configuration.
func newSite(t testing.TB, o rig.Options, change ...func(*oauth.Config[*rig.User], internet)) *site {
	t.Helper()
	desk := o.Desk
	o.Desk = func(c *signin.Config[*rig.User]) {
		c.Log = slog.New(slog.DiscardHandler)
		if desk != nil {
			desk(c)
		}
	}
	app := rig.New(t, o)
	s := &site{App: app, t: t, harbour: newProvider(t, harbourIssuer), users: &users{OAuthUsers: rig.OAuthUsers{Table: app.Users}}}
	s.harbour.now = app.Now
	net := internet{"harbour.example": s.harbour}
	c := oauth.Config[*rig.User]{
		Users:     s.users,
		Providers: []*oauth.Provider{oauth.OIDC("harbour", harbourIssuer, "client", "secret")},
		OnFailure: func(_ *http.Request, provider string, err error) {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.failures = append(s.failures, provider+": "+err.Error())
		},
	}
	for _, change := range change {
		change(&c, net)
	}
	for _, p := range c.Providers {
		if p.Client == nil {
			p.Client = &http.Client{Transport: net}
		}
	}
	var err error
	if s.oauth, err = oauth.New(app.Desk, c); err != nil {
		t.Fatal(err)
	}
	app.Mux.Handle("/oauth/", s.oauth)
	return s
}

var refresh = regexp.MustCompile(`<meta http-equiv="refresh" content="0;url=([^"]*)">`)

// forwarded returns where a page without script leads.
func forwarded(t testing.TB, a *rig.Answer) *url.URL {
	t.Helper()
	m := refresh.FindStringSubmatch(a.Body)
	if a.StatusCode != 200 || m == nil {
		t.Fatalf("status %d, no page that leads on:\n%s", a.StatusCode, a.Body)
	}
	u, err := url.Parse(html.UnescapeString(m[1]))
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// start starts a login and returns the URL at the provider.
func (s *site) start(b *rig.Browser, form url.Values) *url.URL {
	s.t.Helper()
	return forwarded(s.t, b.Post("/oauth/harbour", form))
}

// come follows the provider's redirect back.
func come(b *rig.Browser, back *url.URL) *rig.Answer {
	b.T.Helper()
	there := *b
	there.Site = "cross-site"
	return there.Get(back.String())
}

// login logs somebody in and returns the callback's answer.
func (s *site) login(b *rig.Browser, who person) *rig.Answer {
	s.t.Helper()
	return come(b, s.harbour.accept(s.start(b, nil), who))
}

// expect checks a status and that no answer is a server's fault or tells what the
// provider said.
func expect(t testing.TB, a *rig.Answer, status int, says ...string) {
	t.Helper()
	if a.StatusCode != status {
		t.Errorf("status %d, want %d:\n%s", a.StatusCode, status, a.Body)
	}
	if strings.Contains(a.Body, "SAYS THE PROVIDER") {
		t.Errorf("the page has the provider's text:\n%s", a.Body)
	}
	for _, text := range says {
		if !strings.Contains(a.Body, text) {
			t.Errorf("the page doesn't say %q:\n%s", text, a.Body)
		}
	}
}

// expectWho checks who is logged in.
func expectWho(t testing.TB, b *rig.Browser, want string) {
	t.Helper()
	if who := b.Who(); who != want {
		t.Errorf("logged in: %s, want %s", who, want)
	}
}

// with returns a copy of the URL with changed parameters.
func with(u *url.URL, pairs ...string) *url.URL {
	c := *u
	q := c.Query()
	for i := 0; i < len(pairs); i += 2 {
		q.Set(pairs[i], pairs[i+1])
	}
	c.RawQuery = q.Encode()
	return &c
}

// password logs a user in by other means.
func (s *site) password(b *rig.Browser, u *rig.User) {
	s.t.Helper()
	path := fmt.Sprintf("/enter/%s/%s", u.ID, rand.Text())
	s.Mux.HandleFunc("POST "+path, func(w http.ResponseWriter, r *http.Request) {
		if err := s.Guard.Login(r, s.Users.Get(u.ID)); err != nil {
			s.t.Error(err)
		}
	})
	b.Post(path, nil)
}

// snapshot returns a browser with the cookies that b has now.
func snapshot(t testing.TB, s *site, b *rig.Browser) *rig.Browser {
	t.Helper()
	c := s.Browser(t)
	u, err := url.Parse(s.URL("/"))
	if err != nil {
		t.Fatal(err)
	}
	var cookies []*http.Cookie
	for _, k := range b.Jar.Cookies(u) {
		cookies = append(cookies, &http.Cookie{Name: k.Name, Value: k.Value, Secure: true, Path: "/"})
	}
	c.Jar.SetCookies(u, cookies)
	return c
}
