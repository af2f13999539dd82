package agent_test

import (
	"context"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/agent"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/tariff"
)

// prices are the same at all times.
func prices() agent.Prices {
	return tariff.FlatBook(tariff.Tariff{Version: "t", Currency: "EUR", Retail: 300_000, FeedIn: 60_000})
}

// steady is the telemetry of a home that feeds in without end.
type steady struct{}

func (steady) Energies(_ context.Context, _ string, _ grid.Interval, n int) ([]float64, error) {
	energies := make([]float64, n)
	for k := range energies {
		energies[k] = -500
	}
	return energies, nil
}

func (steady) Last(context.Context, string) (*grid.Reading, error) { return nil, nil }

func (steady) MeanPower(context.Context, string, time.Time, time.Time) (*grid.Power, error) {
	return new(grid.Power(-2000)), nil
}

func (steady) Charges(_ context.Context, _ string, _ grid.Interval, n int) ([]float64, error) {
	return unknown(n), nil
}

func (steady) Plugged(_ context.Context, _ string, _ grid.Interval, n int) ([]grid.Presence, error) {
	return make([]grid.Presence, n), nil
}

// TestTradersGrow gives a member that comes later an agent of its own, and its agent a
// source when an inverter follows.
func TestTradersGrow(t *testing.T) {
	now := time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)
	next := grid.IntervalAt(now, 15).Shift(1)
	traders := agent.NewTraders(agent.Options{Devices: []grid.Device{{ID: "ann/meter", Kind: grid.Meter, Member: "ann", MeteringPoint: "mp-ann"}}, Prices: prices(), Telemetry: steady{}, Seed: 1, Minutes: 15})
	if _, err := traders.Quote(t.Context(), "mp-bob", next, now); err == nil || traders.Points("bob") != nil {
		t.Error("an agent of nobody quotes")
	}
	order := func() grid.Order {
		t.Helper()
		p, err := traders.Quote(t.Context(), "mp-bob", next, now)
		if err != nil || len(p.Orders) == 0 {
			t.Fatalf("plan %+v, %v", p, err)
		}
		return p.Orders[0]
	}
	traders.Add(grid.Device{ID: "bob/meter", Kind: grid.Meter, Member: "bob", MeteringPoint: "mp-bob"})
	if o := order(); o.MeteringPoint != "mp-bob" || o.Source != "" || traders.Homes() != 2 {
		t.Errorf("of %d homes, %+v", traders.Homes(), o)
	}
	traders.Add(grid.Device{ID: "bob/battery", Kind: grid.Battery, Member: "bob", MeteringPoint: "mp-bob"})
	traders.Add(grid.Device{ID: "bob/inverter", Kind: grid.Inverter, Member: "bob", MeteringPoint: "mp-bob"})
	if o := order(); o.Source != "solar" || traders.Homes() != 2 {
		t.Errorf("of %d homes, %+v", traders.Homes(), o)
	}
	traders.Add(grid.Device{ID: "bob/battery", Kind: grid.Battery, Member: "bob", MeteringPoint: "mp-bob", Serial: "S"})
	if all := traders.Devices("bob"); len(all) != 3 || all[2].Serial != "S" {
		t.Errorf("a battery that was paired anew is there beside itself: %+v", all)
	}
	traders.Remove(grid.Device{ID: "bob/inverter", Kind: grid.Inverter, Member: "bob", MeteringPoint: "mp-bob"})
	if o := order(); o.Source != "" {
		t.Errorf("without an inverter: %+v", o)
	}
}

// byMeter is the telemetry of meters that each count the same energy in every interval.
type byMeter map[string]float64 // Wh in a quarter of an hour, + import

func (m byMeter) Energies(_ context.Context, meter string, _ grid.Interval, n int) ([]float64, error) {
	return slices.Repeat([]float64{m[meter]}, n), nil
}

func (byMeter) Last(context.Context, string) (*grid.Reading, error) { return nil, nil }

func (m byMeter) MeanPower(_ context.Context, meter string, _, _ time.Time) (*grid.Power, error) {
	return new(grid.Power(4 * m[meter])), nil
}

func (byMeter) Charges(_ context.Context, _ string, _ grid.Interval, n int) ([]float64, error) {
	return unknown(n), nil
}

func (byMeter) Plugged(_ context.Context, _ string, _ grid.Interval, n int) ([]grid.Presence, error) {
	return make([]grid.Presence, n), nil
}

// TestEveryMeteringPointOfAMemberTrades quotes for a flat that takes and a roof that
// gives, of one member.
func TestEveryMeteringPointOfAMemberTrades(t *testing.T) {
	now := time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)
	next := grid.IntervalAt(now, 15).Shift(1)
	traders := agent.NewTraders(agent.Options{Devices: []grid.Device{
		{ID: "roof/meter", Kind: grid.Meter, Member: "ann", MeteringPoint: "roof"},
		{ID: "roof/pv", Kind: grid.Inverter, Member: "ann", MeteringPoint: "roof"},
		{ID: "flat/meter", Kind: grid.Meter, Member: "ann", MeteringPoint: "flat"},
		{ID: "bob/meter", Kind: grid.Meter, Member: "bob", MeteringPoint: "mp-bob"},
	}, Prices: prices(), Telemetry: byMeter{"flat/meter": 100, "roof/meter": -900}, Seed: 1, Minutes: 15})
	if points := traders.Points("ann"); !slices.Equal(points, []string{"flat", "roof"}) || traders.Homes() != 2 {
		t.Fatalf("the metering points are %v, in %d homes", points, traders.Homes())
	}
	names := map[string]bool{}
	for _, c := range []struct {
		point, source string
		side          grid.Side
		net           float64
	}{{"flat", "", grid.Bid, 100}, {"roof", "solar", grid.Offer, -900}} {
		p, err := traders.Quote(t.Context(), c.point, next, now)
		if err != nil || len(p.Orders) == 0 || math.Abs(p.Expected.Mean-c.net) > 1 {
			t.Fatalf("%s: plan %+v, %v", c.point, p, err)
		}
		for _, o := range p.Orders {
			if o.MeteringPoint != c.point || o.Member != "ann" || o.Side != c.side || o.Source != c.source {
				t.Errorf("%s: order %+v", c.point, o)
			}
			if names[o.ID] {
				t.Errorf("two orders of a member are named %s", o.ID)
			}
			names[o.ID] = true
		}
	}
}

