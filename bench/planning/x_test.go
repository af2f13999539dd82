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
	for _, i := range []int{6} {
		os, err := Single(&y, i, y.Tariffs(), n-91*24, n-71*24)
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range os {
			fmt.Printf("  %s: %.2f%% (rule %.2f%%) excess %.0f %+v\n", o.Home, o.Share()*100, (o.Without-o.Rule)/(o.Without-o.Foresight)*100, o.Excess(), o)
		}
	}
}
