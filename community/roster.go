package community

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/matching"
)

// Point is a metering point that trades.
type Point struct {
	MeteringPoint string
	Member        string
	Node          string      // of the feeder; empty: its root
	Import        *grid.Power // what it can take at most, W; nil: not limited
	Export        *grid.Power // what it can give at most, W; nil: not limited
}

// roster is who trades: the metering points on the feeder and their members, by the
// numbers that the engine has of them.
type roster struct {
	feeder   grid.Feeder
	points   []Point           // by account, from 1
	accounts map[string]uint32 // by metering point
	members  map[string]uint32
}

func newRoster(feeder grid.Feeder) roster {
	return roster{feeder: feeder, points: make([]Point, 1), accounts: map[string]uint32{}, members: map[string]uint32{}}
}

// Point returns a metering point, empty when it is not known.
func (r *roster) Point(name string) Point { return r.points[r.accounts[name]] }

// At returns the metering point that has a number in the market's commands.
func (r *roster) At(account uint32) Point { return r.points[account] }

// Owner returns the member of a metering point, empty when it is not known.
func (r *roster) Owner(point string) string { return r.points[r.accounts[point]].Member }

// only returns a member's metering point if it has just one.
func (r *roster) only(member string) (point string) {
	for _, p := range r.points[1:] {
		if p.Member == member {
			if point != "" {
				return ""
			}
			point = p.MeteringPoint
		}
	}
	return point
}

// admissions returns the commands that admit the metering points which are not
// part of the market yet. It fails when a known one has another member now.
func (r *roster) admissions(points []Point, now time.Time, carries func(*grid.Power) grid.Energy) ([]matching.Command, error) {
	var commands []matching.Command
	account, members := uint32(len(r.points)), maps.Clone(r.members)
	for _, p := range points {
		if n := r.accounts[p.MeteringPoint]; n != 0 {
			if r.points[n].Member != p.Member {
				return nil, fmt.Errorf("metering point %s: belongs to member %s, not %s: give it another name", p.MeteringPoint, r.points[n].Member, p.Member)
			}
			if node := cmp.Or(p.Node, r.feeder.Root()); r.points[n].Node != node {
				return nil, fmt.Errorf("metering point %s: is at node %s, not %s: give it another name", p.MeteringPoint, r.points[n].Node, node)
			}
			commands = append(commands, limits(n, p, r.points[n], now, carries)...)
			continue
		}
		node := slices.IndexFunc(r.feeder.Nodes, func(n grid.Node) bool {
			return n.ID == cmp.Or(p.Node, r.feeder.Root())
		})
		if node < 0 {
			return nil, fmt.Errorf("metering point %s: the feeder has no node %q", p.MeteringPoint, p.Node)
		}
		if members[p.Member] == 0 {
			members[p.Member] = uint32(len(members)) + 1
		}
		commands = append(commands, matching.Command{
			Kind: matching.Admit, Time: now.UnixMilli(), Account: account, Member: members[p.Member], Node: uint32(node),
			Name: p.MeteringPoint + "\n" + p.Member,
		})
		// What a point trades is counted from its first order on or never: a limit may come later.
		first := limits(account, p, Point{}, now, carries)
		if len(first) == 0 {
			first = []matching.Command{{Kind: matching.Limit, Time: now.UnixMilli(), Account: account, Side: grid.Bid, Energy: unlimited, Name: "0"}}
		}
		commands = append(commands, first...)
		account++
	}
	return commands, nil
}

// limits returns the commands that bring a metering point's limits from what
// they were to what they shall be.
func limits(account uint32, p, was Point, now time.Time, carries func(*grid.Power) grid.Energy) (commands []matching.Command) {
	for _, l := range []struct {
		side    grid.Side
		to, was *grid.Power
	}{{grid.Bid, p.Import, was.Import}, {grid.Offer, p.Export, was.Export}} {
		if same := l.to == l.was || l.to != nil && l.was != nil && *l.to == *l.was; same {
			continue
		}
		var watts int64
		if l.to != nil {
			watts = int64(*l.to)
		}
		commands = append(commands, matching.Command{
			Kind: matching.Limit, Time: now.UnixMilli(), Account: account, Side: l.side, Energy: carries(l.to), Name: strconv.FormatInt(watts, 10),
		})
	}
	return commands
}

// admit carries out an admission, which names the metering point and its member.
func (r *roster) admit(c *matching.Command) {
	point, member, _ := strings.Cut(c.Name, "\n")
	if int(c.Account) == len(r.points) && int(c.Node) < len(r.feeder.Nodes) {
		r.points = append(r.points, Point{MeteringPoint: point, Member: member, Node: r.feeder.Nodes[c.Node].ID})
		r.accounts[point], r.members[member] = c.Account, c.Member
	}
}

// limit notes the limit that a metering point has from now on.
func (r *roster) limit(c *matching.Command) {
	var limit *grid.Power
	if c.Energy < unlimited {
		power, _ := strconv.ParseInt(c.Name, 10, 64) // written by limits
		limit = new(grid.Power(power))
	}
	if p := &r.points[c.Account]; c.Side == grid.Bid {
		p.Import = limit
	} else {
		p.Export = limit
	}
}

// cancel returns the command that cancels what is left of an order, none where nothing is.
func (r *roster) cancel(o Order, now time.Time) []matching.Command {
	if o.Final() {
		return nil
	}
	return []matching.Command{{Kind: matching.Cancel, Account: r.accounts[o.MeteringPoint], Order: o.Number, Time: now.UnixMilli()}}
}

// trade names the two sides of a trade.
func (r *roster) trade(ev *matching.Event, p grid.Product) *grid.Trade {
	t := &grid.Trade{
		Product: p, Seq: ev.Seq, Bid: id(ev.Order), Offer: id(ev.Maker),
		Buyer: r.points[ev.Account].MeteringPoint, Seller: r.points[ev.MakerAccount].MeteringPoint,
		Energy: ev.Energy, BidPrice: ev.Price, OfferPrice: ev.OfferPrice,
	}
	if ev.Side == grid.Offer {
		t.Bid, t.Offer, t.Buyer, t.Seller = t.Offer, t.Bid, t.Seller, t.Buyer
	}
	return t
}

// saved returns the metering points by account and the members by number.
func (r *roster) saved() (points []Point, members []string) {
	members = make([]string, len(r.members))
	for name, n := range r.members {
		members[n-1] = name
	}
	return r.points[1:], members
}

// restore enters what was saved.
func (r *roster) restore(points []Point, members []string) {
	r.points = append(r.points, points...)
	for n, p := range r.points {
		if n > 0 {
			r.accounts[p.MeteringPoint] = uint32(n)
		}
	}
	for n, name := range members {
		r.members[name] = uint32(n) + 1
	}
}
