package main

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"time"

	"github.com/hardtack-go/hardtack/auth"
	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/cookie/gorilla"
	"github.com/hardtack-go/hardtack/middleware"
	"github.com/hardtack-go/hardtack/signin"
	"github.com/hardtack-go/hardtack/signin/password"
	"github.com/hardtack-go/hardtack/ssestore"
)

// config is what the flags say.
type config struct {
	DB, Keys     string
	Origin       string // of the application, as browsers see it
	NoThrottle   bool
	InsecureHTTP bool
	Member       *member // nil: this process is alone
	Log          *slog.Logger
	Now          func() time.Time // nil: time.Now
}

// app holds what lives as long as the process.
type app struct {
	log      *slog.Logger
	users    *users
	keys     together
	joined   *joined // nil: this process is alone
	member   *member
	hasher   *password.Hasher
	accounts *auth.Manager[*User]
	guard    *middleware.Guard[*User]
	mails    mailbox
	throttle signin.Throttle
	ways
	docs  docs
	pages pages

	cookieName   string
	oldCodec     cookie.Codec
	insecureHTTP bool
}

// seeds are the users that a new table starts with. Old is the user of the old
// application, who has no password.
var seeds = []struct {
	Email      string
	Staff, Old bool
}{{Email: "ada@example.com", Staff: true}, {Email: "bob@example.com"}, {Email: oldEmail, Old: true}}

const seedPassword = "correct horse battery staple"

// newApp opens the database and connects the parts.
func newApp(ctx context.Context, c config) (*app, error) {
	if c.Now == nil {
		c.Now = time.Now
	}
	a := &app{log: c.Log, docs: openDocs(), insecureHTTP: c.InsecureHTTP}
	var err error
	if a.hasher, err = password.NewHasher(password.HasherConfig{}); err != nil {
		return nil, err
	}
	if a.pages, err = parsePages(a.docs); err != nil {
		return nil, err
	}
	if a.oldCodec, err = gorilla.SecureCookie(oldCookie, ""); err != nil {
		return nil, err
	}
	if a.users, err = openUsers(ctx, c.DB); err != nil {
		return nil, usersFault(err)
	}
	a.mails = mailbox{a.users}
	if c.NoThrottle {
		a.throttle = unthrottled{}
	}
	if err = a.seed(ctx); err != nil {
		err = usersFault(err)
	} else {
		err = a.connect(ctx, c)
	}
	if err != nil {
		a.Close()
		return nil, err
	}
	return a, nil
}

func usersFault(err error) error {
	return fmt.Errorf("users: %w (-db names another file, in a folder that can be written to)", err)
}

// connect connects the parts in their order: keys and marks → store → accounts → guard
// → ways to log in. A real application does the same.
func (a *app) connect(ctx context.Context, c config) (err error) {
	if a.member = c.Member; a.member == nil {
		a.keys, err = openAlone(ctx, c.Keys, a.users, c.Now, a.keyFault)
	} else if a.joined, err = join(ctx, c, a.users); err == nil {
		a.keys = a.joined
	}
	if err != nil {
		return fmt.Errorf("keys: %w (-keys names another file)", err)
	}
	store, err := ssestore.New(ssestore.Config{
		Keys:   a.keys,
		Marks:  a.keys.Marks(),
		Cookie: cookie.Config{DangerouslyAllowHTTP: c.InsecureHTTP},
		Legacy: []ssestore.Legacy{oldSession(c.InsecureHTTP)},
	})
	if err != nil {
		return err
	}
	a.cookieName = store.CookieName()
	a.accounts, err = auth.New(auth.Config[*User]{
		UserByID:        a.users.ByID,
		ID:              (*User).Key,
		Stamp:           func(u *User) string { return u.Stamp },
		PasswordChanged: func(u *User) time.Time { return u.Changed },
		Staff:           func(u *User) bool { return u.Staff },
		Ender:           a.keys,
		OnLogin:         a.loggedIn,
		OnLogout:        a.loggedOut,
	})
	if err != nil {
		return err
	}
	a.guard, err = middleware.New(store, a.accounts, middleware.Config{
		LoginURL:    "/login",
		ReasonField: "why",
		Refuse:      a.refuse,
		OnOutcome:   noteOutcome,
		Log:         c.Log,
		Now:         c.Now,
	})
	if err != nil {
		return err
	}
	return a.openWays(c.Origin)
}

