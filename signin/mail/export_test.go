package mail

import "github.com/hardtack-go/hardtack/signin"

// NewSMTPOnPort is NewSMTP with another port in place of 465.
func NewSMTPOnPort(c SMTP, port int) (signin.Sender, error) { return newSMTP(c, port) }
