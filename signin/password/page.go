package password

import (
	"bytes"
	_ "embed"
	"html/template"
	"net/http"
	"strings"

	"github.com/hardtack-go/hardtack/signin"
)

// titles are the pages of this package and their headings.
var titles = map[string]string{
	"password/login":     "Log in",
	"password/change":    "Change your password",
	"password/changed":   "Your password is changed",
	"password/forgotten": "Forgot your password?",
	"password/sent":      "Check your email",
	"password/link":      "One moment",
	"password/reset":     "Choose a new password",
	"password/set":       "Your password is set",
	"password/signup":    "Sign up",
	"password/welcome":   "Choose a password",
	"password/verify":    "Confirm your address",
	"password/verified":  "Confirm your address",
	"password/proven":    "Your address is confirmed",
	"password/email":     "Change your address",
	"password/move":      "Change your address",
	"password/moved":     "Your address is changed",
	"password/spent":     "This link doesn’t work any more",
	"password/full":      "This link can’t be opened here",
	"password/other":     "This link isn’t for this account",
	"password/refused":   "This isn’t your account",
	"password/form":      "We couldn’t read that",
}

// show writes a page. fields are what it has from the request and the account.
func (h *handler[U]) show(w http.ResponseWriter, r *http.Request, status int, name, problem string, fields map[string]string) {
	of := h.desk.Config()
	data := struct {
		Path, Query, LoginURL, Home string
		Mails, SignUp               bool
		Fields                      map[string]string
	}{h.Path, "", of.LoginURL, of.Home, of.Send != nil, h.Create != nil, fields}
	if fields["next"] != "" && r.URL.RawQuery != "" {
		data.Query = "?" + r.URL.RawQuery // the guard may call its field something else than next
		if !strings.ContainsAny(of.LoginURL, "?#") {
			data.LoginURL += data.Query
		}
	}
	var b bytes.Buffer
	if err := bodies.ExecuteTemplate(&b, name, data); err != nil {
		h.desk.Fail(w, r, err)
		return
	}
	h.desk.Show(w, r, signin.Page{
		Name: name, Status: status, Title: titles[name], Problem: problem, Fields: fields,
		Body: template.HTML(b.String()), // html/template has escaped what isn't ours
	})
}

//go:embed pages.html
var pages string

var bodies = template.Must(template.New("").Parse(pages))
