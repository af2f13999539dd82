package sim

import (
	"encoding/binary"
	"io"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/commonwatt/commonwatt/meters/modbus"
)

// Bent is a Modbus device that answers as devices in the field do where that is not what
// the protocol says: deaf at first, silent, busy, with bytes that belong to nothing. What
// it is to do is set before Serve. It is safe for concurrent use.
type Bent struct {
	Units []uint8 // that answer; others are silent
	RTU   bool    // RTU frames over TCP

	// Bend says what is done about a request, nil for what a device does that is not bent.
	Bend func(r Request) *Reply
	// Frame bends the bytes that are sent; may be nil. Bend and Frame are called one at a time,
	// whatever the connection.
	Frame func(r Request, frame []byte) []byte

	bending   sync.Mutex // is held while Bend or Frame is called, before mu
	mu        sync.Mutex
	registers map[modbus.Table]map[uint16]uint16
	asked     []Request
	writes    []modbus.Range
	sessions  int

	listener net.Listener
	serving  sync.WaitGroup
	open     []net.Conn
}

// Request is what a bent device is asked.
type Request struct {
	Session int       // which connection it came by, from 1
	Since   time.Time // when that was opened
	Unit    uint8
	PDU     []byte // from the function code on

	label []byte // of Modbus TCP
	frame []byte // as it came
}

// Read returns what a request to read asks for; ok is false for another request.
func (r Request) Read() (at modbus.Range, ok bool) {
	table, reads := map[byte]modbus.Table{1: modbus.Coil, 3: modbus.Holding, 4: modbus.Input}[r.PDU[0]] //nolint:mnd // function codes
	if len(r.PDU) != 5 || !reads {
		return at, false
	}
	return modbus.Range{Table: table, Addr: binary.BigEndian.Uint16(r.PDU[1:]), Count: binary.BigEndian.Uint16(r.PDU[3:])}, true
}

// Came returns the request as it came over the wire.
func (r Request) Came() []byte { return r.frame }

// Reply is what a bent device does about a request.
type Reply struct {
	Silent bool  // nothing
	HangUp bool  // it ends the connection
	Code   uint8 // it refuses with this exception
}

// Serve begins to answer on loopback, at an address that the system chooses. The caller
// must Close it.
func (b *Bent) Serve() (err error) {
	if b.listener, err = net.Listen("tcp", "127.0.0.1:0"); err != nil { //nolint:noctx // it is closed by Close
		return err
	}
	b.serving.Go(func() {
		for {
			conn, err := b.listener.Accept()
			if err != nil {
				return
			}
			b.mu.Lock()
			b.sessions++
			session := Request{Session: b.sessions, Since: time.Now()}
			b.open = append(b.open, conn)
			b.mu.Unlock()
			b.serving.Go(func() { b.session(conn, session) })
		}
	})
	return nil
}

// Close ends all connections.
func (b *Bent) Close() error {
	err := b.listener.Close()
	b.mu.Lock()
	for _, conn := range b.open {
		_ = conn.Close()
	}
	b.mu.Unlock()
	b.serving.Wait()
	return err
}

// Target is where the device is reached.
func (b *Bent) Target() string {
	if b.RTU {
		return string(modbus.RTUOverTCP) + "://" + b.listener.Addr().String()
	}
	return string(modbus.TCP) + "://" + b.listener.Addr().String()
}

// Put sets registers from addr on, and returns the address behind them.
func (b *Bent) Put(table modbus.Table, addr uint16, words ...uint16) uint16 {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.registers == nil {
		b.registers = map[modbus.Table]map[uint16]uint16{modbus.Holding: {}, modbus.Input: {}, modbus.Coil: {}}
	}
	for k, w := range words {
		b.registers[table][addr+uint16(k)] = w
	}
	return addr + uint16(len(words))
}

// Drop has the device without some registers.
func (b *Bent) Drop(table modbus.Table, addr, n uint16) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for k := range n {
		delete(b.registers[table], addr+k)
	}
}

// Coil tells whether a coil is set.
func (b *Bent) Coil(addr uint16) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.registers[modbus.Coil][addr] != 0
}

// Get returns a holding register.
func (b *Bent) Get(addr uint16) uint16 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.registers[modbus.Holding][addr]
}

// Asked returns all requests so far, and Sessions how many connections there were.
func (b *Bent) Asked() []Request {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.asked)
}

// Sessions returns how many connections there were so far.
func (b *Bent) Sessions() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.sessions
}

// Writes returns what was written so far, in that order.
func (b *Bent) Writes() []modbus.Range {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.writes)
}

