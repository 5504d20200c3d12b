package oauth

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-jose/go-jose/v4"

	"github.com/hardtack-go/hardtack/marks"
)

const (
	// backChannel is the last segment of the URI at which a provider says who has
	// logged out there.
	backChannel = "backchannel-logout"

	// ahead is how many seconds the provider's clock may be ahead of ours, and ours of
	// the provider's. It is as much as between the instances of an application.
	ahead = 60

	// keyPause is how long a provider isn't asked for its keys again because of a
	// logout token. It is also when to come back after a 503.
	keyPause = 10 * time.Second

	// maxIssuer leaves room for the longest subject or session in a link's name.
	maxIssuer = marks.MaxID - len("sid:#") - maxSubject
)

// errDown is wrapped by the errors that pass: the provider's configuration or keys
// couldn't be had.
var errDown = errors.New("oauth: the logout token can't be checked now")

// bySession and bySubject return the names to which a login links its session: that of
// the session at the provider, and that of the account there. No issuer has a "#".
func bySession(issuer, sid string) string { return "sid:" + issuer + "#" + sid }
func bySubject(issuer, sub string) string { return "sub:" + issuer + "#" + sub }

// links returns the names to which the session of an identity gets linked.
func (id Identity) links() []string {
	names := []string{bySubject(id.Issuer, id.Subject)}
	if id.sid != "" {
		names = append(names, bySession(id.Issuer, id.sid))
	}
	return names
}

// usable reports whether s can be a subject or a session. They are opaque texts; the
// limits are those of a subject (OpenID Connect Core 1.0 section 2).
func usable(s string) bool { return s != "" && len(s) <= maxSubject && printable(s) }

// backChannel takes a logout token: OpenID Connect Back-Channel Logout 1.0 section 2.5.
// The answers are those of section 2.8, but for the one to a logout that failed: it is
// 503 and not 400, so that a provider that tries again knows when to.
func (h *Handler[U]) backChannel(w http.ResponseWriter, r *http.Request, p *party) {
	w.Header().Set("Cache-Control", "no-store")
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	token := ""
	if err := r.ParseForm(); err == nil && len(r.PostForm["logout_token"]) == 1 {
		token = r.PostForm["logout_token"][0]
	}
	mark, err := p.logout(r.Context(), token, h.desk.Config().Guard.Session(r).Now())
	switch {
	case errors.Is(err, errDown):
		h.failed(r, p, err)
		later(w)
		return
	case err != nil:
		h.failed(r, p, err)
		problem(w, http.StatusBadRequest, "invalid_request", "The request has no logout token that is valid here.")
		return
	}
	// The provider may hang up meanwhile, but somebody has logged out all the same.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), timeout)
	defer cancel()
	if err := h.cfg.Ender.End(ctx, mark); err != nil {
		h.desk.Report(r, err)
		later(w)
		return
	}
	w.WriteHeader(http.StatusOK)
}

// later answers that the logout may work another time.
func later(w http.ResponseWriter) {
	w.Header().Set("Retry-After", strconv.Itoa(int(keyPause/time.Second)))
	problem(w, http.StatusServiceUnavailable, "temporarily_unavailable", "Try again.")
}

// problem answers a program, in the words of OAuth (RFC 6749 section 5.2). What it says
// is the same for all: who wants to know more looks into the application's log.
func problem(w http.ResponseWriter, status int, code, description string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]string{"error": code, "error_description": description})
}

