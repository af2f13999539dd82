package drive

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/community"
	"github.com/commonwatt/commonwatt/forecast"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/matching"
	"github.com/commonwatt/commonwatt/meters/evidence"
	"github.com/commonwatt/commonwatt/meters/metering"
	"github.com/commonwatt/commonwatt/proof"
	"github.com/commonwatt/commonwatt/record"
	"github.com/commonwatt/commonwatt/settlement"
	"github.com/commonwatt/commonwatt/settlement/audit"
	"github.com/commonwatt/commonwatt/settlement/ledger"
	"github.com/commonwatt/commonwatt/tariff"
)

// frozenInMemory implements Runs, as texts.
type frozenInMemory map[string][]byte

func name(i grid.Interval, run int) string { return fmt.Sprintf("%s.%d", i, run) }

func (f frozenInMemory) Freeze(ctx context.Context, i grid.Interval, run settlement.Run) (settlement.Run, error) {
	at := name(i, run.Manifest.Run)
	if f[at] == nil {
		var err error
		if f[at], err = json.Marshal(run); err != nil {
			return run, err
		}
	}
	frozen, err := f.Frozen(ctx, i, run.Manifest.Run)
	return *frozen, err
}

func (f frozenInMemory) Frozen(_ context.Context, i grid.Interval, run int) (*settlement.Run, error) {
	text := f[name(i, run)]
	if text == nil {
		return nil, nil
	}
	r := &settlement.Run{}
	return r, json.Unmarshal(text, r)
}

// unmoved implements Alone: nobody moved a battery.
type unmoved struct{}

func (unmoved) Alone(context.Context, string, grid.Interval) (f grid.Flow, estimated, known bool, err error) {
	return f, false, false, nil
}

// settling is a settler for an interval in which bob sold ann 300 Wh at 0.10.
type settling struct {
	*Settler

	market   *community.Market
	evidence *evidence.Log
	names    *ledger.Names
	metering *metering.Meters

	t        *testing.T
	i        grid.Interval
	key      *ecdsa.PrivateKey
	sequence uint64
	previous proof.Digest
}

func newSettling(t *testing.T) *settling {
	t.Helper()
	s := &settling{t: t, i: grid.IntervalAt(time.Date(2026, 6, 10, 18, 0, 0, 0, time.UTC), 15)}
	dir := t.TempDir()
	names, err := ledger.OpenNames(filepath.Join(dir, ledger.NamesFile))
	if err != nil {
		t.Fatal(err)
	}
	terms := tariff.Tariff{Version: "t", Currency: "EUR", Retail: 300_000, FeedIn: 80_000}
	market, err := community.NewMarket(community.Config{Community: "elm", Minutes: 15, Names: names, Rules: new(settlement.DefaultRules())}, grid.SingleNode(), terms)
	if err != nil {
		t.Fatal(err)
	}
	apply := func(commands []matching.Command, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range commands {
			market.Apply(&c)
		}
	}
	before := s.i.Begin().Add(-time.Hour)
	product := grid.Product{Community: "elm", Interval: s.i}
	apply([]matching.Command{market.Begin(before)}, nil)
	apply(market.Admissions([]community.Point{{MeteringPoint: "mp-ann", Member: "ann"}, {MeteringPoint: "mp-bob", Member: "bob"}}, before))
	apply([]matching.Command{market.Command(community.Action{Step: community.Open, Time: before, Product: product})}, nil)
	for _, o := range []grid.Order{{ID: "o", Member: "bob", MeteringPoint: "mp-bob", Side: grid.Offer}, {ID: "b", Member: "ann", MeteringPoint: "mp-ann", Side: grid.Bid}} {
		o.Energy, o.Price = 300, 100_000
		_, commands, err := market.Submit(community.Submission{Product: product, Time: before, Order: o})
		apply(commands, err)
	}
	readings, err := evidence.Open(t.Context(), filepath.Join(dir, "evidence.db"), "elm")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = readings.Close() })
	if s.key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		t.Fatal(err)
	}
	if err := readings.Admit(t.Context(), "gw-1", &s.key.PublicKey); err != nil {
		t.Fatal(err)
	}
	s.market, s.evidence, s.names = market, readings, names
	s.Settler = &Settler{
		Trades: market, Names: names, Runs: frozenInMemory{}, Workings: audit.Workings{In: readings}, Alone: unmoved{},
		Deadline: 2 * time.Minute, Log: slog.New(slog.DiscardHandler), Seen: func(grid.Interval, settlement.Run) {},
	}
	s.count(nil)
	return s
}

