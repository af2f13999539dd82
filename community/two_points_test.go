package community_test

import (
	"testing"

	"github.com/commonwatt/commonwatt/community"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/matching"
	"github.com/commonwatt/commonwatt/record"
	"github.com/commonwatt/commonwatt/settlement"
	"github.com/commonwatt/commonwatt/tariff"
)

// twoPoints is a market in which ann has a roof and a flat, and bob a hut, at nodes of the
// feeder.
func twoPoints(t *testing.T, f grid.Feeder, roof, flat, hut string) *community.Market {
	t.Helper()
	m, err := community.NewMarket(config("ann", "bob"), f, tariff.Tariff{Version: "1", Currency: "EUR", Retail: 300_000, FeedIn: 60_000})
	if err != nil {
		t.Fatal(err)
	}
	commands, err := m.Admissions([]community.Point{
		{MeteringPoint: "mp-roof", Member: "ann", Node: roof}, {MeteringPoint: "mp-flat", Member: "ann", Node: flat}, {MeteringPoint: "mp-hut", Member: "bob", Node: hut},
	}, start)
	if err != nil {
		t.Fatal(err)
	}
	apply(m, append(commands, m.Command(community.Action{Step: community.Open, Time: start, Product: product(0)})))
	return m
}

// ordered submits an order at a metering point of a member.
func ordered(t *testing.T, m *community.Market, point string, side grid.Side, energy grid.Energy, price grid.Price) {
	t.Helper()
	member := map[string]string{"roof": "ann", "flat": "ann", "hut": "bob"}[point]
	s := order(point, member, side, energy, price)
	s.Order.MeteringPoint = "mp-" + point
	submit(t, m, s)
}

// settled closes the gate and settles what was metered; it returns the statements by metering
// point.
func settled(t *testing.T, m *community.Market, roof, flat, hut grid.Energy) map[string]settlement.Statement {
	t.Helper()
	apply(m, []matching.Command{m.Command(community.Action{Step: community.Close, Time: start, Product: product(0)})})
	run, err := m.Settle(product(0).Interval, 1, []record.Metered{
		{MeteringPoint: "mp-roof", Flow: grid.Flow{Export: roof}, Quality: grid.Good},
		{MeteringPoint: "mp-flat", Flow: grid.Flow{Import: flat}, Quality: grid.Good},
		{MeteringPoint: "mp-hut", Flow: grid.Flow{Import: hut}, Quality: grid.Good},
	}, "", nil)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]settlement.Statement{}
	for _, s := range run.Statements {
		all[s.MeteringPoint] = s
	}
	return all
}

// TestAMemberIsNotAMeteringPoint has ann sell at her roof and buy at her flat what the roof
// gives: it is her own energy, and costs nothing at one place, whatever the prices were.
func TestAMemberIsNotAMeteringPoint(t *testing.T) {
	m := twoPoints(t, grid.SingleNode(), "", "", "")
	ordered(t, m, "roof", grid.Offer, 1000, 100_000)
	ordered(t, m, "flat", grid.Bid, 1000, 250_000)
	if o, _ := m.Find("ann", "flat"); o.Filled != 0 || o.Status != community.IsCancelled {
		t.Errorf("ann traded with herself: %+v", o)
	}
	s := settled(t, m, 1000, 1000, 0)
	if roof, flat := s["mp-roof"], s["mp-flat"]; roof.Net+flat.Net != 0 || roof.OwnGiven != 1000 || flat.Own != 1000 || roof.FeedIn != 0 || flat.Retail != 0 {
		t.Errorf("ann uses her own 1000 Wh: roof %+v, flat %+v", roof, flat)
	}
}

// TestOwnEnergyOverLines has the flat behind lines with fees, and bob there as well, who pays
// less than the flat. The roof gives the flat what it needs, at the fees of the lines, and bob
// what is left; nothing goes to the utility that somebody here pays more for.
func TestOwnEnergyOverLines(t *testing.T) {
	f := grid.Feeder{Nodes: []grid.Node{{ID: "root"}, {ID: "n1", Parent: "root", Fee: 10_000}, {ID: "n2", Parent: "root", Fee: 10_000}}}
	for _, c := range []struct{ flat, bobBuys grid.Energy }{{1000, 0}, {800, 200}} {
		m := twoPoints(t, f, "n2", "n1", "n1")
		ordered(t, m, "flat", grid.Bid, c.flat, 250_000)
		ordered(t, m, "roof", grid.Offer, 1000, 100_000)
		ordered(t, m, "hut", grid.Bid, 300, 200_000)
		s := settled(t, m, 1000, c.flat, 300)
		roof, flat, hut := s["mp-roof"], s["mp-flat"], s["mp-hut"]
		if roof.Sold != c.bobBuys || roof.OwnGiven != c.flat || roof.FeedIn != 0 || flat.Own != c.flat || flat.Bought != 0 || hut.Bought != c.bobBuys || hut.Retail != 300-c.bobBuys {
			t.Errorf("roof %+v, flat %+v, hut %+v", roof.Cover, flat.Cover, hut.Cover)
		}
		// Two lines at 0.01 each, and of what bob bought what he paid, less the fees.
		earned := roof.Net + flat.Net + grid.Money(c.flat)*20
		if c.bobBuys == 0 && earned != 0 || c.bobBuys > 0 && earned < grid.Money(c.bobBuys)*100 {
			t.Errorf("ann's energy of her own costs her more than the lines: %d", earned)
		}
	}
}
