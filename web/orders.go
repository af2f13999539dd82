package web

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net/http"
	"strconv"
	"time"

	"golang.org/x/time/rate"

	"github.com/commonwatt/commonwatt/community"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/web/api"
	"github.com/commonwatt/commonwatt/web/auth"
)

// Orders is the market as agents outside see it.
type Orders interface {
	// Submit and Change return when all is durable and applied. After an error
	// nobody knows: asking again is safe.
	Submit(submissions []community.Submission) ([]community.Outcome, error)
	Change(changes []community.Change) ([]community.Outcome, error)
	Find(member, clientID string) (community.Order, bool)
	// Rules are what an order must keep to.
	Rules() api.MarketRules
	// Watch returns the member's orders as they change; the channel is closed
	// when the watcher does not keep up.
	Watch(member string) (changes <-chan community.Order, stop func())
}

// Trader is who may trade for a member.
type Trader struct {
	Name   string // of the agent, for the log
	Member string
	Points func() []string // metering points of the member
	Rate   float64         // orders and changes a second, and up to 1000 of them ahead

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
		e.keys.Grant(key, auth.Principal{Role: auth.Trader, Name: t.Name})
	}
	return e, nil
}

// trader returns who sent a request, nil unless the guard let an agent's key pass.
func (e *OrderEntry) trader(ctx context.Context) *Trader {
	p, known := auth.From(ctx)
	if !known || p.Role != auth.Trader {
		return nil
	}
	return e.traders[p.Name]
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

func (e *OrderEntry) submit(t *Trader, requests []api.OrderRequest) ([]api.OrderAnswer, error) {
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
	outcomes, err := e.orders.Submit(submissions)
	if err != nil {
		return nil, refuse(http.StatusServiceUnavailable, "%s; whether the orders were taken is not known: send them again", err.Error())
	}
	return answers(outcomes), nil
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

func (e *OrderEntry) change(t *Trader, changes []community.Change) ([]community.Outcome, error) {
	if err := t.allow(len(changes)); err != nil {
		return nil, err
	}
	now := e.clock()
	for i := range changes {
		changes[i].Member, changes[i].Time = t.Member, now
	}
	outcomes, err := e.orders.Change(changes)
	if err != nil {
		return nil, refuse(http.StatusServiceUnavailable, "%s; whether the change was taken is not known: look at the order", err.Error())
	}
	return outcomes, nil
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
		Status: api.OrderStatus(o.Status), Filled: int64(o.Filled), Left: int64(o.Left),
	}
	if o.Reason != "" {
		out.Reason = &o.Reason
	}
	return out
}

func (e *OrderEntry) one(t *Trader, c community.Change) (community.Outcome, error) {
	outcomes, err := e.change(t, []community.Change{c})
	if err != nil {
		return community.Outcome{}, err
	}
	if errors.Is(outcomes[0].Err, community.ErrNoOrder) {
		return community.Outcome{}, refuse(http.StatusNotFound, "%s", outcomes[0].Err)
	}
	return outcomes[0], nil
}
