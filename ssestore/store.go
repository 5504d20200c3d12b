package ssestore

import (
	"fmt"
	"sync"
	"time"

	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/internal/claims"
	"github.com/hardtack-go/hardtack/internal/config"
	"github.com/hardtack-go/hardtack/internal/keysource"
	"github.com/hardtack-go/hardtack/keyring"
)

// The lifetimes that a zero Config field stands for. Those of browser sessions
// follow OWASP's advice for ordinary applications (idle 15 to 30 minutes, a
// working day at most). For persistent ones, NIST SP 800-63B section 4.1.3 allows
// 30 days between logins.
const (
	DefaultIdle               = 30 * time.Minute
	DefaultAbsolute           = 12 * time.Hour
	DefaultPersistentIdle     = 14 * 24 * time.Hour
	DefaultPersistentAbsolute = 30 * 24 * time.Hour
)

// Config describes a store. Only Keys is required.
type Config struct {
	// Keys has the keys that open and seal sessions. It is asked once per request, and
	// once more if a cookie names an unknown key and the source can look for newer
	// ones; see [keyring.Source].
	Keys keyring.Source

	// Cookie describes the session cookie. The zero value is __Host-session,
	// Secure, HttpOnly, SameSite=Lax.
	Cookie cookie.Config

	// Audience separates applications that share a keyring: one can't open the
	// other's sessions, even under the same cookie name. It may be empty.
	Audience string

	// Idle ends a browser session that hasn't been used for this long. Absolute ends
	// it this long after the login, or after its creation if nobody logged in. Both
	// are whole seconds. A shorter value also applies to existing sessions.
	//
	// Each has a default of its own, so a session with only Absolute set still ends
	// after 30 idle minutes (or after Absolute, if that is shorter). To have no idle
	// timeout, set Idle to the same value as Absolute. There's always an absolute timeout;
	// the longest is 400 days. An Idle longer than Absolute would never end anything
	// and is refused. For an idle time that differs from user to user, see the
	// example of [Session.ExpireAt].
	//
	// The idle time doesn't restart with every use, because each time costs a cookie.
	// It counts from the last renewal, and the next one is due after a sixth of Idle.
	// So a session ends between 5/6 of Idle and Idle after its last use, never later.
	// To keep one for at least 30 minutes, configure 36.
	Idle, Absolute time.Duration

	// PersistentIdle and PersistentAbsolute are the same for persistent sessions
	// ("remember me", [Session.Remember]).
	PersistentIdle, PersistentAbsolute time.Duration

	// RenewVerified, if not 0, makes the time of a session's last renewal also the time
	// at which its user was last verified. It is how long that counts for a program
	// without a user store, such as a worker at the edge: see auth.Within. It is whole
	// seconds, from one minute to the shorter of Idle and PersistentIdle.
	//
	// A session that names a user is then renewed only in a request in which GetUser
	// returned that user, and a renewal is due after half of RenewVerified, if a sixth
	// of the idle time isn't shorter. So a user who visits only pages that never call
	// GetUser is logged out after the idle time, and the others get more cookies.
	//
	// Nothing may rely on it before RenewVerified has passed since the last instance
	// without it stopped, because that one renewed whoever came. docs/THREATS.md says
	// what goes unnoticed within the window.
	RenewVerified time.Duration

	// Persistent makes sessions persistent unless [Session.Remember] says otherwise.
	// Without it they are browser sessions. It applies to new sessions and logins.
	Persistent bool

	// Format is how the cookie is sealed. Nil means [cookie.JWE].
	Format cookie.Format

	// Legacy lists the cookies of earlier systems whose sessions are taken over, in
	// the order in which they are tried.
	Legacy []Legacy

	// Former lists the places where the session cookie was before its configuration
	// changed.
	Former []Former

	// Marks judges each session that is otherwise good, so that it can be ended before
	// its time: the Marks of a fleet.Fleet, a *marks.Set or a *marks.Reader (which needs
	// to be refreshed before Load; see [Store.About]). Nil means none.
	Marks Marks

	// DangerouslySkipBarrier leaves out the second cookie, whose name is that of
	// the first plus "-ended". It keeps a late response from bringing back a session
	// that was logged out in the meantime. The switch is for gateways that can pass
	// on only one Set-Cookie line.
	DangerouslySkipBarrier bool

	_ struct{} // forces keyed literals, so that fields can be added
}

