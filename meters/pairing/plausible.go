package pairing

import (
	"fmt"
	"math"

	"github.com/commonwatt/commonwatt/meters/profile"
)

// What a low-voltage network shows (EN 50160: ±10 %).
const (
	tolerance  = 0.10
	hertzApart = 1.0 // Hz off the nominal frequency
	phaseApart = 50  // W, or
	phaseShare = 0.05
	leastPower = 100 // W from which a sign says something
)

func nominalVoltages() []float64 { return []float64{230, 110, 120} }

func nominalHertz() []float64 { return []float64{50, 60} }

// implausible compares the live values with what a home's connection can be.
func implausible(points []LivePoint) (warnings []string) {
	kinds := map[string]map[profile.Role]float64{}
	for _, lp := range points {
		if lp.Role == "" || lp.measured.Text != "" {
			continue
		}
		if lp.Quality == Suspect {
			warnings = append(warnings, fmt.Sprintf("%s: %s: is it the right profile, and the right unit?", lp.Name, lp.Error))
		}
		if lp.Quality != Good {
			continue
		}
		if kinds[lp.Kind] == nil {
			kinds[lp.Kind] = map[profile.Role]float64{}
		}
		kinds[lp.Kind][profile.Role(lp.Role)] = lp.measured.Number
	}
	for _, lp := range points {
		if lp.Quality != Good {
			continue
		}
		v := lp.measured.Number
		switch profile.Role(lp.Role) { //nolint:exhaustive // the others have no nominal value
		case profile.RoleVoltage:
			if !near(v, nominalVoltages(), func(n float64) float64 { return n * tolerance }) {
				warnings = append(warnings, fmt.Sprintf("%s: %g V is not within 10 %% of 230 V or 110 V: wrong register, or a phase is off", lp.Name, v))
			}
		case profile.RoleHertz:
			if !near(v, nominalHertz(), func(float64) float64 { return hertzApart }) {
				warnings = append(warnings, fmt.Sprintf("%s: %g Hz is neither 50 nor 60 Hz: wrong register, or the device is off the grid", lp.Name, v))
			}
		case profile.RolePower:
			if sum, whole := phases(kinds[lp.Kind]); whole && math.Abs(sum-v) > math.Max(phaseApart, phaseShare*math.Abs(v)) {
				warnings = append(warnings, fmt.Sprintf("%s: %g W, but the phases sum to %g W: a current transformer may be missing or reversed", lp.Name, v, sum))
			}
		}
	}
	return warnings
}

func near(v float64, nominal []float64, within func(float64) float64) bool {
	for _, n := range nominal {
		if math.Abs(v-n) <= within(n) {
			return true
		}
	}
	return false
}

// phases sums the three phases, when all are there.
func phases(of map[profile.Role]float64) (sum float64, whole bool) {
	for _, r := range []profile.Role{profile.RolePowerL1, profile.RolePowerL2, profile.RolePowerL3} {
		v, there := of[r]
		if !there {
			return 0, false
		}
		sum += v
	}
	return sum, true
}
