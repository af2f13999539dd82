package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"slices"
	"sync"
	"time"

	"github.com/commonwatt/commonwatt/bus"
	"github.com/commonwatt/commonwatt/community"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/meters/evidence"
	"github.com/commonwatt/commonwatt/meters/store"
	"github.com/commonwatt/commonwatt/proof"
	"github.com/commonwatt/commonwatt/record"
	"github.com/commonwatt/commonwatt/settlement"
	"github.com/commonwatt/commonwatt/settlement/audit"
	"github.com/commonwatt/commonwatt/settlement/ledger"
	"github.com/commonwatt/commonwatt/tariff"
)

// frozenRuns keeps the first message of a subject for good.
type frozenRuns interface {
	// Freeze returns what the subject holds: data, or what was frozen before.
	Freeze(ctx context.Context, stream, subject string, data []byte) ([]byte, error)
	// Frozen returns what the subject holds, nil when that is nothing.
	Frozen(ctx context.Context, stream, subject string) ([]byte, error)
}

// settler makes runs of what was traded and metered. A run is frozen on the
// bus before anything of it reaches the ledger.
type settler struct {
	community string
	market    settledMarket
	store     store.Store
	bus       frozenRuns

	mu     sync.Mutex           // guards what follows
	meters []grid.Device        // the connection meters
	since  map[string]time.Time // connection meter → when it was paired; absent: it was always there

	evidence *evidence.Log
	names    *ledger.Names

	deadline time.Duration
	begun    time.Time // world time from which readings can have come

	log    *slog.Logger
	seen   func(grid.Interval, settlement.Run)
	tariff tariff.Tariff
	tell   func(ctx context.Context, i grid.Interval, run *settlement.Run, previous []settlement.Run) error // what the homes would have got without the community
}

// settledMarket is what the settlement must know of the market.
type settledMarket interface {
	Unsettled() []grid.Interval
	Settle(i grid.Interval, run int, metered []record.Metered, root string, previous []settlement.Run) (settlement.Run, error)
	Settled(i grid.Interval, run int, substituted bool, now time.Time)
	Traders(i grid.Interval) []string
	Owner(point string) string
}

// allSubjects matches the runs of this community.
func (s *settler) allSubjects() string { return "settlement." + s.community + ".>" }

func (s *settler) subject(i grid.Interval, run int) string {
	return fmt.Sprintf("settlement.%s.%s.%d", s.community, i, run)
}

// restore tells the market of the runs that were frozen before a restart.
func (s *settler) restore(ctx context.Context, now time.Time) error {
	for _, i := range s.market.Unsettled() {
		for run := 1; ; run++ {
			frozen, err := s.frozen(ctx, i, run)
			if err != nil {
				return err
			}
			if frozen == nil {
				break
			}
			s.market.Settled(i, run, frozen.Substituted, now)
			s.seen(i, *frozen)
		}
	}
	return nil
}

func (s *settler) frozen(ctx context.Context, i grid.Interval, run int) (*settlement.Run, error) {
	data, err := s.bus.Frozen(ctx, bus.Settlement, s.subject(i, run))
	if err != nil || data == nil {
		return nil, err
	}
	r := &settlement.Run{}
	if err := json.Unmarshal(data, r); err != nil {
		return nil, fmt.Errorf("frozen run %d of %s: %w", run, i, err)
	}
	return r, nil
}

// settle carries out a Settle action: nothing while readings are missing and
// there is time, else a run.
func (s *settler) settle(ctx context.Context, a community.Action, now time.Time) error {
	i := a.Product.Interval
	metered, complete, err := s.meter(ctx, i, a.Last)
	// After a start the meters get as long to answer as after a delivery.
	final := a.Final && now.Sub(s.begun) >= s.deadline
	if err != nil || !complete && !final {
		return err
	}
	previous, err := s.runsBefore(ctx, i, a.Run)
	if err != nil {
		return err
	}
	if a.Run == 1 {
		metered = append(metered, s.unmetered(i, metered)...)
	}
	leaves, err := s.leaves(ctx, i, metered, a.Last)
	if err != nil {
		return err
	}
	metered, leaves, err = s.carry(ctx, i, a.Last, previous, metered, leaves)
	if err != nil {
		return err
	}
	root, err := rootOf(leaves)
	if err != nil {
		return err
	}
	run, err := s.market.Settle(i, a.Run, metered, root, previous)
	if err != nil {
		return err
	}
	if a.Run > 1 && len(run.Batches) == 0 {
		s.done(i, a.Run-1, run.Manifest.Estimated && !a.Last, now) // the readings that came late change nothing
		return nil
	}
	run.Substituted = run.Manifest.Estimated && !a.Last
	if err := s.tell(ctx, i, &run, previous); err != nil {
		return err
	}
	if err := s.keepWorking(ctx, run, leaves); err != nil {
		return err
	}
	return s.freeze(ctx, i, run, now)
}

