package world_test

import (
	"encoding/json"
	"math"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/scenarios/world"
)

// electric is an all-electric street that begins at a time.
func electric(start time.Time, homes int, seed uint64) world.Spec {
	return world.AllElectric.Of(world.Spec{Seed: seed, Start: start, Latitude: 50, Holidays: []string{world.Germany}}, homes)
}

// ask moves whatever a street has about, in a pattern of its own.
func ask(w *world.World, minute int) {
	until := w.Now().Unix() + 90
	for i := range w.Spec().Homes {
		if (minute/20+i)%3 == 0 {
			continue
		}
		w.SetBattery(i, &world.Setpoint{Power: grid.Power(1000 * (minute%5 - 2)), Until: until})
		w.LimitCar(i, &world.Setpoint{Power: grid.Power(2000 * (minute / 30 % 3)), Until: until})
		w.AskPump(i, &world.ReadyAsk{State: world.Ready(1 + (minute/40+i)%4), Until: until})
		w.AskRod(i, &world.Setpoint{Power: grid.Power(500 * (minute / 15 % 7)), Until: until})
	}
}

// TestAnAllElectricStreet runs a winter day, everything moved about. Every second at each home the
// meter is the sum of what is behind it, and its registers are the sums of the powers; what the street
// would have done alone is what the same street did that was left alone; and the street that is saved
// and resumed at odd times goes on as if it had not been.
func TestAnAllElectricStreet(t *testing.T) {
	t.Parallel()
	start := time.Date(2026, 12, 23, 4, 0, 0, 0, time.UTC)
	spec := electric(start, 4, 3)
	moved, left := world.New(spec), world.New(spec)
	resumed := world.New(spec)
	begin := moved.State()
	sums := make([]world.Registers, len(spec.Homes))
	for minute := range 22 * 60 {
		ask(moved, minute)
		ask(resumed, minute)
		for range 60 {
			moved.Advance(moved.Now().Add(time.Second))
			for i, h := range moved.State().Homes {
				if h.Meter != h.Load+h.PV+h.Car+h.Pump+h.Rod+h.Battery {
					t.Fatalf("%s: the meter of home %d is not the sum of what is behind it: %+v", moved.Now(), i, h)
				}
				sums[i].Imported += max(int64(h.Meter), 0)
				sums[i].Exported += max(-int64(h.Meter), 0)
				sums[i].Delivered += int64(h.Car)
				sums[i].Heated += int64(h.Pump)
				sums[i].Warmed += int64(h.Rod)
			}
		}
		left.Advance(moved.Now())
		resumed.Advance(moved.Now())
		if minute%173 == 7 {
			saved, err := json.Marshal(resumed.State())
			if err != nil {
				t.Fatal(err)
			}
			var state world.State
			if err := json.Unmarshal(saved, &state); err != nil {
				t.Fatal(err)
			}
			if resumed, err = world.Resume(spec, state); err != nil {
				t.Fatal(err)
			}
		}
	}
	if !reflect.DeepEqual(moved.State(), resumed.State()) {
		t.Error("a street that was saved and resumed differs from one that never stopped")
	}
	differ := 0
	for i, h := range moved.State().Homes {
		from, to := begin.Homes[i].Registers, h.Registers
		got := world.Registers{
			Imported: to.Imported - from.Imported, Exported: to.Exported - from.Exported,
			Delivered: to.Delivered - from.Delivered, Heated: to.Heated - from.Heated, Warmed: to.Warmed - from.Warmed,
		}
		if got != sums[i] {
			t.Errorf("home %d: registers gained %+v, the powers came to %+v", i, got, sums[i])
		}
		alone := left.State().Homes[i]
		if h.Alone != alone.Alone || h.Alone.Imported != alone.Imported || h.Alone.Exported != alone.Exported || h.Alone.Heat != alone.Heat {
			t.Errorf("home %d would have done %+v alone, and did %+v", i, h.Alone, alone.Alone)
		}
		if spec.Homes[i].House.Pump > 0 && h.Heated != alone.Heated && h.Heat != alone.Heat {
			differ++
		}
	}
	if differ < 2 {
		t.Errorf("the heat pumps of %d homes were moved: the test shows nothing", differ)
	}
}

