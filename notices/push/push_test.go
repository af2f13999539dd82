package push_test

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/notices"
	"github.com/commonwatt/commonwatt/notices/push"
)

// service is a push service (RFC 8030) on loopback, with the browser of one subscription, which
// decrypts what comes (RFC 8291 with RFC 8188) and holds the sender to its key (RFC 8292).
type service struct {
	*httptest.Server

	t      *testing.T
	key    *ecdh.PrivateKey
	secret []byte
	public string // of the sender
	answer int
	came   []notices.Message
	ttl    string
}

func newService(t *testing.T, public string) *service {
	t.Helper()
	key, err := ecdh.P256().GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	s := &service{t: t, key: key, secret: make([]byte, 16), public: public, answer: http.StatusCreated}
	_, _ = rand.Read(s.secret)
	s.Server = httptest.NewTLSServer(s)
	t.Cleanup(s.Close)
	return s
}

func (s *service) browser() notices.Browser {
	b64 := base64.RawURLEncoding.EncodeToString
	return notices.Browser{Endpoint: s.URL + "/send/abc", P256dh: b64(s.key.PublicKey().Bytes()), Auth: b64(s.secret)}
}

func (s *service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err == nil {
		err = s.signed(r)
	}
	var text []byte
	if err == nil && r.Header.Get("Content-Encoding") == "aes128gcm" && r.URL.Path == "/send/abc" {
		text, err = s.decrypt(body)
	}
	var m notices.Message
	if err == nil {
		err = json.Unmarshal(text, &m)
	}
	if err != nil {
		s.t.Errorf("what came cannot be read: %v", err)
	}
	s.came, s.ttl = append(s.came, m), r.Header.Get("TTL")
	w.WriteHeader(s.answer)
}

// signed checks the sender's token.
func (s *service) signed(r *http.Request) error {
	rest, is := strings.CutPrefix(r.Header.Get("Authorization"), "vapid t=")
	token, key, has := strings.Cut(rest, ", k=")
	if !is || !has || key != s.public {
		return errors.New("no token of the community: " + r.Header.Get("Authorization"))
	}
	parts := strings.Split(token, ".")
	point, err1 := base64.RawURLEncoding.DecodeString(key)
	claims, err2 := base64.RawURLEncoding.DecodeString(parts[1])
	mac, err3 := base64.RawURLEncoding.DecodeString(parts[2])
	if err := errors.Join(err1, err2, err3); err != nil {
		return err
	}
	public := &ecdsa.PublicKey{Curve: elliptic.P256(), X: new(big.Int).SetBytes(point[1:33]), Y: new(big.Int).SetBytes(point[33:])}
	digest := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	if !ecdsa.Verify(public, digest[:], new(big.Int).SetBytes(mac[:32]), new(big.Int).SetBytes(mac[32:])) {
		return errors.New("the token is not signed with the key")
	}
	var c struct {
		Audience string `json:"aud"`
		Subject  string `json:"sub"`
		Expires  int64  `json:"exp"`
	}
	if err := json.Unmarshal(claims, &c); err != nil {
		return err
	}
	if c.Audience != s.URL || c.Subject != "mailto:hub@street.example" || time.Until(time.Unix(c.Expires, 0)) > 24*time.Hour {
		return errors.New("the token is for another: " + string(claims))
	}
	return nil
}

// decrypt reads a message of one record: RFC 8188 §2, with the keys of RFC 8291 §3.4.
func (s *service) decrypt(body []byte) ([]byte, error) {
	salt, length := body[:16], int(body[20])
	if size := binary.BigEndian.Uint32(body[16:20]); int(size) < len(body)-21-length {
		return nil, errors.New("more than one record")
	}
	sender, sealed := body[21:21+length], body[21+length:]
	public, err := ecdh.P256().NewPublicKey(sender)
	if err != nil {
		return nil, err
	}
	shared, err := s.key.ECDH(public)
	if err != nil {
		return nil, err
	}
	info := "WebPush: info\x00" + string(s.key.PublicKey().Bytes()) + string(sender)
	ikm, err1 := hkdf.Key(sha256.New, shared, s.secret, info, 32)
	key, err2 := hkdf.Key(sha256.New, ikm, salt, "Content-Encoding: aes128gcm\x00", 16)
	nonce, err3 := hkdf.Key(sha256.New, ikm, salt, "Content-Encoding: nonce\x00", 12)
	if err := errors.Join(err1, err2, err3); err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		return nil, err
	}
	plain, err := gcm.Open(nil, nonce, sealed, nil)
	if err != nil {
		return nil, err
	}
	plain = []byte(strings.TrimRight(string(plain), "\x00"))
	if len(plain) == 0 || plain[len(plain)-1] != 2 {
		return nil, errors.New("the last record does not say that it is the last")
	}
	return plain[:len(plain)-1], nil
}

