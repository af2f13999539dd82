package matching

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/commonwatt/commonwatt/grid"
)

// Kind says what a command asks for.
type Kind uint8

// The commands, with the fields that they read beside Time and Name.
const (
	Begin   Kind = iota + 1 // a log under the rules whose digest is Name
	Admit                   // a metering point: Account, Member, Node; the numbers are known or the next ones
	Limit                   // what a metering point can import (Bid) or export (Offer) in an interval: Account, Side, Energy; the first before its first order
	Fund                    // a member's prepaid balance as of now, and what energy costs that it fails to deliver: Member, Money, Price; the first, and another price, while it has no order or trade
	Open                    // a product for trade: Product
	Submit                  // an order: Product, Account, Order, Side, Validity, Periods, Price, Energy
	Replace                 // price and energy left of a resting order: Account (0: the operator), Order, Price, Energy
	Cancel                  // a resting order or block: Account (0: the operator, who may cancel all), Order
	Close                   // a product at gate closure: Product
	Release                 // what is reserved for the trades of a closed product, which is settled: Product
	Call                    // a call auction among what waits for a product that stays open: Product
	Amend                   // price and total of a resting order, of which what was filled is part: Account (0: the operator), Order, Price, Energy, Node (the version that it replaces, 0: whichever); see Engine.Amend
	Requote                 // what the price of an order must be in products that are opened from now on: Name (Quotes)
	Arrange                 // how the orders of products trade that are opened from now on: Name (Trading)
)

// Validity says how long an order may wait.
type Validity uint8

// The validities. What is left of an order that is good till the gate takes
// part in the call auction.
const (
	GoodTillGate Validity = iota
	ImmediateOrCancel
	FillOrKill
)

// Command is one input of the engine. Fields that its kind does not read are
// zero. No two small fields follow each other as they do in an encoded command
// or in an event: the compiler would copy both with one wide load, which waits
// for the narrow stores that have just filled them in.
type Command struct {
	Kind     Kind
	Validity Validity
	Side     grid.Side
	Periods  uint8  // of a block: so many consecutive products, each with Energy, all or none; 0 and 1: not a block
	Account  uint32 // metering point
	Product  uint32
	Node     uint32
	Member   uint32
	Time     int64       // world time, unix ms
	Order    uint64      // unique while the order lives
	Price    grid.Price  // limit; of a block the mean over its products
	Energy   grid.Energy // Wh, > 0
	Money    grid.Money
	Name     string // the caller's, carried along, at most 64 KiB
}

// commandSize is that of an encoded command without its name.
const commandSize = 64

// MaxName is the length of the longest name in bytes.
const MaxName = math.MaxUint16

// AppendBinary appends the command's 64 bytes, little endian, and its name:
//
//	kind side validity periods product account member node time order price
//	energy money length(u16) 0(u16) name
//
// It fails when the name is too long.
func (c *Command) AppendBinary(b []byte) ([]byte, error) {
	if len(c.Name) > MaxName {
		return b, errors.New("name: too long")
	}
	at := len(b)
	b = slices.Grow(b, commandSize+len(c.Name))[:at+commandSize]
	w := b[at:]
	_ = w[commandSize-1]
	w[0], w[1], w[2], w[3] = byte(c.Kind), byte(c.Side), byte(c.Validity), c.Periods
	le := binary.LittleEndian
	le.PutUint32(w[4:], c.Product)
	le.PutUint32(w[8:], c.Account)
	le.PutUint32(w[12:], c.Member)
	le.PutUint32(w[16:], c.Node)
	le.PutUint64(w[20:], uint64(c.Time))
	le.PutUint64(w[28:], c.Order)
	le.PutUint64(w[36:], uint64(c.Price))
	le.PutUint64(w[44:], uint64(c.Energy))
	le.PutUint64(w[52:], uint64(c.Money))
	le.PutUint32(w[60:], uint32(len(c.Name))) // its upper half is 0
	return append(b, c.Name...), nil
}

// DecodeCommand reads a command from the front of b and returns what follows.
func DecodeCommand(b []byte) (c Command, rest []byte, err error) {
	if len(b) < commandSize {
		return c, b, errors.New("command: shorter than 64 bytes")
	}
	le := binary.LittleEndian
	size := commandSize + int(le.Uint16(b[60:]))
	if len(b) < size || le.Uint16(b[62:]) != 0 {
		return c, b, errors.New("command: its name is cut short, or the padding is not zero")
	}
	return Command{
		Kind: Kind(b[0]), Side: grid.Side(b[1]), Validity: Validity(b[2]), Periods: b[3],
		Product: le.Uint32(b[4:]), Account: le.Uint32(b[8:]), Member: le.Uint32(b[12:]), Node: le.Uint32(b[16:]),
		Time: int64(le.Uint64(b[20:])), Order: le.Uint64(b[28:]), Price: grid.Price(le.Uint64(b[36:])),
		Energy: grid.Energy(le.Uint64(b[44:])), Money: grid.Money(le.Uint64(b[52:])), Name: string(b[commandSize:size]),
	}, b[size:], nil
}

// String returns the validity as UnmarshalText reads it.
func (v Validity) String() string {
	if names := validities(); int(v) < len(names) {
		return names[v]
	}
	return fmt.Sprintf("validity(%d)", uint8(v))
}

// MarshalText writes the name of the validity.
func (v Validity) MarshalText() ([]byte, error) { return []byte(v.String()), nil }

// UnmarshalText reads "good_till_gate", "immediate_or_cancel" or
// "fill_or_kill".
func (v *Validity) UnmarshalText(b []byte) error {
	for n, name := range validities() {
		if name == string(b) {
			*v = Validity(n)
			return nil
		}
	}
	return fmt.Errorf("validity: %q: must be one of %v", b, validities())
}

func validities() []string { return []string{"good_till_gate", "immediate_or_cancel", "fill_or_kill"} }
