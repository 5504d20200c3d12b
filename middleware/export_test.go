package middleware

import (
	"net/http"

	"github.com/hardtack-go/hardtack/ssestore"
)

// WritesFor and CallerOf show two decisions that would need a whole browser to
// be seen from outside.
func WritesFor(p *http.CrossOriginProtection, r *http.Request) ssestore.Writes {
	return writesFor(p, r)
}

func CallerOf(r *http.Request) string {
	return [...]string{page: "page", script: "script", htmx: "htmx", inertia: "inertia"}[callerOf(r)]
}

func PrefersJSON(accept ...string) bool {
	a := acceptOf(accept)
	return prefers(a.json, a.html)
}

// MethodAndHost are what a log line says of a request, and Origin what a response
// remembers of it.
func MethodAndHost(r *http.Request) (string, string)      { return method(r), host(r) }
func Origin(r *http.Request) (scheme string, host string) { return origin(r) }
