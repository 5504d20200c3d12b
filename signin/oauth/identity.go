package oauth

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/hardtack-go/hardtack/signin/internal/address"
)

// An Identity is who somebody is at a provider.
type Identity struct {
	// Provider is the name that the program gave the provider.
	Provider string

	// Issuer and Subject together name the account, for ever. Nothing else does: store
	// these two, and look people up by them. Subject has at most 255 characters of
	// printable ASCII.
	Issuer, Subject string

	// Email is the account's address as the provider writes it, or "" if there is none
	// or it isn't one that the other ways take. It isn't normalised: make the letters
	// small. EmailVerified reports whether the provider says that it is the
	// owner's. People change their addresses, providers are wrong, and not all of them
	// verify: use it for a new account, and never to find one that exists.
	Email         string
	EmailVerified bool

	// Name is what to call the person, or "". It has no control characters and at
	// most 200 bytes.
	Name string

	// Claims are those of the ID token, or GitHub's user document, as JSON.
	Claims json.RawMessage

	// Token has the access token, for the provider's other services, and perhaps a
	// refresh token. Package oauth doesn't keep it. Extra("id_token") is the ID token.
	Token *oauth2.Token

	sid string // the session at the provider, or ""
}

const (
	maxSubject = 255 // OpenID Connect Core 1.0 section 2
	maxName    = 200
)

// nonceOf derives the nonce from the verifier, so that the ticket needs one secret only.
// The provider sees the nonce and must not learn the verifier from it, nor may it be
// the code_challenge, which is the hash of the verifier alone.
func nonceOf(verifier string) string {
	sum := sha256.Sum256([]byte("nonce of " + verifier))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// identify returns who the token belongs to.
func (p *party) identify(ctx context.Context, c *configuration, token *oauth2.Token, nonce string, now time.Time) (Identity, error) {
	id := Identity{Provider: p.name, Issuer: c.issuer, Token: token}
	identify := p.byIDToken
	if p.github {
		identify = p.byGitHub
	}
	if err := identify(ctx, c, &id, nonce, now); err != nil {
		return Identity{}, err
	}
	if !usable(id.Subject) {
		return Identity{}, errors.New("oauth: the subject is empty, too long or not ASCII")
	}
	// The other ways must be able to use the address: they take one that is typed.
	if address.Normal(id.Email) == "" || strings.ContainsFunc(id.Email, unicode.IsSpace) {
		id.Email = ""
	}
	id.EmailVerified = id.EmailVerified && id.Email != ""
	id.Name = clean(id.Name)
	return id, nil
}

// claims are the standard claims that this package reads. EmailVerified is raw because
// some providers send a text, which must neither count as true nor be an error. Session is
// raw for the same reason: AD FS has a list of that name, which is something else.
type claims struct {
	Email         string          `json:"email"`
	EmailVerified json.RawMessage `json:"email_verified"`
	Name          string          `json:"name"`
	Party         string          `json:"azp"`
	Tenant        string          `json:"tid"`
	Session       json.RawMessage `json:"sid"`
}

// byIDToken fills id from the ID token, and from the userinfo endpoint if the token has
// no address.
func (p *party) byIDToken(ctx context.Context, c *configuration, id *Identity, nonce string, now time.Time) error {
	raw, _ := id.Token.Extra("id_token").(string)
	if raw == "" {
		return errors.New("oauth: the provider sent no ID token")
	}
	token, err := c.provider.Verifier(&oidc.Config{
		ClientID: p.id, Now: func() time.Time { return now }, SkipIssuerCheck: c.anyTenant,
	}).Verify(ctx, raw)
	if err != nil {
		return err
	}
	if token.Nonce != nonce {
		return errors.New("oauth: the ID token has another nonce")
	}
	if token.AccessTokenHash != "" {
		if err := token.VerifyAccessToken(id.Token.AccessToken); err != nil {
			return err
		}
	}
	var said claims
	if err := errors.Join(token.Claims(&said), token.Claims(&id.Claims)); err != nil {
		return err
	}
	if p.foreign(said.Party, token.Audience) {
		return errors.New("oauth: the ID token was issued to another client")
	}
	if c.anyTenant {
		tenant, ok := c.knows(token.Issuer)
		if !ok || tenant != said.Tenant {
			return errors.New("oauth: the ID token isn't from the issuer of its tenant")
		}
		id.Issuer = token.Issuer
	}
	id.Subject = token.Subject
	if _ = json.Unmarshal(said.Session, &id.sid); !usable(id.sid) {
		id.sid = ""
	}
	if said.Email == "" && c.userInfo != "" {
		if err := p.byUserInfo(ctx, c, id.Token, id.Subject, &said); err != nil {
			return err
		}
	}
	id.Email, id.Name, id.EmailVerified = said.Email, said.Name, string(said.EmailVerified) == "true"
	return nil
}

// foreign reports whether a token with this client among its audiences is another one's:
// OpenID Connect Core 1.0 section 3.1.3.7.
func (p *party) foreign(azp string, audience []string) bool {
	return azp != "" && azp != p.id || azp == "" && len(audience) > 1
}

// byUserInfo adds what the userinfo endpoint says. The answer isn't signed, so it must
// be about the subject of the ID token (OpenID Connect Core 1.0 section 5.3.2).
func (p *party) byUserInfo(ctx context.Context, c *configuration, token *oauth2.Token, subject string, said *claims) error {
	info, err := c.provider.UserInfo(ctx, oauth2.StaticTokenSource(token))
	if err != nil {
		return err
	}
	if info.Subject != subject {
		return errors.New("oauth: the userinfo endpoint answered for another subject")
	}
	var more claims
	if err := info.Claims(&more); err != nil {
		return fmt.Errorf("oauth: the userinfo endpoint's answer: %w", err)
	}
	said.Email, said.EmailVerified = more.Email, more.EmailVerified
	if said.Name == "" {
		said.Name = more.Name
	}
	return nil
}

// printable reports whether s is printable ASCII.
func printable(s string) bool {
	return !strings.ContainsFunc(s, func(c rune) bool { return c < ' ' || c > '~' })
}

// clean makes a name fit to store and show.
func clean(s string) string {
	s = strings.TrimSpace(strings.Map(func(c rune) rune {
		if unicode.IsControl(c) {
			return -1
		}
		return c
	}, s))
	for len(s) > maxName {
		_, size := utf8.DecodeLastRuneInString(s)
		s = s[:len(s)-size]
	}
	return s
}