// A Store loads sessions from the cookies of requests. It holds only configuration
// and is safe for concurrent use. The zero Store and a nil *Store load sessions that
// are anonymous and can't be written.
type Store struct {
	keys     keyring.Source
	looks    *keysource.Looks // for newer keys; nil: the source can't
	cookie   *cookie.Cookie
	codec    cookie.Codec
	into     intoOpener // the codec, if it can do that
	buffers  *sync.Pool // of *buffer
	audience string
	secure   bool
	strict   bool // the cookie is SameSite=Strict
	browser  profile
	persist  profile
	window   int64 // Config.RenewVerified in seconds; 0: off

	marks     Marks      // nil: none
	notBefore notBeforer // the same, if it can

	persistent bool // the profile of a new session, if Remember says nothing

	labels  labels
	barrier *cookie.Cookie // nil: switched off

	// Names with "=", for the walk over the header. barrierPrefix is empty where
	// there is no barrier.
	prefix, barrierPrefix string

	legacy   []legacy
	readOnly bool // one of them is; see Legacy.ReadOnly
	former   []former

	maxData int // room for the members of d, in bytes
}

// An intoOpener is a codec that can open into the caller's memory, which saves an
// allocation per request. The codec of cookie.JWE can.
type intoOpener interface {
	// OpenInto is Open, with the plaintext in buf, at any offset, if its capacity
	// is large enough; that of a buffer always is. Whatever the result, OpenInto may
	// have written to all of buf's capacity.
	OpenInto(buf []byte, ring *keyring.Keyring, value string) (plaintext []byte, key keyring.Key, err error)
}

// A profile is a pair of lifetimes in seconds.
type profile struct{ idle, absolute int64 }

// labels are those of the subkeys that the store derives; the codec has its own.
type labels struct{ stamp, id, barrier, log keyring.Label }

// A ConfigError names a field of [Config] and the rule it broke, in three strings:
// Package (here "ssestore"), Field and Rule. It doesn't repeat the value. Package
// cookie uses the same type, so one [errors.As] target finds everything that [New]
// refuses.
type ConfigError = config.Error

// New makes a Store. If the configuration is wrong, it returns all faults joined: a
// *ConfigError for each field of this package or package cookie, and the codec's own
// errors.
//
// New refuses a source of keys (such as a [keyring.Schedule]) that opens sealed
// values for less time than the longest session lives.
func New(c Config) (*Store, error) {
	faults := config.Faults{Package: "ssestore"}
	s := &Store{keys: c.Keys, audience: c.Audience, secure: !c.Cookie.DangerouslyAllowHTTP, strict: c.Cookie.SameSite == cookie.SameSiteStrict}
	s.persistent = c.Persistent
	s.browser = lifetimes(c.Idle, c.Absolute, DefaultIdle, DefaultAbsolute, "", &faults)
	s.persist = lifetimes(c.PersistentIdle, c.PersistentAbsolute, DefaultPersistentIdle, DefaultPersistentAbsolute, "Persistent", &faults)
	s.window = s.checkWindow(c.RenewVerified, &faults)
	if keysource.IsNil(c.Keys) {
		faults.Add("Keys", "must be set; if it was, what made it has returned an error that says why it's nil")
	} else if keysource.Empty(c.Keys) {
		faults.Add("Keys", "has no keys, so nobody could log in: a Holder must be set before")
	} else {
		s.looks = keysource.NewLooks(c.Keys)
		longest := time.Duration(max(s.browser.absolute, s.persist.absolute)) * time.Second
		if keysource.Outlived(c.Keys, longest) {
			faults.Add("Keys", "opens sealed sessions for less time than the longest session lives")
		}
	}

	var err error
	if s.cookie, s.codec, err = slot(c.Cookie, c.Format, c.Audience); err != nil {
		faults.Join(err)
	} else {
		if !c.DangerouslySkipBarrier {
			if s.barrier, err = s.cookie.Companion(barrierSuffix); err != nil {
				faults.Join(fmt.Errorf("ssestore: the %q cookie: %w", barrierSuffix, err))
			}
			s.barrierPrefix = s.barrier.Name() + "="
		}
		if s.maxData = room(s.codec, s.cookie.MaxValue()) - claims.MaxEnvelope; s.maxData < 0 {
			faults.Add("Cookie.MaxLine", "leaves no room for the claims of a session")
		}
		s.into, _ = s.codec.(intoOpener)
		s.buffers = &sync.Pool{New: func() any { return new(buffer) }}
		name := s.cookie.Name()
		s.prefix = name + "="
		s.labels = labels{
			stamp:   keyring.Label{Purpose: "stamp", Audience: c.Audience},
			id:      keyring.Label{Purpose: "id", Audience: c.Audience},
			barrier: keyring.Label{Purpose: "barrier", Audience: c.Audience, Name: name},
			log:     keyring.Label{Purpose: "log", Audience: c.Audience, Name: name},
		}
	}
	s.setMarks(c.Marks, &faults)
	s.addFormer(c, &faults)
	s.addLegacy(c, &faults)
	if err := faults.Err(); err != nil {
		return nil, err
	}
	return s, nil
}

