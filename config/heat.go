package config

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/meters/profile"
)

// HeatText is how much heat a heat pump or a heating rod can store, and where.
type HeatText struct {
	Tank         Quantity `yaml:"tank" eg:"300 l" doc:"of a heating rod, or a heat pump: the water that it heats; it is planned where this or heat_capacity is given, and temperatures"`
	HeatCapacity Quantity `yaml:"heat_capacity" eg:"12 kWh/K" doc:"of a heat pump, in place of tank: what warms the house by a kelvin"`
	HeatLoss     Quantity `yaml:"heat_loss" eg:"150 W/K" doc:"what the house loses, or the tank; absent, of a tank: 1.8 W/K"`
	Temperatures string   `yaml:"temperatures" eg:"\"20.5-22 C\"" doc:"of the house or the water: where its own thermostat turns on, and how warm it may be made when energy is cheap"`
	COP          float64  `yaml:"cop" eg:"3.5" doc:"of a heat pump: heat a unit of electricity in the mean of the winter; absent: 3"`
	Least        Quantity `yaml:"least" eg:"800 W" doc:"of a heat pump: the least that it takes while it runs; absent: any"`
}

// Heat is what a store of heat can hold, in electricity of the device that heats it. The zero is not known.
type Heat struct {
	Capacity  grid.Energy // from where the thermostat turns on to the warmest; 0: it is not planned
	Loss      float64     // share of the charge that is lost in an hour
	Low, High float64     // °C
	Least     grid.Power
}

const (
	waterHolds   = 1.163 // Wh/K a litre
	usualTank    = 1.8   // W/K that a tank loses where nobody says
	usualCOP     = 3.0
	mostCOP      = 8.0
	coldest      = -20.0 // °C
	hottest      = 95.0
	mostLitres   = 10_000
	mostCapacity = 200_000 // Wh/K
	mostLoss     = 2_000   // W/K
)

// given tells which field of the heat is written; empty: none.
func (t HeatText) given() string {
	for _, f := range []struct {
		name  string
		given bool
	}{
		{"tank", t.Tank.given()},
		{"heat_capacity", t.HeatCapacity.given()},
		{"heat_loss", t.HeatLoss.given()},
		{"temperatures", t.Temperatures != ""},
		{"cop", t.COP != 0},
		{"least", t.Least.given()},
	} {
		if f.given {
			return f.name
		}
	}
	return ""
}

// checkHeat refuses what would have no effect, and what is half said.
func (d Device) checkHeat(kind grid.DeviceKind, p *profile.Profile) error {
	field := d.HeatText.given()
	if field == "" {
		return nil
	}
	tells := p.Shows(kind, profile.RoleTemperature) || p.Shows(kind, profile.RoleCharge)
	switch {
	case kind != grid.HeatPump && kind != grid.HeatingRod:
		return fmt.Errorf("%s: %q is a %s, and it is about a heat pump or a heating rod alone: leave it out", field, d.ID, kind)
	case kind == grid.HeatingRod && d.HeatCapacity.given():
		return fmt.Errorf("heat_capacity: %q is a heating rod, which heats water: write tank: 300 l", d.ID)
	case kind == grid.HeatingRod && d.COP != 0:
		return fmt.Errorf("cop: %q is a heating rod, which makes a unit of heat of each of electricity: leave it out", d.ID)
	case kind == grid.HeatingRod && d.Least.given():
		return fmt.Errorf("least: %q is a heating rod, and it is about a heat pump alone: leave it out", d.ID)
	case d.HeatCapacity.given() && d.Tank.given():
		return errors.New("heat_capacity, tank: give one of them: what the house stores, or the tank")
	case !d.HeatCapacity.given() && !d.Tank.given():
		return fmt.Errorf("tank: missing: without it (or heat_capacity, of a heat pump) nobody knows what %q can store, and %s has no effect", d.ID, field)
	case d.Temperatures == "":
		return fmt.Errorf("temperatures: missing: say between which temperatures %q stores heat, as in temperatures: \"20.5-22 C\"", d.ID)
	case d.HeatCapacity.given() && !d.HeatLoss.given():
		return fmt.Errorf("heat_loss: missing: say what the house of %q loses, as in heat_loss: 150 W/K", d.ID)
	case !d.Rated.given():
		return fmt.Errorf("rated: missing: say what %q takes at most, as in rated: 2.5 kW, so that it can be planned", d.ID)
	case !tells:
		return fmt.Errorf("%s: profile %s tells neither the temperature nor the charge of what %q heats, so that it cannot be planned: leave it out, or use a profile with role temperature", field, p.ID, d.ID)
	}
	return nil
}