func sender(t *testing.T, client *http.Client) push.Sender {
	t.Helper()
	text, err := push.Make()
	if err != nil {
		t.Fatal(err)
	}
	keys, err := push.Read(text)
	if err != nil {
		t.Fatal(err)
	}
	return push.Sender{Keys: keys, Contact: "hub@street.example", Client: client}
}

// TestAMessageArrives sends to a push service that reads it, and to one that says that the
// browser is gone, or fails.
func TestAMessageArrives(t *testing.T) {
	from := sender(t, nil)
	s := newService(t, from.Keys.Public)
	from.Client = s.Client()
	want := notices.Message{Title: "Rechnung 2026-000017", Text: "Sie zahlen 12,50 EUR – für 2026-06.", Tag: "bill 2026-000017", Open: "https://street.example/", Off: "https://street.example/off.html#x"}
	if gone, err := from.Send(t.Context(), s.browser(), want, time.Hour); gone || err != nil {
		t.Fatal(gone, err)
	}
	if len(s.came) != 1 || s.came[0] != want || s.ttl != "3600" {
		t.Errorf("came %+v with a TTL of %s", s.came, s.ttl)
	}
	for answer, want := range map[int][2]bool{http.StatusGone: {true, false}, http.StatusNotFound: {true, false}, http.StatusTooManyRequests: {false, true}, http.StatusInternalServerError: {false, true}, http.StatusOK: {false, false}} {
		s.answer = answer
		if gone, err := from.Send(t.Context(), s.browser(), notices.Message{}, time.Minute); gone != want[0] || (err != nil) != want[1] {
			t.Errorf("%d: gone %v, %v", answer, gone, err)
		}
	}
	s.Close()
	if _, err := from.Send(t.Context(), s.browser(), notices.Message{}, time.Minute); err == nil || strings.Contains(err.Error(), "/send/abc") {
		t.Errorf("a service that is away: %v", err)
	}
}

// TestNothingIsSentInside tries addresses of this machine and of private networks.
func TestNothingIsSentInside(t *testing.T) {
	from := sender(t, push.Outside())
	s := newService(t, from.Keys.Public)
	b := s.browser()
	if _, err := from.Send(t.Context(), b, notices.Message{}, time.Minute); err == nil || !strings.Contains(err.Error(), "own network") {
		t.Errorf("to this machine: %v", err)
	}
	if len(s.came) > 0 {
		t.Error("it came")
	}
	for _, at := range []string{"http://push.example/x", "https://127.0.0.1/x", "https://localhost/x", "https://[::1]/x", "https://10.0.0.7/x", "https://169.254.1.1/x", "https://a:b@push.example/x", "ftp://push.example", "https://", "nonsense", "https://push.example/" + strings.Repeat("x", 2000)} {
		if err := push.Check(notices.Browser{Endpoint: at, P256dh: b.P256dh, Auth: b.Auth}); err == nil || !strings.HasPrefix(err.Error(), "endpoint: ") {
			t.Errorf("%.50s: %v", at, err)
		}
	}
	b.Endpoint = "https://push.example/x"
	if err := push.Check(b); err != nil {
		t.Error(err)
	}
	for field, wrong := range map[string]notices.Browser{"p256dh": {Endpoint: b.Endpoint, P256dh: b.Auth, Auth: b.Auth}, "auth": {Endpoint: b.Endpoint, P256dh: b.P256dh, Auth: "short"}} {
		if err := push.Check(wrong); err == nil || !strings.HasPrefix(err.Error(), field+": ") {
			t.Errorf("%s: %v", field, err)
		}
	}
	if gone, _ := from.Send(context.Background(), notices.Browser{Endpoint: "http://push.example"}, notices.Message{}, time.Minute); !gone {
		t.Error("a browser without https is not gone")
	}
}
