package matching

import (
	"fmt"
	"slices"
)

// Trading is how the orders of a product find each other. A product keeps the way that it was
// opened with.
type Trading uint8

// The ways to trade.
const (
	// Continuous lets an order trade at once with what waits; the call auction clears what is left.
	Continuous Trading = iota
	// Calls lets all orders rest until a call auction, at gate closure or before it, which clears
	// them at prices of their own. Nothing trades in the order of arrival, so that no order takes
	// another one's partner: what trades is the best that can be made of the orders. Orders that
	// would have to trade at once (immediate ones and blocks) are refused.
	Calls
)

// tradings returns the names by number.
func tradings() []string { return []string{"continuous", "calls"} }

// String returns the name as UnmarshalText reads it.
func (t Trading) String() string {
	if names := tradings(); int(t) < len(names) {
		return names[t]
	}
	return fmt.Sprintf("trading(%d)", uint8(t))
}

// MarshalText writes the name.
func (t Trading) MarshalText() ([]byte, error) { return []byte(t.String()), nil }

// UnmarshalText reads "continuous" or "calls".
func (t *Trading) UnmarshalText(b []byte) error {
	n := slices.Index(tradings(), string(b))
	if n < 0 {
		return fmt.Errorf("%q: must be one of %v", b, tradings())
	}
	*t = Trading(n)
	return nil
}

// Trading returns how the orders of a product trade that is opened now.
func (e *Engine) Trading() Trading { return e.trading }

// TradingOf returns how those of an open product do; of another one as it would.
func (e *Engine) TradingOf(label uint32) Trading {
	if p, open := e.find(label); open {
		return p.trading
	}
	return e.trading
}

// arrange changes how the orders of products trade that are opened from now on.
func (e *Engine) arrange(c *Command) {
	var t Trading
	if err := t.UnmarshalText([]byte(c.Name)); err != nil {
		e.reject(c, WrongTrading)
		return
	}
	e.trading = t
	e.answer(c, Done, c.Energy, NoReason)
}

// hasty tells whether an order would have to trade at once where orders wait for a call.
func (p *product) hasty(c *Command) bool {
	return p.trading == Calls && (c.Validity != GoodTillGate || c.Periods > 1)
}
