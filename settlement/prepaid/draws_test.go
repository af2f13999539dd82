package prepaid_test

import (
	"errors"
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/settlement/prepaid"
	"github.com/commonwatt/commonwatt/tariff"
)

// dearAt is a tariff that costs 5 at one interval, 2 before it, and is not known after it.
type dearAt grid.Interval

func (d dearAt) Rates(_ string, i grid.Interval) (tariff.Rates, error) {
	switch at := grid.Interval(d); {
	case i == at:
		return tariff.Rates{Retail: 5}, nil
	case i.Begin().Before(at.Begin()):
		return tariff.Rates{Retail: 2}, nil
	default:
		return tariff.Rates{}, errors.New("not known")
	}
}

// TestDraws: the dearest price is that of the local day, of which the last interval may be the
// dearest; what is not known counts as the dearest that there is.
func TestDraws(t *testing.T) {
	zone, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	// The local second of June ends at 22:00 UTC.
	last := grid.IntervalAt(time.Date(2026, 6, 2, 21, 45, 0, 0, time.UTC), 15)
	d := prepaid.Draws{
		Minutes: 15, Zone: zone, Rates: dearAt(last), Dear: 9,
		Points: func(member string) []string { return map[string][]string{"ann": {"mp"}}[member] },
		Limits: func(string) []grid.Power { return []grid.Power{20_000, 4_000} },
	}
	for day, want := range map[int]grid.Price{1: 2, 2: 5, 3: 9} {
		if got, err := d.Dearest("ann", time.Date(2026, 6, day, 12, 0, 0, 0, time.UTC)); err != nil || got != want {
			t.Errorf("on day %d: %d, %v, want %d", day, got, err, want)
		}
	}
	if _, err := d.Dearest("bob", last.Begin()); err == nil {
		t.Error("a price for who has no metering point")
	}
	if got := d.Carries("ann"); got != 6_000 { // 24 kW for a quarter of an hour
		t.Errorf("carries %d Wh", got)
	}
}
