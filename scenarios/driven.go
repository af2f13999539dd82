package scenarios

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/commonwatt/commonwatt/community"
	"github.com/commonwatt/commonwatt/community/drive"
	"github.com/commonwatt/commonwatt/forecast"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/proof"
	"github.com/commonwatt/commonwatt/record"
	"github.com/commonwatt/commonwatt/settlement"
	"github.com/commonwatt/commonwatt/tariff"
)

// newDriver makes the driver, which does all in place.
func (r *replay) newDriver(deadline time.Duration) {
	quiet := slog.New(slog.DiscardHandler) // what fails ends the replay
	r.driver = drive.New(drive.Options{
		Market: driven{r.market, r}, Agents: r, Executor: &r.inPlace, Log: quiet,
		Settlements: &drive.Settler{
			Trades: r.market, Meters: r, Evidence: unsigned{}, Names: r.ledger.Names, Runs: r, Workings: unsigned{}, Alone: r, Seen: r.see,
			Deadline: deadline, Log: quiet,
		},
	})
}

// driven is the market as the driver needs it.
type driven struct {
	*community.Market

	replay *replay
}

// Advance implements drive.Calendar. Intervals that end after the scenario are left alone.
func (d driven) Advance(now time.Time) []community.Action {
	var due []community.Action
	for _, a := range d.Market.Advance(now) {
		if !a.Product.Interval.End().After(d.replay.end) {
			due = append(due, a)
		}
	}
	return due
}

// Command implements drive.Market.
func (d driven) Command(a community.Action) error {
	d.replay.apply(d.Market.Command(a))
	return nil
}

// Withdraw implements drive.Market.
func (d driven) Withdraw(_ context.Context, product grid.Product, point string, now time.Time) error {
	member := d.Owner(point)
	for _, o := range d.Named(member, point, product.Interval) {
		_, commands, err := d.Change(community.Change{Member: member, ClientID: o.ClientID, Cancel: true, Time: now})
		if err != nil {
			return fmt.Errorf("order %s of %s: %w", o.ClientID, member, err)
		}
		for _, c := range commands {
			d.replay.apply(c)
		}
	}
	return nil
}

// Place implements drive.Market. Why the market refuses orders is counted.
func (d driven) Place(_ context.Context, product grid.Product, o grid.Order, now time.Time) (refused string, err error) {
	number, commands, err := d.Submit(community.Submission{Product: product, Order: d.OnTick(product.Interval, o), Time: now})
	for _, c := range commands {
		d.replay.apply(c)
	}
	if wrong := (*community.RefusedError)(nil); errors.As(err, &wrong) {
		refused = wrong.Reason
	} else if err != nil {
		return "", fmt.Errorf("order of %s: %w", o.Member, err)
	} else if placed, _ := d.Order(number); placed.Status == community.IsRejected {
		refused = placed.Reason
	}
	if refused != "" {
		d.replay.result.Refused[refused]++
	}
	return refused, nil
}

// Points implements drive.Agents.
func (r *replay) Points(member string, _ time.Time) []string {
	if !r.market.HasMarket() {
		return nil
	}
	return r.desk.Points(member)
}

// Plan implements drive.Agents.
func (r *replay) Plan(ctx context.Context, point string, i grid.Interval, now time.Time) ([]drive.Bids, error) {
	plan, err := r.desk.Quote(ctx, point, i, now)
	if errors.Is(err, forecast.ErrNoHistory) || plan.Silent {
		return nil, nil
	}
	all := []drive.Bids{{Interval: i, Orders: plan.Orders}}
	for _, later := range plan.Later {
		if !later.Interval.End().After(r.end) { // others are never open
			all = append(all, drive.Bids(later))
		}
	}
	return r.deviant.bids(r.market.Owner(point), all, func(i grid.Interval) (tariff.Rates, error) { return r.prices.Rates(point, i) }), err
}

// Energies implements drive.Meters. Every meter was read at both ends.
func (r *replay) Energies(_ context.Context, i grid.Interval, _ bool) (metered []record.Metered, complete bool, err error) {
	for _, d := range r.recorder.devices {
		if d.Kind != grid.Meter {
			continue
		}
		flow, known := r.recorder.energy(d.ID, i)
		if !known {
			return nil, false, fmt.Errorf("%s was not read", d.ID)
		}
		metered = append(metered, record.Metered{MeteringPoint: d.MeteringPoint, Flow: flow, Quality: grid.Good})
	}
	return metered, true, nil
}

// Has implements drive.Meters.
func (r *replay) Has(point string) bool { return r.meters[point] != "" }

// Dearest implements drive.Meters.
func (*replay) Dearest(string, grid.Interval, ...grid.Flow) (f grid.Flow, err error) {
	return f, errors.New("in a replay every meter tells in time")
}

// unsigned is evidence where nothing is signed, and keeps no workings: a replay can be
// replayed.
type unsigned struct{}

// Batches implements drive.Evidence.
func (unsigned) Batches(context.Context, string, grid.Interval) (b [4]proof.Digest, only grid.Only, signed bool, err error) {
	return b, "", false, nil
}

// Name implements drive.Evidence.
func (unsigned) Name(context.Context, ...proof.Digest) error { return nil }

// Keep implements drive.Workings.
func (unsigned) Keep(context.Context, settlement.Run, []json.RawMessage) error { return nil }

// Leaves implements drive.Workings.
func (unsigned) Leaves(context.Context, record.Manifest) ([]json.RawMessage, error) { return nil, nil }

// Freeze implements drive.Runs: the run goes to the ledger at once.
func (r *replay) Freeze(ctx context.Context, _ grid.Interval, run settlement.Run) (settlement.Run, error) {
	return run, r.ledger.SubmitRun(ctx, run.Record())
}

// Frozen implements drive.Runs: no interval has a second run.
func (*replay) Frozen(context.Context, grid.Interval, int) (*settlement.Run, error) { return nil, nil }

// Alone implements drive.Alone: the same sun, loads and cars.
func (r *replay) Alone(_ context.Context, point string, i grid.Interval) (f grid.Flow, estimated, known bool, err error) {
	f, known = between(r.recorder.alone[r.meters[point]], i)
	return f, false, known, nil
}

// see notes what came of an interval.
func (r *replay) see(i grid.Interval, run settlement.Run) {
	done := r.open[i]
	delete(r.open, i)
	done.Postings = len(run.Postings())
	r.result.Intervals = append(r.result.Intervals, *done)
	for _, s := range run.Statements {
		p := r.market.Point(s.MeteringPoint)
		x := Statement{Statement: s, Member: p.Member, Node: p.Node, Counted: run.Counted(s)}
		x.Apart, _ = between(r.recorder.alone[r.meters[s.MeteringPoint]], s.Interval)
		r.result.Statements = append(r.result.Statements, x)
	}
}