// TestAHouseKeepsWarm runs a heat pump through four cold days. The thermostat keeps the house within its
// band but for half a kelvin; the compressor runs and rests for ten minutes at least; and over them the heat that it
// gives is what the house loses: the bill of a house of so many W/K.
func TestAHouseKeepsWarm(t *testing.T) {
	t.Parallel()
	start := time.Date(2027, 1, 11, 0, 0, 0, 0, time.UTC)
	spec := electric(start, 4, 1)
	w := world.New(spec)
	wants, off := world.Comfort()
	runs := slices.Repeat([]int{100}, len(spec.Homes)) // nobody knows for how long at the start
	was := w.State()
	heat, lost := make([]float64, len(spec.Homes)), make([]float64, len(spec.Homes))
	for range 4 * 24 * 60 {
		outdoor := spec.Weather(w.Now()).Outdoor
		w.Advance(w.Now().Add(time.Minute))
		for i, h := range w.State().Homes {
			home := spec.Homes[i].House
			if home.Pump == 0 {
				continue
			}
			if h.Heat.Indoor < wants-off-0.5 || h.Heat.Indoor > wants+off+0.5 {
				t.Fatalf("%s: %s has %.2f °C", w.Now(), spec.Homes[i].ID, h.Heat.Indoor)
			}
			if (h.Pump > 0) != (was.Homes[i].Pump > 0) {
				if runs[i] < 10 {
					t.Fatalf("%s: the compressor of %s turned after %d minutes", w.Now(), spec.Homes[i].ID, runs[i])
				}
				runs[i] = 0
			}
			runs[i]++
			heat[i] += float64(h.Heated-was.Homes[i].Heated) / 3600 * world.COP(outdoor, home.Floor)
			lost[i] += home.Loss * (h.Heat.Indoor - outdoor) / 60
		}
		was = w.State()
	}
	for i, h := range spec.Homes {
		if h.House.Pump == 0 {
			continue
		}
		stored := h.House.Capacity * (was.Homes[i].Heat.Indoor - world.New(spec).State().Homes[i].Heat.Indoor)
		if share := (heat[i] - stored) / lost[i]; share < 0.5 || share > 1 {
			t.Errorf("%s: its heat pump gave %.0f Wh of heat, the house lost %.0f and kept %.0f", h.ID, heat[i], lost[i], stored)
		}
	}
}

// TestSGReady asks a heat pump for each state of the label for some hours: blocked it takes nothing,
// but for two hours at most; advised and forced it takes more than by itself and the house becomes
// warmer, within the limits; and given back it does as it does.
func TestSGReady(t *testing.T) {
	t.Parallel()
	start := time.Date(2027, 1, 12, 6, 0, 0, 0, time.UTC)
	spec := electric(start, 1, 1)
	wants, _ := world.Comfort()
	took := map[world.Ready]int64{}
	for state := world.Blocked; state <= world.Forced; state++ {
		w := world.New(spec)
		w.AskPump(0, &world.ReadyAsk{State: state, Until: start.Add(2 * time.Hour).Unix()})
		before := w.Home(0).Heated
		w.Advance(start.Add(2 * time.Hour))
		took[state] = (w.Home(0).Heated - before) / 3600
		if warm := w.Home(0).Heat.Indoor; warm > wants+2.1 {
			t.Errorf("in state %d the house has %.2f °C after two hours", state, warm)
		}
		w.Advance(start.Add(3 * time.Hour))
		if w.Home(0).ReadyAsk != nil {
			t.Errorf("state %d outlived its time", state)
		}
	}
	if took[world.Blocked] > 400 || took[world.Normal] < 800 || took[world.Forced] <= took[world.Advised] || took[world.Advised] <= took[world.Normal] {
		t.Errorf("in two hours it took (Wh, by state) %v", took)
	}
	w := world.New(spec)
	w.AskPump(0, &world.ReadyAsk{State: world.Forced})
	w.Advance(start.Add(time.Hour))
	for minute, last := 0, 0; minute < 90; minute++ { // a controller that cannot make up its mind
		on := w.Home(0).Pump > 0
		w.AskPump(0, &world.ReadyAsk{State: map[bool]world.Ready{true: world.Forced, false: world.Blocked}[minute%2 == 0]})
		w.Advance(w.Now().Add(time.Minute))
		if (w.Home(0).Pump > 0) != on {
			if minute-last < 10 && last > 0 {
				t.Fatalf("the compressor turned after %d minutes", minute-last)
			}
			last = minute
		}
	}
	w = world.New(spec)
	w.AskPump(0, &world.ReadyAsk{State: world.Blocked})
	w.Advance(start.Add(150 * time.Minute))
	ended := w.Home(0).Heated
	w.Advance(start.Add(4 * time.Hour))
	if w.Home(0).Heated == ended {
		t.Error("a heat pump is blocked for more than two hours")
	}
}

// TestARod asks a heating rod for powers: it takes what it is asked for as long as the water is
// not too hot, and never lets it become cold.
func TestARod(t *testing.T) {
	t.Parallel()
	start := time.Date(2027, 1, 12, 0, 0, 0, 0, time.UTC)
	spec := electric(start, 1, 1)
	w := world.New(spec)
	w.AskRod(0, &world.Setpoint{Power: 1200})
	w.Advance(start.Add(time.Minute))
	if p := w.Home(0).Rod; p != 1200 {
		t.Errorf("the rod takes %d W, asked for 1200 W", p)
	}
	for _, asked := range []grid.Power{3000, 0} {
		w.AskRod(0, &world.Setpoint{Power: asked})
		coldest, hottest := 100.0, 0.0
		for range 30 * 60 {
			w.Advance(w.Now().Add(time.Minute))
			coldest, hottest = min(coldest, w.Home(0).Heat.Tank), max(hottest, w.Home(0).Heat.Tank)
		}
		if coldest < 40 || hottest > 75.5 || asked > 0 && hottest < 74 || asked == 0 && coldest > 47 {
			t.Errorf("asked for %d W the water has %.1f to %.1f °C", asked, coldest, hottest)
		}
	}
}

