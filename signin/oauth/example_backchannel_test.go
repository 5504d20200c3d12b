package oauth_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/hardtack-go/hardtack/auth"
	"github.com/hardtack-go/hardtack/keyring"
	"github.com/hardtack-go/hardtack/marks"
	"github.com/hardtack-go/hardtack/middleware"
	"github.com/hardtack-go/hardtack/signin"
	"github.com/hardtack-go/hardtack/signin/oauth"
	"github.com/hardtack-go/hardtack/ssestore"
)

// single ends sessions in a program that runs once. For several instances, and for marks
// that are still there after a restart, there is *fleet.Fleet.
type single struct{ *marks.Set }

func (s single) End(_ context.Context, m marks.Mark) error {
	now := time.Now()
	m.Until = now.Add(ssestore.DefaultPersistentAbsolute).Unix()
	s.Apply(now, m)
	return nil
}

// acme is a provider that says who it is and which key it has. A real one has a login too.
type acme struct{ key *ecdsa.PrivateKey }

func (a acme) RoundTrip(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	err := json.NewEncoder(w).Encode(map[string]any{
		"issuer":                                "https://login.acme.example",
		"authorization_endpoint":                "https://login.acme.example/authorize",
		"token_endpoint":                        "https://login.acme.example/token",
		"jwks_uri":                              "https://login.acme.example/keys",
		"id_token_signing_alg_values_supported": []string{"ES256"},

		"keys": []jose.JSONWebKey{{Key: a.key.Public(), KeyID: "1", Algorithm: "ES256", Use: "sig"}},
	})
	return w.Result(), err
}

// logoutToken says that a session at the provider is over.
func (a acme) logoutToken(sid string) string {
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: a.key, KeyID: "1"}}, new(jose.SignerOptions).WithType("logout+jwt"))
	if err != nil {
		log.Fatal(err)
	}
	claims, err := json.Marshal(map[string]any{
		"iss": "https://login.acme.example", "aud": "client id", "jti": rand.Text(), "sid": sid,
		"iat": time.Now().Unix(), "exp": time.Now().Add(2 * time.Minute).Unix(),
		"events": map[string]any{"http://schemas.openid.net/event/backchannel-logout": map[string]any{}},
	})
	if err != nil {
		log.Fatal(err)
	}
	signed, err := signer.Sign(claims)
	if err != nil {
		log.Fatal(err)
	}
	token, err := signed.CompactSerialize()
	if err != nil {
		log.Fatal(err)
	}
	return token
}

// Somebody who logs out at the provider is logged out here too.
func ExampleNew_backChannelLogout() {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		log.Fatal(err)
	}
	provider := oauth.OIDC("acme", "https://login.acme.example", "client id", "client secret")
	provider.Client = &http.Client{Transport: acme{key}}

	ends := single{marks.New(marks.Policy{})}
	db := &members{rows: []*member{{ID: "1"}}}
	keys := keyring.Generate()
	store, err1 := ssestore.New(ssestore.Config{Keys: keys, Marks: ends.Set})
	accounts, err2 := auth.New(auth.Config[*member]{
		UserByID: db.ByID,
		ID:       func(u *member) string { return u.ID },
		Stamp:    func(u *member) string { return u.Epoch },
		Ender:    ends,
	})
	guard, err3 := middleware.New(store, accounts, middleware.Config{LoginURL: "/login"})
	desk, err4 := signin.New(signin.Config[*member]{Keys: keys, Origin: "https://example.com", Guard: guard})
	with, err5 := oauth.New(desk, oauth.Config[*member]{Users: db, Providers: []*oauth.Provider{provider}, Ender: ends})
	if err := errors.Join(err1, err2, err3, err4, err5); err != nil {
		log.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("/oauth/", with) // with /oauth/acme/backchannel-logout
	mux.HandleFunc("GET /{$}", guard.ForAnyone(func(w http.ResponseWriter, r *http.Request, u *member, ok bool) {
		fmt.Fprint(w, "logged in: ", ok)
	}))
	mux.HandleFunc("POST /callback", func(w http.ResponseWriter, r *http.Request) {
		// This stands for /oauth/acme/callback, which makes the links of the ID token.
		links := []string{"sub:https://login.acme.example#ada", "sid:https://login.acme.example#08a5"}
		if err := desk.Login(r, signin.Entry[*member]{User: db.rows[0], How: "oauth:acme", Links: links}); err != nil {
			desk.Fail(w, r, err)
		}
	})
	app := guard.Handler(mux)

	ask := func(method, path string, form url.Values, cookies ...*http.Cookie) *http.Response {
		r := httptest.NewRequest(method, "https://example.com"+path, strings.NewReader(form.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		for _, c := range cookies {
			r.AddCookie(c)
		}
		w := httptest.NewRecorder()
		app.ServeHTTP(w, r)
		fmt.Println(strings.TrimSpace(fmt.Sprint(method, " ", path, " ", w.Code, " ", w.Body)))
		return w.Result()
	}
	cookies := ask("POST", "/callback", nil).Cookies()
	ask("GET", "/", nil, cookies...)
	ask("POST", "/oauth/acme/backchannel-logout", url.Values{"logout_token": {acme{key}.logoutToken("another")}})
	ask("GET", "/", nil, cookies...)
	ask("POST", "/oauth/acme/backchannel-logout", url.Values{"logout_token": {acme{key}.logoutToken("08a5")}})
	ask("GET", "/", nil, cookies...)
	// Output:
	// POST /callback 200
	// GET / 200 logged in: true
	// POST /oauth/acme/backchannel-logout 200
	// GET / 200 logged in: true
	// POST /oauth/acme/backchannel-logout 200
	// GET / 200 logged in: false
}
