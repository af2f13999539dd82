package modbus

import (
	"context"
	"errors"
	"fmt"
	"time"
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

// ErrConnect reports that there is no connection to the endpoint.
var ErrConnect = errors.New("no connection")

// ErrClosed reports a request to a connection that was closed for good.
var ErrClosed = errors.New("connection is closed")

// Options of a connection.
type Options struct {
	Timeout      time.Duration // of one request
	Gap          time.Duration // of silence before each request
	ConnectDelay time.Duration // between connecting and the first request
}

// Conn is one connection, served by one goroutine.
type Conn struct {
	endpoint Endpoint
	options  Options
	requests chan request
	closing  chan struct{}
	closed   chan struct{}
}

type request struct {
	ctx  context.Context
	do   func(link) error
	done chan error // buffered: the owner never waits for a caller who left
}

// A link carries one request at a time. Its owner closes it after any error
// that is not an ExceptionError, and opens it again before the next request.
type link interface {
	open() error
	close()
	read(unit uint8, table Table, addr, n uint16) ([]uint16, error)
	write(unit uint8, addr uint16, words []uint16) error
	writeOne(unit uint8, addr, word uint16) error
	// identify sends a request for device identification (function 0x2B, MEI
	// type 0x0E) and returns the answer from the MEI type on.
	identify(unit, category, object uint8) ([]byte, error)
}

// Open returns a connection to an endpoint. It connects on the first request.
// The caller must Close it.
func Open(e Endpoint, o Options) *Conn {
	c := &Conn{endpoint: e, options: o, requests: make(chan request), closing: make(chan struct{}), closed: make(chan struct{})}
	var l link
	switch e.Scheme {
	case RTU, RTUOverTCP:
		l = newLine(e, o.Timeout)
	case TCP, TLS:
		l = &tcpLink{endpoint: e, timeout: o.Timeout}
	}
	go c.own(l)
	return c
}

// Endpoint returns where the connection goes.
func (c *Conn) Endpoint() Endpoint { return c.endpoint }

// Close ends the connection and waits for the request in flight.
func (c *Conn) Close() {
	close(c.closing)
	<-c.closed
}

// Read returns n registers from addr on. Errors: *ExceptionError, ErrClosed,
// the context's, or the network's.
func (c *Conn) Read(ctx context.Context, unit uint8, table Table, addr, n uint16) ([]uint16, error) {
	var words []uint16
	err := c.call(ctx, func(l link) (err error) {
		words, err = l.read(unit, table, addr, n)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read %s unit %d registers %d to %d: %w", c.endpoint, unit, addr, int(addr)+int(n)-1, err)
	}
	return words, nil
}

// WriteOne writes one word with function 6, which some devices want instead.
func (c *Conn) WriteOne(ctx context.Context, unit uint8, addr, word uint16) error {
	err := c.call(ctx, func(l link) error { return l.writeOne(unit, addr, word) })
	if err != nil {
		return fmt.Errorf("write %s unit %d register %d: %w", c.endpoint, unit, addr, err)
	}
	return nil
}

// Write writes the words from addr on, with one request (function 16).
func (c *Conn) Write(ctx context.Context, unit uint8, addr uint16, words []uint16) error {
	err := c.call(ctx, func(l link) error { return l.write(unit, addr, words) })
	if err != nil {
		return fmt.Errorf("write %s unit %d register %d: %w", c.endpoint, unit, addr, err)
	}
	return nil
}

func (c *Conn) call(ctx context.Context, do func(link) error) error {
	r := request{ctx: ctx, do: do, done: make(chan error, 1)}
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
func (c *Conn) own(l link) {
	defer close(c.closed)
	connected := false
	defer func() {
		if connected {
			l.close()
		}
	}()
	var last time.Time // end of the last exchange
	for {
		select {
		case <-c.closing:
			return
		case r := <-c.requests:
			if err := r.ctx.Err(); err != nil {
				r.done <- err
				continue
			}
			if !connected {
				if err := l.open(); err != nil {
					r.done <- fmt.Errorf("%w: %w", ErrConnect, err)
					continue
				}
				connected = true
				time.Sleep(c.options.ConnectDelay)
			}
			time.Sleep(time.Until(last.Add(c.options.Gap)))
			err := r.do(l)
			last = time.Now()
			if refused := (*ExceptionError)(nil); err != nil && !errors.As(err, &refused) {
				l.close()
				connected = false
			}
			r.done <- err
		}
	}
}
