package explain

import (
	"math/big"

	"github.com/commonwatt/commonwatt/grid"
)

// Gains are what the trades of a record are worth together, in price × energy: what the bids that
// were filled would have paid, less what the offers would have asked, less the fees of the lines.
func (r *Record) Gains() *big.Int {
	sum := new(big.Int)
	for _, s := range r.Steps {
		add(sum, s.Price, -s.out())
	}
	for k := range r.Nodes {
		n := &r.Nodes[k]
		add(sum, -n.Fee, abs(n.over())-abs(n.Committed))
	}
	return sum
}

// Bound is what no trade of the same steps over the same lines can be worth more than, by the
// prices of the nodes: what each step would gain if all of it were filled, where it gains, and
// what each line would gain of the price that lies across it, used as far as it goes. It is nil
// where a line without a limit would gain. A record is proven when its Gains come to its Bound.
func (r *Record) Bound() *big.Int {
	sum := new(big.Int)
	for _, s := range r.Steps {
		n := r.node(s.Node)
		if n.Price == nil {
			continue
		}
		if gain := s.gain(*n.Price); gain > 0 {
			add(sum, gain, s.Energy)
		}
	}
	for k := range r.Nodes {
		n := &r.Nodes[k]
		parent := r.node(n.Parent)
		if parent == nil || n.Price == nil || parent.Price == nil {
			continue
		}
		across := *parent.Price - *n.Price
		for _, way := range []struct {
			gain  grid.Price
			limit *grid.Energy
		}{{across - n.Fee, n.ExportLimit}, {-across - n.Fee, n.ImportLimit}} {
			if way.gain > 0 && way.limit == nil {
				return nil
			}
			if way.gain > 0 {
				add(sum, way.gain, *way.limit)
			}
		}
		add(sum, -across, n.Committed)
		add(sum, n.Fee, abs(n.Committed))
	}
	return sum
}

// gain is what a kWh of a step gains at a price.
func (s *Step) gain(p grid.Price) grid.Price {
	if s.Side == grid.Bid {
		return s.Price - p
	}
	return p - s.Price
}

func add(sum *big.Int, p grid.Price, e grid.Energy) {
	sum.Add(sum, new(big.Int).Mul(big.NewInt(int64(p)), big.NewInt(int64(e))))
}

func abs(e grid.Energy) grid.Energy { return max(e, -e) }
