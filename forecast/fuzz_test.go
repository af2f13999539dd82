package forecast_test

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"testing"

	"github.com/commonwatt/commonwatt/forecast"
)

// FuzzRestore reads models that may be damaged in any way but for their checksum, which the test
// mends: none ends the program.
func FuzzRestore(f *testing.F) {
	s := synthetic(forecast.Load, 60, 60, 1)
	for _, method := range []string{"snaive24", "ets", "analog", "blend"} {
		m, err := forecast.Fit(head(s, 50*24+3), forecast.Options{Method: method})
		if err != nil {
			f.Fatal(err)
		}
		data, err := m.MarshalBinary()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data[:len(data)-4])
	}
	recent := tail(s, 30)
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := forecast.Restore(checked(data), forecast.Options{})
		if err != nil {
			if !errors.Is(err, forecast.ErrVersion) {
				t.Errorf("error %v", err)
			}
			return
		}
		if o, err := m.Look(recent, 3); err == nil && len(o.Points) != 3 {
			t.Errorf("%d points", len(o.Points))
		}
	})
}

// checked appends the checksum that a saved model ends with.
func checked(data []byte) []byte {
	return binary.LittleEndian.AppendUint32(append([]byte{}, data...), crc32.ChecksumIEEE(data))
}
