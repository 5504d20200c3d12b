package rig

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"testing"

	"github.com/descope/virtualwebauthn"
)

// A Device is an authenticator with one passkey, and the browser in front of it.
type Device struct {
	Party virtualwebauthn.RelyingParty
	Auth  virtualwebauthn.Authenticator
	Cred  virtualwebauthn.Credential
}

// NewDevice returns a device whose passkey nobody knows yet.
func NewDevice() *Device {
	d := &Device{
		Party: virtualwebauthn.RelyingParty{ID: "example.com", Name: "example.com", Origin: "https://example.com"},
		Auth:  virtualwebauthn.NewAuthenticator(),
	}
	// The library writes coordinates without leading zeros, which is no valid COSE key:
	// take one that has none. Its whole form has 77 bytes.
	for d.Cred = virtualwebauthn.NewCredential(virtualwebauthn.KeyTypeEC2); len(d.Cred.Key.AttestationData()) != 77; {
		d.Cred = virtualwebauthn.NewCredential(virtualwebauthn.KeyTypeEC2)
	}
	return d
}

// ID returns the passkey's id as it is stored.
func (d *Device) ID() string { return base64.RawURLEncoding.EncodeToString(d.Cred.ID) }

// A Question is what a browser is asked to sign.
type Question struct {
	Ticket    string
	PublicKey json.RawMessage
}

// Ask gets the question of a login ("ask") or of an addition ("add").
func Ask(t testing.TB, b *Browser, use string) (q Question) {
	t.Helper()
	res := b.PostJSON("/passkey/"+use, []byte("{}"))
	if res.StatusCode != http.StatusOK || res.Header.Get("Content-Type") != "application/json" {
		t.Fatalf("%s: %d %s", use, res.StatusCode, res.Body)
	}
	if err := json.Unmarshal([]byte(res.Body), &q); err != nil {
		t.Fatal(err)
	}
	return q
}

// Assert signs the challenge of a login.
func (d *Device) Assert(t testing.TB, q Question) string {
	t.Helper()
	options, err := virtualwebauthn.ParseAssertionOptions(string(q.PublicKey))
	if err != nil {
		t.Fatal(err)
	}
	return virtualwebauthn.CreateAssertionResponse(d.Party, d.Auth, d.Cred, *options)
}

// Attest makes the passkey for the challenge of an addition, and takes its user handle.
func (d *Device) Attest(t testing.TB, q Question) string {
	t.Helper()
	options, err := virtualwebauthn.ParseAttestationOptions(string(q.PublicKey))
	if err != nil {
		t.Fatal(err)
	}
	d.Auth.Options.UserHandle = []byte(options.UserID)
	return virtualwebauthn.CreateAttestationResponse(d.Party, d.Auth, d.Cred, *options)
}
