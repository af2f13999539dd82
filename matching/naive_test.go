package matching_test

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/matching"
	"github.com/commonwatt/commonwatt/matching/network"
)

// naive is the reference engine: it keeps every order and trade in lists and
// computes whatever it needs to know from them anew.
type naive struct {
	config   matching.Config
	zones    map[uint32]string // by node
	seq      uint64
	events   []matching.Event
	accounts map[uint32]*nAccount
	members  map[uint32]*nMember
	products map[uint32]bool            // open, else closed and reserved
	quotes   map[uint32]matching.Quotes // of products
	next     matching.Quotes            // of one that is opened now
	calls    map[uint32]bool            // products without continuous trade
	onlyCall bool                       // one that is opened now
	orders   []*nOrder                  // that wait, in priority of time
	blocks   []*nOrder
	trades   []nTrade
}

type nAccount struct {
	member, node uint32
	limit        map[grid.Side]grid.Energy
	used         bool // unlimited, not prepaid and has had an order
}

type nMember struct {
	prepaid bool
	missing grid.Price
	balance grid.Money
}

type nOrder struct {
	matching.Command
	left grid.Energy
}

type nTrade struct {
	product, account uint32
	side             grid.Side
	price            grid.Price
	energy           grid.Energy
	called           bool // in a call auction
}

func newNaive(c matching.Config) *naive {
	n := &naive{
		config: c, zones: map[uint32]string{}, accounts: map[uint32]*nAccount{}, members: map[uint32]*nMember{}, products: map[uint32]bool{},
		quotes: map[uint32]matching.Quotes{}, calls: map[uint32]bool{}, next: matching.Quotes{Tick: c.Tick, Floor: c.Floor, Ceiling: c.Ceiling},
	}
	for i, node := range c.Feeder.Nodes {
		n.zones[uint32(i)] = c.Feeder.Zones()[node.ID]
	}
	return n
}

func (n *naive) emit(ev matching.Event) {
	n.seq++
	ev.Seq = n.seq
	n.events = append(n.events, ev)
}

func (n *naive) tell(kind matching.EventKind, c matching.Command, left grid.Energy, why matching.Reason) {
	n.emit(matching.Event{Kind: kind, Order: c.Order, Product: c.Product, Account: c.Account, Side: c.Side, Price: c.Price, Energy: left, Reason: why})
}

func (n *naive) Apply(c *matching.Command) []matching.Event {
	n.events = nil
	why := matching.UnknownCommand
	switch c.Kind {
	case matching.Begin:
		if why = matching.OtherRules; c.Name == n.config.Digest() {
			n.tell(matching.Done, *c, c.Energy, 0)
			why = matching.NoReason
		}
	case matching.Admit:
		why = n.admit(*c)
	case matching.Limit:
		why = n.limit(*c)
	case matching.Fund:
		why = n.fund(*c)
	case matching.Open:
		why = n.open(*c)
	case matching.Submit:
		why = n.submit(*c)
	case matching.Amend: // the market's, of orders that it remembers; the engine is told what is left
	case matching.Replace:
		why = n.replace(*c)
	case matching.Cancel:
		why = n.cancel(*c)
	case matching.Close:
		why = n.close(*c)
	case matching.Release:
		why = n.release(*c)
	case matching.Call:
		why = n.callEarly(*c)
	case matching.Requote:
		why = n.requote(*c)
	case matching.Arrange:
		if why = matching.WrongTrading; c.Name == "calls" || c.Name == "continuous" {
			n.onlyCall = c.Name == "calls"
			n.tell(matching.Done, *c, c.Energy, 0)
			why = matching.NoReason
		}
	}
	if why != matching.NoReason {
		n.tell(matching.Rejected, *c, c.Energy, why)
	}
	return n.events
}

