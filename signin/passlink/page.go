package passlink

import (
	"bytes"
	"html/template"
	"net/http"

	"github.com/hardtack-go/hardtack/signin"
)

// titles are the pages of this package and their headings.
var titles = map[string]string{
	"passlink/ask":       "Log in by mail",
	"passlink/sent":      "Check your email",
	"passlink/confirm":   "Log in",
	"passlink/elsewhere": "Type this code where you asked",
	"passlink/invalid":   "This link doesn’t work any more",
}

// show writes a page with what its form holds.
func (h *handler[U]) show(w http.ResponseWriter, r *http.Request, status int, name, problem string, fields map[string]string) {
	var b bytes.Buffer
	// The templates are constants that tests execute, and a buffer takes everything.
	_ = bodies.ExecuteTemplate(&b, name, struct {
		Path, LoginURL string
		Fields         map[string]string
	}{h.Path, h.desk.Config().LoginURL, fields})
	h.desk.Show(w, r, signin.Page{
		Name: name, Status: status, Title: titles[name], Problem: problem, Fields: fields,
		Body: template.HTML(b.String()), // html/template has escaped what isn't ours
	})
}

var bodies = template.Must(template.New("").Parse(`
{{define "passlink/ask"}}<p>We’ll mail you a link and a code. No password needed.</p>
<form method="post" action="{{.Path}}">
{{with .Fields.next}}<input type="hidden" name="next" value="{{.}}">{{end}}
<label>Email<input type="email" name="email" autocomplete="username" inputmode="email" maxlength="254" required></label>
<label><input type="checkbox" name="remember" value="1"> Keep me logged in on this device</label>
<button>Mail me a link</button>
</form>{{end}}

{{define "passlink/sent"}}<p>If <strong>{{.Fields.email}}</strong> has an account, a link and a code are on their way. Both work for 15 minutes, once, in this browser.</p>
<form method="post" action="{{.Path}}enter">
<input type="hidden" name="pending" value="{{.Fields.pending}}">
<label>Code from the mail<input class="code" name="code" autocomplete="one-time-code" autocapitalize="characters" spellcheck="false" maxlength="16" placeholder="XXXX-XXXX" required></label>
<button>Log in</button>
</form>
<p>Didn’t get it? <a href="{{.LoginURL}}">Ask again</a>, or log in another way.</p>{{end}}

{{define "passlink/confirm"}}<p>You asked to log in as <strong>{{.Fields.email}}</strong>. Continue?</p>
<form method="post" action="{{.Path}}enter">
<input type="hidden" name="token" value="{{.Fields.token}}">
<button>Log in</button>
</form>
<p><a href="{{.LoginURL}}">No, log in another way</a></p>{{end}}

{{define "passlink/elsewhere"}}<p>This link was asked for in another browser, perhaps on another device. Go back to it and type:</p>
<p class="code"><strong>{{.Fields.code}}</strong></p>
<p>You didn’t ask for it? Then close this page. Don’t give the code to anybody, whatever they say: whoever has it gets into your account.</p>{{end}}

{{define "passlink/invalid"}}{{with .Fields.home}}<p>But you are logged in.</p>
<p><a href="{{.}}">Continue</a></p>
{{else}}<p><a href="{{.LoginURL}}">Ask for another link</a></p>{{end}}{{end}}
`))
