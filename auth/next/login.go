package next

import (
	"strings"
	"unicode/utf8"

	"github.com/hardtack-go/hardtack/internal/hostport"
)

// LoginURL returns where to send a visitor who must log in first: the login
// page, with the page that was asked for in the query parameter field.
//
//   - login is the login page as the application configured it: a path
//     ("/login/"), with or without query and fragment, or an absolute URL. The
//     empty string means that there is none, and so does the result.
//   - request is the page that was asked for, as the browser sees it:
//     "https://example.com/protected?x=1". A bare path is accepted where the
//     host is not known.
//   - field is the name of the parameter, "next" in most applications. With
//     the empty string no parameter is added.
//
// The parameter holds path and query alone if the login page has the same
// scheme and host as the request, and the absolute URL otherwise; a fragment of
// request never goes in. An existing parameter of that name is replaced, the
// rest of the login page's query and its fragment are kept as they are. A path
// that starts with two slashes would name a host when it is followed later, so
// it becomes "/%2F…"; a backslash in the path becomes "%5C", and bytes that
// [Safe] refuses, in the path all bytes outside ASCII, are percent-encoded. So what LoginURL writes for a page of
// this site, Safe accepts when it comes back. A target of more than 2,048
// bytes is left out: the visitor then lands on the default page.
//
// The result is plain ASCII without control characters, whatever the arguments
// contain, and so is safe in a Location header. LoginURL does not judge
// request: build it from the request, not from a header that the client chose.
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
		case !placed: // in the place of the one it replaces
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

// target is the value of the parameter: request as seen from login's site.
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

// origin splits a URL into scheme, host (with port) and the rest. Scheme and
// host are empty where the URL has none. Two slashes at the start name a host
// only in what the application wrote (bare): in a request they are the path.
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

// unescape decodes the name of a form field: "+" is a space, a percent sign
// that two hexadecimal digits do not follow stands for itself (the WHATWG rules
// for application/x-www-form-urlencoded), so that no other spelling of the
// field's name survives beside ours.
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