func (n *naive) requote(c matching.Command) matching.Reason {
	q, err := matching.ParseQuotes(c.Name)
	rules := n.config
	rules.Tick, rules.Floor, rules.Ceiling = q.Tick, q.Floor, q.Ceiling
	if err != nil || rules.Validate() != nil {
		return matching.WrongQuotes
	}
	n.next = q
	n.tell(matching.Done, c, c.Energy, 0)
	return matching.NoReason
}

func (n *naive) admit(c matching.Command) matching.Reason {
	switch a := n.accounts[c.Account]; {
	case int(c.Node) >= len(n.config.Feeder.Nodes):
		return matching.UnknownNode
	case c.Account == 0 || c.Member == 0 || int(c.Account) > len(n.accounts)+1 || int(c.Member) > len(n.members)+1:
		return matching.WrongNumber
	case a != nil && (a.member != c.Member || a.node != c.Node):
		return matching.OtherMember
	case a == nil:
		n.accounts[c.Account] = &nAccount{member: c.Member, node: c.Node, limit: map[grid.Side]grid.Energy{}}
	}
	if n.members[c.Member] == nil {
		n.members[c.Member] = &nMember{}
	}
	n.tell(matching.Done, c, c.Energy, 0)
	return matching.NoReason
}

func (n *naive) limit(c matching.Command) matching.Reason {
	switch {
	case n.accounts[c.Account] == nil:
		return matching.UnknownAccount
	case c.Side != grid.Bid && c.Side != grid.Offer:
		return matching.WrongSide
	case c.Energy < 0:
		return matching.WrongEnergy
	}
	if n.accounts[c.Account].used {
		return matching.HasOrders
	}
	n.accounts[c.Account].limit[c.Side] = c.Energy
	n.tell(matching.Done, c, c.Energy, 0)
	return matching.NoReason
}

func (n *naive) fund(c matching.Command) matching.Reason {
	m := n.members[c.Member]
	switch {
	case m == nil:
		return matching.UnknownMember
	case c.Money < 0 || max(c.Price, -c.Price) > 1_000_000_000:
		return matching.WrongMoney
	case (!m.prepaid || m.missing != c.Price) && n.busy(c.Member):
		return matching.HasOrders
	}
	m.prepaid, m.balance, m.missing = true, c.Money, c.Price
	n.tell(matching.Done, c, c.Energy, 0)
	return matching.NoReason
}

func (n *naive) use(account uint32) {
	a := n.accounts[account]
	a.used = a.used || len(a.limit) == 0 && !n.members[a.member].prepaid
}

// busy tells whether a member has waiting orders, or a position in a product.
func (n *naive) busy(member uint32) bool {
	for _, a := range n.accounts {
		if a.member == member && a.used {
			return true
		}
	}
	for _, o := range slices.Concat(n.orders, n.blocks) {
		if n.accounts[o.Account].member == member {
			return true
		}
	}
	positions := map[[2]uint32]grid.Energy{}
	for _, t := range n.trades {
		if n.accounts[t.account].member == member {
			positions[[2]uint32{t.account, t.product}] += signed(t)
		}
	}
	for _, p := range positions {
		if p != 0 {
			return true
		}
	}
	return false
}

func signed(t nTrade) grid.Energy {
	if t.side == grid.Offer {
		return -t.energy
	}
	return t.energy
}

func (n *naive) open(c matching.Command) matching.Reason {
	if _, known := n.products[c.Product]; known {
		return matching.AlreadyOpen
	}
	n.products[c.Product], n.quotes[c.Product], n.calls[c.Product] = true, n.next, n.onlyCall
	n.tell(matching.Opened, c, c.Energy, 0)
	return matching.NoReason
}

func (n *naive) find(id uint64) *nOrder {
	for _, o := range slices.Concat(n.orders, n.blocks) {
		if o.Order == id {
			return o
		}
	}
	return nil
}

