package scenarios

import (
	"strings"
	"testing"

	"github.com/commonwatt/commonwatt/agent/readiness"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/settlement/ledger"
	"github.com/commonwatt/commonwatt/settlement/ledger/embedded"
)

// TestReadyByInAReplay replays two days in which one of two homeowners with a car gives a time at noon and four fifths:
// that car is never charged further, and leaves before noon both times, so that it has no deadline; the other is full when it leaves, which counts both times.
func TestReadyByInAReplay(t *testing.T) {
	t.Parallel()
	const limited = "days: 2\nhistory: 7\nmembers: {home-04: {limits: {cars: {home-04/charger: {ready_by: \"12:00\", target: 80 %}}}}}"
	s, err := Parse([]byte(strings.Replace(minimal, "days: 1", limited, 1)))
	if err != nil {
		t.Fatal(err)
	}
	l, err := embedded.OpenMemory(t.Context(), Community, "EUR", ledger.SeededNames(s.Seed))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	r, err := Replay(t.Context(), s, l, func(float64) {})
	if err != nil {
		t.Fatal(err)
	}
	fullest := map[string]grid.PerMille{}
	for _, x := range r.Readings {
		if x.Charge != nil {
			fullest[x.Device] = max(fullest[x.Device], *x.Charge)
		}
	}
	if with, without := fullest["home-04/charger"], fullest["home-01/charger"]; with > 802 || without != 1000 {
		t.Errorf("the car whose target is 80 %% was charged to %d per mille, the other to %d", with, without)
	}
	if got := r.deadlines(); got != (readiness.Count{Feasible: 2}) {
		t.Errorf("%+v", got)
	}
}
