// Package route has what the ways to log in share about paths: where a way is mounted,
// and how it sends somebody on.
package route

import (
	"net/http"
	"regexp"
	"strings"

	"github.com/hardtack-go/hardtack/auth/next"
	"github.com/hardtack-go/hardtack/internal/config"
)

// rule says what valid wants. It keeps out what a pattern of http.ServeMux, a link or a
// form's action could take for something else.
const rule = "must be a path with one slash at each end, of letters, digits and . _ ~ -"

var valid = regexp.MustCompile(`^/([A-Za-z0-9._~-]+/)*$`)

// Mount returns where a way is mounted: at the path of its Config, or at the usual one if
// that is "". If a way can't be mounted there, it adds a fault.
func Mount(faults *config.Faults, path, usual string) string {
	if path == "" {
		path = usual
	}
	if !valid.MatchString(path) {
		faults.Add("Path", rule)
	}
	return path
}

// Name returns the last segment of a request's path if it is that of a page below mount,
// which is where a way is mounted as the browser sees it. A proxy, or http.StripPrefix, may
// have taken the first part of the path away.
func Name(mount string, r *http.Request) (name string, ok bool) {
	name = r.URL.Path[strings.LastIndexByte(r.URL.Path, '/')+1:]
	return name, strings.HasPrefix(r.URL.Path, "/") && strings.HasSuffix(mount+name, r.URL.Path)
}

// Onward sends somebody to a page with 303. Unlike http.Redirect, it doesn't rewrite the
// page's path: /proxy//x isn't /proxy/x.
func Onward(w http.ResponseWriter, to string) {
	w.Header().Set("Location", next.Location(to))
	w.WriteHeader(http.StatusSeeOther)
}