func (n *naive) misquoted(c matching.Command) matching.Reason {
	q := n.quotes[c.Product]
	switch {
	case c.Energy <= 0 || c.Energy > 1<<32-1:
		return matching.WrongEnergy
	case c.Price < q.Floor || c.Price > q.Ceiling:
		return matching.OutsideCollar
	case c.Price%q.Tick != 0:
		return matching.OffTick
	}
	return matching.NoReason
}

func (n *naive) refuse(c matching.Command) matching.Reason {
	switch {
	case n.accounts[c.Account] == nil:
		return matching.UnknownAccount
	case c.Side != grid.Bid && c.Side != grid.Offer:
		return matching.WrongSide
	case c.Validity > matching.FillOrKill:
		return matching.WrongValidity
	}
	if why := n.misquoted(c); why != matching.NoReason {
		return why
	}
	if n.find(c.Order) != nil {
		return matching.DuplicateOrder
	}
	return matching.NoReason
}

// periods of an order: 1 unless it is a block.
func periods(c matching.Command) uint32 { return max(uint32(c.Periods), 1) }

func covers(c matching.Command, product uint32) bool {
	return product >= c.Product && product-c.Product < periods(c)
}

// aboveLimit adds up everything that the metering point would have to carry.
func (n *naive) aboveLimit(c matching.Command, product uint32) bool {
	limit, limited := n.accounts[c.Account].limit[c.Side]
	sum := c.Energy
	for _, o := range slices.Concat(n.orders, n.blocks) {
		if o.Account == c.Account && o.Side == c.Side && covers(o.Command, product) {
			sum += o.left
		}
	}
	for _, t := range n.trades {
		switch {
		case t.account != c.Account || t.product != product:
		case t.side == c.Side:
			sum += t.energy
		default:
			sum -= t.energy
		}
	}
	return limited && sum > limit
}

// aboveBalance adds up the worst of everything that the member has not settled.
func (n *naive) aboveBalance(c matching.Command) bool {
	member := n.accounts[c.Account].member
	if !n.members[member].prepaid {
		return false
	}
	sum := grid.Money(periods(c)) * n.worst(member, c.Side, c.Price, c.Energy)
	for _, o := range slices.Concat(n.orders, n.blocks) {
		if n.accounts[o.Account].member == member {
			sum += grid.Money(periods(o.Command)) * n.worst(member, o.Side, o.Price, o.left)
		}
	}
	for _, t := range n.trades {
		if n.accounts[t.account].member == member {
			sum += n.worst(member, t.side, t.price, t.energy)
		}
	}
	return sum > n.members[member].balance
}

func (n *naive) worst(member uint32, side grid.Side, price grid.Price, energy grid.Energy) grid.Money {
	if side == grid.Offer {
		price = n.members[member].missing - price
	}
	if price <= 0 {
		return 0
	}
	cost := int64(price) * int64(energy)
	if cost%1000 > 0 {
		cost += 1000
	}
	return grid.Money(cost / 1000)
}

func (n *naive) zone(account uint32) string { return n.zones[n.accounts[account].node] }

// opposite lists the orders that an order may meet in a product, in priority,
// the member's own included.
func (n *naive) opposite(c matching.Command, product uint32, atAnyPrice bool) []*nOrder {
	var all []*nOrder
	for _, o := range n.orders {
		meets := o.Side == grid.Bid && o.Price >= c.Price || o.Side == grid.Offer && o.Price <= c.Price
		if o.Product == product && o.Side != c.Side && n.zone(o.Account) == n.zone(c.Account) && (atAnyPrice || meets) {
			all = append(all, o)
		}
	}
	slices.SortStableFunc(all, func(a, b *nOrder) int {
		if c.Side == grid.Bid {
			return cmp.Compare(a.Price, b.Price)
		}
		return cmp.Compare(b.Price, a.Price)
	})
	return all
}

