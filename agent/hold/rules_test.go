package hold_test

import (
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/agent/hold"
	"github.com/commonwatt/commonwatt/grid"
)

// steady is a home that is read every second: its rest is what it is set to, and its
// battery follows at once.
type steady struct {
	*hold.Holder

	now     time.Time
	flow    [2]int64 // imported and exported, Ws
	rest    grid.Power
	battery grid.Power
	charge  grid.PerMille
}

// newSteady returns a home at the begin of an interval, before which it was read for a
// minute.
func newSteady(rated, rest grid.Power, charge grid.PerMille) *steady {
	s := &steady{Holder: hold.New(rated), rest: rest, charge: charge, now: time.Date(2026, 6, 1, 11, 59, 0, 0, time.UTC)}
	for range 60 {
		s.second(0)
	}
	s.read()
	return s
}

func (s *steady) read() {
	meter := s.rest + s.battery
	s.Battery(grid.Reading{Time: s.now, Power: new(s.battery), Charge: new(s.charge)})
	s.Meter(grid.Reading{Time: s.now, Power: &meter, Import: new(grid.Energy(s.flow[0] / 3600)), Export: new(grid.Energy(s.flow[1] / 3600)), Quality: grid.Good})
}

// second reads, sets the battery and lets a second pass.
func (s *steady) second(contracted grid.Energy) (p grid.Power, ok bool) {
	s.read()
	if p, ok = s.step(contracted); ok {
		s.battery = p
	}
	meter := int64(s.rest + s.battery)
	s.flow[0], s.flow[1] = s.flow[0]+max(meter, 0), s.flow[1]+max(-meter, 0)
	s.now = s.now.Add(time.Second)
	return p, ok
}

func (s *steady) step(contracted grid.Energy) (grid.Power, bool) {
	return s.Step(s.now, grid.IntervalAt(s.now, 15), contracted, contracted != 0)
}

// TestRamp sells 2 kW of a surplus of as much, which a cloud then turns into a need of
// 5 kW: the battery is moved by no more at once than half of what it is rated for, and
// 1 kW where that is less or not known.
func TestRamp(t *testing.T) {
	for rated, ramp := range map[grid.Power]grid.Power{8000: 4000, 5000: 2500, 1500: 1000, 0: 1000} {
		s := newSteady(rated, -2000, 900)
		var before, most grid.Power
		for k := range 120 {
			if k == 30 {
				s.rest = 5000
			}
			p, ok := s.second(-500)
			if !ok {
				t.Fatalf("rated %d: not held in second %d", rated, k)
			}
			if k > 0 {
				most = max(most, p-before, before-p)
			}
			before = p
		}
		if most != ramp {
			t.Errorf("rated %d: moved by %d W at once, want %d", rated, most, ramp)
		}
	}
}

// TestReserveAndRoom asks for the first setpoint of an interval in which 1 kW was sold or
// bought. A battery that is less than a fifth full covers the home and gives nothing to
// the sale; one that is more than half full takes the home's sun and nothing of what was
// bought.
func TestReserveAndRoom(t *testing.T) {
	for _, c := range []struct {
		contracted grid.Energy
		rest       grid.Power
		charge     grid.PerMille
		want       grid.Power
	}{
		{-250, 200, 200, -1200},
		{-250, 200, 199, -200},
		{-250, -500, 200, -500},
		{-250, -500, 199, 0},
		{250, -600, 500, 1600},
		{250, -600, 501, 600},
		{250, 300, 500, 700},
		{250, 300, 501, 0},
	} {
		s := newSteady(5000, c.rest, c.charge)
		if p, ok := s.step(c.contracted); !ok || p != c.want {
			t.Errorf("%d Wh contracted, %d W without the battery, %d ‰ full: %d W, %t, want %d", c.contracted, c.rest, c.charge, p, ok, c.want)
		}
	}
}

// TestStale stops reading a home that is held: three minutes after the last moment that is
// known the battery goes back to its own logic, and the rest is not known any more.
func TestStale(t *testing.T) {
	s := newSteady(5000, 200, 900)
	last := s.now
	s.second(-250)
	for _, c := range []struct {
		after time.Duration
		known bool
	}{{179 * time.Second, true}, {181 * time.Second, false}} {
		s.now = last.Add(c.after)
		if p, ok := s.step(-250); ok != c.known {
			t.Errorf("%s after the last reading: %d W, held %t, want %t", c.after, p, ok, c.known)
		}
		if rest, known := s.Rest(s.now); known != c.known {
			t.Errorf("%s after the last reading: the rest is %d W, known %t, want %t", c.after, rest, known, c.known)
		}
	}
}

// TestUnread lets a meter be silent for two and a half minutes while a battery gives the
// 800 W that are wanting to the kilowatt that was sold: what flows meanwhile is counted,
// so that nothing is to be changed.
func TestUnread(t *testing.T) {
	s := newSteady(5000, -200, 900)
	for range 20 {
		s.second(-250)
	}
	s.now = s.now.Add(150 * time.Second)
	if p, ok := s.step(-250); !ok || p != -800 {
		t.Errorf("%d W, %t, want -800", p, ok)
	}
}
