package sharing

import (
	"fmt"
	"math/big"
	"slices"

	"github.com/commonwatt/commonwatt/grid"
)

// Point is what a metering point took and gave in the interval, Wh, each ≥ 0.
type Point struct {
	ID             string
	Import, Export grid.Energy
}

// Part is what an allocation means for one metering point, Wh, each ≥ 0.
type Part struct {
	Bought grid.Energy // of what it imported: energy of the pots
	Sold   grid.Energy // of what it exported: energy that others consumed
	// Surplus is energy that the point was offered, did not consume, and has as its own
	// surplus; Given is the part of what it exported that became the own surplus of others.
	Surplus, Given grid.Energy
}

// Portion is what one point has of a pot, exactly, in Wh.
type Portion struct {
	Point int      // in the order of the points
	Used  *big.Rat // consumed
	Own   *big.Rat // not consumed, and the participant's own surplus
}

// Pot is where the energy of some plants went. In it all energy mixes: of what each takes,
// each gives the same part.
type Pot struct {
	Takes, Gives []Portion // by point; both sum to the same
}

// Allocation is what came of a division.
type Allocation struct {
	Parts []Part // in the order of the points
	Pots  []Pot
}

// mostEnergy bounds the energy of a point, so that no sum of thousands leaves 64 bits.
const mostEnergy grid.Energy = 1 << 40

// Allocate divides the energy of an interval. rank orders points among which something
// cannot be divided; the least is first. The scheme must be valid. Errors: a point that is there
// twice, or whose energy is negative or out of range.
func (s Scheme) Allocate(points []Point, rank func(id string) string) (Allocation, error) {
	a, err := newAllocator(s, points)
	if err != nil {
		return Allocation{}, err
	}
	pots := a.pots(s)
	a.divide(pots)
	for _, p := range pots {
		p.close(a, s)
	}
	ranks := make([]string, len(points))
	for i, p := range points {
		ranks[i] = rank(p.ID)
	}
	return a.round(pots, ranks), nil
}

// allocator is a division at work.
type allocator struct {
	at map[string]int // points by id
	counting
	need []*big.Rat // what each point consumes and was not given yet
}

// counting is how much of the points takes part, Wh.
type counting struct{ imports, exports []grid.Energy }

func newAllocator(s Scheme, points []Point) (*allocator, error) {
	a := &allocator{at: map[string]int{}, need: make([]*big.Rat, len(points))}
	factors := map[string]Ratio{}
	for _, f := range s.Factors {
		factors[f.Point] = f.Share
	}
	for i, p := range points {
		if _, twice := a.at[p.ID]; twice {
			return nil, fmt.Errorf("metering point %q: is there twice; give each metering point once", p.ID)
		}
		if min(p.Import, p.Export) < 0 || max(p.Import, p.Export) > mostEnergy {
			return nil, fmt.Errorf("metering point %q: %d Wh import and %d Wh export are negative or too much: %w", p.ID, p.Import, p.Export, grid.ErrOverflow)
		}
		a.at[p.ID] = i
		imports, exports := p.Import, p.Export
		if f, some := factors[p.ID]; some {
			imports, exports = f.of(imports), f.of(exports)
		}
		a.imports, a.exports = append(a.imports, imports), append(a.exports, exports)
		a.need[i] = new(big.Rat).SetInt64(int64(imports))
	}
	return a, nil
}

// of returns so much of an energy ≥ 0, rounded down.
func (r Ratio) of(e grid.Energy) grid.Energy {
	x := r.rat()
	x.Mul(x, new(big.Rat).SetInt64(int64(e)))
	return grid.Energy(floor(x))
}

// pot is a Pot at work.
type pot struct {
	Pot

	key    Key
	others []int // whom Others stands for
	givers []int
	left   *big.Rat // that was not taken yet
	used   []*big.Rat
	own    []*big.Rat
}

