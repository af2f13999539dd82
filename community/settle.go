package community

import (
	"fmt"
	"time"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/record"
	"github.com/commonwatt/commonwatt/settlement"
	"github.com/commonwatt/commonwatt/tariff"
)

// Settle makes a run of the interval from what was metered. previous are the
// earlier runs of the interval: from the first come tariffs, trades, feeder, members
// and rules, whatever they are by now.
func (m *Market) Settle(i grid.Interval, run int, metered []record.Metered, root string, previous []settlement.Run) (settlement.Run, error) {
	return m.Draft(i, run, metered, root, previous).Settle()
}

// Draft is a run of an interval that is still to be made. It shares nothing with the market
// that changes, so that the run is made while the market goes on.
type Draft struct {
	input    settlement.Input // without what is called otherwise on the ledger
	places   []Point          // of what was metered
	previous []settlement.Run
	config   Config
}

// Draft notes what a run is made from (see Settle). It only copies, however much is metered.
func (m *Market) Draft(i grid.Interval, run int, metered []record.Metered, root string, previous []settlement.Run) Draft {
	d := Draft{
		input: settlement.Input{
			Community: m.config.Community, Interval: i, Run: run, Tariff: m.tariff,
			Trades: m.traded.of(i), Metered: metered, ReadingRoot: root, Feeder: m.feeder, Rules: m.config.Rules,
		},
		places: make([]Point, len(metered)), previous: previous, config: m.config,
	}
	for k, x := range metered {
		d.places[k] = m.Point(x.MeteringPoint)
	}
	return d
}

// Settle makes the run.
func (d Draft) Settle() (settlement.Run, error) {
	in, err := d.named()
	if err != nil {
		return settlement.Run{}, err
	}
	return settlement.Settle(in)
}

// named returns what the run is made of, with the names of the ledger.
func (d Draft) named() (settlement.Input, error) {
	in, names := d.input, d.config.Names
	in.Points = make(map[string]settlement.Point, len(in.Metered))
	for k, x := range in.Metered {
		if d.places[k].MeteringPoint == "" && len(d.previous) > 0 {
			continue // an account of the first run, whose member was erased
		}
		p, err := d.config.place(d.places[k], x.MeteringPoint)
		if err != nil {
			return in, err
		}
		in.Points[x.MeteringPoint] = p
	}
	if names != nil && in.Rules != nil {
		var err error
		if in.Salt, err = names.Blind(communitysOwn, in.Interval.String()); err != nil {
			return in, err
		}
	}
	if len(d.previous) == 0 {
		if err := d.rates(&in); err != nil {
			return in, err
		}
	}
	for k, p := range d.previous {
		if k == 0 {
			in.Tariff, in.First = p.Tariff, &p.Basis
		}
		in.Previous = append(in.Previous, p.Postings()...)
	}
	return in, nil
}

// rates looks up what a kWh costs at each metering point in the interval of a first run:
// later ones go by what that has frozen.
func (d Draft) rates(in *settlement.Input) error {
	if d.config.Tariffs == nil {
		return nil
	}
	var err error
	if in.Tariff, err = d.config.Tariffs.Default(in.Interval); err != nil {
		return err
	}
	in.Rates = make(map[string]tariff.Rates, len(in.Metered))
	for _, x := range in.Metered {
		r, err := d.config.Tariffs.Rates(x.MeteringPoint, in.Interval)
		if err != nil {
			return fmt.Errorf("settle %s: metering point %s: %w", in.Interval, x.MeteringPoint, err)
		}
		in.Rates[x.MeteringPoint] = r
	}
	return nil
}

// communitysOwn stands for a member where something is the community's own secret.
const communitysOwn = "/community"

// place says where a metering point stands and what it is called on the ledger.
func (c Config) place(at Point, point string) (p settlement.Point, err error) {
	p.Node, p.Member, p.Apart = at.Node, at.Member, c.Apart[point]
	if c.Names == nil {
		return p, nil
	}
	if p.Account, err = c.Names.Account(at.Member, point); err != nil {
		return p, err
	}
	p.Member, err = c.Names.Member(at.Member)
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
