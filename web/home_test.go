package web_test

import (
	"cmp"
	"context"
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/record"
	"github.com/commonwatt/commonwatt/settlement"
	"github.com/commonwatt/commonwatt/web"
	"github.com/commonwatt/commonwatt/web/api"
)

// at returns a dashboard whose world time is that of the pointer.
func at(clock *time.Time) *web.Live {
	return newLiveWith(func() time.Time { return *clock }, func(context.Context) api.Status { return api.Status{Speed: 60} })
}

func firstHome(t *testing.T, l *web.Live) api.Home {
	t.Helper()
	return l.State(t.Context()).Homes[0]
}

// todayOf returns what today came to for the first home, and when its first interval
// began.
func todayOf(t *testing.T, l *web.Live) (sum api.Today, since time.Time) {
	t.Helper()
	sum = firstHome(t, l).Today
	if sum.Since != nil {
		since = *sum.Since
	}
	sum.Since = nil
	return sum, since
}

func run(number int, s settlement.Statement) settlement.Run {
	s.MeteringPoint, s.Run = cmp.Or(s.MeteringPoint, "mp-a"), number
	if s.Quality == "" {
		s.Quality = grid.Good
	}
	return settlement.Run{Manifest: record.Manifest{Run: number}, Statements: []settlement.Statement{s}}
}

func TestTodayTurnsAtMidnight(t *testing.T) {
	clock := time.Date(2026, 6, 1, 23, 58, 0, 0, time.UTC)
	l := at(&clock)
	late := grid.Interval{Start: clock.Add(-13 * time.Minute).Unix(), Minutes: 15} // 23:45
	l.ShowSettled(late.Shift(-1), run(1, settlement.Statement{Net: 5, RetailOnly: 3}))
	if got, _ := todayOf(t, l); got != (api.Today{Net: 5, RetailOnly: 3, Without: 3, Intervals: 1}) {
		t.Errorf("today before midnight is %+v", got)
	}
	clock = clock.Add(2 * time.Minute)
	if got, _ := todayOf(t, l); got != (api.Today{}) {
		t.Errorf("today at midnight is %+v, want nothing of yesterday", got)
	}
	l.ShowSettled(late, run(1, settlement.Statement{Net: 7}))
	l.ShowSettled(late.Shift(-1), run(2, settlement.Statement{Net: 9}))
	if got, _ := todayOf(t, l); got != (api.Today{}) {
		t.Errorf("today after late runs of yesterday is %+v", got)
	}
	clock = clock.Add(16 * time.Minute)
	l.ShowSettled(late.Shift(1), run(1, settlement.Statement{Net: 11}))
	if got, _ := todayOf(t, l); got.Net != 11 || got.Intervals != 1 {
		t.Errorf("today after its first interval is %+v", got)
	}
}

