package desk

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"time"

	"github.com/wneessen/go-mail"
)

// SMTP is a mail server. It implements Mailer.
type SMTP struct {
	Host     string
	Port     int
	User     string // empty: without signing in
	Password string
	From     string         // address
	Name     string         // of the sender
	Plain    bool           // without TLS: on loopback alone
	Roots    *x509.CertPool // who vouches for the server; nil: whom the machine trusts
	Within   time.Duration
}

// Send implements Mailer: STARTTLS is required, unless Plain.
func (s SMTP) Send(ctx context.Context, l Letter) error {
	m := mail.NewMsg()
	if err := m.FromFormat(s.Name, s.From); err != nil {
		return fmt.Errorf("billing.smtp.from: %w", err)
	}
	if err := m.To(l.To); err != nil {
		return err
	}
	m.Subject(l.Subject)
	m.SetMessageIDWithValue(l.ID + "@" + s.Host)
	m.SetBodyString(mail.TypeTextPlain, l.Text)
	if l.Off != "" {
		m.SetGenHeader(mail.HeaderListUnsubscribe, "<"+l.Off+">")
		m.SetGenHeader(mail.HeaderListUnsubscribePost, "List-Unsubscribe=One-Click")
	}
	if l.File.Name != "" {
		if err := m.AttachReader(l.File.Name, bytes.NewReader(l.File.Data), mail.WithFileContentType(mail.ContentType(l.File.Type))); err != nil {
			return err
		}
	}
	options := []mail.Option{
		mail.WithPort(s.Port), mail.WithTimeout(s.Within), mail.WithTLSPolicy(mail.TLSMandatory),
		mail.WithTLSConfig(&tls.Config{ServerName: s.Host, RootCAs: s.Roots, MinVersion: tls.VersionTLS12}),
	}
	if s.Plain {
		options = append(options, mail.WithTLSPolicy(mail.NoTLS))
	}
	if s.User != "" {
		options = append(options, mail.WithSMTPAuth(mail.SMTPAuthAutoDiscover), mail.WithUsername(s.User), mail.WithPassword(s.Password))
	}
	client, err := mail.NewClient(s.Host, options...)
	if err != nil {
		return err
	}
	return client.DialAndSendWithContext(ctx, m)
}
