package agent

import (
	"context"
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/agent/limits"
	"github.com/commonwatt/commonwatt/grid"
)

// garage is the telemetry of a charger at which a car is away in some spans.
type garage struct {
	Telemetry

	away  []span
	asked int
}

type span struct{ from, to time.Time }

func (g *garage) Plugged(_ context.Context, _ string, first grid.Interval, n int) ([]grid.Presence, error) {
	g.asked += n
	all := make([]grid.Presence, n)
	for k := range all {
		i := first.Shift(k)
		all[k] = grid.CarHere
		for _, s := range g.away {
			if !i.Begin().Before(s.from) && !i.End().After(s.to) {
				all[k] = grid.CarAway
			}
		}
	}
	return all, nil
}

// TestWhenACarLeaves has a car go to work at a quarter past seven, give or take a quarter of an hour, sleep in at weekends and go
// out on one Tuesday evening of four.
func TestWhenACarLeaves(t *testing.T) {
	zone, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	g := &garage{}
	now := time.Date(2026, 6, 22, 20, 0, 0, 0, zone) // a Monday
	for d := 1; d <= 28; d++ {
		day := now.AddDate(0, 0, -d)
		at := func(hour, minute int) time.Time {
			return time.Date(day.Year(), day.Month(), day.Day(), hour, minute, 0, 0, zone)
		}
		if isFree(day) {
			g.away = append(g.away, span{at(10, 0), at(12, 0)})
			continue
		}
		g.away = append(g.away, span{at(7, 15*(d%3)), at(17, 0)})
		if day.Weekday() == time.Tuesday || day.Weekday() == time.Thursday {
			g.away = append(g.away, span{at(18, 30), at(20, 0)})
		}
	}
	p := presences{telemetry: g, of: map[string]*presence{}}
	for name, c := range map[string]struct{ now, want time.Time }{
		"in the night before a working day":       {now.Add(4 * time.Hour), time.Date(2026, 6, 23, 6, 45, 0, 0, zone)},
		"on a Monday evening, after all outings":  {now, time.Date(2026, 6, 23, 6, 45, 0, 0, zone)},
		"home from work, before an evening out":   {time.Date(2026, 6, 22, 17, 10, 0, 0, zone), time.Date(2026, 6, 22, 18, 15, 0, 0, zone)},
		"still there when it has usually left":    {time.Date(2026, 6, 22, 9, 0, 0, 0, zone), time.Date(2026, 6, 22, 18, 15, 0, 0, zone)},
		"on a Saturday, of which Sundays tell":    {time.Date(2026, 6, 20, 13, 0, 0, 0, zone), time.Date(2026, 6, 21, 9, 45, 0, 0, zone)},
		"on a Sunday, before a working day":       {time.Date(2026, 6, 21, 13, 0, 0, 0, zone), time.Date(2026, 6, 22, 6, 45, 0, 0, zone)},
		"on a Friday night, before a day that is": {time.Date(2026, 6, 19, 21, 0, 0, 0, zone), time.Date(2026, 6, 20, 9, 45, 0, 0, zone)},
	} {
		c0, err := p.recall(t.Context(), "car", grid.IntervalAt(now, 15))
		if err != nil {
			t.Fatal(err)
		}
		if got := leaves(c0.days(midnight(now)), c.now, zone); !got.Equal(c.want) {
			t.Errorf("%s it is to be ready by %s, want %s", name, got.In(zone), c.want)
		}
	}
	if g.asked > historyDays*24*4 {
		t.Errorf("%d intervals were asked for: what is known is asked for again", g.asked)
	}
}

// TestTooLittleIsKnownOfACar has a car of which two days are known, and one that hardly ever leaves.
func TestTooLittleIsKnownOfACar(t *testing.T) {
	now := time.Date(2026, 6, 23, 20, 0, 0, 0, time.UTC)
	usual := time.Date(2026, 6, 24, 6, 30, 0, 0, time.UTC)
	two := []outings{{leaves: []limits.TimeOfDay{480}}, {leaves: []limits.TimeOfDay{480}}}
	if got := leaves(two, now, time.UTC); !got.Equal(usual) {
		t.Errorf("with two days known it is to be ready by %s, want %s", got, usual)
	}
	var parked []outings
	for d := range 28 {
		parked = append(parked, outings{free: d%7 > 4})
	}
	parked[3].leaves = []limits.TimeOfDay{480} // once
	if got, want := leaves(parked, now, time.UTC), usual.AddDate(0, 0, 1); !got.Equal(want) {
		t.Errorf("a car that left once in four weeks is to be ready by %s, want the usual time of the plan's last day, %s", got, want)
	}
	odd := []outings{{leaves: []limits.TimeOfDay{180}}}
	for range 24 {
		odd = append(odd, outings{leaves: []limits.TimeOfDay{480}})
	}
	if by, _, _ := earliest(odd, false, -1); by != 480 {
		t.Errorf("one departure at three in the night among 25 has the car ready by %s", by)
	}
	if by, likely, known := earliest(append(two, outings{leaves: []limits.TimeOfDay{500}}), false, 470); by != 471 || !likely || !known {
		t.Errorf("ready by %s, want the next minute: earlier than the earliest that was it may leave at any time", by)
	}
}

// TestWhatAChargerCouldNotTellIsNoAbsence reads a charger for seven weeks that tells of no car, since nobody has said what
// its car holds, and then one that is there at night for five days: that it never left before says nothing.
func TestWhatAChargerCouldNotTellIsNoAbsence(t *testing.T) {
	now := time.Date(2026, 6, 19, 20, 0, 0, 0, time.UTC) // a Friday
	g := &garage{away: []span{{now.AddDate(0, 0, -70), now.AddDate(0, 0, -5).Truncate(time.Hour)}}}
	for d := 1; d <= 4; d++ {
		morning := time.Date(2026, 6, 19-d+1, 7, 0, 0, 0, time.UTC)
		g.away = append(g.away, span{morning, morning.Add(10 * time.Hour)})
	}
	p := presences{telemetry: g, of: map[string]*presence{}}
	c, err := p.recall(t.Context(), "ann/charger", grid.IntervalAt(now, 15))
	if err != nil {
		t.Fatal(err)
	}
	if past := c.days(midnight(now)); len(past) != 4 {
		t.Errorf("%d days are known, of which the charger told four: %+v", len(past), past)
	}
	holiday := presences{telemetry: &garage{away: []span{{now.AddDate(0, 0, -70), now.AddDate(0, 0, historyDays*-1+3)}}}, of: map[string]*presence{}}
	if c, err = holiday.recall(t.Context(), "ann/charger", grid.IntervalAt(now, 15)); err != nil {
		t.Fatal(err)
	}
	if past := c.days(midnight(now)); len(past) < historyDays-1 {
		t.Errorf("of a car that was away for three days at first %d days are known", len(past))
	}
}
