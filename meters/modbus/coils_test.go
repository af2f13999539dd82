package modbus_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/meters/modbus"
	"github.com/commonwatt/commonwatt/meters/sim"
)

// TestCoils reads and sets the contacts of a relay board over Modbus TCP and over a line: more
// of them than a byte holds, and one that the board does not have.
func TestCoils(t *testing.T) {
	t.Parallel()
	for _, rtu := range []bool{false, true} {
		b := &sim.Bent{Units: []uint8{1}, RTU: rtu}
		b.Put(modbus.Coil, 4, 1, 0, 1, 1, 0, 0, 0, 0, 0, 1, 0)
		if err := b.Serve(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = b.Close() })
		e, err := modbus.ParseEndpoint(b.Target())
		if err != nil {
			t.Fatal(err)
		}
		c := modbus.Open(e, modbus.Options{Timeout: time.Second})
		t.Cleanup(c.Close)
		want := []uint16{1, 0, 1, 1, 0, 0, 0, 0, 0, 1, 0}
		if got, err := c.Read(t.Context(), 1, modbus.Coil, 4, 11); err != nil || !slices.Equal(got, want) {
			t.Errorf("line %t: coils %v, %v, want %v", rtu, got, err, want)
		}
		for _, on := range []bool{true, false, true} {
			if err := c.WriteCoil(t.Context(), 1, 14, on); err != nil || b.Coil(14) != on {
				t.Errorf("line %t: coil 14 was set to %t and is %t, %v", rtu, on, b.Coil(14), err)
			}
		}
		if got, err := c.Read(t.Context(), 1, modbus.Coil, 13, 2); err != nil || !slices.Equal(got, []uint16{1, 1}) {
			t.Errorf("line %t: coils 13 and 14 read %v, %v", rtu, got, err)
		}
		refused := (*modbus.ExceptionError)(nil)
		if _, err := c.Read(t.Context(), 1, modbus.Coil, 14, 2); !errors.As(err, &refused) {
			t.Errorf("line %t: a coil that is not there reads %v", rtu, err)
		}
		if err := c.WriteCoil(t.Context(), 1, 15, true); !errors.As(err, &refused) {
			t.Errorf("line %t: a coil that is not there is written: %v", rtu, err)
		}
	}
}
