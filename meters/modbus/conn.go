package modbus

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"syscall"
	"time"
)

// MaxRegisters is the most that one read may ask for (Modbus Application
// Protocol V1.1b3, 6.3).
const MaxRegisters = 125

// Table selects the register table of a read.
type Table string

// The tables. Coils are bits, such as the contacts of a relay: each is read as a word that is 0
// or 1.
const (
	Holding Table = "holding" // function code 3
	Input   Table = "input"   // function code 4
	Coil    Table = "coil"    // function code 1
)

func (t Table) function() uint8 {
	switch t {
	case Input:
		return readInput
	case Coil:
		return readCoils
	default:
		return readHolding
	}
}

// ErrConnect reports that there is no connection to the endpoint.
var ErrConnect = errors.New("no connection")

// ErrClosed reports a request to a connection that was closed for good.
var ErrClosed = errors.New("connection is closed")

// Options of a connection.
type Options struct {
	Timeout      time.Duration // of one request
	Gap          time.Duration // of silence before each request
	ConnectDelay time.Duration // between connecting and the first request
	Busy         time.Duration // for which a device that says that it is busy is asked again; 0: usualBusy
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
	writeCoil(unit uint8, addr uint16, on bool) error
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

// WriteCoil sets one coil, with function 5.
func (c *Conn) WriteCoil(ctx context.Context, unit uint8, addr uint16, on bool) error {
	err := c.call(ctx, func(l link) error { return l.writeCoil(unit, addr, on) })
	if err != nil {
		return fmt.Errorf("write %s unit %d coil %d: %w", c.endpoint, unit, addr, err)
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

const (
	usualBusy  = 4 * time.Second
	firstPause = 100 * time.Millisecond // before a busy device is asked again; the next are longer
	mostPause  = time.Second
	hangUp     = 500 * time.Millisecond // before one that hung up is called again: it may still hold the last connection
)

// call has the owner carry out a request. A device that says that it is busy, or needs
// longer, is asked again for a while; the line is free for others meanwhile.
func (c *Conn) call(ctx context.Context, do func(link) error) error {
	until, pause := time.Now().Add(cmp.Or(c.options.Busy, usualBusy)), firstPause
	for {
		err := c.once(ctx, do)
		refused := (*ExceptionError)(nil)
		if !errors.As(err, &refused) || !refused.ForNow() || time.Now().Add(pause).After(until) {
			return err
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return ctx.Err()
		case <-c.closing:
			return ErrClosed
		}
		pause = min(2*pause, mostPause)
	}
}

func (c *Conn) once(ctx context.Context, do func(link) error) error {
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
	o := owner{link: l, options: c.options}
	defer o.hangUp()
	for {
		select {
		case <-c.closing:
			return
		case r := <-c.requests:
			if err := r.ctx.Err(); err != nil {
				r.done <- err
				continue
			}
			r.done <- o.serve(r.do)
		}
	}
}

// owner has the link of a connection, and opens and closes it.
type owner struct {
	link

	options   Options
	connected bool
	last      time.Time // end of the last exchange
}

func (o *owner) hangUp() {
	if o.connected {
		o.close()
		o.connected = false
	}
}

// serve carries out a request. A device that hung up instead of answering is called once
// more: some do after each answer, after a while of silence, or while the connection that
// was there before is not forgotten yet.
func (o *owner) serve(do func(link) error) error {
	fresh := !o.connected
	err := o.exchange(do)
	if !hungUp(err) {
		return err
	}
	if fresh {
		time.Sleep(hangUp)
	}
	return o.exchange(do)
}

func (o *owner) exchange(do func(link) error) error {
	if !o.connected {
		if err := o.open(); err != nil {
			return fmt.Errorf("%w: %w", ErrConnect, err)
		}
		o.connected = true
		time.Sleep(o.options.ConnectDelay)
	}
	time.Sleep(time.Until(o.last.Add(o.options.Gap)))
	err := do(o.link)
	o.last = time.Now()
	if refused := (*ExceptionError)(nil); err != nil && !errors.As(err, &refused) {
		o.hangUp()
	}
	return err
}

// hungUp tells whether the other side ended the connection.
func hungUp(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}
