package sharing_test

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/settlement/sharing"
)

// with is a community by consumption in which a takes part with a factor.
func with(t *testing.T, name, factor string) sharing.Community {
	t.Helper()
	return sharing.Community{Name: name, Scheme: sharing.Scheme{Key: sharing.Key{Kind: sharing.Dynamic}, Factors: []sharing.Factor{{Point: "a", Share: ratio(t, factor)}}}}
}

// TestSeveral is computed by hand; a consumes 1,000 Wh and is in two communities, of which each
// has a plant of its own: the first 300 Wh, the second 900 Wh. (Each plant takes part with nothing in
// the other.) By factors of 60 and 40 % a has 300 of its 600 and 400 of its 400: what the first lacks
// the second does not make up, as in https://blog.regenerative.at/mitgliedschaft-in-verschiedenen-energiegemeinschaften
// (read 2026-11-29). In order, with a factor of 1 in both, it has 300 and then 700.
func TestSeveral(t *testing.T) {
	first, second := with(t, "one", "60 %"), with(t, "two", "40 %")
	points := []sharing.Point{{ID: "a", Import: 1000}, {ID: "plant-1", Export: 300}, {ID: "plant-2", Export: 900}}
	none := func(c *sharing.Community, plant string) {
		c.Scheme.Factors = append(c.Scheme.Factors, sharing.Factor{Point: plant})
	}
	none(&first, "plant-2")
	none(&second, "plant-1")
	for _, x := range []struct {
		inOrder bool
		factors [2]string
		want    [2]grid.Energy
	}{{false, [2]string{"60 %", "40 %"}, [2]grid.Energy{300, 400}}, {true, [2]string{"1", "1"}, [2]grid.Energy{300, 700}}, {true, [2]string{"20 %", "40 %"}, [2]grid.Energy{200, 400}}} {
		first.Scheme.Factors[0].Share, second.Scheme.Factors[0].Share = ratio(t, x.factors[0]), ratio(t, x.factors[1])
		all, err := sharing.Several([]sharing.Community{first, second}, points, x.inOrder, byID)
		if err != nil {
			t.Fatal(err)
		}
		if got := [2]grid.Energy{all[0].Parts[0].Bought, all[1].Parts[0].Bought}; got != x.want {
			t.Errorf("factors %v, in order %t: %v, want %v", x.factors, x.inOrder, got, x.want)
		}
		if left := sharing.Left(points, all); left[0].Import != 1000-x.want[0]-x.want[1] || left[1].Export != 300-x.want[0] {
			t.Errorf("left %+v", left)
		}
	}
	first.Scheme.Factors[0].Share, second.Scheme.Factors[0].Share = ratio(t, "61 %"), ratio(t, "40 %")
	if _, err := sharing.Several([]sharing.Community{first, second}, points, false, byID); err == nil || !strings.Contains(err.Error(), `community two: the factors of metering point "a" sum to 101/100`) {
		t.Errorf("%v", err)
	}
}

// TestSeveralNeverAllocateTwice: over random schemes no point buys more than it imported in all
// communities together, nor sells more than it exported.
func TestSeveralNeverAllocateTwice(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 10))
	for n := range 500 {
		var communities []sharing.Community
		var points []sharing.Point
		for _, name := range []string{"one", "two", "three"} {
			var s sharing.Scheme
			s, points = random(t, r)
			s.Factors = nil
			for _, id := range []string{"b", "d"} {
				s.Factors = append(s.Factors, sharing.Factor{Point: id, Share: ratio(t, "1/3")})
			}
			communities = append(communities, sharing.Community{Name: name, Scheme: s})
		}
		for _, inOrder := range []bool{true, false} {
			all, err := sharing.Several(communities, points, inOrder, byID)
			if err != nil {
				t.Fatal(err)
			}
			for i, p := range points {
				var bought, gave grid.Energy
				for _, a := range all {
					bought, gave = bought+a.Parts[i].Bought, gave+a.Parts[i].Sold+a.Parts[i].Given
				}
				if bought > p.Import || gave > p.Export {
					t.Fatalf("case %d: %s bought %d of %d and gave %d of %d Wh", n, p.ID, bought, p.Import, gave, p.Export)
				}
			}
		}
	}
}