// logout returns what a logout token ends: the session that it names, or else all
// sessions of the subject.
func (p *party) logout(ctx context.Context, raw string, now time.Time) (m marks.Mark, err error) {
	ctx, cancel := context.WithTimeout(ctx, 2*timeout)
	defer cancel()
	c, err := p.source.get(ctx)
	if err != nil {
		return m, fmt.Errorf("%w: %w", errDown, err)
	}
	if err := typed(raw, c.algorithms); err != nil {
		return m, err
	}
	keys := &asked{KeySet: c.logoutKeys}
	token, err := oidc.NewVerifier(c.issuer, keys, &oidc.Config{
		ClientID: p.id, Now: func() time.Time { return now }, SupportedSigningAlgs: c.algorithms,
		SkipIssuerCheck: true, // knows is stricter, and knows tenants
	}).VerifyLogout(ctx, raw)
	switch {
	case errors.Is(keys.err, errDown):
		return m, keys.err
	case err != nil:
		return m, err
	}
	var said struct {
		Party  string `json:"azp"`
		Events struct {
			Logout map[string]any `json:"http://schemas.openid.net/event/backchannel-logout"`
		} `json:"events"`
	}
	if err := token.Claims(&said); err != nil {
		return m, err
	}
	issued := token.IssuedAt.Unix()
	switch _, known := c.knows(token.Issuer); {
	case !known:
		return m, errors.New("oauth: the logout token is from another issuer")
	case p.foreign(said.Party, token.Audience):
		return m, errors.New("oauth: the logout token was issued to another client")
	case said.Events.Logout == nil:
		return m, errors.New("oauth: the event of the logout token is no object")
	case issued <= 0 || issued > now.Unix()+ahead: // before 1970 if it isn't said
		return m, errors.New("oauth: the logout token doesn't say when it was issued, or was issued in the future")
	}
	name := bySubject(token.Issuer, token.Subject)
	if token.SessionID != "" {
		name = bySession(token.Issuer, token.SessionID)
	}
	if token.Subject != "" && !usable(token.Subject) || token.SessionID != "" && !usable(token.SessionID) {
		return m, errors.New("oauth: the subject or the session is too long or not ASCII")
	}
	// A session that began after the logout goes on, even if the token comes late or
	// twice. If the provider's clock is behind, a session looks newer than the logout
	// that was meant for it, so the minute after it doesn't count as after.
	return marks.Mark{Kind: marks.Link, ID: name, Before: min(now.Unix(), issued+ahead) + 1}, nil
}

// typed returns an error unless raw is a token in the compact form, signed with one of
// the algorithms, that may be a logout token by its type. Most providers write "JWT" or no
// type, so those must do (section 4.1): what tells an ID token from a logout token is that
// ours always have a nonce, and no event.
func typed(raw string, algorithms []string) error {
	known := make([]jose.SignatureAlgorithm, len(algorithms))
	for i, a := range algorithms {
		known[i] = jose.SignatureAlgorithm(a)
	}
	token, err := jose.ParseSignedCompact(raw, known)
	if err != nil {
		return fmt.Errorf("oauth: no logout token: %w", err)
	}
	header, ok := token.Signatures[0].Header.ExtraHeaders[jose.HeaderType]
	if !ok {
		return nil
	}
	typ, _ := header.(string)
	switch strings.TrimPrefix(strings.ToLower(typ), "application/") { // RFC 7515 section 4.1.9
	case "logout+jwt", "jwt":
		return nil
	}
	return errors.New("oauth: the token is of another type")
}

// asked keeps the error that package oidc turns into text.
type asked struct {
	oidc.KeySet
	err error
}

func (a *asked) VerifySignature(ctx context.Context, token string) (payload []byte, err error) {
	payload, a.err = a.KeySet.VerifySignature(ctx, token)
	return payload, a.err
}

// sparing makes at most one request in keyPause, because each token with a key that the
// provider doesn't have makes package oidc ask for the keys, and anybody can post one. For
// the same reason the logins have keys of their own, which nobody can exhaust.
type sparing struct {
	http.RoundTripper

	mu   sync.Mutex
	next time.Time // no request before
}

func (s *sparing) RoundTrip(r *http.Request) (*http.Response, error) {
	s.mu.Lock()
	now := time.Now()
	wait := now.Before(s.next)
	if !wait {
		s.next = now.Add(keyPause)
	}
	s.mu.Unlock()
	if wait {
		return nil, fmt.Errorf("%w: the provider's keys have been read a moment ago", errDown)
	}
	res, err := s.RoundTripper.RoundTrip(r)
	switch {
	case err != nil:
		return nil, fmt.Errorf("%w: %w", errDown, err)
	case res.StatusCode != http.StatusOK:
		res.Body.Close()
		return nil, fmt.Errorf("%w: the provider's keys: status %d", errDown, res.StatusCode)
	}
	return res, nil
}
