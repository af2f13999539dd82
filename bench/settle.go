package bench

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/commonwatt/commonwatt/bus"
	"github.com/commonwatt/commonwatt/community"
	"github.com/commonwatt/commonwatt/community/drive"
	"github.com/commonwatt/commonwatt/community/host"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/matching/journal"
	"github.com/commonwatt/commonwatt/meters/evidence"
	"github.com/commonwatt/commonwatt/meters/metering"
	"github.com/commonwatt/commonwatt/proof"
	"github.com/commonwatt/commonwatt/settlement"
	"github.com/commonwatt/commonwatt/settlement/audit"
	"github.com/commonwatt/commonwatt/settlement/ledger"
	"github.com/commonwatt/commonwatt/settlement/ledger/embedded"
	"github.com/commonwatt/commonwatt/tariff"
	"github.com/commonwatt/commonwatt/usage"
)

// SettleOptions say what Settle settles.
type SettleOptions struct {
	Homes     int
	Histories []time.Duration // of readings before the interval, one measurement each
	Rounds    int             // intervals that are settled of each; the median counts
	Dir       string          // on the disk to measure
	Progress  io.Writer       // nil: none
}

// SettleResult is what Settle measures.
type SettleResult struct {
	Homes int          `json:"homes"`
	After []SettleTime `json:"after"` // by history
}

// SettleTime is wall time from the Settle action until the run's closing is on the ledger.
type SettleTime struct {
	History float64   `json:"history_hours"`
	Seconds float64   `json:"seconds"` // the median
	All     []float64 `json:"all_seconds"`
}

// Print writes the result for people. The ratio is to the first history.
func (r SettleResult) Print(w io.Writer) error {
	_, err := fmt.Fprintf(w, "%d homes, each of which has traded, from the action until the closing is on the embedded ledger\n", r.Homes)
	for _, t := range r.After {
		_, more := fmt.Fprintf(w, "after %4.0f h of readings once a second   %.2f s; ratio %.2f\n", t.History, t.Seconds, t.Seconds/r.After[0].Seconds)
		err = errors.Join(err, more)
	}
	return err
}

// Settle settles intervals of a community whose homes have been read once a second for some
// time, the way the program does: from the signed registers through the frozen run on the bus
// to the closing on the embedded ledger. The clock is the benchmark's. Batches older than the
// program keeps whole are those that it leaves beside every five minutes.
func Settle(ctx context.Context, o SettleOptions) (SettleResult, error) {
	r := SettleResult{Homes: o.Homes}
	for _, history := range o.Histories {
		times, err := settleAfter(ctx, o, history)
		if err != nil {
			return r, err
		}
		r.After = append(r.After, SettleTime{History: history.Hours(), Seconds: median(times, func(s float64) float64 { return s }), All: times})
	}
	return r, nil
}

