package config

import (
	"errors"
	"fmt"
	"net"
	"net/mail"
	"os"
	"strings"

	"github.com/almerlucke/go-iban/iban"
)

// BillingText says who sends bills, and how.
type BillingText struct {
	Name       string   `yaml:"name" eg:"Energy community Elm Street" doc:"of the sender; absent: the community's"`
	Address    []string `yaml:"address" eg:"[Elm Street 1, 1070 Vienna]" doc:"in lines"`
	EMail      string   `yaml:"email" eg:"office@elm.example" doc:"for questions"`
	TaxID      string   `yaml:"tax_id" eg:"ATU12345678"`
	IBAN       string   `yaml:"iban" eg:"AT61 1904 3002 3457 3201" doc:"where members pay to"`
	BIC        string   `yaml:"bic" eg:"BKAUATWW" doc:"of that bank; not needed within SEPA"`
	CreditorID string   `yaml:"creditor_id" eg:"AT61ZZZ01234567890" doc:"SEPA creditor identifier, to collect by direct debit"`
	DueDays    *int     `yaml:"due_days" eg:"14" doc:"from approval until a bill is due"`
	Font       string   `yaml:"font" eg:"F" doc:"TrueType font of printed bills; absent: the Go fonts, which have Latin, Greek and Cyrillic letters"`
	Bold       string   `yaml:"font_bold" eg:"F" doc:"its bold face; absent: the same"`
	SMTP       SMTPText `yaml:"smtp" doc:"the mail server that sends bills"`
}

// SMTPText is a mail server.
type SMTPText struct {
	Host         string `yaml:"host" eg:"mail.example"`
	Port         int    `yaml:"port" eg:"587"`
	From         string `yaml:"from" eg:"bills@elm.example" doc:"address of the sender"`
	User         string `yaml:"user" eg:"elm" doc:"absent: without signing in"`
	PasswordFile string `yaml:"password_file" eg:"F"`
	Plain        bool   `yaml:"plain" eg:"false" doc:"true: without STARTTLS, to a server on this machine alone"`
}

// Billing is who sends bills, read and checked.
type Billing struct {
	BillingText

	DueDays        int
	Password       string
	Regular, Thick []byte // of the font; nil: the usual one
}

const (
	usualDueDays = 14
	mostDueDays  = 365
	smtpPort     = 587
)

// Billing reads who sends bills of a community. The error begins with the name of the field.
func (t BillingText) Billing(community string) (b Billing, err error) {
	b.BillingText, b.DueDays = t, usualDueDays
	if b.Name == "" {
		b.Name = community
	}
	if t.DueDays != nil {
		b.DueDays = *t.DueDays
	}
	if b.DueDays < 0 || b.DueDays > mostDueDays {
		return b, fmt.Errorf("billing.due_days: %d is out of range: from 0 to %d", b.DueDays, mostDueDays)
	}
	if t.IBAN != "" {
		b.IBAN = strings.ToUpper(strings.ReplaceAll(t.IBAN, " ", ""))
		if len(b.IBAN) < len("AT00") || !isPlain(b.IBAN) {
			return b, fmt.Errorf("billing.iban: %q is no IBAN: it has two letters, two check digits, and letters and digits of the account", t.IBAN)
		}
		if _, err := iban.NewIBAN(b.IBAN); err != nil {
			return b, fmt.Errorf("billing.iban: %q is no IBAN: %s", t.IBAN, strings.ToLower(err.Error()))
		}
	}
	if t.EMail != "" && !isAddress(t.EMail) {
		return b, fmt.Errorf("billing.email: %q is no e-mail address, as in office@elm.example", t.EMail)
	}
	if err := b.readFont(); err != nil {
		return b, err
	}
	return b, b.readSMTP()
}

func isPlain(code string) bool {
	return !strings.ContainsFunc(code, func(r rune) bool { return (r < '0' || r > '9') && (r < 'A' || r > 'Z') })
}

func isAddress(text string) bool {
	a, err := mail.ParseAddress(text)
	return err == nil && a.Address == text
}

func (b *Billing) readFont() (err error) {
	if b.Font == "" {
		if b.BillingText.Bold != "" {
			return errors.New("billing.font_bold: give billing.font too")
		}
		return nil
	}
	if b.Regular, err = os.ReadFile(b.Font); err != nil {
		return fmt.Errorf("billing.font: %w", err)
	}
	b.Thick = b.Regular
	if b.BillingText.Bold != "" {
		if b.Thick, err = os.ReadFile(b.BillingText.Bold); err != nil {
			return fmt.Errorf("billing.font_bold: %w", err)
		}
	}
	return nil
}

func (b *Billing) readSMTP() error {
	s := &b.SMTP
	if *s == (SMTPText{}) {
		return nil
	}
	switch {
	case s.Host == "":
		return errors.New("billing.smtp.host: missing: the name of the mail server")
	case !isAddress(s.From):
		return fmt.Errorf("billing.smtp.from: %q is no e-mail address, as in bills@elm.example", s.From)
	case s.Port < 0 || s.Port > 65535:
		return fmt.Errorf("billing.smtp.port: %d is no port", s.Port)
	case s.Plain && !isLoopback(net.JoinHostPort(s.Host, "25")):
		return fmt.Errorf("billing.smtp.plain: bills and the password would go over the network to %s for everybody to read: only to 127.0.0.1", s.Host)
	case (s.User == "") != (s.PasswordFile == ""):
		return errors.New("billing.smtp.user, billing.smtp.password_file: give both or none")
	}
	if s.Port == 0 {
		s.Port = smtpPort
	}
	if s.PasswordFile == "" {
		return nil
	}
	text, err := os.ReadFile(s.PasswordFile)
	if err != nil {
		return fmt.Errorf("billing.smtp.password_file: %w", err)
	}
	if b.Password = strings.TrimSpace(string(text)); b.Password == "" {
		return fmt.Errorf("billing.smtp.password_file: %s is empty", s.PasswordFile)
	}
	return nil
}

func (c resolver) resolveBilling(p *Plan) (err error) {
	p.Billing, err = c.Config.Billing.Billing(p.Community)
	return err
}
