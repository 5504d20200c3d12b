package gorilla

import (
	"errors"
	"fmt"
	"reflect"
	"time"

	"github.com/gorilla/securecookie"

	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/keyring"
)

const (
	// leeway is how far in the future a date may lie, for clocks that differ;
	// ssestore allows the same.
	leeway = 60 * time.Second

	// maxLife is the longest a browser keeps a cookie (RFC 6265bis section 5.5).
	maxLife = 400 * 24 * time.Hour
)

// Codecs puts a keyring under an application that stays with gorilla/sessions:
//
//	store := sessions.NewCookieStore([]byte("unused"))
//	store.Codecs, err = gorilla.Codecs(ring, "", 12*time.Hour)
//
// Values, flashes and everything else work as before: values are encoded with
// encoding/gob, so types beyond the basic ones need gob.Register, as before.
// What it adds:
//
//   - keys rotate with the source, and nobody is logged out: every value is
//     sealed under the primary key, and each key of the ring opens;
//   - it never seals under a fallback. securecookie.EncodeMulti silently goes to
//     the next codec when one fails; the list returned here has one codec, and
//     with no active key it gives an error;
//   - values expire maxAge after their last save, by the date inside the value,
//     whatever the browser does with Max-Age; the exact age is still accepted. A
//     date more than a minute ahead is refused;
//   - one spelling only, as for the other codecs of this package.
//
// Keys are derived for purposes of their own ("gorilla-sessions-…"), for this
// audience and for each session name that the application uses, so these values
// never open as sessions of hardtack itself, nor under another name.
//
// store.Options.MaxAge says what the browser is told; store.MaxAge does not reach
// these codecs. Cookies that the application has handed out before do not open
// under the new codecs, unless its old ones are kept behind the new one:
//
//	store.Codecs = append(codecs, securecookie.CodecsFromPairs(oldKeys...)...)
//
// and then EncodeMulti has a fallback to fall to again; watch for errors.
//
// Errors of the codecs implement securecookie.Error. A value refused in Decode
// is IsDecode, matches [cookie.ErrInvalid] and carries a reason for
// [cookie.ReasonOf]; sessions wraps it in a securecookie.MultiError, which has
// to be taken apart with a loop. A value over 4,096 characters with its name is a
// *cookie.SizeError and IsUsage.
//
// The source must not be nil; maxAge is between one second and 400 days. All
// faults are reported at once. The codecs are safe for concurrent use, count
// seals and opens in the keys, and read time.Now, since sessions has no clock.
func Codecs(src keyring.Source, audience string, maxAge time.Duration) ([]securecookie.Codec, error) {
	var errs []error
	if err := probe(src); err != nil {
		errs = append(errs, err)
	}
	if maxAge < time.Second || maxAge > maxLife {
		errs = append(errs, fmt.Errorf("gorilla: maxAge must be between one second and %v", maxLife))
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	return []securecookie.Codec{&adapter{src, audience, maxAge}}, nil
}

// probe finds a nil source, also a nil pointer in a non-nil interface, when the
// program starts and not at its first request. Most often it is a keyring whose
// loading failed and whose error nobody read.
func probe(src keyring.Source) error {
	if v := reflect.ValueOf(src); src == nil || v.Kind() == reflect.Pointer && v.IsNil() {
		return errors.New("gorilla: no source of keys")
	}
	return nil
}

// adapter is a securecookie.Codec over a keyring.
type adapter struct {
	src      keyring.Source
	audience string
	maxAge   time.Duration
}

// codec is the format for one session name. Its keys are remembered by the
// keyring, so making one costs nothing.
func (a *adapter) codec(name string) *derived {
	return newDerived(name, a.audience, "gorilla-sessions", securecookie.GobEncoder{})
}

// Encode implements securecookie.Codec.
func (a *adapter) Encode(name string, value any) (string, error) {
	key := a.src.At(time.Now()).Primary()
	p := a.codec(name).pair(key)
	if p == nil {
		return "", &codecError{cause: cookie.ErrNoPrimary}
	}
	text, err := p.secure.Encode(name, value)
	if err != nil {
		return "", err
	}
	if size := len(name) + len(text); size > maxValue {
		return "", &codecError{cause: &cookie.SizeError{Size: size, Limit: maxValue}}
	}
	key.CountSeal()
	return text, nil
}

// Decode implements securecookie.Codec. dst is not touched unless the value is
// authentic and in date.
func (a *adapter) Decode(name, value string, dst any) error {
	now := time.Now()
	s, ok := parse(value)
	if !ok {
		return refuse(cookie.ReasonForeign)
	}
	c := a.codec(name)
	key, p := c.find(a.src.At(now), s)
	if p == nil {
		// Another instance may have rotated: look at the source once more.
		if fresh, ok := a.src.(interface {
			Refresh(now time.Time) *keyring.Keyring
		}); ok {
			key, p = c.find(fresh.Refresh(now), s)
		}
	}
	switch {
	case p == nil:
		return refuse(cookie.ReasonUnknownKey)
	case s.date.After(now.Add(leeway)):
		return refuse(cookie.ReasonFuture)
	case now.Unix()-s.date.Unix() > int64(a.maxAge/time.Second): // dates are whole seconds
		return refuse(cookie.ReasonExpired)
	}
	if err := p.secure.Decode(name, value, dst); err != nil {
		return err // authentic, and not of the type that dst has
	}
	key.CountOpen(now)
	return nil
}

// codecError is a failure in the terms of securecookie.Error, which applications
// of gorilla/sessions ask for IsDecode.
type codecError struct {
	cause  error
	decode bool
}

func refuse(r cookie.Reason) error { return &codecError{cause: r.Err(), decode: true} }

func (e *codecError) Error() string    { return e.cause.Error() }
func (e *codecError) Unwrap() error    { return e.cause }
func (e *codecError) Cause() error     { return e.cause }
func (e *codecError) IsUsage() bool    { return !e.decode }
func (e *codecError) IsDecode() bool   { return e.decode }
func (e *codecError) IsInternal() bool { return false }