// Close leaves the fleet and closes the database. A keyring in a file needs no closing:
// it has no goroutine.
func (a *app) Close() error {
	if a.joined != nil {
		a.joined.stop()
	}
	return a.users.Close()
}

// seed adds the first users. Several processes may start on one table at once: the
// second finds the address taken.
func (a *app) seed(ctx context.Context) error {
	for _, s := range seeds {
		if _, err := a.users.ByEmail(ctx, s.Email); !errors.Is(err, auth.ErrNoUser) {
			if err != nil {
				return err
			}
			continue
		}
		hash := ""
		if !s.Old {
			var err error
			if hash, err = a.hasher.Hash(ctx, seedPassword); err != nil {
				return err
			}
		}
		if _, err := a.users.Add(ctx, User{Email: s.Email, Hash: hash, Staff: s.Staff, Proven: true}); err != nil && !errors.Is(err, errEmailTaken) {
			return err
		}
	}
	return nil
}

//go:embed static
var static embed.FS

// Handler returns the whole application. The order matters. The log is outermost
// and sees every answer, limits come before anything that reads, and the guard
// brings sessions and refuses cross-origin posts. The assets are outside the guard:
// they are the same for everybody, and any cache may keep them.
func (a *app) Handler() http.Handler {
	site := http.NewServeMux()
	site.HandleFunc("GET /{$}", a.guard.ForAnyone(a.home))
	site.HandleFunc("POST /cart", a.guard.ForAnyone(a.addToCart))
	site.HandleFunc("GET /login", a.guard.ForAnyone(a.loginForm))
	for _, path := range []string{"/login", "/signup", "/welcome", "/forgotten", "/reset", "/change", "/verify", "/verified", "/email", "/moved"} {
		site.Handle(path, a.passwords)
	}
	site.Handle("/passlink/", a.links)
	site.Handle("/oauth/", a.oauth)
	if a.passkeys != nil {
		site.Handle("/passkey/", a.passkeys)
	}
	site.HandleFunc("GET /mailbox", a.guard.ForAnyone(a.showMails))
	site.HandleFunc("/logout", a.desk.LogoutHandler("/"))
	site.HandleFunc("GET /sessions", a.guard.ForUser(a.sessions))
	site.HandleFunc("POST /sessions/end", a.guard.ForUser(a.endSession))
	site.HandleFunc("POST /sessions/others", a.guard.ForUser(a.logoutOthers))
	site.HandleFunc("POST /logout/everywhere", a.guard.ForUser(a.logoutEverywhere))
	site.HandleFunc("GET /members", a.guard.ForUser(a.members))
	site.HandleFunc("GET /account", a.guard.ForUser(a.account))
	site.HandleFunc("GET /session", a.guard.ForAnyone(a.session))
	site.HandleFunc("GET /docs/{page}", a.guard.ForAnyone(a.doc))
	staff := a.guard.Require(a.accounts.Staff)
	site.Handle("GET /staff", staff(a.guard.ForUser(a.staff)))
	site.Handle("POST /staff/disable", staff(a.guard.ForUser(a.disable)))
	site.Handle("POST /staff/kick", staff(a.guard.ForUser(a.kick)))
	site.Handle("POST /keys/rotate", staff(http.HandlerFunc(a.rotate)))

	site.HandleFunc("/", a.notFound)

	assets, err := fs.Sub(static, "static")
	if err != nil {
		panic(err) // the folder is compiled in
	}
	root := http.NewServeMux()
	if a.joined != nil {
		root.HandleFunc("GET "+newsPath, a.joined.tell)
	}
	root.Handle(harbourPath+"/", limitBody(a.harbour))
	root.HandleFunc("GET /old", a.old)
	root.Handle("POST /old", http.NewCrossOriginProtection().Handler(http.HandlerFunc(a.oldLogin)))
	root.Handle("GET /static/", http.StripPrefix("/static/", cached(http.FileServerFS(assets))))
	root.Handle("/", limitBody(a.guard.Handler(a.overHTTP(routed(site)))))
	return a.logged(secured(root))
}