func orSlash(path string) string {
	if path == "" {
		return "/"
	}
	return path
}

// slot returns a cookie and its codec.
func slot(c cookie.Config, format cookie.Format, audience string) (*cookie.Cookie, cookie.Codec, error) {
	k, err := cookie.New(c)
	if err != nil {
		return nil, nil, err
	}
	if format == nil {
		format = cookie.JWE
	}
	codec, err := format(k.Name(), audience)
	if err == nil && codec == nil {
		err = &ConfigError{Package: "ssestore", Field: "Format", Rule: "made no codec"}
	}
	return k, codec, err
}

// lifetimes checks a pair of lifetimes. Zero is the default, which for the idle time
// is never longer than the absolute one.
func lifetimes(idle, absolute, defaultIdle, defaultAbsolute time.Duration, prefix string, faults *config.Faults) profile {
	end := seconds(absolute, defaultAbsolute, prefix+"Absolute", faults)
	if idle == 0 {
		return profile{min(int64(defaultIdle/time.Second), end), end}
	}
	p := profile{seconds(idle, 0, prefix+"Idle", faults), end}
	if p.idle > end && end > 0 {
		faults.Add(prefix+"Idle", fmt.Sprintf("must be at most %sAbsolute; with both the same there is no idle timeout", prefix))
	}
	return p
}

// seconds checks a lifetime and returns it in seconds. The claims would lose a
// fraction of a second, and browsers keep no cookie for more than 400 days.
func seconds(d, zero time.Duration, field string, faults *config.Faults) int64 {
	switch {
	case d == 0:
		d = zero
	case d < time.Second || d%time.Second != 0:
		faults.Add(field, "must be whole seconds, at least one")
	case d > cookie.MaxAge:
		faults.Add(field, "must be at most 400 days, the longest life of a cookie")
	}
	return int64(d / time.Second)
}

// room returns the length of the longest plaintext that the codec can seal into
// limit characters.
func room(codec cookie.Codec, limit int) int {
	low, high := 0, limit // plaintext is never longer than its sealed form
	for low < high {
		mid := (low + high + 1) / 2
		if codec.Size(mid) <= limit {
			low = mid
		} else {
			high = mid - 1
		}
	}
	return low
}

// CookieName returns the name of the session cookie, with defaults filled in.
func (s *Store) CookieName() string {
	if s == nil {
		return ""
	}
	return s.cookie.Name()
}

// Secure reports whether the cookie has the Secure attribute. A request that carries
// such a cookie came over TLS, or to localhost.
func (s *Store) Secure() bool { return s != nil && s.secure }

// Strict reports whether the cookie is SameSite=Strict. When another site sends a
// visitor here, the first request then comes without it.
func (s *Store) Strict() bool { return s != nil && s.strict }

// profile returns the lifetimes of a browser or a persistent session.
func (s *Store) profile(persistent bool) profile {
	if persistent {
		return s.persist
	}
	return s.browser
}