// runsBefore returns the runs of an interval before one.
func (s *settler) runsBefore(ctx context.Context, i grid.Interval, before int) ([]settlement.Run, error) {
	runs, err := s.runs(ctx, i, before)
	if err == nil && len(runs) < before-1 {
		return nil, fmt.Errorf("settle %s: run %d is missing on the bus", i, len(runs)+1)
	}
	return runs, err
}

// runs returns the runs of an interval before one, as far as there are any.
func (s *settler) runs(ctx context.Context, i grid.Interval, before int) (runs []settlement.Run, err error) {
	for run := 1; run < before; run++ {
		frozen, err := s.frozen(ctx, i, run)
		if err != nil || frozen == nil {
			return runs, err
		}
		runs = append(runs, *frozen)
	}
	return runs, nil
}

// carry adds to a later run the accounts that its last run had and that have no
// meter here any more: what was metered then stays, with what proves it. Where another
// meter counts at the metering point by now, and the first one never told, last
// substitutes it for good.
func (s *settler) carry(ctx context.Context, i grid.Interval, last bool, previous []settlement.Run, metered []record.Metered, leaves []json.RawMessage) ([]record.Metered, []json.RawMessage, error) {
	if len(previous) == 0 {
		return metered, leaves, nil
	}
	run := previous[len(previous)-1]
	before, err := s.leavesOf(ctx, run)
	if err != nil || before == nil {
		return metered, leaves, err // a run that lacks an account is refused when it is settled
	}
	here := map[string]bool{}
	for _, text := range leaves {
		l, err := leafOf(text)
		if err != nil {
			return nil, nil, err
		}
		here[l.MeteringPoint] = true
	}
	for _, text := range before {
		l, err := leafOf(text)
		if err != nil {
			return nil, nil, err
		}
		if here[l.MeteringPoint] {
			continue
		}
		point, err := s.pointOf(run, l.MeteringPoint)
		if err != nil {
			return nil, nil, err
		}
		if _, replaced := s.meterOf(point); last && replaced && l.Quality == grid.Estimated {
			if text, l.Metered, err = s.substituted(ctx, i, point, l); err != nil {
				return nil, nil, err
			}
		}
		metered = append(metered, record.Metered{MeteringPoint: point, Flow: l.Flow, Quality: l.Quality})
		leaves = append(leaves, text)
	}
	return metered, leaves, nil
}

// leavesOf returns what a run's reading root commits to, nil when it is not kept.
func (s *settler) leavesOf(ctx context.Context, run settlement.Run) ([]json.RawMessage, error) {
	m := run.Manifest
	text, err := s.evidence.Working(ctx, m.Interval, m.Run, m.ReadingRoot)
	if err != nil || text == nil {
		return nil, err
	}
	var w audit.Working
	if err := json.Unmarshal(text, &w); err != nil {
		return nil, fmt.Errorf("settle %s: working of run %d: %w", m.Interval, m.Run, err)
	}
	return w.Leaves, nil
}

func leafOf(text json.RawMessage) (l record.Leaf, err error) {
	if err := json.Unmarshal(text, &l); err != nil {
		return l, fmt.Errorf("what was metered: %w", err)
	}
	return l, nil
}

// pointOf returns the metering point of an account in a run. Of a member who was erased
// nobody knows it any more: the account stands for it.
func (s *settler) pointOf(run settlement.Run, account string) (string, error) {
	for _, st := range run.Statements {
		owner := s.market.Owner(st.MeteringPoint)
		if s.names.Known(owner) == nil {
			continue
		}
		its, err := s.names.Account(owner, st.MeteringPoint)
		if err != nil || its == account {
			return st.MeteringPoint, err
		}
	}
	return account, nil
}

// substituted returns what is settled for good of a metering point whose meter is gone
// and never told: the dearer of what was read and what was settled at the same time some
// weeks before.
func (s *settler) substituted(ctx context.Context, i grid.Interval, point string, l record.Leaf) (json.RawMessage, record.Metered, error) {
	flows := []grid.Flow{l.Flow}
	for week := 1; week <= mostWeeks && len(flows) == 1; week++ {
		runs, err := s.runs(ctx, weeksBefore(i, week), math.MaxInt)
		if err != nil {
			return nil, l.Metered, err
		}
		if len(runs) == 0 {
			continue
		}
		for _, st := range runs[len(runs)-1].Statements {
			if st.MeteringPoint == point && st.Quality == grid.Good {
				flows = append(flows, st.Metered)
			}
		}
	}
	var err error
	if l.Flow, err = dearest(s.tariff, flows...); err != nil {
		return nil, l.Metered, err
	}
	l.Quality = grid.Final
	text, err := json.Marshal(l)
	return text, l.Metered, err
}

