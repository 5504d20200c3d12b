package mail_test

import (
	"context"
	"fmt"

	"github.com/hardtack-go/hardtack/signin"
	"github.com/hardtack-go/hardtack/signin/mail"
)

// printer is a sender for this example. A program takes the one of NewSMTP.
type printer struct{}

func (printer) Send(_ context.Context, m signin.Mail) error {
	fmt.Printf("To: %s\nSubject: %s\n", m.To, m.Subject)
	return nil
}

func Example() {
	ctx, stop := context.WithCancel(context.Background())
	mails := mail.NewQueue(printer{}, 1000)
	done := make(chan error)
	go func() { done <- mails.Run(ctx) }()

	// A handler, by way of the desk: it waits for nothing.
	if err := mails.Send(ctx, signin.Mail{To: "ada@example.com", Subject: "Your link", Text: "https://example.com/…"}); err != nil {
		fmt.Println(err)
	}

	// The end of main, after the server has shut down.
	stop()
	fmt.Println("lost:", <-done)
	// Output:
	// To: ada@example.com
	// Subject: Your link
	// lost: <nil>
}

// All faults of a configuration come at once, without its values.
func ExampleNewSMTP() {
	_, err := mail.NewSMTP(mail.SMTP{Addr: "smtp.example.com", From: "Example", User: "hello"})
	fmt.Println(err)

	_, err = mail.NewSMTP(mail.SMTP{
		Addr: "smtp.example.com:587", From: "Example <hello@example.com>",
		User: "hello", Password: "secret", // from the environment
	})
	fmt.Println(err)
	// Output:
	// mail: Addr: must be a host and a port, such as smtp.example.com:587
	// mail: From: must be a mail address, with or without a name
	// mail: Password: must be set together with User
	// <nil>
}