// count makes these the connection meters.
func (s *settling) count(meters []grid.Device) {
	s.metering = metering.New(metering.Options{
		Evidence: s.evidence, Tariff: tariff.Tariff{Version: "t", Currency: "EUR", Retail: 300_000, FeedIn: 80_000},
		Forecast: func(first grid.Interval, history []float64) (float64, bool, error) {
			points, err := forecast.Blend{}.Forecast(forecast.Series{First: first, Values: history}, 1)
			if errors.Is(err, forecast.ErrNoHistory) {
				return 0, false, nil
			}
			return points[0].Mean, true, err
		},
	})
	s.Meters, s.Evidence = s.metering, s.metering
	for _, m := range meters {
		s.metering.Add(m, time.Time{}, 10_000)
	}
}

// meter gives a member a connection meter.
func (s *settling) meter(member string) {
	s.metering.Add(grid.Device{ID: member + "/meter", Kind: grid.Meter, Member: member, MeteringPoint: "mp-" + member}, time.Time{}, 10_000)
}

// read reads a member's meter at instants, between which it takes 300 Wh, signed, into the
// evidence.
func (s *settling) read(member string, instants ...time.Time) {
	s.t.Helper()
	b := proof.Batch{Community: "elm", Gateway: "gw-1", Sequence: s.sequence + 1, Previous: s.previous, Member: member}
	for k, at := range instants {
		b.Readings = append(b.Readings, grid.Reading{Device: member + "/meter", Time: at, Import: new(grid.Energy(300 * k)), Export: new(grid.Energy(0)), Quality: grid.Good})
	}
	text, digest, err := proof.SignBatch(b, s.key)
	if err != nil {
		s.t.Fatal(err)
	}
	s.sequence, s.previous = b.Sequence, digest
	if _, _, err := s.evidence.Receive(s.t.Context(), text, s.i.End().Add(time.Hour)); err != nil {
		s.t.Fatal(err)
	}
}

// final carries out the first Settle action after the deadline, and returns the run
// that is frozen then, nil when it waits.
func (s *settling) final(now time.Time) *settlement.Run {
	s.t.Helper()
	a := community.Action{Step: community.Settle, Product: grid.Product{Community: "elm", Interval: s.i}, Run: 1, Final: true}
	if _, err := s.Settle(s.t.Context(), a, now); err != nil {
		s.t.Fatal(err)
	}
	run, err := s.Runs.Frozen(s.t.Context(), s.i, 1)
	if err != nil {
		s.t.Fatal(err)
	}
	return run
}

// TestWhatCannotBeShownWasNotRead makes the leaves of four meters that were read well. The
// signed batches of three are missing from the evidence at one end or at both: only ann's
// counts as read, for only hers can be shown.
func TestWhatCannotBeShownWasNotRead(t *testing.T) {
	s := newSettling(t)
	begin, end := s.i.Begin(), s.i.End()
	var metered []record.Metered
	for _, member := range []string{"ann", "bob", "cy", "dan"} {
		s.meter(member)
		metered = append(metered, record.Metered{MeteringPoint: "mp-" + member, Flow: grid.Flow{Import: 300}, Quality: grid.Good})
	}
	s.read("ann", begin, end)
	s.read("bob", begin)
	s.read("cy", end)
	for last, want := range map[bool]grid.Quality{false: grid.Estimated, true: grid.Final} {
		said := append([]record.Metered{}, metered...)
		leaves, err := s.leaves(t.Context(), s.i, said, last)
		if err != nil {
			t.Fatal(err)
		}
		for k, text := range leaves {
			var leaf record.Leaf
			if err := json.Unmarshal(text, &leaf); err != nil {
				t.Fatal(err)
			}
			point, quality, batches := metered[k].MeteringPoint, want, [4]proof.Digest{}
			if point == "mp-ann" {
				quality, batches = grid.Good, [4]proof.Digest{leaf.Batches[0], leaf.Batches[0], leaf.Batches[0], leaf.Batches[0]}
			}
			if leaf.Quality != quality || said[k].Quality != quality || leaf.Batches != batches || leaf.Flow != metered[k].Flow {
				t.Errorf("%s, last %t: settled as %s, leaf %s with batches %q, want %s", point, last, said[k].Quality, leaf.Quality, leaf.Batches, quality)
			}
			if shown := leaf.Batches[0] != ""; shown != (point == "mp-ann") {
				t.Errorf("%s: shown by readings: %t", point, shown)
			}
		}
	}
}

