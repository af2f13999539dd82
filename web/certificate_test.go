package web_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/commonwatt/commonwatt/web"
)

// certify writes a certificate with a serial number, and its key.
func certify(t *testing.T, dir string, serial int64) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	of := &x509.Certificate{SerialNumber: big.NewInt(serial), DNSNames: []string{"hub.example"}, NotAfter: time.Now().Add(24 * time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, of, of, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for path, block := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: der}, key: {Type: "PRIVATE KEY", Bytes: secret}} {
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
		when := time.Unix(serial, 0)
		if err := os.Chtimes(path, when, when); err != nil {
			t.Fatal(err)
		}
	}
	return cert, key
}

// TestARenewedCertificateIsShown to who comes after its files have changed; while they are
// damaged the one of before is, and it is said.
func TestARenewedCertificateIsShown(t *testing.T) {
	dir := t.TempDir()
	c, err := web.ReadCertificate(certify(t, dir, 1))
	if err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		told, troubles := 0, 0
		done := make(chan error)
		go func() {
			done <- c.Run(ctx, func(*tls.Certificate) error { told++; return nil }, func(error) { troubles++ })
		}()
		serial := func() int64 {
			time.Sleep(time.Minute)
			synctest.Wait()
			return c.Now().Leaf.SerialNumber.Int64()
		}
		if got := serial(); got != 1 || told != 0 {
			t.Errorf("without a change: %d, told %d times", got, told)
		}
		if err := os.WriteFile(filepath.Join(dir, "cert.pem"), []byte("half"), 0o600); err != nil {
			t.Fatal(err)
		}
		if got := serial(); got != 1 || troubles == 0 {
			t.Errorf("with a damaged file: %d, %d troubles", got, troubles)
		}
		certify(t, dir, 2)
		if got := serial(); got != 2 || told != 1 {
			t.Errorf("renewed: %d, told %d times", got, told)
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	if _, err := web.ReadCertificate(filepath.Join(dir, "none.pem"), filepath.Join(dir, "key.pem")); err == nil {
		t.Error("a file that is not there is read")
	}
	shownTo(t, c, 2)
}

// shownTo asks a server for its certificate.
func shownTo(t *testing.T, c *web.Certificate, serial int64) {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- web.Serve(ctx, l, c, nil, http.NotFoundHandler()) }()
	conn, err := (&tls.Dialer{Config: &tls.Config{InsecureSkipVerify: true}}).DialContext(t.Context(), "tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	if got := conn.(*tls.Conn).ConnectionState().PeerCertificates[0].SerialNumber.Int64(); got != serial {
		t.Errorf("shown %d, want %d", got, serial)
	}
	_ = conn.Close()
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}
