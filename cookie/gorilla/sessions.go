package gorilla

import (
	"errors"
	"fmt"
	"time"

	"github.com/gorilla/securecookie"

	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/internal/keysource"
	"github.com/hardtack-go/hardtack/keyring"
)

const (
	// leeway is how far in the future a date may be, because clocks differ.
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
// Values, flashes and everything else work as before. Values are still encoded with
// encoding/gob, so types beyond the basic ones still need gob.Register. What changes:
//
//   - Keys rotate with the source, and nobody is logged out. Every value is sealed
//     under the primary key, and any key in the ring can open it.
//   - Nothing is sealed under a fallback. securecookie.EncodeMulti silently moves
//     on to the next codec when one fails. The list returned here has only one
//     codec, which returns an error if there is no active key.
//   - Values expire when they are older than maxAge, counted from their last save by
//     the date inside the value, whatever the browser does with Max-Age. A date more
//     than a minute ahead is refused.
//   - A value has only one spelling, as with the other codecs of this package.
//
// Keys are derived for separate purposes ("gorilla-sessions-…"), for this audience
// and for each session name the application uses. So these values never open as
// sessions of Hardtack itself, or under another name.
//
// store.Options.MaxAge decides what the browser is told. store.MaxAge doesn't reach
// these codecs. Nor does the MaxLength of a sessions.FilesystemStore: its sessions
// too are limited to 4,096 characters, although they're kept in files. Cookies that
// the application handed out earlier can't be opened by the new codecs, unless you
// keep the old ones after the new one:
//
//	store.Codecs = append(codecs, securecookie.CodecsFromPairs(oldKeys...)...)
//
// EncodeMulti then has a codec to fall back to again, so watch for errors.
//
// The errors of the codecs implement securecookie.Error. For a value that Decode
// refuses, IsDecode is true; the error matches [cookie.ErrInvalid] and carries a
// reason for [cookie.ReasonOf]. sessions wraps it in a securecookie.MultiError, so
// loop over that to find it. For a value of more than 4,096 characters, name
// included, the error is a *cookie.SizeError and IsUsage is true.
//
// The source must not be nil, and must open what it sealed for at least maxAge, which is
// between one second and 400 days. Codecs reports all faults at once. The codecs are safe
// for concurrent use. They count seals and opens in the keys, and call time.Now, since
// sessions doesn't pass them a time.
func Codecs(src keyring.Source, audience string, maxAge time.Duration) ([]securecookie.Codec, error) {
	var errs []error
	switch { // at the start, rather than at the first request
	case keysource.IsNil(src):
		errs = append(errs, errors.New("gorilla: no source of keys; if one was made, its error says why it's nil"))
	case keysource.Empty(src):
		errs = append(errs, errors.New("gorilla: the source has no keys: a Holder must be set before"))
	case keysource.Outlived(src, maxAge):
		errs = append(errs, errors.New("gorilla: the source opens values for less time than maxAge"))
	}
	if maxAge < time.Second || maxAge > maxLife {
		errs = append(errs, fmt.Errorf("gorilla: maxAge must be between one second and %v", maxLife))
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	return []securecookie.Codec{&adapter{src, keysource.NewLooks(src), audience, maxAge}}, nil
}

// adapter is a securecookie.Codec over a keyring.
type adapter struct {
	src      keyring.Source
	looks    *keysource.Looks // for newer keys; nil: the source can't
	audience string
	maxAge   time.Duration
}

// codec returns the codec for one session name. The keyring caches its keys, so
// making one costs next to nothing.
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

// Decode implements securecookie.Codec. It leaves dst alone unless the value is
// authentic and in date.
func (a *adapter) Decode(name, value string, dst any) error {
	now := time.Now()
	s, ok := parse(value)
	if !ok {
		return refuse(cookie.ReasonForeign)
	}
	c := a.codec(name)
	ring := a.src.At(now)
	key, p := c.find(ring, s)
	if p == nil { // another instance may have rotated its keys
		key, p = c.find(a.looks.Newer(now, ring), s)
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
		return err // authentic, but not of dst's type
	}
	key.CountOpen(now)
	return nil
}

// codecError implements securecookie.Error, whose IsDecode applications of
// gorilla/sessions call.
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
