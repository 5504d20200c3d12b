package harbour

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"
)

// kept is how many requests and tokens are remembered. The oldest goes first.
const kept = 1000

// tokenLife is how long an access token can be used.
const tokenLife = time.Hour

var errGone = errors.New("harbour: no such request")

// storage is what the provider remembers.
type storage struct {
	provider *Provider
	redirect []string
	key      signingKey

	mu       sync.Mutex
	requests []*request
	tokens   []token
}

// A request is a login under way. It is replaced, and never changed.
type request struct {
	*oidc.AuthRequest
	provider *Provider
	id       string
	code     string
	subject  string // "" until somebody has pressed a button
	at       time.Time
}

type token struct {
	id, subject string
	scopes      []string
	expires     time.Time
}

func newStorage(p *Provider, redirect []string) (*storage, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	return &storage{provider: p, redirect: redirect, key: signingKey{key: key}}, nil
}

// The methods of op.AuthRequest that oidc.AuthRequest doesn't have.

func (a *request) GetID() string          { return a.id }
func (a *request) GetACR() string         { return "" }
func (a *request) GetAMR() []string       { return nil }
func (a *request) GetAudience() []string  { return []string{a.ClientID} }
func (a *request) GetAuthTime() time.Time { return a.at }
func (a *request) GetClientID() string    { return a.ClientID }
func (a *request) GetScopes() []string    { return a.Scopes }
func (a *request) GetSubject() string     { return a.subject }
func (a *request) Done() bool             { return a.subject != "" }

func (a *request) GetNonce() string {
	if lie := a.provider.lie().Nonce; lie != "" {
		return lie
	}
	return a.Nonce
}

func (a *request) GetCodeChallenge() *oidc.CodeChallenge {
	if a.CodeChallenge == "" {
		return nil
	}
	return &oidc.CodeChallenge{Challenge: a.CodeChallenge, Method: a.CodeChallengeMethod}
}

// request returns the request that is wanted.
func (s *storage) request(wanted func(*request) bool) (*request, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if i := slices.IndexFunc(s.requests, wanted); i >= 0 {
		return s.requests[i], nil
	}
	return nil, errGone
}

// change replaces a request.
func (s *storage) change(id string, change func(*request)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := slices.IndexFunc(s.requests, func(a *request) bool { return a.id == id })
	if i < 0 {
		return errGone
	}
	next := *s.requests[i]
	change(&next)
	s.requests[i] = &next
	return nil
}

// done notes who has logged in. A request that is gone by now fails at the next step.
func (s *storage) done(id, subject string) {
	_ = s.change(id, func(a *request) { a.subject, a.at = subject, time.Now() })
}

func (s *storage) CreateAuthRequest(_ context.Context, r *oidc.AuthRequest, _ string) (op.AuthRequest, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := &request{AuthRequest: r, provider: s.provider, id: rand.Text()}
	s.requests = append(s.requests, a)
	s.requests = s.requests[max(0, len(s.requests)-kept):]
	return a, nil
}

func (s *storage) AuthRequestByID(_ context.Context, id string) (op.AuthRequest, error) {
	return s.request(func(a *request) bool { return a.id == id })
}

func (s *storage) AuthRequestByCode(_ context.Context, code string) (op.AuthRequest, error) {
	return s.request(func(a *request) bool { return a.code == code && code != "" })
}

func (s *storage) SaveAuthCode(_ context.Context, id, code string) error {
	return s.change(id, func(a *request) { a.code = code })
}

func (s *storage) DeleteAuthRequest(_ context.Context, id string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests = slices.DeleteFunc(s.requests, func(a *request) bool { return a.id == id })
	return nil
}

func (s *storage) CreateAccessToken(_ context.Context, r op.TokenRequest) (string, time.Time, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := token{rand.Text(), r.GetSubject(), r.GetScopes(), time.Now().Add(tokenLife)}
	s.tokens = append(s.tokens, t)
	s.tokens = s.tokens[max(0, len(s.tokens)-kept):]
	return t.id, t.expires, nil
}

func (s *storage) SetUserinfoFromToken(_ context.Context, info *oidc.UserInfo, id, subject, _ string) error {
	s.mu.Lock()
	i := slices.IndexFunc(s.tokens, func(t token) bool { return t.id == id && t.subject == subject })
	if i < 0 || time.Now().After(s.tokens[i].expires) {
		s.mu.Unlock()
		return oidc.ErrAccessDenied()
	}
	t := s.tokens[i]
	s.mu.Unlock()
	return s.provider.fill(info, t.subject, t.scopes)
}

var _ op.CanSetUserinfoFromRequest = (*storage)(nil) // optional for the provider

