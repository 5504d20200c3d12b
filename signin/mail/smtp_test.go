package mail_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net"
	"net/http/httptest"
	netmail "net/mail"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"

	"github.com/hardtack-go/hardtack/middleware"
	"github.com/hardtack-go/hardtack/signin"
	"github.com/hardtack-go/hardtack/signin/mail"
)

// received is a mail as the server got it.
type received struct {
	from, to, helo, user string
	tls, utf8            bool
	data                 string
}

// server is a real mail server on this machine.
type server struct {
	addr  string
	roots *x509.CertPool

	mu   sync.Mutex
	got  []received
	rcpt error // the answer to RCPT TO
	data error // the answer to DATA
}

type session struct {
	s    *server
	conn *smtp.Conn
	now  received
}

func (s *session) Reset()        { s.now = received{user: s.now.user} }
func (s *session) Logout() error { return nil }
func (s *session) Mail(from string, o *smtp.MailOptions) error {
	s.now.from, s.now.utf8 = from, o.UTF8
	return nil
}
func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	s.now.to += to
	s.s.mu.Lock()
	defer s.s.mu.Unlock()
	return s.s.rcpt
}
func (s *session) Data(r io.Reader) error {
	text, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	s.s.mu.Lock()
	defer s.s.mu.Unlock()
	if s.s.data != nil {
		return s.s.data
	}
	_, s.now.tls = s.conn.TLSConnectionState()
	s.now.data, s.now.helo = string(text), s.conn.Hostname()
	s.s.got = append(s.s.got, s.now)
	return nil
}
func (s *session) AuthMechanisms() []string { return []string{sasl.Plain} }
func (s *session) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, password string) error {
		if password != "open sesame" {
			return smtp.ErrAuthFailed
		}
		s.now.user = user
		return nil
	}), nil
}

// serve starts a server, with TLS if secure.
func serve(t *testing.T, secure bool, change func(*smtp.Server), fromTheStart ...bool) *server {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &server{addr: l.Addr().String()}
	srv := smtp.NewServer(smtp.BackendFunc(func(c *smtp.Conn) (smtp.Session, error) { return &session{s: s, conn: c}, nil }))
	srv.Domain = "localhost"
	srv.EnableSMTPUTF8 = true
	if secure {
		// The certificate of net/http's test server is for 127.0.0.1.
		web := httptest.NewTLSServer(nil)
		srv.TLSConfig = web.TLS.Clone()
		srv.TLSConfig.NextProtos = nil
		s.roots = x509.NewCertPool()
		s.roots.AddCert(web.Certificate())
		web.Close()
	}
	if change != nil {
		change(srv)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		if len(fromTheStart) > 0 {
			l = tls.NewListener(l, srv.TLSConfig)
		}
		_ = srv.Serve(l)
	}()
	t.Cleanup(func() {
		_ = l.Close() // Serve may not have begun, and Close would then close nothing
		_ = srv.Close()
		<-done
	})
	return s
}

func (s *server) mails() []received {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.got
}

// sender returns what NewSMTP makes for the server.
func (s *server) sender(t *testing.T, change func(*mail.SMTP)) signin.Sender {
	t.Helper()
	c := mail.SMTP{Addr: s.addr, From: "Bäckerei & Co <Hello@Example.com>"}
	if s.roots == nil {
		c.DangerouslySkipTLS = true
	} else {
		c.TLS = &tls.Config{RootCAs: s.roots}
	}
	if change != nil {
		change(&c)
	}
	sender, err := mail.NewSMTP(c)
	if err != nil {
		t.Fatal(err)
	}
	return sender
}

