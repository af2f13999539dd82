package sharing

import (
	"fmt"
	"slices"
	"strings"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/strict"
)

// Case is a delivery interval as it was metered, to be divided by a key: what commonwatt
// clear --key reads.
type Case struct {
	Interval grid.Interval `json:"interval" required:""`
	Points   []CasePoint   `json:"points" required:""`
}

// CasePoint is a metering point of a case. Its energies are in Wh.
type CasePoint struct {
	ID     string      `json:"id" required:""`
	Member string      `json:"member"` // whose own energy it shares; empty: nobody else's
	Import grid.Energy `json:"import"`
	Export grid.Energy `json:"export"`
	// Account is what it is called on the ledger. With accounts what cannot be divided goes as in
	// a settlement, by SHA-256(interval ‖ account); without, by id.
	Account string `json:"account"`
}

// Divided is what came of a case.
type Divided struct {
	Interval grid.Interval  `json:"interval"`
	Imported grid.Energy    `json:"imported"` // by all, Wh, as all energies here
	Exported grid.Energy    `json:"exported"`
	Own      grid.Energy    `json:"own"`     // met by the members' own
	Shared   grid.Energy    `json:"shared"`  // met by the key
	Surplus  grid.Energy    `json:"surplus"` // allocated and not consumed, own surplus of who did not
	Points   []DividedPoint `json:"points"`  // by id
}

// DividedPoint is what a metering point has of it: import = own + bought + retail, and
// export = own_given + sold + given + feed_in − surplus.
type DividedPoint struct {
	ID       string      `json:"id"`
	Member   string      `json:"member,omitempty"`
	Import   grid.Energy `json:"import"`
	Export   grid.Energy `json:"export"`
	Own      grid.Energy `json:"own"`
	OwnGiven grid.Energy `json:"own_given"`
	Bought   grid.Energy `json:"bought"`
	Sold     grid.Energy `json:"sold"`
	Surplus  grid.Energy `json:"surplus"`
	Given    grid.Energy `json:"given"`
	Retail   grid.Energy `json:"retail"`  // from the utility
	FeedIn   grid.Energy `json:"feed_in"` // to the utility
}

// ParseCase reads a case. Errors name the path of the field.
func ParseCase(b []byte) (Case, error) {
	var c Case
	if err := strict.Decode(b, &c); err != nil {
		return c, err
	}
	if err := c.Interval.Validate(); err != nil {
		return c, fmt.Errorf("interval: %w", err)
	}
	ids, accounts := map[string]bool{}, map[string]bool{}
	for i, p := range c.Points {
		path := fmt.Sprintf("points[%d].", i)
		switch {
		case p.ID == "" || p.ID == Others || p.ID == Nobody:
			return c, fmt.Errorf("%sid: %q is no metering point", path, p.ID)
		case ids[p.ID]:
			return c, fmt.Errorf("%sid: duplicate %q", path, p.ID)
		case (p.Account == "") != (c.Points[0].Account == ""):
			return c, fmt.Errorf("%saccount: give it of all metering points or of none", path)
		case p.Account != "" && accounts[p.Account]:
			return c, fmt.Errorf("%saccount: duplicate %q", path, p.Account)
		case p.Import < 0 || p.Import > mostEnergy:
			return c, fmt.Errorf("%simport: %d is out of range: 0 to %d Wh", path, p.Import, mostEnergy)
		case p.Export < 0 || p.Export > mostEnergy:
			return c, fmt.Errorf("%sexport: %d is out of range: 0 to %d Wh", path, p.Export, mostEnergy)
		}
		ids[p.ID], accounts[p.Account] = true, true
	}
	if len(c.Points) == 0 {
		return c, fmt.Errorf("points: is empty: give the metering points")
	}
	return c, nil
}

// Divide divides the case, ownFirst after what members have for themselves.
func (c Case) Divide(s Scheme, ownFirst bool) (Divided, error) {
	points, rank := c.sorted()
	out := Divided{Interval: c.Interval, Points: make([]DividedPoint, len(points))}
	for i, p := range points {
		out.Points[i] = DividedPoint{ID: p.ID, Member: p.Member, Import: p.Import, Export: p.Export, Retail: p.Import, FeedIn: p.Export}
	}
	if ownFirst {
		if err := own(out.Points, rank); err != nil {
			return out, err
		}
	}
	left := make([]Point, len(points))
	for i, p := range out.Points {
		left[i] = Point{ID: p.ID, Import: p.Retail, Export: p.FeedIn}
	}
	all, err := s.At(c.Interval.Start).Allocate(left, rank)
	if err != nil {
		return out, err
	}
	for i, x := range all.Parts {
		p := &out.Points[i]
		p.Bought, p.Sold, p.Surplus, p.Given = x.Bought, x.Sold, x.Surplus, x.Given
		p.Retail -= x.Bought
		p.FeedIn += x.Surplus - x.Sold - x.Given
		out.Imported, out.Exported = out.Imported+p.Import, out.Exported+p.Export
		out.Own, out.Shared, out.Surplus = out.Own+p.Own, out.Shared+p.Bought, out.Surplus+p.Surplus
	}
	return out, nil
}

// sorted returns the points by id, and the rank by which they get what cannot be divided.
func (c Case) sorted() (points []CasePoint, rank func(id string) string) {
	points = slices.Clone(c.Points)
	slices.SortFunc(points, func(a, b CasePoint) int { return strings.Compare(a.ID, b.ID) })
	ranks := map[string]string{}
	for _, p := range points {
		ranks[p.ID] = p.ID
		if p.Account != "" {
			ranks[p.ID] = grid.Rank(c.Interval, p.Account)
		}
	}
	return points, func(id string) string { return ranks[id] }
}

// own has each member's energy meet its own need: at the same point first, then from point to
// point, each in proportion.
func own(points []DividedPoint, rank func(string) string) error {
	members := map[string][]int{}
	for i := range points {
		p := &points[i]
		both := min(p.Retail, p.FeedIn)
		p.meet(both, both)
		if p.Member != "" {
			members[p.Member] = append(members[p.Member], i)
		}
	}
	for _, of := range members { // each by itself, in whatever order
		var short, long []grid.Share
		var need, have grid.Energy
		for _, i := range of {
			p := points[i]
			short = append(short, grid.Share{ID: rank(p.ID), Weight: int64(p.Retail)})
			long = append(long, grid.Share{ID: rank(p.ID), Weight: int64(p.FeedIn)})
			need, have = need+p.Retail, have+p.FeedIn
		}
		both := min(need, have)
		if both == 0 {
			continue
		}
		taken, err := grid.Split(int64(both), short)
		if err != nil {
			return err
		}
		given, err := grid.Split(int64(both), long)
		if err != nil {
			return err
		}
		for k, i := range of {
			points[i].meet(grid.Energy(taken[k]), grid.Energy(given[k]))
		}
	}
	return nil
}

// meet notes own energy that was taken and given.
func (p *DividedPoint) meet(taken, given grid.Energy) {
	p.Own, p.Retail = p.Own+taken, p.Retail-taken
	p.OwnGiven, p.FeedIn = p.OwnGiven+given, p.FeedIn-given
}
