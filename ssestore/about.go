package ssestore

import (
	"strings"
	"time"

	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/marks"
)

// About returns what Load would ask Config.Marks about for these cookies: one entry for each
// session among them that is otherwise good, which is nearly always one or none. It is for
// marks that must be fetched before Load, which doesn't wait:
//
//	reader.Refresh(ctx, now, store.About(cookies, now)...)
//	session := store.Load(cookies, now)
//
// It costs as much as Load, and calls Legacy.Migrate as Load does. Without Config.Marks it
// returns nil.
func (s *Store) About(cookies []string, now time.Time) []marks.About {
	if s == nil || s.marks == nil {
		return nil
	}
	asked, list := *s, listener{}
	asked.marks = &list
	asked.Load(cookies, now)
	return list
}

// A listener is Marks that notes what it is asked about. It ends every session, so that
// nothing is counted as opened twice.
type listener []marks.About

func (l *listener) Judge(a marks.About) cookie.Reason {
	a.Session = strings.Clone(a.Session)
	*l = append(*l, a)
	return cookie.ReasonRevoked
}