func (b *Bent) session(conn net.Conn, of Request) {
	defer conn.Close() //nolint:errcheck // whoever asked hears nothing more
	for {
		r := of
		if err := r.receive(conn, b.RTU); err != nil {
			return
		}
		b.mu.Lock()
		b.asked = append(b.asked, r)
		b.mu.Unlock()
		reply := &Reply{Silent: !slices.Contains(b.Units, r.Unit)}
		if bent := b.bend(r); bent != nil {
			reply = bent
		}
		switch {
		case reply.HangUp:
			return
		case reply.Silent:
			continue
		}
		frame := b.frame(r, b.answer(r, reply.Code))
		if b.Frame != nil {
			b.bending.Lock()
			frame = b.Frame(r, frame)
			b.bending.Unlock()
		}
		if _, err := conn.Write(frame); err != nil {
			return
		}
	}
}

// bend asks what to do about a request; one is asked about at a time.
func (b *Bent) bend(r Request) *Reply {
	if b.Bend == nil {
		return nil
	}
	b.bending.Lock()
	defer b.bending.Unlock()
	return b.Bend(r)
}

// receive reads a request: of the functions 1, 3, 4, 5, 6, 16 and 43.
func (r *Request) receive(conn net.Conn, rtu bool) error {
	const short, identify, many = 8, 0x2b, 0x10
	head := make([]byte, short)
	if _, err := io.ReadFull(conn, head[:7]); err != nil {
		return err
	}
	if !rtu {
		r.Unit, r.PDU, r.label = head[6], make([]byte, binary.BigEndian.Uint16(head[4:])-1), head[:4]
		_, err := io.ReadFull(conn, r.PDU)
		r.frame = append(head[:7:7], r.PDU...)
		return err
	}
	if head[1] == identify {
		head = head[:7]
	} else if _, err := io.ReadFull(conn, head[7:]); err != nil {
		return err
	}
	if head[1] == many {
		rest := make([]byte, int(head[6])+1)
		if _, err := io.ReadFull(conn, rest); err != nil {
			return err
		}
		head = slices.Concat(head, rest)
	}
	r.Unit, r.PDU, r.frame = head[0], head[1:len(head)-2], head
	return nil
}

// frame wraps an answer.
func (b *Bent) frame(r Request, pdu []byte) []byte {
	if b.RTU {
		return modbus.Frame(r.Unit, pdu)
	}
	frame := binary.BigEndian.AppendUint16(slices.Clone(r.label), uint16(len(pdu)+1))
	return append(append(frame, r.Unit), pdu...)
}

// answer is what a device that is not bent says, or the refusal that it is bent to.
func (b *Bent) answer(r Request, refuse uint8) []byte {
	const coil, single, many, exception = 5, 6, 16, 0x80
	b.mu.Lock()
	defer b.mu.Unlock()
	no := func(code uint8) []byte { return []byte{r.PDU[0] | exception, code} }
	at, reads := r.Read()
	switch {
	case refuse != 0:
		return no(refuse)
	case reads && at.Table == modbus.Coil:
		return b.coils(r, at, no)
	case reads:
		answer := []byte{r.PDU[0], byte(2 * at.Count)}
		for k := range at.Count {
			word, there := b.registers[at.Table][at.Addr+k]
			if !there {
				return no(modbus.IllegalAddress)
			}
			answer = binary.BigEndian.AppendUint16(answer, word)
		}
		return answer
	case r.PDU[0] == coil:
		addr := binary.BigEndian.Uint16(r.PDU[1:])
		if _, there := b.registers[modbus.Coil][addr]; !there {
			return no(modbus.IllegalAddress)
		}
		b.registers[modbus.Coil][addr] = uint16(r.PDU[3] & 1)
		b.writes = append(b.writes, modbus.Range{Table: modbus.Coil, Addr: addr, Count: 1})
		return slices.Clone(r.PDU)
	case r.PDU[0] == single || r.PDU[0] == many:
		addr, values := binary.BigEndian.Uint16(r.PDU[1:]), r.PDU[3:]
		if r.PDU[0] == many {
			values = r.PDU[6:]
		}
		for k := 0; k+1 < len(values); k += 2 {
			b.registers[modbus.Holding][addr+uint16(k/2)] = binary.BigEndian.Uint16(values[k:])
		}
		b.writes = append(b.writes, modbus.Range{Table: modbus.Holding, Addr: addr, Count: uint16(len(values) / 2)})
		return slices.Clone(r.PDU[:5])
	default:
		return no(modbus.IllegalFunction)
	}
}

// coils is the answer to a read of coils. b.mu is held.
func (b *Bent) coils(r Request, at modbus.Range, no func(code uint8) []byte) []byte {
	const octet = 8
	bits := make([]byte, (at.Count+octet-1)/octet)
	for k := range at.Count {
		word, there := b.registers[modbus.Coil][at.Addr+k]
		if !there {
			return no(modbus.IllegalAddress)
		}
		bits[k/octet] |= byte(word&1) << (k % octet)
	}
	return append([]byte{r.PDU[0], byte(len(bits))}, bits...)
}
