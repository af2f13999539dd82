package config

import (
	"fmt"
	"time"

	"github.com/commonwatt/commonwatt/community"
	"github.com/commonwatt/commonwatt/matching"
)

// TradingText says when orders trade, as it is written in configurations and scenarios.
type TradingText struct {
	Trading   string        `yaml:"trading" eg:"calls" doc:"all orders wait for a call auction, which trades the best that can be made of them (docs/matching.md); or continuous: an order trades at once with what waits"`
	CallEvery time.Duration `yaml:"call_every" eg:"0s" doc:"hold a call auction before gate closure too, so often: in continuous trade for what crosses a line with a limit or fee; 0s: then alone"`
}

// Way returns how orders trade, and checks how often they are called. The error begins with the
// name of the field.
func (t TradingText) Way() (w matching.Trading, err error) {
	switch {
	case t.CallEvery != 0 && t.CallEvery < time.Second:
		return w, fmt.Errorf("call_every: %s: must be at least 1s, or 0: no call auction before gate closure", t.CallEvery)
	case t.CallEvery >= community.DefaultAhead:
		return w, fmt.Errorf("call_every: %s: must be less than %s: an interval opens for trade so long before it begins", t.CallEvery, community.DefaultAhead)
	case t.Trading == "":
		return matching.Calls, nil
	}
	if err := w.UnmarshalText([]byte(t.Trading)); err != nil {
		return w, fmt.Errorf("trading: %w", err)
	}
	return w, nil
}
