package contest

import (
	"context"
	"errors"
	"time"

	"github.com/hardtack-go/hardtack/auth"
	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/cookie/gorilla"
	"github.com/hardtack-go/hardtack/keyring"
	"github.com/hardtack-go/hardtack/ssestore"
)

// A User is a record that is already in memory.
type User struct{ ID, Password string }

var cartKey = ssestore.NewKey[[]string]("cart")

// hardtack is Hardtack as its README shows it, without net/http.
type hardtack struct {
	o     Options
	store *ssestore.Store
	users *auth.Manager[*User]
	value string
}

// Hardtack is the JWE codec. If o.Keys is more than 1, the ring has fallbacks.
var Hardtack = Contestant{
	Name: "Hardtack", Encrypts: true,
	Open: func(o Options) (Session, error) { return newHardtack(o, nil) },
}

// HardtackGorilla is Hardtack over the securecookie format.
var HardtackGorilla = Contestant{
	Name: "Hardtack (gorilla codec)", Encrypts: true,
	Lacks: "the securecookie format: no key id, so it tries keys in order",
	Open:  func(o Options) (Session, error) { return newHardtack(o, gorilla.SecureCookie) },
}

func newHardtack(o Options, format cookie.Format) (Session, error) {
	return openHardtack(o, format, keyring.Generate())
}

// openHardtack begins with ring and rotates it until it holds o.Keys keys.
func openHardtack(o Options, format cookie.Format, ring *keyring.Keyring) (Session, error) {
	source := &keyring.Holder{}
	source.Set(ring)
	for range max(1, o.Keys) - 1 {
		var err error
		if ring, err = ring.Rotate(); err != nil {
			return nil, err
		}
	}
	if !o.Oldest {
		source.Set(ring)
	}
	config := ssestore.Config{Keys: source, Format: format}
	if o.Marks != nil {
		config.Marks = o.Marks
	}
	store, err := ssestore.New(config)
	if err != nil {
		return nil, err
	}
	user := &User{UserID, PasswordHash}
	users, err := auth.New(auth.Config[*User]{
		UserByID: func(_ context.Context, id string) (*User, error) {
			if id != user.ID {
				return nil, auth.ErrNoUser
			}
			return user, nil
		},
		ID:    func(u *User) string { return u.ID },
		Stamp: func(u *User) string { return u.Password },
	})
	if err != nil {
		return nil, err
	}
	h := &hardtack{o: o, store: store, users: users}
	h.value, err = h.Seal()
	source.Set(ring)
	var large *cookie.SizeError
	if errors.As(err, &large) {
		err = ErrTooLarge
	}
	return h, err
}

// PlaintextLen returns the number of bytes of claims in a Hardtack token.
func PlaintextLen(token string) int { return (len(token) - 102) * 3 / 4 }

// A CodecCase is one operation on the codec alone.
type CodecCase struct {
	Name     string
	Op, Seal func() error
}

// Codec returns the cases of the JWE codec without session and user, with a plaintext
// as long as that of the standard session. The first case opens a token. The others
// refuse one.
func Codec() ([]CodecCase, error) {
	s, err := newHardtack(Options{}, nil)
	if err != nil {
		return nil, err
	}
	ring := keyring.Generate()
	codec, err := cookie.JWE(s.CookieName(), "")
	if err != nil {
		return nil, err
	}
	plain := random(PlaintextLen(s.Value()))
	token, err := codec.Seal(ring, plain)
	if err != nil {
		return nil, err
	}
	refused := func(value string) func() error {
		return func() error {
			if _, err := codec.Open(ring, value); err == nil {
				return errors.New("contest: opened what must be refused")
			}
			return nil
		}
	}
	return []CodecCase{
		{
			Name: "open",
			Op:   func() error { _, err := codec.Open(ring, token); return err },
			Seal: func() error { _, err := codec.Seal(ring, plain); return err },
		},
		{Name: "refuse: foreign", Op: refused(Garbage(len(token)))},
		{Name: "refuse: unknown kid", Op: refused(s.Value())},
		{Name: "refuse: malformed", Op: refused(token[:len(token)-1])},
		{Name: "refuse: forged tag", Op: refused(Forged(token))},
	}, nil
}

func (h *hardtack) CookieName() string { return h.store.CookieName() }
func (h *hardtack) Value() string      { return h.value }
func (*hardtack) Close() error         { return nil }

func (h *hardtack) Verify(cookies []string) (string, error) {
	s := h.store.Load(cookies, time.Now())
	u, err := h.users.GetUser(context.Background(), s)
	if err != nil {
		return "", ErrNotTrusted
	}
	return u.ID, nil
}

func (h *hardtack) commit(s *ssestore.Session) (string, error) {
	out, err := s.Commit(200)
	if err != nil || len(out.SetCookie) == 0 {
		return "", errNoCookie(err)
	}
	return value(out.SetCookie[0])
}

func (h *hardtack) write(cookies []string, user bool) (string, error) {
	s := h.store.Load(cookies, time.Now())
	if cookies == nil {
		if err := cartKey.Set(s, cart(h.o).Cart); err != nil {
			return "", err
		}
	}
	if user {
		if err := h.users.Login(context.Background(), s, &User{UserID, PasswordHash}); err != nil {
			return "", err
		}
	}
	return h.commit(s)
}

func (h *hardtack) Seal() (string, error)                  { return h.write(nil, true) }
func (h *hardtack) Login(cookies []string) (string, error) { return h.write(cookies, true) }
func (h *hardtack) Anonymous() (string, error)             { return h.write(nil, false) }

// Ticket returns what another process needs to verify the session: a JWK Set and a
// raw Cookie header line.
func Ticket() (keys, cookies string, err error) {
	ring := keyring.Generate()
	s, err := openHardtack(Options{}, nil, ring)
	if err != nil {
		return "", "", err
	}
	return string(ring.JWKSet()), Header(s.CookieName(), s.Value())[0], nil
}
