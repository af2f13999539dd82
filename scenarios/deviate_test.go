package scenarios

import (
	"strings"
	"testing"

	"github.com/commonwatt/commonwatt/agent"
	"github.com/commonwatt/commonwatt/community/drive"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/settlement/ledger"
	"github.com/commonwatt/commonwatt/settlement/ledger/embedded"
	"github.com/commonwatt/commonwatt/tariff"
)

// TestDeviantOrders shifts prices in the favour of who deviates or against it, no further than the
// utility's, and withholds energy; the orders of others stay as they are.
func TestDeviantOrders(t *testing.T) {
	t.Parallel()
	at := tariff.Rates{Retail: 320_000, FeedIn: 60_000, Community: 20_000} // 240 000 lie between
	i := grid.Interval{Minutes: 15}
	all := func(bid, offer grid.Price) []drive.Bids {
		return []drive.Bids{{Interval: i, Orders: []grid.Order{{Side: grid.Bid, Energy: 100, Price: bid}, {Side: grid.Offer, Energy: 301, Price: offer}}}}
	}
	rates := func(grid.Interval) (tariff.Rates, error) { return at, nil }
	for _, c := range []struct {
		d             deviation
		bid, offer    grid.Price // the agent's
		wantBid       grid.Price
		wantOffer     grid.Price
		bought, given grid.Energy
	}{
		{deviation{energy: allOfIt}, 200_000, 100_000, 200_000, 100_000, 100, 301},
		{deviation{shift: 50, energy: allOfIt}, 200_000, 100_000, 188_000, 112_000, 100, 301},
		{deviation{shift: 200, energy: allOfIt}, 70_000, 290_000, 60_000, 300_000, 100, 301},
		{deviation{shift: -200, energy: allOfIt}, 290_000, 70_000, 300_000, 60_000, 100, 301},
		{deviation{energy: 500}, 200_000, 100_000, 200_000, 100_000, 50, 150},
	} {
		d := &deviant{"ann", c.d}
		got := d.bids("ann", all(c.bid, c.offer), rates)[0].Orders
		if len(got) != 2 || got[0].Price != c.wantBid || got[1].Price != c.wantOffer || got[0].Energy != c.bought || got[1].Energy != c.given {
			t.Errorf("%+v: %+v", c, got)
		}
		if got := d.bids("bob", all(1, 2), rates)[0].Orders; got[0].Price != 1 || got[1].Energy != 301 {
			t.Errorf("bob's orders became %+v", got)
		}
	}
	if got := (&deviant{"ann", deviation{}}).bids("ann", all(1, 2), rates); len(got) != 1 || len(got[0].Orders) != 0 {
		t.Errorf("without energy: %+v", got)
	}
	s := Scenario{}
	if d := (&deviant{"ann", deviation{by: agent.ByPriceCurve}}); d.of(s, "ann") != agent.ByPriceCurve || d.of(s, "bob") != agent.ByPlanner || (*deviant)(nil).of(s, "ann") != agent.ByPlanner {
		t.Error("the strategy of another than who deviates changed, or not its own")
	}
}

// TestDeviate tries what members gain by trading otherwise, in a street without a pool, where who orders
// nothing forgoes all that its neighbours would give: the figures are those of the replays
// themselves, and who deviates by nothing gains nothing.
func TestDeviate(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("SKIPPED by -short: replays days; make test runs it")
	}
	text := strings.Replace(minimal, "days: 1", "days: 1\nhistory: 7\ndeviate: 2\nstrategy: price-curve\npool: {price: \"off\"}", 1)
	s, err := Parse([]byte(text))
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
	last := 0.0
	if err := r.Deviate(t.Context(), func(share float64) { last = share }); err != nil {
		t.Fatal(err)
	}
	k, err := r.Summarize("test")
	if err != nil {
		t.Fatal(err)
	}
	if k.Deviate != 2 || k.Deviation == nil || len(k.Deviation.Members) != 2 || last < 0.99 {
		t.Fatalf("%+v, %d members, progress %.2f", k.Deviation, k.Deviate, last)
	}
	for n, m := range k.Deviation.Members {
		if want := []string{"home-01", "home-03"}[n]; m.Member != want || len(m.Tried) != len(deviationsTried()) || m.Gain > k.Deviation.Best.Gain {
			t.Errorf("%+v, want %s", m, want)
		}
		for _, x := range m.Tried {
			if x.Gain > m.Gain || x.Money > m.Money || x.How == m.How && x.Gain != m.Gain {
				t.Errorf("%s: %+v gains more than %+v", m.Member, x, m.Deviated)
			}
			if x.How == "no orders" && x.Money >= 0 {
				t.Errorf("%s gains %d by not trading", m.Member, x.Money)
			}
		}
	}
	same, err := r.deviate(t.Context(), 0, deviant{"home-01", deviation{energy: allOfIt}}, func(float64) {})
	if err != nil || same != (Tried{}) {
		t.Errorf("trading as the agent does: %+v, %v", same, err)
	}
}

// TestDeviateIsChecked refuses more members than there are, and a community in which nobody trades.
func TestDeviateIsChecked(t *testing.T) {
	t.Parallel()
	for want, more := range map[string]string{
		"deviate: 5: must be 0 to 4": "deviate: 5\n",
		"deviate: nobody trades":     "deviate: 1\nsharing: {key: dynamic, price: midpoint}\n",
	} {
		if _, err := Parse([]byte(minimal + more)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
}
