package scenarios_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/config"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/record"
	"github.com/commonwatt/commonwatt/scenarios"
	"github.com/commonwatt/commonwatt/settlement"
	"github.com/commonwatt/commonwatt/settlement/ledger"
	"github.com/commonwatt/commonwatt/settlement/ledger/embedded"
	"github.com/commonwatt/commonwatt/settlement/sharing"
	"github.com/commonwatt/commonwatt/settlement/statements"
	"github.com/commonwatt/commonwatt/tariff"
)

// keyed is the summer day, shared by a static key with a group and an owner instead of a market.
func keyed(t *testing.T) scenarios.Scenario {
	t.Helper()
	s, err := scenarios.Parse(summerDay(t))
	if err != nil {
		t.Fatal(err)
	}
	key, err := config.NewKeyText("", []byte(`
pack: at-eeg
key: static
shares: {house: 1/3, mp-home-04: 1/3, mp-home-08: 1/7}
groups: {house: {key: dynamic, points: [mp-home-01, mp-home-03, mp-home-06]}}
plants: [{point: mp-home-09, owners: [mp-home-08]}]
participation: [{point: mp-home-06, factor: 60 %}]
price: 0.12 EUR/kWh`), "")
	if err != nil {
		t.Fatal(err)
	}
	s.Share(key)
	if err := s.Validate(); err != nil {
		t.Fatal(err)
	}
	return s
}

// TestReplayByAKey replays the day by a key: nobody trades, every interval comes out as commonwatt
// clear --key divides it, with the accounts of the ledger, the ledger verifies, and the comparison
// with the market has what each member had by both.
func TestReplayByAKey(t *testing.T) {
	t.Parallel()
	s, dir, market := keyed(t), t.TempDir(), t.TempDir()
	r := replay(t, s, dir)
	if len(r.Trades) != 0 || r.Orders != 0 || len(r.Intervals) != 95 {
		t.Errorf("%d trades, %d orders, %d intervals", len(r.Trades), r.Orders, len(r.Intervals))
	}
	if report, err := embedded.VerifyDir(t.Context(), dir, "", nil); err != nil || report.Intervals != 95 {
		t.Errorf("%+v, %v", report, err)
	}
	rules, err := s.Rules("EUR", s.Interval)
	if err != nil {
		t.Fatal(err)
	}
	names, cases := ledger.SeededNames(s.Seed), map[grid.Interval]*sharing.Case{}
	had := map[grid.Interval]map[string]scenarios.Statement{}
	for _, x := range r.Statements {
		if cases[x.Interval] == nil {
			cases[x.Interval], had[x.Interval] = &sharing.Case{Interval: x.Interval}, map[string]scenarios.Statement{}
		}
		account, err := names.Account(x.Member, x.MeteringPoint)
		if err != nil {
			t.Fatal(err)
		}
		c := cases[x.Interval]
		c.Points = append(c.Points, sharing.CasePoint{ID: x.MeteringPoint, Member: x.Member, Account: account, Import: x.Metered.Import, Export: x.Metered.Export})
		had[x.Interval][x.MeteringPoint] = x
	}
	var shared grid.Energy
	for i, c := range cases {
		d, err := c.Divide(rules.Key.Scheme, rules.Key.OwnFirst)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range d.Points {
			x := had[i][p.ID]
			if x.KeyBought != p.Bought || x.KeySold != p.Sold || x.Retail != p.Retail || x.FeedIn != p.FeedIn || x.Own != p.Own {
				t.Errorf("%s, %s: replayed %+v, divided %+v", i, p.ID, x.Cover, p)
			}
		}
		shared += d.Shared
	}
	if shared == 0 {
		t.Error("nothing was shared")
	}
	plain, err := scenarios.Parse(summerDay(t))
	if err != nil {
		t.Fatal(err)
	}
	m := replay(t, plain, market)
	compared(t, r, m, dir, market)
}