// TestAMemberWithTwoMeteringPoints is shown the sums over both: a flat that takes and a
// roof that gives.
func TestAMemberWithTwoMeteringPoints(t *testing.T) {
	clock := now
	l := at(&clock)
	for _, d := range []grid.Device{
		{ID: "roof/meter", Kind: grid.Meter, Member: "a", MeteringPoint: "mp-roof"},
		{ID: "roof/pv", Kind: grid.Inverter, Member: "a", MeteringPoint: "mp-roof"},
	} {
		if err := l.Add(d); err != nil {
			t.Fatal(err)
		}
	}
	before := interval.Shift(-1)
	l.ShowSettled(before, run(1, settlement.Statement{Net: -100, RetailOnly: -120}))
	l.ShowSettled(before, run(1, settlement.Statement{MeteringPoint: "mp-roof", Net: 900, RetailOnly: 500, Without: new(grid.Money(400)), Quality: grid.Estimated}))
	l.ShowSettled(interval, run(1, settlement.Statement{MeteringPoint: "mp-roof", Net: 50, RetailOnly: 50, Quality: grid.Estimated}))
	got, since := todayOf(t, l)
	if got != (api.Today{Net: 850, RetailOnly: 430, Without: 330, Intervals: 2, Estimated: 2}) || !since.Equal(before.Begin()) {
		t.Errorf("today is %+v since %s, want the sums over both metering points, from the first interval on", got, since)
	}

	roof := trade(1, 400, 100_000) // it sells 400 Wh for 40,000
	roof.Seller = "mp-roof"
	l.ShowTrade(roof)
	l.ShowExpected("mp-a", interval, 100)
	if h := firstHome(t, l); h.Expected != nil || h.Contract.Sold != 400 || h.Contract.Received != 40_000 {
		t.Errorf("contract %+v, expected %+v while nothing is known of the roof", h.Contract, h.Expected)
	}
	l.ShowExpected("mp-roof", interval, -600)
	want := api.Expected{Energy: -500, Money: 40_000 + 6000, Over: 100} // at 60,000 per kWh: the roof gives the flat what it needs
	if e := firstHome(t, l).Expected; e == nil || *e != want {
		t.Errorf("expected %+v, want %+v", e, want)
	}
	l.Apart(map[string]bool{"mp-a": true})
	want = api.Expected{Energy: -500, Money: 40_000 - 30_000 + 12_000, Short: 100, Over: 200} // at 300,000 and 60,000 per kWh
	if e := firstHome(t, l).Expected; e == nil || *e != want {
		t.Errorf("expected %+v of a flat that shares nothing, want %+v", e, want)
	}
	if s := l.State(t.Context()); s.Trades[0].Seller != "a" || len(s.Homes) != 2 {
		t.Errorf("%d homes, the last trade is %+v: want the roof's by its member", len(s.Homes), s.Trades[0])
	}
}

// TestAHomeThatSharesNothingHasNoPool shows the price of shared energy to those who take
// part alone, whenever they come.
func TestAHomeThatSharesNothingHasNoPool(t *testing.T) {
	l := newLive()
	if p := firstHome(t, l).Pool; p != nil {
		t.Errorf("a pool at %d where nothing is shared", *p)
	}
	l.SharePool(180_000)
	l.Apart(map[string]bool{"mp-a": true, "mp-c": true})
	for _, d := range []grid.Device{
		{ID: "c/meter", Kind: grid.Meter, Member: "c", MeteringPoint: "mp-c"},
		{ID: "c/roof", Kind: grid.Meter, Member: "c", MeteringPoint: "mp-roof"},
		{ID: "d/meter", Kind: grid.Meter, Member: "d", MeteringPoint: "mp-d"},
	} {
		if err := l.Add(d); err != nil {
			t.Fatal(err)
		}
	}
	want := map[string]bool{"a": false, "b": true, "c": true, "d": true} // of c the roof shares
	for _, h := range l.State(t.Context()).Homes {
		if (h.Pool != nil) != want[h.Id] || h.Pool != nil && *h.Pool != 180_000 {
			t.Errorf("the pool of %s is %v, want one: %t", h.Id, h.Pool, want[h.Id])
		}
	}
}

func TestTodaySaysWhatIsEstimated(t *testing.T) {
	l := newLive()
	l.ShowSettled(interval, run(1, settlement.Statement{Net: 1, Quality: grid.Estimated, Without: new(grid.Money(-4)), WithoutEstimated: true}))
	l.ShowSettled(interval.Shift(-1), run(1, settlement.Statement{Net: 2, RetailOnly: 1}))
	if got, _ := todayOf(t, l); got != (api.Today{Net: 3, RetailOnly: 1, Without: -3, WithoutEstimated: true, Intervals: 2, Estimated: 1}) {
		t.Errorf("today is %+v", got)
	}
	l.ShowSettled(interval, run(2, settlement.Statement{Net: 5, RetailOnly: -4}))
	l.ShowSettled(interval, run(1, settlement.Statement{Net: 1, Quality: grid.Estimated}))
	if got, _ := todayOf(t, l); got != (api.Today{Net: 7, RetailOnly: -3, Without: -3, Intervals: 2}) {
		t.Errorf("today is %+v after the meter answered: the last run counts, whichever comes last", got)
	}
}

