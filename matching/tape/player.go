package tape

import (
	"fmt"
	"math"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/matching"
	"github.com/commonwatt/commonwatt/matching/journal"
)

// Check is what an engine made of a tape. Two engines agree when their checks
// are equal.
type Check struct {
	Trades uint64
	Energy uint64 // Wh
	Hash   uint64 // over maker, taker, price and energy of every trade, in order
}

const (
	hashOrder = 0x9E3779B97F4A7C15
	hashPrime = 0x100000001B3
)

func (c *Check) add(maker, taker, tick, energy uint64) {
	c.Trades++
	c.Energy += energy
	c.Hash = (c.Hash ^ (maker*hashOrder + taker)) * hashPrime
	c.Hash = (c.Hash ^ (tick<<32 | energy)) * hashPrime
}

// See adds the trades among the events of a command.
func (c *Check) See(events []matching.Event) {
	for i := range events {
		if ev := &events[i]; ev.Kind == matching.Traded {
			c.add(ev.Maker, ev.Order, uint64(ev.Price), uint64(ev.Energy))
		}
	}
}

// perSide is how many members bid, and how many others offer: nobody trades
// with itself, but the engine has to look.
const perSide = 256

// Engine is what a tape can be played on.
type Engine interface {
	Apply(c *matching.Command) []matching.Event
}

// Player feeds an engine from a tape as the market does: the command is encoded
// for the journal, in frames, and applied; its events are read.
type Player struct {
	engine  Engine
	command matching.Command
	frame   []byte
	framed  int
	before  uint64 // commands in earlier frames
	check   Check
}

// Rules are those of a market on which a tape can be played.
func Rules(maxTick uint32) matching.Config {
	return matching.Config{Feeder: grid.SingleNode(), Tick: 1, Floor: 0, Ceiling: grid.Price(maxTick)}
}

// Setup returns the commands that prepare a market for a tape: they admit
// members and open the products.
func Setup(products uint32) []matching.Command {
	var commands []matching.Command
	for n := range uint32(2 * perSide) {
		commands = append(commands, matching.Command{Kind: matching.Admit, Account: n + 1, Member: n + 1})
	}
	for n := range products {
		commands = append(commands, matching.Command{Kind: matching.Open, Product: n})
	}
	return commands
}

// NewPlayer prepares an engine that follows the Rules.
func NewPlayer(e Engine, products uint32) *Player {
	commands := Setup(products)
	for i := range commands {
		e.Apply(&commands[i])
	}
	return &Player{engine: e}
}

// account is whose order it is.
func (r *Record) account() uint32 {
	return 1 + uint32(r.Order%perSide) + perSide*uint32(r.Side-grid.Bid)
}

// asked is what an operation asks of the engine. A table, because a branch
// that depends on the tape would be mispredicted in the engine's place.
var asked = [...]struct { //nolint:gochecknoglobals // a constant
	kind     matching.Kind
	validity matching.Validity
	own      uint32 // all bits set: asked by the account, else by the operator
}{
	Add:    {matching.Submit, matching.GoodTillGate, math.MaxUint32},
	Cancel: {matching.Cancel, matching.GoodTillGate, 0},
	Take:   {matching.Submit, matching.ImmediateOrCancel, math.MaxUint32},
}

// Command sets c to the record's command; an order is cancelled by the operator,
// because the record does not tell whose it is.
func (r *Record) Command(c *matching.Command) {
	ask := &asked[r.Op]
	c.Kind, c.Validity, c.Account = ask.kind, ask.validity, r.account()&ask.own
	c.Side, c.Product, c.Order = r.Side, uint32(r.Product), r.Order
	c.Price, c.Energy = grid.Price(r.Tick), grid.Energy(r.Energy)
}

// framedAt is how many commands share a frame of the journal.
const framedAt = 64

// Play plays records.
func (p *Player) Play(records []Record) error {
	for i := range records {
		records[i].Command(&p.command)
		if err := p.encode(&p.command); err != nil {
			return fmt.Errorf("record of order %d: %w", records[i].Order, err)
		}
		p.check.See(p.engine.Apply(&p.command))
	}
	return nil
}

func (p *Player) encode(c *matching.Command) (err error) {
	if p.framed == 0 {
		p.frame = journal.Begin(p.frame[:0])
	}
	p.frame, err = c.AppendBinary(p.frame)
	if p.framed++; p.framed == framedAt {
		journal.Seal(p.frame, p.before)
		p.before += framedAt
		p.framed = 0
	}
	return err
}

// Check returns that of all that was played.
func (p *Player) Check() Check { return p.check }