// TestCompareData: of one interval that was settled by the pool, computed by hand: at a fixed price
// of 0.12 the giver has 0.06 less for each of the 300 Wh, and the taker as much more.
func TestCompareData(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	b, err := statements.Open(t.Context(), filepath.Join(dir, statements.File))
	if err != nil {
		t.Fatal(err)
	}
	i := grid.IntervalAt(time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC), 15)
	run, err := settlement.Settle(settlement.Input{
		Community: "c", Interval: i, Run: 1, Tariff: tariff.Tariff{Version: "t", Currency: "EUR", Retail: 300_000, FeedIn: 60_000}, Rules: new(settlement.DefaultRules()),
		Metered: []record.Metered{
			{MeteringPoint: "mp-ann", Flow: grid.Flow{Import: 300}, Quality: grid.Good}, {MeteringPoint: "mp-bob", Flow: grid.Flow{Export: 500}, Quality: grid.Good},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Add(t.Context(), func(point string) (string, string, error) { return strings.TrimPrefix(point, "mp-"), point, nil }, run); err != nil {
		t.Fatal(err)
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	key, err := config.NewKeyText("lu", nil, "0.12 EUR/kWh")
	if err != nil {
		t.Fatal(err)
	}
	rules := settlement.Rules{Pool: settlement.Off}
	if rules.Key, err = key.Rules("EUR", 15); err != nil {
		t.Fatal(err)
	}
	c, err := scenarios.CompareData(t.Context(), dir, "EUR", i.Begin(), i.End(), rules)
	if err != nil || len(c.Members) != 2 || c.Members[0].Net[0] != -54_000 || c.Members[0].Net[1] != -36_000 || c.Members[1].Net[1]-c.Members[1].Net[0] != -18_000 || c.Replays[1].Sharing != "lu dynamic at 0.12 EUR/kWh" {
		t.Errorf("%+v, %v", c, err)
	}
	if _, err := scenarios.CompareData(t.Context(), dir, "EUR", i.End(), i.End(), rules); err == nil || !strings.Contains(err.Error(), "no settled interval in that time") {
		t.Errorf("%v", err)
	}
	if _, err := scenarios.CompareData(t.Context(), t.TempDir(), "EUR", i.Begin(), i.End(), rules); err == nil || !strings.Contains(err.Error(), "has no book of statements yet") {
		t.Errorf("%v", err)
	}
}

func compared(t *testing.T, key, market *scenarios.Result, dir, other string) {
	t.Helper()
	c, err := scenarios.Compare([]string{other, dir})
	if err != nil {
		t.Fatal(err)
	}
	net := func(r *scenarios.Result, member string) (sum grid.Money) {
		for _, s := range r.Statements {
			if s.Member == member {
				sum += s.Net
			}
		}
		return sum
	}
	if len(c.Members) != 12 || c.Replays[0].Sharing != "market, pool midpoint" || c.Replays[1].Sharing != "at-eeg static at 0.12 EUR/kWh" || len(c.Notes) != 0 {
		t.Errorf("%+v", c)
	}
	for _, m := range c.Members {
		if m.Net[0] != net(market, m.Member) || m.Net[1] != net(key, m.Member) {
			t.Errorf("%s: %v, want %d and %d", m.Member, m.Net, net(market, m.Member), net(key, m.Member))
		}
		var shared grid.Energy
		for _, s := range key.Statements {
			if s.Member == m.Member {
				shared += s.KeyBought
			}
		}
		if m.Shared[1] != shared {
			t.Errorf("%s: %v Wh shared, want %d by the key", m.Member, m.Shared, shared)
		}
	}
	var b bytes.Buffer
	if err := c.Print(&b); err != nil || !strings.Contains(b.String(), "home-12") {
		t.Errorf("%s, %v", b.String(), err)
	}
	out := filepath.Join(t.TempDir(), "out")
	if err := c.Write(out); err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(filepath.Join(out, "compare.csv")); err != nil || strings.Count(string(text), "\n") != 1+24 {
		t.Errorf("%s, %v", text, err)
	}
	if _, err := scenarios.Compare([]string{other, out}); err == nil || !strings.Contains(err.Error(), "is no result of a replay") {
		t.Errorf("%v", err)
	}
}
