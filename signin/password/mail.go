package password

import (
	"context"
	"strings"

	"github.com/hardtack-go/hardtack/signin"
)

// A letter is a mail's subject and text. {host}, {email} and {link} stand for what they
// say.
type letter struct{ subject, text string }

var letters = map[string]letter{
	"password/reset": {"Choose a new password for {host}",
		`Somebody, probably you, wants to choose a new password for {email} at {host}. Open this link to do so:

{link}

It works for one hour, and once. If it wasn't you, you needn't do anything: your password is still the same.
`},
	"password/changed": {"Your password for {host} was changed",
		`The password of {email} at {host} has just been changed, and other devices were logged out.

If it wasn't you, choose a new one now. The login page has a link for that:

{link}
`},
	"password/signup": {"Your account at {host}",
		`Somebody, probably you, wants to open an account at {host} with the address {email}. Open this link and choose a password:

{link}

It works for one day, and once. If it wasn't you, you needn't do anything: there is no account yet.
`},
	"password/taken": {"Your account at {host}",
		`Somebody, probably you, wanted to use the address {email} for an account at {host}. It has an account already. You can log in here, or choose a new password if you have forgotten yours:

{link}

If it wasn't you, you needn't do anything.
`},
	"password/verify": {"Confirm your address for {host}",
		`Somebody, probably you, wants to confirm that {email} belongs to their account at {host}. Open this link where you are logged in:

{link}

It works for one day. If it wasn't you, don't open it.
`},
	"password/email": {"Your new address for {host}",
		`Somebody, probably you, wants to use {email} for their account at {host} from now on. Open this link where you are logged in:

{link}

It works for one day. If it wasn't you, don't open it.
`},
	"password/moved": {"Your account at {host} has a new address",
		`The account at {host} that had the address {email} has another address from now on. Mails about it no longer come here.

If it wasn't you, somebody else is in your account: tell those who run {host}.
`},
}

// send sends a mail about a path of this application.
func (h *handler[U]) send(ctx context.Context, to, name, path string) error {
	link, l := "", letters[name]
	if path != "" {
		link = h.desk.URL(path)
	}
	fill := strings.NewReplacer("{host}", h.host, "{email}", to, "{link}", link)
	m := signin.Mail{Subject: fill.Replace(l.subject), Text: fill.Replace(l.text)}
	if h.Mail != nil {
		m = h.Mail(ctx, name, link, m)
	}
	m.To = to
	return h.desk.Config().Send.Send(ctx, m)
}

// tell sends a mail about something that has happened, if the application sends any. The
// visitor can't do anything about an error, which the desk logs.
func (h *handler[U]) tell(ctx context.Context, to, name string) {
	if h.desk.Config().Send != nil {
		_ = h.send(ctx, to, name, h.desk.Config().LoginURL)
	}
}