// couldFill returns how much of the order would be filled, and its cost.
func (n *naive) couldFill(c matching.Command, product uint32, atAnyPrice bool) (filled grid.Energy, cost int64) {
	for _, o := range n.opposite(c, product, atAnyPrice) {
		if filled == c.Energy || n.accounts[o.Account].member == n.accounts[c.Account].member {
			break
		}
		part := min(o.left, c.Energy-filled)
		filled += part
		cost += int64(part) * int64(o.Price)
	}
	return filled, cost
}

func (n *naive) submit(c matching.Command) matching.Reason {
	if c.Periods > 1 {
		return n.submitBlock(c)
	}
	if !n.products[c.Product] {
		return matching.NotOpen
	}
	if why := n.refuse(c); why != matching.NoReason {
		return why
	}
	if n.calls[c.Product] && c.Validity != matching.GoodTillGate {
		return matching.OnlyCalls
	}
	n.use(c.Account)
	if n.aboveLimit(c, c.Product) {
		return matching.AboveLimit
	}
	if n.aboveBalance(c) {
		return matching.AboveBalance
	}
	n.tell(matching.Accepted, c, c.Energy, 0)
	if filled, _ := n.couldFill(c, c.Product, false); c.Validity == matching.FillOrKill && filled < c.Energy {
		n.tell(matching.Cancelled, c, c.Energy, matching.NotFillable)
		return matching.NoReason
	}
	n.enter(c)
	return matching.NoReason
}

func (n *naive) enter(c matching.Command) {
	if n.calls[c.Product] {
		n.orders = append(n.orders, &nOrder{c, c.Energy})
		return
	}
	left, stopped := n.match(c, c.Product, false)
	switch {
	case stopped:
		n.tell(matching.Cancelled, c, left, matching.OwnOrder)
	case left > 0 && c.Validity == matching.GoodTillGate:
		n.orders = append(n.orders, &nOrder{c, left})
		n.tryBlocks(c.Product)
	case left > 0:
		n.tell(matching.Cancelled, c, left, matching.Unfilled)
	}
}

func (n *naive) match(c matching.Command, product uint32, atAnyPrice bool) (left grid.Energy, stopped bool) {
	left = c.Energy
	for _, o := range n.opposite(c, product, atAnyPrice) {
		if left == 0 {
			break
		}
		if n.accounts[o.Account].member == n.accounts[c.Account].member {
			return left, true
		}
		part := min(left, o.left)
		left -= part
		o.left -= part
		n.trade(c, o.Command, product, part, o.Price, o.Price)
		n.prune()
	}
	return left, false
}

// trade is between an order and the one that waited, at the prices of bid and
// offer.
func (n *naive) trade(c, maker matching.Command, product uint32, energy grid.Energy, pays, gets grid.Price) {
	price := map[grid.Side]grid.Price{grid.Bid: pays, grid.Offer: gets}
	for _, o := range []matching.Command{c, maker} {
		n.trades = append(n.trades, nTrade{product: product, account: o.Account, side: o.Side, price: price[o.Side], energy: energy})
	}
	n.emit(matching.Event{
		Kind: matching.Traded, Order: c.Order, Account: c.Account, Side: c.Side, Maker: maker.Order, MakerAccount: maker.Account,
		Price: pays, OfferPrice: gets, Energy: energy, Product: product,
	})
}

func (n *naive) prune() {
	n.orders = slices.DeleteFunc(n.orders, func(o *nOrder) bool { return o.left == 0 })
}

