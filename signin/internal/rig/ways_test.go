package rig_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
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
	"github.com/hardtack-go/hardtack/signin/passkey"
	"github.com/hardtack-go/hardtack/signin/passlink"
	"github.com/hardtack-go/hardtack/signin/password"
)

const (
	adasAddress = "ada@example.com"
	adasWord    = "correct horse battery staple"
	evesWord    = "wrong donkey capacitor paperclip"
)

// A site is the application with all four ways.
type site struct {
	*rig.App
	t      testing.TB
	hasher *password.Hasher
	op     *provider
}

// freely is a throttle that stops nobody.
type freely struct{}

func (freely) Allow(*http.Request, string) (time.Duration, bool) { return 0, true }

func newSite(t testing.TB, o rig.Options) *site {
	t.Helper()
	desk := o.Desk
	o.Desk = func(c *signin.Config[*rig.User]) {
		c.Throttle, c.Log = freely{}, slog.New(slog.DiscardHandler)
		if desk != nil {
			desk(c)
		}
	}
	s := &site{t: t, App: rig.New(t, o)}
	s.op = newProvider(t, s.Now)
	hasher, err := password.NewHasher(password.HasherConfig{Memory: 7168, Iterations: 5}) // the cheapest
	if err != nil {
		t.Fatal(err)
	}
	s.hasher = hasher
	op := oauth.OIDC("op", s.op.issuer, "client", "secret")
	op.Client = &http.Client{Transport: s.op}
	for path, make := range map[string]func() (http.Handler, error){
		"/password/": func() (http.Handler, error) {
			return password.New(s.Desk, password.Config[*rig.User]{
				Users: s.Users, Create: s.Users.SignUp, Addresses: s.Users, Hasher: hasher,
				Account: func(u *rig.User) password.Account {
					return password.Account{Email: u.Email, Hash: u.Hash, Proven: u.Proven}
				},
			})
		},
		"/oauth/": func() (http.Handler, error) {
			return oauth.New(s.Desk, oauth.Config[*rig.User]{Users: rig.OAuthUsers{Table: s.Users}, Providers: []*oauth.Provider{op}})
		},
		"/passkey/": func() (http.Handler, error) {
			return passkey.New(s.Desk, passkey.Config[*rig.User]{
				Users: rig.PasskeyStore{Table: s.Users}, Account: func(u *rig.User) string { return u.Email },
			})
		},
		"/passlink/": func() (http.Handler, error) {
			return passlink.New(s.Desk, passlink.Config[*rig.User]{
				Users: s.Users, Email: func(u *rig.User) string { return u.Email }, Bound: (*rig.User).LinkFields,
			})
		},
	} {
		h, err := make()
		if err != nil {
			t.Fatal(err)
		}
		s.Mux.Handle(path, h)
	}
	return s
}

// user adds a user with a password. In these tests each user has the address's password.
func (s *site) user(email, word string, proven bool) *rig.User {
	s.t.Helper()
	hash, ok := hashes.Load(word)
	if !ok {
		var err error
		if hash, err = s.hasher.Hash(s.t.Context(), word); err != nil {
			s.t.Fatal(err)
		}
		hashes.Store(word, hash)
	}
	return s.Users.Add(rig.User{Email: email, Proven: proven, PasswordFields: rig.PasswordFields{Hash: hash.(string)}})
}

// hashes has the hash of each password, so that it is made once.
var hashes sync.Map

// by logs in with a password.
func (s *site) by(b *rig.Browser, email, word string) *rig.Browser {
	s.t.Helper()
	if res := b.Post("/password/login", url.Values{"email": {email}, "password": {word}}); res.StatusCode != http.StatusSeeOther {
		s.t.Fatalf("%d: %s", res.StatusCode, res.Body)
	}
	return b
}

