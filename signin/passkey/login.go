package passkey

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"

	"github.com/hardtack-go/hardtack/auth"
	"github.com/hardtack-go/hardtack/signin"
)

// tries is how often a login reads a passkey that somebody else has just stored. One
// passkey in two devices can be used in both at once.
const tries = 3

// question is what the browser gets: the options for navigator.credentials, and the
// ticket to send back.
type question struct {
	Ticket    string `json:"ticket"`
	PublicKey any    `json:"publicKey"`
}

// answer is where the page should go.
type answer struct {
	Next string `json:"next"`
}

// ask starts a login.
func (h *handler[U]) ask(w http.ResponseWriter, r *http.Request, _ struct{}) (any, error) {
	options, session, err := h.party.BeginDiscoverableLogin()
	if err != nil {
		return nil, err
	}
	token, err := h.logins.Seal(h.now(r), login{session.Challenge}, h.desk.Bind(w, r))
	return question{token, options.Response}, err
}

type askedBody struct {
	Ticket     string          `json:"ticket"`
	Credential json.RawMessage `json:"credential"`
	Remember   bool            `json:"remember"`
}

// asked finishes a login.
func (h *handler[U]) asked(w http.ResponseWriter, r *http.Request, in askedBody) (any, error) {
	if after, ok := h.desk.Config().Throttle.Allow(r, ""); !ok {
		w.Header().Set("Retry-After", strconv.Itoa(max(1, int(math.Ceil(after.Seconds())))))
		return nil, errSlow
	}
	asked, err := h.logins.Open(h.now(r), in.Ticket, func(login) ([]string, error) {
		return []string{h.desk.Browser(r)}, nil
	})
	if err != nil {
		return nil, err
	}
	response, err := protocol.ParseCredentialRequestResponseBytes(in.Credential)
	if err != nil {
		return nil, errProof
	}
	user, err := h.prove(r.Context(), h.now(r), asked, response)
	for n := 1; n < tries && errors.Is(err, signin.ErrChanged); n++ {
		user, err = h.prove(r.Context(), h.now(r), asked, response)
	}
	if err != nil {
		return nil, err
	}
	next := h.desk.Next(r)
	entry := signin.Entry[U]{User: user, How: "passkey", Remember: in.Remember, Next: next}
	return answer{next}, h.desk.Enter(w, r, entry)
}

// prove returns the user whose passkey gave this answer, and stores that it was used.
func (h *handler[U]) prove(ctx context.Context, now time.Time, asked login, response *protocol.ParsedCredentialAssertionData) (none U, _ error) {
	user, p, err := h.cfg.Users.ByPasskey(ctx, encode(response.RawID))
	if errors.Is(err, auth.ErrNoUser) || err == nil && h.id(user) == "" { // as package auth takes a nil user
		return none, errUnknown
	}
	if err != nil {
		return none, err
	}
	owner, err := ownerOf(p.Handle, p)
	if err != nil {
		return none, err
	}
	// The library reports every error of its handler as a bad request, a store that is
	// down included. So the user is found before, and it has nothing to look up.
	found := func(_, _ []byte) (webauthn.User, error) { return owner, nil }
	session := webauthn.SessionData{
		Challenge: asked.Challenge, RelyingPartyID: h.party.Config.RPID, UserVerification: protocol.VerificationRequired,
	}
	_, credential, err := h.party.ValidatePasskeyLogin(found, session, response)
	if err != nil {
		return none, errProof
	}
	if credential.Authenticator.CloneWarning {
		if h.cfg.OnClone != nil {
			h.cfg.OnClone(ctx, user, p)
		}
		return none, errClone
	}
	if p.Data, err = json.Marshal(credential); err != nil {
		return none, err
	}
	p.Used = now
	return user, h.cfg.Users.Save(ctx, user, p)
}

// now is the request's time.
func (h *handler[U]) now(r *http.Request) time.Time {
	return h.desk.Config().Guard.Session(r).Now()
}

// An owner is a user as the library sees one.
type owner struct {
	handle      []byte
	name        string
	credentials []webauthn.Credential
}

func (o *owner) WebAuthnID() []byte                         { return o.handle }
func (o *owner) WebAuthnName() string                       { return o.name }
func (o *owner) WebAuthnDisplayName() string                { return o.name }
func (o *owner) WebAuthnCredentials() []webauthn.Credential { return o.credentials }

// ownerOf returns the owner of stored passkeys. An error means that the user store returned
// something else than it was given.
func ownerOf(handle string, passkeys ...Passkey) (*owner, error) {
	o := new(owner)
	var err error
	if o.handle, err = base64.RawURLEncoding.DecodeString(handle); err != nil {
		return nil, errors.New("passkey: the stored Handle is damaged")
	}
	for _, p := range passkeys {
		var c webauthn.Credential
		if json.Unmarshal(p.Data, &c) != nil {
			return nil, errors.New("passkey: the stored Data is damaged")
		}
		c.Authenticator.CloneWarning = false // of this login, not of an earlier one elsewhere
		o.credentials = append(o.credentials, c)
	}
	return o, nil
}

func encode(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }
