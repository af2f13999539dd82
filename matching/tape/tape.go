// Package tape reads, makes and plays recorded order flow, so that engines can
// be compared: the same commands, a check over every trade, the time that each
// took.
//
// # Format
//
// Little endian. A header of 64 bytes: "OBWL1\0\0\0", u64 number of records,
// u64 how many of them fill the book and are not timed, u64 seed, u32 products,
// u32 highest tick, u64 highest order id, zeros. A record has 24 bytes: u64
// order id, u32 price in ticks from 1, u32 quantity, u8 operation (see Op), u8
// side (0 buy, 1 sell), u16 product, u32 zero. An order id is unique while the
// order lives; a cancel may miss.
package tape

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/commonwatt/commonwatt/grid"
)

// Op says what a record does.
type Op uint8

// The operations.
const (
	Add    Op = iota + 1 // a limit order, good till cancelled
	Cancel               // an order
	Take                 // immediate or cancel, at the price or better
)

// Record is one command.
type Record struct {
	Order   uint64
	Tick    uint32
	Energy  uint32 // Wh
	Op      Op
	Side    grid.Side
	Product uint16
}

// Tape is recorded order flow.
type Tape struct {
	Seed     uint64
	Products uint32
	MaxTick  uint32
	Prefill  uint64 // so many of the first records are not timed
	Records  []Record
}

const (
	magic      = "OBWL1\x00\x00\x00"
	headerSize = 64
	// RecordSize is that of an encoded record in bytes.
	RecordSize = 24
)

// Read reads a tape to its end. Errors name the record that is wrong.
func Read(r io.Reader) (Tape, error) {
	in := bufio.NewReaderSize(r, 1<<20)
	var header [headerSize]byte
	if _, err := io.ReadFull(in, header[:]); err != nil {
		return Tape{}, fmt.Errorf("tape: header: %w", err)
	}
	if string(header[:len(magic)]) != magic {
		return Tape{}, errors.New("tape: header: does not begin with OBWL1")
	}
	le := binary.LittleEndian
	n := le.Uint64(header[8:])
	t := Tape{Prefill: le.Uint64(header[16:]), Seed: le.Uint64(header[24:]), Products: le.Uint32(header[32:]), MaxTick: le.Uint32(header[36:])}
	if t.Prefill > n || t.Products > 1<<16 {
		return Tape{}, fmt.Errorf("tape: header: prefill %d of %d records, %d products", t.Prefill, n, t.Products)
	}
	t.Records = make([]Record, 0, min(n, 1<<16))
	var b [RecordSize]byte
	for i := range n {
		if _, err := io.ReadFull(in, b[:]); err != nil {
			return Tape{}, fmt.Errorf("tape: record %d of %d: %w", i, n, err)
		}
		rec := DecodeRecord(b[:])
		if rec.Op < Add || rec.Op > Take || b[17] > 1 || uint32(rec.Product) >= t.Products || rec.Op != Cancel && (rec.Tick < 1 || rec.Tick > t.MaxTick) {
			return Tape{}, fmt.Errorf("tape: record %d: op %d, side %d, product %d, tick %d: out of range", i, b[16], b[17], rec.Product, rec.Tick)
		}
		t.Records = append(t.Records, rec)
	}
	if _, err := in.ReadByte(); !errors.Is(err, io.EOF) {
		return Tape{}, fmt.Errorf("tape: there is more after its %d records", n)
	}
	return t, nil
}

// DecodeRecord reads a record from RecordSize bytes.
func DecodeRecord(b []byte) Record {
	le := binary.LittleEndian
	return Record{
		Order: le.Uint64(b), Tick: le.Uint32(b[8:]), Energy: le.Uint32(b[12:]), Op: Op(b[16]),
		Side: grid.Bid + grid.Side(b[17]), Product: le.Uint16(b[18:]),
	}
}

// AppendBinary appends the record's bytes.
func (r Record) AppendBinary(b []byte) []byte {
	le := binary.LittleEndian
	b = le.AppendUint64(b, r.Order)
	b = le.AppendUint32(b, r.Tick)
	b = le.AppendUint32(b, r.Energy)
	b = append(b, byte(r.Op), byte(r.Side-grid.Bid))
	b = le.AppendUint16(b, r.Product)
	return le.AppendUint32(b, 0)
}

// Write writes the tape.
func (t Tape) Write(w io.Writer) error {
	out := bufio.NewWriterSize(w, 1<<20)
	le := binary.LittleEndian
	header := append([]byte(magic), make([]byte, headerSize-len(magic))...)
	le.PutUint64(header[8:], uint64(len(t.Records)))
	le.PutUint64(header[16:], t.Prefill)
	le.PutUint64(header[24:], t.Seed)
	le.PutUint32(header[32:], t.Products)
	le.PutUint32(header[36:], t.MaxTick)
	var last uint64
	for _, r := range t.Records {
		last = max(last, r.Order)
	}
	le.PutUint64(header[40:], last)
	_, err := out.Write(header)
	for _, r := range t.Records {
		if err != nil {
			break
		}
		var b [RecordSize]byte
		_, err = out.Write(r.AppendBinary(b[:0]))
	}
	if err != nil {
		return fmt.Errorf("write tape: %w", err)
	}
	return out.Flush()
}
