package sharing

import (
	"math/big"
	"slices"
	"strings"

	"github.com/commonwatt/commonwatt/grid"
)

// round makes whole Wh of what each point has of all pots together.
func (a *allocator) round(pots []*pot, ranks []string) Allocation {
	n := len(a.need)
	out := Allocation{Parts: make([]Part, n)}
	bought, sold, surplus, given := zeros(n), zeros(n), zeros(n), zeros(n)
	for _, p := range pots {
		for _, x := range p.Takes {
			bought[x.Point].Add(bought[x.Point], x.Used)
			surplus[x.Point].Add(surplus[x.Point], x.Own)
		}
		for _, x := range p.Gives {
			sold[x.Point].Add(sold[x.Point], x.Used)
			given[x.Point].Add(given[x.Point], x.Own)
		}
		if len(p.Takes) > 0 && len(p.Gives) > 0 {
			out.Pots = append(out.Pots, p.Pot)
		}
	}
	shared := half(total(bought))
	boughtWh := whole(bought, shared, a.imports, ranks)
	soldWh := whole(sold, shared, a.exports, ranks)
	rest, restSum := make([]grid.Energy, n), grid.Energy(0)
	for i := range rest {
		rest[i] = a.exports[i] - soldWh[i]
		restSum += rest[i]
	}
	own := min(half(total(surplus)), restSum)
	unbounded := make([]grid.Energy, n)
	for i := range unbounded {
		unbounded[i] = own
	}
	surplusWh, givenWh := whole(surplus, own, unbounded, ranks), whole(given, own, rest, ranks)
	for i := range out.Parts {
		out.Parts[i] = Part{Bought: boughtWh[i], Sold: soldWh[i], Surplus: surplusWh[i], Given: givenWh[i]}
	}
	return out
}

func zeros(n int) []*big.Rat {
	all := make([]*big.Rat, n)
	for i := range all {
		all[i] = new(big.Rat)
	}
	return all
}

func total(all []*big.Rat) *big.Rat {
	sum := new(big.Rat)
	for _, x := range all {
		sum.Add(sum, x)
	}
	return sum
}

// floor rounds a number ≥ 0 down.
func floor(x *big.Rat) int64 { return new(big.Int).Quo(x.Num(), x.Denom()).Int64() }

// half rounds a number ≥ 0 to the nearest whole one, half up.
func half(x *big.Rat) grid.Energy { return grid.Energy(floor(new(big.Rat).Add(x, big.NewRat(1, 2)))) }

// whole rounds parts ≥ 0 so that they sum to the total, which is that of the exact parts but
// for rounding: down, and one up by largest remainder, of equal ones by rank, and no part above
// the most that it may be.
func whole(exact []*big.Rat, sum grid.Energy, most []grid.Energy, ranks []string) []grid.Energy {
	parts, remainders, order := make([]grid.Energy, len(exact)), make([]*big.Rat, len(exact)), make([]int, len(exact))
	for i, x := range exact {
		whole := floor(x)
		parts[i], order[i] = grid.Energy(whole), i
		remainders[i] = new(big.Rat).Sub(x, new(big.Rat).SetInt64(whole))
		sum -= parts[i]
	}
	if sum == 0 {
		return parts
	}
	slices.SortFunc(order, func(a, b int) int {
		if c := remainders[b].Cmp(remainders[a]); c != 0 {
			return c
		}
		return strings.Compare(ranks[a], ranks[b])
	})
	for sum > 0 {
		before := sum
		for _, i := range order {
			if sum > 0 && parts[i] < most[i] {
				parts[i]++
				sum--
			}
		}
		if sum == before {
			break
		}
	}
	return parts
}
