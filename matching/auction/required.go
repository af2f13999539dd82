package auction

import (
	"cmp"
	"math"
	"slices"
	"strings"

	"github.com/commonwatt/commonwatt/grid"
)

// Required clears the uniform auction when bids require sources: each bid is
// served by offers of the sources that it allows, at the largest welfare. That
// is a flow of least cost between classes of bids, which allow the same
// sources, and sources; it is found by successive best augmentation (Jewell
// 1958, Busacker and Gowen 1960), which on the few classes is quick. Each source
// has its price, and a class pays the lowest of those that it allows. The
// utility is a source of its own, which only bids without a requirement allow,
// and takes from all; members come before it at equal prices.
//
// allows tells whether a bid may be served by an offer's source; the sources
// of a bid without a requirement are all.
func Required(c Case, allows func(bid grid.Order, source string) bool, requires func(bid grid.Order) bool) (Result, error) {
	m := newTransport(c, allows, requires)
	m.flow()
	return m.result(c)
}

// queue is the orders of a class or a source at one place, best limits first.
type queue struct {
	lots   []lot
	filled []grid.Energy
	next   int // the first that is not filled whole
}

func (q *queue) open() bool { return q.next < len(q.lots) }

func (q *queue) left() grid.Energy { return q.lots[q.next].energy - q.filled[q.next] }

func (q *queue) take(energy grid.Energy) {
	q.filled[q.next] += energy
	if q.left() == 0 {
		q.next++
	}
}

type transport struct {
	classes []queue // bids
	sources []queue // offers
	allowed [][]bool
	flows   [][]grid.Energy // from source to class
}

func newTransport(c Case, allows func(grid.Order, string) bool, requires func(grid.Order) bool) *transport {
	orders := netFitting(c.Orders, func(bid, offer grid.Order) bool { return allows(bid, offer.Source) })
	bySource := map[string][]lot{}
	for _, o := range orders {
		if o.Side == grid.Offer {
			bySource[o.Source] = append(bySource[o.Source], lot{id: o.ID, member: o.Member, limit: o.Price, energy: o.Energy, order: o})
		}
	}
	if c.backed() {
		bySource[utilityName] = []lot{utilityLot(grid.Offer, c.Utility.Retail, c.Utility.Limit)}
	}
	names := make([]string, 0, len(bySource))
	for name := range bySource {
		names = append(names, name)
	}
	slices.Sort(names)
	m := &transport{}
	for _, name := range names {
		lots := bySource[name]
		slices.SortFunc(lots, func(a, b lot) int { return cmp.Or(cmp.Compare(a.limit, b.limit), strings.Compare(a.id, b.id)) })
		m.sources = append(m.sources, queue{lots: lots, filled: make([]grid.Energy, len(lots))})
	}
	m.addClasses(c, orders, names, func(o grid.Order, source string) bool {
		if source == utilityName {
			return !requires(o)
		}
		return allows(o, source)
	})
	return m
}