func TestD18_SMTP(t *testing.T) {
	for _, secure := range []bool{true, false} {
		t.Run(fmt.Sprintf("TLS %t", secure), func(t *testing.T) {
			s := serve(t, secure, nil)
			sender := s.sender(t, func(c *mail.SMTP) {
				if secure {
					c.User, c.Password = "hello", "open sesame"
				}
			})
			m := signin.Mail{
				To: " Ada@Example.org", Subject: "Anmeldung für Ada: Ä",
				Text: "Grüße\n.\n..dots\nhttps://example.com/passlink/?token=" + strings.Repeat("x", 400) + "\n",
				HTML: "<p>Grüße</p>",
			}
			if err := sender.Send(t.Context(), m); err != nil {
				t.Fatal(err)
			}
			mails := s.mails()
			if len(mails) != 1 {
				t.Fatalf("%d mails", len(mails))
			}
			got := mails[0]
			if got.from != "Hello@Example.com" || got.to != "ada@example.org" || got.helo != "Example.com" || got.tls != secure || secure != (got.user == "hello") {
				t.Errorf("from %q to %q, HELO %q, TLS %t, user %q", got.from, got.to, got.helo, got.tls, got.user)
			}
			msg, err := netmail.ReadMessage(strings.NewReader(got.data))
			if err != nil {
				t.Fatal(err)
			}
			subject, err := new(mime.WordDecoder).DecodeHeader(msg.Header.Get("Subject"))
			if err != nil || subject != m.Subject {
				t.Errorf("subject %q, %v", subject, err)
			}
			if from, err := msg.Header.AddressList("From"); err != nil || from[0].Name != "Bäckerei & Co" {
				t.Errorf("from %v, %v", from, err)
			}
			_, params, err := mime.ParseMediaType(msg.Header.Get("Content-Type"))
			if err != nil {
				t.Fatal(err)
			}
			parts := multipart.NewReader(msg.Body, params["boundary"])
			for _, want := range []string{m.Text, m.HTML} {
				part, err := parts.NextRawPart()
				if err != nil {
					t.Fatal(err)
				}
				text, err := io.ReadAll(quotedprintable.NewReader(part))
				if got := strings.ReplaceAll(string(text), "\r\n", "\n"); err != nil || got != want {
					t.Errorf("a part is %q, %v, want %q", got, err, want)
				}
			}
			// Nothing says what program or machine this is.
			for name := range msg.Header {
				switch name {
				case "From", "To", "Subject", "Date", "Message-Id", "Mime-Version", "Content-Type", "Content-Transfer-Encoding", "Auto-Submitted":
				default:
					t.Errorf("the mail has a header field %s", name)
				}
			}
			if id := msg.Header.Get("Message-Id"); !strings.HasSuffix(id, "@Example.com>") {
				t.Errorf("Message-ID %s", id)
			}
			if date := msg.Header.Get("Date"); !strings.HasSuffix(date, "+0000") {
				t.Errorf("Date %s", date)
			}
			if strings.Contains(strings.ToLower(got.data), "go-mail") {
				t.Error("the mail names its program")
			}
		})
	}
}

// TestD18_Refused: nothing is sent to an address that says more than an address, by
// SMTP or through a queue (CVE-2025-59937).
func TestD18_Refused(t *testing.T) {
	s := serve(t, true, nil)
	sender := s.sender(t, nil)
	q := mail.NewQueue(sender, 1)
	for _, m := range []signin.Mail{
		{},
		{To: "ada"},
		{To: "ada@example.com> ORCPT=rfc822;eve@example.com"},
		{To: `"ada@example.com> ORCPT=rfc822;eve@example.com"@example.com`},
		{To: "ada@example.com> NOTIFY=SUCCESS"},
		{To: "<ada@example.com>"},
		{To: "Ada <ada@example.com>"},
		{To: "ada@example.com, eve@example.com"},
		{To: "ada@example.com\r\nRCPT TO:<eve@example.com>"},
		{To: "ada@example.com\nBcc: eve@example.com"},
		{To: "ada@exam\x00ple.com"},
		{To: "ada%evil.example@example.com"},
		{To: "evil.example!ada@example.com"},
		{To: "ada@10.0.0.1"},
		{To: "=?utf-8?q?ada=40evil.example=3e=20?=@example.com"},
		{To: strings.Repeat("a", 250) + "@example.com"},
		{To: "ada@example.com", Subject: "Hello\r\nBcc: eve@example.com"},
		{To: "ada@example.com", Subject: "Hello\x00"},
		{To: "ada@example.com", Subject: "Hello\x7f"},
	} {
		for name, to := range map[string]signin.Sender{"SMTP": sender, "the queue": q} {
			err := to.Send(t.Context(), m)
			if !errors.Is(err, mail.ErrRefused) || strings.Contains(err.Error(), "ada") || strings.Contains(err.Error(), "Bcc") {
				t.Errorf("%s: %q, %q: %v", name, m.To, m.Subject, err)
			}
		}
	}
	if got := s.mails(); len(got) > 0 {
		t.Errorf("sent %+v", got)
	}
}

