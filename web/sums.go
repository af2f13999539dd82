package web

import "github.com/commonwatt/commonwatt/web/api"

// fewest is of how many homes a sum is at least: of fewer it would tell what one of them does
// to the others.
const fewest = 3

// sum is a sum of what some homes do, W.
type sum struct {
	homes int
	power int64
}

func (s *sum) add(power int64) {
	s.homes++
	s.power += power
}

// tells tells whether nobody is found by the sum. That nobody does a thing is no secret.
func (s *sum) tells() bool { return s.homes == 0 || s.homes >= fewest }

// sumsOf adds up what the homes do whose powers are known. What could be found from the others
// is left out with what tells too much: without batteries consumption is solar and import
// without export.
func sumsOf(flows []*api.Flow) *api.Sums {
	var consumption, solar, imported, exported sum
	for _, f := range flows {
		used := f.Home
		if f.Charger != nil {
			used += max(*f.Charger, 0)
		}
		consumption.add(used)
		if f.Inverter != nil {
			solar.add(max(-*f.Inverter, 0))
		}
		if f.Meter > 0 {
			imported.add(f.Meter)
		} else if f.Meter < 0 {
			exported.add(-f.Meter)
		}
	}
	if consumption.homes < fewest {
		return nil
	}
	s := &api.Sums{Homes: consumption.homes}
	if solar.tells() {
		s.Consumption, s.Solar = &consumption.power, &solar.power
	}
	if imported.tells() && exported.tells() {
		s.Import, s.Export = &imported.power, &exported.power
	}
	return s
}
