package clearing

import (
	"encoding/json"
	"fmt"
	"math/big"
	"math/rand/v2"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/commonwatt/commonwatt/grid"
)

// TestClearExample holds the program to the example of the file format, worked
// by hand there.
func TestClearExample(t *testing.T) {
	b, err := os.ReadFile("testdata/example.json")
	if err != nil {
		t.Fatal(err)
	}
	out, err := cleared(b, "")
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"mechanism":"uniform","welfare":153000000,"volume":900,"clearing_price":260000,
"node_prices":[{"node":"root","price":260000},{"node":"street-1","price":280000}],
"fills":[{"order":"b1","energy":900,"price":280000},{"order":"o1","energy":900,"price":260000}],
"trades":[{"bid":"b1","offer":"o1","energy":900,"bid_price":280000,"offer_price":260000}],
"utility":{"import":0,"export":0},"lines":[{"node":"street-1","flow":-900,"congested":false,"rent":0}],
"grid_fees":18000,"congestion_rent":0,"budget_surplus":0}`
	if !reflect.DeepEqual(decoded(t, out), decoded(t, want)) {
		t.Errorf("got %s", out)
	}
}

// cleared returns the result as JSON.
func cleared(text []byte, mechanism string) (string, error) {
	c, err := Parse(text, mechanism)
	if err != nil {
		return "", err
	}
	r, err := c.Clear()
	if err != nil {
		return "", err
	}
	out, err := json.Marshal(r)
	return string(out), err
}

func decoded(t *testing.T, s string) (v any) {
	t.Helper()
	if err := json.Unmarshal([]byte(s), &v); err != nil {
		t.Fatal(err)
	}
	return v
}

func TestClearRefusals(t *testing.T) {
	b, err := os.ReadFile("testdata/example.json")
	if err != nil {
		t.Fatal(err)
	}
	good := string(b)
	for want, text := range map[string]string{
		"colour: unknown field":                    strings.Replace(good, `"k": 0.5`, `"colour": 1`, 1),
		`orders[1].id: duplicate "b1"`:             strings.Replace(good, `"id": "o1"`, `"id": "b1"`, 1),
		`orders[1].node: unknown node "nowhere"`:   strings.Replace(good, `"node": "root"`, `"node": "nowhere"`, 1),
		"orders[1].energy: 0 Wh":                   strings.Replace(good, `"energy": 900`, `"energy": 0`, 1),
		`feeder.nodes[1].parent: unknown node "x"`: strings.Replace(good, `"parent": "root"`, `"parent": "x"`, 1),
		"feeder.nodes[1].fee: -1":                  strings.Replace(good, `"fee": 20000`, `"fee": -1`, 1),
		"k: 1.5":                                   strings.Replace(good, `"k": 0.5`, `"k": 1.5`, 1),
		"utility.feed_in: 60000 is above retail":   strings.Replace(good, `"retail": 300000`, `"retail": 1`, 1),
		`mechanism: "lottery"`:                     strings.Replace(good, `"uniform"`, `"lottery"`, 1),
		"orders[0].requires: binds":                strings.Replace(good, `"source": "solar"}`, `"source": "battery"}`, 1),
		`orders[0].side: side "ask"`:               strings.Replace(good, `"side": "bid"`, `"side": "ask"`, 1),
		"line 6, column 59: the JSON ends early":   good[:200],
		"orders[1].pricee: unknown field":          strings.Replace(good, `"price": 90000`, `"pricee": 90000`, 1),
		"orders[1].price: missing":                 strings.Replace(good, `"price": 90000, `, ``, 1),
		"interval.foo: unknown field":              strings.Replace(good, `"minutes": 15`, `"minutes": 15, "foo": 1`, 1),
		"utility.feed_in: missing":                 strings.Replace(good, `"feed_in": 60000, `, ``, 1),
		"orders.energy: a string":                  strings.Replace(good, `"energy": 900`, `"energy": "900"`, 1),
	} {
		if out, err := cleared([]byte(text), ""); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q: %s", err, want, out)
		}
	}
}

// TestCriticalLoadFirst clears an islanded street with too little energy: the
// critical bid is served although another bids more, and the price is the
// value of lost load.
func TestCriticalLoadFirst(t *testing.T) {
	c, err := Parse([]byte(`{"interval": {"start": "2026-06-01T12:00:00Z", "minutes": 15}, "mechanism": "uniform", "value_of_lost_load": 5000000,
"orders": [{"id": "fridge", "member": "a", "side": "bid", "energy": 50, "price": 100000, "critical": true},
           {"id": "sauna", "member": "b", "side": "bid", "energy": 50, "price": 900000},
           {"id": "battery", "member": "c", "side": "offer", "energy": 40, "price": 50000}]}`), "")
	if err != nil {
		t.Fatal(err)
	}
	r, err := c.Clear()
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Trades) != 1 || r.Trades[0].Bid != "fridge" || r.Trades[0].Energy != 40 || *r.ClearingPrice != 5_000_000 {
		t.Errorf("trades %+v at %d", r.Trades, *r.ClearingPrice)
	}
}

// TestSharedCases compares with linear programmes, where the cases are at hand.
func TestSharedCases(t *testing.T) {
	b, err := os.ReadFile("../../../shared/cases/clearing.json")
	if err != nil {
		t.Skip("SKIPPED: the shared auction cases are not beside the project")
	}
	var cases []struct {
		Case     string
		Input    json.RawMessage
		Expected struct {
			Welfare       json.Number
			PriceInterval *[2]grid.Price `json:"price_interval"`
		}
	}
	if err := json.Unmarshal(b, &cases); err != nil {
		t.Fatal(err)
	}
	for _, c := range cases {
		input, err := Parse(c.Input, "")
		if err != nil {
			t.Errorf("%s: %v", c.Case, err)
			continue
		}
		r, err := input.Clear()
		if err != nil {
			t.Errorf("%s: %v", c.Case, err)
			continue
		}
		within := c.Expected.PriceInterval == nil || *r.ClearingPrice >= c.Expected.PriceInterval[0] && *r.ClearingPrice <= c.Expected.PriceInterval[1]
		if r.Welfare.String() != c.Expected.Welfare.String() || !within || r.BudgetSurplus != 0 {
			t.Errorf("%s: welfare %s, want %s; budget surplus %d", c.Case, r.Welfare, c.Expected.Welfare, r.BudgetSurplus)
		}
	}
}

func mustRound(t *testing.T, sum *big.Int) grid.Money {
	t.Helper()
	m, err := rounded(sum)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// TestEveryMechanismAddsUp clears random streets without limits by every
// mechanism: fills, trades, flows, welfare and surplus must tell one story.
func TestEveryMechanismAddsUp(t *testing.T) {
	for _, mechanism := range Mechanisms() {
		trades := 0
		for seed := range uint64(200) {
			c := randomStreet(rand.New(rand.NewPCG(seed, 1)), mechanism)
			r, err := c.Clear()
			if err != nil {
				t.Fatalf("%s, seed %d: %v", mechanism, seed, err)
			}
			trades += len(r.Trades)
			orders, filled, paired := map[string]Order{}, map[string]grid.Energy{}, map[string]grid.Energy{}
			for _, o := range c.Orders {
				orders[o.ID] = o
			}
			welfare, surplus := new(big.Int), new(big.Int)
			flow := r.Utility.Export - r.Utility.Import
			for _, f := range r.Fills {
				o := orders[f.Order]
				filled[f.Order] += f.Energy
				if o.Side == grid.Bid {
					flow += f.Energy
					addProduct(welfare, o.Price, f.Energy)
				} else {
					flow -= f.Energy
					addProduct(welfare, o.Price, -f.Energy)
				}
			}
			addProduct(welfare, c.Utility.FeedIn, r.Utility.Export)
			addProduct(welfare, -c.Utility.Retail, r.Utility.Import)
			for _, x := range r.Trades {
				paired[x.Bid] += x.Energy
				paired[x.Offer] += x.Energy
				addProduct(surplus, x.BidPrice-x.OfferPrice, x.Energy)
			}
			var lines grid.Energy
			for _, l := range r.Lines {
				lines += l.Flow
			}
			for id, energy := range paired {
				if energy > filled[id] {
					t.Fatalf("%s, seed %d: %s trades %d Wh of %d", mechanism, seed, id, energy, filled[id])
				}
			}
			if welfare.Cmp(r.Welfare) != 0 || c.Mechanism != "vickrey" && mustRound(t, surplus) != r.BudgetSurplus || flow != 0 || lines != r.Utility.Export-r.Utility.Import {
				t.Fatalf("%s, seed %d: welfare %s, surplus %s, balance %d, over the line %d: %+v", mechanism, seed, welfare, surplus, flow, lines, r)
			}
		}
		if trades < 200 {
			t.Errorf("%s: only %d trades", mechanism, trades)
		}
	}
}

// randomStreet has members with one order each behind a line without a limit.
func randomStreet(r *rand.Rand, mechanism string) Case {
	c := Case{
		Mechanism: mechanism, Interval: grid.Interval{Minutes: 15}, Seed: r.Uint64(), Utility: &Utility{Retail: 30, FeedIn: 6},
		Feeder: &grid.Feeder{Nodes: []grid.Node{{ID: "root"}, {ID: "street", Parent: "root"}}},
	}
	for i := range 4 + r.IntN(10) {
		o := Order{ID: fmt.Sprint("o", i), Member: fmt.Sprint("m", i), Side: grid.Side(1 + r.IntN(2)), Energy: 20, Price: grid.Price(r.IntN(40)), Node: "street"}
		if mechanism != "mcafee" {
			o.Energy = grid.Energy(1 + r.IntN(30))
		}
		c.Orders = append(c.Orders, o)
	}
	return c
}

// TestRequirementsBind clears a market in which one bid insists on what there is
// little of: by uniform each source has its price, the others refuse.
func TestRequirementsBind(t *testing.T) {
	const in = `{"interval": {"start": "2026-06-01T12:00:00Z", "minutes": 15}, "mechanism": "uniform", "orders": [
{"id": "green", "member": "a", "side": "bid", "energy": 12, "price": 30, "requires": {"source": ["solar"]}},
{"id": "other", "member": "b", "side": "bid", "energy": 20, "price": 20},
{"id": "roof", "member": "c", "side": "offer", "energy": 10, "price": 5, "source": "solar"},
{"id": "store", "member": "d", "side": "offer", "energy": 30, "price": 12, "source": "battery"}]}`
	c, err := Parse([]byte(in), "")
	if err != nil {
		t.Fatal(err)
	}
	r, err := c.Clear()
	if err != nil {
		t.Fatal(err)
	}
	want := []Trade{{"green", "roof", 10, 30, 30}, {"other", "store", 20, 12, 12}}
	if !reflect.DeepEqual(r.Trades, want) || r.BudgetSurplus != 0 || *r.ClearingPrice != 12 {
		t.Errorf("%+v", r)
	}
	c.Mechanism = "pay-as-bid"
	if _, err := c.Clear(); err == nil || !strings.Contains(err.Error(), "orders[0].requires: binds, which pay-as-bid cannot clear") {
		t.Errorf("pay-as-bid: %v", err)
	}
}

func TestMechanismsRefuseLimits(t *testing.T) {
	b, err := os.ReadFile("testdata/example.json")
	if err != nil {
		t.Fatal(err)
	}
	for _, mechanism := range Mechanisms()[1:] {
		if _, err := cleared(b, mechanism); err == nil || !strings.Contains(err.Error(), "feeder.nodes[1]: "+mechanism+" wants a feeder without limits and fees") {
			t.Errorf("%s: %v", mechanism, err)
		}
	}
}

// FuzzClear reads and clears anything: it is refused or adds up, and nothing
// ends the program.
func FuzzClear(f *testing.F) {
	b, err := os.ReadFile("testdata/example.json")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b, "")
	for _, m := range Mechanisms() {
		f.Add([]byte(strings.NewReplacer(`, "export_limit": 2500, "import_limit": 2500, "fee": 20000`, "").Replace(string(b))), m)
	}
	f.Fuzz(func(t *testing.T, b []byte, mechanism string) {
		c, err := Parse(b, mechanism)
		if err != nil || len(c.Orders) > 200 {
			return
		}
		r, err := c.Clear()
		if err != nil {
			return
		}
		orders, filled := map[string]Order{}, map[string]grid.Energy{}
		for _, o := range c.Orders {
			orders[o.ID] = o
		}
		balance := r.Utility.Import - r.Utility.Export
		for _, x := range r.Fills {
			o := orders[x.Order]
			filled[x.Order] += x.Energy
			if o.Side == grid.Bid {
				balance -= x.Energy
			} else {
				balance += x.Energy
			}
			if x.Energy <= 0 || filled[x.Order] > o.Energy || o.Side == grid.Offer && x.Price < o.Price {
				t.Fatalf("%+v of %+v", x, o)
			}
		}
		if balance != 0 {
			t.Fatalf("%d Wh out of balance: %+v", balance, r)
		}
		if _, err := json.Marshal(r); err != nil {
			t.Fatal(err)
		}
	})
}
