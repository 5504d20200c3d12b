package contest

import (
	"encoding/gob"
	"errors"
	"net/http"
	"time"

	"github.com/gorilla/securecookie"
	"github.com/gorilla/sessions"
)

// gorillaSessions uses sessions.CookieStore as its README shows it, with an
// authentication key and an encryption key.
type gorillaSessions struct {
	store *sessions.CookieStore
	o     Options
	value string
}

// GorillaSessions is gorilla/sessions with its default gob encoding.
var GorillaSessions = Contestant{
	Name: "gorilla/sessions", Encrypts: true,
	Lacks: "no absolute timeout, no key id (tries every key), CTR+HMAC and gob",
	Open: func(o Options) (Session, error) {
		gob.Register(cartData{})
		var pairs [][]byte
		for range max(1, o.Keys) {
			pairs = append(pairs, random(32), random(32))
		}
		s := &gorillaSessions{store: sessions.NewCookieStore(pairs...), o: o}
		s.store.MaxAge(int(Absolute / time.Second))
		var err error
		s.value, err = s.Seal()
		return s, err
	},
}

func (*gorillaSessions) CookieName() string { return "session" }
func (s *gorillaSessions) Value() string    { return s.value }
func (*gorillaSessions) Close() error       { return nil }

func (s *gorillaSessions) Verify(cookies []string) (string, error) {
	r := &http.Request{Header: http.Header{"Cookie": cookies}}
	v, err := s.store.Get(r, "session")
	if err != nil || v.IsNew {
		return "", ErrNotTrusted
	}
	var c claims
	c.Expires, _ = v.Values["exp"].(int64)
	c.Renewed, _ = v.Values["rnw"].(int64)
	c.Subject, _ = v.Values["sub"].(string)
	c.Stamp, _ = v.Values["stp"].(string)
	return c.trust(time.Now())
}

func (s *gorillaSessions) save(r *http.Request, user bool) (string, error) {
	v, err := s.store.Get(r, "session")
	if err != nil {
		return "", err
	}
	c := newClaims(s.o, user)
	v.Values["sid"], v.Values["iat"], v.Values["exp"], v.Values["rnw"] = c.SID, c.IssuedAt, c.Expires, c.Renewed
	v.Values["cart"] = c.Data
	if user {
		v.Values["auth_time"], v.Values["sub"], v.Values["stp"] = c.AuthTime, c.Subject, c.Stamp
	}
	w := recorder{}
	if err := v.Save(r, w); err != nil {
		return "", err
	}
	return w.cookie()
}

func (s *gorillaSessions) Seal() (string, error) { return s.save(request(nil), true) }
func (s *gorillaSessions) Login(cookies []string) (string, error) {
	return s.save(request(cookies), true)
}
func (s *gorillaSessions) Anonymous() (string, error) { return s.save(request(nil), false) }

func request(cookies []string) *http.Request {
	h := http.Header{}
	if cookies != nil {
		h["Cookie"] = cookies
	}
	return &http.Request{Header: h}
}

// recorder is the smallest ResponseWriter that catches a Set-Cookie.
type recorder http.Header

func (r recorder) Header() http.Header       { return http.Header(r) }
func (recorder) Write(b []byte) (int, error) { return len(b), nil }
func (recorder) WriteHeader(int)             {}
func (r recorder) cookie() (string, error)   { return value(http.Header(r).Get("Set-Cookie")) }

// SecureCookie is gorilla/securecookie alone, with JSON instead of gob.
var SecureCookie = Contestant{
	Name: "securecookie+JSON", Encrypts: true,
	Lacks: "a codec only: no session, no key id, no idle timeout",
	Open: func(o Options) (Session, error) {
		var codecs []securecookie.Codec
		for range max(1, o.Keys) {
			sc := securecookie.New(random(32), random(32))
			sc.SetSerializer(securecookie.JSONEncoder{})
			codecs = append(codecs, sc)
		}
		return newToken(o, "session",
			func(c *claims) (string, error) {
				first := codecs
				if o.Oldest {
					first = codecs[len(codecs)-1:]
				}
				v, err := securecookie.EncodeMulti("session", c, first...)
				if err != nil && o.Data > 0 { // its length error has no type of its own
					err = errors.Join(ErrTooLarge, err)
				}
				return v, err
			},
			func(v string, c *claims) error { return securecookie.DecodeMulti("session", v, c, codecs...) })
	},
}