func (n *naive) submitBlock(c matching.Command) matching.Reason {
	for product := c.Product; covers(c, product); product++ {
		waiting := 0
		for _, b := range n.blocks {
			if covers(b.Command, product) {
				waiting++
			}
		}
		if !n.products[product] {
			return matching.WrongPeriods
		}
		if n.quotes[product] != n.quotes[c.Product] {
			return matching.OtherQuotes
		}
		if waiting >= 64 {
			return matching.BlocksFull
		}
	}
	if why := n.refuse(c); why != matching.NoReason {
		return why
	}
	n.use(c.Account)
	for product := c.Product; covers(c, product); product++ {
		if n.aboveLimit(c, product) {
			return matching.AboveLimit
		}
	}
	if n.members[n.accounts[c.Account].member].prepaid {
		return matching.NoPrepaidBlocks
	}
	for product := c.Product; covers(c, product); product++ {
		if n.calls[product] {
			return matching.OnlyCalls
		}
	}
	n.tell(matching.Accepted, c, c.Energy, 0)
	switch {
	case n.try(c):
	case c.Validity != matching.GoodTillGate:
		n.tell(matching.Cancelled, c, c.Energy, matching.NotFillable)
	default:
		n.blocks = append(n.blocks, &nOrder{c, c.Energy})
	}
	return matching.NoReason
}

func (n *naive) try(c matching.Command) bool {
	var cost int64
	for product := c.Product; covers(c, product); product++ {
		filled, part := n.couldFill(c, product, true)
		if filled < c.Energy {
			return false
		}
		cost += part
	}
	limit := int64(c.Price) * int64(c.Energy) * int64(c.Periods)
	if c.Side == grid.Bid && cost > limit || c.Side == grid.Offer && cost < limit {
		return false
	}
	for product := c.Product; covers(c, product); product++ {
		n.match(c, product, true)
	}
	return true
}

func (n *naive) tryBlocks(product uint32) {
	for _, b := range slices.Clone(n.blocks) {
		if covers(b.Command, product) && n.try(b.Command) {
			n.blocks = slices.DeleteFunc(n.blocks, func(o *nOrder) bool { return o == b })
		}
	}
}

func (n *naive) replace(c matching.Command) matching.Reason {
	o := n.find(c.Order)
	switch {
	case o == nil || c.Account != 0 && o.Account != c.Account:
		return matching.UnknownOrder
	case o.Periods > 1:
		return matching.NotABlocksBusiness
	}
	c.Product = o.Product
	if why := n.misquoted(c); why != matching.NoReason {
		return why
	}
	anew := o.Command
	anew.Price, anew.Energy = c.Price, c.Energy
	if anew.Price == o.Price && anew.Energy <= o.left {
		o.Command, o.left = anew, anew.Energy
		n.tell(matching.Replaced, anew, anew.Energy, 0)
		return matching.NoReason
	}
	before := n.orders
	n.orders = slices.DeleteFunc(slices.Clone(n.orders), func(x *nOrder) bool { return x == o })
	why := matching.NoReason
	if n.aboveLimit(anew, anew.Product) {
		why = matching.AboveLimit
	} else if n.aboveBalance(anew) {
		why = matching.AboveBalance
	}
	if why != matching.NoReason {
		n.orders = before
		return why
	}
	n.tell(matching.Replaced, anew, anew.Energy, 0)
	n.enter(anew)
	return matching.NoReason
}

func (n *naive) cancel(c matching.Command) matching.Reason {
	o := n.find(c.Order)
	if o == nil || c.Account != 0 && o.Account != c.Account {
		return matching.UnknownOrder
	}
	is := func(x *nOrder) bool { return x == o }
	n.orders, n.blocks = slices.DeleteFunc(n.orders, is), slices.DeleteFunc(n.blocks, is)
	by := matching.ByMember
	if c.Account == 0 {
		by = matching.ByOperator
	}
	n.tell(matching.Cancelled, o.Command, o.left, by)
	return matching.NoReason
}

