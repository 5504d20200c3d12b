package mail

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/mail"
	"strconv"
	"strings"
	"time"
	"unicode"

	gomail "github.com/wneessen/go-mail"

	"github.com/hardtack-go/hardtack/internal/config"
	"github.com/hardtack-go/hardtack/signin"
	"github.com/hardtack-go/hardtack/signin/internal/address"
)

const (
	// portTLS speaks TLS from the first byte (RFC 8314 section 3.3); all other ports
	// begin without, and STARTTLS follows.
	portTLS = 465

	// stepTime is how long connecting may take, and then each step of the dialogue.
	stepTime = 15 * time.Second
)

// SMTP says how to reach a mail server. Addr and From are required.
type SMTP struct {
	// Addr is the server's host and port, such as "smtp.example.com:587". On port 465
	// the connection is TLS from the start. On every other port the server must offer
	// STARTTLS, or nothing is sent.
	Addr string

	// From is the sender of all mails, with or without a name: "Example
	// <hello@example.com>".
	From string

	// User and Password log in to the server. Without them, it must know this machine.
	User, Password string

	// TLS changes how the server is checked, such as by a certificate authority of your
	// own. nil means by the system's, under the host name in Addr.
	TLS *tls.Config

	// DangerouslySkipTLS sends everything in the clear. It is for a server on this very
	// machine. It can't be set with a password.
	DangerouslySkipTLS bool

	_ struct{} // forces keyed literals, so that fields can be added
}

// NewSMTP returns a sender that hands mails to a mail server, each over a connection of
// its own. It waits for the server, so give it to a [Queue] and not to the desk. It is
// safe for concurrent use.
//
// A mail that the server refuses for good gets an error that matches [ErrRefused]. No
// error has the address. The mails name no program, version or machine.
//
// If the configuration is wrong, NewSMTP returns all faults as joined errors of the type
// *middleware.ConfigError.
func NewSMTP(c SMTP) (signin.Sender, error) { return newSMTP(c, portTLS) }

func newSMTP(c SMTP, portTLS int) (signin.Sender, error) {
	faults := config.Faults{Package: "mail"}
	host, number, _ := net.SplitHostPort(c.Addr)                                   // both are "" after an error
	port, _ := strconv.Atoi(number)                                                // 0, or too large
	if host == "" || port < 1 || port > 65535 || strings.ContainsAny(host, "/ ") { // go-mail takes unix://… for a socket
		faults.Add("Addr", "must be a host and a port, such as smtp.example.com:587")
	}
	from, err := mail.ParseAddress(c.From)
	if err != nil || !strings.EqualFold(address.Normal(from.Address), from.Address) || strings.ContainsFunc(from.Name, func(c rune) bool { return c < ' ' || c == 0x7f }) {
		faults.Add("From", "must be a mail address, with or without a name")
		from = &mail.Address{}
	}
	if (c.User == "") != (c.Password == "") {
		faults.Add("Password", "must be set together with User")
	}
	if c.DangerouslySkipTLS && c.Password != "" {
		faults.Add("DangerouslySkipTLS", "would send the password in the clear")
	}
	if c.DangerouslySkipTLS && port == portTLS {
		faults.Add("DangerouslySkipTLS", "contradicts port 465, which is TLS from the start")
	}
	if err := faults.Err(); err != nil {
		return nil, err
	}
	_, domain, _ := strings.Cut(from.Address, "@")
	s := &sender{from: *from, domain: domain, host: host, options: []gomail.Option{
		gomail.WithPort(port),
		gomail.WithTimeout(stepTime),
		gomail.WithHELO(domain), // not the name of this machine
		gomail.WithoutNoop(),
	}}
	tlsConfig := &tls.Config{}
	if c.TLS != nil {
		tlsConfig = c.TLS.Clone()
	}
	if tlsConfig.ServerName == "" {
		tlsConfig.ServerName = host
	}
	tlsConfig.MinVersion = max(tlsConfig.MinVersion, tls.VersionTLS12) // RFC 8997
	s.options = append(s.options, gomail.WithTLSConfig(tlsConfig))
	policy := gomail.TLSMandatory
	switch {
	case port == portTLS:
		// The dial function of Send does it. With its own option for this, go-mail
		// wouldn't notice that the connection is TLS, and would send no password.
		s.tls = tlsConfig
		policy = gomail.TLSOpportunistic
	case c.DangerouslySkipTLS:
		policy = gomail.NoTLS
	}
	s.options = append(s.options, gomail.WithTLSPolicy(policy))
	if c.Password != "" {
		s.options = append(s.options, gomail.WithSMTPAuth(gomail.SMTPAuthAutoDiscover), gomail.WithUsername(c.User), gomail.WithPassword(c.Password))
	}
	return s, nil
}

