package sharing_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/settlement/sharing"
)

func ratio(t *testing.T, text string) sharing.Ratio {
	t.Helper()
	r, err := sharing.ParseRatio(text)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func byID(id string) string { return id }

// divide allocates and returns the parts by id.
func divide(t *testing.T, s sharing.Scheme, points ...sharing.Point) map[string]sharing.Part {
	t.Helper()
	if err := s.Validate(); err != nil {
		t.Fatal(err)
	}
	a, err := s.Allocate(points, byID)
	if err != nil {
		t.Fatal(err)
	}
	parts := map[string]sharing.Part{}
	for i, p := range points {
		parts[p.ID] = a.Parts[i]
	}
	return parts
}

func wants(t *testing.T, got map[string]sharing.Part, want map[string]sharing.Part) {
	t.Helper()
	for id, w := range want {
		if got[id] != w {
			t.Errorf("%s: %+v, want %+v", id, got[id], w)
		}
	}
}

func static(t *testing.T, shares ...string) sharing.Key {
	t.Helper()
	k := sharing.Key{Kind: sharing.Static}
	for _, s := range shares {
		point, share, _ := strings.Cut(s, "=")
		k.Entries = append(k.Entries, sharing.Entry{Point: point, Share: ratio(t, share)})
	}
	return k
}

func takers(plant grid.Energy, needs ...grid.Energy) []sharing.Point {
	points := []sharing.Point{{ID: "plant", Export: plant}}
	for i, n := range needs {
		points = append(points, sharing.Point{ID: string(rune('a' + i)), Import: n})
	}
	return points
}

// TestStatic: the numbers follow from min(consumption, share × energy) by hand.
func TestStatic(t *testing.T) {
	key := static(t, "a=50 %", "b=30 %", "c=1/5")
	points := takers(1000, 400, 800, 200) // offered 500, 300, 200
	wants(t, divide(t, sharing.Scheme{Key: key}, points...), map[string]sharing.Part{
		"a": {Bought: 400}, "b": {Bought: 300}, "c": {Bought: 200}, "plant": {Sold: 900},
	})
	key.Unused = sharing.Own
	wants(t, divide(t, sharing.Scheme{Key: key}, points...), map[string]sharing.Part{
		"a": {Bought: 400, Surplus: 100}, "b": {Bought: 300}, "plant": {Sold: 900, Given: 100},
	})
	key.Unused = sharing.Again // the 100 that a leaves go to b, for c has enough
	wants(t, divide(t, sharing.Scheme{Key: key}, points...), map[string]sharing.Part{
		"a": {Bought: 400}, "b": {Bought: 400}, "c": {Bought: 200}, "plant": {Sold: 1000},
	})
}

// TestTheRegulatorsExample is that of the Czech regulator ERÚ for a house with three flats: of
// 10 kWh in a quarter-hour 30, 30 and 40 %, as
// https://vtm.zive.cz/clanky/solarni-elektrarna-na-strese-bytovky-pravidla-jsou-od-ledna-2024-jednodussi-radost-kazi-alokacni-klic/sc-870-a-221884/default.aspx
// tells it (read 2026-11-29).
func TestTheRegulatorsExample(t *testing.T) {
	wants(t, divide(t, sharing.Scheme{Key: static(t, "a=30 %", "b=30 %", "c=40 %")}, takers(10_000, 20_000, 20_000, 20_000)...), map[string]sharing.Part{
		"a": {Bought: 3000}, "b": {Bought: 3000}, "c": {Bought: 4000}, "plant": {Sold: 10_000},
	})
}

// TestRounds: Annex 25 of the Czech decree 408/2015: in round n a point takes
// min(its consumption less the rounds before, share × what the plant has left).
func TestRounds(t *testing.T) {
	key := static(t, "a=50 %", "b=50 %")
	for rounds, b := range []grid.Energy{0, 500, 750, 875, 938, 969} { // 1000·(1 − 2⁻ⁿ), a takes nothing
		if key.Rounds = rounds; rounds > 0 {
			wants(t, divide(t, sharing.Scheme{Key: key}, takers(1000, 0, 5000)...), map[string]sharing.Part{"b": {Bought: b}, "plant": {Sold: b}})
		}
	}
}

func TestDynamicAndPriority(t *testing.T) {
	points := takers(1000, 1000, 500, 500)
	wants(t, divide(t, sharing.Scheme{Key: sharing.Key{Kind: sharing.Dynamic}}, points...), map[string]sharing.Part{
		"a": {Bought: 500}, "b": {Bought: 250}, "c": {Bought: 250}, "plant": {Sold: 1000},
	})
	order := sharing.Key{Kind: sharing.Priority, Entries: []sharing.Entry{{Point: "c", Order: 1}, {Point: sharing.Others, Order: 2}}}
	wants(t, divide(t, sharing.Scheme{Key: order}, points...), map[string]sharing.Part{ // 500 left for needs of 1000 and 500
		"c": {Bought: 500}, "a": {Bought: 333}, "b": {Bought: 167},
	})
}

// TestHierarchy: half for each of two houses; within the first by consumption, within the second
// by order. House 1 consumes less than its half, and the rest goes to house 2.
func TestHierarchy(t *testing.T) {
	one := &sharing.Key{Kind: sharing.Dynamic, Entries: []sharing.Entry{{Point: "a"}, {Point: "b"}}}
	two := &sharing.Key{Kind: sharing.Priority, Entries: []sharing.Entry{{Point: "d", Order: 1}, {Point: "c", Order: 2}}}
	key := sharing.Key{Kind: sharing.Static, Unused: sharing.Again, Entries: []sharing.Entry{
		{Group: "one", Key: one, Share: ratio(t, "1/2")}, {Group: "two", Key: two, Share: ratio(t, "1/2")},
	}}
	wants(t, divide(t, sharing.Scheme{Key: key}, takers(1000, 100, 200, 900, 600)...), map[string]sharing.Part{
		"a": {Bought: 100}, "b": {Bought: 200}, "d": {Bought: 600}, "c": {Bought: 100}, "plant": {Sold: 1000},
	})
	wants(t, divide(t, sharing.Scheme{Key: key}, takers(300, 300, 600, 900, 100)...), map[string]sharing.Part{
		"a": {Bought: 50}, "b": {Bought: 100}, "d": {Bought: 100}, "c": {Bought: 50},
	})
}

// TestPlants: the roof belongs to a and b alone, its rest is not divided among the others.
func TestPlants(t *testing.T) {
	roof := static(t, "a=1/2", "b=1/2")
	s := sharing.Scheme{Key: sharing.Key{Kind: sharing.Dynamic}, Plants: []sharing.Plant{{Point: "roof", Key: &roof}}}
	points := append(takers(300, 100, 400, 250), sharing.Point{ID: "roof", Export: 400})
	// The roof first: a 100 of 200, b 200. Then needs of 0, 200 and 250 meet 300.
	wants(t, divide(t, s, points...), map[string]sharing.Part{
		"a": {Bought: 100}, "b": {Bought: 333}, "c": {Bought: 167}, "roof": {Sold: 300}, "plant": {Sold: 300},
	})
	// Without keys of their own, the energy of the older plant counts first.
	s = sharing.Scheme{Key: sharing.Key{Kind: sharing.Dynamic}, InOrder: true, Plants: []sharing.Plant{{Point: "roof"}}}
	wants(t, divide(t, s, points...), map[string]sharing.Part{"roof": {Sold: 400}, "plant": {Sold: 300}})
	points[0].Export = 1000
	wants(t, divide(t, s, points...), map[string]sharing.Part{"roof": {Sold: 400}, "plant": {Sold: 350}})
}

// TestFactor: of a, 60 % take part until the change counts, then 40 %; rounded down.
func TestFactor(t *testing.T) {
	s := sharing.Scheme{Key: sharing.Key{Kind: sharing.Dynamic}, Factors: []sharing.Factor{
		{Point: "a", Share: ratio(t, "60 %")}, {Point: "a", Share: ratio(t, "40 %"), Since: 100},
	}}
	for start, want := range map[int64]grid.Energy{99: 599, 100: 399} {
		wants(t, divide(t, s.At(start), takers(5000, 999)...), map[string]sharing.Part{"a": {Bought: want}})
	}
}

// TestNobodyGainsByItsName: three points consume the same all year, of energy that cannot be
// divided among them. By rank of the interval each has the third Wh as often as the others, within
// three standard deviations (√(n·⅓·⅔) = 88 for 35,040 quarter-hours); by id the first always has it.
func TestNobodyGainsByItsName(t *testing.T) {
	s := sharing.Scheme{Key: sharing.Key{Kind: sharing.Dynamic}}
	sums := map[string]grid.Energy{}
	const quarters = 35_040
	i := grid.Interval{Start: 1_767_225_600, Minutes: 15}
	points := takers(100, 100, 100, 100)
	for range quarters {
		a, err := s.Allocate(points, func(id string) string { return grid.Rank(i, id) })
		if err != nil {
			t.Fatal(err)
		}
		for k, p := range points {
			sums[p.ID] += a.Parts[k].Bought
		}
		i = i.Shift(1)
	}
	for _, id := range []string{"a", "b", "c"} {
		if extra := sums[id] - 33*quarters - quarters/3; max(extra, -extra) > 3*88 {
			t.Errorf("%s has %d Wh more than its third of the year's remainders", id, extra)
		}
	}
}

// random makes a scheme over points a to h, plants among them.
func random(t *testing.T, r *rand.Rand) (sharing.Scheme, []sharing.Point) {
	t.Helper()
	var points []sharing.Point
	for k := range 8 {
		points = append(points, sharing.Point{ID: string(rune('a' + k)), Import: grid.Energy(r.IntN(3) * r.IntN(700)), Export: grid.Energy(r.IntN(3) * r.IntN(900))})
	}
	s := sharing.Scheme{Key: randomKey(t, r, "abcdefgh", 0), InOrder: r.IntN(2) == 0}
	for _, id := range "ceg"[:r.IntN(4)] {
		p := sharing.Plant{Point: string(id)}
		if r.IntN(2) == 0 {
			k := randomKey(t, r, "abcdefgh", 0)
			p.Key = &k
		}
		s.Plants = append(s.Plants, p)
	}
	for _, id := range "bd"[:r.IntN(3)] {
		s.Factors = append(s.Factors, sharing.Factor{Point: string(id), Share: ratio(t, fmt.Sprintf("%d %%", r.IntN(101)))})
	}
	return s, points
}

func randomKey(t *testing.T, r *rand.Rand, over string, depth int) sharing.Key {
	t.Helper()
	k := sharing.Key{Kind: sharing.Kinds()[r.IntN(3)]}
	if k.Kind == sharing.Static {
		k.Unused = []sharing.Unused{"", sharing.ToPlant, sharing.Own, sharing.Again}[r.IntN(4)]
		if k.Unused != sharing.Again && depth == 0 {
			k.Rounds = r.IntN(6)
		}
	}
	for n := len(over); len(over) > 0; {
		size := 1 + r.IntN(min(3, len(over)))
		e := sharing.Entry{Point: over[:1], Order: 1 + r.IntN(3), Share: ratio(t, fmt.Sprintf("%d/%d", r.IntN(2), n))}
		if e.Share = ratio(t, fmt.Sprintf("%d/%d", r.IntN(4), 3*n)); size > 1 && depth < 2 {
			inner := randomKey(t, r, over[:size], depth+1)
			e.Point, e.Group, e.Key = "", fmt.Sprint(over[:size], depth), &inner
		} else {
			size = 1
		}
		if k.Kind != sharing.Static {
			e.Share = sharing.Ratio{}
		}
		if k.Kind != sharing.Priority {
			e.Order = 0
		}
		k.Entries, over = append(k.Entries, e), over[size:]
	}
	return k
}

// TestInvariants: over random schemes everything sums, nobody buys more than it consumed nor
// sells more than it produced, the exact parts sum too, and a scheme that is written and read
// again divides alike.
func TestInvariants(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	shared := grid.Energy(0)
	for n := range 3000 {
		s, points := random(t, r)
		if err := s.Validate(); err != nil {
			t.Fatalf("case %d: %v", n, err)
		}
		a, err := s.Allocate(points, byID)
		if err != nil {
			t.Fatal(err)
		}
		var bought, sold, surplus, given grid.Energy
		for k, p := range a.Parts {
			if min(p.Bought, p.Sold, p.Surplus, p.Given) < 0 || p.Bought > points[k].Import || p.Sold+p.Given > points[k].Export {
				t.Fatalf("case %d: %+v of %+v", n, p, points[k])
			}
			bought, sold, surplus, given = bought+p.Bought, sold+p.Sold, surplus+p.Surplus, given+p.Given
		}
		if bought != sold || surplus != given {
			t.Fatalf("case %d: bought %d, sold %d, surplus %d, given %d", n, bought, sold, surplus, given)
		}
		shared += bought
		text, err := json.Marshal(s)
		var again sharing.Scheme
		if err := json.Unmarshal(text, &again); err != nil {
			t.Fatalf("case %d: %s: %v", n, text, err)
		}
		b, err2 := again.Allocate(points, byID)
		if err != nil || err2 != nil || fmt.Sprint(a.Parts) != fmt.Sprint(b.Parts) {
			t.Fatalf("case %d: written and read again it divides otherwise: %v", n, err2)
		}
	}
	if shared == 0 {
		t.Error("nothing was ever shared")
	}
}

func TestBadSchemes(t *testing.T) {
	two := static(t, "a=60 %", "b=50 %")
	for want, s := range map[string]sharing.Scheme{
		`kind: "fair"`:              {Key: sharing.Key{Kind: "fair"}},
		"entries: missing":          {Key: sharing.Key{Kind: sharing.Static}},
		"shares: sum to 11/10":      {Key: two},
		"rounds: 6":                 {Key: sharing.Key{Kind: sharing.Static, Rounds: 6}},
		"unused: a dynamic":         {Key: sharing.Key{Kind: sharing.Dynamic, Unused: sharing.Own}},
		"entries[1].point: \"a\"":   {Key: sharing.Key{Kind: sharing.Dynamic, Entries: []sharing.Entry{{Point: "a"}, {Point: "a"}}}},
		"entries[0].order: 0":       {Key: sharing.Key{Kind: sharing.Priority, Entries: []sharing.Entry{{Point: "a"}}}},
		"plants[1].point: \"p\"":    {Key: sharing.Key{Kind: sharing.Dynamic}, Plants: []sharing.Plant{{Point: "p"}, {Point: "p"}}},
		"plants[0].key.shares: sum": {Key: sharing.Key{Kind: sharing.Dynamic}, Plants: []sharing.Plant{{Point: "p", Key: &two}}},
		"factors[1].since":          {Key: sharing.Key{Kind: sharing.Dynamic}, Factors: []sharing.Factor{{Point: "p", Since: 3}, {Point: "p", Since: 3}}},
	} {
		if err := s.Validate(); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
	for _, text := range []string{"", "%", "-1", "1.1", "101 %", "1/0", "1e3", "0x1", "1/3 %", "a", "0.0000000000001", "1//2"} {
		if r, err := sharing.ParseRatio(text); err == nil {
			t.Errorf("%q is read as %s", text, r)
		}
	}
}

// FuzzParseRatio: what is read is written so that it is read alike.
func FuzzParseRatio(f *testing.F) {
	for _, seed := range []string{"30 %", "1/3", "0.25", "1", "33.333333%", "1e9", "0b1", "1_0"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		r, err := sharing.ParseRatio(text)
		if err != nil {
			return
		}
		if again, err := sharing.ParseRatio(r.String()); err != nil || again != r {
			t.Errorf("%q is %s, and that is %s, %v", text, r, again, err)
		}
	})
}

func BenchmarkAllocate10000(b *testing.B) {
	var points []sharing.Point
	for k := range 10_000 {
		points = append(points, sharing.Point{ID: fmt.Sprintf("mp-%05d", k), Import: grid.Energy(k % 700), Export: grid.Energy(k % 3 * (k % 500))})
	}
	for b.Loop() {
		if _, err := (sharing.Scheme{Key: sharing.Key{Kind: sharing.Dynamic}}).Allocate(points, byID); err != nil {
			b.Fatal(err)
		}
	}
}
