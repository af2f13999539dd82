package audit_test

import (
	"fmt"
	"testing"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/settlement/ledger"
)

const community = "test"

func point(i int) string { return fmt.Sprintf("mp-%04d", i) }

// interval returns one of a day after the first of 2026.
func interval(day, number int) grid.Interval {
	const aDay = 86_400
	return grid.Interval{Start: 1_767_225_600 + int64(day)*aDay, Minutes: 15}.Shift(number)
}

// register gives each of some metering points a member and a meter.
func register(t *testing.T, l *ledger.Ledger, points int) {
	t.Helper()
	devices := make([]grid.Device, points)
	for i := range devices {
		devices[i] = grid.Device{ID: point(i) + "/meter", Kind: grid.Meter, Member: "m-" + point(i), MeteringPoint: point(i)}
	}
	must(t, l.Register(t.Context(), devices...))
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
