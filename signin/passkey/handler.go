package passkey

import (
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"slices"
	"strings"

	"github.com/hardtack-go/hardtack/auth"
	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/signin"
	"github.com/hardtack-go/hardtack/signin/internal/route"
)

// maxBody is how long a body may be. Answers have about 1,500 bytes; an attestation
// with a chain of certificates has several thousand.
const maxBody = 32 << 10

// ServeHTTP answers the requests below [Config].Path.
func (h *handler[U]) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	methods := []string{http.MethodPost}
	var serve http.HandlerFunc
	name, ok := route.Name(h.cfg.Path, r)
	if !ok {
		write(w, errMissing)
		return
	}
	switch name {
	case "passkey.js":
		methods, serve = []string{http.MethodGet, http.MethodHead}, script
	case "ask":
		serve = program(h.desk, h.ask)
	case "asked":
		serve = program(h.desk, h.asked)
	case "add":
		serve = program(h.desk, h.add)
	case "added":
		serve = program(h.desk, h.added)
	case "rename":
		serve = h.form(h.rename)
	case "remove":
		serve = h.form(h.remove)
	default:
		write(w, errMissing)
		return
	}
	if !slices.Contains(methods, r.Method) {
		w.Header().Set("Allow", strings.Join(methods, ", "))
		write(w, errMethod)
		return
	}
	serve(w, r)
}

// A fault is an answer to a request that wasn't granted. The code is for programs, the
// detail for the visitor. Neither repeats what was sent.
type fault struct {
	status       int
	code, detail string
}

func (f fault) Error() string { return "passkey: " + f.code }

var (
	errMissing   = fault{http.StatusNotFound, "missing", "There is nothing here."}
	errMethod    = fault{http.StatusMethodNotAllowed, "method", "This takes another method."}
	errNotJSON   = fault{http.StatusUnsupportedMediaType, "type", "This takes JSON."}
	errMalformed = fault{http.StatusBadRequest, "json", "This isn’t the JSON that was expected."}
	errTooLong   = fault{http.StatusRequestEntityTooLarge, "size", "This is too long."}
	errName      = fault{http.StatusBadRequest, "name", "A name has up to 64 characters."}
	errTicket    = fault{http.StatusBadRequest, "ticket", "That took too long. Try again."}
	errProof     = fault{http.StatusBadRequest, "proof", "This passkey wasn’t accepted. Try again, or log in another way."}
	errUnknown   = fault{http.StatusNotFound, "unknown", "This passkey isn’t known here any more. Use another one, or log in another way."}
	errClone     = fault{http.StatusForbidden, "clone", "This passkey may have been copied, so it wasn’t accepted. Log in another way, and remove it."}
	errSlow      = fault{http.StatusTooManyRequests, "slow", "Too many attempts. Wait a little, then try again."}
	errLogin     = fault{http.StatusUnauthorized, "login", "Log in first."}
	errRecent    = fault{http.StatusForbidden, "recent", "Log in again to change your passkeys."}
	errFull      = fault{http.StatusConflict, "full", "You have as many passkeys as one account can have. Remove one first."}
	errChanged   = fault{http.StatusConflict, "changed", "Something has changed meanwhile. Load the page again."}
	errBroken    = fault{http.StatusInternalServerError, "broken", "The fault is ours, and trying again won’t help."}
	errDown      = fault{http.StatusServiceUnavailable, "down", "We can’t do this right now. Nothing is lost: try again in a minute."}
)

// faultOf returns the answer to an error. One that it doesn't know is of a part that is
// down, or a mistake of the program. The desk knows which, and logs it.
func faultOf[U any](desk *signin.Desk[U], r *http.Request, err error) fault {
	var f fault
	var no auth.Forbidden
	switch {
	case errors.As(err, &f):
		return f
	case errors.As(err, &no):
		return fault{http.StatusForbidden, "forbidden", string(no)}
	case errors.Is(err, cookie.ErrInvalid):
		return errTicket
	case errors.Is(err, signin.ErrChanged):
		return errChanged
	case errors.Is(err, auth.ErrNoUser):
		return errLogin
	case desk.Report(r, err) == http.StatusInternalServerError:
		return errBroken
	}
	return errDown
}

// program serves what the script calls: JSON in, JSON out, problems as in RFC 9457.
func program[U, In any](desk *signin.Desk[U], serve func(w http.ResponseWriter, r *http.Request, in In) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var in In
		err := auth.ErrNoSession
		if desk.Config().Guard.Session(r) != nil { // otherwise it isn't mounted inside the guard
			if err = read(w, r, &in); err == nil {
				var out any
				if out, err = serve(w, r, in); err == nil {
					writeJSON(w, http.StatusOK, "application/json", out)
				}
			}
		}
		if err != nil && !errors.Is(err, signin.ErrAnswered) {
			write(w, faultOf(desk, r, err))
		}
	}
}

// read reads a body that is one JSON object with the members of in and no others.
func read(w http.ResponseWriter, r *http.Request, in any) error {
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		return errNotJSON
	}
	d := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody))
	d.DisallowUnknownFields()
	err := d.Decode(in)
	if err == nil {
		_, err = d.Token()
		if err == io.EOF {
			return nil
		}
	}
	if tooLong := (*http.MaxBytesError)(nil); errors.As(err, &tooLong) {
		return errTooLong
	}
	return errMalformed
}

// write answers a program with a problem.
func write(w http.ResponseWriter, f fault) {
	if f.status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", "Cookie") // as package middleware has it
	}
	writeJSON(w, f.status, "application/problem+json", struct {
		Title  string `json:"title"`
		Status int    `json:"status"`
		Code   string `json:"code"`
		Detail string `json:"detail"`
	}{http.StatusText(f.status), f.status, f.code, f.detail})
}

func writeJSON(w http.ResponseWriter, status int, kind string, v any) {
	body, _ := json.Marshal(v) // of texts, and of options that the library made for it
	header := w.Header()
	header.Set("Content-Type", kind)
	header.Set("Cache-Control", "no-store")
	header.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_, _ = w.Write(body)
}
