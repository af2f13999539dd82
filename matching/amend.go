package matching

import "github.com/commonwatt/commonwatt/grid"

// Amend carries out a command of that kind: it gives a resting order another price and total.
// The engine knows what an order has left and not what it was filled with, nor how often it
// was amended, its version: who keeps the orders' history says both, as of now. An order whose
// total is what was filled has nothing left to wait for. The events are valid until the next
// command.
//
// Unlike a Replace, which states the energy left, an Amend that comes twice asks for the same.
func (e *Engine) Amend(c *Command, filled grid.Energy, version uint32) []Event {
	e.events = e.events[:0]
	rest := *c
	rest.Kind, rest.Node, rest.Energy = Replace, 0, c.Energy-filled
	number := e.owned(c)
	var why Reason
	if number != 0 {
		_, at := e.books.Get(number)
		why = misquoted(c, e.quotesAt(at.Book))
	}
	switch {
	case number == 0:
		e.replace(&rest) // says why there is none to be replaced
	case c.Node != 0 && c.Node != version:
		e.reject(c, OtherVersion)
	case why != NoReason:
		e.reject(c, why)
	case c.Energy < filled:
		e.reject(c, BelowFilled)
	case c.Energy == filled:
		o, at := e.books.Get(number)
		e.books.Cancel(number)
		e.gone(&o, at, Cancelled, TotalReached)
	default:
		e.replace(&rest)
	}
	return e.events
}

// Acknowledge answers a command that asks for what is so already. The events are valid until
// the next command.
func (e *Engine) Acknowledge(c *Command) []Event {
	e.events = e.events[:0]
	e.answer(c, Done, c.Energy, NoReason)
	return e.events
}
