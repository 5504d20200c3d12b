package harbour

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/zitadel/oidc/v3/pkg/crypto"
	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"
)

// noticeLife is how long a notice is good: what OpenID Connect Back-Channel Logout 1.0
// recommends in section 4.
const noticeLife = 2 * time.Minute

// Notify makes the provider tell the client, at an address of it, whose sessions are
// over. The provider of zitadel/oidc has the claims and the keys for that, and leaves the
// sending to its users.
func (p *Provider) Notify(client *http.Client, uri string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.notify = func(ctx context.Context, form url.Values) error {
		r, err := http.NewRequestWithContext(ctx, http.MethodPost, uri, strings.NewReader(form.Encode()))
		if err != nil {
			return err
		}
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		res, err := client.Do(r)
		if err != nil {
			return err
		}
		defer res.Body.Close()
		if res.StatusCode != http.StatusOK && res.StatusCode != http.StatusNoContent {
			return fmt.Errorf("harbour: the client answered %d to a logout", res.StatusCode)
		}
		return nil
	}
}

// LogOut tells the client that a person is out everywhere, as when an administrator has
// disabled the account.
func (p *Provider) LogOut(ctx context.Context, subject string) error { return p.over(ctx, subject, "") }

// over tells the client that a session is over, or all of a person's if sid is "".
func (p *Provider) over(ctx context.Context, subject, sid string) error {
	p.mu.Lock()
	notify := p.notify
	p.mu.Unlock()
	if notify == nil {
		return nil
	}
	claims := oidc.NewLogoutTokenClaims(p.issuer, subject, oidc.Audience{ClientID}, time.Now().Add(noticeLife), rand.Text(), sid, 0)
	signer, err := op.SignerFromKey(p.storage.key)
	if err != nil {
		return err
	}
	token, err := crypto.Sign(claims, signer)
	if err != nil {
		return err
	}
	return notify(ctx, url.Values{"logout_token": {token}})
}

var _ op.CanTerminateSessionFromRequest = (*storage)(nil) // optional for the provider

// TerminateSessionFromRequest ends the session of an ID token that the client sent
// somebody with, to the provider's end of sessions.
func (s *storage) TerminateSessionFromRequest(ctx context.Context, r *op.EndSessionRequest) (string, error) {
	sid := ""
	if r.IDTokenHintClaims != nil {
		sid = r.IDTokenHintClaims.SessionID
	}
	if sid == "" {
		return r.RedirectURI, nil // it isn't said which
	}
	return r.RedirectURI, s.provider.over(ctx, r.UserID, sid)
}

// PostLogoutRedirectURIs are the home pages of those that a login leads back to.
func (c client) PostLogoutRedirectURIs() (home []string) {
	for _, to := range c.s.redirect {
		if u, err := url.Parse(to); err == nil {
			home = append(home, u.Scheme+"://"+u.Host+"/")
		}
	}
	return home
}