func (n *naive) close(c matching.Command) matching.Reason {
	if !n.products[c.Product] {
		return matching.NotOpen
	}
	for _, b := range slices.Clone(n.blocks) {
		if covers(b.Command, c.Product) {
			n.blocks = slices.DeleteFunc(n.blocks, func(x *nOrder) bool { return x == b })
			n.tell(matching.Expired, b.Command, b.left, matching.GateClosed)
		}
	}
	waiting, volume, price := n.call(c)
	for _, id := range slices.Sorted(maps.Keys(waiting)) {
		if x := waiting[id]; x.left > 0 {
			n.tell(matching.Expired, x.Command, x.left, matching.GateClosed)
		}
	}
	n.orders = slices.DeleteFunc(n.orders, func(o *nOrder) bool { return o.Product == c.Product })
	c.Price = price
	n.tell(matching.Cleared, c, volume, 0)
	n.products[c.Product] = false
	if !n.owed(c.Product) {
		n.forget(c.Product)
	}
	return matching.NoReason
}

func (n *naive) callEarly(c matching.Command) matching.Reason {
	if !n.products[c.Product] {
		return matching.NotOpen
	}
	_, volume, price := n.call(c)
	c.Price = price
	n.tell(matching.Called, c, volume, 0)
	return matching.NoReason
}

// call clears what waits for a product, and returns it by number.
func (n *naive) call(c matching.Command) (waiting map[string]*nOrder, volume grid.Energy, price grid.Price) {
	waiting = map[string]*nOrder{}
	var orders []grid.Order
	for _, o := range n.orders {
		if o.Product == c.Product {
			id := fmt.Sprintf("%020d", o.Order)
			waiting[id] = o
			orders = append(orders, grid.Order{
				ID: id, Member: fmt.Sprint(n.accounts[o.Account].member), Node: n.nodeOf(o.Account), Side: o.Side, Energy: o.left, Price: o.Price,
			})
		}
	}
	clearing, err := network.ClearPaired(network.Case{Feeder: n.config.Feeder, Orders: orders, Committed: n.committed(c.Product), K: network.Half})
	if err != nil {
		panic(err)
	}
	for _, p := range clearing.Pairs {
		bid, offer := waiting[p.Bid], waiting[p.Offer]
		n.trade(bid.Command, offer.Command, c.Product, p.Energy, *clearing.Prices[n.nodeOf(bid.Account)], *clearing.Prices[n.nodeOf(offer.Account)])
		n.trades[len(n.trades)-1].called, n.trades[len(n.trades)-2].called = true, true
		bid.left -= p.Energy
		offer.left -= p.Energy
		volume += p.Energy
	}
	n.prune()
	if volume > 0 {
		price = *clearing.Prices[n.config.Feeder.Root()]
	}
	return waiting, volume, price
}

func (n *naive) nodeOf(account uint32) string {
	return n.config.Feeder.Nodes[n.accounts[account].node].ID
}

// committed adds up what earlier calls send over each line.
func (n *naive) committed(product uint32) map[string]grid.Energy {
	flows := map[string]grid.Energy{}
	for _, t := range n.trades {
		if !t.called || t.product != product {
			continue
		}
		for at := n.nodeOf(t.account); at != n.config.Feeder.Root(); {
			flows[at] -= signed(t)
			i := slices.IndexFunc(n.config.Feeder.Nodes, func(x grid.Node) bool { return x.ID == at })
			at = n.config.Feeder.Nodes[i].Parent
		}
	}
	return flows
}

// owed tells whether anything is reserved for the product's trades.
func (n *naive) owed(product uint32) bool {
	for _, t := range n.trades {
		if t.product == product && n.members[n.accounts[t.account].member].prepaid && n.worst(n.accounts[t.account].member, t.side, t.price, t.energy) > 0 {
			return true
		}
	}
	return false
}

func (n *naive) forget(product uint32) {
	delete(n.products, product)
	n.trades = slices.DeleteFunc(n.trades, func(t nTrade) bool { return t.product == product })
}

func (n *naive) release(c matching.Command) matching.Reason {
	if open, known := n.products[c.Product]; !known || open {
		return matching.NotClosed
	}
	n.forget(c.Product)
	n.tell(matching.Done, c, c.Energy, 0)
	return matching.NoReason
}
