package readiness_test

import (
	"slices"
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/agent/limits"
	"github.com/commonwatt/commonwatt/agent/readiness"
	"github.com/commonwatt/commonwatt/grid"
)

var (
	midnight = time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)
	charger  = readiness.Charger{ID: "ann/charger", Power: 11_000, Capacity: 50_000} // full from empty in 4 h 33 min
)

// away is a charge that no car has.
const away grid.PerMille = -1

// shown is what a charger shows from a minute of the day on.
type shown struct {
	minute int
	charge grid.PerMille
}

// follow reads a charger every minute up to a minute of the day. Between two of the shown the charge is the earlier one; from a
// minute in silent on nothing is read until the next is shown.
func follow(wanted readiness.Wanted, until int, silent []int, all ...shown) (passed []readiness.Deadline) {
	f := readiness.New(charger, wanted)
	quiet := false
	now := shown{charge: away}
	for minute := range until {
		if k := slices.IndexFunc(all, func(s shown) bool { return s.minute == minute }); k >= 0 {
			now, quiet = all[k], false
		}
		if quiet = quiet || slices.Contains(silent, minute); quiet {
			continue
		}
		charge := &now.charge
		if now.charge == away {
			charge = nil
		}
		if d, some := f.See(midnight.Add(time.Duration(minute)*time.Minute), charge); some {
			passed = append(passed, d)
		}
	}
	return passed
}

// at is a minute of the day.
func at(minute int) time.Time { return midnight.Add(time.Duration(minute) * time.Minute) }

// TestDeparture judges a car that nobody gave a time when it leaves: whether it was full, and whether it could have been.
func TestDeparture(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		all              []shown
		feasible, missed bool
	}{
		"full":                         {[]shown{{60, 400}, {300, 1000}, {480, away}}, true, false},
		"by less than a minute":        {[]shown{{60, 400}, {300, 995}, {480, away}}, true, false},
		"could be and was not":         {[]shown{{60, 400}, {300, 990}, {480, away}}, true, true},
		"came too late":                {[]shown{{400, 400}, {480, away}}, false, false},           // 600 of 1000 want 2 h 44 min
		"just in time":                 {[]shown{{315, 400}, {479, 900}, {480, away}}, true, true}, // 165 min
		"a minute and more too late":   {[]shown{{320, 400}, {479, 900}, {480, away}}, false, false},
		"was there from the beginning": {[]shown{{0, 100}, {420, 900}, {480, away}}, true, true},
	} {
		got := follow(nil, 600, nil, c.all...)
		if len(got) != 1 || got[0].Feasible != c.feasible || got[0].Missed != c.missed || !got[0].At.Equal(at(480)) || got[0].Target != 1000 {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

// TestReadyBy judges a car by the time and the charge that its homeowner gave, once a stay, whatever it has later.
func TestReadyBy(t *testing.T) {
	t.Parallel()
	home := limits.Limits{Cars: map[string]limits.Car{"ann/charger": {ReadyBy: 7 * 60, Target: 800}}}
	ready := func(charger string, after time.Time) (time.Time, grid.PerMille, bool) {
		return home.Ready(charger, after, time.UTC)
	}
	for name, c := range map[string]struct {
		all  []shown
		want []readiness.Deadline
	}{
		"ready":              {[]shown{{60, 400}, {300, 800}, {480, away}}, []readiness.Deadline{{At: at(420), Target: 800, Charge: 800, Feasible: true}}},
		"late":               {[]shown{{60, 400}, {419, 700}, {430, 800}, {480, away}}, []readiness.Deadline{{At: at(420), Target: 800, Charge: 700, Feasible: true, Missed: true}}},
		"could not be":       {[]shown{{400, 400}, {419, 470}, {480, away}}, []readiness.Deadline{{At: at(420), Target: 800, Charge: 470}}},
		"left before":        {[]shown{{60, 400}, {300, 700}, {410, away}}, nil},
		"leaves at the time": {[]shown{{60, 400}, {300, 700}, {420, away}}, []readiness.Deadline{{At: at(420), Target: 800, Charge: 700, Feasible: true, Missed: true}}},
		"stays a second day": {[]shown{{60, 400}, {300, 900}}, []readiness.Deadline{{At: at(420), Target: 800, Charge: 900, Feasible: true}}},
		"comes again":        {[]shown{{60, 400}, {300, 900}, {500, away}, {1380, 500}, {1500, 800}}, []readiness.Deadline{{At: at(420), Target: 800, Charge: 900, Feasible: true}, {At: at(1860), Target: 800, Charge: 800, Feasible: true}}},
	} {
		if got := follow(ready, 2*1440, nil, c.all...); !slices.Equal(got, c.want) {
			t.Errorf("%s: %+v, want %+v", name, got, c.want)
		}
	}
}

// TestSilence counts nothing of a car that left while nobody read the charger, and goes on with one that is still there.
func TestSilence(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		silent []int
		all    []shown
		want   int
		missed bool
	}{
		"a few minutes":            {[]int{100}, []shown{{60, 400}, {105, 410}, {480, away}}, 1, true},
		"gone meanwhile":           {[]int{100}, []shown{{60, 400}, {200, away}}, 0, false},
		"still there":              {[]int{100}, []shown{{60, 400}, {400, 500}, {480, away}}, 1, true},
		"another, or it came back": {[]int{100}, []shown{{60, 400}, {400, 300}, {480, away}}, 1, false}, // from 400 on it could not be full
		"gone after it came back":  {[]int{100}, []shown{{60, 400}, {200, away}, {210, 400}, {230, away}}, 1, false},
	} {
		got := follow(nil, 600, c.silent, c.all...)
		if len(got) != c.want || c.want > 0 && (got[0].Missed != c.missed || got[0].Feasible != c.missed) {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

// TestUnknown says nothing of a charger of which it is not known what it gives, or what its car holds; a reading that comes twice
// or late changes nothing.
func TestUnknown(t *testing.T) {
	t.Parallel()
	for _, c := range []readiness.Charger{{ID: "x", Power: 11_000}, {ID: "x", Capacity: 50_000}} {
		f := readiness.New(c, nil)
		f.See(at(0), new(grid.PerMille))
		if d, some := f.See(at(600), nil); some {
			t.Errorf("%+v: %+v", c, d)
		}
	}
	f := readiness.New(charger, nil)
	half := grid.PerMille(500)
	f.See(at(0), &half)
	f.See(at(5), &half)
	if d, some := f.See(at(4), nil); some {
		t.Errorf("a late reading: %+v", d)
	}
	var count readiness.Count
	for _, d := range []readiness.Deadline{{Feasible: true}, {Feasible: true, Missed: true}, {}} {
		count = count.Add(d)
	}
	if count != (readiness.Count{Feasible: 2, Missed: 1}) {
		t.Errorf("%+v", count)
	}
}
