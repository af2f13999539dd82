package planning

import (
	"fmt"
	"testing"
)

func TestX(t *testing.T) {
	y, err := Read("/work/shared/data/citylearn2022")
	if err != nil {
		t.Skip(err)
	}
	n := len(y.Price)
	flat := func(p float64) []float64 {
		x := make([]float64, n)
		for i := range x {
			x[i] = p
		}
		return x
	}
	dyn := make([]float64, n)
	for i := range dyn {
		dyn[i] = 60000 + y.Carbon[i]*1200000
	}
	for _, tf := range []Tariff{{"tou8", y.Price, flat(80000)}, {"dyn", dyn, flat(80000)}} {
		for _, i := range []int{0, 3, 6, 7} {
			o, err := Single(&y, &y.Homes[i], tf, n-91*24, n-51*24, 0)
			if err != nil {
				t.Fatal(err)
			}
			fmt.Printf("  %s: %.2f%% over rule %.4f of gross (.005)\n", o.Home, (o.Without-o.Plan)/(o.Without-o.Foresight)*100, (o.Plan-o.Rule)/o.Gross)
		}
	}
}
