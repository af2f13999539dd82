package web

import (
	"context"
	"crypto/tls"
	"fmt"
	"os"
	"sync/atomic"
	"time"
)

// Certificate is the one by which the pages speak TLS. It is read again when its files change,
// as they do when it is renewed; until both fit, the one of before stays. Use
// ReadCertificate.
type Certificate struct {
	cert, key string // files
	now       atomic.Pointer[tls.Certificate]
	seen      [2]time.Time // when the files changed that were read
}

// checkEvery is how often the files of a certificate are looked at.
const checkEvery = 30 * time.Second

// ReadCertificate reads a certificate and its key, PEM both.
func ReadCertificate(cert, key string) (*Certificate, error) {
	c := &Certificate{cert: cert, key: key}
	_, err := c.renew()
	return c, err
}

// Now returns the certificate that counts now, nil of none.
func (c *Certificate) Now() *tls.Certificate {
	if c == nil {
		return nil
	}
	return c.now.Load()
}

// Run looks after the files until ctx ends. changed is told of another certificate, trouble
// why what is in the files cannot be used.
func (c *Certificate) Run(ctx context.Context, changed func(*tls.Certificate) error, trouble func(error)) error {
	look := time.NewTicker(checkEvery)
	defer look.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-look.C:
			renewed, err := c.renew()
			if err == nil && renewed {
				err = changed(c.Now())
			}
			if err != nil {
				trouble(err)
			}
		}
	}
}

// renew reads the files if they have changed.
func (c *Certificate) renew() (renewed bool, err error) {
	var seen [2]time.Time
	for k, path := range []string{c.cert, c.key} {
		info, err := os.Stat(path)
		if err != nil {
			return false, fmt.Errorf("tls: %w", err)
		}
		seen[k] = info.ModTime()
	}
	if c.Now() != nil && seen == c.seen {
		return false, nil
	}
	pair, err := tls.LoadX509KeyPair(c.cert, c.key)
	if err != nil {
		return false, fmt.Errorf("tls.cert %s, tls.key %s: %w", c.cert, c.key, err)
	}
	c.seen = seen
	c.now.Store(&pair)
	return true, nil
}

// config has TLS take the certificate that counts when somebody comes.
func (c *Certificate) config() *tls.Config {
	return &tls.Config{
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return c.Now(), nil },
		MinVersion:     tls.VersionTLS12, NextProtos: []string{"http/1.1"},
	}
}
