package oauth

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"strings"
	"time"

	"github.com/hardtack-go/hardtack/auth"
	"github.com/hardtack-go/hardtack/internal/config"
	"github.com/hardtack-go/hardtack/internal/keysource"
	"github.com/hardtack-go/hardtack/marks"
	"github.com/hardtack-go/hardtack/signin"
	"github.com/hardtack-go/hardtack/signin/internal/route"
	"github.com/hardtack-go/hardtack/ticket"
)

const (
	// flowLife is how long somebody may take at the provider.
	flowLife = 10 * time.Minute

	// recent is the default of Config.Recent.
	recent = 15 * time.Minute
)

var (
	// ErrTaken is returned by [Users]. From Enter it means that nobody has this
	// identity connected, and that its address belongs to an account. From Connect it
	// means that another account has it connected.
	ErrTaken = errors.New("oauth: another account has the address or the identity")

	// ErrLast is returned by [Users].Disconnect if the user would have no way left to
	// log in.
	ErrLast = errors.New("oauth: the last way to log in can't go")
)

// Users is the application's user store.
type Users[U any] interface {
	// Enter returns the user who has the identity connected, found by Issuer and
	// Subject and by nothing else. If there is none, it makes an account for the
	// identity, or returns ErrTaken where its address already has an account, or
	// auth.ErrNoUser where it makes none. Looking and making are one step: two tabs may
	// finish at once.
	//
	// It must not connect the identity to an account because that has the same address.
	// Whoever could make a provider say "ada@example.com" would get Ada's account.
	// Ada logs in to hers, and connects the identity there.
	//
	// Where others get an account, ErrTaken tells that the address has one. So that only
	// its owner can learn that, return auth.ErrNoUser if EmailVerified isn't true.
	//
	// If EmailVerified isn't true, or the provider isn't trusted with that, the new
	// account's address is unproven: once its owner proves it by a mail, the connection
	// goes with everything else that was attached before.
	Enter(ctx context.Context, id Identity) (U, error)

	// Connect connects the identity to the user, or does nothing if it is connected
	// to them already. It returns ErrTaken if another user has it, and
	// signin.ErrChanged if the user's row has changed since it was read: when the
	// address of an account is proven for the first time, its connections must go, and
	// none may be added at that moment.
	Connect(ctx context.Context, user U, id Identity) error

	// Disconnect removes the user's connections to the provider: that of the subject, or
	// all if subject is "". It does nothing if there are none. It returns ErrLast if the
	// user could no longer log in, and signin.ErrChanged if the user's row has changed
	// since it was read: two tabs may remove the last two ways at once.
	Disconnect(ctx context.Context, user U, provider, subject string) error
}

// Config describes a [Handler]. Users and Providers are required.
type Config[U any] struct {
	Users     Users[U]
	Providers []*Provider

	// Path is where the handler is mounted, as the browser sees it. It starts and ends
	// with a slash. "" means "/oauth/". It is part of the redirect URIs, which the
	// providers have to know.
	Path string

	// Recent is how long ago a user may have logged in to connect and disconnect.
	// Whoever finds an open session must not be able to leave a way in for later, and
	// nobody can while somebody is impersonated. Others are asked to log in again, so
	// the login page must show its form to users who are logged in. Zero means 15
	// minutes.
	Recent time.Duration

	// OnFailure is called when a provider is why a login, a connection or a
	// back-channel logout failed, with its name: it was down, refused, or sent something
	// that didn't pass a check. It is for logs: the error may have the provider's text
	// in it, which no visitor is shown, or that of somebody else who posts a logout
	// token. It must be safe for concurrent use.
	OnFailure func(r *http.Request, provider string, err error)

	// Ender ends sessions whose users have logged out at a provider of OpenID Connect,
	// which says so at {name}/backchannel-logout; see the package documentation. It is
	// a *fleet.Fleet, or whatever auth.Config.Ender is. End must be safe for concurrent
	// use. An error means that the mark may not have reached every instance: the
	// provider is told to try again. The store of the guard must judge sessions by the
	// marks that Ender publishes (ssestore.Config.Marks). nil means that there are no
	// back-channel logouts.
	Ender interface {
		End(ctx context.Context, m marks.Mark) error
	}

	_ struct{} // forces keyed literals, so that fields can be added
}

// A Handler answers all paths of the package below Path:
//
//	POST {name}            start a login. Form fields: next, remember
//	POST {name}/connect    connect the identity to the user. Form field: next
//	POST {name}/disconnect remove it. Form fields: next, and subject for one of several
//	GET  {name}/callback   where the provider sends people back to
//	POST {name}/backchannel-logout  where the provider says who has logged out there
//
// http.StripPrefix, or a proxy, may take the first part of the path away. The Handler must
// run inside the guard's Handler. It is immutable and safe for concurrent use. Make one
// with [New]. A nil or zero Handler answers 500.
type Handler[U any] struct {
	desk    *signin.Desk[U]
	cfg     Config[U]
	parties map[string]*party
}

// A party is a provider with what this package needs to talk to it.
type party struct {
	Provider
	client   *http.Client
	source   source
	redirect string // the URI
	tickets  *ticket.Kind[flow]
}

