package metering

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/forecast"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/meters/evidence"
	"github.com/commonwatt/commonwatt/proof"
	"github.com/commonwatt/commonwatt/tariff"
)

// counting is a community whose gateway signs what its meters say, and that forecasts as
// the agents do.
type counting struct {
	*Meters

	t        testing.TB
	key      *ecdsa.PrivateKey
	sequence uint64
	previous proof.Digest
	doubted  []string // intervals of meters
}

func newCounting(t testing.TB) *counting {
	t.Helper()
	c := &counting{t: t}
	kept, err := evidence.Open(t.Context(), filepath.Join(t.TempDir(), "evidence.db"), "elm")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = kept.Close() })
	if c.key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		t.Fatal(err)
	}
	if err := kept.Admit(t.Context(), "gw-1", &c.key.PublicKey); err != nil {
		t.Fatal(err)
	}
	c.Meters = New(Options{
		Evidence: kept, Tariff: tariff.Tariff{Version: "t", Currency: "EUR", Retail: 300_000, FeedIn: 80_000},
		Forecast: func(first grid.Interval, history []float64) (float64, bool, error) {
			points, err := forecast.Blend{}.Forecast(forecast.Series{First: first, Values: history}, 1)
			if errors.Is(err, forecast.ErrNoHistory) {
				return 0, false, nil
			}
			return points[0].Mean, true, err
		},
		Doubted: func(_ context.Context, meter grid.Device, i grid.Interval) {
			c.doubted = append(c.doubted, meter.ID+" "+i.String())
		},
	})
	return c
}

// meter gives a member a connection meter through which 11 kW can flow.
func (c *counting) meter(member string, since time.Time) grid.Device {
	d := grid.Device{ID: member + "/meter", Kind: grid.Meter, Member: member, MeteringPoint: "mp-" + member}
	c.Add(d, since, 12_375)
	return d
}

// says has the gateway sign readings of a member, in batches of no more than so many.
func (c *counting) says(member string, most int, readings ...grid.Reading) {
	c.t.Helper()
	var signed [][]byte
	now := time.Time{}
	for some := range slices.Chunk(readings, most) {
		b := proof.Batch{Community: "elm", Gateway: "gw-1", Sequence: c.sequence + 1, Previous: c.previous, Member: member, Readings: some}
		text, digest, err := proof.SignBatch(b, c.key)
		if err != nil {
			c.t.Fatal(err)
		}
		c.sequence, c.previous = b.Sequence, digest
		signed = append(signed, text)
		for _, r := range some {
			if r.Time.After(now) {
				now = r.Time
			}
		}
	}
	_, refused, err := c.Evidence.ReceiveAll(c.t.Context(), signed, now)
	if err != nil || len(refused) > 0 {
		c.t.Fatal(refused, err)
	}
}

// TestCuttingTheMeterDoesNotPay lets a home take 200 Wh in every interval for nine days,
// and 900 Wh in one of the week before; then its meter is cut. It settles provisionally
// outside of own energy and pool, and for good with the dearer of what was forecast and
// what it took a week before; with that it takes part.
func TestCuttingTheMeterDoesNotPay(t *testing.T) {
	s := newCounting(t)
	cut := grid.IntervalAt(time.Date(2026, 6, 10, 18, 0, 0, 0, time.UTC), 15)
	dear := cut.Shift(-7 * 96)
	var readings []grid.Reading
	total := grid.Energy(0)
	for i := cut.Shift(-9 * 96); i.Compare(cut) <= 0; i = i.Shift(1) {
		readings = append(readings, grid.Reading{Device: "ann/meter", Time: i.Begin(), Import: new(total), Export: new(grid.Energy(0)), Quality: grid.Good})
		total += 200
		if i == dear {
			total += 700
		}
	}
	s.says("ann", 96, readings...)
	s.meter("ann", time.Time{})
	for _, c := range []struct {
		i       grid.Interval
		last    bool
		want    grid.Energy
		quality grid.Quality
	}{
		{cut, false, 0, grid.Estimated},
		{cut, true, 900, grid.Final},          // a week before
		{cut.Shift(1), true, 200, grid.Final}, // as forecast, and a week before
		{cut.Shift(-1), true, 200, grid.Good},
	} {
		metered, complete, err := s.Energies(t.Context(), c.i, c.last)
		if err != nil || len(metered) != 1 || metered[0].Flow.Import != c.want || metered[0].Quality != c.quality || complete != (c.quality == grid.Good) {
			t.Errorf("%s, last %t: %+v, complete %t, %v, want %d Wh, %s", c.i, c.last, metered, complete, err, c.want, c.quality)
		}
	}
	if f, err := s.Dearest("mp-ann", cut, grid.Flow{Export: 500}, grid.Flow{}, grid.Flow{Export: 100, Import: 10}); err != nil || f != (grid.Flow{}) {
		t.Errorf("the dearest of what is given is %+v, %v, want nothing", f, err)
	}
	// Where taking is paid for at that time, to have taken nothing is the dearest.
	s.Rates = counted{"mp-ann": tariff.Rates{Retail: -10_000, FeedIn: -50_000}}
	if f, err := s.Dearest("mp-ann", cut, grid.Flow{Import: 500}, grid.Flow{}, grid.Flow{Import: 100}); err != nil || f != (grid.Flow{}) {
		t.Errorf("the dearest at a negative price is %+v, %v, want nothing", f, err)
	}
	if _, err := s.Dearest("mp-bob", cut, grid.Flow{}); err == nil {
		t.Error("a price that is not known counts as one")
	}
}

// counted are rates by metering point.
type counted map[string]tariff.Rates

func (c counted) Rates(point string, _ grid.Interval) (tariff.Rates, error) {
	r, some := c[point]
	if !some {
		return r, errors.New("not known")
	}
	return r, nil
}

// TestTheForecastIsSettledWhereItIsDearer lets a home take 200 Wh in every interval of a
// week, nothing in the one that is a week before its meter is cut, and 300 Wh in those of
// the last three days: by the week before it would pay nothing.
func TestTheForecastIsSettledWhereItIsDearer(t *testing.T) {
	s := newCounting(t)
	const day = 96
	cut := grid.IntervalAt(time.Date(2026, 6, 10, 18, 0, 0, 0, time.UTC), 15)
	var readings []grid.Reading
	total := grid.Energy(0)
	for k := -9 * day; k <= 0; k++ {
		readings = append(readings, grid.Reading{Device: "ann/meter", Time: cut.Shift(k).Begin(), Import: new(total), Export: new(grid.Energy(0)), Quality: grid.Good})
		switch {
		case k >= -3*day:
			total += 300
		case k != -7*day:
			total += 200
		}
	}
	s.says("ann", 96, readings...)
	s.meter("ann", time.Time{})
	metered, _, err := s.Energies(t.Context(), cut, true)
	if err != nil || len(metered) != 1 || metered[0].Flow.Import < 290 || metered[0].Flow.Import > 310 || metered[0].Flow.Export != 0 || metered[0].Quality != grid.Final {
		t.Errorf("%+v, %v, want about the 300 Wh of the last days", metered, err)
	}
}
