package matching

import (
	"errors"
	"fmt"

	"github.com/commonwatt/commonwatt/grid"
)

// EventKind says what happened.
type EventKind uint8

// The events. Done answers a command that is no order and has no better event.
const (
	Done      EventKind = iota + 1
	Opened              // the product
	Accepted            // the order, with its energy as submitted
	Rejected            // the command, with the reason
	Traded              // part of two orders
	Replaced            // the order, with its new price and energy
	Cancelled           // what was left of the order, with the reason
	Expired             // what was left of the order at gate closure
	Cleared             // the product's call auction at gate closure: volume and, unless it is 0, the price at the root
	Called              // a call auction before that, likewise
)

// Event is one output of the engine. Every command has at least one.
type Event struct {
	Seq          uint64      // from 1 without gaps
	Order        uint64      // of a trade the order that came in, in the call auction the bid
	Maker        uint64      // of a trade the other order
	Price        grid.Price  // limit of the order; of a trade what the buyer pays per kWh
	OfferPrice   grid.Price  // of a trade what the seller gets per kWh
	Energy       grid.Energy // Wh: traded, or left
	Product      uint32
	Account      uint32 // of Order
	MakerAccount uint32
	Kind         EventKind
	Side         grid.Side // of Order
	Reason       Reason
}

// Reason says why a command was rejected or an order cancelled.
type Reason uint8

// The reasons.
const (
	NoReason Reason = iota
	UnknownCommand
	OtherRules
	UnknownAccount
	UnknownNode
	UnknownMember
	WrongNumber
	OtherMember
	AlreadyOpen
	NotOpen
	NotClosed
	UnknownOrder
	DuplicateOrder
	WrongSide
	WrongEnergy
	WrongValidity
	OffTick
	OutsideCollar
	WrongPeriods
	BlocksFull
	NotABlocksBusiness
	NoPrepaidBlocks
	AboveLimit
	AboveBalance
	HasOrders
	WrongMoney
	OwnOrder
	NotFillable
	Unfilled
	ByMember
	ByOperator
	GateClosed
	OtherVersion
	BelowFilled
	TotalReached
	WrongQuotes
	OtherQuotes
	OnlyCalls
	WrongTrading
)

// ErrOtherRules reports a log or snapshot of a market with other rules.
var ErrOtherRules = errors.New("the market was begun with another feeder, tick or collar: put these back in the configuration, or start with new data")

// String returns a sentence that names the field and the remedy.
func (r Reason) String() string {
	if texts := reasons(); int(r) < len(texts) {
		return texts[r]
	}
	return fmt.Sprintf("reason %d", uint8(r))
}

func reasons() [39]string {
	return [...]string{
		NoReason:           "",
		UnknownCommand:     "kind: unknown command",
		OtherRules:         "the log was begun under other rules of the market",
		UnknownAccount:     "account: no such metering point; admit it first",
		UnknownNode:        "node: the feeder has no such node",
		UnknownMember:      "member: no such member; admit a metering point of it first",
		WrongNumber:        "account, member: must be known or the next number",
		OtherMember:        "account: the metering point belongs to another member or node",
		AlreadyOpen:        "product: already open",
		NotOpen:            "interval: not open for trade",
		NotClosed:          "product: not closed, or released already",
		UnknownOrder:       "order: the metering point has no such order waiting",
		DuplicateOrder:     "order: an order of this number is waiting already",
		WrongSide:          "side: must be bid or offer",
		WrongEnergy:        "energy: must be from 1 to 4294967295 Wh; the side carries the direction",
		WrongValidity:      "validity: unknown",
		OffTick:            "price: not a multiple of the market's tick",
		OutsideCollar:      "price: outside of the market's collar",
		WrongPeriods:       "periods: all intervals of a block must be open",
		BlocksFull:         "interval: too many blocks are waiting; try again later",
		NotABlocksBusiness: "periods: a block waits till the gate of its first product or is immediate; it cannot be replaced",
		NoPrepaidBlocks:    "periods: what a block may come to cost in single intervals is not bounded, so that a prepaid member cannot place it",
		AboveLimit:         "energy: more than the metering point can carry in the interval, with its other orders and trades",
		AboveBalance:       "energy: what the member may come to owe would exceed its prepaid balance; pay in or order less",
		HasOrders:          "member: has orders or unsettled trades; fund it for the first time when it has none",
		WrongMoney:         "money: a balance cannot be negative",
		OwnOrder:           "it would trade with an order of the same member",
		NotFillable:        "the book cannot fill all of it at its limit",
		Unfilled:           "immediate or cancel: this is what the book could not fill",
		ByMember:           "by the member",
		ByOperator:         "by the operator of the market",
		GateClosed:         "the gate has closed",
		OtherVersion:       "version: the order was replaced meanwhile; look at it and name the version that it has now",
		BelowFilled:        "energy: more than that was filled already; it is the order's total, of which what was filled is part",
		TotalReached:       "its total is what was filled",
		WrongQuotes:        "name: must be tick, floor and ceiling of a collar that the market can have",
		OtherQuotes:        "periods: the intervals have other price steps or bounds; place a block for those that have the same",
		OnlyCalls:          "validity, periods: all orders of this market wait for the call auction, where an order that must trade at once and a block cannot; send single intervals, good till the gate",
		WrongTrading:       "name: must be continuous or calls",
	}
}
