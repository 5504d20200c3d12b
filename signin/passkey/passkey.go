package passkey

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"

	"github.com/hardtack-go/hardtack/internal/config"
	"github.com/hardtack-go/hardtack/signin"
	"github.com/hardtack-go/hardtack/signin/internal/route"
	"github.com/hardtack-go/hardtack/ticket"
)

// Max is how many passkeys a user may have.
const Max = 20

// life is how long a challenge can be answered. WebAuthn level 3, section 15.1,
// recommends 5 to 10 minutes where the user must be verified.
const life = 5 * time.Minute

// recent is the default of Config.Recent.
const recent = 15 * time.Minute

// Config describes the passkeys of an application. U is its user type.
type Config[U any] struct {
	// Users stores the passkeys. Required.
	Users Users[U]

	// Account returns what the browser shows as the owner of a passkey, such as the
	// user's address. Required.
	Account func(U) string

	// Name is the application's name, which some browsers show. "" means the host of
	// the desk's Origin.
	Name string

	// Path is where the handler is mounted, as the browser sees it, with a slash at
	// both ends. "" means "/passkey/".
	Path string

	// Recent is how long after a login a user may add and remove passkeys. Whoever
	// finds a browser that is still logged in could otherwise stay for good. 0 means
	// 15 minutes.
	Recent time.Duration

	// OnClone is called if a passkey's counter didn't go forward: there may be two
	// copies of a key that can't be copied. The login is refused, whoever tried it.
	// Tell the user and the security log. It must not wait for the network. Optional.
	OnClone func(ctx context.Context, user U, p Passkey)

	_ struct{}
}

// A Passkey is one passkey of a user, as the application stores it.
type Passkey struct {
	// ID is the credential's id: up to 1,364 characters of base64url. It is unique
	// among the passkeys of all users. Upper and lower case differ, so compare it by
	// bytes.
	ID string
	// Handle is the random name by which the user's passkeys know the user. Nothing
	// else should use it (WebAuthn section 14.6.1).
	Handle string
	// Name is the user's own name for the passkey, up to 64 characters.
	Name string
	// Added and Used are when it was added and last used to log in. Used is zero if it
	// never was.
	Added, Used time.Time
	// Version is how often it was stored, for compare-and-set: see [Users].
	Version int
	// Data is everything else that WebAuthn needs, the public key and the counter
	// among it: about 1,300 bytes, the JSON of the Credential of
	// github.com/go-webauthn/webauthn. It isn't secret, but whoever can change it can
	// log in.
	Data json.RawMessage
}

// Users is the application's user store. A user store that is down returns an error of its
// own, which the visitor sees as a 503. Any method may also return an [auth.Forbidden],
// whose text the visitor is shown. The methods must be safe for concurrent use, and
// must see what was stored before they were called: to a browser, a passkey that a
// lagging replica doesn't know yet is one that was removed.
type Users[U any] interface {
	// ByPasskey returns the passkey with an id and its user, or auth.ErrNoUser.
	ByPasskey(ctx context.Context, id string) (U, Passkey, error)
	// Passkeys returns a user's passkeys.
	Passkeys(ctx context.Context, user U) ([]Passkey, error)
	// Save stores a passkey of a user, with Version+1, in one step with these checks.
	// If Version is 0, the passkey is new: Save returns signin.ErrChanged if any user
	// has one with this id, or if the user's row has changed since it was read.
	// Otherwise it replaces the passkey, and returns signin.ErrChanged if the stored
	// one is gone, is another user's, or has another Version.
	//
	// An account whose address nobody has proven may belong to somebody else. Its
	// passkeys must go when the address is proven for the first time, and the check of
	// the row keeps one from being added at that moment.
	Save(ctx context.Context, user U, p Passkey) error
	// Remove deletes a passkey of a user. It isn't an error if there is none.
	Remove(ctx context.Context, user U, id string) error
}

// handler serves the paths of the script, and those of the two forms.
type handler[U any] struct {
	desk   *signin.Desk[U]
	cfg    Config[U]
	party  *webauthn.WebAuthn
	logins *ticket.Kind[login]
	adds   *ticket.Kind[addition]
}

// login is what is remembered between ask and asked.
type login struct {
	Challenge string `json:"c"`
}

// addition is what is remembered between add and added.
type addition struct {
	Challenge string `json:"c"`
	Handle    string `json:"h"`
}

// New returns the handler to mount at [Config].Path, inside the guard's Handler. If
// the configuration is wrong, it returns all faults as joined *middleware.ConfigError
// values.
func New[U any](desk *signin.Desk[U], c Config[U]) (http.Handler, error) {
	faults := config.Faults{Package: "passkey"}
	var d signin.Config[U]
	if desk == nil {
		faults.Add("desk", "is required: the error of signin.New says why it is nil")
	} else {
		d = desk.Config()
	}
	if c.Users == nil {
		faults.Add("Users", "is required")
	}
	if c.Account == nil {
		faults.Add("Account", "is required")
	}
	c.Path = route.Mount(&faults, c.Path, "/passkey/")
	if c.Recent == 0 {
		c.Recent = recent
	}
	if c.Recent < time.Second {
		faults.Add("Recent", "must be at least a second")
	}
	host := ""
	if u, err := url.Parse(d.Origin); err == nil {
		host = u.Hostname()
	}
	if net.ParseIP(host) != nil {
		faults.Add("desk", "must have an Origin with a name: browsers have no passkeys for IP addresses. Open http://localhost with the same port instead")
	}
	if err := faults.Err(); err != nil {
		return nil, err
	}
	if c.Name == "" {
		c.Name = host
	}

	required := true
	timeout := webauthn.TimeoutConfig{Timeout: life, TimeoutUVD: life}
	h := &handler[U]{desk: desk, cfg: c}
	var err error
	h.party, err = webauthn.New(&webauthn.Config{
		RPID: host, RPDisplayName: c.Name, RPOrigins: []string{d.Origin},
		// A passkey is the only factor here, so it must be found without a user name,
		// and must ask for a PIN or a fingerprint.
		AuthenticatorSelection: protocol.AuthenticatorSelection{
			ResidentKey: protocol.ResidentKeyRequirementRequired, RequireResidentKey: &required,
			UserVerification: protocol.VerificationRequired,
		},
		Timeouts: webauthn.TimeoutsConfig{Login: timeout, Registration: timeout},
		// Password managers return results of extensions that nobody asked for, and
		// the specification says to ignore them (section 7.1, step 18).
		ExtensionsUnsolicitedOutputPolicy: protocol.UnsolicitedOutputPolicyIgnore,
	})
	faults.Join(err)
	h.logins, err = ticket.New[login](ticket.Config{Keys: d.Keys, Purpose: "signin/passkey/login", Audience: d.Origin, Life: life})
	faults.Join(err)
	h.adds, err = ticket.New[addition](ticket.Config{Keys: d.Keys, Purpose: "signin/passkey/add", Audience: d.Origin, Life: life})
	faults.Join(err)
	if err := faults.Err(); err != nil {
		return nil, err
	}
	return h, nil
}
