package e2e_test

import (
	"net/url"
	"strings"
	"testing"
)

// TestB1_B2_RealProvider: people log in at the provider of zitadel/oidc. It ends one of
// their sessions at its own endpoint, and then all of somebody. It sends the notices of
// package harbour, which has it sign them with its key, because it sends none by itself.
func TestB1_B2_RealProvider(t *testing.T) {
	s := newOAuthSite(t, true, false)
	ada, adasPhone, bob := s.surfer(t), s.surfer(t), s.surfer(t)
	ada.as(ada.toHarbour("/oauth/harbour", nil), "ada")
	adasPhone.as(adasPhone.toHarbour("/oauth/harbour", nil), "ada")
	bob.as(bob.toHarbour("/oauth/harbour", nil), "bob")
	expect := func(want ...bool) {
		t.Helper()
		for i, v := range []*surfer{ada, adasPhone, bob} {
			// The other instance first: who is refused loses the cookie.
			if there, here := v.whoElsewhere() != "", v.who() != "nobody"; here != want[i] || there != want[i] {
				t.Errorf("surfer %d: in here %t, on the other instance %t, want %t (%q)", i, here, there, want[i], s.fails())
			}
		}
	}
	expect(true, true, true)

	// Ada's browser ends the session at the provider, which the first login began.
	end := s.issuer + "/end_session?" + url.Values{"id_token_hint": {s.guests.idTokens[0]}, "post_logout_redirect_uri": {s.base + "/"}}.Encode()
	if p := ada.get(end); p.url.String() != s.base+"/" {
		t.Fatalf("%d at %s: %s", p.status, p.url, p.body)
	}
	expect(false, true, true)

	// Her account is disabled there.
	if err := s.harbour.LogOut(t.Context(), "ada"); err != nil {
		t.Fatal(err)
	}
	expect(false, false, true)

	// The provider's ID tokens end nothing.
	form := url.Values{"logout_token": {s.guests.idTokens[2]}}
	if p := bob.post("/oauth/harbour/backchannel-logout", form); p.status != 400 || !strings.Contains(p.body, "invalid_request") {
		t.Errorf("an ID token: %d %s", p.status, p.body)
	}
	expect(false, false, true)
}