// gappy is the telemetry of a home of which single intervals are not known. It notes
// from when on it was asked.
type gappy struct {
	steady
	unknown map[grid.Interval]bool
	asked   grid.Interval
}

func (g *gappy) Energies(ctx context.Context, meter string, first grid.Interval, n int) ([]float64, error) {
	g.asked = first
	energies, err := g.steady.Energies(ctx, meter, first, n)
	for k := range energies {
		if g.unknown[first.Shift(k)] {
			energies[k] = math.NaN()
		}
	}
	return energies, err
}

// TestAGapIsAskedForAgainForAnHour leaves two intervals out. As long as their readings
// can still come an agent asks for them with every quote; an hour after their end they
// are missing for good, and it asks for what is younger alone.
func TestAGapIsAskedForAgainForAnHour(t *testing.T) {
	noon := time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)
	gap := grid.IntervalAt(noon, 15).Shift(-1) // ends at noon
	late := gap.Shift(2)                       // ends at 12:30; its readings come at 13:20
	home := &gappy{unknown: map[grid.Interval]bool{gap: true, late: true}}
	traders := agent.NewTraders(agent.Options{
		Devices: []grid.Device{{ID: "ann/meter", Kind: grid.Meter, Member: "ann", MeteringPoint: "mp-ann"}}, Prices: prices(), Telemetry: home, Seed: 1, Minutes: 15,
		Strategy: func(string) agent.Strategy { return agent.ByPriceCurve },
	})
	for _, c := range []struct {
		after time.Duration // noon
		from  grid.Interval // what it asks for begins here
		known bool          // the readings of late have come
	}{
		{time.Minute, gap.Shift(-56*24*4 + 1), false}, // eight weeks back: it remembers nothing yet
		{16 * time.Minute, gap, false},
		{46 * time.Minute, gap, false},
		{time.Hour, gap, false},
		{time.Hour + time.Second, gap, false}, // for the last time
		{time.Hour + 2*time.Second, late, false},
		{80 * time.Minute, late, true},
		{81 * time.Minute, grid.IntervalAt(noon.Add(81*time.Minute), 15), true},
	} {
		home.unknown[late] = !c.known
		now := noon.Add(c.after)
		if _, err := traders.Quote(t.Context(), "mp-ann", grid.IntervalAt(now, 15).Shift(1), now); err != nil {
			t.Fatal(err)
		}
		if home.asked != c.from {
			t.Errorf("%s after noon it asks from %s on, want from %s", c.after, home.asked, c.from)
		}
	}
}

// TestWhoDoesNotTradeIsSilent has nobody touch the orders of a member whose program outside trades.
func TestWhoDoesNotTradeIsSilent(t *testing.T) {
	now := time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)
	for _, s := range agent.Strategies() {
		traders := agent.NewTraders(agent.Options{
			Devices: []grid.Device{{ID: "ann/meter", Kind: grid.Meter, Member: "ann", MeteringPoint: "mp-ann"}}, Prices: prices(), Telemetry: steady{}, Minutes: 15, FitInPlace: true,
			Strategy: func(string) agent.Strategy { return s },
		})
		p, err := traders.Quote(t.Context(), "mp-ann", grid.IntervalAt(now, 15).Shift(1), now)
		if err != nil {
			t.Fatal(err)
		}
		if silent := s == agent.ByOthers || s == agent.ByNothing; p.Silent != silent || silent != (len(p.Orders) == 0) {
			t.Errorf("%s: silent is %t, with %d orders", s, p.Silent, len(p.Orders))
		}
	}
}

// blind is steady, but that the inverter does not answer.
type blind struct{ steady }

func (b blind) Energies(ctx context.Context, device string, first grid.Interval, n int) ([]float64, error) {
	energies, err := b.steady.Energies(ctx, device, first, n)
	for k := range energies {
		if device == "ann/inverter" {
			energies[k] = math.NaN()
		}
	}
	return energies, err
}

// TestARoofThatNobodyReads has a home sell what its connection meter gives although its inverter
// was never read.
func TestARoofThatNobodyReads(t *testing.T) {
	now := time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)
	home := grid.Device{ID: "ann/meter", Kind: grid.Meter, Member: "ann", MeteringPoint: "mp-ann"}
	roof := grid.Device{ID: "ann/inverter", Kind: grid.Inverter, Member: "ann", MeteringPoint: "mp-ann"}
	traders := agent.NewTraders(agent.Options{Devices: []grid.Device{home, roof}, Prices: prices(), Telemetry: blind{}, Minutes: 15, FitInPlace: true})
	p, err := traders.Quote(t.Context(), "mp-ann", grid.IntervalAt(now, 15).Shift(1), now)
	if err != nil || len(p.Orders) == 0 || p.Orders[0].Side != grid.Offer {
		t.Fatalf("it orders %+v, %v", p.Orders, err)
	}
}

// unknown are charges that nobody read.
func unknown(n int) []float64 {
	all := make([]float64, n)
	for k := range all {
		all[k] = math.NaN()
	}
	return all
}
