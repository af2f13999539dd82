package meters

import (
	"fmt"
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/meters/profile"
)

// TestWhatACarHoldsIsReckoned has a car of 50 kWh come, with 40 % as is said of it, to a charger that does not tell
// charges; it takes 10 kWh, waits, takes 15 more than it can hold by that, and is full when it takes nothing although it may.
func TestWhatACarHoldsIsReckoned(t *testing.T) {
	t.Parallel()
	profiles, err := profile.Embedded()
	if err != nil {
		t.Fatal(err)
	}
	text := func(counter string) string {
		return `{id: x, version: 1, kind: charger, document: d, cars: {here: {of: state, is: [B1, B2, C1, C2]}, done: [{of: state, is: [B2]}, {of: told, is: ["0"]}]},
points: [{name: state, addr: 1, type: text, words: 1}, {name: told, addr: 2, type: uint16}, {name: p, role: power, addr: 3, type: uint16, unit: W}` + counter + `]}`
	}
	counts, err := profiles.Parse([]byte(text(`, {name: e, role: import, addr: 4, type: uint16, scale: 10, unit: Wh, counter: {kind: lifetime, width: 16, zero_is: valid}}`)))
	if err != nil {
		t.Fatal(err)
	}
	plain, err := profiles.Parse([]byte(text("")))
	if err != nil {
		t.Fatal(err)
	}
	begin := time.Date(2026, 6, 1, 18, 0, 0, 0, time.UTC)
	type shown struct {
		minute int
		state  string
		told   uint16
		power  uint16
		count  uint16 // 10 Wh
		want   any
	}
	for name, c := range map[string]struct {
		of   *profile.Profile
		seen []shown
	}{
		"by its register": {counts, []shown{
			{0, "A1", 0, 0, 3000, "nothing"},
			{1, "B2", 0, 0, 3000, grid.PerMille(400)}, // wakes up
			{2, "C2", 0, 10_000, 3000, grid.PerMille(400)},
			{62, "C2", 0, 10_000, 4000, grid.PerMille(600)},
			{70, "B2", 1, 0, 4000, grid.PerMille(600)}, // told to pause
			{80, "B2", 1, 0, 4000, grid.PerMille(600)},
			{81, "C2", 0, 10_000, 5500, grid.PerMille(900)},
			{82, "C2", 0, 10_000, 6500, grid.PerMille(990)}, // it came with less
			{83, "C2", 0, 10_000, 20, grid.PerMille(990)},   // another meter in the charger
			{84, "B2", 0, 0, 20, grid.PerMille(990)},
			{87, "B2", 0, 0, 20, grid.PerMille(1000)},
			{88, "C1", 1, 0, 20, grid.PerMille(1000)}, // that it may no more changes nothing
			{89, "C2", 0, 150, 20, grid.PerMille(1000)},
			{90, "C2", 0, 5000, 20, grid.PerMille(990)},
			{95, "F", 0, 0, 20, "nothing"},
			{96, "C2", 0, 5000, 520, grid.PerMille(400)}, // it has been away
			{97, "C2", 0, 5000, 600, grid.PerMille(416)},
			{98, "C2", 0, 5000, 9000, grid.PerMille(416)}, // more than it can hold: another meter again
		}},
		"by its power": {plain, []shown{
			{0, "C2", 0, 10_000, 0, grid.PerMille(400)},
			{3, "C2", 0, 10_000, 0, grid.PerMille(410)},
			{60, "C2", 0, 10_000, 0, grid.PerMille(410)}, // nobody knows what it did meanwhile
		}},
	} {
		located, err := c.of.Locate(grid.Charger, nil)
		if err != nil {
			t.Fatal(err)
		}
		var v visit
		target := Target{Device: grid.Device{Kind: grid.Charger}, Profile: c.of, Car: Car{Capacity: 50_000, Arrives: 400}}
		for _, s := range c.seen {
			text := append([]byte(s.state), 0, 0)
			words := registers{1: uint16(text[0])<<8 | uint16(text[1]), 2: s.told, 3: s.power, 4: s.count}
			measured := profile.Measure(located, func(_ string, addr uint16) (uint16, bool) { w, some := words[addr]; return w, some })
			r := grid.Reading{Time: begin.Add(time.Duration(s.minute) * time.Minute)}
			if err := profile.Fill(&r, measured); err != nil {
				t.Fatal(err)
			}
			if v.complete(&r, measured, target); fmt.Sprint(said(r.Charge)) != fmt.Sprint(s.want) {
				t.Errorf("%s, minute %d: the car holds %v ‰, want %v", name, s.minute, said(r.Charge), s.want)
			}
		}
	}
}
