package matching

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/matching/book"
)

// The saved state of an engine. It names accounts and products by their
// numbers, never by places in slabs, so that equal markets save equal bytes.
type (
	savedEngine struct {
		Rules    string // digest
		Seq      uint64
		Accounts []savedAccount
		Members  []savedMember
		Products []savedProduct // by label
		Blocks   []savedBlock   // the oldest first
		Quotes   *Quotes        `json:",omitempty"` // nil: those of the rules
		Trading  Trading        `json:",omitzero"`  // of products that are opened next
	}
	savedAccount struct {
		Member, Node   uint32
		Used, Followed bool
		Limit          [2]int64
	}
	savedMember struct {
		Prepaid           bool
		Missing           grid.Price
		Balance, Reserved grid.Money
	}
	savedProduct struct {
		Label    uint32
		Open     bool
		Holdings []savedHolding // by account
		Orders   []savedOrder   // by zone and side, in priority
		Sold     []int64        `json:",omitempty"`
		Quotes   *Quotes        `json:",omitempty"` // nil: those of the rules
		Trading  Trading        `json:",omitzero"`
	}
	savedHolding struct {
		Account  uint32
		Position int64
		Open     [2]int64
		Reserved grid.Money
	}
	savedOrder struct {
		ID      uint64
		Zone    uint32
		Side    grid.Side
		Account uint32
		Tick    uint32
		Energy  uint32
	}
	savedBlock struct {
		ID             uint64
		Account        uint32
		First, Periods uint32
		Energy         uint32
		Side           grid.Side
		Price          grid.Price
	}
)

// Snapshot returns the state after the last command.
func (e *Engine) Snapshot() ([]byte, error) {
	s := savedEngine{Rules: e.config.Digest(), Seq: e.seq, Quotes: e.other(e.quotes), Trading: e.trading}
	for _, a := range e.accounts[1:] {
		s.Accounts = append(s.Accounts, savedAccount{a.member, a.node, a.used, a.followed, a.limit})
	}
	for _, m := range e.members[1:] {
		s.Members = append(s.Members, savedMember{m.prepaid, m.missing, m.balance, m.reserved})
	}
	for _, n := range e.labels {
		s.Products = append(s.Products, e.saveProduct(&e.products[n]))
	}
	slices.SortFunc(s.Products, func(a, b savedProduct) int { return cmp.Compare(a.Label, b.Label) })
	for _, b := range e.blocks {
		s.Blocks = append(s.Blocks, savedBlock{b.id, b.account, b.first, b.periods, b.energy, b.side, b.price})
	}
	b, err := json.Marshal(s)
	if err != nil {
		return nil, fmt.Errorf("save the market: %w", err)
	}
	return b, nil
}

func (e *Engine) saveProduct(p *product) savedProduct {
	s := savedProduct{Label: p.label, Open: p.open, Quotes: e.other(p.quotes), Trading: p.trading}
	if slices.ContainsFunc(p.sold, func(wh int64) bool { return wh != 0 }) {
		s.Sold = p.sold
	}
	for n := p.held; n != 0; n = e.holdings.all[n].next {
		h := &e.holdings.all[n]
		s.Holdings = append(s.Holdings, savedHolding{h.account, h.position, h.open, h.reserved})
	}
	slices.SortFunc(s.Holdings, func(a, b savedHolding) int { return cmp.Compare(a.Account, b.Account) })
	for zone, number := range p.books {
		for _, side := range []grid.Side{grid.Bid, grid.Offer} {
			e.books.Walk(number, side, func(tick uint32, o book.Order) bool {
				s.Orders = append(s.Orders, savedOrder{o.ID, uint32(zone), side, e.account(o.Tag), tick, o.Energy})
				return true
			})
		}
	}
	return s
}

// other returns quotes that are not those of the rules.
func (e *Engine) other(q Quotes) *Quotes {
	if q == e.config.quotes() {
		return nil
	}
	return &q
}

// RulesOf returns the digest of the rules under which an engine was saved, empty where the snapshot
// is none.
func RulesOf(snapshot []byte) string {
	var s struct {
		Rules string `json:"rules"`
	}
	if json.Unmarshal(snapshot, &s) != nil {
		return ""
	}
	return s.Rules
}

// Restore returns an engine in a saved state. The rules must be those that it
// was saved under.
func Restore(c Config, snapshot []byte) (*Engine, error) {
	var s savedEngine
	if err := json.Unmarshal(snapshot, &s); err != nil {
		return nil, fmt.Errorf("restore the market: %w", err)
	}
	if s.Rules != c.Digest() {
		return nil, fmt.Errorf("restore the market: %w", ErrOtherRules)
	}
	e, err := New(c)
	if err != nil {
		return nil, err
	}
	e.seq, e.trading = s.Seq, s.Trading
	e.requoted(s)
	for _, a := range s.Accounts {
		if int(a.Node) >= len(e.zones) {
			return nil, fmt.Errorf("restore the market: node %d of the feeder is gone", a.Node)
		}
		e.accounts = append(e.accounts, account{
			member: a.Member, zone: e.zones[a.Node], node: a.Node, used: a.Used, followed: a.Followed, limit: a.Limit,
		})
	}
	for _, m := range s.Members {
		e.members = append(e.members, member{m.Prepaid, m.Missing, m.Balance, m.Reserved})
	}
	for _, p := range s.Products {
		e.restoreProduct(p)
	}
	for _, b := range s.Blocks {
		restored := block{
			id: b.ID, account: b.Account, member: e.accounts[b.Account].member, first: b.First, periods: b.Periods,
			energy: b.Energy, side: b.Side, price: b.Price,
		}
		e.blocks = append(e.blocks, restored)
		for k := range b.Periods {
			p, _ := e.find(b.First + k)
			p.blocks++
		}
	}
	return e, nil
}

// requoted makes room for all prices of a saved engine.
func (e *Engine) requoted(s savedEngine) {
	e.mixed = s.Quotes != nil || slices.ContainsFunc(s.Products, func(p savedProduct) bool { return p.Quotes != nil })
	for _, p := range s.Products {
		if p.Quotes != nil {
			e.widen(p.Quotes.ticks())
		}
	}
	if s.Quotes != nil {
		e.quotes = *s.Quotes
		e.widen(e.quotes.ticks())
	}
}

func (e *Engine) restoreProduct(s savedProduct) {
	usual := e.quotes
	if e.quotes = e.config.quotes(); s.Quotes != nil {
		e.quotes = *s.Quotes
	}
	e.open(&Command{Product: s.Label})
	e.quotes = usual
	e.products[e.labels[s.Label]].trading = s.Trading
	e.seq-- // that was no event
	e.events = e.events[:0]
	n := e.labels[s.Label]
	p := &e.products[n]
	p.sold = s.Sold
	for _, saved := range s.Holdings {
		h := &e.holdings.all[e.holdings.get(saved.Account, p)]
		h.position, h.open, h.reserved = saved.Position, saved.Open, saved.Reserved
	}
	for _, o := range s.Orders {
		e.books.Rest(book.Place{Book: p.books[o.Zone], Side: o.Side, Tick: o.Tick}, book.Order{
			ID: o.ID, Owner: e.accounts[o.Account].member, Tag: e.tag(o.Account, p), Energy: o.Energy,
		})
	}
	if !s.Open {
		for _, b := range p.books {
			e.books.Remove(b)
		}
		p.open, p.books = false, p.books[:0]
	}
}