// mail returns the link and the code of the only mail, which are "" if it has none.
func (s *site) mail() (link, code string) {
	s.t.Helper()
	mails := s.Mails.Take()
	if len(mails) != 1 {
		s.t.Fatalf("%d mails: %+v", len(mails), mails)
	}
	if m := regexp.MustCompile(`(?m)^    (\S+)$`).FindStringSubmatch(mails[0].Text); m != nil {
		code = m[1]
	}
	return regexp.MustCompile(`https?://\S+`).FindString(mails[0].Text), code
}

// A way is how a user who has everything logs in: start does what comes before the proof
// in browser b, and what it returns gives the proof in some browser.
type way struct {
	name  string
	how   string
	start func(s *site, b *rig.Browser, u *rig.User, next string) (finish func(b *rig.Browser) *rig.Answer)
}

var ways = []way{
	{"password", "password", func(s *site, _ *rig.Browser, u *rig.User, next string) func(*rig.Browser) *rig.Answer {
		return func(b *rig.Browser) *rig.Answer {
			return b.Post("/password/login", url.Values{"email": {u.Email}, "password": {adasWord}, "next": {next}, "remember": {"1"}})
		}
	}},
	{"oauth", "oauth:op", func(s *site, b *rig.Browser, u *rig.User, next string) func(*rig.Browser) *rig.Answer {
		s.Users.Edit(u.ID, func(u *rig.User) {
			u.Connections = []rig.Connection{{Provider: "op", Issuer: s.op.issuer, Subject: u.Email}}
		})
		res := b.Post("/oauth/op", url.Values{"next": {next}, "remember": {"1"}})
		back := s.op.accept(s.t, res, u.Email)
		return func(b *rig.Browser) *rig.Answer { return fromAfar(b, back) }
	}},
	{"passkey", "passkey", func(s *site, b *rig.Browser, u *rig.User, next string) func(*rig.Browser) *rig.Answer {
		d := rig.NewDevice()
		s.addPasskey(s.by(s.Browser(s.t), u.Email, adasWord), d)
		q := rig.Ask(s.t, b, "ask")
		return func(b *rig.Browser) *rig.Answer {
			return b.PostJSON("/passkey/asked?next="+url.QueryEscape(next), answer(q, d.Assert(s.t, q), true))
		}
	}},
	{"link", "link", func(s *site, b *rig.Browser, u *rig.User, next string) func(*rig.Browser) *rig.Answer {
		s.Mails.Take()
		b.Post("/passlink/", url.Values{"email": {u.Email}, "next": {next}, "remember": {"1"}})
		link, _ := s.mail()
		_, token, _ := strings.Cut(link, "token=")
		return func(b *rig.Browser) *rig.Answer {
			b.Get(link)
			return b.Post("/passlink/enter", url.Values{"token": {token}})
		}
	}},
	{"code", "link", func(s *site, b *rig.Browser, u *rig.User, next string) func(*rig.Browser) *rig.Answer {
		s.Mails.Take()
		res := b.Post("/passlink/", url.Values{"email": {u.Email}, "next": {next}, "remember": {"1"}})
		_, code := s.mail()
		return func(b *rig.Browser) *rig.Answer {
			return b.Post("/passlink/enter", url.Values{"pending": {res.Field("pending")}, "code": {code}})
		}
	}},
}

// next returns where an answer leads after a login: by a redirect or, for the script of
// the passkeys, in JSON.
func next(a *rig.Answer) string {
	var to struct{ Next string }
	if json.Unmarshal([]byte(a.Body), &to) == nil {
		return to.Next
	}
	return a.Location()
}

// fromAfar follows a redirect of another site.
func fromAfar(b *rig.Browser, to string) *rig.Answer {
	there := *b
	there.Site = "cross-site"
	return there.Get(to)
}

// answer is what the script sends.
func answer(q rig.Question, credential string, remember bool) []byte {
	sent := map[string]any{"ticket": q.Ticket, "credential": json.RawMessage(credential)}
	if remember {
		sent["remember"] = true
	}
	body, _ := json.Marshal(sent)
	return body
}

