package pairing

import (
	"errors"
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/grid"
)

// watched is what a meter says in two minutes, by its power and what its registers gain in
// a second; a negative start is a register that is not there.
func watched(power grid.Power, imports, exports, importEvery, exportEvery grid.Energy) (readings []grid.Reading) {
	for k := range grid.Energy(120) {
		r := grid.Reading{Time: time.Unix(int64(k), 0), Power: &power}
		if imports >= 0 {
			r.Import = new(imports + k*importEvery/10)
		}
		if exports >= 0 {
			r.Export = new(exports + k*exportEvery/10)
		}
		readings = append(readings, r)
	}
	return readings
}

// TestTheWatchTurnsCounters looks at which register grew while a load is known to flow.
func TestTheWatchTurnsCounters(t *testing.T) {
	for _, c := range []struct {
		name     string
		inverted bool
		readings []grid.Reading // as read when the counters are turned like the power
		want     grid.Turned
		warned   bool
	}{
		{"right", false, watched(3000, 500, 700, 8, 0), grid.Turned{}, false},
		{"the power has the wrong sign, the counters are right", true, watched(3000, 500, 700, 0, 8), grid.Turned{Power: true}, false},
		{"both are the wrong way round", true, watched(3000, 500, 700, 8, 0), grid.Turned{Power: true, Counters: true}, false},
		{"the power is right, the counters are not", false, watched(3000, 500, 700, 0, 8), grid.Turned{Counters: true}, false},
		{"an exporting home whose counters are right", true, watched(-3000, 500, 700, 8, 0), grid.Turned{Power: true}, false},
		{"one register alone", true, watched(3000, -1, 700, 0, 8), grid.Turned{Power: true}, false},
		{"registers that stand still", true, watched(3000, 500, 700, 0, 0), grid.Turned{Power: true, Counters: true}, true},
		{"registers that stand still at a meter that is right", false, watched(3000, 500, 700, 0, 0), grid.Turned{}, false},
		{"hardly any power", false, watched(20, 500, 700, 0, 8), grid.Turned{}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := &Session{Kind: grid.Meter, Inverted: c.inverted}
			if err := s.judgeCounters(c.readings); err != nil {
				t.Fatal(err)
			}
			if got := turned(s.Inverted, s.Counters); got != c.want || len(s.Warnings) > 0 != c.warned {
				t.Errorf("turned %+v with the warnings %q, want %+v", got, s.Warnings, c.want)
			}
		})
	}
}

// TestAMeterWithoutCountersIsRefused as a connection meter; an inverter may do without.
func TestAMeterWithoutCountersIsRefused(t *testing.T) {
	none := watched(3000, -1, -1, 0, 0)
	var refused *ConflictError
	if err := (&Session{Kind: grid.Meter}).judgeCounters(none); !errors.As(err, &refused) {
		t.Errorf("a connection meter: %v", err)
	}
	if err := (&Session{Kind: grid.Inverter}).judgeCounters(none); err != nil {
		t.Errorf("an inverter: %v", err)
	}
}