// unsigned is evidence where nothing is signed, as in a replay.
type unsigned struct{}

func (unsigned) Batches(context.Context, string, grid.Interval) (b [4]proof.Digest, only grid.Only, signed bool, err error) {
	return b, "", false, nil
}

func (unsigned) Name(context.Context, ...proof.Digest) error { return nil }

// TestALeafWithoutSignedReadings has the form of any other: the account, the salt, and
// batches that are empty. What was read counts as read.
func TestALeafWithoutSignedReadings(t *testing.T) {
	s := newSettling(t)
	s.Evidence = unsigned{}
	metered := []record.Metered{{MeteringPoint: "mp-ann", Flow: grid.Flow{Import: 300}, Quality: grid.Good}}
	leaves, err := s.leaves(t.Context(), s.i, metered, false)
	if err != nil {
		t.Fatal(err)
	}
	want := record.Leaf{Metered: metered[0]}
	if want.MeteringPoint, err = s.names.Account("ann", "mp-ann"); err != nil {
		t.Fatal(err)
	}
	if want.Salt, err = s.names.Blind("ann", s.i.String()); err != nil {
		t.Fatal(err)
	}
	if got, err := leafOf(leaves[0]); err != nil || !reflect.DeepEqual(got, want) || metered[0].Quality != grid.Good || got.Salt == "" {
		t.Errorf("leaf %+v, %v, want %+v", got, err, want)
	}
}

// TestWhoTradedWithoutAMeterIsSettled settles after bob's meter was taken out. He sold
// 300 Wh that nobody metered: ann pays him for them, and he buys them of the utility.
func TestWhoTradedWithoutAMeterIsSettled(t *testing.T) {
	s := newSettling(t)
	s.meter("ann")
	s.read("ann", s.i.Begin(), s.i.End())
	run := s.final(s.i.End().Add(time.Hour))
	if run == nil || len(run.Statements) != 2 || !run.Manifest.Estimated || !run.Substituted {
		t.Fatalf("run %+v, want the statements of both", run)
	}
	ann, bob := run.Statements[0], run.Statements[1]
	if ann.Quality != grid.Good || ann.Bought != 300 || ann.Net != -30_000 {
		t.Errorf("ann has %+v, want −30000 for 300 Wh", ann)
	}
	if bob.MeteringPoint != "mp-bob" || bob.Quality != grid.Estimated || bob.Sold != 300 || bob.Retail != 300 || bob.Net != 30_000-90_000 {
		t.Errorf("bob has %+v, want 30000 less the 90000 that 300 Wh cost at the utility", bob)
	}
}

// TestMetersGetTheirTimeAfterAStart settles an interval that ended while nothing ran.
// Its deadline is over, but the meters may answer as long after the start as after a
// delivery before a value is put in the place of theirs.
func TestMetersGetTheirTimeAfterAStart(t *testing.T) {
	s := newSettling(t)
	s.meter("ann")
	s.meter("bob")
	s.read("ann", s.i.Begin(), s.i.End())
	s.Begun = s.i.End().Add(time.Hour)
	for _, after := range []time.Duration{0, s.Deadline - time.Second} {
		if run := s.final(s.Begun.Add(after)); run != nil {
			t.Errorf("%s after the start it was settled without bob's meter: %+v", after, run.Statements)
		}
	}
	if run := s.final(s.Begun.Add(s.Deadline)); run == nil || !run.Substituted || run.Statements[1].Quality != grid.Estimated {
		t.Errorf("after the deadline: %+v, want a run that is estimated", run)
	}
	// When all have answered nothing is waited for.
	s = newSettling(t)
	s.Begun = s.i.End().Add(time.Hour)
	for _, member := range []string{"ann", "bob"} {
		s.meter(member)
		s.read(member, s.i.Begin(), s.i.End())
	}
	if run := s.final(s.Begun); run == nil || run.Substituted {
		t.Errorf("with all readings there: %+v, want a run that is measured", run)
	}
}
