package modbus

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/simonvetter/modbus"
)

// MaxRegisters is the most that one read may ask for (Modbus Application
// Protocol V1.1b3, 6.3).
const MaxRegisters = 125

// Table selects the register table of a read.
type Table string

// The two register tables.
const (
	Holding Table = "holding" // function code 3
	Input   Table = "input"   // function code 4
)

// ErrClosed reports a request to a connection that was closed for good.
var ErrClosed = errors.New("connection is closed")

// An ExceptionError is a refusal that the device itself sent: it is there and
// answers, but not to this request.
type ExceptionError struct{ Err error }

func (e *ExceptionError) Error() string { return "device refused: " + e.Err.Error() }

func (e *ExceptionError) Unwrap() error { return e.Err }

// Conn is one connection, served by one goroutine.
type Conn struct {
	address  string
	timeout  time.Duration
	requests chan request
	closing  chan struct{}
	closed   chan struct{}
}

type request struct {
	ctx  context.Context
	unit uint8
	do   func(*modbus.ModbusClient) error
	done chan error // buffered: the owner never waits for a caller who left
}

// Open returns a connection to HOST:PORT over Modbus TCP. It dials on the
// first request. timeout bounds one request. The caller must Close it.
func Open(address string, timeout time.Duration) *Conn {
	c := &Conn{
		address:  address,
		timeout:  timeout,
		requests: make(chan request),
		closing:  make(chan struct{}),
		closed:   make(chan struct{}),
	}
	go c.own()
	return c
}

// Address returns the HOST:PORT that the connection was opened for.
func (c *Conn) Address() string { return c.address }

// Close ends the connection and waits for the request in flight.
func (c *Conn) Close() {
	close(c.closing)
	<-c.closed
}

// Read returns n registers from addr on. Errors: *ExceptionError, ErrClosed,
// the context's, or the network's.
func (c *Conn) Read(ctx context.Context, unit uint8, table Table, addr, n uint16) ([]uint16, error) {
	kind := modbus.HOLDING_REGISTER
	if table == Input {
		kind = modbus.INPUT_REGISTER
	}
	var words []uint16
	err := c.call(ctx, unit, func(client *modbus.ModbusClient) (err error) {
		words, err = client.ReadRegisters(addr, n, kind)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read %s unit %d registers %d to %d: %w", c.address, unit, addr, addr+n-1, err)
	}
	return words, nil
}

// Write writes the words from addr on, with one request.
func (c *Conn) Write(ctx context.Context, unit uint8, addr uint16, words []uint16) error {
	err := c.call(ctx, unit, func(client *modbus.ModbusClient) error {
		return client.WriteRegisters(addr, words)
	})
	if err != nil {
		return fmt.Errorf("write %s unit %d register %d: %w", c.address, unit, addr, err)
	}
	return nil
}

func (c *Conn) call(ctx context.Context, unit uint8, do func(*modbus.ModbusClient) error) error {
	r := request{ctx: ctx, unit: unit, do: do, done: make(chan error, 1)}
	select {
	case c.requests <- r:
	case <-ctx.Done():
		return ctx.Err()
	case <-c.closing:
		return ErrClosed
	}
	// The owner always answers, within the dial and request timeouts. Waiting
	// for it keeps the result variables of do from being written after return.
	return <-r.done
}

// own serves requests one at a time.
func (c *Conn) own() {
	defer close(c.closed)
	var client *modbus.ModbusClient
	drop := func() {
		if client != nil {
			_ = client.Close() // the connection is given up either way
			client = nil
		}
	}
	defer drop()
	for {
		select {
		case <-c.closing:
			return
		case r := <-c.requests:
			if err := r.ctx.Err(); err != nil {
				r.done <- err
				continue
			}
			if client == nil {
				var err error
				if client, err = c.dial(); err != nil {
					r.done <- err
					continue
				}
			}
			err := serve(client, r)
			if refused := (*ExceptionError)(nil); err != nil && !errors.As(err, &refused) {
				drop()
			}
			r.done <- err
		}
	}
}

func (c *Conn) dial() (*modbus.ModbusClient, error) {
	client, err := modbus.NewClient(&modbus.ClientConfiguration{
		URL:     "tcp://" + c.address,
		Timeout: c.timeout,
		Logger:  silent(),
	})
	if err != nil {
		return nil, fmt.Errorf("configure: %w", err)
	}
	if err := client.Open(); err != nil {
		return nil, fmt.Errorf("connect: %w", err)
	}
	return client, nil
}

func serve(client *modbus.ModbusClient, r request) error {
	if err := client.SetUnitId(r.unit); err != nil {
		return err
	}
	err := r.do(client)
	if isException(err) {
		return &ExceptionError{Err: err}
	}
	return err
}

func isException(err error) bool {
	for _, e := range []error{
		modbus.ErrIllegalFunction, modbus.ErrIllegalDataAddress, modbus.ErrIllegalDataValue,
		modbus.ErrServerDeviceFailure, modbus.ErrAcknowledge, modbus.ErrServerDeviceBusy,
		modbus.ErrMemoryParityError, modbus.ErrGWPathUnavailable, modbus.ErrGWTargetFailedToRespond,
	} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}