// TestCOP compares with the regression of its source by hand: at 7 °C with a heated floor the water
// has 26.5 °C, 19.5 K above the air: 0.85 × (6.08 − 1.755 + 0.190) = 3.84; at −7 °C with radiators
// 47 °C, 54 K above it: 0.85 × (6.08 − 4.86 + 1.458) = 2.28.
func TestCOP(t *testing.T) {
	for _, c := range []struct {
		outdoor, want float64
		floor         bool
	}{{7, 3.84, true}, {-7, 2.28, false}} {
		if got := world.COP(c.outdoor, c.floor); math.Abs(got-c.want) > 0.01 {
			t.Errorf("COP at %.0f °C is %.3f, want %.2f", c.outdoor, got, c.want)
		}
	}
}

// TestCarsMakeTrips follows the cars of a street for two weeks: each counts what it drove as what it
// charged, or holds less; on working days they are away at noon more often than at night; on
// holidays nobody drives to work; what the car says of its next departure comes true; and a charge
// that nobody lets it take is missed on the way.
func TestCarsMakeTrips(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("SKIPPED by -short: a minute under the race detector; make test runs it")
	}
	start := time.Date(2026, 12, 14, 0, 0, 0, 0, time.UTC)
	spec := electric(start, 4, 2)
	for _, paused := range []bool{false, true} {
		w := world.New(spec)
		begin, away := w.State(), map[string]int{}
		drove := make([]int64, len(spec.Homes))
		leaves, needs := make([]int64, len(spec.Homes)), make([]grid.Energy, len(spec.Homes))
		was := w.State()
		for range 14 * 24 * 12 {
			if paused {
				for i := range spec.Homes {
					w.LimitCar(i, &world.Setpoint{})
				}
			}
			w.Advance(w.Now().Add(5 * time.Minute))
			for i, h := range w.State().Homes {
				home := spec.Homes[i]
				if home.Car.Capacity == 0 {
					continue
				}
				if was.Homes[i].CarHere && !h.CarHere && w.Now().Unix() > start.Unix()+300 {
					if off := w.Now().Unix() - leaves[i]; off < 0 || off > 300 {
						t.Fatalf("%s left at %s, and said that it would at %s", home.ID, w.Now(), time.Unix(leaves[i], 0).UTC())
					}
					drove[i] += int64(needs[i]) * 3600
				}
				if at, wh, known := w.Departure(i); known {
					leaves[i], needs[i] = at, wh
				}
				charge, known := h.CarCharge(home)
				if known != h.CarHere || charge < 0 || charge > 1000 {
					t.Fatalf("%s: its charge is %d ‰, known: %t", home.ID, charge, known)
				}
				if day := w.Now(); !h.CarHere && home.Car.Commute > 0 && !home.Office && day.Minute() == 0 && (day.Hour() == 12 || day.Hour() == 3) {
					kind := "work"
					if day.Weekday() == time.Saturday || day.Weekday() == time.Sunday || day.Format("01-02") == "12-25" || day.Format("01-02") == "01-01" {
						kind = "free"
					}
					away[kind+day.Format("15")]++
				}
			}
			was = w.State()
		}
		short := int64(0)
		for i, h := range was.Homes {
			if spec.Homes[i].Car.Capacity == 0 {
				continue
			}
			charged, missing := h.Delivered-begin.Homes[i].Delivered, h.CarNeeds-begin.Homes[i].CarNeeds
			balance := charged + missing + h.CarShort - drove[i]
			if !h.CarHere {
				balance += int64(needs[i]) * 3600
			}
			if math.Abs(float64(balance))/3600 > 400 {
				t.Errorf("%s, paused: %t: charged %d Wh, holds %d Wh less, %d Wh on the way, drove %d Wh", spec.Homes[i].ID, paused, charged/3600, missing/3600, h.CarShort/3600, drove[i]/3600)
			}
			short += h.CarShort / 3600
			if h.Alone.CarNeeds < 0 && h.Alone.CarNeeds < -int64(spec.Homes[i].Charger) {
				t.Errorf("%s alone has %d W·s more than full", spec.Homes[i].ID, -h.Alone.CarNeeds)
			}
		}
		if paused && short < 20_000 || !paused && short > 2000 {
			t.Errorf("paused: %t: %d Wh were missing on the way", paused, short)
		}
		if away["work12"] < 15 || away["free12"]*3 > away["work12"] || away["work03"]+away["free03"] > 0 {
			t.Errorf("cars of commuters were away at (count) %v", away)
		}
	}
}
