package contest

import "time"

// tokenSession is for every design that turns claims into a string.
type tokenSession struct {
	o      Options
	name   string
	value  string
	encode func(*claims) (string, error)
	decode func(string, *claims) error
}

func newToken(o Options, name string, encode func(*claims) (string, error), decode func(string, *claims) error) (Session, error) {
	s := &tokenSession{o: o, name: name, encode: encode, decode: decode}
	var err error
	s.value, err = s.Seal()
	return s, err
}

func (s *tokenSession) CookieName() string { return s.name }
func (s *tokenSession) Value() string      { return s.value }
func (*tokenSession) Close() error         { return nil }

func (s *tokenSession) Verify(cookies []string) (string, error) {
	v, err := find(cookies, s.name)
	if err != nil {
		return "", err
	}
	var c claims
	if err := s.decode(v, &c); err != nil {
		return "", ErrNotTrusted
	}
	return c.trust(time.Now())
}

func (s *tokenSession) Seal() (string, error) {
	c := newClaims(s.o, true)
	return s.encode(&c)
}

func (s *tokenSession) Login(cookies []string) (string, error) {
	v, err := find(cookies, s.name)
	if err != nil {
		return "", err
	}
	var old claims
	if err := s.decode(v, &old); err != nil {
		return "", err
	}
	c := newClaims(s.o, true)
	c.Data = old.Data
	return s.encode(&c)
}

func (s *tokenSession) Anonymous() (string, error) {
	c := newClaims(s.o, false)
	return s.encode(&c)
}
