package web

import (
	"reflect"
	"testing"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/meters/pairing"
	"github.com/commonwatt/commonwatt/web/api"
)

// TestWhatIsLeftOutIsNotZero asks for a device with every field, once with 0 where that
// can be meant, and once with nothing but where it is.
func TestWhatIsLeftOutIsNotZero(t *testing.T) {
	all := api.PairingRequest{
		Target: "tcp://h", Unit: new(int32(0)), Profile: new("p"), Kind: new(api.PairingRequestKind("meter")), Part: new(int32(2)),
		MaxRegs: new(int32(50)), MaxHole: new(int32(0)), GapMs: new(int32(0)), ConnectDelayMs: new(int32(1500)), TimeoutMs: new(int32(5000)), SingleConnection: new(false),
		Rated: new(int64(9000)), Capacity: new(int64(7)), ImportLimit: new(int64(11_000)), ExportLimit: new(int64(0)),
	}
	want := pairing.Wish{
		Target: "tcp://h", Unit: new(uint8(0)), Profile: "p", Kind: grid.Meter,
		How: pairing.How{
			Part: 2,
			Own: pairing.Own{
				MaxRegs: new(uint16(50)), MaxHole: new(uint16(0)), GapMS: new(0), ConnectDelayMS: new(1500), TimeoutMS: new(5000), SingleConnection: new(false),
			},
			Ratings: pairing.Ratings{Rated: new(grid.Power(9000)), Capacity: new(grid.Energy(7)), ImportLimit: new(grid.Power(11_000)), ExportLimit: new(grid.Power(0))},
		},
	}
	if got := wish(all); !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, want %+v", got, want)
	}
	if got := wish(api.PairingRequest{Target: "tcp://h"}); !reflect.DeepEqual(got, pairing.Wish{Target: "tcp://h"}) {
		t.Errorf("of what was left out %+v", got)
	}
}
