package grid_test

import (
	"encoding/json"
	"errors"
	"math"
	"math/big"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/grid"
)

// exactCost is the oracle: math/big, half away from zero.
func exactCost(p grid.Price, e grid.Energy) *big.Int {
	product := new(big.Int).Mul(big.NewInt(int64(p)), big.NewInt(int64(e)))
	quotient, remainder := new(big.Int).QuoRem(product, big.NewInt(1000), new(big.Int))
	if remainder.CmpAbs(big.NewInt(500)) >= 0 {
		quotient.Add(quotient, big.NewInt(int64(remainder.Sign())))
	}
	return quotient
}

func checkCost(t *testing.T, p grid.Price, e grid.Energy) {
	t.Helper()
	got, err := p.Cost(e)
	want := exactCost(p, e)
	switch {
	case want.IsInt64() && (err != nil || int64(got) != want.Int64()):
		t.Errorf("Price(%d).Cost(%d) = %d, %v, want %s", p, e, got, err, want)
	case !want.IsInt64() && !errors.Is(err, grid.ErrOverflow):
		t.Errorf("Price(%d).Cost(%d) = %d, %v, want overflow: it is %s", p, e, got, err, want)
	}
}

func TestCost(t *testing.T) {
	edges := []int64{0, 1, -1, 499, 500, 501, -499, -500, -501, 999, 1000, 184000, math.MaxInt64, math.MinInt64, math.MaxInt64 / 1000}
	for _, p := range edges {
		for _, e := range edges {
			checkCost(t, grid.Price(p), grid.Energy(e))
		}
	}
	r := rand.New(rand.NewPCG(1, 2))
	for range 10_000 {
		checkCost(t, grid.Price(r.Int64()>>r.IntN(63)), grid.Energy(-r.Int64()>>r.IntN(63)))
	}
}

func FuzzCost(f *testing.F) {
	f.Add(int64(184000), int64(900))
	f.Fuzz(func(t *testing.T, p, e int64) { checkCost(t, grid.Price(p), grid.Energy(e)) })
}

func TestSplitSumsToTheWhole(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 5_000 {
		shares := make([]grid.Share, 1+r.IntN(8))
		for i := range shares {
			shares[i] = grid.Share{ID: string(rune('a' + i)), Weight: r.Int64N(1000)}
		}
		shares[0].Weight++
		total := r.Int64N(1<<62) - 1<<61
		parts, err := grid.Split(total, shares)
		if err != nil {
			t.Fatal(err)
		}
		var sum, weights int64
		for i, part := range parts {
			sum += part
			weights += shares[i].Weight
		}
		if sum != total {
			t.Fatalf("parts of %d sum to %d", total, sum)
		}
		for i, part := range parts { // each part is within one of its exact share
			exact := new(big.Rat).SetFrac(new(big.Int).Mul(big.NewInt(total), big.NewInt(shares[i].Weight)), big.NewInt(weights))
			off := new(big.Rat).Sub(new(big.Rat).SetInt64(part), exact)
			if off.Abs(off).Cmp(big.NewRat(1, 1)) >= 0 {
				t.Fatalf("part %d of weight %d/%d of %d", part, shares[i].Weight, weights, total)
			}
		}
	}
}

func TestSplitTiesGoByID(t *testing.T) {
	parts, err := grid.Split(2, []grid.Share{{"c", 1}, {"a", 1}, {"b", 1}})
	if err != nil {
		t.Fatal(err)
	}
	if parts[0] != 0 || parts[1] != 1 || parts[2] != 1 {
		t.Errorf("parts %v of c, a, b: want 0, 1, 1", parts)
	}
	if _, err := grid.Split(1, []grid.Share{{"a", 0}}); err == nil {
		t.Error("one unit was split among nobody")
	}
}

func TestInterval(t *testing.T) {
	at := time.Date(2026, 6, 1, 12, 14, 59, 999, time.UTC)
	i := grid.IntervalAt(at, 15)
	if i.String() != "2026-06-01T12:00:00Z/15" || !i.Contains(at) || i.Contains(i.End()) || !i.Contains(i.Begin()) {
		t.Errorf("interval %s is not [12:00, 12:15)", i)
	}
	if i.Shift(1).Begin() != i.End() || i.Shift(-1).End() != i.Begin() {
		t.Error("neighbouring intervals do not meet")
	}
	before := grid.IntervalAt(time.Unix(-1, 0), 60)
	if before.Start != -3600 {
		t.Errorf("the interval before 1970 starts at %d", before.Start)
	}
	b, err := json.Marshal(i)
	if err != nil {
		t.Fatal(err)
	}
	var back grid.Interval
	if err := json.Unmarshal(b, &back); err != nil || back != i {
		t.Errorf("%s came back as %s: %v", b, back, err)
	}
	for _, bad := range []string{
		`{"start":"2026-06-01T12:01:00Z","minutes":15}`, `{"start":"2026-06-01T12:00:00Z","minutes":7}`, `{"start":"2026-06-01T12:00:00.5Z","minutes":15}`,
	} {
		if err := json.Unmarshal([]byte(bad), &back); err == nil {
			t.Errorf("%s was accepted", bad)
		}
	}
}