func TestD18_WhatTheServerSays(t *testing.T) {
	for _, row := range []struct {
		rcpt, data error
		refused    bool
		text       string
	}{
		{rcpt: &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "no ada@example.com here"}, refused: true, text: "550 5.1.1"},
		{rcpt: &smtp.SMTPError{Code: 450, EnhancedCode: smtp.EnhancedCode{4, 2, 0}, Message: "ada@example.com later"}, text: "450 4.2.0"},
		{data: &smtp.SMTPError{Code: 554, EnhancedCode: smtp.EnhancedCode{5, 6, 0}, Message: "spam for ada@example.com"}, refused: true, text: "554 5.6.0"},
		{data: &smtp.SMTPError{Code: 451, EnhancedCode: smtp.EnhancedCode{4, 3, 0}, Message: "busy"}, text: "451 4.3.0"},
	} {
		s := serve(t, true, nil)
		s.rcpt, s.data = row.rcpt, row.data
		err := s.sender(t, nil).Send(t.Context(), letter("x"))
		if err == nil || errors.Is(err, mail.ErrRefused) != row.refused || !strings.Contains(err.Error(), row.text) || strings.Contains(err.Error(), "ada@") {
			t.Errorf("%v, want %s", err, row.text)
		}
	}
}

// TestD18_TLSOrNothing: without TLS of a server that is known, nothing is sent.
func TestD18_TLSOrNothing(t *testing.T) {
	for name, change := range map[string]func(*mail.SMTP){
		"a server without STARTTLS": nil,
		"a stranger's certificate":  func(c *mail.SMTP) { c.TLS = nil },
		"another host's":            func(c *mail.SMTP) { c.TLS = c.TLS.Clone(); c.TLS.ServerName = "mail.test" },
		"a wrong password":          func(c *mail.SMTP) { c.User, c.Password = "hello", "guess" },
	} {
		s := serve(t, name != "a server without STARTTLS", nil)
		sender := s.sender(t, func(c *mail.SMTP) {
			c.DangerouslySkipTLS = false
			if change != nil {
				change(c)
			}
		})
		err := sender.Send(t.Context(), letter("x"))
		if err == nil || errors.Is(err, mail.ErrRefused) || len(s.mails()) > 0 || strings.Contains(err.Error(), "guess") {
			t.Errorf("%s: %v, %d mails", name, err, len(s.mails()))
		}
	}
}

// An address outside of ASCII goes to servers that take it (RFC 6531), and no further
// attempt is made at others.
func TestD18_OutsideOfASCII(t *testing.T) {
	for _, takes := range []bool{true, false} {
		s := serve(t, true, func(srv *smtp.Server) { srv.EnableSMTPUTF8 = takes })
		err := s.sender(t, nil).Send(t.Context(), signin.Mail{To: "jürgen@müller.example", Subject: "x", Text: "x"})
		if mails := s.mails(); takes && (err != nil || len(mails) != 1 || mails[0].to != "jürgen@müller.example" || !mails[0].utf8) {
			t.Errorf("%v, %+v", err, mails)
		} else if !takes && (!errors.Is(err, mail.ErrRefused) || len(mails) > 0 || strings.Contains(err.Error(), "müller")) {
			t.Errorf("%v, %+v", err, mails)
		}
	}
}

// TestD18_TLSFromTheStart: on port 465 there is no greeting in the clear.
func TestD18_TLSFromTheStart(t *testing.T) {
	s := serve(t, true, func(srv *smtp.Server) { srv.EnableSMTPUTF8 = false }, true)
	_, p, _ := net.SplitHostPort(s.addr)
	port, err := strconv.Atoi(p)
	if err != nil {
		t.Fatal(err)
	}
	sender, err := mail.NewSMTPOnPort(mail.SMTP{Addr: s.addr, From: "a@example.com", TLS: &tls.Config{RootCAs: s.roots}, User: "hello", Password: "open sesame"}, port)
	if err != nil {
		t.Fatal(err)
	}
	if err := sender.Send(t.Context(), letter("x")); err != nil || len(s.mails()) != 1 || !s.mails()[0].tls || s.mails()[0].user != "hello" {
		t.Errorf("%v, %+v", err, s.mails())
	}
}

// A server that says nothing doesn't hold Send longer than its context.
func TestD18_Stuck(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed := make(chan struct{})
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		defer close(closed)
		conn, err := l.Accept()
		if err != nil {
			return
		}
		fmt.Fprint(conn, "220 hello\r\n")
		_, _ = conn.Read(make([]byte, 100)) // EHLO
		cancel()
		_, _ = io.Copy(io.Discard, conn) // until the client hangs up
		_ = conn.Close()
	}()
	sender := (&server{addr: l.Addr().String()}).sender(t, nil)
	if err := sender.Send(ctx, letter("x")); err == nil || errors.Is(err, mail.ErrRefused) {
		t.Errorf("%v", err)
	}
	<-closed
	_ = l.Close()
	if err := sender.Send(t.Context(), letter("x")); err == nil || errors.Is(err, mail.ErrRefused) {
		t.Errorf("a server that is down: %v", err)
	}
}

