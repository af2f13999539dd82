package community

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/matching"
)

// savedMarket is a market at rest. What settlement knows comes from the bus.
type savedMarket struct {
	Engine    json.RawMessage `json:"engine"`
	Points    []Point         `json:"points"` // by account
	Members   []string        `json:"members"`
	Orders    []Order         `json:"orders"` // by number
	Next      uint64          `json:"next"`
	Trades    []grid.Trade    `json:"trades"` // by interval
	Counts    Counts          `json:"counts"`
	Intervals []savedInterval `json:"intervals"` // by time
}

type savedInterval struct {
	Interval grid.Interval `json:"interval"`
	Closed   bool          `json:"closed"`
}

// Snapshot returns the state after the last command.
func (m *Market) Snapshot() ([]byte, error) {
	engine, err := m.engine.Snapshot()
	if err != nil {
		return nil, err
	}
	s := savedMarket{
		Engine: engine, Points: m.points[1:], Members: make([]string, len(m.members)), Next: m.next, Trades: m.Trades(), Counts: m.counts,
	}
	for name, n := range m.members {
		s.Members[n-1] = name
	}
	for _, number := range slices.Sorted(maps.Keys(m.orders)) {
		s.Orders = append(s.Orders, *m.orders[number])
	}
	// What is due is not what was done: only the commands count.
	for _, i := range slices.SortedFunc(maps.Keys(m.gates), grid.Interval.Compare) {
		s.Intervals = append(s.Intervals, savedInterval{i, m.gates[i].closed})
	}
	b, err := json.Marshal(s)
	if err != nil {
		return nil, fmt.Errorf("save the market: %w", err)
	}
	return b, nil
}

// Restore replaces the state by a saved one.
func (m *Market) Restore(snapshot []byte) error {
	var s savedMarket
	if err := json.Unmarshal(snapshot, &s); err != nil {
		return fmt.Errorf("restore the market: %w", err)
	}
	engine, err := matching.Restore(m.rules, s.Engine)
	if err != nil {
		return err
	}
	m.empty()
	m.engine, m.next, m.counts = engine, s.Next, s.Counts
	m.points = append(m.points, s.Points...)
	for n, p := range m.points {
		if n > 0 {
			m.accounts[p.MeteringPoint] = uint32(n)
		}
	}
	for n, name := range s.Members {
		m.members[name] = uint32(n) + 1
	}
	for _, o := range s.Orders {
		m.enter(o)
	}
	m.next = s.Next
	for _, t := range s.Trades {
		m.trades[t.Product.Interval] = append(m.trades[t.Product.Interval], t)
	}
	for _, i := range s.Intervals {
		m.gates[i.Interval] = gate{i.Closed}
		m.life.Opened(i.Interval)
		if i.Closed {
			m.life.Closed(i.Interval)
		}
	}
	return nil
}
