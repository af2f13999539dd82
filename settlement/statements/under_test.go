package statements_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/record"
	"github.com/commonwatt/commonwatt/settlement"
	"github.com/commonwatt/commonwatt/settlement/sharing"
	"github.com/commonwatt/commonwatt/tariff"
)

// TestUnder settles a day by a key, and the same values by the pool alone: of the book of either
// comes out, under the rules of the other, what the other settlement says, and under its own what
// it was. The oracle is the settlement itself.
func TestUnder(t *testing.T) {
	key := settlement.Rules{Pool: settlement.Off, SamePoint: true, NodesByRank: true, Key: &settlement.Key{
		Scheme: sharing.Scheme{Key: sharing.Key{Kind: sharing.Priority, Entries: []sharing.Entry{{Point: "mp-1", Order: 1}, {Point: sharing.Others, Order: 2}}}},
		Price:  settlement.KeyPrice{By: settlement.ByMidpoint},
	}}
	pool := settlement.DefaultRules()
	begin := time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)
	nets := map[string]map[string]grid.Money{"key": {}, "pool": {}}
	for _, by := range []struct {
		name, other  string
		rules, under settlement.Rules
	}{{"key", "pool", key, pool}, {"pool", "key", pool, key}} {
		rng := rand.New(rand.NewPCG(7, 8))
		b := open(t, "")
		for n := range 96 {
			in := settlement.Input{Community: "c", Interval: grid.IntervalAt(begin, 15).Shift(n), Run: 1, Tariff: prices, Rules: &by.rules, Points: map[string]settlement.Point{}, Rates: map[string]tariff.Rates{}, ReadingRoot: "r"}
			for k := range points {
				point := fmt.Sprintf("mp-%d", k)
				member, account, _ := owner(point)
				in.Points[point] = settlement.Point{Account: account, Member: member}
				in.Rates[point] = tariff.Rates{Tariff: fmt.Sprint(k), Version: "1", Currency: "EUR", Retail: grid.Price(200_000 + 50_000*k), FeedIn: 60_000}
				m := record.Metered{MeteringPoint: point, Flow: grid.Flow{Import: grid.Energy(rng.IntN(900)), Export: grid.Energy(rng.IntN(900))}, Quality: grid.Good}
				if rng.IntN(6) == 0 {
					m.Quality = grid.Estimated
				}
				in.Metered = append(in.Metered, m)
			}
			run, err := settlement.Settle(in)
			if err != nil {
				t.Fatal(err)
			}
			for _, s := range run.Statements {
				nets[by.name]["of "+s.MeteringPoint] += s.Net
			}
			if err := b.Add(t.Context(), owner, run); err != nil {
				t.Fatal(err)
			}
		}
		for name, rules := range map[string]settlement.Rules{by.name: by.rules, by.other: by.under} {
			members, intervals, err := b.Under(t.Context(), begin, begin.AddDate(0, 0, 1), rules)
			if err != nil || intervals != 96 || len(members) != points {
				t.Fatalf("%d intervals, %d members, %v", intervals, len(members), err)
			}
			for _, m := range members {
				if m.Net != nets[by.name][m.Name] {
					t.Errorf("%s had %d, want %d", m.Name, m.Net, nets[by.name][m.Name])
				}
				if want := nets[name][m.Name]; len(nets[name]) > 0 && m.Would != want {
					t.Errorf("%s, settled by %s, would have %d under %s, want %d", m.Name, by.name, m.Would, name, want)
				}
				if m.Shares == 0 || m.Worth == 0 {
					t.Errorf("%+v", m)
				}
			}
		}
	}
}
