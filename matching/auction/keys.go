package auction

import (
	"cmp"
	"fmt"
	"math/big"
	"slices"
	"strings"

	"github.com/commonwatt/commonwatt/grid"
)

// Key shares out the energy that a community generated in an interval after it
// was metered, without orders or prices, as energy communities with a common
// plant do.
type Key string

// The allocation keys.
const (
	Static   Key = "static"   // by fixed shares; what a consumer cannot use stays unallocated
	Dynamic  Key = "dynamic"  // pro rata to consumption in the interval (§ 16a ElWOG, Austria)
	Priority Key = "priority" // in order of rank, each up to its consumption
)

// Consumer is one who gets a part.
type Consumer struct {
	ID          string        // account
	Consumption grid.Energy   // Wh in the interval, metered, ≥ 0
	Share       grid.PerMille // of static; at most the whole together
	Exact       *big.Rat      // of static, in place of Share where a thousandth is too coarse, as 1/2000 or 1/3; nil: Share
	Rank        int           // of priority: the lowest first
}

// share is the consumer's, exactly.
func (c Consumer) share() *big.Rat {
	if c.Exact != nil {
		return c.Exact
	}
	return big.NewRat(int64(c.Share), 1000)
}

// Allocate returns what each consumer gets of the generation, never more than
// it consumed. What nobody gets is sold to the utility. Energy that cannot be divided goes
// by largest remainder, ties by id, as commonwatt clear does. It fails when a share,
// a consumption or the generation is negative, shares exceed the whole, or the consumption of
// all leaves 64 bits.
func Allocate(k Key, generation grid.Energy, consumers []Consumer) ([]grid.Energy, error) {
	return allocate(k, generation, consumers, func(id string) string { return id })
}

// AllocateIn is Allocate for an interval that is settled: ties go by chance, anew in each
// interval (grid.Rank), so that over a year nobody gains by its name.
func AllocateIn(i grid.Interval, k Key, generation grid.Energy, consumers []Consumer) ([]grid.Energy, error) {
	return allocate(k, generation, consumers, func(id string) string { return grid.Rank(i, id) })
}

// allocate shares out; ties go by what tie says of an id, the least first.
func allocate(k Key, generation grid.Energy, consumers []Consumer, tie func(id string) string) ([]grid.Energy, error) {
	consumption, err := consumed(consumers)
	if err != nil {
		return nil, err
	}
	if generation < 0 {
		return nil, fmt.Errorf("generation: %d Wh is negative", generation)
	}
	ties := make([]string, len(consumers))
	for i, c := range consumers {
		ties[i] = tie(c.ID)
	}
	switch k {
	case Static:
		return static(generation, consumers, ties, tie(""))
	case Dynamic:
		return dynamic(min(generation, consumption), consumers, ties)
	case Priority:
		return priority(generation, consumers, ties), nil
	default:
		return nil, fmt.Errorf("key: %q: must be %s, %s or %s", k, Static, Dynamic, Priority)
	}
}

// consumed checks the consumers and returns what they consumed together.
func consumed(consumers []Consumer) (grid.Energy, error) {
	var sum grid.Money // only to be added up with care
	for i, c := range consumers {
		if c.Consumption < 0 || c.share().Sign() < 0 {
			return 0, fmt.Errorf("consumers[%d]: consumption and share must not be negative", i)
		}
		var err error
		if sum, err = sum.Add(grid.Money(c.Consumption)); err != nil {
			return 0, fmt.Errorf("consumers[%d].consumption: of all up to here: %w", i, grid.ErrOverflow)
		}
	}
	return grid.Energy(sum), nil
}

// part is what an exact share of a number comes to: so many whole, and the rest of one.
type part struct {
	whole int64
	rest  *big.Rat
	tie   string
}

// static shares out by the exact shares; what they leave of the whole is nobody's.
func static(generation grid.Energy, consumers []Consumer, ties []string, nobodys string) ([]grid.Energy, error) {
	nobody := big.NewRat(1, 1)
	split := make([]part, 0, len(consumers)+1)
	left := int64(generation)
	add := func(share *big.Rat, tie string) {
		exact := new(big.Rat).Mul(share, new(big.Rat).SetInt64(int64(generation)))
		whole := new(big.Int).Quo(exact.Num(), exact.Denom()) // below the generation
		p := part{whole.Int64(), exact.Sub(exact, new(big.Rat).SetInt(whole)), tie}
		split, left = append(split, p), left-p.whole
	}
	for _, c := range consumers {
		nobody.Sub(nobody, c.share())
	}
	if nobody.Sign() < 0 {
		together := new(big.Rat).Sub(big.NewRat(1, 1), nobody)
		return nil, fmt.Errorf("share: %s ‰ together: at most 1000", together.Mul(together, big.NewRat(1000, 1)).RatString())
	}
	for i, c := range consumers {
		add(c.share(), ties[i])
	}
	add(nobody, nobodys)
	order := make([]int, len(split))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int {
		return cmp.Or(split[b].rest.Cmp(split[a].rest), strings.Compare(split[a].tie, split[b].tie))
	})
	for _, i := range order[:left] {
		split[i].whole++
	}
	parts := make([]grid.Energy, len(consumers))
	for i, c := range consumers {
		parts[i] = min(grid.Energy(split[i].whole), c.Consumption)
	}
	return parts, nil
}

func dynamic(energy grid.Energy, consumers []Consumer, ties []string) ([]grid.Energy, error) {
	parts := make([]grid.Energy, len(consumers))
	if energy == 0 {
		return parts, nil
	}
	weights := make([]grid.Share, len(consumers))
	for i, c := range consumers {
		weights[i] = grid.Share{ID: ties[i], Weight: int64(c.Consumption)}
	}
	split, err := grid.Split(int64(energy), weights)
	if err != nil {
		return nil, fmt.Errorf("allocate: %w", err)
	}
	for i := range parts {
		parts[i] = grid.Energy(split[i])
	}
	return parts, nil
}

func priority(generation grid.Energy, consumers []Consumer, ties []string) []grid.Energy {
	order := make([]int, len(consumers))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int {
		return cmp.Or(cmp.Compare(consumers[a].Rank, consumers[b].Rank), strings.Compare(ties[a], ties[b]))
	})
	parts := make([]grid.Energy, len(consumers))
	for _, i := range order {
		parts[i] = min(consumers[i].Consumption, generation)
		generation -= parts[i]
	}
	return parts
}
