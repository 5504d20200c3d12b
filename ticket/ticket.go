package ticket

import (
	"errors"
	"fmt"
	"time"

	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/internal/config"
	"github.com/hardtack-go/hardtack/internal/jwe"
	"github.com/hardtack-go/hardtack/internal/keysource"
	"github.com/hardtack-go/hardtack/keyring"
)

const (
	// maxPurpose and purposeRule: enough for a path such as "shop/confirm-email", and
	// nothing that two people could spell in two ways.
	maxPurpose  = 64
	purposeRule = "must be 1 to 64 of a-z 0-9 . / -"

	// maxLife is the longest Life. A key must stay in the ring that long after its last
	// seal. It is also the longest default life of a session, so tickets don't keep
	// keys any longer.
	maxLife = 30 * 24 * time.Hour

	// leeway is how many seconds a ticket may be from the future, because the clocks
	// of a fleet differ. Sessions have the same. There is none at the other end, where
	// it would lengthen a life.
	leeway = 60
)

// Config describes a kind of ticket. Keys, Purpose and Life are required.
type Config struct {
	// Keys has the keys that open and seal. It is asked once per call, and once more
	// if a ticket names an unknown key and the source can look for newer ones, at most
	// once in 50 milliseconds for all tickets of the kind; see [keyring.Source].
	Keys keyring.Source

	// Purpose separates the kinds of tickets: one kind can't open another's. It is 1
	// to 64 characters of a-z 0-9 . / - and must come from the program, not from a
	// request. Two kinds of one purpose and audience but different types read each
	// other's values as far as the JSON fits; nothing detects that.
	Purpose string

	// Audience separates applications that share a keyring, as that of a session
	// store does. It may be empty.
	Audience string

	// Life is how long a ticket can be opened, in whole seconds, from one second to 30
	// days. A shorter value also applies to existing tickets, a longer one doesn't.
	Life time.Duration

	_ struct{} // forces keyed literals, so that fields can be added
}

// A ConfigError names a field of [Config] and the rule it broke, in three strings:
// Package (here "ticket"), Field and Rule. It doesn't repeat the value. Packages
// cookie, ssestore and auth use the same type.
type ConfigError = config.Error

var (
	// ErrUnbound is returned by [Kind.Open] if a ticket was sealed with fields and is
	// opened without a function that returns them, or the reverse. It is a mistake of
	// the program: a check that would be missing. It doesn't match cookie.ErrInvalid.
	ErrUnbound = errors.New("ticket: sealed with fields and opened without, or the reverse")

	// ErrNoTime is returned when now is outside the years 1970 to 9999, or so late that a
	// ticket sealed now would outlive them. Usually the clock isn't set.
	ErrNoTime = errors.New("ticket: now is not in the years 1970 to 9999; is the clock set?")
)

// A Kind seals and opens the tickets of one purpose, with values of type T. It is
// immutable and safe for concurrent use. The methods of a nil *Kind and of the zero
// Kind return a *ConfigError.
type Kind[T any] struct {
	keys        keyring.Source
	looks       *keysource.Looks // for newer keys; nil: the source can't
	seal, nonce keyring.Label
	life        int64 // in seconds
}

// New returns a Kind. If the configuration is wrong, it returns all faults joined: a
// *ConfigError for each field, and [cookie.ErrFIPS] where AES-GCM isn't allowed.
//
// New refuses a source of keys (such as a [keyring.Schedule]) that opens sealed
// values for less time than Life.
func New[T any](c Config) (*Kind[T], error) {
	faults := config.Faults{Package: "ticket"}
	switch {
	case keysource.IsNil(c.Keys):
		faults.Add("Keys", "must be set; if it was, what made it has returned an error that says why it's nil")
	case keysource.Empty(c.Keys):
		faults.Add("Keys", "has no keys, so nothing could be sealed: a Holder must be set before")
	case keysource.Outlived(c.Keys, c.Life):
		faults.Add("Keys", "opens sealed tickets for less time than Life")
	}
	if !validPurpose(c.Purpose) {
		faults.Add("Purpose", purposeRule)
	}
	if c.Life < time.Second || c.Life > maxLife || c.Life%time.Second != 0 {
		faults.Add("Life", "must be whole seconds, from one second to 30 days")
	}
	// The standard library decides what FIPS mode forbids. Ask it once.
	if _, err := jwe.NewAEAD(make([]byte, jwe.KeyLen)); err != nil {
		faults.Join(fmt.Errorf("%w (%v)", cookie.ErrFIPS, err))
	}
	if err := faults.Err(); err != nil {
		return nil, err
	}
	return &Kind[T]{
		keys:  c.Keys,
		looks: keysource.NewLooks(c.Keys),
		seal:  keyring.Label{Purpose: "ticket", Audience: c.Audience, Name: c.Purpose},
		nonce: keyring.Label{Purpose: "ticket-nonce", Audience: c.Audience, Name: c.Purpose},
		life:  int64(c.Life / time.Second),
	}, nil
}

func validPurpose(s string) bool {
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case 'a' <= c && c <= 'z', '0' <= c && c <= '9', c == '.', c == '/', c == '-':
		default:
			return false
		}
	}
	return s != "" && len(s) <= maxPurpose
}

// ready returns the time in Unix seconds, or an error if k can't be used or the time
// isn't one that a ticket can have.
func (k *Kind[T]) ready(now time.Time) (int64, error) {
	if k == nil || k.keys == nil {
		return 0, &ConfigError{Package: "ticket", Field: "Kind", Rule: "must be made by New"}
	}
	sec := now.Unix()
	if sec < 1 || sec > maxTime-k.life {
		return 0, ErrNoTime
	}
	return sec, nil
}

