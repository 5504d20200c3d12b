package passlink

import (
	"bytes"
	"context"
	"html/template"

	"github.com/hardtack-go/hardtack/signin"
)

// mail returns the mail for a user.
func (h *handler[U]) mail(ctx context.Context, user U, link, code string) signin.Mail {
	write := h.Mail
	if write == nil {
		write = h.standard
	}
	m := write(ctx, user, link, code)
	m.To = h.Email(user)
	return m
}

// standard is the mail of an application that writes none itself. The code isn't in the
// subject, which a locked phone shows to everybody.
func (h *handler[U]) standard(_ context.Context, user U, link, code string) signin.Mail {
	var b bytes.Buffer
	// The template is a constant that a test executes, and a buffer takes everything.
	_ = mailHTML.Execute(&b, map[string]string{"Host": h.host, "Email": h.Email(user), "Link": link, "Code": code})
	return signin.Mail{
		Subject: "Log in to " + h.host,
		Text: "Somebody, probably you, wants to log in to " + h.host + " as " + h.Email(user) + ".\n\n" +
			"Open this link in the browser that you asked from:\n\n" + link + "\n\n" +
			"Or type this code there:\n\n    " + code + "\n\n" +
			"Both work for 15 minutes, and once. If it wasn't you, you needn't do anything. " +
			"Don't give the code to anybody, whatever they say: whoever has it gets into your account.\n",
		HTML: b.String(),
	}
}

var mailHTML = template.Must(template.New("").Parse(`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="color-scheme" content="light dark"><title>Log in to {{.Host}}</title></head>
<body>
<p>Somebody, probably you, wants to log in to {{.Host}} as {{.Email}}.</p>
<p><a href="{{.Link}}">Log in to {{.Host}}</a>: open this link in the browser that you asked from.</p>
<p>Or type this code there:</p>
<p><strong>{{.Code}}</strong></p>
<p>Both work for 15 minutes, and once. If it wasn’t you, you needn’t do anything. Don’t give the code to anybody, whatever they say: whoever has it gets into your account.</p>
</body></html>
`))
