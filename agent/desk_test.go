package agent_test

import (
	"context"
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/agent"
	"github.com/commonwatt/commonwatt/grid"
)

// steady is the telemetry of a home that feeds in without end.
type steady struct{}

func (steady) Energies(_ context.Context, _ string, _ grid.Interval, n int) ([]float64, error) {
	energies := make([]float64, n)
	for k := range energies {
		energies[k] = -500
	}
	return energies, nil
}

func (steady) MeanPower(context.Context, string, time.Time, time.Time) (*grid.Power, error) {
	return new(grid.Power(-2000)), nil
}

// TestADeskGrows gives a member that comes later an agent of its own, and its agent a
// source when an inverter follows.
func TestADeskGrows(t *testing.T) {
	now := time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)
	next := grid.IntervalAt(now, 15).Shift(1)
	d := agent.NewDesk([]grid.Device{{ID: "ann/meter", Kind: grid.Meter, Member: "ann", MeteringPoint: "mp-ann"}}, 300_000, 60_000, 1, nil, steady{})
	if _, err := d.Quote(t.Context(), "bob", next, now); err == nil {
		t.Error("an agent of nobody quotes")
	}
	order := func() grid.Order {
		t.Helper()
		p, err := d.Quote(t.Context(), "bob", next, now)
		if err != nil || len(p.Orders) == 0 {
			t.Fatalf("plan %+v, %v", p, err)
		}
		return p.Orders[0]
	}
	d.Add(grid.Device{ID: "bob/meter", Kind: grid.Meter, Member: "bob", MeteringPoint: "mp-bob"})
	if o := order(); o.MeteringPoint != "mp-bob" || o.Source != "" || d.Homes() != 2 {
		t.Errorf("of %d homes, %+v", d.Homes(), o)
	}
	d.Add(grid.Device{ID: "bob/battery", Kind: grid.Battery, Member: "bob", MeteringPoint: "mp-bob"})
	d.Add(grid.Device{ID: "bob/inverter", Kind: grid.Inverter, Member: "bob", MeteringPoint: "mp-bob"})
	if o := order(); o.Source != "solar" || d.Homes() != 2 {
		t.Errorf("of %d homes, %+v", d.Homes(), o)
	}
}
