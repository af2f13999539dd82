package modbus

import (
	"cmp"
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
)

// tcpLink is Modbus TCP, plain or within TLS (Modbus Messaging on TCP/IP Implementation
// Guide V1.0b). An answer whose transaction id is not the one of the request is dropped.
type tcpLink struct {
	endpoint Endpoint
	timeout  time.Duration
	conn     net.Conn
	last     uint16 // transaction id
	strange  bool   // bytes came that are no frame of Modbus TCP
}

const (
	usualTimeout = time.Second
	dialWithin   = 5 * time.Second
	headerBytes  = 7
)

// errNoFrames reports an endpoint that speaks, but another protocol.
var errNoFrames = errors.New("what answers there does not speak Modbus TCP: it may carry RTU frames, which rtuovertcp://HOST:PORT reads")

func (l *tcpLink) open() error {
	conn, err := l.dial()
	if err != nil {
		return err
	}
	l.conn = conn
	return nil
}

func (l *tcpLink) dial() (net.Conn, error) {
	ctx, cancel := context.WithTimeout(context.Background(), max(l.timeout, dialWithin))
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
	if l.conn != nil {
		_ = l.conn.Close() // the connection is given up either way
		l.conn = nil
	}
}

func (l *tcpLink) read(unit uint8, table Table, addr, n uint16) ([]uint16, error) {
	if n == 0 || n > MaxRegisters {
		return nil, fmt.Errorf("a read of %d registers: must be 1 to %d", n, MaxRegisters)
	}
	answer, err := l.exchange(unit, []byte(readPDU(table.function(), addr, n)))
	if err != nil {
		return nil, err
	}
	if size := answerBytes(table.function(), n); len(answer) != 2+size || int(answer[1]) != size {
		return nil, errNotTheAnswer
	}
	return values(table, answer[2:], n), nil
}

func (l *tcpLink) write(unit uint8, addr uint16, words []uint16) error {
	return l.confirmed(unit, writePDU(addr, words), 5)
}

func (l *tcpLink) writeOne(unit uint8, addr, word uint16) error {
	return l.confirmed(unit, []byte(readPDU(writeSingle, addr, word)), 5)
}

func (l *tcpLink) writeCoil(unit uint8, addr uint16, on bool) error {
	return l.confirmed(unit, []byte(coilPDU(addr, on)), 5)
}

// confirmed sends a write, of which the answer repeats the first bytes.
func (l *tcpLink) confirmed(unit uint8, pdu []byte, repeats int) error {
	answer, err := l.exchange(unit, pdu)
	if err == nil && string(answer) != string(pdu[:repeats]) {
		return errNotTheAnswer
	}
	return err
}

func (l *tcpLink) identify(unit, category, object uint8) ([]byte, error) {
	answer, err := l.exchange(unit, identification(category, object))
	if err != nil {
		return nil, err
	}
	return checkIdentification(answer)
}

// exchange sends a request and returns its answer, from the function code on.
func (l *tcpLink) exchange(unit uint8, pdu []byte) ([]byte, error) {
	if err := l.conn.SetDeadline(time.Now().Add(cmp.Or(l.timeout, usualTimeout))); err != nil {
		return nil, err
	}
	l.last++
	frame := binary.BigEndian.AppendUint16(nil, l.last)
	frame = binary.BigEndian.AppendUint16(frame, 0)
	frame = binary.BigEndian.AppendUint16(frame, uint16(len(pdu)+1))
	if _, err := l.conn.Write(append(append(frame, unit), pdu...)); err != nil {
		return nil, err
	}
	l.strange = false
	for {
		transaction, from, answer, err := l.frame()
		switch {
		case err != nil && l.strange:
			return nil, fmt.Errorf("%w (%w)", errNoFrames, err)
		case err != nil:
			return nil, err
		case transaction != l.last:
			continue
		case from != unit:
			return nil, &OtherUnitError{Asked: unit, Answered: from}
		case len(answer) == 2 && answer[0] == pdu[0]|exceptionBit:
			return nil, &ExceptionError{Code: answer[1]}
		case answer[0] != pdu[0]:
			return nil, errNotTheAnswer
		default:
			return answer, nil
		}
	}
}

// frame reads the next frame of the protocol.
func (l *tcpLink) frame() (transaction uint16, unit uint8, pdu []byte, err error) {
	header := make([]byte, headerBytes)
	for {
		n, err := io.ReadFull(l.conn, header)
		if err != nil {
			l.strange = l.strange || n > 0
			return 0, 0, nil, err
		}
		length := int(binary.BigEndian.Uint16(header[4:])) - 1 // without the unit
		protocol := binary.BigEndian.Uint16(header[2:])
		l.strange = l.strange || protocol != 0
		if length < 1 || length > maxPDU {
			l.strange = true
			return 0, 0, nil, errNotTheAnswer
		}
		pdu := make([]byte, length)
		if _, err := io.ReadFull(l.conn, pdu); err != nil {
			return 0, 0, nil, err
		}
		if protocol == 0 {
			return binary.BigEndian.Uint16(header), header[6], pdu, nil
		}
	}
}

// errNotTheAnswer reports a frame that does not fit the request.
var errNotTheAnswer = errors.New("the answer does not fit the request")

// An OtherUnitError reports an answer in the name of another unit than the one that was
// asked: something is there, under another id.
type OtherUnitError struct{ Asked, Answered uint8 }

func (e *OtherUnitError) Error() string {
	return fmt.Sprintf("unit %d was asked, and what answers calls itself unit %d: ask unit %d", e.Asked, e.Answered, e.Answered)
}
