package shown

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/community"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/matching"
	"github.com/commonwatt/commonwatt/tariff"
	"github.com/commonwatt/commonwatt/web"
	"github.com/commonwatt/commonwatt/web/api"
)

// trading is a market whose answers are those of a host.
type trading struct{ *community.Market }

func (t trading) AtGate(i grid.Interval) (c community.GateCall, members map[string][]string, held bool) {
	c, held = t.Market.AtGate(i)
	return c, t.Places(), held
}

func (t trading) Rules() (rules matching.Config, calendar community.Config, first, last grid.Interval, some bool) {
	first, last, some = t.Open()
	return t.Market.Rules(), t.Calendar(), first, last, some
}

var (
	opening = time.Date(2026, 6, 1, 10, 0, 0, 0, time.UTC)
	quarter = grid.IntervalAt(opening.Add(time.Hour), 15)
)

// calm is a market of m1 to m4 at the root, and m5 alone behind a line that takes 40 Wh out.
func calm(t *testing.T) trading {
	t.Helper()
	config := community.Config{Community: "elm", Minutes: 15, GateClosure: 5 * time.Minute, Ahead: time.Hour, Trading: matching.Calls}
	feeder := grid.Feeder{Nodes: []grid.Node{{ID: "root"}, {ID: "farm", Parent: "root", ExportLimit: new(grid.Energy(40)), Fee: 10_000}}}
	m, err := community.NewMarket(config, feeder, tariff.Tariff{Version: "t", Currency: "EUR", Retail: 300_000, FeedIn: 60_000})
	if err != nil {
		t.Fatal(err)
	}
	var points []community.Point
	for k := 1; k <= 5; k++ {
		points = append(points, community.Point{MeteringPoint: fmt.Sprintf("mp-m%d", k), Member: fmt.Sprintf("m%d", k), Node: map[bool]string{true: "farm"}[k == 5]})
	}
	commands, err := m.Admissions(points, opening)
	if err != nil {
		t.Fatal(err)
	}
	commands = append(append([]matching.Command{m.Begin(opening)}, commands...), m.Reprice(opening)...)
	market := trading{m}
	market.carryOut(commands...)
	for k := range 2 {
		market.carryOut(m.Command(community.Action{Step: community.Open, Time: opening, Product: grid.Product{Community: "elm", Interval: quarter.Shift(k)}}))
	}
	return market
}

func (t trading) carryOut(commands ...matching.Command) {
	for k := range commands {
		t.Apply(&commands[k])
	}
}

// order enters an order for the first or the second interval.
func (t trading) order(tt *testing.T, member string, n int, side grid.Side, energy grid.Energy, price grid.Price) {
	tt.Helper()
	_, commands, err := t.Submit(community.Submission{
		Product: grid.Product{Community: "elm", Interval: quarter.Shift(n)}, Time: opening,
		Order: grid.Order{ID: fmt.Sprintf("secret-%s-%d", member, n), Member: member, Side: side, Energy: energy, Price: price},
	})
	if err != nil {
		tt.Fatal(err)
	}
	t.carryOut(commands...)
}

// held is the market after the gate of the first interval: m1, m2 and m3 buy, m4 and m5 sell, of
// whom m5 cannot sell all.
func held(t *testing.T) (Prices, trading) {
	t.Helper()
	m := calm(t)
	for n := range 2 {
		m.order(t, "m1", n, grid.Bid, 101, 250_000)
		m.order(t, "m2", n, grid.Bid, 103, 240_000)
		m.order(t, "m3", n, grid.Bid, 107, 230_000)
		m.order(t, "m4", n, grid.Offer, 113, 120_000)
		m.order(t, "m5", n, grid.Offer, 127, 110_000)
	}
	m.carryOut(m.Command(community.Action{Step: community.Close, Time: quarter.Begin().Add(-5 * time.Minute), Product: grid.Product{Community: "elm", Interval: quarter}}))
	return Prices{Calls: m, Points: func(member string) []string { return []string{"mp-" + member} }, Secret: []byte("s")}, m
}

// written returns what a reader is told of an interval.
func written(t *testing.T, p Prices, i grid.Interval, of web.Reader) (why api.WhyPrice, record api.IntervalRecord, text string) {
	t.Helper()
	why, err := p.Why(i, of)
	if err != nil {
		t.Fatal(err)
	}
	if why.Closed {
		if record, err = p.Record(i, of); err != nil {
			t.Fatal(err)
		}
	}
	b, err := json.Marshal([]any{why, record})
	if err != nil {
		t.Fatal(err)
	}
	return why, record, string(b)
}

