package explain

import (
	"cmp"
	"slices"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/matching/network"
)

// Merged returns the record without the places at which fewer than least members stand. Such a
// node is joined by the nodes below it, one after the other, until there are enough; where there
// are not, what stands behind it is shown at the node above it, as that sees it. Where the lines
// between cost nothing and are not limited, orders are shown there as they are.
func (r Record) Merged(least int) Record {
	into := r.places(least)
	m := Record{into: into}
	for _, n := range r.Nodes {
		if into[n.ID] == n.ID {
			n.members = r.at(into, n.ID)
			m.Nodes = append(m.Nodes, n)
		}
	}
	for _, s := range r.Steps {
		if r.free(s.Node, into[s.Node]) {
			s.Node = into[s.Node]
			m.Steps = append(m.Steps, s)
		}
	}
	for _, n := range r.Nodes {
		if at := into[n.ID]; at != n.ID && !r.free(n.ID, n.Parent) && r.free(n.Parent, at) {
			m.Steps = append(m.Steps, r.seen(n, at)...)
		}
	}
	m.sort()
	return m
}

// at returns who stands at a node and at those that are shown there.
func (r Record) at(into map[string]string, id string) (members []string) {
	for _, n := range r.Nodes {
		if into[n.ID] == id {
			members = union(members, n.members)
		}
	}
	return members
}

// places returns at which node what stands at each is shown.
func (r Record) places(least int) map[string]string {
	into := map[string]string{}
	for _, n := range r.Nodes {
		into[n.ID] = n.ID
	}
	few := func(id string) bool { members := len(r.at(into, id)); return members > 0 && members < least }
	join := func(id, at string) {
		for _, n := range r.behind(id) {
			into[n.ID] = at
		}
	}
	for _, n := range slices.Backward(r.Nodes) { // children before parents
		for _, below := range r.Nodes {
			if below.Parent == n.ID && into[below.ID] == below.ID && few(n.ID) {
				join(below.ID, n.ID)
			}
		}
		if n.Parent != "" && few(n.ID) {
			join(n.ID, n.Parent)
		}
	}
	return into
}

// behind returns a node and all below it.
func (r Record) behind(id string) []Node {
	in := map[string]bool{id: true}
	var all []Node
	for _, n := range r.Nodes { // parents before children
		if in[n.ID] || in[n.Parent] {
			in[n.ID] = true
			all = append(all, n)
		}
	}
	return all
}

// free tells whether the lines from a node up to one above it cost nothing and have no limits.
func (r Record) free(id, above string) bool {
	for id != above {
		n := r.node(id)
		if n.Fee != 0 || n.ExportLimit != nil || n.ImportLimit != nil {
			return false
		}
		id = n.Parent
	}
	return true
}

// seen returns what the parent of a node sees of what stands behind it, as steps of another node at
// the parent's price.
func (r Record) seen(n Node, at string) []Step {
	c := network.Case{K: network.Half, Committed: map[string]grid.Energy{}}
	for _, x := range r.Nodes {
		c.Feeder.Nodes = append(c.Feeder.Nodes, x.Node)
		c.Committed[x.ID] = x.Committed
	}
	for _, s := range r.Steps {
		c.Orders = append(c.Orders, grid.Order{ID: s.ID, Member: s.Member, Node: s.Node, Side: s.Side, Price: s.Price, Energy: s.Energy})
	}
	var members []string
	for _, below := range r.behind(n.ID) {
		members = union(members, below.members)
	}
	level, jumps := network.Seen(c, n.ID)
	var steps []Step
	add := func(side grid.Side, price grid.Price, energy, filled grid.Energy) {
		if energy > 0 {
			steps = append(steps, Step{Node: at, Side: side, Price: price, Energy: energy, Filled: filled, members: members})
		}
	}
	for _, j := range jumps {
		from, to := level, level+j.Energy
		low, high := min(from, 0), min(to, 0) // what it takes less of as the price goes up
		add(grid.Bid, j.Price, high-low, high-min(max(n.Flow, low), high))
		low, high = max(from, 0), max(to, 0) // what it gives more of
		add(grid.Offer, j.Price, high-low, min(max(n.Flow, low), high)-low)
		level = to
	}
	return steps
}

// Summed returns the record with the steps of others than one member summed up, so that each is of
// least of them or more. Where fewer have bid or offered at a node, on the one side of its price or
// on the other, only what they traded is shown, at that price: what did not trade is left out.
func (r Record) Summed(least int, own string) Record {
	s := Record{Nodes: r.Nodes, into: r.into}
	for _, n := range r.Nodes {
		for _, side := range []grid.Side{grid.Bid, grid.Offer} {
			var traded, not []Step // the best first
			for _, x := range r.Steps {
				switch {
				case x.Node != n.ID || x.Side != side:
				case own != "" && x.Member == own:
					s.Steps = append(s.Steps, x)
				case n.Price == nil || x.gain(*n.Price) < 0:
					not = append(not, x.without(own))
				default:
					traded = append(traded, x.without(own))
				}
			}
			s.Steps = append(s.Steps, taken(traded, n, least)...)
			s.Steps = append(s.Steps, bands(not, least)...)
		}
	}
	s.sort()
	return s
}

// without returns a step that does not count a member among those whose it is.
func (s Step) without(member string) Step {
	s.members = slices.DeleteFunc(slices.Clone(s.members), func(m string) bool { return m == member })
	return s
}

// taken sums up the steps that gain at a node's price, or lie at it.
func taken(steps []Step, n Node, least int) []Step {
	slices.Reverse(steps) // the nearest to the price first
	if summed := bands(steps, least); summed != nil {
		return summed
	}
	var filled grid.Energy
	for _, s := range steps {
		filled += s.Filled
	}
	if filled == 0 {
		return nil
	}
	return []Step{{Node: n.ID, Side: steps[0].Side, Price: *n.Price, Energy: filled, Filled: filled}}
}

// bands sums up steps, the one nearest to the price first, to bands of least members or more. What
// is left over counts to the last band; nothing is returned where there is none.
func bands(steps []Step, least int) (all []Step) {
	var band *Step
	for _, s := range steps {
		if band == nil || len(band.members) >= least && s.Price != band.Price && enough(steps, s, least) {
			all = append(all, Step{Node: s.Node, Side: s.Side, Price: s.Price})
			band = &all[len(all)-1]
		}
		band.Energy += s.Energy
		band.Filled += s.Filled
		band.members = union(band.members, s.members)
	}
	if band == nil || len(band.members) < least {
		return nil
	}
	return all
}

// enough tells whether from a step on there are so many members that they make a band.
func enough(steps []Step, from Step, least int) bool {
	var members []string
	for _, s := range steps[slices.IndexFunc(steps, func(s Step) bool { return s.Price == from.Price }):] {
		members = union(members, s.members)
	}
	return len(members) >= least
}

func union(a, b []string) []string {
	all := slices.Concat(a, b)
	slices.SortFunc(all, cmp.Compare[string])
	return slices.Compact(all)
}