func settleAfter(ctx context.Context, o SettleOptions, history time.Duration) (times []float64, err error) {
	dir, err := os.MkdirTemp(o.Dir, "commonwatt-settle-")
	if err != nil {
		return nil, usage.Mark(err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	s := &settleRun{SettleOptions: o, dir: dir, recorded: make(chan grid.Interval, 1)}
	defer func() { err = errors.Join(err, s.close()) }()
	if err := s.open(ctx); err != nil {
		return nil, err
	}
	if err := s.fill(ctx, history); err != nil {
		return nil, err
	}
	return s.settle(ctx)
}

// settleRun is a community without devices and pages.
type settleRun struct {
	SettleOptions

	dir      string
	devices  []grid.Device
	first    grid.Interval // to be settled
	read     readingHomes
	bus      *bus.Bus
	evidence *evidence.Log
	ledger   *ledger.Ledger
	host     *host.Host
	driver   *drive.Driver
	recorded chan grid.Interval

	mu      sync.Mutex
	now     time.Time
	closers []func() error
}

const settleMinutes = 15

func settleTariff() tariff.Tariff {
	return tariff.Tariff{Version: "bench", Currency: "EUR", Retail: 300_000, FeedIn: 60_000}
}

func (s *settleRun) clock() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now
}

func (s *settleRun) set(now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now = now
}

func (s *settleRun) close() error {
	var problems []error
	for _, c := range slices.Backward(s.closers) {
		problems = append(problems, c())
	}
	return errors.Join(problems...)
}

// open opens the stages from the evidence on.
func (s *settleRun) open(ctx context.Context) (err error) {
	s.first = grid.IntervalAt(time.Date(2026, 6, 10, 12, 0, 0, 0, time.UTC), settleMinutes)
	s.set(s.first.Begin().Add(-time.Hour))
	for n := range s.Homes {
		member := fmt.Sprintf("home-%03d", n+1)
		s.devices = append(s.devices, grid.Device{ID: member + "/meter", Kind: grid.Meter, Member: member, MeteringPoint: "mp-" + member, Serial: member})
	}
	if s.bus, err = bus.Open(ctx, bus.Config{Dir: filepath.Join(s.dir, "bus")}); err != nil {
		return err
	}
	s.closers = append(s.closers, func() error { s.bus.Close(); return nil })
	if s.evidence, err = evidence.Open(ctx, filepath.Join(s.dir, evidenceFile), communityName); err != nil {
		return err
	}
	s.closers = append(s.closers, s.evidence.Close)
	names, err := ledger.OpenNames(filepath.Join(s.dir, ledger.NamesFile))
	if err != nil {
		return err
	}
	if s.ledger, err = embedded.OpenLedger(ctx, s.dir, communityName, settleTariff().Currency, names); err != nil {
		return err
	}
	s.closers = append(s.closers, s.ledger.Close)
	if err := s.ledger.Register(ctx, s.devices...); err != nil {
		return err
	}
	return s.openMarket(ctx, names)
}

// openMarket opens the market, what settles it, and what puts its runs on the ledger.
func (s *settleRun) openMarket(ctx context.Context, names *ledger.Names) error {
	members, points := make([]string, len(s.devices)), make([]community.Point, len(s.devices))
	meters := metering.New(metering.Options{Evidence: s.evidence, Tariff: settleTariff(), Forecast: func(grid.Interval, []float64) (float64, bool, error) { return 0, false, nil }})
	for k, d := range s.devices {
		members[k], points[k] = d.Member, community.Point{Member: d.Member, MeteringPoint: d.MeteringPoint}
		meters.Add(d, time.Time{}, connection)
	}
	rules := settlement.DefaultRules()
	market, err := community.NewMarket(community.Config{
		Community: communityName, Minutes: settleMinutes, GateClosure: community.DefaultGateClosure, Deadline: community.DefaultDeadline,
		Ahead: 2 * time.Hour, Members: members, Names: names, Rules: &rules,
	}, grid.Feeder{Nodes: []grid.Node{{ID: grid.RootNode}}}, settleTariff())
	if err != nil {
		return err
	}
	log := slog.New(slog.DiscardHandler)
	s.host, err = host.Open(ctx, host.Options{
		Community: communityName, Market: market, Points: points, Bus: s.bus, Stream: bus.Market, Clock: s.clock, Log: log,
		Open: func(m journal.Machine) (host.Log, journal.Recovery, error) {
			return journal.Open(filepath.Join(s.dir, "orders"), journal.DefaultSegment, m)
		},
		See: func([]community.Event) {},
	})
	if err != nil {
		return err
	}
	s.closers = append(s.closers, s.host.Close)
	poster := &ledger.Poster{
		Ledger: s.ledger, Frozen: s.bus, Stream: bus.Settlement, Subject: drive.AllRuns(communityName), Clock: s.clock, Log: log,
		Recorded: func(i grid.Interval, _ int) { s.recorded <- i },
	}
	if err := poster.Open(ctx); err != nil {
		return err
	}
	s.background(ctx, poster.Run)
	s.background(ctx, s.host.Run)
	s.driver = drive.New(drive.Options{
		Market: s.host, Agents: nobody{}, Executor: &drive.InPlace{}, Log: log,
		Settlements: &drive.Settler{
			Trades: s.host, Meters: meters, Evidence: meters, Names: names, Alone: nobody{}, Seen: func(grid.Interval, settlement.Run) {},
			Runs: drive.FrozenRuns{Community: communityName, Stream: bus.Settlement, In: s.bus}, Workings: audit.Workings{In: s.evidence},
			Deadline: community.DefaultDeadline, Log: log,
		},
	})
	return nil
}

// background runs something until the run is closed.
func (s *settleRun) background(ctx context.Context, run func(context.Context) error) {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() { done <- run(ctx) }()
	s.closers = append(s.closers, func() error {
		cancel()
		return <-done
	})
}

// nobody trades by itself, and moves no battery.
type nobody struct{}

// Points implements drive.Agents.
func (nobody) Points(string, time.Time) []string { return nil }

// Plan implements drive.Agents.
func (nobody) Plan(context.Context, string, grid.Interval, time.Time) ([]drive.Bids, error) {
	return nil, nil
}

// Alone implements drive.Alone.
func (nobody) Alone(context.Context, string, grid.Interval) (f grid.Flow, estimated, known bool, err error) {
	return f, false, false, nil
}

// settle lets every home trade in every second interval, and measures the settlement of
// these. What is between has nothing to be traded in, and is settled beforehand.
func (s *settleRun) settle(ctx context.Context) (times []float64, err error) {
	if err := s.driver.Advance(ctx, s.clock()); err != nil { // trade is open from here on
		return nil, err
	}
	for n := range s.Rounds {
		i := s.first.Shift(2 * n)
		s.set(i.Begin().Add(-2 * community.DefaultGateClosure))
		if err := s.driver.Advance(ctx, s.clock()); err != nil {
			return nil, err
		}
		if err := s.trade(ctx, i); err != nil {
			return nil, err
		}
		if _, err := s.settleOne(ctx, i.Shift(-1)); err != nil {
			return nil, err
		}
		took, err := s.settleOne(ctx, i)
		if err != nil {
			return nil, err
		}
		times = append(times, took)
	}
	return times, nil
}

// settleMargin is read after the end of an interval before it is settled.
const settleMargin = 2 * time.Minute

// settleOne has an interval read, and measures its settlement.
func (s *settleRun) settleOne(ctx context.Context, i grid.Interval) (seconds float64, err error) {
	before, now := i.End().Add(-time.Second), i.End().Add(settleMargin)
	s.set(before) // the gate has closed, and nothing is due for settlement
	if err := s.driver.Advance(ctx, before); err != nil {
		return 0, err
	}
	if err := s.read.until(ctx, s, now); err != nil {
		return 0, err
	}
	s.set(now)
	began := time.Now()
	if err := s.driver.Advance(ctx, now); err != nil {
		return 0, err
	}
	within := time.After(settleWithin)
	for {
		select {
		case done := <-s.recorded:
			if done == i {
				return time.Since(began).Seconds(), nil
			}
		case <-ctx.Done():
			return 0, ctx.Err()
		case <-within:
			return 0, fmt.Errorf("%s is not on the ledger within %s", i, settleWithin)
		}
	}
}

const settleWithin = 2 * time.Minute

// trade lets every second home buy from the one before it.
func (s *settleRun) trade(ctx context.Context, i grid.Interval) error {
	for k, d := range s.devices {
		o := grid.Order{ID: fmt.Sprintf("%s-%s", d.Member, i), Member: d.Member, MeteringPoint: d.MeteringPoint, Side: grid.Offer, Energy: grid.Energy(100 + k), Price: 100_000}
		if k%2 == 1 {
			o.Side, o.Price = grid.Bid, 200_000
		}
		refused, err := s.host.Place(ctx, grid.Product{Community: communityName, Interval: i}, o, s.clock())
		if err == nil && refused != "" {
			err = fmt.Errorf("an order of %s was refused: %s", d.Member, refused)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// connection is above what flows through a home's connection.
const connection = 22_000 // W

// readingHomes signs what the homes' meters say.
type readingHomes struct {
	key      *ecdsa.PrivateKey
	sequence uint64
	previous proof.Digest
	at       time.Time // up to which was read
}

// fill has read the homes for so long before the first interval.
func (s *settleRun) fill(ctx context.Context, history time.Duration) (err error) {
	if s.read.key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		return err
	}
	if err := s.evidence.Admit(ctx, gateway, &s.read.key.PublicKey); err != nil {
		return err
	}
	end := s.first.Begin()
	bar := progress(s.Progress, "readings, hours", int(history.Hours()))
	defer bar.End()
	s.read.at = end.Add(-history)
	for whole := end.Add(-min(history, kept)); s.read.at.Before(whole); s.read.at = s.read.at.Add(5 * time.Minute) {
		if err := s.read.receive(ctx, s, s.read.at.Add(-time.Second), 3); err != nil {
			return err
		}
		bar.Set(int((history - end.Sub(s.read.at)).Hours()))
	}
	return s.read.until(ctx, s, end)
}

// kept is for how long the program keeps every batch.
const kept = 3 * time.Hour

// until reads the homes once a second up to a time, a batch a home every five seconds.
func (r *readingHomes) until(ctx context.Context, s *settleRun, end time.Time) error {
	const seconds = 5
	for ; r.at.Before(end); r.at = r.at.Add(seconds * time.Second) {
		if err := r.receive(ctx, s, r.at, seconds); err != nil {
			return err
		}
	}
	return nil
}

// receive has the evidence receive what every home says in so many seconds from a time on.
func (r *readingHomes) receive(ctx context.Context, s *settleRun, from time.Time, seconds int) error {
	batches := make([][]byte, 0, len(s.devices))
	for _, d := range s.devices {
		b := proof.Batch{Community: communityName, Gateway: gateway, Sequence: r.sequence + 1, Previous: r.previous, Member: d.Member}
		for n := range seconds {
			b.Readings = append(b.Readings, simulated(d, from.Add(time.Duration(n)*time.Second)))
		}
		signed, digest, err := proof.SignBatch(b, r.key)
		if err != nil {
			return err
		}
		r.sequence, r.previous = b.Sequence, digest
		batches = append(batches, signed)
	}
	_, refused, err := s.evidence.ReceiveAll(ctx, batches, from.Add(time.Minute))
	if err == nil && len(refused) > 0 {
		err = refused[0]
	}
	return err
}
