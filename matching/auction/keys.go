package auction

import (
	"cmp"
	"fmt"
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
	ID          string
	Consumption grid.Energy   // Wh in the interval, metered, ≥ 0
	Share       grid.PerMille // of static; at most 1000 together
	Rank        int           // of priority: the lowest first, ties by id
}

// Allocate returns what each consumer gets of the generation, never more than
// it consumed. What nobody gets is sold to the utility. It fails when a share,
// a consumption or the generation is negative, or shares exceed the whole.
func Allocate(k Key, generation grid.Energy, consumers []Consumer) ([]grid.Energy, error) {
	var shares grid.PerMille
	var consumption grid.Energy
	for i, c := range consumers {
		if c.Consumption < 0 || c.Share < 0 {
			return nil, fmt.Errorf("consumers[%d]: consumption and share must not be negative", i)
		}
		shares += c.Share
		consumption += c.Consumption
	}
	if generation < 0 {
		return nil, fmt.Errorf("generation: %d Wh is negative", generation)
	}
	switch k {
	case Static:
		return static(generation, shares, consumers)
	case Dynamic:
		return dynamic(min(generation, consumption), consumers)
	case Priority:
		return priority(generation, consumers), nil
	default:
		return nil, fmt.Errorf("key: %q: must be %s, %s or %s", k, Static, Dynamic, Priority)
	}
}

func static(generation grid.Energy, shares grid.PerMille, consumers []Consumer) ([]grid.Energy, error) {
	const whole = 1000
	if shares > whole {
		return nil, fmt.Errorf("share: %d ‰ together: at most %d", shares, whole)
	}
	weights := []grid.Share{{ID: "", Weight: int64(whole - shares)}} // nobody's
	for _, c := range consumers {
		weights = append(weights, grid.Share{ID: c.ID, Weight: int64(c.Share)})
	}
	split, err := grid.Split(int64(generation), weights)
	if err != nil {
		return nil, fmt.Errorf("allocate: %w", err)
	}
	parts := make([]grid.Energy, len(consumers))
	for i, c := range consumers {
		parts[i] = min(grid.Energy(split[i+1]), c.Consumption)
	}
	return parts, nil
}

func dynamic(energy grid.Energy, consumers []Consumer) ([]grid.Energy, error) {
	parts := make([]grid.Energy, len(consumers))
	if energy == 0 {
		return parts, nil
	}
	weights := make([]grid.Share, len(consumers))
	for i, c := range consumers {
		weights[i] = grid.Share{ID: c.ID, Weight: int64(c.Consumption)}
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

func priority(generation grid.Energy, consumers []Consumer) []grid.Energy {
	order := make([]int, len(consumers))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int {
		return cmp.Or(cmp.Compare(consumers[a].Rank, consumers[b].Rank), strings.Compare(consumers[a].ID, consumers[b].ID))
	})
	parts := make([]grid.Energy, len(consumers))
	for _, i := range order {
		parts[i] = min(consumers[i].Consumption, generation)
		generation -= parts[i]
	}
	return parts
}
