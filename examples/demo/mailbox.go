package main

import (
	"context"
	"html/template"
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/hardtack-go/hardtack/signin"
)

// keptMails is how many mails the demo keeps.
const keptMails = 30

// mailbox takes the mails of the demo instead of a mail server. It is in the database,
// so that several processes share it.
type mailbox struct{ *users }

// Send is signin.Sender.
func (m mailbox) Send(ctx context.Context, mail signin.Mail) error {
	_, err := m.db.ExecContext(ctx, `INSERT INTO mails (sent, recipient, subject, text) VALUES (?, ?, ?, ?)`,
		time.Now().Unix(), mail.To, mail.Subject, mail.Text)
	if err == nil {
		_, err = m.db.ExecContext(ctx, `DELETE FROM mails WHERE id <= (SELECT max(id) FROM mails) - ?`, keptMails)
	}
	return err
}

// caught is a mail as the page shows it.
type caught struct {
	ID                int64
	Sent              time.Time
	To, Subject, Text string
}

// Caught lists the mails, newest first.
func (m mailbox) Caught(ctx context.Context) ([]caught, error) {
	rows, err := m.db.QueryContext(ctx, `SELECT id, sent, recipient, subject, text FROM mails ORDER BY id DESC`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []caught
	for rows.Next() {
		var c caught
		var sent int64
		if err := rows.Scan(&c.ID, &sent, &c.To, &c.Subject, &c.Text); err != nil {
			return nil, err
		}
		c.Sent = at(sent)
		all = append(all, c)
	}
	return all, rows.Err()
}

// showMails shows everybody all mails. A real application has a mail server.
func (a *app) showMails(w http.ResponseWriter, r *http.Request, u *User, _ bool) {
	mails, err := a.mails.Caught(r.Context())
	if err != nil {
		a.unavailable(w, r, "mailbox", err)
		return
	}
	a.render(w, r, http.StatusOK, "mailbox", page{User: u, Data: mails})
}

var addresses = regexp.MustCompile(`https?://\S+`)

// linked makes the addresses in a text links, and shortens those that nobody reads to
// the end.
func linked(text string) template.HTML {
	var b strings.Builder
	from := 0
	for _, at := range addresses.FindAllStringIndex(text, -1) {
		to := text[at[0]:at[1]]
		shown := to
		if len(shown) > 60 {
			shown = shown[:59] + "…"
		}
		b.WriteString(template.HTMLEscapeString(text[from:at[0]]))
		b.WriteString(`<a href="` + template.HTMLEscapeString(to) + `">` + template.HTMLEscapeString(shown) + `</a>`)
		from = at[1]
	}
	b.WriteString(template.HTMLEscapeString(text[from:]))
	return template.HTML(b.String()) // every part is escaped
}
