package modbus

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/goburrow/serial"
)

// A line carries RTU frames, over a serial port or TCP. Frames have a checksum
// but no label: nothing in an answer says which request it belongs to. The line
// therefore relies on order alone (a device answers one request after the
// other), and makes sure of it:
//
//   - bytes that are there before a request was sent belong to no request;
//   - bytes that make no frame, before an answer or behind it, are noise of the line, and
//     skipped: an answer begins where its checksum says so (see frames.go);
//   - an answer of another unit, function or length is not the answer;
//   - an answer that may be one that is still owed is believed only after a second
//     request, whose answer nothing earlier fits, was answered: by then everything
//     before it has arrived;
//   - an answer that equals the answer to another request, and any refusal that may
//     be owed, is believed only if the same request is answered alike once more.
//
// What remains: a copy of an answer that comes when the true answer to the same
// question is lost is taken for it, and is then as old as the copy is late.
//
// Whatever fails closes the line. The library's own RTU transport takes what
// comes; that is why it is not used here.
type line struct {
	endpoint Endpoint
	timeout  time.Duration
	silence  time.Duration // that marks the end of a frame
	port     port
	behind   []byte // what came behind the last answer
	lost     []lost
	heard    []heard // the last answers, oldest first
}

type port interface {
	io.ReadWriteCloser
	SetReadDeadline(t time.Time) error
}

const (
	readCoils      = 1
	readHolding    = 3
	readInput      = 4
	writeCoil      = 5
	writeSingle    = 6
	writeMultiple  = 16
	exceptionBit   = 0x80
	characterBits  = 11
	fastBaud       = 19200
	fastSilence    = 1750 * time.Microsecond // Modbus over Serial Line V1.02, 2.5.1.1
	rtuOverTCPBaud = fastBaud
	broadcast      = 0
)

var (
	errUnsolicited = errors.New("bytes came that no request asked for")
	errBroadcast   = errors.New("unit 0 of a line means all devices at once, and none answers: give the unit id that is set at the device")
	errChecksum    = errors.New("the answer's checksum is wrong")
)

func newLine(e Endpoint, timeout time.Duration) *line {
	baud := e.Baud
	if e.Scheme == RTUOverTCP {
		baud = rtuOverTCPBaud
	}
	silence := fastSilence
	if baud < fastBaud {
		silence = characterBits * time.Second * 7 / 2 / time.Duration(baud)
	}
	return &line{endpoint: e, timeout: timeout, silence: silence}
}

func (l *line) open() (err error) {
	if l.endpoint.Scheme == RTUOverTCP {
		l.port, err = dialPort(l.endpoint.Address, l.timeout)
	} else {
		l.port, err = openSerial(l.endpoint)
	}
	if err != nil {
		return err
	}
	l.behind = nil
	if err := l.discard(); err != nil {
		l.close()
		return err
	}
	return nil
}

// discard reads what came while nobody listened, until the line is silent.
func (l *line) discard() error {
	for range mostStale {
		if err := l.quiet(); !errors.Is(err, errUnsolicited) {
			return err
		}
	}
	return errUnsolicited
}

// mostStale bounds how many bytes are discarded: a line that never ends to talk
// is not ours.
const mostStale = 4096

func dialPort(address string, timeout time.Duration) (port, error) {
	return net.DialTimeout("tcp", address, timeout) //nolint:noctx // the owner of the connection has no context: a request that is under way is finished
}

func (l *line) close() { _ = l.port.Close() } // it is given up either way

func (l *line) read(unit uint8, table Table, addr, n uint16) ([]uint16, error) {
	if n == 0 || n > MaxRegisters {
		return nil, fmt.Errorf("a read of %d registers: must be 1 to %d", n, MaxRegisters)
	}
	answer, err := l.settled(ask{unit, readPDU(table.function(), addr, n)}, n)
	if err != nil {
		return nil, err
	}
	return values(table, []byte(answer[2:]), n), nil
}

// answerBytes is how many bytes answer a read of n registers or coils.
func answerBytes(function uint8, n uint16) int {
	const word, octet = 2, 8
	if function == readCoils {
		return (int(n) + octet - 1) / octet
	}
	return word * int(n)
}

// values are the n registers or coils in the bytes of an answer.
func values(table Table, b []byte, n uint16) []uint16 {
	if table == Coil {
		return coils(b, n)
	}
	return words(b)
}

// coils are the bits in the bytes of an answer, the lowest one first.
func coils(b []byte, n uint16) []uint16 {
	const octet = 8
	all := make([]uint16, n)
	for i := range all {
		all[i] = uint16(b[i/octet]>>(i%octet)) & 1
	}
	return all
}

// words are the registers in the bytes of an answer.
func words(b []byte) []uint16 {
	all := make([]uint16, len(b)/2)
	for i := range all {
		all[i] = binary.BigEndian.Uint16(b[2*i:])
	}
	return all
}

func readPDU(function uint8, addr, n uint16) string {
	return string([]byte{function, byte(addr >> 8), byte(addr), byte(n >> 8), byte(n)})
}

