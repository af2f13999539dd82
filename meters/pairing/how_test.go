package pairing_test

import (
	"io"
	"reflect"
	"testing"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/meters/pairing"
)

// TestFlags reads what a command line says of a device: what it leaves out is not zero.
func TestFlags(t *testing.T) {
	var w pairing.Wish
	if err := w.Flags().Parse([]string{"--unit", "0", "--part", "2", "--max-regs", "50", "--gap-ms", "0", "--timeout-ms", "5000", "--single-connection"}); err != nil {
		t.Fatal(err)
	}
	if err := w.Ratings.Flags().Parse([]string{"--rated", "4.6 kW", "--export-limit", "0 kW", "--capacity", "10kWh"}); err != nil {
		t.Fatal(err)
	}
	want := pairing.Wish{Unit: new(uint8(0)), How: pairing.How{
		Part: 2, Own: pairing.Own{MaxRegs: new(uint16(50)), GapMS: new(0), TimeoutMS: new(5000), SingleConnection: new(true)},
		Ratings: pairing.Ratings{Rated: new(grid.Power(4600)), ExportLimit: new(grid.Power(0)), Capacity: new(grid.Energy(10_000))},
	}}
	if !reflect.DeepEqual(w, want) {
		t.Errorf("%+v, want %+v", w, want)
	}
	for _, wrong := range [][]string{{"--unit", "256"}, {"--max-regs", "-1"}, {"--gap-ms", "x"}, {"--single-connection=perhaps"}} {
		fs := (&pairing.Wish{}).Flags()
		fs.SetOutput(io.Discard)
		if err := fs.Parse(wrong); err == nil {
			t.Errorf("%v was taken", wrong)
		}
	}
}
