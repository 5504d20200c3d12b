package ssestore

import (
	"bytes"
	"time"

	"github.com/hardtack-go/hardtack/internal/base64url"
	"github.com/hardtack-go/hardtack/internal/claims"
)

// Info describes a session, for tests and for a page that shows users their session.
// It leaves out the secrets: session id and stamp.
type Info struct {
	New        bool // no valid session came with the request
	Persistent bool // "remember me"
	LoggedIn   bool // a user is named, though not necessarily verified
	UserID     string

	Created  time.Time // of the session: at login, or when data was first set
	AuthTime time.Time // of the login; zero if there was none
	Renewed  time.Time // the start of the idle time
	Expires  time.Time // the absolute end
	IdleEnds time.Time // the last second at which it is valid if it isn't renewed; at most Expires

	KeyID   string // the key that opened the cookie; "" if none did
	Primary bool   // that key is the current primary

	// LogID names the session in logs. It is a keyed hash of the session's id under
	// the primary key, so it changes with a rotation. It is "" for a session that
	// hasn't been created yet.
	LogID string

	// Bytes is how many of the 4,096 bytes of name and value the session would take
	// if it were written now, and Limit how many it may take.
	Bytes, Limit int

	// Claims is the session's JSON as it is now, with empty sid and stamps. The caller
	// owns it.
	Claims []byte
}

// Info describes the session as it is now, including the changes of this request.
// It counts as an access. The times of a session that hasn't been created yet are
// zero.
func (s *Session) Info() Info {
	p := s.lock()
	if p == nil {
		return Info{New: true}
	}
	defer p.mu.Unlock()
	p.access()
	i := Info{
		New:        !p.came(),
		Persistent: p.c.Per,
		LoggedIn:   p.c.Sub != "",
		UserID:     p.c.Sub,
		Created:    unix(p.c.Iat),
		AuthTime:   unix(p.c.AuthTime),
		Renewed:    unix(p.c.Rnw),
		KeyID:      p.key.ID(),
	}
	i.Primary = i.KeyID != "" && i.KeyID == p.keys().Primary().ID()
	if p.sec == 0 {
		return i
	}
	c := p.current() // a copy, because looking must not change the session
	if c.SID != (claims.SID{}) {
		end := p.end(&c)
		i.Expires, i.IdleEnds = unix(end), unix(end)
		if !p.readOnly() {
			i.IdleEnds = unix(min(end, c.Rnw+p.store.profile(c.Per).idle))
		}
		if m := macOf(p.keys().Primary(), p.store.labels.log); m != nil {
			var sum [32]byte
			m.sum(&sum, c.SID.String())
			i.LogID = string(base64url.Append(nil, sum[:12]))
		}
	}
	if !p.empty() {
		name := len(p.store.cookie.Name())
		i.Bytes = name + p.store.codec.Size(len(c.Append(nil)))
		i.Limit = name + p.store.cookie.MaxValue()
		c.SID, c.Stp = claims.SID{}, [32]byte{}
		if a := p.actor(); a != nil {
			m := a.member()
			if kept, _, stamped := bytes.Cut(m.Raw, []byte(`,"stp":"`)); stamped {
				m.Raw = append(kept, '}')
			}
			c.D = claims.AppendData(nil, withMember(p.members(), m))
		}
		i.Claims = c.Append(nil)
	}
	return i
}
