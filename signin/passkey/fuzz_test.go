package passkey_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/hardtack-go/hardtack/signin"
	"github.com/hardtack-go/hardtack/signin/internal/rig"
	"github.com/hardtack-go/hardtack/signin/passkey"
)

// FuzzCredential: whatever comes as the answer of an authenticator, as a whole or in its parts,
// nobody is logged in by it, no passkey is stored that can't be read again, and nothing is a
// fault of the server. The parts stand beside the right challenge and origin, so that they are
// looked at.
func FuzzCredential(f *testing.F) {
	x := newSite(f, rig.Options{Desk: quiet})
	u := x.Users.Add(rig.User{Email: "ada@example.com"})
	d := newDevice()
	// What an authenticator would say, of the parts that the fuzzer changes.
	type parts struct {
		Response struct{ AuthenticatorData, Signature, UserHandle, AttestationObject, ClientDataJSON string }
	}
	part := func(text string) (p parts) {
		if err := json.Unmarshal([]byte(text), &p); err != nil {
			f.Fatal(err)
		}
		return p
	}
	raw := func(text string) []byte {
		b, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(text, "="))
		if err != nil {
			f.Fatal(err)
		}
		return b
	}
	b := x.enter(f, u.ID)
	granted(f, d.add(f, b))
	known := x.stored(u.ID)[0]
	second := newDevice()
	attestation := second.Attest(f, rig.Ask(f, b, "add"))
	assertion := d.Assert(f, rig.Ask(f, b, "ask"))
	made, used := part(attestation), part(assertion)
	object, data, signature := raw(made.Response.AttestationObject), raw(used.Response.AuthenticatorData), raw(used.Response.Signature)
	// Without a signature, which is over the challenge of its own request.
	plain := append([]byte("\xa3cfmtdnonegattStmt\xa0"), object[bytes.Index(object, []byte("hauthData")):]...)
	f.Add("", plain, data, signature)
	for _, whole := range []string{
		attestation, assertion, `{}`, `null`, `[]`, `7`, `"x"`, `{"id":"x"}`, `{"id":"AA","rawId":"AA","type":"public-key","response":{}}`, strings.Replace(assertion, "public-key", "password", 1),
		strings.Replace(assertion, `"response"`, `"response":null,"response"`, 1), strings.Repeat("[", 1000) + strings.Repeat("]", 1000), assertion + "}", strings.Replace(attestation, `"response"`, `"transports":[7],"response"`, 1),
	} {
		f.Add(whole, object, data, signature)
	}
	for _, o := range [][]byte{object[:20], append([]byte(nil), object[1:]...), {0xa3}, {0xbf, 0xff}, []byte("\xa3cfmtdnonegattStmt\xa0hauthData\x41x"), []byte(strings.Repeat("\x9f", 2000)), {0xbb, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, []byte(strings.Replace(string(object), "none", "tpm\x00", 1))} {
		f.Add("", o, data[:len(data)/2], signature[:8])
	}
	f.Add("", []byte(nil), []byte(nil), []byte(nil))
	encode := base64.RawURLEncoding.EncodeToString
	f.Fuzz(func(t *testing.T, whole string, object, data, signature []byte) {
		x := newSite(t, rig.Options{Desk: quiet})
		u := x.Users.Add(rig.User{Email: "ada@example.com", PasskeyFields: rig.PasskeyFields{Passkeys: []passkey.Passkey{known}}})
		in, out := x.enter(t, u.ID), x.Browser(t)
		client := func(what string, q rig.Question) string {
			var options struct{ Challenge string }
			if err := json.Unmarshal(q.PublicKey, &options); err != nil {
				t.Fatal(err)
			}
			return encode([]byte(`{"type":"webauthn.` + what + `","challenge":"` + options.Challenge + `","origin":"https://example.com","crossOrigin":false}`))
		}
		credential := func(id string, response map[string]string) string {
			c, _ := json.Marshal(map[string]any{"id": id, "rawId": id, "type": "public-key", "response": response})
			return string(c)
		}
		check := func(res *rig.Answer) {
			if res.StatusCode != http.StatusOK && (res.StatusCode < 400 || res.StatusCode >= 500) {
				t.Fatalf("status %d: %s", res.StatusCode, res.Body)
			}
		}
		q := rig.Ask(t, in, "add")
		check(in.PostJSON("/passkey/added", body(q.Ticket, credential(second.ID(), map[string]string{"attestationObject": encode(object), "clientDataJSON": client("create", q)}))))
		q = rig.Ask(t, in, "add") // which also reads what was stored
		if json.Valid([]byte(whole)) {
			check(in.PostJSON("/passkey/added", body(q.Ticket, whole)))
		}
		q = rig.Ask(t, out, "ask")
		for _, c := range []string{whole, credential(d.ID(), map[string]string{
			"authenticatorData": encode(data), "signature": encode(signature), "userHandle": known.Handle, "clientDataJSON": client("get", q),
		})} {
			if !json.Valid([]byte(c)) {
				continue
			}
			if res := out.PostJSON("/passkey/asked", body(q.Ticket, c)); res.StatusCode < 400 || res.StatusCode >= 500 {
				t.Fatalf("status %d: %s", res.StatusCode, res.Body)
			}
			nobody(t, out)
		}
	})
}

func quiet(c *signin.Config[*rig.User]) { c.Log = slog.New(slog.DiscardHandler) }