// TestThePriceAndItsReason: 153 Wh come to market (113 of m4, 40 of m5 over the line), and the bid of
// m2 is served in part, at its price.
func TestThePriceAndItsReason(t *testing.T) {
	p, _ := held(t)
	why, record, text := written(t, p, quarter, web.Reader{})
	if *why.Price != 240_000 || *why.Volume != 153 || why.Reason.Kind != api.PriceReasonKindFullLine || !why.Closed || !why.Gate.Equal(quarter.Begin().Add(-5*time.Minute)) {
		t.Errorf("%s", text)
	}
	if want := []api.FullLine{{Node: "farm", Out: true, Limit: 40, Gain: 120_000, Rent: 4_800}}; !reflect.DeepEqual(why.Lines, want) {
		t.Errorf("lines %+v, want %+v", why.Lines, want)
	}
	if want := []api.NodePrice{{Node: "farm", Price: new(int64(110_000))}, {Node: "root", Price: new(int64(240_000))}}; !reflect.DeepEqual(why.Nodes, want) {
		t.Errorf("nodes %s", text)
	}
	if len(record.Nodes) != 2 || record.Nodes[1].Flow != 40 || record.Nodes[1].Parent != "root" || len(record.Steps) != 5 || record.Steps[1].Filled != 52 || len(record.Steps[1].Pseudonym) != 16 {
		t.Errorf("%+v", record)
	}
	if strings.Contains(text, "m1") || strings.Contains(text, "secret") || len(why.Own) > 0 {
		t.Errorf("the record names somebody: %s", text)
	}
	beyond, err := p.Why(quarter, web.Reader{Member: "m5"})
	if err != nil || *beyond.Node != "farm" || *beyond.Price != 110_000 || !beyond.Supply[0].Own {
		t.Errorf("behind the line: %+v, %v", beyond, err)
	}
}

// TestAHomeownersPrice has the own orders, and of the others sums alone: m5, who stands alone at
// its place, is part of the root, and of two sellers only what they traded is told.
func TestAHomeownersPrice(t *testing.T) {
	p, _ := held(t)
	reader := web.Reader{Member: "m1", Merged: true, Summed: true}
	why, record, text := written(t, p, quarter, reader)
	for _, secret := range []string{"m2", "m3", "m4", "m5", "farm", ":103", ":107", ":113", ":127", p.pseudonym(2), p.pseudonym(4)} {
		if strings.Contains(text, secret) {
			t.Errorf("a homeowner is told %s: %s", secret, text)
		}
	}
	if len(why.Own) != 1 || why.Own[0].ClientId != "secret-m1-0" || why.Own[0].Filled != 101 || *why.Own[0].Mean != 240_000 || why.Own[0].Pseudonym != p.pseudonym(1) {
		t.Errorf("own orders %+v", why.Own)
	}
	want := []api.CurveStep{{Price: 250_000, Energy: 101, Filled: 101, Own: true}, {Price: 240_000, Energy: 52, Filled: 52}}
	if !reflect.DeepEqual(why.Demand, want) || !reflect.DeepEqual(why.Supply, []api.CurveStep{{Price: 240_000, Energy: 153, Filled: 153}}) {
		t.Errorf("demand %+v, supply %+v", why.Demand, why.Supply)
	}
	if !record.Merged || !record.Summed || len(record.Nodes) != 1 || len(record.Steps) != 3 || !record.Steps[0].Own || record.Steps[0].Pseudonym != p.pseudonym(1) {
		t.Errorf("%+v", record)
	}
	if _, err := p.Why(quarter, web.Reader{Member: "m5", Merged: true, Summed: true}); err != nil {
		t.Error(err)
	}
}

// TestBeforeTheGateNothingIsKnown but the best prices and the own orders.
func TestBeforeTheGateNothingIsKnown(t *testing.T) {
	p, _ := held(t)
	why, _, text := written(t, p, quarter.Shift(1), web.Reader{Member: "m1", Merged: true, Summed: true})
	if why.Closed || why.Reason.Kind != api.PriceReasonKindOpen || *why.Best.Bid != 250_000 || *why.Best.Offer != 120_000 || len(why.Own) != 1 || len(why.Supply)+len(why.Demand)+len(why.Nodes) != 0 {
		t.Errorf("%s", text)
	}
	for _, secret := range []string{"103", "107", "113", "127", "m2", "m4"} {
		if strings.Contains(text, secret) {
			t.Errorf("before the gate somebody is told %s: %s", secret, text)
		}
	}
	if _, _, text := written(t, p, quarter.Shift(1), web.Reader{}); strings.Contains(text, "\"bid\"") {
		t.Errorf("whoever has no orders is told %s", text)
	}
	refused := (*web.RefusedError)(nil)
	if _, err := p.Record(quarter.Shift(1), web.Reader{}); !errors.As(err, &refused) || refused.Code != http.StatusConflict || !strings.Contains(refused.Text, "closes at 2026-06-01T11:10:00Z") {
		t.Errorf("%v", err)
	}
	for _, i := range []grid.Interval{quarter.Shift(900), quarter.Shift(-1), {Start: quarter.Start, Minutes: 5}} {
		if _, err := p.Why(i, web.Reader{}); !errors.As(err, &refused) || refused.Code != http.StatusNotFound {
			t.Errorf("%s: %v", i, err)
		}
	}
}