func TestExpectedMoneyIsTradesAndWhatTheyLeaveOver(t *testing.T) {
	clock := now
	l := at(&clock)
	if e := firstHome(t, l).Expected; e != nil {
		t.Errorf("expected %+v before the home said so", e)
	}
	l.ShowTrade(trade(1, 400, 100_000)) // a sells 400 Wh for 40,000
	for _, c := range []struct {
		net  grid.Energy
		want int64
	}{
		{-400, 40_000},        // as traded
		{-500, 40_000 + 6000}, // 100 Wh over, at 60,000 per kWh
		{-300, 40_000 - 30_000},
		{100, 40_000 - 150_000}, // 500 Wh short, at 300,000 per kWh
	} {
		l.ShowExpected("mp-a", interval, c.net)
		if e := firstHome(t, l).Expected; e == nil || e.Energy != int64(c.net) || e.Money != c.want {
			t.Errorf("expecting %d Wh: %+v, want money of %d", c.net, e, c.want)
		}
	}
	l.ShowExpected("mp-a", interval.Shift(1), -1000)
	l.ShowExpected("nobody", interval, -1000)
	if e := firstHome(t, l).Expected; e.Energy != 100 {
		t.Errorf("expected %+v, want that of the interval being delivered", e)
	}
	clock = interval.End()
	if e := firstHome(t, l).Expected; e.Energy != -1000 || e.Money != 60_000 {
		t.Errorf("expected %+v when the next interval began", e)
	}
}

func TestAChallengeIsShownUntilItEnds(t *testing.T) {
	clock := now
	l := at(&clock)
	c := api.Challenge{Direction: api.Discharge, Power: 1300, Until: now.Add(time.Minute), Tokens: 83}
	l.ShowChallenge("a", &c)
	l.ShowChallenge("nobody", &c)
	if got := firstHome(t, l).Challenge; got == nil || *got != c {
		t.Errorf("challenge %+v", got)
	}
	clock = c.Until
	if got := firstHome(t, l).Challenge; got != nil {
		t.Errorf("challenge %+v after its end", got)
	}
	clock = now
	l.ShowChallenge("a", nil)
	if got := firstHome(t, l).Challenge; got != nil {
		t.Errorf("challenge %+v that is over", got)
	}
}

func TestFlowIsOfOneMoment(t *testing.T) {
	l := at(&now)
	l.State(t.Context()) // tells the speed: six seconds are a tick of wall time
	see := func(device string, after time.Duration, w grid.Power) {
		l.ShowReadings("a", []grid.Reading{{Device: device, Time: now.Add(after), Power: &w, Quality: grid.Good}})
	}
	see("a/meter", 0, 500)
	if f := firstHome(t, l).Flow; f != nil {
		t.Errorf("flow %+v without the battery", f)
	}
	see("a/battery", 5*time.Second, -300)
	f := firstHome(t, l).Flow
	if f == nil || f.Meter != 500 || *f.Battery != -300 || f.Home != 800 || f.Inverter != nil || !f.Time.Equal(now) {
		t.Fatalf("flow %+v, want what came from meter and battery", f)
	}
	see("a/battery", 8*time.Second, 400)
	if g := firstHome(t, l).Flow; g.Home != 800 {
		t.Errorf("flow %+v of readings that lie too far apart", g)
	}
	see("a/meter", 9*time.Second, 300)
	if g := firstHome(t, l).Flow; g.Home != 800 {
		t.Errorf("flow %+v of a home that would produce: the readings do not belong together", g)
	}
	see("a/meter", 10*time.Second, 900)
	if g := firstHome(t, l).Flow; g.Home != 500 || g.Meter != 900 || *g.Battery != 400 {
		t.Errorf("flow %+v", g)
	}
}