// Seal returns a ticket for v that can be opened until now plus Life. With bound fields
// the ticket can be opened only while they are the same, in number, order and content.
// A field may be empty, and may be a secret: only a digest of all of them is in the
// ticket, which is encrypted. But a list of no fields binds nothing.
//
// The ticket has at most 4,096 characters of A-Z a-z 0-9 - _ and dots. It has 102
// characters and four for every three bytes of a JSON object, which has 40 bytes, 31
// more with bound fields, and those of v.
//
// Errors: [ErrNoTime]; [cookie.ErrNoPrimary] if there is no active key; a
// *cookie.SizeError if the ticket would be too long; an error that names the type, and
// the field if it can, for a v that JSON can't hold completely, as described for
// ssestore.Key.Set.
func (k *Kind[T]) Seal(now time.Time, v T, bound ...string) (string, error) {
	sec, err := k.ready(now)
	if err != nil {
		return "", err
	}
	c := claims{iat: sec, exp: sec + k.life}
	if c.d, err = encode(&v); err != nil {
		return "", err
	}
	if len(bound) > 0 {
		c.bnd, c.isBound = digest(bound), true
	}
	plaintext := c.append(nil)
	if size := jwe.Size(len(plaintext)); size > jwe.MaxToken {
		return "", &cookie.SizeError{Size: size, Limit: jwe.MaxToken} // Open would refuse it
	}
	key := k.keys.At(now).Primary()
	box, ok := key.Cache(k.seal, jwe.NewBox).(*jwe.Box)
	if !ok { // the zero Key
		return "", cookie.ErrNoPrimary
	}
	nonces, _ := key.Cache(k.nonce, jwe.NewNonces).(*jwe.Nonces) // any other Key has them
	key.CountSeal()
	return jwe.Seal(box.AEAD, nonces, key.ID(), plaintext), nil
}

// Open returns the value of a ticket.
//
// For a ticket that was sealed with fields, bound returns them as they are now, for
// example those of the user whom the value names. If it returns an error, Open returns
// that error as it is: a user store that is down doesn't make a ticket bad. If it
// returns nil and no error, such as for a user who doesn't exist any more, the ticket
// is refused. bound runs last, only for an authentic ticket that isn't over. For tickets
// without fields, bound is nil. If the two don't fit, Open returns [ErrUnbound].
//
// Every refusal matches [cookie.ErrInvalid]. Tell the user that the link is no longer
// valid. All refusals have the same text; [cookie.ReasonOf] returns the reason, for
// logs:
//
//   - [cookie.ReasonForeign]: this isn't a ticket at all.
//   - [cookie.ReasonUnknownKey]: its key isn't in the ring, perhaps not any more.
//   - [cookie.ReasonMalformed]: its shape is broken, or its value isn't a T.
//   - [cookie.ReasonBadTag]: it was altered, or is of another purpose or audience.
//   - [cookie.ReasonFuture]: it was sealed more than a minute after now.
//   - [cookie.ReasonExpired]: it is over, by the Life when it was sealed or by that of k.
//   - [cookie.ReasonStampMismatch]: a field has changed since, or there are none now.
//
// An error that doesn't match is one of the program or of its user store: ErrUnbound,
// [ErrNoTime], or what bound returned. Whatever the error, the value is the zero T.
func (k *Kind[T]) Open(now time.Time, token string, bound func(T) ([]string, error)) (T, error) {
	var zero T
	c, key, err := k.verify(now, token)
	if err != nil {
		return zero, err
	}
	v := new(T)
	if !decode(c.d, v) {
		return zero, cookie.ReasonMalformed.Err()
	}
	if c.isBound != (bound != nil) {
		return zero, ErrUnbound
	}
	if bound != nil {
		fields, err := bound(*v)
		if err != nil {
			return zero, err
		}
		if !c.boundTo(fields) {
			return zero, cookie.ReasonStampMismatch.Err()
		}
	}
	key.CountOpen(now) // a ticket that is refused is no reason to keep a key
	return *v, nil
}

// verify returns the claims of an authentic ticket that isn't over.
func (k *Kind[T]) verify(now time.Time, token string) (c claims, key keyring.Key, err error) {
	sec, err := k.ready(now)
	if err != nil {
		return c, key, err
	}
	plaintext, key, reason := k.decrypt(now, token)
	if reason != cookie.ReasonNone {
		return c, key, reason.Err()
	}
	if !c.parse(plaintext) {
		return c, key, cookie.ReasonMalformed.Err()
	}
	return c, key, c.judge(sec, k.life).Err()
}

// decrypt opens the token under the key that it names, and asks the source once for
// newer keys if it doesn't know that one.
func (k *Kind[T]) decrypt(now time.Time, token string) ([]byte, keyring.Key, cookie.Reason) {
	kid, ok := jwe.Kid(token) // looks at the length first
	if !ok {
		return nil, keyring.Key{}, cookie.ReasonForeign
	}
	ring := k.keys.At(now)
	key, ok := ring.Key(string(kid[:jwe.KidLen]))
	if !ok {
		key, _ = k.looks.Newer(now, ring).Key(string(kid[:jwe.KidLen]))
	}
	box, ok := key.Cache(k.seal, jwe.NewBox).(*jwe.Box)
	if !ok { // the zero Key: there's none of that id
		return nil, keyring.Key{}, cookie.ReasonUnknownKey
	}
	plaintext, fault := jwe.Open(nil, box.AEAD, token)
	switch fault {
	case jwe.OK:
		return plaintext, key, cookie.ReasonNone
	case jwe.BadTag:
		return nil, keyring.Key{}, cookie.ReasonBadTag
	}
	return nil, keyring.Key{}, cookie.ReasonMalformed
}