func (s *site) addPasskey(b *rig.Browser, d *rig.Device) {
	s.t.Helper()
	q := rig.Ask(s.t, b, "add")
	if res := b.PostJSON("/passkey/added", answer(q, d.Attest(s.t, q), false)); res.StatusCode != http.StatusOK {
		s.t.Fatalf("%d: %s", res.StatusCode, res.Body)
	}
}

// A provider is an OpenID provider whose subjects are their addresses. It is reached
// without a network.
type provider struct {
	issuer string
	now    func() time.Time
	key    *ecdsa.PrivateKey
	mu     sync.Mutex
	codes  map[string]url.Values // the authorization requests, and who said yes
	claims func(map[string]any)  // changes those of an ID token, and may be nil
}

func newProvider(t testing.TB, now func() time.Time) *provider {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return &provider{issuer: "https://op.example", now: now, key: key, codes: map[string]url.Values{}}
}

// accept is the provider's login form with somebody at it. It returns where they are sent
// from there.
func (p *provider) accept(t testing.TB, page *rig.Answer, who string) string {
	t.Helper()
	m := regexp.MustCompile(`http-equiv="refresh" content="0;url=([^"]*)"`).FindStringSubmatch(page.Body)
	if m == nil {
		t.Fatalf("%d: %s", page.StatusCode, page.Body)
	}
	u, err := url.Parse(html.UnescapeString(m[1]))
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	q.Set("who", who)
	p.mu.Lock()
	defer p.mu.Unlock()
	code := rand.Text()
	p.codes[code] = q
	return q.Get("redirect_uri") + "?" + url.Values{"code": {code}, "state": {q.Get("state")}}.Encode()
}

// RoundTrip is the network up to the provider.
func (p *provider) RoundTrip(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	p.ServeHTTP(w, r)
	res := w.Result()
	res.Request = r
	return res, nil
}

func (p *provider) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	write := func(v any) { _ = json.NewEncoder(w).Encode(v) } // into a recorder
	switch r.URL.Path {
	case "/.well-known/openid-configuration":
		write(map[string]any{
			"issuer": p.issuer, "authorization_endpoint": p.issuer + "/authorize", "token_endpoint": p.issuer + "/token",
			"jwks_uri": p.issuer + "/keys", "id_token_signing_alg_values_supported": []string{"ES256"},
		})
	case "/keys":
		write(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: p.key.Public(), KeyID: "1", Algorithm: "ES256", Use: "sig"}}})
	case "/token":
		q, ok := p.codes[r.PostFormValue("code")]
		delete(p.codes, r.PostFormValue("code"))
		if !ok {
			w.WriteHeader(http.StatusBadRequest)
			write(map[string]any{"error": "invalid_grant"})
			return
		}
		claims := map[string]any{
			"iss": p.issuer, "sub": q.Get("who"), "aud": "client", "nonce": q.Get("nonce"),
			"iat": p.now().Unix(), "exp": p.now().Add(time.Hour).Unix(), "email": q.Get("who"), "email_verified": false,
		}
		if p.claims != nil {
			p.claims(claims)
		}
		token := p.signed(claims, jose.ES256, p.key)
		write(map[string]any{"access_token": "x", "token_type": "Bearer", "id_token": token})
	default:
		http.NotFound(w, r)
	}
}

// signed returns a token of the claims.
func (p *provider) signed(claims map[string]any, alg jose.SignatureAlgorithm, key any) string {
	body, _ := json.Marshal(claims)
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: alg, Key: jose.JSONWebKey{Key: key, KeyID: "1"}}, nil)
	if err != nil {
		panic(err)
	}
	jws, err := signer.Sign(body)
	if err != nil {
		panic(err)
	}
	token, err := jws.CompactSerialize()
	if err != nil {
		panic(err)
	}
	return token
}
