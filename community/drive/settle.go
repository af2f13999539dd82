package drive

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/commonwatt/commonwatt/community"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/proof"
	"github.com/commonwatt/commonwatt/record"
	"github.com/commonwatt/commonwatt/settlement"
)

// Trades is what the settlement must know of the market.
type Trades interface {
	Unsettled() []grid.Interval
	Settle(i grid.Interval, run int, metered []record.Metered, root string, previous []settlement.Run) (settlement.Run, error)
	Settled(i grid.Interval, run int, substituted bool, now time.Time)
	Traders(i grid.Interval) []string
	Owner(point string) string
}

// Meters says what flowed over the connection meters.
type Meters interface {
	// Energies returns what every metering point took and gave in an interval. Where a
	// register is missing complete is false and what was read counts; last puts a value for
	// good in the place of what was not read.
	Energies(ctx context.Context, i grid.Interval, last bool) (metered []record.Metered, complete bool, err error)
	// Has tells whether a metering point has a meter here.
	Has(point string) bool
	// Dearest returns the flow that costs most at a metering point, by what counted there in
	// the interval.
	Dearest(point string, i grid.Interval, flows ...grid.Flow) (grid.Flow, error)
}

// Evidence has the signed batches of readings.
type Evidence interface {
	// Batches returns by which batches the registers at both ends of an interval are known
	// (record.Leaf); an end that cannot be shown is empty. only names the one register of a
	// meter that has no other. signed is false where the meter's readings are not signed here:
	// it is gone, or it is simulated in a replay.
	Batches(ctx context.Context, point string, i grid.Interval) (batches [4]proof.Digest, only grid.Only, signed bool, err error)
	// Name keeps batches for good.
	Name(ctx context.Context, batches ...proof.Digest) error
}

// Names turns the community's own names into those of the ledger.
type Names interface {
	Account(member, point string) (string, error)
	Blind(member, what string) (string, error)
	// Known returns a member's secret, nil when it has none (any more).
	Known(member string) []byte
}

// Runs keeps runs. The first one of a number holds for good.
type Runs interface {
	// Freeze returns the run that holds: this one, or what was frozen before.
	Freeze(ctx context.Context, i grid.Interval, run settlement.Run) (settlement.Run, error)
	// Frozen returns a run, nil when there is none of that number.
	Frozen(ctx context.Context, i grid.Interval, run int) (*settlement.Run, error)
}

// Workings keeps how runs came about, for whoever computes them anew.
type Workings interface {
	Keep(ctx context.Context, run settlement.Run, leaves []json.RawMessage) error
	// Leaves returns what a run's reading root commits to, nil when it is not kept.
	Leaves(ctx context.Context, m record.Manifest) ([]json.RawMessage, error)
}

// Alone says what homes would have done without the community.
type Alone interface {
	// Alone returns what a metering point would have taken and given in an interval if
	// nobody had moved its battery; known is false where nobody did, or where that cannot be
	// told.
	Alone(ctx context.Context, point string, i grid.Interval) (f grid.Flow, estimated, known bool, err error)
}

// Settler makes runs of what was traded and metered. A run is frozen before anything of it
// reaches a ledger. Settle is called by one goroutine at a time.
type Settler struct {
	Trades   Trades
	Meters   Meters
	Evidence Evidence
	Names    Names
	Runs     Runs
	Workings Workings
	Alone    Alone
	Official Official                                  // nil: what is metered here bills
	Seen     func(i grid.Interval, run settlement.Run) // is shown every run that is frozen
	Deadline time.Duration                             // for how long after an interval its readings are waited for
	Begun    time.Time                                 // from which readings can have come
	Log      *slog.Logger
}

// Restore tells the market of the runs that were frozen before a restart.
func (s *Settler) Restore(ctx context.Context, now time.Time) error {
	for _, i := range s.Trades.Unsettled() {
		for run := 1; ; run++ {
			frozen, err := s.Runs.Frozen(ctx, i, run)
			if err != nil {
				return err
			}
			if frozen == nil {
				break
			}
			s.Trades.Settled(i, run, frozen.Substituted, now)
			s.Seen(i, *frozen)
		}
	}
	return nil
}

