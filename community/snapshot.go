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
	Points    []savedPoint    `json:"points"` // by account
	Members   []string        `json:"members"`
	Orders    []Order         `json:"orders"` // by number
	Next      uint64          `json:"next"`
	Trades    []grid.Trade    `json:"trades"` // by interval
	Counts    Counts          `json:"counts"`
	Intervals []savedInterval `json:"intervals"` // by time
}

// savedPoint is a metering point. Before a limit of 0 W was one, Import and Export had the
// limits, 0 for none.
type savedPoint struct {
	MeteringPoint, Member, Node string
	Import, Export              grid.Power  `json:",omitempty"`
	Takes, Gives                *grid.Power `json:",omitempty"` // limits, nil: none
}

func savePoints(points []Point) []savedPoint {
	all := make([]savedPoint, len(points))
	for i, p := range points {
		all[i] = savedPoint{MeteringPoint: p.MeteringPoint, Member: p.Member, Node: p.Node, Takes: p.Import, Gives: p.Export}
	}
	return all
}

func restorePoints(saved []savedPoint) []Point {
	points := make([]Point, len(saved))
	for i, s := range saved {
		p := Point{MeteringPoint: s.MeteringPoint, Member: s.Member, Node: s.Node, Import: s.Takes, Export: s.Gives}
		if s.Import != 0 {
			p.Import = &s.Import
		}
		if s.Export != 0 {
			p.Export = &s.Export
		}
		points[i] = p
	}
	return points
}

type savedInterval struct {
	Interval grid.Interval `json:"interval"`
	Closed   bool          `json:"closed"`
	Call     *call         `json:"call,omitempty"` // at gate closure; absent in what was saved before calls were kept
}

// Snapshot returns the state after the last command.
func (m *Market) Snapshot() ([]byte, error) {
	engine, err := m.engine.Snapshot()
	if err != nil {
		return nil, err
	}
	s := savedMarket{Engine: engine, Orders: m.orders.saved(), Next: m.next, Trades: m.Trades(), Counts: m.counts}
	points, members := m.roster.saved()
	s.Points, s.Members = savePoints(points), members
	// What is due is not what was done: only the commands count.
	for _, i := range slices.SortedFunc(maps.Keys(m.gates), grid.Interval.Compare) {
		saved := savedInterval{Interval: i, Closed: m.gates[i].closed}
		if c, held := m.calls.held[i]; held {
			saved.Call = &c
		}
		s.Intervals = append(s.Intervals, saved)
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
	m.begun(matching.RulesOf(s.Engine))
	engine, err := matching.Restore(m.rules, s.Engine)
	if err != nil {
		return err
	}
	empty(m, m.config)
	m.engine, m.counts = engine, s.Counts
	m.roster.restore(restorePoints(s.Points), s.Members)
	for _, o := range s.Orders {
		m.orders.enter(o)
	}
	m.next = s.Next
	for _, t := range s.Trades {
		m.traded.add(t)
	}
	for _, i := range s.Intervals {
		m.calendar.opened(i.Interval)
		if i.Closed {
			m.calendar.closed(i.Interval)
		}
		if i.Call != nil {
			m.calls.held[i.Interval] = *i.Call
		}
	}
	return nil
}
