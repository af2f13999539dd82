package community

import (
	"time"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/record"
	"github.com/commonwatt/commonwatt/settlement"
)

// Settle makes a run of the interval from what was metered. previous are the
// earlier runs of the interval: from the first come tariff, trades, feeder, members
// and rules, whatever they are by now.
func (m *Market) Settle(i grid.Interval, run int, metered []record.Metered, root string, previous []settlement.Run) (settlement.Run, error) {
	in, err := m.Input(i, run, metered, root, previous)
	if err != nil {
		return settlement.Run{}, err
	}
	return settlement.Settle(in)
}

// Input returns what Settle makes a run of. It shares nothing with the market that changes.
func (m *Market) Input(i grid.Interval, run int, metered []record.Metered, root string, previous []settlement.Run) (settlement.Input, error) {
	in := settlement.Input{
		Community: m.config.Community, Interval: i, Run: run, Tariff: m.tariff,
		Trades: m.traded.of(i), Metered: metered, ReadingRoot: root, Feeder: m.feeder, Points: map[string]settlement.Point{}, Rules: m.config.Rules,
	}
	for _, x := range metered {
		if m.accounts[x.MeteringPoint] == 0 && len(previous) > 0 {
			continue // an account of the first run, whose member was erased
		}
		p, err := m.place(x.MeteringPoint)
		if err != nil {
			return in, err
		}
		in.Points[x.MeteringPoint] = p
	}
	if m.config.Names != nil && in.Rules != nil {
		var err error
		if in.Salt, err = m.config.Names.Blind(communitysOwn, i.String()); err != nil {
			return in, err
		}
	}
	for k, p := range previous {
		if k == 0 {
			in.Tariff, in.First = p.Tariff, &p.Basis
		}
		in.Previous = append(in.Previous, p.Postings()...)
	}
	return in, nil
}

// communitysOwn stands for a member where something is the community's own secret.
const communitysOwn = "/community"

// place says where a metering point stands and what it is called on the ledger.
func (m *Market) place(point string) (p settlement.Point, err error) {
	at := m.Point(point)
	p.Node, p.Member, p.Apart = at.Node, at.Member, m.config.Apart[point]
	if m.config.Names == nil {
		return p, nil
	}
	if p.Account, err = m.config.Names.Account(at.Member, point); err != nil {
		return p, err
	}
	p.Member, err = m.config.Names.Member(at.Member)
	return p, err
}

// Settled tells that a run is frozen. A run with substituted values is tried
// again when the readings may have come.
func (m *Market) Settled(i grid.Interval, run int, substituted bool, now time.Time) {
	m.life.Settled(i, run, substituted, now)
	if !substituted {
		m.traded.drop(i)
	}
}