// A flow is what a state carries. Its names are short because it is part of a URL.
type flow struct {
	Verifier string `json:"v"`
	Next     string `json:"n,omitempty"` // "" for the desk's Home
	Remember bool   `json:"r,omitempty"`
	User     string `json:"u,omitempty"` // who connects, "" for a login
}

// New returns a Handler. If the configuration is wrong, it returns all faults as
// joined *middleware.ConfigError values. It asks no provider anything.
func New[U any](desk *signin.Desk[U], c Config[U]) (*Handler[U], error) {
	faults := config.Faults{Package: "oauth"}
	if desk == nil {
		faults.Add("desk", "is required: the error of signin.New says why it is nil")
		return nil, faults.Err()
	}
	if c.Users == nil {
		faults.Add("Users", "is required")
	}
	c.Path = route.Mount(&faults, c.Path, "/oauth/")
	if c.Recent == 0 {
		c.Recent = recent
	}
	if c.Recent < time.Second {
		faults.Add("Recent", "must be at least a second")
	}
	if len(c.Providers) == 0 {
		faults.Add("Providers", "is empty")
	}
	if c.Ender != nil {
		if keysource.IsNil(c.Ender) {
			faults.Add("Ender", "holds a nil pointer; leave it nil for none")
		}
		if _, ok := desk.Config().Guard.Store().MarksAge(time.Now()); !ok {
			faults.Add("Ender", "ends nothing: the ssestore.Config of the guard's store has no Marks that know their age")
		}
	}
	h := &Handler[U]{desk: desk, cfg: c, parties: map[string]*party{}}
	for i, p := range c.Providers {
		field := fmt.Sprintf("Providers[%d]", i)
		if p == nil {
			faults.Add(field, "is nil")
			continue
		}
		p.check(field, strings.HasPrefix(desk.Config().Origin, "http:"), &faults)
		if h.parties[p.name] != nil {
			faults.Add(field, "has the name of another")
		}
		h.parties[p.name] = h.party(*p, &faults)
	}
	if err := faults.Err(); err != nil {
		return nil, err
	}
	return h, nil
}

// party makes a provider ready.
func (h *Handler[U]) party(p Provider, faults *config.Faults) *party {
	own := &party{Provider: p, client: bounded(p.Client), redirect: h.desk.URL(h.cfg.Path + p.name + "/callback")}
	own.source.fetch = own.discover(own.client)
	if p.github {
		own.source.fetch = gitHub
	}
	own.Title, own.Params = p.title(), maps.Clone(p.Params)
	if nameRule.MatchString(p.name) { // otherwise check has said so
		var err error
		// The purpose has the provider in it, so one provider's state is nothing at
		// another's callback.
		own.tickets, err = ticket.New[flow](ticket.Config{
			Keys: h.desk.Config().Keys, Audience: h.desk.Config().Origin, Purpose: "signin/oauth/" + p.name, Life: flowLife,
		})
		faults.Join(err)
	}
	return own
}

// Check returns an error that lists those of the names for which there is no provider.
// Give it, when the program starts, the names that the user store has connections of:
// somebody with one to a provider that was removed, or whose name has changed, can't
// log in by it any more.
func (h *Handler[U]) Check(names ...string) error {
	var missing []string
	for _, name := range names {
		if h.parties[name] == nil {
			missing = append(missing, fmt.Sprintf("%q", name))
		}
	}
	if missing == nil {
		return nil
	}
	return errors.New("oauth: no provider is named " + strings.Join(missing, ", "))
}

// isAction reports whether s is a last segment that isn't a provider.
func isAction(s string) bool {
	return s == "connect" || s == "disconnect" || s == "callback" || s == backChannel
}

// ServeHTTP implements http.Handler.
func (h *Handler[U]) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if h == nil {
		h = new(Handler[U])
	}
	if h.desk.Config().Guard.Session(r) == nil {
		h.desk.Fail(w, r, auth.ErrNoSession)
		return
	}
	segments := strings.Split(r.URL.Path, "/")
	name, action := segments[len(segments)-1], ""
	if isAction(name) && len(segments) > 1 {
		name, action = segments[len(segments)-2], name
	}
	p := h.parties[name]
	if action != "" {
		name += "/" + action
	}
	// GitHub, for example, sends people to any path below the registered URI, also to one
	// that ends like another provider's callback. That one would be given GitHub's code.
	if !strings.HasSuffix(h.cfg.Path+name, r.URL.Path) {
		p = nil
	}
	if p == nil || action == backChannel && (h.cfg.Ender == nil || p.github) {
		h.show(w, r, page{name: "oauth/none", status: http.StatusNotFound, title: "There is nothing here", problem: "You can’t log in with this here.", link: h.desk.Config().LoginURL, text: "Log in another way"})
		return
	}
	method := http.MethodPost
	if action == "callback" {
		method = http.MethodGet
	}
	if r.Method != method {
		w.Header().Set("Allow", method)
		http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
		return
	}
	switch action {
	case "callback":
		h.callback(w, r, p)
	case "disconnect":
		h.disconnect(w, r, p)
	case backChannel:
		h.backChannel(w, r, p)
	default:
		h.start(w, r, p, action == "connect")
	}
}

// failed tells the application about a failure of a provider.
func (h *Handler[U]) failed(r *http.Request, p *party, err error) {
	if h.cfg.OnFailure != nil {
		h.cfg.OnFailure(r, p.name, err)
	}
}