func (s *settler) freeze(ctx context.Context, i grid.Interval, run settlement.Run, now time.Time) error {
	data, err := json.Marshal(run)
	if err != nil {
		return fmt.Errorf("freeze %s: %w", i, err)
	}
	frozen, err := s.bus.Freeze(ctx, bus.Settlement, s.subject(i, run.Manifest.Run), data)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(frozen, &run); err != nil {
		return fmt.Errorf("freeze %s: %w", i, err)
	}
	s.done(i, run.Manifest.Run, run.Substituted, now)
	s.seen(i, run)
	s.log.InfoContext(ctx, "interval settled", slog.String("interval", i.String()), slog.Int("run", run.Manifest.Run),
		slog.Int("postings", len(run.Postings())), slog.Bool("estimated", run.Manifest.Estimated))
	return nil
}

func (s *settler) done(i grid.Interval, run int, substituted bool, now time.Time) {
	s.market.Settled(i, run, substituted, now)
}

// meter returns the energy of every metering point. Where a register is
// missing complete is false and the declared substitution applies: what was
// read of the interval counts, the rest is left to a later run; last settles for good.
func (s *settler) meter(ctx context.Context, i grid.Interval, last bool) (metered []record.Metered, complete bool, err error) {
	complete = true
	for _, m := range s.metersIn(i) {
		flow, quality, err := s.energy(ctx, m, i)
		if errors.Is(err, errNewcomer) {
			continue
		}
		if errors.Is(err, store.ErrIncomplete) {
			complete = false
			flow, err = store.Known(ctx, s.store, m.ID, i)
			quality = grid.Estimated
			if last && err == nil {
				flow, err = s.substitute(ctx, m, i, flow)
			}
		}
		if err != nil {
			return nil, false, fmt.Errorf("meter %s: %w", m.ID, err)
		}
		if last && quality == grid.Estimated {
			quality = grid.Final
		}
		metered = append(metered, record.Metered{MeteringPoint: m.MeteringPoint, Flow: flow, Quality: quality})
	}
	return metered, complete, nil
}

// unmetered returns the metering points that traded and have no meter any
// more: what they traded is settled against nothing metered.
func (s *settler) unmetered(i grid.Interval, metered []record.Metered) (gone []record.Metered) {
	for _, point := range s.market.Traders(i) {
		if !slices.ContainsFunc(metered, func(m record.Metered) bool { return m.MeteringPoint == point }) {
			gone = append(gone, record.Metered{MeteringPoint: point, Quality: grid.Estimated})
		}
	}
	return gone
}

// leaves are what an interval's reading root commits to, one a metering point: what
// was metered, under its account, and the signed readings that prove it; what they
// do not prove becomes an estimate.
func (s *settler) leaves(ctx context.Context, i grid.Interval, metered []record.Metered, last bool) ([]json.RawMessage, error) {
	all := make([]json.RawMessage, len(metered))
	var named []proof.Digest
	for k, m := range metered {
		owner := s.market.Owner(m.MeteringPoint)
		leaf := record.Leaf{Metered: m}
		var err error
		if leaf.MeteringPoint, err = s.names.Account(owner, m.MeteringPoint); err != nil {
			return nil, err
		}
		if leaf.Salt, err = s.names.Blind(owner, i.String()); err != nil {
			return nil, err
		}
		if device, has := s.meterOf(m.MeteringPoint); has && m.Quality == grid.Good { // others have no meter any more, or were estimated
			for end, t := range []time.Time{i.Begin(), i.End()} {
				before, after, err := s.evidence.Around(ctx, device.Member, device.ID, t)
				if err != nil {
					return nil, err
				}
				leaf.Batches[2*end], leaf.Batches[2*end+1] = before, after
			}
			if slices.Contains(leaf.Batches[:], "") { // what cannot be shown was not read
				leaf.Batches = [4]proof.Digest{}
				leaf.Quality = grid.Estimated
				if last {
					leaf.Quality = grid.Final
				}
				metered[k].Quality = leaf.Quality
			}
			named = append(named, leaf.Batches[:]...)
		}
		if all[k], err = json.Marshal(leaf); err != nil {
			return nil, fmt.Errorf("reading root: %w", err)
		}
	}
	return all, s.evidence.Name(ctx, named...)
}

// rootOf returns the reading root over the leaves.
func rootOf(leaves []json.RawMessage) (string, error) {
	records := make([][]byte, len(leaves))
	for k, l := range leaves {
		records[k] = l
	}
	return proof.Root(records)
}

// keepWorking keeps how a run came about, for who computes it anew.
func (s *settler) keepWorking(ctx context.Context, run settlement.Run, leaves []json.RawMessage) error {
	m := run.Manifest
	text, err := json.Marshal(audit.Working{
		Community: m.Community, Interval: m.Interval, Run: m.Run, Tariff: run.Tariff, Basis: run.Basis, Leaves: leaves,
	})
	if err != nil {
		return fmt.Errorf("keep working: %w", err)
	}
	return s.evidence.KeepWorking(ctx, m.Interval, m.Run, m.ReadingRoot, text)
}
