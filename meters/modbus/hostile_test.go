package modbus_test

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/meters/modbus"
)

// A hostile bus answers correctly at first, and then does to the frames what
// bad wires, radio bridges and serial gateways do. What it sends, it sends in
// order; a serial gateway sends it to whoever is connected by then.
type hostile struct {
	rtu    bool
	faults []string // one in three answers gets one of these
	values func(unit uint8, table byte, addr uint16, version uint16) uint16

	mu      sync.Mutex
	r       *rand.Rand
	version uint16
	asked   time.Time // when the last read began
	conn    net.Conn  // the last that connected
	kept    sending   // a frame that comes again after the next one
	queue   chan sending
	count   map[string]int
}

type sending struct {
	to    net.Conn // nil: who is connected by then
	frame []byte
	after time.Duration
	until time.Time // on a busy machine it is lost then
}

const hostileTimeout = 20 * time.Millisecond

// hostileLate is how long after a read began a frame of its can come at most. What comes
// ten timeouts after its request cannot be told from the answer to a later one: a machine
// that is so busy that it holds up the sender must not make the bus worse than the reader
// can know.
const hostileLate = 7 * hostileTimeout

func startHostile(t *testing.T, h *hostile) string {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	h.queue, h.count = make(chan sending, 1000), map[string]int{}
	var all sync.WaitGroup
	all.Go(func() {
		for s := range h.queue {
			time.Sleep(s.after) // the bus is slow, by the clock that the reader's timeout goes by
			if time.Now().After(s.until) {
				h.lose()
				continue
			}
			if s.to == nil {
				h.mu.Lock()
				s.to = h.conn
				h.mu.Unlock()
			}
			_, _ = s.to.Write(s.frame) // it may be gone
		}
	})
	var sessions sync.WaitGroup
	all.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			h.mu.Lock()
			h.conn = conn
			h.mu.Unlock()
			sessions.Go(func() { h.serve(conn) })
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		sessions.Wait()
		close(h.queue)
		all.Wait()
	})
	return l.Addr().String()
}

func (h *hostile) serve(conn net.Conn) {
	defer conn.Close()
	for {
		request := make([]byte, 8) // RTU: unit, function, address, count, checksum
		if !h.rtu {
			request = make([]byte, 12) // 6 of header, unit, function, address, count
		}
		if _, err := io.ReadFull(conn, request); err != nil {
			return
		}
		h.answer(conn, request)
	}
}

func (h *hostile) answer(conn net.Conn, request []byte) {
	h.mu.Lock()
	defer h.mu.Unlock()
	until := h.asked.Add(hostileLate)
	pdu := request[1:6]
	unit := request[0]
	if !h.rtu {
		unit, pdu = request[6], request[7:12]
	}
	h.version++
	addr, n := binary.BigEndian.Uint16(pdu[1:]), binary.BigEndian.Uint16(pdu[3:])
	body := []byte{unit, pdu[0], byte(2 * n)}
	for i := range n {
		body = binary.BigEndian.AppendUint16(body, h.values(unit, pdu[0], addr+i, h.version))
	}
	if addr+n > 900 {
		body = []byte{unit, pdu[0] | 0x80, modbus.IllegalAddress}
	}
	fault := "none"
	if h.r.IntN(3) == 0 {
		fault = h.faults[h.r.IntN(len(h.faults))]
	}
	h.count[fault]++
	frame := h.frame(request, body)
	again := h.kept
	h.kept = sending{}
	if h.rtu {
		conn = nil // a bus has no connections
	}
	send := func(frame []byte, after time.Duration) { h.queue <- sending{conn, frame, after, until} }
	switch fault {
	case "none":
		send(frame, 0)
	case "delay":
		send(frame, time.Duration(h.r.Int64N(int64(3*hostileTimeout))))
	case "drop":
	case "duplicate":
		send(frame, 0)
		send(frame, 0)
	case "duplicate later":
		send(frame, 0)
		h.kept = sending{conn, frame, 0, until}
	case "truncate":
		send(frame[:1+h.r.IntN(len(frame)-1)], 0)
	case "unit":
		body[0] ^= 3
		send(h.frame(request, body), 0)
	case "function":
		body[1] ^= 7
		send(h.frame(request, body), 0)
	case "length":
		body[2] += 2
		send(h.frame(request, append(body, 0, 0)), 0)
	case "label":
		frame = slices.Clone(frame)
		frame[h.r.IntN(2)] ^= 1
		send(frame, 0)
	case "noise":
		noise := make([]byte, 1+h.r.IntN(12))
		for i := range noise {
			noise[i] = byte(h.r.Uint32())
		}
		send(slices.Concat(noise, frame), 0)
	}
	if again.frame != nil {
		again.to, again.after = conn, time.Duration(h.r.Int64N(int64(hostileTimeout)))
		h.queue <- again
	}
}

