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