// A queue and a server together. The queue is stopped when all has been sent, as it gives
// a real server only nine seconds after that.
func TestD18_QueueToServer(t *testing.T) {
	s := serve(t, true, nil)
	sender, attempts := s.sender(t, nil), 0
	ctx, cancel := context.WithCancel(t.Context())
	q := mail.NewQueue(senderFunc(func(ctx context.Context, m signin.Mail) error {
		err := sender.Send(ctx, m)
		if attempts++; attempts == 3 {
			cancel()
		}
		return err
	}), 10)
	for i := range 3 {
		if err := q.Send(t.Context(), letter(fmt.Sprint(i))); err != nil {
			t.Error(err)
		}
	}
	if err := q.Run(ctx); err != nil {
		t.Error(err)
	}
	if n := len(s.mails()); n != 3 || attempts != 3 {
		t.Errorf("%d mails arrived in %d attempts", n, attempts)
	}
}

func TestD18_Config(t *testing.T) {
	good := mail.SMTP{Addr: "smtp.example.com:587", From: "hello@example.com"}
	for _, row := range []struct {
		name   string
		change func(*mail.SMTP)
		fields string
	}{
		{"good", func(*mail.SMTP) {}, ""},
		{"on port 465", func(c *mail.SMTP) { c.Addr = "[::1]:465" }, ""},
		{"zero", func(c *mail.SMTP) { *c = mail.SMTP{} }, "Addr From"},
		{"no port", func(c *mail.SMTP) { c.Addr = "smtp.example.com" }, "Addr"},
		{"a port that isn't one", func(c *mail.SMTP) { c.Addr = "smtp.example.com:99999" }, "Addr"},
		{"no host", func(c *mail.SMTP) { c.Addr = ":587" }, "Addr"},
		{"a URL", func(c *mail.SMTP) { c.Addr = "smtp://smtp.example.com:587" }, "Addr"},
		{"a port that isn't a number", func(c *mail.SMTP) { c.Addr = "smtp.example.com:smtp" }, "Addr"},
		{"port 0", func(c *mail.SMTP) { c.Addr = "smtp.example.com:0" }, "Addr"},
		{"a socket", func(c *mail.SMTP) { c.Addr = "unix:///run/smtp:587" }, "Addr"},
		{"a socket in disguise", func(c *mail.SMTP) { c.Addr = "[unix:///run/smtp]:587" }, "Addr"},
		{"no sender", func(c *mail.SMTP) { c.From = "Example" }, "From"},
		{"two senders", func(c *mail.SMTP) { c.From = "a@example.com, b@example.com" }, "From"},
		{"a sender with a parameter", func(c *mail.SMTP) { c.From = `"a@example.com> SIZE=1"@example.com` }, "From"},
		{"a sender with a line break", func(c *mail.SMTP) { c.From = "\"a\r\nb\" <a@example.com>" }, "From"},
		{"a sender with an encoded line break", func(c *mail.SMTP) { c.From = "=?utf-8?q?a=0D=0Ab?= <a@example.com>" }, "From"},
		{"a sender with an encoded DEL", func(c *mail.SMTP) { c.From = "=?utf-8?q?a=7F?= <a@example.com>" }, "From"},
		{"a user without password", func(c *mail.SMTP) { c.User = "hello" }, "Password"},
		{"a password in the clear", func(c *mail.SMTP) { c.User, c.Password, c.DangerouslySkipTLS = "hello", "secret", true }, "DangerouslySkipTLS"},
		{"465 in the clear", func(c *mail.SMTP) { c.Addr, c.DangerouslySkipTLS = "localhost:465", true }, "DangerouslySkipTLS"},
	} {
		t.Run(row.name, func(t *testing.T) {
			c := good
			row.change(&c)
			s, err := mail.NewSMTP(c)
			if (s == nil) != (err != nil) {
				t.Fatalf("NewSMTP returned %v, %v", s, err)
			}
			var fields []string
			if err != nil {
				for _, one := range err.(interface{ Unwrap() []error }).Unwrap() {
					var e *middleware.ConfigError
					if !errors.As(one, &e) || e.Package != "mail" || strings.Contains(one.Error(), "secret") {
						t.Fatal(one)
					}
					fields = append(fields, e.Field)
				}
			}
			if got := strings.Join(fields, " "); got != row.fields {
				t.Errorf("faults in %q, want %q", got, row.fields)
			}
		})
	}
}
