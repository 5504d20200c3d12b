// Package contest holds the contestants of the benchmark. Every design does the
// same job through its documented public API.
//
// The job is called verify. It starts with the raw Cookie header of a request with
// four cookies, and ends with "this is user U, and the stamp of the password still
// matches". The user record is already in memory. A contestant that returns the
// wrong user fails the run. Lacks says what a contestant leaves out (encryption, a
// cookie that needs no store, idle timeout), and is shown next to its figures.
package contest

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"hash"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/hardtack-go/hardtack/marks"
)

// The user of every run. The hash is as long as a real argon2id string (97 bytes),
// but made up.
const (
	UserID       = "1000000042"
	PasswordHash = "$argon2id$v=19$m=65536,t=3,p=4$c29tZXNhbHRzb21lc2FsdA$RdescudvJCsgt3ub+b5dWRWJTmaaJObGAAAAAAAAAAA"
)

// Idle and Absolute are the time limits that every contestant applies, either in
// its own way or, if the library has none, in the application's code.
const (
	Idle     = 30 * time.Minute
	Absolute = 12 * time.Hour
)

// ErrNotTrusted is returned by Verify for anything but the right session.
var ErrNotTrusted = errors.New("contest: session not trusted")

// ErrTooLarge is returned by Open when the session doesn't fit into a cookie.
var ErrTooLarge = errors.New("contest: the session does not fit its cookie")

// Options are the sizes that a run varies.
type Options struct {
	Data int // bytes of application data in the session; 0 means the standard small cart
	Keys int // keys in the ring; 0 means 1. Contestants without a ring ignore it
	// Oldest makes the oldest key seal the session. A design that tries keys in
	// order finds that key last.
	Oldest bool
	// Marks, if not nil, could end the session. Contestants without marks ignore it.
	Marks *marks.Set
}

// A Contestant is one design. Its Open makes a Session that is ready to be
// measured.
type Contestant struct {
	Name     string
	Lacks    string // in one line, what it does not do; "" if it does the whole job
	Encrypts bool
	Open     func(Options) (Session, error)
}

// A Session is one logged-in session in one design. Only Verify is called by
// several goroutines at once.
type Session interface {
	// CookieName is the name of the session cookie.
	CookieName() string
	// Value is the session cookie's value, as a browser would send it.
	Value() string
	// Verify takes the raw Cookie header lines of a request, as a server has them,
	// and returns the user's id once it is known and trusted.
	Verify(cookies []string) (string, error)
	// Seal writes the session anew and returns the cookie value.
	Seal() (string, error)
	// Login turns the anonymous session of a Cookie header into a logged-in
	// one and returns the new cookie value.
	Login(cookies []string) (string, error)
	// Anonymous is the value of an anonymous session with the same data.
	Anonymous() (string, error)
	Close() error
}

// Header puts a session cookie among three others, as in a real request.
func Header(name, value string) []string {
	return []string{"_ga=GA1.1.1234567890.1700000000; theme=dark; " + name + "=" + value + "; lang=en-GB"}
}

// Forged returns value with one character in its middle replaced. Every alphabet
// that contestants use contains both letters.
func Forged(value string) string {
	b := []byte(value)
	i := len(b) / 2
	for b[i] == '.' || b[i] == '%' {
		i++
	}
	if b[i] == 'A' {
		b[i] = 'B'
	} else {
		b[i] = 'A'
	}
	return string(b)
}

// Garbage returns what a scanner might send: characters that a cookie may have, but
// nobody's token.
func Garbage(n int) string { return strings.Repeat("Zm9v", n/4+1)[:n] }

// claims is what contestants without a format of their own put into a token.
type claims struct {
	SID      string   `json:"sid"`
	IssuedAt int64    `json:"iat"`
	AuthTime int64    `json:"auth_time,omitempty"`
	Expires  int64    `json:"exp"`
	Renewed  int64    `json:"rnw"`
	Subject  string   `json:"sub,omitempty"`
	Stamp    string   `json:"stp,omitempty"`
	Data     cartData `json:"d"`
}

