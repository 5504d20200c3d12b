package mail_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/hardtack-go/hardtack/signin"
	"github.com/hardtack-go/hardtack/signin/mail"
)

// In development, mails go to a server on this machine, which shows them and sends none.
// A mail that no server can take is refused at once.
func ExampleQueue_Send() {
	local, err := mail.NewSMTP(mail.SMTP{Addr: "127.0.0.1:1025", From: "shop@example.com", DangerouslySkipTLS: true})
	if err != nil {
		panic(err)
	}
	var mails *mail.Queue = mail.NewQueue(local, 1000) // and go mails.Run(ctx)
	err = mails.Send(context.Background(), signin.Mail{To: "not an address", Subject: "Your link", Text: "…"})
	fmt.Println(errors.Is(err, mail.ErrRefused))
	// Output: true
}
