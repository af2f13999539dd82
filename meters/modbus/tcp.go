package modbus

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"time"

	"github.com/simonvetter/modbus"
)

// tcpLink is Modbus TCP, plain or within TLS. The library drops answers whose
// transaction id is not the one of the request.
type tcpLink struct {
	endpoint Endpoint
	timeout  time.Duration
	client   *modbus.ModbusClient
}

func (l *tcpLink) open() error {
	config := &modbus.ClientConfiguration{URL: "tcp://" + l.endpoint.Address, Timeout: l.timeout, Logger: silent()}
	if l.endpoint.Scheme == TLS {
		secure, err := l.endpoint.tls()
		if err != nil {
			return err
		}
		config.URL, config.TLSClientCert, config.TLSRootCAs = "tcp+tls://"+l.endpoint.Address, &secure.Certificates[0], secure.RootCAs
	}
	client, err := modbus.NewClient(config)
	if err != nil {
		return err
	}
	if err := client.Open(); err != nil {
		return err
	}
	l.client = client
	return nil
}

func (e Endpoint) tls() (*tls.Config, error) {
	cert, err := tls.LoadX509KeyPair(e.Cert, e.Key)
	if err != nil {
		return nil, fmt.Errorf("cert and key: %w", err)
	}
	pem, err := os.ReadFile(e.CA)
	if err != nil {
		return nil, fmt.Errorf("ca: %w", err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("ca: %s holds no certificate", e.CA)
	}
	return &tls.Config{Certificates: []tls.Certificate{cert}, RootCAs: roots, MinVersion: tls.VersionTLS12}, nil
}

func (l *tcpLink) close() {
	if l.client != nil {
		_ = l.client.Close() // the connection is given up either way
		l.client = nil
	}
}

func (l *tcpLink) read(unit uint8, table Table, addr, n uint16) ([]uint16, error) {
	if err := l.client.SetUnitId(unit); err != nil {
		return nil, err
	}
	kind := modbus.HOLDING_REGISTER
	if table == Input {
		kind = modbus.INPUT_REGISTER
	}
	words, err := l.client.ReadRegisters(addr, n, kind)
	return words, exception(err)
}

func (l *tcpLink) write(unit uint8, addr uint16, words []uint16) error {
	if err := l.client.SetUnitId(unit); err != nil {
		return err
	}
	return exception(l.client.WriteRegisters(addr, words))
}

func (l *tcpLink) writeOne(unit uint8, addr, word uint16) error {
	if err := l.client.SetUnitId(unit); err != nil {
		return err
	}
	return exception(l.client.WriteRegister(addr, word))
}

// identify uses a connection of its own, because the library does not know the
// function; the other one is closed meanwhile: some devices accept only one.
func (l *tcpLink) identify(unit, category, object uint8) (answer []byte, err error) {
	l.close()
	defer func() {
		if openErr := l.open(); openErr != nil {
			answer, err = nil, fmt.Errorf("%w: %w", ErrConnect, openErr) // also after a refusal: there is no connection
		}
	}()
	conn, err := l.dial()
	if err != nil {
		return nil, err
	}
	defer conn.Close() //nolint:errcheck // nothing was written that could be lost
	if err := conn.SetDeadline(time.Now().Add(l.timeout)); err != nil {
		return nil, err
	}
	const transaction = 0x2b0e
	pdu := identification(category, object)
	frame := binary.BigEndian.AppendUint16(nil, transaction)
	frame = binary.BigEndian.AppendUint16(frame, 0)
	frame = binary.BigEndian.AppendUint16(frame, uint16(len(pdu)+1))
	if _, err := conn.Write(append(append(frame, unit), pdu...)); err != nil {
		return nil, err
	}
	header := make([]byte, 7)
	if _, err := io.ReadFull(conn, header); err != nil {
		return nil, err
	}
	length := int(binary.BigEndian.Uint16(header[4:]))
	if binary.BigEndian.Uint16(header) != transaction || binary.BigEndian.Uint16(header[2:]) != 0 || header[6] != unit || length < 3 || length > maxPDU+1 {
		return nil, errNotTheAnswer
	}
	body := make([]byte, length-1)
	if _, err := io.ReadFull(conn, body); err != nil {
		return nil, err
	}
	return checkIdentification(body)
}

func (l *tcpLink) dial() (net.Conn, error) {
	ctx, cancel := context.WithTimeout(context.Background(), l.timeout)
	defer cancel()
	if l.endpoint.Scheme == TLS {
		config, err := l.endpoint.tls()
		if err != nil {
			return nil, err
		}
		return (&tls.Dialer{Config: config}).DialContext(ctx, "tcp", l.endpoint.Address)
	}
	return (&net.Dialer{}).DialContext(ctx, "tcp", l.endpoint.Address)
}

// errNotTheAnswer reports a frame that does not fit the request.
var errNotTheAnswer = errors.New("the answer does not fit the request")
