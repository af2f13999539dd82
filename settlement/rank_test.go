package settlement_test

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/settlement"
)

// TestEqualRemaindersGoToAnotherInEachInterval lets three homes with the same shortage
// take 100 Wh of a fourth, which is 33 Wh each and one that is left over, in twelve
// intervals. Who gets it is whose SHA-256(interval ‖ account) is the least, as docs say,
// and so not always the same.
func TestEqualRemaindersGoToAnotherInEachInterval(t *testing.T) {
	takers := []string{"a", "b", "c"}
	luck := map[string]int{}
	for k := range 12 {
		in := shared(nil, metered("a", 100, 0), metered("b", 100, 0), metered("c", 100, 0), metered("d", 0, 100))
		in.Interval = interval.Shift(k)
		hash := func(account string) string {
			return fmt.Sprintf("%x", sha256.Sum256([]byte(in.Interval.String()+account)))
		}
		lucky := slices.MinFunc(takers, func(a, b string) int { return strings.Compare(hash(a), hash(b)) })
		for _, s := range settle(t, in).Statements[:3] {
			want := grid.Energy(33)
			if s.MeteringPoint == lucky {
				want, luck[lucky] = 34, luck[lucky]+1
			}
			if s.PoolBought != want {
				t.Errorf("%s: %s takes %d Wh from the pool, want %d", in.Interval, s.MeteringPoint, s.PoolBought, want)
			}
		}
	}
	if len(luck) != len(takers) {
		t.Errorf("what is left over went to %v, want each of %v to get it at some time", luck, takers)
	}
}

// TestAFinalValueTakesPart settles anew after a meter did not answer: the substitute that
// is final takes part in own energy and pool, one that is provisional still does not.
// a is short of 200 Wh, b is long by 200.
func TestAFinalValueTakesPart(t *testing.T) {
	in := shared(nil, metered("a", 200, 0), metered("b", 0, 200))
	in.Metered[1].Quality = grid.Estimated
	first := settle(t, in)
	for _, c := range []struct {
		quality grid.Quality
		a, b    grid.Money
	}{
		{grid.Final, -36_000, 36_000},     // at 0.18
		{grid.Estimated, -60_000, 12_000}, // at 0.30 and 0.06
	} {
		for run := 2; run <= 3; run++ {
			late := settlement.Input{Community: "c", Interval: interval, Run: run, Tariff: first.Tariff, ReadingRoot: "r", First: &first.Basis, Previous: first.Postings()}
			late.Metered = slices.Clone(in.Metered)
			late.Metered[1].Quality = c.quality
			second := settle(t, late)
			if a, b := second.Statements[0], second.Statements[1]; a.Net != c.a || b.Net != c.b || b.Quality != c.quality {
				t.Errorf("run %d with a value that is %s: a has %d, b %d, want %d and %d", run, c.quality, a.Net, b.Net, c.a, c.b)
			}
		}
	}
}

// TestEqualNodesGetWhatIsLeftOverInTurn has the same shortage at two nodes, and one Wh more
// than an even number between them: which of the nodes gets it changes from interval to
// interval. By the rules before it was always the first.
func TestEqualNodesGetWhatIsLeftOverInTurn(t *testing.T) {
	for byRank, want := range map[bool]int{true: 2, false: 1} {
		luck := map[string]int{}
		for k := range 20 {
			in := shared(nil, metered("a", 100, 0), metered("b", 100, 0), metered("d", 0, 101))
			in.Feeder.Nodes = []grid.Node{{ID: "root"}, {ID: "n1", Parent: "root"}, {ID: "n2", Parent: "root"}}
			in.Points = map[string]settlement.Point{"a": {Member: "a", Node: "n1"}, "b": {Member: "b", Node: "n2"}, "d": {Member: "d"}}
			rules := *in.Rules
			rules.NodesByRank = byRank
			in.Rules, in.Interval = &rules, interval.Shift(k)
			for _, s := range settle(t, in).Statements[:2] {
				if s.PoolBought == 51 {
					luck[s.MeteringPoint]++
				}
			}
		}
		if len(luck) != want {
			t.Errorf("nodes by rank: %t: the Wh that is left over went to %v", byRank, luck)
		}
	}
}