// pots returns the pots in their order: those of plants with keys of their own, then the
// common one.
func (a *allocator) pots(s Scheme) (all []*pot) {
	alone := map[int]bool{}
	open := func(key Key, givers []int) {
		p := &pot{key: key, givers: givers, others: a.unnamed(key), left: new(big.Rat), used: make([]*big.Rat, len(a.need)), own: make([]*big.Rat, len(a.need))}
		for _, g := range givers {
			p.left.Add(p.left, new(big.Rat).SetInt64(int64(a.exports[g])))
		}
		all = append(all, p)
	}
	for _, plant := range s.Plants {
		if g, there := a.at[plant.Point]; there && plant.Key != nil {
			alone[g] = true
			open(*plant.Key, []int{g})
		}
	}
	var rest []int
	for g := range a.need {
		if !alone[g] && a.exports[g] > 0 {
			rest = append(rest, g)
		}
	}
	open(s.Key, rest)
	return all
}

// unnamed returns the points that a key names nowhere.
func (a *allocator) unnamed(k Key) (others []int) {
	named := map[int]bool{}
	var visit func(k Key)
	visit = func(k Key) {
		for _, e := range k.Entries {
			if i, there := a.at[e.Point]; there {
				named[i] = true
			}
			if e.Key != nil {
				visit(*e.Key)
			}
		}
	}
	visit(k)
	for i := range a.need {
		if !named[i] {
			others = append(others, i)
		}
	}
	return others
}

// divide offers the pots' energy, round by round.
func (a *allocator) divide(pots []*pot) {
	for round := range MostRounds {
		for _, p := range pots {
			rounds := max(p.key.Rounds, 1)
			if round >= rounds || p.left.Sign() == 0 {
				continue
			}
			offer := offering{allocator: a, others: p.others, last: round == rounds-1}
			for _, x := range offer.by(&p.key, p.left) {
				add(&p.used[x.point], x.used)
				add(&p.own[x.point], x.own)
				a.need[x.point] = new(big.Rat).Sub(a.need[x.point], x.used)
				p.left = new(big.Rat).Sub(p.left, x.used)
			}
		}
	}
}

func add(to **big.Rat, x *big.Rat) {
	if *to == nil {
		*to = new(big.Rat)
	}
	if x != nil {
		(*to).Add(*to, x)
	}
}

// close says what each point has of the pot, once it was divided.
func (p *pot) close(a *allocator, s Scheme) {
	used, own := new(big.Rat), new(big.Rat)
	for i := range p.used {
		if p.used[i] != nil {
			p.Takes = append(p.Takes, Portion{i, p.used[i], p.own[i]})
			used.Add(used, p.used[i])
			own.Add(own, p.own[i])
		}
	}
	supply := make([]*big.Rat, len(p.givers))
	for k, g := range p.givers {
		supply[k] = new(big.Rat).SetInt64(int64(a.exports[g]))
	}
	order := p.order(a, s)
	sold := draw(used, supply, order)
	for k := range supply {
		supply[k] = new(big.Rat).Sub(supply[k], sold[k])
	}
	given := draw(own, supply, order)
	for k, g := range p.givers {
		p.Gives = append(p.Gives, Portion{g, sold[k], given[k]})
	}
}

// order returns the givers in the order in which their energy counts as shared, which those
// that are not listed follow together; nil: all together.
func (p *pot) order(a *allocator, s Scheme) (order []int) {
	if !s.InOrder {
		return nil
	}
	for _, plant := range s.Plants {
		if g, there := a.at[plant.Point]; there {
			if k := slices.Index(p.givers, g); k >= 0 {
				order = append(order, k)
			}
		}
	}
	return order
}

// draw takes so much energy from supplies: first in order, then from all others the same part.
func draw(energy *big.Rat, supply []*big.Rat, order []int) []*big.Rat {
	taken := make([]*big.Rat, len(supply))
	left, rest := new(big.Rat).Set(energy), new(big.Rat)
	for _, k := range order {
		taken[k] = new(big.Rat).Set(least(left, supply[k]))
		left.Sub(left, taken[k])
	}
	for k, s := range supply {
		if taken[k] == nil {
			rest.Add(rest, s)
		}
	}
	for k, s := range supply {
		if taken[k] != nil {
			continue
		}
		if taken[k] = new(big.Rat); rest.Sign() > 0 {
			taken[k].Mul(s, left)
			taken[k].Quo(taken[k], rest)
		}
	}
	return taken
}

func least(a, b *big.Rat) *big.Rat {
	if a.Cmp(b) < 0 {
		return a
	}
	return b
}