func (h *hostile) frame(request, body []byte) []byte {
	if h.rtu {
		return binary.LittleEndian.AppendUint16(slices.Clone(body), crc(body))
	}
	frame := slices.Clone(request[:4])
	return append(binary.BigEndian.AppendUint16(frame, uint16(len(body))), body...)
}

// crc is written out anew from Modbus over Serial Line V1.02, 6.2.2, by the
// shift register of its figure rather than the reader's loop.
func crc(frame []byte) uint16 {
	register := uint16(0xffff)
	for _, b := range frame {
		for bit := range 8 {
			feedback := register&1 ^ uint16(b>>bit)&1
			register >>= 1
			if feedback == 1 {
				register ^= 0xa001
			}
		}
	}
	return register
}

// TestNoAnswerGoesToAnotherRequest reads from hostile buses. A read may fail;
// what it returns must be what the asked registers of the asked unit show at
// that moment.
func TestNoAnswerGoesToAnotherRequest(t *testing.T) {
	// The upper bits tell the register, the lower the request.
	marked := func(unit uint8, table byte, addr, version uint16) uint16 {
		return (uint16(unit)*37+uint16(table)*11+addr*5)&63<<10 | version&1023
	}
	// Few values, so that answers from different registers are often equal.
	few := func(unit uint8, table byte, addr, _ uint16) uint16 {
		return (uint16(unit)*37 + uint16(table)*11 + addr*addr*5) % 7 / 5
	}
	for _, c := range []struct {
		name   string
		scheme string
		faults []string
		values func(unit uint8, table byte, addr, version uint16) uint16
		fresh  bool // the answer must be to this very request
	}{
		{"tcp", "tcp://", []string{"delay", "drop", "duplicate", "duplicate later", "truncate", "unit", "function", "length", "label"}, marked, true},
		{"line that loses", "rtuovertcp://", []string{"delay", "drop", "truncate", "unit", "function", "length", "label", "noise"}, marked, true},
		{"line that repeats", "rtuovertcp://", []string{"delay", "duplicate", "duplicate later", "unit", "function"}, marked, true},
		{"line that does both", "rtuovertcp://", []string{"delay", "drop", "duplicate", "duplicate later", "truncate", "unit", "function", "length", "label", "noise"}, marked, false},
		{"line with equal answers", "rtuovertcp://", []string{"delay", "duplicate", "duplicate later", "unit", "function"}, few, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			h := &hostile{rtu: c.scheme != "tcp://", faults: c.faults, values: c.values, r: rand.New(rand.NewPCG(4, 2))}
			conn := modbus.Open(endpoint(t, c.scheme+startHostile(t, h)), modbus.Options{Timeout: hostileTimeout})
			defer conn.Close()
			r := rand.New(rand.NewPCG(1, 7))
			good, refused := 0, 0
			for range 500 {
				unit, addr, n := uint8(1+r.IntN(2)), uint16(r.IntN(20)*8), uint16(1+r.IntN(2)*3)
				table, function := modbus.Holding, byte(3)
				if r.IntN(4) == 0 {
					table, function = modbus.Input, 4
				}
				if r.IntN(10) == 0 {
					addr = 950 // refused
				}
				before := h.ask()
				words, err := conn.Read(context.Background(), unit, table, addr, n)
				if ex := (*modbus.ExceptionError)(nil); errors.As(err, &ex) {
					refused++
					if addr != 950 {
						t.Errorf("registers %d were refused, and are there", addr)
					}
				}
				if err != nil {
					continue
				}
				good++
				for i, w := range words {
					version := w & 1023
					if !c.fresh {
						version = before + 1
					}
					stale := c.fresh && (version-before-1)&1023 > 100
					mask := uint16(0xffff)
					if c.fresh {
						mask = 0xffff &^ 1023
					} else if h.values(1, 3, 0, 0) != h.values(1, 3, 0, 1) {
						mask, version = 0xffff&^1023, 0
					}
					if want := c.values(unit, function, addr+uint16(i), version); stale || (w^want)&mask != 0 || addr == 950 {
						t.Fatalf("unit %d %s register %d: %#x, want %#x (stale: %t, at request %d)", unit, table, int(addr)+i, w, want, stale, before)
					}
				}
			}
			t.Logf("%d of 500 reads good, %d refused; faults %v", good, refused, h.counts())
			if good < 100 || refused < 5 {
				t.Errorf("only %d reads succeeded, %d were refused: nothing was tested", good, refused)
			}
		})
	}
}

// lose counts a frame that the machine was too busy to send in time.
func (h *hostile) lose() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.count["lost by the machine"]++
}

// ask returns how many requests came before a read that begins now.
func (h *hostile) ask() uint16 {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.asked = time.Now()
	return h.version
}

func (h *hostile) counts() map[string]int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.count
}