func FuzzParseInterval(f *testing.F) {
	f.Add("2026-06-01T12:00:00Z/15")
	f.Add("2026-06-01T12:00:00+02:00/15")
	f.Fuzz(func(t *testing.T, s string) {
		i, err := grid.ParseInterval(s)
		if err == nil && i.String() != s {
			t.Errorf("%q was read as %s", s, i)
		}
	})
}

func TestParsePrice(t *testing.T) {
	for s, want := range map[string]grid.Price{"0.30 EUR/kWh": 300_000, "0.000001 EUR/kWh": 1, "-0.05 EUR/kWh": -50_000, "1 EUR/kWh": 1_000_000} {
		if got, err := grid.ParsePrice(s, "EUR"); err != nil || got != want {
			t.Errorf("%q = %d, %v, want %d", s, got, err, want)
		}
	}
	for _, s := range []string{"0.30", "30 ct/kWh", "0.30 EUR/MWh", "0.0000001 EUR/kWh", "0,30 EUR/kWh", "1.-5 EUR/kWh", " EUR/kWh"} {
		if got, err := grid.ParsePrice(s, "EUR"); err == nil {
			t.Errorf("%q was read as %d", s, got)
		}
	}
}

func TestFeeder(t *testing.T) {
	limit := grid.Energy(2500)
	f := grid.Feeder{Nodes: []grid.Node{
		{ID: "root"}, {ID: "a", Parent: "root"}, {ID: "b", Parent: "a", Fee: 1}, {ID: "c", Parent: "b"}, {ID: "d", Parent: "root", ExportLimit: &limit},
	}}
	if err := f.Validate(); err != nil {
		t.Fatal(err)
	}
	zones := f.Zones()
	for node, zone := range map[string]string{"root": "root", "a": "root", "b": "b", "c": "b", "d": "d"} {
		if zones[node] != zone {
			t.Errorf("node %s is in zone %s, want %s", node, zones[node], zone)
		}
	}
	negative := grid.Energy(-1)
	for want, bad := range map[string]grid.Feeder{
		"feeder.nodes[1].id: duplicate":    {Nodes: []grid.Node{{ID: "a"}, {ID: "a", Parent: "a"}}},
		"feeder.nodes[1].parent: unknown":  {Nodes: []grid.Node{{ID: "a"}, {ID: "b", Parent: "x"}}},
		"feeder.nodes[1].parent: cycle":    {Nodes: []grid.Node{{ID: "a"}, {ID: "b", Parent: "c"}, {ID: "c", Parent: "b"}}},
		"want exactly one root":            {Nodes: []grid.Node{{ID: "a"}, {ID: "b"}}},
		"feeder.nodes[0].fee":              {Nodes: []grid.Node{{ID: "a", Fee: -1}}},
		"feeder.nodes[0].export_limit: -1": {Nodes: []grid.Node{{ID: "a", ExportLimit: &negative}}},
	} {
		if err := bad.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one with %q", err, want)
		}
	}
}

func TestRegistersAtABoundary(t *testing.T) {
	start := time.Unix(1_780_000_000, 0)
	a := grid.Registers{Time: start, Import: 100, Export: 7}
	b := grid.Registers{Time: start.Add(4 * time.Second), Import: 103, Export: 7}
	at, err := grid.At(a, b, start.Add(2*time.Second))
	if err != nil || at.Import != 102 || at.Export != 7 { // 101.5, half up
		t.Errorf("half-way: %+v, %v", at, err)
	}
	if _, err := grid.At(b, grid.Registers{Time: b.Time.Add(time.Second), Import: 5}, b.Time); err == nil {
		t.Error("registers that run backwards were interpolated")
	}
	if _, err := grid.At(a, b, b.Time.Add(time.Second)); err == nil {
		t.Error("registers were extrapolated")
	}
}

func TestSumOverflows(t *testing.T) {
	if _, err := grid.Sum(math.MaxInt64, 1); !errors.Is(err, grid.ErrOverflow) {
		t.Errorf("error %v, want overflow", err)
	}
	if got, err := grid.Sum(math.MaxInt64, math.MinInt64, 1); err != nil || got != 0 {
		t.Errorf("sum %d, %v", got, err)
	}
}
