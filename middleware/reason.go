package middleware

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/hardtack-go/hardtack/cookie"
)

// Reason returns why the session of a request isn't the one that its cookie named:
// [cookie.ReasonExpired] after the session's end, [cookie.ReasonEnded] after a logout,
// [cookie.ReasonRevoked] after a mark ended it, [cookie.ReasonStampMismatch] after a
// change of the password, or what was wrong with the cookie. It is for a sentence on the
// login page:
//
//	switch middleware.Reason(r) {
//	case cookie.ReasonExpired, cookie.ReasonEnded, cookie.ReasonRevoked:
//		sentence = "Your session has ended. Please log in again."
//	case cookie.ReasonStampMismatch:
//		sentence = "Your password has been changed. Please log in with the new one."
//	}
//
// The request that was refused knows the reason, but the redirect to the login page
// deletes the cookie. With [Config].ReasonField the redirect carries these four
// reasons on, and Reason reads them back. Anybody can write such a link, so the
// result may choose a sentence and nothing else.
//
// Don't show what was wrong with a cookie, such as [cookie.ReasonBadTag]: somebody
// who forges cookies shouldn't learn it (RFC 8725 section 3.2). What GetUser finds out
// is known only after [Guard.User], or inside one of the guard's rules. Outside
// [Guard.Handler] the result is [cookie.ReasonNone].
func Reason(r *http.Request) cookie.Reason {
	s := Session(r)
	if s == nil {
		return cookie.ReasonNone
	}
	if reason := s.Principal().Refused(); reason != cookie.ReasonNone {
		return reason
	}
	return innermost(r.Context()).x.core.carried(r)
}

// sayable are the reasons that a URL may carry. Each was found out behind a cookie
// that is authentic, so it tells the visitor nothing about keys or formats.
var sayable = [...]cookie.Reason{cookie.ReasonExpired, cookie.ReasonEnded, cookie.ReasonStampMismatch, cookie.ReasonRevoked}

// withReason adds the reason to a login URL.
func (c *core) withReason(login string, reason cookie.Reason) string {
	if c.cfg.ReasonField == "" {
		return login
	}
	for _, word := range sayable {
		if word != reason {
			continue
		}
		page, fragment, cut := strings.Cut(login, "#")
		sep := "?"
		if strings.Contains(page, "?") {
			sep = "&"
		}
		login = page + sep + c.cfg.ReasonField + "=" + word.String()
		if cut {
			login += "#" + fragment
		}
	}
	return login
}

// carried returns the reason in the request's query.
func (c *core) carried(r *http.Request) cookie.Reason {
	if c.cfg.ReasonField == "" || r.URL.RawQuery == "" {
		return cookie.ReasonNone
	}
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return cookie.ReasonNone
	}
	for _, word := range sayable {
		if only(query[c.cfg.ReasonField], word.String()) {
			return word
		}
	}
	return cookie.ReasonNone
}
