package next

import (
	"strings"
	"unicode/utf8"

	"github.com/hardtack-go/hardtack/internal/hostport"
)

// LoginURL returns where to send a visitor who must log in first: the login page,
// with the requested page in the query parameter field.
//
//   - login is the login page as the application configured it: a path ("/login/"),
//     with or without query and fragment, or an absolute URL. If it is empty, there
//     is no login page, and the result is empty too.
//   - request is the requested page as the browser sees it:
//     "https://example.com/protected?x=1". If the host isn't known, a bare path will
//     do.
//   - field is the name of the parameter, "next" in most applications. If it is
//     empty, no parameter is added.
//
// If the login page has the same scheme and host as the request, the parameter holds
// only the path and query. Otherwise it holds the absolute URL. It never holds a
// fragment. LoginURL replaces an existing parameter of that name, and keeps the rest
// of the login page's query and its fragment.
//
// A path that starts with two slashes would name a host when it is followed later, so
// it becomes "/%2F…". A backslash in the path becomes "%5C". LoginURL percent-encodes
// the bytes that [Safe] refuses, which in the path includes everything outside ASCII.
// So if LoginURL writes a page of this site, Safe accepts it when it comes back. A
// target of more than 2,048 bytes is left out, and the visitor lands on the default
// page.
//
// The result is plain ASCII without control characters, whatever the arguments
// contain, so it is safe in a Location header. LoginURL doesn't judge request. Build
// it from the request, not from a header that the client chose.
func LoginURL(login, request, field string) string {
	if login == "" || field == "" {
		return Location(login)
	}
	next := target(login, request)
	if len(next) > maxNext {
		return Location(login)
	}
	page, fragment, hasFragment := strings.Cut(login, "#")
	page, query, _ := strings.Cut(page, "?")

	var b strings.Builder
	b.WriteString(Location(page))
	sep, placed := byte('?'), false
	put := func(piece string) {
		b.WriteByte(sep)
		b.WriteString(piece)
		sep = '&'
	}
	parameter := escape(field) + "=" + escape(next)
	for _, piece := range strings.Split(query, "&") {
		name, _, _ := strings.Cut(piece, "=")
		switch {
		case piece == "":
		case unescape(name) != field:
			put(Location(piece))
		case !placed: // where the one that it replaces was
			put(parameter)
			placed = true
		}
	}
	if !placed {
		put(parameter)
	}
	if hasFragment {
		b.WriteByte('#')
		b.WriteString(Location(fragment))
	}
	return b.String()
}

// target returns the value of the parameter: request as seen from login's site.
func target(login, request string) string {
	request, _, _ = strings.Cut(request, "#")
	loginScheme, loginHost, _ := origin(login, true)
	scheme, host, rest := origin(request, false)
	scheme = strings.ToLower(scheme)
	path, query, hasQuery := strings.Cut(rest, "?")
	// Browsers read a backslash in a path as a slash, and encode what isn't ASCII.
	path = encode(path, func(c byte) bool { return c != '\\' && c < utf8.RuneSelf })
	switch {
	case strings.HasPrefix(path, "//"):
		path = "/%2F" + path[2:]
	case !strings.HasPrefix(path, "/"):
		path = "/" + path
	}
	next := path
	if hasQuery {
		next += "?" + query
	}
	samePlace := (loginScheme == "" || asciiFold(loginScheme, scheme)) &&
		(loginHost == "" || asciiFold(hostport.WithoutDefaultPort(scheme, loginHost), hostport.WithoutDefaultPort(scheme, host)))
	if !samePlace && host != "" {
		next = scheme + "://" + host + next
	}
	return acceptable(next)
}

// origin splits a URL into scheme, host (with port) and the rest. Scheme and host are
// empty if the URL has none. Two slashes at the start name a host only in a URL that
// the application wrote (bare). In a request they are part of the path.
func origin(u string, bare bool) (scheme, host, rest string) {
	rest = u
	if i := strings.IndexAny(u, ":/?#"); i > 0 && u[i] == ':' {
		scheme, rest = u[:i], u[i+1:]
		bare = true
	}
	if bare && strings.HasPrefix(rest, "//") {
		host, rest = rest[2:], ""
		if i := strings.IndexAny(host, "/?#"); i >= 0 {
			host, rest = host[:i], host[i:]
		}
	}
	return scheme, host, rest
}

// acceptable percent-encodes the bytes of s that printable refuses, as the
// browser that sent them should have done.
func acceptable(s string) string {
	if printable(s) {
		return s
	}
	var b strings.Builder
	for i, r := range s {
		n := utf8.RuneLen(r)
		if r == utf8.RuneError {
			_, n = utf8.DecodeRuneInString(s[i:])
		}
		c := s[i : i+n]
		if printable(c) {
			b.WriteString(c)
			continue
		}
		for j := 0; j < len(c); j++ {
			percent(&b, c[j])
		}
	}
	return b.String()
}

// escape encodes a name or value of a query: RFC 3986 unreserved characters and
// "/" stay. The slash is allowed in a query (RFC 3986 section 3.4) and keeps the
// address bar readable.
func escape(s string) string {
	return encode(s, func(c byte) bool {
		return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' ||
			c == '-' || c == '.' || c == '_' || c == '~' || c == '/'
	})
}

// unescape decodes the name of a form field by the WHATWG rules for
// application/x-www-form-urlencoded: "+" is a space, and a percent sign without two
// hexadecimal digits after it stands for itself. This way no other spelling of the
// field's name survives next to ours.
func unescape(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case c == '+':
			c = ' '
		case c == '%' && i+2 < len(s) && hexDigit(s[i+1]) >= 0 && hexDigit(s[i+2]) >= 0:
			c = byte(hexDigit(s[i+1])<<4 | hexDigit(s[i+2]))
			i += 2
		}
		b.WriteByte(c)
	}
	return b.String()
}

func hexDigit(c byte) int {
	switch {
	case '0' <= c && c <= '9':
		return int(c - '0')
	case 'a' <= c && c <= 'f':
		return int(c-'a') + 10
	case 'A' <= c && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}
