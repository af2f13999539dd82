package control_test

import (
	"bytes"
	"reflect"
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/meters/control"
)

// TestOrders reads orders as they were written, and none that would hold for ever or not at all.
func TestOrders(t *testing.T) {
	o := control.Orders{Hold: 15 * time.Second, Devices: map[string]grid.Power{"ann/battery": -1500, "ann/charger": 0}}
	if got, err := control.ReadOrders(o.Encode()); err != nil || !reflect.DeepEqual(got, o) {
		t.Errorf("%+v, %v, want %+v", got, err, o)
	}
	for _, bad := range []string{"", "{}", `{"hold_ms": -1}`, `{"hold_ms": 60001}`, `{"hold_ms": 9223372036854775807}`, `{"hold_ms": 1, "devices": {"a": "b"}}`} {
		if got, err := control.ReadOrders([]byte(bad)); err == nil {
			t.Errorf("%s: %+v", bad, got)
		}
	}
}

// FuzzOrders never reads what holds for ever, and writes what it read.
func FuzzOrders(f *testing.F) {
	f.Add([]byte(`{"hold_ms": 15000, "devices": {"ann/battery": -1500}}`))
	f.Add([]byte(`{"hold_ms": 0}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		o, err := control.ReadOrders(b)
		if err != nil {
			return
		}
		if o.Hold <= 0 || o.Hold > time.Minute {
			t.Fatalf("holds for %s", o.Hold)
		}
		again, err := control.ReadOrders(o.Encode())
		if err != nil || !bytes.Equal(again.Encode(), o.Encode()) {
			t.Fatalf("%+v, %v, want %+v", again, err, o)
		}
	})
}