// TestPseudonymsAreOfOneInterval: no order of another interval has the same, nor has anybody with
// another secret.
func TestPseudonymsAreOfOneInterval(t *testing.T) {
	p, m := held(t)
	m.carryOut(m.Command(community.Action{Step: community.Close, Time: quarter.Begin(), Product: grid.Product{Community: "elm", Interval: quarter.Shift(1)}}))
	seen := map[string]bool{}
	for _, secret := range []string{"s", "other"} {
		p.Secret = []byte(secret)
		for n := range 2 {
			_, record, _ := written(t, p, quarter.Shift(n), web.Reader{})
			for _, s := range record.Steps {
				if seen[s.Pseudonym] || s.Pseudonym == "" {
					t.Errorf("%q is a pseudonym twice", s.Pseudonym)
				}
				seen[s.Pseudonym] = true
			}
		}
	}
	if len(seen) != 20 {
		t.Errorf("%d pseudonyms", len(seen))
	}
}

// TestTheCallIsKept over a restart: the record of a market that was saved is the same.
func TestTheCallIsKept(t *testing.T) {
	p, m := held(t)
	_, _, before := written(t, p, quarter, web.Reader{})
	saved, err := m.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	again := calm(t)
	if err := again.Restore(saved); err != nil {
		t.Fatal(err)
	}
	p.Calls = again
	if _, _, after := written(t, p, quarter, web.Reader{}); after != before {
		t.Errorf("%s\nafter the restart\n%s", before, after)
	}
}

// TestWhatWasTradedBeforeCounts: a call before the gate fills the line of m5, over which the call at
// the gate brings nothing more.
func TestWhatWasTradedBeforeCounts(t *testing.T) {
	m := calm(t)
	p := Prices{Calls: m, Secret: []byte("s")}
	product := grid.Product{Community: "elm", Interval: quarter}
	m.order(t, "m1", 0, grid.Bid, 101, 250_000)
	m.order(t, "m5", 0, grid.Offer, 127, 110_000)
	m.carryOut(m.Command(community.Action{Step: community.Call, Time: opening, Product: product}))
	m.order(t, "m4", 0, grid.Offer, 20, 120_000)
	m.carryOut(m.Command(community.Action{Step: community.Close, Time: opening, Product: product}))
	why, record, text := written(t, p, quarter, web.Reader{})
	if farm := record.Nodes[1]; farm.Committed != 40 || farm.Flow != 0 || *why.Volume != 20 || len(why.Lines) != 1 {
		t.Errorf("%s", text)
	}
}

// TestAuctionsAreListed has the two that were held, the last first, each as its record says, and
// those alone that somebody asks for.
func TestAuctionsAreListed(t *testing.T) {
	p, m := held(t)
	m.carryOut(m.Command(community.Action{Step: community.Close, Time: quarter.Begin(), Product: grid.Product{Community: "elm", Interval: quarter.Shift(1)}}))
	all, err := p.List(web.Listing{Limit: 10}, web.Reader{})
	if err != nil || all.Total != 2 || len(all.Rows) != 2 {
		t.Fatalf("%+v, %v", all, err)
	}
	want := api.AuctionSummary{
		Interval: api.Interval{Start: quarter.Begin(), Minutes: 15}, Gate: quarter.Begin().Add(-5 * time.Minute), Price: new(int64(240_000)), Volume: 153, Bids: 3, Offers: 2, Full: []string{"farm"},
	}
	if !reflect.DeepEqual(all.Rows[1], want) || !all.Rows[0].Interval.Start.Equal(quarter.Shift(1).Begin()) {
		t.Errorf("%+v, want %+v last", all.Rows, want)
	}
	next := quarter.Shift(1).Begin()
	for name, l := range map[string]web.Listing{"the second page": {Skip: 1, Limit: 1}, "before a time": {Until: &next}} {
		one, err := p.List(l, web.Reader{})
		if err != nil || len(one.Rows) != 1 || !reflect.DeepEqual(one.Rows[0], want) {
			t.Errorf("%s: %+v, %v", name, one, err)
		}
	}
	if one, err := p.List(web.Listing{From: &next}, web.Reader{}); err != nil || one.Total != 1 || one.Rows[0].Interval.Start.Equal(want.Interval.Start) {
		t.Errorf("from a time: %+v, %v", one, err)
	}
	if one, err := p.List(web.Listing{Skip: 9}, web.Reader{Merged: true}); err != nil || one.Total != 2 || len(one.Rows) != 0 {
		t.Errorf("after the last: %+v, %v", one, err)
	}
	if merged, err := p.List(web.Listing{}, web.Reader{Merged: true}); err != nil || len(merged.Rows[1].Full) > 0 {
		t.Errorf("who sees no small places is told of the line of one: %+v, %v", merged, err)
	}
}
