// Package hostport compares hosts as they stand in URLs and in the Host field.
package hostport

import "strings"

// Equal reports whether two hosts, with or without a port, are the same place for a
// URL of the given scheme. Letter case and the scheme's default port make no
// difference: browsers leave that port out, and a proxy or a configuration may have
// put it in.
func Equal(scheme, a, b string) bool {
	return strings.EqualFold(WithoutDefaultPort(scheme, a), WithoutDefaultPort(scheme, b))
}

// WithoutDefaultPort cuts ":443" off a host if the scheme is https, and ":80" if it
// is http (RFC 9110 sections 4.2.1 and 4.2.2). The scheme is in lower case.
func WithoutDefaultPort(scheme, host string) string {
	switch scheme {
	case "https":
		return strings.TrimSuffix(host, ":443")
	case "http":
		return strings.TrimSuffix(host, ":80")
	}
	return host
}