// addClasses groups the bids by the sources that they allow.
func (m *transport) addClasses(c Case, orders []grid.Order, names []string, allows func(grid.Order, string) bool) {
	byClass := map[string][]lot{}
	add := func(l lot, allows func(string) bool) {
		key := make([]byte, len(names))
		for i, name := range names {
			key[i] = '0'
			if allows(name) {
				key[i] = '1'
			}
		}
		byClass[string(key)] = append(byClass[string(key)], l)
	}
	for _, o := range orders {
		if o.Side == grid.Bid {
			add(lot{id: o.ID, member: o.Member, limit: o.Price, energy: o.Energy, order: o}, func(s string) bool { return allows(o, s) })
		}
	}
	if c.backed() { // it does not buy from itself
		add(utilityLot(grid.Bid, c.Utility.FeedIn, c.Utility.Limit), func(s string) bool { return s != utilityName })
	}
	keys := make([]string, 0, len(byClass))
	for key := range byClass {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	for _, key := range keys {
		lots := byClass[key]
		// The utility comes after members at equal prices.
		slices.SortFunc(lots, func(a, b lot) int {
			return cmp.Or(cmp.Compare(b.limit, a.limit), cmp.Compare(a.utility(), b.utility()), strings.Compare(a.id, b.id))
		})
		m.classes = append(m.classes, queue{lots: lots, filled: make([]grid.Energy, len(lots))})
		allowed := make([]bool, len(names))
		for i := range names {
			allowed[i] = key[i] == '1'
		}
		m.allowed = append(m.allowed, allowed)
		m.flows = append(m.flows, make([]grid.Energy, len(names)))
	}
}

// flow augments along the path of the largest gain until none is left.
func (m *transport) flow() {
	for {
		var best path
		for class := range m.classes {
			if m.classes[class].open() {
				if p := m.reach(class); p.better(best) {
					best = p
				}
			}
		}
		if best.steps == nil {
			return
		}
		m.push(best)
	}
}

// path leads from a class over sources and, backwards, over the classes that
// they serve, to a source with energy left: class, source, class, … source.
type path struct {
	gain  grid.Price
	tie   int // utility orders on it: members come first
	steps []int
}

func (p path) better(q path) bool {
	if p.steps == nil || p.gain < 0 {
		return false
	}
	if q.steps == nil || p.gain != q.gain {
		return q.steps == nil || p.gain > q.gain
	}
	return p.tie < q.tie || p.tie == q.tie && len(p.steps) < len(q.steps)
}

// reach finds the cheapest source for the next bid of a class, breadth first.
func (m *transport) reach(class int) (best path) {
	bid := m.classes[class].lots[m.classes[class].next]
	seen := make([]bool, len(m.sources))
	paths := [][]int{{class}}
	for len(paths) > 0 {
		p := paths[0]
		paths = paths[1:]
		for s, ok := range m.allowed[p[len(p)-1]] {
			if !ok || seen[s] {
				continue
			}
			seen[s] = true
			here := append(slices.Clone(p), s)
			if q := &m.sources[s]; q.open() {
				o := q.lots[q.next]
				found := path{gain: bid.limit - o.limit, tie: bid.utility() + o.utility(), steps: here}
				if found.better(best) {
					best = found
				}
			}
			for k := range m.classes {
				if m.flows[k][s] > 0 {
					paths = append(paths, append(slices.Clone(here), k))
				}
			}
		}
	}
	return best
}

// push sends as much as fits along a path.
func (m *transport) push(p path) {
	from, to := &m.classes[p.steps[0]], &m.sources[p.steps[len(p.steps)-1]]
	energy := min(from.left(), to.left())
	for i := 2; i < len(p.steps); i += 2 {
		energy = min(energy, m.flows[p.steps[i]][p.steps[i-1]])
	}
	for i := 0; i+1 < len(p.steps); i += 2 {
		m.flows[p.steps[i]][p.steps[i+1]] += energy
		if i > 0 {
			m.flows[p.steps[i]][p.steps[i-1]] -= energy
		}
	}
	from.take(energy)
	to.take(energy)
}

// bound is an interval of prices.
type bound struct{ low, high grid.Price }

const (
	lowest  = grid.Price(math.MinInt64 / 4)
	highest = grid.Price(math.MaxInt64 / 4)
)

// prices returns those of the sources: every bound of an order holds, a class
// pays no more than any source that it allows, and what serves it costs that.
// The lowest and the highest such prices are found by relaxation.
func (m *transport) prices(k int64) []*grid.Price {
	sources, classes := make([]bound, len(m.sources)), make([]bound, len(m.classes))
	for i := range m.sources {
		last, next := m.sources[i].margin()
		sources[i] = bounds(last, next)
	}
	for i := range m.classes {
		last, next := m.classes[i].margin()
		classes[i] = bounds(next, last)
	}
	for changed := true; changed; {
		changed = false
		relax := func(a, b *bound) { // a ≤ b
			if b.high < a.high {
				a.high, changed = b.high, true
			}
			if a.low > b.low {
				b.low, changed = a.low, true
			}
		}
		for c := range classes {
			for s, ok := range m.allowed[c] {
				if ok {
					relax(&classes[c], &sources[s])
				}
				if m.flows[c][s] > 0 {
					relax(&sources[s], &classes[c])
				}
			}
		}
	}
	prices := make([]*grid.Price, len(sources))
	for s, b := range sources {
		switch {
		case b.low != lowest && b.high != highest:
			prices[s] = new(Between(b.low, b.high, k))
		case b.low != lowest:
			prices[s] = new(b.low)
		case b.high != highest:
			prices[s] = new(b.high)
		}
	}
	return prices
}

// margin returns the worst limit that is filled at all and the best that is not
// filled whole; nil is none.
func (q *queue) margin() (last, next *grid.Price) {
	for i, l := range q.lots {
		if q.filled[i] > 0 {
			last = &l.limit
		}
	}
	if q.open() {
		next = &q.lots[q.next].limit
	}
	return last, next
}

func bounds(low, high *grid.Price) bound {
	b := bound{lowest, highest}
	if low != nil {
		b.low = *low
	}
	if high != nil {
		b.high = *high
	}
	return b
}

// result shares out what is marginal and pairs what flows.
func (m *transport) result(c Case) (Result, error) {
	prices := m.prices(c.K)
	for _, queues := range [][]queue{m.classes, m.sources} {
		for i := range queues {
			if err := queues[i].share(); err != nil {
				return Result{}, err
			}
		}
	}
	var r Result
	for class := range m.classes {
		for source, energy := range m.flows[class] {
			for _, t := range pairOff(&m.classes[class], &m.sources[source], energy) {
				price := *prices[source]
				r.Trades = append(r.Trades, Trade{t.Bid, t.Offer, t.Energy, price, price})
			}
		}
	}
	return r.ordered(), nil
}

// share lets members at the margin have energy pro rata instead of in turn.
func (q *queue) share() error {
	last, _ := q.margin()
	if last == nil {
		return nil
	}
	at := func(l lot) bool { return l.limit == *last && l.utility() == 0 }
	first := slices.IndexFunc(q.lots, at)
	if first < 0 {
		return nil
	}
	end := first
	var energy grid.Energy
	for ; end < len(q.lots) && at(q.lots[end]); end++ {
		energy += q.filled[end]
	}
	return prorate(q.filled[first:end], q.lots[first:end], energy)
}

// pairOff joins filled bids with filled offers, both by id, and takes what it
// joins from them.
func pairOff(class, source *queue, energy grid.Energy) (pairs []Pair) {
	bids, offers := class.byID(), source.byID()
	for b, o := 0, 0; energy > 0; {
		bid, offer := &class.filled[bids[b]], &source.filled[offers[o]]
		part := min(energy, *bid, *offer)
		if part > 0 {
			pairs = append(pairs, Pair{class.lots[bids[b]].id, source.lots[offers[o]].id, part})
			*bid -= part
			*offer -= part
			energy -= part
		}
		if *bid == 0 {
			b++
		} else if *offer == 0 {
			o++
		}
	}
	return pairs
}

func (q *queue) byID() []int {
	order := make([]int, len(q.lots))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return strings.Compare(q.lots[a].id, q.lots[b].id) })
	return order
}
