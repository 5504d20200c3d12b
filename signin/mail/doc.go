// Package mail sends the mails of module signin. It has a [Queue], which a program runs
// alongside its server, and a sender that hands mails to a mail server ([NewSMTP]).
//
//	smtp, err := mail.NewSMTP(mail.SMTP{Addr: "smtp.example.com:587", From: "Example <hello@example.com>", User: "hello", Password: password})
//	…
//	mails := mail.NewQueue(smtp, 1000)
//	go mails.Run(ctx)
//	desk, err := signin.New(signin.Config[*User]{Send: mails, …})
//
// # Why a queue
//
// A handler that sends a mail before it answers reveals, by how long it takes, whether
// the address has an account. Writing the answer first doesn't help: the client still
// sees when the response ends. Send therefore only puts the mail into memory. Where a
// program is frozen as soon as it has answered, as on serverless platforms, nothing
// runs in the background: give the desk a Sender that puts the mail into a queue of the
// platform instead.
//
// # Limits
//
// The queue is in memory. Mails that wait while the process dies are lost, and the
// visitor asks again. Run tries each mail up to five times within about eight minutes,
// because what it says is worth nothing after fifteen. If the mail server accepts a mail
// and the connection breaks before it says so, the mail arrives twice.
//
// Mails go to one address each, without attachments. Bounces go to the address in From.
package mail
