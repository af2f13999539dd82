package modbus

import (
	"fmt"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// Scheme is a way to carry Modbus.
type Scheme string

// The schemes. TCP and TLS label every request with a transaction id; a line
// (RTU on a serial port, or RTU frames over TCP) does not.
const (
	TCP        Scheme = "tcp"
	TLS        Scheme = "tls"
	RTU        Scheme = "rtu"
	RTUOverTCP Scheme = "rtuovertcp"
)

// Endpoint is where devices are reached: a host and port, or a serial port. All
// units behind one endpoint share one connection.
type Endpoint struct {
	Scheme  Scheme
	Address string // HOST:PORT, or the path of a serial port

	// Of a serial port.
	Baud     int
	Parity   string // none, even or odd
	StopBits int

	// PEM files for TLS: the server is checked against CA, and both sides show
	// a certificate (MODBUS/TCP Security, 2018).
	Cert, Key, CA string
}

const (
	defaultPort    = "502"
	defaultTLSPort = "802"
	defaultBaud    = 9600
)

// ParseEndpoint reads tcp://HOST:PORT, rtuovertcp://HOST:PORT,
// tls://HOST:PORT?cert=FILE&key=FILE&ca=FILE or
// rtu:///dev/ttyUSB0?baud=9600&parity=none&stop=1. A bare HOST:PORT is TCP;
// the port is 502 (TLS: 802) when absent.
func ParseEndpoint(s string) (Endpoint, error) {
	if !strings.Contains(s, "://") {
		s = string(TCP) + "://" + s
	}
	u, err := url.Parse(s)
	if err != nil {
		return Endpoint{}, fmt.Errorf("%q is no address of a device: %w", s, err)
	}
	e := Endpoint{Scheme: Scheme(u.Scheme)}
	switch e.Scheme {
	case TCP, TLS, RTUOverTCP:
		port := defaultPort
		if e.Scheme == TLS {
			port = defaultTLSPort
		}
		if u.Port() != "" {
			port = u.Port()
		}
		if n, err := strconv.Atoi(port); err != nil || n > 0xffff || u.Hostname() == "" || u.Path != "" && u.Path != "/" {
			return Endpoint{}, fmt.Errorf("%q is no address of a device: want %s://HOST:PORT", s, u.Scheme)
		}
		e.Address = net.JoinHostPort(u.Hostname(), port)
	case RTU:
		if u.Path == "" || u.Host != "" {
			return Endpoint{}, fmt.Errorf("%q is no address of a device: want rtu:///dev/ttyUSB0", s)
		}
		e.Address, e.Baud, e.Parity, e.StopBits = u.Path, defaultBaud, "none", 1
	default:
		return Endpoint{}, fmt.Errorf("%q is no address of a device: want tcp://HOST:PORT, rtuovertcp://HOST:PORT, tls://HOST:PORT or rtu:///dev/ttyUSB0", s)
	}
	return e, e.options(u.Query())
}

func (e *Endpoint) options(query url.Values) error {
	for name, values := range query {
		if err := e.option(name, values[len(values)-1]); err != nil {
			return fmt.Errorf("%s: %w", e.Address, err)
		}
	}
	if e.Scheme == TLS && (e.Cert == "" || e.Key == "" || e.CA == "") {
		return fmt.Errorf("%s: TLS wants ?cert=FILE&key=FILE&ca=FILE", e.Address)
	}
	return nil
}

func (e *Endpoint) option(name, value string) (err error) {
	serial, secure := e.Scheme == RTU, e.Scheme == TLS
	switch {
	case serial && name == "baud":
		if e.Baud, err = strconv.Atoi(value); err != nil || e.Baud < 300 {
			return fmt.Errorf("baud: %q is no speed in bit/s", value)
		}
	case serial && name == "parity":
		if e.Parity = value; !slices.Contains([]string{"none", "even", "odd"}, value) {
			return fmt.Errorf("parity: %q is not one of none, even, odd", value)
		}
	case serial && name == "stop":
		if e.StopBits, err = strconv.Atoi(value); err != nil || e.StopBits < 1 || e.StopBits > 2 {
			return fmt.Errorf("stop: %q is not 1 or 2", value)
		}
	case secure && name == "cert":
		e.Cert = value
	case secure && name == "key":
		e.Key = value
	case secure && name == "ca":
		e.CA = value
	default:
		return fmt.Errorf("%s has no option %q", e.Scheme, name)
	}
	return nil
}

// String returns the endpoint as a target, without what is secret or default.
func (e Endpoint) String() string { return string(e.Scheme) + "://" + e.Address }

// Takes refuses a unit id that no device answers to.
func (e Endpoint) Takes(unit uint8) error {
	if unit == broadcast && (e.Scheme == RTU || e.Scheme == RTUOverTCP) {
		return fmt.Errorf("%s: %w", e, errBroadcast)
	}
	return nil
}

// ParseUnit reads a target of which a unit is to be asked.
func ParseUnit(target string, unit uint8) (Endpoint, error) {
	e, err := ParseEndpoint(target)
	if err != nil {
		return e, err
	}
	return e, e.Takes(unit)
}