type sender struct {
	from    mail.Address
	domain  string // of from
	host    string
	tls     *tls.Config // nil: STARTTLS, or none
	options []gomail.Option
}

// Send hands a mail to the server.
func (s *sender) Send(ctx context.Context, m signin.Mail) error {
	if err := check(m); err != nil {
		return err
	}
	// go-mail looks at the context only while it connects, and doesn't close a connection
	// on which the greeting failed. This one ends with Send, and with its context.
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	dial := gomail.WithDialContextFunc(func(dialing context.Context, network, addr string) (net.Conn, error) {
		var conn net.Conn
		var err error
		if s.tls != nil {
			conn, err = (&tls.Dialer{Config: s.tls}).DialContext(dialing, network, addr)
		} else {
			conn, err = new(net.Dialer).DialContext(dialing, network, addr)
		}
		if err == nil {
			context.AfterFunc(ctx, func() { _ = conn.Close() })
		}
		return conn, err
	})
	client, err := gomail.NewClient(s.host, append(s.options[:len(s.options):len(s.options)], dial)...)
	if err != nil {
		return fmt.Errorf("mail: %w", err)
	}
	session, err := client.DialToSMTPClientWithContext(ctx)
	if err != nil {
		return failed(err)
	}
	if ok, _ := session.Extension("SMTPUTF8"); !ok && strings.ContainsFunc(m.To, func(c rune) bool { return c > unicode.MaxASCII }) {
		return fmt.Errorf("%w: the server takes no address outside of ASCII", ErrRefused) // RFC 6531 section 3.1
	}
	msg := s.message(m)
	if err := client.SendWithSMTPClient(session, msg); err != nil && !msg.IsDelivered() {
		return failed(err)
	}
	_ = client.CloseWithSMTPClient(session) // the server has the mail, whatever it says to QUIT
	return nil
}

// message makes a message of a mail that check has passed.
func (s *sender) message(m signin.Mail) *gomail.Msg {
	msg := gomail.NewMsg(gomail.WithNoDefaultUserAgent())
	msg.FromMailAddress(&s.from)
	msg.ToMailAddress(&mail.Address{Address: address.Normal(m.To)})
	msg.Subject(m.Subject)
	msg.SetDateWithValue(time.Now().UTC())
	msg.SetMessageIDWithValue(rand.Text() + "@" + s.domain)
	msg.SetGenHeader("Auto-Submitted", "auto-generated") // RFC 3834: no answers by programs
	msg.SetBodyString(gomail.TypeTextPlain, m.Text)
	if m.HTML != "" {
		msg.AddAlternativeString(gomail.TypeTextHTML, m.HTML)
	}
	return msg
}

// failed returns an error for what went wrong, without the addresses that are in the
// texts of go-mail and of servers.
func failed(err error) error {
	var refused *gomail.SendError
	if !errors.As(err, &refused) {
		return fmt.Errorf("mail: the server can't be used: %w", err)
	}
	step := refused.Reason.String()
	if code := refused.ErrorCode(); code > 0 {
		step = fmt.Sprintf("%s: %d %s", step, code, refused.EnhancedStatusCode())
	}
	if refused.ErrorCode() >= 500 {
		return fmt.Errorf("%w by the server, %s", ErrRefused, step)
	}
	return fmt.Errorf("mail: the server didn't take it, %s", step)
}
