package drive

import (
	"context"
	"reflect"
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/record"
	"github.com/commonwatt/commonwatt/settlement"
)

// firstMessages implements Freezer.
type firstMessages map[string][]byte

func (f firstMessages) Freeze(_ context.Context, _, subject string, data []byte) ([]byte, error) {
	if f[subject] == nil {
		f[subject] = data
	}
	return f[subject], nil
}

func (f firstMessages) Frozen(_ context.Context, _, subject string) ([]byte, error) {
	return f[subject], nil
}

// TestTheFirstRunOfANumberHolds freezes two runs of one number: the second one is told what
// the first one said. Those of other numbers and communities are others.
func TestTheFirstRunOfANumberHolds(t *testing.T) {
	on := firstMessages{}
	elm, oak := FrozenRuns{"elm", "settlement", on}, FrozenRuns{"oak", "settlement", on}
	i := grid.IntervalAt(time.Date(2026, 6, 10, 18, 0, 0, 0, time.UTC), 15)
	run := func(number int, net grid.Money) settlement.Run {
		return settlement.Run{Manifest: record.Manifest{Run: number}, Statements: []settlement.Statement{{MeteringPoint: "mp-ann", Interval: i, Net: net}}, Substituted: true}
	}
	for _, c := range []struct {
		runs FrozenRuns
		run  settlement.Run
		want grid.Money
	}{{elm, run(1, 10), 10}, {elm, run(1, 20), 10}, {elm, run(2, 30), 30}, {oak, run(1, 40), 40}} {
		held, err := c.runs.Freeze(t.Context(), i, c.run)
		if err != nil || held.Statements[0].Net != c.want || !held.Substituted {
			t.Errorf("run %d of %s: %+v, %v, want that of %d", c.run.Manifest.Run, c.runs.Community, held, err, c.want)
		}
		again, err := c.runs.Frozen(t.Context(), i, c.run.Manifest.Run)
		if err != nil || !reflect.DeepEqual(*again, held) {
			t.Errorf("asked again: %+v, %v, want %+v", again, err, held)
		}
	}
	if none, err := elm.Frozen(t.Context(), i, 3); none != nil || err != nil {
		t.Errorf("a run that was never made: %+v, %v", none, err)
	}
}