// heat reads what can be stored. The error names the field, after the path.
func (d Device) heat(path string, kind grid.DeviceKind, rated grid.Power) (h Heat, err error) {
	if d.HeatText.given() == "" {
		return h, nil
	}
	var holds float64 // Wh/K
	loss := usualTank
	if d.Tank.given() {
		litres, err := d.Tank.number(path+"tank", "l", "300 l", mostLitres)
		if err != nil {
			return h, err
		}
		holds = litres * waterHolds
	} else if holds, err = d.HeatCapacity.number(path+"heat_capacity", "Wh/K", "12 kWh/K", mostCapacity); err != nil {
		return h, err
	}
	if d.HeatLoss.given() {
		if loss, err = d.HeatLoss.number(path+"heat_loss", "W/K", "150 W/K", mostLoss); err != nil {
			return h, err
		}
	}
	if h.Low, h.High, err = temperatures(d.Temperatures); err != nil {
		return h, fmt.Errorf("%stemperatures: %w", path, err)
	}
	cop := 1.0
	if kind == grid.HeatPump {
		cop = cmp.Or(d.COP, usualCOP)
	}
	if !(cop >= 1 && cop <= mostCOP) {
		return h, fmt.Errorf("%scop: %g: must be from 1 to %g", path, cop, mostCOP)
	}
	h.Capacity, h.Loss = grid.Energy(math.Round(holds*(h.High-h.Low)/cop)), loss/holds
	if h.Capacity == 0 {
		return h, fmt.Errorf("%stemperatures: %q: nothing can be stored between them: give a wider range", path, d.Temperatures)
	}
	if h.Least, err = d.Least.some(path+"least", Quantity.power); err == nil && rated > 0 && h.Least > rated {
		err = d.Least.wrong(path+"least", fmt.Errorf("%q: more than the %d W that it is rated for", d.Least.Text, rated))
	}
	return h, err
}

// number reads a quantity of a unit, or of a thousand of it where it is written with k, above 0 and at most
// the most.
func (q Quantity) number(field, unit, example string, most float64) (float64, error) {
	m := regexp.MustCompile(`^([0-9]+(?:\.[0-9]+)?) ?(k?)` + regexp.QuoteMeta(unit) + `$`).FindStringSubmatch(strings.TrimSpace(q.Text))
	if m == nil {
		return 0, q.wrong(field, fmt.Errorf("%q: want a number with its unit, such as %s", q.Text, example))
	}
	n, err := strconv.ParseFloat(m[1], 64)
	if m[2] == "k" {
		n *= 1000
	}
	if err == nil && !between(n, 0, most) {
		err = fmt.Errorf("%q: must be above 0 and at most %g %s", q.Text, most, unit)
	}
	if err != nil {
		return 0, q.wrong(field, err)
	}
	return n, nil
}

// temperatures reads "20.5-22 C" or "48-65 °C".
func temperatures(text string) (low, high float64, err error) {
	m := regexp.MustCompile(`^(-?[0-9]+(?:\.[0-9]+)?) ?- ?([0-9]+(?:\.[0-9]+)?) ?°?C$`).FindStringSubmatch(strings.TrimSpace(text))
	if m == nil {
		return 0, 0, fmt.Errorf("%q: want two temperatures, such as 20.5-22 C", text)
	}
	low, err1 := strconv.ParseFloat(m[1], 64)
	high, err2 := strconv.ParseFloat(m[2], 64)
	if err := errors.Join(err1, err2); err != nil {
		return 0, 0, err
	}
	if low < coldest || high > hottest || low >= high {
		return 0, 0, fmt.Errorf("%q: must rise, from %g C at least to %g C at most", text, coldest, hottest)
	}
	return low, high, nil
}
