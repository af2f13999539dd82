package web

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net/http"
	"strconv"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/commonwatt/commonwatt/community"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/web/api"
	"github.com/commonwatt/commonwatt/web/auth"
)

// Orders is the market as agents outside see it.
type Orders interface {
	// Begin hands in a request; requests are carried out in the order in which they are
	// handed in. wait returns when all is durable and applied. After an error nobody
	// knows: asking again is safe.
	Begin(r community.Request) (wait func() ([]community.Outcome, error))
	// Rules are what an order must keep to.
	Rules() api.MarketRules
	Standings
}

// Standings are what a member may know of its orders and of the market.
type Standings interface {
	Find(member, clientID string) (community.Order, bool)
	Waiting(member string) []community.Order
	Fills(member string, only *grid.Interval) []community.Fill
	Best(member, point string, i grid.Interval) (community.Best, error)
	// Watch returns the member's orders as they change; the channel is closed
	// when the watcher does not keep up.
	Watch(member string) (changes <-chan community.Order, stop func())
}

// Trader is who may trade for a member.
type Trader struct {
	Name   string // of the agent, for the log
	Member string
	Points func() []string // metering points of the member
	Rate   float64         // orders and replacements a second, and up to 1000 of them ahead

	limiter *rate.Limiter
}

// OrderEntry takes orders from agents outside. Use NewOrderEntry.
type OrderEntry struct {
	community string
	orders    Orders
	clock     func() time.Time   // world time
	traders   map[string]*Trader // by name
	keys      auth.Keys          // of the traders
	checker   checker
	room      func() error             // why nothing is taken; nil: it always is
	still     func(*http.Request) bool // whether the key of a request is good for trading still; nil: it is
	lent      lent
	says      *sayer
	log       *slog.Logger
}

// mostAtOnce is how many orders a request may have.
const mostAtOnce = 1000

// NewOrderEntry returns the order entry of a community for the traders, by their
// keys. Without a trader all is refused.
func NewOrderEntry(name string, orders Orders, clock func() time.Time, traders map[string]Trader, log *slog.Logger) (*OrderEntry, error) {
	c, err := newChecker()
	if err != nil {
		return nil, err
	}
	e := &OrderEntry{community: name, orders: orders, clock: clock, traders: map[string]*Trader{}, keys: auth.Keys{}, checker: c, log: log}
	for key, t := range traders {
		if e.traders[t.Name] != nil {
			return nil, fmt.Errorf("two agents have the name %q", t.Name)
		}
		t.limiter = rate.NewLimiter(rate.Limit(t.Rate), mostAtOnce)
		e.traders[t.Name] = &t
		e.keys.Grant(key, auth.Principal{Role: auth.Trader, Name: t.Name, Member: t.Member}, auth.TraderLooks, auth.TraderLimits)
	}
	return e, nil
}

// trader returns who sent a request, nil unless the guard let an agent's key pass.
func (e *OrderEntry) trader(ctx context.Context) *Trader {
	p, known := auth.From(ctx)
	if !known || p.Role != auth.Trader {
		return nil
	}
	if t := e.traders[p.Name]; t != nil {
		return t
	}
	return e.lent.trader(p.Member)
}

// lent are the traders of members who gave keys to programs of their own: one a member,
// however many keys there are. It is safe for concurrent use.
type lent struct {
	points func(member string) []string // nil: there are none
	rate   float64

	mu  sync.Mutex
	all map[string]*Trader // by member
}

// Lend has members trade by programs of their own, each at a rate of orders a second. It is
// called before anybody trades.
func (e *OrderEntry) Lend(points func(member string) []string, rate float64) {
	e.lent.points, e.lent.rate, e.lent.all = points, rate, map[string]*Trader{}
}

