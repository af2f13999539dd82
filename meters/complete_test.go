package meters

import (
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/grid"
)

// TestWhatTheOwnerSaysCompletesAReading polls a rod whose water is between 48 and 68 °C, and a pump behind a
// contact that is rated 750 W: the charge follows from the temperature, the power from the contact. Without
// what the owner says there is neither.
func TestWhatTheOwnerSaysCompletesAReading(t *testing.T) {
	t.Parallel()
	heats := parsed(t, `{id: x, version: 1, kind: heating-rod, document: d, points: [{name: p, role: power, addr: 1, type: int16, unit: W},
{name: t, role: temperature, addr: 2, type: int16, scale: 0.1, unit: "°C"}]}`)
	runs := parsed(t, `{id: y, version: 1, kind: appliance, document: d, points: [{name: on, role: running, addr: 3, type: uint16}]}`)
	warm := Warm{Low: 48, High: 68}
	for _, c := range []struct {
		target        Target
		celsius, on   uint16
		power, charge any
	}{
		{Target{Profile: heats, Warm: warm}, 530, 0, grid.Power(7), grid.PerMille(250)},
		{Target{Profile: heats, Warm: warm}, 400, 0, grid.Power(7), grid.PerMille(0)},
		{Target{Profile: heats, Warm: warm}, 700, 0, grid.Power(7), grid.PerMille(1000)},
		{Target{Profile: heats}, 530, 0, grid.Power(7), "nothing"},
		{Target{Profile: runs, Rated: 750}, 0, 1, grid.Power(750), "nothing"},
		{Target{Profile: runs, Rated: 750}, 0, 0, grid.Power(0), "nothing"},
		{Target{Profile: runs}, 0, 1, "nothing", "nothing"},
	} {
		c.target.ID, c.target.Kind = "a", c.target.Profile.Kind
		p := polling(t, c.target, registers{1: 7, 2: c.celsius, 3: c.on}, time.Now, nil)
		all, err := p.read(t.Context())
		if err != nil || len(all) != 1 {
			t.Fatalf("%v, %v", all, err)
		}
		if power, charge := said(all[0].Power), said(all[0].Charge); power != c.power || charge != c.charge {
			t.Errorf("%s at %d, contact %d: %v W and %v ‰, want %v and %v", c.target.Kind, c.celsius, c.on, power, charge, c.power, c.charge)
		}
	}
}
