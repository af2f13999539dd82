// Package push sends notices to browsers by the push services of their makers (RFC 8030): each
// message is encrypted for its browser (RFC 8291), and the community signs that it sends it
// (VAPID, RFC 8292). Where a service is, a browser says: only https is spoken with it, and
// nothing is sent to an address of the community's own network.
package push

import (
	"context"
	"crypto/ecdh"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"syscall"
	"time"

	"github.com/SherClockHolmes/webpush-go"

	"github.com/commonwatt/commonwatt/notices"
)

// Keys are those of a community, as base64url without padding.
type Keys struct {
	Private string `json:"private"`
	Public  string `json:"public"` // which browsers subscribe with
}

// Make returns the text of fresh keys.
func Make() (string, error) {
	private, public, err := webpush.GenerateVAPIDKeys()
	if err != nil {
		return "", fmt.Errorf("keys of notices: %w", err)
	}
	text, err := json.Marshal(Keys{private, public})
	return string(text), err
}

// Read returns the keys of a text that Make returned.
func Read(text string) (k Keys, err error) {
	if err := json.Unmarshal([]byte(text), &k); err != nil {
		return k, fmt.Errorf("keys of notices: %w", err)
	}
	return k, nil
}

// Sender sends messages. It implements notices.Pusher and is safe for concurrent use.
type Sender struct {
	Keys    Keys
	Contact string       // whom a service may write to: an e-mail address or an https address
	Client  *http.Client // Outside, but in tests
}

// within is how long a service may take.
const within = 20 * time.Second

// Outside returns a client that reaches no address of an own network, whatever name leads there,
// and follows no redirection.
func Outside() *http.Client {
	dialer := &net.Dialer{Timeout: within, Control: func(_, address string, _ syscall.RawConn) error { return outside(address) }}
	return &http.Client{
		Timeout: within, Transport: &http.Transport{DialContext: dialer.DialContext, TLSHandshakeTimeout: within, MaxIdleConnsPerHost: 2, IdleConnTimeout: time.Minute},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// outside tells why nothing is sent to an address, nil when it may be.
func outside(address string) error {
	at, err := netip.ParseAddrPort(address)
	if err != nil {
		return err
	}
	if ip := at.Addr().Unmap(); !ip.IsGlobalUnicast() || ip.IsPrivate() {
		return fmt.Errorf("%s is an address of an own network", ip)
	}
	return nil
}

const (
	pointLength = 65 // of an uncompressed point of P-256
	authLength  = 16
	mostAddress = 2000
)

// Check tells what is wrong with a browser that wants to subscribe. Errors: *notices.FieldError.
func Check(b notices.Browser) error {
	at, err := url.Parse(b.Endpoint)
	if err != nil || at.Scheme != "https" || at.Host == "" || at.User != nil || len(b.Endpoint) > mostAddress {
		return &notices.FieldError{Field: "endpoint", Text: "want the https address of a push service"}
	}
	if ip, err := netip.ParseAddr(at.Hostname()); err == nil && outside(netip.AddrPortFrom(ip, 443).String()) != nil || strings.EqualFold(at.Hostname(), "localhost") { //nolint:mnd // the port of https
		return &notices.FieldError{Field: "endpoint", Text: "want a push service outside of this network"}
	}
	point, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(b.P256dh, "="))
	if err == nil {
		_, err = ecdh.P256().NewPublicKey(point)
	}
	if err != nil || len(point) != pointLength {
		return &notices.FieldError{Field: "p256dh", Text: "want a public key of P-256, as the browser gives it"}
	}
	if secret, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(b.Auth, "=")); err != nil || len(secret) != authLength {
		return &notices.FieldError{Field: "auth", Text: "want sixteen bytes in base64url, as the browser gives them"}
	}
	return nil
}

// Send implements notices.Pusher.
func (s Sender) Send(ctx context.Context, to notices.Browser, m notices.Message, ttl time.Duration) (gone bool, err error) {
	if !strings.HasPrefix(to.Endpoint, "https://") {
		return true, nil
	}
	text, err := json.Marshal(m)
	if err != nil {
		return false, err
	}
	answer, err := webpush.SendNotificationWithContext(ctx, text, &webpush.Subscription{Endpoint: to.Endpoint, Keys: webpush.Keys{Auth: to.Auth, P256dh: to.P256dh}}, &webpush.Options{
		HTTPClient: s.Client, Subscriber: s.Contact, TTL: int(ttl.Seconds()), Urgency: webpush.UrgencyNormal, VAPIDPublicKey: s.Keys.Public, VAPIDPrivateKey: s.Keys.Private,
	})
	if err != nil {
		return false, withoutAddress(err)
	}
	defer func() { _ = answer.Body.Close() }()                           // nothing more is read
	_, _ = io.Copy(io.Discard, io.LimitReader(answer.Body, mostAddress)) // so that the connection is used again
	switch answer.StatusCode {
	case http.StatusOK, http.StatusCreated, http.StatusAccepted, http.StatusNoContent:
		return false, nil
	case http.StatusNotFound, http.StatusGone:
		return true, nil
	default:
		return false, fmt.Errorf("the push service answered %s", answer.Status)
	}
}

// withoutAddress is an error without the address of the browser, which is as good as a key.
func withoutAddress(err error) error {
	if at := (*url.Error)(nil); errors.As(err, &at) {
		return fmt.Errorf("the push service is not reached: %w", at.Err)
	}
	return err
}
