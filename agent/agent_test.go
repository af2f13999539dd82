package agent_test

import (
	"reflect"
	"testing"

	"github.com/commonwatt/commonwatt/agent"
	"github.com/commonwatt/commonwatt/forecast"
	"github.com/commonwatt/commonwatt/grid"
)

func view(values ...float64) agent.View {
	first := grid.Interval{Start: 0, Minutes: 15}
	return agent.View{
		Interval: first.Shift(len(values) + 1), History: forecast.Series{First: first, Values: values},
		Retail: 300_000, FeedIn: 60_000,
	}
}

func TestSideFollowsTheForecast(t *testing.T) {
	home := agent.Home{Member: "home-01", MeteringPoint: "mp-1", Source: "solar"}
	for _, c := range []struct {
		net   float64
		side  grid.Side
		price grid.Price
	}{{250, grid.Bid, 180_000}, {-400, grid.Offer, 180_000}} {
		p, err := agent.SelfConsumption{Home: home, Forecaster: forecast.SeasonalNaive{}}.Plan(view(c.net))
		if err != nil {
			t.Fatal(err)
		}
		o := p.Orders[0]
		if o.Side != c.side || float64(o.Energy) != max(c.net, -c.net) || o.Price != c.price {
			t.Errorf("net %g Wh gives %+v", c.net, o)
		}
	}
}

func TestZeroIntelligenceNeverLosesAgainstTheUtility(t *testing.T) {
	prices := map[grid.Price]bool{}
	for seed := range uint64(200) {
		a := agent.ZeroIntelligence{Home: agent.Home{Member: "m"}, Forecaster: forecast.SeasonalNaive{}, Seed: seed}
		p, err := a.Plan(view(101))
		if err != nil {
			t.Fatal(err)
		}
		again, err := a.Plan(view(101))
		if err != nil || !reflect.DeepEqual(p, again) {
			t.Fatalf("the same view gave %+v and %+v", p, again)
		}
		var energy grid.Energy
		for _, o := range p.Orders {
			if o.Price < 60_000 || o.Price > 300_000 {
				t.Errorf("price %d is outside of the tariff", o.Price)
			}
			prices[o.Price] = true
			energy += o.Energy
		}
		if energy != 101 || len(p.Orders) != 4 {
			t.Errorf("%d orders over %d Wh, want 4 over 101", len(p.Orders), energy)
		}
	}
	if len(prices) < 150 {
		t.Errorf("only %d prices in 200 draws", len(prices))
	}
}

func TestLittleEnergyIsNoOrder(t *testing.T) {
	p, err := agent.SelfConsumption{Forecaster: forecast.SeasonalNaive{}}.Plan(view(4))
	if err != nil || len(p.Orders) != 0 {
		t.Errorf("orders %v, error %v", p.Orders, err)
	}
}
