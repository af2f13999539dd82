package web

import (
	"encoding/json"
	"testing"

	"github.com/commonwatt/commonwatt/web/api"
)

// doing is a home that takes meter W from the grid, and makes solar W unless that is negative.
func doing(meter, solar int64) *api.Flow {
	f := &api.Flow{Meter: meter, Home: meter}
	if solar >= 0 {
		f.Inverter, f.Home = new(-solar), meter+solar
	}
	return f
}

// TestASumIsOfThreeHomes: a figure to which one or two contribute is left out, with what it
// would follow from.
func TestASumIsOfThreeHomes(t *testing.T) {
	charging := doing(5000, -1)
	charging.Charger, charging.Home = new(int64(3000)), 2000
	for want, flows := range map[string][]*api.Flow{
		`null`:        {doing(100, -1), doing(200, -1)},
		`{"homes":3}`: {doing(100, 50), doing(200, -1), doing(-300, 400)}, // two solar; two import
		`{"consumption":600,"export":0,"homes":3,"import":600,"solar":0}`:       {doing(100, -1), doing(200, -1), doing(300, -1)},
		`{"export":0,"homes":3,"import":600}`:                                   {doing(100, 7), doing(200, -1), doing(300, -1)},
		`{"consumption":1150,"homes":4,"solar":1250}`:                           {doing(100, 50), doing(200, 300), doing(-300, 400), doing(-100, 500)},
		`{"consumption":3000,"export":600,"homes":6,"import":600,"solar":3000}`: {doing(100, 500), doing(200, 500), doing(300, 500), doing(-100, 500), doing(-200, 500), doing(-300, 500)},
		`{"consumption":5300,"export":0,"homes":3,"import":5300,"solar":0}`:     {doing(100, -1), doing(200, -1), charging},
		`{"consumption":1500,"export":0,"homes":3,"import":0,"solar":1500}`:     {doing(0, 500), doing(0, 500), doing(0, 500)},
		`{"consumption":900,"export":600,"homes":4,"import":0,"solar":1500}`:    {doing(-100, 500), doing(-200, 500), doing(-300, 500), doing(0, 0)},
	} {
		b, err := json.Marshal(sumsOf(flows))
		if err != nil || string(b) != want {
			t.Errorf("%s, want %s: %v", b, want, err)
		}
	}
}
