package passkey

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"html/template"
	"net/http"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"

	"github.com/hardtack-go/hardtack/signin"
	"github.com/hardtack-go/hardtack/signin/internal/route"
)

// maxName is how many characters a passkey's name may have.
const maxName = 64

// add starts adding a passkey to the user of the session.
func (h *handler[U]) add(w http.ResponseWriter, r *http.Request, _ struct{}) (any, error) {
	user, err := h.user(r)
	if err != nil {
		return nil, err
	}
	passkeys, err := h.cfg.Users.Passkeys(r.Context(), user)
	if err != nil {
		return nil, err
	}
	if len(passkeys) >= Max {
		return nil, errFull
	}
	// All passkeys of a user have one handle: a password manager tells accounts apart
	// by it. 64 random bytes, as section 14.6.1 recommends.
	handle := ""
	if len(passkeys) > 0 {
		handle = passkeys[0].Handle
	} else {
		b := make([]byte, 64)
		_, _ = rand.Read(b) // never fails
		handle = encode(b)
	}
	who, err := ownerOf(handle, passkeys...)
	if err != nil {
		return nil, err
	}
	who.name = h.cfg.Account(user)
	// An authenticator that has one of them already refuses to make a second.
	exclude := webauthn.WithExclusions(webauthn.Credentials(who.credentials).CredentialDescriptors())
	options, session, err := h.party.BeginRegistration(who, exclude)
	if err != nil {
		return nil, err
	}
	token, err := h.adds.Seal(h.now(r), addition{session.Challenge, handle}, h.desk.Bind(w, r), h.id(user))
	return question{token, options.Response}, err
}

type addedBody struct {
	Ticket     string          `json:"ticket"`
	Credential json.RawMessage `json:"credential"`
	Name       string          `json:"name"`
}

// added finishes it. How recent the login is was judged at the start: the ticket is
// good for five minutes, and the browser has made the passkey by now.
func (h *handler[U]) added(_ http.ResponseWriter, r *http.Request, in addedBody) (any, error) {
	user, err := h.own(r)
	if err != nil {
		return nil, err
	}
	asked, err := h.adds.Open(h.now(r), in.Ticket, func(addition) ([]string, error) {
		return []string{h.desk.Browser(r), h.id(user)}, nil
	})
	if err != nil {
		return nil, err
	}
	name, err := nameOf(in.Name)
	if err != nil {
		return nil, err
	}
	response, err := protocol.ParseCredentialCreationResponseBytes(in.Credential)
	if err != nil {
		return nil, errProof
	}
	who, err := ownerOf(asked.Handle)
	if err != nil {
		return nil, err
	}
	credential, err := h.party.CreateCredential(who, webauthn.SessionData{
		Challenge: asked.Challenge, RelyingPartyID: h.party.Config.RPID, UserID: who.handle,
		UserVerification: protocol.VerificationRequired, CredParams: webauthn.CredentialParametersDefault(),
	}, response)
	if err != nil {
		return nil, errProof
	}
	passkeys, err := h.cfg.Users.Passkeys(r.Context(), user)
	if err != nil {
		return nil, err
	}
	if len(passkeys) >= Max { // added in another tab meanwhile
		return nil, errFull
	}
	data, err := json.Marshal(credential)
	if err != nil {
		return nil, err
	}
	err = h.cfg.Users.Save(r.Context(), user, Passkey{
		ID: encode(credential.ID), Handle: asked.Handle, Name: name, Added: h.now(r), Data: data,
	})
	return answer{h.desk.Config().Guard.Next(r, "")}, err
}

// rename gives a passkey another name.
func (h *handler[U]) rename(r *http.Request) error {
	user, err := h.own(r)
	if err != nil {
		return err
	}
	name, err := nameOf(r.PostFormValue("name"))
	if err != nil {
		return err
	}
	passkeys, err := h.cfg.Users.Passkeys(r.Context(), user)
	if err != nil {
		return err
	}
	id := r.PostFormValue("id")
	i := slices.IndexFunc(passkeys, func(p Passkey) bool { return p.ID == id })
	if i < 0 {
		return errChanged
	}
	passkeys[i].Name = name
	return h.cfg.Users.Save(r.Context(), user, passkeys[i])
}

// remove removes a passkey. Removing one that is gone succeeds.
func (h *handler[U]) remove(r *http.Request) error {
	user, err := h.user(r)
	if err != nil {
		return err
	}
	id := r.PostFormValue("id")
	if b, _ := base64.RawURLEncoding.DecodeString(id); len(b) == 0 || encode(b) != id {
		return nil // no passkey has it, and a database may refuse what isn't a text
	}
	return h.cfg.Users.Remove(r.Context(), user, id)
}

// own returns the user of the session. An administrator who looks at the site as this
// user changes nothing of theirs.
func (h *handler[U]) own(r *http.Request) (U, error) {
	guard := h.desk.Config().Guard
	user, err := guard.User(r)
	if err == nil && guard.Session(r).Principal().Identity().Actor != nil {
		err = errRecent
	}
	return user, err
}

// user returns the user of the session, if they logged in a short while ago.
func (h *handler[U]) user(r *http.Request) (U, error) {
	guard := h.desk.Config().Guard
	user, err := guard.User(r)
	if err == nil && !guard.Accounts().RecentLogin(r.Context(), guard.Session(r), h.cfg.Recent) {
		err = errRecent
	}
	return user, err
}

func (h *handler[U]) id(user U) string { return h.desk.Config().Guard.Accounts().ID(user) }

// nameOf returns a name as it is stored.
func nameOf(typed string) (string, error) {
	name := strings.TrimSpace(typed)
	if !utf8.ValidString(name) || utf8.RuneCountInString(name) > maxName || strings.ContainsFunc(name, unicode.IsControl) {
		return "", errName
	}
	if name == "" {
		return "Passkey", nil
	}
	return name, nil
}

// form serves what a form on the application's own page posts: a redirect, or a page.
func (h *handler[U]) form(serve func(*http.Request) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		desk := h.desk.Config()
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		err := error(errTooLong)
		if r.ParseForm() == nil {
			err = serve(r)
		}
		if err == nil {
			route.Onward(w, h.desk.Next(r))
			return
		}
		f := faultOf(h.desk, r, err)
		var b strings.Builder
		if f == errLogin || f == errRecent {
			_ = pageLogin.Execute(&b, desk.LoginURL) // of a text, to a Builder
		}
		h.desk.Show(w, r, signin.Page{
			Name: "passkey/" + f.code, Status: f.status, Title: "Your passkeys didn’t change",
			Problem: f.detail, Body: template.HTML(b.String()),
		})
	}
}

var pageLogin = template.Must(template.New("login").Parse(`<p><a href="{{.}}">Log in</a></p>`))
