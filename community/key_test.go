package community_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/commonwatt/commonwatt/community"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/matching"
	"github.com/commonwatt/commonwatt/record"
	"github.com/commonwatt/commonwatt/settlement"
	"github.com/commonwatt/commonwatt/settlement/sharing"
	"github.com/commonwatt/commonwatt/tariff"
)

// keyed returns rules of an allocation key by consumption at 0.12.
func keyed() *settlement.Rules {
	return &settlement.Rules{Pool: settlement.Off, SamePoint: true, Key: &settlement.Key{
		Scheme: sharing.Scheme{Key: sharing.Key{Kind: sharing.Dynamic}}, Price: settlement.KeyPrice{By: settlement.ByAmount, Fixed: 120_000},
	}}
}

// ruled is a market of ann and bob with rules of its own.
func ruled(t *testing.T, rules *settlement.Rules) *community.Market {
	t.Helper()
	c := config("ann", "bob")
	c.Rules = rules
	m, err := community.NewMarket(c, grid.SingleNode(), tariff.Tariff{Version: "1", Currency: "EUR", Retail: 300_000, FeedIn: 60_000})
	if err != nil {
		t.Fatal(err)
	}
	commands, err := m.Admissions([]community.Point{{MeteringPoint: "mp-ann", Member: "ann"}, {MeteringPoint: "mp-bob", Member: "bob"}}, start)
	if err != nil {
		t.Fatal(err)
	}
	apply(m, append(commands, m.Command(community.Action{Step: community.Open, Time: start, Product: product(0)})))
	return m
}

// TestNothingIsTradedUnderAKey: an order is refused with that reason, and what was metered is
// shared by the key; after the move to the market orders are taken, and a later run of the interval
// goes by the key all the same.
func TestNothingIsTradedUnderAKey(t *testing.T) {
	m := ruled(t, keyed())
	_, commands, err := m.Submit(order("a", "ann", grid.Bid, 100, 200_000))
	if refused := (*community.RefusedError)(nil); !errors.As(err, &refused) || len(commands) > 0 || !strings.Contains(refused.Reason, "shares by an allocation key, and nothing is traded") {
		t.Errorf("commands %v, %v", commands, err)
	}
	apply(m, []matching.Command{m.Command(community.Action{Step: community.Close, Time: start, Product: product(0)})})
	metered := []record.Metered{
		{MeteringPoint: "mp-ann", Flow: grid.Flow{Import: 300}, Quality: grid.Good}, {MeteringPoint: "mp-bob", Flow: grid.Flow{Export: 100}, Quality: grid.Good},
	}
	run, err := m.Settle(product(0).Interval, 1, metered, "", nil)
	if err != nil || run.Statements[0].KeyBought != 100 || run.Statements[0].Net != -12_000-60_000 {
		t.Fatalf("%+v, %v", run.Statements, err)
	}
	later := ruled(t, nil)
	if !later.HasMarket() {
		t.Error("there is no market")
	}
	submit(t, later, order("a", "ann", grid.Bid, 100, 200_000))
	metered[1].Flow.Export = 200
	again, err := later.Settle(product(0).Interval, 2, metered, "", []settlement.Run{run})
	if err != nil || again.Statements[0].KeyBought != 200 || again.Statements[0].PoolBought != 0 || again.Statements[0].Net != -24_000-30_000 {
		t.Errorf("%+v, %v", again.Statements, err)
	}
}
