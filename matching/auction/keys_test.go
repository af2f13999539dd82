package auction_test

import (
	"fmt"
	"math/big"
	"slices"
	"testing"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/matching/auction"
)

// TestSharesMayBeFinerThanAThousandth gives a consumer 0.05 % of a plant, and three a third
// each: over many intervals each has what its share comes to, and what they have together is
// all of it.
func TestSharesMayBeFinerThanAThousandth(t *testing.T) {
	fine := []auction.Consumer{{ID: "a", Consumption: 1000, Exact: big.NewRat(1, 2000)}, {ID: "b", Consumption: 100_000, Exact: big.NewRat(1999, 2000)}}
	if got, err := auction.Allocate(auction.Static, 20_000, fine); err != nil || got[0] != 10 || got[1] != 19_990 {
		t.Errorf("0.05 %% of 20 kWh: %v, %v, want 10 Wh", got, err)
	}
	thirds := make([]auction.Consumer, 3)
	for i := range thirds {
		thirds[i] = auction.Consumer{ID: string(rune('a' + i)), Consumption: 1000, Exact: big.NewRat(1, 3)}
	}
	if got, err := auction.Allocate(auction.Static, 300, thirds); err != nil || got[0] != 100 || got[1] != 100 || got[2] != 100 {
		t.Errorf("thirds of 300 Wh: %v, %v", got, err)
	}
	mixed := append(slices.Clone(thirds), auction.Consumer{ID: "d", Share: 1})
	if _, err := auction.Allocate(auction.Static, 1, mixed); err == nil || err.Error() != "share: 1001 ‰ together: at most 1000" {
		t.Errorf("more than the whole: %v", err)
	}
	if _, err := auction.Allocate(auction.Dynamic, 1, []auction.Consumer{{Consumption: 1 << 62}, {Consumption: 1 << 62}}); err == nil {
		t.Error("a consumption beyond 64 bits")
	}
}

// TestEqualSharesGetWhatIsLeftOverInTurn shares out what does not divide, in a day of
// intervals: each of the equal ones gets it about as often, whichever key. commonwatt clear,
// which knows one interval alone, goes by id.
func TestEqualSharesGetWhatIsLeftOverInTurn(t *testing.T) {
	for _, k := range []auction.Key{auction.Static, auction.Dynamic, auction.Priority} {
		var consumers []auction.Consumer
		for i := range 4 {
			consumers = append(consumers, auction.Consumer{ID: fmt.Sprint("account-", i), Consumption: 10, Exact: big.NewRat(1, 4)})
		}
		first := grid.Interval{Start: 1_780_315_200, Minutes: 15}
		sums, byID := make([]grid.Energy, 4), make([]grid.Energy, 4)
		const days = 960
		for n := range days {
			inTurn, err1 := auction.AllocateIn(first.Shift(n), k, 21, consumers)
			always, err2 := auction.Allocate(k, 21, consumers)
			if err1 != nil || err2 != nil {
				t.Fatal(err1, err2)
			}
			for i := range sums {
				sums[i], byID[i] = sums[i]+inTurn[i], byID[i]+always[i]
			}
		}
		const even, tenth = days * 21 / 4, days * 21 / 40
		for i, sum := range sums {
			if sum < even-tenth || sum > even+tenth {
				t.Errorf("%s: %v over %d intervals, want about %d each", k, sums, days, even)
				break
			} else if i == 0 && byID[0] <= byID[3] {
				t.Errorf("%s by id: %v", k, byID)
			}
		}
	}
}
