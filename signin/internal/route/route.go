// Package route has what the ways to log in share about paths: where a way is mounted,
// and how it sends somebody on.
package route

import (
	"net/http"
	"regexp"

	"github.com/hardtack-go/hardtack/auth/next"
)

// Rule says what [Valid] wants.
const Rule = "must be a path with one slash at each end, of letters, digits and . _ ~ -"

var valid = regexp.MustCompile(`^/([A-Za-z0-9._~-]+/)*$`)

// Valid reports whether a way can be mounted under a path. It keeps out what a pattern of
// http.ServeMux, a link or a form's action could take for something else.
func Valid(path string) bool { return valid.MatchString(path) }

// Onward sends somebody to a page with 303. Unlike http.Redirect, it doesn't rewrite the
// page's path: /proxy//x isn't /proxy/x.
func Onward(w http.ResponseWriter, to string) {
	w.Header().Set("Location", next.Location(to))
	w.WriteHeader(http.StatusSeeOther)
}