type cartData struct {
	Cart []string `json:"cart"`
}

func cart(o Options) cartData {
	if o.Data == 0 {
		return cartData{Cart: []string{"sku-1138", "sku-42"}}
	}
	return cartData{Cart: []string{strings.Repeat("x", max(1, o.Data-len(`{"cart":[""]}`)))}}
}

func newClaims(o Options, user bool) claims {
	now := time.Now()
	c := claims{
		SID:      "gE2u2Vq4fY5sVn1rB0wXGA",
		IssuedAt: now.Unix(), Expires: now.Add(Absolute).Unix(), Renewed: now.Unix(),
		Data: cart(o),
	}
	if user {
		c.AuthTime, c.Subject = c.IssuedAt, UserID
		sum := stamp(UserID, PasswordHash)
		c.Stamp = base64.RawURLEncoding.EncodeToString(sum[:])
	}
	return c
}

// trust applies the time limits and compares the stamp. No peer does this part of
// the job, so the same code does it for all of them.
func (c *claims) trust(now time.Time) (string, error) {
	n := now.Unix()
	if n >= c.Expires || n-c.Renewed > int64(Idle/time.Second) || c.Subject != UserID {
		return "", ErrNotTrusted
	}
	var got [sha256.Size]byte
	if k, err := base64.RawURLEncoding.Decode(got[:], []byte(c.Stamp)); err != nil || k != len(got) {
		return "", ErrNotTrusted
	}
	want := stamp(c.Subject, PasswordHash)
	if !hmac.Equal(got[:], want[:]) {
		return "", ErrNotTrusted
	}
	return c.Subject, nil
}

type prepared struct {
	mac hash.Hash
	buf []byte
	sum [sha256.Size]byte
}

var stamps = sync.Pool{New: func() any {
	return &prepared{mac: hmac.New(sha256.New, make([]byte, 32)), buf: make([]byte, 0, 256)}
}}

// stamp computes HMAC-SHA256 with prepared state over (id, field), each preceded by
// its length. Hardtack computes the same, so nobody does more work than it does.
func stamp(id, field string) [sha256.Size]byte {
	p := stamps.Get().(*prepared)
	p.mac.Reset()
	p.buf = binary.BigEndian.AppendUint32(p.buf[:0], uint32(len(id)))
	p.buf = append(p.buf, id...)
	p.buf = binary.BigEndian.AppendUint32(p.buf, uint32(len(field)))
	p.buf = append(p.buf, field...)
	p.mac.Write(p.buf)
	p.mac.Sum(p.sum[:0])
	sum := p.sum
	stamps.Put(p)
	return sum
}

// find reads one cookie the way net/http does, for contestants whose own API takes
// the cookie's value.
func find(cookies []string, name string) (string, error) {
	r := http.Request{Header: http.Header{"Cookie": cookies}}
	c, err := r.Cookie(name)
	if err != nil {
		return "", ErrNotTrusted
	}
	return c.Value, nil
}

func random(n int) []byte {
	b := make([]byte, n)
	rand.Read(b)
	return b
}

// value returns the cookie value in a Set-Cookie line.
func value(line string) (string, error) {
	c, err := http.ParseSetCookie(line)
	if err != nil {
		return "", err
	}
	return c.Value, nil
}

// errNoCookie is returned for a contestant that wrote nothing.
func errNoCookie(err error) error {
	return errors.Join(errors.New("contest: no Set-Cookie"), err)
}

// All returns the contestants in Go, Hardtack first.
func All() []Contestant {
	return []Contestant{Hardtack, HardtackGorilla, GorillaSessions, SecureCookie, GoJose, JWX, GolangJWT, Paseto, SCS, SCSRedis}
}

// NotCompared lists the peers that a fair table would have and this one can't.
func NotCompared() []string {
	return []string{"spice session and seshcookie: the module proxy has no released module of either"}
}