func (l *lent) trader(member string) *Trader {
	if l.points == nil || member == "" {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if t := l.all[member]; t != nil {
		return t
	}
	t := &Trader{
		Name: member + "'s own program", Member: member, Points: func() []string { return l.points(member) }, Rate: l.rate,
		limiter: rate.NewLimiter(rate.Limit(l.rate), mostAtOnce),
	}
	l.all[member] = t
	return t
}

// refusal is an answer that is not 200.
type refusal struct {
	code  int
	text  string
	retry time.Duration // when to come again
}

func (e *refusal) Error() string { return e.text }

func refuse(code int, format string, args ...any) error {
	return &refusal{code: code, text: fmt.Sprintf(format, args...)}
}

// allow counts n orders against the trader's rate.
func (t *Trader) allow(n int) error {
	if n > mostAtOnce {
		return refuse(http.StatusBadRequest, "%d orders: at most %d at once", n, mostAtOnce)
	}
	now := time.Now()
	r := t.limiter.ReserveN(now, n)
	if wait := r.DelayFrom(now); wait > 0 {
		r.CancelAt(now)
		return &refusal{http.StatusTooManyRequests, fmt.Sprintf("more than %g orders a second; try again in %d s", t.Rate, int(math.Ceil(wait.Seconds()))), wait}
	}
	return nil
}

// hasRoom refuses what would have to be kept while there is no room for it. Orders can still
// be taken out of the market.
func (e *OrderEntry) hasRoom() error {
	if e.room == nil {
		return nil
	}
	if err := e.room(); err != nil {
		return &refusal{http.StatusServiceUnavailable, err.Error(), roomAgain}
	}
	return nil
}

// roomAgain is when who was refused for want of room may come again.
const roomAgain = 30 * time.Second

// waits is what a request that was handed in waits for.
type waits func() ([]community.Outcome, error)

// begin hands in a request.
func (e *OrderEntry) begin(r community.Request) waits {
	wait := e.orders.Begin(r)
	return func() ([]community.Outcome, error) {
		outcomes, err := wait()
		if err != nil {
			return nil, refuse(http.StatusServiceUnavailable, "%s; whether it was carried out is not known: ask again", err.Error())
		}
		return outcomes, nil
	}
}

// submit hands in orders.
func (e *OrderEntry) submit(t *Trader, requests []api.OrderRequest) (waits, error) {
	if err := e.hasRoom(); err != nil {
		return nil, err
	}
	if err := t.allow(len(requests)); err != nil {
		return nil, err
	}
	submissions := make([]community.Submission, len(requests))
	now := e.clock()
	for i, r := range requests {
		s, err := e.submission(r, t.Member, now)
		if err != nil {
			return nil, refuse(http.StatusBadRequest, "orders[%d].%s", i, err.Error())
		}
		submissions[i] = s
	}
	return e.begin(community.Request{Submissions: submissions}), nil
}

func (e *OrderEntry) submission(r api.OrderRequest, member string, now time.Time) (community.Submission, error) {
	i, err := grid.ParseInterval(r.Interval)
	if err != nil {
		return community.Submission{}, fmt.Errorf("interval: %w", err)
	}
	s := community.Submission{Product: grid.Product{Community: e.community, Interval: i}, Time: now, Periods: 1, Order: grid.Order{
		ID: r.ClientId, Member: member, Energy: grid.Energy(r.Energy), Price: grid.Price(r.Price),
	}}
	if err := s.Order.Side.UnmarshalText([]byte(r.Side)); err != nil {
		return s, err
	}
	if r.MeteringPoint != nil {
		s.Order.MeteringPoint = *r.MeteringPoint
	}
	if r.Periods != nil {
		if *r.Periods < 1 || *r.Periods > 255 {
			return s, fmt.Errorf("periods: %d: must be from 1 to 255", *r.Periods)
		}
		s.Periods = uint8(*r.Periods)
	}
	if r.Validity != nil {
		if err := s.Validity.UnmarshalText([]byte(*r.Validity)); err != nil {
			return s, err
		}
	}
	return s, nil
}

// replace hands in a replacement.
func (e *OrderEntry) replace(t *Trader, id string, energy, price int64, version *int64) (waits, error) {
	if err := e.hasRoom(); err != nil {
		return nil, err
	}
	if err := t.allow(1); err != nil {
		return nil, err
	}
	c := community.Change{Member: t.Member, ClientID: id, Energy: grid.Energy(energy), Price: grid.Price(price), Time: e.clock()}
	if version != nil {
		if *version < 1 || *version > math.MaxUint32 {
			return nil, refuse(http.StatusBadRequest, "version: %d: must be from 1 to %d", *version, uint32(math.MaxUint32))
		}
		c.Version = uint32(*version)
	}
	return e.begin(community.Request{Changes: []community.Change{c}}), nil
}

// cancel hands in cancellations. No rate holds them up: an order that a key may not take out
// of the market would trap it there.
func (e *OrderEntry) cancel(t *Trader, ids []string) (waits, error) {
	if len(ids) > mostAtOnce {
		return nil, refuse(http.StatusBadRequest, "%d orders: at most %d at once", len(ids), mostAtOnce)
	}
	changes := make([]community.Change, len(ids))
	for i, id := range ids {
		changes[i] = community.Change{Member: t.Member, ClientID: id, Cancel: true, Time: e.clock()}
	}
	return e.begin(community.Request{Changes: changes}), nil
}

// withdraw hands in the cancellation of all, or of all of an interval.
func (e *OrderEntry) withdraw(t *Trader, interval *string) (waits, error) {
	only, err := selected(interval)
	if err != nil {
		return nil, err
	}
	return e.begin(community.Request{Withdrawal: &community.Withdrawal{Member: t.Member, Interval: only, Time: e.clock()}}), nil
}

// selected reads which interval is meant, nil: all.
func selected(interval *string) (*grid.Interval, error) {
	if interval == nil {
		return nil, nil
	}
	i, err := grid.ParseInterval(*interval)
	if err != nil {
		return nil, refuse(http.StatusBadRequest, "%s", err)
	}
	return &i, nil
}

// list returns a member's orders that wait.
func (e *OrderEntry) list(t *Trader, interval *string) ([]api.Order, error) {
	only, err := selected(interval)
	all := []api.Order{}
	for _, o := range e.orders.Waiting(t.Member) {
		if only == nil || *only == o.Product.Interval {
			all = append(all, order(o))
		}
	}
	return all, err
}

// fills returns a member's trades.
func (e *OrderEntry) fills(t *Trader, interval *string) ([]api.Fill, error) {
	only, err := selected(interval)
	all := []api.Fill{}
	for _, f := range e.orders.Fills(t.Member, only) {
		all = append(all, api.Fill{
			Seq: int64(f.Seq), Interval: f.Interval.String(), ClientId: f.ClientID, MeteringPoint: f.MeteringPoint,
			Side: api.FillSide(f.Side.String()), Energy: int64(f.Energy), Price: int64(f.Price),
		})
	}
	return all, err
}

// best returns the best prices at a metering point of a member, and not how much waits at
// them: before the gate a member sees prices and its own orders alone.
func (e *OrderEntry) best(t *Trader, interval string, point *string) (api.BestPrices, error) {
	out := api.BestPrices{Interval: interval}
	i, err := selected(&interval)
	if err != nil {
		return out, err
	}
	if point == nil {
		point = new("")
	}
	b, err := e.orders.Best(t.Member, *point, *i)
	if err != nil {
		return out, refuse(http.StatusBadRequest, "%s", err)
	}
	out.Bid, out.Offer = level(b.Bid), level(b.Offer)
	return out, nil
}

func level(l *community.Level) *api.PriceLevel {
	if l == nil {
		return nil
	}
	return &api.PriceLevel{Price: int64(l.Price)}
}

func answers(outcomes []community.Outcome) []api.OrderAnswer {
	all := make([]api.OrderAnswer, len(outcomes))
	for i, o := range outcomes {
		if o.Err != nil {
			all[i].Error = new(o.Err.Error())
		} else {
			all[i].Order = new(order(o.Order))
		}
	}
	return all
}

func order(o community.Order) api.Order {
	out := api.Order{
		Order: strconv.FormatUint(o.Number, 10), ClientId: o.ClientID, MeteringPoint: o.MeteringPoint, Interval: o.Product.Interval.String(),
		Side: api.OrderSide(o.Side.String()), Energy: int64(o.Energy), Price: int64(o.Limit), Validity: o.Validity.String(), Periods: max(int(o.Periods), 1),
		Status: api.OrderStatus(o.Status), Filled: int64(o.Filled), Left: int64(o.Left), Version: new(int64(o.Version())),
	}
	if mean, some := o.Mean.Price(); some {
		out.FillPrice = new(int64(mean))
	}
	if o.Reason != "" {
		out.Reason = &o.Reason
	}
	return out
}

// one waits for what became of a single order. What is no success is an error: 404 where the
// member has no such order, 409 where the market does not do what was asked for.
func one(wait waits, err error) (community.Outcome, error) {
	if err != nil {
		return community.Outcome{}, err
	}
	outcomes, err := wait()
	if err != nil {
		return community.Outcome{}, err
	}
	switch o := outcomes[0]; {
	case errors.Is(o.Err, community.ErrNoOrder):
		return o, refuse(http.StatusNotFound, "%s", o.Err)
	case o.Err != nil:
		return o, refuse(http.StatusConflict, "%s", o.Err)
	default:
		return o, nil
	}
}