// SetUserinfoFromRequest fills the ID token, which has the subject, and the session. Harbour
// ID asks each time who is there, so each login is a session.
func (s *storage) SetUserinfoFromRequest(_ context.Context, info *oidc.UserInfo, r op.IDTokenRequest, _ []string) error {
	info.Subject = r.GetSubject()
	if a, ok := r.(*request); ok {
		info.AppendClaims("sid", a.id)
	}
	return nil
}

func (s *storage) GetClientByClientID(_ context.Context, id string) (op.Client, error) {
	if id != ClientID {
		return nil, errors.New("harbour: no such client")
	}
	return client{s}, nil
}

func (s *storage) AuthorizeClientIDSecret(_ context.Context, id, secret string) error {
	if id != ClientID || secret != ClientSecret {
		return errors.New("harbour: no such client, or another secret")
	}
	return nil
}

func (s *storage) SigningKey(context.Context) (op.SigningKey, error) { return s.key, nil }
func (s *storage) KeySet(context.Context) ([]op.Key, error) {
	return []op.Key{publicKey{s.key}}, nil
}
func (s *storage) SignatureAlgorithms(context.Context) ([]jose.SignatureAlgorithm, error) {
	return []jose.SignatureAlgorithm{jose.ES256}, nil
}
func (s *storage) Health(context.Context) error { return nil }

// What Harbour ID doesn't do: refresh tokens, revocation, introspection, claims of its
// own, clients with keys.

var errNot = oidc.ErrUnsupportedGrantType()

func (s *storage) CreateAccessAndRefreshTokens(context.Context, op.TokenRequest, string) (string, string, time.Time, error) {
	return "", "", time.Time{}, errNot
}
func (s *storage) TokenRequestByRefreshToken(context.Context, string) (op.RefreshTokenRequest, error) {
	return nil, op.ErrInvalidRefreshToken
}
func (s *storage) GetRefreshTokenInfo(context.Context, string, string) (string, string, error) {
	return "", "", op.ErrInvalidRefreshToken
}
func (s *storage) TerminateSession(context.Context, string, string) error { return nil }
func (s *storage) RevokeToken(context.Context, string, string, string) *oidc.Error {
	return nil
}
func (s *storage) SetUserinfoFromScopes(context.Context, *oidc.UserInfo, string, string, []string) error {
	return nil
}
func (s *storage) SetIntrospectionFromToken(context.Context, *oidc.IntrospectionResponse, string, string, string) error {
	return errNot
}
func (s *storage) GetPrivateClaimsFromScopes(context.Context, string, string, []string) (map[string]any, error) {
	return nil, nil
}
func (s *storage) GetKeyByIDAndClientID(context.Context, string, string) (*jose.JSONWebKey, error) {
	return nil, errNot
}
func (s *storage) ValidateJWTProfileScopes(context.Context, string, []string) ([]string, error) {
	return nil, errNot
}

// client is the application.
type client struct{ s *storage }

func (c client) GetID() string                       { return ClientID }
func (c client) RedirectURIs() []string              { return c.s.redirect }
func (c client) ApplicationType() op.ApplicationType { return op.ApplicationTypeWeb }
func (c client) AuthMethod() oidc.AuthMethod         { return oidc.AuthMethodBasic }
func (c client) ResponseTypes() []oidc.ResponseType {
	return []oidc.ResponseType{oidc.ResponseTypeCode}
}
func (c client) GrantTypes() []oidc.GrantType { return []oidc.GrantType{oidc.GrantTypeCode} }
func (c client) LoginURL(id string) string {
	return c.s.provider.base + "/login?id=" + url.QueryEscape(id)
}
func (c client) AccessTokenType() op.AccessTokenType  { return op.AccessTokenTypeBearer }
func (c client) IDTokenLifetime() time.Duration       { return tokenLife }
func (c client) DevMode() bool                        { return true } // redirect URIs on http://localhost
func (c client) IsScopeAllowed(string) bool           { return false }
func (c client) IDTokenUserinfoClaimsAssertion() bool { return false }
func (c client) ClockSkew() time.Duration             { return 0 }
func (c client) RestrictAdditionalIdTokenScopes() func([]string) []string {
	return func(scopes []string) []string { return scopes }
}
func (c client) RestrictAdditionalAccessTokenScopes() func([]string) []string {
	return func(scopes []string) []string { return scopes }
}

type signingKey struct{ key *ecdsa.PrivateKey }

func (k signingKey) SignatureAlgorithm() jose.SignatureAlgorithm { return jose.ES256 }
func (k signingKey) Key() any                                    { return k.key }
func (k signingKey) ID() string                                  { return "harbour" }

type publicKey struct{ signingKey }

func (k publicKey) Algorithm() jose.SignatureAlgorithm { return jose.ES256 }
func (k publicKey) Use() string                        { return "sig" }
func (k publicKey) Key() any                           { return &k.key.PublicKey }

func writeJSON(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v)
}