// Settle implements Settlements.
func (s *Settler) Settle(ctx context.Context, a community.Action, now time.Time) (done bool, err error) {
	i := a.Product.Interval
	metered, complete, err := s.Meters.Energies(ctx, i, a.Last)
	// After a start the meters get as long to answer as after a delivery.
	final := a.Final && now.Sub(s.Begun) >= s.Deadline
	if err != nil || !complete && !final {
		return false, err
	}
	previous, err := s.runsBefore(ctx, i, a.Run)
	if err != nil {
		return false, err
	}
	if a.Run == 1 {
		metered = append(metered, s.unmetered(i, metered)...)
	}
	leaves, err := s.leaves(ctx, i, metered, a.Last)
	if err != nil {
		return false, err
	}
	metered, leaves, err = s.carry(ctx, i, a.Last, previous, metered, leaves)
	if err != nil {
		return false, err
	}
	if a.Run > 1 { // the first run is always by what was metered here
		if _, err := s.officially(ctx, i, metered, leaves); err != nil {
			return false, err
		}
	}
	root, err := rootOf(leaves)
	if err != nil {
		return false, err
	}
	run, err := s.Trades.Settle(i, a.Run, metered, root, previous)
	if err != nil {
		return false, err
	}
	if a.Run > 1 && len(run.Batches) == 0 {
		s.Trades.Settled(i, a.Run-1, run.Manifest.Estimated && !a.Last, now) // the readings that came late change nothing
		return true, nil
	}
	run.Substituted = run.Manifest.Estimated && !a.Last
	if err := s.tellWithout(ctx, i, &run, previous); err != nil {
		return false, err
	}
	if err := s.Workings.Keep(ctx, run, leaves); err != nil {
		return false, err
	}
	return true, s.freeze(ctx, i, run, now)
}

// runsBefore returns the runs of an interval before one.
func (s *Settler) runsBefore(ctx context.Context, i grid.Interval, before int) ([]settlement.Run, error) {
	runs, err := s.runs(ctx, i, before)
	if err == nil && len(runs) < before-1 {
		return nil, fmt.Errorf("run %d is missing on the bus", len(runs)+1)
	}
	return runs, err
}

// runs returns the runs of an interval before one, as far as there are any.
func (s *Settler) runs(ctx context.Context, i grid.Interval, before int) (runs []settlement.Run, err error) {
	for run := 1; run < before; run++ {
		frozen, err := s.Runs.Frozen(ctx, i, run)
		if err != nil || frozen == nil {
			return runs, err
		}
		runs = append(runs, *frozen)
	}
	return runs, nil
}

// unmetered returns the metering points that traded and have no meter any
// more: what they traded is settled against nothing metered.
func (s *Settler) unmetered(i grid.Interval, metered []record.Metered) (gone []record.Metered) {
	here := make(map[string]bool, len(metered))
	for _, m := range metered {
		here[m.MeteringPoint] = true
	}
	for _, point := range s.Trades.Traders(i) {
		if !here[point] {
			gone = append(gone, record.Metered{MeteringPoint: point, Quality: grid.Estimated})
		}
	}
	return gone
}

// leaves are what an interval's reading root commits to, one a metering point: what
// was metered, under its account, and the signed readings that prove it; what they
// do not prove becomes an estimate.
func (s *Settler) leaves(ctx context.Context, i grid.Interval, metered []record.Metered, last bool) ([]json.RawMessage, error) {
	all := make([]json.RawMessage, len(metered))
	var named []proof.Digest
	for k, m := range metered {
		owner := s.Trades.Owner(m.MeteringPoint)
		leaf := record.Leaf{Metered: m}
		var err error
		if leaf.MeteringPoint, err = s.Names.Account(owner, m.MeteringPoint); err != nil {
			return nil, err
		}
		if leaf.Salt, err = s.Names.Blind(owner, i.String()); err != nil {
			return nil, err
		}
		if m.Quality == grid.Good { // others have no meter any more, or were estimated
			batches, only, signed, err := s.Evidence.Batches(ctx, m.MeteringPoint, i)
			switch {
			case err != nil:
				return nil, err
			case !signed:
			case slices.Contains(batches[:], ""): // what cannot be shown was not read
				leaf.Quality = grid.Estimated
				if last {
					leaf.Quality = grid.Final
				}
				metered[k].Quality = leaf.Quality
			default:
				leaf.Batches, leaf.Only = batches, only
				named = append(named, batches[:]...)
			}
		}
		if all[k], err = json.Marshal(leaf); err != nil {
			return nil, fmt.Errorf("reading root: %w", err)
		}
	}
	return all, s.Evidence.Name(ctx, named...)
}

// rootOf returns the reading root over the leaves.
func rootOf(leaves []json.RawMessage) (string, error) {
	records := make([][]byte, len(leaves))
	for k, l := range leaves {
		records[k] = l
	}
	return proof.Root(records)
}

func (s *Settler) freeze(ctx context.Context, i grid.Interval, run settlement.Run, now time.Time) error {
	run.Frozen = now.UTC()
	run, err := s.Runs.Freeze(ctx, i, run)
	if err != nil {
		return err
	}
	s.Trades.Settled(i, run.Manifest.Run, run.Substituted, now)
	s.Seen(i, run)
	s.Log.InfoContext(ctx, "interval settled", slog.String("interval", i.String()), slog.Int("run", run.Manifest.Run),
		slog.Int("postings", len(run.Postings())), slog.Bool("estimated", run.Manifest.Estimated))
	return nil
}
