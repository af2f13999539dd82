package meters

import (
	"fmt"
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/meters/profile"
)

// TestWhatACarHoldsIsReckoned has a car of 50 kWh come, with 40 % as is said of it, to a charger that does not tell
// charges, and keep nine tenths of what it takes. One takes 10 kWh, waits, takes more than it can hold by that, and is full
// when it takes nothing although it may; one sleeps, and is let alone for three hours; of one only the power is known.
func TestWhatACarHoldsIsReckoned(t *testing.T) {
	t.Parallel()
	text := func(counter string) string {
		return `{id: x, version: 1, kind: charger, document: d, cars: {here: {of: state, is: [B1, B2, C1, C2]}, away: {of: state, is: [A1]}, done: [{of: state, is: [B2]}, {of: told, from: 6}]},
points: [{name: state, addr: 1, type: text, words: 1}, {name: told, addr: 2, type: uint16}, {name: p, role: power, addr: 3, type: uint16, unit: W}` + counter + `]}`
	}
	counts := parsed(t, text(`, {name: e, role: import, addr: 4, type: uint16, scale: 10, unit: Wh, counter: {kind: lifetime, width: 16, zero_is: valid}}`))
	plain := parsed(t, text(""))
	begin := time.Date(2026, 6, 1, 18, 0, 0, 0, time.UTC)
	type shown struct {
		minute int
		state  string
		told   uint16 // A, what it may take
		power  uint16
		count  uint16 // 10 Wh
		want   any
	}
	for name, c := range map[string]struct {
		of   *profile.Profile
		seen []shown
	}{
		"by its register": {counts, []shown{
			{0, "A1", 16, 0, 3000, "nothing"},
			{1, "B2", 16, 0, 3000, grid.PerMille(400)}, // wakes up
			{2, "C2", 16, 10_000, 3000, grid.PerMille(400)},
			{62, "C2", 16, 10_000, 4000, grid.PerMille(580)},
			{70, "B2", 0, 0, 4000, grid.PerMille(580)}, // told to pause
			{80, "B2", 0, 0, 4000, grid.PerMille(580)},
			{81, "C2", 16, 10_000, 5500, grid.PerMille(850)},
			{82, "C2", 16, 10_000, 6500, grid.PerMille(950)}, // it came with less
			{83, "C2", 16, 10_000, 20, grid.PerMille(950)},   // another meter in the charger
			{84, "B2", 16, 0, 20, grid.PerMille(950)},
			{87, "B2", 16, 0, 20, grid.PerMille(1000)},
			{88, "C1", 0, 0, 20, grid.PerMille(1000)}, // that it may no more changes nothing
			{89, "C2", 16, 150, 20, grid.PerMille(1000)},
			{90, "C2", 16, 5000, 20, grid.PerMille(950)},
			{95, "F", 16, 0, 20, grid.PerMille(950)}, // a fault tells nothing of the car
			{106, "F", 16, 0, 20, "nothing"},
			{107, "C2", 16, 5000, 120, grid.PerMille(950)},
			{108, "A1", 16, 0, 120, "nothing"},
			{109, "C2", 16, 5000, 520, grid.PerMille(400)}, // it has been away
			{110, "C2", 16, 5000, 600, grid.PerMille(414)},
			{111, "C2", 16, 5000, 9000, grid.PerMille(414)}, // more than it can hold: another meter again
		}},
		"asleep": {counts, []shown{
			{0, "B2", 16, 0, 3000, grid.PerMille(400)},
			{14, "B2", 16, 0, 3000, grid.PerMille(400)},
			{15, "B2", 16, 0, 3000, grid.PerMille(1000)},
			{16, "C1", 0, 0, 3000, grid.PerMille(1000)},
			{194, "C1", 0, 0, 3000, grid.PerMille(1000)},
			{195, "C1", 0, 0, 3000, grid.PerMille(400)}, // it is tried again
			{196, "B2", 16, 0, 3000, grid.PerMille(400)},
			{197, "C2", 16, 10_000, 3000, grid.PerMille(400)},
			{257, "C2", 16, 10_000, 4000, grid.PerMille(580)},
		}},
		"by its power": {plain, []shown{
			{0, "C2", 16, 10_000, 0, grid.PerMille(400)},
			{3, "C2", 16, 10_000, 0, grid.PerMille(409)},
			{60, "C2", 16, 10_000, 0, grid.PerMille(409)}, // nobody knows what it did meanwhile
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

// TestACarIsReckonedByWhatIsBelieved has the register of a charger show 40 kWh too much once: the charge stays as it was.
func TestACarIsReckonedByWhatIsBelieved(t *testing.T) {
	t.Parallel()
	of := parsed(t, `{id: x, version: 1, kind: charger, document: d, cars: {here: {of: state, is: ["1"]}, away: {of: state, is: ["0"]}},
points: [{name: state, addr: 1, type: uint16}, {name: p, role: power, addr: 2, type: uint16, unit: W}, {name: e, role: import, addr: 3, type: uint16, scale: 10, unit: Wh, counter: {kind: lifetime, width: 16, zero_is: valid}}]}`)
	words := registers{1: 1, 2: 5000, 3: 3000}
	now := time.Date(2026, 6, 1, 18, 0, 0, 0, time.UTC)
	target := Target{Device: grid.Device{ID: "c", Kind: grid.Charger}, Profile: of, Rated: 11_000, Car: Car{Capacity: 50_000, Arrives: 400}}
	p := polling(t, target, words, func() time.Time { return now }, nil)
	for k, count := range []uint16{3000, 3001, 7001, 3002, 3003, 3503} {
		words[3] = count
		all, err := p.read(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		want := grid.PerMille(400)
		if k == 5 {
			want = 490 // 5 kWh in an hour
		}
		if got := said(all[len(all)-1].Charge); got != want {
			t.Errorf("reading %d: the car holds %v ‰, want %d", k, got, want)
		}
		if now = now.Add(2 * time.Second); k == 4 {
			now = now.Add(time.Hour)
		}
	}
}