func writePDU(addr uint16, words []uint16) []byte {
	pdu := []byte(readPDU(writeMultiple, addr, uint16(len(words))))
	pdu = append(pdu, byte(2*len(words)))
	for _, w := range words {
		pdu = binary.BigEndian.AppendUint16(pdu, w)
	}
	return pdu
}

func (l *line) write(unit uint8, addr uint16, words []uint16) error {
	pdu := writePDU(addr, words)
	answer, err := l.settled(ask{unit, string(pdu)}, 0)
	if err == nil && answer != string(pdu[:5]) {
		return errNotTheAnswer
	}
	return err
}

func (l *line) writeOne(unit uint8, addr, word uint16) error {
	pdu := readPDU(writeSingle, addr, word) // the same shape: an address and a word
	answer, err := l.settled(ask{unit, pdu}, 0)
	if err == nil && answer != pdu {
		return errNotTheAnswer
	}
	return err
}

// coilPDU is a request that sets a coil: it has the shape of one that writes a word.
func coilPDU(addr uint16, on bool) string {
	const set = 0xff00
	if on {
		return readPDU(writeCoil, addr, set)
	}
	return readPDU(writeCoil, addr, 0)
}

func (l *line) writeCoil(unit uint8, addr uint16, on bool) error {
	pdu := coilPDU(addr, on)
	answer, err := l.settled(ask{unit, pdu}, 0)
	if err == nil && answer != pdu {
		return errNotTheAnswer
	}
	return err
}

func (l *line) identify(unit, category, object uint8) ([]byte, error) {
	answer, err := l.settled(ask{unit, string(identification(category, object))}, 0)
	if err != nil {
		return nil, err
	}
	return checkIdentification([]byte(answer))
}

// exchange sends a request and returns the frame that answers it, from the
// function code on. A request without an answer is remembered.
func (l *line) exchange(a ask, words uint16) (string, error) {
	if a.unit == broadcast {
		return "", errBroadcast
	}
	if err := l.quiet(); err != nil {
		return "", err
	}
	frame := Frame(a.unit, []byte(a.pdu))
	if _, err := l.port.Write(frame); err != nil {
		return "", err
	}
	answer, err := l.answer(a, words, string(frame))
	if err != nil {
		l.lost = append(l.lost, lost{shape{a.unit, a.pdu[0], words}, time.Now()})
		return "", err
	}
	return answer, nil
}

// quiet waits for the silence between frames. A few bytes that make no frame are noise;
// a frame that comes in belongs to no request, and quiet fails.
func (l *line) quiet() error {
	noise := l.behind
	l.behind = nil
	for {
		if err := l.port.SetReadDeadline(time.Now().Add(l.silence)); err != nil {
			return err
		}
		var some [mostNoise]byte
		n, err := l.port.Read(some[:])
		noise = append(noise, some[:n]...)
		switch {
		case len(noise) > mostNoise || holdsFrame(noise):
			return errUnsolicited
		case n > 0:
			continue
		case isTimeout(err):
			return nil
		default:
			return err
		}
	}
}

func isTimeout(err error) bool {
	var t net.Error
	return errors.As(err, &t) && t.Timeout()
}

// Frame wraps what is said from the function code on as it goes over a line.
func Frame(unit uint8, pdu []byte) []byte {
	frame := append([]byte{unit}, pdu...)
	return binary.LittleEndian.AppendUint16(frame, checksum(frame))
}

// checksum is the CRC of Modbus over Serial Line V1.02, 2.5.1.2.
func checksum(frame []byte) uint16 {
	const polynomial = 0xa001
	crc := uint16(0xffff)
	for _, b := range frame {
		crc ^= uint16(b)
		for range 8 {
			carry := crc&1 != 0
			crc >>= 1
			if carry {
				crc ^= polynomial
			}
		}
	}
	return crc
}

// serialPort gives a serial port a deadline.
type serialPort struct {
	serial.Port
	deadline time.Time
}

func openSerial(e Endpoint) (port, error) {
	p, err := serial.Open(&serial.Config{
		Address: e.Address, BaudRate: e.Baud, DataBits: 8, StopBits: e.StopBits,
		Parity: map[string]string{"none": "N", "even": "E", "odd": "O"}[e.Parity], Timeout: time.Millisecond,
	})
	if err != nil {
		return nil, err
	}
	return &serialPort{Port: p}, nil
}

func (p *serialPort) SetReadDeadline(t time.Time) error {
	p.deadline = t
	return nil
}

func (p *serialPort) Read(b []byte) (int, error) {
	for {
		n, err := p.Port.Read(b)
		if n > 0 || !errors.Is(err, serial.ErrTimeout) {
			return n, err
		}
		if time.Now().After(p.deadline) {
			return 0, serialTimeoutError{}
		}
	}
}

type serialTimeoutError struct{}

func (serialTimeoutError) Error() string   { return "no answer in time" }
func (serialTimeoutError) Timeout() bool   { return true }
func (serialTimeoutError) Temporary() bool { return true }
