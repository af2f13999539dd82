package desk_test

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"math/big"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/settlement/billing/desk"
)

// postOffice is an SMTP server (RFC 5321) on loopback, with STARTTLS (RFC 3207) where it has
// a certificate, which then takes nobody's letter who has not signed in (RFC 4954).
type postOffice struct {
	port        int
	certificate *tls.Certificate
	letters     chan string // what came: its envelope and its text
}

func openPostOffice(t *testing.T, certificate *tls.Certificate) *postOffice {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	p := &postOffice{port: l.Addr().(*net.TCPAddr).Port, certificate: certificate, letters: make(chan string, 9)}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go p.serve(c)
		}
	}()
	return p
}

func (p *postOffice) serve(c net.Conn) {
	defer func() { c.Close() }()
	r := bufio.NewReader(c)
	say := func(text string) { fmt.Fprintf(c, "%s\r\n", text) }
	secure, signed, envelope := false, p.certificate == nil, ""
	say("220 post office")
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return
		}
		line = strings.TrimSpace(line)
		switch verb := strings.ToUpper(strings.SplitN(line, " ", 2)[0]); {
		case verb == "EHLO" && p.certificate != nil && !secure:
			say("250-here\r\n250 STARTTLS")
		case verb == "EHLO" && p.certificate != nil:
			say("250-here\r\n250 AUTH PLAIN")
		case verb == "EHLO":
			say("250 here")
		case verb == "STARTTLS":
			say("220 go on")
			c = tls.Server(c, &tls.Config{Certificates: []tls.Certificate{*p.certificate}, MinVersion: tls.VersionTLS12})
			r, secure = bufio.NewReader(c), true
		case verb == "AUTH":
			signed = line == "AUTH PLAIN AGVsbQBzZWNyZXQ=" // elm, secret
			if !signed {
				say("535 no")
				continue
			}
			say("235 yes")
		case verb == "DATA" && signed:
			say("354 go on")
			text := []string{envelope + "\n"}
			for {
				line, err := r.ReadString('\n')
				if err != nil {
					return
				}
				if line == ".\r\n" {
					break
				}
				text = append(text, line)
			}
			p.letters <- strings.Join(text, "")
			say("250 taken")
		case verb == "QUIT":
			say("221 bye")
			return
		case !signed && verb != "NOOP":
			say("530 sign in")
		default:
			envelope += line + "; "
			say("250 well")
		}
	}
}

func certificate(t *testing.T) (*tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	like := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "post"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, like, like, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(parsed)
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pool
}

// TestMail sends a letter to a server on this machine: with STARTTLS and a password, and in
// the clear where that is asked for alone.
func TestMail(t *testing.T) {
	cert, pool := certificate(t)
	letter := desk.Letter{
		ID: "elm.2026-000001", To: "zoë@example.org", Subject: "Strom, Juni – Rechnung", Text: "You pay 3.98 EUR.\n",
		File: desk.Printed{Name: "2026-000001.pdf", Type: "application/pdf", Data: []byte("%PDF-1.3 as it were")},
	}
	letter.To = "zoe@example.org"
	secure, open := openPostOffice(t, cert), openPostOffice(t, nil)
	good := desk.SMTP{Host: "127.0.0.1", Port: secure.port, User: "elm", Password: "secret", From: "bills@elm.example", Name: "Elm", Within: 5 * time.Second, Roots: pool}
	plain := desk.SMTP{Host: "127.0.0.1", Port: open.port, From: "bills@elm.example", Name: "Elm", Plain: true, Within: 5 * time.Second}
	for name, c := range map[string]struct {
		by   desk.SMTP
		from *postOffice
		want string // of the error; empty: the letter arrives
	}{
		"with STARTTLS and a password": {good, secure, ""},
		"in the clear":                 {plain, open, ""},
		"a wrong password":             {func() desk.SMTP { s := good; s.Password = "wrong"; return s }(), secure, "535"},
		"nobody vouches for it":        {func() desk.SMTP { s := good; s.Roots = nil; return s }(), secure, "certificate"},
		"no STARTTLS there":            {func() desk.SMTP { s := plain; s.Plain = false; return s }(), open, "STARTTLS"},
	} {
		err := c.by.Send(t.Context(), letter)
		if c.want != "" {
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		text := <-c.from.letters
		for _, part := range []string{"MAIL FROM:<bills@elm.example>", "RCPT TO:<zoe@example.org>", "Message-ID: <elm.2026-000001@", "You pay 3.98 EUR.", `filename="2026-000001.pdf"`} {
			if !strings.Contains(text, part) {
				t.Errorf("%s: %q is missing in\n%s", name, part, text)
			}
		}
	}
	for _, p := range []*postOffice{secure, open} {
		select {
		case text := <-p.letters:
			t.Errorf("a letter that should not have been sent:\n%s", text)
		default:
		}
	}
}

// TestALetterThatCanBeEnded has no file, and says by which address such letters end (RFC 8058).
func TestALetterThatCanBeEnded(t *testing.T) {
	open := openPostOffice(t, nil)
	by := desk.SMTP{Host: "127.0.0.1", Port: open.port, From: "bills@elm.example", Name: "Elm", Plain: true, Within: 5 * time.Second}
	if err := by.Send(t.Context(), desk.Letter{ID: "notice.1", To: "zoe@example.org", Subject: "roof does not answer", Text: "It was heard last at noon.\n", Off: "https://elm.example/off?token=x"}); err != nil {
		t.Fatal(err)
	}
	text := <-open.letters
	for _, part := range []string{"List-Unsubscribe: <https://elm.example/off?token=x>", "List-Unsubscribe-Post: List-Unsubscribe=One-Click", "It was heard last at noon."} {
		if !strings.Contains(text, part) {
			t.Errorf("%q is missing in\n%s", part, text)
		}
	}
	if strings.Contains(text, "attachment") {
		t.Errorf("it has a file:\n%s", text)
	}
}
